//! A local Sinch Verification API, with an inbox instead of a phone network.
//!
//! It answers as the public documentation, the official SDKs and captured
//! traffic say that Sinch does, checks the signature of every request, and
//! keeps what would have been sent where people and tests can read it. It
//! shares no code with the adapter that talks to it, so that the two check each
//! other. Where Sinch publishes no value (how many wrong codes, how long a
//! code lives), [`Settings`] has a field.
//!
//! It must never face the internet: whoever can reach it can read every code.
//!
//! # The Sinch API, under `/verification/v1/verifications`
//!
//! | request | meaning |
//! |---|---|
//! | `POST /` | start a verification |
//! | `PUT /id/{id}`, `PUT /number/{number}` | report the code, or the number that called |
//! | `GET /id/{id}`, `GET /{method}/number/{number}`, `GET /reference/{reference}` | status |
//! | `PATCH /number/{number}` | analytics of the mobile SDKs; read and forgotten |
//!
//! Requests are signed (`Application key:signature`) or carry `Basic`
//! credentials. Errors are `{"errorCode","message","reference"}`.
//!
//! # The Sinch SMS API
//!
//! `POST /xms/v1/{service_plan_id}/batches` sends one text to some numbers, with the API token as
//! `Authorization: Bearer`. Such texts are notices, never codes, and are listed apart.
//!
//! # For people and tests, unsigned
//!
//! | request | meaning |
//! |---|---|
//! | `GET /` | a live page of phones and their messages |
//! | `GET /inbox?number=+46701234567&limit=20` | `{"messages":[{"id","number","channel","code","text","received_at"}]}`, newest first; both parameters are optional; answers `If-None-Match` with 304 |
//! | `GET /notices?number=+46701234567&limit=20` | `{"notices":[{"id","number","channel","text","received_at"}]}`, the texts without codes, in the same way |
//! | `DELETE /inbox` | forget all messages and notices |
//! | `GET /requests?number=+46701234567` | `{"requests":[{"number","starts","messages","reports","statuses"}]}`, how often each number was asked for |
//! | `GET /about` | `{"service_url"}`, where the service that uses this simulator is reached |
//! | `GET /magic-numbers` | the [`MAGIC_NUMBERS`] as JSON |
//! | `POST /faults` | `{"kind":"server_error","on":"start","number":"+46701234567","times":2}`: spoil the next requests; only `kind` is required. Answers 201 with the list |
//! | `GET /faults`, `DELETE /faults` | list or forget the planned faults |
//! | `GET /seamless/{id}` | what a handset would fetch over mobile data: completes a seamless verification |

mod answer;
mod authorization;
mod bounded;
mod callback;
mod chance;
mod clock;
mod error;
mod exchange;
mod fault;
mod http;
mod inbox;
mod ledger;
mod magic;
mod numbering;
mod request;
mod server;
mod settings;
mod signature;
mod verification;
mod wording;

pub use clock::{Clock, SystemClock};
pub use fault::{FaultKind, Operation};
pub use magic::{MAGIC_NUMBERS, MagicNumber};
pub use server::{RunningSimulator, Simulator};
pub use settings::{
    DEVELOPMENT_KEY, DEVELOPMENT_SECRET, DEVELOPMENT_SMS_PLAN, DEVELOPMENT_SMS_TOKEN, Settings,
    WrongCodeAnswer,
};
