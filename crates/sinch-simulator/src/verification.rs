//! A verification: what was started, and how it ended.

use jiff::Timestamp;
use serde::Serialize;

/// How the phone is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    Sms,
    Flashcall,
    Callout,
    Seamless,
    Whatsapp,
}

impl Method {
    /// Any letter case: `flashCall` is still sent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Sms, Self::Flashcall, Self::Callout, Self::Seamless, Self::Whatsapp];
        all.into_iter().find(|method| method.name().eq_ignore_ascii_case(text))
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Flashcall => "flashcall",
            Self::Callout => "callout",
            Self::Seamless => "seamless",
            Self::Whatsapp => "whatsapp",
        }
    }

    pub(crate) const fn is_call(self) -> bool {
        matches!(self, Self::Flashcall | Self::Callout)
    }

    /// What one attempt costs in euro, after the samples of the official SDKs.
    pub(crate) const fn price(self) -> f64 {
        match self {
            Self::Sms => 0.0453,
            Self::Callout => 0.1852,
            Self::Flashcall => 0.0205,
            Self::Whatsapp => 0.0321,
            Self::Seamless => 0.0150,
        }
    }
}

/// What a code is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CodeType {
    #[default]
    Numeric,
    Alpha,
    Alphanumeric,
}

impl CodeType {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Numeric, Self::Alpha, Self::Alphanumeric];
        all.into_iter().find(|code_type| code_type.name().eq_ignore_ascii_case(text))
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Numeric => "Numeric",
            Self::Alpha => "Alpha",
            Self::Alphanumeric => "Alphanumeric",
        }
    }

    pub(crate) const fn alphabet(self) -> &'static [u8] {
        match self {
            Self::Numeric => b"0123456789",
            Self::Alpha => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            Self::Alphanumeric => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        }
    }
}

/// Where a verification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Pending,
    Successful,
    Fail,
    Denied,
    Aborted,
    Error,
}

/// A status and, when it is not successful, why: one of Sinch's exact strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    pub(crate) reason: Option<&'static str>,
}

impl Outcome {
    pub(crate) const PENDING: Self = Self { status: Status::Pending, reason: None };
    pub(crate) const SUCCESSFUL: Self = Self { status: Status::Successful, reason: None };
    pub(crate) const ABORTED: Self = Self { status: Status::Aborted, reason: None };
    pub(crate) const EXPIRED: Self = Self::because(Status::Fail, "Expired");
    pub(crate) const INVALID_CODE: Self = Self::because(Status::Fail, "Invalid code");
    pub(crate) const INVALID_CLI: Self = Self::because(Status::Fail, "Invalid CLI");

    pub(crate) const fn because(status: Status, reason: &'static str) -> Self {
        Self { status, reason: Some(reason) }
    }
}

/// How the code got from the phone to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Intercepted,
    Manual,
}

/// What a report comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The verification ended with this report, or had failed before it.
    Ended(Outcome),
    /// Wrong, but another code may be tried.
    WrongCode,
    /// Used or replaced: cannot be reported any more.
    Closed,
}

/// One started verification.
#[derive(Clone)]
pub(crate) struct Verification {
    pub(crate) id: String,
    pub(crate) method: Method,
    /// E.164.
    pub(crate) number: String,
    pub(crate) reference: Option<String>,
    /// Kept only for callbacks.
    pub(crate) custom: Option<String>,
    /// The calling number's digits for a flash call.
    pub(crate) code: String,
    pub(crate) code_type: CodeType,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// How it ended, expiry aside.
    pub(crate) ended: Option<Outcome>,
    pub(crate) wrong_codes: u32,
    pub(crate) source: Option<Source>,
}

impl Verification {
    /// Where it stands at `now`.
    pub(crate) fn outcome(&self, now: Timestamp) -> Outcome {
        match self.ended {
            Some(outcome) => outcome,
            None if now >= self.expires_at => Outcome::EXPIRED,
            None => Outcome::PENDING,
        }
    }

    /// Compares a reported code; the `allowed`th wrong one ends it.
    pub(crate) fn report(&mut self, code: &str, source: Source, allowed: u32, now: Timestamp) -> Verdict {
        match self.outcome(now).status {
            Status::Pending => {}
            Status::Successful | Status::Aborted => return Verdict::Closed,
            Status::Fail | Status::Denied | Status::Error => return Verdict::Ended(self.outcome(now)),
        }
        self.source = Some(source);
        if self.is_right(code) {
            return self.end(Outcome::SUCCESSFUL);
        }
        self.wrong_codes += 1;
        if self.wrong_codes < allowed {
            return Verdict::WrongCode;
        }
        self.end(self.wrong_code_outcome())
    }

    /// The outcome that says "wrong code" for this method.
    pub(crate) const fn wrong_code_outcome(&self) -> Outcome {
        match self.method {
            Method::Flashcall => Outcome::INVALID_CLI,
            _ => Outcome::INVALID_CODE,
        }
    }

    fn end(&mut self, outcome: Outcome) -> Verdict {
        self.ended = Some(outcome);
        Verdict::Ended(outcome)
    }

    /// Letter codes compare without case, calling numbers by their digits.
    fn is_right(&self, code: &str) -> bool {
        match self.method {
            Method::Flashcall => code.trim_start_matches('+') == self.code,
            _ => code.eq_ignore_ascii_case(&self.code),
        }
    }
}
