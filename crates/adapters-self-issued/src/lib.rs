//! Codes of our own, carried by any [`ports::TextMessageGateway`], behind
//! [`ports::VerificationProvider`].
//!
//! A code is computed, not stored: six digits cut from HMAC-SHA-256, under a key of this
//! purpose, of the reference of the send, the channel and the number (as RFC 4226 cuts its
//! codes from a counter). References are unique, so codes are, and without the key they are
//! as good as random. Nothing has to be kept, so replicas need not talk, and a send whose
//! answer was lost is found by computing it again.
//!
//! | promise | who keeps it |
//! |---|---|
//! | the code of another send, number or channel is wrong | the computation |
//! | a code ends | the reference tells when it was sent; the challenge ends no later |
//! | a code that a newer message replaced is of no use | the challenge store, which checks the last send only |
//! | a code signs in once | the challenge store: redeeming deletes the verification |
//! | five guesses | the challenge store, before anything is compared |

mod key;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Channel, Code, PhoneNumber, ProductName, ProviderId, SendReference, SiteHost, code_text};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Clock, CodeCheck, CodeRequest, NotSent, ProviderFault, StartError, StartedVerification, TextMessage,
    TextMessageGateway, VerificationProvider,
};
use uuid::Uuid;

pub use self::key::CodeKey;

/// Makes codes and checks them by itself; a gateway carries them.
pub struct SelfIssued {
    pub gateway: Arc<dyn TextMessageGateway>,
    pub clock: Arc<dyn Clock>,
    pub key: CodeKey,
    /// How texts call us.
    pub product: ProductName,
    /// The site that codes are typed into, if texts shall name it.
    pub site: Option<SiteHost>,
    /// How long a code lives at most: as long as a challenge.
    pub life: SignedDuration,
}

impl SelfIssued {
    /// `key-reference`: tells which key made the code, so that those of a key that was replaced
    /// are gone, not wrong.
    fn id(&self, reference: SendReference) -> ProviderId {
        ProviderId(format!("{}-{}", self.key.id(), reference.0.simple()))
    }

    /// The reference of an id that the present key made.
    fn reference(&self, id: &ProviderId) -> Option<SendReference> {
        let (key, reference) = id.0.split_once('-')?;
        (key == self.key.id()).then(|| Uuid::try_parse(reference).ok().map(SendReference))?
    }

    /// When the code of `reference` ends; `None` for one that holds no time.
    fn ends_at(&self, reference: SendReference) -> Option<Timestamp> {
        let (seconds, nanos) = reference.0.get_timestamp()?.to_unix();
        let sent_at = Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()?;
        sent_at.checked_add(self.life).ok()
    }
}

#[async_trait]
impl VerificationProvider for SelfIssued {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let CodeRequest { reference, phone, channel, locale, life, .. } = request;
        if *channel != Channel::Sms {
            return Err(not_sent("codes of our own travel by text message only"));
        }
        if self.ends_at(*reference).is_none() {
            return Err(not_sent("the reference of a send must be a UUIDv7"));
        }
        let code = self.key.code(*reference, phone, *channel);
        let message = TextMessage {
            reference: *reference,
            phone: phone.clone(),
            text: code_text(&self.product, self.site.as_ref(), &code, locale.as_ref()),
            expires_at: self.clock.now().checked_add(*life).unwrap_or(Timestamp::MAX),
        };
        self.gateway.send(&message).await?;
        Ok(self.id(*reference))
    }

    async fn find(
        &self,
        reference: SendReference,
        _phone: &PhoneNumber,
        _channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        Ok(Some(self.id(reference)))
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        let Some(reference) = self.reference(&verification.id) else { return Ok(CodeCheck::Gone) };
        if self.ends_at(reference).is_none_or(|end| end <= self.clock.now()) {
            return Ok(CodeCheck::Gone);
        }
        let right = self.key.code(reference, &verification.phone, verification.channel);
        Ok(if key::same(&right, code) { CodeCheck::Accepted } else { CodeCheck::Wrong })
    }
}

fn not_sent(text: &str) -> StartError {
    StartError::NotSent(NotSent::Fault(ProviderFault(text.to_owned())))
}
