//! What providers said of what messages cost.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Integer, Text, Timestamptz},
};
use domain::{Currency, Money, Quote, QuotedPrice};
use ports::StoreError;

use super::{channel, country};
use crate::{PostgresStore, rows::read, statement::statement, types::Instant};

/// More than there are providers, channels and countries.
const MOST: i32 = 10_000;

statement!(direct List { most: i32 => Integer }
    "SELECT provider, channel, country, amount, currency, said_at FROM quoted_prices LIMIT ?");

#[derive(QueryableByName)]
struct PriceRow {
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = BigInt)]
    amount: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Timestamptz)]
    said_at: Instant,
}

impl PriceRow {
    fn price(self) -> Result<QuotedPrice, StoreError> {
        let amount = read(u64::try_from(self.amount).ok(), "quoted_prices", "amount")?;
        let currency = read(Currency::parse(&self.currency).ok(), "quoted_prices", "currency")?;
        Ok(QuotedPrice {
            channel: channel(&self.channel)?,
            country: country(&self.country),
            quote: read(Quote::new(Money(amount), currency), "quoted_prices", "amount")?,
            provider: self.provider,
            said_at: self.said_at.0,
        })
    }
}

pub(super) async fn list(store: &PostgresStore) -> Result<Vec<QuotedPrice>, StoreError> {
    let rows: Vec<PriceRow> = store.rows(List { most: MOST }).await?;
    rows.into_iter().map(PriceRow::price).collect()
}
