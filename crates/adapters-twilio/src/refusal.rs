//! What Twilio's refusals mean, by the codes of its page "Error and warning dictionary".

use std::fmt;

use ports::{NotSent, StartError};
use provider_http::{Answer, StatusCode};
use serde::Deserialize;

use crate::form::fault;

/// An answer that is not 2xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    /// Twilio's own code; `None` when something else answered.
    code: Option<u32>,
}

/// The message is left out on purpose: it repeats numbers and codes.
#[derive(Deserialize)]
struct ErrorBody {
    code: u32,
    /// Present in every error of Twilio.
    status: u16,
}

impl Refusal {
    pub(crate) fn of(answer: &Answer) -> Self {
        let status = answer.status.as_u16();
        let body = answer.object::<ErrorBody>().filter(|body| body.status == status);
        Self { status, code: body.map(|body| body.code) }
    }

    /// There is no such verification: it expired, was approved, was guessed at too often, or
    /// never was.
    pub(crate) fn is_not_found(self) -> bool {
        (self.status, self.code) == (404, Some(20404))
    }

    /// What it means for a code that was to be checked, if it judges the code.
    pub(crate) fn of_check(self) -> Option<ports::CodeCheck> {
        match (self.status, self.code) {
            _ if self.is_not_found() => Some(ports::CodeCheck::Gone),
            // Checked five times: the verification is dead.
            (429, Some(60202)) => Some(ports::CodeCheck::Gone),
            // Not the form of its codes, so not the code.
            (400, Some(60200)) => Some(ports::CodeCheck::Wrong),
            _ => None,
        }
    }

    /// What it means for a message that was to be sent.
    pub(crate) fn of_send(self) -> StartError {
        self.report_to_operator();
        let fault = fault(format!("Twilio refused to send: {self}"));
        match (self.status, self.code) {
            // Not a number; a landline; blocked by Fraud Guard, by country, by a stop word.
            (
                400 | 403,
                Some(
                    60200 | 60205 | 60220 | 60238 | 60410 | 60605 | 21211 | 21408 | 21610 | 21612 | 21614
                    | 21635,
                ),
            ) => StartError::NotSent(NotSent::DestinationRefused(self.to_string())),
            (429, Some(60203)) => StartError::NotSent(NotSent::TooSoon),
            // Shed by something on the way, perhaps behind Twilio's door.
            (408, _) | (429, None) => StartError::Unknown(fault),
            (400..=499, _) => StartError::NotSent(NotSent::Fault(fault)),
            _ => StartError::Unknown(fault),
        }
    }

    /// Tells the operator, when only an operator can help.
    pub(crate) fn report_to_operator(self) {
        let advice = match (self.status, self.code) {
            (401, _) => {
                "Twilio refuses the credentials: check OTP_LOGIN__TWILIO__ACCOUNT_SID, \
                 OTP_LOGIN__TWILIO__API_KEY_SID and OTP_LOGIN__TWILIO__SECRET against the Twilio console"
            }
            (404, Some(20404)) => {
                "Twilio does not know the service: check OTP_LOGIN__TWILIO__VERIFY_SERVICE_SID, or \
                 OTP_LOGIN__TWILIO__ACCOUNT_SID for messages, against the Twilio console"
            }
            (400, Some(21603 | 21606 | 21659)) => {
                "Twilio does not send from this sender: check OTP_LOGIN__TWILIO__FROM"
            }
            (403, Some(20003)) => "the Twilio account has no credit or is suspended: see the Twilio console",
            (300..=399, _) | (404, None) => {
                "something that is not Twilio answers: check OTP_LOGIN__TWILIO__VERIFY_BASE_URL and \
                 OTP_LOGIN__TWILIO__MESSAGES_BASE_URL"
            }
            _ => return,
        };
        tracing::error!(provider = "twilio", refusal = %self, "{advice}");
    }
}

/// Whether Twilio did as asked.
pub(crate) fn is_created(answer: &Answer) -> bool {
    answer.status == StatusCode::CREATED || answer.status == StatusCode::OK
}

/// `403/60205`, or `502` when there is no code.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{}/{code}", self.status),
            None => write!(f, "{}", self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(status: u16, code: Option<u32>) -> StartError {
        Refusal { status, code }.of_send()
    }

    #[test]
    fn pv_01_every_refused_send_has_its_meaning() {
        for (status, code) in
            [(400, 60200), (403, 60205), (403, 60410), (403, 60605), (400, 21610), (400, 21614)]
        {
            let meant = send(status, Some(code));
            assert!(matches!(meant, StartError::NotSent(NotSent::DestinationRefused(_))), "{code}");
        }
        assert_eq!(send(429, Some(60203)), StartError::NotSent(NotSent::TooSoon));
        for (status, code) in
            [(401, Some(20003)), (404, Some(20404)), (429, Some(20429)), (403, None), (404, None)]
        {
            let meant = send(status, code);
            assert!(matches!(meant, StartError::NotSent(NotSent::Fault(_))), "{status}");
        }
        for (status, code) in
            [(408, None), (429, None), (500, Some(20500)), (503, None), (302, None), (200, None)]
        {
            assert!(matches!(send(status, code), StartError::Unknown(_)), "{status}");
        }
    }
}
