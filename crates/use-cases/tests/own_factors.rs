//! A user's authenticator app and recovery codes with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{Code, EventName, RecoveryCode, RecoveryCodeHash, TotpStep};
use fixtures::{
    Log, barely_fresh_principal, client, clock, in_seconds, new_event, now, phone, principal, recovery_code,
    secrets, stale_principals, stored_recovery_code, totp_secret, unavailable, user,
};
use mockall::predicate::eq;
use ports::{
    ConfirmedTotp, MockFactorStore, MockSealer, MockTotpCodes, RecoveryCodeSet, SealContext, SealedValue,
    StoreError, TotpBegin, TotpConfirmation, TotpEnrolment, UnsealError, Unsealed,
};
use use_cases::{
    BeginTotp, BeginTotpError, ConfirmTotp, ConfirmTotpError, Fault, Principal, RemoveTotp, RemoveTotpError,
    RenewRecoveryCodes, RenewRecoveryCodesError,
};

const CODE: &str = "287082";

fn sealed() -> SealedValue {
    SealedValue("sealed".to_owned())
}

fn waiting() -> TotpEnrolment {
    TotpEnrolment { secret: sealed(), begun_at: in_seconds(-30), confirmed: None }
}

fn enrolled() -> TotpEnrolment {
    let confirmed = Some(ConfirmedTotp { at: in_seconds(-20), last_step: TotpStep(0) });
    TotpEnrolment { confirmed, ..waiting() }
}

fn set() -> (Vec<RecoveryCode>, Vec<RecoveryCodeHash>) {
    let codes: Vec<RecoveryCode> = (0..10).map(recovery_code).collect();
    let hashes = codes.iter().map(stored_recovery_code).collect();
    (codes, hashes)
}

fn shown(codes: &[RecoveryCode]) -> Vec<String> {
    codes.iter().map(|code| code.expose().to_owned()).collect()
}

// Beginning.

async fn begin(
    principal: &Principal,
    answer: Option<Result<TotpBegin, StoreError>>,
) -> Result<[u8; 20], BeginTotpError> {
    let mut sealer = MockSealer::new();
    let mut factors = MockFactorStore::new();
    if let Some(answer) = answer {
        sealer
            .expect_seal()
            .withf(|plaintext, context| {
                plaintext == totp_secret().expose() && *context == SealContext::TotpSecret(user().id)
            })
            .once()
            .return_once(|_, _| sealed());
        factors
            .expect_begin_totp()
            .with(eq(user().id), eq(sealed()), eq(now()))
            .once()
            .return_once(|_, _, _| answer);
    }
    let begin = BeginTotp {
        clock: clock(),
        secrets: secrets(),
        sealer: Arc::new(sealer),
        factors: Arc::new(factors),
    };
    begin.execute(principal).await.map(|secret| *secret.expose())
}

#[tokio::test]
async fn asvs_11_3_2_a_secret_is_sealed_for_its_user_before_it_is_stored_and_shown_once() {
    let secret = begin(&principal(), Some(Ok(TotpBegin::Begun))).await.unwrap();
    assert_eq!(secret, *totp_secret().expose());
    begin(&barely_fresh_principal(), Some(Ok(TotpBegin::Begun))).await.unwrap();
}

#[tokio::test]
async fn asvs_7_5_1_a_stolen_token_adds_no_app() {
    for stale in stale_principals() {
        let refusal = begin(&stale, None).await.unwrap_err();
        assert!(matches!(refusal, BeginTotpError::StepUpRequired(_)), "{refusal:?}");
        let refusal = confirm(&stale, Confirming::default()).await.unwrap_err();
        assert!(matches!(refusal, ConfirmTotpError::StepUpRequired(_)), "{refusal:?}");
    }
}

#[tokio::test]
async fn no_secret_is_shown_that_was_not_stored() {
    let refusal = begin(&principal(), Some(Ok(TotpBegin::Enrolled))).await.unwrap_err();
    assert!(matches!(refusal, BeginTotpError::Enrolled), "{refusal:?}");
    let refusal = begin(&principal(), Some(Ok(TotpBegin::Gone))).await.unwrap_err();
    assert!(matches!(refusal, BeginTotpError::Gone), "{refusal:?}");
    let refusal = begin(&principal(), Some(Err(unavailable()))).await.unwrap_err();
    assert!(matches!(refusal, BeginTotpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

// Confirming.

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Confirming {
    sealer: MockSealer,
    totp_codes: MockTotpCodes,
    factors: MockFactorStore,
}

impl Confirming {
    fn finding(app: Option<TotpEnrolment>) -> Self {
        let mut mocks = Self::default();
        mocks.factors.expect_find_totp().with(eq(user().id)).once().return_once(|_| Ok(app));
        mocks
    }

    /// An enrolment waits, and its app shows [`CODE`] in the steps that lie so far from this one.
    fn showing(steps: &'static [i64]) -> Self {
        let mut mocks = Self::finding(Some(waiting()));
        mocks
            .sealer
            .expect_open()
            .with(eq(sealed()), eq(SealContext::TotpSecret(user().id)))
            .once()
            .return_once(|_, _| {
                Ok(Unsealed { plaintext: totp_secret().expose().to_vec().into(), outdated: false })
            });
        mocks.totp_codes.expect_is_code_of().returning(|_, step, code| {
            code.expose() == CODE && steps.contains(&(step.0 - TotpStep::at(now()).0))
        });
        mocks
    }
}

async fn confirm(principal: &Principal, mocks: Confirming) -> Result<Vec<RecoveryCode>, ConfirmTotpError> {
    let confirm = ConfirmTotp {
        clock: clock(),
        secrets: secrets(),
        sealer: Arc::new(mocks.sealer),
        totp_codes: Arc::new(mocks.totp_codes),
        factors: Arc::new(mocks.factors),
    };
    confirm.execute(principal, &Code::parse(CODE).unwrap(), client()).await
}

#[tokio::test]
async fn asvs_6_5_2_the_right_code_enrols_the_app_and_gives_ten_codes_of_which_hashes_are_kept() {
    for steps in [&[0_i64][..], &[-1]] {
        let (steps, step): (&'static [i64], i64) = if steps == [0] { (&[0], 0) } else { (&[-1], -1) };
        let (codes, hashes) = set();
        let mut mocks = Confirming::showing(steps);
        let confirmation = TotpConfirmation {
            user_id: user().id,
            secret: sealed(),
            step: TotpStep(TotpStep::at(now()).0 + step),
            recovery_codes: hashes,
            event: new_event(1, EventName::FactorEnrolled).notifying(&phone()),
        };
        mocks
            .factors
            .expect_confirm_totp()
            .with(eq(confirmation), eq(now()))
            .once()
            .return_once(|_, _| Ok(true));

        let given = confirm(&principal(), mocks).await.unwrap();

        assert_eq!(shown(&given), shown(&codes));
    }
}

#[tokio::test]
async fn a_wrong_code_enrols_nothing_and_may_be_tried_again() {
    for steps in [&[] as &'static [i64], &[1], &[-2]] {
        let refusal = confirm(&principal(), Confirming::showing(steps)).await.unwrap_err();
        assert!(matches!(refusal, ConfirmTotpError::InvalidCode), "{refusal:?}");
    }
}

#[tokio::test]
async fn what_does_not_wait_is_not_confirmed() {
    let refusal = confirm(&principal(), Confirming::finding(None)).await.unwrap_err();
    assert!(matches!(refusal, ConfirmTotpError::NotBegun), "{refusal:?}");
    let refusal = confirm(&principal(), Confirming::finding(Some(enrolled()))).await.unwrap_err();
    assert!(matches!(refusal, ConfirmTotpError::Enrolled), "{refusal:?}");
}

#[tokio::test]
async fn whoever_was_overtaken_is_told_by_what() {
    for (app, is_enrolled) in [(enrolled(), true), (waiting(), false)] {
        let mut mocks = Confirming::showing(&[0]);
        mocks.factors.expect_confirm_totp().once().return_once(|_, _| Ok(false));
        mocks.factors.expect_find_totp().once().return_once(|_| Ok(Some(app)));
        let refusal = confirm(&principal(), mocks).await.unwrap_err();
        assert_eq!(matches!(refusal, ConfirmTotpError::Enrolled), is_enrolled, "{refusal:?}");
        assert_eq!(matches!(refusal, ConfirmTotpError::InvalidCode), !is_enrolled, "{refusal:?}");
    }
}

#[tokio::test]
async fn asvs_16_5_2_a_secret_that_does_not_open_is_our_fault() {
    let mut mocks = Confirming::finding(Some(waiting()));
    mocks.sealer.expect_open().once().return_once(|_, _| Err(UnsealError::Forged));
    let refusal = confirm(&principal(), mocks).await.unwrap_err();
    assert!(matches!(refusal, ConfirmTotpError::Fault(Fault::Internal(_))), "{refusal:?}");

    let mut mocks = Confirming::showing(&[0]);
    mocks.factors.expect_confirm_totp().once().return_once(|_, _| Err(unavailable()));
    let refusal = confirm(&principal(), mocks).await.unwrap_err();
    assert!(matches!(refusal, ConfirmTotpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

// Removing.

async fn remove(
    principal: &Principal,
    answer: Option<Result<bool, StoreError>>,
) -> Result<(), RemoveTotpError> {
    let mut factors = MockFactorStore::new();
    if let Some(answer) = answer {
        let event = new_event(1, EventName::FactorRemoved).notifying(&phone());
        factors
            .expect_remove_totp()
            .with(eq(user().id), eq(principal.session_id), eq(event), eq(now()))
            .once()
            .return_once(|_, _, _, _| answer);
    }
    let remove = RemoveTotp { clock: clock(), secrets: secrets(), factors: Arc::new(factors) };
    remove.execute(principal, client()).await
}

#[tokio::test]
async fn asvs_6_5_6_an_app_is_removed_by_a_fresh_session_which_alone_stays() {
    remove(&principal(), Some(Ok(true))).await.unwrap();
    remove(&barely_fresh_principal(), Some(Ok(true))).await.unwrap();
    for stale in stale_principals() {
        let refusal = remove(&stale, None).await.unwrap_err();
        assert!(matches!(refusal, RemoveTotpError::StepUpRequired(_)), "{refusal:?}");
    }
    let refusal = remove(&principal(), Some(Ok(false))).await.unwrap_err();
    assert!(matches!(refusal, RemoveTotpError::NotFound), "{refusal:?}");
    let refusal = remove(&principal(), Some(Err(unavailable()))).await.unwrap_err();
    assert!(matches!(refusal, RemoveTotpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

// Recovery codes.

async fn renew(
    principal: &Principal,
    answer: Option<Result<bool, StoreError>>,
) -> Result<Vec<RecoveryCode>, RenewRecoveryCodesError> {
    let mut factors = MockFactorStore::new();
    if let Some(answer) = answer {
        let event = new_event(1, EventName::RecoveryCodesCreated).notifying(&phone());
        let set = RecoveryCodeSet { user_id: user().id, recovery_codes: set().1, event };
        factors.expect_replace_recovery_codes().with(eq(set), eq(now())).once().return_once(|_, _| answer);
    }
    let renew = RenewRecoveryCodes { clock: clock(), secrets: secrets(), factors: Arc::new(factors) };
    renew.execute(principal, client()).await
}

#[tokio::test]
async fn d_15_a_fresh_session_gets_ten_new_codes() {
    let given = renew(&principal(), Some(Ok(true))).await.unwrap();
    assert_eq!(shown(&given), shown(&set().0));
    for stale in stale_principals() {
        let refusal = renew(&stale, None).await.unwrap_err();
        assert!(matches!(refusal, RenewRecoveryCodesError::StepUpRequired(_)), "{refusal:?}");
    }
    let refusal = renew(&principal(), Some(Ok(false))).await.unwrap_err();
    assert!(matches!(refusal, RenewRecoveryCodesError::Gone), "{refusal:?}");
    let refusal = renew(&principal(), Some(Err(unavailable()))).await.unwrap_err();
    let is_fault = matches!(refusal, RenewRecoveryCodesError::Fault(Fault::DatabaseUnavailable(_)));
    assert!(is_fault, "{refusal:?}");
}

#[tokio::test]
async fn lg_01_acts_on_factors_are_logged_without_secrets() {
    let log = Log::listen();
    begin(&principal(), Some(Ok(TotpBegin::Begun))).await.unwrap();
    let mut mocks = Confirming::showing(&[0]);
    mocks.factors.expect_confirm_totp().once().return_once(|_, _| Ok(true));
    confirm(&principal(), mocks).await.unwrap();
    renew(&principal(), Some(Ok(true))).await.unwrap();
    remove(&principal(), Some(Ok(true))).await.unwrap();

    let text = log.text();
    let events = ["authn_factor_enrolled", "authn_recovery_codes_created", "authn_factor_removed"];
    let told = events.map(|event| text.find(event));
    assert!(told.iter().all(Option::is_some) && told.is_sorted(), "{text}");
    let codes = shown(&set().0);
    for secret in [CODE, "12345678901234567890", "sealed"].into_iter().chain(codes.iter().map(String::as_str))
    {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
