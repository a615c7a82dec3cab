//! Faults on demand: every way in which the real thing fails.

use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::verification::{Outcome, Status};

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Start a verification.
    Start,
    /// Report a code.
    Report,
    /// Read the status.
    Status,
}

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 402/40200.
    NoCredit,
    /// 403/40300; a refused start leaves a verification that is `DENIED`, `Blocked`.
    Blacklisted,
    /// The start is accepted, nothing is sent, status `DENIED`, `Destination denied`.
    DestinationDenied,
    /// The start is accepted, nothing is sent, status `DENIED`, `Fraud`.
    Fraud,
    /// The start is accepted, nothing is sent, status `ERROR`, `Network error or number unreachable`.
    Unreachable,
    /// The start is accepted, nothing arrives, status `ERROR`, `SMS delivery failure`.
    DeliveryFailure,
    /// The message arrives, but the code has expired already: status `FAIL`, `Expired`.
    ExpiredAtOnce,
    /// 422/42200.
    ApplicationNameless,
    /// 422/42201.
    NoRoute,
    /// 429/42901.
    TooQuickly,
    /// 429/42900.
    CapacityExceeded,
    /// 500/50000.
    ServerError,
    /// 503/50300.
    Unavailable,
    /// 503/50301.
    Misconfigured,
    /// 401/40102, as after a change of the secret.
    SignatureRefused,
    /// Done as asked, but answered late.
    Slow,
    /// The connection ends without an answer; nothing was done.
    Dropped,
    /// Done as asked, but the connection ends without an answer.
    AnswerLost,
    /// Done as asked, but the body ends half-way.
    Truncated,
    /// Done as asked, but the body is no JSON.
    Garbage,
    /// Done as asked, but the answer is about another verification.
    OtherId,
    /// A wrong code gives 200 with `FAIL` instead of 400/40003.
    WrongCodeIsFail,
}

/// How an answer leaves the simulator, when it does not leave whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    Late,
    Lost,
    Truncated,
    Garbage,
    OtherId,
}

/// What a fault changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Refuse(ApiError),
    /// Refused when it starts, and remembered as ended.
    RefuseAndEnd(ApiError, Outcome),
    /// Accepted when it starts, and ended.
    End {
        outcome: Outcome,
        delivered: bool,
    },
    /// Nothing is done, nothing is answered.
    Ignore,
    Damage(Damage),
    WrongCodeIsFail,
}

impl FaultKind {
    pub(crate) fn effect(self) -> Effect {
        let ended =
            |status, reason| Effect::End { outcome: Outcome::because(status, reason), delivered: false };
        match self {
            Self::NoCredit => Effect::Refuse(ApiError::NO_CREDIT),
            Self::Blacklisted => {
                Effect::RefuseAndEnd(ApiError::BLACKLISTED, Outcome::because(Status::Denied, "Blocked"))
            }
            Self::DestinationDenied => ended(Status::Denied, "Destination denied"),
            Self::Fraud => ended(Status::Denied, "Fraud"),
            Self::Unreachable => ended(Status::Error, "Network error or number unreachable"),
            Self::DeliveryFailure => ended(Status::Error, "SMS delivery failure"),
            Self::ExpiredAtOnce => Effect::End { outcome: Outcome::EXPIRED, delivered: true },
            Self::ApplicationNameless => Effect::Refuse(ApiError::APPLICATION_NAMELESS),
            Self::NoRoute => Effect::Refuse(ApiError::NO_ROUTE),
            Self::TooQuickly => Effect::Refuse(ApiError::TOO_QUICKLY),
            Self::CapacityExceeded => Effect::Refuse(ApiError::CAPACITY_EXCEEDED),
            Self::ServerError => Effect::Refuse(ApiError::INTERNAL),
            Self::Unavailable => Effect::Refuse(ApiError::UNAVAILABLE),
            Self::Misconfigured => Effect::Refuse(ApiError::MISCONFIGURED),
            Self::SignatureRefused => Effect::Refuse(ApiError::INVALID_SIGNATURE),
            Self::Slow => Effect::Damage(Damage::Late),
            Self::Dropped => Effect::Ignore,
            Self::AnswerLost => Effect::Damage(Damage::Lost),
            Self::Truncated => Effect::Damage(Damage::Truncated),
            Self::Garbage => Effect::Damage(Damage::Garbage),
            Self::OtherId => Effect::Damage(Damage::OtherId),
            Self::WrongCodeIsFail => Effect::WrongCodeIsFail,
        }
    }
}

/// A fault for the next requests that fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedFault {
    pub(crate) kind: FaultKind,
    /// Any, when absent.
    pub(crate) on: Option<Operation>,
    /// Any, when absent.
    pub(crate) number: Option<String>,
    #[serde(default = "once")]
    pub(crate) times: u32,
}

const fn once() -> u32 {
    1
}

impl PlannedFault {
    fn fits(&self, operation: Operation, number: &str) -> bool {
        self.on.is_none_or(|on| on == operation) && self.number.as_deref().is_none_or(|only| only == number)
    }
}

/// Plans that one test may leave behind.
const MOST_PLANS: usize = 100;

/// The faults that were asked for, in the order in which they were.
#[derive(Default)]
pub(crate) struct PlannedFaults(Vec<PlannedFault>);

impl PlannedFaults {
    /// Plans a fault; beyond 100, the oldest plan goes.
    pub(crate) fn plan(&mut self, fault: PlannedFault) {
        if fault.times == 0 {
            return;
        }
        if self.0.len() == MOST_PLANS {
            self.0.remove(0);
        }
        self.0.push(fault);
    }

    /// Spends one use of the first plan that fits.
    pub(crate) fn take(&mut self, operation: Operation, number: &str) -> Option<FaultKind> {
        let fault = self.0.iter_mut().find(|fault| fault.fits(operation, number))?;
        fault.times -= 1;
        let kind = fault.kind;
        self.0.retain(|fault| fault.times > 0);
        Some(kind)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn list(&self) -> &[PlannedFault] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(kind: FaultKind, on: Option<Operation>, number: Option<&str>, times: u32) -> PlannedFault {
        PlannedFault { kind, on, number: number.map(str::to_owned), times }
    }

    #[test]
    fn a_plan_is_spent_by_the_requests_that_fit() {
        let mut faults = PlannedFaults::default();
        faults.plan(plan(FaultKind::NoRoute, Some(Operation::Start), Some("+1"), 2));
        faults.plan(plan(FaultKind::Slow, None, None, 1));
        assert_eq!(faults.take(Operation::Start, "+1"), Some(FaultKind::NoRoute));
        assert_eq!(faults.take(Operation::Start, "+2"), Some(FaultKind::Slow));
        assert_eq!(faults.take(Operation::Report, "+1"), None);
        assert_eq!(faults.take(Operation::Start, "+1"), Some(FaultKind::NoRoute));
        assert_eq!(faults.list(), []);
    }

    #[test]
    fn plans_are_bounded() {
        let mut faults = PlannedFaults::default();
        (0..1_000).for_each(|_| faults.plan(plan(FaultKind::Slow, None, None, 1)));
        faults.plan(plan(FaultKind::Slow, None, None, 0));
        assert_eq!(faults.list().len(), MOST_PLANS);
    }
}
