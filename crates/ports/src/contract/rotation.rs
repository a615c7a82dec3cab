//! Refresh tokens: spent once, and copies noticed.

use domain::RefreshTokenHash;
use futures_util::future::join_all;
use jiff::SignedDuration;

use super::{
    Stores,
    fixtures::{CROWD, MICROSECOND, fresh_token, hour, person, session_policy, start},
};
use crate::{LiveSession, Rotation};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn rotated(rotation: Rotation) -> LiveSession {
    match rotation {
        Rotation::Rotated(session) => session,
        other => panic!("the token should have been rotated, not {other:?}"),
    }
}

pub async fn a_rotated_token_keeps_the_session_and_slides_its_end(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let successor = fresh_token();

    let live = rotated(stores.rotate(session.refresh_token, successor, hour(1)).await);

    assert_eq!((live.id, &live.user), (session.id, &user));
    assert_eq!((live.authenticated_at, &live.methods), (start(), &session.methods));
    assert_eq!(live.expires_at, hour(1) + session_policy().idle_ttl);
    assert_eq!(live.absolute_expires_at, start() + session_policy().absolute_ttl);
    let found = stores.sessions.find_live(session.id, user.id, hour(1)).await.expect("find_live");
    assert_eq!(found.as_ref(), Some(&live));
    rotated(stores.rotate(successor, fresh_token(), hour(2)).await);
}

pub async fn a_session_never_slides_beyond_its_absolute_end(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let end = start() + session_policy().absolute_ttl;
    let mut token = session.refresh_token;
    for days in [29, 58, 87] {
        let successor = fresh_token();
        let live = rotated(stores.rotate(token, successor, hour(24 * days)).await);
        assert!(live.expires_at <= end);
        token = successor;
    }

    let last = fresh_token();
    assert_eq!(rotated(stores.rotate(token, last, end - MICROSECOND).await).expires_at, end);
    assert!(!stores.is_live(session.id, user.id, end).await);
    assert_eq!(stores.rotate(last, fresh_token(), end).await, Rotation::Refused);
}

pub async fn an_unknown_or_expired_token_is_refused(stores: &Stores) {
    let (_, session) = stores.register(person(1), start()).await;
    let end = start() + session_policy().idle_ttl;

    assert_eq!(stores.rotate(fresh_token(), fresh_token(), start()).await, Rotation::Refused);
    assert_eq!(stores.rotate(session.refresh_token, fresh_token(), end).await, Rotation::Refused);
    rotated(stores.rotate(session.refresh_token, fresh_token(), end - MICROSECOND).await);
}

pub async fn tk_06_50_concurrent_rotations_leave_one_live_successor(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let successors: Vec<RefreshTokenHash> = (0..CROWD).map(|_| fresh_token()).collect();

    let callers =
        successors.iter().map(|successor| stores.rotate(session.refresh_token, *successor, hour(1)));
    let answers = join_all(callers).await;
    assert!(answers.iter().any(|answer| matches!(answer, Rotation::Rotated(_))));
    for answer in answers {
        match answer {
            Rotation::Rotated(live) => assert_eq!(live.id, session.id),
            Rotation::Refused => {}
            reused @ Rotation::Reused { .. } => panic!("a race is no theft: {reused:?}"),
        }
    }

    let mut spent = 0;
    for successor in successors {
        match stores.rotate(successor, fresh_token(), hour(1) + SECOND).await {
            Rotation::Rotated(_) => spent += 1,
            Rotation::Refused => {}
            reused @ Rotation::Reused { .. } => panic!("a race is no theft: {reused:?}"),
        }
    }
    assert_eq!(spent, 1);
    assert!(stores.is_live(session.id, user.id, hour(1) + SECOND).await);
}

pub async fn tk_06_a_repeat_inside_the_leeway_replaces_the_unspent_successor(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (lost, kept) = (fresh_token(), fresh_token());
    let first = rotated(stores.rotate(session.refresh_token, lost, hour(1)).await);

    let repeat = rotated(stores.rotate(session.refresh_token, kept, hour(1) + SECOND).await);

    assert_eq!(repeat.id, first.id);
    assert!(repeat.expires_at >= first.expires_at);
    assert_eq!(stores.rotate(lost, fresh_token(), hour(1) + SECOND).await, Rotation::Refused);
    assert!(stores.is_live(session.id, user.id, hour(1) + SECOND).await);
    rotated(stores.rotate(kept, fresh_token(), hour(2)).await);
}

pub async fn tk_06_a_replaced_successor_that_comes_back_ends_the_session(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (owners, thiefs) = (fresh_token(), fresh_token());
    rotated(stores.rotate(session.refresh_token, owners, hour(1)).await);
    rotated(stores.rotate(session.refresh_token, thiefs, hour(1) + SECOND).await);

    let reused = stores.rotate(owners, fresh_token(), hour(2)).await;

    assert_eq!(reused, Rotation::Reused { session_id: session.id, user_id: user.id });
    assert_eq!(stores.rotate(thiefs, fresh_token(), hour(2)).await, Rotation::Refused);
}

pub async fn tk_06_a_repeat_after_the_successor_was_spent_is_refused_and_ends_nothing(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (child, grandchild) = (fresh_token(), fresh_token());
    rotated(stores.rotate(session.refresh_token, child, hour(1)).await);
    rotated(stores.rotate(child, grandchild, hour(1) + SECOND).await);

    let repeat = stores.rotate(session.refresh_token, fresh_token(), hour(1) + SECOND * 2).await;

    assert_eq!(repeat, Rotation::Refused);
    assert!(stores.is_live(session.id, user.id, hour(1) + SECOND * 2).await);
    rotated(stores.rotate(grandchild, fresh_token(), hour(2)).await);
}

pub async fn tk_06_repeats_never_stretch_the_leeway(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let leeway = session_policy().reuse_leeway;
    for later in [SignedDuration::ZERO, SECOND * 5, leeway - MICROSECOND] {
        rotated(stores.rotate(session.refresh_token, fresh_token(), hour(1) + later).await);
    }

    let reused = stores.rotate(session.refresh_token, fresh_token(), hour(1) + leeway).await;

    assert_eq!(reused, Rotation::Reused { session_id: session.id, user_id: user.id });
}

pub async fn tk_06_a_copied_token_ends_the_session_with_every_successor(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (child, grandchild) = (fresh_token(), fresh_token());
    rotated(stores.rotate(session.refresh_token, child, hour(1)).await);
    rotated(stores.rotate(child, grandchild, hour(2)).await);

    let reused = stores.rotate(session.refresh_token, fresh_token(), hour(3)).await;

    assert_eq!(reused, Rotation::Reused { session_id: session.id, user_id: user.id });
    assert!(!stores.is_live(session.id, user.id, hour(3)).await);
    for token in [session.refresh_token, child, grandchild] {
        assert_eq!(stores.rotate(token, fresh_token(), hour(3)).await, Rotation::Refused);
    }
}
