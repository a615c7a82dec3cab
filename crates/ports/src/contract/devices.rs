//! Devices: remembered, seen, forgotten.

use domain::{Client, DeviceEntry, DeviceId, EventName, SecurityEvent};
use futures_util::future::{join, join_all};
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        CROWD, MICROSECOND, change, device_policy, device_sign_in, event, hour, login, minute, new_device,
        person, session, start,
    },
};
use crate::{DeviceSignIn, NewDevice, NewSession, Redeemed};

fn entry(device: &NewDevice, created_at: Timestamp, client: Client) -> DeviceEntry {
    let NewDevice { id, expires_at, .. } = *device;
    DeviceEntry { id, created_at, last_used_at: created_at, expires_at, client }
}

pub async fn d_20_a_device_is_remembered_by_every_proof_of_all_factors(stores: &Stores) {
    let (user, first, of_registration) = stores.register_on_device(person(1), start()).await;
    let of_login = new_device(hour(1));
    let second = stores.sign_in_on(&user, &of_login, hour(1)).await;
    let of_step_up = new_device(hour(2));
    let client = Client::default();
    let third = NewSession { client, device: Some(of_step_up.clone()), ..session(hour(2)) };
    let attempt = stores.step_up_attempt(&user, &second, hour(2)).await;
    assert!(matches!(stores.redeem_step_up(&attempt, &third).await, Redeemed::Done(_)));

    let expected = [
        entry(&of_step_up, hour(2), Client::default()),
        entry(&of_login, hour(1), second.client.clone()),
        entry(&of_registration, start(), first.client.clone()),
    ];
    assert_eq!(stores.list_devices(user.id, hour(2)).await, expected);
    let remembered: Vec<SecurityEvent> = stores.events(user.id).await;
    let remembered = remembered.into_iter().filter(|event| event.name == EventName::DeviceRemembered);
    let remembered: Vec<_> =
        remembered.map(|event| (event.id, event.session_id, event.client, event.occurred_at)).collect();
    let proofs =
        [(of_step_up, third, hour(2)), (of_login, second, hour(1)), (of_registration, first, start())];
    let expected =
        proofs.map(|(device, session, at)| (device.event.id, Some(session.id), device.event.client, at));
    assert_eq!(remembered, expected);
}

pub async fn a_device_is_remembered_by_whoever_proved_and_nobody_else(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let attempt = stores.attempt_of(&login(&user), minute(10)).await;
    let crowd =
        (0..CROWD).map(|_| NewSession { device: Some(new_device(minute(10))), ..session(minute(10)) });
    let crowd: Vec<NewSession> = crowd.collect();

    let answers = join_all(crowd.iter().map(|session| stores.redeem_login(&attempt, session))).await;

    let winner = crowd.iter().zip(answers).find(|(_, answer)| matches!(answer, Redeemed::Done(_)));
    let winner = winner.and_then(|(session, _)| session.device.as_ref()).map(|device| device.id);
    assert_eq!(stores.device_ids(user.id, minute(10)).await, Vec::from_iter(winner));
    let names = stores.event_names(user.id).await;
    assert_eq!(names.iter().filter(|name| **name == EventName::DeviceRemembered).count(), 1);
}

pub async fn devices_are_listed_the_most_recently_used_first(stores: &Stores) {
    let (user, _, first) = stores.register_on_device(person(1), start()).await;
    let (stranger, _, of_stranger) = stores.register_on_device(person(2), start()).await;
    let second = new_device(hour(1));
    stores.sign_in_on(&user, &second, hour(1)).await;
    stores.sign_in_by(&user, first.token, hour(2)).await.expect("a remembered device");

    let listed = stores.list_devices(user.id, hour(3)).await;

    let answer = device_sign_in(&user, first.token, hour(2)).session.client;
    let times = |entry: &DeviceEntry| (entry.id, entry.created_at, entry.last_used_at, entry.expires_at);
    let expected =
        [(first.id, start(), hour(2), first.expires_at), (second.id, hour(1), hour(1), second.expires_at)];
    assert_eq!(listed.iter().map(times).collect::<Vec<_>>(), expected);
    assert_eq!(listed.first().map(|entry| &entry.client), Some(&answer));
    assert_eq!(stores.device_ids(stranger.id, hour(3)).await, [of_stranger.id]);
    assert_eq!(stores.device_ids(user.id, first.expires_at - MICROSECOND).await, [first.id, second.id]);
    assert_eq!(stores.device_ids(user.id, first.expires_at).await, [second.id]);
}

pub async fn d_20_devices_beyond_the_limit_are_forgotten_the_least_recently_used_first(stores: &Stores) {
    let (user, _, first) = stores.register_on_device(person(1), start()).await;
    let (stranger, _, of_stranger) = stores.register_on_device(person(2), start()).await;
    let second = new_device(hour(1));
    stores.sign_in_on(&user, &second, hour(1)).await;
    stores.sign_in_by(&user, first.token, hour(2)).await.expect("a remembered device");

    let third = NewDevice { max_per_user: 2, ..new_device(hour(3)) };
    stores.sign_in_on(&user, &third, hour(3)).await;

    assert_eq!(stores.device_ids(user.id, hour(3)).await, [third.id, first.id]);
    assert_eq!(stores.sign_in_by(&user, second.token, hour(3)).await, None);
    assert_eq!(stores.device_ids(stranger.id, hour(3)).await, [of_stranger.id]);
}

pub async fn asvs_6_5_6_a_forgotten_device_is_gone_at_once(stores: &Stores) {
    let (user, session, first) = stores.register_on_device(person(1), start()).await;
    let mut others = Vec::new();
    for minutes in [10, 20] {
        let other = new_device(minute(minutes));
        stores.sign_in_on(&user, &other, minute(minutes)).await;
        others.push(other);
    }

    assert!(stores.forget_device(first.id, user.id, minute(30)).await);
    assert!(!stores.forget_device(first.id, user.id, minute(30)).await);
    assert_eq!(stores.sign_in_by(&user, first.token, minute(30)).await, None);
    assert_eq!(stores.known_device(&user, first.token, minute(30)).await, None);
    assert_eq!(stores.list_devices(user.id, minute(30)).await.len(), 2);

    assert_eq!(stores.forget_devices(user.id, minute(31)).await, 2);
    assert_eq!(stores.forget_devices(user.id, minute(31)).await, 0);
    for other in others {
        assert_eq!(stores.sign_in_by(&user, other.token, minute(31)).await, None);
    }
    assert!(stores.is_live(session.id, user.id, minute(31)).await, "the session goes on");
    let names = stores.event_names(user.id).await;
    let newest = names.iter().take_while(|name| **name == EventName::DeviceRevoked);
    assert_eq!(newest.count(), 2);
}

pub async fn asvs_8_2_1_nobody_forgets_the_device_of_another(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;

    assert!(!stores.forget_device(device.id, stranger.id, minute(1)).await);
    assert_eq!(stores.forget_devices(stranger.id, minute(1)).await, 0);

    assert_eq!(stores.device_ids(user.id, minute(1)).await, [device.id]);
    for id in [user.id, stranger.id] {
        assert!(!stores.event_names(id).await.contains(&EventName::DeviceRevoked));
    }
}

pub async fn each_device_is_forgotten_by_one_of_50_concurrent_callers(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let mut devices: Vec<DeviceId> = Vec::new();
    for minutes in 10..20 {
        let device = new_device(minute(minutes));
        stores.sign_in_on(&user, &device, minute(minutes)).await;
        devices.push(device.id);
    }
    let crowd = devices.iter().cycle().take(CROWD as usize / 2);

    let one_by_one = crowd.clone().map(|id| stores.forget_device(*id, user.id, minute(30)));
    let together = crowd.map(|_| stores.forget_devices(user.id, minute(30)));
    let (one_by_one, together) = join(join_all(one_by_one), join_all(together)).await;

    let one_by_one = one_by_one.into_iter().filter(|forgotten| *forgotten).count() as u64;
    assert_eq!(one_by_one + together.into_iter().sum::<u64>(), 10);
    assert_eq!(stores.device_ids(user.id, minute(30)).await, []);
}

pub async fn an_expired_device_cannot_be_forgotten(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;

    assert!(!stores.forget_device(device.id, user.id, device.expires_at).await);
    assert_eq!(stores.forget_devices(user.id, device.expires_at).await, 0);
    assert!(!stores.event_names(user.id).await.contains(&EventName::DeviceRevoked));
}

pub async fn asvs_7_4_3_a_changed_password_forgets_all_devices(stores: &Stores) {
    let (user, kept, first) = stores.register_on_device(person(1), start()).await;
    let (stranger, _, of_stranger) = stores.register_on_device(person(2), start()).await;
    let second = new_device(minute(10));
    stores.sign_in_on(&user, &second, minute(10)).await;

    assert!(!stores.change_password(&change(&user, 9, 2, kept.id), minute(20)).await);
    assert_eq!(stores.list_devices(user.id, minute(20)).await.len(), 2);
    assert!(stores.change_password(&change(&user, 1, 2, kept.id), minute(20)).await);

    assert_eq!(stores.device_ids(user.id, minute(20)).await, []);
    assert!(stores.change_password(&change(&user, 2, 1, kept.id), minute(20)).await);
    for device in [first, second] {
        assert_eq!(stores.sign_in_by(&user, device.token, minute(20)).await, None);
    }
    assert_eq!(stores.device_ids(stranger.id, minute(20)).await, [of_stranger.id]);
}

pub async fn asvs_7_4_3_a_change_that_races_50_device_sign_ins_leaves_one_session_and_no_device(
    stores: &Stores,
) {
    for number in 1..=5 {
        let (user, kept, device) = stores.register_on_device(person(number), start()).await;
        let attempt = stores.attempt_of(&login(&user), minute(10)).await;
        let on_another = NewSession { device: Some(new_device(minute(10))), ..session(minute(10)) };
        let of = |_| device_sign_in(&user, device.token, minute(10));
        let crowd: Vec<DeviceSignIn> = (0..CROWD).map(of).collect();
        let changed = change(&user, number, 100, kept.id);

        let sign_ins = join_all(crowd.iter().map(|sign_in| stores.use_device(sign_in)));
        let remembered = stores.redeem_login(&attempt, &on_another);
        let change = stores.change_password(&changed, minute(10));
        let ((_, changed), _) = join(join(sign_ins, change), remembered).await;

        assert!(changed);
        let live: Vec<_> = stores.list(user.id, minute(10)).await.into_iter().map(|entry| entry.id).collect();
        assert!(live.iter().all(|id| *id == kept.id), "{live:?}");
        assert_eq!(stores.device_ids(user.id, minute(10)).await, []);
    }
}

pub async fn asvs_7_4_2_a_deletion_that_races_50_device_sign_ins_leaves_neither_session_nor_device(
    stores: &Stores,
) {
    for number in 1..=5 {
        let (user, _, device) = stores.register_on_device(person(number), start()).await;
        let of = |_| device_sign_in(&user, device.token, minute(10));
        let crowd: Vec<DeviceSignIn> = (0..CROWD).map(of).collect();

        let sign_ins = join_all(crowd.iter().map(|sign_in| stores.use_device(sign_in)));
        let deletion = stores.delete_account(user.id, minute(10));
        let (_, deleted) = join(sign_ins, deletion).await;

        assert!(deleted);
        assert!(stores.list(user.id, minute(10)).await.is_empty());
        assert_eq!(stores.device_ids(user.id, minute(10)).await, []);
        let events = stores.events(user.id).await;
        assert!(events.iter().all(|event| event.client == Client::default()), "{events:?}");
        assert_eq!(stores.sign_in_by(&user, device.token, minute(11)).await, None);
    }
}

pub async fn expired_devices_are_purged_and_live_ones_kept(stores: &Stores) {
    let (user, _, _) = stores.register_on_device(person(1), start()).await;
    let later = new_device(hour(48));
    stores.sign_in_on(&user, &later, hour(48)).await;
    let after_the_first = start() + device_policy().ttl + SignedDuration::from_hours(25);

    let purged = stores.challenges.purge(after_the_first, 1_000).await.expect("purge");

    assert!(purged >= 1);
    assert_eq!(stores.device_ids(user.id, after_the_first).await, [later.id]);
    let unseen = stores.devices.list_devices(user.id, start()).await.expect("list_devices");
    assert_eq!(unseen.into_iter().map(|entry| entry.id).collect::<Vec<_>>(), [later.id]);
    let event = event(EventName::DeviceRevoked);
    let forgotten = stores.devices.forget_devices(user.id, &event, after_the_first).await;
    assert_eq!(forgotten.expect("forget_devices"), 1);
}
