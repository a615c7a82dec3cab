//! Wrong passwords that come with a device token.

use domain::{EventName, SignInName, User};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{CROWD, email, failure_on, key_of, minute, person, start},
};
use crate::PasswordFailure;

impl Stores {
    async fn fail_on_device(&self, failure: &PasswordFailure, now: Timestamp) {
        self.accounts.record_password_failure(failure, now).await.expect("record_password_failure");
    }

    async fn failures(&self, number: u32, now: Timestamp) -> u32 {
        self.find_sign_in(SignInName::Email(email(number)), now).await.failures.count
    }

    async fn count_of(&self, user: &User, name: EventName) -> usize {
        self.event_names(user.id).await.into_iter().filter(|recorded| *recorded == name).count()
    }
}

pub async fn d_11_a_right_password_on_a_device_forgets_the_failures(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    stores.record_failure(&key_of(&user), start()).await;

    stores.sign_in_by(&user, device.token, minute(1)).await.expect("a remembered device");

    assert_eq!(stores.failures(1, minute(1)).await, 0);
}

pub async fn d_11_too_many_wrong_passwords_on_a_device_forget_it(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    for _ in 1..=4 {
        stores.fail_on_device(&failure_on(&user, device.id, 5), minute(1)).await;
    }
    assert_eq!(stores.known_device(&user, device.token, minute(1)).await, Some(device.id));

    let last = failure_on(&user, device.id, 5);
    stores.fail_on_device(&last, minute(2)).await;

    assert_eq!(stores.known_device(&user, device.token, minute(2)).await, None);
    assert_eq!(stores.sign_in_by(&user, device.token, minute(2)).await, None);
    assert_eq!(stores.failures(1, minute(2)).await, 5, "they count for the name, too");
    assert_eq!(stores.count_of(&user, EventName::LoginFail).await, 5);
    let events = stores.events(user.id).await;
    let revoked = events.iter().find(|event| event.name == EventName::DeviceRevoked).expect("an event");
    let expected = last.device.expect("a device").event;
    assert_eq!((revoked.id, &revoked.client), (expected.id, &expected.client));
    assert_eq!((revoked.session_id, revoked.occurred_at), (None, minute(2)));
    stores.fail_on_device(&failure_on(&user, device.id, 5), minute(3)).await;
    assert_eq!(stores.count_of(&user, EventName::DeviceRevoked).await, 1);
}

pub async fn d_11_a_right_password_on_a_device_starts_its_count_anew(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let mut token = device.token;
    for minutes in 1..=3 {
        for _ in 1..=4 {
            stores.fail_on_device(&failure_on(&user, device.id, 5), minute(minutes)).await;
        }
        token = stores.sign_in_by(&user, token, minute(minutes)).await.expect("a remembered device");
    }
}

pub async fn d_11_50_concurrent_wrong_passwords_on_a_device_forget_it_once(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let failures: Vec<PasswordFailure> = (0..CROWD).map(|_| failure_on(&user, device.id, 5)).collect();

    join_all(failures.iter().map(|failure| stores.fail_on_device(failure, minute(1)))).await;

    assert_eq!(stores.known_device(&user, device.token, minute(1)).await, None);
    assert_eq!(stores.failures(1, minute(1)).await, CROWD);
    assert_eq!(stores.count_of(&user, EventName::DeviceRevoked).await, 1);
}

pub async fn d_11_a_wrong_password_is_not_counted_against_the_device_of_another(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;

    stores.fail_on_device(&failure_on(&stranger, device.id, 1), minute(1)).await;

    assert_eq!(stores.known_device(&user, device.token, minute(1)).await, Some(device.id));
    assert_eq!(stores.count_of(&stranger, EventName::DeviceRevoked).await, 0);
}
