//! Deleted accounts: nothing opens them, and nothing of them stands in the way.

use domain::{Client, EventName, SignInName, User};
use futures_util::future::{BoxFuture, FutureExt, join, join_all, join3};

use super::{
    Stores,
    fixtures::{
        CROWD, change, email, event, fresh_token, hour, key_of, login, minute, person, phone, resend,
        reserved, session, start,
    },
};
use crate::{Attempt, NewSession, PasswordFailure, Redeemed, ThrottleKey};

impl Stores {
    async fn is_gone(&self, user: &User) -> bool {
        let now = hour(3);
        let by_email = self.find_sign_in(SignInName::Email(user.email.clone()), now).await;
        let by_phone = self.find_sign_in(SignInName::Phone(user.phone.clone()), now).await;
        by_email.account.is_none()
            && by_phone.account.is_none()
            && self.find_account(user.id).await.is_none()
            && self.list(user.id, now).await.is_empty()
    }
}

pub async fn asvs_7_4_2_a_deleted_account_is_gone_with_its_sessions(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let second = session(minute(10));
    stores.sign_in(&user, &second, minute(10)).await;

    assert!(stores.delete_account(user.id, minute(20)).await);

    assert!(stores.is_gone(&user).await);
    for ended in [first, second] {
        assert!(!stores.is_live(ended.id, user.id, minute(20)).await);
        assert!(stores.is_refused(&ended, minute(20)).await);
    }
    assert!(stores.is_live(of_stranger.id, stranger.id, minute(20)).await);
    assert!(!stores.is_gone(&stranger).await);
    assert!(!stores.delete_account(user.id, minute(20)).await);
}

pub async fn codes_of_a_deleted_account_are_closed(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let of_login = stores.attempt_of(&login(&user), minute(10)).await;
    let of_step_up = stores.step_up_attempt(&user, &asking, minute(10)).await;

    assert!(stores.delete_account(user.id, minute(11)).await);

    for attempt in [&of_login, &of_step_up] {
        assert!(stores.is_closed(&attempt.challenge_id, minute(11)).await);
        assert_eq!(stores.resend(&resend(&attempt.challenge_id), minute(13)).await, None);
    }
    let (one, other) = (session(minute(11)), session(minute(11)));
    assert_eq!(stores.redeem_login(&of_login, &one).await, Redeemed::Closed);
    assert_eq!(stores.redeem_step_up(&of_step_up, &other).await, Redeemed::Closed);
    for session in [one, other] {
        assert!(!stores.is_live(session.id, user.id, minute(11)).await);
    }
}

pub async fn a_deleted_account_leaves_no_failures(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    for number in 1..=2 {
        for name in [SignInName::Email(email(number)), SignInName::Phone(phone(number))] {
            stores.record_failure(&ThrottleKey(name.canonical().to_owned()), start()).await;
        }
    }

    assert!(stores.delete_account(user.id, minute(1)).await);

    for (number, failures) in [(1, 0), (2, 1)] {
        for name in [SignInName::Email(email(number)), SignInName::Phone(phone(number))] {
            assert_eq!(stores.find_sign_in(name, minute(1)).await.failures.count, failures);
        }
    }
}

pub async fn the_names_of_a_deleted_account_can_be_registered_at_once(stores: &Stores) {
    let (deleted, old) = stores.register(person(1), start()).await;
    let opened = stores.open(&login(&deleted), minute(10)).await;
    stores.settle_sent(reserved(&opened).reference, "of the deleted account").await;
    stores.take(&opened.challenge.id, minute(10)).await;

    assert!(stores.delete_account(deleted.id, minute(10)).await);
    let (user, new) = stores.register(person(1), minute(10)).await;

    assert_ne!(user.id, deleted.id);
    assert!(stores.is_live(new.id, user.id, minute(10)).await);
    for session in [&old, &new] {
        assert!(!stores.is_live(session.id, deleted.id, minute(10)).await);
    }
    assert_eq!(stores.find_account(deleted.id).await, None);
    let attempt = stores.attempt_of(&login(&user), minute(11)).await;
    assert_eq!((attempt.provider_id, attempt.attempts_left), (None, 4), "the old code opens nothing");
}

pub async fn one_of_50_concurrent_deletions_succeeds(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;

    let deletions = join_all((0..CROWD).map(|_| stores.delete_account(user.id, minute(1)))).await;

    assert_eq!(deletions.into_iter().filter(|deleted| *deleted).count(), 1);
    assert_eq!(stores.event_names(user.id).await, [EventName::UserDeleted, EventName::UserCreated]);
}

pub async fn a_deletion_that_races_50_sign_ins_leaves_no_session(stores: &Stores) {
    for number in 1..=5 {
        let (user, _) = stores.register(person(number), start()).await;
        let attempt = stores.attempt_of(&login(&user), minute(10)).await;
        let sessions: Vec<NewSession> = (0..CROWD).map(|_| session(minute(10))).collect();

        let sign_ins = join_all(sessions.iter().map(|session| stores.redeem_login(&attempt, session)));
        let (_, deleted) = join(sign_ins, stores.delete_account(user.id, minute(10))).await;

        assert!(deleted);
        assert!(stores.is_gone(&user).await);
        for session in sessions {
            assert!(!stores.is_live(session.id, user.id, minute(10)).await);
        }
    }
}

/// Somebody with three sessions, and codes to be used.
struct Busy {
    number: u32,
    user: User,
    sessions: [NewSession; 3],
    of_login: Attempt,
    of_step_up: Attempt,
}

impl Busy {
    async fn new(stores: &Stores, number: u32) -> Self {
        let (user, first) = stores.register(person(number), start()).await;
        let (second, third) = (session(minute(10)), session(minute(20)));
        stores.sign_in(&user, &second, minute(10)).await;
        stores.sign_in(&user, &third, minute(20)).await;
        stores.rotate(third.refresh_token, fresh_token(), minute(20)).await;
        let of_login = stores.attempt_of(&login(&user), hour(1)).await;
        let of_step_up = stores.step_up_attempt(&user, &first, hour(1)).await;
        Self { number, user, sessions: [first, second, third], of_login, of_step_up }
    }

    async fn guesses_wrong(&self, stores: &Stores) {
        let owner = Some((self.user.id, event(EventName::LoginFail)));
        let failure = PasswordFailure { key: key_of(&self.user), owner, device: None };
        stores.accounts.record_password_failure(&failure, hour(1)).await.expect("record_password_failure");
    }

    async fn changes_password(&self, stores: &Stores) {
        let [kept, ..] = &self.sessions;
        let change = change(&self.user, self.number, 100, kept.id);
        stores.change_password(&change, hour(1)).await;
    }

    /// Everything that is recorded with a client, in an order of its own for each `turn`.
    fn acts<'a>(&'a self, stores: &'a Stores, turn: usize) -> Vec<BoxFuture<'a, ()>> {
        let [first, second, third] = &self.sessions;
        let id = self.user.id;
        let mut acts = vec![
            async move { drop(stores.redeem_login(&self.of_login, &session(hour(1))).await) }.boxed(),
            async move { drop(stores.redeem_step_up(&self.of_step_up, &session(hour(1))).await) }.boxed(),
            stores.rotate(third.refresh_token, fresh_token(), hour(1)).map(drop).boxed(),
            stores.end(second.id, id, hour(1)).map(drop).boxed(),
            stores.end_others(first.id, id, hour(1)).map(drop).boxed(),
            self.changes_password(stores).boxed(),
            stores.set_locale(id, None, hour(1)).map(drop).boxed(),
            self.guesses_wrong(stores).boxed(),
        ];
        let turns = turn % acts.len();
        acts.rotate_left(turns);
        acts
    }
}

pub async fn a_deletion_that_races_all_other_acts_leaves_neither_session_nor_client(stores: &Stores) {
    for (number, turn) in (1..=8).zip(0..) {
        let busy = Busy::new(stores, number).await;

        let (before, after) = (busy.acts(stores, turn), busy.acts(stores, turn + 4));
        let deletion = stores.delete_account(busy.user.id, hour(1));
        let (_, deleted, _) = join3(join_all(before), deletion, join_all(after)).await;

        assert!(deleted);
        assert!(stores.is_gone(&busy.user).await);
        let events = stores.events(busy.user.id).await;
        assert!(events.iter().any(|event| event.name == EventName::UserDeleted));
        assert!(events.iter().all(|event| event.client == Client::default()), "{events:?}");
    }
}
