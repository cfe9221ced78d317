//! The program from outside: arguments in, streams, files and exit codes out.

mod determinism;
mod gate;
mod readme;
mod reference;
mod support;
mod sweep;
mod usage;
