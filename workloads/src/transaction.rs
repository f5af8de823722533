//! A transfer between two balances, without rounding.

use dashu_int::UBig;
use workload::{Failure, workload};

use crate::decimal::{Decimal, POINT_AT, ten_to};

/// Transfers an amount, less a discount in percent, and answers with both new balances.
///
/// The sender pays amount · (100 − discount) / 100 and the receiver gets exactly that. The four
/// decimals have at most 78 digits before the point and 18 after it; the answer is exact and may
/// have up to 38.
#[workload("secure-transaction")]
pub fn transaction(
    sender_balance: Decimal,
    receiver_balance: Decimal,
    amount: Decimal,
    discount: Decimal,
) -> Result<String, Failure> {
    let whole = Decimal::from(100).into_units();
    let discount = discount.into_units();
    if discount > whole {
        return Err(Failure::input(
            "the discount is more than 100 percent: send 0 to 100",
        ));
    }
    let payment = amount.into_units() * (whole - discount);
    let sender = rescaled(sender_balance);
    let receiver = rescaled(receiver_balance);
    if payment > sender {
        return Err(Failure::input(
            "the sender's balance is too small: it does not cover the amount less the discount",
        ));
    }
    Ok(format!(
        "Sender balance = {}, receiver balance = {}",
        text(&(sender - &payment)),
        text(&(receiver + payment)),
    ))
}

/// Digits after the point that a product of two decimals, divided by 100, has.
const EXACT: usize = 2 * POINT_AT + 2;

fn rescaled(balance: Decimal) -> UBig {
    balance.into_units() * ten_to(EXACT - POINT_AT)
}

fn text(units: &UBig) -> String {
    let digits = format!("{:0>width$}", units.to_string(), width = EXACT + 1);
    let (whole, fraction) = digits.split_at(digits.len() - EXACT);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use workload::{Context, FromInput};

    use super::*;

    fn run(inputs: [&str; 4]) -> Result<String, String> {
        let [sender, receiver, amount, discount] =
            inputs.map(|text| Decimal::from_input(text.as_bytes()).unwrap());
        transaction(sender, receiver, amount, discount).map_err(|failure| failure.to_string())
    }

    const OVERDRAFT: &str =
        "the sender's balance is too small: it does not cover the amount less the discount";

    /// Both balances of an answer.
    fn parts(answer: &str) -> (&str, &str) {
        let (sender, receiver) = answer.split_once(", receiver balance = ").unwrap();
        (sender.strip_prefix("Sender balance = ").unwrap(), receiver)
    }

    fn balances(inputs: [&str; 4]) -> (String, String) {
        let answer = run(inputs).unwrap();
        let (sender, receiver) = parts(&answer);
        (sender.to_owned(), receiver.to_owned())
    }

    #[test]
    fn the_sender_pays_the_amount_less_the_discount() {
        assert_eq!(
            run(["100", "100", "50", "50"]).unwrap(),
            "Sender balance = 75, receiver balance = 125"
        );
        assert_eq!(balances(["10", "0", "10", "0"]), ("0".into(), "10".into()));
        assert_eq!(
            balances(["10", "0", "99", "100"]),
            ("10".into(), "0".into())
        );
    }

    #[test]
    fn nothing_is_rounded() {
        assert_eq!(
            balances(["0.3", "0", "0.1", "0"]),
            ("0.2".into(), "0.1".into())
        );
        let least = "0.000000000000000001";
        assert_eq!(
            balances(["1", "0", least, "99.999999999999999999"]),
            (
                format!("0.{}", "9".repeat(38)),
                format!("0.{}1", "0".repeat(37))
            )
        );
    }

    #[test]
    fn an_amount_over_the_balance_passes_if_the_discount_covers_it() {
        assert_eq!(
            balances(["50", "0", "100", "50"]),
            ("0".into(), "50".into())
        );
        assert_eq!(
            run(["50", "0", "100.000000000000000001", "50"]).unwrap_err(),
            OVERDRAFT
        );
    }

    #[test]
    fn inputs_that_do_not_fit_are_refused_by_name() {
        let context = Context::new("worker", "order", "requester");
        let refusal = |text: &str| {
            let answer = (__workload_transaction.run)(&context, &[text.as_bytes()]);
            answer.unwrap_err().to_string()
        };
        assert_eq!(
            refusal("100 100 -50 50"),
            "input `amount`: expected a number that is not negative"
        );
        assert_eq!(
            refusal("100 100 50 -1"),
            "input `discount`: expected a number that is not negative"
        );
        assert_eq!(
            refusal("1e2 100 50 50"),
            "input `sender_balance`: expected a decimal number such as 12.50"
        );
        assert_eq!(
            refusal("100 100 50"),
            "input `discount` (Decimal) is missing"
        );
        assert_eq!(
            refusal("100 100 50 50 50"),
            "the first item has 5 values, but this workload takes 4 inputs"
        );
    }

    #[test]
    fn a_discount_is_at_most_100_percent() {
        assert_eq!(
            run(["100", "100", "50", "100.000000000000000001"]).unwrap_err(),
            "the discount is more than 100 percent: send 0 to 100"
        );
    }

    /// A sum by columns, as on paper: shares no code with the workload.
    fn sum(one: &str, other: &str) -> String {
        let columns = |text: &str| {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            format!("{whole:0>90}{fraction:0<40}").into_bytes()
        };
        let (one, other) = (columns(one), columns(other));
        let mut carry = 0;
        let mut digits = Vec::new();
        for (a, b) in one.iter().zip(&other).rev() {
            let column = a - b'0' + b - b'0' + carry;
            digits.push(b'0' + column % 10);
            carry = column / 10;
        }
        digits.reverse();
        String::from_utf8(digits).unwrap()
    }

    /// A number of ten-thousandths as text, for the oracle.
    fn decimal(ten_thousandths: u128) -> String {
        format!(
            "{}.{:04}",
            ten_thousandths / 10_000,
            ten_thousandths % 10_000
        )
    }

    proptest! {
        #[test]
        fn no_money_is_made_or_lost(
            sender in r"[0-9]{1,78}(\.[0-9]{1,18})?",
            receiver in r"[0-9]{1,78}(\.[0-9]{1,18})?",
            amount in r"[0-9]{1,78}(\.[0-9]{1,18})?|[0-9](\.[0-9]{1,18})?",
            discount in r"[0-9]{1,2}(\.[0-9]{1,18})?|100",
        ) {
            match run([&sender, &receiver, &amount, &discount]) {
                Ok(answer) => {
                    let (left, got) = parts(&answer);
                    prop_assert_eq!(sum(left, got), sum(&sender, &receiver));
                }
                Err(message) => prop_assert_eq!(message, OVERDRAFT),
            }
        }

        #[test]
        fn agrees_with_machine_integers(
            sender in 0..1_000_000_000_u128,
            receiver in 0..1_000_000_000_u128,
            amount in 0..1_000_000_000_u128,
            discount in 0..=1_000_000_u128,
        ) {
            // In units of 10^-10: ten-thousandths times ten-thousandths of a hundredth.
            let payment = amount * (1_000_000 - discount);
            let answer = run([&sender, &receiver, &amount, &discount].map(|n| decimal(*n)).each_ref().map(String::as_str));
            match (sender * 1_000_000).checked_sub(payment) {
                None => prop_assert!(answer.is_err()),
                Some(left) => {
                    let got = receiver * 1_000_000 + payment;
                    let text = |units: u128| {
                        let text = format!("{}.{:010}", units / 10_000_000_000, units % 10_000_000_000);
                        text.trim_end_matches('0').trim_end_matches('.').to_owned()
                    };
                    prop_assert_eq!(
                        answer.unwrap(),
                        format!("Sender balance = {}, receiver balance = {}", text(left), text(got))
                    );
                }
            }
        }
    }
}
