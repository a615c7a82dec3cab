//! Ceremonies: begun, and used up by whoever takes them first.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, insert_into, select},
    prelude::*,
};
use domain::{CeremonyId, ChallengeId, Purpose, UserId};
use jiff::Timestamp;
use ports::{Answerable, CeremonyAnswer, CeremonyKind, CeremonyState, NewCeremony, TakenCeremony};

use super::{CredentialRow, keeping};
use crate::{
    challenges::Live,
    schema::{passkey_ceremonies, passkeys, users},
    types::{Id, Micros},
};

const REGISTRATION: &str = "registration";
const ANSWER: &str = "answer";
const SIGN_IN: &str = "sign_in";

pub(super) fn answerable(
    sqlite: &mut SqliteConnection,
    id: &ChallengeId,
    now: Timestamp,
) -> QueryResult<Option<Answerable>> {
    let Some(live) = Live::find(sqlite, id, now)? else { return Ok(None) };
    match (live.purpose()?, live.user_id()) {
        (Purpose::Login | Purpose::StepUp, Some(user_id)) => {
            Ok(Some(Answerable { user_id, credentials: keeping::credentials(sqlite, user_id)? }))
        }
        _ => Ok(None),
    }
}

pub(super) fn begin(sqlite: &mut SqliteConnection, ceremony: &NewCeremony) -> QueryResult<()> {
    let (kind, user_id, challenge_id) = match &ceremony.kind {
        CeremonyKind::Registration { user_id } => (REGISTRATION, Some(user_id), None),
        CeremonyKind::Answer { user_id, challenge_id } => (ANSWER, Some(user_id), Some(challenge_id)),
        CeremonyKind::SignIn => (SIGN_IN, None, None),
    };
    if let Some(user_id) = user_id
        && !select(exists(users::table.find(Id(user_id.0)))).get_result(sqlite)?
    {
        return Ok(());
    }
    insert_into(passkey_ceremonies::table)
        .values((
            passkey_ceremonies::id.eq(ceremony.id.as_str()),
            passkey_ceremonies::kind.eq(kind),
            passkey_ceremonies::user_id.eq(user_id.map(|user_id| Id(user_id.0))),
            passkey_ceremonies::challenge_id.eq(challenge_id.map(ChallengeId::as_str)),
            passkey_ceremonies::state.eq(&ceremony.state.0),
            passkey_ceremonies::expires_at.eq(Micros(ceremony.expires_at)),
        ))
        .execute(sqlite)
        .map(drop)
}

pub(super) fn take_registration(
    sqlite: &mut SqliteConnection,
    id: &CeremonyId,
    user_id: UserId,
    now: Timestamp,
) -> QueryResult<Option<CeremonyState>> {
    let own = passkey_ceremonies::table
        .find(id.as_str())
        .filter(passkey_ceremonies::kind.eq(REGISTRATION))
        .filter(passkey_ceremonies::user_id.eq(Id(user_id.0)))
        .filter(passkey_ceremonies::expires_at.gt(Micros(now)));
    let taken: Option<Vec<u8>> =
        delete(own).returning(passkey_ceremonies::state).get_result(sqlite).optional()?;
    Ok(taken.map(CeremonyState))
}

pub(super) fn take_authentication(
    sqlite: &mut SqliteConnection,
    answer: &CeremonyAnswer,
    now: Timestamp,
) -> QueryResult<Option<TakenCeremony>> {
    let CeremonyAnswer { id, challenge_id, presented } = answer;
    let of_challenge = passkey_ceremonies::table
        .find(id.as_str())
        .filter(passkey_ceremonies::kind.ne(REGISTRATION))
        .filter(passkey_ceremonies::challenge_id.is(challenge_id.as_ref().map(ChallengeId::as_str)))
        .filter(passkey_ceremonies::expires_at.gt(Micros(now)));
    let taken: Option<(Vec<u8>, Option<Id>)> = delete(of_challenge)
        .returning((passkey_ceremonies::state, passkey_ceremonies::user_id))
        .get_result(sqlite)
        .optional()?;
    let Some((state, asked)) = taken else { return Ok(None) };
    let found: Option<CredentialRow> = passkeys::table
        .filter(passkeys::credential_id.eq(presented.as_bytes()))
        .select(CredentialRow::as_select())
        .first(sqlite)
        .optional()?;
    let of_asked = found.filter(|row| asked.is_none_or(|asked| asked == row.user_id));
    let credential = of_asked.map(CredentialRow::into_credential).transpose()?;
    Ok(Some(TakenCeremony { state: CeremonyState(state), credential }))
}
