//! The adapter against a server that does what a test tells it to, and against
//! the simulator.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "support of tests")]

mod bounds;
mod check;
mod contract;
mod find;
mod logs;
mod scripted;
mod simulator;
mod sms;
mod start;
mod world;
