//! The autoscalers against what the real controllers did.

mod storm;
mod worlds;
