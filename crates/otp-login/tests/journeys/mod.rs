//! Everything that people, operators and other programs do with the service.

#![allow(unreachable_pub, reason = "private modules of one test program")]

mod account;
mod factors;
mod operators;
mod run;
mod sign_in;

pub use run::Run;
