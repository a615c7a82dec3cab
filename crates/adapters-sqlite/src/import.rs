//! People of another system.

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, insert_into, select},
    prelude::*,
};
use domain::{Locale, UserId};
use jiff::Timestamp;
use ports::{AccountImport, ImportConflict, ImportOutcome, ImportedAccount, KnownNames, StoreError};

use crate::{
    accounts::imported::mark,
    events, rows,
    schema::{imported_registrations, users},
    store::SqliteStore,
    types::{Id, Micros},
};

#[async_trait]
impl AccountImport for SqliteStore {
    #[tracing::instrument(name = "sqlite.import_accounts", skip_all)]
    async fn import_accounts(
        &self,
        accounts: &[ImportedAccount],
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let accounts = accounts.to_vec();
        self.write(move |sqlite| accounts.iter().map(|account| import(sqlite, account, now)).collect()).await
    }

    #[tracing::instrument(name = "sqlite.preview_import", skip_all)]
    async fn preview_import(&self, accounts: &[ImportedAccount]) -> Result<Vec<ImportOutcome>, StoreError> {
        let accounts = accounts.to_vec();
        let preview = |sqlite: &mut SqliteConnection, account: &ImportedAccount| {
            Ok(account.judge(&known_names(sqlite, account)?).unwrap_or(ImportOutcome::Imported))
        };
        self.read(move |sqlite| accounts.iter().map(|account| preview(sqlite, account)).collect()).await
    }
}

fn import(
    sqlite: &mut SqliteConnection,
    account: &ImportedAccount,
    now: Timestamp,
) -> QueryResult<ImportOutcome> {
    if let Some(outcome) = account.judge(&known_names(sqlite, account)?) {
        return Ok(outcome);
    }
    let created = match account.phone_verified_at {
        Some(verified_at) => create_account(sqlite, account, verified_at, now)?,
        None => create_registration(sqlite, account)?,
    };
    let gone = ImportOutcome::Refused(ImportConflict::ChangedMeanwhile);
    Ok(if created { ImportOutcome::Imported } else { gone })
}

fn create_account(
    sqlite: &mut SqliteConnection,
    account: &ImportedAccount,
    verified_at: Timestamp,
    now: Timestamp,
) -> QueryResult<bool> {
    use imported_registrations as imported;
    let created = insert_into(users::table)
        .values((
            users::id.eq(Id(account.id.0)),
            users::email.eq(account.email.as_typed()),
            users::email_canonical.eq(account.email.canonical()),
            users::phone.eq(account.phone.as_e164()),
            users::phone_verified_at.eq(Micros(verified_at)),
            users::password_hash.eq(account.password_hash.as_str()),
            users::locale.eq(account.locale.as_ref().map(Locale::as_str)),
            users::created_at.eq(Micros(account.created_at)),
            users::updated_at.eq(Micros(now)),
            users::locked_at.eq(account.lock.as_ref().map(|lock| Micros(lock.since))),
            users::lock_reason.eq(account.lock.as_ref().map(|lock| lock.reason.as_str())),
        ))
        .on_conflict_do_nothing()
        .execute(sqlite)?;
    if created == 0 {
        return Ok(false);
    }
    if account.has_own_salt {
        mark(sqlite, account.id)?;
    }
    let superseded = imported::email_canonical
        .eq(account.email.canonical())
        .or(imported::phone.eq(account.phone.as_e164()));
    delete(imported::table.filter(superseded)).execute(sqlite)?;
    events::record(sqlite, &account.event, account.id, None, now)?;
    Ok(true)
}

fn create_registration(sqlite: &mut SqliteConnection, account: &ImportedAccount) -> QueryResult<bool> {
    use imported_registrations as imported;
    let created = insert_into(imported::table)
        .values((
            imported::email_canonical.eq(account.email.canonical()),
            imported::email.eq(account.email.as_typed()),
            imported::phone.eq(account.phone.as_e164()),
            imported::password_hash.eq(account.password_hash.as_str()),
            imported::locale.eq(account.locale.as_ref().map(Locale::as_str)),
            imported::created_at.eq(Micros(account.created_at)),
        ))
        .on_conflict_do_nothing()
        .execute(sqlite)?;
    Ok(created > 0)
}

fn known_names(sqlite: &mut SqliteConnection, account: &ImportedAccount) -> QueryResult<KnownNames> {
    use imported_registrations as imported;
    let (email, phone) = (account.email.canonical(), account.phone.as_e164());
    let of_email: Option<Id> =
        users::table.filter(users::email_canonical.eq(email)).select(users::id).first(sqlite).optional()?;
    let of_phone: Option<Id> =
        users::table.filter(users::phone.eq(phone)).select(users::id).first(sqlite).optional()?;
    let registered: Option<String> =
        imported::table.find(email).select(imported::phone).first(sqlite).optional()?;
    let registered_phone =
        registered.map(|text| rows::phone(&text, "imported_registrations.phone")).transpose()?;
    Ok(KnownNames {
        account_of_email: of_email.map(|id| UserId(id.0)),
        account_of_phone: of_phone.map(|id| UserId(id.0)),
        id_is_taken: select(exists(users::table.find(Id(account.id.0)))).get_result(sqlite)?,
        registered_phone,
        phone_is_registered: select(exists(imported::table.filter(imported::phone.eq(phone))))
            .get_result(sqlite)?,
    })
}
