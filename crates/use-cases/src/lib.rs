//! One struct for each thing a user can do.
//!
//! A use-case holds the ports it needs and a policy; `execute` reads like the
//! sentence that describes it. A use-case never calls another, knows no
//! HTTP and no SQL, and is wired by a struct literal.

mod admit_caller;
mod admit_request;
mod admit_start;
mod app;
mod authenticate;
mod authenticate_passkey;
mod blind_challenges;
mod by_device;
mod change_password;
mod change_phone;
mod check_readiness;
mod codes;
mod current_prices;
mod deliver;
mod deliver_notices;
mod deliver_webhooks;
mod enrol_totp;
mod event;
mod fault;
mod forgot_password;
mod handle_sinch_callback;
mod introspect_token;
mod judge_providers;
mod log_in;
mod log_out;
mod open_session;
mod operators;
mod own_account;
mod own_devices;
mod own_factors;
mod own_passkeys;
mod own_password;
mod own_sessions;
mod publish_keys;
mod recovery_codes;
mod refresh_session;
mod register_passkey;
mod register_user;
mod request_otp;
mod reset_password;
mod shielded_provider;
mod signing_keys;
mod start_phone_login;
mod start_step_up;
mod traced_provider;
mod verify_otp;

pub use admit_caller::{AdmitCaller, CallerRefused};
pub use admit_request::{AdmitNamedError, AdmitRequest, AdmittedRequest, Named, NamedLimits, RequestLimit};
pub use admit_start::{AdmitStart, AdmitStartError};
pub use authenticate::{Authenticate, AuthenticateError, Principal, StepUpRequired};
pub use authenticate_passkey::{
    FinishPasskeyAuthentication, FinishPasskeyAuthenticationError, FinishPasskeyAuthenticationRequest,
    StartPasskeyAuthentication, StartPasskeyAuthenticationError,
};
pub use blind_challenges::{BlindChallengeError, BlindChallenges};
pub use change_password::{ChangePassword, ChangePasswordError, ChangePasswordRequest};
pub use change_phone::{StartPhoneChange, StartPhoneChangeError, StartPhoneChangeRequest, VerifyPhone};
pub use check_readiness::{CheckReadiness, DependencyState};
pub use current_prices::{CurrentPrices, KeepPrices};
pub use deliver_notices::DeliverNotices;
pub use deliver_webhooks::{DeliverWebhooks, FanOutEvents};
pub use enrol_totp::{BeginTotp, BeginTotpError, ConfirmTotp, ConfirmTotpError};
pub use fault::Fault;
pub use forgot_password::{ForgotPassword, ForgotPasswordRequest};
pub use handle_sinch_callback::{CallbackAnswer, HandleCallbackError, HandleSinchCallback};
pub use introspect_token::{ActiveToken, IntrospectToken};
pub use judge_providers::JudgeProviders;
pub use log_in::{LogIn, LogInError, LogInRequest, LoggedIn};
pub use log_out::{LogOut, LogOutError};
pub use open_session::SignedIn;
pub use operators::{
    AccountDetails, EndAllSessions, EndAllSessionsError, ExplainNumber, Explanation, ExportAccounts, Figures,
    FindAccounts, ImportAccounts, ListAccountEvents, ListAllEvents, ListBlocks, LockAccount,
    LockAccountError, PersonToImport, RemoveAccount, RemoveAccountError, ShowAccount, ShowAccountError,
    ShowFigures, StartReset, StartResetError, TraceMessages, TraceMessagesError, Unblock, UnlockAccount,
};
pub use own_account::{
    AccountExport, ChangeLocale, ChangeLocaleError, DeleteAccount, DeleteAccountError, EnrolledApp,
    ExportAccount, ExportAccountError, ListEvents,
};
pub use own_devices::{ForgetDevice, ForgetDeviceError, ForgetDevices, ListDevices};
pub use own_factors::{RemoveTotp, RemoveTotpError, RenewRecoveryCodes, RenewRecoveryCodesError};
pub use own_passkeys::{ListPasskeys, RemovePasskey, RemovePasskeyError};
pub use own_sessions::{EndOtherSessions, EndSession, EndSessionError, ListSessions};
pub use ports::{PresentedCredential, PublicKeyOptions};
pub use publish_keys::PublishKeys;
pub use refresh_session::{RefreshSession, RefreshSessionError};
pub use register_passkey::{
    BegunCeremony, FinishPasskeyRegistration, FinishPasskeyRegistrationError,
    FinishPasskeyRegistrationRequest, StartPasskeyRegistration, StartPasskeyRegistrationError,
};
pub use register_user::{RegisterUser, RegisterUserError, RegisterUserRequest};
pub use request_otp::{RequestOtp, RequestOtpError, RequestOtpRequest};
pub use reset_password::{ResetPassword, ResetPasswordError, ResetPasswordRequest};
pub use shielded_provider::ShieldedProvider;
pub use signing_keys::{
    Haste, KeepSigningKeys, KeysInForce, ListSigningKeys, RetireSigningKey, RetireSigningKeyError,
    RotateSigningKey, RotateSigningKeyError, SigningKeysUnusable,
};
pub use start_phone_login::{StartPhoneLogin, StartPhoneLoginError, StartPhoneLoginRequest};
pub use start_step_up::{StartStepUp, StartStepUpError, StartStepUpRequest};
pub use traced_provider::TracedProvider;
pub use verify_otp::{VerifyOtp, VerifyOtpError, VerifyOtpRequest};

// What callbacks bring, for whoever knows no port.
pub use ports::{CallbackRefused, PresentedCallback};

// What operators are shown, for whoever knows no port.
pub use ports::{AccountEntry, AccountEvent, BlockEntry};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
