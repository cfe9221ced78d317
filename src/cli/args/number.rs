//! Numbers among the arguments.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use crate::kernel::words::natural;

/// A number in decimal digits, without the plus sign that `str::parse` lets pass; what is wrong with it otherwise.
pub(super) fn number<N: FromStr<Err = ParseIntError>>(text: &str) -> Result<N, String> {
    if let Some(number) = natural(text) {
        return Ok(number);
    }
    let error = text.parse::<N>().err();
    let why = match error.as_ref().map(ParseIntError::kind) {
        Some(IntErrorKind::Zero) => "it must be at least 1",
        Some(IntErrorKind::PosOverflow) => "it is too large",
        _ => "write decimal digits only",
    };
    Err(why.to_owned())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_number_is_told() {
        let why = |text: &str| number::<NonZeroU64>(text).expect_err("it is wrong");
        assert_eq!(why("0"), "it must be at least 1");
        assert_eq!(why("99999999999999999999"), "it is too large");
        for text in ["+2", "-2", "", "two", "1.0"] {
            assert_eq!(why(text), "write decimal digits only", "{text}");
        }
        assert_eq!(
            number(" 2"),
            Err::<u64, _>("write decimal digits only".to_owned())
        );
        assert_eq!(number("016"), Ok(16_u64));
    }
}
