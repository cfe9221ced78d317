//! The command line: the only place with files, streams, environment, wall clock and exit codes.
//!
//! It turns arguments into an [`experiment`](crate::experiment), hands texts to the layers below and writes down what
//! they return. It decides nothing about Kafka, about metrics or about how a number is printed.

mod again;
mod args;
mod assign;
mod baseline;
mod check;
mod exit;
mod explain;
mod export;
mod generate;
mod halted;
mod manifest;
mod output;
mod panic;
mod platform_replay;
mod play;
mod progress;
mod replay;
mod results;
mod seeds;
mod show;
mod source;
mod stored;
mod streams;
mod subject;
mod surroundings;
mod sweep;
mod understand;
mod verbs;

pub use verbs::main;
