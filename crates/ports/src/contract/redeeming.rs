//! Right codes: what they make, once.

use domain::{Email, Quota, Quotas, SignInName, UserId};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{
        CROWD, disclosure, email, fresh_token, fresh_uuid, guess_within, hour, login, minute, password,
        person, person_with_phone, phone, registration_of, session, start,
    },
};
use crate::{Attempt, NewSession, PendingRegistration, Redeemed, Rotation, Taken, ThrottleKey};

fn crowd_of_sessions(now: Timestamp) -> Vec<NewSession> {
    (0..CROWD).map(|_| session(now)).collect()
}

impl Stores {
    async fn attempt_at(&self, registration: PendingRegistration, now: Timestamp) -> Attempt {
        self.attempt_of(&registration_of(registration), now).await
    }

    async fn live_sessions(&self, sessions: &[NewSession], owner: UserId, now: Timestamp) -> usize {
        let live = join_all(sessions.iter().map(|session| self.is_live(session.id, owner, now))).await;
        live.into_iter().filter(|live| *live).count()
    }
}

fn one_user(answers: Vec<Redeemed>) -> domain::User {
    let mut users = answers.into_iter().filter_map(|answer| match answer {
        Redeemed::Done(user) => Some(user),
        Redeemed::Closed => None,
        Redeemed::Refused => panic!("the code was sent"),
        Redeemed::AccountExists => panic!("there was no account"),
    });
    let user = users.next().expect("one caller wins");
    assert_eq!(users.next(), None, "one caller wins");
    user
}

pub async fn one_of_50_concurrent_redemptions_makes_the_account_and_its_session(stores: &Stores) {
    let attempt = stores.attempt_at(person(1), start()).await;
    let sessions = crowd_of_sessions(start());

    let answers =
        join_all(sessions.iter().map(|session| stores.redeem_registration(&attempt, session))).await;

    let user = one_user(answers);
    let found = stores.find_sign_in(SignInName::Phone(phone(1)), start()).await;
    assert_eq!(found.account.expect("the account").user, user);
    assert_eq!(stores.live_sessions(&sessions, user.id, start()).await, 1);
}

pub async fn rc_02_an_account_has_what_the_proven_registration_carried(stores: &Stores) {
    let with = |number| PendingRegistration { password_hash: password(number), ..person(1) };
    stores.attempt_at(with(1), start()).await;
    let proven = stores.attempt_at(with(2), start()).await;
    stores.attempt_at(with(3), start()).await;

    let redeemed = stores.redeem_registration(&proven, &session(start())).await;

    assert!(matches!(redeemed, Redeemed::Done(_)));
    let found = stores.find_sign_in(SignInName::Email(email(1)), start()).await;
    assert_eq!(found.account.expect("the account").password_hash, password(2));
}

pub async fn rc_03_proving_a_number_closes_its_other_registrations(stores: &Stores) {
    let other = stores.attempt_at(person_with_phone(2, phone(1)), start()).await;
    let stranger = stores.attempt_at(person(3), start()).await;

    stores.register(person(1), start()).await;

    assert!(stores.is_closed(&other.challenge_id, start()).await);
    assert!(!matches!(stores.redeem_registration(&other, &session(start())).await, Redeemed::Done(_)));
    let found = stores.find_sign_in(SignInName::Email(email(2)), start()).await;
    assert!(found.account.is_none() && found.registrations.is_empty());
    assert_eq!(stores.take(&stranger.challenge_id, start()).await.attempts_left, 3);
}

pub async fn rc_03_proving_a_registration_closes_the_others_of_its_email(stores: &Stores) {
    let shouted = Email::parse("PERSON.1@EXAMPLE.COM").unwrap();
    let others = [
        stores.attempt_at(PendingRegistration { email: email(1), ..person(2) }, start()).await,
        stores.attempt_at(PendingRegistration { email: shouted, ..person(3) }, start()).await,
    ];

    let (user, _) = stores.register(person(1), start()).await;

    for (other, number) in others.iter().zip([2, 3]) {
        assert!(stores.is_closed(&other.challenge_id, start()).await);
        assert!(!matches!(stores.redeem_registration(other, &session(start())).await, Redeemed::Done(_)));
        let found = stores.find_sign_in(SignInName::Phone(phone(number)), start()).await;
        assert!(found.account.is_none() && found.registrations.is_empty());
    }
    let found = stores.find_sign_in(SignInName::Email(email(1)), start()).await;
    assert_eq!(found.account.expect("the account").user, user);
}

pub async fn rc_04_a_taken_number_makes_no_second_account(stores: &Stores) {
    stores.register(person(1), start()).await;
    makes_no_second_account(stores, person_with_phone(2, phone(1))).await;

    let found = stores.find_sign_in(SignInName::Email(email(2)), minute(10)).await;
    assert!(found.account.is_none() && found.registrations.is_empty());
}

pub async fn rc_04_a_taken_email_makes_no_second_account_in_another_case(stores: &Stores) {
    stores.register(person(1), start()).await;
    let shouted = Email::parse("PERSON.1@EXAMPLE.COM").unwrap();
    makes_no_second_account(stores, PendingRegistration { email: shouted, ..person(2) }).await;

    let found = stores.find_sign_in(SignInName::Phone(phone(2)), minute(10)).await;
    assert!(found.account.is_none() && found.registrations.is_empty());
}

pub async fn a_proven_registration_forgets_the_failures_of_its_names(stores: &Stores) {
    for name in [SignInName::Email(email(1)), SignInName::Phone(phone(1))] {
        stores.record_failure(&ThrottleKey(name.canonical().to_owned()), start()).await;
    }

    stores.register(person(1), start()).await;

    for name in [SignInName::Email(email(1)), SignInName::Phone(phone(1))] {
        assert_eq!(stores.find_sign_in(name, start()).await.failures.count, 0);
    }
}

pub async fn rc_04_a_registration_that_fails_closes_no_other(stores: &Stores) {
    stores.register(person(1), start()).await;
    let owners = stores.open(&registration_of(person(2)), minute(10)).await.challenge.id;
    let strangers = PendingRegistration { email: email(2), ..person_with_phone(3, phone(1)) };

    makes_no_second_account(stores, strangers).await;

    assert!(!stores.is_closed(&owners, minute(10)).await, "the owner of the e-mail can go on");
}

async fn makes_no_second_account(stores: &Stores, registration: PendingRegistration) {
    let now = minute(10);
    let attempt = stores.attempt_at(registration, now).await;
    let (user_id, session) = (UserId(fresh_uuid()), session(now));

    let redeemed = stores.challenges.redeem_registration(&attempt, user_id, &session, &disclosure()).await;

    assert_eq!(redeemed.expect("redeem_registration"), Redeemed::AccountExists);
    assert!(!stores.is_live(session.id, user_id, now).await, "no session without its user");
    assert!(stores.is_closed(&attempt.challenge_id, now).await, "the code is used");
    let owner = stores.find_sign_in(SignInName::Email(email(1)), now).await.account.expect("the account");
    assert_eq!((owner.user.phone, owner.password_hash), (phone(1), password(1)));
}

pub async fn rc_04_concurrent_registrations_of_an_email_make_one_account(stores: &Stores) {
    let mut attempts = Vec::new();
    for number in 1..=10 {
        let registration = PendingRegistration { email: email(1), ..person(number) };
        attempts.push(stores.attempt_at(registration, start()).await);
    }
    let session = || session(start());
    let sessions: Vec<NewSession> = attempts.iter().map(|_| session()).collect();

    let callers =
        attempts.iter().zip(&sessions).map(|(attempt, session)| stores.redeem_registration(attempt, session));
    let answers = join_all(callers).await;

    let done = answers.iter().filter(|answer| matches!(answer, Redeemed::Done(_))).count();
    assert_eq!(done, 1);
    let found = stores.find_sign_in(SignInName::Email(email(1)), start()).await;
    let user = found.account.expect("the account").user;
    assert!(answers.contains(&Redeemed::Done(user.clone())));
    assert_eq!(stores.live_sessions(&sessions, user.id, start()).await, 1);
}

pub async fn one_of_50_concurrent_redemptions_of_a_sign_in_opens_a_session(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let opened = stores.open(&login(&user), minute(10)).await;
    let attempt = stores.take(&opened.challenge.id, minute(10)).await;
    let sessions = crowd_of_sessions(minute(10));

    let answers = join_all(sessions.iter().map(|session| stores.redeem_login(&attempt, session))).await;

    assert_eq!(one_user(answers), user);
    assert_eq!(stores.live_sessions(&sessions, user.id, minute(10)).await, 1);
}

pub async fn a_sign_in_without_its_account_is_closed(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let opened = stores.open(&login(&user), minute(10)).await;
    let nobody = UserId(fresh_uuid());
    let attempt = Attempt { user_id: Some(nobody), ..stores.take(&opened.challenge.id, minute(10)).await };
    let session = session(minute(10));

    assert_eq!(stores.redeem_login(&attempt, &session).await, Redeemed::Closed);
    assert!(!stores.is_live(session.id, nobody, minute(10)).await);
    assert!(!stores.is_live(session.id, user.id, minute(10)).await);
}

pub async fn a_used_challenge_is_closed_and_the_next_is_new(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let spent = stores.open(&login(&user), minute(10)).await.challenge.id;
    let attempt = stores.take(&spent, minute(10)).await;
    stores.redeem_login(&attempt, &session(minute(10))).await;

    assert!(stores.is_closed(&spent, minute(10)).await);
    let next = stores.open(&login(&user), minute(11)).await.challenge;
    assert_ne!(next.id, spent);
    let attempt = stores.take(&next.id, minute(11)).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (None, None), "the used code opens nothing more");
    assert!(stores.is_closed(&spent, minute(11)).await);
}

pub async fn a_right_code_forgets_the_wrong_ones(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let quotas = Quotas { account: Some(Quota::per_hour(3)), ..Quotas::default() };
    for minutes in [10, 20] {
        let id = stores.open(&login(&user), minute(minutes)).await.challenge.id;
        let guess = guess_within(&id, quotas);
        stores.guess(&guess, minute(minutes)).await;
        stores.guess(&guess, minute(minutes)).await;
        match stores.guess(&guess, minute(minutes)).await {
            Taken::Attempt(attempt) => stores.redeem_login(&attempt, &session(minute(minutes))).await,
            other => panic!("wrong codes before the last right one do not count, but {other:?}"),
        };
    }
}

pub async fn sessions_beyond_the_limit_end_the_least_recently_used(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let with_limit = |now| NewSession { max_per_user: 3, ..session(now) };
    let (second, third, fourth) = (with_limit(hour(1)), with_limit(hour(2)), with_limit(hour(4)));
    stores.sign_in(&user, &second, hour(1)).await;
    stores.sign_in(&user, &third, hour(2)).await;
    let refreshed = stores.rotate(first.refresh_token, fresh_token(), hour(3)).await;
    assert!(matches!(refreshed, Rotation::Rotated(_)));

    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    stores.sign_in(&user, &fourth, hour(4)).await;

    for (session, live) in [(&first, true), (&second, false), (&third, true), (&fourth, true)] {
        assert_eq!(stores.is_live(session.id, user.id, hour(4)).await, live);
    }
    assert!(stores.is_live(of_stranger.id, stranger.id, hour(4)).await);
}
