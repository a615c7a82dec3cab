//! A client of the API, and the phones that its messages go to.

mod authenticator;
mod conventions;
mod description;
mod http;
mod jwt;
mod service;
mod session_tokens;
mod shapes;
mod simulator;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use authenticator::AuthenticatorApp;
pub(crate) use description::Description;
pub(crate) use http::{Answer, Connection, Request};
pub(crate) use jwt::{Jwt, public_key};
pub(crate) use service::{
    BINARY, Database, INTROSPECT, LOG_IN, LOG_OUT, ME, Person, REFRESH, REGISTER, REQUEST_OTP, Service,
    VERIFY_OTP,
};
pub(crate) use session_tokens::tokens_in;
pub(crate) use shapes::{Challenge, Tokens, User};

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What `count` callers get who all begin at the same moment.
pub(crate) fn at_once<T: Send>(count: usize, call: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..count)
            .map(|place| {
                let (start, call) = (&start, &call);
                scope.spawn(move || {
                    start.wait();
                    call(place)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

/// A code that differs from `code` in its last digit.
pub(crate) fn other_than(code: &str) -> String {
    let (rest, last) = code.split_at(code.len() - 1);
    let digit = (last.parse::<u32>().unwrap() + 1) % 10;
    format!("{rest}{digit}")
}
