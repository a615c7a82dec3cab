//! What each use-case error is to a client: the only such place.

use std::{error::Error, fmt::Write, time::Duration};

use jiff::SignedDuration;
use use_cases::{
    AdmitNamedError, AdmitStartError, AuthenticateError, BeginTotpError, BlindChallengeError,
    ChangeLocaleError, ChangePasswordError, ConfirmTotpError, DeleteAccountError, EndAllSessionsError,
    EndSessionError, ExportAccountError, Fault, FinishPasskeyAuthenticationError,
    FinishPasskeyRegistrationError, ForgetDeviceError, HandleCallbackError, LockAccountError, LogInError,
    LogOutError, RefreshSessionError, RegisterUserError, RemoveAccountError, RemovePasskeyError,
    RemoveTotpError, RenewRecoveryCodesError, RequestOtpError, ResetPasswordError, ShowAccountError,
    StartPasskeyAuthenticationError, StartPasskeyRegistrationError, StartPhoneChangeError,
    StartPhoneLoginError, StartResetError, StartStepUpError, StepUpRequired, VerifyOtpError,
};

use super::{FieldError, Problem, ProblemCode, WorkBody};
use crate::request::{FieldErrors, Reason};

impl From<AdmitStartError> for Problem {
    fn from(error: AdmitStartError) -> Self {
        match error {
            AdmitStartError::WorkRequired(demand) => {
                Self::new(ProblemCode::ProofOfWorkRequired).demanding(WorkBody {
                    puzzle: demand.puzzle,
                    algorithm: "sha-256",
                    bits: demand.bits,
                    expires_at: demand.expires_at.to_string(),
                })
            }
            AdmitStartError::Fault(fault) => fault.into(),
        }
    }
}

impl From<AdmitNamedError> for Problem {
    fn from(error: AdmitNamedError) -> Self {
        match error {
            AdmitNamedError::RateLimited { retry_after } => rate_limited(retry_after),
            AdmitNamedError::Fault(fault) => fault.into(),
        }
    }
}

impl From<RegisterUserError> for Problem {
    fn from(error: RegisterUserError) -> Self {
        match error {
            RegisterUserError::DestinationNotAllowed(Some(reason)) => {
                Self::new(ProblemCode::DestinationNotAllowed).detail(reason.to_string())
            }
            RegisterUserError::DestinationNotAllowed(None) => Self::new(ProblemCode::DestinationNotAllowed),
            RegisterUserError::RateLimited { retry_after } => rate_limited(retry_after),
            RegisterUserError::Fault(fault) => fault.into(),
        }
    }
}

impl From<LogInError> for Problem {
    fn from(error: LogInError) -> Self {
        match error {
            LogInError::InvalidCredentials => Self::new(ProblemCode::InvalidCredentials),
            LogInError::RateLimited { retry_after } => rate_limited(retry_after),
            LogInError::DestinationNotAllowed => Self::new(ProblemCode::DestinationNotAllowed),
            LogInError::Fault(fault) => fault.into(),
        }
    }
}

impl From<RequestOtpError> for Problem {
    fn from(error: RequestOtpError) -> Self {
        match error {
            RequestOtpError::ChannelNotAvailable => Self::new(ProblemCode::ChannelNotAvailable),
            RequestOtpError::Closed => Self::new(ProblemCode::ChallengeClosed),
            RequestOtpError::TooSoon { retry_after } => {
                Self::new(ProblemCode::ResendTooSoon).retry_after(unsigned(retry_after))
            }
            RequestOtpError::SendLimitReached => Self::new(ProblemCode::SendLimitReached),
            RequestOtpError::RateLimited { retry_after } => rate_limited(retry_after),
            RequestOtpError::DestinationNotAllowed => Self::new(ProblemCode::DestinationNotAllowed),
            RequestOtpError::Fault(fault) => fault.into(),
        }
    }
}

impl From<VerifyOtpError> for Problem {
    fn from(error: VerifyOtpError) -> Self {
        match error {
            VerifyOtpError::InvalidCode { attempts_left } => {
                Self::new(ProblemCode::InvalidCode).attempts_left(attempts_left)
            }
            VerifyOtpError::Closed => Self::new(ProblemCode::ChallengeClosed),
            VerifyOtpError::AccountExists => Self::new(ProblemCode::AccountExists),
            VerifyOtpError::RateLimited { retry_after } => rate_limited(retry_after),
            VerifyOtpError::Fault(fault) => fault.into(),
        }
    }
}

impl From<RefreshSessionError> for Problem {
    fn from(error: RefreshSessionError) -> Self {
        match error {
            RefreshSessionError::InvalidToken => Self::new(ProblemCode::InvalidToken),
            RefreshSessionError::Fault(fault) => fault.into(),
        }
    }
}

impl From<LogOutError> for Problem {
    fn from(error: LogOutError) -> Self {
        match error {
            LogOutError::InvalidToken => Self::new(ProblemCode::InvalidToken),
            LogOutError::Fault(fault) => fault.into(),
        }
    }
}

impl From<AuthenticateError> for Problem {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::InvalidToken => Self::new(ProblemCode::InvalidToken),
            AuthenticateError::Fault(fault) => fault.into(),
        }
    }
}

impl From<StepUpRequired> for Problem {
    fn from(_: StepUpRequired) -> Self {
        tracing::info!(event = "authz_fail", "all factors have to be proven again first");
        Self::new(ProblemCode::StepUpRequired)
    }
}

impl From<StartStepUpError> for Problem {
    fn from(error: StartStepUpError) -> Self {
        match error {
            StartStepUpError::InvalidCredentials => Self::new(ProblemCode::InvalidCredentials),
            StartStepUpError::RateLimited { retry_after } => rate_limited(retry_after),
            StartStepUpError::DestinationNotAllowed => Self::new(ProblemCode::DestinationNotAllowed),
            StartStepUpError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::InvalidCredentials => Self::new(ProblemCode::InvalidCredentials).forbidden(),
            ChangePasswordError::RateLimited { retry_after } => rate_limited(retry_after),
            ChangePasswordError::StepUpRequired(required) => required.into(),
            ChangePasswordError::Fault(fault) => fault.into(),
        }
    }
}

impl From<BlindChallengeError> for Problem {
    fn from(error: BlindChallengeError) -> Self {
        match error {
            BlindChallengeError::RateLimited { retry_after } => rate_limited(retry_after),
            BlindChallengeError::Fault(fault) => fault.into(),
        }
    }
}

impl From<StartPhoneLoginError> for Problem {
    fn from(error: StartPhoneLoginError) -> Self {
        match error {
            StartPhoneLoginError::DestinationNotAllowed => Self::new(ProblemCode::DestinationNotAllowed),
            StartPhoneLoginError::RateLimited { retry_after } => rate_limited(retry_after),
            StartPhoneLoginError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ResetPasswordError> for Problem {
    fn from(error: ResetPasswordError) -> Self {
        match error {
            ResetPasswordError::InvalidCode { attempts_left } => {
                Self::new(ProblemCode::InvalidCode).attempts_left(attempts_left)
            }
            ResetPasswordError::Closed => Self::new(ProblemCode::ChallengeClosed),
            ResetPasswordError::RefusedPassword(reason) => refused_field("/new_password", reason),
            ResetPasswordError::RateLimited { retry_after } => rate_limited(retry_after),
            ResetPasswordError::Fault(fault) => fault.into(),
        }
    }
}

impl From<StartPhoneChangeError> for Problem {
    fn from(error: StartPhoneChangeError) -> Self {
        match error {
            StartPhoneChangeError::StepUpRequired(required) => required.into(),
            StartPhoneChangeError::SameNumber => refused_field(
                "/phone_number",
                Reason::new("same-number", "this is the number of the account already; send another"),
            ),
            StartPhoneChangeError::DestinationNotAllowed => Self::new(ProblemCode::DestinationNotAllowed),
            StartPhoneChangeError::RateLimited { retry_after } => rate_limited(retry_after),
            // Its sessions went with it.
            StartPhoneChangeError::Gone => Self::new(ProblemCode::InvalidToken),
            StartPhoneChangeError::Fault(fault) => fault.into(),
        }
    }
}

impl From<EndSessionError> for Problem {
    fn from(error: EndSessionError) -> Self {
        match error {
            EndSessionError::NotFound => Self::new(ProblemCode::NotFound),
            EndSessionError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ForgetDeviceError> for Problem {
    fn from(error: ForgetDeviceError) -> Self {
        match error {
            ForgetDeviceError::NotFound => Self::new(ProblemCode::NotFound),
            ForgetDeviceError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ChangeLocaleError> for Problem {
    fn from(error: ChangeLocaleError) -> Self {
        match error {
            // Its sessions went with it.
            ChangeLocaleError::Gone => Self::new(ProblemCode::InvalidToken),
            ChangeLocaleError::Fault(fault) => fault.into(),
        }
    }
}

impl From<DeleteAccountError> for Problem {
    fn from(error: DeleteAccountError) -> Self {
        match error {
            DeleteAccountError::StepUpRequired(required) => required.into(),
            DeleteAccountError::Gone => Self::new(ProblemCode::InvalidToken),
            DeleteAccountError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ExportAccountError> for Problem {
    fn from(error: ExportAccountError) -> Self {
        match error {
            ExportAccountError::StepUpRequired(required) => required.into(),
            ExportAccountError::Fault(fault) => fault.into(),
        }
    }
}

impl From<BeginTotpError> for Problem {
    fn from(error: BeginTotpError) -> Self {
        match error {
            BeginTotpError::StepUpRequired(required) => required.into(),
            BeginTotpError::Enrolled => Self::new(ProblemCode::TotpEnabled),
            BeginTotpError::Gone => Self::new(ProblemCode::InvalidToken),
            BeginTotpError::Fault(fault) => fault.into(),
        }
    }
}

impl From<StartPasskeyRegistrationError> for Problem {
    fn from(error: StartPasskeyRegistrationError) -> Self {
        match error {
            StartPasskeyRegistrationError::StepUpRequired(required) => required.into(),
            StartPasskeyRegistrationError::Full => Self::new(ProblemCode::PasskeyLimitReached),
            StartPasskeyRegistrationError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ShowAccountError> for Problem {
    fn from(error: ShowAccountError) -> Self {
        match error {
            ShowAccountError::NotFound => Self::new(ProblemCode::NotFound),
            ShowAccountError::Fault(fault) => fault.into(),
        }
    }
}

impl From<FinishPasskeyRegistrationError> for Problem {
    fn from(error: FinishPasskeyRegistrationError) -> Self {
        match error {
            FinishPasskeyRegistrationError::Refused => Self::new(ProblemCode::PasskeyNotAccepted),
            FinishPasskeyRegistrationError::Full => Self::new(ProblemCode::PasskeyLimitReached),
            FinishPasskeyRegistrationError::Gone => Self::new(ProblemCode::InvalidToken),
            FinishPasskeyRegistrationError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ConfirmTotpError> for Problem {
    fn from(error: ConfirmTotpError) -> Self {
        match error {
            ConfirmTotpError::StepUpRequired(required) => required.into(),
            ConfirmTotpError::InvalidCode => Self::new(ProblemCode::InvalidCode).unprocessable(),
            ConfirmTotpError::Enrolled => Self::new(ProblemCode::TotpEnabled),
            ConfirmTotpError::NotBegun => Self::new(ProblemCode::TotpNotBegun),
            ConfirmTotpError::Fault(fault) => fault.into(),
        }
    }
}

impl From<RemovePasskeyError> for Problem {
    fn from(error: RemovePasskeyError) -> Self {
        match error {
            RemovePasskeyError::StepUpRequired(required) => required.into(),
            RemovePasskeyError::NotFound => Self::new(ProblemCode::NotFound),
            RemovePasskeyError::Fault(fault) => fault.into(),
        }
    }
}

impl From<LockAccountError> for Problem {
    fn from(error: LockAccountError) -> Self {
        match error {
            LockAccountError::NotFound => Self::new(ProblemCode::NotFound),
            LockAccountError::Fault(fault) => fault.into(),
        }
    }
}

impl From<StartPasskeyAuthenticationError> for Problem {
    fn from(error: StartPasskeyAuthenticationError) -> Self {
        match error {
            StartPasskeyAuthenticationError::Closed => Self::new(ProblemCode::ChallengeClosed),
            StartPasskeyAuthenticationError::NoPasskey => Self::invalid_fields(vec![FieldError {
                pointer: "/challenge_id",
                code: "no-passkey",
                message: "answer this challenge by one of its methods: the account has no passkey".into(),
            }]),
            StartPasskeyAuthenticationError::Fault(fault) => fault.into(),
        }
    }
}

impl From<RemoveTotpError> for Problem {
    fn from(error: RemoveTotpError) -> Self {
        match error {
            RemoveTotpError::StepUpRequired(required) => required.into(),
            RemoveTotpError::NotFound => Self::new(ProblemCode::NotFound),
            RemoveTotpError::Fault(fault) => fault.into(),
        }
    }
}

impl From<RemoveAccountError> for Problem {
    fn from(error: RemoveAccountError) -> Self {
        match error {
            RemoveAccountError::NotFound => Self::new(ProblemCode::NotFound),
            RemoveAccountError::Fault(fault) => fault.into(),
        }
    }
}

impl From<RenewRecoveryCodesError> for Problem {
    fn from(error: RenewRecoveryCodesError) -> Self {
        match error {
            RenewRecoveryCodesError::StepUpRequired(required) => required.into(),
            RenewRecoveryCodesError::Gone => Self::new(ProblemCode::InvalidToken),
            RenewRecoveryCodesError::Fault(fault) => fault.into(),
        }
    }
}

impl From<StartResetError> for Problem {
    fn from(error: StartResetError) -> Self {
        match error {
            StartResetError::NotFound => Self::new(ProblemCode::NotFound),
            StartResetError::Locked => Self::new(ProblemCode::AccountLocked),
            StartResetError::RateLimited { retry_after } => rate_limited(retry_after),
            StartResetError::Fault(fault) => fault.into(),
        }
    }
}

impl From<HandleCallbackError> for Problem {
    fn from(error: HandleCallbackError) -> Self {
        match error {
            HandleCallbackError::Refused(_) => Self::new(ProblemCode::InvalidSignature),
            HandleCallbackError::Fault(fault) => fault.into(),
        }
    }
}

impl From<EndAllSessionsError> for Problem {
    fn from(error: EndAllSessionsError) -> Self {
        match error {
            EndAllSessionsError::NotFound => Self::new(ProblemCode::NotFound),
            EndAllSessionsError::Fault(fault) => fault.into(),
        }
    }
}

impl From<FinishPasskeyAuthenticationError> for Problem {
    fn from(error: FinishPasskeyAuthenticationError) -> Self {
        match error {
            FinishPasskeyAuthenticationError::Refused { attempts_left: Some(attempts_left) } => {
                Self::new(ProblemCode::InvalidPasskey).attempts_left(attempts_left)
            }
            FinishPasskeyAuthenticationError::Refused { attempts_left: None } => {
                Self::new(ProblemCode::InvalidPasskey)
            }
            FinishPasskeyAuthenticationError::Closed => Self::new(ProblemCode::ChallengeClosed),
            FinishPasskeyAuthenticationError::RateLimited { retry_after } => rate_limited(retry_after),
            FinishPasskeyAuthenticationError::Fault(fault) => fault.into(),
        }
    }
}

/// Logs the cause, once: the client learns only which part is away.
impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let problem = match &fault {
            Fault::Abandoned => {
                // A client's doing, for which nobody has to be woken, and an answer that nobody reads.
                tracing::debug!(event = "abandoned", "the client left before its password was hashed");
                return Self::new(ProblemCode::Overloaded);
            }
            Fault::DatabaseUnavailable(_) => Self::new(ProblemCode::DatabaseUnavailable),
            Fault::ProviderUnavailable(_) => Self::new(ProblemCode::ProviderUnavailable),
            Fault::LimitsUnavailable(_) => Self::new(ProblemCode::Overloaded),
            Fault::Overloaded { retry_after } => {
                Self::new(ProblemCode::Overloaded).retry_after(unsigned(*retry_after))
            }
            Fault::Internal(_) => Self::new(ProblemCode::Internal),
        };
        tracing::error!(
            event = "fault",
            problem = problem.code.entry().code,
            error = chain(&fault),
            "a request failed"
        );
        problem
    }
}

/// The refusal of one field that only a use-case could judge.
fn refused_field(pointer: &'static str, reason: impl Into<Reason>) -> Problem {
    let mut errors = FieldErrors::none(&[]);
    errors.refuse(pointer, reason.into());
    errors.into_problem()
}

fn rate_limited(retry_after: SignedDuration) -> Problem {
    Problem::new(ProblemCode::RateLimited).retry_after(unsigned(retry_after))
}

/// A wait that is already over is none.
fn unsigned(wait: SignedDuration) -> Duration {
    Duration::try_from(wait).unwrap_or_default()
}

/// An error and what caused it, outermost first.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
