//! From text to valid plans. [`load`] reads a scenario, [`plan`] is what it comes to.
//!
//! The way of a text: [`yaml`] makes a located tree; [`files`] lays it over the files that it extends; [`overlay`] makes one
//! document of each variant; [`check`] types it by the tables of [`vocabulary`]; `build` resolves references and
//! defaults. Every step reports all that it finds as [`diagnostic`]s and refuses nothing silently. No file is opened here:
//! texts come from a [`Loader`].

pub mod check;
pub mod code;
pub mod diagnostic;
pub mod document;
pub mod examples;
pub mod files;
pub mod fluid;
pub mod grid;
pub mod kafka;
pub mod manifest;
pub mod matrix;
pub mod merge;
pub mod near;
pub mod node;
pub mod overlay;
pub mod plan;
pub mod profile;
pub mod render;
pub mod resolved;
pub mod scalar;
pub mod schema;
pub mod shape;
pub mod source;
pub mod spec;
pub mod subjects;
pub mod units;
pub mod verbs;
pub mod vocabulary;
pub mod yaml;

mod build;
mod load;
mod places;
#[cfg(test)]
mod pod_tests;
mod setting;

pub use files::{LoadError, Loader, NoFiles};
pub use grid::{Grid, load_grid};
pub use load::{Expectation, Rejected, Scenario, load};
pub use overlay::Overrides;
pub use resolved::canonical_hash;
