//! Fibonacci numbers, exact.

use dashu_int::UBig;
use workload::{Failure, OUTPUT_LIMIT, workload};

/// The last position whose answer is not longer than [`OUTPUT_LIMIT`].
pub const LAST_POSITION: u64 = 5_017_221;

/// Answers with the Fibonacci number at a position, where F(0) = 0 and F(1) = 1.
///
/// The position is a whole number in decimal, with blanks around it, a `+` before it and single
/// `_` between its digits if you like. Answers are exact; the last position is 5017221, whose
/// answer fills the output limit of 1 MiB.
#[workload("python-fib")]
pub fn fibonacci(position: String) -> Result<String, Failure> {
    let position = read(&position)?;
    Ok(answer(position))
}

fn read(text: &str) -> Result<u64, Failure> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let numeric = digits
        .split('_')
        .all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    if !numeric {
        return Err(Failure::input(
            "the position is not a whole number: send one such as 5",
        ));
    }
    let digits = digits.replace('_', "");
    let digits = digits.trim_start_matches('0');
    match (digits, negative) {
        ("", _) => Ok(0),
        (_, true) => Err(Failure::input("the position is negative: send 0 or more")),
        (digits, false) => digits
            .parse()
            .ok()
            .filter(|position| *position <= LAST_POSITION)
            .ok_or_else(|| {
                Failure::input(format!(
                    "the position is too large: the answer would be longer than {OUTPUT_LIMIT} \
                     bytes; send at most {LAST_POSITION}"
                ))
            }),
    }
}

fn answer(position: u64) -> String {
    format!(
        "Fibonacci number at position {position} = {}",
        number(position)
    )
}

/// F(n) by doubling: two numbers side by side, F(k) and F(k + 1), and for each bit of n
/// F(2k) = F(k) · (2 F(k + 1) − F(k)) and F(2k + 1) = F(k)² + F(k + 1)².
fn number(n: u64) -> UBig {
    let (mut low, mut high) = (UBig::ZERO, UBig::ONE);
    for bit in (0..u64::BITS - n.leading_zeros()).rev() {
        let even = &low * ((&high << 1) - &low);
        let odd = low.sqr() + high.sqr();
        (low, high) = if n >> bit & 1 == 1 {
            let next = &even + &odd;
            (odd, next)
        } else {
            (even, odd)
        };
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(position: &str) -> String {
        match fibonacci(position.to_owned()) {
            Err(Failure::Input(message)) => message,
            other => panic!("{position:?} is answered with {other:?}"),
        }
    }

    #[test]
    fn answers_in_the_words_of_the_samples() {
        let answer = |position: &str| fibonacci(position.to_owned()).unwrap();
        assert_eq!(answer("5"), "Fibonacci number at position 5 = 5");
        assert_eq!(answer("0"), "Fibonacci number at position 0 = 0");
        assert_eq!(answer("1"), "Fibonacci number at position 1 = 1");
        assert_eq!(
            answer("100"),
            "Fibonacci number at position 100 = 354224848179261915075"
        );
    }

    #[test]
    fn agrees_with_addition() {
        let (mut low, mut high) = (UBig::ZERO, UBig::ONE);
        for n in 0..1000 {
            assert_eq!(number(n), low, "F({n})");
            (low, high) = (high.clone(), low + high);
        }
    }

    #[test]
    fn reads_what_python_reads() {
        for text in [" 10\n", "+10", "1_0", "0010", "\t+0_1_0 "] {
            assert_eq!(read(text), Ok(10), "{text:?}");
        }
        assert_eq!(read("-0"), Ok(0));
    }

    #[test]
    fn refuses_what_is_no_position() {
        for text in [
            "", " ", "+", "-", "x", "1.0", "1e3", "1__0", "_1", "1_", "+_1", "+ 1", "--1", "5 6",
            "0x10",
        ] {
            assert_eq!(
                refusal(text),
                "the position is not a whole number: send one such as 5",
                "{text:?}"
            );
        }
        assert_eq!(refusal("-1"), "the position is negative: send 0 or more");
    }

    #[test]
    fn answers_up_to_the_output_limit_and_not_beyond() {
        assert_eq!(answer(LAST_POSITION).len(), OUTPUT_LIMIT);
        assert!(answer(LAST_POSITION + 1).len() > OUTPUT_LIMIT);
        assert_eq!(read(&LAST_POSITION.to_string()), Ok(LAST_POSITION));
        for text in ["5017222", "18446744073709551616", &"9".repeat(1000)] {
            assert_eq!(
                refusal(text),
                "the position is too large: the answer would be longer than 1048576 bytes; send \
                 at most 5017221"
            );
        }
    }
}
