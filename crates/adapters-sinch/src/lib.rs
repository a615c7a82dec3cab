//! The [Sinch Verification API](https://developers.sinch.com/docs/verification/)
//! behind [`ports::VerificationProvider`], its callbacks behind [`ports::CallbackVerifier`], and the
//! [Sinch SMS API](https://developers.sinch.com/docs/sms/) behind [`ports::NoticeSender`] and
//! [`ports::TextMessageGateway`].
//!
//! Sinch makes the code, sends it and checks it; this crate translates and
//! believes little. An answer counts only if it is about the verification that
//! was asked about. A start whose answer was lost is looked up under its
//! reference before it is repeated, and repeated under the same reference, so
//! that no message is sent twice.
//!
//! | what can go wrong | what bounds it |
//! |---|---|
//! | the provider hangs | [`Settings::timeout`] for a whole port call, [`Settings::connect_timeout`] for each connection |
//! | many calls hang | at most [`Settings::max_concurrent_calls`] at once; others wait for half of their time at most |
//! | the provider is down | a circuit breaker: after [`Settings::breaker_faults`] faults in a row nobody asks for [`Settings::breaker_open_for`] |
//! | an endless or foreign answer | 64 KiB, no redirects, no proxies, no other host than [`Settings::base_url`] |
//!
//! Nothing here logs a secret, a code, a telephone number or a text that the
//! provider wrote.

mod breaker;
mod callback;
mod check;
mod find;
mod provider;
mod refusal;
mod request;
mod settings;
mod signature;
mod sms;
mod start;
pub mod trace_context;
mod transport;
mod wire;

pub use callback::SinchCallbacks;
pub use provider::SinchVerification;
pub use settings::{Auth, CALLBACK_PATH, InvalidSinchSettings, SINCH_BASE_URL, Settings};
pub use sms::{InvalidSmsSettings, SinchSms, SmsSettings};
