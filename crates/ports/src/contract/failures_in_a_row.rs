//! Wrong codes and passwords in a row, which close what they were guessed at.

use domain::{
    AnswerKind, CodeFailures, Email, EventName, PasswordFailures, Quotas, SignInName, TotpStep, User,
    VerificationId,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        CROWD, MICROSECOND, email, event, fresh_challenge_id, fresh_reference, fresh_uuid, guess_within,
        login, login_with, minute, password, person, phone, phone_login, registration, reset, session, start,
        step_up,
    },
};
use crate::{Attempt, Guess, NewChallenge, PasswordReset, Proof, Redeemed, Taken, ThrottleKey};

/// Fewer than production allows, more than one challenge does.
const MOST: u32 = 7;

/// What an answer is that comes after the last of so many.
fn closed_since(last: Timestamp) -> Taken {
    Taken::OverQuota { retry_at: last + CodeFailures::MEMORY }
}

impl Stores {
    /// One guess at the challenge, or at its successor.
    async fn guess_in_a_row(&self, challenge: &NewChallenge, kind: AnswerKind, now: Timestamp) -> Taken {
        let quotas = Quotas { in_a_row: Some(MOST), ..Quotas::default() };
        let anew = NewChallenge {
            id: fresh_challenge_id(),
            verification_id: VerificationId(fresh_uuid()),
            reference: fresh_reference(),
            ..challenge.clone()
        };
        let id = self.open(&anew, now).await.challenge.id;
        self.guess(&Guess { kind, ..guess_within(&id, quotas) }, now).await
    }

    /// Guesses wrongly until nothing is granted any more; how often, and the refusal.
    async fn close(&self, challenge: &NewChallenge, kind: AnswerKind, now: Timestamp) -> (u32, Taken) {
        let mut granted = 0;
        loop {
            match self.guess_in_a_row(challenge, kind, now).await {
                Taken::Attempt(_) | Taken::Decoy(_) => granted += 1,
                end => return (granted, end),
            }
        }
    }

    async fn attempt_in_a_row(&self, challenge: &NewChallenge, kind: AnswerKind, now: Timestamp) -> Attempt {
        match self.guess_in_a_row(challenge, kind, now).await {
            Taken::Attempt(attempt) => attempt,
            other => panic!("it should be open, not {other:?}"),
        }
    }

    async fn reset_to(&self, user: &User, number: u32, now: Timestamp) {
        let challenge = reset(user.email.clone(), Some(user.id));
        let attempt = self.attempt_in_a_row(&challenge, AnswerKind::SentCode, now).await;
        let reset = PasswordReset { new: password(number), event: event(EventName::PasswordReset) };
        assert!(self.challenges.reset_password(&attempt, &reset, now).await.expect("reset_password"));
    }

    async fn sign_in_by_text(&self, user: &User, now: Timestamp) {
        let attempt = self.attempt_in_a_row(&login(user), AnswerKind::SentCode, now).await;
        let redeemed = self.redeem_login(&attempt, &session(now)).await;
        assert!(matches!(redeemed, Redeemed::Done(_)), "{redeemed:?}");
    }
}

pub async fn d_04_so_many_wrong_codes_in_a_row_close_their_kind_for_their_purpose(stores: &Stores) {
    let (user, asking, _) = stores.with_app(1, start()).await;

    let closed = stores.close(&login(&user), AnswerKind::SentCode, minute(10)).await;
    assert_eq!(closed, (MOST, closed_since(minute(10))));

    let still = stores.guess_in_a_row(&login(&user), AnswerKind::SentCode, minute(11)).await;
    assert_eq!(still, closed_since(minute(10)), "refused guesses do not count");
    stores.attempt_in_a_row(&login(&user), AnswerKind::Totp, minute(11)).await;
    stores.attempt_in_a_row(&login(&user), AnswerKind::RecoveryCode, minute(11)).await;
    let raised = step_up(&user, asking.id);
    stores.attempt_in_a_row(&raised, AnswerKind::SentCode, minute(11)).await;
    let forgotten = reset(user.email.clone(), Some(user.id));
    stores.attempt_in_a_row(&forgotten, AnswerKind::SentCode, minute(11)).await;
}

pub async fn d_04_exactly_so_many_of_50_concurrent_wrong_codes_count(stores: &Stores) {
    let quotas = Quotas { in_a_row: Some(3), ..Quotas::default() };
    for number in 1..=5 {
        let (user, _) = stores.register(person(number), start()).await;
        let id = stores.open(&login(&user), minute(10)).await.challenge.id;
        let guess = guess_within(&id, quotas);

        let answers = join_all((0..CROWD).map(|_| stores.guess(&guess, minute(10)))).await;

        assert_eq!(answers.iter().filter(|answer| matches!(answer, Taken::Attempt(_))).count(), 3);
        let refused = closed_since(minute(10));
        assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), CROWD as usize - 3);
    }
}

pub async fn d_04_a_reset_opens_every_sign_in_again(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;
    for kind in [AnswerKind::SentCode, AnswerKind::Totp, AnswerKind::RecoveryCode] {
        assert_eq!(stores.close(&login(&user), kind, minute(10)).await.0, MOST);
    }
    let by_phone = phone_login(user.phone.clone(), Some(user.id));
    assert_eq!(stores.close(&by_phone, AnswerKind::SentCode, minute(10)).await.0, MOST);

    stores.reset_to(&user, 2, minute(20)).await;

    let anew = login_with(&user, password(2));
    for kind in [AnswerKind::SentCode, AnswerKind::Totp, AnswerKind::RecoveryCode] {
        stores.attempt_in_a_row(&anew, kind, minute(20)).await;
    }
    stores.attempt_in_a_row(&by_phone, AnswerKind::SentCode, minute(20)).await;
}

pub async fn d_04_a_sign_in_with_all_factors_opens_the_reset_again(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let forgotten = reset(user.email.clone(), Some(user.id));
    let closed = stores.close(&forgotten, AnswerKind::SentCode, minute(10)).await;
    assert_eq!(closed, (MOST, closed_since(minute(10))));

    stores.sign_in_by_text(&user, minute(20)).await;

    stores.attempt_in_a_row(&forgotten, AnswerKind::SentCode, minute(20)).await;
}

pub async fn d_04_a_phone_alone_opens_no_reset_again(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let forgotten = reset(user.email.clone(), Some(user.id));
    stores.close(&forgotten, AnswerKind::SentCode, minute(10)).await;
    let by_phone = phone_login(user.phone.clone(), Some(user.id));

    let attempt = stores.attempt_in_a_row(&by_phone, AnswerKind::SentCode, minute(20)).await;
    let redeemed = stores.challenges.redeem_phone_login(&attempt, &session(minute(20))).await;
    assert!(matches!(redeemed, Ok(Redeemed::Done(_))), "{redeemed:?}");

    let still = stores.guess_in_a_row(&forgotten, AnswerKind::SentCode, minute(20)).await;
    assert_eq!(still, closed_since(minute(10)));
}

pub async fn d_04_a_decoy_closes_and_opens_like_any_other(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let pairs = [
        (reset(user.email.clone(), Some(user.id)), reset(email(2), None)),
        (phone_login(user.phone.clone(), Some(user.id)), phone_login(phone(2), None)),
    ];
    for (known, unknown) in pairs {
        for challenge in [known, unknown] {
            let closed = stores.close(&challenge, AnswerKind::SentCode, minute(10)).await;
            assert_eq!(closed, (MOST, closed_since(minute(10))));
            let ended = minute(10) + CodeFailures::MEMORY;
            let still = stores.guess_in_a_row(&challenge, AnswerKind::SentCode, ended - MICROSECOND).await;
            assert_eq!(still, closed_since(minute(10)));
            let open = stores.guess_in_a_row(&challenge, AnswerKind::SentCode, ended).await;
            assert!(matches!(open, Taken::Attempt(_) | Taken::Decoy(_)), "{open:?}");
        }
    }
}

pub async fn d_04_a_registration_is_never_closed(stores: &Stores) {
    for _ in 0..=2 * MOST {
        let taken = stores.guess_in_a_row(&registration(1), AnswerKind::SentCode, start()).await;
        assert!(matches!(taken, Taken::Attempt(_)), "its number stays open to its owner: {taken:?}");
    }
}

pub async fn nb_04_a_right_code_forgets_the_wrong_ones_in_a_row_of_its_kind_only(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;
    for _ in 0..MOST - 1 {
        stores.attempt_in_a_row(&login(&user), AnswerKind::SentCode, minute(10)).await;
        stores.attempt_in_a_row(&login(&user), AnswerKind::Totp, minute(10)).await;
    }

    stores.sign_in_by_text(&user, minute(20)).await;

    let sent = stores.close(&login(&user), AnswerKind::SentCode, minute(30)).await;
    assert_eq!(sent, (MOST, closed_since(minute(30))));
    let attempt = stores.attempt_in_a_row(&login(&user), AnswerKind::Totp, minute(31)).await;
    let closed = stores.guess_in_a_row(&login(&user), AnswerKind::Totp, minute(31)).await;
    assert_eq!(closed, closed_since(minute(31)), "a text that was right says nothing of the app");
    let redeemed =
        stores.redeem_login_by(&attempt, &Proof::Totp(TotpStep(i64::MAX)), &session(minute(31))).await;
    assert!(matches!(redeemed, Redeemed::Done(_)), "{redeemed:?}");
    stores.attempt_in_a_row(&login(&user), AnswerKind::Totp, minute(40)).await;
    let sent = stores.guess_in_a_row(&login(&user), AnswerKind::SentCode, minute(40)).await;
    assert_eq!(sent, closed_since(minute(30)));
}

pub async fn what_was_given_back_is_not_counted_in_a_row(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    for _ in 0..3 {
        let attempt = stores.attempt_in_a_row(&login(&user), AnswerKind::SentCode, minute(10)).await;
        stores.challenges.give_back(attempt.spent(), 5).await.expect("give_back");
    }

    let closed = stores.close(&login(&user), AnswerKind::SentCode, minute(20)).await;

    assert_eq!(closed, (MOST, closed_since(minute(20))));
}

pub async fn wrong_codes_in_a_row_are_forgotten_after_their_memory(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    for _ in 0..MOST - 1 {
        stores.attempt_in_a_row(&login(&user), AnswerKind::SentCode, minute(10)).await;
    }
    let remembered = minute(10) + CodeFailures::MEMORY - MICROSECOND;
    stores.challenges.purge(remembered, 1_000).await.expect("purge");
    stores.attempt_in_a_row(&login(&user), AnswerKind::SentCode, remembered).await;
    let closed = stores.guess_in_a_row(&login(&user), AnswerKind::SentCode, remembered).await;
    assert_eq!(closed, closed_since(remembered), "a purge forgets nothing that counts");

    let forgotten = remembered + CodeFailures::MEMORY;
    let anew = stores.close(&login(&user), AnswerKind::SentCode, forgotten).await;
    assert_eq!(anew, (MOST, closed_since(forgotten)));

    let long_after = forgotten + CodeFailures::MEMORY + SignedDuration::from_hours(1);
    while stores.challenges.purge(long_after, 1_000).await.expect("purge") > 0 {}
    stores.attempt_in_a_row(&login(&user), AnswerKind::SentCode, long_after).await;
}

pub async fn a_deleted_account_leaves_no_wrong_codes_in_a_row(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let forgotten = reset(user.email.clone(), Some(user.id));
    stores.close(&forgotten, AnswerKind::SentCode, minute(10)).await;

    assert!(stores.delete_account(user.id, minute(11)).await);

    let (next, _) = stores.register(person(1), minute(20)).await;
    let forgotten = reset(next.email.clone(), Some(next.id));
    stores.attempt_in_a_row(&forgotten, AnswerKind::SentCode, minute(20)).await;
}

impl Stores {
    /// When a password for the e-mail is looked at again, if not now.
    async fn password_closed_until(&self, email: &Email, now: Timestamp) -> Option<Timestamp> {
        self.find_sign_in(SignInName::Email(email.clone()), now).await.failures.retry_at(now)
    }

    async fn fail_so_often(&self, email: &Email, now: Timestamp) {
        let key = ThrottleKey(email.canonical().to_owned());
        join_all((0..PasswordFailures::MOST).map(|_| self.record_failure(&key, now))).await;
    }
}

pub async fn d_11_after_100_wrong_passwords_a_name_is_closed_until_a_reset_or_a_device_opens_it(
    stores: &Stores,
) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let (reset, unknown) = (stores.register(person(2), start()).await.0, email(3));
    let closed_until = Some(minute(10) + PasswordFailures::MEMORY);
    for name in [&user.email, &reset.email, &unknown] {
        stores.fail_so_often(name, minute(10)).await;
        assert_eq!(stores.password_closed_until(name, minute(60)).await, closed_until);
    }

    stores.reset_to(&reset, 9, minute(60)).await;
    assert!(stores.sign_in_by(&user, device.token, minute(60)).await.is_some());

    for open in [&user.email, &reset.email] {
        assert_eq!(stores.password_closed_until(open, minute(60)).await, None);
    }
    assert_eq!(stores.password_closed_until(&unknown, minute(60)).await, closed_until);
    let forgotten = minute(10) + PasswordFailures::MEMORY;
    assert_eq!(stores.password_closed_until(&unknown, forgotten).await, None);
}
