//! What is known of names, and how wrong passwords count.

use domain::{PasswordFailures, SignInName};
use futures_util::future::join_all;
use jiff::SignedDuration;

use super::{
    Stores,
    fixtures::{
        CROWD, TTL, email, login, password, person, person_with_phone, phone, registration, registration_of,
        session, start,
    },
};
use crate::{PendingRegistration, Redeemed, ThrottleKey};

pub async fn an_unknown_name_is_counted_under_itself(stores: &Stores) {
    for name in [SignInName::Email(email(1)), SignInName::Phone(phone(1))] {
        let found = stores.find_sign_in(name.clone(), start()).await;

        assert_eq!(found.throttle_key, ThrottleKey(name.canonical().to_owned()));
        assert_eq!(found.failures, PasswordFailures::default());
        assert!(found.account.is_none() && found.registrations.is_empty());
    }
}

pub async fn an_account_is_found_by_its_email_in_any_case_and_by_its_phone(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let shouted = domain::Email::parse("PERSON.1@EXAMPLE.COM").unwrap();

    for name in [SignInName::Email(shouted), SignInName::Phone(phone(1))] {
        let found = stores.find_sign_in(name, start()).await;

        let account = found.account.expect("the account");
        assert_eq!(account.user, user);
        assert_eq!(account.password_hash, password(1));
        assert!(found.registrations.is_empty());
    }
    assert_eq!(user.email.as_typed(), person(1).email.as_typed());
    assert_eq!((user.phone_verified_at, user.created_at, user.updated_at), (start(), start(), start()));
    assert_eq!(user.locale, person(1).locale);
}

pub async fn en_01_failures_of_a_phone_say_nothing_of_the_email_of_its_account(stores: &Stores) {
    stores.register(person(1), start()).await;

    let by_phone = stores.find_sign_in(SignInName::Phone(phone(1)), start()).await;
    stores.record_failure(&by_phone.throttle_key, start()).await;
    let by_email = stores.find_sign_in(SignInName::Email(email(1)), start()).await;

    let again_by_phone = stores.find_sign_in(SignInName::Phone(phone(1)), start()).await;
    assert_eq!(again_by_phone.failures, PasswordFailures { count: 1, last_at: Some(start()) });
    assert_eq!(by_email.failures, PasswordFailures::default());
}

pub async fn en_07_an_email_brings_its_50_newest_registrations(stores: &Stores) {
    for (number, second) in (1..=52).zip(0..) {
        let pending = PendingRegistration { email: email(1), ..person(number) };
        let now = start() + SignedDuration::from_secs(second);
        stores.open(&registration_of(pending), now).await;
    }

    let now = start() + SignedDuration::from_secs(60);
    let found = stores.find_sign_in(SignInName::Email(email(1)), now).await.registrations;

    let newest: Vec<PendingRegistration> =
        (3..=52).rev().map(|number| PendingRegistration { email: email(1), ..person(number) }).collect();
    assert_eq!(found, newest);
}

pub async fn en_02_a_number_brings_its_newest_registration_only(stores: &Stores) {
    for (number, second) in (1..=5).zip(0..) {
        let now = start() + SignedDuration::from_secs(second);
        stores.open(&registration_of(person_with_phone(number, phone(9))), now).await;
    }

    let now = start() + SignedDuration::from_secs(60);
    let found = stores.find_sign_in(SignInName::Phone(phone(9)), now).await;

    assert_eq!(found.registrations, [person_with_phone(5, phone(9))]);
    assert_eq!(found.throttle_key, ThrottleKey(phone(9).as_e164().to_owned()));
}

pub async fn only_live_registrations_are_found(stores: &Stores) {
    let expired = stores.open(&registration(1), start() - TTL).await;
    let exhausted = stores.open(&registration(2), start()).await;
    stores.exhaust(&exhausted.challenge.id, start()).await;
    let used = stores.open(&registration(3), start()).await;
    let attempt = stores.take(&used.challenge.id, start()).await;
    assert!(matches!(stores.redeem_registration(&attempt, &session(start())).await, Redeemed::Done(_)));

    assert_eq!(expired.challenge.expires_at, start());
    for number in 1..=3 {
        let found = stores.find_sign_in(SignInName::Email(email(number)), start()).await;
        assert!(found.registrations.is_empty(), "registration {number} is over");
    }
}

pub async fn concurrent_password_failures_all_count(stores: &Stores) {
    let key = ThrottleKey("nobody@example.com".to_owned());

    join_all((0..CROWD).map(|_| stores.record_failure(&key, start()))).await;

    let name = SignInName::Email(domain::Email::parse("nobody@example.com").unwrap());
    let found = stores.find_sign_in(name, start()).await;
    assert_eq!(found.failures, PasswordFailures { count: CROWD, last_at: Some(start()) });
}

pub async fn a_password_failure_is_forgotten_after_a_day(stores: &Stores) {
    let second = SignedDuration::from_secs(1);
    let key = ThrottleKey(email(1).canonical().to_owned());
    let remembered = start() + PasswordFailures::MEMORY - second;
    let forgotten = remembered + PasswordFailures::MEMORY + second;

    stores.record_failure(&key, start()).await;
    stores.record_failure(&key, remembered).await;
    let twice = stores.find_sign_in(SignInName::Email(email(1)), remembered).await;
    stores.record_failure(&key, forgotten).await;
    let anew = stores.find_sign_in(SignInName::Email(email(1)), forgotten).await;

    assert_eq!(twice.failures, PasswordFailures { count: 2, last_at: Some(remembered) });
    assert_eq!(anew.failures, PasswordFailures { count: 1, last_at: Some(forgotten) });
}

pub async fn a_right_password_forgets_the_failures(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let key = ThrottleKey(user.email.canonical().to_owned());
    stores.record_failure(&key, start()).await;

    stores.open(&login(&user), start()).await;

    let found = stores.find_sign_in(SignInName::Email(email(1)), start()).await;
    assert_eq!(found.failures, PasswordFailures::default());
}

pub async fn a_hash_is_upgraded_unless_the_password_changed(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let hash_now = async || {
        let found = stores.find_sign_in(SignInName::Email(email(1)), start()).await;
        found.account.expect("the account").password_hash
    };

    stores.accounts.upgrade_password_hash(user.id, &password(1), &password(2)).await.expect("upgrade");
    assert_eq!(hash_now().await, password(2));

    stores.accounts.upgrade_password_hash(user.id, &password(1), &password(3)).await.expect("upgrade");
    assert_eq!(hash_now().await, password(2), "the hash that was read is no longer there");
}
