//! The promises of every provider, by the adapter and the simulator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adapters_sinch::{Settings, SinchVerification};
use async_trait::async_trait;
use domain::{Code, PhoneNumber, ProviderId};
use jiff::{SignedDuration, Timestamp};
use ports::VerificationProvider;
use ports::contract::provider::{Abilities, Lookup, ProviderStage, Trouble, some_uuid};
use sinch_simulator::{DEVELOPMENT_KEY, DEVELOPMENT_SECRET, RunningSimulator, Simulator};
use testkit::troubled::TroubledWay;

/// Real time, and what has passed besides: adapter and simulator share it.
#[derive(Default)]
struct Passing(AtomicU64);

impl Passing {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn time(&self) -> Timestamp {
        let passed = self.0.load(Ordering::SeqCst).try_into().expect("not ages");
        Timestamp::now() + SignedDuration::from_secs(passed)
    }
}

impl ports::Clock for Passing {
    fn now(&self) -> Timestamp {
        self.time()
    }
}

impl sinch_simulator::Clock for Passing {
    fn now(&self) -> Timestamp {
        self.time()
    }
}

struct Stage {
    sinch: SinchVerification,
    simulator: RunningSimulator,
    way: TroubledWay,
    clock: Arc<Passing>,
}

const TIMEOUT: Duration = Duration::from_secs(2);

fn stage() -> Stage {
    let clock = Arc::new(Passing::default());
    let simulated =
        sinch_simulator::Settings { clock: clock.clone(), ..sinch_simulator::Settings::default() };
    let simulator = Simulator::bind(simulated, "127.0.0.1:0").expect("a free port").spawn();
    let way = TroubledWay::to(&simulator.base_url());
    let settings = Settings {
        timeout: TIMEOUT,
        // The contract is about each call; the breaker has tests of its own.
        breaker_faults: 1000,
        ..Settings::new(way.origin(), DEVELOPMENT_KEY, DEVELOPMENT_SECRET.into())
    };
    let sinch = SinchVerification::new(&settings, clock.clone()).expect("valid settings");
    Stage { sinch, simulator, way, clock }
}

impl Stage {
    async fn inbox(&self, phone: &PhoneNumber) -> Vec<serde_json::Value> {
        let number = phone.as_e164().replace('+', "%2B");
        let url = format!("{}/inbox?number={number}", self.simulator.base_url());
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let body = http.get(url).send().await.expect("an answer").bytes().await.expect("a body");
        let inbox: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        inbox["messages"].as_array().expect("messages").clone()
    }
}

#[async_trait]
impl ProviderStage for Stage {
    fn provider(&self) -> &dyn VerificationProvider {
        &self.sinch
    }

    fn abilities(&self) -> Abilities {
        Abilities { lookup: Lookup::ByReference, remembers_use: true, checks_itself: false }
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
        let inbox = self.inbox(phone).await;
        Code::parse(inbox[0]["code"].as_str().expect("a message")).expect("a code")
    }

    async fn messages(&self, phone: &PhoneNumber) -> usize {
        self.inbox(phone).await.len()
    }

    async fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    fn refused(&self) -> PhoneNumber {
        PhoneNumber::from_stored("+46701740671").expect("a number")
    }

    fn unknown(&self) -> ProviderId {
        some_uuid()
    }

    fn secrets(&self) -> Vec<String> {
        vec![DEVELOPMENT_SECRET.to_owned()]
    }
}

ports::provider_contract!(stage());
