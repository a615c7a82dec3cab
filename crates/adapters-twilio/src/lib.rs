//! [Twilio Verify](https://www.twilio.com/docs/verify/api) v2 behind
//! [`ports::VerificationProvider`], and
//! [Twilio Messages](https://www.twilio.com/docs/messaging/api/message-resource) behind
//! [`ports::TextMessageGateway`].
//!
//! Twilio keeps one verification for each number of a Verify service, ten minutes long, and
//! repeats its code at every start meanwhile; it knows no references of ours. So a start
//! whose answer was lost is never repeated, and is found by the number. And so the code of one
//! purpose is that of another of the same number within those ten minutes: guesses at it
//! are bounded by Twilio (five) besides our own bounds.
//!
//! Nothing here logs a secret, a code, a telephone number or a text that Twilio wrote.

mod form;
mod messages;
mod refusal;
mod settings;
mod verify;

pub use messages::TwilioMessages;
pub use settings::{
    Credentials, InvalidTwilioSettings, MESSAGES_BASE_URL, MessagesSettings, Sender, VERIFY_BASE_URL,
    VerifySettings,
};
pub use verify::TwilioVerify;
