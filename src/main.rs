//! The `rebsim` binary.
fn main() {}
