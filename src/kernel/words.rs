//! Whole numbers in text: read from it, and said in it.

use std::fmt::Display;
use std::str::FromStr;

/// The number that `text` is: decimal digits and nothing else. `str::parse` alone lets a plus sign pass.
#[must_use]
pub fn natural<N: FromStr>(text: &str) -> Option<N> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// The same where the number is part of a name, and `orders-03` is not `orders-3`: without zeros before it.
#[must_use]
pub fn ordinal<N: FromStr>(text: &str) -> Option<N> {
    natural(text).filter(|_| text == "0" || !text.starts_with('0'))
}

/// `1 seed`, `2 seeds`
#[must_use]
pub fn counted(number: impl Display, what: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_digits_and_in_a_name_it_begins_with_no_zero() {
        for (text, number, in_name) in [
            ("0", Some(0), Some(0)),
            ("16", Some(16), Some(16)),
            ("016", Some(16), None),
            ("00", Some(0), None),
            ("+2", None, None),
            ("-2", None, None),
            (" 2", None, None),
            ("", None, None),
            ("4294967296", None, None),
        ] {
            assert_eq!(natural::<u32>(text), number, "{text}");
            assert_eq!(ordinal::<u32>(text), in_name, "{text}");
        }
    }

    #[test]
    fn one_is_no_plural() {
        let said = [0, 1, 2].map(|number| counted(number, "seed"));
        assert_eq!(said, ["0 seeds", "1 seed", "2 seeds"]);
    }
}
