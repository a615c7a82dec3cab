//! The signatures of Project Wycheproof: forgeries that libraries fell for.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::key::{InvalidJwtKey, JwtAlgorithm, VerifyingKey};

const ED25519: &str = include_str!("../../tests/wycheproof/ed25519.json");
const ECDSA_P256_SHA256: &str = include_str!("../../tests/wycheproof/ecdsa_p256_sha256.json");
const HMAC_SHA256: &str = include_str!("../../tests/wycheproof/hmac_sha256.json");

/// A key, and the number, message, signature and verdict of each test with it.
#[derive(Deserialize)]
struct Group {
    key: String,
    tests: Vec<(u32, String, String, Verdict)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Valid,
    Invalid,
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Holds our verdict against theirs, and returns how many were valid and invalid.
fn judged(vectors: &str, key_of: impl Fn(&[u8]) -> Result<VerifyingKey, InvalidJwtKey>) -> (usize, usize) {
    let groups: Vec<Group> = serde_json::from_str(vectors).unwrap();
    let mut counts = (0, 0);
    for Group { key, tests } in groups {
        let key = key_of(&bytes(&key)).unwrap();
        for (number, message, signature, verdict) in tests {
            let signature = BASE64_URL_SAFE_NO_PAD.encode(bytes(&signature));
            let accepted = key.accepts(&bytes(&message), &signature);
            assert_eq!(accepted, verdict == Verdict::Valid, "{:?} {number}", key.algorithm());
            match verdict {
                Verdict::Valid => counts.0 += 1,
                Verdict::Invalid => counts.1 += 1,
            }
        }
    }
    counts
}

#[test]
fn tk_01_the_ed25519_signatures_of_wycheproof_are_judged_right() {
    let key = |bytes: &[u8]| VerifyingKey::from_public(JwtAlgorithm::EdDsa, bytes);
    assert_eq!(judged(ED25519, key), (88, 63));
}

#[test]
fn tk_01_the_ecdsa_signatures_of_wycheproof_are_judged_right() {
    let key = |bytes: &[u8]| VerifyingKey::from_public(JwtAlgorithm::Es256, bytes);
    assert_eq!(judged(ECDSA_P256_SHA256, key), (173, 89));
}

#[test]
fn tk_01_the_hmacs_of_wycheproof_are_judged_right() {
    assert_eq!(judged(HMAC_SHA256, VerifyingKey::from_secret), (30, 54));
}
