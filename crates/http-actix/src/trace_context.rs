//! The trace a request belongs to (W3C Trace Context, Recommendation 2021).

use actix_web::http::header::HeaderMap;
use uuid::Uuid;

tokio::task_local! {
    /// The `traceparent` that calls made for the current request shall carry.
    pub static TRACEPARENT: String;
}

/// The `traceparent` of the request being answered; `None` outside of one.
pub fn current() -> Option<String> {
    TRACEPARENT.try_with(Clone::clone).ok()
}

/// A request's place in its trace.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) id: String,
    pub(crate) span_id: String,
    sampled: bool,
}

impl Trace {
    /// Goes on with the trace that the client names, or begins one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all("traceparent");
        let parent = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().and_then(parse),
            _ => None,
        };
        let (id, sampled) = parent.unwrap_or_else(|| (Uuid::new_v4().simple().to_string(), true));
        let span_id = format!("{:016x}", Uuid::new_v4().as_u64_pair().1);
        Self { id, span_id, sampled }
    }

    /// The header for calls made while answering.
    pub(crate) fn header(&self) -> String {
        format!("00-{}-{}-{:02x}", self.id, self.span_id, u8::from(self.sampled))
    }
}

/// Trace id and sampled flag of a valid header (§3.2). Later versions may
/// append fields, version `ff` is forbidden.
fn parse(header: &str) -> Option<(String, bool)> {
    let mut parts = header.split('-');
    let (version, trace_id, parent_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || parts.next().is_none())
        && is_id(trace_id, 32)
        && is_id(parent_id, 16)
        && is_hex(flags, 2);
    let flags = u8::from_str_radix(flags, 16).ok()?;
    well_formed.then(|| (trace_id.to_owned(), flags & 1 == 1))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|b| b != b'0')
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_traceparent_is_continued() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (header, sampled) in [
            (format!("00-{trace}-00f067aa0ba902b7-01"), true),
            (format!("00-{trace}-00f067aa0ba902b7-00"), false),
            (format!("cc-{trace}-00f067aa0ba902b7-03-what-comes-later"), true),
        ] {
            assert_eq!(parse(&header), Some((trace.to_owned(), sampled)), "{header}");
        }
    }

    #[test]
    fn an_invalid_traceparent_is_not_continued() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for header in [
            String::new(),
            "00".to_owned(),
            format!("ff-{trace}-00f067aa0ba902b7-01"),
            format!("00-{trace}-00f067aa0ba902b7-01-more"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            format!("00-{trace}-00f067aa0ba902b7-1"),
            format!("00-{trace}\r\n-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(parse(&header), None, "{header}");
        }
    }
}
