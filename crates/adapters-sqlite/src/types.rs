//! How ids, times and counts are stored.

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary},
    sqlite::{Sqlite, SqliteValue},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::error::Unreadable;

/// A UUID as its 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct Id(pub(crate) Uuid);

impl ToSql<Binary, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Sqlite> for Id {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Uuid::from_slice(&bytes).map(Self).map_err(|_| Unreadable("an id").into())
    }
}

/// A time as microseconds since the epoch: whole numbers compare as times do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub(crate) struct Micros(pub(crate) Timestamp);

impl Micros {
    /// So long before `now`.
    pub(crate) fn before(now: Timestamp, by: SignedDuration) -> Self {
        Self(now.checked_sub(by).unwrap_or(Timestamp::MIN))
    }

    /// So long after this.
    pub(crate) fn later(self, by: SignedDuration) -> Timestamp {
        self.0.checked_add(by).unwrap_or(Timestamp::MAX)
    }
}

impl ToSql<BigInt, Sqlite> for Micros {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_microsecond());
        Ok(IsNull::No)
    }
}

impl FromSql<BigInt, Sqlite> for Micros {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Timestamp::from_microsecond(micros).map(Self).map_err(|_| Unreadable("a time").into())
    }
}

/// A number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub(crate) struct Count(pub(crate) u32);

impl ToSql<BigInt, Sqlite> for Count {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(i64::from(self.0));
        Ok(IsNull::No)
    }
}

impl FromSql<BigInt, Sqlite> for Count {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let count = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        u32::try_from(count).map(Self).map_err(|_| Unreadable("a count").into())
    }
}
