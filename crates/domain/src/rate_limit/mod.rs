//! How often something may happen: the generic cell rate algorithm (GCRA, ITU-T I.371) in whole
//! microseconds.

mod key;
mod limit;
mod outage;
mod ruling;

pub use key::{LimitKey, LimitSubject};
pub use limit::{Backlog, RateLimit};
pub use outage::LimitOutage;
pub use ruling::{LimitDemand, LimitRuling, LimitStanding};
