//! Carries the W3C trace context of a request to the provider.
//!
//! This crate knows no web framework and web frameworks know nothing of this
//! crate: whoever wires both calls [`scope`] around the handling of a request.

use reqwest::header::HeaderValue;

tokio::task_local! {
    static TRACEPARENT: String;
}

/// Runs `future`; calls to the provider that it makes itself, not in tasks that
/// it spawns, carry `traceparent` (W3C Trace Context §3.2). A text that is no
/// such header is dropped.
pub async fn scope<F: Future>(traceparent: String, future: F) -> F::Output {
    TRACEPARENT.scope(traceparent, future).await
}

/// The header of the present scope.
pub(crate) fn current() -> Option<HeaderValue> {
    TRACEPARENT.try_with(|text| is_traceparent(text).then(|| HeaderValue::from_str(text).ok())).ok()??
}

/// `version-trace-parent-flags` of version 00: 2, 32, 16 and 2 lower-case hexadecimal digits.
fn is_traceparent(text: &str) -> bool {
    text.split('-').map(str::len).eq([2, 32, 16, 2])
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[tokio::test]
    async fn the_trace_context_reaches_as_far_as_its_scope() {
        assert_eq!(scope(VALID.to_owned(), async { current() }).await, Some(HeaderValue::from_static(VALID)));
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn a_text_that_is_no_trace_context_is_dropped() {
        for wrong in ["", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\n", "+46701234567"] {
            assert_eq!(scope(wrong.to_owned(), async { current() }).await, None, "{wrong:?}");
        }
    }
}
