//! What owners change of their accounts.

use diesel::{
    QueryableByName,
    sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{Locale, PasswordHash, User, UserId};
use jiff::Timestamp;
use ports::{Account, NewEvent, PasswordChange, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    events::{EventInput, record},
    rows::{LockRow, UserRow, lock_columns, user_columns},
    statement::statement,
    types::Instant,
};

statement!(direct FindAccount { user_id: Uuid => SqlUuid } concat!(
    "SELECT u.password_hash, ", lock_columns!(), ", ", user_columns!(), " FROM users u WHERE u.id = ?"
));

statement!(UpgradeHash { user_id: Uuid => SqlUuid, old: String => Text, new: String => Text } ", upgraded AS (
        UPDATE users u SET password_hash = i.new FROM input i WHERE u.id = i.user_id AND u.password_hash = i.old
        RETURNING u.id
    )
    DELETE FROM imported_hashes h USING upgraded p WHERE h.user_id = p.id");

// The old hash is compared with the row as it is when its lock is had. Codes go before that, as
// whoever uses one holds it when it asks for the account; challenges and devices that are committed
// while this waits for the row go after it.
statement!(ChangePassword {
    user_id: Uuid => SqlUuid,
    old: String => Text,
    new: String => Text,
    kept: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", codes AS (
        DELETE FROM verifications v USING input i, users u, challenges c
        WHERE u.id = i.user_id AND u.password_hash = i.old AND c.user_id = u.id AND c.purpose IN ('login', 'step_up')
        AND v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
        RETURNING v.id
    ), changed AS (
        UPDATE users u SET password_hash = i.new, updated_at = i.now
        FROM input i, (SELECT count(*) FROM codes) first
        WHERE u.id = i.user_id AND u.password_hash = i.old
        RETURNING u.id, u.email_canonical, u.phone
    ), forgiven AS (
        DELETE FROM password_failures f USING changed c WHERE f.account IN (c.email_canonical, c.phone)
    ), replaced AS (
        DELETE FROM imported_hashes h USING changed c WHERE h.user_id = c.id
    )", record!(user "c.id", session "i.kept",
        act "changed c, LATERAL end_other_sessions(c.id, i.kept, i.now),
            LATERAL close_challenges(c.id, ARRAY['login', 'step_up']), LATERAL forget_devices(c.id, i.now)")));

statement!(SetLocale {
    user_id: Uuid => SqlUuid,
    locale: Option<String> => Nullable<Text>,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", changed AS (
        UPDATE users u SET locale = i.locale, updated_at = i.now FROM input i WHERE u.id = i.user_id
        RETURNING u.*
    ), recorded AS (", record!(user "c.id", session "NULL", act "changed c"), ")
    SELECT ", user_columns!(), " FROM changed u"));

// Sessions and challenges go by their foreign keys, also those of who held the account while
// this waited for its row: a sign-in that comes later finds no account. Codes go first because
// whoever uses one holds it when it asks for the account, and two must not wait for each other.
statement!(DeleteAccount {
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", codes AS (
        DELETE FROM verifications v USING input i, challenges c
        WHERE c.user_id = i.user_id AND v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
        RETURNING v.id
    ), gone AS (
        DELETE FROM users u USING input i, (SELECT count(*) FROM codes) first WHERE u.id = i.user_id
        RETURNING u.id, u.email_canonical, u.phone
    ), failures AS (
        DELETE FROM password_failures f USING gone g WHERE f.account IN (g.email_canonical, g.phone)
    ), wrong AS (
        DELETE FROM guesses w USING gone g WHERE w.account = g.id::text
    ), wrong_in_a_row AS (
        DELETE FROM code_failures f USING gone g
        WHERE f.account IN (g.id::text, 'password_reset:' || g.email_canonical, 'phone_login:' || g.phone)
    )", record!(user "g.id", session "NULL", act "gone g, LATERAL forget_clients(g.id)")));

#[derive(QueryableByName)]
pub(crate) struct AccountRow {
    #[diesel(sql_type = Text)]
    password_hash: String,
    #[diesel(embed)]
    lock: LockRow,
    #[diesel(embed)]
    user: UserRow,
}

impl TryFrom<AccountRow> for Account {
    type Error = StoreError;

    fn try_from(row: AccountRow) -> Result<Self, StoreError> {
        Ok(Self {
            user: row.user.try_into()?,
            password_hash: PasswordHash::new(row.password_hash),
            lock: row.lock.lock()?,
        })
    }
}

pub(super) async fn find(store: &PostgresStore, user_id: UserId) -> Result<Option<Account>, StoreError> {
    let row: Option<AccountRow> = store.row(FindAccount { user_id: user_id.0 }).await?;
    row.map(Account::try_from).transpose()
}

pub(super) async fn upgrade_hash(
    store: &PostgresStore,
    user_id: UserId,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<(), StoreError> {
    let upgrade =
        UpgradeHash { user_id: user_id.0, old: old.as_str().to_owned(), new: new.as_str().to_owned() };
    store.execute(upgrade).await.map(drop)
}

pub(super) async fn change_password(
    store: &PostgresStore,
    change: &PasswordChange,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let change = ChangePassword {
        user_id: change.user_id.0,
        old: change.old.as_str().to_owned(),
        new: change.new.as_str().to_owned(),
        kept: change.kept.0,
        now: Instant(now),
        event: (&change.event).into(),
    };
    Ok(store.execute(change).await? > 0)
}

pub(super) async fn set_locale(
    store: &PostgresStore,
    user_id: UserId,
    locale: Option<Locale>,
    event: &NewEvent,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    let set = SetLocale {
        user_id: user_id.0,
        locale: locale.map(|locale| locale.as_str().to_owned()),
        now: Instant(now),
        event: event.into(),
    };
    let row: Option<UserRow> = store.row(set).await?;
    row.map(User::try_from).transpose()
}

pub(super) async fn delete(
    store: &PostgresStore,
    user_id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let delete = DeleteAccount { user_id: user_id.0, now: Instant(now), event: EventInput::anonymous(event) };
    Ok(store.execute(delete).await? > 0)
}
