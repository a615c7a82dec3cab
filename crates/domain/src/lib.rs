//! What is true of accounts, challenges and sessions without any machine.
//!
//! Types here are parsed, never merely validated: a value that exists is
//! valid. Rules are pure functions of state, input and time. This crate knows
//! no clock, no randomness, no database, no network and no serialisation, and
//! nothing in it prints a secret or a whole phone number or e-mail address.

mod access;
mod account_lock;
mod account_query;
mod breaker;
mod challenge;
mod channels;
mod client;
mod code;
mod code_text;
mod device;
mod email;
mod endpoint_name;
mod event;
mod locale;
mod notice;
mod number_risk;
mod passkey;
mod password;
mod password_blocklist;
mod phone_number;
mod provider_conversion;
mod provider_routes;
mod quota;
mod rate_limit;
mod recovery_code;
mod retry;
mod second_factors;
mod send_trace;
mod session;
mod shield;
mod sign_in_name;
mod signing_key;
mod throttle;
mod totp;
mod user;

pub use access::{AccessClaims, AccessToken, AuthenticationMethod};
pub use account_lock::{AccountLock, InvalidLockReason, LockReason};
pub use account_query::{AccountName, AccountQuery, EmailPart, InvalidAccountName, InvalidAccountQuery};
pub use breaker::{Admission, Breaker, BreakerChange, BreakerPolicy, CallEnd};
pub use challenge::{
    Challenge, ChallengeId, ChallengePolicy, ChallengeState, Channel, InvalidChallengeId, Method, ProviderId,
    Purpose, SendReference, UnknownChannel, VerificationId,
};
pub use channels::ChannelPolicy;
pub use client::{Client, UserAgent};
pub use code::{Code, InvalidCode};
pub use code_text::{InvalidSiteHost, SiteHost, code_text};
pub use device::{DeviceEntry, DeviceId, DevicePolicy, DeviceToken, DeviceTokenHash};
pub use email::{Email, InvalidEmail};
pub use endpoint_name::{EndpointName, InvalidEndpointName};
pub use event::{EventId, EventName, SecurityEvent};
pub use locale::{InvalidLocale, Locale};
pub use notice::{InvalidProductName, NoticeKind, ProductName};
pub use number_risk::{LineType, NumberReport, NumberVerdict};
pub use passkey::{
    CeremonyId, CredentialId, InvalidCeremonyId, InvalidPasskeyName, Passkey, PasskeyId, PasskeyName,
    PasskeyProof,
};
pub use password::{NewPassword, Password, PasswordHash, PasswordPolicy, RefusedPassword};
pub use password_blocklist::PasswordBlocklist;
pub use phone_number::{
    CountryCode, DestinationNotAllowed, DestinationPolicy, InvalidPhoneNumber, PhoneNumber, warm_up,
};
pub use provider_conversion::{Collapse, Conversion, ProviderConversionRule};
pub use provider_routes::{InvalidRoute, ProviderRoutes};
pub use quota::{Quota, Quotas};
pub use rate_limit::{
    Backlog, LimitDemand, LimitKey, LimitOutage, LimitRuling, LimitStanding, LimitSubject, RateLimit,
};
pub use recovery_code::{InvalidRecoveryCode, RecoveryCode, RecoveryCodeHash};
pub use retry::RetrySchedule;
pub use second_factors::{Answer, AnswerKind, SecondFactors};
pub use send_trace::{
    Arrival, CallbackEvent, EntryTimes, FigureDimension, FigureGroup, FigureLine, FigureWindow,
    HeardCallback, InvalidFigureDimension, ResultStatus, SendFigures, SendLabels, SendTrace, Settlement,
    sparkline,
};
pub use session::{RefreshToken, RefreshTokenHash, SessionEntry, SessionId, SessionPolicy, SessionTimes};
pub use shield::{
    Budget, Cap, Ceiling, ChannelPrices, ConversionRule, Currency, Finding, Guard, InvalidCurrency,
    InvalidProof, InvalidScope, Money, NumberPrefix, Objection, Observations, Outcome, Prices, ProofOfWork,
    Quote, QuotedPrice, RuleMode, Ruling, ScopeState, SendOrigin, SequenceRule, Shield, ShieldBlock,
    ShieldRule, ShieldScope, Tally, UnansweredRule, Usage, VelocityRule, Verdict, WorkDemand, WorkRule,
};
pub use sign_in_name::SignInName;
pub use signing_key::{
    InvalidSigningKeyId, SigningAlgorithm, SigningKey, SigningKeyId, SigningKeyPolicy, SigningKeySet,
    SigningKeyState,
};
pub use throttle::{CodeFailures, PasswordFailures};
pub use totp::{TotpSecret, TotpStep};
pub use user::{Factor, User, UserId};
