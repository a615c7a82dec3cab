//! Changing a password with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{EventName, NewPassword, Password, PasswordFailures, PasswordPolicy, SignInName, User, UserId};
use fixtures::{
    Log, account, barely_fresh_principal, client, clock, email, failed, failure_of_the_owner, fresh_id,
    in_seconds, live_session, new_event, now, password_hash, principal, registration, secrets, sign_in,
    stale_principals, unavailable, user,
};
use jiff::SignedDuration;
use mockall::{Sequence, predicate::eq};
use ports::{
    Account, Candidate, HashError, MockAccountStore, MockClock, MockPasswordHasher, NewEvent, PasswordChange,
    PasswordMatch, SignIn, StoreError,
};
use use_cases::{ChangePassword, ChangePasswordError, ChangePasswordRequest, Fault, Principal};

const CURRENT: &str = "correct horse battery staple";
const NEW: &str = "copper lantern river";

fn request() -> ChangePasswordRequest {
    ChangePasswordRequest {
        current: Password::presented(CURRENT),
        new: NewPassword::parse(NEW, Some(&email()), &PasswordPolicy::default()).unwrap(),
        client: client(),
    }
}

/// What the store is asked to do. The `n`-th id names the event.
fn change(n: u64) -> PasswordChange {
    PasswordChange {
        user_id: user().id,
        old: password_hash("hash of the account"),
        new: password_hash("hash of the new one"),
        kept: live_session().id,
        event: NewEvent { notify: Some(user().phone), ..new_event(n, EventName::PasswordChange) },
    }
}

const RIGHT: Result<Option<PasswordMatch>, HashError> = Ok(Some(PasswordMatch { index: 0, outdated: false }));

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    accounts: MockAccountStore,
    hasher: MockPasswordHasher,
}

impl Mocks {
    /// This is known of the user's e-mail.
    fn knowing(known: SignIn) -> Self {
        let mut mocks = Self::default();
        mocks.accounts.expect_find_sign_in().once().return_once(|_, _, _| Ok(known));
        mocks
    }

    /// The account is there, and the hasher says this of the current password.
    fn comparing(answer: Result<Option<PasswordMatch>, HashError>) -> Self {
        let mut mocks = Self::knowing(sign_in(Some(account()), Vec::new()));
        mocks.hasher.expect_find_match().once().return_once(|_, _, _| answer);
        mocks
    }

    /// The new password is hashed.
    fn hashing(mut self) -> Self {
        self.hasher.expect_hash().once().return_once(|_, _| Ok(password_hash("hash of the new one")));
        self
    }

    /// The store answers the change with this.
    fn changing(mut self, answer: Result<bool, StoreError>) -> Self {
        self.accounts.expect_change_password().once().return_once(|_, _| answer);
        self
    }

    fn wire(self) -> ChangePassword {
        ChangePassword {
            clock: clock(),
            secrets: secrets(),
            hasher: Arc::new(self.hasher),
            accounts: Arc::new(self.accounts),
        }
    }

    async fn change_as(self, principal: &Principal) -> Result<(), ChangePasswordError> {
        self.wire().execute(principal, request()).await
    }

    async fn change(self) -> Result<(), ChangePasswordError> {
        self.change_as(&principal()).await
    }
}

// The right password.

#[tokio::test]
async fn asvs_6_2_3_the_current_password_is_compared_before_the_new_one_is_hashed_and_stored() {
    let mut mocks = Mocks::default();
    let mut clock = MockClock::new();
    let mut order = Sequence::new();
    clock.expect_now().once().in_sequence(&mut order).return_const(now());
    mocks
        .accounts
        .expect_find_sign_in()
        .with(eq(SignInName::Email(email())), eq(None), eq(now()))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(sign_in(Some(account()), Vec::new())));
    let candidate = Candidate { owner: email(), hash: password_hash("hash of the account") };
    mocks
        .hasher
        .expect_find_match()
        .withf(move |password, candidates, least_hashes| {
            password.expose_typed() == CURRENT && candidates == [candidate.clone()] && *least_hashes == 1
        })
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| RIGHT);
    mocks
        .hasher
        .expect_hash()
        .withf(|password, owner| password.expose_typed() == NEW && *owner == email())
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(password_hash("hash of the new one")));
    // The hashes took their time: the change happens when it is made.
    clock.expect_now().once().in_sequence(&mut order).return_const(in_seconds(3));
    mocks
        .accounts
        .expect_change_password()
        .with(eq(change(1)), eq(in_seconds(3)))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(true));

    let change = ChangePassword { clock: Arc::new(clock), ..mocks.wire() };
    change.execute(&principal(), request()).await.unwrap();
}

#[tokio::test]
async fn the_password_of_a_pending_registration_changes_nothing_here() {
    let mut mocks = Mocks::knowing(sign_in(Some(account()), vec![registration(1)]));
    mocks
        .hasher
        .expect_find_match()
        .withf(|_, candidates, _| {
            let hashes: Vec<_> = candidates.iter().map(|candidate| candidate.hash.clone()).collect();
            hashes == [password_hash("hash of the account")]
        })
        .once()
        .return_once(|_, _, _| Ok(None));
    mocks.accounts.expect_record_password_failure().once().return_once(|_, _| Ok(()));
    let refusal = mocks.change().await.unwrap_err();
    assert!(matches!(refusal, ChangePasswordError::InvalidCredentials), "{refusal:?}");
}

#[tokio::test]
async fn a_few_failures_do_not_keep_the_owner_from_changing_the_password() {
    let known = SignIn { failures: failed(PasswordFailures::FREE), ..sign_in(Some(account()), Vec::new()) };
    let mut mocks = Mocks::knowing(known);
    mocks.hasher.expect_find_match().once().return_once(|_, _, _| RIGHT);
    mocks.hashing().changing(Ok(true)).change().await.unwrap();
}

// Who may not even try.

#[tokio::test]
async fn d_14_without_a_fresh_sign_in_with_all_factors_nothing_is_asked_of_anybody() {
    for stale in stale_principals() {
        let refusal = Mocks::default().change_as(&stale).await.unwrap_err();
        assert!(matches!(refusal, ChangePasswordError::StepUpRequired(_)), "{refusal:?}");
    }
    let mocks = Mocks::comparing(RIGHT).hashing().changing(Ok(true));
    mocks.change_as(&barely_fresh_principal()).await.unwrap();
}

#[tokio::test]
async fn asvs_6_2_3_after_too_many_wrong_passwords_nothing_is_hashed() {
    let known = SignIn { failures: failed(8), ..sign_in(Some(account()), Vec::new()) };
    let refusal = Mocks::knowing(known).change().await.unwrap_err();
    let ChangePasswordError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, SignedDuration::from_secs(4));
}

#[tokio::test]
async fn an_account_that_is_gone_has_no_password_to_change() {
    let namesake = Account { user: User { id: UserId(fresh_id(0xEFA)), ..user() }, ..account() };
    for known in [sign_in(None, vec![registration(1)]), sign_in(Some(namesake), Vec::new())] {
        let refusal = Mocks::knowing(known).change().await.unwrap_err();
        assert!(matches!(refusal, ChangePasswordError::InvalidCredentials), "{refusal:?}");
    }
}

// The wrong password.

#[tokio::test]
async fn asvs_6_2_3_a_wrong_current_password_counts_as_a_failed_one_and_its_owner_is_told() {
    let mut mocks = Mocks::comparing(Ok(None));
    mocks
        .accounts
        .expect_record_password_failure()
        .with(eq(failure_of_the_owner(EventName::PasswordChangeFail)), eq(now()))
        .once()
        .return_once(|_, _| Ok(()));
    let refusal = mocks.change().await.unwrap_err();
    assert!(matches!(refusal, ChangePasswordError::InvalidCredentials), "{refusal:?}");
}

#[tokio::test]
async fn a_wrong_current_password_that_cannot_be_counted_is_not_judged() {
    let mut mocks = Mocks::comparing(Ok(None));
    mocks.accounts.expect_record_password_failure().once().return_once(|_, _| Err(unavailable()));
    let refusal = mocks.change().await.unwrap_err();
    assert!(matches!(refusal, ChangePasswordError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

/// Somebody else changed it meanwhile, so the current one is no longer right.
#[tokio::test]
async fn a_change_that_another_overtook_is_a_wrong_password() {
    let refusal = Mocks::comparing(RIGHT).hashing().changing(Ok(false)).change().await.unwrap_err();
    assert!(matches!(refusal, ChangePasswordError::InvalidCredentials), "{refusal:?}");
}

// Faults.

#[tokio::test]
async fn asvs_16_5_2_nothing_is_hashed_without_the_database() {
    let mut mocks = Mocks::default();
    mocks.accounts.expect_find_sign_in().once().return_once(|_, _, _| Err(unavailable()));
    let refusal = mocks.change().await.unwrap_err();
    assert!(matches!(refusal, ChangePasswordError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_change_that_cannot_be_stored_is_a_fault() {
    let mocks = Mocks::comparing(RIGHT).hashing().changing(Err(unavailable()));
    let refusal = mocks.change().await.unwrap_err();
    assert!(matches!(refusal, ChangePasswordError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn a_password_that_was_not_compared_is_no_wrong_password() {
    let wait = SignedDuration::from_secs(3);
    let overloaded = HashError::Overloaded { retry_after: wait };
    let refusal = Mocks::comparing(Err(overloaded.clone())).change().await.unwrap_err();
    let ChangePasswordError::Fault(Fault::Overloaded { retry_after }) = refusal else {
        panic!("{refusal:?}")
    };
    assert_eq!(retry_after, wait);

    let abandoned = Mocks::comparing(Err(HashError::Abandoned)).change().await.unwrap_err();
    assert!(matches!(abandoned, ChangePasswordError::Fault(Fault::Abandoned)), "{abandoned:?}");
}

#[tokio::test]
async fn a_new_password_that_was_not_hashed_changes_nothing() {
    let mut mocks = Mocks::comparing(RIGHT);
    let overloaded = HashError::Overloaded { retry_after: SignedDuration::from_secs(3) };
    mocks.hasher.expect_hash().once().return_once(|_, _| Err(overloaded));
    let refusal = mocks.change().await.unwrap_err();
    assert!(matches!(refusal, ChangePasswordError::Fault(Fault::Overloaded { .. })), "{refusal:?}");
}

// What is logged.

#[tokio::test]
async fn lg_01_a_change_logs_neither_person_nor_password() {
    let log = Log::listen();
    let mut wrong = Mocks::comparing(Ok(None));
    wrong.accounts.expect_record_password_failure().once().return_once(|_, _| Ok(()));
    wrong.change().await.unwrap_err();
    Mocks::comparing(RIGHT).hashing().changing(Ok(true)).change().await.unwrap();

    let text = log.text();
    let told = ["authn_password_change_fail", "authn_password_change"]
        .map(|event| text.find(&format!("event=\"{event}\"")));
    assert!(told.iter().all(Option::is_some) && told.is_sorted(), "in the order of the story: {text}");
    for secret in [CURRENT, NEW, "ovelace", "0123456", "hash of", "the store chose", "2001:db8"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
