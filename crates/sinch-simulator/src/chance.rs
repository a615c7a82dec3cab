//! Ids and codes from the operating system's generator.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use jiff::Timestamp;

use crate::verification::CodeType;

/// A verification id as Sinch makes them: a ULID written as a UUID, so 48 bits
/// of Unix milliseconds and then only chance.
pub(crate) fn verification_id(now: Timestamp) -> Result<String, Unspecified> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes)?;
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0).to_be_bytes();
    for (byte, milli) in bytes.iter_mut().zip(millis.into_iter().skip(2)) {
        *byte = milli;
    }
    Ok(hyphenated(u128::from_be_bytes(bytes)))
}

/// The `reference` of an error answer, which support would ask for.
pub(crate) fn support_reference() -> Result<String, Unspecified> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes)?;
    Ok(hyphenated(u128::from_be_bytes(bytes)))
}

fn hyphenated(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    let groups = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    groups.map(|(from, to)| hex.get(from..to).unwrap_or_default()).join("-")
}

/// A code of `length` characters, each as likely as any other.
pub(crate) fn code(code_type: CodeType, length: usize) -> Result<String, Unspecified> {
    characters(code_type.alphabet(), length)
}

/// The number that a flash call comes from: a Stockholm line of the shortest
/// form, so that its digits fit where people type codes.
pub(crate) fn calling_number() -> Result<String, Unspecified> {
    Ok(format!("+468{}", characters(CodeType::Numeric.alphabet(), 7)?))
}

/// Uniform by rejection: bytes of the last, incomplete round of the alphabet
/// are thrown away.
fn characters(alphabet: &[u8], length: usize) -> Result<String, Unspecified> {
    let mut text = String::with_capacity(length);
    let mut pool = [0_u8; 32];
    loop {
        rand::fill(&mut pool)?;
        for byte in pool {
            if text.len() == length {
                return Ok(text);
            }
            text.extend(uniform(alphabet, byte));
        }
    }
}

fn uniform(alphabet: &[u8], byte: u8) -> Option<char> {
    let size = alphabet.len();
    let fair = 256 - 256 % size;
    let byte = usize::from(byte);
    (byte < fair).then(|| alphabet.get(byte % size)).flatten().map(|&letter| char::from(letter))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_digit_is_equally_likely() {
        let mut counts = [0; 10];
        for byte in 0..=255 {
            if let Some(digit) = uniform(b"0123456789", byte) {
                counts[digit.to_digit(10).unwrap() as usize] += 1;
            }
        }
        assert_eq!(counts, [25; 10]);
    }

    #[test]
    fn codes_keep_their_leading_zeros() {
        let codes: Vec<String> = (0..500).map(|_| code(CodeType::Numeric, 6).unwrap()).collect();
        assert!(codes.iter().all(|code| code.len() == 6));
        assert!(codes.iter().any(|code| code.starts_with('0')));
        assert!(codes.iter().collect::<HashSet<_>>().len() > 490);
    }

    #[test]
    fn ids_begin_with_the_time_and_differ() {
        let now: Timestamp = "2023-11-17T22:16:41.349Z".parse().unwrap();
        let (one, other) = (verification_id(now).unwrap(), verification_id(now).unwrap());
        assert!(one.starts_with("018bdf5b-8e85-"), "{one}");
        assert_eq!(one.len(), 36);
        assert_ne!(one, other);
    }
}
