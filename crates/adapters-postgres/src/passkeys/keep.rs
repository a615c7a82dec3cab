//! Keeping passkeys, and taking them away.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{Passkey, PasskeyId, PasskeyName, UserId};
use jiff::Timestamp;
use ports::{Added, NewPasskey, PasskeyRemoval, StoreError, StoredCredential};
use uuid::Uuid;

use super::{CredentialRow, credential_columns};
use crate::{
    PostgresStore,
    challenges::limit,
    events::{EventInput, record},
    statement::statement,
    types::Instant,
};

statement!(direct List { user_id: Uuid => SqlUuid }
    "SELECT p.id, p.name, p.created_at, p.last_used_at, p.backed_up FROM passkeys p
    WHERE p.user_id = ? ORDER BY p.id");

statement!(direct Credentials { user_id: Uuid => SqlUuid } concat!(
    "SELECT ", credential_columns!(), " FROM passkeys p WHERE p.user_id = ? ORDER BY p.id"
));

// The row of the user is held, so that nobody else counts its passkeys meanwhile.
statement!(Add {
    id: Uuid => SqlUuid,
    user_id: Uuid => SqlUuid,
    session_id: Uuid => SqlUuid,
    credential_id: Vec<u8> => Binary,
    record: Vec<u8> => Binary,
    name: Option<String> => Nullable<Text>,
    counter: i64 => BigInt,
    backed_up: bool => Bool,
    most: i32 => Integer,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", owner AS MATERIALIZED (
        SELECT u.id, u.passkeys FROM input i JOIN users u ON u.id = i.user_id FOR NO KEY UPDATE OF u
    ), added AS (
        INSERT INTO passkeys (id, user_id, credential_id, record, name, counter, backed_up, created_at)
        SELECT i.id, o.id, i.credential_id, i.record, i.name, i.counter, i.backed_up, i.now
        FROM input i, owner o WHERE o.passkeys < i.most
        ON CONFLICT (credential_id) DO NOTHING
        RETURNING user_id
    ), counted AS (
        UPDATE users u SET passkeys = u.passkeys + 1 FROM added a WHERE u.id = a.user_id
    ), recorded AS (", record!(user "a.user_id", session "i.session_id", act "added a"), ")
    SELECT a.user_id IS NOT NULL AS added, o.passkeys >= i.most AS is_full
    FROM input i, owner o LEFT JOIN added a ON true"));

// A sign-in with the passkey holds its row until its session is there; the function looks after
// that was waited for, and finds the session.
statement!(Remove {
    id: Uuid => SqlUuid,
    user_id: Uuid => SqlUuid,
    kept: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", owner AS MATERIALIZED (
        SELECT u.id FROM input i JOIN users u ON u.id = i.user_id FOR NO KEY UPDATE OF u
    ), removed AS (
        DELETE FROM passkeys p USING input i, owner o WHERE p.id = i.id AND p.user_id = o.id RETURNING p.user_id
    ), counted AS (
        UPDATE users u SET passkeys = u.passkeys - 1 FROM removed r WHERE u.id = r.user_id
    )", record!(user "r.user_id", session "i.kept",
        act "removed r, LATERAL end_other_sessions(r.user_id, i.kept, i.now), LATERAL forget_devices(r.user_id, i.now)")));

#[derive(QueryableByName)]
struct PasskeyRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    created_at: Instant,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_used_at: Option<Instant>,
    #[diesel(sql_type = Bool)]
    backed_up: bool,
}

impl From<PasskeyRow> for Passkey {
    fn from(row: PasskeyRow) -> Self {
        Self {
            id: PasskeyId(row.id),
            name: row.name.and_then(|name| PasskeyName::parse(&name).ok()),
            created_at: row.created_at.0,
            last_used_at: row.last_used_at.map(|at| at.0),
            backed_up: row.backed_up,
        }
    }
}

#[derive(QueryableByName)]
struct AddedRow {
    #[diesel(sql_type = Bool)]
    added: bool,
    #[diesel(sql_type = Bool)]
    is_full: bool,
}

pub(super) async fn list(store: &PostgresStore, user_id: UserId) -> Result<Vec<Passkey>, StoreError> {
    let rows: Vec<PasskeyRow> = store.rows(List { user_id: user_id.0 }).await?;
    Ok(rows.into_iter().map(Passkey::from).collect())
}

pub(super) async fn credentials(
    store: &PostgresStore,
    user_id: UserId,
) -> Result<Vec<StoredCredential>, StoreError> {
    let rows: Vec<CredentialRow> = store.rows(Credentials { user_id: user_id.0 }).await?;
    rows.into_iter().map(StoredCredential::try_from).collect()
}

pub(super) async fn add(
    store: &PostgresStore,
    passkey: &NewPasskey,
    now: Timestamp,
) -> Result<Added, StoreError> {
    let add = Add {
        id: passkey.id.0,
        user_id: passkey.user_id.0,
        session_id: passkey.session_id.0,
        credential_id: passkey.credential.id.as_bytes().to_vec(),
        record: passkey.credential.record.0.clone(),
        name: passkey.name.as_ref().map(|name| name.as_str().to_owned()),
        counter: passkey.credential.counter.into(),
        backed_up: passkey.credential.backed_up,
        most: limit(passkey.max_per_user),
        now: Instant(now),
        event: (&passkey.event).into(),
    };
    let row: Option<AddedRow> = store.row(add).await?;
    Ok(match row {
        None => Added::Gone,
        Some(AddedRow { added: true, .. }) => Added::Done(Passkey {
            id: passkey.id,
            name: passkey.name.clone(),
            created_at: now,
            last_used_at: None,
            backed_up: passkey.credential.backed_up,
        }),
        Some(AddedRow { is_full: true, .. }) => Added::Full,
        Some(_) => Added::Known,
    })
}

pub(super) async fn remove(
    store: &PostgresStore,
    removal: &PasskeyRemoval,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let remove = Remove {
        id: removal.id.0,
        user_id: removal.user_id.0,
        kept: removal.kept.0,
        now: Instant(now),
        event: (&removal.event).into(),
    };
    Ok(store.execute(remove).await? > 0)
}
