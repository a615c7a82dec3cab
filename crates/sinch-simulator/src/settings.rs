//! What can be set about the simulated Sinch application.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

/// Application key of a simulator that nobody configured.
pub const DEVELOPMENT_KEY: &str = "11111111-2222-3333-4444-555555555555";

/// Application secret that belongs to [`DEVELOPMENT_KEY`]; public, so good for
/// nothing but the simulator.
pub const DEVELOPMENT_SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

/// Service plan of the SMS API of a simulator that nobody configured.
pub const DEVELOPMENT_SMS_PLAN: &str = "11111111222233334444555555555555";

/// API token that belongs to [`DEVELOPMENT_SMS_PLAN`]; public, so good for nothing but the
/// simulator.
pub const DEVELOPMENT_SMS_TOKEN: &str = "development0sms0token0not0secret";

/// How a wrong code is answered. Sinch documents both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WrongCodeAnswer {
    /// 400 with error code 40003, as public integrations see it.
    #[default]
    BadRequest,
    /// 200 with status `FAIL` and reason `Invalid code`.
    Fail,
}

/// The simulated application: what its owner would set in the dashboard, and
/// the values that Sinch does not publish.
#[derive(Clone)]
pub struct Settings {
    /// Application key, the user name of every request.
    pub application_key: String,
    /// Application secret in Base64, as the dashboard shows it.
    pub application_secret: String,
    /// Service plan of the SMS API.
    pub sms_service_plan_id: String,
    /// Bearer token of the service plan.
    pub sms_api_token: String,
    /// Where signed events go; without it none are sent, and requests that
    /// carry no signature are refused.
    pub callback_url: Option<String>,
    /// Digits or letters in a code, 4 to 10.
    pub code_length: usize,
    /// Life of a verification whose start names no `expiry`. Captured traffic
    /// suggests 5 minutes.
    pub default_expiry: Duration,
    /// Wrong codes after which a verification has failed. Unpublished; the
    /// default is above the limits that services set themselves.
    pub wrong_codes_allowed: u32,
    /// Time in which a second start for the same number and method is refused
    /// with 42901. Unpublished; none by default.
    pub resend_gap: Duration,
    /// How long the status can be read by number. Documented as "limited".
    pub status_by_number_for: Duration,
    /// How a wrong code is answered.
    pub wrong_code_answer: WrongCodeAnswer,
    /// How far `x-timestamp` may be from our clock, either way. Unpublished.
    pub max_timestamp_skew: Duration,
    /// Answer a stale timestamp with 40105 instead of 40101.
    pub stale_timestamp_is_expired: bool,
    /// Refuse start requests with unknown top-level keys. The Python SDK sends
    /// some.
    pub strict_unknown_keys: bool,
    /// How late a slow answer is.
    pub slow_answer: Duration,
    /// Verifications, messages and numbers that are remembered, each; the
    /// oldest are forgotten first.
    pub capacity: usize,
    /// Base URL in links, when clients reach the simulator by another name
    /// than the address it listens on.
    pub public_url: Option<String>,
    /// Where the service that uses us is reached, for the commands on the page.
    pub service_url: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            application_key: DEVELOPMENT_KEY.to_owned(),
            application_secret: DEVELOPMENT_SECRET.to_owned(),
            sms_service_plan_id: DEVELOPMENT_SMS_PLAN.to_owned(),
            sms_api_token: DEVELOPMENT_SMS_TOKEN.to_owned(),
            callback_url: None,
            code_length: 6,
            default_expiry: Duration::from_mins(5),
            wrong_codes_allowed: 10,
            resend_gap: Duration::ZERO,
            status_by_number_for: Duration::from_mins(10),
            wrong_code_answer: WrongCodeAnswer::default(),
            max_timestamp_skew: Duration::from_mins(5),
            stale_timestamp_is_expired: false,
            strict_unknown_keys: false,
            slow_answer: Duration::from_secs(30),
            capacity: 10_000,
            public_url: None,
            service_url: "http://127.0.0.1:3000".to_owned(),
            clock: Arc::new(SystemClock),
        }
    }
}

impl Settings {
    /// Refuses what cannot work, with a sentence that says why.
    pub(crate) fn check(&self) -> io::Result<()> {
        let fault = if self.application_key.is_empty() || self.application_key.contains(':') {
            "the application key must not be empty or contain a colon"
        } else if !(4..=10).contains(&self.code_length) {
            "codes have 4 to 10 characters"
        } else if self.wrong_codes_allowed == 0 {
            "at least one wrong code must be allowed"
        } else if self.capacity == 0 {
            "the capacity must be at least 1"
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("application_key", &self.application_key)
            .field("callback_url", &self.callback_url)
            .field("code_length", &self.code_length)
            .field("default_expiry", &self.default_expiry)
            .field("wrong_codes_allowed", &self.wrong_codes_allowed)
            .field("resend_gap", &self.resend_gap)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
