//! The data plane against slower ways of computing the same thing, on random groups.
//!
//! `groups` draws the groups; `steps` plays each of them a second time with every step of every client on the calendar; `slow` holds
//! the run against `records`, which moves every record by itself; `handouts` judges who is handed what; `edges` and `fetching` are single
//! cases; `quiet` draws groups that little happens to, where polls are played many at once.

mod edges;
mod feel;
mod fetching;
mod groups;
mod handouts;
mod quiet;
mod records;
mod slow;
mod steps;
mod traffic;
