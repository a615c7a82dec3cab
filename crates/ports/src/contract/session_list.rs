//! The sessions that an owner sees, and the end of all but one.

use domain::{Client, SessionEntry, SessionId, UserId};
use futures_util::future::{join, join_all};
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{CROWD, MICROSECOND, fresh_token, hour, minute, person, session, start},
};
use crate::{NewSession, Rotation};

fn entry(session: &NewSession, last_used_at: Timestamp) -> SessionEntry {
    SessionEntry {
        id: session.id,
        created_at: session.times.created_at,
        last_used_at,
        client: session.client.clone(),
    }
}

impl Stores {
    async fn listed_ids(&self, user: UserId, now: Timestamp) -> Vec<SessionId> {
        self.list(user, now).await.into_iter().map(|entry| entry.id).collect()
    }
}

pub async fn asvs_7_5_2_sessions_are_listed_the_most_recently_used_first(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let second = NewSession { client: Client::default(), ..session(hour(1)) };
    let third = session(hour(2));
    stores.sign_in(&user, &second, hour(1)).await;
    stores.sign_in(&user, &third, hour(2)).await;
    let refreshed = stores.rotate(first.refresh_token, fresh_token(), hour(3)).await;
    assert!(matches!(refreshed, Rotation::Rotated(_)));

    let listed = stores.list(user.id, hour(4)).await;

    assert_eq!(listed, [entry(&first, hour(3)), entry(&third, hour(2)), entry(&second, hour(1))]);
}

pub async fn only_live_and_own_sessions_are_listed(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let (second, ended) = (session(hour(1)), session(hour(2)));
    stores.sign_in(&user, &second, hour(1)).await;
    stores.sign_in(&user, &ended, hour(2)).await;
    assert!(stores.end(ended.id, user.id, hour(3)).await);

    let end = first.times.expires_at;
    assert_eq!(stores.listed_ids(user.id, end - MICROSECOND).await, [second.id, first.id]);
    assert_eq!(stores.listed_ids(user.id, end).await, [second.id]);
    assert_eq!(stores.listed_ids(stranger.id, hour(3)).await, [of_stranger.id]);
}

pub async fn ending_the_other_sessions_keeps_one_and_those_of_others(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let (kept, third) = (session(minute(10)), session(minute(20)));
    stores.sign_in(&user, &kept, minute(10)).await;
    stores.sign_in(&user, &third, minute(20)).await;

    assert_eq!(stores.end_others(kept.id, user.id, minute(30)).await, 2);

    assert_eq!(stores.listed_ids(user.id, minute(30)).await, [kept.id]);
    for ended in [&first, &third] {
        assert!(!stores.is_live(ended.id, user.id, minute(30)).await);
        assert!(stores.is_refused(ended, minute(30)).await);
    }
    assert!(!stores.is_refused(&kept, minute(30)).await);
    assert!(stores.is_live(of_stranger.id, stranger.id, minute(30)).await);
    assert_eq!(stores.end_others(kept.id, user.id, minute(30)).await, 0);
}

pub async fn ending_the_other_sessions_counts_live_ones_only(stores: &Stores) {
    let (user, expired) = stores.register(person(1), start()).await;
    let (kept, live) = (session(hour(1)), session(hour(2)));
    stores.sign_in(&user, &kept, hour(1)).await;
    stores.sign_in(&user, &live, hour(2)).await;

    let end = expired.times.expires_at;
    assert_eq!(stores.end_others(kept.id, user.id, end).await, 1);
}

pub async fn each_session_is_ended_by_one_of_50_concurrent_callers(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let mut others = Vec::new();
    for minutes in 10..20 {
        let other = session(minute(minutes));
        stores.sign_in(&user, &other, minute(minutes)).await;
        others.push(other.id);
    }
    let crowd = others.iter().cycle().take(CROWD as usize / 2);

    let ends = crowd.clone().map(|id| stores.end(*id, user.id, minute(30)));
    let ends_of_others = crowd.map(|_| stores.end_others(kept.id, user.id, minute(30)));
    let (one_by_one, together) = join(join_all(ends), join_all(ends_of_others)).await;

    let one_by_one = one_by_one.into_iter().filter(|ended| *ended).count() as u64;
    assert_eq!(one_by_one + together.into_iter().sum::<u64>(), 10);
    assert_eq!(stores.listed_ids(user.id, minute(30)).await, [kept.id]);
}
