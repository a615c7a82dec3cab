//! The HTTP contract, held against the real binary on each database.
//!
//! Nothing in here knows a line of the service: requests go in through its
//! port, messages are read where a person would, in the simulator's inbox. The
//! client checks every answer against the conventions of the contract and
//! against the served API description, so each test does so too.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test"
)]
#![expect(clippy::disallowed_methods, reason = "the service under test runs by the real clock")]

/// Makes of each scenario one test for each database.
///
/// A scenario that is not named here is never used, which the compiler tells.
macro_rules! on_both_databases {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use crate::client::Database;

            #[test]
            fn on_sqlite() {
                super::$scenario(Database::Sqlite);
            }

            #[test]
            fn on_postgres() {
                super::$scenario(Database::Postgres);
            }
        }
    )+};
}

mod account;
mod admin;
mod blocklist;
mod client;
mod conventions;
mod cors;
mod destinations;
mod devices;
mod enumeration;
mod factors;
mod fraud;
mod introspection;
mod limits;
mod malformed;
mod openapi;
mod otp;
mod pages;
mod passkeys;
mod phone_change;
mod privileges;
mod provider;
mod races;
mod recovery;
mod registration;
mod rotation;
mod sign_in;
mod signing;
mod sinch_callbacks;
mod step_up;
mod tokens;
