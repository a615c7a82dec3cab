//! Notices wait in the record of events until one caller has sent them.

use std::collections::BTreeSet;

use domain::{EventId, EventName, Locale, NoticeKind, User};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        CROWD, MICROSECOND, change, event, fresh_token, hour, minute, person, phone, session_policy, start,
    },
};
use crate::{DueNotice, NewSession, Notice, PasswordChange, Rotation};

const LEASE: SignedDuration = SignedDuration::from_mins(1);

impl Stores {
    async fn claim_notices(&self, most: u32, now: Timestamp) -> Vec<DueNotice> {
        self.notices.claim_notices(most, now + LEASE, now).await.expect("claim_notices")
    }

    async fn claim_notice(&self, now: Timestamp) -> DueNotice {
        let [due] = <[DueNotice; 1]>::try_from(self.claim_notices(10, now).await).expect("one notice");
        due
    }

    async fn finish_notice(&self, due: &DueNotice) {
        self.notices.finish_notice(due).await.expect("finish_notice");
    }

    /// Changes a password for the `n`-th time, of which the phone with this number is told.
    async fn tell(&self, user: &User, session: &NewSession, n: u32, told: u32, now: Timestamp) -> EventId {
        let change = change(user, n, n + 1, session.id);
        let change = PasswordChange { event: change.event.notifying(&phone(told)), ..change };
        assert!(self.change_password(&change, now).await);
        change.event.id
    }

    async fn told(&self, now: Timestamp) -> (User, NewSession, EventId) {
        let (user, session) = self.register(person(1), start()).await;
        let id = self.tell(&user, &session, 1, 1, now).await;
        (user, session, id)
    }
}

pub async fn nb_06_a_notice_goes_to_the_number_that_it_was_recorded_with(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let austrian = Locale::parse("de-AT").ok();
    stores.set_locale(user.id, austrian.clone(), minute(1)).await;
    let id = stores.tell(&user, &session, 1, 9, minute(2)).await;

    let due = stores.claim_notice(minute(2)).await;

    let kind = NoticeKind::PasswordChanged;
    let notice = Notice { id, kind, phone: phone(9), locale: austrian, occurred_at: minute(2) };
    assert_eq!(due, DueNotice { notice, attempt: 1 });
    assert_eq!(stores.claim_notices(10, minute(2)).await, [], "it is taken");
}

pub async fn nobody_is_told_of_what_names_no_number(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    assert!(stores.change_password(&change(&user, 1, 2, session.id), minute(1)).await);
    assert!(stores.end(session.id, user.id, minute(2)).await);
    assert!(stores.delete_account(user.id, minute(3)).await);

    assert_eq!(stores.claim_notices(10, hour(1)).await, []);
}

pub async fn nobody_is_told_of_an_act_without_effect(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let wrong = change(&user, 9, 2, session.id);
    let wrong = PasswordChange { event: wrong.event.notifying(&phone(1)), ..wrong };
    assert!(!stores.change_password(&wrong, minute(1)).await);

    assert_eq!(stores.claim_notices(10, hour(1)).await, []);
}

pub async fn tk_06_the_owner_of_a_copied_token_is_told(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (stranger, other) = stores.register(person(2), start()).await;
    for token in [session.refresh_token, other.refresh_token] {
        stores.rotate(token, fresh_token(), hour(1)).await;
    }
    let reuse = event(EventName::TokenReuse);

    let rotation = stores
        .sessions
        .rotate(session.refresh_token, fresh_token(), &session_policy(), &reuse, hour(2))
        .await;

    assert!(matches!(rotation, Ok(Rotation::Reused { .. })));
    let due = stores.claim_notice(hour(2)).await;
    let (phone, locale) = (user.phone.clone(), user.locale.clone());
    let notice = Notice { id: reuse.id, kind: NoticeKind::AccessCopied, phone, locale, occurred_at: hour(2) };
    assert_eq!(due.notice, notice);
    assert!(stores.is_live(other.id, stranger.id, hour(2)).await);
}

pub async fn asvs_6_3_7_notices_outlive_their_account(stores: &Stores) {
    let (user, _, changed) = stores.told(minute(1)).await;
    let deletion = event(EventName::UserDeleted).notifying(&phone(1));
    assert_eq!(stores.accounts.delete_account(user.id, &deletion, minute(2)).await.ok(), Some(true));

    let due = stores.claim_notices(10, minute(2)).await;

    let told: Vec<_> = due.iter().map(|due| (due.notice.id, due.notice.kind, &due.notice.locale)).collect();
    let expected = [(changed, NoticeKind::PasswordChanged), (deletion.id, NoticeKind::AccountDeleted)];
    assert_eq!(told, expected.map(|(id, kind)| (id, kind, &user.locale)));
    assert!(due.iter().all(|due| due.notice.phone == phone(1)));
}

pub async fn each_notice_is_taken_by_one_of_50_concurrent_callers(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let mut ids = BTreeSet::new();
    for n in 1..=20 {
        ids.insert(stores.tell(&user, &session, n, 1, minute(1)).await);
    }

    let claims = join_all((0..CROWD).map(|_| stores.claim_notices(3, minute(1)))).await;

    assert!(claims.iter().all(|claim| claim.len() <= 3));
    let mut claimed: Vec<EventId> = claims.iter().flatten().map(|due| due.notice.id).collect();
    // Who finds what others hold goes on without it, and may so have taken less than it could.
    claimed.extend(stores.claim_notices(20, minute(1)).await.iter().map(|due| due.notice.id));
    assert_eq!(claimed.len(), 20, "none twice");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), ids, "and none lost");
}

pub async fn rc_06_a_notice_is_due_again_when_its_lease_ends(stores: &Stores) {
    let (_, _, id) = stores.told(minute(1)).await;
    let lost = stores.claim_notice(minute(1)).await;
    assert_eq!(stores.claim_notices(10, minute(2) - MICROSECOND).await, []);

    let again = stores.claim_notice(minute(2)).await;

    assert_eq!((again.notice.id, again.attempt), (id, 2));
    // Whoever comes back from the dead decides nothing any more.
    stores.finish_notice(&lost).await;
    stores.notices.put_off_notice(&lost, hour(9)).await.expect("put_off_notice");
    assert_eq!(stores.claim_notice(minute(3)).await.attempt, 3);
}

pub async fn a_notice_that_has_gone_is_over(stores: &Stores) {
    stores.told(minute(1)).await;
    let due = stores.claim_notice(minute(1)).await;

    stores.finish_notice(&due).await;
    stores.finish_notice(&due).await;

    assert_eq!(stores.claim_notices(10, hour(9)).await, []);
    stores.notices.put_off_notice(&due, minute(2)).await.expect("put_off_notice");
    assert_eq!(stores.claim_notices(10, hour(9)).await, []);
}

pub async fn a_notice_that_is_put_off_is_due_then(stores: &Stores) {
    stores.told(minute(1)).await;
    let due = stores.claim_notice(minute(1)).await;

    stores.notices.put_off_notice(&due, minute(9)).await.expect("put_off_notice");

    assert_eq!(stores.claim_notices(10, minute(9) - MICROSECOND).await, []);
    assert_eq!(stores.claim_notice(minute(9)).await.attempt, 2);
}

pub async fn the_longest_due_goes_first(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let mut ids = Vec::new();
    for (n, minutes) in (1..).zip([3, 1, 2]) {
        ids.push((minutes, stores.tell(&user, &session, n, 1, minute(minutes)).await));
    }
    ids.sort();

    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.extend(stores.claim_notices(1, minute(3)).await.into_iter().map(|due| due.notice.id));
    }

    assert!(claimed.into_iter().eq(ids.into_iter().map(|(_, id)| id)));
}

pub async fn lg_01_numbers_of_old_notices_are_forgotten_in_bounded_bites(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    for n in 1..=5 {
        stores.tell(&user, &session, n, 1, minute(n.into())).await;
    }
    stores.claim_notices(2, minute(5)).await;

    let forget = async || stores.notices.forget_notices(minute(4), 2).await.expect("forget_notices");
    assert_eq!([forget().await, forget().await, forget().await], [2, 1, 0]);

    let left = stores.claim_notices(10, hour(1)).await;
    assert!(left.iter().all(|due| due.notice.occurred_at >= minute(4)));
    assert_eq!(left.len(), 2);
    assert_eq!(stores.events(user.id).await.len(), 6, "the events stay");
}
