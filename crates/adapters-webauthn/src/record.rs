//! The stored form of a credential: readable by whoever reads the database, and
//! changeable by nobody.

use std::fmt;

use aws_lc_rs::hmac;
use domain::{CredentialId, UserId};
use passki::StoredPasskey;
use ports::CredentialRecord;

const TAG_BYTES: usize = 32;

/// What seals records: whoever can write the database, but does not know this, can put no key
/// in the place of another, nor give a key to another account.
pub struct RecordKey {
    current: hmac::Key,
    previous: Vec<hmac::Key>,
}

impl RecordKey {
    /// Takes 32 bytes that nobody can guess.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self { current: hmac::Key::new(hmac::HMAC_SHA256, bytes), previous: Vec::new() }
    }

    /// Opens also what an earlier key sealed.
    #[must_use]
    pub fn or(mut self, previous: &[u8; 32]) -> Self {
        self.previous.push(hmac::Key::new(hmac::HMAC_SHA256, previous));
        self
    }

    /// The record of a credential for its owner.
    pub(crate) fn seal(
        &self,
        owner: UserId,
        id: &CredentialId,
        passkey: &StoredPasskey,
    ) -> Result<CredentialRecord, serde_json::Error> {
        let body = serde_json::to_vec(passkey)?;
        let tag = hmac::sign(&self.current, &sealed(owner, id, &body));
        Ok(CredentialRecord([tag.as_ref(), &body].concat()))
    }

    /// What was sealed; `None` when it was changed, or is of another owner or credential.
    pub(crate) fn open(
        &self,
        owner: UserId,
        id: &CredentialId,
        record: &CredentialRecord,
    ) -> Option<StoredPasskey> {
        let (tag, body) = record.0.split_at_checked(TAG_BYTES)?;
        let sealed = sealed(owner, id, body);
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        keys.find(|key| hmac::verify(key, &sealed, tag).is_ok())?;
        serde_json::from_slice(body).ok()
    }
}

/// The tag covers the owner, the length of the id, the id and the body, so that none of them
/// can be taken for a part of another.
fn sealed(owner: UserId, id: &CredentialId, body: &[u8]) -> Vec<u8> {
    let length = id.as_bytes().len().to_be_bytes();
    [owner.0.as_bytes().as_slice(), &length, id.as_bytes(), body].concat()
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(byte: u8) -> CredentialId {
        CredentialId::from_bytes(vec![byte; 16]).unwrap()
    }

    #[test]
    fn asvs_6_7_1_a_changed_record_or_one_of_another_owner_does_not_open() {
        let (key, owner) = (RecordKey::from_bytes(&[7; 32]), UserId(Uuid::from_u128(1)));
        let mut passkey = StoredPasskey::default();
        passkey.public_key = vec![1, 2, 3];
        let record = key.seal(owner, &id(1), &passkey).unwrap();

        assert_eq!(key.open(owner, &id(1), &record).unwrap().public_key, [1, 2, 3]);
        assert!(key.open(UserId(Uuid::from_u128(2)), &id(1), &record).is_none());
        assert!(key.open(owner, &id(2), &record).is_none());
        let other = RecordKey::from_bytes(&[8; 32]);
        assert!(other.open(owner, &id(1), &record).is_none());
        assert!(other.or(&[7; 32]).open(owner, &id(1), &record).is_some(), "the key before");
        for place in 0..record.0.len() {
            let mut changed = record.clone();
            changed.0[place] ^= 1;
            assert!(key.open(owner, &id(1), &changed).is_none(), "byte {place}");
        }
        assert!(key.open(owner, &id(1), &CredentialRecord(record.0[..31].to_vec())).is_none());
    }
}
