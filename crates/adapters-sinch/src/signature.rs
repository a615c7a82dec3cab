//! How requests prove who sends them.
//!
//! Sinch, "Verification / Authentication / Application signed request". The
//! page's own example does not reproduce; the tests hold published values that
//! do.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// The content type of every request; the signature covers it to the letter.
pub(crate) const CONTENT_TYPE: &str = "application/json";

const X_TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");

/// What proves that a request is ours.
pub(crate) enum Credentials {
    /// An HMAC of each request: what was recorded is good for nothing else.
    Signed { application_key: String, hmac_key: Box<hmac::Key> },
    /// The secret itself, in each request.
    Basic { authorization: HeaderValue },
}

/// What the signature covers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// In upper case.
    pub(crate) verb: &'a str,
    /// The header as sent; empty if none is.
    pub(crate) content_type: &'a str,
    /// The header as sent: ISO 8601 in UTC.
    pub(crate) timestamp: &'a str,
    /// From the first slash on.
    pub(crate) path: &'a str,
    /// Empty when there is no body.
    pub(crate) body: &'a [u8],
}

impl Credentials {
    /// Credentials that sign each request with the decoded `secret`. The key is visible ASCII.
    pub(crate) fn signed(application_key: &str, secret: &[u8]) -> Self {
        let hmac_key = Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret));
        Self::Signed { application_key: application_key.to_owned(), hmac_key }
    }

    /// Credentials that send the secret as the dashboard shows it.
    pub(crate) fn basic(application_key: &str, secret: &str) -> Self {
        let encoded = STANDARD.encode(format!("{application_key}:{secret}"));
        Self::Basic { authorization: sensitive(&format!("Basic {encoded}")) }
    }

    /// The headers that authorise a request.
    pub(crate) fn headers(&self, request: Signed<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Self::Basic { authorization } => {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            Self::Signed { application_key, hmac_key } => {
                let signature = signature(hmac_key, request);
                let authorization = sensitive(&format!("Application {application_key}:{signature}"));
                headers.insert(AUTHORIZATION, authorization);
                headers.insert(X_TIMESTAMP, header(request.timestamp));
            }
        }
        headers
    }
}

/// Shows the kind only.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signed { .. } => "Credentials::Signed(…)",
            Self::Basic { .. } => "Credentials::Basic(…)",
        })
    }
}

/// What requests and callbacks are signed over.
pub(crate) fn text_to_sign(request: Signed<'_>) -> String {
    let Signed { verb, content_type, timestamp, path, body } = request;
    // An absent body has an empty digest, not the digest of nothing.
    let digest = if body.is_empty() { String::new() } else { STANDARD.encode(Md5::digest(body)) };
    format!("{verb}\n{digest}\n{content_type}\nx-timestamp:{timestamp}\n{path}")
}

fn signature(key: &hmac::Key, request: Signed<'_>) -> String {
    STANDARD.encode(hmac::sign(key, text_to_sign(request).as_bytes()))
}

fn sensitive(text: &str) -> HeaderValue {
    let mut value = header(text);
    value.set_sensitive(true);
    value
}

#[expect(clippy::expect_used, reason = "Base64, timestamps and application keys are visible ASCII")]
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "11111111-2222-3333-4444-555555555555";
    const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

    fn sign(secret: &str, request: Signed<'_>) -> String {
        let key = STANDARD.decode(secret).unwrap();
        signature(&hmac::Key::new(hmac::HMAC_SHA256, &key), request)
    }

    #[test]
    fn asvs_4_1_5_signatures_published_by_sinch_reproduce() {
        // The request tests of the official Node and Java SDKs, and the REST
        // guide of 2021.
        let node = "bXkta2V5LXNlY3JldA==";
        let post = Signed {
            verb: "POST",
            content_type: "application/json; charset=UTF-8",
            timestamp: "2023-11-22T09:10:11.999Z",
            path: "/path/pathParamValue",
            body: br#"{"identity":{"type":"number","endpoint":"+33444555666"},"method":"sms"}"#,
        };
        let get = Signed { verb: "GET", content_type: "application/json", body: b"", ..post };
        let guide = Signed {
            verb: "POST",
            content_type: "application/json",
            timestamp: "2014-06-04T13:41:58Z",
            path: "/v1/sms/+46700000000",
            body: br#"{"message":"Hello world"}"#,
        };
        assert_eq!(sign(node, post), "QP3OzQZVzRZAEev6DBLvJkgpiqyZPuXYsc7oyjUV0K8=");
        assert_eq!(sign(node, get), "nsrLDvP6KVD/dAxb3IfAncdwjPFJVWSrseEFOcZge+A=");
        let secret = "JViE5vDor0Sw3WllZka15Q==";
        assert_eq!(sign(secret, guide), "qDXMwzfaxCRS849c/2R0hg0nphgdHciTo7OdM6MsdnM=");
    }

    #[test]
    fn asvs_4_1_5_signatures_agree_with_the_official_sdks() {
        // Made-up credentials; the Node and Python SDKs compute the same.
        let start = Signed {
            verb: "POST",
            content_type: "application/json",
            timestamp: "2024-06-04T13:41:58Z",
            path: "/verification/v1/verifications",
            body: br#"{"identity":{"type":"number","endpoint":"+46700000000"},"method":"sms"}"#,
        };
        let report = Signed {
            verb: "PUT",
            content_type: "application/json; charset=utf-8",
            timestamp: "2024-06-04T13:41:58.123Z",
            path: "/verification/v1/verifications/number/+46700000000",
            body: br#"{"method":"sms","sms":{"code":"1234"}}"#,
        };
        let status = Signed {
            verb: "GET",
            content_type: "application/json",
            timestamp: "2024-06-04T13:41:58.1234567Z",
            path: "/verification/v1/verifications/id/018c25e1-7163-5677-b8fb-467d7b1cffa5",
            body: b"",
        };
        let typeless = Signed { content_type: "", ..status };
        assert_eq!(sign(SECRET, start), "zV92gfv1cg9G9Y+D9UFLFyLPUqOu5bAsGlVd2uLlC9k=");
        assert_eq!(sign(SECRET, report), "Reop+i0DVzurfYFjQahLZS98SFYgF7bjOMR0tXctdKY=");
        assert_eq!(sign(SECRET, status), "OcXaQ++vM6cuKAJcSkZTGjtuhZSPW0j6Io1Y5FI7+7o=");
        assert_eq!(sign(SECRET, typeless), "OWFFZVZZXJMUFAh5ANfmeRruiD7yHz8yYQ0pS9/IST4=");
    }

    #[test]
    fn basic_credentials_are_the_secret_as_shown() {
        let credentials = Credentials::basic(KEY, SECRET);
        let request = Signed { verb: "GET", content_type: "", timestamp: "", path: "/", body: b"" };
        let headers = credentials.headers(request);
        assert_eq!(
            headers.get("authorization").unwrap(),
            "Basic MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1Ok1ERXlNelExTmpjNE9XRmlZMlJsWmc9PQ=="
        );
        assert!(!headers.contains_key("x-timestamp"));
    }

    #[test]
    fn lg_01_credentials_never_print_themselves() {
        let request = Signed { verb: "GET", content_type: "", timestamp: "", path: "/", body: b"" };
        let credentials = Credentials::basic(KEY, SECRET);
        let printed = format!("{credentials:?} {:?}", credentials.headers(request));
        assert!(!printed.contains("MDEy") && !printed.contains("MTEx"), "{printed}");
    }
}
