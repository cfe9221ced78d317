//! The program from outside: arguments in, streams, files and exit codes out.

mod baseline;
mod deploy;
mod determinism;
mod gate;
mod readme;
mod reference;
mod support;
mod sweep;
mod sweep_inputs;
mod usage;
