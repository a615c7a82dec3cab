//! What the use-cases need of the world, as traits with documented contracts.
//!
//! A port method is a whole intent, atomic in itself: no transaction,
//! connection or row crosses a port, and two replicas racing for the same row
//! are the normal case. Whoever swaps the database or the provider implements
//! these traits and runs the suites of the feature `contract` against the
//! result. Whoever unit-tests a use-case takes the mocks of the feature `mock`.

mod accounts;
mod background;
mod challenges;
#[cfg(feature = "contract")]
pub mod contract;
mod crypto;
mod error;
mod events;
mod passkeys;
mod provider;
mod readiness;
mod sealing;
mod sessions;

pub use accounts::{
    Account, AccountStore, PasswordChange, PasswordFailure, PendingRegistration, SignIn, ThrottleKey,
};
pub use background::{Background, Work};
pub use challenges::{
    Attempt, ChallengeStore, Guess, NewChallenge, Opened, PasswordReset, PhoneChange, Redeemed, Resend,
    ReservedSend, SendDecision, SendLimits, Spent, Subject, Taken, UnseenSend,
};
pub use crypto::{
    AccessTokens, Candidate, Clock, HashError, InvalidAccessToken, PasswordHasher, PasswordMatch,
    SecretGenerator, SigningFailed,
};
pub use error::StoreError;
pub use events::{EventStore, NewEvent};
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
pub use readiness::{Dependency, Unready};
pub use sealing::{SealContext, SealedValue, Sealer, UnsealError, Unsealed};
pub use sessions::{LiveSession, NewSession, Rotation, SessionStore};

#[cfg(feature = "mock")]
pub use self::{
    accounts::MockAccountStore,
    challenges::MockChallengeStore,
    crypto::{MockAccessTokens, MockClock, MockPasswordHasher, MockSecretGenerator},
    events::MockEventStore,
    passkeys::{MockPasskeyCeremonies, MockPasskeyStore},
    provider::{MockDecoyCodes, MockVerificationProvider},
    readiness::MockDependency,
    sealing::MockSealer,
    sessions::MockSessionStore,
};
