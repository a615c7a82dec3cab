//! Counting a code that was entered, in the statement that uses it up.

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::AstPass,
    sql_types::{Integer, Nullable, Text, Timestamptz},
};
use domain::{SendOrigin, Shield};
use jiff::Timestamp;
use ports::{Attempt, ShieldedSend};

use crate::{challenges::limit, statement::Inputs, types::Instant};

/// What the code is counted with.
#[derive(Clone)]
pub(crate) struct AnswerInput {
    prefix: String,
    country: Option<String>,
    origin: &'static str,
    bucket: Instant,
    /// How many codes that nobody entered it makes up for.
    credit: i32,
}

impl AnswerInput {
    pub(crate) fn new(attempt: &Attempt, now: Timestamp) -> Self {
        let send = ShieldedSend::new(attempt.phone.clone(), attempt.purpose.origin(), None);
        let is_stranger = send.origin == SendOrigin::Stranger;
        Self {
            prefix: send.prefix().as_str().to_owned(),
            country: send.country.map(|country| country.as_str().to_owned()),
            origin: send.origin.as_str(),
            bucket: Instant(Shield::bucket(now)),
            credit: if is_stranger { limit(Shield::ANSWER_CREDIT) } else { 0 },
        }
    }
}

impl Inputs for AnswerInput {
    fn walk<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.prefix)?;
        out.push_sql(" AS answer_prefix, ");
        out.push_bind_param::<Nullable<Text>, _>(&self.country)?;
        out.push_sql(" AS answer_country, ");
        out.push_bind_param::<Text, _>(&self.origin)?;
        out.push_sql(" AS answer_origin, ");
        out.push_bind_param::<Timestamptz, _>(&self.bucket)?;
        out.push_sql(" AS answer_bucket, ");
        out.push_bind_param::<Integer, _>(&self.credit)?;
        out.push_sql(" AS answer_credit");
        Ok(())
    }
}

/// Counts the code if this statement `won` its verification, in the order in which all do: the
/// state of the prefix, then what was counted.
macro_rules! answered {
    () => {
        ", relieved AS (
            UPDATE shield_states s SET unanswered = greatest(s.unanswered - i.answer_credit, 0), version = s.version + 1
            FROM input i, won WHERE s.scope_kind = 'prefix' AND s.scope = i.answer_prefix AND i.answer_credit > 0
            RETURNING s.scope
        ), answered AS (
            INSERT INTO send_statistics AS s (scope_kind, scope, bucket, origin, entered)
            SELECT k.kind, k.scope, i.answer_bucket, i.answer_origin, 1
            FROM input i CROSS JOIN won CROSS JOIN (SELECT count(*) FROM relieved) r CROSS JOIN LATERAL (
                VALUES ('prefix', i.answer_prefix), ('country', i.answer_country), ('service', '')
            ) AS k (kind, scope) WHERE k.scope IS NOT NULL
            ON CONFLICT (scope_kind, scope, bucket, origin, provider) DO UPDATE SET entered = s.entered + 1
        )"
    };
}
pub(crate) use answered;
