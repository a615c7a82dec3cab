//! The HTTP surface, asked over real connections with stand-ins behind it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod admin;
mod answers;
mod bearer;
mod devices;
mod factors;
mod fields;
mod headers;
mod introspection;
mod json;
#[cfg(feature = "governor")]
mod limits;
mod logs;
mod me;
mod metrics;
mod own;
mod pages;
mod passkeys;
mod password;
mod proof_of_work;
mod routing;
mod sessions;
mod support;
mod webhooks;
mod world;
