//! Challenges that are answered with another factor than the phone.

use domain::{
    AnswerKind, EventName, Method, Quota, Quotas, RecoveryCodeHash, SecondFactors, SecurityEvent, SessionId,
    SignInName, TotpStep, User,
};
use futures_util::future::{join, join_all};
use jiff::Timestamp;

use super::{
    Stores,
    factors::CONFIRMED_WITH,
    fixtures::{
        COOLDOWN, CROWD, email, event, fresh_recovery_code, guess, guess_within, login, minute, person,
        registration, resend, session, start, step_up,
    },
};
use crate::{Attempt, Guess, NewChallenge, NewSession, Proof, Redeemed, SendDecision, Taken};

fn totp(steps_later: i64) -> Proof {
    Proof::Totp(TotpStep(CONFIRMED_WITH.0 + steps_later))
}

fn recovery_code(hash: RecoveryCodeHash) -> Proof {
    Proof::RecoveryCode { hash, event: event(EventName::RecoveryCodeUsed) }
}

fn is_done(redeemed: &Redeemed) -> bool {
    matches!(redeemed, Redeemed::Done(_))
}

impl Stores {
    /// Signs somebody in with this proof, from the first step on.
    async fn sign_in_proving(&self, user: &User, proof: &Proof, now: Timestamp) -> Redeemed {
        let attempt = self.attempt_of(&login(user), now).await;
        self.redeem_login_by(&attempt, proof, &session(now)).await
    }

    pub(super) async fn opens_by_recovery_code(
        &self,
        user: &User,
        hash: RecoveryCodeHash,
        now: Timestamp,
    ) -> bool {
        is_done(&self.sign_in_proving(user, &recovery_code(hash), now).await)
    }

    async fn open_sessions(&self, user: &User, sessions: &[NewSession], now: Timestamp) -> usize {
        let live: Vec<SessionId> = self.list(user.id, now).await.into_iter().map(|entry| entry.id).collect();
        sessions.iter().filter(|session| live.contains(&session.id)).count()
    }
}

pub async fn nb_11_a_step_opens_one_session_and_so_does_no_earlier_one(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;

    assert_eq!(stores.sign_in_proving(&user, &totp(0), minute(10)).await, Redeemed::Refused, "it confirmed");
    assert!(is_done(&stores.sign_in_proving(&user, &totp(2), minute(20)).await));
    for used_or_older in [2, 1, 0, -1] {
        let again = stores.sign_in_proving(&user, &totp(used_or_older), minute(30)).await;
        assert_eq!(again, Redeemed::Refused, "{used_or_older}");
    }
    assert!(is_done(&stores.sign_in_proving(&user, &totp(3), minute(40)).await));
}

pub async fn asvs_6_5_1_one_of_50_concurrent_uses_of_a_step_opens_a_session(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;
    let attempt = stores.attempt_of(&login(&user), minute(10)).await;
    assert_one_of_a_crowd(stores, &user, &attempt, &totp(1)).await;
    assert_eq!(stores.sign_in_proving(&user, &totp(1), minute(11)).await, Redeemed::Refused);
}

pub async fn asvs_6_5_1_one_of_50_concurrent_uses_of_a_recovery_code_opens_a_session(stores: &Stores) {
    let (user, _, codes) = stores.with_app(1, start()).await;
    let attempt = stores.attempt_of(&login(&user), minute(10)).await;
    let code = recovery_code(codes[3]);
    assert_one_of_a_crowd(stores, &user, &attempt, &code).await;
    assert_eq!(stores.second_factors(user.id).await.recovery_codes_left, 9);
    assert!(!stores.opens_by_recovery_code(&user, codes[3], minute(11)).await);
}

async fn assert_one_of_a_crowd(stores: &Stores, user: &User, attempt: &Attempt, proof: &Proof) {
    let sessions: Vec<NewSession> = (0..CROWD).map(|_| session(minute(10))).collect();

    let answers =
        join_all(sessions.iter().map(|session| stores.redeem_login_by(attempt, proof, session))).await;

    assert_eq!(answers.iter().filter(|answer| is_done(answer)).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Redeemed::Closed).count(), CROWD as usize - 1);
    assert_eq!(stores.open_sessions(user, &sessions, minute(10)).await, 1);
}

/// A sign-in and a step-up of one user are open at the same time.
pub async fn asvs_6_5_1_a_step_that_answers_two_challenges_at_once_opens_one_session(stores: &Stores) {
    for number in 1..=10 {
        let (user, asking, codes) = stores.with_app(number, start()).await;
        let proofs = [totp(1), recovery_code(codes[0])];
        for (proof, now) in proofs.iter().zip([minute(10), minute(20)]) {
            let of_login = stores.attempt_of(&login(&user), now).await;
            let asker = stores.list(user.id, now).await.first().map_or(asking.id, |entry| entry.id);
            let of_step_up = stores.attempt_of(&step_up(&user, asker), now).await;
            let (one, other) = (session(now), session(now));

            let answers = join(
                stores.redeem_login_by(&of_login, proof, &one),
                stores.redeem_step_up_by(&of_step_up, proof, &other),
            )
            .await;

            let refused = [&answers.0, &answers.1].into_iter().filter(|a| **a == Redeemed::Refused).count();
            assert_eq!(refused, 1, "{answers:?}");
            assert_eq!(stores.open_sessions(&user, &[one, other], now).await, 1);
            stores.exhaust_if_live(&of_login, now).await;
            stores.exhaust_if_live(&of_step_up, now).await;
        }
        assert_eq!(stores.second_factors(user.id).await.recovery_codes_left, 9);
    }
}

impl Stores {
    async fn exhaust_if_live(&self, attempt: &Attempt, now: Timestamp) {
        while !self.is_closed(&attempt.challenge_id, now).await {}
    }
}

pub async fn asvs_6_5_2_a_recovery_code_opens_its_own_account_only(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;
    let (stranger, _, of_stranger) = stores.with_app(2, start()).await;

    assert!(!stores.opens_by_recovery_code(&user, of_stranger[0], minute(10)).await);
    assert!(!stores.opens_by_recovery_code(&user, fresh_recovery_code(), minute(10)).await);

    assert_eq!(stores.second_factors(stranger.id).await.recovery_codes_left, 10);
    assert!(stores.opens_by_recovery_code(&stranger, of_stranger[0], minute(10)).await);
}

pub async fn a_refused_answer_leaves_the_challenge_open(stores: &Stores) {
    let (user, asking, codes) = stores.with_app(1, start()).await;
    let of_login = stores.attempt_of(&login(&user), minute(10)).await;
    let of_step_up = stores.step_up_attempt(&user, &asking, minute(10)).await;
    for wrong in [totp(0), recovery_code(fresh_recovery_code())] {
        let refused = stores.redeem_login_by(&of_login, &wrong, &session(minute(10))).await;
        assert_eq!(refused, Redeemed::Refused);
        let refused = stores.redeem_step_up_by(&of_step_up, &wrong, &session(minute(10))).await;
        assert_eq!(refused, Redeemed::Refused);
    }
    assert!(stores.is_live(asking.id, user.id, minute(10)).await);

    let right = stores.redeem_login_by(&of_login, &totp(1), &session(minute(10))).await;
    assert!(is_done(&right));
    let code = recovery_code(codes[0]);
    let right = stores.redeem_step_up_by(&of_step_up, &code, &session(minute(10))).await;
    assert!(is_done(&right));
    let answered = stores.redeem_login_by(&of_login, &totp(2), &session(minute(10))).await;
    assert_eq!(answered, Redeemed::Closed);
}

pub async fn a_step_up_by_another_factor_replaces_the_asking_session(stores: &Stores) {
    let (user, asking, codes) = stores.with_app(1, start()).await;
    let (new, newer) = (session(minute(10)), session(minute(20)));

    let attempt = stores.step_up_attempt(&user, &asking, minute(10)).await;
    assert!(is_done(&stores.redeem_step_up_by(&attempt, &totp(1), &new).await));
    assert!(!stores.is_live(asking.id, user.id, minute(10)).await);
    let attempt = stores.step_up_attempt(&user, &new, minute(20)).await;
    assert!(is_done(&stores.redeem_step_up_by(&attempt, &recovery_code(codes[0]), &newer).await));

    assert!(!stores.is_live(new.id, user.id, minute(20)).await);
    assert!(stores.is_live(newer.id, user.id, minute(20)).await);
}

pub async fn nb_04_a_right_answer_forgets_the_wrong_ones_of_its_kind_only(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;
    let quotas = Quotas { account: Some(Quota::per_hour(4)), ..Quotas::default() };
    let at = |opened: &crate::Opened, kind| Guess { kind, ..guess_within(&opened.challenge.id, quotas) };
    let first = stores.open(&login(&user), minute(10)).await;
    for _ in 0..2 {
        stores.guess(&at(&first, AnswerKind::Totp), minute(10)).await;
    }
    let Taken::Attempt(attempt) = stores.guess(&at(&first, AnswerKind::SentCode), minute(10)).await else {
        panic!("three of four guesses");
    };
    assert!(is_done(&stores.redeem_login_by(&attempt, &Proof::SentCode, &session(minute(10))).await));

    let second = stores.open(&login(&user), minute(20)).await;
    let attempt = match stores.guess(&at(&second, AnswerKind::Totp), minute(20)).await {
        Taken::Attempt(attempt) => attempt,
        other => panic!("two wrong codes of the app are left, and a sent one is forgotten: {other:?}"),
    };
    stores.guess(&at(&second, AnswerKind::SentCode), minute(20)).await;
    let over = stores.guess(&at(&second, AnswerKind::RecoveryCode), minute(20)).await;
    assert!(matches!(over, Taken::OverQuota { .. }), "{over:?}");
    assert!(is_done(&stores.redeem_login_by(&attempt, &totp(1), &session(minute(20))).await));

    let third = stores.open(&login(&user), minute(30)).await;
    for kind in [AnswerKind::Totp, AnswerKind::Totp, AnswerKind::RecoveryCode] {
        let taken = stores.guess(&at(&third, kind), minute(30)).await;
        assert!(matches!(taken, Taken::Attempt(_)), "one wrong sent code is left: {taken:?}");
    }
}

pub async fn asvs_6_6_3_all_kinds_of_guesses_share_the_attempts_and_the_quota(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;
    let id = stores.open(&login(&user), minute(10)).await.challenge.id;
    let kinds = [AnswerKind::SentCode, AnswerKind::Totp, AnswerKind::RecoveryCode];
    let crowd: Vec<Guess> =
        kinds.iter().cycle().take(CROWD as usize).map(|kind| Guess { kind: *kind, ..guess(&id) }).collect();

    let answers = join_all(crowd.iter().map(|guess| stores.guess(guess, minute(10)))).await;

    assert_eq!(answers.iter().filter(|answer| matches!(answer, Taken::Attempt(_))).count(), 5);
    assert!(stores.is_closed(&id, minute(10)).await);
}

fn named(events: &[SecurityEvent], name: EventName) -> Vec<&SecurityEvent> {
    events.iter().filter(|event| event.name == name).collect()
}

pub async fn asvs_6_3_5_wrong_answers_are_recorded_for_the_owner(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let attempt = stores.attempt_of(&login(&user), minute(10)).await;
    let failure = event(EventName::FactorFail);

    stores.challenges.record_wrong_answer(&attempt, &failure, minute(11)).await.expect("record_wrong_answer");

    let events = stores.events(user.id).await;
    let [recorded] = named(&events, EventName::FactorFail)[..] else { panic!("{events:?}") };
    assert_eq!((recorded.id, &recorded.client), (failure.id, &failure.client));
    assert_eq!((recorded.session_id, recorded.occurred_at), (None, minute(11)));

    assert!(stores.delete_account(user.id, minute(12)).await);
    let of_nobody = stores.attempt_of(&registration(2), minute(10)).await;
    for attempt in [attempt, of_nobody] {
        let failure = event(EventName::FactorFail);
        let recorded = stores.challenges.record_wrong_answer(&attempt, &failure, minute(13)).await;
        recorded.expect("record_wrong_answer");
    }
    assert_eq!(named(&stores.events(user.id).await, EventName::FactorFail).len(), 1);
}

pub async fn nb_09_a_used_recovery_code_is_recorded_and_counted(stores: &Stores) {
    let (user, _, codes) = stores.with_app(1, start()).await;
    let attempt = stores.attempt_of(&login(&user), minute(10)).await;
    let (new, answered) = (session(minute(10)), event(EventName::RecoveryCodeUsed));
    let proof = Proof::RecoveryCode { hash: codes[0], event: answered.clone() };

    let Redeemed::Done(shown) = stores.redeem_login_by(&attempt, &proof, &new).await else {
        panic!("the code is right");
    };

    assert_eq!(
        shown.second_factors,
        SecondFactors { totp: true, recovery_codes_left: 9, ..SecondFactors::default() }
    );
    let events = stores.events(user.id).await;
    let [recorded] = named(&events, EventName::RecoveryCodeUsed)[..] else { panic!("{events:?}") };
    assert_eq!((recorded.id, recorded.session_id), (answered.id, Some(new.id)));
    assert_eq!(recorded.client, answered.client);
    let [signed_in] = named(&events, EventName::LoginSuccess)[..] else { panic!("{events:?}") };
    assert_eq!((signed_in.id, signed_in.session_id), (new.event.id, Some(new.id)));
}

pub async fn a_challenge_shows_what_the_account_has(stores: &Stores) {
    let (user, asking, _) = stores.with_app(1, start()).await;
    let (phone_only, _) = stores.register(person(2), start()).await;
    let has = stores.second_factors(user.id).await;

    for challenge in [login(&user), step_up(&user, asking.id)] {
        let opened = stores.open(&challenge, start()).await.challenge;
        assert_eq!(opened.second_factors, has);
        let later = start() + COOLDOWN * 2;
        let again = stores.resend(&resend(&opened.id), later).await.expect("it lives").challenge;
        assert_eq!(again.second_factors, has);
        let ways = [Method::Sms, Method::Totp, Method::RecoveryCode];
        assert_eq!(again.second_factors.methods(again.purpose), ways);
    }
    for challenge in [login(&phone_only), registration(3)] {
        let opened = stores.open(&challenge, start()).await.challenge;
        assert_eq!(opened.second_factors, SecondFactors::default());
    }
    let found = stores.find_sign_in(SignInName::Email(email(1)), start()).await;
    assert_eq!(found.account.expect("the account").user.second_factors, has);
}

pub async fn what_may_not_be_sent_is_held(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;
    let silent = NewChallenge { may_send: false, ..login(&user) };

    let opened = stores.open(&silent, minute(10)).await;

    assert_eq!((opened.send, opened.challenge.sends), (SendDecision::Held, 0));
    assert_eq!(stores.second_factors(user.id).await.recovery_codes_left, 10);
    let attempt = stores.take(&opened.challenge.id, minute(10)).await;
    assert_eq!((attempt.provider_id.as_ref(), attempt.unsettled), (None, None));
    assert!(is_done(&stores.redeem_login_by(&attempt, &totp(1), &session(minute(10))).await));
}
