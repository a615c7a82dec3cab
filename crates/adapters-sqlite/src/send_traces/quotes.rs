//! What providers say of what messages cost.

use diesel::{QueryResult, SqliteConnection, dsl::update, prelude::*, sql_query, sql_types, sqlite::Sqlite};
use domain::{CountryCode, Currency, Money, Quote, QuotedPrice};
use jiff::Timestamp;

use super::{
    TraceState, channel, cost,
    counting::{Counts, count},
};
use crate::{
    error::unreadable,
    schema::{quoted_prices, send_traces},
    types::Micros,
};

/// More than there are providers, channels and countries.
const MOST: i64 = 10_000;

/// What was said later stays.
const KEEP: &str = "
    INSERT INTO quoted_prices AS q (provider, channel, country, amount, currency, said_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (provider, channel, country) DO UPDATE SET
        amount = excluded.amount, currency = excluded.currency, said_at = excluded.said_at
    WHERE q.said_at <= excluded.said_at";

/// Makes a quote the cost of a message, and of its figures if it `counts` in them.
pub(super) fn note(
    sqlite: &mut SqliteConnection,
    trace: &TraceState,
    counts: bool,
    quote: Quote,
    said_at: Timestamp,
) -> QueryResult<QuotedPrice> {
    let amount = cost(quote.amount());
    update(send_traces::table.find(trace.key())).set(send_traces::cost.eq(amount)).execute(sqlite)?;
    if counts && amount != trace.cost {
        count(sqlite, &trace.place(), &Counts { cost: amount - trace.cost, ..Counts::default() })?;
    }
    sql_query(KEEP)
        .bind::<sql_types::Text, _>(&trace.provider)
        .bind::<sql_types::Text, _>(&trace.channel)
        .bind::<sql_types::Text, _>(&trace.country)
        .bind::<sql_types::BigInt, _>(amount)
        .bind::<sql_types::Text, _>(quote.currency().as_str())
        .bind::<sql_types::BigInt, _>(Micros(said_at))
        .execute(sqlite)?;
    let (provider, channel, country) = (trace.provider.clone(), trace.channel()?, trace.country());
    Ok(QuotedPrice { provider, channel, country, quote, said_at })
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = quoted_prices, check_for_backend(Sqlite))]
struct PriceRow {
    provider: String,
    channel: String,
    country: String,
    amount: i64,
    currency: String,
    said_at: Micros,
}

impl PriceRow {
    fn price(self) -> QueryResult<QuotedPrice> {
        let amount = u64::try_from(self.amount).map_err(|_| unreadable("quoted_prices.amount"))?;
        let currency = Currency::parse(&self.currency).map_err(|_| unreadable("quoted_prices.currency"))?;
        Ok(QuotedPrice {
            channel: channel(&self.channel)?,
            country: CountryCode::parse(&self.country).ok(),
            quote: Quote::new(Money(amount), currency).ok_or_else(|| unreadable("quoted_prices.amount"))?,
            provider: self.provider,
            said_at: self.said_at.0,
        })
    }
}

pub(super) fn list(sqlite: &mut SqliteConnection) -> QueryResult<Vec<QuotedPrice>> {
    let rows: Vec<PriceRow> = quoted_prices::table.limit(MOST).select(PriceRow::as_select()).load(sqlite)?;
    rows.into_iter().map(PriceRow::price).collect()
}
