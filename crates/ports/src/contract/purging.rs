//! What may be forgotten, and when.

use domain::{PasswordFailures, Quota, Quotas, SignInName};
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        TTL, email, fresh_token, guess_within, hour, limits, login, minute, person, registration, start,
    },
};
use crate::{NewChallenge, Rotation, SendDecision, Taken, ThrottleKey};

impl Stores {
    /// Purges until nothing is left to purge; how much went.
    async fn purge_all(&self, now: Timestamp, most: u32) -> u64 {
        let mut total = 0;
        loop {
            let gone = self.challenges.purge(now, most).await.expect("purge");
            assert!(gone <= u64::from(most), "{gone} rows went in a bite of {most}");
            if gone == 0 {
                return total;
            }
            total += gone;
        }
    }
}

pub async fn a_purge_removes_nothing_that_a_rule_looks_at(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let key = ThrottleKey(email(2).canonical().to_owned());
    stores.record_failure(&key, start()).await;
    let waiting = stores.open(&registration(3), start()).await.challenge;
    let wrong = Quotas { account: Some(Quota::per_hour(1)), ..Quotas::default() };
    for now in [hour(2), hour(4)] {
        let opened = stores.open(&login(&user), now).await;
        stores.guess(&guess_within(&opened.challenge.id, wrong), now).await;
    }

    stores.purge_all(start() + TTL - SignedDuration::from_secs(1), 100).await;
    stores.take(&waiting.id, start() + TTL - SignedDuration::from_secs(1)).await;

    let now = hour(23);
    stores.purge_all(now, 100).await;

    let sent = Quotas { phone: Some(Quota::per_hour(1)), ..Quotas::default() };
    let opened = stores.open(&NewChallenge { limits: limits(sent), ..login(&user) }, now).await;
    assert_eq!(opened.send, SendDecision::OverQuota { retry_at: hour(26) }, "sends of a day count");
    let guess = guess_within(&opened.challenge.id, wrong);
    assert_eq!(stores.guess(&guess, now).await, Taken::OverQuota { retry_at: hour(26) });
    let name = SignInName::Email(email(2));
    let failures = PasswordFailures { count: 1, last_at: Some(start()) };
    assert_eq!(stores.find_sign_in(name, now).await.failures, failures);
    assert!(stores.is_live(session.id, user.id, now).await);
}

pub async fn a_purge_removes_all_that_is_past_and_in_bounded_bites(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    for number in 2..=5 {
        let opened = stores.open(&registration(number), start()).await;
        stores.take(&opened.challenge.id, start()).await;
        stores.record_failure(&ThrottleKey(email(number).canonical().to_owned()), start()).await;
    }
    assert_eq!(stores.purge_all(minute(1), 3).await, 0, "all of it is looked at");

    // Four challenges, verifications, guesses and failures, five sends and slots.
    assert_eq!(stores.purge_all(hour(25), 3).await, 26);
    assert!(stores.is_live(session.id, user.id, hour(25)).await);

    let long_after = session.times.expires_at + SignedDuration::from_hours(25);
    assert_eq!(stores.purge_all(long_after, 3).await, 1);
    assert_eq!(stores.rotate(session.refresh_token, fresh_token(), long_after).await, Rotation::Refused);
}
