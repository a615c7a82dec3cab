//! A user's own account with mocked ports: its language, its record, its end.

mod fixtures;

use std::sync::Arc;

use domain::{EventId, EventName, Locale, TotpStep, User};
use fixtures::{
    Log, barely_fresh_principal, broken, client, clock, device_entry, fresh_id, in_seconds, locale,
    new_event, now, passkey, principal, secrets, security_event, send_trace, session_entries,
    stale_principals, unavailable, user,
};
use mockall::predicate::{always, eq};
use ports::{
    ConfirmedTotp, MockAccountStore, MockDeviceStore, MockEventStore, MockFactorStore, MockPasskeyStore,
    MockSendTraceStore, MockSessionStore, NewEvent, SealedValue, StoreError, TotpEnrolment,
};
use use_cases::{
    AccountExport, ChangeLocale, ChangeLocaleError, DeleteAccount, DeleteAccountError, EnrolledApp,
    ExportAccount, ExportAccountError, Fault, ListEvents,
};

// The language.

fn change_locale(accounts: MockAccountStore) -> ChangeLocale {
    ChangeLocale { clock: clock(), secrets: secrets(), accounts: Arc::new(accounts) }
}

async fn set_to_finnish(answer: Result<Option<User>, StoreError>) -> Result<User, ChangeLocaleError> {
    let mut accounts = MockAccountStore::new();
    accounts.expect_set_locale().once().return_once(|_, _, _, _| answer);
    change_locale(accounts).execute(&principal(), Some(locale("fi")), client()).await
}

#[tokio::test]
async fn a_language_is_set_or_forgotten_and_the_user_is_told_as_the_store_has_it() {
    for wished in [Some(locale("fi")), None::<Locale>] {
        let stored = User { locale: wished.clone(), updated_at: now(), ..user() };
        let answer = stored.clone();
        let mut accounts = MockAccountStore::new();
        accounts
            .expect_set_locale()
            .with(eq(user().id), eq(wished.clone()), eq(new_event(1, EventName::UserUpdated)), eq(now()))
            .once()
            .return_once(|_, _, _, _| Ok(Some(answer)));
        let user = change_locale(accounts).execute(&principal(), wished, client()).await.unwrap();
        assert_eq!(user, stored);
    }
}

#[tokio::test]
async fn a_language_guards_nothing_so_it_needs_no_fresh_sign_in() {
    for stale in stale_principals() {
        let mut accounts = MockAccountStore::new();
        accounts.expect_set_locale().once().return_once(|_, _, _, _| Ok(Some(user())));
        change_locale(accounts).execute(&stale, None, client()).await.unwrap();
    }
}

#[tokio::test]
async fn an_account_that_is_gone_speaks_no_language() {
    let refusal = set_to_finnish(Ok(None)).await.unwrap_err();
    assert!(matches!(refusal, ChangeLocaleError::Gone), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_database_that_is_away_is_no_account_that_is_gone() {
    let refusal = set_to_finnish(Err(unavailable())).await.unwrap_err();
    assert!(matches!(refusal, ChangeLocaleError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
    let refusal = set_to_finnish(Err(broken())).await.unwrap_err();
    assert!(matches!(refusal, ChangeLocaleError::Fault(Fault::Internal(_))), "{refusal:?}");
}

// The end.

fn delete(accounts: MockAccountStore) -> DeleteAccount {
    DeleteAccount { clock: clock(), secrets: secrets(), accounts: Arc::new(accounts) }
}

fn deleting(answer: Result<bool, StoreError>) -> DeleteAccount {
    let mut accounts = MockAccountStore::new();
    accounts.expect_delete_account().once().return_once(|_, _, _| answer);
    delete(accounts)
}

#[tokio::test]
async fn asvs_7_4_2_a_deletion_is_one_act_of_the_store_and_its_owner_is_told() {
    let mut accounts = MockAccountStore::new();
    let told = NewEvent { notify: Some(user().phone), ..new_event(1, EventName::UserDeleted) };
    accounts
        .expect_delete_account()
        .with(eq(user().id), eq(told), eq(now()))
        .once()
        .return_once(|_, _, _| Ok(true));
    delete(accounts).execute(&principal(), client()).await.unwrap();
}

#[tokio::test]
async fn d_14_only_a_fresh_sign_in_with_all_factors_deletes_an_account() {
    for stale in stale_principals() {
        // Nothing is expected of the store: any call would fail this test.
        let refusal = delete(MockAccountStore::new()).execute(&stale, client()).await.unwrap_err();
        assert!(matches!(refusal, DeleteAccountError::StepUpRequired(_)), "{refusal:?}");
    }
    deleting(Ok(true)).execute(&barely_fresh_principal(), client()).await.unwrap();
}

#[tokio::test]
async fn an_account_that_is_gone_is_not_deleted_twice() {
    let log = Log::listen();
    let refusal = deleting(Ok(false)).execute(&principal(), client()).await.unwrap_err();
    assert!(matches!(refusal, DeleteAccountError::Gone), "{refusal:?}");
    assert!(!log.text().contains("user_deleted"), "{}", log.text());
}

#[tokio::test]
async fn asvs_16_5_2_an_account_stays_without_the_database() {
    let refusal = deleting(Err(unavailable())).execute(&principal(), client()).await.unwrap_err();
    assert!(matches!(refusal, DeleteAccountError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn lg_01_a_deletion_is_logged_without_the_person() {
    let log = Log::listen();
    deleting(Ok(true)).execute(&principal(), client()).await.unwrap();
    let text = log.text();
    for part in ["user_deleted", &user().id.0.to_string()] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for personal in ["ovelace", "0123456", "2001:db8", "curl"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
}

// What happened.

#[tokio::test]
async fn asvs_6_3_5_users_read_their_own_events_a_hundred_at_a_time() {
    let recorded =
        || vec![security_event(9, EventName::LoginFail), security_event(8, EventName::LoginSuccess)];
    for before in [None, Some(EventId(fresh_id(10)))] {
        let mut events = MockEventStore::new();
        events
            .expect_list_events()
            .with(eq(user().id), eq(before), eq(100))
            .once()
            .return_once(move |_, _, _| Ok(recorded()));
        let list = ListEvents { events: Arc::new(events) };
        assert_eq!(list.execute(&principal(), before).await.unwrap(), recorded());
    }
}

#[tokio::test]
async fn asvs_16_5_2_no_events_are_made_up_without_the_database() {
    let mut events = MockEventStore::new();
    events.expect_list_events().once().return_once(|_, _, _| Err(unavailable()));
    let fault = ListEvents { events: Arc::new(events) }.execute(&principal(), None).await.unwrap_err();
    assert!(matches!(fault, Fault::DatabaseUnavailable(_)), "{fault:?}");
}

// Everything that is held.

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Record {
    sessions: MockSessionStore,
    factors: MockFactorStore,
    devices: MockDeviceStore,
    events: MockEventStore,
    passkeys: MockPasskeyStore,
    traces: MockSendTraceStore,
}

impl Record {
    /// The user has two sessions, an app, one device and one event.
    fn of_our_user() -> Self {
        let mut record = Self::default();
        record
            .sessions
            .expect_list_sessions()
            .with(eq(user().id), eq(now()))
            .once()
            .return_once(|_, _| Ok(session_entries()));
        record.factors.expect_find_totp().with(eq(user().id)).once().return_once(|_| {
            Ok(Some(TotpEnrolment {
                secret: SealedValue("sealed".to_owned()),
                begun_at: in_seconds(-90),
                confirmed: Some(ConfirmedTotp { at: in_seconds(-60), last_step: TotpStep(7) }),
            }))
        });
        record
            .devices
            .expect_list_devices()
            .with(eq(user().id), eq(now()))
            .once()
            .return_once(|_, _| Ok(vec![device_entry()]));
        record
            .events
            .expect_list_events()
            .with(eq(user().id), eq(None), always())
            .once()
            .return_once(|_, _, _| Ok(vec![security_event(9, EventName::UserCreated)]));
        record
            .passkeys
            .expect_list_passkeys()
            .with(eq(user().id))
            .once()
            .return_once(|_| Ok(vec![passkey()]));
        record
            .traces
            .expect_list_traces()
            .with(eq(user().phone), always())
            .once()
            .return_once(|_, _| Ok(vec![send_trace()]));
        record
    }

    fn wire(self) -> ExportAccount {
        ExportAccount {
            clock: clock(),
            sessions: Arc::new(self.sessions),
            factors: Arc::new(self.factors),
            devices: Arc::new(self.devices),
            events: Arc::new(self.events),
            passkeys: Arc::new(self.passkeys),
            traces: Arc::new(self.traces),
        }
    }
}

#[tokio::test]
async fn an_export_holds_the_account_its_sessions_devices_events_passkeys_and_messages() {
    let export = Record::of_our_user().wire().execute(&principal()).await.unwrap();
    let expected = AccountExport {
        user: user(),
        totp: Some(EnrolledApp { begun_at: in_seconds(-90), confirmed_at: Some(in_seconds(-60)) }),
        sessions: session_entries(),
        devices: vec![device_entry()],
        events: vec![security_event(9, EventName::UserCreated)],
        passkeys: vec![passkey()],
        messages: vec![send_trace()],
    };
    assert_eq!(export, expected);
}

#[tokio::test]
async fn asvs_7_5_1_only_a_fresh_sign_in_with_all_factors_exports_an_account() {
    for stale in stale_principals() {
        let refusal = Record::default().wire().execute(&stale).await.unwrap_err();
        assert!(matches!(refusal, ExportAccountError::StepUpRequired(_)), "{refusal:?}");
    }
    Record::of_our_user().wire().execute(&barely_fresh_principal()).await.unwrap();
}

#[tokio::test]
async fn asvs_16_5_2_half_an_export_is_none() {
    let mut without_sessions = Record::default();
    without_sessions.sessions.expect_list_sessions().once().return_once(|_, _| Err(unavailable()));
    let mut without_devices = Record::default();
    without_devices.sessions.expect_list_sessions().once().return_once(|_, _| Ok(session_entries()));
    without_devices.factors.expect_find_totp().once().return_once(|_| Ok(None));
    without_devices.devices.expect_list_devices().once().return_once(|_, _| Err(unavailable()));
    let mut without_events = Record::default();
    without_events.sessions.expect_list_sessions().once().return_once(|_, _| Ok(session_entries()));
    without_events.factors.expect_find_totp().once().return_once(|_| Ok(None));
    without_events.devices.expect_list_devices().once().return_once(|_, _| Ok(Vec::new()));
    without_events.events.expect_list_events().once().return_once(|_, _, _| Err(unavailable()));
    let mut without_factors = Record::default();
    without_factors.sessions.expect_list_sessions().once().return_once(|_, _| Ok(session_entries()));
    without_factors.factors.expect_find_totp().once().return_once(|_| Err(unavailable()));
    let mut without_passkeys = Record::default();
    without_passkeys.factors.expect_find_totp().once().return_once(|_| Ok(None));
    without_passkeys.devices.expect_list_devices().once().return_once(|_, _| Ok(Vec::new()));
    without_passkeys.sessions.expect_list_sessions().once().return_once(|_, _| Ok(session_entries()));
    without_passkeys.events.expect_list_events().once().return_once(|_, _, _| Ok(Vec::new()));
    without_passkeys.passkeys.expect_list_passkeys().once().return_once(|_| Err(unavailable()));
    let mut without_messages = Record::default();
    without_messages.factors.expect_find_totp().once().return_once(|_| Ok(None));
    without_messages.devices.expect_list_devices().once().return_once(|_, _| Ok(Vec::new()));
    without_messages.sessions.expect_list_sessions().once().return_once(|_, _| Ok(session_entries()));
    without_messages.events.expect_list_events().once().return_once(|_, _, _| Ok(Vec::new()));
    without_messages.passkeys.expect_list_passkeys().once().return_once(|_| Ok(Vec::new()));
    without_messages.traces.expect_list_traces().once().return_once(|_, _| Err(unavailable()));
    for record in [
        without_sessions,
        without_devices,
        without_events,
        without_factors,
        without_passkeys,
        without_messages,
    ] {
        let refusal = record.wire().execute(&principal()).await.unwrap_err();
        assert!(matches!(refusal, ExportAccountError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
    }
}
