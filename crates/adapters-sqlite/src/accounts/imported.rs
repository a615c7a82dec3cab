//! What is left of people who came from another system.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, insert_into, select},
    prelude::*,
};
use domain::{PasswordHash, SignInName, User, UserId};
use ports::PendingRegistration;

use crate::{
    rows::ImportedRow,
    schema::{imported_hashes, imported_registrations},
    types::Id,
};

/// The imported registration with the name.
pub(super) fn find(
    sqlite: &mut SqliteConnection,
    name: &SignInName,
) -> QueryResult<Option<PendingRegistration>> {
    let all = imported_registrations::table.select(ImportedRow::as_select()).into_boxed();
    let named = match name {
        SignInName::Email(email) => all.filter(imported_registrations::email_canonical.eq(email.canonical())),
        SignInName::Phone(phone) => all.filter(imported_registrations::phone.eq(phone.as_e164())),
    };
    named.first(sqlite).optional()?.map(ImportedRow::into_registration).transpose()
}

/// Whether there is any imported registration, or imported hash with a salt of its own.
pub(super) fn remain(sqlite: &mut SqliteConnection) -> QueryResult<bool> {
    let hashes = exists(imported_hashes::table.select(imported_hashes::user_id));
    let registrations = exists(imported_registrations::table.select(imported_registrations::phone));
    select(hashes.or(registrations)).get_result(sqlite)
}

/// The account's hash has a salt of its own.
pub(crate) fn mark(sqlite: &mut SqliteConnection, user_id: UserId) -> QueryResult<()> {
    insert_into(imported_hashes::table)
        .values(imported_hashes::user_id.eq(Id(user_id.0)))
        .execute(sqlite)
        .map(drop)
}

/// The account's hash is one of ours now.
pub(crate) fn hash_was_replaced(sqlite: &mut SqliteConnection, user_id: UserId) -> QueryResult<()> {
    delete(imported_hashes::table.find(Id(user_id.0))).execute(sqlite).map(drop)
}

/// Whoever was registered under a name of the new account has lost it.
pub(crate) fn supersede(
    sqlite: &mut SqliteConnection,
    user: &User,
    password_hash: &PasswordHash,
) -> QueryResult<()> {
    use imported_registrations as imported;
    let named =
        imported::email_canonical.eq(user.email.canonical()).or(imported::phone.eq(user.phone.as_e164()));
    let hashes: Vec<String> =
        delete(imported::table.filter(named)).returning(imported::password_hash).get_results(sqlite)?;
    if hashes.iter().any(|hash| hash == password_hash.as_str()) {
        mark(sqlite, user.id)?;
    }
    Ok(())
}
