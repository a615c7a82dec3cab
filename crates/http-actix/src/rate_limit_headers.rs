//! What clients are told of the limit of their address (draft-ietf-httpapi-ratelimit-headers).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use domain::LimitStanding;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const MICROS: u64 = 1_000_000;

/// Names the policy and how it stands: `q` requests at once, all of which come back in `w` seconds;
/// `r` are left, and all of them in `t` seconds.
pub(crate) fn describe(headers: &mut HeaderMap, standing: &LimitStanding) {
    let LimitStanding { limit, backlog } = *standing;
    let policy = format!("\"address\";q={};w={}", limit.burst(), seconds(limit.capacity_micros()).max(1));
    let now = format!("\"address\";r={};t={}", limit.remaining(backlog), seconds(backlog.as_micros()));
    for (name, text) in [(RATELIMIT_POLICY, policy), (RATELIMIT, now)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// Whole seconds, rounded up.
const fn seconds(micros: u64) -> u64 {
    micros.div_ceil(MICROS)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use domain::{Backlog, RateLimit};

    use super::*;

    fn described(quota: u32, burst: u32, used: u32) -> (String, String) {
        let some = |number| NonZeroU32::new(number).unwrap();
        let limit = RateLimit::per_minute(some(quota), some(burst));
        let backlog = Backlog::from_micros(limit.interval_micros() * u64::from(used));
        let mut headers = HeaderMap::new();
        describe(&mut headers, &LimitStanding { limit, backlog });
        let text = |name| headers.get(name).unwrap().to_str().unwrap().to_owned();
        (text(RATELIMIT_POLICY), text(RATELIMIT))
    }

    #[test]
    fn en_06_a_policy_and_how_it_stands_are_told_in_whole_seconds() {
        let cases = [
            ((300, 100, 0), ("\"address\";q=100;w=20", "\"address\";r=100;t=0")),
            ((300, 100, 1), ("\"address\";q=100;w=20", "\"address\";r=99;t=1")),
            ((300, 100, 100), ("\"address\";q=100;w=20", "\"address\";r=0;t=20")),
            ((1, 2, 1), ("\"address\";q=2;w=120", "\"address\";r=1;t=60")),
            ((6000, 1, 1), ("\"address\";q=1;w=1", "\"address\";r=0;t=1")),
        ];
        for ((quota, burst, used), (policy, now)) in cases {
            assert_eq!(described(quota, burst, used), (policy.to_owned(), now.to_owned()));
        }
    }
}
