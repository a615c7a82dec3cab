//! What tests need of the machine: fresh databases, the service as a process, and providers
//! that are true to their documents.
//!
//! The providers share no code with the adapters, so that each checks the other.
//!
//! A dev-dependency only. Everything here panics with a remedy when the ground
//! for a test cannot be laid: a test that cannot run must not look green.

pub mod authenticator;
pub mod gateway;
pub mod http;
pub mod postgres;
pub mod redis;
pub mod server;
pub mod troubled;
pub mod twilio;
pub mod vonage;
