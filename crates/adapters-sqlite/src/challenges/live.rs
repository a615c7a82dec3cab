//! A live challenge together with the verification it shares.

use diesel::{QueryResult, SqliteConnection, prelude::*, replace_into, sqlite::Sqlite};
use domain::{ChallengeId, ChallengeState, Channel, Purpose, SecondFactors, UserId};
use jiff::Timestamp;
use ports::{NewChallenge, PendingRegistration, Subject};

use crate::{
    error::unreadable,
    rows::{self, SecondFactorsRow},
    schema::{challenges, users, verifications},
    types::{Count, Id, Micros},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = verifications, check_for_backend(Sqlite))]
pub(super) struct VerificationRow {
    pub(super) phone: String,
    pub(super) purpose: String,
    pub(super) id: Id,
    pub(super) attempts_left: Count,
    pub(super) given_back: Count,
    pub(super) channel: String,
    pub(super) provider_id: Option<String>,
    pub(super) unsettled_reference: Option<Id>,
    pub(super) expires_at: Micros,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = challenges, check_for_backend(Sqlite))]
pub(super) struct ChallengeRow {
    pub(super) id: String,
    pub(super) purpose: String,
    pub(super) subject: String,
    pub(super) verification_id: Id,
    pub(super) phone: String,
    pub(super) user_id: Option<Id>,
    pub(super) email: Option<String>,
    pub(super) email_canonical: Option<String>,
    pub(super) password_hash: Option<String>,
    pub(super) account_locale: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) country: Option<String>,
    pub(super) account: String,
    pub(super) sends: Count,
    pub(super) created_at: Micros,
    pub(super) expires_at: Micros,
    pub(super) session_id: Option<Id>,
}

/// Alive: its time runs, its verification is the current one, guesses are left.
pub(super) struct Live {
    pub(super) challenge: ChallengeRow,
    pub(super) verification: VerificationRow,
    /// What its account has besides the phone.
    pub(super) second_factors: SecondFactors,
}

impl Live {
    /// The live challenge with this id.
    pub(super) fn find(
        sqlite: &mut SqliteConnection,
        id: &ChallengeId,
        now: Timestamp,
    ) -> QueryResult<Option<Self>> {
        let found: Option<(ChallengeRow, VerificationRow)> = challenges::table
            .inner_join(verifications::table.on(challenges::verification_id.eq(verifications::id)))
            .filter(challenges::id.eq(id.as_str()))
            .filter(challenges::expires_at.gt(Micros(now)))
            .filter(verifications::attempts_left.gt(Count(0)))
            .filter(verifications::expires_at.gt(Micros(now)))
            .select((ChallengeRow::as_select(), VerificationRow::as_select()))
            .first(sqlite)
            .optional()?;
        let Some((challenge, verification)) = found else { return Ok(None) };
        let second_factors = find_second_factors(sqlite, challenge.user_id)?;
        Ok(Some(Self { challenge, verification, second_factors }))
    }

    /// The live challenge of this subject, or a new one that shares the
    /// number's live verification, if there is one.
    pub(super) fn find_or_begin(
        sqlite: &mut SqliteConnection,
        new: &NewChallenge,
        now: Timestamp,
    ) -> QueryResult<Self> {
        let expires_at = Micros(new.limits.policy.expires_at(now));
        let second_factors = find_second_factors(sqlite, new.subject.user_id().map(|id| Id(id.0)))?;
        let Some(mut verification) = find_verification(sqlite, &new.subject, now)? else {
            let verification = begin_verification(new, expires_at);
            let challenge = begin_challenge(new, &verification, now, expires_at);
            return Ok(Self { challenge, verification, second_factors });
        };
        let found = find_challenge(sqlite, &new.subject, &verification, now)?;
        // Whoever asked last is who waits for the code.
        let found = found.map(|row| ChallengeRow {
            session_id: new.subject.session_id().map(|id| Id(id.0)),
            user_id: new.subject.user_id().map(|id| Id(id.0)),
            ..row
        });
        let challenge = found.unwrap_or_else(|| begin_challenge(new, &verification, now, expires_at));
        verification.expires_at = verification.expires_at.max(challenge.expires_at);
        Ok(Self { challenge, verification, second_factors })
    }

    /// Puts both in the place of whatever the subject and the number had.
    pub(super) fn store(&self, sqlite: &mut SqliteConnection) -> QueryResult<()> {
        replace_into(verifications::table).values(&self.verification).execute(sqlite)?;
        replace_into(challenges::table).values(&self.challenge).execute(sqlite)?;
        Ok(())
    }

    /// Whether somebody may have got a code that opens this.
    pub(super) fn has_code(&self) -> bool {
        self.verification.provider_id.is_some() || self.verification.unsettled_reference.is_some()
    }

    pub(super) fn state(&self, number_last_sent_at: Option<Timestamp>) -> QueryResult<ChallengeState> {
        let (challenge, purpose) = (&self.challenge, self.purpose()?);
        let phone = (!purpose.is_blind()).then(|| rows::phone(&challenge.phone, "challenges.phone"));
        Ok(ChallengeState {
            id: self.id()?,
            purpose,
            phone: phone.transpose()?,
            channel: self.channel()?,
            locale: rows::locale(challenge.locale.as_deref(), "challenges.locale")?,
            user_id: self.user_id(),
            second_factors: self.second_factors,
            attempts_left: self.verification.attempts_left.0,
            sends: challenge.sends.0,
            number_last_sent_at,
            expires_at: challenge.expires_at.0,
        })
    }

    /// Whether a code that is sent for this opens nothing.
    pub(super) fn is_barred(&self) -> QueryResult<bool> {
        Ok(self.purpose()?.follows_password() && self.second_factors.text_barred)
    }

    pub(super) fn id(&self) -> QueryResult<ChallengeId> {
        ChallengeId::parse(&self.challenge.id).map_err(|_| unreadable("challenges.id"))
    }

    pub(super) fn purpose(&self) -> QueryResult<Purpose> {
        Purpose::find(&self.challenge.purpose).ok_or_else(|| unreadable("challenges.purpose"))
    }

    pub(super) fn channel(&self) -> QueryResult<Channel> {
        Channel::parse(&self.verification.channel).map_err(|_| unreadable("verifications.channel"))
    }

    pub(super) fn user_id(&self) -> Option<UserId> {
        self.challenge.user_id.map(|id| UserId(id.0))
    }
}

fn find_second_factors(sqlite: &mut SqliteConnection, user_id: Option<Id>) -> QueryResult<SecondFactors> {
    let Some(user_id) = user_id else { return Ok(SecondFactors::default()) };
    let found = users::table.find(user_id).select(SecondFactorsRow::as_select()).first(sqlite).optional()?;
    Ok(found.map(SecondFactors::from).unwrap_or_default())
}

fn find_verification(
    sqlite: &mut SqliteConnection,
    subject: &Subject,
    now: Timestamp,
) -> QueryResult<Option<VerificationRow>> {
    verifications::table
        .find((subject.destination(), subject.purpose().as_str()))
        .filter(verifications::attempts_left.gt(Count(0)))
        .filter(verifications::expires_at.gt(Micros(now)))
        .select(VerificationRow::as_select())
        .first(sqlite)
        .optional()
}

fn find_challenge(
    sqlite: &mut SqliteConnection,
    subject: &Subject,
    verification: &VerificationRow,
    now: Timestamp,
) -> QueryResult<Option<ChallengeRow>> {
    challenges::table
        .filter(challenges::purpose.eq(subject.purpose().as_str()))
        .filter(challenges::subject.eq(subject.identity()))
        .filter(challenges::verification_id.eq(verification.id))
        .filter(challenges::expires_at.gt(Micros(now)))
        .select(ChallengeRow::as_select())
        .first(sqlite)
        .optional()
}

fn begin_verification(new: &NewChallenge, expires_at: Micros) -> VerificationRow {
    VerificationRow {
        phone: new.subject.destination(),
        purpose: new.subject.purpose().as_str().to_owned(),
        id: Id(new.verification_id.0),
        attempts_left: Count(new.limits.policy.max_attempts),
        given_back: Count(0),
        channel: new.channel.as_str().to_owned(),
        provider_id: None,
        unsettled_reference: None,
        expires_at,
    }
}

fn begin_challenge(
    new: &NewChallenge,
    verification: &VerificationRow,
    now: Timestamp,
    expires_at: Micros,
) -> ChallengeRow {
    let registration = new.subject.registration();
    let locale_of = |registration: &PendingRegistration| {
        registration.locale.as_ref().map(|locale| locale.as_str().to_owned())
    };
    ChallengeRow {
        id: new.id.as_str().to_owned(),
        purpose: verification.purpose.clone(),
        subject: new.subject.identity(),
        verification_id: verification.id,
        phone: verification.phone.clone(),
        user_id: new.subject.user_id().map(|id| Id(id.0)),
        email: registration.map(|registration| registration.email.as_typed().to_owned()),
        email_canonical: registration.map(|registration| registration.email.canonical().to_owned()),
        password_hash: registration.map(|registration| registration.password_hash.as_str().to_owned()),
        account_locale: registration.and_then(locale_of),
        locale: new.locale.as_ref().map(|locale| locale.as_str().to_owned()),
        country: new.country.map(|country| country.as_str().to_owned()),
        account: new.subject.account(),
        sends: Count(0),
        created_at: Micros(now),
        expires_at,
        session_id: new.subject.session_id().map(|id| Id(id.0)),
    }
}
