//! The key that codes are computed with.

use std::fmt;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use domain::{Channel, Code, PhoneNumber, SendReference};
use zeroize::Zeroizing;

/// A key of 32 bytes that nothing else is made with.
pub struct CodeKey {
    key: hmac::Key,
    id: String,
}

impl CodeKey {
    /// Takes 32 bytes that nobody can guess, such as those derived from the data key for this
    /// purpose.
    pub fn new(bytes: &Zeroizing<[u8; 32]>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice());
        let tag = hmac::sign(&key, b"id");
        let id = tag.as_ref().iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        Self { key, id: format!("{id:08x}") }
    }

    /// Names the key and tells nothing of it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The code of one send: six digits. 64 bits are cut down to them, so that no code is
    /// likelier than another by more than one part in 10¹³.
    #[expect(clippy::expect_used, reason = "six digits have the form of a code")]
    pub(crate) fn code(&self, reference: SendReference, phone: &PhoneNumber, channel: Channel) -> Code {
        let mut context = hmac::Context::with_key(&self.key);
        // The lengths of the first three are fixed, or they end with what the next cannot hold.
        context.update(b"code ");
        context.update(reference.0.as_bytes());
        context.update(channel.as_str().as_bytes());
        context.update(phone.as_e164().as_bytes());
        let tag = context.sign();
        let cut = tag.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let digits = Zeroizing::new(format!("{:06}", cut % 1_000_000));
        Code::parse(&digits).expect("six digits")
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(…)")
    }
}

/// Compares in a time that does not depend on where the codes differ.
pub(crate) fn same(right: &Code, typed: &Code) -> bool {
    verify_slices_are_equal(right.expose().as_bytes(), typed.expose().as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    fn key(byte: u8) -> CodeKey {
        CodeKey::new(&Zeroizing::new([byte; 32]))
    }

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::from_stored(text).unwrap()
    }

    fn code(key: &CodeKey, reference: u128, number: &str, channel: Channel) -> String {
        key.code(SendReference(Uuid::from_u128(reference)), &phone(number), channel).expose().to_owned()
    }

    #[test]
    fn asvs_6_6_2_a_code_hangs_on_key_reference_number_and_channel() {
        let mine = code(&key(1), 1, "+46701740605", Channel::Sms);
        assert_eq!(code(&key(1), 1, "+46701740605", Channel::Sms), mine);
        for other in [
            code(&key(2), 1, "+46701740605", Channel::Sms),
            code(&key(1), 2, "+46701740605", Channel::Sms),
            code(&key(1), 1, "+46701740606", Channel::Sms),
            code(&key(1), 1, "+46701740605", Channel::Voice),
        ] {
            assert_ne!(other, mine);
        }
        assert_ne!(key(1).id(), key(2).id());
    }

    #[test]
    fn d_01_codes_have_six_digits_and_every_digit_is_as_likely_at_every_place() {
        let key = key(3);
        let mut counts = [[0_u32; 10]; 6];
        let codes: Vec<String> =
            (0..20_000).map(|reference| code(&key, reference, "+46701740605", Channel::Sms)).collect();
        for code in &codes {
            assert_eq!(code.len(), 6);
            for (place, digit) in code.bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        // 2,000 of each; the standard deviation is 42.
        assert!(counts.iter().flatten().all(|count| (1_750..=2_250).contains(count)), "{counts:?}");
        let distinct: HashSet<&String> = codes.iter().collect();
        assert!(distinct.len() > 19_500, "{}", distinct.len());
    }

    #[test]
    fn a_key_never_prints_itself() {
        assert_eq!(format!("{:?}", key(1)), "CodeKey(…)");
    }
}
