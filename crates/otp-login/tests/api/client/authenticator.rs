//! An authenticator app, written by RFC 4226 and RFC 6238 alone.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use serde_json::Value;

/// An app that was given a secret.
#[derive(Clone, Debug)]
pub(crate) struct AuthenticatorApp {
    key: Vec<u8>,
}

impl AuthenticatorApp {
    /// Reads the secret as a person would type it.
    pub(crate) fn typed(secret: &str) -> Self {
        Self { key: base32(secret) }
    }

    /// Reads the link as a scanned QR code gives it, and holds it against the answer it came in.
    pub(crate) fn scanned(answer: &Value) -> Self {
        let uri = answer["otpauth_uri"].as_str().unwrap();
        let (_, query) = uri.strip_prefix("otpauth://totp/").unwrap().split_once('?').unwrap();
        let parameter = |name: &str| {
            let mut values = query.split('&').filter_map(|pair| pair.strip_prefix(&format!("{name}=")));
            values.next().unwrap().to_owned()
        };
        assert_eq!(parameter("secret"), answer["secret"].as_str().unwrap());
        let settings = ["algorithm", "digits", "period", "issuer"].map(parameter);
        assert_eq!(settings, ["SHA1", "6", "30", "otp-login"]);
        Self::typed(&parameter("secret"))
    }

    /// The secret itself.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The step that it is now.
    pub(crate) fn now() -> i64 {
        Timestamp::now().as_second() / 30
    }

    /// What the app shows in a step.
    pub(crate) fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.key);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[19] & 15);
        let bits = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7FFF_FFFF;
        format!("{:06}", bits % 1_000_000)
    }

    /// A code of six digits that the app shows neither now nor about now.
    pub(crate) fn wrong_code(&self) -> String {
        let shown: Vec<String> = (-3..=3).map(|away| self.code(Self::now() + away)).collect();
        let mut codes = (0..10).map(|digit: u32| format!("{:06}", digit * 111_111));
        codes.find(|code| !shown.contains(code)).unwrap()
    }
}

fn base32(text: &str) -> Vec<u8> {
    assert_eq!(text.len(), 32, "160 bits");
    let value = |symbol: u8| match symbol {
        b'A'..=b'Z' => u64::from(symbol - b'A'),
        b'2'..=b'7' => u64::from(symbol - b'2' + 26),
        _ => panic!("not base32: {text}"),
    };
    let groups = text.as_bytes().chunks(8).map(|group| group.iter().fold(0, |bits, s| bits << 5 | value(*s)));
    groups.flat_map(|bits: u64| bits.to_be_bytes()[3..].to_vec()).collect()
}

#[test]
fn the_app_computes_what_rfc_6238_says() {
    let app = AuthenticatorApp::typed("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(app.key, b"12345678901234567890");
    for (step, code) in [(1, "287082"), (0x0235_23EC, "081804"), (0x27BC_86AA, "353130")] {
        assert_eq!(app.code(step), code);
    }
}
