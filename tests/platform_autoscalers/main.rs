//! The autoscalers against what the real controllers did, against what others published, and against the run that calls them.

mod published;
mod storm;
mod worlds;
