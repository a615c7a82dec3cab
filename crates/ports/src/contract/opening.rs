//! Opening challenges: which are the same, and who may send.

use std::collections::HashSet;

use domain::{Channel, Purpose, SignInName};
use futures_util::future::{join, join_all};

use super::{
    Stores,
    fixtures::{
        COOLDOWN, CROWD, MICROSECOND, TTL, change, email, key_of, login, login_with, minute, password,
        person, person_with_phone, phone, policy, registration, registration_of, resend, reserved, sends,
        start, step_up, step_up_with,
    },
};
use crate::{NewChallenge, PendingRegistration, SendDecision};

pub async fn an_opened_challenge_is_shown_as_it_was_asked_for(stores: &Stores) {
    let asked = NewChallenge { channel: Channel::Whatsapp, ..registration(1) };

    let opened = stores.open(&asked, start()).await;

    let state = &opened.challenge;
    assert_eq!(state.id, asked.id);
    assert_eq!((state.purpose, state.channel), (Purpose::Registration, Channel::Whatsapp));
    assert_eq!((&state.phone, &state.locale, state.user_id), (&Some(phone(1)), &asked.locale, None));
    assert_eq!((state.attempts_left, state.sends), (5, 1));
    assert_eq!(state.number_last_sent_at, Some(start()));
    assert_eq!(state.expires_at, start() + TTL);
    let send = reserved(&opened);
    assert_eq!((send.reference, &send.challenge_id), (asked.reference, &asked.id));
    assert_eq!((&send.phone, send.channel, &send.locale), (&phone(1), Channel::Whatsapp, &asked.locale));

    let (user, _) = stores.register(person(2), start()).await;
    let opened = stores.open(&login(&user), start() + COOLDOWN).await;
    assert_eq!(opened.challenge.purpose, Purpose::Login);
    assert_eq!(opened.challenge.user_id, Some(user.id));
}

pub async fn rc_05_opening_again_finds_the_same_challenge(stores: &Stores) {
    let first = stores.open(&registration(1), start()).await;
    let again = stores.open(&registration(1), start() + MICROSECOND).await;

    assert_eq!(again.send, SendDecision::Held);
    assert_eq!(again.challenge, first.challenge);

    let (user, _) = stores.register(person(2), start()).await;
    let now = start() + COOLDOWN;
    let first = stores.open(&login(&user), now).await;
    let again = stores.open(&login(&user), now + MICROSECOND).await;
    assert_eq!((again.send, again.challenge), (SendDecision::Held, first.challenge));
}

pub async fn rc_02_another_password_or_email_is_another_challenge_of_the_same_code(stores: &Stores) {
    let first = stores.open(&registration(1), start()).await;
    let other_password = PendingRegistration { password_hash: password(2), ..person(1) };
    let others = [registration_of(other_password), registration_of(person_with_phone(2, phone(1)))];

    let mut ids = HashSet::from([first.challenge.id.clone()]);
    let attempt = stores.take(&first.challenge.id, start()).await;
    for other in others {
        let opened = stores.open(&other, start()).await;
        assert_eq!(opened.send, SendDecision::Held);
        assert_eq!(opened.challenge.id, other.id);
        assert_eq!(opened.challenge.attempts_left, 4, "the guesses are shared");
        let shared = stores.take(&opened.challenge.id, start()).await;
        assert_eq!(shared.verification_id, attempt.verification_id);
        stores.challenges.give_back(shared.spent(), 5).await.expect("give_back");
        ids.insert(opened.challenge.id);
    }
    assert_eq!(ids.len(), 3);
}

pub async fn rc_05_one_of_50_concurrent_openings_of_one_registration_sends(stores: &Stores) {
    let crowd: Vec<NewChallenge> = (0..CROWD).map(|_| registration(1)).collect();

    assert_eq!(stores.open_at_once(&crowd, start()).await, 1);

    let one = stores.open(&registration(1), start()).await;
    assert_eq!(one.challenge.sends, 1);
    assert!(crowd.iter().any(|challenge| challenge.id == one.challenge.id));
}

pub async fn rc_05_one_of_50_concurrent_openings_of_different_registrations_of_a_number_sends(
    stores: &Stores,
) {
    let crowd = || -> Vec<NewChallenge> {
        (0..CROWD).map(|number| registration_of(person_with_phone(number, phone(99)))).collect()
    };

    assert_eq!(stores.open_at_once(&crowd(), start()).await, 1);
    assert_eq!(stores.open_at_once(&crowd(), start() + COOLDOWN).await, 1);
}

pub async fn rc_05_one_of_50_concurrent_openings_for_different_purposes_sends(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let now = start() + COOLDOWN;
    let of = |number: u32| match number % 2 {
        0 => login(&user),
        _ => registration_of(person_with_phone(100 + number, user.phone.clone())),
    };
    let crowd: Vec<NewChallenge> = (0..CROWD).map(of).collect();

    assert_eq!(stores.open_at_once(&crowd, now).await, 1);
}

pub async fn a_number_may_get_one_more_message_after_the_cooldown(stores: &Stores) {
    stores.open(&registration(1), start()).await;

    let early = stores.open(&registration(1), start() + COOLDOWN - MICROSECOND).await;
    assert_eq!(early.send, SendDecision::Held);
    assert_eq!(early.challenge.number_last_sent_at, Some(start()));

    let crowd: Vec<NewChallenge> = (0..CROWD).map(|_| registration(1)).collect();
    let now = start() + COOLDOWN;
    assert_eq!(stores.open_at_once(&crowd, now).await, 1);
    let after = stores.open(&registration(1), now).await;
    assert_eq!(after.challenge.number_last_sent_at, Some(now));
    assert_eq!(after.challenge.expires_at, start() + TTL, "a send prolongs nothing");
}

pub async fn a_challenge_opened_in_the_cooldown_of_another_purpose_sends_later(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;

    let opened = stores.open(&login(&user), start() + MICROSECOND).await;

    assert_eq!(opened.send, SendDecision::Held);
    assert_eq!((opened.challenge.sends, opened.challenge.attempts_left), (0, 5));
    assert_eq!(opened.challenge.number_last_sent_at, Some(start()));
    assert_eq!(opened.challenge.resend_available_at(&policy()), Some(start() + COOLDOWN));
    let later = stores.resend(&resend(&opened.challenge.id), start() + COOLDOWN).await.expect("it lives");
    assert!(sends(&later));
    assert_eq!(later.challenge.sends, 1);
}

pub async fn sends_of_a_challenge_are_counted_and_end(stores: &Stores) {
    for (count, cooldowns) in (1..=3).zip(0..) {
        let opened = stores.open(&registration(1), start() + COOLDOWN * cooldowns).await;
        assert!(sends(&opened));
        assert_eq!(opened.challenge.sends, count);
    }

    let opened = stores.open(&registration(1), start() + COOLDOWN * 3).await;

    assert_eq!(opened.send, SendDecision::Held);
    assert_eq!(opened.challenge.sends, 3);
    assert_eq!(opened.challenge.resend_available_at(&policy()), None);
}

pub async fn a_challenge_ends_on_time_and_the_next_is_new(stores: &Stores) {
    let first = stores.open(&registration(1), start()).await;
    stores.take(&first.challenge.id, start()).await;
    let end = start() + TTL;

    let before = stores.open(&registration(1), end - MICROSECOND).await;
    assert_eq!(before.challenge.id, first.challenge.id);
    assert_eq!(before.challenge.expires_at, end);

    // The send just before the end holds the number back.
    let next = stores.open(&registration(1), end).await;
    assert_ne!(next.challenge.id, first.challenge.id);
    assert_eq!((next.challenge.attempts_left, next.challenge.sends), (5, 0));
    assert_eq!(next.challenge.expires_at, end + TTL);
    assert_eq!(next.send, SendDecision::Held);
    assert!(stores.is_closed(&first.challenge.id, end).await);
}

pub async fn a_later_challenge_of_a_number_keeps_its_code_for_its_whole_life(stores: &Stores) {
    let first = stores.open(&registration(1), start()).await;
    let middle = start() + COOLDOWN;
    let later = stores.open(&registration_of(person_with_phone(2, phone(1))), middle).await;

    assert_eq!(later.challenge.expires_at, middle + TTL);
    let again = stores.open(&registration(1), middle + COOLDOWN).await;
    assert_eq!((again.challenge.id, again.challenge.expires_at), (first.challenge.id.clone(), start() + TTL));
    let end = start() + TTL;
    assert!(stores.is_closed(&first.challenge.id, end).await);
    assert_eq!(stores.take(&later.challenge.id, middle + TTL - MICROSECOND).await.attempts_left, 4);
    assert!(stores.is_closed(&later.challenge.id, middle + TTL).await);
}

pub async fn a_deleted_account_opens_nothing_and_its_number_is_free_at_once(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let now = start() + COOLDOWN;
    assert!(stores.delete_account(user.id, now).await);

    for challenge in [login(&user), step_up(&user, session.id)] {
        assert_eq!(stores.try_open(&challenge, now).await, None);
        assert!(stores.is_closed(&challenge.id, now).await);
    }
    let anew = stores.open(&registration(1), now).await;
    assert_eq!((sends(&anew), anew.challenge.attempts_left), (true, 5));
}

pub async fn asvs_7_4_3_a_password_that_was_changed_meanwhile_opens_nothing(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    assert!(stores.change_password(&change(&user, 1, 2, session.id), start()).await);
    stores.record_failure(&key_of(&user), start()).await;

    for old in [login(&user), step_up(&user, session.id)] {
        assert_eq!(stores.try_open(&old, start() + COOLDOWN).await, None);
        assert!(stores.is_closed(&old.id, start() + COOLDOWN).await);
    }
    let found = stores.find_sign_in(SignInName::Email(email(1)), start() + COOLDOWN).await;
    assert_eq!(found.failures.count, 1, "nothing was opened, so nothing was forgiven");

    let today = stores.open(&login_with(&user, password(2)), start() + COOLDOWN).await;
    assert!(sends(&today));
    stores.open(&step_up_with(&user, session.id, password(2)), start() + COOLDOWN).await;
}

pub async fn a_deletion_that_races_50_openings_leaves_no_challenge(stores: &Stores) {
    for number in 1..=5 {
        let (user, session) = stores.register(person(number), start()).await;
        let of = |n: u32| if n.is_multiple_of(2) { login(&user) } else { step_up(&user, session.id) };
        let challenges: Vec<NewChallenge> = (0..CROWD).map(of).collect();

        let openings = join_all(challenges.iter().map(|challenge| stores.try_open(challenge, minute(10))));
        let (opened, deleted) = join(openings, stores.delete_account(user.id, minute(10))).await;

        assert!(deleted);
        for opened in opened.into_iter().flatten() {
            assert!(stores.is_closed(&opened.challenge.id, minute(10)).await);
        }
        assert_eq!(stores.try_open(&login(&user), minute(10)).await, None);
    }
}
