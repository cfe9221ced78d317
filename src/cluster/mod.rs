//! The simulated cluster.

pub mod calibration;
mod ledger;
