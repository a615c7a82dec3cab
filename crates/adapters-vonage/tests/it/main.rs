//! The adapter against a stand-in of Vonage that shares no code with it.

#![expect(clippy::unwrap_used, reason = "support of tests")]

mod contract;
mod verify;
