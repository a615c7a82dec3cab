//! What Vonage's refusals mean. They are problem documents (RFC 9457); the texts for people in
//! them are left out on purpose, for they may repeat numbers.

use std::fmt;

use ports::{CodeCheck, NotSent, ProviderFault, StartError};
use provider_http::{Answer, is_plain_segment};
use serde::Deserialize;

/// An answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    /// What follows the `#` of the problem's type; `None` when something else answered.
    kind: Option<&'static str>,
    /// The request that a conflict is with.
    pub(crate) request_id: Option<String>,
    /// Whether the number is what Vonage does not like.
    about_number: bool,
}

#[derive(Deserialize)]
struct Problem {
    r#type: String,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    invalid_parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(default)]
    name: String,
}

/// The kinds that are documented for Verify; only these are shown.
const KINDS: [&str; 14] = [
    "conflict",
    "concurrent",
    "invalid-params",
    "invalid-code",
    "expired",
    "not-found",
    "no-code",
    "no-events",
    "unauthorized",
    "forbidden",
    "low-balance",
    "throttled",
    "account-suspended",
    "internal-error",
];

impl Refusal {
    pub(crate) fn of(answer: &Answer) -> Self {
        let status = answer.status.as_u16();
        let Some(problem) = answer.object::<Problem>() else {
            return Self { status, kind: None, request_id: None, about_number: false };
        };
        let fragment = problem.r#type.rsplit('#').next().unwrap_or_default();
        let kind = KINDS.into_iter().find(|kind| *kind == fragment).unwrap_or("undocumented");
        Self {
            status,
            kind: Some(kind),
            request_id: problem.request_id.filter(|id| is_plain_segment(id)),
            about_number: problem
                .invalid_parameters
                .iter()
                .any(|parameter| parameter.name.rsplit('.').next() == Some("to")),
        }
    }

    /// Nothing was started, because an earlier request for the number lives.
    pub(crate) fn is_conflict(&self) -> bool {
        self.status == 409 && self.kind.is_some()
    }

    /// What it means for a code that was to be checked, if it judges the code.
    pub(crate) fn of_check(&self) -> Option<CodeCheck> {
        match (self.status, self.kind?) {
            (400, "invalid-code") => Some(CodeCheck::Wrong),
            // Verified before, cancelled, or never was; or too many wrong codes.
            (404 | 410, _) => Some(CodeCheck::Gone),
            _ => None,
        }
    }

    /// What it means for a message that was to be sent.
    pub(crate) fn of_send(&self) -> StartError {
        self.report_to_operator();
        let fault = ProviderFault(format!("Vonage refused to send: {self}"));
        match (self.status, self.kind) {
            (422, Some(_)) if self.about_number => {
                StartError::NotSent(NotSent::DestinationRefused(self.to_string()))
            }
            (409, Some(_)) => StartError::NotSent(NotSent::TooSoon),
            // Shed by something on the way, perhaps behind Vonage's door.
            (408, _) | (409 | 429, None) => StartError::Unknown(fault),
            (400..=499, _) => StartError::NotSent(NotSent::Fault(fault)),
            _ => StartError::Unknown(fault),
        }
    }

    /// Tells the operator, when only an operator can help.
    pub(crate) fn report_to_operator(&self) {
        let advice = match (self.status, self.kind) {
            (401, _) => {
                "Vonage refuses the credentials: check OTP_LOGIN__VONAGE__API_KEY and \
                 OTP_LOGIN__VONAGE__API_SECRET against the Vonage dashboard"
            }
            (402, _) => "the Vonage account has no credit: top it up in the Vonage dashboard",
            (403, Some(_)) => "the Vonage account may not do this: ask Vonage's support",
            (422, Some(_)) if !self.about_number => {
                "Vonage does not take a setting: check OTP_LOGIN__VONAGE__BRAND and \
                 OTP_LOGIN__VONAGE__CODE_LENGTH"
            }
            (300..=399, _) | (403 | 404, None) => {
                "something that is not Vonage answers: check OTP_LOGIN__VONAGE__BASE_URL"
            }
            _ => return,
        };
        tracing::error!(provider = "vonage", refusal = %self, "{advice}");
    }
}

/// `409/conflict`, or `502` when there is no problem document.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "{}/{kind}", self.status),
            None => write!(f, "{}", self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, kind: Option<&'static str>, about_number: bool) -> Refusal {
        Refusal { status, kind, request_id: None, about_number }
    }

    #[test]
    fn pv_01_every_refused_send_has_its_meaning() {
        let refused = refusal(422, Some("invalid-params"), true).of_send();
        assert!(matches!(refused, StartError::NotSent(NotSent::DestinationRefused(_))), "{refused:?}");
        assert_eq!(refusal(409, Some("conflict"), false).of_send(), StartError::NotSent(NotSent::TooSoon));
        for (status, kind) in [
            (401, Some("unauthorized")),
            (402, Some("low-balance")),
            (403, Some("forbidden")),
            (422, Some("invalid-params")),
            (429, Some("throttled")),
            (404, None),
        ] {
            let meant = refusal(status, kind, false).of_send();
            assert!(matches!(meant, StartError::NotSent(NotSent::Fault(_))), "{status}");
        }
        for (status, kind) in
            [(408, None), (409, None), (429, None), (500, Some("internal-error")), (503, None), (302, None)]
        {
            assert!(matches!(refusal(status, kind, false).of_send(), StartError::Unknown(_)), "{status}");
        }
    }

    #[test]
    fn pv_01_only_a_problem_document_judges_a_code() {
        for (status, kind, judged) in [
            (400, Some("invalid-code"), Some(CodeCheck::Wrong)),
            (400, Some("invalid-params"), None),
            (404, Some("not-found"), Some(CodeCheck::Gone)),
            (410, Some("expired"), Some(CodeCheck::Gone)),
            (409, Some("no-code"), None),
            (404, None, None),
            (400, None, None),
        ] {
            assert_eq!(refusal(status, kind, false).of_check(), judged, "{status}");
        }
    }
}
