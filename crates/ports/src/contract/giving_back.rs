//! Attempts that a provider fault wasted.

use domain::{Quota, Quotas};
use futures_util::future::join_all;

use super::{
    Stores,
    fixtures::{guess_within, login, person, person_with_phone, phone, registration, registration_of, start},
};
use crate::{Attempt, Taken};

impl Stores {
    async fn give_back(&self, attempt: &Attempt, most: u32) {
        self.challenges.give_back(attempt.spent(), most).await.expect("give_back");
    }
}

pub async fn an_attempt_given_back_can_be_taken_again(stores: &Stores) {
    let id = stores.open(&registration(1), start()).await.challenge.id;
    stores.take(&id, start()).await;
    for _ in 0..4 {
        let attempt = stores.take(&id, start()).await;
        assert_eq!(attempt.attempts_left, 3);
        stores.give_back(&attempt, 5).await;
    }

    stores.exhaust(&id, start()).await;
    assert!(stores.is_closed(&id, start()).await);
}

pub async fn attempts_are_given_back_so_many_times_only(stores: &Stores) {
    let id = stores.open(&registration(1), start()).await.challenge.id;
    for _ in 0..2 {
        let attempt = stores.take(&id, start()).await;
        assert_eq!(attempt.attempts_left, 4);
        stores.give_back(&attempt, 2).await;
    }

    let attempt = stores.take(&id, start()).await;
    stores.give_back(&attempt, 2).await;

    assert_eq!(stores.take(&id, start()).await.attempts_left, 3, "the third was not given back");
}

pub async fn concurrent_returns_are_bounded_alike(stores: &Stores) {
    let id = stores.open(&registration(1), start()).await.challenge.id;
    let mut attempts = Vec::new();
    for _ in 0..5 {
        attempts.push(stores.take(&id, start()).await);
    }

    join_all(attempts.iter().map(|attempt| stores.give_back(attempt, 2))).await;

    assert_eq!(stores.take(&id, start()).await.attempts_left, 1);
    assert_eq!(stores.take(&id, start()).await.attempts_left, 0);
    assert!(stores.is_closed(&id, start()).await);
}

pub async fn an_attempt_given_back_is_no_wrong_code(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let id = stores.open(&login(&user), start()).await.challenge.id;
    let quotas = Quotas { account: Some(Quota::per_hour(1)), ..Quotas::default() };
    let guess = guess_within(&id, quotas);
    for _ in 0..2 {
        match stores.guess(&guess, start()).await {
            Taken::Attempt(attempt) => stores.give_back(&attempt, 5).await,
            other => panic!("what was given back does not count, but {other:?}"),
        }
    }

    assert!(matches!(stores.guess(&guess, start()).await, Taken::Attempt(_)));
    assert!(matches!(stores.guess(&guess, start()).await, Taken::OverQuota { .. }));
}

pub async fn giving_back_to_an_earlier_code_does_not_help_the_next(stores: &Stores) {
    let first = stores.open(&registration(1), start()).await.challenge.id;
    let attempt = stores.take(&first, start()).await;
    stores.exhaust(&first, start()).await;
    let next = stores.open(&registration_of(person_with_phone(2, phone(1))), start()).await.challenge;

    stores.give_back(&attempt, 5).await;

    assert_eq!(stores.take(&next.id, start()).await.attempts_left, 4);
    assert!(stores.is_closed(&first, start()).await);
}
