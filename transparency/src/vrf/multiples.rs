//! Two secret multiples of one point, for what one costs and a half.
//!
//! A number is 64 digits of radix 16 and a carry; its digits are taken in four rows of sixteen, each with a
//! table of small multiples of its own power of the point. Doublings between rows are done once for both
//! numbers, and those within a row for all four rows at once. Selection from tables is constant-time, and
//! nothing else depends on the numbers.

use std::array;

use p256::elliptic_curve::group::Group as _;
use p256::{NistP256, ProjectivePoint, Scalar};
use primeorder::{LookupTable, Radix16Decomposition, Radix16Digits};

const ROWS: usize = 4;
const ROW: usize = 16;
/// The bits of a digit.
const BITS: usize = 4;

/// `point` times each number.
pub(super) fn multiples<const N: usize>(
    point: &ProjectivePoint,
    numbers: [&Scalar; N],
) -> [ProjectivePoint; N] {
    let mut power = *point;
    let tables: [_; ROWS] = array::from_fn(|row| {
        if row > 0 {
            power = doubled(power, BITS * ROW);
        }
        LookupTable::new(power)
    });
    numbers.map(|number| multiple(&tables, number))
}

fn multiple(tables: &[LookupTable<ProjectivePoint>; ROWS], number: &Scalar) -> ProjectivePoint {
    let digits = Radix16Decomposition::<Radix16Digits<NistP256>>::new(number);
    let [.., last] = tables;
    let carry = last.select(digits[ROWS * ROW]);
    (0..ROW).rev().fold(carry, |sum, column| {
        tables
            .iter()
            .enumerate()
            .fold(doubled(sum, BITS), |sum, (row, table)| {
                sum + table.select(digits[ROW * row + column])
            })
    })
}

fn doubled(point: ProjectivePoint, times: usize) -> ProjectivePoint {
    (0..times).fold(point, |point, _| point.double())
}

#[cfg(test)]
mod tests {
    use p256::elliptic_curve::PrimeField as _;
    use proptest::prelude::*;

    use super::*;

    fn check(numbers: [Scalar; 2]) {
        let point = ProjectivePoint::GENERATOR * Scalar::from(7_u64);
        let [a, b] = &numbers;
        assert_eq!(multiples(&point, [a, b]), [point * a, point * b]);
    }

    #[test]
    fn at_the_edges() {
        let large = -Scalar::ONE;
        check([Scalar::ZERO, Scalar::ONE]);
        check([large, large - Scalar::ONE]);
        for digit in [7_u8, 8, 9, 15] {
            // All digits alike: with carries everywhere, and with none.
            let bytes = [digit << 4 | digit; 32];
            let number = Scalar::from_repr(bytes.into()).into_option();
            check([number.unwrap_or(large), Scalar::from(u64::from(digit))]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn as_by_multiplication(a: [u8; 32], b: [u8; 32]) {
            let number = |bytes: [u8; 32]| Scalar::from_repr(bytes.into()).into_option();
            check([number(a).unwrap_or(Scalar::ONE), number(b).unwrap_or(Scalar::ONE)]);
        }
    }
}
