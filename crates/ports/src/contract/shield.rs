//! What the fraud shield counts, and that it counts every message once.

use domain::{
    Budget, Ceiling, ConversionRule, EventName, Guard, Money, Outcome, PhoneNumber, RuleMode, Ruling,
    SendOrigin, SequenceRule, Shield, ShieldRule, ShieldScope, UnansweredRule, VelocityRule, Verdict,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        CROWD, event, hour, minute, password, person, person_with_phone, phone, phone_change, registration,
        registration_of, resend, reserved, reset, session, unseen,
    },
};
use crate::{Opened, PasswordReset, PhoneChange, Redeemed, ShieldedSend};

/// A shield without rules, for one to be added.
fn idle() -> Shield {
    Shield {
        // Nobody attacks, whatever is counted.
        guard: Guard { country: u32::MAX, service: u32::MAX, blocked_prefixes: u32::MAX },
        ..Shield::with_every_rule(RuleMode::Off)
    }
}

fn unanswered(most: u32) -> Shield {
    Shield { unanswered: UnansweredRule { mode: RuleMode::Block, most, most_guarded: 1 }, ..idle() }
}

fn velocity(per_hour: u32) -> Shield {
    Shield { velocity: VelocityRule { mode: RuleMode::Block, per_hour }, ..idle() }
}

fn budget(day: u64) -> Shield {
    let messages = Ceiling { hour: None, day: Some(day) };
    Shield { budget: Budget { mode: RuleMode::Block, messages, ..Budget::default() }, ..idle() }
}

/// A number of its own prefix for each.
fn apart(number: u32) -> PhoneNumber {
    PhoneNumber::from_stored(&format!("+4670{number:03}0000")).unwrap()
}

fn stranger(phone: PhoneNumber) -> ShieldedSend {
    ShieldedSend::new(phone, SendOrigin::Stranger, None)
}

fn owner(phone: PhoneNumber) -> ShieldedSend {
    ShieldedSend::new(phone, SendOrigin::Owner, None)
}

fn admitted(rulings: &[Ruling]) -> usize {
    rulings.iter().filter(|ruling| ruling.verdict == Verdict::Admit).count()
}

impl Stores {
    async fn admit(&self, send: &ShieldedSend, shield: &Shield, now: Timestamp) -> Ruling {
        self.shield.admit(send, shield, now).await.expect("admit")
    }

    async fn is_admitted(&self, send: &ShieldedSend, shield: &Shield, now: Timestamp) -> bool {
        self.admit(send, shield, now).await.verdict == Verdict::Admit
    }

    async fn admit_at_once(&self, sends: &[ShieldedSend], shield: &Shield, now: Timestamp) -> Vec<Ruling> {
        join_all(sends.iter().map(|send| self.admit(send, shield, now))).await
    }

    async fn count_entered(&self, send: &ShieldedSend, now: Timestamp) -> (u64, u64, u64) {
        let seen = self.shield.observe(send, now).await.expect("observe");
        (seen.prefix_hour.entered, seen.country_hour.entered, seen.service_hour.entered)
    }
}

fn warnings(rulings: &[Ruling]) -> Vec<u64> {
    let findings = rulings.iter().flat_map(|ruling| &ruling.findings);
    let mut told: Vec<u64> = findings
        .filter_map(|finding| match finding.outcome {
            Outcome::Warning(percent) => Some(percent),
            _ => None,
        })
        .collect();
    told.sort_unstable();
    told
}

pub async fn d_08_exactly_the_quota_of_50_concurrent_messages_to_a_prefix_is_admitted(stores: &Stores) {
    let sends: Vec<ShieldedSend> = (0..CROWD).map(|number| stranger(phone(number))).collect();
    let shield = velocity(10);
    assert_eq!(admitted(&stores.admit_at_once(&sends, &shield, minute(0)).await), 10);
    assert_eq!(admitted(&stores.admit_at_once(&sends, &shield, minute(30)).await), 0, "the hour is used up");
    assert!(stores.is_admitted(&stranger(apart(500)), &shield, minute(30)).await, "another prefix is free");
    assert!(stores.is_admitted(&sends[0], &shield, minute(70)).await, "the window has slid");
}

pub async fn d_08_messages_of_strangers_and_to_accounts_are_counted_apart(stores: &Stores) {
    let shield = velocity(2);
    let send = |origin| ShieldedSend::new(phone(1), origin, None);
    for origin in [SendOrigin::Stranger, SendOrigin::Blind] {
        assert!(stores.is_admitted(&send(origin), &shield, minute(0)).await);
        assert!(stores.is_admitted(&send(origin), &shield, minute(1)).await);
        assert!(!stores.is_admitted(&send(origin), &shield, minute(2)).await);
    }
    assert!(stores.is_admitted(&send(SendOrigin::Owner), &shield, minute(3)).await);
}

pub async fn d_10_never_more_than_the_budget_of_50_concurrent_messages_is_admitted(stores: &Stores) {
    let sends: Vec<ShieldedSend> = (0..CROWD).map(|number| owner(apart(number))).collect();
    let shield = budget(20);
    let rulings = stores.admit_at_once(&sends, &shield, minute(0)).await;
    assert_eq!(admitted(&rulings), 20);
    assert_eq!(warnings(&rulings), [50, 80, 100], "each once");
    assert!(stores.is_admitted(&sends[0], &shield, hour(25)).await, "the day is over");
}

pub async fn d_10_strangers_leave_a_reserve_to_the_numbers_of_accounts(stores: &Stores) {
    let crowd = |origin| -> Vec<ShieldedSend> {
        (0..CROWD).map(|number| ShieldedSend::new(apart(number), origin, None)).collect()
    };
    let shield = budget(30);
    let strangers = stores.admit_at_once(&crowd(SendOrigin::Stranger), &shield, minute(0)).await;
    assert_eq!(admitted(&strangers), 24);
    let blind = stores.admit_at_once(&crowd(SendOrigin::Blind), &shield, minute(1)).await;
    assert_eq!(admitted(&blind), 3);
    let owners = stores.admit_at_once(&crowd(SendOrigin::Owner), &shield, minute(2)).await;
    assert_eq!(admitted(&owners), 3);
    let all = [strangers, blind, owners].concat();
    assert_eq!(warnings(&all), [50, 80, 100]);
}

pub async fn d_10_money_is_bounded_by_what_messages_cost(stores: &Stores) {
    let country_money = Ceiling { hour: Some(1_000), day: None };
    let budget =
        Budget { mode: RuleMode::Block, messages: Ceiling::default(), country_money, ..Budget::default() };
    let shield = Shield { budget, ..idle() };
    let costing = |send, cost| ShieldedSend { cost: Money(cost), ..send };
    let people: Vec<ShieldedSend> = (0..CROWD).map(|number| costing(owner(apart(number)), 100)).collect();
    assert_eq!(admitted(&stores.admit_at_once(&people, &shield, minute(0)).await), 10);
    let german = costing(owner(PhoneNumber::from_stored("+4915112345678").unwrap()), 1);
    assert!(stores.is_admitted(&german, &shield, minute(1)).await, "another country");
    let seen = stores.shield.observe(&people[0], minute(1)).await.unwrap();
    assert_eq!(seen.country_usage.hour.cost, Money(1_000));
    assert_eq!(seen.usage.hour.cost, Money(1_001));
}

pub async fn sm_07_a_prefix_gets_three_codes_of_50_concurrent_strangers_and_is_then_blocked(stores: &Stores) {
    let sends: Vec<ShieldedSend> = (0..CROWD).map(|number| stranger(phone(number))).collect();
    let shield = unanswered(3);
    assert_eq!(admitted(&stores.admit_at_once(&sends, &shield, minute(0)).await), 3);
    assert!(stores.shield.list_blocks(minute(1)).await.unwrap().is_empty(), "they may still be entered");

    assert_eq!(admitted(&stores.admit_at_once(&sends, &shield, minute(3)).await), 0);
    let blocks = stores.shield.list_blocks(minute(4)).await.unwrap();
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].scope, ShieldScope::Prefix(sends[0].prefix()));
    assert_eq!((blocks[0].block.rule, blocks[0].block.until), (ShieldRule::Unanswered, minute(63)));
    assert_eq!((blocks[0].strikes, blocks[0].block.refused), (1, CROWD - 1));
    assert!(stores.is_admitted(&owner(phone(1)), &shield, minute(5)).await, "owners are not blocked");
}

pub async fn sm_07_an_operator_takes_a_block_away(stores: &Stores) {
    let (send, shield) = (stranger(phone(1)), unanswered(1));
    let scope = ShieldScope::Prefix(send.prefix());
    assert!(!stores.shield.unblock(&scope).await.unwrap(), "there is nothing");
    assert!(stores.is_admitted(&send, &shield, minute(0)).await);
    assert!(!stores.is_admitted(&stranger(phone(2)), &shield, minute(5)).await);
    assert!(stores.shield.unblock(&scope).await.unwrap());
    assert!(stores.shield.list_blocks(minute(5)).await.unwrap().is_empty());
    assert!(stores.is_admitted(&stranger(phone(3)), &shield, minute(6)).await);
}

pub async fn sm_07_a_block_that_nobody_knocks_at_heals_by_one_code_that_is_entered(stores: &Stores) {
    let shield = unanswered(1);
    assert!(stores.is_admitted(&stranger(phone(1)), &shield, minute(0)).await);
    assert!(!stores.is_admitted(&stranger(phone(2)), &shield, minute(3)).await, "blocked for an hour");
    assert!(stores.is_admitted(&stranger(person(7).phone), &shield, minute(64)).await, "this tries it out");
    assert!(!stores.is_admitted(&stranger(phone(3)), &shield, minute(65)).await, "the answer is awaited");

    stores.register(person(7), minute(65)).await;
    let ruling = stores.admit(&stranger(phone(3)), &shield, minute(65)).await;
    assert_eq!(ruling.verdict, Verdict::Admit);
    assert!(ruling.findings.iter().any(|finding| finding.outcome == Outcome::Heal), "{ruling:?}");
}

pub async fn sm_07_a_block_at_which_more_was_tried_is_renewed_for_twelve_hours(stores: &Stores) {
    let shield = unanswered(1);
    assert!(stores.is_admitted(&stranger(phone(1)), &shield, minute(0)).await);
    for number in 2..10 {
        assert!(!stores.is_admitted(&stranger(phone(number)), &shield, minute(3)).await);
    }
    assert!(!stores.is_admitted(&stranger(phone(20)), &shield, minute(64)).await);
    let blocks = stores.shield.list_blocks(minute(64)).await.unwrap();
    assert_eq!((blocks[0].strikes, blocks[0].block.until), (2, minute(64 + 12 * 60)));
    // Nobody tries any more.
    assert!(stores.is_admitted(&stranger(phone(21)), &shield, minute(65 + 12 * 60)).await);
}

pub async fn d_09_a_country_whose_codes_nobody_enters_is_stopped_and_comes_free(stores: &Stores) {
    let mode = RuleMode::Block;
    let conversion = ConversionRule { mode, least_sends: 30, warn_percent: 40, stop_percent: 20 };
    let shield = Shield { conversion, ..idle() };
    let sends: Vec<ShieldedSend> = (0..CROWD).map(|number| stranger(apart(number))).collect();
    assert_eq!(admitted(&stores.admit_at_once(&sends, &shield, minute(0)).await), 30);
    let late = stores.admit_at_once(&sends, &shield, minute(10)).await;
    assert_eq!(admitted(&late), 0);
    let blocks = stores.shield.list_blocks(minute(10)).await.unwrap();
    assert_eq!(blocks[0].scope.to_string(), "SE");
    assert_eq!((blocks[0].block.rule, blocks[0].block.until), (ShieldRule::Conversion, minute(70)));
    assert!(stores.is_admitted(&owner(phone(1)), &shield, minute(11)).await, "owners are not stopped");
    let healed = stores.admit(&sends[0], &shield, minute(71)).await;
    assert!(healed.findings.iter().any(|finding| finding.outcome == Outcome::Heal), "{healed:?}");
    assert_eq!(healed.verdict, Verdict::Admit);
    let again = stores.admit(&sends[1], &shield, minute(72)).await;
    assert!(again.findings.is_empty(), "told once: {again:?}");
}

pub async fn d_09_a_code_that_is_entered_is_counted_with_its_number_whatever_it_opens(stores: &Stores) {
    let send = |origin| ShieldedSend::new(phone(1), origin, None);
    let strangers = stranger(phone(1));
    let (user, session_of_user) = stores.register(person(1), minute(0)).await;
    assert_eq!(stores.count_entered(&strangers, minute(1)).await, (1, 1, 1));

    stores.sign_in(&user, &session(minute(2)), minute(2)).await;
    assert_eq!(stores.count_entered(&send(SendOrigin::Owner), minute(3)).await, (1, 1, 1));

    let challenge = phone_change(&user, session_of_user.id, phone(2));
    let attempt = stores.attempt_of(&challenge, minute(4)).await;
    let disclosure = event(EventName::UserExistsDisclosed);
    let change = PhoneChange { kept: session_of_user.id, event: event(EventName::PhoneChange), disclosure };
    let changed = stores.challenges.change_phone(&attempt, &change, minute(4)).await.unwrap();
    assert!(matches!(changed, Redeemed::Done(_)));
    assert_eq!(stores.count_entered(&strangers, minute(5)).await, (2, 2, 2));

    let challenge = stores.open(&reset(user.email.clone(), Some(user.id)), minute(6)).await.challenge;
    let unseen = unseen(&challenge.id, phone(2));
    assert!(stores.challenges.reserve_unseen(&unseen, minute(9)).await.unwrap());
    let attempt = stores.take(&challenge.id, minute(9)).await;
    let reset = PasswordReset { new: password(9), event: event(EventName::PasswordReset) };
    assert!(stores.challenges.reset_password(&attempt, &reset, minute(9)).await.unwrap());
    assert!(!stores.challenges.reset_password(&attempt, &reset, minute(9)).await.unwrap());
    assert_eq!(stores.count_entered(&send(SendOrigin::Blind), minute(10)).await, (1, 1, 1), "once");
}

pub async fn sm_07_a_code_that_is_entered_makes_up_for_three_and_for_no_more_than_there_are(stores: &Stores) {
    let shield = unanswered(10);
    for number in 10..15 {
        assert!(stores.is_admitted(&stranger(phone(number)), &shield, minute(0)).await);
    }
    let left = async |now| stores.shield.observe(&stranger(phone(1)), now).await.unwrap().prefix.unanswered;
    assert_eq!(left(minute(0)).await, 5);
    let (user, _) = stores.register(person(1), minute(1)).await;
    assert_eq!(left(minute(1)).await, 2);
    stores.sign_in(&user, &session(minute(5)), minute(5)).await;
    assert_eq!(left(minute(5)).await, 2, "what owners enter says nothing of strangers");
    stores.register(person(2), minute(6)).await;
    assert_eq!(left(minute(6)).await, 0);
}

pub async fn sm_07_a_message_that_never_left_is_taken_back(stores: &Stores) {
    let shield = unanswered(1);
    let send = ShieldedSend { cost: Money(7), ..stranger(phone(1)) };
    assert!(stores.is_admitted(&send, &shield, minute(0)).await);
    stores.shield.take_back(&send, minute(0)).await.unwrap();
    let seen = stores.shield.observe(&send, minute(1)).await.unwrap();
    assert_eq!((seen.usage.day.sent, seen.usage.day.cost, seen.prefix.unanswered), (0, Money(0), 0));
    assert!(stores.is_admitted(&stranger(phone(2)), &shield, minute(1)).await);
}

pub async fn sm_07_neighbouring_numbers_and_repeats_are_seen(stores: &Stores) {
    // The last one is further away than 20.
    for number in [100, 101, 119, 125] {
        stores.open(&registration(number), minute(0)).await;
    }
    let seen = stores.shield.observe(&stranger(phone(100)), minute(1)).await.unwrap();
    assert_eq!((seen.neighbours, seen.repeats), (3, 0), "a number is no exception among its neighbours");

    let opened = stores.open(&registration(300), minute(0)).await;
    let again = stores.resend(&resend(&opened.challenge.id), minute(3)).await.unwrap();
    let other = stores.open(&registration_of(person_with_phone(301, phone(300))), minute(6)).await;
    let seen = async |opened: &Opened| {
        let reference = Some(reserved(opened).reference);
        let send = ShieldedSend::new(phone(300), SendOrigin::Stranger, reference);
        let seen = stores.shield.observe(&send, minute(6)).await.unwrap();
        (seen.neighbours, seen.repeats)
    };
    assert_eq!([seen(&opened).await, seen(&again).await], [(1, 1), (1, 1)], "the one repeats the other");
    assert_eq!(seen(&other).await, (1, 0), "and nobody else is told of either");
    let seen = stores.shield.observe(&owner(phone(100)), minute(1)).await.unwrap();
    assert_eq!((seen.neighbours, seen.repeats), (0, 0), "nobody looks");
    let seen = stores.shield.observe(&stranger(phone(100)), minute(61)).await.unwrap();
    assert_eq!((seen.neighbours, seen.repeats), (0, 0), "the hour is over");

    let sequence = SequenceRule { mode: RuleMode::Block, most: 2 };
    let shield = Shield { sequence, ..idle() };
    assert!(stores.is_admitted(&stranger(phone(100)), &shield, minute(1)).await);
    assert!(stores.is_admitted(&stranger(phone(101)), &shield, minute(1)).await);
    assert!(!stores.is_admitted(&stranger(phone(102)), &shield, minute(1)).await, "the third of a run");
}

pub async fn sm_07_who_waited_gets_one_code_more_and_whoever_comes_new_does_not(stores: &Stores) {
    // Under attack from the first code on that nobody entered.
    let guard = Guard { country: 1, service: 1, blocked_prefixes: 1 };
    let shield = Shield {
        guard,
        unanswered: UnansweredRule { mode: RuleMode::Block, most: 3, most_guarded: 1 },
        ..idle()
    };
    assert!(stores.is_admitted(&stranger(phone(1)), &shield, minute(0)).await);
    let opened = stores.open(&registration(2), minute(3)).await;
    let of =
        |opened: &Opened| ShieldedSend::new(phone(2), SendOrigin::Stranger, Some(reserved(opened).reference));
    assert!(!stores.is_admitted(&of(&opened), &shield, minute(3)).await);
    stores.settle_not_sent(reserved(&opened).reference).await;
    let again = stores.resend(&resend(&opened.challenge.id), minute(8)).await.unwrap();
    assert!(stores.is_admitted(&of(&again), &shield, minute(8)).await, "it began five minutes ago");

    let newcomer = stores.open(&registration(3), minute(8)).await;
    let send = ShieldedSend::new(phone(3), SendOrigin::Stranger, Some(reserved(&newcomer).reference));
    assert!(!stores.is_admitted(&send, &shield, minute(11)).await, "three minutes are not enough");
}

pub async fn sm_07_looking_changes_nothing(stores: &Stores) {
    let send = stranger(phone(1));
    let before = stores.shield.observe(&send, minute(0)).await.unwrap();
    assert_eq!(before, domain::Observations::default());
    assert_eq!(stores.shield.observe(&send, minute(0)).await.unwrap(), before);
}

pub async fn sm_10_a_puzzle_is_used_up_by_one_of_50(stores: &Stores) {
    let spend = || stores.shield.spend_puzzle("puzzle", minute(10));
    let won = join_all((0..CROWD).map(|_| spend())).await;
    assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
    assert!(stores.shield.spend_puzzle("another", minute(10)).await.unwrap());
}

pub async fn sm_10_starts_are_counted_whatever_becomes_of_them(stores: &Stores) {
    let sweden = stranger(phone(1)).country;
    let start = async |now| stores.shield.count_start(sweden, now).await.unwrap();
    join_all((0..CROWD).map(|_| start(minute(0)))).await;
    assert!(stores.is_admitted(&stranger(phone(1)), &idle(), minute(1)).await);
    let starts = start(minute(1)).await;
    assert_eq!(starts.in_hour, u64::from(CROWD));
    assert_eq!((starts.country_hour.sent, starts.service_hour.sent), (1, 1));
    assert_eq!(start(minute(70)).await.in_hour, 0, "the hour is over");
}

pub async fn sm_07_what_no_rule_looks_at_is_forgotten(stores: &Stores) {
    let shield = unanswered(1);
    assert!(stores.is_admitted(&stranger(phone(1)), &shield, minute(0)).await);
    stores.shield.spend_puzzle("puzzle", minute(10)).await.unwrap();
    assert_eq!(stores.shield.forget_sends(minute(5), 100).await.unwrap(), 0);
    // Three pieces of statistics and the puzzle, a few at a time.
    let day = SignedDuration::from_hours(24) + SignedDuration::from_mins(10);
    let late = minute(0) + day;
    assert!(stores.shield.forget_sends(late, 2).await.unwrap() >= 2);
    stores.shield.forget_sends(late, 100).await.unwrap();
    assert_eq!(stores.shield.forget_sends(late, 100).await.unwrap(), 0);
    assert_eq!(stores.shield.forget_sends(hour(24 * 8), 100).await.unwrap(), 1, "the state");
}
