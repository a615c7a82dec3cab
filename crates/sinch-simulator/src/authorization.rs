//! Who may use the API: the checks of the `Authorization` header, in Sinch's
//! order.

use std::borrow::Cow;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};

use crate::error::ApiError;
use crate::settings::Settings;
use crate::signature::{SignedParts, Signer};

/// What a request shows at the door.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) authorization: Option<&'a str>,
    pub(crate) timestamp: Option<&'a str>,
    pub(crate) content_type: &'a str,
    pub(crate) verb: &'a str,
    /// As sent, still percent-encoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
}

/// Knows the application's credentials.
pub(crate) struct Gatekeeper {
    application_key: String,
    basic_credentials: String,
    signer: Signer,
    max_skew: Duration,
    stale: ApiError,
    public_allowed: bool,
}

impl Gatekeeper {
    pub(crate) fn new(settings: &Settings) -> std::io::Result<Self> {
        let Settings { application_key, application_secret, .. } = settings;
        Ok(Self {
            application_key: application_key.clone(),
            basic_credentials: format!("{application_key}:{application_secret}"),
            signer: Signer::new(application_secret)?,
            max_skew: settings.max_timestamp_skew,
            stale: if settings.stale_timestamp_is_expired {
                ApiError::TIMESTAMP_EXPIRED
            } else {
                ApiError::TIMESTAMP_REQUIRED
            },
            public_allowed: settings.callback_url.is_some(),
        })
    }

    /// Lets a request in or names Sinch's refusal.
    pub(crate) fn check(&self, presented: &Presented<'_>, now: Timestamp) -> Result<(), ApiError> {
        let header = presented.authorization.ok_or(ApiError::AUTHORIZATION_REQUIRED)?.trim();
        let (scheme, credentials) = header.split_once(' ').ok_or(ApiError::INVALID_AUTHORIZATION_HEADER)?;
        let credentials = credentials.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            return self.check_basic(credentials);
        }
        if !scheme.eq_ignore_ascii_case("application") || credentials.is_empty() {
            return Err(ApiError::INVALID_AUTHORIZATION_HEADER);
        }
        match credentials.split_once(':') {
            Some((key, signature)) => self.check_signature(key, signature, presented, now),
            None => self.check_public(credentials),
        }
    }

    fn check_basic(&self, credentials: &str) -> Result<(), ApiError> {
        let shown =
            BASE64_STANDARD.decode(credentials).map_err(|_| ApiError::INVALID_AUTHORIZATION_HEADER)?;
        verify_slices_are_equal(&shown, self.basic_credentials.as_bytes())
            .map_err(|_| ApiError::INVALID_AUTHORIZATION)
    }

    fn check_public(&self, key: &str) -> Result<(), ApiError> {
        if key != self.application_key {
            return Err(ApiError::INVALID_AUTHORIZATION);
        }
        if self.public_allowed { Ok(()) } else { Err(ApiError::CALLBACK_URL_REQUIRED) }
    }

    fn check_signature(
        &self,
        key: &str,
        signature: &str,
        presented: &Presented<'_>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let timestamp = presented.timestamp.ok_or(ApiError::TIMESTAMP_REQUIRED)?;
        if key != self.application_key {
            return Err(ApiError::INVALID_AUTHORIZATION);
        }
        if !self.any_path_verifies(signature, timestamp, presented) {
            return Err(ApiError::INVALID_SIGNATURE);
        }
        self.check_age(timestamp, now)
    }

    /// The official SDKs do not agree on what the path is: Node and Java sign
    /// it decoded, .NET as sent and with the query.
    fn any_path_verifies(&self, signature: &str, timestamp: &str, presented: &Presented<'_>) -> bool {
        let Presented { path, query, .. } = *presented;
        let with_query = format!("{path}?{query}");
        [Cow::Borrowed(path), percent_decoded(path), Cow::Borrowed(with_query.as_str())].iter().any(|path| {
            let parts = SignedParts {
                verb: presented.verb,
                body: presented.body,
                content_type: presented.content_type,
                timestamp,
                path,
            };
            self.signer.verifies(&parts, signature)
        })
    }

    fn check_age(&self, timestamp: &str, now: Timestamp) -> Result<(), ApiError> {
        let signed_at: Timestamp = timestamp.parse().map_err(|_| ApiError::TIMESTAMP_REQUIRED)?;
        let skew = now.duration_since(signed_at).abs();
        let allowed = SignedDuration::try_from(self.max_skew).unwrap_or(SignedDuration::MAX);
        if skew <= allowed { Ok(()) } else { Err(self.stale.clone()) }
    }
}

/// `text` itself where it is no percent-encoded UTF-8. A plus stays a plus.
pub(crate) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape = if byte == b'%' { escaped(after) } else { None };
        decoded.push(escape.unwrap_or(byte));
        rest = if escape.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn escaped(after_percent: &[u8]) -> Option<u8> {
    let digits = after_percent.get(..2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DEVELOPMENT_KEY, DEVELOPMENT_SECRET};

    const NOW: &str = "2024-06-04T13:41:58Z";
    const PATH: &str = "/verification/v1/verifications/reference/ref%201/%C3%BC";

    fn gatekeeper() -> Gatekeeper {
        Gatekeeper::new(&Settings::default()).unwrap()
    }

    fn get<'a>(authorization: Option<&'a str>, timestamp: Option<&'a str>) -> Presented<'a> {
        Presented {
            authorization,
            timestamp,
            content_type: "",
            verb: "GET",
            path: PATH,
            query: "",
            body: b"",
        }
    }

    fn signed(path: &str, timestamp: &str) -> String {
        let parts = SignedParts { verb: "GET", body: b"", content_type: "", timestamp, path };
        let signature = Signer::new(DEVELOPMENT_SECRET).unwrap().sign(&parts);
        format!("Application {DEVELOPMENT_KEY}:{signature}")
    }

    fn check(authorization: Option<&str>, timestamp: Option<&str>) -> Result<(), ApiError> {
        gatekeeper().check(&get(authorization, timestamp), NOW.parse().unwrap())
    }

    #[test]
    fn refusals_come_in_the_documented_order() {
        let good = signed(PATH, NOW);
        let stranger = good.replace("1111", "2222");
        let public = format!("Application {DEVELOPMENT_KEY}");
        for (authorization, timestamp, expected) in [
            (None, None, ApiError::AUTHORIZATION_REQUIRED),
            (Some(""), None, ApiError::INVALID_AUTHORIZATION_HEADER),
            (Some("Application"), None, ApiError::INVALID_AUTHORIZATION_HEADER),
            (Some("Bearer x"), None, ApiError::INVALID_AUTHORIZATION_HEADER),
            (Some("Basic ***"), None, ApiError::INVALID_AUTHORIZATION_HEADER),
            (Some("Basic eDp5"), None, ApiError::INVALID_AUTHORIZATION),
            (Some(good.as_str()), None, ApiError::TIMESTAMP_REQUIRED),
            (Some(stranger.as_str()), None, ApiError::TIMESTAMP_REQUIRED),
            (Some(stranger.as_str()), Some(NOW), ApiError::INVALID_AUTHORIZATION),
            (Some(good.as_str()), Some("2024-06-04T13:41:59Z"), ApiError::INVALID_SIGNATURE),
            (Some(public.as_str()), None, ApiError::CALLBACK_URL_REQUIRED),
            (Some("Application nobody"), None, ApiError::INVALID_AUTHORIZATION),
        ] {
            assert_eq!(check(authorization, timestamp), Err(expected), "{authorization:?} {timestamp:?}");
        }
        assert_eq!(check(Some(&good), Some(NOW)), Ok(()));
    }

    #[test]
    fn basic_credentials_are_the_key_and_the_secret_text() {
        let header =
            "Basic MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1Ok1ERXlNelExTmpjNE9XRmlZMlJsWmc9PQ==";
        assert_eq!(check(Some(header), None), Ok(()));
    }

    #[test]
    fn a_path_may_be_signed_raw_or_decoded() {
        let decoded = "/verification/v1/verifications/reference/ref 1/ü";
        assert_eq!(check(Some(&signed(PATH, NOW)), Some(NOW)), Ok(()));
        assert_eq!(check(Some(&signed(decoded, NOW)), Some(NOW)), Ok(()));
        assert_eq!(check(Some(&signed("/other", NOW)), Some(NOW)), Err(ApiError::INVALID_SIGNATURE));
    }

    #[test]
    fn timestamps_are_taken_in_every_clients_form_and_within_five_minutes() {
        for timestamp in [
            "2024-06-04T13:41:58Z",
            "2024-06-04T13:41:58.123Z",
            "2024-06-04T13:41:58.1234567Z",
            "2024-06-04T13:41:58.123456+00:00",
            "2024-06-04T13:46:58Z",
            "2024-06-04T13:36:58Z",
        ] {
            assert_eq!(check(Some(&signed(PATH, timestamp)), Some(timestamp)), Ok(()), "{timestamp}");
        }
        for timestamp in ["2024-06-04T13:47:00Z", "2024-06-04T13:36:57Z", "yesterday", ""] {
            let refused = check(Some(&signed(PATH, timestamp)), Some(timestamp));
            assert_eq!(refused, Err(ApiError::TIMESTAMP_REQUIRED), "{timestamp}");
        }
    }

    #[test]
    fn unsigned_handsets_need_a_callback_url() {
        let settings = Settings { callback_url: Some("http://127.0.0.1/".into()), ..Settings::default() };
        let header = format!("application {DEVELOPMENT_KEY}");
        let allowed =
            Gatekeeper::new(&settings).unwrap().check(&get(Some(&header), None), NOW.parse().unwrap());
        assert_eq!(allowed, Ok(()));
    }

    #[test]
    fn what_is_not_percent_encoded_utf_8_stays() {
        for (text, decoded) in [
            ("a%20b", "a b"),
            ("%2B46", "+46"),
            ("+46", "+46"),
            ("%", "%"),
            ("%+1", "%+1"),
            ("%ff", "%ff"),
            ("%C3%BC", "ü"),
        ] {
            assert_eq!(percent_decoded(text), decoded);
        }
    }
}
