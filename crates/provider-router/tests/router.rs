//! Providers that hang, fail, lie and answer late, and the router before them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod fake;

use std::time::Duration;

use domain::{Channel, CountryCode, ProviderId, ProviderRoutes, Purpose, SendReference};
use fake::{BUDGET, Fake, Manner, PAUSE, WITHIN, code, failover, phone, phone_of, request, voice};
use futures_util::future::join_all;
use ports::{
    CodeCheck, CodeRequest, Dependency as _, NotSent, StartError, StartedVerification, VerificationProvider,
};
use provider_router::{LookupTrust, NamedProvider, ProviderRouter, Reputation, UnknownProvider};
use tokio::time::Instant;

fn of(request: &CodeRequest, id: &ProviderId) -> StartedVerification {
    StartedVerification { id: id.clone(), phone: request.phone.clone(), channel: request.channel }
}

async fn check(router: &ProviderRouter, request: &CodeRequest, id: &ProviderId) -> CodeCheck {
    router.check(&of(request, id), &code()).await.unwrap()
}

#[tokio::test]
async fn the_country_of_a_number_says_who_is_asked() {
    let (first, second) = (Fake::new("first"), Fake::new("second"));
    let sweden = CountryCode::parse("SE").unwrap();
    let order = ProviderRoutes::new(vec!["first", "second"])
        .and_then(|order| order.with_country(sweden, vec!["second"]))
        .unwrap();
    let router =
        ProviderRouter::new(vec![first.named(), second.named()], order, "first", failover()).unwrap();

    let swede = router.start(&request(1)).await.unwrap();
    let dane = router.start(&CodeRequest { phone: phone_of("+4520123456"), ..request(2) }).await.unwrap();

    assert_eq!((swede.origin().0, dane.origin().0), (Some("second"), Some("first")));
    second.is(Manner::Away);
    let refused = router.start(&request(3)).await;
    assert!(matches!(refused, Err(StartError::NotSent(NotSent::Fault(_)))), "{refused:?}");
    assert_eq!(first.sent(), 1, "a country with a route of its own has no other");
}

/// The first one's texts do not arrive in Sweden.
struct Spoiled;

impl Reputation for Spoiled {
    fn is_asked_last(&self, provider: &str, country: Option<CountryCode>) -> bool {
        provider == "first" && country == CountryCode::parse("SE").ok()
    }
}

#[tokio::test]
async fn one_with_a_bad_reputation_in_a_country_is_asked_last_there_and_asked_all_the_same() {
    let (first, second, router) = fake::pair();
    let router = router.with_reputation(std::sync::Arc::new(Spoiled));
    assert_eq!(router.start(&request(1)).await.unwrap().origin().0, Some("second"));
    let dane = CodeRequest { phone: phone_of("+4520123456"), ..request(2) };
    assert_eq!(router.start(&dane).await.unwrap().origin().0, Some("first"));
    second.is(Manner::Away);
    assert_eq!(router.start(&request(3)).await.unwrap().origin().0, Some("first"));
    assert_eq!((first.sent(), second.sent()), (2, 1));
}

#[tokio::test]
async fn a_provider_that_is_away_gives_way_within_the_call() {
    let (first, second, router) = fake::pair();
    first.is(Manner::Away);
    let id = router.start(&request(1)).await.unwrap();
    assert_eq!((first.sent(), second.sent()), (0, 1));
    assert_eq!(check(&router, &request(1), &id).await, CodeCheck::Accepted);
}

#[tokio::test(start_paused = true)]
async fn rc_06_what_may_have_been_sent_is_sent_by_nobody_else_where_that_is_wanted() {
    for manner in [Manner::LosesEveryAnswer, Manner::HangsAfterSending, Manner::HangsBeforeSending] {
        let (first, second, router) = fake::cautious_pair();
        first.is(manner);
        let begun = Instant::now();
        let end = router.start(&request(1)).await;
        assert!(matches!(end, Err(StartError::Unknown(_))), "{manner:?}: {end:?}");
        assert_eq!(second.sent(), 0, "{manner:?}");
        assert!(begun.elapsed() < BUDGET + WITHIN, "{manner:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_gives_way_within_the_call() {
    for manner in [Manner::HangsBeforeSending, Manner::HangsAfterSending, Manner::LosesEveryAnswer] {
        let (first, second, router) = fake::pair();
        first.is(manner);
        let begun = Instant::now();
        let id = router.start(&request(1)).await.unwrap();
        assert_eq!((id.origin().0, second.sent()), (Some("second"), 1), "{manner:?}");
        assert_eq!(check(&router, &request(1), &id).await, CodeCheck::Accepted);
        assert!(begun.elapsed() < BUDGET + WITHIN, "{manner:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_looked_for_before_anybody_else_is_asked() {
    let (first, second, router) = fake::pair();
    first.is(Manner::LosesItsAnswer);
    let id = router.start(&request(1)).await.unwrap();
    assert_eq!((id.origin().0, first.sent(), second.sent()), (Some("first"), 1, 0));
    assert_eq!(check(&router, &request(1), &id).await, CodeCheck::Accepted);
}

#[tokio::test]
async fn what_may_have_been_sent_is_not_called_unsent_because_the_next_one_refuses() {
    for manner in [Manner::Away, Manner::RefusesTheNumber, Manner::FindsItTooSoon] {
        let (first, second, router) = fake::pair();
        first.is(Manner::LosesEveryAnswer);
        second.is(manner);
        let end = router.start(&request(1)).await;
        assert!(matches!(end, Err(StartError::Unknown(_))), "{manner:?}: {end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pv_04_no_more_than_so_many_calls_of_a_provider_are_under_way() {
    let (first, second, router) = fake::pair();
    first.is(Manner::HangsBeforeSending);
    let requests: Vec<CodeRequest> = (0..150).map(request).collect();
    let begun = Instant::now();
    let ends = join_all(requests.iter().map(|request| router.start(request))).await;
    assert!(ends.iter().all(Result::is_ok), "whoever finds no place goes to the next");
    assert_eq!(second.sent(), 150);
    assert!(begun.elapsed() < BUDGET + WITHIN);
}

#[tokio::test]
async fn a_refused_number_is_refused_whoever_else_there_is() {
    let refusals = [
        (Manner::RefusesTheNumber, NotSent::DestinationRefused("not to this number".to_owned())),
        (Manner::FindsItTooSoon, NotSent::TooSoon),
    ];
    for (manner, reason) in refusals {
        let (first, second, router) = fake::pair();
        first.is(manner);
        for n in 0..10 {
            assert_eq!(router.start(&request(n)).await, Err(StartError::NotSent(reason.clone())));
        }
        assert_eq!(second.sent(), 0, "such answers open no breaker");
    }
}

#[tokio::test(start_paused = true)]
async fn pv_04_a_provider_that_hangs_is_passed_over_and_tried_again_after_a_while() {
    let (first, second, router) = fake::pair();
    first.is(Manner::HangsAfterSending);
    for n in 0..3 {
        router.start(&request(n)).await.unwrap();
    }
    let begun = Instant::now();
    for n in 3..13 {
        let id = router.start(&request(n)).await.unwrap();
        assert_eq!(id.origin().0, Some("second"));
    }
    assert_eq!((begun.elapsed(), second.sent()), (Duration::ZERO, 13), "nobody waits");

    first.is(Manner::Works);
    tokio::time::advance(PAUSE).await;
    assert_eq!(router.start(&request(20)).await.unwrap().origin().0, Some("first"));
    assert_eq!(router.start(&request(21)).await.unwrap().origin().0, Some("first"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_caller_goes_away_leaves_the_next_one_to_probe() {
    let (first, _, router) = fake::pair();
    first.is(Manner::Away);
    for n in 0..3 {
        router.start(&request(n)).await.unwrap();
    }
    tokio::time::advance(PAUSE).await;
    first.is(Manner::HangsBeforeSending);
    let gone = tokio::time::timeout(WITHIN, router.start(&request(4))).await;
    assert!(gone.is_err());
    first.is(Manner::Works);
    assert_eq!(router.start(&request(5)).await.unwrap().origin().0, Some("first"));
}

#[tokio::test]
async fn a_code_is_checked_by_the_provider_that_started_it_and_by_no_other() {
    let (first, second, router) = fake::pair();
    let of_first = router.start(&request(1)).await.unwrap();
    first.is(Manner::Away);
    let of_second = router.start(&request(2)).await.unwrap();
    assert!(router.check(&of(&request(1), &of_first), &code()).await.is_err(), "its provider is away");
    assert_eq!(check(&router, &request(2), &of_second).await, CodeCheck::Accepted);
    assert_eq!(second.checks(), 1);
    first.is(Manner::Works);
    assert_eq!(check(&router, &request(1), &of_first).await, CodeCheck::Accepted);
}

#[tokio::test]
async fn an_id_without_a_name_belongs_to_the_default_and_one_of_nobody_is_gone() {
    let (first, second, _) = fake::pair();
    let order = ProviderRoutes::new(vec!["first", "second"]).unwrap();
    let router =
        ProviderRouter::new(vec![first.named(), second.named()], order, "second", failover()).unwrap();
    let from_before = second.knows(&request(1));
    assert_eq!(check(&router, &request(1), &from_before).await, CodeCheck::Accepted);
    let of_nobody = from_before.started_by(Some("third"), Channel::Sms);
    assert_eq!(check(&router, &request(1), &of_nobody).await, CodeCheck::Gone);
    assert_eq!((first.checks(), second.checks()), (0, 1));
}

#[tokio::test]
async fn a_provider_whose_id_names_another_is_asked_itself() {
    let (first, second, router) = fake::pair();
    first.is(Manner::LiesInItsId("second:1"));
    let id = router.start(&request(1)).await.unwrap();
    assert_eq!(id, ProviderId("first:second:1".to_owned()));
    assert_eq!(check(&router, &request(1), &id).await, CodeCheck::Gone);
    assert_eq!((first.checks(), second.checks()), (1, 0));
}

#[tokio::test]
async fn rc_06_a_lost_start_is_found_at_whoever_knows_it() {
    let (first, second, router) = fake::pair();
    first.is(Manner::Away);
    second.is(Manner::LosesEveryAnswer);
    assert!(matches!(router.start(&request(1)).await, Err(StartError::Unknown(_))));
    let find = async || router.find(request(1).reference, &phone(), Channel::Sms).await;
    // One that cannot tell hides nothing that another knows.
    second.is(Manner::Works);
    let id = find().await.unwrap().unwrap();
    assert_eq!(check(&router, &request(1), &id).await, CodeCheck::Accepted);
    second.is(Manner::Away);
    assert!(find().await.is_err(), "never None for what may have been sent");
    first.is(Manner::Works);
    second.is(Manner::Works);
    let never = router.find(SendReference(uuid::Uuid::from_u128(99)), &phone(), Channel::Sms).await;
    assert_eq!(never, Ok(None));
}

#[tokio::test]
async fn what_is_always_found_counts_only_when_everybody_else_knows_of_nothing() {
    let (derives, knows) = (Fake::finding("derives", LookupTrust::Derived), Fake::new("knows"));
    let order = ProviderRoutes::new(vec!["derives", "knows"]).unwrap();
    let router =
        ProviderRouter::new(vec![derives.named(), knows.named()], order, "knows", failover()).unwrap();
    let find = async || router.find(request(1).reference, &phone(), Channel::Sms).await;
    let name = |found: Option<ProviderId>| found.unwrap().origin().0.map(str::to_owned);

    assert_eq!(name(find().await.unwrap()).as_deref(), Some("derives"));
    knows.is(Manner::Away);
    assert!(find().await.is_err(), "it may have been the one that cannot tell");
    knows.is(Manner::Works);
    knows.knows(&request(1));
    assert_eq!(name(find().await.unwrap()).as_deref(), Some("knows"));
}

#[tokio::test]
async fn what_was_started_for_the_number_counts_only_when_everybody_could_tell() {
    let (by_number, knows) = (Fake::finding("by-number", LookupTrust::ByNumber), Fake::new("knows"));
    let order = ProviderRoutes::new(vec!["by-number", "knows"]).unwrap();
    let router =
        ProviderRouter::new(vec![by_number.named(), knows.named()], order, "knows", failover()).unwrap();
    let find = async || router.find(request(1).reference, &phone(), Channel::Sms).await;
    by_number.knows(&request(1));
    knows.is(Manner::Away);
    assert!(find().await.is_err(), "the code may be of the one that cannot tell");
    knows.is(Manner::Works);
    assert_eq!(find().await.unwrap().unwrap().origin().0, Some("by-number"));
    // What may be of another time does not make a start that was lost a start.
    by_number.is(Manner::LosesItsAnswer);
    assert_eq!(router.start(&request(2)).await.unwrap().origin().0, Some("knows"));
}

#[tokio::test(start_paused = true)]
async fn pv_04_who_hangs_holds_up_no_look_up_that_another_answers() {
    let (first, second, router) = fake::pair();
    first.is(Manner::HangsBeforeSending);
    second.knows(&request(1));
    let begun = Instant::now();
    let found = router.find(request(1).reference, &phone(), Channel::Sms).await.unwrap();
    assert_eq!((found.unwrap().origin().0, begun.elapsed()), (Some("second"), Duration::ZERO));
}

#[tokio::test]
async fn calls_that_an_account_lacks_do_not_keep_texts_from_being_sent() {
    let (_, speaks, router) = fake::mute_and_speaking();
    speaks.is(Manner::Away);
    for n in 0..5 {
        assert!(router.start(&voice(n)).await.is_err());
    }
    speaks.is(Manner::Works);
    assert!(matches!(router.start(&voice(6)).await, Err(StartError::NotSent(NotSent::Fault(_)))));
    let id = router.start(&CodeRequest { phone: phone_of("+4520123456"), ..request(7) }).await.unwrap();
    assert_eq!(id.origin().0, Some("mute"));
    assert!(router.probe().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_is_found_later_and_its_code_counts() {
    let (first, second, router) = fake::cautious_pair();
    first.is(Manner::HangsAfterSending);
    assert!(matches!(router.start(&request(1)).await, Err(StartError::Unknown(_))));
    first.is(Manner::Works);
    let id = router.find(request(1).reference, &phone(), Channel::Sms).await.unwrap().unwrap();
    assert_eq!(check(&router, &request(1), &id).await, CodeCheck::Accepted);
    assert_eq!((first.sent(), second.sent()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_check_and_a_look_up_are_bounded_too() {
    let (first, _, router) = fake::pair();
    let id = router.start(&request(1)).await.unwrap();
    first.is(Manner::HangsBeforeSending);
    let begun = Instant::now();
    assert!(router.check(&of(&request(1), &id), &code()).await.is_err());
    assert!(router.find(request(1).reference, &phone(), Channel::Sms).await.is_err());
    assert!(begun.elapsed() < 2 * BUDGET + WITHIN);
}

#[tokio::test]
async fn when_nobody_sends_each_is_named_and_nothing_was_sent() {
    let (first, second, router) = fake::pair();
    first.is(Manner::Away);
    second.is(Manner::Away);
    let Err(StartError::NotSent(NotSent::Fault(fault))) = router.start(&request(1)).await else {
        panic!("certainly nothing was sent");
    };
    assert_eq!(fault.0, "first: away; second: away");
}

/// Sixty people sign in while the first provider dies. Whoever is told that something is away
/// asks for another code, as a person does.
#[tokio::test]
async fn killing_the_first_provider_in_mid_run_loses_no_sign_in() {
    let (first, second, router) = fake::pair();
    let sign_in = async |n: u128| {
        for send in 0..2 {
            let request = request(2 * n + send);
            if n == 30 && send == 0 {
                first.is(Manner::Away);
            }
            let id = router.start(&request).await.unwrap();
            tokio::task::yield_now().await;
            if let Ok(check) = router.check(&of(&request, &id), &code()).await {
                return (check, send + 1);
            }
        }
        panic!("{n} was not let in");
    };
    let ends = join_all((0..60).map(sign_in)).await;
    assert!(ends.iter().all(|(check, _)| *check == CodeCheck::Accepted));
    let messages: u128 = ends.iter().map(|(_, sends)| sends).sum();
    assert_eq!(u128::from(first.sent() + second.sent()), messages, "nobody got a message too many");
    assert!(first.sent() > 0 && second.sent() >= 30);
}

#[tokio::test]
async fn only_those_with_the_channel_are_asked() {
    let (mute, speaks, router) = fake::mute_and_speaking();
    let id = router.start(&voice(1)).await.unwrap();
    assert_eq!(id.origin().0, Some("speaks"));
    assert_eq!((mute.sent(), speaks.sent()), (0, 1));
    let called = of(&voice(1), &id);
    // What the challenge says was changed by a text that never left.
    let texted = StartedVerification { channel: Channel::Sms, ..called.clone() };
    assert_eq!(router.check(&texted, &code()).await, Ok(CodeCheck::Accepted));
    assert_eq!(speaks.checked(), Some(Channel::Voice));
    let flash = CodeRequest { channel: Channel::Flashcall, purpose: Purpose::Registration, ..request(2) };
    let refused = router.start(&flash).await;
    assert!(matches!(refused, Err(StartError::NotSent(NotSent::DestinationRefused(_)))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn one_alone_keeps_its_ids_and_its_own_bounds() {
    let alone = Fake::new("alone");
    let router = ProviderRouter::alone(alone.unbounded(), None);
    alone.is(Manner::Away);
    for n in 0..10 {
        assert!(router.start(&request(n)).await.is_err());
    }
    alone.is(Manner::AnswersAfter(10 * BUDGET));
    let id = router.start(&request(11)).await.unwrap();
    assert_eq!(id.origin().0, None);
    alone.is(Manner::Works);
    assert_eq!(check(&router, &request(11), &id).await, CodeCheck::Accepted);
    assert_eq!(
        check(&router, &request(11), &id.started_by(Some("other"), Channel::Sms)).await,
        CodeCheck::Gone
    );
    assert_eq!(
        check(&router, &request(11), &id.started_by(Some("alone"), Channel::Sms)).await,
        CodeCheck::Accepted
    );
}

#[tokio::test(start_paused = true)]
async fn pv_04_one_alone_that_is_down_is_not_waited_for() {
    let alone = Fake::new("alone");
    let router = ProviderRouter::alone(alone.named(), Some(failover()));
    alone.is(Manner::HangsBeforeSending);
    for n in 0..3 {
        assert!(matches!(router.start(&request(n)).await, Err(StartError::Unknown(_))));
    }
    let begun = Instant::now();
    let refused = router.start(&request(4)).await;
    assert!(matches!(refused, Err(StartError::NotSent(NotSent::Fault(_)))), "{refused:?}");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(router.probe().await.is_err());
    alone.is(Manner::Works);
    tokio::time::advance(PAUSE).await;
    assert_eq!(router.start(&request(5)).await.unwrap().origin().0, None);
    assert!(router.probe().await.is_ok());
}

#[tokio::test]
async fn it_is_ready_while_anybody_is_asked() {
    let (first, second, router) = fake::pair();
    first.is(Manner::Away);
    for n in 0..3 {
        router.start(&request(n)).await.unwrap();
    }
    assert!(router.probe().await.is_ok());
    second.is(Manner::Away);
    for n in 3..6 {
        assert!(router.start(&request(n)).await.is_err());
    }
    assert!(router.probe().await.is_err());
}

#[test]
fn whoever_is_named_has_to_be_there() {
    let made = |route, default| {
        let providers = vec![Fake::new("first").named()];
        ProviderRouter::new(providers, ProviderRoutes::only(route), default, failover()).err()
    };
    assert_eq!(made("first", "first"), None);
    assert_eq!(made("other", "first"), Some(UnknownProvider("other")));
    assert_eq!(made("first", "other"), Some(UnknownProvider("other")));
}

/// Somebody who writes down what became of each call, and takes his time.
struct SlowlyNoted(std::sync::Arc<dyn VerificationProvider>);

impl SlowlyNoted {
    async fn noting<T>(answer: T) -> T {
        tokio::time::sleep(10 * BUDGET).await;
        answer
    }
}

#[async_trait::async_trait]
impl VerificationProvider for SlowlyNoted {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        Self::noting(self.0.start(request).await).await
    }

    async fn find(
        &self,
        reference: SendReference,
        phone: &domain::PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ports::ProviderFault> {
        Self::noting(self.0.find(reference, phone, channel).await).await
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &domain::Code,
    ) -> Result<CodeCheck, ports::ProviderFault> {
        Self::noting(self.0.check(verification, code).await).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_down_around_a_provider_is_not_its_fault() {
    let (first, second) = (Fake::new("first"), Fake::new("second"));
    let named = first.named();
    let noted = NamedProvider { provider: std::sync::Arc::new(SlowlyNoted(named.provider.clone())), ..named };
    let order = ProviderRoutes::new(vec!["first", "second"]).unwrap();
    let router = ProviderRouter::new(vec![noted, second.named()], order, "first", failover()).unwrap();
    for n in 0..5 {
        let id = router.start(&request(n)).await.unwrap();
        assert_eq!(id.origin().0, Some("first"), "after {n} of them");
        assert_eq!(check(&router, &request(n), &id).await, CodeCheck::Accepted, "a right code stays right");
    }
    assert_eq!((first.sent(), second.sent()), (5, 0), "nobody got two messages");
}
