//! A user's own remembered devices with mocked ports.

mod fixtures;

use std::sync::Arc;

use domain::EventName;
use fixtures::{
    Log, client, clock, device_entry, new_event, now, principal, secrets, stale_principals, unavailable, user,
};
use mockall::predicate::eq;
use ports::{MockDeviceStore, StoreError};
use use_cases::{Fault, ForgetDevice, ForgetDeviceError, ForgetDevices, ListDevices};

fn list(devices: MockDeviceStore) -> ListDevices {
    ListDevices { clock: clock(), devices: Arc::new(devices) }
}

fn forget(devices: MockDeviceStore) -> ForgetDevice {
    ForgetDevice { clock: clock(), secrets: secrets(), devices: Arc::new(devices) }
}

fn forget_all(devices: MockDeviceStore) -> ForgetDevices {
    ForgetDevices { clock: clock(), secrets: secrets(), devices: Arc::new(devices) }
}

/// The store answers the wish to forget a device with this.
fn forgetting(answer: Result<bool, StoreError>) -> ForgetDevice {
    let mut devices = MockDeviceStore::new();
    devices.expect_forget_device().once().return_once(|_, _, _, _| answer);
    forget(devices)
}

#[tokio::test]
async fn users_see_their_own_devices_as_the_store_orders_them() {
    let mut devices = MockDeviceStore::new();
    devices
        .expect_list_devices()
        .with(eq(user().id), eq(now()))
        .once()
        .return_once(|_, _| Ok(vec![device_entry()]));
    assert_eq!(list(devices).execute(&principal()).await.unwrap(), [device_entry()]);
}

#[tokio::test]
async fn asvs_6_5_6_a_user_forgets_the_device_that_was_named() {
    let mut devices = MockDeviceStore::new();
    let event = new_event(1, EventName::DeviceRevoked);
    devices
        .expect_forget_device()
        .with(eq(device_entry().id), eq(user().id), eq(event), eq(now()))
        .once()
        .return_once(|_, _, _, _| Ok(true));
    forget(devices).execute(&principal(), device_entry().id, client()).await.unwrap();
}

#[tokio::test]
async fn asvs_8_2_1_a_device_that_is_not_there_or_not_ones_own_is_not_found() {
    let refusal = forgetting(Ok(false)).execute(&principal(), device_entry().id, client()).await.unwrap_err();
    assert!(matches!(refusal, ForgetDeviceError::NotFound), "{refusal:?}");
}

#[tokio::test]
async fn asvs_6_5_6_a_user_forgets_all_devices_also_without_a_fresh_proof() {
    for stale in stale_principals() {
        let mut devices = MockDeviceStore::new();
        let event = new_event(1, EventName::DeviceRevoked);
        devices
            .expect_forget_devices()
            .with(eq(user().id), eq(event), eq(now()))
            .once()
            .return_once(|_, _, _| Ok(3));
        forget_all(devices).execute(&stale, client()).await.unwrap();
    }
}

#[tokio::test]
async fn asvs_16_5_2_nothing_is_made_up_without_the_database() {
    let mut devices = MockDeviceStore::new();
    devices.expect_list_devices().once().return_once(|_, _| Err(unavailable()));
    let fault = list(devices).execute(&principal()).await.unwrap_err();
    assert!(matches!(fault, Fault::DatabaseUnavailable(_)), "{fault:?}");

    let one = forgetting(Err(unavailable())).execute(&principal(), device_entry().id, client()).await;
    assert!(matches!(one.unwrap_err(), ForgetDeviceError::Fault(Fault::DatabaseUnavailable(_))));

    let mut devices = MockDeviceStore::new();
    devices.expect_forget_devices().once().return_once(|_, _, _| Err(unavailable()));
    let fault = forget_all(devices).execute(&principal(), client()).await.unwrap_err();
    assert!(matches!(fault, Fault::DatabaseUnavailable(_)), "{fault:?}");
}

#[tokio::test]
async fn lg_03_forgetting_is_logged_by_its_event() {
    let log = Log::listen();
    forgetting(Ok(true)).execute(&principal(), device_entry().id, client()).await.unwrap();
    assert!(log.text().contains("authn_device_revoked"));
}
