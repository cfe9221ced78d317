//! Sums of rounded-down straight lines, in closed form.

/// The sum of `(slope * i + start) / modulus`, each rounded down, over i of `0..terms`.
///
/// Euclid's algorithm on slope and modulus counts the lattice points under the line: logarithmic in `modulus`, one
/// step when the slope divides it. The caller keeps `(slope % modulus) * terms + modulus` and the result below 2^128.
pub(super) fn floor_sum(
    mut terms: u128,
    mut modulus: u128,
    mut slope: u128,
    mut start: u128,
) -> u128 {
    let mut sum = 0;
    while terms > 0 {
        sum += terms * (terms - 1) / 2 * (slope / modulus) + terms * (start / modulus);
        slope %= modulus;
        start %= modulus;
        let top = slope * terms + start;
        (terms, start) = (top / modulus, top % modulus);
        (modulus, slope) = (slope, modulus);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::floor_sum;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_sum_term_by_term(terms in 0_u128..200, modulus in 1_u128..5_000, slope in 0_u128..9_000, start in 0_u128..99_000) {
            let slow: u128 = (0..terms).map(|i| (slope * i + start) / modulus).sum();
            prop_assert_eq!(floor_sum(terms, modulus, slope, start), slow);
        }
    }
}
