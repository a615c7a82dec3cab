//! The promises of every provider.

use std::time::Duration;

use adapters_twilio::{Credentials, TwilioVerify, VerifySettings};
use async_trait::async_trait;
use domain::{Code, PhoneNumber, ProviderId};
use ports::VerificationProvider;
use ports::contract::provider::{Abilities, Lookup, ProviderStage, Trouble};
use testkit::troubled::TroubledWay;
use testkit::twilio::{KEY, REFUSED, SECRET, SERVICE, TwilioServer};

pub(crate) struct Stage {
    pub(crate) verify: TwilioVerify,
    pub(crate) twilio: TwilioServer,
    way: TroubledWay,
}

const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) fn stage() -> Stage {
    let twilio = TwilioServer::start();
    let way = TroubledWay::to(twilio.origin());
    let verify = TwilioVerify::new(&settings(way.origin())).unwrap();
    Stage { verify, twilio, way }
}

pub(crate) fn settings(origin: &str) -> VerifySettings {
    VerifySettings {
        base_url: origin.to_owned(),
        allow_plain_http: false,
        credentials: Credentials { user: KEY.to_owned(), secret: SECRET.into() },
        service_sid: SERVICE.to_owned(),
        timeout: TIMEOUT,
    }
}

#[async_trait]
impl ProviderStage for Stage {
    fn provider(&self) -> &dyn VerificationProvider {
        &self.verify
    }

    fn abilities(&self) -> Abilities {
        Abilities { lookup: Lookup::ByNumber, remembers_use: true, checks_itself: false }
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
        Code::parse(&self.twilio.code(phone.as_e164()).unwrap()).unwrap()
    }

    async fn messages(&self, phone: &PhoneNumber) -> usize {
        self.twilio.texts(phone.as_e164()).len()
    }

    async fn pass(&self, time: Duration) {
        self.twilio.pass(time);
    }

    fn refused(&self) -> PhoneNumber {
        PhoneNumber::from_stored(REFUSED).unwrap()
    }

    fn unknown(&self) -> ProviderId {
        ProviderId("VEffffffffffffffffffffffffffffffff".to_owned())
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }
}

ports::provider_contract!(stage());
