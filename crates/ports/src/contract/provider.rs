//! What every provider promises, told against a faithful server of its own.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, Purpose, SendReference};
use futures_util::future::{join_all, join3};
use jiff::SignedDuration;
use uuid::Uuid;

use super::fixtures::start;
use crate::{
    CodeCheck, CodeRequest, NotSent, ProviderFault, StartError, StartedVerification, VerificationProvider,
};

/// What may happen on the way to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing arrives and nothing is answered, for ever.
    Hang,
    /// The connection ends before anything is done.
    Reset,
    /// Answered with 500 before anything is done.
    ServerError,
    /// Answered with a redirect to the provider itself before anything is done.
    Redirect,
    /// Done as asked; the connection ends without an answer.
    LoseAnswer,
    /// Done as asked; the body ends half-way.
    Truncate,
    /// Done as asked; the body is no JSON.
    Garbage,
    /// Done as asked; the body never ends.
    Flood,
}

impl Trouble {
    const AFTER_ACTING: [Self; 4] = [Self::LoseAnswer, Self::Truncate, Self::Garbage, Self::Flood];
    const WITHOUT_ACTING: [Self; 3] = [Self::Reset, Self::ServerError, Self::Redirect];

    fn every_quick_one() -> impl Iterator<Item = Self> {
        Self::AFTER_ACTING.into_iter().chain(Self::WITHOUT_ACTING)
    }
}

/// By what a provider finds a verification whose start was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It keeps our reference.
    ByReference,
    /// It has one verification for each number.
    ByNumber,
    /// It makes the verification from the reference, whether anything was sent or not.
    Derived,
    /// It cannot: a fault.
    Never,
}

/// What providers differ in, honestly.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    pub lookup: Lookup,
    /// Whether it remembers which codes were used.
    pub remembers_use: bool,
    /// Whether codes are checked without asking anybody.
    pub checks_itself: bool,
}

/// A provider under test, the phones behind it and the way between.
#[async_trait]
pub trait ProviderStage: Send + Sync {
    fn provider(&self) -> &dyn VerificationProvider;

    fn abilities(&self) -> Abilities;

    /// What a call may take at most, some two seconds.
    fn deadline(&self) -> Duration;

    /// What becomes of the next `requests` requests.
    fn trouble(&self, trouble: Trouble, requests: usize);

    /// The way is good again.
    fn heal(&self);

    /// The code that reached `phone` last.
    async fn code(&self, phone: &PhoneNumber) -> Code;

    /// How many messages reached `phone`.
    async fn messages(&self, phone: &PhoneNumber) -> usize;

    /// Lets time pass, for provider and adapter alike.
    async fn pass(&self, time: Duration);

    /// A number that the provider does not send to.
    fn refused(&self) -> PhoneNumber;

    /// An id that looks like the provider's and is none of a live verification.
    fn unknown(&self) -> ProviderId;

    /// Keys and passwords that the adapter was given.
    fn secrets(&self) -> Vec<String>;
}

/// Longer than codes of any provider live.
const AGES: Duration = Duration::from_mins(30);
const COOLDOWN: Duration = Duration::from_mins(2);
const ALL: usize = usize::MAX;

fn phone(n: usize) -> PhoneNumber {
    PhoneNumber::from_stored(&format!("+467017406{:02}", n + 5)).unwrap()
}

fn request(phone: &PhoneNumber) -> CodeRequest {
    static SENDS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let number = SENDS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    // As the service makes it: of the time of the send.
    let millis = u64::try_from(start().as_millisecond()).unwrap();
    let random = [[0; 2].as_slice(), &number.to_be_bytes()].concat().try_into().unwrap();
    CodeRequest {
        reference: SendReference(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()),
        phone: phone.clone(),
        purpose: Purpose::Login,
        channel: Channel::Sms,
        locale: Locale::parse("sv-SE").ok(),
        life: SignedDuration::from_mins(5),
    }
}

fn of(request: &CodeRequest, id: ProviderId) -> StartedVerification {
    StartedVerification { id, phone: request.phone.clone(), channel: request.channel }
}

fn other_than(code: &Code) -> Code {
    let (head, last) = code.expose().split_at(code.expose().len() - 1);
    Code::parse(&format!("{head}{}", (last.parse::<u8>().unwrap() + 1) % 10)).unwrap()
}

async fn started(stage: &dyn ProviderStage, n: usize) -> (CodeRequest, StartedVerification, Code) {
    let request = request(&phone(n));
    let id = stage.provider().start(&request).await.expect("a start");
    let code = stage.code(&request.phone).await;
    let verification = of(&request, id);
    (request, verification, code)
}

async fn check(
    stage: &dyn ProviderStage,
    verification: &StartedVerification,
    code: &Code,
) -> Result<CodeCheck, ProviderFault> {
    stage.provider().check(verification, code).await
}

async fn find(stage: &dyn ProviderStage, request: &CodeRequest) -> Result<Option<ProviderId>, ProviderFault> {
    stage.provider().find(request.reference, &request.phone, request.channel).await
}

pub async fn pv_01_a_code_that_was_sent_is_accepted(stage: &dyn ProviderStage) {
    let (request, verification, code) = started(stage, 1).await;
    assert_eq!(stage.messages(&request.phone).await, 1);
    assert_eq!(check(stage, &verification, &code).await, Ok(CodeCheck::Accepted));
}

pub async fn asvs_6_5_1_a_code_is_accepted_once_by_a_provider_that_remembers(stage: &dyn ProviderStage) {
    let (_, verification, code) = started(stage, 1).await;
    let checks = join_all((0..10).map(|_| check(stage, &verification, &code))).await;
    let accepted = checks.iter().filter(|check| **check == Ok(CodeCheck::Accepted)).count();
    if stage.abilities().remembers_use {
        assert_eq!(accepted, 1, "{checks:?}");
        assert_eq!(check(stage, &verification, &code).await, Ok(CodeCheck::Gone));
    } else {
        assert_eq!(accepted, 10, "it has no memory, and no whims: {checks:?}");
    }
}

pub async fn pv_01_a_wrong_code_is_wrong_and_the_right_one_may_follow(stage: &dyn ProviderStage) {
    let (_, verification, code) = started(stage, 1).await;
    assert_eq!(check(stage, &verification, &other_than(&code)).await, Ok(CodeCheck::Wrong));
    assert_eq!(check(stage, &verification, &code).await, Ok(CodeCheck::Accepted));
}

pub async fn pv_01_an_expired_code_is_gone(stage: &dyn ProviderStage) {
    let (_, verification, code) = started(stage, 1).await;
    stage.pass(AGES).await;
    assert_eq!(check(stage, &verification, &code).await, Ok(CodeCheck::Gone));
}

pub async fn pv_01_an_unknown_verification_accepts_nothing(stage: &dyn ProviderStage) {
    let (request, _, code) = started(stage, 1).await;
    let unknown = of(&request, stage.unknown());
    assert_eq!(check(stage, &unknown, &code).await, Ok(CodeCheck::Gone));
    for id in ["", "..", "a/b", "a?b=c", "a%2fb", "é", " ", &"a".repeat(5000)] {
        let odd = of(&request, ProviderId(id.to_owned()));
        assert!(!matches!(check(stage, &odd, &code).await, Ok(CodeCheck::Accepted)), "{id}");
    }
}

pub async fn asvs_6_6_2_a_code_is_of_its_own_verification(stage: &dyn ProviderStage) {
    let (_, mine, my_code) = started(stage, 1).await;
    let (_, other, other_code) = started(stage, 2).await;
    assert!(my_code.expose() != other_code.expose(), "codes that differ tell more");
    assert_eq!(check(stage, &other, &my_code).await, Ok(CodeCheck::Wrong));
    assert_eq!(check(stage, &mine, &other_code).await, Ok(CodeCheck::Wrong));
    assert_eq!(check(stage, &other, &other_code).await, Ok(CodeCheck::Accepted));
    assert_eq!(check(stage, &mine, &my_code).await, Ok(CodeCheck::Accepted));
}

pub async fn asvs_6_6_2_a_later_start_has_a_code_of_its_own_or_is_the_same_verification(
    stage: &dyn ProviderStage,
) {
    let (_, earlier, first) = started(stage, 1).await;
    stage.pass(COOLDOWN).await;
    let (request, later, second) = started(stage, 1).await;
    assert_eq!(stage.messages(&request.phone).await, 2);
    if later.id == earlier.id {
        assert_eq!(first.expose(), second.expose());
    } else if first.expose() != second.expose() {
        assert_eq!(check(stage, &later, &first).await, Ok(CodeCheck::Wrong));
    }
    assert_eq!(check(stage, &later, &second).await, Ok(CodeCheck::Accepted));
}

pub async fn pv_01_a_refused_destination_is_told(stage: &dyn ProviderStage) {
    let request = request(&stage.refused());
    let refused = stage.provider().start(&request).await;
    assert!(matches!(refused, Err(StartError::NotSent(NotSent::DestinationRefused(_)))), "{refused:?}");
    assert_eq!(stage.messages(&request.phone).await, 0);
}

pub async fn rc_06_a_lost_answer_is_found_or_unknown_and_nothing_is_sent_twice(stage: &dyn ProviderStage) {
    for (n, trouble) in Trouble::AFTER_ACTING.into_iter().enumerate() {
        let request = request(&phone(n));
        stage.trouble(trouble, 1);
        let end = stage.provider().start(&request).await;
        stage.heal();
        assert_eq!(stage.messages(&request.phone).await, 1, "{trouble:?}: {end:?}");
        let found = match end {
            Ok(id) => Ok(Some(id)),
            Err(StartError::Unknown(_)) => find(stage, &request).await,
            Err(error) => panic!("{trouble:?}: a message is on its way: {error:?}"),
        };
        match found {
            Ok(Some(id)) => {
                let code = stage.code(&request.phone).await;
                assert_eq!(
                    check(stage, &of(&request, id), &code).await,
                    Ok(CodeCheck::Accepted),
                    "{trouble:?}"
                );
            }
            Ok(None) => panic!("{trouble:?}: something was sent"),
            Err(fault) => assert_eq!(stage.abilities().lookup, Lookup::Never, "{trouble:?}: {fault}"),
        }
    }
}

pub async fn rc_06_what_never_arrived_is_not_told_as_sent(stage: &dyn ProviderStage) {
    for (n, trouble) in Trouble::WITHOUT_ACTING.into_iter().enumerate() {
        let request = request(&phone(n));
        stage.trouble(trouble, ALL);
        let end = stage.provider().start(&request).await;
        stage.heal();
        assert!(end.is_err(), "{trouble:?}: {end:?}");
        assert_eq!(stage.messages(&request.phone).await, 0, "{trouble:?}");
    }
}

pub async fn rc_06_what_was_started_is_found_again(stage: &dyn ProviderStage) {
    let (known, verification, _) = started(stage, 1).await;
    let never = request(&phone(2));
    let (found, unknown) = (find(stage, &known).await, find(stage, &never).await);
    match stage.abilities().lookup {
        Lookup::ByReference | Lookup::ByNumber => {
            assert_eq!((found, unknown), (Ok(Some(verification.id)), Ok(None)));
        }
        Lookup::Derived => {
            assert_eq!(found, Ok(Some(verification.id)));
            let id = unknown.expect("an answer").expect("whatever the reference gives");
            let code = stage.code(&known.phone).await;
            assert_eq!(check(stage, &of(&never, id), &code).await, Ok(CodeCheck::Wrong));
        }
        Lookup::Never => assert!(found.is_err() && unknown.is_err(), "{found:?} {unknown:?}"),
    }
}

pub async fn asvs_13_1_3_a_silent_provider_costs_no_more_than_the_time_set(stage: &dyn ProviderStage) {
    let (_, verification, code) = started(stage, 1).await;
    let late = stage.deadline() + Duration::from_millis(1500);
    let request = request(&phone(2));
    stage.trouble(Trouble::Hang, ALL);
    let begun = Instant::now();
    let wrong = other_than(&code);
    let (end, _, checked) =
        join3(stage.provider().start(&request), find(stage, &request), check(stage, &verification, &wrong))
            .await;
    assert!(begun.elapsed() < late, "{:?}", begun.elapsed());
    assert!(matches!(end, Err(StartError::Unknown(_))), "{end:?}");
    assert!(checked.is_err() || stage.abilities().checks_itself, "{checked:?}");
}

pub async fn pv_01_an_answer_that_is_none_lets_nobody_in(stage: &dyn ProviderStage) {
    if stage.abilities().checks_itself {
        return;
    }
    for (n, trouble) in Trouble::every_quick_one().enumerate() {
        let (_, verification, code) = started(stage, n).await;
        stage.trouble(trouble, ALL);
        let end = check(stage, &verification, &code).await;
        stage.heal();
        assert!(end.is_err(), "{trouble:?}: {end:?}");
    }
}

pub async fn asvs_15_3_2_a_redirect_sends_nothing(stage: &dyn ProviderStage) {
    let request = request(&phone(1));
    stage.trouble(Trouble::Redirect, ALL);
    assert!(stage.provider().start(&request).await.is_err());
    stage.heal();
    assert_eq!(stage.messages(&request.phone).await, 0);
}

pub async fn lg_01_errors_hold_neither_numbers_nor_codes_nor_secrets(stage: &dyn ProviderStage) {
    let mut told = Vec::new();
    let refused = stage.provider().start(&request(&stage.refused())).await.expect_err("a refusal");
    told.push(format!("{refused} {refused:?}"));
    let (_, verification, code) = started(stage, 50).await;
    for (n, trouble) in Trouble::every_quick_one().enumerate() {
        let request = request(&phone(n));
        stage.trouble(trouble, ALL);
        let end = stage.provider().start(&request).await;
        let (found, checked) = (find(stage, &request).await, check(stage, &verification, &code).await);
        told.push(end.err().map(|error| format!("{error} {error:?}")).unwrap_or_default());
        told.push(format!("{:?} {:?}", found.err(), checked.err()));
        stage.heal();
    }
    let mut hidden = stage.secrets();
    // With and without a plus sign or country code.
    hidden.extend(["70174060".to_owned(), stage.refused().as_e164()[3..].to_owned()]);
    hidden.push(code.expose().to_owned());
    for text in told {
        let found = hidden.iter().any(|secret| text.contains(secret.as_str()));
        assert!(!found, "{text}");
    }
}

/// For adapters whose ids are UUIDs.
pub fn some_uuid() -> ProviderId {
    ProviderId(Uuid::from_u128(0x0198_511c_d1d1_7bf3_909b_8545_5d31_0199).to_string())
}
