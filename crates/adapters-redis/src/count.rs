//! Limits as keys and numbers of the script, and back.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{Backlog, LimitDemand, LimitKey, LimitRuling, LimitStanding};
use redis::{Script, ScriptInvocation};

/// Bytes of a hash that stand in a key: no two subjects ever share them by chance.
const HASH_BYTES: usize = 16;

/// How limits are written.
pub(crate) struct Count {
    script: Script,
    namespace: String,
    key: hmac::Key,
}

impl Count {
    pub(crate) fn new(namespace: &str, key: &[u8; 32]) -> Self {
        Self {
            script: Script::new(include_str!("take.lua")),
            namespace: namespace.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// A call of the script.
    pub(crate) fn call(&self, demands: &[LimitDemand]) -> ScriptInvocation<'_> {
        let mut call = self.script.prepare_invoke();
        for LimitDemand { key, limit } in demands {
            call.key(self.name(key)).arg(limit.interval_micros()).arg(limit.capacity_micros());
        }
        call
    }

    /// `{namespace}:limit:kind:hash`; the braces are the hash tag.
    fn name(&self, LimitKey { limit, subject }: &LimitKey) -> String {
        let hash = hmac::sign(&self.key, format!("{}\0{}", subject.kind(), subject.text()).as_bytes());
        let hash = hash.as_ref().get(..HASH_BYTES).unwrap_or_default();
        let hash = BASE64_URL_SAFE_NO_PAD.encode(hash);
        format!("{{{}}}:{limit}:{}:{hash}", self.namespace, subject.kind())
    }
}

/// What the script answered; `None` when that is no answer of it.
pub(crate) fn ruling(demands: &[LimitDemand], answer: &[i64]) -> Option<LimitRuling> {
    let (admitted, used) = answer.split_first()?;
    let admitted = match admitted {
        0 => false,
        1 => true,
        _ => return None,
    };
    if used.len() != demands.len() {
        return None;
    }
    let standings = demands.iter().zip(used).map(|(demand, used)| {
        let used = u64::try_from(*used).ok().filter(|used| *used <= demand.limit.capacity_micros())?;
        Some(LimitStanding { limit: demand.limit, backlog: Backlog::from_micros(used) })
    });
    Some(LimitRuling::of(admitted, standings.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use domain::{LimitSubject, PhoneNumber, RateLimit};

    use super::*;

    fn key(limit: &'static str, number: &str) -> LimitKey {
        LimitKey { limit, subject: LimitSubject::phone(&PhoneNumber::from_stored(number).unwrap()) }
    }

    fn demand() -> LimitDemand {
        let some = |number| NonZeroU32::new(number).unwrap();
        LimitDemand { key: key("requests", "+46701234567"), limit: RateLimit::per_minute(some(60), some(3)) }
    }

    #[test]
    fn lg_02_a_key_names_nobody_and_is_of_its_service() {
        let count = Count::new("otp-login", &[7; 32]);
        let name = count.name(&key("requests", "+46701234567"));
        assert!(name.starts_with("{otp-login}:requests:phone:"), "{name}");
        assert!(!name.contains("4670"), "{name}");
        assert_ne!(name, count.name(&key("requests", "+46701234568")));
        assert_ne!(name, count.name(&key("others", "+46701234567")));
        assert_ne!(name, Count::new("otp-login", &[8; 32]).name(&key("requests", "+46701234567")));
        assert_eq!(name, Count::new("otp-login", &[7; 32]).name(&key("requests", "+46701234567")));
    }

    #[test]
    fn an_answer_is_read_exactly_or_not_at_all() {
        let demands = [demand()];
        let admitted = ruling(&demands, &[1, 1_000_000]).unwrap();
        assert!(admitted.is_admitted());
        assert_eq!(admitted.standings()[0].remaining(), 2);
        assert!(!ruling(&demands, &[0, 3_000_000]).unwrap().is_admitted());
        for nonsense in [&[][..], &[1], &[2, 0], &[-1, 0], &[1, -1], &[1, 3_000_001], &[1, 0, 0]] {
            assert_eq!(ruling(&demands, nonsense), None, "{nonsense:?}");
        }
    }
}
