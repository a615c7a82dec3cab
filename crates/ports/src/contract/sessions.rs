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

pub async fn an_ended_session_is_gone_with_its_tokens(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;

    assert!(stores.sessions.end(session.id, user.id, minute(1)).await.expect("end"));

    assert!(!stores.is_live(session.id, user.id, minute(1)).await);
    assert_eq!(stores.rotate(session.refresh_token, fresh_token(), minute(1)).await, Rotation::Refused);
    assert!(!stores.sessions.end(session.id, user.id, minute(1)).await.expect("end"));
}

pub async fn nobody_ends_the_session_of_another(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;

    assert!(!stores.sessions.end(session.id, stranger.id, minute(1)).await.expect("end"));

    assert!(stores.is_live(session.id, user.id, minute(1)).await);
}

pub async fn one_of_50_concurrent_ends_ends_a_session(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;

    let ends = (0..CROWD).map(|_| stores.sessions.end(session.id, user.id, minute(1)));
    let ended = join_all(ends).await.into_iter().filter(|end| matches!(end, Ok(true))).count();

    assert_eq!(ended, 1);
}

pub async fn an_expired_session_cannot_be_ended(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let session = session(minute(10));
    stores.sign_in(&user, &session, minute(10)).await;

    let end = session.times.expires_at;
    assert!(!stores.sessions.end(session.id, user.id, end).await.expect("end"));
    assert!(stores.sessions.end(session.id, user.id, end - MICROSECOND).await.expect("end"));
}
