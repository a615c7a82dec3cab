//! Access tokens, taken apart by hand (RFC 7515, 7518, 8037).

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde_json::Value;

/// A token in its compact form.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    pub(crate) fn read(token: &str) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else { panic!("not three parts") };
        let json = |part: &str| serde_json::from_slice(&BASE64URL.decode(part).unwrap()).unwrap();
        Self {
            header: json(header),
            claims: json(claims),
            signed: format!("{header}.{claims}"),
            signature: BASE64URL.decode(signature).unwrap(),
        }
    }

    /// A token with these parts, unsigned.
    pub(crate) fn unsigned(header: &Value, claims: &Value) -> Self {
        let part = |json: &Value| BASE64URL.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        Self { header: header.clone(), claims: claims.clone(), signed, signature: Vec::new() }
    }

    /// The token with an HMAC by `secret`.
    pub(crate) fn hmac_signed(self, secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signature = hmac::sign(&key, self.signed.as_bytes()).as_ref().to_vec();
        Self { signature, ..self }
    }

    /// The token with another's signature.
    pub(crate) fn with_signature_of(self, other: &Self) -> Self {
        Self { signature: other.signature.clone(), ..self }
    }

    pub(crate) fn compact(&self) -> String {
        format!("{}.{}", self.signed, BASE64URL.encode(&self.signature))
    }

    /// Whether the signature was made with the private half of `jwk`.
    pub(crate) fn is_signed_by(&self, jwk: &Value) -> bool {
        let (message, signature) = (self.signed.as_bytes(), self.signature.as_slice());
        let key = public_key(jwk);
        match jwk["kty"].as_str() {
            Some("OKP") => UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok(),
            Some("EC") => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature).is_ok()
            }
            kind => panic!("unexpected key: {kind:?}"),
        }
    }

    pub(crate) fn is_hmac_by(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok()
    }
}

/// The bytes of a public key: Ed25519 as it is, P-256 as an uncompressed point.
pub(crate) fn public_key(jwk: &Value) -> Vec<u8> {
    let member = |name: &str| BASE64URL.decode(jwk[name].as_str().unwrap()).unwrap();
    match (jwk["kty"].as_str(), jwk["crv"].as_str()) {
        (Some("OKP"), Some("Ed25519")) => member("x"),
        (Some("EC"), Some("P-256")) => [vec![4], member("x"), member("y")].concat(),
        kind => panic!("unexpected key: {kind:?}"),
    }
}
