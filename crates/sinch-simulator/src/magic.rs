//! Numbers that always fail in one documented way.

use serde::Serialize;

use crate::fault::{FaultKind, Operation};

/// A number and what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MagicNumber {
    /// E.164, a valid Swedish mobile number.
    pub number: &'static str,
    /// The request that fails; all others go well.
    pub on: Operation,
    /// How it fails.
    pub kind: FaultKind,
    /// The same for people.
    pub description: &'static str,
}

const fn on(on: Operation, number: &'static str, kind: FaultKind, description: &'static str) -> MagicNumber {
    MagicNumber { number, on, kind, description }
}

use FaultKind as F;
use Operation::{Report, Start};

/// Every magic number.
///
/// They lie in 070-174 06 05 to 99, which the Swedish regulator PTS keeps for
/// books and films: no such number ever belongs to anybody.
#[rustfmt::skip]
pub const MAGIC_NUMBERS: &[MagicNumber] = &[
    on(Start, "+46701740670", F::NoCredit, "The account has no credit: 402, 40200"),
    on(Start, "+46701740671", F::Blacklisted, "The number is blacklisted: 403, 40300, and DENIED / Blocked"),
    on(Start, "+46701740672", F::DestinationDenied, "Accepted, then DENIED / Destination denied; nothing is sent"),
    on(Start, "+46701740673", F::Fraud, "Accepted, then DENIED / Fraud; nothing is sent"),
    on(Start, "+46701740674", F::Unreachable, "Accepted, then ERROR / Network error or number unreachable"),
    on(Start, "+46701740675", F::DeliveryFailure, "Accepted, then ERROR / SMS delivery failure"),
    on(Start, "+46701740676", F::NoRoute, "No route to the destination: 422, 42201"),
    on(Start, "+46701740677", F::TooQuickly, "Started again too quickly: 429, 42901"),
    on(Start, "+46701740678", F::CapacityExceeded, "Request capacity exceeded: 429, 42900"),
    on(Start, "+46701740679", F::ServerError, "Internal server error: 500, 50000"),
    on(Start, "+46701740680", F::Unavailable, "Service unavailable: 503, 50300"),
    on(Start, "+46701740681", F::Misconfigured, "Configuration error: 503, 50301"),
    on(Start, "+46701740682", F::SignatureRefused, "The signature is refused: 401, 40102"),
    on(Start, "+46701740683", F::Slow, "The message arrives at once, the answer 30 s later"),
    on(Start, "+46701740684", F::Dropped, "The connection ends; nothing was sent"),
    on(Start, "+46701740685", F::AnswerLost, "The message arrives, but the connection ends before the answer"),
    on(Start, "+46701740686", F::Truncated, "The message arrives, but the answer ends half-way"),
    on(Start, "+46701740687", F::Garbage, "The message arrives, but the answer is no JSON"),
    on(Start, "+46701740688", F::ExpiredAtOnce, "The message arrives with a code that has expired already"),
    on(Report, "+46701740689", F::OtherId, "The report is answered about another verification"),
    on(Report, "+46701740690", F::WrongCodeIsFail, "A wrong code gives 200, FAIL / Invalid code"),
    on(Report, "+46701740691", F::ServerError, "Reports end in 500, 50000"),
    on(Report, "+46701740692", F::Unavailable, "Reports end in 503, 50300"),
    on(Report, "+46701740693", F::Dropped, "Reports end without an answer; the code is not used up"),
    on(Report, "+46701740694", F::AnswerLost, "The report counts, but the connection ends before the answer"),
    on(Report, "+46701740695", F::Slow, "The report is answered 30 s late"),
    on(Report, "+46701740696", F::Truncated, "The report counts, but the answer ends half-way"),
    on(Report, "+46701740697", F::Garbage, "The report counts, but the answer is no JSON"),
];

/// The fault that `number` always meets at `operation`.
pub(crate) fn fault(operation: Operation, number: &str) -> Option<FaultKind> {
    let magic = MAGIC_NUMBERS.iter().find(|magic| magic.number == number)?;
    (magic.on == operation).then_some(magic.kind)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_magic_number_stands_once_and_belongs_to_nobody() {
        let numbers: HashSet<&str> = MAGIC_NUMBERS.iter().map(|magic| magic.number).collect();
        assert_eq!(numbers.len(), MAGIC_NUMBERS.len());
        for number in numbers {
            assert!(("+46701740605"..="+46701740699").contains(&number) && number.len() == 12, "{number}");
        }
    }
}
