//! Results as text: tables, Markdown, CSV, JSON. Pure functions of what was measured; nothing is computed here that is not
//! mere layout.

pub mod assignment;
pub mod fidelity;
pub mod figures;
pub mod recording;
pub mod table;
pub mod text;
