//! Keys of access tokens, each bound to one algorithm (RFC 8725 §3.1).

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair, UnparsedPublicKey,
    },
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use domain::SigningAlgorithm;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    DataKey, generate_secret,
    secrets::{random, sha256},
};

/// How access tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// Ed25519 (RFC 8037).
    #[default]
    EdDsa,
    /// ECDSA with P-256 and SHA-256 (RFC 7518 §3.4).
    Es256,
    /// HMAC with SHA-256 (RFC 7518 §3.2): whoever can verify can also sign.
    Hs256,
}

/// The text names no algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the algorithm is one of EdDSA, ES256, HS256")]
pub struct UnknownJwtAlgorithm;

impl JwtAlgorithm {
    const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Hs256];

    /// The registered name (RFC 7518 §3.1, RFC 8037 §3.1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }

    pub(super) const fn for_library(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Es256 => Algorithm::ES256,
            Self::Hs256 => Algorithm::HS256,
        }
    }
}

impl From<SigningAlgorithm> for JwtAlgorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::EdDsa => Self::EdDsa,
            SigningAlgorithm::Es256 => Self::Es256,
        }
    }
}

impl FromStr for JwtAlgorithm {
    type Err = UnknownJwtAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or(UnknownJwtAlgorithm)
    }
}

/// The key is not one for its algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwtKey {
    #[error("EdDSA needs an Ed25519 key: PEM, a private one in PKCS #8")]
    NotEd25519,
    #[error("ES256 needs a P-256 key: PEM, a private one in PKCS #8")]
    NotP256,
    #[error("HS256 needs a secret of at least {} bytes", VerifyingKey::MIN_SECRET_BYTES)]
    NotASecret,
}

impl InvalidJwtKey {
    const fn for_algorithm(algorithm: JwtAlgorithm) -> Self {
        match algorithm {
            JwtAlgorithm::EdDsa => Self::NotEd25519,
            JwtAlgorithm::Es256 => Self::NotP256,
            JwtAlgorithm::Hs256 => Self::NotASecret,
        }
    }
}

/// A key that signs.
#[derive(Clone, Debug)]
pub struct JwtKey {
    encoding: EncodingKey,
    verifying: VerifyingKey,
}

impl JwtKey {
    /// Reads a private key in PEM (PKCS #8) for `EdDSA` or `ES256`.
    pub fn from_pem(algorithm: JwtAlgorithm, pem: &str) -> Result<Self, InvalidJwtKey> {
        let encoding = match algorithm {
            JwtAlgorithm::EdDsa => EncodingKey::from_ed_pem(pem.as_bytes()),
            JwtAlgorithm::Es256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            JwtAlgorithm::Hs256 => return Err(InvalidJwtKey::NotASecret),
        };
        let encoding = encoding.map_err(|_| InvalidJwtKey::for_algorithm(algorithm))?;
        Self::from_key_pair(algorithm, encoding)
    }

    /// Takes the bytes of an HS256 secret: 32 or more.
    pub fn from_secret(secret: &[u8]) -> Result<Self, InvalidJwtKey> {
        let verifying = VerifyingKey::from_secret(secret)?;
        Ok(Self { encoding: EncodingKey::from_secret(secret), verifying })
    }

    /// Reads a private key in DER (PKCS #8) for `EdDSA` or `ES256`.
    pub(super) fn from_der(algorithm: JwtAlgorithm, der: &[u8]) -> Result<Self, InvalidJwtKey> {
        let encoding = match algorithm {
            JwtAlgorithm::EdDsa => EncodingKey::from_ed_der(der),
            JwtAlgorithm::Es256 => EncodingKey::from_ec_der(der),
            JwtAlgorithm::Hs256 => return Err(InvalidJwtKey::NotASecret),
        };
        Self::from_key_pair(algorithm, encoding)
    }

    /// The Ed25519 key of a service that was given none, the same after every restart.
    #[expect(clippy::expect_used, reason = "any 32 bytes are the seed of an Ed25519 key (RFC 8032 §5.1.5)")]
    pub fn derived(data_key: &DataKey) -> Self {
        let seed = data_key.derive("jwt development key");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("a seed of 32 bytes");
        let der = pair.to_pkcs8v1().expect("an Ed25519 key in PKCS #8");
        Self::from_key_pair(JwtAlgorithm::EdDsa, EncodingKey::from_ed_der(der.as_ref()))
            .expect("the key that was just made")
    }

    /// A new private key in PEM, or a new secret in base64 for HS256.
    #[expect(
        clippy::expect_used,
        reason = "without random bytes no key can be made; going on would be worse"
    )]
    pub fn generate_pem(algorithm: JwtAlgorithm) -> Zeroizing<String> {
        match algorithm {
            JwtAlgorithm::EdDsa => {
                let seed = random::<32>();
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("a seed of 32 bytes");
                to_pem(pair.to_pkcs8v1().expect("an Ed25519 key in PKCS #8").as_ref())
            }
            JwtAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a new P-256 key");
                to_pem(pair.to_pkcs8v1().expect("a P-256 key in PKCS #8").as_ref())
            }
            JwtAlgorithm::Hs256 => generate_secret(),
        }
    }

    /// What others check this key's tokens with.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The one algorithm of this key.
    pub fn algorithm(&self) -> JwtAlgorithm {
        self.verifying.algorithm
    }

    /// The private key in DER (PKCS #8), or the bytes of a secret.
    pub(super) fn private_bytes(&self) -> &[u8] {
        self.encoding.as_bytes()
    }

    pub(super) fn encoding_key(&self) -> &EncodingKey {
        &self.encoding
    }

    fn from_key_pair(algorithm: JwtAlgorithm, encoding: EncodingKey) -> Result<Self, InvalidJwtKey> {
        let der = encoding.as_bytes();
        let public = match algorithm {
            JwtAlgorithm::EdDsa => {
                Ed25519KeyPair::from_pkcs8(der).map(|pair| pair.public_key().as_ref().to_vec())
            }
            JwtAlgorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
                .map(|pair| pair.public_key().as_ref().to_vec()),
            JwtAlgorithm::Hs256 => return Err(InvalidJwtKey::NotASecret),
        };
        let public = public.map_err(|_| InvalidJwtKey::for_algorithm(algorithm))?;
        Ok(Self { encoding, verifying: VerifyingKey::from_public(algorithm, &public)? })
    }
}

/// A key that checks signatures: public, or an HS256 secret.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: JwtAlgorithm,
    id: Arc<str>,
    key: DecodingKey,
    /// The public members of its JWK (RFC 7517); none for a secret.
    public: Option<Value>,
}

impl VerifyingKey {
    /// HS256 secrets have the length of the hash at least (RFC 7518 §3.2).
    pub const MIN_SECRET_BYTES: usize = 32;

    /// Reads a public key in PEM for `EdDSA` or `ES256`.
    pub fn from_pem(algorithm: JwtAlgorithm, pem: &str) -> Result<Self, InvalidJwtKey> {
        let wrong = InvalidJwtKey::for_algorithm(algorithm);
        let key = match algorithm {
            JwtAlgorithm::EdDsa => DecodingKey::from_ed_pem(pem.as_bytes()),
            JwtAlgorithm::Es256 => DecodingKey::from_ec_pem(pem.as_bytes()),
            JwtAlgorithm::Hs256 => return Err(wrong),
        };
        let key = key.map_err(|_| wrong)?;
        Self::from_public(algorithm, key.try_get_as_bytes().map_err(|_| wrong)?)
    }

    /// Takes the bytes of an HS256 secret: 32 or more.
    pub fn from_secret(secret: &[u8]) -> Result<Self, InvalidJwtKey> {
        if secret.len() < Self::MIN_SECRET_BYTES {
            return Err(InvalidJwtKey::NotASecret);
        }
        // Under HMAC the name of a secret helps nobody to guess it twice.
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"otp-login jwt key id");
        Ok(Self {
            algorithm: JwtAlgorithm::Hs256,
            id: BASE64_URL_SAFE_NO_PAD.encode(tag).into(),
            key: DecodingKey::from_secret(secret),
            public: None,
        })
    }

    /// The `kid`: the thumbprint of RFC 7638, or for a secret a hash under it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same, to keep.
    pub(super) fn shared_id(&self) -> Arc<str> {
        self.id.clone()
    }

    /// The one algorithm of this key.
    pub fn algorithm(&self) -> JwtAlgorithm {
        self.algorithm
    }

    /// The key as a JWK with its public members only; `None` for a secret.
    pub(super) fn to_jwk(&self) -> Option<Value> {
        let mut jwk = self.public.clone()?;
        let members = jwk.as_object_mut()?;
        members.insert("kid".to_owned(), json!(self.id()));
        members.insert("alg".to_owned(), json!(self.algorithm.as_str()));
        members.insert("use".to_owned(), json!("sig"));
        Some(jwk)
    }

    /// Whether `signature`, in base64url, is this key's over `message`.
    pub(super) fn accepts(&self, message: &[u8], signature: &str) -> bool {
        crypto::verify(signature, message, &self.key, self.algorithm.for_library()).unwrap_or(false)
    }

    /// Takes the bytes of a public key: Ed25519 as they are, P-256 as an uncompressed point.
    pub(super) fn from_public(algorithm: JwtAlgorithm, bytes: &[u8]) -> Result<Self, InvalidJwtKey> {
        let wrong = InvalidJwtKey::for_algorithm(algorithm);
        let base64 = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (key, public) = match (algorithm, bytes) {
            (JwtAlgorithm::EdDsa, x) if x.len() == 32 => {
                UnparsedPublicKey::new(&ED25519, x).parse().map_err(|_| wrong)?;
                (DecodingKey::from_ed_der(x), json!({"crv": "Ed25519", "kty": "OKP", "x": base64(x)}))
            }
            (JwtAlgorithm::Es256, [0x04, point @ ..]) if point.len() == 64 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).parse().map_err(|_| wrong)?;
                let (x, y) = point.split_at(32);
                (
                    DecodingKey::from_ec_der(bytes),
                    json!({"crv": "P-256", "kty": "EC", "x": base64(x), "y": base64(y)}),
                )
            }
            _ => return Err(wrong),
        };
        Ok(Self { algorithm, id: thumbprint(&public).into(), key, public: Some(public) })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, {})", self.algorithm.as_str(), self.id)
    }
}

/// RFC 7638 §3: the required members, ordered by name as they were given,
/// without white space.
fn thumbprint(required: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(required.to_string().as_bytes()))
}

fn to_pem(der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(BASE64_STANDARD.encode(der));
    let mut pem = Zeroizing::new(String::with_capacity(body.len() * 2 + 64));
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC_8037_SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    fn rfc_8037_key() -> JwtKey {
        let seed: Vec<u8> = (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&RFC_8037_SEED[at..at + 2], 16).unwrap())
            .collect();
        let der = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap().to_pkcs8v1().unwrap();
        JwtKey::from_pem(JwtAlgorithm::EdDsa, &to_pem(der.as_ref())).unwrap()
    }

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_8037_appendix_a_3() {
        assert_eq!(rfc_8037_key().verifying_key().id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_signature_of_rfc_8037_appendix_a_4_is_right_and_any_other_wrong() {
        let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature =
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let key = rfc_8037_key();
        assert!(key.verifying_key().accepts(message.as_bytes(), signature));
        assert!(!key.verifying_key().accepts(format!("{message}x").as_bytes(), signature));
        assert!(!key.verifying_key().accepts(message.as_bytes(), &signature.replacen('h', "i", 1)));
    }

    #[test]
    fn the_signatures_of_rfc_7515_appendix_a_are_right_for_their_keys() {
        let claims =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        let secret =
            decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
        let hs256 = VerifyingKey::from_secret(&secret).unwrap();
        assert!(hs256.accepts(
            format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{claims}").as_bytes(),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        ));
        let point = [
            vec![4],
            decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
            decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
        ]
        .concat();
        let es256 = VerifyingKey::from_public(JwtAlgorithm::Es256, &point).unwrap();
        assert!(es256.accepts(
            format!("eyJhbGciOiJFUzI1NiJ9.{claims}").as_bytes(),
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ));
    }

    #[test]
    fn asvs_11_6_1_a_key_of_another_kind_or_size_is_refused() {
        let ed = JwtKey::generate_pem(JwtAlgorithm::EdDsa);
        let p256 = JwtKey::generate_pem(JwtAlgorithm::Es256);
        let p384 = to_pem(
            EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING)
                .unwrap()
                .to_pkcs8v1()
                .unwrap()
                .as_ref(),
        );
        let sec1 = p256.replace("PRIVATE", "EC PRIVATE");
        for wrong in ["", "no PEM", p256.as_str(), &ed.replace("PRIVATE", "PUBLIC"), &ed[..80]] {
            assert_eq!(JwtKey::from_pem(JwtAlgorithm::EdDsa, wrong).unwrap_err(), InvalidJwtKey::NotEd25519);
        }
        for wrong in ["", ed.as_str(), p384.as_str(), &sec1] {
            assert_eq!(JwtKey::from_pem(JwtAlgorithm::Es256, wrong).unwrap_err(), InvalidJwtKey::NotP256);
        }
        assert_eq!(JwtKey::from_pem(JwtAlgorithm::Hs256, &ed).unwrap_err(), InvalidJwtKey::NotASecret);
        assert_eq!(JwtKey::from_secret(&[7; 31]).unwrap_err(), InvalidJwtKey::NotASecret);
        assert!(JwtKey::from_secret(&[7; 32]).is_ok());
    }

    #[test]
    fn a_public_key_in_pem_has_the_id_of_its_private_key() {
        // RFC 8410 §4: this prefix, then the 32 bytes.
        let spki = [
            vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
            Ed25519KeyPair::from_pkcs8(rfc_8037_key().encoding.as_bytes())
                .unwrap()
                .public_key()
                .as_ref()
                .to_vec(),
        ]
        .concat();
        let pem = to_pem(&spki).replace("PRIVATE", "PUBLIC");
        let read = VerifyingKey::from_pem(JwtAlgorithm::EdDsa, &pem).unwrap();
        assert_eq!(read.id(), rfc_8037_key().verifying_key().id());
        assert!(VerifyingKey::from_pem(JwtAlgorithm::Es256, &pem).is_err());
    }

    #[test]
    fn a_derived_key_is_the_same_after_a_restart() {
        let id = |byte| JwtKey::derived(&DataKey::from_bytes([byte; 32])).verifying_key().id().to_owned();
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }

    #[test]
    fn generated_keys_are_read_back_and_differ() {
        for algorithm in [JwtAlgorithm::EdDsa, JwtAlgorithm::Es256] {
            let (first, second) = (JwtKey::generate_pem(algorithm), JwtKey::generate_pem(algorithm));
            assert!(JwtKey::from_pem(algorithm, &first).is_ok());
            assert!(first.lines().all(|line| line.len() <= 64));
            assert_ne!(first, second);
        }
        assert!(JwtKey::from_secret(JwtKey::generate_pem(JwtAlgorithm::Hs256).as_bytes()).is_ok());
    }

    #[test]
    fn keys_never_print_themselves() {
        let shown = format!("{:?}", JwtKey::from_secret(b"a secret of thirty-two bytes, no less").unwrap());
        assert!(!shown.contains("secret of") && !shown.contains("97, 32"), "{shown}");
    }

    #[test]
    fn algorithms_are_read_by_their_registered_names() {
        for algorithm in JwtAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        for wrong in ["none", "eddsa", "RS256", ""] {
            assert_eq!(wrong.parse::<JwtAlgorithm>(), Err(UnknownJwtAlgorithm));
        }
    }
}
