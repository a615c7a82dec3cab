//! Taking in people of another system.

use std::sync::Arc;

use domain::{AccountLock, Client, Email, EventId, EventName, Locale, PasswordHash, PhoneNumber, UserId};
use jiff::Timestamp;
use ports::{AccountImport, Clock, ImportOutcome, ImportedAccount, NewEvent, SecretGenerator};

use crate::Fault;

/// Takes in people of another system, a batch at a time.
pub struct ImportAccounts {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub import: Arc<dyn AccountImport>,
}

/// Somebody of another system. What is not given is made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonToImport {
    pub id: Option<UserId>,
    pub email: Email,
    pub phone: PhoneNumber,
    pub password_hash: PasswordHash,
    /// Whether the hash has a salt of its own, as those of other programs have.
    pub has_own_salt: bool,
    /// Whether possession of the phone was proven there.
    pub verified: bool,
    pub locale: Option<Locale>,
    /// Now, if not given.
    pub created_at: Option<Timestamp>,
    /// When the account was created, if not given.
    pub phone_verified_at: Option<Timestamp>,
    pub lock: Option<AccountLock>,
}

impl ImportAccounts {
    /// Batches so large are stored as quickly as larger ones, and hold nobody up.
    pub const BATCH: usize = 500;

    /// Takes them in, all or, after a fault, none: whoever was taken in before is recognised
    /// when the same people are brought again. The outcomes are in the order of the people.
    #[tracing::instrument(name = "import_accounts", skip_all)]
    pub async fn execute(&self, people: Vec<PersonToImport>) -> Result<Vec<ImportOutcome>, Fault> {
        let now = self.clock.now();
        Ok(self.import.import_accounts(&self.accounts(people, now), now).await?)
    }

    /// What taking each of them in alone would come to.
    #[tracing::instrument(name = "preview_import", skip_all)]
    pub async fn preview(&self, people: Vec<PersonToImport>) -> Result<Vec<ImportOutcome>, Fault> {
        let now = self.clock.now();
        Ok(self.import.preview_import(&self.accounts(people, now)).await?)
    }

    fn accounts(&self, people: Vec<PersonToImport>, now: Timestamp) -> Vec<ImportedAccount> {
        people.into_iter().map(|person| self.account(person, now)).collect()
    }

    fn account(&self, person: PersonToImport, now: Timestamp) -> ImportedAccount {
        let created_at = person.created_at.unwrap_or(now);
        // Recorded without a client: no user was there.
        let event = NewEvent {
            id: EventId(self.secrets.id(now)),
            name: EventName::UserCreated,
            client: Client::default(),
            notify: None,
        };
        ImportedAccount {
            id: person.id.unwrap_or_else(|| UserId(self.secrets.id(now))),
            keeps_id: person.id.is_some(),
            email: person.email,
            phone: person.phone,
            password_hash: person.password_hash,
            has_own_salt: person.has_own_salt,
            locale: person.locale,
            created_at,
            phone_verified_at: person.verified.then(|| person.phone_verified_at.unwrap_or(created_at)),
            lock: person.lock.filter(|_| person.verified),
            event,
        }
    }
}
