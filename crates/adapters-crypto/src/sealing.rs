//! Sealing at rest: AES-256-GCM (NIST SP 800-38D) under keys from the data key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ports::{SealContext, SealedValue, Sealer, UnsealError, Unsealed};
use secrecy::SecretSlice;
use zeroize::Zeroizing;

use crate::DataKey;

/// The name of the only scheme so far, as JWE has it (RFC 7518 §5.3).
const SCHEME: &str = "A256GCM";

/// Seals with a key derived from the data key, and opens with those of earlier data
/// keys, too.
///
/// The nonce is random, 96 bits, fresh for each seal. One key may seal 2³² values
/// before two nonces could be the same with a chance above 2⁻³² (SP 800-38D §8.3): a
/// value a second for 136 years. What is sealed says `scheme.key.bytes`; scheme and key
/// are authenticated together with purpose and owner.
pub struct DataKeySealer {
    current: SealKey,
    previous: Vec<SealKey>,
}

impl DataKeySealer {
    /// Seals with `current`, opens with all.
    pub fn new(current: &DataKey, previous: &[DataKey]) -> Self {
        Self { current: SealKey::derive(current), previous: previous.iter().map(SealKey::derive).collect() }
    }

    fn find(&self, key_id: &str) -> Option<(&SealKey, bool)> {
        if self.current.id == key_id {
            return Some((&self.current, false));
        }
        self.previous.iter().find(|key| key.id == key_id).map(|key| (key, true))
    }
}

impl Sealer for DataKeySealer {
    fn seal(&self, plaintext: &[u8], context: &SealContext) -> SealedValue {
        let header = format!("{SCHEME}.{}", self.current.id);
        let bytes = self.current.seal(plaintext, &associated_data(&header, context));
        SealedValue(format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn open(&self, sealed: &SealedValue, context: &SealContext) -> Result<Unsealed, UnsealError> {
        let (header, body) = sealed.0.rsplit_once('.').ok_or(UnsealError::Malformed)?;
        let (scheme, key_id) = header.split_once('.').ok_or(UnsealError::Malformed)?;
        if scheme != SCHEME || !SealKey::is_id(key_id) {
            return Err(UnsealError::Malformed);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| UnsealError::Malformed)?;
        let (key, outdated) =
            self.find(key_id).ok_or_else(|| UnsealError::UnknownKey { key_id: key_id.to_owned() })?;
        let plaintext = key.open(Zeroizing::new(bytes), &associated_data(header, context))?;
        Ok(Unsealed { plaintext, outdated })
    }
}

/// A key and its public name, which tells nothing of it.
struct SealKey {
    id: String,
    key: RandomizedNonceKey,
}

impl SealKey {
    const ID_CHARS: usize = 16;

    #[expect(clippy::expect_used, reason = "32 bytes are a key of AES-256")]
    fn derive(data_key: &DataKey) -> Self {
        let key = data_key.derive("seal");
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).expect("a key of 32 bytes");
        let id = data_key.derive("seal key id");
        let id = id.iter().take(Self::ID_CHARS / 2).fold(0_u64, |id, byte| (id << 8) | u64::from(*byte));
        Self { id: format!("{id:016x}"), key }
    }

    fn is_id(text: &str) -> bool {
        text.len() == Self::ID_CHARS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// Nonce, ciphertext and tag.
    #[expect(
        clippy::expect_used,
        reason = "sealing fails without random bytes or with 64 GiB; going on would be worse"
    )]
    fn seal(&self, plaintext: &[u8], associated_data: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + self.key.algorithm().tag_len());
        sealed.resize(NONCE_LEN, 0);
        sealed.extend_from_slice(plaintext);
        let (place, text) = sealed.split_at_mut(NONCE_LEN);
        let (nonce, tag) =
            self.key.seal_in_place_separate_tag(Aad::from(associated_data), text).expect("a sealed value");
        place.copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    fn open(
        &self,
        mut sealed: Zeroizing<Vec<u8>>,
        associated_data: &[u8],
    ) -> Result<SecretSlice<u8>, UnsealError> {
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN).ok_or(UnsealError::Malformed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| UnsealError::Malformed)?;
        let plaintext = self.key.open_in_place(nonce, Aad::from(associated_data), text);
        plaintext.map(|text| text.to_vec().into()).map_err(|_| UnsealError::Forged)
    }
}

/// Header, purpose and owner, apart by a byte that none of them can hold.
fn associated_data(header: &str, context: &SealContext) -> Vec<u8> {
    let (purpose, owner) = match context {
        SealContext::TotpSecret(user_id) => ("totp secret", user_id.0.to_string()),
        SealContext::SigningKey(key_id) => ("signing key", key_id.as_str().to_owned()),
    };
    [header, purpose, &owner].join("\0").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::{SigningKeyId, UserId};
    use secrecy::ExposeSecret;
    use uuid::Uuid;

    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn data_key(byte: u8) -> DataKey {
        DataKey::from_bytes([byte; 32])
    }

    fn sealer(current: u8, previous: &[u8]) -> DataKeySealer {
        DataKeySealer::new(&data_key(current), &previous.iter().copied().map(data_key).collect::<Vec<_>>())
    }

    fn totp(user: u128) -> SealContext {
        SealContext::TotpSecret(UserId(Uuid::from_u128(user)))
    }

    fn failure(ours: &DataKeySealer, sealed: &SealedValue, context: &SealContext) -> UnsealError {
        ours.open(sealed, context).expect_err("it must not open")
    }

    /// Computed with HKDF and AES-GCM of another library; a stored value opens for ever.
    #[test]
    fn asvs_11_3_2_a_value_sealed_elsewhere_by_the_documented_scheme_opens() {
        let sealed = SealedValue(
            "A256GCM.6105432dcc1b08ad.AAECAwQFBgcICQoLhsBPw5Bif6BmNpzFrbUyjEKLsDr6rvPHK9nqC-edFh0H3ys0"
                .to_owned(),
        );
        let opened = sealer(7, &[]).open(&sealed, &totp(42)).unwrap();
        assert_eq!((opened.plaintext.expose_secret(), opened.outdated), (SECRET, false));
    }

    #[test]
    fn asvs_11_3_3_what_was_sealed_opens_in_its_context() {
        let key = SealContext::SigningKey(SigningKeyId::parse("a").unwrap());
        for context in [totp(1), key] {
            for plaintext in [b"".as_slice(), b"x", SECRET, &[0; 4096]] {
                let sealed = sealer(1, &[]).seal(plaintext, &context);
                let opened = sealer(1, &[2]).open(&sealed, &context).unwrap();
                assert_eq!((opened.plaintext.expose_secret(), opened.outdated), (plaintext, false));
            }
        }
    }

    #[test]
    fn asvs_11_3_3_a_row_copied_to_another_user_or_purpose_does_not_open() {
        let ours = sealer(1, &[]);
        let sealed = ours.seal(SECRET, &totp(1));
        let same_text = SigningKeyId::parse(&Uuid::from_u128(1).to_string()).unwrap();
        for elsewhere in [totp(2), SealContext::SigningKey(same_text)] {
            assert_eq!(failure(&ours, &sealed, &elsewhere), UnsealError::Forged);
        }
    }

    #[test]
    fn asvs_11_3_3_a_value_with_any_character_changed_does_not_open() {
        let ours = sealer(1, &[]);
        let sealed = ours.seal(SECRET, &totp(1)).0;
        for at in 0..sealed.len() {
            for other in ['A', 'b', '0', '.', '='] {
                let mut changed = sealed.clone();
                changed.replace_range(at..=at, &other.to_string());
                let opens = ours.open(&SealedValue(changed.clone()), &totp(1)).is_ok();
                assert_eq!(opens, changed == sealed, "{other} at {at}");
            }
        }
    }

    #[test]
    fn asvs_11_3_3_what_is_no_sealed_value_is_told_apart_from_forgery() {
        let ours = sealer(1, &[]);
        let sealed = ours.seal(SECRET, &totp(1)).0;
        let none = sealed.replace(SCHEME, "none");
        for malformed in ["", ".", "..", "A256GCM", "A256GCM..", "JBSWY3DPEHPK3PXP", &sealed[..30], &none] {
            let error = failure(&ours, &SealedValue(malformed.to_owned()), &totp(1));
            assert_eq!(error, UnsealError::Malformed, "{malformed:?}");
        }
        let short = SealedValue(sealed[..sealed.len() - 30].to_owned());
        assert!(matches!(failure(&ours, &short, &totp(1)), UnsealError::Forged | UnsealError::Malformed));
    }

    #[test]
    fn asvs_11_3_4_every_seal_has_a_fresh_nonce() {
        let ours = sealer(1, &[]);
        let nonces: HashSet<Vec<u8>> = (0..1000)
            .map(|_| {
                let sealed = ours.seal(SECRET, &totp(1)).0;
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed.rsplit_once('.').unwrap().1).unwrap();
                bytes[..NONCE_LEN].to_vec()
            })
            .collect();
        assert_eq!(nonces.len(), 1000);
    }

    #[test]
    fn asvs_11_2_2_a_value_of_a_previous_data_key_opens_and_is_outdated() {
        let sealed = sealer(1, &[]).seal(SECRET, &totp(1));
        let opened = sealer(2, &[3, 1]).open(&sealed, &totp(1)).unwrap();
        assert_eq!((opened.plaintext.expose_secret(), opened.outdated), (SECRET, true));
        let resealed = sealer(2, &[1]).seal(opened.plaintext.expose_secret(), &totp(1));
        assert!(!sealer(2, &[]).open(&resealed, &totp(1)).unwrap().outdated);
    }

    #[test]
    fn asvs_11_2_2_a_value_of_an_unknown_data_key_names_the_key_and_the_remedy() {
        let sealed = sealer(1, &[]).seal(SECRET, &totp(1));
        let error = failure(&sealer(2, &[3]), &sealed, &totp(1));
        let UnsealError::UnknownKey { key_id } = &error else { panic!("{error:?}") };
        assert!(sealed.0.contains(key_id.as_str()));
        assert!(error.to_string().contains("secrets.previous_data_keys"), "{error}");
    }

    #[test]
    fn nothing_that_is_sealed_prints_itself() {
        let ours = sealer(1, &[]);
        let sealed = ours.seal(SECRET, &totp(1));
        let shown = format!("{sealed:?} {:?}", ours.open(&sealed, &totp(1)).unwrap());
        assert!(!shown.contains("1234") && !shown.contains("49, 50"), "{shown}");
    }
}
