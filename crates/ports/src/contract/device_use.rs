//! Device tokens: they stand in for the code, once each, and copies are noticed.

use domain::{AuthenticationMethod, DeviceTokenHash, EventName, SignInName, User, UserId};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        CROWD, MICROSECOND, device_policy, device_sign_in, email, fresh_device_token, fresh_uuid, hour,
        minute, password, person, phone, presented, session, start,
    },
};
use crate::{DeviceSignIn, DeviceUse, NewSession};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

impl Stores {
    async fn is_copied(&self, user: &User, token: DeviceTokenHash, now: Timestamp) -> bool {
        let answer = self.use_device(&device_sign_in(user, token, now)).await;
        matches!(answer, DeviceUse::Reused { .. })
    }

    async fn is_not_remembered(&self, sign_in: &DeviceSignIn) -> bool {
        let now = sign_in.session.times.created_at;
        let nothing = self.use_device(sign_in).await == DeviceUse::NotRemembered;
        nothing && !self.is_live(sign_in.session.id, sign_in.user_id, now).await
    }
}

pub async fn tn_04_a_device_token_opens_a_session_that_renews_no_proof(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let sign_in = device_sign_in(&user, device.token, hour(1));

    let answer = stores.use_device(&sign_in).await;

    assert_eq!(answer, DeviceUse::SignedIn { user: user.clone(), authenticated_at: start() });
    let found = stores.sessions.find_live(sign_in.session.id, user.id, hour(1)).await.expect("find_live");
    let found = found.expect("the new session");
    assert_eq!(found.methods, [AuthenticationMethod::Password]);
    assert_eq!((found.authenticated_at, found.expires_at), (start(), sign_in.session.times.expires_at));
    let newest = stores.events(user.id).await.into_iter().next().expect("an event");
    assert_eq!((newest.id, newest.session_id), (sign_in.session.event.id, Some(sign_in.session.id)));
    assert!(!stores.is_refused(&sign_in.session, hour(2)).await);
}

pub async fn tn_04_a_used_token_gives_its_place_to_its_successor(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let mut token = device.token;
    for hours in 1..=5 {
        token = stores.sign_in_by(&user, token, hour(hours)).await.expect("the newest token counts");
    }
    assert_eq!(stores.device_ids(user.id, hour(6)).await, [device.id]);
}

pub async fn d_20_a_device_ends_on_time_however_much_it_is_used(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let end = start() + device_policy().ttl;
    let next = stores.sign_in_by(&user, device.token, hour(24)).await.expect("a remembered device");
    let last = stores.sign_in_by(&user, next, end - MICROSECOND).await.expect("a remembered device");

    assert_eq!(stores.known_device(&user, last, end).await, None);
    assert!(stores.is_not_remembered(&device_sign_in(&user, last, end)).await);
    assert!(stores.is_not_remembered(&device_sign_in(&user, device.token, end)).await, "an old one neither");
    assert!(!stores.event_names(user.id).await.contains(&EventName::DeviceTokenReuse));
}

pub async fn tn_04_a_token_counts_for_its_owner_and_the_compared_password_only(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    let own = device_sign_in(&user, device.token, minute(1));
    let refused = [
        device_sign_in(&user, fresh_device_token(), minute(1)),
        device_sign_in(&stranger, device.token, minute(1)),
        DeviceSignIn { password_hash: password(2), ..own.clone() },
        DeviceSignIn { user_id: UserId(fresh_uuid()), ..own.clone() },
    ];

    for sign_in in refused {
        assert!(stores.is_not_remembered(&sign_in).await, "{sign_in:?}");
        assert_eq!(stores.known_device(&user, sign_in.successor, minute(1)).await, None);
    }

    assert!(matches!(stores.use_device(&own).await, DeviceUse::SignedIn { .. }), "nothing was spent");
}

pub async fn tn_04_50_concurrent_uses_of_a_token_leave_one_live_successor(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let crowd: Vec<DeviceSignIn> = (0..CROWD).map(|_| device_sign_in(&user, device.token, hour(1))).collect();

    let answers = join_all(crowd.iter().map(|sign_in| stores.use_device(sign_in))).await;

    let signed_in = answers.iter().filter(|answer| matches!(answer, DeviceUse::SignedIn { .. })).count();
    let unknown = answers.iter().filter(|answer| **answer == DeviceUse::NotRemembered).count();
    assert!(signed_in >= 1);
    assert_eq!(signed_in + unknown, CROWD as usize, "a race is no theft");
    assert_eq!(stores.list(user.id, hour(1)).await.len().min(50), (signed_in + 1).min(50));
    let mut live = 0;
    for sign_in in crowd {
        let answer = stores.sign_in_by(&user, sign_in.successor, hour(1) + SECOND).await;
        live += u32::from(answer.is_some());
    }
    assert_eq!(live, 1);
    assert_eq!(stores.device_ids(user.id, hour(1) + SECOND).await, [device.id]);
}

pub async fn tn_04_a_repeat_inside_the_leeway_replaces_the_unspent_successor(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let lost = stores.sign_in_by(&user, device.token, hour(1)).await.expect("a remembered device");

    let kept = stores.sign_in_by(&user, device.token, hour(1) + SECOND).await.expect("the answer was lost");

    assert_eq!(stores.sign_in_by(&user, lost, hour(1) + SECOND).await, None);
    assert!(stores.sign_in_by(&user, kept, hour(2)).await.is_some());
}

pub async fn tn_04_a_replaced_successor_that_comes_back_forgets_the_device(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let owners = stores.sign_in_by(&user, device.token, hour(1)).await.expect("a remembered device");
    let thiefs = stores.sign_in_by(&user, device.token, hour(1) + SECOND).await.expect("a copy");

    assert!(stores.is_copied(&user, owners, hour(2)).await);

    assert_eq!(stores.sign_in_by(&user, thiefs, hour(2)).await, None);
    assert_eq!(stores.device_ids(user.id, hour(2)).await, []);
}

pub async fn tn_04_a_repeat_after_the_successor_was_spent_is_not_remembered_and_forgets_nothing(
    stores: &Stores,
) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let child = stores.sign_in_by(&user, device.token, hour(1)).await.expect("a remembered device");
    let grandchild = stores.sign_in_by(&user, child, hour(1) + SECOND).await.expect("the successor counts");

    let repeat = device_sign_in(&user, device.token, hour(1) + SECOND * 2);
    assert!(stores.is_not_remembered(&repeat).await);

    assert_eq!(stores.device_ids(user.id, hour(2)).await, [device.id]);
    assert!(stores.sign_in_by(&user, grandchild, hour(2)).await.is_some());
}

pub async fn tn_04_repeats_never_stretch_the_leeway(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let leeway = device_policy().reuse_leeway;
    for later in [SignedDuration::ZERO, SECOND * 5, leeway - MICROSECOND] {
        assert!(stores.sign_in_by(&user, device.token, hour(1) + later).await.is_some());
    }

    assert!(stores.is_copied(&user, device.token, hour(1) + leeway).await);
}

pub async fn tn_04_a_copied_token_forgets_the_device_and_is_recorded_once(stores: &Stores) {
    let (user, session, device) = stores.register_on_device(person(1), start()).await;
    let child = stores.sign_in_by(&user, device.token, hour(1)).await.expect("a remembered device");
    let grandchild = stores.sign_in_by(&user, child, hour(2)).await.expect("the successor counts");
    let of = |_| device_sign_in(&user, device.token, hour(3));
    let copies: Vec<DeviceSignIn> = (0..CROWD).map(of).collect();

    let answers = join_all(copies.iter().map(|copy| stores.use_device(copy))).await;

    let theft =
        answers.iter().filter(|answer| **answer == DeviceUse::Reused { device_id: device.id }).count();
    let unknown = answers.iter().filter(|answer| **answer == DeviceUse::NotRemembered).count();
    assert_eq!((theft, unknown), (1, CROWD as usize - 1));
    for token in [device.token, child, grandchild] {
        assert_eq!(stores.sign_in_by(&user, token, hour(3)).await, None);
    }
    for copy in &copies {
        assert!(!stores.is_live(copy.session.id, user.id, hour(3)).await);
    }
    assert!(stores.is_live(session.id, user.id, hour(3)).await);
    let newest = stores.events(user.id).await.into_iter().next().expect("an event");
    assert_eq!((newest.name, newest.session_id), (EventName::DeviceTokenReuse, None));
    assert!(copies.iter().any(|copy| copy.reuse.id == newest.id && copy.reuse.client == newest.client));
    let names = stores.event_names(user.id).await;
    assert_eq!(names.iter().filter(|name| **name == EventName::DeviceTokenReuse).count(), 1);
}

pub async fn a_device_sign_in_at_the_limit_of_sessions_ends_the_least_recently_used(stores: &Stores) {
    let (user, first, device) = stores.register_on_device(person(1), start()).await;
    let second = session(hour(1));
    stores.sign_in(&user, &second, hour(1)).await;
    let sign_in = device_sign_in(&user, device.token, hour(2));
    let third = NewSession { max_per_user: 2, ..sign_in.session.clone() };
    stores.use_device(&DeviceSignIn { session: third.clone(), ..sign_in }).await;

    for (session, live) in [(first, false), (second, true), (third, true)] {
        assert_eq!(stores.is_live(session.id, user.id, hour(2)).await, live);
    }
}

pub async fn a_sign_in_finds_the_live_device_of_its_account_only(stores: &Stores) {
    let (user, _, device) = stores.register_on_device(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    let leeway = device_policy().reuse_leeway;

    assert_eq!(stores.known_device(&user, device.token, hour(1)).await, Some(device.id));
    assert_eq!(stores.known_device(&stranger, device.token, hour(1)).await, None);
    let by_phone = SignInName::Phone(phone(1));
    let found = stores.accounts.find_sign_in(&by_phone, Some(presented(device.token)), hour(1)).await;
    assert_eq!(found.expect("find_sign_in").device, Some(device.id));
    let of_nobody = SignInName::Email(email(3));
    let found = stores.accounts.find_sign_in(&of_nobody, Some(presented(device.token)), hour(1)).await;
    assert_eq!(found.expect("find_sign_in").device, None);
    assert_eq!(
        stores.known_device(&user, device.token, device.expires_at - MICROSECOND).await,
        Some(device.id)
    );
    assert_eq!(stores.known_device(&user, device.token, device.expires_at).await, None);

    stores.sign_in_by(&user, device.token, hour(2)).await.expect("a remembered device");
    assert_eq!(
        stores.known_device(&user, device.token, hour(2) + leeway - MICROSECOND).await,
        Some(device.id)
    );
    assert_eq!(stores.known_device(&user, device.token, hour(2) + leeway).await, None);
}
