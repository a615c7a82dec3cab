//! The fraud shield: which messages are not worth their price.
//!
//! Whoever earns by text messages (SMS pumping, toll fraud) asks for codes to many numbers and
//! enters none. The shield therefore looks at what became of earlier messages. Its rules are
//! pure functions of what a store counted ([`Observations`]) and the time; [`Shield::judge`] is
//! the only place that decides.

mod block;
mod budget;
mod judge;
mod money;
mod observations;
mod policy;
mod prices;
mod scope;
mod work;

pub use block::{ScopeState, ShieldBlock};
pub use budget::{Budget, Ceiling};
pub use judge::{Finding, Objection, Outcome, Ruling, Verdict};
pub use money::{Currency, InvalidCurrency, Money, Quote};
pub use observations::{Cap, Observations, Tally, Usage};
pub use policy::{
    ConversionRule, Guard, RuleMode, SequenceRule, Shield, ShieldRule, UnansweredRule, VelocityRule,
};
pub use prices::{ChannelPrices, Prices, QuotedPrice};
pub use scope::{InvalidScope, NumberPrefix, SendOrigin, ShieldScope};
pub use work::{InvalidProof, ProofOfWork, WorkDemand, WorkRule};
