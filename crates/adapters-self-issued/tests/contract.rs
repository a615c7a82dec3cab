//! The promises of a provider, over a webhook gateway and its receiver.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "support of tests")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::{sync::Arc, time::Duration};

use adapters_self_issued::{CodeKey, SelfIssued};
use adapters_webhooks::{Secret, TextMessageWebhook, WebhookGateway, parse_url};
use async_trait::async_trait;
use domain::{Channel, Code, PhoneNumber, ProductName, ProviderId, Purpose, SendReference, SiteHost};
use jiff::{SignedDuration, Timestamp};
use ports::contract::provider::{Abilities, Lookup, ProviderStage, Trouble};
use ports::{Clock, CodeCheck, CodeRequest, NotSent, StartError, StartedVerification, VerificationProvider};
use testkit::{gateway, gateway::GatewayReceiver, troubled::TroubledWay};
use uuid::Uuid;

/// The time at which every story of the contract begins, and what has passed since.
struct Passing(AtomicI64);

impl Clock for Passing {
    fn now(&self) -> Timestamp {
        let begun: Timestamp = "2026-03-14T15:09:26.535897Z".parse().unwrap();
        begun + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

struct Stage {
    provider: SelfIssued,
    receiver: GatewayReceiver,
    way: TroubledWay,
    clock: Arc<Passing>,
}

const TIMEOUT: Duration = Duration::from_secs(1);
const KEY: [u8; 32] = *b"a key of 32 bytes for tests only";

fn stage() -> Stage {
    let receiver = GatewayReceiver::start();
    let way = TroubledWay::to(receiver.origin());
    let clock = Arc::new(Passing(AtomicI64::new(0)));
    let webhook = TextMessageWebhook {
        url: parse_url(&format!("{}/texts", way.origin()), true).unwrap(),
        secret: Secret::parse(gateway::SECRET).unwrap(),
        previous_secret: None,
        timeout: TIMEOUT,
    };
    let provider = SelfIssued {
        gateway: Arc::new(WebhookGateway::new(webhook, clock.clone()).unwrap()),
        clock: clock.clone(),
        key: CodeKey::new(&KEY.into()),
        product: ProductName::parse("Acme").unwrap(),
        site: SiteHost::parse("login.example.com").ok(),
        life: SignedDuration::from_mins(10),
    };
    Stage { provider, receiver, way, clock }
}

#[async_trait]
impl ProviderStage for Stage {
    fn provider(&self) -> &dyn VerificationProvider {
        &self.provider
    }

    fn abilities(&self) -> Abilities {
        Abilities { lookup: Lookup::Derived, remembers_use: false, checks_itself: true }
    }

    fn deadline(&self) -> Duration {
        TIMEOUT
    }

    fn trouble(&self, trouble: Trouble, requests: usize) {
        self.way.trouble(trouble, requests);
    }

    fn heal(&self) {
        self.way.heal();
    }

    async fn code(&self, phone: &PhoneNumber) -> Code {
        Code::parse(&self.receiver.code(phone.as_e164()).expect("a text")).unwrap()
    }

    async fn messages(&self, phone: &PhoneNumber) -> usize {
        self.receiver.texts(phone.as_e164()).len()
    }

    async fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(time.as_secs().try_into().unwrap(), Ordering::SeqCst);
    }

    fn refused(&self) -> PhoneNumber {
        PhoneNumber::from_stored(gateway::REFUSED).unwrap()
    }

    fn unknown(&self) -> ProviderId {
        // Of another key.
        ProviderId(format!("00000000-{}", Uuid::nil().simple()))
    }

    fn secrets(&self) -> Vec<String> {
        vec![gateway::SECRET.trim_start_matches("whsec_").to_owned()]
    }
}

ports::provider_contract!(stage());

fn request(n: u128) -> CodeRequest {
    CodeRequest {
        // 2026-03-14T15:09:26Z
        reference: SendReference(Uuid::from_u128(0x019c_ece5_2470_7000_8000_0000_0000_0000 + n)),
        phone: PhoneNumber::from_stored("+46701740605").unwrap(),
        purpose: Purpose::Login,
        channel: Channel::Sms,
        locale: None,
        life: SignedDuration::from_mins(5),
    }
}

#[tokio::test]
async fn sc_02_the_text_binds_the_code_to_the_site() {
    let stage = stage();
    stage.provider.start(&request(1)).await.unwrap();
    let [text] = <[gateway::Text; 1]>::try_from(stage.receiver.texts("+46701740605")).unwrap();
    let code = stage.receiver.code("+46701740605").unwrap();
    assert_eq!(
        text.text,
        format!("Acme: your code is {code}. Never give it to anybody.\n\n@login.example.com #{code}")
    );
    assert_eq!(
        (text.id, text.expires_at.as_str()),
        (request(1).reference.0.to_string(), "2026-03-14T15:14:26.535897Z")
    );
}

#[tokio::test]
async fn a_code_of_another_key_is_gone_and_costs_no_guess() {
    let mut stage = stage();
    let id = stage.provider.start(&request(1)).await.unwrap();
    let code = Code::parse(&stage.receiver.code("+46701740605").unwrap()).unwrap();
    stage.provider.key = CodeKey::new(&[9; 32].into());
    let verification = StartedVerification { id, phone: request(1).phone, channel: Channel::Sms };
    assert_eq!(stage.provider.check(&verification, &code).await, Ok(CodeCheck::Gone));
}

#[tokio::test]
async fn asvs_6_6_2_a_code_of_another_number_or_channel_is_wrong() {
    let stage = stage();
    let id = stage.provider.start(&request(1)).await.unwrap();
    let code = Code::parse(&stage.receiver.code("+46701740605").unwrap()).unwrap();
    let right = StartedVerification { id, phone: request(1).phone, channel: Channel::Sms };
    let other_number =
        StartedVerification { phone: PhoneNumber::from_stored("+46701740606").unwrap(), ..right.clone() };
    let other_channel = StartedVerification { channel: Channel::Voice, ..right.clone() };
    for other in [other_number, other_channel] {
        assert_eq!(stage.provider.check(&other, &code).await, Ok(CodeCheck::Wrong));
    }
    assert_eq!(stage.provider.check(&right, &code).await, Ok(CodeCheck::Accepted));
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_before_the_gateway_is_asked() {
    let stage = stage();
    let voice = CodeRequest { channel: Channel::Voice, ..request(1) };
    let timeless = CodeRequest { reference: SendReference(Uuid::from_u128(1)), ..request(1) };
    for wrong in [voice, timeless] {
        let end = stage.provider.start(&wrong).await;
        assert!(matches!(end, Err(StartError::NotSent(NotSent::Fault(_)))), "{end:?}");
    }
    assert!(stage.receiver.requests().is_empty());
}
