//! New sessions, and the devices that are remembered with them.

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::AstPass,
    sql_types::{Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use ports::{NewEvent, NewSession};
use uuid::Uuid;

use crate::{
    challenges::limit,
    events::{EventInput, OtherEventInput},
    rows::{client, joined},
    statement::Inputs,
    types::Instant,
};

/// A session and perhaps a device, which [`session!`] opens and remembers at the time `now`.
#[derive(Clone)]
pub(crate) struct SessionInput {
    id: Uuid,
    refresh_token: Vec<u8>,
    methods: String,
    client_address: Option<String>,
    user_agent: Option<String>,
    now: Instant,
    expires_at: Instant,
    absolute_expires_at: Instant,
    others: i32,
    event: EventInput,
    device: Option<Uuid>,
    device_token: Option<Vec<u8>>,
    device_expires_at: Option<Instant>,
    other_devices: i32,
    /// That the device is remembered.
    other_event: OtherEventInput,
}

impl From<&NewSession> for SessionInput {
    fn from(session: &NewSession) -> Self {
        let device = session.device.as_ref();
        let (client_address, user_agent) = client(&session.client);
        Self {
            id: session.id.0,
            refresh_token: session.refresh_token.0.to_vec(),
            methods: joined(&session.methods),
            client_address,
            user_agent,
            now: Instant(session.times.created_at),
            expires_at: Instant(session.times.expires_at),
            absolute_expires_at: Instant(session.times.absolute_expires_at),
            others: limit(session.max_per_user.saturating_sub(1)),
            event: (&session.event).into(),
            device: device.map(|device| device.id.0),
            device_token: device.map(|device| device.token.0.to_vec()),
            device_expires_at: device.map(|device| Instant(device.expires_at)),
            other_devices: limit(device.map_or(0, |device| device.max_per_user.saturating_sub(1))),
            other_event: device.map(|device| &device.event).into(),
        }
    }
}

impl SessionInput {
    /// The session with this event in the place of that of a device.
    pub(crate) fn or_else(self, event: &NewEvent) -> Self {
        Self { other_event: Some(event).into(), ..self }
    }
}

impl Inputs for SessionInput {
    fn walk<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        macro_rules! columns {
            ($($field:ident: $sql:ty as $name:literal),+ $(,)?) => {$(
                out.push_sql(", ");
                out.push_bind_param::<$sql, _>(&self.$field)?;
                out.push_sql(concat!(" AS ", $name));
            )+};
        }
        columns! {
            id: SqlUuid as "session_id",
            refresh_token: Binary as "refresh_token",
            methods: Text as "methods",
            client_address: Nullable<Text> as "client_address",
            user_agent: Nullable<Text> as "user_agent",
            now: Timestamptz as "now",
            expires_at: Timestamptz as "session_expires_at",
            absolute_expires_at: Timestamptz as "session_absolute_expires_at",
            others: Integer as "others",
            device: Nullable<SqlUuid> as "device_id",
            device_token: Nullable<Binary> as "device_token",
            device_expires_at: Nullable<Timestamptz> as "device_expires_at",
            other_devices: Integer as "other_devices",
        }
        self.event.walk(out.reborrow())?;
        self.other_event.walk(out)
    }
}

/// Opens the session for the account in `owner`, whose row is held or new, and remembers the
/// device. `$since` is when all factors were proven.
macro_rules! session {
    (since $since:literal) => {
        concat!(", session AS (
            INSERT INTO sessions (id, user_id, methods, client_address, user_agent, authenticated_at, created_at,
                last_used_at, expires_at, absolute_expires_at)
            SELECT i.session_id, o.id, i.methods, i.client_address, i.user_agent, ", $since, ", i.now, i.now,
                i.session_expires_at, i.session_absolute_expires_at
            FROM input i, owner o
            RETURNING id, user_id
        ), token AS (
            INSERT INTO refresh_tokens (hash, session_id, issued_at)
            SELECT i.refresh_token, session.id, i.now FROM input i, session
        ), recorded AS (", $crate::events::record!(user "s.user_id", session "s.id", act "session s"), "
        ), device AS (
            INSERT INTO devices (id, user_id, client_address, user_agent, created_at, last_used_at, expires_at)
            SELECT i.device_id, s.user_id, i.client_address, i.user_agent, i.now, i.now, i.device_expires_at
            FROM input i, session s WHERE i.device_id IS NOT NULL
            RETURNING id, user_id
        ), device_token AS (
            INSERT INTO device_tokens (hash, device_id, issued_at)
            SELECT i.device_token, d.id, i.now FROM input i, device d
        ), device_recorded AS (
", $crate::events::record!(other user "s.user_id", session "s.id", act "session s, device"), "
        ), oldest_device AS (
            DELETE FROM devices d USING device n
            WHERE d.user_id = n.user_id AND d.id IN (
                SELECT x.id FROM devices x WHERE x.user_id = n.user_id AND x.expires_at > (SELECT now FROM input)
                ORDER BY x.last_used_at DESC, x.id DESC OFFSET (SELECT other_devices FROM input))
        )")
    };
}

/// Ends the sessions of `owner` beyond the limit. `$but` excepts what this statement still
/// sees although it is over.
macro_rules! oldest_session {
    (but $but:literal) => {
        concat!(
            ", oldest AS (
            DELETE FROM sessions s USING owner o
            WHERE s.user_id = o.id AND s.id IN (
                SELECT x.id FROM sessions x WHERE x.user_id = o.id ",
            $but,
            " ORDER BY x.last_used_at DESC, x.id DESC OFFSET (SELECT others FROM input))
        )"
        )
    };
}
pub(crate) use {oldest_session, session};
