//! Whoever carries texts to phones and knows nothing of codes.

use std::fmt;

use async_trait::async_trait;
use domain::{PhoneNumber, SendReference};
use jiff::Timestamp;
use secrecy::SecretString;

use crate::StartError;

/// One text for one phone.
#[derive(Clone, Debug)]
pub struct TextMessage {
    /// Our name for it, the same whenever it is sent again.
    pub reference: SendReference,
    pub phone: PhoneNumber,
    /// Most texts hold a code.
    pub text: SecretString,
    /// From then on nobody needs it.
    pub expires_at: Timestamp,
}

/// The gateway's own name for a message that it took, for logs and questions to its support.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageId(pub String);

/// Some gateways put the number into it.
impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageId(…)")
    }
}

/// Carries texts. Answers within a bounded time, whatever the gateway does.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TextMessageGateway: Send + Sync {
    /// Hands a text over, once: within itself it tries again only where that cannot send
    /// twice. Costs money. Whether it reached the phone is not told.
    ///
    /// [`StartError::NotSent`] is said only when certainly nothing was sent; after
    /// [`StartError::Unknown`] it may be on its way. Texts of errors hold neither numbers nor
    /// secrets nor anything of the message.
    async fn send(&self, message: &TextMessage) -> Result<MessageId, StartError>;
}
