//! The adapter against a stand-in of Twilio that shares no code with it.

#![expect(clippy::unwrap_used, reason = "support of tests")]

mod contract;
mod messages;
mod verify;
