//! Rows that several statements return.

use diesel::{
    QueryableByName,
    sql_types::{Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{
    AccountLock, AuthenticationMethod, Client, Email, Locale, LockReason, PhoneNumber, SecondFactors,
    SessionId, User, UserAgent, UserId,
};
use ports::{LiveSession, StoreError};
use uuid::Uuid;

use crate::types::Instant;

/// A stored value that the domain does not accept.
#[derive(Debug, thiserror::Error)]
#[error("{table}.{column} holds what the domain refuses")]
struct Unreadable {
    table: &'static str,
    column: &'static str,
}

pub(crate) fn read<T>(value: Option<T>, table: &'static str, column: &'static str) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::Broken(Box::new(Unreadable { table, column })))
}

/// The columns of `users`, as every statement that returns an account names them.
#[derive(Clone, QueryableByName)]
#[expect(clippy::struct_field_names, reason = "the names of columns, beside those of other tables")]
pub(crate) struct UserRow {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Text)]
    user_email: String,
    #[diesel(sql_type = Text)]
    user_phone: String,
    #[diesel(sql_type = Timestamptz)]
    user_phone_verified_at: Instant,
    #[diesel(sql_type = Nullable<Text>)]
    user_locale: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    user_created_at: Instant,
    #[diesel(sql_type = Timestamptz)]
    user_updated_at: Instant,
    #[diesel(embed)]
    user_second_factors: SecondFactorsRow,
}

/// What `users` knows of second factors.
#[derive(Clone, QueryableByName)]
#[expect(clippy::struct_field_names, reason = "the names of columns, beside those of other tables")]
pub(crate) struct SecondFactorsRow {
    #[diesel(sql_type = Bool)]
    user_totp: bool,
    #[diesel(sql_type = Integer)]
    user_recovery_codes_left: i32,
    #[diesel(sql_type = Bool)]
    user_passkey: bool,
    #[diesel(sql_type = Bool)]
    user_text_barred: bool,
}

impl From<SecondFactorsRow> for SecondFactors {
    fn from(row: SecondFactorsRow) -> Self {
        Self {
            totp: row.user_totp,
            recovery_codes_left: u32::try_from(row.user_recovery_codes_left).unwrap_or(0),
            passkey: row.user_passkey,
            text_barred: row.user_text_barred,
        }
    }
}

/// The select list that [`SecondFactorsRow`] reads, of a row named `u`.
macro_rules! second_factor_columns {
    () => {
        "u.totp_last_step IS NOT NULL AS user_totp, u.passkeys > 0 AS user_passkey, \
         u.recovery_codes_left AS user_recovery_codes_left, u.text_barred AS user_text_barred"
    };
}
pub(crate) use second_factor_columns;

/// The select list that [`UserRow`] reads, of a row named `u`.
macro_rules! user_columns {
    () => {
        concat!(
            "u.id AS user_id, u.email AS user_email, u.phone AS user_phone, \
             u.phone_verified_at AS user_phone_verified_at, u.locale AS user_locale, \
             u.created_at AS user_created_at, u.updated_at AS user_updated_at, ",
            $crate::rows::second_factor_columns!()
        )
    };
}
pub(crate) use user_columns;

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId(row.user_id),
            email: email(&row.user_email, "users")?,
            phone: phone(&row.user_phone, "users")?,
            phone_verified_at: row.user_phone_verified_at.0,
            locale: locale(row.user_locale.as_deref()),
            second_factors: row.user_second_factors.into(),
            created_at: row.user_created_at.0,
            updated_at: row.user_updated_at.0,
        })
    }
}

/// The lock of an account, as every statement that returns one names the columns.
#[derive(Clone, QueryableByName)]
pub(crate) struct LockRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    locked_at: Option<Instant>,
    #[diesel(sql_type = Nullable<Text>)]
    lock_reason: Option<String>,
}

/// The select list that [`LockRow`] reads, of a row named `u`.
macro_rules! lock_columns {
    () => {
        "u.locked_at, u.lock_reason"
    };
}
pub(crate) use lock_columns;

impl LockRow {
    pub(crate) fn lock(self) -> Result<Option<AccountLock>, StoreError> {
        let Some(since) = self.locked_at else { return Ok(None) };
        let reason = self.lock_reason.and_then(|text| LockReason::parse(&text).ok());
        Ok(Some(AccountLock { since: since.0, reason: read(reason, "users", "lock_reason")? }))
    }
}

pub(crate) fn email(text: &str, table: &'static str) -> Result<Email, StoreError> {
    read(Email::parse(text).ok(), table, "email")
}

pub(crate) fn phone(text: &str, table: &'static str) -> Result<PhoneNumber, StoreError> {
    read(PhoneNumber::from_stored(text).ok(), table, "phone")
}

/// A language is a wish: one that is not understood is no reason to fail.
pub(crate) fn locale(text: Option<&str>) -> Option<Locale> {
    text.and_then(|text| Locale::parse(text).ok())
}

/// Who did something, as every table that keeps it names the columns.
#[derive(QueryableByName)]
pub(crate) struct ClientRow {
    #[diesel(sql_type = Nullable<Text>)]
    client_address: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_agent: Option<String>,
}

impl From<ClientRow> for Client {
    fn from(row: ClientRow) -> Self {
        Self {
            address: row.client_address.and_then(|address| address.parse().ok()),
            user_agent: row.user_agent.as_deref().and_then(UserAgent::cut),
        }
    }
}

/// The stored form of a client: its address and what it calls itself.
pub(crate) fn client(client: &Client) -> (Option<String>, Option<String>) {
    let user_agent = client.user_agent.as_ref().map(|agent| agent.as_str().to_owned());
    (client.address.map(|address| address.to_string()), user_agent)
}

/// The columns of `sessions` and of its user.
#[derive(Clone, QueryableByName)]
pub(crate) struct SessionRow {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) session_id: Uuid,
    #[diesel(sql_type = Text)]
    methods: String,
    #[diesel(sql_type = Timestamptz)]
    authenticated_at: Instant,
    #[diesel(sql_type = Timestamptz)]
    expires_at: Instant,
    #[diesel(sql_type = Timestamptz)]
    absolute_expires_at: Instant,
    #[diesel(embed)]
    user: UserRow,
}

/// The select list that [`SessionRow`] reads, of rows named `s` and `u`.
macro_rules! session_columns {
    () => {
        concat!(
            "s.id AS session_id, s.methods, s.authenticated_at, s.expires_at, s.absolute_expires_at, ",
            $crate::rows::user_columns!()
        )
    };
}
pub(crate) use session_columns;

impl TryFrom<SessionRow> for LiveSession {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: SessionId(row.session_id),
            methods: row.methods.split(' ').filter_map(AuthenticationMethod::find).collect(),
            authenticated_at: row.authenticated_at.0,
            expires_at: row.expires_at.0,
            absolute_expires_at: row.absolute_expires_at.0,
            user: row.user.try_into()?,
        })
    }
}

/// The stored form of authentication methods.
pub(crate) fn joined(methods: &[AuthenticationMethod]) -> String {
    methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" ")
}
