//! Which adapter stands behind which port.

use std::sync::Arc;

use adapters_crypto::{BcryptHasher, DataKeySealer, JwtTokens, SystemClock, SystemSecrets};
use adapters_postgres::PostgresStore;
use adapters_sinch::SinchVerification;
use adapters_sqlite::SqliteStore;
use anyhow::Context;
use async_trait::async_trait;
use domain::{Channel, Code, PhoneNumber, ProviderId, SendReference};
use http_actix::{PasskeyUseCases, UseCases};
use ports::{
    AccessTokens, AccountStore, ChallengeStore, Clock, CodeCheck, CodeRequest, DecoyCodes, Dependency,
    EventStore, PasskeyStore, PasswordHasher, ProviderFault, Sealer, SecretGenerator, SessionStore,
    StartError, StartedVerification, VerificationProvider,
};
use use_cases::{
    Authenticate, BlindChallenges, ChangeLocale, ChangePassword, CheckReadiness, DeleteAccount,
    EndOtherSessions, EndSession, ExportAccount, ForgotPassword, ListEvents, ListSessions, LogIn, LogOut,
    PublishKeys, RefreshSession, RegisterUser, RequestOtp, ResetPassword, StartPhoneChange, StartPhoneLogin,
    StartStepUp, VerifyOtp, VerifyPhone,
};

use crate::awaited::Awaited;
use crate::background::Tasks;
use crate::mirrored::Mirrored;
use crate::settings::{DatabaseSettings, Settings};

/// The database that was chosen.
#[derive(Clone)]
pub(crate) enum Database {
    Postgres(PostgresStore),
    Sqlite(SqliteStore),
}

impl Database {
    pub(crate) async fn open(settings: &DatabaseSettings) -> anyhow::Result<Self> {
        match settings {
            DatabaseSettings::Postgres(settings) => {
                Ok(Self::Postgres(PostgresStore::new(Clone::clone(settings))?))
            }
            DatabaseSettings::Sqlite(url) => Ok(Self::Sqlite(SqliteStore::connect(url).await?)),
        }
    }

    pub(crate) async fn migrate_up(&self) -> anyhow::Result<Vec<String>> {
        Ok(match self {
            Self::Postgres(store) => store.migrate_up().await?,
            Self::Sqlite(store) => store.migrate_up().await?,
        })
    }

    pub(crate) async fn migrate_down(&self, steps: u32) -> anyhow::Result<Vec<String>> {
        Ok(match self {
            Self::Postgres(store) => store.migrate_down(steps).await?,
            Self::Sqlite(store) => store.migrate_down(steps).await?,
        })
    }

    pub(crate) async fn migration_status(&self) -> anyhow::Result<Vec<(String, bool)>> {
        Ok(match self {
            Self::Postgres(store) => store.migration_status().await?,
            Self::Sqlite(store) => store.migration_status().await?,
        })
    }

    pub(crate) fn challenges(&self) -> Arc<dyn ChallengeStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    fn accounts(&self) -> Arc<dyn AccountStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    fn sessions(&self) -> Arc<dyn SessionStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    fn passkeys(&self) -> Arc<dyn PasskeyStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn events(&self) -> Arc<dyn EventStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    fn dependency(&self) -> Arc<dyn Dependency> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }
}

/// Builds every use-case from the settings.
#[expect(clippy::too_many_lines, reason = "one list, in which a reader sees every use-case and its ports")]
pub(crate) fn use_cases(
    settings: &Settings,
    database: &Database,
    background: &Tasks,
) -> anyhow::Result<UseCases> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets: Arc<dyn SecretGenerator> = Arc::new(SystemSecrets);
    let bcrypt = BcryptHasher::start(&settings.hasher).context("passwords cannot be hashed")?;
    let hasher: Arc<dyn PasswordHasher> =
        Arc::new(Awaited { hasher: bcrypt, client_is_gone: http_actix::client_is_gone });
    let _sealer: Arc<dyn Sealer> =
        Arc::new(DataKeySealer::new(&settings.data_key, &settings.previous_data_keys));
    let tokens: Arc<dyn AccessTokens> = Arc::new(JwtTokens::new(
        settings.jwt.key.clone(),
        Vec::new(),
        settings.jwt.issuer.clone(),
        settings.jwt.audience.clone(),
    ));
    let sinch = Arc::new(SinchVerification::new(&settings.sinch, clock.clone())?);
    let mirrored = Arc::new(Mirrored::new(Arc::new(Traced(sinch.clone()))));
    let (provider, decoys): (Arc<dyn VerificationProvider>, Arc<dyn DecoyCodes>) =
        (mirrored.clone(), mirrored);
    let (accounts, challenges, sessions) = (database.accounts(), database.challenges(), database.sessions());
    let (events, passkeys) = (database.events(), database.passkeys());
    let blind = Arc::new(BlindChallenges {
        clock: clock.clone(),
        secrets: secrets.clone(),
        accounts: accounts.clone(),
        challenges: challenges.clone(),
        provider: provider.clone(),
        background: Arc::new(background.clone()),
        destinations: settings.destinations.clone(),
        policy: settings.challenges,
        quotas: settings.quotas,
    });

    let passkey_use_cases = passkey_use_cases(settings, &clock, &secrets, &tokens, &passkeys, &challenges);

    Ok(UseCases {
        passkeys: passkey_use_cases,
        register_user: RegisterUser {
            clock: clock.clone(),
            secrets: secrets.clone(),
            hasher: hasher.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            destinations: settings.destinations.clone(),
            policy: settings.challenges,
            quotas: settings.quotas,
        },
        log_in: LogIn {
            clock: clock.clone(),
            secrets: secrets.clone(),
            hasher: hasher.clone(),
            accounts: accounts.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            destinations: settings.destinations.clone(),
            policy: settings.challenges,
            quotas: settings.quotas,
        },
        request_otp: RequestOtp {
            clock: clock.clone(),
            secrets: secrets.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            blind: blind.clone(),
            channels: vec![Channel::Sms],
            policy: settings.challenges,
            quotas: settings.quotas,
        },
        verify_otp: VerifyOtp {
            clock: clock.clone(),
            secrets: secrets.clone(),
            tokens: tokens.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            decoys: decoys.clone(),
            policy: settings.challenges,
            sessions: settings.sessions,
            quotas: settings.quotas,
        },
        refresh_session: RefreshSession {
            clock: clock.clone(),
            secrets: secrets.clone(),
            tokens: tokens.clone(),
            sessions: sessions.clone(),
            policy: settings.sessions,
        },
        log_out: LogOut {
            clock: clock.clone(),
            secrets: secrets.clone(),
            tokens: tokens.clone(),
            sessions: sessions.clone(),
        },
        authenticate: Authenticate {
            clock: clock.clone(),
            tokens: tokens.clone(),
            sessions: sessions.clone(),
        },
        start_step_up: StartStepUp {
            clock: clock.clone(),
            secrets: secrets.clone(),
            hasher: hasher.clone(),
            accounts: accounts.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            destinations: settings.destinations.clone(),
            policy: settings.challenges,
            quotas: settings.quotas,
        },
        start_phone_login: settings.passwordless.then(|| StartPhoneLogin {
            clock: clock.clone(),
            accounts: accounts.clone(),
            destinations: settings.destinations.clone(),
            blind: blind.clone(),
        }),
        forgot_password: ForgotPassword { clock: clock.clone(), accounts: accounts.clone(), blind },
        reset_password: ResetPassword {
            clock: clock.clone(),
            secrets: secrets.clone(),
            hasher: hasher.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            decoys: decoys.clone(),
            policy: settings.challenges,
            quotas: settings.quotas,
        },
        start_phone_change: StartPhoneChange {
            clock: clock.clone(),
            secrets: secrets.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            destinations: settings.destinations.clone(),
            policy: settings.challenges,
            quotas: settings.quotas,
        },
        verify_phone: VerifyPhone {
            clock: clock.clone(),
            secrets: secrets.clone(),
            challenges,
            provider,
            decoys,
            policy: settings.challenges,
            quotas: settings.quotas,
        },
        change_password: ChangePassword {
            clock: clock.clone(),
            secrets: secrets.clone(),
            hasher,
            accounts: accounts.clone(),
        },
        change_locale: ChangeLocale {
            clock: clock.clone(),
            secrets: secrets.clone(),
            accounts: accounts.clone(),
        },
        delete_account: DeleteAccount { clock: clock.clone(), secrets: secrets.clone(), accounts },
        list_events: ListEvents { events: events.clone() },
        export_account: ExportAccount {
            clock: clock.clone(),
            sessions: sessions.clone(),
            events,
            passkeys: passkeys.clone(),
        },
        list_sessions: ListSessions { clock: clock.clone(), sessions: sessions.clone() },
        end_session: EndSession {
            clock: clock.clone(),
            secrets: secrets.clone(),
            sessions: sessions.clone(),
        },
        end_other_sessions: EndOtherSessions { clock, secrets, sessions },
        check_readiness: CheckReadiness { dependencies: vec![database.dependency(), sinch] },
        publish_keys: PublishKeys { tokens },
    })
}

/// Those of passkeys, where the settings name a domain for them.
#[cfg(feature = "passkeys")]
fn passkey_use_cases(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    secrets: &Arc<dyn SecretGenerator>,
    tokens: &Arc<dyn AccessTokens>,
    passkeys: &Arc<dyn PasskeyStore>,
    challenges: &Arc<dyn ChallengeStore>,
) -> Option<PasskeyUseCases> {
    use adapters_crypto::DataKey;
    use adapters_webauthn::{RecordKey, WebauthnCeremonies};
    use ports::PasskeyCeremonies;
    use use_cases::{
        FinishPasskeyAuthentication, FinishPasskeyRegistration, ListPasskeys, RemovePasskey,
        StartPasskeyAuthentication, StartPasskeyRegistration,
    };
    let party = settings.passkeys.as_ref()?;
    let of = |key: &DataKey| key.derive("passkey records");
    let current = RecordKey::from_bytes(&of(&settings.data_key));
    let record_key = settings.previous_data_keys.iter().fold(current, |key, old| key.or(&of(old)));
    let ceremonies: Arc<dyn PasskeyCeremonies> = Arc::new(WebauthnCeremonies::new(party, record_key));
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
            passkeys: passkeys.clone(),
            challenges: challenges.clone(),
            policy: settings.challenges,
            sessions: settings.sessions,
            quotas: settings.quotas,
        },
    })
}

/// This build has none.
#[cfg(not(feature = "passkeys"))]
fn passkey_use_cases(
    _: &Settings,
    _: &Arc<dyn Clock>,
    _: &Arc<dyn SecretGenerator>,
    _: &Arc<dyn AccessTokens>,
    _: &Arc<dyn PasskeyStore>,
    _: &Arc<dyn ChallengeStore>,
) -> Option<PasskeyUseCases> {
    None
}

/// Hands the trace of the request on to the provider: HTTP surface and adapter
/// know nothing of each other.
struct Traced(Arc<SinchVerification>);

impl Traced {
    async fn within<F: Future>(call: F) -> F::Output {
        match http_actix::trace_context::current() {
            Some(traceparent) => adapters_sinch::trace_context::scope(traceparent, call).await,
            None => call.await,
        }
    }
}

#[async_trait]
impl VerificationProvider for Traced {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        Self::within(self.0.start(request)).await
    }

    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        Self::within(self.0.find(reference, phone, channel)).await
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        Self::within(self.0.check(verification, code)).await
    }
}
