//! What stands behind the use-cases of passkeys.

use std::sync::Arc;

use adapters_crypto::DataKey;
use adapters_webauthn::{RecordKey, WebauthnCeremonies};
use http_actix::PasskeyUseCases;
use ports::{AccessTokens, Clock, PasskeyCeremonies, SecretGenerator};
use use_cases::{
    FinishPasskeyAuthentication, FinishPasskeyRegistration, ListPasskeys, RemovePasskey,
    StartPasskeyAuthentication, StartPasskeyRegistration,
};

use super::Database;
use crate::settings::Settings;

/// `None` where the settings name no domain for passkeys.
pub(super) fn use_cases(
    settings: &Settings,
    database: &Database,
    clock: &Arc<dyn Clock>,
    secrets: &Arc<dyn SecretGenerator>,
    tokens: &Arc<dyn AccessTokens>,
) -> Option<PasskeyUseCases> {
    let party = settings.passkeys.as_ref()?;
    let of = |key: &DataKey| key.derive("passkey records");
    let current = RecordKey::from_bytes(&of(&settings.data_key));
    let record_key = settings.previous_data_keys.iter().fold(current, |key, old| key.or(&of(old)));
    let ceremonies: Arc<dyn PasskeyCeremonies> = Arc::new(WebauthnCeremonies::new(party, record_key));
    let passkeys = database.passkeys();
    Some(PasskeyUseCases {
        start_registration: StartPasskeyRegistration {
            clock: clock.clone(),
            secrets: secrets.clone(),
            ceremonies: ceremonies.clone(),
            passkeys: passkeys.clone(),
        },
        finish_registration: FinishPasskeyRegistration {
            clock: clock.clone(),
            secrets: secrets.clone(),
            ceremonies: ceremonies.clone(),
            passkeys: passkeys.clone(),
        },
        list: ListPasskeys { passkeys: passkeys.clone() },
        remove: RemovePasskey { clock: clock.clone(), secrets: secrets.clone(), passkeys: passkeys.clone() },
        start_authentication: StartPasskeyAuthentication {
            clock: clock.clone(),
            secrets: secrets.clone(),
            ceremonies: ceremonies.clone(),
            passkeys: passkeys.clone(),
        },
        finish_authentication: FinishPasskeyAuthentication {
            clock: clock.clone(),
            secrets: secrets.clone(),
            tokens: tokens.clone(),
            ceremonies,
            passkeys,
            challenges: database.challenges(),
            policy: settings.challenges,
            sessions: settings.sessions,
            quotas: settings.quotas,
        },
    })
}
