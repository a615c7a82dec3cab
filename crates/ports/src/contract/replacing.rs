//! Right codes that replace a password or a number.

use domain::{EventName, SignInName, User, UserId};
use futures_util::future::{join, join_all};
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{
        CROWD, TTL, email, event, fresh_challenge_id, fresh_uuid, guess, key_of, login, minute, password,
        person, person_with_phone, phone, phone_change, registration_of, reset, sends, session, start,
        step_up,
    },
    message_steps::message,
};
use crate::{Account, Attempt, Guess, NewSession, PasswordReset, PhoneChange, Redeemed, Taken};

fn to_password(number: u32) -> PasswordReset {
    PasswordReset { new: password(number), event: event(EventName::PasswordReset) }
}

impl Stores {
    async fn reset_attempt(&self, user: &User, now: Timestamp) -> Attempt {
        self.attempt_of(&reset(user.email.clone(), Some(user.id)), now).await
    }

    async fn reset(&self, attempt: &Attempt, reset: &PasswordReset, now: Timestamp) -> bool {
        self.challenges.reset_password(attempt, reset, now).await.expect("reset_password")
    }

    async fn phone_attempt(&self, user: &User, session: &NewSession, number: u32, now: Timestamp) -> Attempt {
        self.attempt_of(&phone_change(user, session.id, phone(number)), now).await
    }

    async fn change_phone(&self, attempt: &Attempt, kept: &NewSession, now: Timestamp) -> Redeemed {
        let disclosure = event(EventName::UserExistsDisclosed);
        let change = PhoneChange { kept: kept.id, event: event(EventName::PhoneChange), disclosure };
        self.challenges.change_phone(attempt, &change, now).await.expect("change_phone")
    }
}

pub async fn asvs_7_4_3_a_reset_replaces_the_password_and_ends_every_session(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(3), start()).await;
    let second = session(minute(10));
    stores.sign_in(&user, &second, minute(10)).await;
    let attempt = stores.reset_attempt(&user, minute(20)).await;

    assert!(stores.reset(&attempt, &to_password(2), minute(20)).await);

    let expected = Account {
        user: User { updated_at: minute(20), ..user.clone() },
        password_hash: password(2),
        lock: None,
    };
    assert_eq!(stores.find_account(user.id).await, Some(expected));
    for ended in [&first, &second] {
        assert!(!stores.is_live(ended.id, user.id, minute(20)).await);
        assert!(stores.is_refused(ended, minute(20)).await);
    }
    assert!(stores.is_live(of_stranger.id, stranger.id, minute(20)).await);
    assert_eq!(stores.event_names(user.id).await.first(), Some(&EventName::PasswordReset));
    assert!(stores.is_closed(&attempt.challenge_id, minute(20)).await);
}

pub async fn a_reset_closes_what_the_old_password_opened(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let sign_in = stores.open(&login(&user), minute(2)).await.challenge.id;
    let raised = stores.open(&step_up(&user, asking.id), minute(2)).await.challenge.id;
    let attempt = stores.reset_attempt(&user, minute(3)).await;

    assert!(stores.reset(&attempt, &to_password(2), minute(3)).await);

    for id in [&sign_in, &raised] {
        assert!(stores.is_closed(id, minute(3)).await);
    }
}

pub async fn a_reset_forgets_the_failures_of_both_names(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    stores.record_failure(&key_of(&user), minute(1)).await;
    let attempt = stores.reset_attempt(&user, minute(2)).await;

    assert!(stores.reset(&attempt, &to_password(2), minute(2)).await);

    for name in [SignInName::Email(user.email.clone()), SignInName::Phone(user.phone.clone())] {
        assert_eq!(stores.find_sign_in(name, minute(2)).await.failures.count, 0);
    }
}

pub async fn one_of_50_concurrent_resets_succeeds(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let attempt = stores.reset_attempt(&user, minute(2)).await;
    let resets: Vec<PasswordReset> = (0..CROWD).map(|number| to_password(100 + number)).collect();

    let answers = join_all(resets.iter().map(|reset| stores.reset(&attempt, reset, minute(2)))).await;

    assert_eq!(answers.iter().filter(|done| **done).count(), 1);
    let winner = answers.iter().position(|done| *done).and_then(|place| resets.get(place)).expect("a winner");
    let account = stores.find_account(user.id).await.expect("the account");
    assert_eq!(account.password_hash, winner.new);
    let recorded = stores.event_names(user.id).await;
    assert_eq!(recorded.iter().filter(|name| **name == EventName::PasswordReset).count(), 1);
}

pub async fn a_reset_of_an_account_that_is_gone_does_nothing(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let attempt = stores.reset_attempt(&user, minute(2)).await;
    assert!(stores.delete_account(user.id, minute(2)).await);

    assert!(!stores.reset(&attempt, &to_password(2), minute(2)).await);
}

pub async fn the_email_of_a_reset_is_found_while_it_lives(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let other = stores.open(&step_up(&user, asking.id), start()).await.challenge.id;
    let known = stores.open(&reset(email(1), Some(user.id)), start()).await.challenge.id;
    let decoy = stores.open(&reset(email(2), None), start()).await.challenge.id;
    let find = async |id, now| stores.challenges.find_reset(id, now).await.expect("find_reset");

    for (id, number) in [(&known, 1), (&decoy, 2)] {
        let found = find(id, minute(1)).await.expect("it lives");
        assert_eq!(found.canonical(), email(number).canonical());
        assert_eq!(find(id, start() + TTL).await, None);
    }
    assert_eq!(find(&other, minute(1)).await, None, "it is for something else");
    assert_eq!(find(&fresh_challenge_id(), minute(1)).await, None);
}

pub async fn asvs_7_4_3_a_proven_number_replaces_the_old_one_and_ends_the_other_sessions(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let other = session(minute(10));
    stores.sign_in(&user, &other, minute(10)).await;
    let attempt = stores.phone_attempt(&user, &kept, 9, minute(20)).await;

    let changed = stores.change_phone(&attempt, &kept, minute(20)).await;

    let expected =
        User { phone: phone(9), phone_verified_at: minute(20), updated_at: minute(20), ..user.clone() };
    assert_eq!(changed, Redeemed::Done(expected.clone()));
    assert_eq!(stores.find_account(user.id).await.map(|account| account.user), Some(expected));
    assert!(stores.is_live(kept.id, user.id, minute(20)).await);
    assert!(!stores.is_live(other.id, user.id, minute(20)).await);
    assert_eq!(stores.event_names(user.id).await.first(), Some(&EventName::PhoneChange));
    assert_eq!(stores.change_phone(&attempt, &kept, minute(20)).await, Redeemed::Closed);
}

pub async fn a_changed_number_closes_the_codes_of_the_old_one_and_registrations_of_the_new(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let sign_in = stores.open(&login(&user), minute(2)).await.challenge.id;
    let rival = stores.open(&registration_of(person_with_phone(5, phone(9))), minute(2)).await.challenge.id;
    let bystander = stores.open(&registration_of(person(6)), minute(2)).await.challenge.id;
    let attempt = stores.phone_attempt(&user, &kept, 9, minute(5)).await;

    assert!(matches!(stores.change_phone(&attempt, &kept, minute(5)).await, Redeemed::Done(_)));

    assert!(stores.is_closed(&sign_in, minute(5)).await);
    assert!(stores.is_closed(&rival, minute(5)).await);
    assert!(!stores.is_closed(&bystander, minute(5)).await);
}

pub async fn one_of_50_concurrent_changes_of_a_number_succeeds(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let attempt = stores.phone_attempt(&user, &kept, 9, minute(2)).await;

    let answers = join_all((0..CROWD).map(|_| stores.change_phone(&attempt, &kept, minute(2)))).await;

    assert_eq!(answers.iter().filter(|answer| matches!(answer, Redeemed::Done(_))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Redeemed::Closed).count(), CROWD as usize - 1);
}

pub async fn rc_04_a_number_that_has_an_account_is_refused_after_the_right_code(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let (owner, _) = stores.register(person(2), start()).await;
    let other = session(minute(10));
    stores.sign_in(&user, &other, minute(10)).await;
    let attempt = stores.phone_attempt(&user, &kept, 2, minute(20)).await;

    assert_eq!(stores.change_phone(&attempt, &kept, minute(20)).await, Redeemed::AccountExists);

    assert!(!stores.event_names(user.id).await.contains(&EventName::UserExistsDisclosed));
    assert_eq!(stores.event_names(owner.id).await, [EventName::UserExistsDisclosed, EventName::UserCreated]);
    assert_eq!(stores.find_account(user.id).await.map(|account| account.user), Some(user.clone()));
    assert!(stores.is_live(other.id, user.id, minute(20)).await);
    assert!(stores.is_closed(&attempt.challenge_id, minute(20)).await, "the code is used");
}

pub async fn rc_04_a_number_that_two_prove_at_once_gets_one_account(stores: &Stores) {
    for round in 0..10 {
        let now = minute(60 * i64::from(round));
        let number = 900 + round;
        let (user, kept) = stores.register(person(10 + round), now).await;
        let change = stores.phone_attempt(&user, &kept, number, now).await;
        let newcomer = registration_of(person_with_phone(50 + round, phone(number)));
        let newcomer = stores.attempt_of(&newcomer, now).await;

        let (changed, registered) = join(
            stores.change_phone(&change, &kept, now),
            stores.redeem_registration(&newcomer, &session(now)),
        )
        .await;

        let done = [&changed, &registered].iter().filter(|it| matches!(it, Redeemed::Done(_))).count();
        assert_eq!(done, 1, "{changed:?} {registered:?}");
    }
}

pub async fn asvs_14_2_7_a_number_that_was_changed_is_in_no_trace(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let begun = stores.send_traces.begin_trace(&message(user.phone.clone()), start()).await;
    begun.expect("begin_trace");
    let attempt = stores.phone_attempt(&user, &kept, 9, minute(2)).await;

    let changed = stores.change_phone(&attempt, &kept, minute(2)).await;

    assert!(matches!(changed, Redeemed::Done(_)), "{changed:?}");
    let traces = stores.send_traces.list_traces(&user.phone, 10).await.expect("list_traces");
    assert_eq!(traces, []);
}

pub async fn asvs_2_3_1_only_the_session_that_asked_may_prove_a_number(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let id = stores.open(&phone_change(&user, asking.id, phone(9)), minute(2)).await.challenge.id;
    let by = |asker| Guess { asker: Some(asker), ..guess(&id) };

    for asker in [(stranger.id, of_stranger.id), (user.id, of_stranger.id), (UserId(fresh_uuid()), asking.id)]
    {
        assert_eq!(stores.guess(&by(asker), minute(2)).await, Taken::Closed);
    }

    match stores.guess(&by((user.id, asking.id)), minute(2)).await {
        Taken::Attempt(attempt) => assert_eq!((attempt.attempts_left, attempt.phone), (4, phone(9))),
        other => panic!("the asking session may guess, but {other:?}"),
    }
}

pub async fn another_new_number_makes_another_challenge(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let first = stores.open(&phone_change(&user, asking.id, phone(8)), minute(2)).await;
    let second = stores.open(&phone_change(&user, asking.id, phone(9)), minute(2)).await;

    assert!(sends(&first) && sends(&second));
    assert_ne!(first.challenge.id, second.challenge.id);
    assert!(stores.is_closed(&first.challenge.id, minute(2)).await);
    assert_eq!(second.challenge.sends, 1);
    assert_eq!(stores.take(&second.challenge.id, minute(2)).await.phone, phone(9));
}

pub async fn asvs_7_4_3_a_reset_and_a_changed_number_forget_all_devices(stores: &Stores) {
    let (user, kept, _) = stores.register_on_device(person(1), start()).await;
    let attempt = stores.phone_attempt(&user, &kept, 9, minute(10)).await;
    assert!(matches!(stores.change_phone(&attempt, &kept, minute(10)).await, Redeemed::Done(_)));
    assert_eq!(stores.device_ids(user.id, minute(10)).await, []);

    let (user, _, _) = stores.register_on_device(person(2), start()).await;
    let attempt = stores.reset_attempt(&user, minute(10)).await;
    assert!(stores.reset(&attempt, &to_password(2), minute(10)).await);
    assert_eq!(stores.device_ids(user.id, minute(10)).await, []);
}

pub async fn a_sign_in_whose_code_was_accepted_before_a_reset_leaves_no_session(stores: &Stores) {
    for round in 0..10 {
        let now = minute(60 * i64::from(round));
        let (user, _) = stores.register(person(10 + round), now).await;
        let sign_in = stores.attempt_of(&login(&user), now).await;
        let attempt = stores.reset_attempt(&user, now).await;
        let (session, new) = (session(now), to_password(1));

        let (_, done) =
            join(stores.redeem_login(&sign_in, &session), stores.reset(&attempt, &new, now)).await;

        assert!(done);
        assert!(!stores.is_live(session.id, user.id, now).await);
        assert_eq!(stores.redeem_login(&sign_in, &session).await, Redeemed::Closed);
    }
}
