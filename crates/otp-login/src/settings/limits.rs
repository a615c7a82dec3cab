//! Limits of requests, and where replicas share them.

use std::{num::NonZeroU32, time::Duration};

use adapters_crypto::DataKey;
use domain::{LimitOutage, RateLimit};
use http_actix::HttpSettings;
use use_cases::{NamedLimits, RequestLimit};

use super::reader::Reader;
use crate::cli::Environment;

const OUTAGES: [(&str, LimitOutage); 3] =
    [("local", LimitOutage::CountAlone), ("open", LimitOutage::Admit), ("closed", LimitOutage::Refuse)];

/// How many requests clients may make.
pub(crate) struct LimitSettings {
    /// Of each client address.
    pub(crate) address: RequestLimit,
    /// Of all clients together; `None`: as many as they like.
    pub(crate) everyone: Option<RequestLimit>,
    /// Of requests that name the same account or number, whoever makes them.
    pub(crate) named: NamedLimits,
    /// Where replicas share them; `None`: each process has its own.
    pub(crate) redis: Option<adapters_redis::Settings>,
}

impl LimitSettings {
    /// Whether requests are refused while Redis is away.
    pub(crate) fn needs_redis(&self) -> bool {
        let NamedLimits { account, phone, prefix, country } = self.named;
        let limits = [Some(self.address), self.everyone, account, phone, prefix, country];
        self.redis.is_some() && limits.iter().flatten().any(|limit| limit.outage == LimitOutage::Refuse)
    }
}

pub(super) fn read(
    reader: &mut Reader,
    environment: Environment,
    http: &HttpSettings,
    data_key: &DataKey,
    warnings: &mut Vec<String>,
) -> LimitSettings {
    let address = RateLimit::per_minute(http.ip_per_minute, http.ip_burst);
    LimitSettings {
        address: RequestLimit { limit: address, outage: outage(reader, "ip") },
        everyone: limit(reader, "all"),
        named: NamedLimits {
            account: limit(reader, "account"),
            phone: limit(reader, "phone"),
            prefix: limit(reader, "prefix"),
            country: limit(reader, "country"),
        },
        redis: redis(reader, environment, data_key, warnings),
    }
}

/// A limit that 0 switches off.
fn limit(reader: &mut Reader, name: &str) -> Option<RequestLimit> {
    let quota = reader.number(&format!("rate_limit.{name}_per_minute"), 0..=u32::MAX);
    let burst = reader.number(&format!("rate_limit.{name}_burst"), NonZeroU32::MIN..=NonZeroU32::MAX);
    let outage = outage(reader, name);
    NonZeroU32::new(quota).map(|quota| RequestLimit { limit: RateLimit::per_minute(quota, burst), outage })
}

fn outage(reader: &mut Reader, name: &str) -> LimitOutage {
    reader.one_of(&format!("rate_limit.{name}_outage"), &OUTAGES, LimitOutage::CountAlone)
}

fn redis(
    reader: &mut Reader,
    environment: Environment,
    data_key: &DataKey,
    warnings: &mut Vec<String>,
) -> Option<adapters_redis::Settings> {
    const URL: &str = "redis.url";
    let url = reader.secret(URL);
    let timeout = Duration::from_millis(reader.number("redis.timeout_ms", 10..=10_000));
    let namespace = reader.parsed("redis.namespace", String::new(), namespace);
    if url.is_empty() {
        return None;
    }
    if let Err(error) = adapters_redis::check_url(&url) {
        reader.problem(URL, error.to_string());
        return None;
    }
    let is_plain = url.starts_with("redis://") || url.starts_with("valkey://");
    if is_plain && environment == Environment::Production {
        warnings.push(
            "the connection to Redis is not encrypted: write rediss:// in OTP_LOGIN__REDIS__URL unless its network \
             is yours alone"
                .to_owned(),
        );
    }
    Some(adapters_redis::Settings {
        url: url.into(),
        timeout,
        namespace,
        key: data_key.derive("keys of shared limits"),
    })
}

/// It stands in keys as a hash tag, whose braces it must not close.
fn namespace(text: &str) -> Result<String, &'static str> {
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let accepted = (1..=64).contains(&text.len()) && text.bytes().all(in_alphabet);
    if accepted {
        Ok(text.to_owned())
    } else {
        Err("write 1 to 64 letters, digits, dots, hyphens or underscores")
    }
}
