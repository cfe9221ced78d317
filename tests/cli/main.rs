//! The program from outside: arguments in, streams, files and exit codes out.

mod charts;
mod determinism;
mod gate;
mod look;
mod readme;
mod reference;
mod support;
mod usage;
