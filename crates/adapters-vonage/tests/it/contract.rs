//! The promises of every provider.

use std::time::Duration;

use adapters_vonage::{VonageSettings, VonageVerify};
use async_trait::async_trait;
use domain::{Code, PhoneNumber, ProviderId};
use ports::VerificationProvider;
use ports::contract::provider::{Abilities, Lookup, ProviderStage, Trouble, some_uuid};
use testkit::troubled::TroubledWay;
use testkit::vonage::{KEY, REFUSED, SECRET, VonageServer};

pub(crate) struct Stage {
    pub(crate) verify: VonageVerify,
    pub(crate) vonage: VonageServer,
    way: TroubledWay,
}

const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) fn stage() -> Stage {
    let vonage = VonageServer::start();
    let way = TroubledWay::to(vonage.origin());
    let verify = VonageVerify::new(&settings(way.origin())).unwrap();
    Stage { verify, vonage, way }
}

pub(crate) fn settings(origin: &str) -> VonageSettings {
    VonageSettings {
        base_url: origin.to_owned(),
        allow_plain_http: false,
        api_key: KEY.to_owned(),
        api_secret: SECRET.into(),
        brand: "Acme".to_owned(),
        code_length: 6,
        timeout: TIMEOUT,
    }
}

#[async_trait]
impl ProviderStage for Stage {
    fn provider(&self) -> &dyn VerificationProvider {
        &self.verify
    }

    fn abilities(&self) -> Abilities {
        Abilities { lookup: Lookup::Never, remembers_use: true, checks_itself: false }
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
        Code::parse(&self.vonage.code(phone.as_e164()).unwrap()).unwrap()
    }

    async fn messages(&self, phone: &PhoneNumber) -> usize {
        self.vonage.texts(phone.as_e164()).len()
    }

    async fn pass(&self, time: Duration) {
        self.vonage.pass(time);
    }

    fn refused(&self) -> PhoneNumber {
        PhoneNumber::from_stored(REFUSED).unwrap()
    }

    fn unknown(&self) -> ProviderId {
        some_uuid()
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }
}

ports::provider_contract!(stage());
