//! Password hashes that come from elsewhere.

use domain::{Email, PasswordHash};

use super::{
    HasherSettings,
    recipe::Recipe,
    stored::{Scheme, StoredHash},
};

/// Says which hashes of other programs, or of another instance of this one, will verify here.
pub struct ImportableHashes(Recipe);

/// A hash that will verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportableHash {
    pub hash: PasswordHash,
    /// Whether its salt is not the one that we would give to its owner.
    pub has_own_salt: bool,
    /// Whether verifying it takes longer than verifying a new one.
    pub is_dearer: bool,
}

/// Why a hash is of no use. Never says the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    #[error(
        "this is no bcrypt hash of 60 characters that begins with $2a$, $2b$ or $2y$ and has a cost of 4 to 16"
    )]
    Malformed,
    #[error("$2x$ marks hashes of a faulty program that takes different passwords for the same")]
    Faulty,
    #[error("the hash was made with a pepper that is not set here")]
    UnknownPepper,
}

impl ImportableHashes {
    /// By the cost, the peppers and the data key of `settings`; `None` when the cost is none.
    pub fn new(settings: &HasherSettings) -> Option<Self> {
        let cost = bcrypt_lanes::Cost::new(settings.cost)?;
        Some(Self(Recipe::new(cost, &settings.pepper, &settings.previous_peppers, &settings.data_key)))
    }

    /// Reads the hash of `owner`'s password.
    pub fn read(&self, text: &str, owner: &Email) -> Result<ImportableHash, UnusableHash> {
        if text.starts_with("$2x$") {
            return Err(UnusableHash::Faulty);
        }
        let stored = StoredHash::parse(text).ok_or(UnusableHash::Malformed)?;
        if !self.0.knows(stored.scheme) {
            return Err(UnusableHash::UnknownPepper);
        }
        Ok(ImportableHash {
            hash: PasswordHash::new(text.to_owned()),
            has_own_salt: stored.scheme == Scheme::Foreign || stored.bcrypt.salt != self.0.salt(owner),
            is_dearer: stored.bcrypt.cost > self.0.cost,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataKey, Pepper};

    const BARE: &str = "$2b$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";

    fn importable(cost: u32, pepper: u8, data_key: u8) -> ImportableHashes {
        let settings = HasherSettings {
            cost,
            pepper: Pepper::from_bytes([pepper; 32]),
            previous_peppers: Vec::new(),
            data_key: DataKey::from_bytes([data_key; 32]),
            workers: None,
            lanes: None,
            max_wait: HasherSettings::DEFAULT_MAX_WAIT,
        };
        ImportableHashes::new(&settings).unwrap()
    }

    fn ann() -> Email {
        Email::parse("ann@example.com").unwrap()
    }

    #[test]
    fn pw_03_hashes_of_other_bcrypt_programs_are_taken_in_but_for_faulty_ones() {
        for version in ["$2a$", "$2b$", "$2y$"] {
            let text = BARE.replacen("$2b$", version, 1);
            let read = importable(6, 1, 1).read(&text, &ann()).unwrap();
            assert_eq!(
                read,
                ImportableHash { hash: PasswordHash::new(text), has_own_salt: true, is_dearer: false }
            );
        }
        assert!(importable(5, 1, 1).read(BARE, &ann()).unwrap().is_dearer);
        let faulty = BARE.replacen("$2b$", "$2x$", 1);
        assert_eq!(importable(6, 1, 1).read(&faulty, &ann()), Err(UnusableHash::Faulty));
        for wrong in ["", "secret", &BARE[..59], "$argon2id$v=19$m=16,t=2,p=1$YWFhYWFhYWE$YQ"] {
            assert_eq!(importable(6, 1, 1).read(wrong, &ann()), Err(UnusableHash::Malformed), "{wrong}");
        }
    }

    #[test]
    fn a_hash_of_ours_needs_its_pepper_and_may_have_another_salt() {
        let password = domain::Password::presented("correct horse");
        let ImportableHashes(recipe) = importable(4, 1, 1);
        let computation = recipe.computation(&password, recipe.salt(&ann()));
        let computed = super::super::compute(std::iter::once(&computation), 1);
        let bcrypt = computed.first().and_then(|hashes| hashes.first()).unwrap();
        let ours = recipe.stored(*bcrypt);
        let read = |pepper, data_key| importable(4, pepper, data_key).read(ours.as_str(), &ann());

        assert!(!read(1, 1).unwrap().has_own_salt);
        assert!(read(1, 2).unwrap().has_own_salt);
        assert_eq!(read(2, 1), Err(UnusableHash::UnknownPepper));
    }
}
