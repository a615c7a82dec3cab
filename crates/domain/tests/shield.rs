//! What the fraud shield says to what was counted.

#![expect(clippy::unwrap_used, reason = "in a test it is the failure")]

use domain::{
    Budget, Ceiling, CountryCode, Finding, Money, NumberPrefix, Observations, Outcome, PhoneNumber, RuleMode,
    Ruling, ScopeState, SendOrigin, Shield, ShieldBlock, ShieldRule, ShieldScope, Tally, Usage, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const ORIGINS: [SendOrigin; 3] = SendOrigin::ALL;

fn now() -> Timestamp {
    "2026-03-14T15:09:26Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn ahead(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

fn prefix() -> NumberPrefix {
    NumberPrefix::of(&PhoneNumber::from_stored("+46701234567").unwrap())
}

fn sweden() -> Option<CountryCode> {
    CountryCode::parse("SE").ok()
}

const COST: Money = Money(75_000);

fn judge(shield: &Shield, origin: SendOrigin, seen: &Observations) -> Ruling {
    shield.judge(origin, &prefix(), sweden(), COST, seen, now())
}

fn blocking() -> Shield {
    Shield::with_every_rule(RuleMode::Block)
}

fn stranger(seen: &Observations) -> Ruling {
    judge(&blocking(), SendOrigin::Stranger, seen)
}

fn tally(sent: u64, entered: u64) -> Tally {
    Tally { sent, entered, cost: Money(0) }
}

/// The rule that refuses, and until when in minutes; `None` when the message is sent.
fn refusal(ruling: &Ruling) -> Option<(ShieldRule, i64)> {
    match &ruling.verdict {
        Verdict::Admit => None,
        Verdict::Refuse(it) => Some((it.rule, it.retry_at.duration_since(now()).as_mins())),
    }
}

fn after(unanswered: u32, minutes: i64) -> Observations {
    let prefix =
        ScopeState { version: 1, unanswered, last_sent_at: Some(ago(minutes)), ..Default::default() };
    Observations { prefix, ..Default::default() }
}

fn blocked(ends_in: i64, refused: u32, last_sent: i64) -> Observations {
    let rule = ShieldRule::Unanswered;
    let prefix = ScopeState {
        unanswered: 3,
        strikes: 1,
        struck_at: Some(ahead(ends_in - 60)),
        block: Some(ShieldBlock { rule, until: ahead(ends_in), refused }),
        ..after(3, last_sent).prefix
    };
    Observations { prefix, ..Default::default() }
}

#[test]
fn a_first_message_is_sent_whoever_asks() {
    for origin in ORIGINS {
        let ruling = judge(&blocking(), origin, &Observations::default());
        assert_eq!(refusal(&ruling), None);
        assert!(ruling.findings.is_empty(), "{ruling:?}");
    }
}

#[test]
fn sm_07_the_fourth_code_that_nobody_enters_waits_and_then_blocks() {
    assert_eq!(refusal(&stranger(&after(2, 1))), None);
    let waiting = stranger(&after(3, 1));
    assert_eq!(refusal(&waiting), Some((ShieldRule::Unanswered, 1)), "it may still be entered");
    assert_eq!(waiting.prefix, None, "nothing is held against the prefix yet");
    let struck = stranger(&after(3, 2));
    assert_eq!(refusal(&struck), Some((ShieldRule::Unanswered, 60)));
    assert_eq!(struck.prefix.unwrap().block.unwrap().until, ahead(60));
}

#[test]
fn sm_07_a_code_that_nobody_entered_is_forgotten_in_six_hours() {
    assert!(refusal(&stranger(&after(3, 6 * 60 - 1))).is_some());
    let ruling = stranger(&after(3, 6 * 60));
    assert_eq!(refusal(&ruling), None);
    assert_eq!(ruling.prefix.unwrap().unanswered, 3, "two of the old ones, and this");
}

#[test]
fn sm_07_under_attack_a_prefix_gets_one_code_until_it_is_entered() {
    let attacks = [
        Observations { country_hour: tally(8, 0), ..Default::default() },
        Observations { service_hour: tally(24, 2), ..Default::default() },
        Observations { blocked_prefixes: 5, ..Default::default() },
    ];
    for attack in attacks {
        assert!(blocking().is_guarded(&attack));
        assert_eq!(refusal(&stranger(&attack)), None, "another prefix");
        let second = Observations { prefix: after(1, 1).prefix, ..attack };
        assert_eq!(refusal(&stranger(&second)), Some((ShieldRule::Unanswered, 1)));
        let repeated = Observations { repeats: 1, ..second };
        assert_eq!(refusal(&stranger(&repeated)), None, "a lost message is sent again");
        let again = Observations { repeats: 2, prefix: after(2, 1).prefix, ..repeated };
        assert_eq!(refusal(&stranger(&again)), Some((ShieldRule::Unanswered, 1)), "once");
    }
    let busy =
        Observations { country_hour: tally(100, 50), service_hour: tally(200, 100), ..Default::default() };
    assert!(!blocking().is_guarded(&busy), "half of the codes are entered");
}

#[test]
fn sm_07_a_block_is_tried_out_by_one_code_unless_more_was_tried_meanwhile() {
    assert_eq!(refusal(&stranger(&blocked(10, 0, 90))), Some((ShieldRule::Unanswered, 10)));
    let quiet = stranger(&blocked(-1, Shield::STILL_TRIED, 90));
    assert_eq!(refusal(&quiet), None);
    assert_eq!(quiet.prefix.unwrap().unanswered, 3, "one more, and no other");
    let renewed = stranger(&blocked(-1, Shield::STILL_TRIED + 1, 90));
    assert_eq!(refusal(&renewed), Some((ShieldRule::Unanswered, 12 * 60)));
    assert_eq!(renewed.prefix.unwrap().strikes, 2);
}

#[test]
fn sm_07_the_code_that_tries_a_prefix_out_decides() {
    let waiting = stranger(&blocked(-1, 0, 1));
    assert_eq!(refusal(&waiting), Some((ShieldRule::Unanswered, 1)));
    let failed = stranger(&blocked(-5, 0, 3));
    assert_eq!(refusal(&failed), Some((ShieldRule::Unanswered, 12 * 60)));

    let mut entered = blocked(-5, 0, 3);
    entered.prefix.unanswered = 0;
    let healed = stranger(&entered);
    assert_eq!(refusal(&healed), None);
    assert_eq!(healed.findings[0].outcome, Outcome::Heal);
    let state = healed.prefix.unwrap();
    assert_eq!((state.block, state.strikes, state.unanswered), (None, 0, 1));
}

#[test]
fn sm_07_a_run_of_neighbours_is_refused_unless_they_enter_their_codes() {
    let run =
        |sent, entered| Observations { neighbours: 2, prefix_hour: tally(sent, entered), ..after(2, 3) };
    assert_eq!(refusal(&stranger(&run(2, 0))), Some((ShieldRule::Sequence, 60)));
    assert_eq!(refusal(&stranger(&run(4, 2))), None, "a family");
    assert_eq!(refusal(&stranger(&Observations { neighbours: 1, ..run(2, 0) })), None);
    assert_eq!(refusal(&judge(&blocking(), SendOrigin::Owner, &run(2, 0))), None);
}

#[test]
fn d_08_a_prefix_gets_ten_messages_an_hour_but_owners_any_number() {
    let seen = |sent| Observations { prefix_hour: tally(sent, sent), ..Default::default() };
    for origin in [SendOrigin::Stranger, SendOrigin::Blind] {
        assert_eq!(refusal(&judge(&blocking(), origin, &seen(9))), None);
        assert_eq!(refusal(&judge(&blocking(), origin, &seen(10))), Some((ShieldRule::Velocity, 5)));
    }
    assert_eq!(refusal(&judge(&blocking(), SendOrigin::Owner, &seen(1_000))), None);
}

#[test]
fn d_09_a_country_is_stopped_below_a_fifth_of_thirty_for_an_hour_then_for_twelve() {
    let seen = |sent, entered, last: i64| {
        let country = ScopeState { last_sent_at: Some(ago(last)), ..Default::default() };
        Observations { country_hour: tally(sent, entered), country, ..Default::default() }
    };
    assert_eq!(refusal(&stranger(&seen(29, 0, 5))), None);
    assert_eq!(refusal(&stranger(&seen(30, 6, 5))), None, "a fifth");
    assert_eq!(
        refusal(&stranger(&seen(30, 5, 1))),
        Some((ShieldRule::Conversion, 1)),
        "it may still be entered"
    );
    let stopped = stranger(&seen(30, 5, 2));
    assert_eq!(refusal(&stopped), Some((ShieldRule::Conversion, 60)));

    let mut again = seen(40, 5, 2);
    again.country = ScopeState { block: None, ..stopped.country.unwrap() };
    assert_eq!(refusal(&stranger(&again)), Some((ShieldRule::Conversion, 12 * 60)));
    again.country.struck_at = Some(ago(25 * 60));
    assert_eq!(refusal(&stranger(&again)), Some((ShieldRule::Conversion, 60)), "forgotten in a day");
    for origin in [SendOrigin::Blind, SendOrigin::Owner] {
        assert_eq!(refusal(&judge(&blocking(), origin, &seen(100, 0, 5))), None);
    }
}

#[test]
fn d_09_operators_are_warned_once_below_two_fifths() {
    let warned = |sent, entered| {
        let seen = Observations { country_hour: tally(sent, entered), ..Default::default() };
        let findings = judge(&blocking(), SendOrigin::Owner, &seen).findings;
        findings.into_iter().map(|finding| finding.outcome).collect::<Vec<_>>()
    };
    assert_eq!(warned(29, 11), [Outcome::Warning(40)]);
    assert_eq!(warned(30, 11), [], "it was said");
    assert_eq!(warned(39, 16), []);
    assert_eq!(warned(40, 16), [Outcome::Warning(40)]);
}

#[test]
fn d_10_the_budget_of_a_day_ends_for_strangers_before_it_ends_for_owners() {
    let seen = |sent| {
        let day = tally(sent, 0);
        Observations { usage: Usage { day, ..Usage::default() }, ..Default::default() }
    };
    for (origin, share) in ORIGINS.into_iter().zip([8_000, 9_000, 10_000]) {
        assert_eq!(refusal(&judge(&blocking(), origin, &seen(share - 1))), None);
        assert_eq!(refusal(&judge(&blocking(), origin, &seen(share))), Some((ShieldRule::Budget, 60)));
    }
    let owner = |sent| judge(&blocking(), SendOrigin::Owner, &seen(sent)).findings;
    assert_eq!(owner(7_999)[0].outcome, Outcome::Warning(80));
    assert!(owner(8_000).is_empty());
}

#[test]
fn d_10_a_country_has_a_budget_of_its_own() {
    let money = Ceiling { hour: Some(1_000_000), day: None };
    let shield = Shield {
        budget: Budget { country_money: money, reserve_percent: 0, ..Budget::default() },
        ..blocking()
    };
    let seen = |cost| {
        let hour = Tally { cost: Money(cost), ..Tally::default() };
        Observations { country_usage: Usage { hour, ..Usage::default() }, ..Default::default() }
    };
    assert_eq!(refusal(&judge(&shield, SendOrigin::Owner, &seen(925_000))), None);
    let refused = judge(&shield, SendOrigin::Owner, &seen(925_001));
    assert_eq!(refusal(&refused), Some((ShieldRule::Budget, 5)));
    assert_eq!(refused.findings[0].scope, ShieldScope::Country(sweden().unwrap()));
    assert!(refused.findings[0].reason.contains("0.92 of 1.00 of money an hour"), "{refused:?}");
}

#[test]
fn sm_07_a_rule_that_observes_refuses_nothing_and_tells_what_it_would() {
    let seen = Observations {
        prefix_hour: tally(50, 0),
        country_hour: tally(50, 0),
        neighbours: 9,
        usage: Usage { day: tally(20_000, 0), ..Usage::default() },
        ..after(9, 60)
    };
    let observing = Shield::with_every_rule(RuleMode::Observe);
    let ruling = judge(&observing, SendOrigin::Stranger, &seen);
    assert_eq!(refusal(&ruling), None);
    let would: Vec<ShieldRule> = ShieldRule::ALL
        .into_iter()
        .filter(|rule| {
            let says = |finding: &&Finding| finding.rule == *rule && finding.outcome == Outcome::WouldBlock;
            ruling.findings.iter().any(|finding| says(&finding))
        })
        .collect();
    assert_eq!(would, ShieldRule::ALL);
    let off = Shield::with_every_rule(RuleMode::Off);
    assert!(off.is_off() && !observing.is_off());
    assert!(judge(&off, SendOrigin::Stranger, &seen).findings.is_empty());
}

#[test]
fn sm_07_no_finding_shows_a_number() {
    let seen = Observations { neighbours: 9, prefix_hour: tally(50, 0), ..after(9, 60) };
    let text = format!("{:?}", stranger(&seen));
    assert!(text.contains("+4670123") && !text.contains("+46701234567"), "{text}");
}

fn observations() -> impl Strategy<Value = Observations> {
    let tallies = (0..40_u64, 0..40_u64).prop_map(|(sent, entered)| tally(sent, entered));
    (tallies.clone(), tallies, 0..6_u32, -120..120_i64, 0..4_u32, 0..10_u32, any::<bool>()).prop_map(
        |(prefix_hour, country_hour, unanswered, minutes, neighbours, refused, is_blocked)| {
            let state = if is_blocked {
                blocked(minutes, refused, 30).prefix
            } else {
                after(unanswered, minutes.abs()).prefix
            };
            Observations { prefix: state, prefix_hour, country_hour, neighbours, ..Default::default() }
        },
    )
}

proptest! {
    /// A code that is entered never makes it harder to get another.
    #[test]
    fn an_answer_never_hurts(seen in observations()) {
        let mut better = seen.clone();
        better.prefix.unanswered = better.prefix.unanswered.saturating_sub(Shield::ANSWER_CREDIT);
        better.prefix_hour.entered += 1;
        better.country_hour.entered += 1;
        if refusal(&stranger(&seen)).is_none() {
            prop_assert_eq!(refusal(&stranger(&better)), None);
        }
    }

    /// What is admitted leaves a mark, and what is refused is told.
    #[test]
    fn every_decision_leaves_a_trace(seen in observations()) {
        let ruling = stranger(&seen);
        match ruling.verdict {
            Verdict::Admit => prop_assert_eq!(ruling.prefix.unwrap().last_sent_at, Some(now())),
            Verdict::Refuse(objection) => {
                prop_assert!(objection.retry_at > now());
                prop_assert!(ruling.findings.iter().any(|it| it.outcome == Outcome::Block));
            }
        }
    }

    /// Whatever strangers do, it says nothing about owners.
    #[test]
    fn owners_are_never_refused_for_what_strangers_do(seen in observations()) {
        prop_assert_eq!(refusal(&judge(&blocking(), SendOrigin::Owner, &seen)), None);
    }
}

#[test]
fn sm_07_who_waited_five_minutes_may_have_one_code_more_than_others() {
    let waited = |minutes, seen: Observations| {
        stranger(&Observations { waited: SignedDuration::from_mins(minutes), ..seen })
    };
    let under_attack = |seen: Observations| Observations { service_hour: tally(100, 0), ..seen };
    assert!(refusal(&waited(4, under_attack(after(1, 10)))).is_some());
    let ruling = waited(5, under_attack(after(1, 10)));
    assert_eq!(refusal(&ruling), None);
    assert_eq!(ruling.prefix.map(|state| state.unanswered), Some(2), "it counts like any other");
    assert!(refusal(&waited(5, under_attack(after(1, 1)))).is_some(), "the one before may still be entered");
    assert!(refusal(&waited(60, under_attack(after(2, 10)))).is_some(), "there is one for all who wait");

    let of_one = |rule| {
        let mut seen = blocked(30, 9, 40);
        seen.prefix.unanswered = 1;
        seen.prefix.block = seen.prefix.block.map(|block| ShieldBlock { rule, ..block });
        seen
    };
    assert_eq!(refusal(&waited(5, of_one(ShieldRule::Unanswered))), None, "though the prefix is blocked");
    assert!(refusal(&waited(5, of_one(ShieldRule::Sequence))).is_some(), "a run of numbers waits, too");
}

#[test]
fn sm_07_who_may_have_one_code_more_is_told_when_to_ask_for_it() {
    let under_attack = |waited, seen: Observations| Observations {
        service_hour: tally(100, 0),
        waited: SignedDuration::from_mins(waited),
        ..seen
    };
    let unanswered = |minutes| Some((ShieldRule::Unanswered, minutes));
    assert_eq!(refusal(&stranger(&under_attack(0, after(1, 10)))), unanswered(5), "and not after the block");
    assert_eq!(refusal(&stranger(&under_attack(3, after(1, 10)))), unanswered(2));
    assert_eq!(refusal(&stranger(&under_attack(0, after(2, 10)))), unanswered(60), "there is none");
}

#[test]
fn sm_07_waiting_neither_heals_a_prefix_nor_hides_a_run_of_numbers() {
    let waited = |seen: Observations| {
        stranger(&Observations { waited: SignedDuration::from_mins(10), service_hour: tally(100, 0), ..seen })
    };
    let mut over = blocked(-1, 9, 70);
    over.prefix.unanswered = 1;
    assert!(refusal(&waited(over)).is_some(), "a block at which many knocked is renewed");
    let run = Observations { neighbours: 2, prefix_hour: tally(2, 0), ..after(1, 10) };
    assert_eq!(refusal(&waited(run)).map(|(rule, _)| rule), Some(ShieldRule::Sequence));
}
