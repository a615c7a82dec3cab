//! The compact form of signed tokens (RFC 7515 §7.1), read strictly.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::key::VerifyingKey;

/// The `typ` of access tokens (RFC 9068 §2.1).
pub(super) const TYPE: &str = "at+jwt";

/// Ours have less than 1 KiB.
pub(super) const MAX_BYTES: usize = 4096;

const MAX_KEY_ID_BYTES: usize = 64;

/// A token whose header is one of ours and whose signature was not yet checked.
pub(super) struct Unverified<'a> {
    pub(super) key_id: String,
    algorithm: String,
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Splits a token and reads its header, which has `alg`, `typ` and `kid`
    /// and nothing else. So `crit` and `b64` are refused, which we do not
    /// know, and every member that would name a key (RFC 8725 §3.10).
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        let mut header = Members::decode(header)?;
        let mut text = |name| header.take(name)?.as_str().map(str::to_owned);
        let (algorithm, kind, key_id) = (text("alg")?, text("typ")?, text("kid")?);
        let ours = header.is_empty() && kind == TYPE && key_id.len() <= MAX_KEY_ID_BYTES;
        ours.then_some(Self { key_id, algorithm, message, payload, signature })
    }

    /// The payload, if it was signed with `key` by the algorithm of `key`.
    pub(super) fn verify(&self, key: &VerifyingKey) -> Option<Members> {
        let signed = self.algorithm == key.algorithm().as_str()
            && key.accepts(self.message.as_bytes(), self.signature);
        signed.then(|| Members::decode(self.payload)).flatten()
    }
}

/// The members of a JSON object, no name twice (RFC 7515 §4, RFC 7519 §4).
pub(super) struct Members(BTreeMap<String, Value>);

impl Members {
    /// Reads unpadded base64url in its one canonical form.
    fn decode(base64: &str) -> Option<Self> {
        let json = BASE64_URL_SAFE_NO_PAD.decode(base64).ok()?;
        serde_json::from_slice(&json).ok()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachOnce)
    }
}

struct EachOnce;

impl<'de> de::Visitor<'de> for EachOnce {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object without repeated names")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(de::Error::custom("a repeated name"));
            }
        }
        Ok(Members(members))
    }
}
