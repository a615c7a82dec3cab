//! Secrets and ids from the operating system's generator.

use aws_lc_rs::{digest, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{
    CeremonyId, ChallengeId, DeviceToken, DeviceTokenHash, RecoveryCode, RecoveryCodeHash, RefreshToken,
    RefreshTokenHash, TotpSecret,
};
use jiff::Timestamp;
use ports::SecretGenerator;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The operating system's generator, through aws-lc-rs.
///
/// Should it ever fail, the call panics: no id is better than a guessable one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSecrets;

impl SecretGenerator for SystemSecrets {
    fn id(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random()).into_uuid()
    }

    #[expect(clippy::expect_used, reason = "43 characters of base64url have the form of a challenge id")]
    fn challenge_id(&self) -> ChallengeId {
        ChallengeId::parse(&random_text()).expect("the form of a challenge id")
    }

    #[expect(clippy::expect_used, reason = "43 characters of base64url have the form of a ceremony id")]
    fn ceremony_id(&self) -> CeremonyId {
        CeremonyId::parse(&random_text()).expect("the form of a ceremony id")
    }

    #[expect(clippy::expect_used, reason = "43 characters of base64url have the form of a refresh token")]
    fn refresh_token(&self) -> RefreshToken {
        RefreshToken::parse(&random_text()).expect("the form of a refresh token")
    }

    fn hash_refresh_token(&self, token: &RefreshToken) -> RefreshTokenHash {
        RefreshTokenHash(sha256(token.expose().as_bytes()))
    }

    #[expect(clippy::expect_used, reason = "43 characters of base64url have the form of a device token")]
    fn device_token(&self) -> DeviceToken {
        DeviceToken::parse(&random_text()).expect("the form of a device token")
    }

    fn hash_device_token(&self, token: &DeviceToken) -> DeviceTokenHash {
        DeviceTokenHash(sha256(token.expose().as_bytes()))
    }

    fn totp_secret(&self) -> TotpSecret {
        TotpSecret::from_bytes(*random())
    }

    fn recovery_code(&self) -> RecoveryCode {
        RecoveryCode::from_random(&random())
    }

    fn hash_recovery_code(&self, code: &RecoveryCode) -> RecoveryCodeHash {
        RecoveryCodeHash(sha256(code.expose().as_bytes()))
    }
}

/// `N` bytes that nobody can guess.
#[expect(clippy::expect_used, reason = "without random bytes no secret can be made; going on would be worse")]
pub(crate) fn random<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(bytes.as_mut_slice()).expect("the operating system gives random bytes");
    bytes
}

/// 256 random bits as 43 characters of base64url.
fn random_text() -> Zeroizing<String> {
    Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(random::<32>().as_slice()))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn asvs_11_5_1_secrets_have_256_bits_and_do_not_repeat() {
        let ids: HashSet<_> = (0..500).map(|_| SystemSecrets.challenge_id().as_str().to_owned()).collect();
        let tokens: HashSet<_> =
            (0..500).map(|_| SystemSecrets.refresh_token().expose().to_owned()).collect();
        let of_devices: HashSet<_> =
            (0..500).map(|_| SystemSecrets.device_token().expose().to_owned()).collect();
        assert_eq!((ids.len(), tokens.len(), of_devices.len()), (500, 500, 500));
        assert!(ids.iter().chain(&tokens).chain(&of_devices).all(|text| text.len() == 43));
    }

    #[test]
    fn asvs_6_5_3_secrets_of_apps_and_recovery_codes_do_not_repeat_and_use_every_symbol() {
        let secrets: HashSet<_> = (0..500).map(|_| *SystemSecrets.totp_secret().expose()).collect();
        let codes: HashSet<_> = (0..500).map(|_| SystemSecrets.recovery_code().expose().to_owned()).collect();
        assert_eq!((secrets.len(), codes.len()), (500, 500));
        let symbols: HashSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
        assert_eq!(symbols.len(), 32);
    }

    #[test]
    fn asvs_6_5_2_a_recovery_code_is_found_however_it_is_typed() {
        let code = SystemSecrets.recovery_code();
        let typed = code.expose_grouped().to_lowercase().replace('-', " ");
        let hash = SystemSecrets.hash_recovery_code(&code);
        assert_eq!(SystemSecrets.hash_recovery_code(&RecoveryCode::parse(&typed).unwrap()), hash);
        assert_ne!(SystemSecrets.hash_recovery_code(&SystemSecrets.recovery_code()), hash);
    }

    #[test]
    fn an_id_is_a_uuid_of_the_given_time() {
        let now = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let (first, second) = (SystemSecrets.id(now), SystemSecrets.id(now));
        assert_eq!(first.get_version_num(), 7);
        assert_eq!(first.get_timestamp().unwrap().to_unix(), (1_700_000_000, 123_000_000));
        assert_ne!(first, second);
    }

    #[test]
    fn a_refresh_token_is_stored_as_its_sha_256() {
        let token = RefreshToken::parse(&"a".repeat(43)).unwrap();
        let hash = SystemSecrets.hash_refresh_token(&token);
        assert_eq!(hash.0, sha256("a".repeat(43).as_bytes()));
        // FIPS 180-2 appendix B.1.
        assert_eq!(sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn asvs_7_2_3_a_device_token_is_stored_as_its_sha_256() {
        let token = DeviceToken::parse(&"a".repeat(43)).unwrap();
        assert_eq!(SystemSecrets.hash_device_token(&token).0, sha256("a".repeat(43).as_bytes()));
    }
}
