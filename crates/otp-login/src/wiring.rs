//! Which adapter stands behind which port.

mod database;
mod limits;
#[cfg(feature = "passkeys")]
mod passkeys;

use std::{collections::BTreeSet, sync::Arc};

use adapters_crypto::{
    AuthenticatorCodes, BcryptHasher, DataKeySealer, JwtKeyRing, JwtTokens, KeyedPuzzles, SystemClock,
    SystemSecrets,
};
use adapters_sinch::{SinchCallbacks, SinchSms};
use adapters_webhooks::Webhooks;
use anyhow::Context;
use domain::RuleMode;
use http_actix::{Operators, UseCases};
use ports::{
    AccessTokens, Clock, DecoyCodes, NumberRisk, PasswordHasher, Sealer, SecretGenerator, TotpCodes,
    VerificationProvider, WebhookSender,
};
use use_cases::{
    AdmitCaller, AdmitStart, Authenticate, BeginTotp, BlindChallenges, ChangeLocale, ChangePassword,
    CheckReadiness, ConfirmTotp, CurrentPrices, DeleteAccount, DeliverNotices, DeliverWebhooks,
    EndAllSessions, EndOtherSessions, EndSession, ExportAccount, FanOutEvents, FindAccounts, ForgetDevice,
    ForgetDevices, ForgotPassword, HandleSinchCallback, IntrospectToken, JudgeProviders, KeepPrices,
    KeepSigningKeys, ListAccountEvents, ListAllEvents, ListDevices, ListEvents, ListSessions, LockAccount,
    LogIn, LogOut, PublishKeys, RefreshSession, RegisterUser, RemoveAccount, RemoveTotp, RenewRecoveryCodes,
    RequestOtp, ResetPassword, ShieldedProvider, ShowAccount, ShowFigures, StartPhoneChange, StartPhoneLogin,
    StartReset, StartStepUp, UnlockAccount, VerifyOtp, VerifyPhone,
};

pub(crate) use self::database::Database;
use self::limits::Limits;
use crate::awaited::Awaited;
use crate::background::Tasks;
use crate::metrics::Metrics;
use crate::mirrored::Mirrored;
use crate::number_risk::{Bounded, UnwatchedNumbers};
use crate::outbox::Outbox;
use crate::providers::{Provider, Traces, provider};
use crate::reputation::{AskedLast, ConversionWatch};
use crate::settings::{
    JwtSettings, OutboxSettings, PriceSettings, ProviderSettings, Settings, SigningKeySource,
};

/// What signs and checks access tokens, and what keeps its keys right where they are stored.
pub(crate) struct Signing {
    pub(crate) tokens: Arc<dyn AccessTokens>,
    pub(crate) keep: Option<KeepSigningKeys>,
}

pub(crate) fn signing(settings: &Settings, database: &Database) -> Signing {
    let JwtSettings { keys, policy, issuer, audience } = &settings.jwt;
    let algorithm = match keys {
        SigningKeySource::Configured { key, .. } => {
            let tokens = JwtTokens::new(key.clone(), issuer.clone(), audience.clone());
            return Signing { tokens: Arc::new(tokens), keep: None };
        }
        SigningKeySource::Stored(algorithm) => *algorithm,
    };
    let tokens = Arc::new(JwtTokens::without_keys(issuer.clone(), audience.clone()));
    let keep = KeepSigningKeys {
        clock: Arc::new(SystemClock),
        keys: database.signing_keys(),
        sealer: sealer(settings),
        ring: Arc::new(JwtKeyRing::new(tokens.clone(), settings.data_key.clone())),
        policy: *policy,
        algorithm,
    };
    Signing { tokens, keep: Some(keep) }
}

fn sealer(settings: &Settings) -> Arc<dyn Sealer> {
    Arc::new(DataKeySealer::new(&settings.data_key, &settings.previous_data_keys))
}

/// Builds every use-case from the settings.
#[expect(clippy::too_many_lines, reason = "one list, in which a reader sees every use-case and its ports")]
pub(crate) fn use_cases(
    settings: &Settings,
    database: &Database,
    tokens: Arc<dyn AccessTokens>,
    background: &Tasks,
    traces: &Traces,
) -> anyhow::Result<UseCases> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets: Arc<dyn SecretGenerator> = Arc::new(SystemSecrets);
    let bcrypt = BcryptHasher::start(&settings.hasher).context("passwords cannot be hashed")?;
    let hasher: Arc<dyn PasswordHasher> =
        Arc::new(Awaited { hasher: bcrypt, client_is_gone: http_actix::client_is_gone });
    let sealer = sealer(settings);
    let Provider { verification, dependency, typical_check } = provider(settings, &clock, traces)?;
    let mirrored = Arc::new(Mirrored::new(verification, typical_check));
    let decoys: Arc<dyn DecoyCodes> = mirrored.clone();
    let provider = shielded(settings, database, mirrored, &traces.prices);
    let (accounts, challenges, sessions) = (database.accounts(), database.challenges(), database.sessions());
    let (events, factors, passkeys) = (database.events(), database.factors(), database.passkeys());
    let totp_codes: Arc<dyn TotpCodes> = Arc::new(AuthenticatorCodes);
    let number_risk = number_risk();
    let blind = blind_challenges(settings, database, provider.clone(), background);
    let devices = database.devices();

    #[cfg(feature = "passkeys")]
    let passkey_use_cases = passkeys::use_cases(settings, database, &clock, &secrets, &tokens);
    #[cfg(not(feature = "passkeys"))]
    let passkey_use_cases = None;

    let Limits { admit_request, required, optional } = limits::limits(settings)?;

    Ok(UseCases {
        admit_request,
        admit_start: AdmitStart {
            clock: clock.clone(),
            store: database.shield(),
            puzzles: Arc::new(KeyedPuzzles::new(&settings.data_key)),
            shield: settings.shield.clone(),
        },
        passkeys: passkey_use_cases,
        sinch_callbacks: sinch_callbacks(settings, traces)?,
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
            tokens: tokens.clone(),
            hasher: hasher.clone(),
            accounts: accounts.clone(),
            challenges: challenges.clone(),
            devices: devices.clone(),
            provider: provider.clone(),
            number_risk: number_risk.clone(),
            destinations: settings.destinations.clone(),
            policy: settings.challenges,
            sessions: settings.sessions,
            remembering: settings.devices,
            quotas: settings.quotas,
        },
        request_otp: RequestOtp {
            clock: clock.clone(),
            secrets: secrets.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            blind: blind.clone(),
            channels: settings.destinations.channels.clone(),
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
            factors: factors.clone(),
            sealer: sealer.clone(),
            totp_codes: totp_codes.clone(),
            policy: settings.challenges,
            sessions: settings.sessions,
            devices: settings.devices,
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
        admit_introspection: AdmitCaller { keys: Arc::new(settings.introspection_keys.clone()) },
        introspect_token: IntrospectToken {
            clock: clock.clone(),
            tokens: tokens.clone(),
            sessions: sessions.clone(),
            issuer: settings.jwt.issuer.clone(),
            audience: settings.jwt.audience.clone(),
        },
        start_step_up: StartStepUp {
            clock: clock.clone(),
            secrets: secrets.clone(),
            hasher: hasher.clone(),
            accounts: accounts.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            number_risk: number_risk.clone(),
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
        forgot_password: ForgotPassword {
            clock: clock.clone(),
            accounts: accounts.clone(),
            blind: blind.clone(),
        },
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
            devices: devices.clone(),
            factors: factors.clone(),
            events,
            passkeys: passkeys.clone(),
            traces: database.send_traces(),
        },
        list_sessions: ListSessions { clock: clock.clone(), sessions: sessions.clone() },
        end_session: EndSession {
            clock: clock.clone(),
            secrets: secrets.clone(),
            sessions: sessions.clone(),
        },
        end_other_sessions: EndOtherSessions { clock: clock.clone(), secrets: secrets.clone(), sessions },
        begin_totp: BeginTotp {
            clock: clock.clone(),
            secrets: secrets.clone(),
            sealer: sealer.clone(),
            factors: factors.clone(),
        },
        confirm_totp: ConfirmTotp {
            clock: clock.clone(),
            secrets: secrets.clone(),
            sealer,
            totp_codes,
            factors: factors.clone(),
        },
        remove_totp: RemoveTotp { clock: clock.clone(), secrets: secrets.clone(), factors: factors.clone() },
        renew_recovery_codes: RenewRecoveryCodes { clock: clock.clone(), secrets: secrets.clone(), factors },
        list_devices: ListDevices { clock: clock.clone(), devices: devices.clone() },
        forget_device: ForgetDevice {
            clock: clock.clone(),
            secrets: secrets.clone(),
            devices: devices.clone(),
        },
        forget_devices: ForgetDevices { clock, secrets, devices },
        check_readiness: CheckReadiness {
            dependencies: [Some(database.dependency()), Some(dependency), required]
                .into_iter()
                .flatten()
                .collect(),
            optional: optional.into_iter().collect(),
        },
        publish_keys: PublishKeys { tokens },
        operators: operators(settings, database, blind).map(Arc::new),
    })
}

/// Who is asked whether a number changed hands. Nobody is, until an adapter stands here.
fn number_risk() -> Arc<dyn NumberRisk> {
    Arc::new(Bounded(UnwatchedNumbers))
}

/// Challenges that anybody may start, whose codes `provider` sends.
fn blind_challenges(
    settings: &Settings,
    database: &Database,
    provider: Arc<dyn VerificationProvider>,
    background: &Tasks,
) -> Arc<BlindChallenges> {
    Arc::new(BlindChallenges {
        clock: Arc::new(SystemClock),
        secrets: Arc::new(SystemSecrets),
        accounts: database.accounts(),
        challenges: database.challenges(),
        provider,
        number_risk: number_risk(),
        background: Arc::new(background.clone()),
        destinations: settings.destinations.clone(),
        policy: settings.challenges,
        quotas: settings.quotas,
    })
}

/// What becomes of messages, what they cost, and what follows from it.
pub(crate) fn traces(database: &Database, metrics: &Arc<Metrics>, prices: &Arc<CurrentPrices>) -> Traces {
    Traces {
        store: database.send_traces(),
        meter: metrics.clone(),
        asked_last: Arc::new(AskedLast::default()),
        prices: prices.clone(),
    }
}

/// What messages cost, as far as it can be read, and what keeps up with it.
pub(crate) async fn prices(settings: &Settings, database: &Database) -> KeepPrices {
    let PriceSettings { table, quoted_in } = settings.prices.clone();
    let prices = Arc::new(CurrentPrices::new(table, quoted_in));
    let keep = KeepPrices { traces: database.send_traces(), prices };
    keep.refresh().await;
    keep
}

/// What looks whose codes are entered, where one provider can stand in for another.
pub(crate) fn conversion_watch(settings: &Settings, traces: &Traces) -> Option<ConversionWatch> {
    let rule = settings.routing.conversion;
    let is_of_use = settings.routing.has_several() && rule.mode != RuleMode::Off;
    is_of_use.then(|| ConversionWatch {
        judge: JudgeProviders { clock: Arc::new(SystemClock), traces: traces.store.clone(), rule },
        asked_last: traces.asked_last.clone(),
        known: BTreeSet::new(),
        usual: Vec::new(),
        usual_holds: 0,
    })
}

/// What Sinch tells by itself, if it sends the codes.
fn sinch_callbacks(settings: &Settings, traces: &Traces) -> anyhow::Result<Option<HandleSinchCallback>> {
    if !settings.providers.iter().any(|one| matches!(one, ProviderSettings::Sinch)) {
        return Ok(None);
    }
    Ok(Some(HandleSinchCallback {
        clock: Arc::new(SystemClock),
        verifier: Arc::new(SinchCallbacks::new(&settings.sinch)?),
        traces: traces.store.clone(),
        meter: traces.meter.clone(),
        prices: traces.prices.clone(),
    }))
}

/// The provider, of which nothing is asked that the fraud shield refuses.
fn shielded(
    settings: &Settings,
    database: &Database,
    provider: Arc<dyn VerificationProvider>,
    prices: &Arc<CurrentPrices>,
) -> Arc<dyn VerificationProvider> {
    Arc::new(ShieldedProvider {
        clock: Arc::new(SystemClock),
        provider,
        store: database.shield(),
        shield: settings.shield.clone(),
        prices: prices.clone(),
    })
}

/// How operators start a reset for somebody, from a terminal.
pub(crate) fn start_reset(
    settings: &Settings,
    database: &Database,
    background: &Tasks,
    prices: &Arc<CurrentPrices>,
) -> anyhow::Result<StartReset> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let traces = traces(database, &Arc::new(Metrics::new()), prices);
    let provider = provider(settings, &clock, &traces)?.verification;
    let provider = shielded(settings, database, provider, prices);
    Ok(reset_started_by(database, blind_challenges(settings, database, provider, background)))
}

fn reset_started_by(database: &Database, blind: Arc<BlindChallenges>) -> StartReset {
    StartReset {
        clock: Arc::new(SystemClock),
        secrets: Arc::new(SystemSecrets),
        accounts: database.accounts(),
        events: database.events(),
        blind,
    }
}

/// What operators can ask for over HTTP, if they have a key.
fn operators(settings: &Settings, database: &Database, blind: Arc<BlindChallenges>) -> Option<Operators> {
    let keys = settings.admin_keys.clone()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets: Arc<dyn SecretGenerator> = Arc::new(SystemSecrets);
    let (accounts, directory) = (database.accounts(), database.directory());
    Some(Operators {
        authorize: AdmitCaller { keys: Arc::new(keys) },
        find_accounts: FindAccounts { directory: directory.clone() },
        show_account: ShowAccount {
            clock: clock.clone(),
            accounts: accounts.clone(),
            directory: directory.clone(),
            sessions: database.sessions(),
            events: database.events(),
        },
        lock_account: LockAccount {
            clock: clock.clone(),
            secrets: secrets.clone(),
            directory: directory.clone(),
        },
        unlock_account: UnlockAccount {
            clock: clock.clone(),
            secrets: secrets.clone(),
            directory: directory.clone(),
        },
        remove_account: RemoveAccount { clock: clock.clone(), secrets: secrets.clone(), accounts },
        end_all_sessions: EndAllSessions { clock, secrets, directory: directory.clone() },
        start_reset: reset_started_by(database, blind),
        list_account_events: ListAccountEvents { events: database.events() },
        list_all_events: ListAllEvents { directory },
        show_figures: ShowFigures { clock: Arc::new(SystemClock), traces: database.send_traces() },
    })
}

/// What tells of events, in the background.
pub(crate) fn outbox(settings: &Settings, database: &Database) -> anyhow::Result<Outbox> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let OutboxSettings { sms, endpoints, subscriptions, .. } = &settings.outbox;
    let notices = match sms {
        Some(sms) => Some(DeliverNotices {
            clock: clock.clone(),
            notices: database.notices(),
            sender: Arc::new(SinchSms::new(sms)?),
        }),
        None => None,
    };
    let sender: Arc<dyn WebhookSender> = Arc::new(webhook_sender(settings)?);
    let webhooks = endpoints.iter().map(|endpoint| DeliverWebhooks {
        clock: clock.clone(),
        webhooks: database.webhooks(),
        sender: sender.clone(),
        endpoint: endpoint.name.clone(),
    });
    let fan_out = FanOutEvents {
        clock: clock.clone(),
        webhooks: database.webhooks(),
        subscriptions: subscriptions.clone(),
    };
    Ok(Outbox {
        notices,
        webhooks: webhooks.collect(),
        fan_out: (!subscriptions.is_empty()).then_some(fan_out),
    })
}

/// Signs and delivers to the endpoints of the settings.
pub(crate) fn webhook_sender(settings: &Settings) -> anyhow::Result<Webhooks> {
    Ok(Webhooks::new(settings.outbox.endpoints.clone(), Arc::new(SystemClock))?)
}
