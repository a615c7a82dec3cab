//! The secret that an endpoint shares with us.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

/// What secrets begin with, so that they are recognised wherever they turn up.
const PREFIX: &str = "whsec_";

/// A secret of 24 to 64 random bytes, written as `whsec_` and Base64.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// A text that is no secret. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write whsec_ followed by Base64 of 24 to 64 random bytes, such as `echo whsec_$(openssl rand -base64 32)` prints"
)]
pub struct InvalidSecret;

impl Secret {
    /// Reads a secret as the settings hold it.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret)?);
        if !(24..=64).contains(&bytes.len()) {
            return Err(InvalidSecret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// `v1,` and the signature of a message under this secret.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
    }
}

/// The header of a message that is signed with the secret and, while it is being replaced,
/// with the one before.
pub(crate) fn signatures(
    secret: &Secret,
    previous: Option<&Secret>,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> String {
    let secrets = [Some(secret), previous].into_iter().flatten();
    secrets.map(|secret| secret.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published vector: the secret, id, time and payload of the reference libraries' tests.
    #[test]
    fn a_message_is_signed_as_the_specification_s_libraries_do() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_long_enough_and_says_what_it_is() {
        let secret = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        for good in [24, 32, 64] {
            assert!(Secret::parse(&secret(good)).is_ok(), "{good}");
        }
        let bare = BASE64_STANDARD.encode([7; 32]);
        for wrong in ["", "whsec_", "whsec_…", &bare, &secret(23), &secret(65), &secret(32).replace('=', "")]
        {
            let refused = Secret::parse(wrong).err();
            assert_eq!(refused, Some(InvalidSecret), "{wrong}");
        }
        assert_eq!(format!("{:?}", Secret::parse(&secret(32)).unwrap()), "Secret(…)");
    }
}
