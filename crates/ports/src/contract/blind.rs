//! Challenges that anybody may start: nothing shows whether there is an account.

use domain::{ChallengeId, ChallengeState, ProviderId, Quota, Quotas};
use futures_util::future::{join, join_all};
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{
        COOLDOWN, CROWD, MICROSECOND, TTL, email, fresh_challenge_id, guess, guess_within, hour, limits,
        login, minute, person, phone, phone_login, registration, resend, reset, sends, session, start,
        unseen,
    },
};
use crate::{Attempt, NewChallenge, NewSession, Opened, Redeemed, SendDecision, Spent, Taken, UnseenSend};

impl Stores {
    pub(super) async fn reserve_unseen(&self, send: &UnseenSend, now: Timestamp) -> bool {
        self.challenges.reserve_unseen(send, now).await.expect("reserve_unseen")
    }

    async fn redeem_phone_login(&self, attempt: &Attempt, session: &NewSession) -> Redeemed {
        self.challenges.redeem_phone_login(attempt, session).await.expect("redeem_phone_login")
    }
}

/// What differs anyway is made equal.
fn seen(opened: Opened) -> Opened {
    let id = ChallengeId::parse("any").expect("an id");
    Opened { challenge: ChallengeState { id, user_id: None, ..opened.challenge }, ..opened }
}

fn spent(taken: Taken) -> Option<Spent> {
    match taken {
        Taken::Attempt(attempt) => Some(attempt.spent()),
        Taken::Decoy(spent) => Some(spent),
        Taken::Closed => None,
        Taken::OverQuota { .. } => panic!("there is no quota"),
    }
}

pub async fn en_03_a_decoy_is_shown_like_any_other(stores: &Stores) {
    // The number of the one had a message a moment ago. Its e-mail must not tell.
    let (user, _) = stores.register(person(1), start()).await;
    for (now, why) in [(minute(0), "first"), (minute(1), "again"), (minute(2), "after the cooldown")] {
        let known = stores.open(&reset(email(1), Some(user.id)), now).await;
        let unknown = stores.open(&reset(email(2), None), now).await;
        assert_eq!(known.challenge.phone, None);
        assert_eq!(seen(known), seen(unknown), "{why}");
    }
}

pub async fn en_03_a_decoy_resends_like_any_other(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let known = stores.open(&reset(email(1), Some(user.id)), start()).await.challenge.id;
    let unknown = stores.open(&reset(email(2), None), start()).await.challenge.id;

    for now in
        [start() + COOLDOWN - MICROSECOND, start() + COOLDOWN, start() + COOLDOWN * 2, start() + COOLDOWN * 3]
    {
        let known = stores.resend(&resend(&known), now).await.expect("it lives");
        let unknown = stores.resend(&resend(&unknown), now).await.expect("it lives");
        assert_eq!(seen(known), seen(unknown));
    }
    assert_eq!(stores.resend(&resend(&unknown), start() + TTL).await, None);
    assert_eq!(stores.resend(&resend(&known), start() + TTL).await, None);
}

pub async fn en_03_a_decoy_counts_and_dies_like_any_other(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let known = stores.open(&phone_login(phone(1), Some(user.id)), start()).await.challenge.id;
    let unknown = stores.open(&phone_login(phone(2), None), start()).await.challenge.id;

    for left in [4, 3, 2, 1, 0] {
        for id in [&known, &unknown] {
            let spent = spent(stores.guess(&guess(id), start()).await).expect("an attempt");
            assert_eq!(spent.attempts_left, left);
        }
    }
    for id in [&known, &unknown] {
        assert!(stores.is_closed(id, start()).await);
    }
}

pub async fn asvs_6_6_3_exactly_five_of_50_concurrent_guesses_at_a_decoy_count(stores: &Stores) {
    let decoy = stores.open(&reset(email(2), None), start()).await.challenge.id;
    let guess = guess(&decoy);

    let answers = join_all((0..CROWD).map(|_| stores.guess(&guess, start()))).await;

    assert_eq!(answers.into_iter().filter_map(spent).count(), 5);
}

pub async fn an_attempt_at_a_decoy_is_given_back_after_a_fault(stores: &Stores) {
    let decoy = stores.open(&reset(email(2), None), start()).await.challenge.id;
    let first = spent(stores.guess(&guess(&decoy), start()).await).expect("an attempt");

    stores.challenges.give_back(first, 5).await.expect("give_back");

    assert_eq!(spent(stores.guess(&guess(&decoy), start()).await), Some(first));
}

pub async fn en_06_quotas_bound_decoys_like_any_other(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let quotas = Quotas { account: Some(Quota::per_hour(1)), ..Quotas::default() };
    for (number, user_id) in [(1, Some(user.id)), (2, None)] {
        let asked = |number| NewChallenge { limits: limits(quotas), ..reset(email(number), user_id) };
        let first = stores.open(&asked(number), start()).await;
        assert_eq!(first.send, SendDecision::Announced);
        stores.exhaust_blind(&first.challenge.id, start()).await;

        let second = stores.open(&asked(number), minute(20)).await;
        assert_eq!(second.send, SendDecision::OverQuota { retry_at: hour(1) });

        let guessing = Quotas { account: Some(Quota::per_hour(5)), ..Quotas::default() };
        let third = stores.open(&asked(number), minute(30)).await.challenge.id;
        let refused = stores.guess(&guess_within(&third, guessing), minute(30)).await;
        assert_eq!(refused, Taken::OverQuota { retry_at: hour(1) });
    }
}

impl Stores {
    async fn exhaust_blind(&self, id: &ChallengeId, now: Timestamp) {
        while spent(self.guess(&guess(id), now).await).is_some() {}
    }
}

pub async fn rc_05_one_of_50_concurrent_resets_of_an_email_is_announced(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    for (number, user_id) in [(1, Some(user.id)), (2, None)] {
        let crowd: Vec<NewChallenge> = (0..CROWD).map(|_| reset(email(number), user_id)).collect();

        let opened = join_all(crowd.iter().map(|challenge| stores.open(challenge, start()))).await;

        let announced = opened.iter().filter(|opened| opened.send == SendDecision::Announced).count();
        assert_eq!(announced, 1);
        let first = opened.first().expect("a challenge");
        assert!(opened.iter().all(|opened| opened.challenge.id == first.challenge.id));
    }
}

pub async fn an_unseen_message_waits_for_its_number_and_the_holder_sees_nothing_of_it(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let opened = stores.open(&reset(email(1), Some(user.id)), minute(1)).await;
    let id = &opened.challenge.id;

    assert!(!stores.reserve_unseen(&unseen(id, user.phone.clone()), minute(1)).await, "cooling down");
    assert!(stores.reserve_unseen(&unseen(id, user.phone.clone()), minute(2)).await);
    assert!(!sends(&stores.open(&login(&user), minute(3)).await), "the number had a message");

    let after = stores.open(&reset(email(1), Some(user.id)), minute(2)).await;
    assert_eq!(after, Opened { send: SendDecision::Held, ..opened });
}

pub async fn one_of_50_concurrent_unseen_messages_and_sign_ins_sends(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let id = stores.open(&reset(email(1), Some(user.id)), minute(2)).await.challenge.id;
    let crowd: Vec<UnseenSend> = (0..CROWD / 2).map(|_| unseen(&id, user.phone.clone())).collect();
    let sign_ins: Vec<NewChallenge> = (0..CROWD / 2).map(|_| login(&user)).collect();

    let (unseen, sign_ins) = join(
        join_all(crowd.iter().map(|send| stores.reserve_unseen(send, minute(2)))),
        stores.open_at_once(&sign_ins, minute(2)),
    )
    .await;

    assert_eq!(unseen.into_iter().filter(|reserved| *reserved).count() + sign_ins, 1);
}

pub async fn unseen_messages_are_bound_by_the_quotas_of_their_number(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let quotas = Quotas { phone: Some(Quota::per_hour(2)), ..Quotas::default() };
    let id = stores.open(&reset(email(1), Some(user.id)), minute(2)).await.challenge.id;
    let send = || UnseenSend { quotas, ..unseen(&id, user.phone.clone()) };

    assert!(stores.reserve_unseen(&send(), minute(2)).await, "one for the registration, one for this");
    assert!(!stores.reserve_unseen(&send(), minute(5)).await);
}

pub async fn en_05_what_does_not_reach_the_number_is_neither_sent_nor_looked_for(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let id = stores.open(&reset(email(1), Some(user.id)), minute(2)).await.challenge.id;
    let beyond = UnseenSend { may_send: false, ..unseen(&id, user.phone.clone()) };

    assert!(!stores.reserve_unseen(&beyond, minute(2)).await);

    let attempt = stores.take(&id, minute(2)).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (None, None));
    assert!(stores.reserve_unseen(&unseen(&id, user.phone), minute(2)).await, "it cost no cooldown");
}

pub async fn what_was_sent_unseen_is_what_codes_are_checked_against(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let id = stores.open(&reset(email(1), Some(user.id)), minute(2)).await.challenge.id;
    let first = unseen(&id, user.phone.clone());
    assert!(stores.reserve_unseen(&first, minute(2)).await);

    let before = stores.take(&id, minute(2)).await;
    assert_eq!((before.unsettled, before.provider_id), (Some(first.reference), None));
    stores.settle_sent(first.reference, "verification 1").await;
    let after = stores.take(&id, minute(2)).await;
    assert_eq!((after.unsettled, after.provider_id), (None, Some(ProviderId("verification 1".to_owned()))));
    assert_eq!((after.phone, after.user_id), (user.phone.clone(), Some(user.id)));

    let second = unseen(&id, user.phone.clone());
    assert!(!stores.reserve_unseen(&second, minute(3)).await);
    let held = stores.take(&id, minute(3)).await;
    assert_eq!((held.unsettled, held.provider_id), (None, Some(ProviderId("verification 1".to_owned()))));
}

pub async fn an_unseen_message_that_never_left_frees_its_number_and_shows_in_nothing(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let opened = stores.open(&reset(email(1), Some(user.id)), minute(2)).await;
    let send = unseen(&opened.challenge.id, user.phone.clone());
    assert!(stores.reserve_unseen(&send, minute(2)).await);

    stores.settle_not_sent(send.reference).await;

    let again = stores.open(&reset(email(1), Some(user.id)), minute(2)).await;
    assert_eq!(again, Opened { send: SendDecision::Held, ..opened });
    assert!(sends(&stores.open(&login(&user), minute(2)).await));
}

pub async fn a_decoy_of_a_closed_challenge_reserves_nothing(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let nowhere = unseen(&fresh_challenge_id(), user.phone.clone());
    assert!(!stores.reserve_unseen(&nowhere, minute(2)).await);
    let id = stores.open(&reset(email(1), Some(user.id)), minute(2)).await.challenge.id;
    assert!(!stores.reserve_unseen(&unseen(&id, user.phone.clone()), minute(2) + TTL).await);
}

pub async fn one_of_50_concurrent_phone_logins_opens_a_session(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let id = stores.open(&phone_login(phone(1), Some(user.id)), minute(2)).await.challenge.id;
    let attempt = stores.take(&id, minute(2)).await;
    let sessions: Vec<NewSession> = (0..CROWD).map(|_| session(minute(2))).collect();

    let answers = join_all(sessions.iter().map(|session| stores.redeem_phone_login(&attempt, session))).await;

    assert_eq!(answers.iter().filter(|answer| **answer == Redeemed::Done(user.clone())).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Redeemed::Closed).count(), CROWD as usize - 1);
    assert_eq!(stores.list(user.id, minute(2)).await.len(), 2);
    assert!(stores.is_closed(&id, minute(2)).await);
}

pub async fn a_phone_login_shares_no_guesses_with_a_sign_in_by_password(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let sign_in = stores.open(&login(&user), minute(2)).await.challenge.id;
    let by_phone = stores.open(&phone_login(phone(1), Some(user.id)), minute(2)).await.challenge.id;

    stores.exhaust_blind(&by_phone, minute(2)).await;

    assert_eq!(stores.take(&sign_in, minute(2)).await.attempts_left, 4);
}

pub async fn a_right_code_of_a_phone_login_forgets_the_wrong_ones(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let quotas = Quotas { account: Some(Quota::per_hour(3)), ..Quotas::default() };
    for minutes in [10, 20] {
        let id = stores.open(&phone_login(phone(1), Some(user.id)), minute(minutes)).await.challenge.id;
        let guess = guess_within(&id, quotas);
        stores.guess(&guess, minute(minutes)).await;
        stores.guess(&guess, minute(minutes)).await;
        let redeemed = match stores.guess(&guess, minute(minutes)).await {
            Taken::Attempt(attempt) => stores.redeem_phone_login(&attempt, &session(minute(minutes))).await,
            other => panic!("wrong codes before the last right one do not count, but {other:?}"),
        };
        assert!(matches!(redeemed, Redeemed::Done(_)));
    }
}

pub async fn a_blind_challenge_of_an_account_that_is_gone_opens_as_a_decoy_only(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    assert!(stores.delete_account(user.id, minute(1)).await);

    let challenge = phone_login(phone(1), Some(user.id));
    assert_eq!(stores.challenges.open(&challenge, minute(2)).await.expect("open"), None);

    let decoy = stores.open(&phone_login(phone(1), None), minute(2)).await;
    assert_eq!(decoy.send, SendDecision::Announced);
    let other = stores.open(&registration(3), minute(2)).await;
    assert!(sends(&other));
}

pub async fn asvs_6_4_4_a_text_alone_opens_no_account_that_enrolled_an_app_meanwhile(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let id = stores.open(&phone_login(phone(1), Some(user.id)), minute(2)).await.challenge.id;
    let attempt = stores.take(&id, minute(2)).await;
    stores.enrol(&user, minute(2)).await;

    assert_eq!(stores.redeem_phone_login(&attempt, &session(minute(2))).await, Redeemed::Closed);
}
