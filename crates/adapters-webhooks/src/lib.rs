//! Signed webhooks in the format of [Standard Webhooks](https://www.standardwebhooks.com/)
//! 1.0.0: of events behind [`ports::WebhookSender`], and of text messages to be sent behind
//! [`ports::TextMessageGateway`], so that any gateway can be used without a line of Rust.
//!
//! Every request carries `webhook-id`, `webhook-timestamp` and `webhook-signature`. An answer
//! of 2xx is success, and nothing else is.
//!
//! | what can go wrong | what bounds it |
//! |---|---|
//! | the endpoint hangs | [`Webhooks::TIMEOUT`] for a whole delivery, two seconds for a connection |
//! | an endless answer | its body is not read |
//! | a redirect | is not followed: nothing but the configured URL is ever called |
//!
//! Nothing here logs, and no error holds a secret or a text that an endpoint wrote.

mod endpoint;
mod gateway;
mod message;
mod secret;
mod sender;

pub use endpoint::{Endpoint, InvalidEndpointUrl, parse_url};
pub use gateway::{TextMessageWebhook, WebhookGateway};
pub use reqwest::Url;
pub use secret::{InvalidSecret, Secret};
pub use sender::{TlsUnusable, Webhooks};
