//! What enrols an authenticator app, and what opens an account without it.

use data_encoding::BASE32_NOPAD;
use domain::{Email, RecoveryCode, TotpSecret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemCode};

/// All but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The pixels that a module of the QR code has, so that a picture is large enough for a camera.
const PIXELS: u32 = 4;

/// An authenticator app that waits to be confirmed.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpEnrolment)]
pub(crate) struct TotpAnswer {
    /// 160 bits in base32 (RFC 4648), for people who type it.
    #[schema(examples("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))]
    secret: String,
    /// The same for apps that open links.
    #[schema(examples(
        "otpauth://totp/otp-login:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=otp-login&algorithm=SHA1&digits=6&period=30"
    ))]
    otpauth_uri: String,
    /// The link as a QR code: an SVG picture without scripts or references.
    qr_svg: String,
}

impl TotpAnswer {
    /// The secret of the app that will show codes of `issuer` for `account`.
    pub(crate) fn of(secret: &TotpSecret, issuer: &str, account: &Email) -> Result<Self, Problem> {
        let secret = BASE32_NOPAD.encode(secret.expose());
        let otpauth_uri = otpauth_uri(&secret, issuer, account);
        let qr_svg = qr_svg(&otpauth_uri)?;
        Ok(Self { secret, otpauth_uri, qr_svg })
    }
}

/// By the rules of the Key Uri Format. The defaults stand there too, for apps that have others.
fn otpauth_uri(secret: &str, issuer: &str, account: &Email) -> String {
    let encoded = |text| utf8_percent_encode(text, RESERVED);
    let (issuer, account) = (encoded(issuer), encoded(account.as_typed()));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    )
}

fn qr_svg(text: &str) -> Result<String, Problem> {
    // The longest address and issuer have room in a QR code of the lowest redundancy only.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|error| {
        tracing::error!(event = "fault", %error, "a link does not fit into a QR code");
        Problem::new(ProblemCode::Internal)
    })?;
    Ok(code.render::<svg::Color<'_>>().module_dimensions(PIXELS, PIXELS).build())
}

/// Recovery codes. They are shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(crate) struct RecoveryCodesAnswer {
    /// Ten codes of 140 random bits. Case, spaces and dashes do not count when one is typed.
    #[schema(min_items = 10, max_items = 10, examples(json!(["0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV"])))]
    recovery_codes: Vec<String>,
}

impl RecoveryCodesAnswer {
    pub(crate) fn of(codes: &[RecoveryCode]) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.expose_grouped().to_string()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn answer(issuer: &str, account: &str) -> TotpAnswer {
        let secret = TotpSecret::from_bytes(*b"12345678901234567890");
        TotpAnswer::of(&secret, issuer, &Email::parse(account).unwrap()).unwrap()
    }

    #[test]
    fn an_app_is_told_whose_codes_it_shows_and_how_to_compute_them() {
        let answer = answer("otp-login", "ann@example.com");
        assert_eq!(answer.secret, SECRET);
        let expected = format!(
            "otpauth://totp/otp-login:ann%40example.com?secret={SECRET}&issuer=otp-login&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(answer.otpauth_uri, expected);
    }

    #[test]
    fn asvs_1_2_2_every_part_of_the_link_is_percent_encoded() {
        let uri = answer("Ann & Sons? 100%/#", "a+b&c=d?#%@example.com").otpauth_uri;
        let (label, query) = uri.strip_prefix("otpauth://totp/").unwrap().split_once('?').unwrap();
        assert_eq!(label, "Ann%20%26%20Sons%3F%20100%25%2F%23:a%2Bb%26c%3Dd%3F%23%25%40example.com");
        assert_eq!(query.split('&').count(), 5);
        assert!(uri.bytes().all(|b| b.is_ascii_graphic()));
    }

    #[test]
    fn the_longest_link_still_fits_into_a_picture() {
        let account = format!("{}@{}.example", "ä".repeat(32), "d".repeat(60));
        let picture = answer(&"ö".repeat(64), &account).qr_svg;
        assert!(picture.contains("<svg") && picture.ends_with("</svg>"));
    }

    #[test]
    fn asvs_3_2_2_the_picture_holds_neither_text_nor_script_nor_reference() {
        let picture = answer("<script>", "ann@example.com").qr_svg;
        for unwanted in ["script", "href", "ann", SECRET, "<text", "<!"] {
            assert!(!picture.to_lowercase().contains(&unwanted.to_lowercase()), "{unwanted}");
        }
    }
}
