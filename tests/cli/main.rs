//! The program from outside: arguments in, streams, files and exit codes out.

mod arguments;
mod baseline;
mod baseline_sweep;
mod charts;
mod deploy;
mod determinism;
mod gate;
mod language;
mod look;
mod look_json;
mod readme;
mod reference;
mod support;
mod sweep;
mod sweep_again;
mod sweep_inputs;
mod typed;
mod usage;
