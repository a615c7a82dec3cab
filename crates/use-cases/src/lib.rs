//! One struct for each thing a user can do.
//!
//! A use-case holds the ports it needs and a policy; `execute` reads like the
//! sentence that describes it. A use-case never calls another, knows no
//! HTTP and no SQL, and is wired by a struct literal.

mod authenticate;
mod authenticate_passkey;
mod blind_challenges;
mod change_password;
mod change_phone;
mod check_readiness;
mod codes;
mod deliver;
mod event;
mod fault;
mod forgot_password;
mod log_in;
mod log_out;
mod open_session;
mod own_account;
mod own_passkeys;
mod own_password;
mod own_sessions;
mod publish_keys;
mod refresh_session;
mod register_passkey;
mod register_user;
mod request_otp;
mod reset_password;
mod start_phone_login;
mod start_step_up;
mod verify_otp;

pub use authenticate::{Authenticate, AuthenticateError, Principal, StepUpRequired};
pub use authenticate_passkey::{
    FinishPasskeyAuthentication, FinishPasskeyAuthenticationError, FinishPasskeyAuthenticationRequest,
    StartPasskeyAuthentication, StartPasskeyAuthenticationError,
};
pub use blind_challenges::{BlindChallengeError, BlindChallenges};
pub use change_password::{ChangePassword, ChangePasswordError, ChangePasswordRequest};
pub use change_phone::{StartPhoneChange, StartPhoneChangeError, StartPhoneChangeRequest, VerifyPhone};
pub use check_readiness::{CheckReadiness, DependencyState};
pub use fault::Fault;
pub use forgot_password::{ForgotPassword, ForgotPasswordRequest};
pub use log_in::{LogIn, LogInError, LogInRequest};
pub use log_out::{LogOut, LogOutError};
pub use open_session::SignedIn;
pub use own_account::{
    AccountExport, ChangeLocale, ChangeLocaleError, DeleteAccount, DeleteAccountError, ExportAccount,
    ExportAccountError, ListEvents,
};
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
pub use start_phone_login::{StartPhoneLogin, StartPhoneLoginError, StartPhoneLoginRequest};
pub use start_step_up::{StartStepUp, StartStepUpError, StartStepUpRequest};
pub use verify_otp::{VerifyOtp, VerifyOtpError, VerifyOtpRequest};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
