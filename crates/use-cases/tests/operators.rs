//! What operators do, with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    AccountLock, AccountName, AccountQuery, ChallengeState, Client, EventId, EventName, LockReason,
    PasswordFailures, Purpose, SignInName, UserId,
};
use fixtures::{
    Later, Log, account, blind, challenge_state, clock, email, failed, fresh_id, in_seconds, now,
    password_hash, phone, secrets, sign_in, unavailable, user,
};
use mockall::predicate::eq;
use ports::{
    Account, AccountEntry, ImportOutcome, ImportedAccount, LockChange, MockAccountDirectory,
    MockAccountImport, MockAccountStore, MockChallengeStore, MockEventStore, MockSessionStore,
    MockVerificationProvider, NewEvent, Opened, SendDecision, SignIn, Subject,
};
use use_cases::{
    EndAllSessions, EndAllSessionsError, Fault, FindAccounts, ImportAccounts, LockAccount, LockAccountError,
    PersonToImport, RemoveAccount, RemoveAccountError, ShowAccount, ShowAccountError, StartReset,
    StartResetError, UnlockAccount,
};

fn reason() -> LockReason {
    LockReason::parse("phone stolen").unwrap()
}

/// An event that no client caused.
fn anonymous(name: EventName) -> NewEvent {
    NewEvent { id: EventId(fresh_id(1)), name, client: Client::default(), notify: None }
}

async fn lock(answer: Result<LockChange, ports::StoreError>) -> Result<bool, LockAccountError> {
    let mut directory = MockAccountDirectory::new();
    directory
        .expect_lock_account()
        .with(eq(user().id), eq(reason()), eq(anonymous(EventName::LoginLock)), eq(now()))
        .once()
        .return_once(|_, _, _, _| answer);
    let lock = LockAccount { clock: clock(), secrets: secrets(), directory: Arc::new(directory) };
    lock.execute(user().id, &reason()).await
}

async fn unlock(answer: Result<LockChange, ports::StoreError>) -> Result<bool, LockAccountError> {
    let mut directory = MockAccountDirectory::new();
    directory
        .expect_unlock_account()
        .with(eq(user().id), eq(anonymous(EventName::LoginUnlock)), eq(now()))
        .once()
        .return_once(|_, _, _| answer);
    let unlock = UnlockAccount { clock: clock(), secrets: secrets(), directory: Arc::new(directory) };
    unlock.execute(user().id).await
}

#[tokio::test]
async fn asvs_7_4_2_a_lock_is_one_act_of_the_store_and_logged() {
    let log = Log::listen();
    assert!(lock(Ok(LockChange::Done)).await.unwrap());
    assert!(
        log.text().contains("authn_login_lock") && !log.text().contains("phone stolen"),
        "{}",
        log.text()
    );
    assert!(unlock(Ok(LockChange::Done)).await.unwrap());
    assert!(log.text().contains("authn_login_unlock"), "{}", log.text());
}

#[tokio::test]
async fn what_is_so_already_is_told_and_not_logged() {
    let log = Log::listen();
    assert!(!lock(Ok(LockChange::AlreadySo)).await.unwrap());
    assert!(!unlock(Ok(LockChange::AlreadySo)).await.unwrap());
    assert!(!log.text().contains("authn_login"), "{}", log.text());
}

#[tokio::test]
async fn an_unknown_account_is_not_found_and_an_outage_is_another_matter() {
    let refusals = [
        lock(Ok(LockChange::NotFound)).await.unwrap_err(),
        unlock(Ok(LockChange::NotFound)).await.unwrap_err(),
    ];
    assert!(refusals.iter().all(|refusal| matches!(refusal, LockAccountError::NotFound)));
    let refusals =
        [lock(Err(unavailable())).await.unwrap_err(), unlock(Err(unavailable())).await.unwrap_err()];
    let is_outage = |refusal: &LockAccountError| {
        matches!(refusal, LockAccountError::Fault(Fault::DatabaseUnavailable(_)))
    };
    assert!(refusals.iter().all(is_outage));
}

#[tokio::test]
async fn an_account_is_removed_without_a_trace_of_the_operators_address() {
    for (answer, is_found) in [(true, true), (false, false)] {
        let mut accounts = MockAccountStore::new();
        accounts.expect_find_account().once().return_once(|_| Ok(Some(account())));
        accounts
            .expect_delete_account()
            .with(eq(user().id), eq(anonymous(EventName::UserDeleted).notifying(&phone())), eq(now()))
            .once()
            .return_once(move |_, _, _| Ok(answer));
        let remove = RemoveAccount { clock: clock(), secrets: secrets(), accounts: Arc::new(accounts) };
        let removed = remove.execute(user().id).await;
        assert_eq!(removed.is_ok(), is_found);
        assert!(is_found || matches!(removed, Err(RemoveAccountError::NotFound)));
    }
}

#[tokio::test]
async fn an_account_that_is_not_there_is_not_removed() {
    let mut accounts = MockAccountStore::new();
    accounts.expect_find_account().once().return_once(|_| Ok(None));
    let remove = RemoveAccount { clock: clock(), secrets: secrets(), accounts: Arc::new(accounts) };
    let refusal = remove.execute(user().id).await.unwrap_err();
    assert!(matches!(refusal, RemoveAccountError::NotFound), "{refusal:?}");
}

#[tokio::test]
async fn asvs_6_4_6_an_operator_ends_all_sessions_of_somebody() {
    for (answer, expected) in [(Some(3), Some(3)), (Some(0), Some(0)), (None, None)] {
        let mut directory = MockAccountDirectory::new();
        directory
            .expect_end_all_sessions()
            .with(eq(user().id), eq(anonymous(EventName::TokenRevoked)), eq(now()))
            .once()
            .return_once(move |_, _, _| Ok(answer));
        let end = EndAllSessions { clock: clock(), secrets: secrets(), directory: Arc::new(directory) };
        let ended = end.execute(user().id).await;
        assert!(expected.is_some() || matches!(ended, Err(EndAllSessionsError::NotFound)));
        assert_eq!(ended.ok(), expected);
    }
}

#[tokio::test]
async fn a_page_of_accounts_has_a_hundred() {
    let mut directory = MockAccountDirectory::new();
    directory
        .expect_find_accounts()
        .with(eq(AccountQuery::All), eq(Some(user().id)), eq(100))
        .once()
        .return_once(|_, _, _| Ok(Vec::new()));
    let find = FindAccounts { directory: Arc::new(directory) };
    assert_eq!(find.execute(&AccountQuery::All, Some(user().id)).await.unwrap(), []);
}

fn show(found: Vec<AccountEntry>) -> ShowAccount {
    let (mut directory, mut accounts) = (MockAccountDirectory::new(), MockAccountStore::new());
    let (mut sessions, mut events) = (MockSessionStore::new(), MockEventStore::new());
    let query = AccountQuery::Named(AccountName::Email(email()));
    directory.expect_find_accounts().with(eq(query), eq(None), eq(1)).once().return_once(|_, _, _| Ok(found));
    accounts.expect_find_sign_in().returning(|name, _, _| {
        let failures = match name {
            SignInName::Email(_) => failed(3),
            SignInName::Phone(_) => PasswordFailures::default(),
        };
        Ok(SignIn { failures, ..sign_in(None, Vec::new()) })
    });
    sessions.expect_list_sessions().with(eq(user().id), eq(now())).returning(|_, _| Ok(Vec::new()));
    events.expect_list_events().with(eq(user().id), eq(None), eq(20)).returning(|_, _, _| Ok(Vec::new()));
    ShowAccount {
        clock: clock(),
        accounts: Arc::new(accounts),
        directory: Arc::new(directory),
        sessions: Arc::new(sessions),
        events: Arc::new(events),
    }
}

#[tokio::test]
async fn an_account_is_shown_with_what_belongs_to_it() {
    let entry = AccountEntry { user: user(), lock: Some(AccountLock { since: now(), reason: reason() }) };
    let shown = show(vec![entry.clone()]).execute(&AccountName::Email(email())).await.unwrap();
    assert_eq!(shown.entry, entry);
    assert_eq!((shown.email_failures.count, shown.phone_failures.count), (3, 0));

    let refusal = show(Vec::new()).execute(&AccountName::Email(email())).await.unwrap_err();
    assert!(matches!(refusal, ShowAccountError::NotFound), "{refusal:?}");
}

fn person() -> PersonToImport {
    PersonToImport {
        id: None,
        email: email(),
        phone: phone(),
        password_hash: password_hash("hash of another system"),
        has_own_salt: true,
        verified: true,
        locale: None,
        created_at: None,
        phone_verified_at: None,
        lock: None,
    }
}

async fn stored(people: Vec<PersonToImport>) -> Vec<ImportedAccount> {
    let mut import = MockAccountImport::new();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    import.expect_import_accounts().once().returning(move |accounts, at| {
        assert_eq!(at, now());
        sink.lock().unwrap().extend_from_slice(accounts);
        Ok(vec![ImportOutcome::Imported; accounts.len()])
    });
    let importer = ImportAccounts { clock: clock(), secrets: secrets(), import: Arc::new(import) };
    assert_eq!(importer.execute(people.clone()).await.unwrap().len(), people.len());
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[tokio::test]
async fn what_a_person_does_not_tell_is_made_up() {
    let long_ago = now() - jiff::SignedDuration::from_hours(1000);
    let lock = AccountLock { since: now(), reason: reason() };
    let people = vec![
        person(),
        PersonToImport { created_at: Some(long_ago), lock: Some(lock.clone()), ..person() },
        PersonToImport {
            id: Some(UserId(fresh_id(0xA))),
            phone_verified_at: Some(now()),
            created_at: Some(long_ago),
            ..person()
        },
        PersonToImport { verified: false, lock: Some(lock.clone()), ..person() },
    ];

    let stored = stored(people).await;

    let times: Vec<_> =
        stored.iter().map(|account| (account.created_at, account.phone_verified_at)).collect();
    let expected = [(now(), Some(now())), (long_ago, Some(long_ago)), (long_ago, Some(now())), (now(), None)];
    assert_eq!(times, expected);
    let locks: Vec<_> = stored.iter().map(|account| account.lock.clone()).collect();
    assert_eq!(locks, [None, Some(lock), None, None], "a registration cannot be locked");
    assert_eq!((stored[2].id, stored[2].keeps_id, stored[0].keeps_id), (UserId(fresh_id(0xA)), true, false));
    assert_ne!(stored[0].id, stored[1].id);
    for account in &stored {
        assert_eq!((account.event.name, &account.event.client), (EventName::UserCreated, &Client::default()));
    }
}

/// Every part of a started reset, which answers like this.
struct Starting {
    account: Option<Account>,
    recorded: bool,
    send: SendDecision,
}

impl Starting {
    async fn start(self) -> (Result<(), StartResetError>, Later) {
        let later = Later::default();
        let (mut accounts, mut events, mut challenges) =
            (MockAccountStore::new(), MockEventStore::new(), MockChallengeStore::new());
        let is_open = self.account.as_ref().is_some_and(|account| account.lock.is_none());
        accounts.expect_find_account().with(eq(user().id)).once().return_once(|_| Ok(self.account));
        if is_open {
            events
                .expect_record_event()
                .with(eq(user().id), eq(anonymous(EventName::PasswordResetStart)), eq(now()))
                .once()
                .return_once(move |_, _, _| Ok(self.recorded));
        }
        if is_open && self.recorded {
            let state =
                ChallengeState { user_id: Some(user().id), ..challenge_state(Purpose::PasswordReset) };
            let opened = Opened { challenge: state, send: self.send };
            challenges
                .expect_open()
                .withf(|new, _| {
                    let asked = Subject::PasswordReset { email: email(), user_id: Some(user().id) };
                    (&new.subject, new.limits.address, &new.locale) == (&asked, None, &None)
                })
                .once()
                .return_once(|_, _| Ok(Some(opened)));
        }
        let start = StartReset {
            clock: clock(),
            secrets: secrets(),
            accounts: Arc::new(accounts),
            events: Arc::new(events),
            blind: blind(MockAccountStore::new(), challenges, MockVerificationProvider::new(), &later),
        };
        (start.execute(user().id).await, later)
    }
}

#[tokio::test]
async fn asvs_6_4_6_a_started_reset_is_recorded_and_is_the_one_that_its_owner_finds() {
    let log = Log::listen();
    for send in [SendDecision::Announced, SendDecision::Held] {
        let (started, _) = Starting { account: Some(account()), recorded: true, send }.start().await;
        started.unwrap();
    }
    assert!(log.text().contains("authn_password_reset_start"), "{}", log.text());
    assert!(!log.text().contains(email().as_typed()), "{}", log.text());
}

#[tokio::test]
async fn asvs_6_4_6_no_reset_is_started_for_nobody_nor_for_a_locked_account() {
    let held = || SendDecision::Held;
    let locked = Account { lock: Some(fixtures::lock()), ..account() };
    let (refusal, _) = Starting { account: Some(locked), recorded: true, send: held() }.start().await;
    assert!(matches!(refusal, Err(StartResetError::Locked)), "{refusal:?}");
    for (account, recorded) in [(None, true), (Some(account()), false)] {
        let (refusal, _) = Starting { account, recorded, send: held() }.start().await;
        assert!(matches!(refusal, Err(StartResetError::NotFound)), "{refusal:?}");
    }
}

#[tokio::test]
async fn en_06_the_quota_of_resets_binds_operators_too() {
    let send = SendDecision::OverQuota { retry_at: in_seconds(60) };
    let (refusal, _) = Starting { account: Some(account()), recorded: true, send }.start().await;
    let minute = jiff::SignedDuration::from_mins(1);
    assert!(
        matches!(refusal, Err(StartResetError::RateLimited { retry_after }) if retry_after == minute),
        "{refusal:?}"
    );
}
