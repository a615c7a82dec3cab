//! Locked accounts: nothing opens them until they are unlocked.

use domain::{AccountLock, AccountName, AccountQuery, EventName, LockReason, SignInName, User, UserId};
use futures_util::future::{FutureExt, join, join_all, join3};

use super::{
    Stores,
    fixtures::{
        CROWD, email, fresh_token, fresh_uuid, hour, login, minute, person, phone, resend, session, start,
    },
};
use crate::{LockChange, NewSession, Redeemed};

impl Stores {
    async fn lock_of(&self, user: &User) -> Option<AccountLock> {
        self.find_account(user.id).await.expect("the account").lock
    }
}

fn lock(reason: &str, minutes: i64) -> AccountLock {
    AccountLock { since: minute(minutes), reason: LockReason::parse(reason).unwrap() }
}

pub async fn asvs_7_4_2_a_locked_account_has_neither_session_nor_code(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let second = session(minute(10));
    stores.sign_in(&user, &second, minute(10)).await;
    let opened = stores.open(&login(&user), minute(20)).await;
    let of_stranger_opened = stores.open(&login(&stranger), minute(20)).await;

    assert_eq!(stores.lock(user.id, "stolen phone", minute(21)).await, LockChange::Done);

    for ended in [first, second] {
        assert!(!stores.is_live(ended.id, user.id, minute(21)).await);
        assert!(stores.is_refused(&ended, minute(21)).await);
    }
    assert_eq!(stores.list(user.id, minute(21)).await, []);
    assert!(stores.is_closed(&opened.challenge.id, minute(21)).await);
    assert_eq!(stores.resend(&resend(&opened.challenge.id), minute(24)).await, None);
    assert!(stores.is_live(of_stranger.id, stranger.id, minute(21)).await);
    assert!(!stores.is_closed(&of_stranger_opened.challenge.id, minute(21)).await);
    let [newest, ..] = &stores.events(user.id).await[..] else { panic!("no event") };
    assert_eq!((newest.name, newest.session_id), (EventName::LoginLock, None));
}

pub async fn asvs_8_3_2_a_code_that_was_sent_before_the_lock_opens_nothing(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let of_login = stores.attempt_of(&login(&user), minute(10)).await;
    let of_step_up = stores.step_up_attempt(&user, &asking, minute(10)).await;

    stores.lock(user.id, "stolen phone", minute(11)).await;
    // Whoever had found the account before the lock asks for a code after it.
    let late = stores.challenges.open(&login(&user), minute(13)).await.expect("open");

    assert_eq!(late, None);
    let sessions = [session(minute(14)), session(minute(14))];
    assert_eq!(stores.redeem_login(&of_login, &sessions[0]).await, Redeemed::Closed);
    assert_eq!(stores.redeem_step_up(&of_step_up, &sessions[1]).await, Redeemed::Closed);
    for session in sessions {
        assert!(!stores.is_live(session.id, user.id, minute(14)).await);
    }
}

pub async fn a_lock_is_told_with_the_account(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;

    stores.lock(user.id, "stolen phone", minute(1)).await;
    assert_eq!(stores.lock(user.id, "another reason", minute(2)).await, LockChange::AlreadySo);

    let expected = Some(lock("stolen phone", 1));
    assert_eq!(stores.lock_of(&user).await, expected);
    for name in [SignInName::Email(email(1)), SignInName::Phone(phone(1))] {
        assert_eq!(stores.find_sign_in(name, minute(3)).await.account.expect("the account").lock, expected);
    }
    let query = AccountQuery::Named(AccountName::Id(user.id));
    let found = stores.directory.find_accounts(&query, None, 1).await.expect("find_accounts");
    assert_eq!(found.into_iter().next().map(|entry| entry.lock), Some(expected.clone()));
    let listed = stores.directory.list_accounts(None, 1).await.expect("list_accounts");
    assert_eq!(listed.into_iter().next().map(|account| account.lock), Some(expected));
}

pub async fn an_unlocked_account_is_as_before_without_its_sessions(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    stores.lock(user.id, "stolen phone", minute(1)).await;

    assert_eq!(stores.unlock(user.id, minute(2)).await, LockChange::Done);
    assert_eq!(stores.unlock(user.id, minute(2)).await, LockChange::AlreadySo);

    assert_eq!(stores.lock_of(&user).await, None);
    assert!(!stores.is_live(first.id, user.id, minute(2)).await);
    let next = session(minute(10));
    stores.sign_in(&user, &next, minute(10)).await;
    assert!(stores.is_live(next.id, user.id, minute(10)).await);
    let names = stores.event_names(user.id).await;
    let before_the_sign_in = [EventName::LoginUnlock, EventName::LoginLock, EventName::UserCreated];
    assert!(names.ends_with(&before_the_sign_in), "{names:?}");
}

pub async fn one_of_50_concurrent_locks_succeeds(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;

    let reasons: Vec<String> = (0..CROWD).map(|number| format!("reason {number}")).collect();
    let locks = join_all(reasons.iter().map(|reason| stores.lock(user.id, reason, minute(1)))).await;

    let done: Vec<&String> = reasons
        .iter()
        .zip(&locks)
        .filter_map(|(reason, change)| (*change == LockChange::Done).then_some(reason))
        .collect();
    let [reason] = done[..] else { panic!("{} locks were done", done.len()) };
    assert!(locks.iter().all(|change| *change != LockChange::NotFound));
    assert_eq!(stores.lock_of(&user).await, Some(lock(reason, 1)));
    assert_eq!(stores.event_names(user.id).await, [EventName::LoginLock, EventName::UserCreated]);
}

pub async fn one_of_50_concurrent_unlocks_succeeds(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    stores.lock(user.id, "stolen phone", minute(1)).await;

    let unlocks = join_all((0..CROWD).map(|_| stores.unlock(user.id, minute(2)))).await;

    assert_eq!(unlocks.into_iter().filter(|change| *change == LockChange::Done).count(), 1);
    let names = stores.event_names(user.id).await;
    assert_eq!(names, [EventName::LoginUnlock, EventName::LoginLock, EventName::UserCreated]);
}

pub async fn nobody_is_locked_without_an_account(stores: &Stores) {
    let nobody = UserId(fresh_uuid());

    assert_eq!(stores.lock(nobody, "stolen phone", start()).await, LockChange::NotFound);
    assert_eq!(stores.unlock(nobody, start()).await, LockChange::NotFound);
    assert_eq!(stores.events(nobody).await, []);
}

pub async fn a_lock_that_races_50_sign_ins_leaves_no_session(stores: &Stores) {
    for number in 1..=8 {
        let (user, _) = stores.register(person(number), start()).await;
        let attempt = stores.attempt_of(&login(&user), minute(10)).await;
        let sessions: Vec<NewSession> = (0..CROWD).map(|_| session(minute(10))).collect();

        let (before, after) = sessions.split_at(sessions.len() / 2);
        let redeem = |session| stores.redeem_login(&attempt, session);
        let lock = stores.lock(user.id, "stolen phone", minute(10));
        let (_, locked, _) =
            join3(join_all(before.iter().map(redeem)), lock, join_all(after.iter().map(redeem))).await;

        assert_eq!(locked, LockChange::Done);
        assert_eq!(stores.list(user.id, minute(10)).await, []);
        for session in sessions {
            assert!(!stores.is_live(session.id, user.id, minute(10)).await);
        }
    }
}

pub async fn a_lock_that_races_step_ups_and_refreshes_leaves_no_session(stores: &Stores) {
    for number in 1..=8 {
        let (user, asking) = stores.register(person(number), start()).await;
        let other = session(minute(10));
        stores.sign_in(&user, &other, minute(10)).await;
        let attempt = stores.step_up_attempt(&user, &asking, hour(1)).await;
        let stepped_up = session(hour(1));

        let acts = join_all([
            stores.redeem_step_up(&attempt, &stepped_up).map(drop).boxed(),
            stores.rotate(other.refresh_token, fresh_token(), hour(1)).map(drop).boxed(),
            stores.end_others(other.id, user.id, hour(1)).map(drop).boxed(),
        ]);
        let lock = stores.lock(user.id, "stolen phone", hour(1));
        let locked = if number % 2 == 0 { join(acts, lock).await.1 } else { join(lock, acts).await.0 };

        assert_eq!(locked, LockChange::Done);
        assert_eq!(stores.list(user.id, hour(1)).await, []);
        for session in [asking, other, stepped_up] {
            assert!(!stores.is_live(session.id, user.id, hour(1)).await);
            assert!(stores.is_refused(&session, hour(1)).await);
        }
    }
}
