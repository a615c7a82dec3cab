//! Proving all factors again: one session takes the place of another.

use domain::{Purpose, Quota, Quotas, SignInName, UserId};
use futures_util::future::join_all;

use super::{
    Stores,
    fixtures::{
        COOLDOWN, CROWD, MICROSECOND, email, fresh_uuid, guess_within, hour, key_of, login, minute, person,
        resend, reserved, sends, session, start, step_up,
    },
};
use crate::{Attempt, NewChallenge, NewSession, Redeemed, SendDecision, Taken};

pub async fn asvs_7_2_4_a_step_up_puts_a_new_session_in_the_place_of_the_asking_one(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let (other, new) = (session(minute(10)), session(minute(20)));
    stores.sign_in(&user, &other, minute(10)).await;
    let attempt = stores.step_up_attempt(&user, &asking, minute(20)).await;

    assert_eq!(stores.redeem_step_up(&attempt, &new).await, Redeemed::Done(user.clone()));

    let found = stores.sessions.find_live(new.id, user.id, minute(20)).await.expect("find_live");
    let found = found.expect("the new session");
    assert_eq!((found.authenticated_at, found.methods), (minute(20), new.methods.clone()));
    assert!(!stores.is_live(asking.id, user.id, minute(20)).await);
    assert!(stores.is_refused(&asking, minute(20)).await);
    assert!(stores.is_live(other.id, user.id, minute(20)).await);
    assert!(!stores.is_refused(&new, minute(20)).await);
    assert!(stores.is_closed(&attempt.challenge_id, minute(20)).await);
}

pub async fn a_step_up_is_closed_when_its_session_has_ended(stores: &Stores) {
    let (user, ended) = stores.register(person(1), start()).await;
    let of_ended = stores.step_up_attempt(&user, &ended, minute(10)).await;
    assert!(stores.end(ended.id, user.id, minute(11)).await);
    is_closed_when_redeemed(stores, user.id, &of_ended, &session(minute(11))).await;

    let (user, expired) = stores.register(person(2), start()).await;
    let end = expired.times.expires_at;
    let of_expired = stores.step_up_attempt(&user, &expired, end - MICROSECOND).await;
    is_closed_when_redeemed(stores, user.id, &of_expired, &session(end)).await;
}

async fn is_closed_when_redeemed(stores: &Stores, user: UserId, attempt: &Attempt, new: &NewSession) {
    let now = new.times.created_at;

    assert_eq!(stores.redeem_step_up(attempt, new).await, Redeemed::Closed);

    assert!(!stores.is_live(new.id, user, now).await);
    assert!(stores.is_refused(new, now).await);
}

pub async fn a_session_of_another_gives_its_place_to_nobody(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let attempt = stores.step_up_attempt(&user, &of_stranger, minute(10)).await;

    is_closed_when_redeemed(stores, user.id, &attempt, &session(minute(10))).await;

    assert!(stores.is_live(of_stranger.id, stranger.id, minute(10)).await);
}

pub async fn one_of_50_concurrent_redemptions_of_a_step_up_opens_a_session(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let attempt = stores.step_up_attempt(&user, &asking, minute(10)).await;
    let sessions: Vec<NewSession> = (0..CROWD).map(|_| session(minute(10))).collect();

    let answers = join_all(sessions.iter().map(|session| stores.redeem_step_up(&attempt, session))).await;

    let done = answers.iter().filter(|answer| matches!(answer, Redeemed::Done(_))).count();
    let closed = answers.iter().filter(|answer| **answer == Redeemed::Closed).count();
    assert_eq!((done, closed), (1, CROWD as usize - 1));
    let live = stores.list(user.id, minute(10)).await;
    assert_eq!(live.len(), 1);
    assert!(sessions.iter().any(|session| live.iter().any(|entry| entry.id == session.id)));
}

pub async fn a_step_up_at_the_limit_of_sessions_ends_the_asking_one_only(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (second, asking) = (session(hour(1)), session(hour(2)));
    stores.sign_in(&user, &second, hour(1)).await;
    stores.sign_in(&user, &asking, hour(2)).await;
    let new = NewSession { max_per_user: 3, ..session(hour(3)) };
    let attempt = stores.step_up_attempt(&user, &asking, hour(3)).await;

    assert!(matches!(stores.redeem_step_up(&attempt, &new).await, Redeemed::Done(_)));

    for (session, live) in [(&first, true), (&second, true), (&asking, false), (&new, true)] {
        assert_eq!(stores.is_live(session.id, user.id, hour(3)).await, live);
    }
    let last = NewSession { max_per_user: 2, ..session(hour(4)) };
    let attempt = stores.step_up_attempt(&user, &new, hour(4)).await;
    assert!(matches!(stores.redeem_step_up(&attempt, &last).await, Redeemed::Done(_)));
    for (session, live) in [(&first, false), (&second, true), (&last, true)] {
        assert_eq!(stores.is_live(session.id, user.id, hour(4)).await, live);
    }
}

pub async fn a_step_up_is_one_challenge_that_replaces_its_newest_asker(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (second, new) = (session(minute(10)), session(minute(21)));
    stores.sign_in(&user, &second, minute(10)).await;

    let opened = stores.open(&step_up(&user, first.id), minute(20)).await;
    assert_eq!(opened.challenge.purpose, Purpose::StepUp);
    assert_eq!(opened.challenge.user_id, Some(user.id));
    let again = stores.open(&step_up(&user, second.id), minute(21)).await;
    assert_eq!((again.send, again.challenge), (SendDecision::Held, opened.challenge.clone()));

    let attempt = stores.take(&opened.challenge.id, minute(21)).await;
    assert_eq!((attempt.purpose, attempt.user_id), (Purpose::StepUp, Some(user.id)));
    assert_eq!(attempt.phone, user.phone);
    assert!(matches!(stores.redeem_step_up(&attempt, &new).await, Redeemed::Done(_)));
    for (session, live) in [(&first, true), (&second, false), (&new, true)] {
        assert_eq!(stores.is_live(session.id, user.id, minute(21)).await, live);
    }
}

pub async fn a_step_up_waits_for_the_cooldown_like_others(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;

    let early = stores.open(&step_up(&user, asking.id), start() + MICROSECOND).await;
    assert_eq!((early.send, early.challenge.sends), (SendDecision::Held, 0));

    let on_time = stores.resend(&resend(&early.challenge.id), start() + COOLDOWN).await.expect("it lives");
    assert!(sends(&on_time));
    let asked = step_up(&user, asking.id);
    let later = stores.open(&asked, start() + COOLDOWN * 2).await;
    assert_eq!((reserved(&later).reference, later.challenge.sends), (asked.reference, 2));
    assert_eq!(later.challenge.id, early.challenge.id);
}

pub async fn one_of_50_concurrent_sign_ins_and_step_ups_sends(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let of = |number: u32| if number.is_multiple_of(2) { login(&user) } else { step_up(&user, asking.id) };
    let crowd: Vec<NewChallenge> = (0..CROWD).map(of).collect();

    assert_eq!(stores.open_at_once(&crowd, start() + COOLDOWN).await, 1);
}

pub async fn a_right_password_of_a_step_up_forgets_the_failures(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    stores.record_failure(&key_of(&user), start()).await;

    stores.open(&step_up(&user, asking.id), start()).await;

    let found = stores.find_sign_in(SignInName::Email(email(1)), start()).await;
    assert_eq!(found.failures.count, 0);
}

pub async fn a_right_code_of_a_step_up_forgets_the_wrong_ones(stores: &Stores) {
    let (user, mut asking) = stores.register(person(1), start()).await;
    let quotas = Quotas { account: Some(Quota::per_hour(3)), ..Quotas::default() };
    for minutes in [10, 20] {
        let new = session(minute(minutes));
        let opened = stores.open(&step_up(&user, asking.id), minute(minutes)).await;
        let guess = guess_within(&opened.challenge.id, quotas);
        stores.guess(&guess, minute(minutes)).await;
        stores.guess(&guess, minute(minutes)).await;
        let redeemed = match stores.guess(&guess, minute(minutes)).await {
            Taken::Attempt(attempt) => stores.redeem_step_up(&attempt, &new).await,
            other => panic!("wrong codes before the last right one do not count, but {other:?}"),
        };
        assert!(matches!(redeemed, Redeemed::Done(_)));
        asking = new;
    }
}

pub async fn a_step_up_without_its_account_is_closed(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let nobody = UserId(fresh_uuid());
    let taken = stores.step_up_attempt(&user, &asking, minute(10)).await;
    let attempt = Attempt { user_id: Some(nobody), ..taken };

    is_closed_when_redeemed(stores, nobody, &attempt, &session(minute(10))).await;

    assert!(stores.is_live(asking.id, user.id, minute(10)).await);
}
