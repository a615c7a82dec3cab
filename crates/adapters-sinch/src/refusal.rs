//! What Sinch's refusals mean, and what an operator does about them.
//!
//! The codes are those of Sinch's page "Verification / API reference /
//! Errors", and those that only its mobile SDKs know.

use std::fmt;

use reqwest::StatusCode;

use crate::wire::error_code;

/// An answer that is not 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// Sinch's own code; `None` when something else answered.
    pub(crate) code: Option<u32>,
}

/// What a refused start means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusedStart {
    /// Sinch does not send to this number.
    Destination,
    /// Sinch sent to this number a moment ago.
    TooSoon,
    /// Something was started under this reference before.
    ReferenceTaken,
    /// Nothing was started; the application, its account or its configuration is to blame.
    Application,
    /// Whether something was started is unknown.
    Unclear,
}

impl Refusal {
    pub(crate) fn read(status: StatusCode, body: &[u8]) -> Self {
        Self { status: status.as_u16(), code: error_code(status.as_u16(), body) }
    }

    /// What it means for a start.
    pub(crate) fn of_start(self) -> RefusedStart {
        match (self.status, self.code) {
            (400, Some(40001..=40003 | 40005)) | (403, Some(40300)) | (422, Some(42201)) => {
                RefusedStart::Destination
            }
            (409, _) => RefusedStart::ReferenceTaken,
            (429, Some(42901)) => RefusedStart::TooSoon,
            // Gateways time out and shed load on somebody else's behalf.
            (408 | 429, _) => RefusedStart::Unclear,
            (400..=499, _) | (501, Some(_)) | (503, Some(50301)) => RefusedStart::Application,
            _ => RefusedStart::Unclear,
        }
    }

    /// Whether Sinch says that the code, or what it belongs to, is wrong.
    pub(crate) fn is_wrong_code(self) -> bool {
        self.code == Some(40003)
    }

    /// Whether Sinch says that there is no such verification.
    pub(crate) fn is_not_found(self) -> bool {
        self.code == Some(40400)
    }

    /// Tells the operator, when only an operator can help.
    pub(crate) fn report_to_operator(self) {
        if let Some(advice) = self.advice() {
            tracing::error!(provider = "sinch", refusal = %self, "{advice}");
        }
    }

    fn advice(self) -> Option<&'static str> {
        Some(match (self.status, self.code) {
            (401, Some(40101 | 40105)) => {
                "Sinch refuses the time of our requests: check this machine's clock"
            }
            (401, Some(40106)) => "Sinch has barred the application: ask Sinch's support",
            (401, _) | (400, Some(40004)) => {
                "the Sinch application key or secret is refused: check OTP_LOGIN__SINCH__APPLICATION_KEY and \
                 OTP_LOGIN__SINCH__APPLICATION_SECRET against the Sinch dashboard"
            }
            (402, _) => "the Sinch account has no credit: top it up in the Sinch dashboard",
            (403, Some(40300)) => return None,
            (403, _) => {
                "Sinch asks for more authorization, or its callback was answered with deny: set \
                 OTP_LOGIN__SINCH__AUTH to signed and check the callback in the Sinch dashboard"
            }
            (422, Some(42200)) => "the Sinch application has no name: give it one in the Sinch dashboard",
            (422, Some(42202)) => {
                "Sinch could not use the answer to its callback: check the callback URL in the Sinch dashboard"
            }
            (503, Some(50301)) => "Sinch reports an error in its configuration: ask Sinch's support",
            (300..=399, _) | (404, None) => {
                "something that is not Sinch answers: check OTP_LOGIN__SINCH__BASE_URL"
            }
            _ => return None,
        })
    }
}

/// `401/40102`, or `502` when there is no code.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{}/{code}", self.status),
            None => write!(f, "{}", self.status),
        }
    }
}

/// Why Sinch says that a verification ended, as its pages have it.
const REASONS: [&str; 14] = [
    "Fraud",
    "Not enough credit",
    "Blocked",
    "Denied by callback",
    "Invalid callback",
    "Destination denied",
    "Internal error",
    "Network error or number unreachable",
    "SMS delivery failure",
    "Failed pending",
    "Invalid CLI",
    "Invalid code",
    "Expired",
    "Hung up without entering valid code",
];

/// The documented reason that `text` names. Other texts could hold anything, and are fit neither for
/// logs nor for stores.
pub(crate) fn find_reason(text: &str) -> Option<&'static str> {
    REASONS.into_iter().find(|reason| reason.eq_ignore_ascii_case(text))
}

/// What a log may say of `reason`.
pub(crate) fn documented_reason(reason: Option<&str>) -> &'static str {
    reason.map_or("none given", |reason| find_reason(reason).unwrap_or("undocumented"))
}
