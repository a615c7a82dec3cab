//! What providers tell of messages.

use diesel::{QueryResult, SqliteConnection, dsl::update, insert_or_ignore_into, prelude::*};
use domain::{CallbackEvent, Settlement};
use jiff::Timestamp;
use ports::{Advance, Callback, Heard};

use super::{
    TraceState,
    counting::{Counts, count},
    quotes,
};
use crate::{
    schema::{send_callbacks, send_traces},
    types::Micros,
};

/// How many callbacks of one message are kept.
const MOST: i64 = 64;

pub(super) fn hear(
    sqlite: &mut SqliteConnection,
    provider: &str,
    callback: &Callback,
    now: Timestamp,
) -> QueryResult<Heard> {
    let trace = match callback.reference {
        Some(reference) => TraceState::find(sqlite, reference, provider)?,
        None => TraceState::find_by_provider(sqlite, provider, &callback.provider_id)?,
    };
    let Some(trace) = trace.filter(|trace| is_about(trace, callback)) else {
        return Ok(Heard::NotOurs);
    };
    let is_wanted = trace.settlement()?.is_none_or(Settlement::may_have_left);
    if !note(sqlite, &trace, callback, now)? {
        return Ok(Heard::Ours { is_news: false, is_wanted, advanced: None, quoted: None });
    }
    let advanced = advance(sqlite, &trace, callback)?;
    let quoted = match callback.quote {
        Some(quote) => Some(quotes::note(sqlite, &trace, is_wanted, quote, callback.said_at)?),
        None => None,
    };
    Ok(Heard::Ours { is_news: true, is_wanted, advanced, quoted })
}

fn is_about(trace: &TraceState, callback: &Callback) -> bool {
    trace.provider_id.as_ref().is_none_or(|id| *id == callback.provider_id.0)
        && trace.phone.as_ref().is_none_or(|phone| phone == callback.phone.as_e164())
}

/// Keeps a callback; `false` when it came before, or there are enough.
fn note(
    sqlite: &mut SqliteConnection,
    trace: &TraceState,
    callback: &Callback,
    now: Timestamp,
) -> QueryResult<bool> {
    let of_trace = send_callbacks::table
        .filter(send_callbacks::reference.eq(trace.reference))
        .filter(send_callbacks::provider.eq(&trace.provider));
    let kept: i64 = of_trace.count().get_result(sqlite)?;
    if kept >= MOST {
        return Ok(false);
    }
    let row = (
        send_callbacks::fingerprint.eq(callback.fingerprint.to_vec()),
        send_callbacks::reference.eq(trace.reference),
        send_callbacks::provider.eq(&trace.provider),
        send_callbacks::event.eq(callback.event.name()),
        send_callbacks::outcome.eq(callback.event.outcome()),
        send_callbacks::reason.eq(callback.event.reason()),
        send_callbacks::said_at.eq(Micros(callback.said_at)),
        send_callbacks::heard_at.eq(Micros(now)),
    );
    insert_or_ignore_into(send_callbacks::table).values(row).execute(sqlite).map(|added| added > 0)
}

fn advance(
    sqlite: &mut SqliteConnection,
    trace: &TraceState,
    callback: &Callback,
) -> QueryResult<Option<Advance>> {
    // A question may be repeated for another try, and only the answer to our start says which
    // counts; so nothing counts while that is still awaited.
    let is_settled = trace.settlement()?.is_some();
    if is_settled && trace.provider_id.is_none() && callback.event != CallbackEvent::Request {
        update(send_traces::table.find(trace.key()))
            .set(send_traces::provider_id.eq(Some(&callback.provider_id.0)))
            .execute(sqlite)?;
    }
    let (before, to) = (trace.arrival()?, callback.event.arrival());
    if to <= before {
        return Ok(None);
    }
    let further =
        (send_traces::arrival.eq(to.rank()), send_traces::arrived_at.eq(Some(Micros(callback.said_at))));
    update(send_traces::table.find(trace.key())).set(further).execute(sqlite)?;
    count(sqlite, &trace.place(), &Counts::of_advance(before, to))?;
    Ok(Some(Advance { channel: trace.channel()?, country: trace.country(), to }))
}
