//! The ceremonies themselves.

use domain::{CeremonyId, CredentialId, Email, PasskeyProof, UserId};
use passki::{
    AuthenticationCredential, AuthenticationOptions, AuthenticationState, Passki, PasskiError,
    RegistrationCredential, RegistrationOptions, RegistrationState, ResidentKeyRequirement, StoredPasskey,
    UserVerificationRequirement,
};
use ports::{
    Assertion, CeremonyFault, CeremonyState, CredentialRefused, NewCredential, PasskeyCeremonies,
    PresentedCredential, PublicKeyOptions, StartedCeremony, StoredCredential, UserVerification,
};
use serde::Serialize;

use crate::{
    RecordKey, RelyingParty,
    presented::{self, Flags},
};

/// What the library verifies, by the numbers of COSE: `EdDSA`, `ES256`, `ES384`, `RS256`, `RS384`.
const ALGORITHMS: [i32; 5] = [-8, -7, -35, -257, -258];

/// The ceremonies of one relying party.
///
/// Asks for no attestation: which make of authenticator somebody has is none of our business,
/// and nothing here is decided by it.
pub struct WebauthnCeremonies {
    library: Passki,
    key: RecordKey,
}

impl WebauthnCeremonies {
    /// The ceremonies of `party`; `key` seals what is kept of its credentials.
    pub fn new(party: &RelyingParty, key: RecordKey) -> Self {
        Self { library: Passki::new(&party.id, &party.origins, &party.name), key }
    }

    /// The credentials that open. One that was changed is as good as none.
    fn known(&self, stored: &[StoredCredential]) -> Vec<StoredPasskey> {
        stored.iter().filter_map(|stored| self.opened(stored)).collect()
    }

    fn opened(&self, stored: &StoredCredential) -> Option<StoredPasskey> {
        self.key.open(stored.user_id, &stored.id, &stored.record)
    }
}

impl PasskeyCeremonies for WebauthnCeremonies {
    fn start_registration(
        &self,
        owner: UserId,
        email: &Email,
        existing: &[StoredCredential],
    ) -> Result<StartedCeremony, CeremonyFault> {
        let existing = self.known(existing);
        let mut options = RegistrationOptions::default();
        options.timeout = timeout();
        // A key that can neither keep nor verify still serves as a second factor.
        options.resident_key = ResidentKeyRequirement::Preferred;
        options.user_verification = UserVerificationRequirement::Preferred;
        options.exclude_credentials = Some(&existing);
        let name = email.as_typed();
        let (options, state) = self
            .library
            .start_passkey_registration(owner.0.as_bytes(), name, name, options)
            .map_err(fault)?;
        started(&options, &state)
    }

    fn finish_registration(
        &self,
        owner: UserId,
        state: &CeremonyState,
        presented: &PresentedCredential,
    ) -> Result<NewCredential, CredentialRefused> {
        let state: RegistrationState = restored(state)?;
        let credential: RegistrationCredential = presented::read(presented)?;
        let passkey = self.library.finish_passkey_registration(&credential, &state).map_err(refused)?;
        if !ALGORITHMS.contains(&passkey.algorithm) {
            return Err(CredentialRefused("the algorithm is none that was asked for"));
        }
        let id = CredentialId::from_bytes(passkey.credential_id.clone());
        let id = id.ok_or(CredentialRefused("the id of the credential is too long"))?;
        let record = self.key.seal(owner, &id, &passkey);
        let record = record.map_err(|_| CredentialRefused("the credential cannot be kept"))?;
        Ok(NewCredential { id, record, counter: passkey.counter, backed_up: passkey.bs })
    }

    fn start_authentication(
        &self,
        allowed: &[StoredCredential],
        verification: UserVerification,
    ) -> Result<StartedCeremony, CeremonyFault> {
        let mut options = AuthenticationOptions::default();
        options.timeout = timeout();
        options.user_verification = match verification {
            UserVerification::Preferred => UserVerificationRequirement::Preferred,
            UserVerification::Required => UserVerificationRequirement::Required,
        };
        let known = self.known(allowed);
        if known.is_empty() && !allowed.is_empty() {
            // To the library an empty list means anybody's.
            return Err(CeremonyFault("every stored credential was changed".to_owned()));
        }
        let (options, state) = self.library.start_passkey_authentication(&known, options).map_err(fault)?;
        started(&options, &state)
    }

    fn presented_id(&self, presented: &PresentedCredential) -> Result<CredentialId, CredentialRefused> {
        presented::credential_id(presented)
    }

    fn finish_authentication(
        &self,
        state: &CeremonyState,
        presented: &PresentedCredential,
        stored: &StoredCredential,
    ) -> Result<Assertion, CredentialRefused> {
        let state: AuthenticationState = restored(state)?;
        let credential: AuthenticationCredential = presented::read(presented)?;
        let mut passkey =
            self.opened(stored).ok_or(CredentialRefused("the stored credential was changed"))?;
        // The library would judge the counter before the signature, and by what was true a
        // while ago; the store judges it after, by what is true then.
        passkey.counter = 0;
        let result =
            self.library.finish_passkey_authentication(&credential, &state, &passkey).map_err(refused)?;
        if result.credential_id != passkey.credential_id {
            return Err(CredentialRefused("another credential was presented"));
        }
        let names_owner = result.user_handle.as_deref().map(|handle| handle == stored.user_id.0.as_bytes());
        // Nobody was named before, so the answer has to (§7.2 step 6).
        if !names_owner.unwrap_or(!state.allowed_credentials.is_empty()) {
            return Err(CredentialRefused("the answer does not name the owner of the key"));
        }
        let flags = Flags::of(&credential.response.authenticator_data)?;
        if flags.backup_eligible() != passkey.be {
            return Err(CredentialRefused("a key cannot become eligible for backups, or cease to be"));
        }
        let proof =
            PasskeyProof { user_verified: flags.user_verified(), backup_eligible: flags.backup_eligible() };
        Ok(Assertion { counter: result.counter, backed_up: flags.backed_up(), proof })
    }
}

/// In milliseconds.
fn timeout() -> u64 {
    u64::try_from(CeremonyId::TTL.as_millis()).unwrap_or(u64::MAX)
}

fn started(options: &impl Serialize, state: &impl Serialize) -> Result<StartedCeremony, CeremonyFault> {
    let unwritable = |error: serde_json::Error| CeremonyFault(error.to_string());
    let options = PublicKeyOptions(serde_json::to_string(options).map_err(unwritable)?);
    let state = CeremonyState(serde_json::to_vec(state).map_err(unwritable)?);
    Ok(StartedCeremony { options, state })
}

fn restored<T: serde::de::DeserializeOwned>(state: &CeremonyState) -> Result<T, CredentialRefused> {
    serde_json::from_slice(&state.0).map_err(|_| CredentialRefused("the ceremony is of another kind"))
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error")]
fn fault(error: PasskiError) -> CeremonyFault {
    CeremonyFault(error.to_string())
}

/// The library's own words quote what was presented.
#[expect(clippy::needless_pass_by_value, reason = "it maps an error")]
fn refused(error: PasskiError) -> CredentialRefused {
    CredentialRefused(match error {
        PasskiError::ChallengeMismatch => "the nonce is another",
        PasskiError::OriginMismatch { .. } => "the origin is another",
        PasskiError::CrossOriginNotAllowed | PasskiError::TopOriginMismatch { .. } => {
            "it comes out of a frame"
        }
        PasskiError::ClientDataTypeMismatch { .. } => "it is of the other ceremony",
        PasskiError::RpIdHashMismatch => "the relying party is another",
        PasskiError::UserNotPresent => "nobody was there",
        PasskiError::UserVerificationRequired => "the user was not verified",
        PasskiError::InvalidBackupFlags => "it is in a backup for which it is not eligible",
        PasskiError::CredentialNotAllowed => "the credential was not asked for",
        PasskiError::CredentialIdMismatch => "it was presented under the id of another",
        PasskiError::SignatureVerificationFailed => "the signature is wrong",
        PasskiError::UnsupportedAlgorithm(_) => "the algorithm is none that was asked for",
        _ => "what was presented cannot be read",
    })
}
