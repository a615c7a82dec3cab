//! What the use-cases need of the world, as traits with documented contracts.
//!
//! A port method is a whole intent, atomic in itself: no transaction,
//! connection or row crosses a port, and two replicas racing for the same row
//! are the normal case. Whoever swaps the database or the provider implements
//! these traits and runs the suites of the feature `contract` against the
//! result. Whoever unit-tests a use-case takes the mocks of the feature `mock`.

mod accounts;
mod api_keys;
mod background;
mod challenges;
#[cfg(feature = "contract")]
pub mod contract;
mod crypto;
mod devices;
mod directory;
mod error;
mod events;
mod factors;
mod import;
mod notices;
mod number_risk;
mod passkeys;
mod provider;
mod rate_limits;
mod readiness;
mod sealing;
mod send_traces;
mod sessions;
mod shield;
mod signing_keys;
mod text_messages;
mod webhooks;

pub use accounts::{
    Account, AccountStore, DeviceFailure, PasswordChange, PasswordFailure, PendingRegistration, SignIn,
    ThrottleKey,
};
pub use api_keys::ApiKeys;
pub use background::{Background, Work};
pub use challenges::{
    Attempt, ChallengeStore, Disclosure, Guess, NewChallenge, Opened, PasswordReset, PhoneChange, Proof,
    Redeemed, Resend, ReservedSend, SendDecision, SendLimits, Spent, Subject, Taken, UnseenSend,
};
pub use crypto::{
    AccessTokens, Candidate, Clock, HashError, InvalidAccessToken, PasswordHasher, PasswordMatch,
    SecretGenerator, SigningFailed, TotpCodes,
};
pub use devices::{DeviceSignIn, DeviceStore, DeviceUse, NewDevice, PresentedDevice};
pub use directory::{AccountDirectory, AccountEntry, AccountEvent, LockChange};
pub use error::StoreError;
pub use events::{EventStore, NewEvent};
pub use factors::{ConfirmedTotp, FactorStore, RecoveryCodeSet, TotpBegin, TotpConfirmation, TotpEnrolment};
pub use import::{AccountImport, ImportConflict, ImportOutcome, ImportedAccount, KnownNames};
pub use notices::{DueNotice, Notice, NoticeFault, NoticeSender, NoticeStore};
pub use number_risk::{NumberRisk, NumberRiskFault};
pub use passkeys::{
    Added, Admitted, Answerable, Assertion, CeremonyAnswer, CeremonyFault, CeremonyKind, CeremonyState,
    CredentialRecord, CredentialRefused, NewCeremony, NewCredential, NewPasskey, PasskeyCeremonies,
    PasskeyRemoval, PasskeyStore, PasskeyUse, PresentedCredential, PublicKeyOptions, StartedCeremony,
    StoredCredential, TakenCeremony, UserVerification,
};
pub use provider::{
    CodeCheck, CodeRequest, DecoyCodes, NotSent, ProviderFault, StartError, StartedVerification,
    VerificationProvider,
};
pub use rate_limits::{LimiterUnavailable, RateLimiter};
pub use readiness::{Dependency, Unready};
pub use sealing::{SealContext, SealedValue, Sealer, UnsealError, Unsealed};
pub use send_traces::{
    Advance, Callback, CallbackRefused, CallbackVerifier, Entry, FigureCell, FigureQuery, Heard, MeteredStep,
    NewSendTrace, PresentedCallback, ProvenCallback, SendMeter, SendTraceStore,
};
pub use sessions::{LiveSession, NewSession, Rotation, SessionStore};
pub use shield::{BlockEntry, ShieldStore, ShieldedSend, Starts, UnprovenWork, WorkPuzzles};
pub use signing_keys::{
    NewSigningKey, SigningKeyPair, SigningKeyRing, SigningKeyStore, StoredSigningKey, UnusableSigningKey,
};
pub use text_messages::{MessageId, TextMessage, TextMessageGateway};
pub use webhooks::{
    DeadDelivery, DeadFilter, DueDelivery, Subscription, WebhookEvent, WebhookFault, WebhookSender,
    WebhookStore,
};

#[cfg(feature = "mock")]
pub use self::{
    accounts::MockAccountStore,
    api_keys::MockApiKeys,
    challenges::MockChallengeStore,
    crypto::{MockAccessTokens, MockClock, MockPasswordHasher, MockSecretGenerator, MockTotpCodes},
    devices::MockDeviceStore,
    directory::MockAccountDirectory,
    events::MockEventStore,
    factors::MockFactorStore,
    import::MockAccountImport,
    notices::{MockNoticeSender, MockNoticeStore},
    number_risk::MockNumberRisk,
    passkeys::{MockPasskeyCeremonies, MockPasskeyStore},
    provider::{MockDecoyCodes, MockVerificationProvider},
    rate_limits::MockRateLimiter,
    readiness::MockDependency,
    sealing::MockSealer,
    send_traces::{MockCallbackVerifier, MockSendMeter, MockSendTraceStore},
    sessions::MockSessionStore,
    shield::{MockShieldStore, MockWorkPuzzles},
    signing_keys::{MockSigningKeyRing, MockSigningKeyStore},
    text_messages::MockTextMessageGateway,
    webhooks::{MockWebhookSender, MockWebhookStore},
};
