//! Rows, and what they mean.

use diesel::{QueryResult, prelude::*, sqlite::Sqlite};
use domain::{
    AccountLock, AuthenticationMethod, Client, DeviceEntry, DeviceId, Email, EventId, EventName, Locale,
    LockReason, PasswordHash, PhoneNumber, SecondFactors, SecurityEvent, SessionEntry, SessionId, User,
    UserAgent, UserId,
};
use ports::{Account, AccountEntry, LiveSession, PendingRegistration};

use crate::{
    error::unreadable,
    schema::{challenges, devices, events, imported_registrations, sessions, users},
    types::{Count, Id, Micros},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Sqlite))]
pub(crate) struct UserRow {
    id: Id,
    email: String,
    phone: String,
    phone_verified_at: Micros,
    password_hash: String,
    locale: Option<String>,
    created_at: Micros,
    updated_at: Micros,
    #[diesel(embed)]
    second_factors: SecondFactorsRow,
    locked_at: Option<Micros>,
    lock_reason: Option<String>,
}

/// What `users` knows of second factors.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Sqlite))]
pub(crate) struct SecondFactorsRow {
    totp_last_step: Option<i64>,
    recovery_codes_left: Count,
    passkeys: Count,
    text_barred: bool,
}

impl From<SecondFactorsRow> for SecondFactors {
    fn from(row: SecondFactorsRow) -> Self {
        Self {
            totp: row.totp_last_step.is_some(),
            recovery_codes_left: row.recovery_codes_left.0,
            passkey: row.passkeys.0 > 0,
            text_barred: row.text_barred,
        }
    }
}

impl UserRow {
    fn lock(&self) -> QueryResult<Option<AccountLock>> {
        let Some(since) = self.locked_at else { return Ok(None) };
        let reason = self.lock_reason.as_deref().and_then(|text| LockReason::parse(text).ok());
        let reason = reason.ok_or_else(|| unreadable("users.lock_reason"))?;
        Ok(Some(AccountLock { since: since.0, reason }))
    }

    pub(crate) const fn is_locked(&self) -> bool {
        self.locked_at.is_some()
    }

    pub(crate) fn into_entry(self) -> QueryResult<AccountEntry> {
        Ok(AccountEntry { lock: self.lock()?, user: self.into_user()? })
    }

    pub(crate) fn into_user(self) -> QueryResult<User> {
        Ok(User {
            id: UserId(self.id.0),
            email: email(&self.email, "users.email")?,
            phone: phone(&self.phone, "users.phone")?,
            phone_verified_at: self.phone_verified_at.0,
            locale: locale(self.locale.as_deref(), "users.locale")?,
            second_factors: self.second_factors.into(),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }

    pub(crate) fn into_account(mut self) -> QueryResult<Account> {
        let password_hash = PasswordHash::new(std::mem::take(&mut self.password_hash));
        Ok(Account { password_hash, lock: self.lock()?, user: self.into_user()? })
    }
}

/// A registration that came from another system.
#[derive(Queryable, Selectable)]
#[diesel(table_name = imported_registrations, check_for_backend(Sqlite))]
pub(crate) struct ImportedRow {
    email: String,
    phone: String,
    password_hash: String,
    locale: Option<String>,
}

impl ImportedRow {
    pub(crate) fn into_registration(self) -> QueryResult<PendingRegistration> {
        Ok(PendingRegistration {
            email: email(&self.email, "imported_registrations.email")?,
            phone: phone(&self.phone, "imported_registrations.phone")?,
            password_hash: PasswordHash::new(self.password_hash),
            locale: locale(self.locale.as_deref(), "imported_registrations.locale")?,
        })
    }
}

/// What a challenge carries of a registration.
#[derive(Queryable, Selectable)]
#[diesel(table_name = challenges, check_for_backend(Sqlite))]
pub(crate) struct RegistrationRow {
    email: Option<String>,
    phone: String,
    password_hash: Option<String>,
    account_locale: Option<String>,
}

impl RegistrationRow {
    pub(crate) fn into_registration(self) -> QueryResult<PendingRegistration> {
        let typed = self.email.ok_or_else(|| unreadable("challenges.email"))?;
        let hash = self.password_hash.ok_or_else(|| unreadable("challenges.password_hash"))?;
        Ok(PendingRegistration {
            email: email(&typed, "challenges.email")?,
            phone: phone(&self.phone, "challenges.phone")?,
            password_hash: PasswordHash::new(hash),
            locale: locale(self.account_locale.as_deref(), "challenges.account_locale")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Sqlite))]
pub(crate) struct SessionRow {
    pub(crate) id: Id,
    pub(crate) user_id: Id,
    methods: String,
    authenticated_at: Micros,
    pub(crate) expires_at: Micros,
    pub(crate) absolute_expires_at: Micros,
}

impl SessionRow {
    pub(crate) fn into_live(self, user: UserRow) -> QueryResult<LiveSession> {
        Ok(LiveSession {
            id: SessionId(self.id.0),
            user: user.into_user()?,
            authenticated_at: self.authenticated_at.0,
            methods: methods(&self.methods)?,
            expires_at: self.expires_at.0,
            absolute_expires_at: self.absolute_expires_at.0,
        })
    }
}

/// A session as its owner sees it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Sqlite))]
pub(crate) struct SessionEntryRow {
    id: Id,
    client_address: Option<String>,
    user_agent: Option<String>,
    created_at: Micros,
    last_used_at: Micros,
}

impl SessionEntryRow {
    pub(crate) fn into_entry(self) -> QueryResult<SessionEntry> {
        Ok(SessionEntry {
            id: SessionId(self.id.0),
            created_at: self.created_at.0,
            last_used_at: self.last_used_at.0,
            client: client(self.client_address, self.user_agent, "sessions.client_address")?,
        })
    }
}

/// A device as its owner sees it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = devices, check_for_backend(Sqlite))]
pub(crate) struct DeviceEntryRow {
    id: Id,
    client_address: Option<String>,
    user_agent: Option<String>,
    created_at: Micros,
    last_used_at: Micros,
    expires_at: Micros,
}

impl DeviceEntryRow {
    pub(crate) fn into_entry(self) -> QueryResult<DeviceEntry> {
        Ok(DeviceEntry {
            id: DeviceId(self.id.0),
            created_at: self.created_at.0,
            last_used_at: self.last_used_at.0,
            expires_at: self.expires_at.0,
            client: client(self.client_address, self.user_agent, "devices.client_address")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Sqlite))]
pub(crate) struct EventRow {
    id: Id,
    pub(crate) user_id: Id,
    name: String,
    session_id: Option<Id>,
    client_address: Option<String>,
    user_agent: Option<String>,
    occurred_at: Micros,
}

impl EventRow {
    pub(crate) fn into_event(self) -> QueryResult<SecurityEvent> {
        Ok(SecurityEvent {
            id: EventId(self.id.0),
            name: EventName::find(&self.name).ok_or_else(|| unreadable("events.name"))?,
            session_id: self.session_id.map(|id| SessionId(id.0)),
            client: client(self.client_address, self.user_agent, "events.client_address")?,
            occurred_at: self.occurred_at.0,
        })
    }
}

pub(crate) fn phone(text: &str, column: &'static str) -> QueryResult<PhoneNumber> {
    PhoneNumber::from_stored(text).map_err(|_| unreadable(column))
}

pub(crate) fn locale(text: Option<&str>, column: &'static str) -> QueryResult<Option<Locale>> {
    text.map(|text| Locale::parse(text).map_err(|_| unreadable(column))).transpose()
}

fn email(text: &str, column: &'static str) -> QueryResult<Email> {
    Email::parse(text).map_err(|_| unreadable(column))
}

fn client(address: Option<String>, user_agent: Option<String>, column: &'static str) -> QueryResult<Client> {
    let address = address.map(|text| text.parse().map_err(|_| unreadable(column))).transpose()?;
    Ok(Client { address, user_agent: user_agent.and_then(|text| UserAgent::cut(&text)) })
}

fn methods(text: &str) -> QueryResult<Vec<AuthenticationMethod>> {
    let method = |name| AuthenticationMethod::find(name).ok_or_else(|| unreadable("sessions.methods"));
    text.split_whitespace().map(method).collect()
}
