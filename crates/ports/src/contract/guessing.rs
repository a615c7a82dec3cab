//! Guesses: how many there are, and who shares them.

use domain::{ChallengeId, Channel, Purpose, Quota, Quotas};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{
        COOLDOWN, CROWD, MICROSECOND, TTL, fresh_challenge_id, guess, guess_within, login, minute, person,
        person_with_phone, phone, registration, registration_of, start, step_up,
    },
};
use crate::{Attempt, Guess, NewChallenge, Taken};

pub async fn asvs_6_6_3_exactly_five_of_50_concurrent_guesses_count(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;

    let mut left = attempts_left_after_a_crowd(stores, std::slice::from_ref(&opened.challenge.id)).await;

    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    assert!(stores.is_closed(&opened.challenge.id, start()).await);
}

pub async fn asvs_6_6_3_challenges_of_one_number_share_the_guesses(stores: &Stores) {
    let mine = stores.open(&registration(1), start()).await.challenge.id;
    let other = stores.open(&registration_of(person_with_phone(2, phone(1))), start()).await.challenge.id;

    let mut left = attempts_left_after_a_crowd(stores, &[mine.clone(), other.clone()]).await;

    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    assert!(stores.is_closed(&mine, start()).await && stores.is_closed(&other, start()).await);
}

/// What was left after each attempt that one of 50 concurrent callers got.
async fn attempts_left_after_a_crowd(stores: &Stores, ids: &[ChallengeId]) -> Vec<u32> {
    let guesses: Vec<Guess> = ids.iter().cycle().take(CROWD as usize).map(guess).collect();
    let answers = join_all(guesses.iter().map(|guess| stores.guess(guess, start()))).await;
    let left = |answer| match answer {
        Taken::Attempt(attempt) => Some(attempt.attempts_left),
        Taken::Closed => None,
        Taken::Decoy(_) => panic!("it is no decoy"),
        Taken::OverQuota { .. } => panic!("there is no quota"),
    };
    answers.into_iter().filter_map(left).collect()
}

pub async fn an_attempt_tells_what_is_to_be_checked(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;
    let attempt = stores.take(&opened.challenge.id, start()).await;
    assert_eq!(attempt.challenge_id, opened.challenge.id);
    assert_eq!((attempt.purpose, attempt.user_id), (Purpose::Registration, None));
    assert_eq!((&attempt.phone, attempt.channel, attempt.attempts_left), (&phone(1), Channel::Sms, 4));

    let (user, _) = stores.register(person(2), start()).await;
    let opened = stores.open(&login(&user), start() + COOLDOWN).await;
    let attempt = stores.take(&opened.challenge.id, start() + COOLDOWN).await;
    assert_eq!((attempt.purpose, attempt.user_id), (Purpose::Login, Some(user.id)));
    assert_eq!(attempt.phone, user.phone);
}

pub async fn an_unknown_challenge_is_closed(stores: &Stores) {
    assert!(stores.is_closed(&fresh_challenge_id(), start()).await);
}

pub async fn a_challenge_is_closed_from_its_end_on(stores: &Stores) {
    let opened = stores.open(&registration(1), start()).await;

    stores.take(&opened.challenge.id, start() + TTL - MICROSECOND).await;
    assert!(stores.is_closed(&opened.challenge.id, start() + TTL).await);
}

pub async fn an_exhausted_challenge_stays_dead_when_its_number_starts_anew(stores: &Stores) {
    let dead = stores.open(&registration(1), start()).await.challenge.id;
    stores.exhaust(&dead, start()).await;

    let anew = stores.open(&registration_of(person_with_phone(2, phone(1))), start()).await.challenge;
    assert_eq!((anew.attempts_left, anew.sends), (5, 0));
    assert!(stores.is_closed(&dead, start()).await);

    let mine = stores.open(&registration(1), start()).await.challenge;
    assert_ne!(mine.id, dead);
    assert!(stores.is_closed(&dead, start()).await);
    let attempt = stores.take(&mine.id, start()).await;
    assert_eq!((attempt.provider_id, attempt.unsettled), (None, None), "the exhausted code is gone");
}

pub async fn rc_07_wrong_codes_of_an_account_are_bounded_over_challenges(stores: &Stores) {
    let (user, _) = stores.register(person(1), minute(-10)).await;
    let seven = Quota::per_hour(7);
    let first = stores.open(&login(&user), minute(0)).await.challenge.id;
    assert_eq!(count_guesses(stores, &first, seven, minute(0)).await, (5, Taken::Closed));

    let second = stores.open(&login(&user), minute(10)).await.challenge.id;
    let over = Taken::OverQuota { retry_at: minute(60) };
    assert_eq!(count_guesses(stores, &second, seven, minute(10)).await, (2, over));

    let third = stores.open(&login(&user), minute(60)).await.challenge.id;
    let slid = count_guesses(stores, &third, seven, minute(60)).await;
    assert_eq!(slid, (5, Taken::Closed));
}

pub async fn d_04_exactly_the_quota_of_50_concurrent_guesses_of_an_account_counts(stores: &Stores) {
    let refused = Taken::OverQuota { retry_at: minute(60) };
    for number in 1..=5 {
        let (user, _) = stores.register(person(number), minute(-10)).await;
        let id = stores.open(&login(&user), minute(0)).await.challenge.id;
        let guess = guess_within(&id, Quotas { account: Some(Quota::per_hour(3)), ..Quotas::default() });

        let answers = join_all((0..CROWD).map(|_| stores.guess(&guess, minute(0)))).await;

        assert_eq!(answers.iter().filter(|answer| matches!(answer, Taken::Attempt(_))).count(), 3);
        assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), CROWD as usize - 3);
    }
}

/// How many guesses were granted, and what ended them.
async fn count_guesses(stores: &Stores, id: &ChallengeId, quota: Quota, now: Timestamp) -> (u32, Taken) {
    let guess = guess_within(id, Quotas { account: Some(quota), ..Quotas::default() });
    let mut granted = 0;
    loop {
        match stores.guess(&guess, now).await {
            Taken::Attempt(_) => granted += 1,
            end => return (granted, end),
        }
    }
}

pub async fn wrong_codes_of_strangers_do_not_close_a_number_to_its_owner(stores: &Stores) {
    let five = Quota::per_hour(5);
    let strangers = stores.open(&registration(1), start()).await.challenge.id;
    assert_eq!(count_guesses(stores, &strangers, five, start()).await, (5, Taken::Closed));

    let owners = stores.open(&registration_of(person_with_phone(2, phone(1))), start()).await.challenge.id;

    assert_eq!(count_guesses(stores, &owners, five, start()).await, (5, Taken::Closed));
}

pub async fn an_answer_for_another_purpose_is_closed_and_spends_nothing(stores: &Stores) {
    let (user, session) = stores.register(person(1), minute(-10)).await;
    let quotas = Quotas { account: Some(Quota::per_hour(1)), ..Quotas::default() };
    let kinds: [(NewChallenge, &'static [Purpose]); 3] = [
        (registration(2), &[Purpose::Login, Purpose::StepUp]),
        (login(&user), &[Purpose::Registration, Purpose::StepUp]),
        (step_up(&user, session.id), &[]),
    ];
    for (challenge, purposes) in kinds {
        let id = stores.open(&challenge, start()).await.challenge.id;
        let elsewhere = Guess { purposes, ..guess_within(&id, quotas) };
        for _ in 0..6 {
            assert_eq!(stores.guess(&elsewhere, start()).await, Taken::Closed);
        }

        let purposes: &'static [Purpose] = match challenge.subject.purpose() {
            Purpose::StepUp => &[Purpose::StepUp],
            _ => &[Purpose::Registration, Purpose::Login],
        };
        let here = Guess { purposes, ..guess_within(&id, quotas) };
        let taken = stores.guess(&here, start()).await;
        assert!(matches!(taken, Taken::Attempt(Attempt { attempts_left: 4, .. })), "{taken:?}");
        assert_eq!(stores.guess(&elsewhere, start()).await, Taken::Closed, "not over the quota");
    }
}

pub async fn a_closed_challenge_is_closed_whatever_the_quota_says(stores: &Stores) {
    let five = Quota::per_hour(5);
    let opened = stores.open(&registration(1), start()).await;
    count_guesses(stores, &opened.challenge.id, five, start()).await;

    let end = count_guesses(stores, &opened.challenge.id, five, start()).await;

    assert_eq!(end, (0, Taken::Closed));
}
