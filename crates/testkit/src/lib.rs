//! What tests need of the machine: fresh databases and the service as a process.
//!
//! A dev-dependency only. Everything here panics with a remedy when the ground
//! for a test cannot be laid: a test that cannot run must not look green.

pub mod authenticator;
pub mod postgres;
pub mod server;
