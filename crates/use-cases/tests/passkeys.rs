//! Passkeys with mocked ports: enrolled, listed, removed, signed in with.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    AccessToken, AnswerKind,
    AuthenticationMethod::{HardwareKey, MultiFactor, Password, SoftwareKey, UserPresence},
    CeremonyId, ChallengeId, Channel, CredentialId, EventName, Passkey, PasskeyId, PasskeyProof, Purpose,
    VerificationId,
};
use fixtures::{
    CHALLENGES, Log, QUOTAS, SESSIONS, barely_fresh_principal, client, clock, email, fresh_ceremony_id,
    fresh_id, in_seconds, new_event, now, passkey, phone, principal, secrets, stale_principals, unavailable,
    user,
};
use mockall::predicate::{always, eq};
use ports::{
    Added, Admitted, Answerable, Assertion, Attempt, CeremonyAnswer, CeremonyFault, CeremonyKind,
    CeremonyState, CredentialRecord, CredentialRefused, Guess, MockAccessTokens, MockChallengeStore,
    MockPasskeyCeremonies, MockPasskeyStore, NewCeremony, NewCredential, NewPasskey, PasskeyRemoval,
    PasskeyUse, PresentedCredential, PublicKeyOptions, StartedCeremony, StoredCredential, Taken,
    TakenCeremony, UserVerification,
};
use use_cases::{
    BegunCeremony, Fault, FinishPasskeyAuthentication, FinishPasskeyAuthenticationError as FinishError,
    FinishPasskeyAuthenticationRequest, FinishPasskeyRegistration, FinishPasskeyRegistrationError,
    FinishPasskeyRegistrationRequest, ListPasskeys, RemovePasskey, RemovePasskeyError, SignedIn,
    StartPasskeyAuthentication, StartPasskeyAuthenticationError, StartPasskeyRegistration,
    StartPasskeyRegistrationError,
};

fn state() -> CeremonyState {
    CeremonyState(b"state".to_vec())
}

fn started() -> StartedCeremony {
    StartedCeremony { options: PublicKeyOptions("{}".to_owned()), state: state() }
}

fn begun() -> BegunCeremony {
    BegunCeremony { id: fresh_ceremony_id(), options: started().options }
}

fn ceremony(kind: CeremonyKind) -> NewCeremony {
    NewCeremony { id: fresh_ceremony_id(), kind, state: state(), expires_at: in_seconds(300) }
}

fn credential_id() -> CredentialId {
    CredentialId::from_bytes(vec![1, 2, 3]).unwrap()
}

fn stored() -> StoredCredential {
    StoredCredential {
        passkey_id: passkey().id,
        user_id: user().id,
        id: credential_id(),
        record: CredentialRecord(vec![9]),
    }
}

fn presented() -> PresentedCredential {
    PresentedCredential("{\"rawId\":\"AQID\"}".to_owned())
}

fn challenge_id() -> ChallengeId {
    ChallengeId::parse("presented-challenge").unwrap()
}

// Enrolling one.

fn start(passkeys: MockPasskeyStore, ceremonies: MockPasskeyCeremonies) -> StartPasskeyRegistration {
    StartPasskeyRegistration {
        clock: clock(),
        secrets: secrets(),
        ceremonies: Arc::new(ceremonies),
        passkeys: Arc::new(passkeys),
    }
}

#[tokio::test]
async fn a_registration_begins_with_what_the_user_has_and_is_kept_for_five_minutes() {
    let (mut passkeys, mut ceremonies) = (MockPasskeyStore::new(), MockPasskeyCeremonies::new());
    passkeys.expect_find_credentials().with(eq(user().id)).once().return_once(|_| Ok(vec![stored()]));
    ceremonies
        .expect_start_registration()
        .withf(|owner, mail, known| (*owner, mail) == (user().id, &email()) && known == [stored()])
        .once()
        .return_once(|_, _, _| Ok(started()));
    let kept = ceremony(CeremonyKind::Registration { user_id: user().id });
    passkeys.expect_begin_ceremony().with(eq(kept)).once().return_once(|_| Ok(()));

    let answer = start(passkeys, ceremonies).execute(&barely_fresh_principal()).await.unwrap();

    assert_eq!(answer, begun());
}

#[tokio::test]
async fn asvs_7_5_1_only_a_fresh_sign_in_with_all_factors_begins_a_registration() {
    for stale in stale_principals() {
        let refusal =
            start(MockPasskeyStore::new(), MockPasskeyCeremonies::new()).execute(&stale).await.unwrap_err();
        assert!(matches!(refusal, StartPasskeyRegistrationError::StepUpRequired(_)), "{refusal:?}");
    }
}

#[tokio::test]
async fn nothing_is_begun_for_a_full_account_nor_after_a_fault() {
    let mut full = MockPasskeyStore::new();
    full.expect_find_credentials().return_once(|_| Ok(vec![stored(); Passkey::MOST_PER_USER as usize]));
    let refusal = start(full, MockPasskeyCeremonies::new()).execute(&principal()).await.unwrap_err();
    assert!(matches!(refusal, StartPasskeyRegistrationError::Full), "{refusal:?}");

    let mut away = MockPasskeyStore::new();
    away.expect_find_credentials().return_once(|_| Err(unavailable()));
    let refusal = start(away, MockPasskeyCeremonies::new()).execute(&principal()).await.unwrap_err();
    let is_fault = matches!(refusal, StartPasskeyRegistrationError::Fault(Fault::DatabaseUnavailable(_)));
    assert!(is_fault, "{refusal:?}");

    let (mut passkeys, mut broken) = (MockPasskeyStore::new(), MockPasskeyCeremonies::new());
    passkeys.expect_find_credentials().return_once(|_| Ok(Vec::new()));
    broken.expect_start_registration().return_once(|_, _, _| Err(CeremonyFault("no".to_owned())));
    let refusal = start(passkeys, broken).execute(&principal()).await.unwrap_err();
    assert!(matches!(refusal, StartPasskeyRegistrationError::Fault(Fault::Internal(_))), "{refusal:?}");
}

fn made() -> NewCredential {
    let record = CredentialRecord(vec![7]);
    NewCredential { id: credential_id(), record, counter: 4, backed_up: true }
}

fn new_passkey() -> NewPasskey {
    NewPasskey {
        id: PasskeyId(fresh_id(1)),
        user_id: user().id,
        name: passkey().name,
        credential: made(),
        max_per_user: 20,
        session_id: principal().session_id,
        event: new_event(2, EventName::PasskeyEnrolled).notifying(&phone()),
    }
}

/// Finishes a registration whose ceremony gives `taken`, and whose credential is judged so.
async fn finish(
    taken: Option<CeremonyState>,
    judged: Option<Result<NewCredential, CredentialRefused>>,
    added: Option<Added>,
) -> Result<Passkey, FinishPasskeyRegistrationError> {
    let (mut passkeys, mut ceremonies) = (MockPasskeyStore::new(), MockPasskeyCeremonies::new());
    passkeys
        .expect_take_registration()
        .with(eq(fresh_ceremony_id()), eq(user().id), eq(now()))
        .once()
        .return_once(|_, _, _| Ok(taken));
    if let Some(judged) = judged {
        ceremonies
            .expect_finish_registration()
            .with(eq(user().id), eq(state()), eq(presented()))
            .once()
            .return_once(|_, _, _| judged);
    }
    if let Some(added) = added {
        passkeys.expect_add_passkey().with(eq(new_passkey()), eq(now())).once().return_once(|_, _| Ok(added));
    }
    let finish = FinishPasskeyRegistration {
        clock: clock(),
        secrets: secrets(),
        ceremonies: Arc::new(ceremonies),
        passkeys: Arc::new(passkeys),
    };
    let request = FinishPasskeyRegistrationRequest {
        ceremony_id: fresh_ceremony_id(),
        credential: presented(),
        name: passkey().name,
        client: client(),
    };
    finish.execute(&principal(), request).await
}

#[tokio::test]
async fn a_passkey_is_kept_as_it_was_judged() {
    let log = Log::listen();
    let added = finish(Some(state()), Some(Ok(made())), Some(Added::Done(passkey()))).await.unwrap();
    assert_eq!(added, passkey());
    assert!(log.text().contains("authn_passkey_enrolled"), "{}", log.text());
}

#[tokio::test]
async fn whatever_is_wrong_with_a_new_passkey_gets_one_answer() {
    let refusals = [
        finish(None, None, None).await,
        finish(Some(state()), Some(Err(CredentialRefused("the nonce is another"))), None).await,
        finish(Some(state()), Some(Ok(made())), Some(Added::Known)).await,
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Err(FinishPasskeyRegistrationError::Refused)), "{refusal:?}");
    }
    let full = finish(Some(state()), Some(Ok(made())), Some(Added::Full)).await;
    assert!(matches!(full, Err(FinishPasskeyRegistrationError::Full)), "{full:?}");
    let gone = finish(Some(state()), Some(Ok(made())), Some(Added::Gone)).await;
    assert!(matches!(gone, Err(FinishPasskeyRegistrationError::Gone)), "{gone:?}");
}

// Seeing and removing them.

#[tokio::test]
async fn users_see_their_own_passkeys() {
    let mut passkeys = MockPasskeyStore::new();
    passkeys.expect_list_passkeys().with(eq(user().id)).once().return_once(|_| Ok(vec![passkey()]));
    let list = ListPasskeys { passkeys: Arc::new(passkeys) };
    assert_eq!(list.execute(&principal()).await.unwrap(), [passkey()]);
}

fn removing(answer: Option<bool>) -> RemovePasskey {
    let mut passkeys = MockPasskeyStore::new();
    if let Some(answer) = answer {
        let removal = PasskeyRemoval {
            id: passkey().id,
            user_id: user().id,
            kept: principal().session_id,
            event: new_event(1, EventName::PasskeyRemoved).notifying(&phone()),
        };
        passkeys
            .expect_remove_passkey()
            .with(eq(removal), eq(now()))
            .once()
            .return_once(move |_, _| Ok(answer));
    }
    RemovePasskey { clock: clock(), secrets: secrets(), passkeys: Arc::new(passkeys) }
}

#[tokio::test]
async fn asvs_7_5_1_a_passkey_is_removed_by_a_fresh_sign_in_with_all_factors_only() {
    removing(Some(true)).execute(&barely_fresh_principal(), passkey().id, client()).await.unwrap();
    for stale in stale_principals() {
        let refusal = removing(None).execute(&stale, passkey().id, client()).await.unwrap_err();
        assert!(matches!(refusal, RemovePasskeyError::StepUpRequired(_)), "{refusal:?}");
    }
    let refusal = removing(Some(false)).execute(&principal(), passkey().id, client()).await.unwrap_err();
    assert!(matches!(refusal, RemovePasskeyError::NotFound), "{refusal:?}");
}

// Beginning a sign-in.

fn begin(passkeys: MockPasskeyStore, ceremonies: MockPasskeyCeremonies) -> StartPasskeyAuthentication {
    StartPasskeyAuthentication {
        clock: clock(),
        secrets: secrets(),
        ceremonies: Arc::new(ceremonies),
        passkeys: Arc::new(passkeys),
    }
}

#[tokio::test]
async fn without_a_challenge_anybodys_passkey_is_asked_for_and_its_user_verified() {
    let (mut passkeys, mut ceremonies) = (MockPasskeyStore::new(), MockPasskeyCeremonies::new());
    ceremonies
        .expect_start_authentication()
        .withf(|allowed, verification| allowed.is_empty() && *verification == UserVerification::Required)
        .once()
        .return_once(|_, _| Ok(started()));
    let kept = ceremony(CeremonyKind::SignIn);
    passkeys.expect_begin_ceremony().with(eq(kept)).once().return_once(|_| Ok(()));
    assert_eq!(begin(passkeys, ceremonies).execute(None).await.unwrap(), begun());
}

#[tokio::test]
async fn with_a_challenge_a_passkey_of_its_user_is_asked_for() {
    let (mut passkeys, mut ceremonies) = (MockPasskeyStore::new(), MockPasskeyCeremonies::new());
    let answerable = Answerable { user_id: user().id, credentials: vec![stored()] };
    passkeys
        .expect_find_answerable()
        .with(eq(challenge_id()), eq(now()))
        .once()
        .return_once(|_, _| Ok(Some(answerable)));
    ceremonies
        .expect_start_authentication()
        .withf(|allowed, verification| allowed == [stored()] && *verification == UserVerification::Preferred)
        .once()
        .return_once(|_, _| Ok(started()));
    let kept = ceremony(CeremonyKind::Answer { user_id: user().id, challenge_id: challenge_id() });
    passkeys.expect_begin_ceremony().with(eq(kept)).once().return_once(|_| Ok(()));
    assert_eq!(begin(passkeys, ceremonies).execute(Some(challenge_id())).await.unwrap(), begun());
}

#[tokio::test]
async fn nothing_is_asked_of_a_closed_challenge_or_one_of_a_user_without_passkeys() {
    use StartPasskeyAuthenticationError as Error;
    let answering = |answer| {
        let mut passkeys = MockPasskeyStore::new();
        passkeys.expect_find_answerable().once().return_once(|_, _| Ok(answer));
        begin(passkeys, MockPasskeyCeremonies::new())
    };
    let closed = answering(None).execute(Some(challenge_id())).await.unwrap_err();
    assert!(matches!(closed, Error::Closed), "{closed:?}");
    let none = Answerable { user_id: user().id, credentials: Vec::new() };
    let none = answering(Some(none)).execute(Some(challenge_id())).await.unwrap_err();
    assert!(matches!(none, Error::NoPasskey), "{none:?}");
}

// Finishing it.

#[derive(Default)]
struct Mocks {
    tokens: MockAccessTokens,
    ceremonies: MockPasskeyCeremonies,
    passkeys: MockPasskeyStore,
    challenges: MockChallengeStore,
}

fn attempt(purpose: Purpose) -> Attempt {
    Attempt {
        challenge_id: challenge_id(),
        verification_id: VerificationId(fresh_id(0xCE)),
        purpose,
        phone: phone(),
        channel: Channel::Sms,
        user_id: Some(user().id),
        attempts_left: 3,
        provider_id: None,
        unsettled: None,
        text_barred: false,
    }
}

fn assertion(user_verified: bool, backup_eligible: bool) -> Assertion {
    let proof = PasskeyProof { user_verified, backup_eligible };
    Assertion { counter: 7, backed_up: backup_eligible, proof }
}

impl Mocks {
    /// The ceremony is there, and the credential is known.
    fn with_ceremony(challenge: Option<ChallengeId>) -> Self {
        let mut mocks = Self::naming();
        let presented = credential_id();
        let answer = CeremonyAnswer { id: fresh_ceremony_id(), challenge_id: challenge, presented };
        mocks
            .passkeys
            .expect_take_authentication()
            .with(eq(answer), eq(now()))
            .once()
            .return_once(|_, _| Ok(Some(TakenCeremony { state: state(), credential: Some(stored()) })));
        mocks
    }

    fn naming() -> Self {
        let mut mocks = Self::default();
        mocks.ceremonies.expect_presented_id().with(eq(presented())).returning(|_| Ok(credential_id()));
        mocks
    }

    fn judging(mut self, answer: Result<Assertion, CredentialRefused>) -> Self {
        self.ceremonies
            .expect_finish_authentication()
            .with(eq(state()), eq(presented()), eq(stored()))
            .once()
            .return_once(|_, _, _| answer);
        self
    }

    fn attempting(mut self, answer: Taken) -> Self {
        let purposes = &[Purpose::Login, Purpose::StepUp];
        let guess =
            Guess { id: challenge_id(), purposes, kind: AnswerKind::Passkey, quotas: QUOTAS, asker: None };
        self.challenges
            .expect_take_attempt()
            .with(eq(guess), eq(now()))
            .once()
            .return_once(|_, _| Ok(answer));
        self
    }

    async fn finish(mut self, challenge_id: Option<ChallengeId>) -> Result<SignedIn, FinishError> {
        self.tokens.expect_issue().returning(|_| Ok(AccessToken::new("token".to_owned())));
        let finish = FinishPasskeyAuthentication {
            clock: clock(),
            secrets: secrets(),
            tokens: Arc::new(self.tokens),
            ceremonies: Arc::new(self.ceremonies),
            passkeys: Arc::new(self.passkeys),
            challenges: Arc::new(self.challenges),
            policy: CHALLENGES,
            sessions: SESSIONS,
            quotas: QUOTAS,
        };
        let request = FinishPasskeyAuthenticationRequest {
            ceremony_id: fresh_ceremony_id(),
            challenge_id,
            credential: presented(),
            client: client(),
        };
        finish.execute(request).await
    }
}

/// The use that a store is told of; ids are given out in the order of events and sessions.
fn is_use(used: &PasskeyUse, expected: Assertion) -> bool {
    let cloned = new_event(1, EventName::PasskeyCloned);
    *used == PasskeyUse { passkey_id: passkey().id, user_id: user().id, assertion: expected, cloned }
}

#[tokio::test]
async fn a_passkey_alone_opens_a_fresh_session_of_several_factors() {
    for (eligible, key) in [(false, HardwareKey), (true, SoftwareKey)] {
        let log = Log::listen();
        let mut mocks = Mocks::with_ceremony(None).judging(Ok(assertion(true, eligible)));
        mocks
            .passkeys
            .expect_sign_in_with_passkey()
            .withf(move |used, session| {
                is_use(used, assertion(true, eligible))
                    && session.methods == [key, UserPresence, MultiFactor]
                    && session.event.name == EventName::LoginSuccess
            })
            .once()
            .return_once(|_, _| Ok(Admitted::Done(user())));
        assert_eq!(mocks.finish(None).await.unwrap().user, user());
        assert!(log.text().contains("authn_login_success"), "{}", log.text());
    }
}

#[tokio::test]
async fn a_passkey_answers_a_challenge_after_its_password() {
    for (purpose, event) in [(Purpose::Login, EventName::LoginSuccess), (Purpose::StepUp, EventName::StepUp)]
    {
        let mut mocks = Mocks::with_ceremony(Some(challenge_id()))
            .attempting(Taken::Attempt(attempt(purpose)))
            .judging(Ok(assertion(false, false)));
        mocks
            .passkeys
            .expect_answer_with_passkey()
            .withf(move |taken, used, session| {
                *taken == attempt(purpose)
                    && is_use(used, assertion(false, false))
                    && session.methods == [Password, HardwareKey, UserPresence, MultiFactor]
                    && session.event.name == event
            })
            .once()
            .return_once(|_, _, _| Ok(Admitted::Done(user())));
        mocks.finish(Some(challenge_id())).await.unwrap();
    }
}

#[tokio::test]
async fn a_passkey_alone_that_did_not_verify_its_user_opens_nothing() {
    let mocks = Mocks::with_ceremony(None).judging(Ok(assertion(false, true)));
    let refusal = mocks.finish(None).await.unwrap_err();
    assert!(matches!(refusal, FinishError::Refused { attempts_left: None }), "{refusal:?}");
}

#[tokio::test]
async fn asvs_6_3_8_whatever_is_wrong_with_an_answer_gets_one_answer() {
    let mut unreadable = Mocks::default();
    unreadable
        .ceremonies
        .expect_presented_id()
        .return_once(|_| Err(CredentialRefused("what was presented cannot be read")));
    let mut over = Mocks::naming();
    over.passkeys.expect_take_authentication().return_once(|_, _| Ok(None));
    let mut unknown = Mocks::naming();
    let nobodys = TakenCeremony { state: state(), credential: None };
    unknown.passkeys.expect_take_authentication().return_once(|_, _| Ok(Some(nobodys)));
    let forged = Mocks::with_ceremony(None).judging(Err(CredentialRefused("the signature is wrong")));
    let mut cloned = Mocks::with_ceremony(None).judging(Ok(assertion(true, false)));
    cloned.passkeys.expect_sign_in_with_passkey().return_once(|_, _| Ok(Admitted::Cloned));
    let mut removed = Mocks::with_ceremony(None).judging(Ok(assertion(true, false)));
    removed.passkeys.expect_sign_in_with_passkey().return_once(|_, _| Ok(Admitted::Closed));

    for mocks in [unreadable, over, unknown, forged, cloned, removed] {
        let refusal = mocks.finish(None).await.unwrap_err();
        assert!(matches!(refusal, FinishError::Refused { attempts_left: None }), "{refusal:?}");
    }
}

#[tokio::test]
async fn asvs_6_6_3_a_wrong_answer_costs_an_attempt_of_the_challenge() {
    let challenge = Some(challenge_id());
    let mut forged = Mocks::with_ceremony(challenge.clone())
        .attempting(Taken::Attempt(attempt(Purpose::Login)))
        .judging(Err(CredentialRefused("the signature is wrong")));
    forged
        .challenges
        .expect_record_wrong_answer()
        .withf(|of, event, at| {
            *of == attempt(Purpose::Login) && *event == new_event(1, EventName::FactorFail) && *at == now()
        })
        .once()
        .return_once(|_, _, _| Ok(()));
    let refusal = forged.finish(challenge.clone()).await.unwrap_err();
    assert!(matches!(refusal, FinishError::Refused { attempts_left: Some(3) }), "{refusal:?}");

    let mut raced = Mocks::with_ceremony(challenge.clone())
        .attempting(Taken::Attempt(attempt(Purpose::Login)))
        .judging(Ok(assertion(true, true)));
    raced.passkeys.expect_answer_with_passkey().return_once(|_, _, _| Ok(Admitted::Closed));
    let refusal = raced.finish(challenge.clone()).await.unwrap_err();
    assert!(matches!(refusal, FinishError::Closed), "{refusal:?}");

    let closed = Mocks::default().attempting(Taken::Closed).finish(challenge.clone()).await.unwrap_err();
    assert!(matches!(closed, FinishError::Closed), "{closed:?}");
    let retry_at = in_seconds(90);
    let over = Mocks::default().attempting(Taken::OverQuota { retry_at }).finish(challenge).await;
    let waits = matches!(over, Err(FinishError::RateLimited { retry_after }) if retry_after.as_secs() == 90);
    assert!(waits, "{over:?}");
}

#[tokio::test]
async fn asvs_16_5_2_an_outage_costs_no_attempt_and_lets_nobody_in() {
    let mut mocks = Mocks::naming().attempting(Taken::Attempt(attempt(Purpose::Login)));
    mocks.passkeys.expect_take_authentication().return_once(|_, _| Err(unavailable()));
    mocks
        .challenges
        .expect_give_back()
        .with(eq(attempt(Purpose::Login).spent()), always())
        .once()
        .return_once(|_, _| Ok(()));
    let fault = mocks.finish(Some(challenge_id())).await.unwrap_err();
    assert!(matches!(fault, FinishError::Fault(Fault::DatabaseUnavailable(_))), "{fault:?}");
}

#[tokio::test]
async fn lg_01_a_refusal_is_logged_without_what_was_presented() {
    let log = Log::listen();
    let mut cloned = Mocks::with_ceremony(None).judging(Ok(assertion(true, false)));
    cloned.passkeys.expect_sign_in_with_passkey().return_once(|_, _| Ok(Admitted::Cloned));
    cloned.finish(None).await.unwrap_err();
    let text = log.text();
    assert!(text.contains("authn_passkey_cloned"), "{text}");
    for personal in ["AQID", "rawId", "ovelace", "fresh-ceremony"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    assert_eq!(CeremonyId::TTL.as_mins(), 5);
}
