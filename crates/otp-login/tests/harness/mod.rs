//! The service as a black box: the real binary between a scripted provider and
//! a database that can be taken away.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test program uses a part of the harness; to each it is a private module"
)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot run must not look green"
)]

mod api;
mod database_proxy;
mod http;
mod leaks;
mod process;
mod provider_proxy;
mod store;
mod world;

pub use api::{Api, Person, Tokens};
pub use database_proxy::{DatabaseProxy, PASSWORD_IN_URL};
pub use http::{Reply, Request, raw_exchange};
pub use leaks::{Secret, leaks};
pub use process::{Ran, SimulatorProcess, binary, command, free_port, run};
pub use provider_proxy::{Operation, ProviderProxy, Rule};
pub use store::{SqliteLock, Store};
pub use world::{Setup, World, eventually, eventually_within};

/// Makes a test for each database out of scenarios that take a [`Store`].
#[macro_export]
macro_rules! on_both_databases {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $scenario() { super::$scenario($crate::harness::Store::Sqlite) })+
        }
        mod postgres {
            $(#[test] fn $scenario() { super::$scenario($crate::harness::Store::Postgres) })+
        }
    };
}
