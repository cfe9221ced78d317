//! The fluid mode against the exact one: random groups, shipped scenarios, marks in every output, refusals, work.

#[path = "fluid/groups.rs"]
mod groups;
#[path = "fluid/outputs.rs"]
mod outputs;
#[path = "fluid/table.rs"]
mod table;
