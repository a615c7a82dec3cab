//! Request signatures as Sinch defines them: HMAC-SHA256 over five lines.

use std::io;

use aws_lc_rs::hmac;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

/// Takes what any official SDK takes: padding present or not, loose last bits.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The parts of a request that its signature covers.
#[derive(Clone, Copy)]
pub(crate) struct SignedParts<'a> {
    /// In upper case.
    pub(crate) verb: &'a str,
    pub(crate) body: &'a [u8],
    /// As sent, character for character; empty when there is none.
    pub(crate) content_type: &'a str,
    /// As sent; never reformatted.
    pub(crate) timestamp: &'a str,
    pub(crate) path: &'a str,
}

impl SignedParts<'_> {
    fn string_to_sign(&self) -> String {
        let Self { verb, body, content_type, timestamp, path } = self;
        let content_md5 = content_md5(body);
        format!("{verb}\n{content_md5}\n{content_type}\nx-timestamp:{timestamp}\n{path}")
    }
}

/// Empty without a body, not the digest of nothing.
fn content_md5(body: &[u8]) -> String {
    if body.is_empty() { String::new() } else { BASE64_STANDARD.encode(Md5::digest(body)) }
}

/// Signs and verifies with one application secret.
pub(crate) struct Signer(hmac::Key);

impl Signer {
    /// `secret` is Base64 text, with or without padding, in either alphabet.
    pub(crate) fn new(secret: &str) -> io::Result<Self> {
        let standard = secret.trim().replace('-', "+").replace('_', "/");
        match LENIENT_BASE64.decode(standard) {
            Ok(key) if !key.is_empty() => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key))),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the application secret must be Base64 text, as the Sinch dashboard shows it",
            )),
        }
    }

    pub(crate) fn sign(&self, parts: &SignedParts<'_>) -> String {
        BASE64_STANDARD.encode(hmac::sign(&self.0, parts.string_to_sign().as_bytes()))
    }

    /// In constant time for a given length.
    pub(crate) fn verifies(&self, parts: &SignedParts<'_>, signature: &str) -> bool {
        BASE64_STANDARD
            .decode(signature)
            .is_ok_and(|tag| hmac::verify(&self.0, parts.string_to_sign().as_bytes(), &tag).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn lines(file: &str) -> Vec<Value> {
        file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
        vector[key].as_str().unwrap_or_default()
    }

    fn parts(vector: &Value) -> SignedParts<'_> {
        SignedParts {
            verb: text(vector, "verb"),
            body: text(vector, "body").as_bytes(),
            content_type: text(vector, "content_type"),
            timestamp: text(vector, "x_timestamp"),
            path: vector["signed_path"].as_str().unwrap_or_else(|| text(vector, "path")),
        }
    }

    #[test]
    fn every_published_vector_is_reproduced() {
        let vectors = lines(include_str!("../tests/vectors/published.jsonl"));
        assert_eq!(vectors.len(), 13);
        for vector in vectors {
            let signer = Signer::new(text(&vector, "secret")).unwrap();
            assert_eq!(content_md5(text(&vector, "body").as_bytes()), vector["content_md5"]);
            assert_eq!(signer.sign(&parts(&vector)), vector["signature"], "{}", vector["n"]);
            assert!(signer.verifies(&parts(&vector), text(&vector, "signature")));
        }
    }

    #[test]
    fn every_request_of_the_real_sdks_verifies() {
        let signer = Signer::new(crate::DEVELOPMENT_SECRET).unwrap();
        let node = lines(include_str!("../tests/vectors/node-sdk-1.4.0.jsonl"));
        let python = lines(include_str!("../tests/vectors/python-sdk-1.1.4.jsonl"));
        assert_eq!((node.len(), python.len()), (20, 16));
        for vector in node.iter().chain(&python) {
            assert!(signer.verifies(&parts(vector), text(vector, "signature")), "{vector}");
        }
    }

    #[test]
    fn a_signature_covers_every_part() {
        let signer = Signer::new(crate::DEVELOPMENT_SECRET).unwrap();
        let original = SignedParts {
            verb: "PUT",
            body: b"{}",
            content_type: "application/json",
            timestamp: "2024-06-04T13:41:58Z",
            path: "/a",
        };
        let signature = signer.sign(&original);
        for changed in [
            SignedParts { verb: "POST", ..original },
            SignedParts { body: b"[]", ..original },
            SignedParts { content_type: "application/json; charset=utf-8", ..original },
            SignedParts { timestamp: "2024-06-04T13:41:59Z", ..original },
            SignedParts { path: "/b", ..original },
        ] {
            assert!(!signer.verifies(&changed, &signature));
        }
        assert!(!signer.verifies(&original, ""));
        assert!(!signer.verifies(&original, "not Base64!"));
    }

    #[test]
    fn a_secret_that_is_not_base64_is_refused() {
        for secret in ["", "==", "with space", "ünïcode"] {
            assert!(Signer::new(secret).is_err(), "{secret:?}");
        }
    }
}
