//! The codes that authenticator apps show (RFC 6238).

use domain::{Code, TotpSecret, TotpStep};
use ports::TotpCodes;
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// Codes of six digits by HMAC-SHA-1, a new one every 30 seconds: what every app computes.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthenticatorCodes;

impl TotpCodes for AuthenticatorCodes {
    fn is_code_of(&self, secret: &TotpSecret, step: TotpStep, code: &Code) -> bool {
        // There are no steps before the epoch.
        u64::try_from(step.begins_at()).is_ok_and(|time| app(secret).check(code.expose(), time).is_some())
    }
}

/// The app with this secret. Of steps before and after, which `totp-rs` would also try, it tries
/// none: the domain says which are accepted.
#[expect(
    clippy::expect_used,
    reason = "20 bytes, six digits and 30 seconds are what RFC 4226 and 6238 ask for"
)]
fn app(secret: &TotpSecret) -> Totp {
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(0);
    let builder = builder.with_step_duration(TotpStep::SECONDS.unsigned_abs());
    builder.with_secret(Secret::new_stack(*secret.expose())).build().expect("an app by the RFCs")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, Appendix B: time, step, and the code cut to six digits as RFC 4226 §5.3 does.
    const VECTORS: [(i64, i64, &str); 6] = [
        (59, 0x1, "287082"),
        (1_111_111_109, 0x0235_23EC, "081804"),
        (1_111_111_111, 0x0235_23ED, "050471"),
        (1_234_567_890, 0x0273_EF07, "005924"),
        (2_000_000_000, 0x03F9_40AA, "279037"),
        (20_000_000_000, 0x27BC_86AA, "353130"),
    ];

    fn secret() -> TotpSecret {
        TotpSecret::from_bytes(*b"12345678901234567890")
    }

    fn is_code(secret: &TotpSecret, step: i64, code: &str) -> bool {
        AuthenticatorCodes.is_code_of(secret, TotpStep(step), &Code::parse(code).unwrap())
    }

    #[test]
    fn d_16_codes_are_those_of_rfc_6238() {
        for (time, step, code) in VECTORS {
            assert_eq!(TotpStep::at(jiff::Timestamp::from_second(time).unwrap()), TotpStep(step));
            assert!(is_code(&secret(), step, code), "at {time}");
        }
    }

    /// RFC 4226, Appendix D: the counter is the step.
    #[test]
    fn d_16_codes_are_those_of_rfc_4226() {
        let table = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (step, code) in (0..).zip(table) {
            assert!(is_code(&secret(), step, code), "step {step}");
        }
    }

    #[test]
    fn asvs_6_5_5_a_code_is_of_its_own_step_only() {
        for (_, step, code) in VECTORS {
            for other in [step - 1, step + 1] {
                assert!(!is_code(&secret(), other, code), "{code} in step {other}");
            }
            assert!(!is_code(&TotpSecret::from_bytes([7; 20]), step, code));
        }
    }

    #[test]
    fn what_is_no_code_of_six_digits_is_wrong() {
        for wrong in ["94287082", "28708", "2870820", "287O82", "abcdef", "0287082"] {
            assert!(!is_code(&secret(), 1, wrong), "{wrong}");
        }
        assert!(is_code(&secret(), 1, "287 082") && !is_code(&secret(), -1, "287082"));
    }
}
