//! What clients are told of the limit of their address (draft-ietf-httpapi-ratelimit-headers).

use std::time::Duration;

use actix_web::{
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
};
use domain::LimitStanding;
use jiff::SignedDuration;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Names the policy and how it stands: `q` requests at once, all of which come back in `w` seconds;
/// `r` are left, and no more than these for `t` seconds. What another limit refuses is told nothing:
/// which limit it was is nobody's business (EN-06).
pub(crate) fn describe<B>(response: &mut ServiceResponse<B>, standing: &LimitStanding) {
    let is_refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
    if is_refused && standing.remaining() > 0 {
        return;
    }
    write(response.headers_mut(), standing);
}

fn write(headers: &mut HeaderMap, standing: &LimitStanding) {
    let LimitStanding { limit, backlog } = *standing;
    let policy = format!("\"address\";q={};w={}", limit.burst(), seconds(limit.window()));
    let now =
        format!("\"address\";r={};t={}", limit.remaining(backlog), seconds(limit.one_more_after(backlog)));
    for (name, text) in [(RATELIMIT_POLICY, policy), (RATELIMIT, now)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// Whole seconds, rounded up.
fn seconds(duration: SignedDuration) -> u64 {
    Duration::try_from(duration)
        .unwrap_or_default()
        .as_nanos()
        .div_ceil(1_000_000_000)
        .try_into()
        .unwrap_or(u64::MAX)
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
        write(&mut headers, &LimitStanding { limit, backlog });
        let text = |name| headers.get(name).unwrap().to_str().unwrap().to_owned();
        (text(RATELIMIT_POLICY), text(RATELIMIT))
    }

    #[test]
    fn en_06_a_policy_and_how_it_stands_are_told_in_whole_seconds() {
        let cases = [
            ((300, 100, 0), ("\"address\";q=100;w=20", "\"address\";r=100;t=1")),
            ((300, 100, 1), ("\"address\";q=100;w=20", "\"address\";r=99;t=1")),
            ((300, 100, 100), ("\"address\";q=100;w=20", "\"address\";r=0;t=1")),
            ((1, 2, 1), ("\"address\";q=2;w=120", "\"address\";r=1;t=60")),
            ((1, 2, 2), ("\"address\";q=2;w=120", "\"address\";r=0;t=60")),
            ((6000, 1, 1), ("\"address\";q=1;w=1", "\"address\";r=0;t=1")),
        ];
        for ((quota, burst, used), (policy, now)) in cases {
            assert_eq!(described(quota, burst, used), (policy.to_owned(), now.to_owned()));
        }
    }
}
