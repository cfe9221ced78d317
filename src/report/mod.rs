//! Results as text: tables, Markdown, CSV, JSON. Pure functions of what was measured; nothing is computed here that is not
//! mere layout.

pub mod annotations;
pub mod assignment;
pub mod baseline;
pub mod blind;
pub mod csv;
pub mod deaths;
pub mod describe;
pub mod explain;
pub mod fidelity;
pub mod figures;
pub mod gantt;
pub mod hpa_world;
pub mod json;
pub mod junit;
pub mod kills;
pub mod loops;
pub mod markdown;
pub mod model;
pub mod ndjson;
pub mod recording;
mod sentences;
pub mod stuck;
pub mod sweep;
pub mod table;
pub mod text;
pub mod verdict;

#[cfg(test)]
mod missing_tests;
#[cfg(test)]
mod summary_tests;
#[cfg(test)]
mod tests;
