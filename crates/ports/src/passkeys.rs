//! Passkeys: the ceremonies of `WebAuthn`, and what is kept of them.

use std::fmt;

use async_trait::async_trait;
use domain::{
    CeremonyId, ChallengeId, CredentialId, Email, Passkey, PasskeyId, PasskeyName, PasskeyProof, SessionId,
    User, UserId,
};
use jiff::Timestamp;

use crate::{Attempt, NewEvent, NewSession, StoreError};

/// What the second half of a ceremony has to know of the first. Opaque: only
/// [`PasskeyCeremonies`] reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct CeremonyState(pub Vec<u8>);

/// It holds the nonce that an authenticator signs.
impl fmt::Debug for CeremonyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CeremonyState(…)")
    }
}

/// What a browser is given, in JSON: `PublicKeyCredentialCreationOptionsJSON` or
/// `PublicKeyCredentialRequestOptionsJSON` (`WebAuthn` Level 3 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyOptions(pub String);

/// What a browser gave back, in JSON as it arrived: `RegistrationResponseJSON` or
/// `AuthenticationResponseJSON`.
#[derive(Clone, PartialEq, Eq)]
pub struct PresentedCredential(pub String);

impl fmt::Debug for PresentedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresentedCredential({} bytes)", self.0.len())
    }
}

/// The public key of a credential and what else its answers are judged by. Opaque, and
/// sealed against change for its owner: only [`PasskeyCeremonies`] makes and reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialRecord(pub Vec<u8>);

impl fmt::Debug for CredentialRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialRecord({} bytes)", self.0.len())
    }
}

/// A credential that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCredential {
    pub passkey_id: PasskeyId,
    pub user_id: UserId,
    pub id: CredentialId,
    pub record: CredentialRecord,
}

/// A ceremony that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedCeremony {
    pub options: PublicKeyOptions,
    pub state: CeremonyState,
}

/// A credential that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    pub id: CredentialId,
    pub record: CredentialRecord,
    /// How often the key was used, by the authenticator's count; 0 where it does not count.
    pub counter: u32,
    pub backed_up: bool,
}

/// An answer that the key of a credential has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// How often the key was used. Whether it grew is for the store to say, which knows
    /// what came meanwhile.
    pub counter: u32,
    pub backed_up: bool,
    pub proof: PasskeyProof,
}

/// Whether an authenticator has to know its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserVerification {
    /// The password came before.
    Preferred,
    /// Nothing else proves who is there.
    Required,
}

/// What was presented proves nothing. The reason is for the log and holds nothing of what
/// was presented.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialRefused(pub &'static str);

/// A ceremony could not be begun: a defect of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ceremony cannot begin: {0}")]
pub struct CeremonyFault(pub String);

/// The ceremonies of `WebAuthn` Level 3 §7, for one relying party. Computes, and asks nobody.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait PasskeyCeremonies: Send + Sync {
    /// Begins a registration with a nonce of at least 128 random bits. Authenticators
    /// that hold one of `existing` decline.
    fn start_registration(
        &self,
        owner: UserId,
        email: &Email,
        existing: &[StoredCredential],
    ) -> Result<StartedCeremony, CeremonyFault>;

    /// Judges what an authenticator made in answer to `state` (§7.1).
    fn finish_registration(
        &self,
        owner: UserId,
        state: &CeremonyState,
        presented: &PresentedCredential,
    ) -> Result<NewCredential, CredentialRefused>;

    /// Begins an authentication with a nonce of at least 128 random bits. With none
    /// `allowed`, authenticators offer what they have for this relying party.
    fn start_authentication(
        &self,
        allowed: &[StoredCredential],
        verification: UserVerification,
    ) -> Result<StartedCeremony, CeremonyFault>;

    /// Which credential is presented. Proves nothing.
    fn presented_id(&self, presented: &PresentedCredential) -> Result<CredentialId, CredentialRefused>;

    /// Judges an answer to `state` by the key in `stored` (§7.2), all but the growth of
    /// its counter. Refuses credentials that were not allowed and records that were changed.
    fn finish_authentication(
        &self,
        state: &CeremonyState,
        presented: &PresentedCredential,
        stored: &StoredCredential,
    ) -> Result<Assertion, CredentialRefused>;
}

/// What a ceremony is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CeremonyKind {
    /// A further passkey of a signed-in user.
    Registration { user_id: UserId },
    /// The second factor of a challenge.
    Answer { user_id: UserId, challenge_id: ChallengeId },
    /// A sign-in without a password, by whoever it will turn out to be.
    SignIn,
}

/// A ceremony that has begun, to be kept until it is finished or over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCeremony {
    pub id: CeremonyId,
    pub kind: CeremonyKind,
    pub state: CeremonyState,
    pub expires_at: Timestamp,
}

/// A passkey to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    pub id: PasskeyId,
    pub user_id: UserId,
    pub name: Option<PasskeyName>,
    pub credential: NewCredential,
    /// Passkeys of the user after this one.
    pub max_per_user: u32,
    /// The session that adds it.
    pub session_id: SessionId,
    pub event: NewEvent,
}

/// What became of a new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    Done(Passkey),
    /// Somebody, perhaps the same user, has this credential already.
    Known,
    /// The user has as many as one may have.
    Full,
    /// The account is gone.
    Gone,
}

/// A challenge that a passkey may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answerable {
    pub user_id: UserId,
    /// Of the user; perhaps none.
    pub credentials: Vec<StoredCredential>,
}

/// The answer to an authentication ceremony, before it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CeremonyAnswer {
    pub id: CeremonyId,
    /// The challenge that the ceremony was begun for.
    pub challenge_id: Option<ChallengeId>,
    /// The credential that is presented.
    pub presented: CredentialId,
}

/// What a presented credential is judged by. Only [`PasskeyStore::take_authentication`]
/// makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenCeremony {
    pub state: CeremonyState,
    /// The credential that was presented; `None` when nobody has it, or another than
    /// the user of the challenge.
    pub credential: Option<StoredCredential>,
}

/// The use of a passkey that has proven itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    pub passkey_id: PasskeyId,
    pub user_id: UserId,
    pub assertion: Assertion,
    /// Recorded when the counter did not grow.
    pub cloned: NewEvent,
}

/// What became of the use of a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// The session is open.
    Done(User),
    /// The counter did not grow, so there may be a copy of the key (`WebAuthn` Level 3
    /// §6.1.1). Nothing happened but that it was recorded.
    Cloned,
    /// The passkey, its account or the challenge is gone.
    Closed,
}

/// A passkey to be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRemoval {
    pub id: PasskeyId,
    pub user_id: UserId,
    /// The session that removes it; all others end.
    pub kept: SessionId,
    pub event: NewEvent,
}

/// Where passkeys and their ceremonies are kept.
///
/// A ceremony is used up by whoever takes it first, whatever comes of it, and only before
/// its end: an answer recorded elsewhere is worth nothing later.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PasskeyStore: Send + Sync {
    /// The passkeys of a user, the oldest first: one round trip.
    async fn list_passkeys(&self, user_id: UserId) -> Result<Vec<Passkey>, StoreError>;

    /// What the passkeys of a user are recognised by: one round trip.
    async fn find_credentials(&self, user_id: UserId) -> Result<Vec<StoredCredential>, StoreError>;

    /// Whom a live challenge of a sign-in or step-up asks, with the credentials of that
    /// user: one round trip. `None` when there is no such challenge alive. Takes no attempt.
    async fn find_answerable(
        &self,
        id: &ChallengeId,
        now: Timestamp,
    ) -> Result<Option<Answerable>, StoreError>;

    /// Keeps a ceremony until it ends; without effect when its account is gone.
    async fn begin_ceremony(&self, ceremony: &NewCeremony) -> Result<(), StoreError>;

    /// Uses up a registration ceremony of the user; `None` when there is none such. Of 50
    /// concurrent calls exactly one gets the state.
    async fn take_registration(
        &self,
        id: &CeremonyId,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<CeremonyState>, StoreError>;

    /// Uses up an authentication ceremony, of the answer's challenge or, without one, of none,
    /// and finds the presented credential; `None`, and nothing is used up, when there is none
    /// such. Of 50 concurrent calls exactly one gets the state. One round trip.
    async fn take_authentication(
        &self,
        answer: &CeremonyAnswer,
        now: Timestamp,
    ) -> Result<Option<TakenCeremony>, StoreError>;

    /// Keeps a passkey, unless the credential is known or the user has enough. Atomic: of
    /// any number of concurrent calls with one credential one succeeds, and nobody gets
    /// more than `max_per_user`.
    async fn add_passkey(&self, passkey: &NewPasskey, now: Timestamp) -> Result<Added, StoreError>;

    /// Takes a passkey away, and ends all other sessions of its user; `false`, and nothing
    /// happens, when the user has none such.
    async fn remove_passkey(&self, removal: &PasskeyRemoval, now: Timestamp) -> Result<bool, StoreError>;

    /// Opens a session for the use of a passkey alone. The counter must have grown, unless
    /// it is and was 0: of any number of concurrent calls with one counter one succeeds.
    async fn sign_in_with_passkey(
        &self,
        used: &PasskeyUse,
        session: &NewSession,
    ) -> Result<Admitted, StoreError>;

    /// Answers the challenge of an attempt by the use of a passkey: like
    /// [`redeem_login`](crate::ChallengeStore::redeem_login) and
    /// [`redeem_step_up`](crate::ChallengeStore::redeem_step_up), and the counter must have
    /// grown as for [`Self::sign_in_with_passkey`], or nothing happens.
    async fn answer_with_passkey(
        &self,
        attempt: &Attempt,
        used: &PasskeyUse,
        session: &NewSession,
    ) -> Result<Admitted, StoreError>;
}
