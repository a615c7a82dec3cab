//! The HTTP surface: what a request may look like and what is answered.
//!
//! A handler converts, calls one use-case, converts. This crate knows the
//! use-cases and the domain; it knows neither ports nor adapters, so nothing
//! in it can tell which database or provider there is. What a client can see
//! of our failures is in `problem`, what one may send is in `request`, and
//! all routes stand in one table in `routes`.

mod bearer;
mod caller;
mod client;
mod connection;
mod cors;
mod edge;
mod metrics;
mod openapi;
mod operator;
mod problem;
mod proof_of_work;
mod rate_limit_headers;
mod request;
mod request_limit;
mod response;
mod routes;
mod security_headers;
mod server;
mod settings;
pub mod trace_context;
mod unread_body;

#[cfg(feature = "governor")]
mod address_limit;

pub use connection::client_is_gone;
pub use metrics::{MeasuredText, metrics_server};
pub use operator::Operators;
pub use server::{PasskeyUseCases, UseCases, server};
pub use settings::{HttpSettings, InvalidOrigin, Origin};
