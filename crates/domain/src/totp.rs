//! Time-based one-time passwords (RFC 6238), as authenticator apps show them.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretBox};

/// What an authenticator app and we share: 160 random bits (RFC 4226 §4, R6).
pub struct TotpSecret(SecretBox<[u8; Self::BYTES]>);

impl TotpSecret {
    /// As many as HMAC-SHA-1 gives.
    pub const BYTES: usize = 20;

    /// Takes random bytes.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Takes what was stored; `None` when it has another length.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_bytes)
    }

    /// The secret itself, for the lines that seal it, show it and compute with it.
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        self.0.expose_secret()
    }
}

impl Clone for TotpSecret {
    fn clone(&self) -> Self {
        Self::from_bytes(*self.expose())
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// One of the times that a code is for: 30 seconds, counted from the Unix epoch
/// (RFC 6238 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TotpStep(pub i64);

impl TotpStep {
    /// How long a step lasts.
    pub const SECONDS: i64 = 30;

    /// The step that `now` is in.
    pub fn at(now: Timestamp) -> Self {
        Self(now.as_second().div_euclid(Self::SECONDS))
    }

    /// The second with which the step begins, since the Unix epoch.
    pub const fn begins_at(self) -> i64 {
        self.0.saturating_mul(Self::SECONDS)
    }

    /// The steps whose codes are accepted `now`, when `last_used` is the latest that was
    /// accepted before: this one, and the one before for who types slowly (RFC 6238 §5.2),
    /// never a later one. A code is accepted once, and with it every earlier one is over.
    pub fn accepted(now: Timestamp, last_used: Option<Self>) -> impl Iterator<Item = Self> {
        let Self(current) = Self::at(now);
        let steps = [Self(current), Self(current.saturating_sub(1))];
        steps.into_iter().filter(move |step| last_used.is_none_or(|last| *step > last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn accepted(now: &str, last_used: Option<i64>) -> Vec<i64> {
        TotpStep::accepted(at(now), last_used.map(TotpStep)).map(|step| step.0).collect()
    }

    /// The counters that RFC 6238, Appendix B, lists.
    #[test]
    fn steps_are_those_of_rfc_6238() {
        let table = [
            ("1970-01-01T00:00:59Z", 0x1),
            ("2005-03-18T01:58:29Z", 0x0235_23EC),
            ("2005-03-18T01:58:31Z", 0x0235_23ED),
            ("2009-02-13T23:31:30Z", 0x0273_EF07),
            ("2033-05-18T03:33:20Z", 0x03F9_40AA),
            ("2603-10-11T11:33:20Z", 0x27BC_86AA),
        ];
        for (time, step) in table {
            assert_eq!(TotpStep::at(at(time)), TotpStep(step), "{time}");
        }
    }

    #[test]
    fn d_16_the_step_of_now_and_the_one_before_are_accepted_to_the_second() {
        assert_eq!(accepted("1970-01-01T00:10:00Z", None), [20, 19]);
        assert_eq!(accepted("1970-01-01T00:10:29.999999Z", None), [20, 19]);
        assert_eq!(accepted("1970-01-01T00:10:30Z", None), [21, 20]);
        assert_eq!(TotpStep(20).begins_at(), 600);
    }

    #[test]
    fn nb_11_no_step_is_accepted_again_nor_an_older_one() {
        let now = "1970-01-01T00:10:00Z";
        assert_eq!(accepted(now, Some(18)), [20, 19]);
        assert_eq!(accepted(now, Some(19)), [20]);
        assert!(accepted(now, Some(20)).is_empty());
        assert!(accepted(now, Some(21)).is_empty(), "nor after a clock that was set back");
    }

    #[test]
    fn a_secret_never_prints_itself_and_is_read_back_in_its_length_only() {
        let secret = TotpSecret::from_bytes(*b"12345678901234567890");
        assert_eq!(format!("{secret:?}"), "TotpSecret(…)");
        assert_eq!(TotpSecret::from_stored(secret.expose()).unwrap().expose(), secret.expose());
        assert!(TotpSecret::from_stored(&[1; 19]).is_none());
        assert!(TotpSecret::from_stored(&[1; 32]).is_none());
    }
}
