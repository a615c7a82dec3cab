//! Wrong codes in a row.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{case_when, delete, insert_into, update},
    prelude::*,
};
use domain::{AnswerKind, CodeFailures, Purpose, User};
use jiff::Timestamp;
use ports::Subject;

use crate::{
    schema::code_failures::{self, dsl},
    types::{Count, Micros},
};

/// What is counted together.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) account: &'a str,
    pub(super) purpose: &'a str,
    pub(super) kind: &'a str,
}

impl<'a> Counted<'a> {
    fn row(&self) -> (&'a str, &'a str, &'a str) {
        (self.account, self.purpose, self.kind)
    }
}

/// When so many in a row are forgotten; `None` while there are fewer.
pub(super) fn closed_until(
    sqlite: &mut SqliteConnection,
    counted: Counted<'_>,
    most: Option<u32>,
    now: Timestamp,
) -> QueryResult<Option<Timestamp>> {
    let Some(most) = most else { return Ok(None) };
    let last_at: Option<Micros> = dsl::code_failures
        .find(counted.row())
        .filter(dsl::count.ge(Count(most)))
        .filter(dsl::last_at.gt(Micros::before(now, CodeFailures::MEMORY)))
        .select(dsl::last_at)
        .first(sqlite)
        .optional()?;
    Ok(last_at.map(|last_at| last_at.later(CodeFailures::MEMORY)))
}

pub(super) fn count(sqlite: &mut SqliteConnection, counted: Counted<'_>, now: Timestamp) -> QueryResult<()> {
    let remembered = dsl::last_at.gt(Micros::before(now, CodeFailures::MEMORY));
    insert_into(dsl::code_failures)
        .values((
            dsl::account.eq(counted.account),
            dsl::purpose.eq(counted.purpose),
            dsl::kind.eq(counted.kind),
            dsl::count.eq(Count(1)),
            dsl::last_at.eq(Micros(now)),
        ))
        .on_conflict((dsl::account, dsl::purpose, dsl::kind))
        .do_update()
        .set((
            dsl::count.eq(case_when(remembered, dsl::count + Count(1)).otherwise(Count(1))),
            dsl::last_at.eq(Micros(now)),
        ))
        .execute(sqlite)
        .map(drop)
}

/// One was given back.
pub(super) fn uncount(sqlite: &mut SqliteConnection, counted: Counted<'_>) -> QueryResult<()> {
    update(dsl::code_failures.find(counted.row()).filter(dsl::count.gt(Count(0))))
        .set(dsl::count.eq(dsl::count - Count(1)))
        .execute(sqlite)
        .map(drop)
}

/// A right code of the kind was given.
pub(super) fn forget(
    sqlite: &mut SqliteConnection,
    account: &str,
    purpose: Purpose,
    kind: AnswerKind,
) -> QueryResult<()> {
    delete(dsl::code_failures.find((account, purpose.as_str(), kind.as_str()))).execute(sqlite).map(drop)
}

/// What a phone alone opens is open again, for its owner gave the password and another factor.
pub(super) fn reopen_blind(sqlite: &mut SqliteConnection, user: &User) -> QueryResult<()> {
    delete(dsl::code_failures.filter(code_failures::account.eq_any(blind_names(user))))
        .execute(sqlite)
        .map(drop)
}

/// Nothing of the account is closed any more.
pub(crate) fn reopen_all(sqlite: &mut SqliteConnection, user: &User) -> QueryResult<()> {
    reopen_blind(sqlite, user)?;
    delete(dsl::code_failures.filter(code_failures::account.eq(user.id.0.to_string())))
        .execute(sqlite)
        .map(drop)
}

/// What wrong codes of the user are counted under where nobody proved anything before.
fn blind_names(user: &User) -> [String; 2] {
    let reset = Subject::PasswordReset { email: user.email.clone(), user_id: None };
    let login = Subject::PhoneLogin { phone: user.phone.clone(), user_id: None };
    [reset.account(), login.account()]
}
