//! Keys, and the refusal of those that everybody knows.

use adapters_crypto::{DataKey, HashedApiKeys, InvalidKey, JwtAlgorithm, JwtKey, Pepper};
use base64::{Engine, prelude::BASE64_STANDARD};

use domain::{SigningAlgorithm, SigningKeyPolicy};
use jiff::SignedDuration;

use super::{JwtSettings, SigningKeySource, reader::Reader};

/// The keys of config/development.toml.
const PUBLIC: [&str; 2] =
    ["ZGV2ZWxvcG1lbnQtZGF0YS1rZXktbm90LXNlY3JldCE=", "ZGV2ZWxvcG1lbnQtcGVwcGVyLWlzLW5vdC1zZWNyZXQ="];

const HOW_TO: &str = "`otp-login keys generate` makes one";

pub(crate) fn data_key(reader: &mut Reader, production: bool) -> DataKey {
    let text = secret(reader, "secrets.data_key", production);
    DataKey::parse(&text).unwrap_or_else(|error| {
        reader.problem("secrets.data_key", format!("{error}; {HOW_TO}"));
        DataKey::from_bytes([0; 32])
    })
}

pub(crate) fn pepper(reader: &mut Reader, production: bool) -> Pepper {
    let text = secret(reader, "password.pepper", production);
    Pepper::parse(&text).unwrap_or_else(|error| {
        reader.problem("password.pepper", format!("{error}; {HOW_TO}"));
        Pepper::from_bytes([0; 32])
    })
}

/// Keys of stored values that are still read.
pub(crate) fn previous_data_keys(reader: &mut Reader, production: bool) -> Vec<DataKey> {
    previous(reader, "secrets.previous_data_keys", production, DataKey::parse)
}

pub(crate) fn previous_peppers(reader: &mut Reader, production: bool) -> Vec<Pepper> {
    previous(reader, "password.previous_peppers", production, Pepper::parse)
}

fn previous<T>(
    reader: &mut Reader,
    key: &str,
    production: bool,
    parse: impl Fn(&str) -> Result<T, InvalidKey>,
) -> Vec<T> {
    let text = reader.secret(key);
    let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    if production && items.iter().any(|item| PUBLIC.contains(item)) {
        reader.problem(key, "one of these keys is public, for development only; remove it");
    }
    let parsed: Result<Vec<T>, _> = items.into_iter().map(parse).collect();
    parsed.unwrap_or_else(|error| {
        reader.problem(key, error.to_string());
        Vec::new()
    })
}

fn secret(reader: &mut Reader, key: &str, production: bool) -> String {
    let text = reader.secret(key);
    if production && PUBLIC.contains(&text.as_str()) {
        reader.problem(key, format!("this key is public, for development only; {HOW_TO}"));
    }
    text
}

/// `access_ttl` is the life of access tokens.
pub(crate) fn jwt(
    reader: &mut Reader,
    production: bool,
    data_key: &DataKey,
    access_ttl: SignedDuration,
) -> JwtSettings {
    let words =
        [("EdDSA", JwtAlgorithm::EdDsa), ("ES256", JwtAlgorithm::Es256), ("HS256", JwtAlgorithm::Hs256)];
    let algorithm = reader.one_of("jwt.algorithm", &words, JwtAlgorithm::EdDsa);
    // Both are read, so that the one that is not used is a known setting, too.
    let (pem, secret) = (reader.secret("jwt.private_key"), reader.secret("jwt.secret"));
    let keys = match algorithm {
        JwtAlgorithm::Hs256 => SigningKeySource::Configured {
            key: hs256(reader, &secret, production, data_key),
            setting: "jwt.secret",
        },
        JwtAlgorithm::EdDsa if pem.is_empty() => SigningKeySource::Stored(SigningAlgorithm::EdDsa),
        JwtAlgorithm::Es256 if pem.is_empty() => SigningKeySource::Stored(SigningAlgorithm::Es256),
        asymmetric => SigningKeySource::Configured {
            key: private_key(reader, &pem, asymmetric, data_key),
            setting: "jwt.private_key",
        },
    };
    let policy = rotation(reader, production, access_ttl);
    JwtSettings { keys, policy, issuer: name(reader, "jwt.issuer"), audience: name(reader, "jwt.audience") }
}

fn rotation(reader: &mut Reader, production: bool, access_ttl: SignedDuration) -> SigningKeyPolicy {
    let (lead, refresh) = if production { (60..=86_400, 5..=300) } else { (0..=86_400, 1..=3600) };
    SigningKeyPolicy {
        publish_lead: SignedDuration::from_secs(reader.number("jwt.key_publish_lead_seconds", lead)),
        refresh_every: SignedDuration::from_secs(reader.number("jwt.key_refresh_seconds", refresh)),
        access_ttl,
    }
}

/// The keys of operators; `None` when there is none.
pub(crate) fn admin(reader: &mut Reader) -> Option<HashedApiKeys> {
    const KEY: &str = "admin.api_key";
    let keys = HashedApiKeys::parse(&reader.secret(KEY));
    let keys = keys.map_err(|error| {
        reader.problem(KEY, format!("{error}; `otp-login keys generate --admin` makes one"));
    });
    keys.ok().filter(|keys| !keys.is_empty())
}

fn private_key(reader: &mut Reader, pem: &str, algorithm: JwtAlgorithm, data_key: &DataKey) -> JwtKey {
    // Environment files cannot hold line breaks.
    let pem = pem.replace("\\n", "\n");
    JwtKey::from_pem(algorithm, &pem).unwrap_or_else(|error| {
        reader
            .problem("jwt.private_key", format!("{error}; `otp-login keys generate --jwt ES256` makes one"));
        JwtKey::derived(data_key)
    })
}

fn hs256(reader: &mut Reader, text: &str, production: bool, data_key: &DataKey) -> JwtKey {
    if text.is_empty() && !production {
        return JwtKey::from_secret(&*data_key.derive("jwt development secret"))
            .unwrap_or_else(|_| JwtKey::derived(data_key));
    }
    let key = BASE64_STANDARD.decode(text.trim()).ok().and_then(|bytes| JwtKey::from_secret(&bytes).ok());
    key.unwrap_or_else(|| {
        let what =
            "HS256 needs Base64 of at least 32 random bytes; `otp-login keys generate --jwt HS256` makes one";
        reader.problem("jwt.secret", what);
        JwtKey::derived(data_key)
    })
}

fn name(reader: &mut Reader, key: &str) -> String {
    reader.parsed(key, String::new(), |text| {
        let accepted = (1..=255).contains(&text.len()) && !text.contains(char::is_control);
        if accepted { Ok(text.to_owned()) } else { Err("write a name or URL of 1 to 255 characters") }
    })
}
