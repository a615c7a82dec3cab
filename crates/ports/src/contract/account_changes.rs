//! What an owner changes of an account: the password and the language.

use domain::{Locale, SignInName, User, UserId};
use futures_util::future::{join, join_all};

use super::{
    Stores,
    fixtures::{
        CROWD, change, email, fresh_uuid, guess, key_of, login, login_with, minute, password, person, phone,
        resend, session, start,
    },
};
use crate::{Account, NewSession, PasswordChange, Redeemed, Taken, ThrottleKey};

pub async fn an_account_is_found_by_its_id(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    stores.register(person(2), start()).await;

    let found = stores.find_account(user.id).await;

    assert_eq!(found, Some(Account { user, password_hash: password(1), lock: None }));
    assert_eq!(stores.find_account(UserId(fresh_uuid())).await, None);
}

pub async fn a_password_is_changed_from_the_hash_that_was_read_only(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(3), start()).await;

    assert!(stores.change_password(&change(&user, 1, 2, session.id), minute(1)).await);

    let changed = Account {
        user: User { updated_at: minute(1), ..user.clone() },
        password_hash: password(2),
        lock: None,
    };
    assert_eq!(stores.find_account(user.id).await.as_ref(), Some(&changed));
    assert!(!stores.change_password(&change(&user, 1, 3, session.id), minute(2)).await);
    let nobody = PasswordChange { user_id: UserId(fresh_uuid()), ..change(&user, 2, 3, session.id) };
    assert!(!stores.change_password(&nobody, minute(2)).await);
    assert_eq!(stores.find_account(user.id).await, Some(changed));
    let untouched = Account { user: stranger.clone(), password_hash: password(3), lock: None };
    assert_eq!(stores.find_account(stranger.id).await, Some(untouched));
}

pub async fn asvs_7_4_3_a_changed_password_ends_all_other_sessions(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let (kept, third) = (session(minute(10)), session(minute(20)));
    stores.sign_in(&user, &kept, minute(10)).await;
    stores.sign_in(&user, &third, minute(20)).await;

    assert!(stores.change_password(&change(&user, 1, 2, kept.id), minute(30)).await);

    for ended in [&first, &third] {
        assert!(!stores.is_live(ended.id, user.id, minute(30)).await);
        assert!(stores.is_refused(ended, minute(30)).await);
    }
    assert!(stores.is_live(kept.id, user.id, minute(30)).await);
    assert!(!stores.is_refused(&kept, minute(30)).await);
    assert!(stores.is_live(of_stranger.id, stranger.id, minute(30)).await);
}

pub async fn a_password_that_is_not_changed_ends_no_session(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let second = session(minute(10));
    stores.sign_in(&user, &second, minute(10)).await;
    let key = key_of(&user);
    stores.record_failure(&key, minute(20)).await;

    assert!(!stores.change_password(&change(&user, 9, 2, second.id), minute(20)).await);

    assert!(stores.is_live(first.id, user.id, minute(20)).await);
    let found = stores.find_sign_in(SignInName::Email(email(1)), minute(20)).await;
    assert_eq!(found.failures.count, 1);
    assert_eq!(found.account, Some(Account { user, password_hash: password(1), lock: None }));
}

pub async fn a_changed_password_forgets_the_failures_of_both_names(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    for number in 1..=2 {
        for name in [SignInName::Email(email(number)), SignInName::Phone(phone(number))] {
            stores.record_failure(&ThrottleKey(name.canonical().to_owned()), start()).await;
        }
    }

    assert!(stores.change_password(&change(&user, 1, 2, session.id), minute(1)).await);

    for (number, failures) in [(1, 0), (2, 1)] {
        for name in [SignInName::Email(email(number)), SignInName::Phone(phone(number))] {
            assert_eq!(stores.find_sign_in(name, minute(1)).await.failures.count, failures);
        }
    }
}

pub async fn one_of_50_concurrent_changes_of_a_password_succeeds(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let mut sessions = vec![first.id];
    for minutes in 10..14 {
        let other = session(minute(minutes));
        stores.sign_in(&user, &other, minute(minutes)).await;
        sessions.push(other.id);
    }
    let changes: Vec<PasswordChange> =
        (0..CROWD).zip(sessions.iter().cycle()).map(|(n, kept)| change(&user, 1, 100 + n, *kept)).collect();

    let answers = join_all(changes.iter().map(|change| stores.change_password(change, minute(20)))).await;

    let done: Vec<&PasswordChange> =
        changes.iter().zip(answers).filter_map(|(change, done)| done.then_some(change)).collect();
    let [winner] = done[..] else { panic!("{} changes succeeded", done.len()) };
    let account = stores.find_account(user.id).await.expect("the account");
    assert_eq!(account.password_hash, winner.new);
    let live: Vec<_> = stores.list(user.id, minute(20)).await.into_iter().map(|entry| entry.id).collect();
    assert_eq!(live, [winner.kept]);
}

pub async fn a_language_is_set_and_forgotten(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    let german = Locale::parse("de-CH").ok();

    let set = stores.set_locale(user.id, german.clone(), minute(1)).await;
    assert_eq!(set, Some(User { locale: german, updated_at: minute(1), ..user.clone() }));
    let found = stores.sessions.find_live(session.id, user.id, minute(1)).await.expect("find_live");
    assert_eq!(found.map(|session| session.user), set);

    let forgotten = stores.set_locale(user.id, None, minute(2)).await;
    assert_eq!(forgotten, Some(User { locale: None, updated_at: minute(2), ..user.clone() }));
    assert_eq!(stores.find_account(user.id).await.map(|account| account.user), forgotten);
    assert_eq!(stores.find_account(stranger.id).await.map(|account| account.user), Some(stranger));
}

pub async fn a_missing_account_has_no_language(stores: &Stores) {
    let nobody = UserId(fresh_uuid());

    assert_eq!(stores.set_locale(nobody, Locale::parse("de").ok(), start()).await, None);
}

pub async fn asvs_7_4_3_a_changed_password_closes_what_the_old_one_opened(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    let of_login = stores.attempt_of(&login(&user), minute(10)).await;
    let of_step_up = stores.step_up_attempt(&user, &asking, minute(10)).await;
    let of_stranger = stores.attempt_of(&login(&stranger), minute(10)).await;

    assert!(!stores.change_password(&change(&user, 9, 2, asking.id), minute(11)).await);
    assert!(!stores.is_closed(&of_login.challenge_id, minute(11)).await);
    assert!(stores.change_password(&change(&user, 1, 2, asking.id), minute(11)).await);

    for attempt in [&of_login, &of_step_up] {
        assert!(stores.is_closed(&attempt.challenge_id, minute(11)).await);
        assert_eq!(stores.resend(&resend(&attempt.challenge_id), minute(13)).await, None);
    }
    let (one, other) = (session(minute(11)), session(minute(11)));
    assert_eq!(stores.redeem_login(&of_login, &one).await, Redeemed::Closed);
    assert_eq!(stores.redeem_step_up(&of_step_up, &other).await, Redeemed::Closed);
    assert!(stores.is_live(asking.id, user.id, minute(11)).await);
    let anew = stores.open(&login_with(&user, password(2)), minute(13)).await;
    assert_ne!(anew.challenge.id, of_login.challenge_id);
    let redeemed = stores.redeem_login(&of_stranger, &session(minute(11))).await;
    assert!(matches!(redeemed, Redeemed::Done(_)));
}

/// From the password to the session, as far as it goes.
async fn signs_in(stores: &Stores, user: &User, new: &NewSession) {
    let now = new.times.created_at;
    let Some(opened) = stores.try_open(&login(user), now).await else { return };
    if let Taken::Attempt(attempt) = stores.guess(&guess(&opened.challenge.id), now).await {
        stores.redeem_login(&attempt, new).await;
    }
}

pub async fn asvs_7_4_3_a_change_that_races_50_sign_ins_by_the_old_password_leaves_one_session(
    stores: &Stores,
) {
    for number in 1..=8 {
        let (user, kept) = stores.register(person(number), start()).await;
        let of_login = stores.attempt_of(&login(&user), minute(10)).await;
        let of_step_up = stores.step_up_attempt(&user, &kept, minute(10)).await;
        let sessions: Vec<NewSession> = (0..CROWD).map(|_| session(minute(10))).collect();
        let changed = change(&user, number, 100, kept.id);

        let sign_ins = join_all(sessions.iter().zip(0..).map(|(new, n)| {
            let (user, of_login, of_step_up) = (&user, &of_login, &of_step_up);
            async move {
                match n % 3 {
                    0 => drop(stores.redeem_login(of_login, new).await),
                    1 if number % 2 == 0 => drop(stores.redeem_step_up(of_step_up, new).await),
                    _ => signs_in(stores, user, new).await,
                }
            }
        }));
        let (_, changed) = join(sign_ins, stores.change_password(&changed, minute(10))).await;

        assert!(changed);
        let live: Vec<_> = stores.list(user.id, minute(10)).await.into_iter().map(|entry| entry.id).collect();
        assert!(live.iter().all(|id| *id == kept.id), "{live:?}");
        assert_eq!(stores.try_open(&login(&user), minute(10)).await, None);
    }
}
