//! Rows of a table that may be longer than the machine's memory: each is handed on as soon as it is made.

use std::fmt;

use crate::kernel::SimTime;
use crate::report::table::quote_into;

/// A CSV in the making, by the same rules as [`crate::report::table::Table::csv`].
pub(super) struct Rows<'w> {
    out: &'w mut dyn fmt::Write,
    line: String,
}

impl<'w> Rows<'w> {
    /// Begins a table with the columns of every key, then these.
    pub(super) fn new(out: &'w mut dyn fmt::Write, columns: &[&str]) -> Result<Self, fmt::Error> {
        let line = String::new();
        let mut rows = Self { out, line };
        for title in super::KEY.iter().chain(columns) {
            rows.text(title);
        }
        rows.end()?;
        Ok(rows)
    }

    /// A cell of words.
    pub(super) fn text(&mut self, cell: &str) -> &mut Self {
        quote_into(&mut self.line, cell);
        self.line.push(',');
        self
    }

    /// A cell with a whole number.
    pub(super) fn whole(&mut self, number: u64) -> &mut Self {
        push_digits(&mut self.line, number, 1);
        self.line.push(',');
        self
    }

    /// A cell with microseconds as seconds.
    pub(super) fn seconds(&mut self, micros: u64) -> &mut Self {
        push_digits(&mut self.line, micros / 1_000_000, 1);
        self.line.push('.');
        push_digits(&mut self.line, micros % 1_000_000, 6);
        self.line.push(',');
        self
    }

    /// A cell with an instant.
    pub(super) fn instant(&mut self, at: SimTime) -> &mut Self {
        self.seconds(at.as_micros())
    }

    /// Ends the row and hands it on.
    pub(super) fn end(&mut self) -> fmt::Result {
        self.line.pop();
        self.line.push('\n');
        let written = self.out.write_str(&self.line);
        self.line.clear();
        written
    }
}

/// Adds a number with at least so many digits: tables have tens of millions of them, for which `format!` is slow.
fn push_digits(line: &mut String, number: u64, at_least: usize) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut first) = (number, digits.len());
    while rest > 0 || digits.len() - first < at_least {
        first -= 1;
        digits[first] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    line.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_a_table() {
        let mut text = String::new();
        let mut rows = Rows::new(&mut text, &["a", "b"]).expect("a String takes everything");
        rows.text("x,\"y\"").text("7").text("");
        rows.whole(0).seconds(12_000_500);
        rows.end().expect("a String takes everything");
        rows.whole(u64::MAX).instant(SimTime::from_micros(7));
        rows.end().expect("a String takes everything");
        assert_eq!(
            text,
            "variant,seed,group,a,b\n\"x,\"\"y\"\"\",7,,0,12.000500\n18446744073709551615,0.000007\n"
        );
    }
}
