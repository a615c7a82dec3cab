//! What is recorded of each act, and that nothing is recorded of none.

use domain::{EventName, Locale, SecurityEvent, SessionId, SignInName, UserId};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{
        CROWD, change, disclosure, email, event, event_client, fresh_token, fresh_uuid, hour, key_of, login,
        minute, password, person, person_with_phone, phone, registration_of, session, session_policy, start,
    },
};
use crate::{NewEvent, NewSession, PasswordChange, PasswordFailure, PendingRegistration, Redeemed, Rotation};

fn recorded(event: &NewEvent, session_id: Option<SessionId>, occurred_at: Timestamp) -> SecurityEvent {
    let NewEvent { id, name, client, .. } = event.clone();
    SecurityEvent { id, name, session_id, client, occurred_at }
}

pub async fn an_opened_session_is_recorded_as_what_opened_it(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let second = session(minute(10));
    stores.sign_in(&user, &second, minute(10)).await;
    let third = NewSession { event: event(EventName::StepUp), ..session(minute(20)) };
    let attempt = stores.step_up_attempt(&user, &second, minute(20)).await;
    assert!(matches!(stores.redeem_step_up(&attempt, &third).await, Redeemed::Done(_)));

    let expected = [(third, minute(20)), (second, minute(10)), (first, start())];
    let expected = expected.map(|(session, at)| recorded(&session.event, Some(session.id), at));
    assert_eq!(stores.events(user.id).await, expected);
}

pub async fn the_end_of_sessions_is_recorded(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let mut others = Vec::new();
    for minutes in 10..13 {
        let other = session(minute(minutes));
        stores.sign_in(&user, &other, minute(minutes)).await;
        others.push(other.id);
    }
    let ended = *others.first().expect("a session");

    let (end, end_others) = (event(EventName::TokenRevoked), event(EventName::TokenRevoked));
    assert!(stores.sessions.end(ended, user.id, &end, minute(20)).await.expect("end"));
    let count = stores.sessions.end_others(kept.id, user.id, &end_others, minute(21)).await;
    assert_eq!(count.expect("end_others"), 2);

    let newest: Vec<SecurityEvent> = stores.events(user.id).await.into_iter().take(2).collect();
    let expected = [recorded(&end_others, None, minute(21)), recorded(&end, Some(ended), minute(20))];
    assert_eq!(newest, expected);
}

pub async fn tk_06_a_copied_token_is_recorded_and_other_rotations_are_not(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let token = session.refresh_token;
    stores.rotate(token, fresh_token(), hour(1)).await;
    stores.rotate(token, fresh_token(), hour(1)).await;
    stores.rotate(fresh_token(), fresh_token(), hour(1)).await;
    assert_eq!(stores.event_names(user.id).await, [EventName::UserCreated]);

    let reuse = event(EventName::TokenReuse);
    let rotation = stores.sessions.rotate(token, fresh_token(), &session_policy(), &reuse, hour(2)).await;

    assert!(matches!(rotation, Ok(Rotation::Reused { .. })));
    assert!(stores.is_refused(&session, hour(3)).await, "it is over, and that is not recorded again");
    let expected =
        [recorded(&reuse, Some(session.id), hour(2)), recorded(&session.event, Some(session.id), start())];
    assert_eq!(stores.events(user.id).await, expected);
}

pub async fn changes_of_an_account_are_recorded(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let [failure, locale, deletion] =
        [EventName::PasswordChangeFail, EventName::UserUpdated, EventName::UserDeleted].map(event);
    let wrong = PasswordFailure { key: key_of(&user), owner: Some((user.id, failure.clone())), device: None };
    let change = change(&user, 1, 2, session.id);

    stores.accounts.record_password_failure(&wrong, minute(1)).await.expect("record_password_failure");
    assert!(stores.change_password(&change, minute(2)).await);
    let german = Locale::parse("de").ok();
    stores.accounts.set_locale(user.id, german, &locale, minute(3)).await.expect("set_locale");

    let mut expected = [
        recorded(&session.event, Some(session.id), start()),
        recorded(&failure, None, minute(1)),
        recorded(&locale, None, minute(3)),
        recorded(&change.event, Some(session.id), minute(2)),
    ];
    expected.sort_by_key(|event| std::cmp::Reverse(event.id));
    assert_eq!(stores.events(user.id).await, expected);
    stores.accounts.delete_account(user.id, &deletion, minute(4)).await.expect("delete_account");
    let last = NewEvent { client: domain::Client::default(), ..deletion };
    assert!(stores.events(user.id).await.contains(&recorded(&last, None, minute(4))));
}

pub async fn a_client_that_tells_nothing_is_recorded_alike(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let silent = NewEvent { client: domain::Client::default(), ..event(EventName::TokenRevoked) };

    assert!(stores.sessions.end(session.id, user.id, &silent, minute(1)).await.expect("end"));

    let events = stores.events(user.id).await;
    assert_eq!(events.first(), Some(&recorded(&silent, Some(session.id), minute(1))));
}

pub async fn a_session_that_is_not_ended_is_not_recorded(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;

    assert!(!stores.end(session.id, stranger.id, minute(1)).await);
    assert!(!stores.end(SessionId(fresh_uuid()), user.id, minute(1)).await);
    assert!(!stores.end(session.id, user.id, session.times.expires_at).await);
    assert_eq!(stores.end_others(session.id, user.id, minute(1)).await, 0);

    for id in [user.id, stranger.id] {
        assert_eq!(stores.event_names(id).await, [EventName::UserCreated]);
    }
}

pub async fn an_account_that_is_not_changed_is_not_recorded(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let nobody = UserId(fresh_uuid());

    assert!(!stores.change_password(&change(&user, 9, 2, session.id), minute(1)).await);
    let of_nobody = PasswordChange { user_id: nobody, ..change(&user, 1, 2, session.id) };
    assert!(!stores.change_password(&of_nobody, minute(1)).await);
    assert_eq!(stores.set_locale(nobody, None, minute(1)).await, None);
    assert!(!stores.delete_account(nobody, minute(1)).await);
    stores.record_failure(&key_of(&user), minute(1)).await;

    assert_eq!(stores.event_names(user.id).await, [EventName::UserCreated]);
    assert_eq!(stores.event_names(nobody).await, []);
}

pub async fn a_code_that_opens_nothing_is_not_recorded(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let attempt = stores.attempt_of(&login(&user), minute(20)).await;
    assert!(matches!(stores.redeem_login(&attempt, &session(minute(20))).await, Redeemed::Done(_)));
    assert_eq!(stores.redeem_login(&attempt, &session(minute(20))).await, Redeemed::Closed);
    let attempt = stores.step_up_attempt(&user, &first, minute(30)).await;
    assert!(stores.end(first.id, user.id, minute(30)).await);
    assert_eq!(stores.redeem_step_up(&attempt, &session(minute(30))).await, Redeemed::Closed);

    let names = [EventName::TokenRevoked, EventName::LoginSuccess, EventName::UserCreated];
    let mut found = stores.event_names(user.id).await;
    found.sort_by_key(|name| names.iter().position(|known| known == name));
    assert_eq!(found, names);
}

pub async fn what_is_no_act_of_a_store_is_recorded_of_whoever_is_there(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let started = event(EventName::PasswordResetStart);

    assert!(stores.events.record_event(user.id, &started, minute(1)).await.expect("record_event"));

    assert_eq!(stores.events(user.id).await.first(), Some(&recorded(&started, None, minute(1))));
    let (nobody, event) = (UserId(fresh_uuid()), event(EventName::PasswordResetStart));
    assert!(!stores.events.record_event(nobody, &event, minute(1)).await.expect("record_event"));
    assert_eq!(stores.event_names(nobody).await, []);
}

pub async fn en_08_owners_in_the_way_of_a_registration_read_that_somebody_learnt_of_them(stores: &Stores) {
    let (of_email, _) = stores.register(person(1), start()).await;
    let (of_phone, _) = stores.register(person(2), start()).await;
    let cases = [
        (person_with_phone(1, phone(2)), [true, true]),
        (person_with_phone(1, phone(8)), [true, false]),
        (person_with_phone(9, phone(2)), [false, true]),
        (PendingRegistration { password_hash: password(7), ..person(1) }, [true, false]),
    ];
    for (place, (registration, told)) in (0..).zip(cases) {
        let now = minute(10 * (place + 1));
        let attempt = stores.attempt_of(&registration_of(registration), now).await;
        let (nobody, disclosure) = (UserId(fresh_uuid()), disclosure());
        let session = NewSession {
            event: NewEvent { client: event_client(), ..event(EventName::UserCreated) },
            ..session(now)
        };

        let redeemed = stores.challenges.redeem_registration(&attempt, nobody, &session, &disclosure).await;

        assert_eq!(redeemed.expect("redeem_registration"), Redeemed::AccountExists);
        assert_eq!(stores.event_names(nobody).await, []);
        for ((owner, event), told) in
            [(&of_email, disclosure.of_email), (&of_phone, disclosure.of_phone)].into_iter().zip(told)
        {
            let recorded = recorded(&event, None, now);
            assert_eq!(stores.events(owner.id).await.contains(&recorded), told, "{place}");
        }
    }
}

pub async fn en_08_a_registration_that_makes_an_account_discloses_nothing(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (other, _) = stores.register(person(2), start()).await;

    for id in [user.id, other.id] {
        assert_eq!(stores.event_names(id).await, [EventName::UserCreated]);
    }
}

pub async fn en_08_what_concurrent_registrations_of_an_email_learn_is_recorded_each(stores: &Stores) {
    let mut attempts = Vec::new();
    for number in 1..=10 {
        let registration = PendingRegistration { email: email(1), ..person(number) };
        attempts.push(stores.attempt_of(&registration_of(registration), start()).await);
    }
    let sessions: Vec<NewSession> = attempts.iter().map(|_| session(start())).collect();

    let answers =
        attempts.iter().zip(&sessions).map(|(attempt, session)| stores.redeem_registration(attempt, session));
    let answers = join_all(answers).await;

    let learnt = answers.iter().filter(|answer| **answer == Redeemed::AccountExists).count();
    let owner = stores.find_sign_in(SignInName::Email(email(1)), start()).await.account.expect("the account");
    let names = stores.event_names(owner.user.id).await;
    assert_eq!(names.iter().filter(|name| **name == EventName::UserExistsDisclosed).count(), learnt);
}

pub async fn an_act_of_50_concurrent_callers_is_recorded_once(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let (one, other) = (session(minute(10)), session(minute(20)));
    let attempt = stores.attempt_of(&login(&user), minute(10)).await;
    let sign_ins = (0..CROWD).map(|_| async { stores.redeem_login(&attempt, &session(minute(10))).await });
    join_all(sign_ins).await;
    stores.end_others(kept.id, user.id, minute(11)).await;
    stores.sign_in(&user, &one, minute(20)).await;
    stores.sign_in(&user, &other, minute(20)).await;

    join_all((0..CROWD).map(|_| stores.end(one.id, user.id, minute(21)))).await;
    join_all((0..CROWD).map(|_| stores.end_others(kept.id, user.id, minute(22)))).await;

    let names = stores.event_names(user.id).await;
    let count = |name| names.iter().filter(|found| **found == name).count();
    assert_eq!((count(EventName::LoginSuccess), count(EventName::TokenRevoked)), (3, 3));
}
