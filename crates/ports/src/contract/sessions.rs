//! Live sessions and their end.

use futures_util::future::join_all;

use super::{
    Stores,
    fixtures::{CROWD, MICROSECOND, fresh_token, minute, person, session, session_policy, start},
};
use crate::{LiveSession, Rotation};

pub async fn a_live_session_is_found_by_its_owner_only(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;

    let found = stores.sessions.find_live(session.id, user.id, minute(1)).await.expect("find_live");

    let expected = LiveSession {
        id: session.id,
        user,
        authenticated_at: start(),
        methods: session.methods,
        expires_at: start() + session_policy().idle_ttl,
        absolute_expires_at: start() + session_policy().absolute_ttl,
    };
    assert_eq!(found, Some(expected));
    assert!(!stores.is_live(session.id, stranger.id, minute(1)).await);
}

pub async fn a_session_lives_to_the_microsecond(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let end = start() + session_policy().idle_ttl;

    assert!(stores.is_live(session.id, user.id, end - MICROSECOND).await);
    assert!(!stores.is_live(session.id, user.id, end).await);
}

pub async fn each_of_50_concurrent_callers_finds_its_own_session(stores: &Stores) {
    let mut owners = Vec::new();
    for number in 1..=5 {
        owners.push(stores.register(person(number), start()).await);
    }
    let callers = (0..CROWD).map(|caller| {
        let of = |number: u32| owners.get(number as usize % owners.len()).expect("an owner");
        let ((_, session), (user, _)) = (of(caller), of(caller * 3));
        async move {
            let found = stores.sessions.find_live(session.id, user.id, minute(1)).await.expect("find_live");
            (
                found.map(|found| (found.id, found.user.id)),
                (session.id, user.id),
                caller % 5 == caller * 3 % 5,
            )
        }
    });

    for (found, asked, is_owner) in join_all(callers).await {
        assert_eq!(found, is_owner.then_some(asked));
    }
}

pub async fn a_session_that_has_ended_is_not_found_beside_50_other_callers(stores: &Stores) {
    let (user, ended) = stores.register(person(1), start()).await;
    let other = session(start());
    stores.sign_in(&user, &other, start()).await;
    let others = join_all((0..CROWD).map(|_| stores.is_live(other.id, user.id, minute(1))));

    let ends_and_looks = async {
        assert!(stores.end(ended.id, user.id, minute(1)).await);
        stores.is_live(ended.id, user.id, minute(1)).await
    };
    let (found, is_live) = futures_util::future::join(others, ends_and_looks).await;

    assert!(found.into_iter().all(|found| found));
    assert!(!is_live);
}

pub async fn an_ended_session_is_gone_with_its_tokens(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;

    assert!(stores.end(session.id, user.id, minute(1)).await);

    assert!(!stores.is_live(session.id, user.id, minute(1)).await);
    assert_eq!(stores.rotate(session.refresh_token, fresh_token(), minute(1)).await, Rotation::Refused);
    assert!(!stores.end(session.id, user.id, minute(1)).await);
}

pub async fn nobody_ends_the_session_of_another(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;

    assert!(!stores.end(session.id, stranger.id, minute(1)).await);

    assert!(stores.is_live(session.id, user.id, minute(1)).await);
}

pub async fn one_of_50_concurrent_ends_ends_a_session(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;

    let ends = (0..CROWD).map(|_| stores.end(session.id, user.id, minute(1)));
    let ended = join_all(ends).await.into_iter().filter(|ended| *ended).count();

    assert_eq!(ended, 1);
}

pub async fn an_expired_session_cannot_be_ended(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let session = session(minute(10));
    stores.sign_in(&user, &session, minute(10)).await;

    let end = session.times.expires_at;
    assert!(!stores.end(session.id, user.id, end).await);
    assert!(stores.end(session.id, user.id, end - MICROSECOND).await);
}
