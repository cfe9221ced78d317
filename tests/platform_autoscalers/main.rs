//! The autoscalers against what the real controllers did.

mod worlds;
