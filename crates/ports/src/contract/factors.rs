//! Authenticator apps and recovery codes: enrolled, replaced, removed.

use domain::{EventName, RecoveryCodeHash, SecondFactors, SessionId, TotpStep, User, UserId};
use futures_util::future::{join, join_all};
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{CROWD, event, fresh_recovery_code, fresh_uuid, minute, new_device, person, session, start},
};
use crate::{
    ConfirmedTotp, NewSession, RecoveryCodeSet, SealedValue, TotpBegin, TotpConfirmation, TotpEnrolment,
};

/// What the app shows that it has; a store knows no secret.
pub(super) fn secret(number: u32) -> SealedValue {
    SealedValue(format!("scheme.key.secret-{number}"))
}

fn confirmation(user: &User, number: u32, step: i64) -> TotpConfirmation {
    TotpConfirmation {
        user_id: user.id,
        secret: secret(number),
        step: TotpStep(step),
        recovery_codes: recovery_codes(),
        event: event(EventName::FactorEnrolled),
    }
}

fn recovery_codes() -> Vec<RecoveryCodeHash> {
    (0..10).map(|_| fresh_recovery_code()).collect()
}

fn codes_of(user: UserId) -> RecoveryCodeSet {
    let event = event(EventName::RecoveryCodesCreated);
    RecoveryCodeSet { user_id: user, recovery_codes: recovery_codes(), event }
}

/// The step of the code that confirms an app in these suites.
pub(super) const CONFIRMED_WITH: TotpStep = TotpStep(1_000);

impl Stores {
    async fn begin_totp(&self, user: UserId, number: u32, now: Timestamp) -> TotpBegin {
        self.factors.begin_totp(user, &secret(number), now).await.expect("begin_totp")
    }

    async fn confirm_totp(&self, confirmation: &TotpConfirmation, now: Timestamp) -> bool {
        self.factors.confirm_totp(confirmation, now).await.expect("confirm_totp")
    }

    async fn find_totp(&self, user: UserId) -> Option<TotpEnrolment> {
        self.factors.find_totp(user).await.expect("find_totp")
    }

    async fn remove_totp(&self, user: UserId, kept: SessionId, now: Timestamp) -> bool {
        let event = event(EventName::FactorRemoved);
        self.factors.remove_totp(user, kept, &event, now).await.expect("remove_totp")
    }

    async fn replace_recovery_codes(&self, set: &RecoveryCodeSet, now: Timestamp) -> bool {
        self.factors.replace_recovery_codes(set, now).await.expect("replace_recovery_codes")
    }

    /// Enrols an app from the first step to the last; the recovery codes that came with it.
    pub(super) async fn enrol(&self, user: &User, now: Timestamp) -> Vec<RecoveryCodeHash> {
        assert_eq!(self.begin_totp(user.id, 1, now).await, TotpBegin::Begun);
        let confirmation = confirmation(user, 1, CONFIRMED_WITH.0);
        assert!(self.confirm_totp(&confirmation, now).await);
        confirmation.recovery_codes
    }

    /// Somebody with an app, the session of the sign-up, and the recovery codes.
    pub(super) async fn with_app(
        &self,
        number: u32,
        now: Timestamp,
    ) -> (User, NewSession, Vec<RecoveryCodeHash>) {
        let (user, session) = self.register(person(number), now).await;
        let codes = self.enrol(&user, now).await;
        (user, session, codes)
    }

    /// What the account has, as every place that shows it must agree.
    pub(super) async fn second_factors(&self, user: UserId) -> SecondFactors {
        self.find_account(user).await.expect("the account").user.second_factors
    }
}

const APP: SecondFactors =
    SecondFactors { totp: true, recovery_codes_left: 10, passkey: false, text_barred: false };

pub async fn a_secret_waits_until_it_is_confirmed(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    assert_eq!(stores.find_totp(user.id).await, None);

    assert_eq!(stores.begin_totp(user.id, 1, minute(1)).await, TotpBegin::Begun);

    let waiting = TotpEnrolment { secret: secret(1), begun_at: minute(1), confirmed: None };
    assert_eq!(stores.find_totp(user.id).await, Some(waiting));
    assert_eq!(stores.second_factors(user.id).await, SecondFactors::default());
}

pub async fn asvs_6_5_1_a_confirmed_app_is_enrolled_with_its_recovery_codes(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    stores.begin_totp(user.id, 1, minute(1)).await;
    stores.begin_totp(stranger.id, 2, minute(1)).await;

    assert!(stores.confirm_totp(&confirmation(&user, 1, 7), minute(2)).await);

    let confirmed = Some(ConfirmedTotp { at: minute(2), last_step: TotpStep(7) });
    let app = TotpEnrolment { secret: secret(1), begun_at: minute(1), confirmed };
    assert_eq!(stores.find_totp(user.id).await, Some(app));
    let live = stores.sessions.find_live(session.id, user.id, minute(2)).await.expect("find_live");
    let shown = live.expect("the session").user;
    assert_eq!((shown.second_factors, shown.updated_at), (APP, minute(2)));
    assert_eq!(stores.second_factors(user.id).await, APP);
    assert_eq!(stores.second_factors(stranger.id).await, SecondFactors::default());
}

pub async fn a_secret_that_was_replaced_is_not_confirmed(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    stores.begin_totp(user.id, 1, minute(1)).await;
    assert_eq!(stores.begin_totp(user.id, 2, minute(2)).await, TotpBegin::Begun);

    assert!(!stores.confirm_totp(&confirmation(&user, 1, 7), minute(3)).await);
    assert!(!stores.confirm_totp(&confirmation(&stranger, 2, 7), minute(3)).await);

    let waiting = TotpEnrolment { secret: secret(2), begun_at: minute(2), confirmed: None };
    assert_eq!(stores.find_totp(user.id).await, Some(waiting));
    assert_eq!(stores.second_factors(user.id).await, SecondFactors::default());
    assert!(stores.confirm_totp(&confirmation(&user, 2, 7), minute(3)).await);
}

pub async fn one_of_50_concurrent_confirmations_enrols_the_app(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    stores.begin_totp(user.id, 1, minute(1)).await;
    let crowd: Vec<TotpConfirmation> = (0..CROWD).map(|_| confirmation(&user, 1, 7)).collect();

    let answers = join_all(crowd.iter().map(|one| stores.confirm_totp(one, minute(2)))).await;

    assert_eq!(answers.iter().filter(|confirmed| **confirmed).count(), 1);
    assert_eq!(stores.second_factors(user.id).await, APP);
    let enrolled = stores.event_names(user.id).await;
    assert_eq!(enrolled.iter().filter(|name| **name == EventName::FactorEnrolled).count(), 1);
}

pub async fn a_confirmation_that_races_another_beginning_enrols_what_it_confirmed(stores: &Stores) {
    for number in 1..=10 {
        let (user, _) = stores.register(person(number), start()).await;
        stores.begin_totp(user.id, 1, minute(1)).await;
        let confirmation = confirmation(&user, 1, 7);

        let beginnings = join_all((2..6).map(|other| stores.begin_totp(user.id, other, minute(2))));
        let (_, confirmed) = join(beginnings, stores.confirm_totp(&confirmation, minute(2))).await;

        let app = stores.find_totp(user.id).await.expect("an app");
        assert_eq!(app.confirmed.is_some(), confirmed);
        assert!(!confirmed || app.secret == secret(1), "enrolled is what was confirmed");
        assert_eq!(stores.second_factors(user.id).await.totp, confirmed);
    }
}

pub async fn an_enrolled_app_is_not_replaced_by_another_beginning(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;
    let app = stores.find_totp(user.id).await;

    assert_eq!(stores.begin_totp(user.id, 2, minute(1)).await, TotpBegin::Enrolled);
    assert!(!stores.confirm_totp(&confirmation(&user, 1, 2_000), minute(1)).await);

    assert_eq!(stores.find_totp(user.id).await, app);
}

pub async fn a_secret_is_sealed_anew_unless_it_is_another(stores: &Stores) {
    let (user, _, _) = stores.with_app(1, start()).await;

    stores.factors.reseal_totp(user.id, &secret(1), &secret(2)).await.expect("reseal_totp");
    stores.factors.reseal_totp(user.id, &secret(1), &secret(3)).await.expect("reseal_totp");

    let app = stores.find_totp(user.id).await.expect("the app");
    assert_eq!(app.secret, secret(2));
    assert_eq!(app.confirmed, Some(ConfirmedTotp { at: start(), last_step: CONFIRMED_WITH }));
}

pub async fn asvs_6_5_6_asvs_7_4_3_a_removed_app_is_gone_with_its_codes_and_all_other_sessions(
    stores: &Stores,
) {
    let (user, first, _) = stores.with_app(1, start()).await;
    let (stranger, of_stranger, _) = stores.with_app(2, start()).await;
    let kept = session(minute(10));
    stores.sign_in(&user, &kept, minute(10)).await;
    stores.sign_in_on(&user, &new_device(minute(10)), minute(10)).await;
    let device_of_stranger = new_device(minute(10));
    stores.sign_in_on(&stranger, &device_of_stranger, minute(10)).await;

    assert!(stores.remove_totp(user.id, kept.id, minute(11)).await);

    assert_eq!(stores.device_ids(user.id, minute(11)).await, []);
    assert_eq!(stores.device_ids(stranger.id, minute(11)).await, [device_of_stranger.id]);
    assert_eq!(stores.find_totp(user.id).await, None);
    assert_eq!(stores.second_factors(user.id).await, SecondFactors::default());
    assert!(!stores.is_live(first.id, user.id, minute(11)).await);
    assert!(stores.is_refused(&first, minute(11)).await);
    assert!(stores.is_live(kept.id, user.id, minute(11)).await);
    assert!(stores.is_live(of_stranger.id, stranger.id, minute(11)).await);
    assert_eq!(stores.second_factors(stranger.id).await, APP);
    assert!(!stores.remove_totp(user.id, kept.id, minute(12)).await);
    assert_eq!(stores.begin_totp(user.id, 2, minute(12)).await, TotpBegin::Begun);
}

pub async fn an_enrolment_that_is_given_up_ends_nothing(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let kept = session(minute(10));
    stores.sign_in(&user, &kept, minute(10)).await;
    assert!(stores.replace_recovery_codes(&codes_of(user.id), minute(10)).await);
    stores.begin_totp(user.id, 1, minute(10)).await;
    let events = stores.events(user.id).await;

    assert!(stores.remove_totp(user.id, kept.id, minute(11)).await);

    assert_eq!(stores.find_totp(user.id).await, None);
    assert!(stores.is_live(first.id, user.id, minute(11)).await);
    assert_eq!(stores.second_factors(user.id).await.recovery_codes_left, 10);
    assert_eq!(stores.events(user.id).await, events);
}

pub async fn one_of_50_concurrent_removals_takes_effect(stores: &Stores) {
    let (user, session, _) = stores.with_app(1, start()).await;

    let removals = join_all((0..CROWD).map(|_| stores.remove_totp(user.id, session.id, minute(1)))).await;

    assert_eq!(removals.into_iter().filter(|removed| *removed).count(), 1);
    let names = stores.event_names(user.id).await;
    assert_eq!(names.iter().filter(|name| **name == EventName::FactorRemoved).count(), 1);
}

pub async fn new_recovery_codes_take_the_place_of_all_before(stores: &Stores) {
    let (user, _, old) = stores.with_app(1, start()).await;
    let new = codes_of(user.id);

    assert!(stores.replace_recovery_codes(&new, minute(1)).await);

    assert_eq!(stores.second_factors(user.id).await, APP);
    for code in old {
        assert!(!stores.opens_by_recovery_code(&user, code, minute(10)).await);
    }
    let codes = new.recovery_codes.iter().zip((1..).map(|ten| minute(10 * ten)));
    for (used, (code, now)) in (1..).zip(codes) {
        assert!(stores.opens_by_recovery_code(&user, *code, now).await);
        assert_eq!(stores.second_factors(user.id).await.recovery_codes_left, 10 - used);
    }
    let (phone_only, _) = stores.register(person(2), start()).await;
    assert!(stores.replace_recovery_codes(&codes_of(phone_only.id), minute(1)).await);
    let expected = SecondFactors { recovery_codes_left: 10, ..SecondFactors::default() };
    assert_eq!(stores.second_factors(phone_only.id).await, expected);
}

pub async fn d_15_after_50_concurrent_renewals_the_codes_of_one_are_left(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let sets: Vec<RecoveryCodeSet> = (0..CROWD).map(|_| codes_of(user.id)).collect();

    let answers = join_all(sets.iter().map(|set| stores.replace_recovery_codes(set, minute(1)))).await;

    assert!(answers.into_iter().all(|replaced| replaced));
    assert_eq!(stores.second_factors(user.id).await.recovery_codes_left, 10);
    let mut valid = 0;
    for (code, ten) in sets.iter().filter_map(|set| set.recovery_codes.first()).zip(1..) {
        valid += u32::from(stores.opens_by_recovery_code(&user, *code, minute(10 * ten)).await);
    }
    assert_eq!(valid, 1, "the first codes of all sets but one are dead");
}

pub async fn a_missing_account_has_no_factors(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let nobody = UserId(fresh_uuid());

    assert_eq!(stores.begin_totp(nobody, 1, start()).await, TotpBegin::Gone);
    let confirmation = TotpConfirmation { user_id: nobody, ..confirmation(&user, 1, 7) };
    assert!(!stores.confirm_totp(&confirmation, start()).await);
    assert_eq!(stores.find_totp(nobody).await, None);
    assert!(!stores.remove_totp(nobody, session.id, start()).await);
    assert!(!stores.replace_recovery_codes(&codes_of(nobody), start()).await);
    assert_eq!(stores.event_names(nobody).await, []);
}

pub async fn asvs_6_3_5_acts_on_factors_are_recorded(stores: &Stores) {
    let (user, session, _) = stores.with_app(1, start()).await;
    assert!(stores.replace_recovery_codes(&codes_of(user.id), minute(1)).await);
    assert!(stores.remove_totp(user.id, session.id, minute(2)).await);

    let mut recorded = stores.events(user.id).await;
    recorded.sort_by_key(|event| event.occurred_at);
    let recorded: Vec<_> =
        recorded.iter().skip(1).map(|event| (event.name, event.session_id, event.occurred_at)).collect();
    let enrolled = recorded.iter().any(|event| *event == (EventName::FactorEnrolled, None, start()));
    assert!(enrolled || stores.event_names(user.id).await.contains(&EventName::FactorEnrolled));
    let last = [
        (EventName::RecoveryCodesCreated, None, minute(1)),
        (EventName::FactorRemoved, Some(session.id), minute(2)),
    ];
    assert_eq!(recorded[recorded.len() - 2..], last);
}

pub async fn a_deleted_account_leaves_no_factors(stores: &Stores) {
    let (user, _, codes) = stores.with_app(1, start()).await;

    assert!(stores.delete_account(user.id, minute(1)).await);

    assert_eq!(stores.find_totp(user.id).await, None);
    let (again, _) = stores.register(person(1), minute(2)).await;
    assert_eq!(stores.second_factors(again.id).await, SecondFactors::default());
    for code in codes.into_iter().take(1) {
        assert!(!stores.opens_by_recovery_code(&again, code, minute(10)).await);
    }
}
