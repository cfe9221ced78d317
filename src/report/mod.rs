//! Results gathered for readers: numbers and verdicts as values and as text. Nothing here asks the run or writes anywhere.

pub mod assignment;
