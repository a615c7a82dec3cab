//! People of another system.

use async_trait::async_trait;
use domain::{AccountLock, Email, Locale, PasswordHash, PhoneNumber, UserId};
use jiff::Timestamp;

use crate::{NewEvent, StoreError};

/// Somebody of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedAccount {
    /// Used if an account is made.
    pub id: UserId,
    /// Whether the id came with the rest, so that an account under another one is another account.
    pub keeps_id: bool,
    pub email: Email,
    pub phone: PhoneNumber,
    pub password_hash: PasswordHash,
    /// Whether the hash has a salt of its own, as those of other programs have.
    pub has_own_salt: bool,
    pub locale: Option<Locale>,
    pub created_at: Timestamp,
    /// When possession of the phone was proven; `None` makes a registration instead of an account.
    pub phone_verified_at: Option<Timestamp>,
    pub lock: Option<AccountLock>,
    /// Recorded if an account is made.
    pub event: NewEvent,
}

/// What became of an imported account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    Imported,
    /// E-mail and number are those of one account already, or of one imported registration. What it
    /// has stays: its password may be a newer one.
    AlreadyThere,
    Refused(ImportConflict),
}

/// Why an account was not imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportConflict {
    #[error("the e-mail address belongs to somebody with another phone number")]
    EmailTaken,
    #[error("the phone number belongs to somebody with another e-mail address")]
    PhoneTaken,
    #[error("the id belongs to somebody else")]
    IdTaken,
    #[error("e-mail address and phone number belong to an account with another id")]
    OtherId,
    #[error("the account that stood in the way is gone by now")]
    ChangedMeanwhile,
}

/// What a store knows already of the names of an imported account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownNames {
    pub account_of_email: Option<UserId>,
    pub account_of_phone: Option<UserId>,
    /// Whether there is an account with the id.
    pub id_is_taken: bool,
    /// The number of the imported registration with the e-mail.
    pub registered_phone: Option<PhoneNumber>,
    /// Whether there is an imported registration with the number.
    pub phone_is_registered: bool,
}

impl ImportedAccount {
    /// What these names leave to be done; `None` when nothing is in the way.
    ///
    /// A registration reserves nothing, so it stands in the way of others like it only.
    pub fn judge(&self, known: &KnownNames) -> Option<ImportOutcome> {
        use ImportConflict as Conflict;
        let refused = |conflict| Some(ImportOutcome::Refused(conflict));
        match (known.account_of_email, known.account_of_phone) {
            (Some(one), Some(other)) if one == other => {
                let is_another = self.keeps_id && self.id != one;
                return if is_another {
                    refused(Conflict::OtherId)
                } else {
                    Some(ImportOutcome::AlreadyThere)
                };
            }
            (Some(_), _) => return refused(Conflict::EmailTaken),
            (None, Some(_)) => return refused(Conflict::PhoneTaken),
            (None, None) => {}
        }
        if self.phone_verified_at.is_some() {
            return known.id_is_taken.then_some(ImportOutcome::Refused(Conflict::IdTaken));
        }
        match &known.registered_phone {
            Some(phone) if *phone == self.phone => Some(ImportOutcome::AlreadyThere),
            Some(_) => refused(Conflict::EmailTaken),
            None if known.phone_is_registered => refused(Conflict::PhoneTaken),
            None => None,
        }
    }
}

/// Where people of another system are taken in.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AccountImport: Send + Sync {
    /// Takes them in, in their order: whose phone is proven gets an account, everybody else a
    /// registration that lives until its e-mail or number has an account. The outcomes are in
    /// the same order.
    ///
    /// Atomic for all of them together, and repeatable: whoever is there already stays as he is.
    /// The unique names decide, also between importers at the same time.
    async fn import_accounts(
        &self,
        accounts: &[ImportedAccount],
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError>;

    /// What importing each of them alone would come to now.
    async fn preview_import(&self, accounts: &[ImportedAccount]) -> Result<Vec<ImportOutcome>, StoreError>;
}
