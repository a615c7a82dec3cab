//! The adapter against the simulator: two independent readings of Sinch's
//! documents.

use std::sync::Arc;
use std::time::Duration;

use adapters_sinch::{Auth, Settings, SinchVerification};
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, SendReference};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Clock, CodeCheck, CodeRequest, NotSent, StartError, StartedVerification, VerificationProvider as _,
};
use sinch_simulator::{DEVELOPMENT_KEY, DEVELOPMENT_SECRET, RunningSimulator, Simulator};
use uuid::Uuid;

/// The simulator checks how old signatures are, so time is real here.
struct RealTime;

impl Clock for RealTime {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct World {
    simulator: RunningSimulator,
    sinch: SinchVerification,
    http: reqwest::Client,
}

impl World {
    fn new(change: impl FnOnce(&mut Settings, &mut sinch_simulator::Settings)) -> Self {
        let mut simulated = sinch_simulator::Settings {
            slow_answer: Duration::from_secs(3),
            ..sinch_simulator::Settings::default()
        };
        let secret = DEVELOPMENT_SECRET.into();
        let mut settings = Settings::new("", DEVELOPMENT_KEY, secret);
        settings.timeout = Duration::from_millis(1500);
        change(&mut settings, &mut simulated);
        let simulator = Simulator::bind(simulated, "127.0.0.1:0").expect("a free port").spawn();
        settings.base_url = simulator.base_url();
        let sinch = SinchVerification::new(&settings, Arc::new(RealTime)).expect("valid settings");
        Self { simulator, sinch, http: reqwest::Client::builder().no_proxy().build().expect("a client") }
    }

    async fn get(&self, path: &str) -> serde_json::Value {
        let url = format!("{}{path}", self.simulator.base_url());
        let body = self.http.get(url).send().await.expect("an answer").bytes().await.expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// What the phone shows.
    async fn code(&self, number: &str) -> Code {
        let inbox = self.get(&format!("/inbox?number={}", number.replace('+', "%2B"))).await;
        Code::parse(inbox["messages"][0]["code"].as_str().expect("a message")).expect("a code")
    }

    /// Starts and messages that the simulator counted.
    async fn counts(&self, number: &str) -> (u64, u64) {
        let counted = self.get(&format!("/requests?number={}", number.replace('+', "%2B"))).await;
        let of = |what: &str| counted["requests"][0][what].as_u64().expect("a count");
        (of("starts"), of("messages"))
    }

    async fn start(&self, number: &str, channel: Channel) -> Result<StartedVerification, StartError> {
        let request = CodeRequest {
            reference: SendReference(Uuid::new_v4()),
            phone: phone(number),
            purpose: domain::Purpose::Login,
            channel,
            locale: Some(Locale::parse("sv-SE").expect("a tag")),
            life: SignedDuration::from_secs(300),
        };
        let id = self.sinch.start(&request).await?;
        Ok(StartedVerification { id, phone: phone(number), channel })
    }

    async fn check(&self, verification: &StartedVerification, code: &Code) -> Option<CodeCheck> {
        self.sinch.check(verification, code).await.ok()
    }
}

fn phone(number: &str) -> PhoneNumber {
    PhoneNumber::from_stored(number).expect("a number")
}

fn wrong() -> Code {
    Code::parse("0000").expect("a code")
}

const ORDINARY: &str = "+46701740605";

#[tokio::test]
async fn a_code_is_sent_refused_and_accepted_over_each_channel_that_has_one() {
    for auth in [Auth::Signed, Auth::Basic] {
        let world = World::new(|settings, _| settings.auth = auth);
        for channel in [Channel::Sms, Channel::Voice, Channel::Whatsapp] {
            let verification = world.start(ORDINARY, channel).await.expect("a start");
            let code = world.code(ORDINARY).await;
            assert_eq!(world.check(&verification, &wrong()).await, Some(CodeCheck::Wrong));
            assert_eq!(world.check(&verification, &code).await, Some(CodeCheck::Accepted), "{channel:?}");
            assert_ne!(world.check(&verification, &code).await, Some(CodeCheck::Accepted));
        }
    }
}

#[tokio::test]
async fn a_later_start_replaces_the_earlier_one() {
    let world = World::new(|_, _| {});
    let earlier = world.start(ORDINARY, Channel::Sms).await.expect("a start");
    let code = world.code(ORDINARY).await;
    world.start(ORDINARY, Channel::Sms).await.expect("a start");
    assert_ne!(world.check(&earlier, &code).await, Some(CodeCheck::Accepted));
}

#[tokio::test]
async fn an_unknown_verification_is_gone_and_an_unknown_reference_is_none() {
    let world = World::new(|_, _| {});
    let unknown = StartedVerification {
        id: ProviderId(Uuid::new_v4().to_string()),
        phone: phone(ORDINARY),
        channel: Channel::Sms,
    };
    assert_eq!(world.check(&unknown, &wrong()).await, Some(CodeCheck::Gone));
    let reference = SendReference(Uuid::new_v4());
    assert_eq!(world.sinch.find(reference, &phone(ORDINARY), Channel::Sms).await, Ok(None));
}

#[tokio::test]
async fn a_message_is_sent_once_however_its_answer_is_lost() {
    // Slow, lost, torn, garbled: the message is out, so its code must count.
    for number in ["+46701740683", "+46701740685", "+46701740686", "+46701740687"] {
        let world = World::new(|_, _| {});
        let verification = world.start(number, Channel::Sms).await.expect("found by reference");
        assert_eq!(world.counts(number).await, (1, 1), "{number}");
        let code = world.code(number).await;
        assert_eq!(world.check(&verification, &code).await, Some(CodeCheck::Accepted), "{number}");
    }
}

#[tokio::test]
async fn where_nothing_is_sent_it_is_tried_twice_at_most() {
    // Capacity, 500, 503, connection dropped.
    for number in ["+46701740678", "+46701740679", "+46701740680", "+46701740684"] {
        let world = World::new(|_, _| {});
        let end = world.start(number, Channel::Sms).await;
        assert!(matches!(end, Err(StartError::Unknown(_))), "{number}: {end:?}");
        assert_eq!(world.counts(number).await, (2, 0), "{number}");
    }
}

#[tokio::test]
async fn documented_refusals_of_a_start_are_told_apart() {
    let world = World::new(|_, _| {});
    for number in ["+46701740671", "+46701740676"] {
        let end = world.start(number, Channel::Sms).await;
        assert!(matches!(end, Err(StartError::NotSent(NotSent::DestinationRefused(_)))), "{number}: {end:?}");
    }
    let end = world.start("+46701740677", Channel::Sms).await;
    assert!(matches!(end, Err(StartError::NotSent(NotSent::TooSoon))), "{end:?}");
    for number in ["+46701740670", "+46701740681", "+46701740682"] {
        let end = world.start(number, Channel::Sms).await;
        assert!(matches!(end, Err(StartError::NotSent(NotSent::Fault(_)))), "{number}: {end:?}");
    }
}

#[tokio::test]
async fn a_code_that_was_not_judged_lets_nobody_in() {
    // Another id, 500, 503, dropped, lost, slow, torn, garbled reports.
    for number in [
        "+46701740689",
        "+46701740691",
        "+46701740692",
        "+46701740693",
        "+46701740694",
        "+46701740695",
        "+46701740696",
        "+46701740697",
    ] {
        let world = World::new(|_, _| {});
        let verification = world.start(number, Channel::Sms).await.expect("a start");
        let code = world.code(number).await;
        assert_eq!(world.check(&verification, &code).await, None, "{number}");
    }
}

#[tokio::test]
async fn both_documented_answers_to_a_wrong_code_are_understood() {
    let world = World::new(|_, _| {});
    for number in [ORDINARY, "+46701740690"] {
        let verification = world.start(number, Channel::Sms).await.expect("a start");
        assert_eq!(world.check(&verification, &wrong()).await, Some(CodeCheck::Wrong), "{number}");
    }
    let verification = world.start("+46701740688", Channel::Sms).await.expect("a start");
    let code = world.code("+46701740688").await;
    assert_eq!(world.check(&verification, &code).await, Some(CodeCheck::Gone));
}

#[tokio::test]
async fn asvs_4_1_5_a_wrong_secret_or_clock_is_refused() {
    struct Yesterday;
    impl Clock for Yesterday {
        fn now(&self) -> Timestamp {
            RealTime.now() - SignedDuration::from_hours(24)
        }
    }
    let refused = |end| matches!(end, Err(StartError::NotSent(NotSent::Fault(_))));
    let world = World::new(|settings, _| settings.application_secret = "AAAAAAAAAAAAAAAAAAAAAA==".into());
    assert!(refused(world.start(ORDINARY, Channel::Sms).await));
    let mut world = World::new(|_, _| {});
    let settings = Settings::new(world.simulator.base_url(), DEVELOPMENT_KEY, DEVELOPMENT_SECRET.into());
    world.sinch = SinchVerification::new(&settings, Arc::new(Yesterday)).expect("valid settings");
    assert!(refused(world.start(ORDINARY, Channel::Sms).await));
}
