//! [Vonage Verify](https://developer.vonage.com/en/api/verify.v2) v2 behind
//! [`ports::VerificationProvider`].
//!
//! Vonage keeps one request for each number and answers 409 with its id while it lives. A
//! further code therefore begins with cancelling the request before, which is safe: a 409
//! says that nothing was sent. It looks nothing up by a reference of ours, so a start whose
//! answer was lost is not found again; whoever got that message asks for another.
//!
//! Nothing here logs a secret, a code, a telephone number or a text that Vonage wrote.

mod refusal;
mod settings;
mod verify;

pub use settings::{InvalidVonageSettings, VONAGE_BASE_URL, VonageSettings};
pub use verify::VonageVerify;
