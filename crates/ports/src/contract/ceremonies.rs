//! Ceremonies of passkeys, and challenges that a passkey answers.

use domain::{AnswerKind, CeremonyId, ChallengeId, EventName, Quota, Quotas, SessionId, User, UserId};
use futures_util::future::{join, join_all};
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        CROWD, MICROSECOND, ceremony, credential, fresh_uuid, guess_within, hour, login, minute, new_passkey,
        person, session, start, step_up, use_of, with_passkey,
    },
};
use crate::{
    Admitted, Attempt, CeremonyAnswer, CeremonyKind, CeremonyState, Guess, NewCeremony, NewPasskey,
    NewSession, PasskeyUse, Taken, TakenCeremony,
};

impl Stores {
    async fn begin(&self, kind: CeremonyKind, now: Timestamp) -> NewCeremony {
        let ceremony = ceremony(kind, now);
        self.passkeys.begin_ceremony(&ceremony).await.expect("begin_ceremony");
        ceremony
    }

    async fn take_registration(
        &self,
        id: &CeremonyId,
        user: UserId,
        now: Timestamp,
    ) -> Option<CeremonyState> {
        self.passkeys.take_registration(id, user, now).await.expect("take_registration")
    }

    async fn take_authentication(
        &self,
        id: &CeremonyId,
        challenge: Option<&ChallengeId>,
        presented: &NewPasskey,
        now: Timestamp,
    ) -> Option<TakenCeremony> {
        let presented = presented.credential.id.clone();
        let answer = CeremonyAnswer { id: id.clone(), challenge_id: challenge.cloned(), presented };
        self.passkeys.take_authentication(&answer, now).await.expect("take_authentication")
    }

    pub(super) async fn answer(
        &self,
        attempt: &Attempt,
        usage: &PasskeyUse,
        session: &NewSession,
    ) -> Admitted {
        self.passkeys.answer_with_passkey(attempt, usage, session).await.expect("answer_with_passkey")
    }
}

pub async fn a_registration_is_finished_once_by_its_user_and_in_time(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let kind = CeremonyKind::Registration { user_id: user.id };
    let begun = stores.begin(kind.clone(), start()).await;

    assert_eq!(stores.take_registration(&begun.id, UserId(fresh_uuid()), start()).await, None);
    let unknown = CeremonyId::parse("unknown").expect("an id");
    assert_eq!(stores.take_registration(&unknown, user.id, start()).await, None);
    assert_eq!(stores.take_authentication(&begun.id, None, &new_passkey(&user, 1), start()).await, None);
    let last = start() + CeremonyId::TTL - MICROSECOND;
    assert_eq!(stores.take_registration(&begun.id, user.id, last).await, Some(begun.state));
    assert_eq!(stores.take_registration(&begun.id, user.id, last).await, None, "used up");

    let late = stores.begin(kind, start()).await;
    assert_eq!(stores.take_registration(&late.id, user.id, start() + CeremonyId::TTL).await, None);
}

pub async fn asvs_6_7_2_one_of_50_concurrent_finishers_of_a_registration_gets_it(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let begun = stores.begin(CeremonyKind::Registration { user_id: user.id }, start()).await;

    let answers = join_all((0..CROWD).map(|_| stores.take_registration(&begun.id, user.id, minute(1)))).await;

    assert_eq!(answers.iter().flatten().count(), 1);
}

pub async fn asvs_6_7_2_one_of_50_concurrent_finishers_of_a_sign_in_gets_it(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let begun = stores.begin(CeremonyKind::SignIn, start()).await;

    let finishers = (0..CROWD).map(|_| stores.take_authentication(&begun.id, None, &passkey, minute(1)));
    let answers = join_all(finishers).await;

    assert_eq!(answers.iter().flatten().count(), 1);
}

pub async fn a_sign_in_finds_whoevers_credential_is_presented(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let begun = stores.begin(CeremonyKind::SignIn, start()).await;

    let taken = stores.take_authentication(&begun.id, None, &passkey, minute(1)).await.expect("taken");
    assert_eq!(taken.state, begun.state);
    let found = taken.credential.expect("found");
    assert_eq!(
        (found.passkey_id, found.user_id, found.id),
        (passkey.id, user.id, passkey.credential.id.clone())
    );
    assert_eq!(found.record, passkey.credential.record);

    let begun = stores.begin(CeremonyKind::SignIn, start()).await;
    let unknown = NewPasskey { credential: credential(99), ..new_passkey(&user, 99) };
    let taken = stores.take_authentication(&begun.id, None, &unknown, minute(1)).await;
    assert_eq!(taken, Some(TakenCeremony { state: begun.state, credential: None }));
    let again = stores.take_authentication(&begun.id, None, &passkey, minute(1)).await;
    assert_eq!(again, None, "an unknown credential used it up");

    let late = stores.begin(CeremonyKind::SignIn, start()).await;
    let end = start() + CeremonyId::TTL;
    assert_eq!(stores.take_authentication(&late.id, None, &passkey, end).await, None);
    assert_eq!(stores.take_registration(&late.id, user.id, minute(1)).await, None);
}

pub async fn asvs_2_3_1_an_answer_serves_its_challenge_and_its_user_only(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    let own = stores.enrol_passkey(&user, 1, start()).await;
    let of_stranger = stores.enrol_passkey(&stranger, 2, start()).await;
    let challenge = stores.open(&login(&user), minute(10)).await.challenge.id;
    let other = stores.open(&login(&stranger), minute(10)).await.challenge.id;
    let kind = CeremonyKind::Answer { user_id: user.id, challenge_id: challenge.clone() };
    let begun = stores.begin(kind.clone(), minute(10)).await;

    for elsewhere in [None, Some(&other)] {
        assert_eq!(stores.take_authentication(&begun.id, elsewhere, &own, minute(10)).await, None);
    }
    let taken = stores.take_authentication(&begun.id, Some(&challenge), &own, minute(10)).await;
    assert!(taken.is_some_and(|taken| taken.credential.is_some()));

    let begun = stores.begin(kind, minute(10)).await;
    let taken = stores.take_authentication(&begun.id, Some(&challenge), &of_stranger, minute(10)).await;
    assert_eq!(taken, Some(TakenCeremony { state: begun.state, credential: None }));

    let alone = stores.begin(CeremonyKind::SignIn, minute(10)).await;
    assert_eq!(stores.take_authentication(&alone.id, Some(&challenge), &own, minute(10)).await, None);
}

pub async fn ceremonies_go_with_their_account_and_their_time(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let kind = CeremonyKind::Registration { user_id: user.id };
    let begun = stores.begin(kind.clone(), start()).await;
    assert!(stores.delete_account(user.id, start()).await);
    assert_eq!(stores.take_registration(&begun.id, user.id, start()).await, None);
    let begun = stores.begin(kind, start()).await;
    assert_eq!(stores.take_registration(&begun.id, user.id, start()).await, None);

    for _ in 0..4 {
        stores.begin(CeremonyKind::SignIn, minute(1)).await;
    }
    let purge = async |now| stores.challenges.purge(now, 3).await.expect("purge");
    assert_eq!(purge(minute(5)).await, 0, "they live");
    assert_eq!((purge(hour(2)).await, purge(hour(2)).await, purge(hour(2)).await), (3, 1, 0));
}

/// Opens a sign-in or step-up, and takes an attempt at it.
async fn attempts(stores: &Stores, user: &User, asking: SessionId) -> [Attempt; 2] {
    let sign_in = stores.attempt_of(&login(user), minute(10)).await;
    [sign_in, stores.attempt_of(&step_up(user, asking), minute(13)).await]
}

pub async fn a_passkey_answers_a_sign_in_and_a_step_up(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let now = minute(14);
    for (attempt, counter) in attempts(stores, &user, asking.id).await.iter().zip([2, 3]) {
        let opened = session(now);
        let done = stores.answer(attempt, &use_of(&passkey, counter), &opened).await;
        assert_eq!(done, Admitted::Done(with_passkey(&user)));
        assert!(stores.is_live(opened.id, user.id, now).await);
        assert!(stores.is_closed(&attempt.challenge_id, now).await, "its code is worth nothing now");
        let again = stores.answer(attempt, &use_of(&passkey, 9), &session(now)).await;
        assert_eq!(again, Admitted::Closed);
    }
    assert!(!stores.is_live(asking.id, user.id, now).await, "the session that asked gave its place");
    assert_eq!(stores.list(user.id, now).await.len(), 2);
}

pub async fn a_cloned_passkey_leaves_the_challenge_to_its_code(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let now = minute(14);
    let [sign_in, step_up] = attempts(stores, &user, asking.id).await;
    for attempt in [&sign_in, &step_up] {
        assert_eq!(stores.answer(attempt, &use_of(&passkey, 1), &session(now)).await, Admitted::Cloned);
        assert!(!stores.is_closed(&attempt.challenge_id, now).await);
    }
    assert_eq!(stores.list(user.id, now).await.len(), 1);
    let names = stores.event_names(user.id).await;
    assert_eq!(names[..2], [EventName::PasskeyCloned; 2]);
    let redeemed = stores.redeem_login(&sign_in, &session(now)).await;
    assert!(matches!(redeemed, crate::Redeemed::Done(_)));
}

pub async fn one_of_50_concurrent_answers_opens_a_session(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    for (attempt, base) in attempts(stores, &user, asking.id).await.iter().zip([100, 200]) {
        let answers = join_all((0..CROWD).map(|n| {
            let usage = use_of(&passkey, base + n);
            async move { stores.answer(attempt, &usage, &session(minute(14))).await }
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Admitted::Done(_))).count(), 1);
    }
    assert_eq!(stores.list(user.id, minute(14)).await.len(), 2);
}

pub async fn asvs_6_5_1_a_code_and_a_passkey_answer_a_challenge_once_together(stores: &Stores) {
    for number in 1..=10 {
        let (user, _) = stores.register(person(number), start()).await;
        let passkey = stores.enrol_passkey(&user, u8::try_from(number).expect("few"), start()).await;
        let attempt = stores.attempt_of(&login(&user), minute(10)).await;
        let usage = use_of(&passkey, 2);
        let (by_passkey, by_code) = (session(minute(10)), session(minute(10)));

        let (answered, redeemed) =
            join(stores.answer(&attempt, &usage, &by_passkey), stores.redeem_login(&attempt, &by_code)).await;

        let winners = [matches!(answered, Admitted::Done(_)), matches!(redeemed, crate::Redeemed::Done(_))];
        assert_eq!(winners.iter().filter(|won| **won).count(), 1, "{answered:?} {redeemed:?}");
        assert_eq!(stores.list(user.id, minute(10)).await.len(), 2);
    }
}

pub async fn nb_04_a_right_passkey_forgets_wrong_passkeys_and_no_wrong_codes(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let quotas = Quotas { account: Some(Quota::per_hour(3)), ..Quotas::default() };
    let at = |id: &ChallengeId, kind| Guess { kind, ..guess_within(id, quotas) };
    let first = stores.open(&login(&user), minute(10)).await.challenge.id;
    stores.guess(&at(&first, AnswerKind::SentCode), minute(10)).await;
    stores.guess(&at(&first, AnswerKind::Passkey), minute(10)).await;
    let taken = stores.guess(&at(&first, AnswerKind::Passkey), minute(10)).await;
    let Taken::Attempt(attempt) = taken else { panic!("no attempt: {taken:?}") };

    let done = stores.answer(&attempt, &use_of(&passkey, 2), &session(minute(10))).await;

    assert!(matches!(done, Admitted::Done(_)));
    let next = stores.open(&login(&user), minute(13)).await.challenge.id;
    for kind in [AnswerKind::Passkey, AnswerKind::Totp] {
        let taken = stores.guess(&at(&next, kind), minute(13)).await;
        assert!(matches!(taken, Taken::Attempt(_)), "one wrong code is left: {taken:?}");
    }
    let over = stores.guess(&at(&next, AnswerKind::SentCode), minute(13)).await;
    assert!(matches!(over, Taken::OverQuota { .. }), "{over:?}");
}

pub async fn a_step_up_by_passkey_is_closed_when_its_session_has_ended(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let attempt = stores.step_up_attempt(&user, &asking, minute(10)).await;
    let later = minute(10) + SignedDuration::from_secs(1);
    assert!(stores.end(asking.id, user.id, later).await);

    assert_eq!(stores.answer(&attempt, &use_of(&passkey, 2), &session(later)).await, Admitted::Closed);
    assert_eq!(stores.list(user.id, later).await, []);
}
