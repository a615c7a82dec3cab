//! Taking an attempt and giving it back.

use diesel::{
    QueryableByName,
    sql_types::{Array, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{
    ChallengeId, Channel, CodeFailures, ProviderId, Purpose, SendReference, UserId, VerificationId,
};
use jiff::Timestamp;
use ports::{Attempt, Guess, NewEvent, Spent, StoreError, Taken};
use uuid::Uuid;

use super::send::{count, limit, quota_limit};
use crate::{
    PostgresStore,
    events::{EventInput, held_owner, record},
    rows::{phone, read},
    statement::statement,
    types::Instant,
};

// The condition on `attempts_left` is judged on the row as it is when its lock is had.
statement!(TakeAttempt {
    id: String => Text,
    purposes: Vec<&'static str> => Array<Text>,
    blind: Vec<&'static str> => Array<Text>,
    user_id: Option<Uuid> => Nullable<SqlUuid>,
    session_id: Option<Uuid> => Nullable<SqlUuid>,
    now: Instant => Timestamptz,
    kind: &'static str => Text,
    quota: Option<i32> => Nullable<Integer>,
    in_a_row: Option<i32> => Nullable<Integer>,
    remembered_since: Instant => Timestamptz,
} "
    , live AS MATERIALIZED (
        SELECT c.*, c.purpose = ANY (i.blind) AS is_blind, coalesce(u.text_barred, false) AS text_barred
        FROM input i JOIN challenges c ON c.id = i.id AND c.purpose = ANY (i.purposes) AND c.expires_at > i.now
        JOIN verifications v ON v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
        LEFT JOIN users u ON u.id = c.user_id
        WHERE v.attempts_left > 0 AND v.expires_at > i.now
        AND (i.user_id IS NULL OR (c.user_id = i.user_id AND c.session_id = i.session_id))
    ), found AS MATERIALIZED (
        SELECT l.id, l.purpose, l.phone, l.user_id, l.verification_id, l.text_barred,
            CASE WHEN l.is_blind THEN u.phone ELSE l.phone END AS sent_to,
            CASE WHEN l.is_blind THEN l.account ELSE l.user_id::text END AS bounded,
            CASE WHEN l.is_blind THEN l.account ELSE coalesce(l.user_id::text, l.phone) END AS account
        FROM live l LEFT JOIN users u ON l.is_blind AND u.id = l.user_id
    ), gate AS MATERIALIZED (
        SELECT attempts_full_until(
            f.bounded, f.purpose, i.kind, i.quota, i.in_a_row, i.remembered_since, i.now) AS retry_at
        FROM input i, found f
    ), taken AS (
        UPDATE verifications v SET attempts_left = v.attempts_left - 1 FROM found f, gate
        WHERE v.phone = f.phone AND v.purpose = f.purpose AND v.id = f.verification_id
        AND v.attempts_left > 0 AND gate.retry_at IS NULL
        RETURNING v.*
    ), logged AS (
        INSERT INTO guesses (verification_id, attempts_left, account, purpose, kind, guessed_at)
        SELECT t.id, t.attempts_left, f.account, f.purpose, i.kind, i.now FROM input i, found f, taken t
    ), counted AS (
        INSERT INTO code_failures AS c (account, purpose, kind, count, last_at)
        SELECT f.bounded, f.purpose, i.kind, 1, i.now FROM input i, found f, taken t WHERE f.bounded IS NOT NULL
        ON CONFLICT (account, purpose, kind) DO UPDATE SET
            count = CASE WHEN c.last_at <= (SELECT remembered_since FROM input) THEN 1 ELSE c.count + 1 END,
            last_at = greatest(c.last_at, excluded.last_at)
    )
    SELECT f.id, f.purpose, f.sent_to, f.user_id, f.verification_id, f.text_barred, t.id IS NOT NULL AS taken,
        coalesce(t.attempts_left, 0) AS attempts_left, t.channel, t.provider_id, t.unsettled_reference, gate.retry_at
    FROM found f CROSS JOIN gate LEFT JOIN taken t ON true");

#[derive(QueryableByName)]
struct TakenRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    purpose: String,
    #[diesel(sql_type = Nullable<Text>)]
    sent_to: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    user_id: Option<Uuid>,
    #[diesel(sql_type = SqlUuid)]
    verification_id: Uuid,
    #[diesel(sql_type = Bool)]
    text_barred: bool,
    #[diesel(sql_type = Bool)]
    taken: bool,
    #[diesel(sql_type = Integer)]
    attempts_left: i32,
    #[diesel(sql_type = Nullable<Text>)]
    channel: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    provider_id: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unsettled_reference: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    retry_at: Option<Instant>,
}

impl TryFrom<TakenRow> for Taken {
    type Error = StoreError;

    fn try_from(row: TakenRow) -> Result<Self, StoreError> {
        if !row.taken {
            return Ok(row.retry_at.map_or(Self::Closed, |at| Self::OverQuota { retry_at: at.0 }));
        }
        let verification_id = VerificationId(row.verification_id);
        let attempts_left = count(row.attempts_left);
        let Some(sent_to) = row.sent_to else {
            return Ok(Self::Decoy(Spent { verification_id, attempts_left }));
        };
        let channel = row.channel.and_then(|channel| Channel::parse(&channel).ok());
        Ok(Self::Attempt(Attempt {
            challenge_id: read(ChallengeId::parse(&row.id).ok(), "challenges", "id")?,
            verification_id,
            purpose: read(Purpose::find(&row.purpose), "challenges", "purpose")?,
            phone: phone(&sent_to, "challenges")?,
            channel: read(channel, "verifications", "channel")?,
            user_id: row.user_id.map(UserId),
            text_barred: row.text_barred,
            attempts_left,
            provider_id: row.provider_id.map(ProviderId),
            unsettled: row.unsettled_reference.map(SendReference),
        }))
    }
}

pub(crate) async fn take(store: &PostgresStore, guess: &Guess, now: Timestamp) -> Result<Taken, StoreError> {
    let take = TakeAttempt {
        id: guess.id.as_str().to_owned(),
        purposes: guess.purposes.iter().map(|purpose| purpose.as_str()).collect(),
        blind: guess.purposes.iter().filter(|it| it.is_blind()).map(|it| it.as_str()).collect(),
        user_id: guess.asker.map(|(user_id, _)| user_id.0),
        session_id: guess.asker.map(|(_, session_id)| session_id.0),
        now: Instant(now),
        kind: guess.kind.as_str(),
        quota: quota_limit(guess.quotas.account),
        in_a_row: guess.quotas.in_a_row.map(limit),
        remembered_since: Instant(now.checked_sub(CodeFailures::MEMORY).unwrap_or(Timestamp::MIN)),
    };
    let row: Option<TakenRow> = store.row(take).await?;
    row.map_or(Ok(Taken::Closed), Taken::try_from)
}

// An attempt whose guess is gone was given back already.
statement!(GiveBack { verification_id: Uuid => SqlUuid, attempts_left: i32 => Integer, most: i32 => Integer } "
    , guess AS (
        DELETE FROM guesses WHERE ctid = (
            SELECT g.ctid FROM input i JOIN verifications v ON v.id = i.verification_id AND v.given_back < i.most
            JOIN guesses g ON g.verification_id = v.id AND g.attempts_left = i.attempts_left
            LIMIT 1 FOR UPDATE OF g SKIP LOCKED)
        RETURNING verification_id, account, purpose, kind
    ), given AS (
        UPDATE verifications v SET attempts_left = v.attempts_left + 1, given_back = v.given_back + 1
        FROM input i, guess WHERE v.id = guess.verification_id AND v.given_back < i.most
        RETURNING v.id
    )
    UPDATE code_failures f SET count = f.count - 1 FROM guess g, given
    WHERE f.account = g.account AND f.purpose = g.purpose AND f.kind = g.kind AND f.count > 0");

pub(crate) async fn give_back(store: &PostgresStore, spent: Spent, most: u32) -> Result<(), StoreError> {
    let give_back = GiveBack {
        verification_id: spent.verification_id.0,
        attempts_left: limit(spent.attempts_left),
        most: limit(most),
    };
    store.execute(give_back).await.map(drop)
}

statement!(RecordWrongAnswer {
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(held_owner!(), record!(user "o.id", session "NULL", act "owner o")));

pub(crate) async fn record_wrong_answer(
    store: &PostgresStore,
    attempt: &Attempt,
    event: &NewEvent,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(()) };
    let record = RecordWrongAnswer { user_id: user_id.0, now: Instant(now), event: event.into() };
    store.execute(record).await.map(drop)
}
