//! The simulator over real HTTP, on a free port, with a clock that only tests
//! move.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

mod callbacks;
mod faults;
mod inbox;
mod notices;
mod page;
mod reports;
mod sdks;
mod starts;
mod statuses;
mod support;
