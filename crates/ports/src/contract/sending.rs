//! Further messages, and how sends are settled.

use domain::{Channel, ProviderId};
use futures_util::future::join_all;

use super::{
    Stores,
    fixtures::{
        COOLDOWN, CROWD, MICROSECOND, TTL, fresh_challenge_id, login, person, registration, resend, reserved,
        sends, session, start,
    },
};
use crate::{Proof, Redeemed, Resend, SendDecision};

pub async fn a_resend_waits_for_the_cooldown(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let id = &opened.challenge.id;

    let early = stores.resend(&resend(id), start() + COOLDOWN - MICROSECOND).await.expect("it lives");
    assert_eq!((early.send, early.challenge), (SendDecision::Held, opened.challenge.clone()));

    let asked = resend(id);
    let on_time = stores.resend(&asked, start() + COOLDOWN).await.expect("it lives");
    assert_eq!(reserved(&on_time).reference, asked.reference);
    assert_eq!(reserved(&on_time).locale, opened.challenge.locale);
    assert_eq!(on_time.challenge.sends, 2);
    assert_eq!(on_time.challenge.number_last_sent_at, Some(start() + COOLDOWN));
}

pub async fn rc_05_one_of_50_concurrent_resends_sends(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let asked: Vec<Resend> = (0..CROWD).map(|_| resend(&opened.challenge.id)).collect();
    let now = start() + COOLDOWN;

    let answers = join_all(asked.iter().map(|resend| stores.resend(resend, now))).await;

    assert_eq!(answers.iter().flatten().filter(|answer| sends(answer)).count(), 1);
    let state = stores.resend(&resend(&opened.challenge.id), now).await.expect("it lives").challenge;
    assert_eq!(state.sends, 2);
}

pub async fn a_closed_challenge_sends_nothing_more(stores: &Stores) {
    assert_eq!(stores.resend(&resend(&fresh_challenge_id()), start()).await, None);

    let expired = stores.open(&registration(1), start()).await;
    assert_eq!(stores.resend(&resend(&expired.challenge.id), start() + TTL).await, None);

    let exhausted = stores.open(&registration(2), start()).await;
    stores.exhaust(&exhausted.challenge.id, start()).await;
    assert_eq!(stores.resend(&resend(&exhausted.challenge.id), start() + COOLDOWN).await, None);
}

pub async fn asvs_6_6_3_a_resend_never_raises_the_attempts(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let id = &opened.challenge.id;
    stores.take(id, start()).await;
    stores.take(id, start()).await;

    let resent = stores.resend(&resend(id), start() + COOLDOWN).await.expect("it lives");

    assert!(sends(&resent));
    assert_eq!(resent.challenge.attempts_left, 3);
    assert_eq!(stores.take(id, start() + COOLDOWN).await.attempts_left, 2);
}

pub async fn a_resend_prolongs_nothing_and_may_change_the_channel(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let spoken = Resend { channel: Channel::Voice, ..resend(&opened.challenge.id) };

    let resent = stores.resend(&spoken, start() + COOLDOWN).await.expect("it lives");

    assert_eq!(resent.challenge.expires_at, start() + TTL);
    assert_eq!((resent.challenge.channel, reserved(&resent).channel), (Channel::Voice, Channel::Voice));
    assert_eq!(stores.take(&opened.challenge.id, start() + COOLDOWN).await.channel, Channel::Voice);
    assert!(stores.is_closed(&opened.challenge.id, start() + TTL).await);
}

pub async fn resends_end_at_the_limit(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let id = &opened.challenge.id;
    for count in 1..=2 {
        assert!(sends(&stores.resend(&resend(id), start() + COOLDOWN * count).await.expect("it lives")));
    }

    let over = stores.resend(&resend(id), start() + COOLDOWN * 3).await.expect("it lives");

    assert_eq!((over.send, over.challenge.sends), (SendDecision::Held, 3));
}

pub async fn a_settled_send_is_what_codes_are_checked_against(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    stores.settle_sent(reserved(&opened).reference, "first").await;
    let id = &opened.challenge.id;

    let attempt = stores.take(id, start()).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (Some(ProviderId("first".to_owned())), None));

    let resent = stores.resend(&resend(id), start() + COOLDOWN).await.expect("it lives");
    stores.settle_sent(reserved(&resent).reference, "second").await;
    let attempt = stores.take(id, start() + COOLDOWN).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (Some(ProviderId("second".to_owned())), None));
}

pub async fn rc_06_an_unsettled_send_is_told_to_whoever_guesses(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let id = &opened.challenge.id;
    let attempt = stores.take(id, start()).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (None, Some(reserved(&opened).reference)));

    stores.settle_sent(reserved(&opened).reference, "first").await;
    let resent = stores.resend(&resend(id), start() + COOLDOWN).await.expect("it lives");
    let attempt = stores.take(id, start() + COOLDOWN).await;
    assert_eq!(attempt.provider_id, Some(ProviderId("first".to_owned())));
    assert_eq!(attempt.unsettled, Some(reserved(&resent).reference));
}

pub async fn a_send_that_never_left_costs_nothing(stores: &Stores) {
    let quotas = domain::Quotas { phone: Some(domain::Quota::per_hour(1)), ..Default::default() };
    let mut asked = registration(1);
    asked.limits.quotas = quotas;
    let opened = stores.open(&asked, start()).await;

    stores.settle_not_sent(reserved(&opened).reference).await;

    let mut again = registration(1);
    again.limits.quotas = quotas;
    let second = stores.open(&again, start() + MICROSECOND).await;
    assert_eq!(reserved(&second).reference, again.reference);
    assert_eq!(second.challenge.id, opened.challenge.id);
    assert_eq!(second.challenge.sends, 1);
    assert_eq!(second.challenge.number_last_sent_at, Some(start() + MICROSECOND));
}

pub async fn a_send_that_never_left_leaves_the_earlier_code_valid(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    stores.settle_sent(reserved(&opened).reference, "first").await;
    let id = &opened.challenge.id;
    let now = start() + COOLDOWN;
    let resent = stores.resend(&resend(id), now).await.expect("it lives");

    stores.settle_not_sent(reserved(&resent).reference).await;

    let attempt = stores.take(id, now).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (Some(ProviderId("first".to_owned())), None));
    let again = stores.resend(&resend(id), now).await.expect("it lives");
    assert!(sends(&again));
    assert_eq!(again.challenge.sends, 2);
}

pub async fn a_call_that_was_never_made_leaves_the_text_before_it_valid(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    stores.settle_sent(reserved(&opened).reference, "first").await;
    let id = &opened.challenge.id;
    let now = start() + COOLDOWN;
    let spoken = Resend { channel: Channel::Voice, ..resend(id) };
    let resent = stores.resend(&spoken, now).await.expect("it lives");

    stores.settle_not_sent(reserved(&resent).reference).await;

    let attempt = stores.take(id, now).await;
    assert_eq!((attempt.provider_id, attempt.channel), (Some(ProviderId("first".to_owned())), Channel::Sms));
}

pub async fn a_call_that_was_never_made_leaves_a_text_that_may_have_arrived_valid(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let unsettled = reserved(&opened).reference;
    let (id, now) = (&opened.challenge.id, start() + COOLDOWN);
    let spoken = Resend { channel: Channel::Voice, ..resend(id) };
    let resent = stores.resend(&spoken, now).await.expect("it lives");

    stores.settle_not_sent(reserved(&resent).reference).await;

    let attempt = stores.take(id, now).await;
    assert_eq!(
        (attempt.provider_id, attempt.unsettled, attempt.channel),
        (None, Some(unsettled), Channel::Sms)
    );
}

pub async fn asvs_6_5_1_a_message_that_was_never_sent_brings_no_used_code_back(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let now = start() + COOLDOWN;
    let first = stores.open(&login(&user), now).await;
    stores.settle_sent(reserved(&first).reference, "first").await;
    let attempt = stores.take(&first.challenge.id, now).await;
    let signed_in = stores.challenges.redeem_login(&attempt, &Proof::SentCode, &session(now)).await;
    assert!(matches!(signed_in.expect("redeem_login"), Redeemed::Done(_)));
    let again = stores.open(&login(&user), now + MICROSECOND).await;
    assert_eq!(again.send, SendDecision::Held);
    let id = &again.challenge.id;
    let resent = stores.resend(&resend(id), now + COOLDOWN).await.expect("it lives");

    stores.settle_not_sent(reserved(&resent).reference).await;

    let attempt = stores.take(id, now + COOLDOWN).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (None, None), "nothing was sent for it");
}

pub async fn settling_an_outdated_send_has_no_effect(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let id = &opened.challenge.id;
    let now = start() + COOLDOWN;
    let resent = stores.resend(&resend(id), now).await.expect("it lives");
    let (outdated, current) = (reserved(&opened).reference, reserved(&resent).reference);

    stores.settle_sent(outdated, "outdated").await;
    stores.settle_not_sent(outdated).await;

    let attempt = stores.take(id, now).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (None, Some(current)));
    let held = stores.resend(&resend(id), now + MICROSECOND).await.expect("it lives");
    assert_eq!(held.send, SendDecision::Held, "the later send keeps the number's cooldown");
}
