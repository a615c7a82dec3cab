//! What becomes of limits when the server, or the way to it, is in trouble.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use adapters_redis::{RedisLimiter, Settings, UnusableRedis};
use domain::{LimitDemand, LimitKey, LimitSubject, RateLimit};
use jiff::SignedDuration;
use ports::{Dependency, LimiterUnavailable, RateLimiter};
use testkit::redis::{LineTrouble, RedisServer, TroubledLine};
use zeroize::Zeroizing;

/// Enough for a busy machine, and little enough to wait for.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than a server that failed is left alone.
const PATIENCE: Duration = Duration::from_secs(30);

fn limiter(url: &str) -> RedisLimiter {
    let key = Zeroizing::new([7; 32]);
    let namespace = "otp-login".to_owned();
    RedisLimiter::new(&Settings { url: url.to_owned().into(), timeout: TIMEOUT, namespace, key }).unwrap()
}

/// Three, and one more an hour.
fn demand() -> LimitDemand {
    let limit = RateLimit::new(NonZeroU32::MIN, SignedDuration::from_hours(1), NonZeroU32::new(3).unwrap());
    LimitDemand { key: LimitKey { limit: "requests", subject: LimitSubject::everyone() }, limit }
}

/// What is left afterwards.
async fn take(limiter: &RedisLimiter) -> Result<u32, LimiterUnavailable> {
    let ruling = limiter.take(&[demand()]).await?;
    Ok(ruling.standings()[0].remaining())
}

async fn healed(limiter: &RedisLimiter) -> u32 {
    let begun = Instant::now();
    loop {
        match take(limiter).await {
            Ok(left) => return left,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "it stays away: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sm_09_a_server_that_hangs_costs_no_more_than_the_time_set_and_then_nothing() {
    let server = RedisServer::start();
    let line = TroubledLine::to(server.address());
    let limiter = limiter(&line.url());
    assert_eq!(take(&limiter).await.unwrap(), 2);
    line.trouble(Some(LineTrouble::Hang));
    let begun = Instant::now();
    take(&limiter).await.unwrap_err();
    assert!(begun.elapsed() < TIMEOUT * 2, "{:?}", begun.elapsed());
    let begun = Instant::now();
    for _ in 0..100 {
        take(&limiter).await.unwrap_err();
    }
    assert!(begun.elapsed() < TIMEOUT * 4, "while it rests nobody waits: {:?}", begun.elapsed());
    line.trouble(None);
    assert_eq!(healed(&limiter).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_cut_is_made_again_unnoticed() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    assert_eq!(take(&limiter).await.unwrap(), 2);
    assert!(server.command("CLIENT KILL TYPE normal").starts_with(':'));
    assert_eq!(take(&limiter).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sm_09_what_is_no_answer_admits_nobody() {
    let server = RedisServer::start();
    for trouble in [LineTrouble::Reset, LineTrouble::Garbage, LineTrouble::LoseAnswer] {
        let line = TroubledLine::to(server.address());
        let limiter = limiter(&line.url());
        assert_eq!(server.command("FLUSHALL"), "+OK");
        assert_eq!(take(&limiter).await.unwrap(), 2);
        line.trouble(Some(trouble));
        assert!(take(&limiter).await.is_err(), "{trouble:?}");
        line.trouble(None);
        let left = healed(&limiter).await;
        assert!(left <= 1, "{trouble:?}: nothing was given back, {left} are left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_the_server_forgot_is_sent_again() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    assert_eq!(take(&limiter).await.unwrap(), 2);
    assert_eq!(server.command("SCRIPT FLUSH"), "+OK");
    assert_eq!(take(&limiter).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sm_09_a_replica_that_takes_no_writes_admits_nobody_and_is_not_ready() {
    let server = RedisServer::start_replica();
    let limiter = limiter(&server.url());
    let error = take(&limiter).await.unwrap_err();
    assert!(
        format!("{error:?}").contains("READONLY") || format!("{error:?}").contains("ReadOnly"),
        "{error:?}"
    );
    assert!(limiter.probe().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_empty_counts_anew() {
    let mut server = RedisServer::start();
    let limiter = limiter(&server.url());
    assert_eq!(take(&limiter).await.unwrap(), 2);
    limiter.probe().await.unwrap();
    server.kill();
    assert!(take(&limiter).await.is_err());
    assert!(limiter.probe().await.is_err());
    server.restart();
    assert_eq!(healed(&limiter).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_lies_under_a_key_is_a_fault_and_a_number_in_the_far_future_is_not() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    take(&limiter).await.unwrap();
    let key = key(&server);
    server.command(&format!("SET {key} 99999999999999999999"));
    let refused = limiter.take(&[demand()]).await.unwrap();
    assert_eq!(refused.retry_after(), Some(SignedDuration::from_hours(1)));
    server.command(&format!("SET {key} nonsense"));
    assert_eq!(take(&limiter).await.unwrap(), 2, "what is no number is nothing");
    server.command(&format!("DEL {key}"));
    server.command(&format!("LPUSH {key} x"));
    assert!(take(&limiter).await.is_err());
}

/// The only key there is.
fn key(server: &RedisServer) -> String {
    use std::io::{BufRead, BufReader, Write};
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"RANDOMKEY\r\n").unwrap();
    BufReader::new(stream).lines().nth(1).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_ends_with_what_it_counts() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    take(&limiter).await.unwrap();
    let left = server.command(&format!("PTTL {}", key(&server)));
    let left: i64 = left.trim_start_matches(':').parse().unwrap();
    assert!((3_500_000..=3_600_001).contains(&left), "{left} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn lg_01_errors_hold_no_password() {
    let server = RedisServer::start_guarded("only-for-tests-right");
    let with = |password: &str| limiter(&format!("redis://:{password}@{}", server.address()));
    assert_eq!(take(&with("only-for-tests-right")).await.unwrap(), 2);
    let wrong = with("only-for-tests-wrong");
    let error = take(&wrong).await.unwrap_err();
    let told = format!("{error} {error:?} {wrong:?} {:?}", wrong.probe().await);
    assert!(!told.contains("only-for-tests"), "{told}");
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_refused_without_repeating_it() {
    for url in ["", "http://host", "redis://", "only-for-tests"] {
        let key = Zeroizing::new([7; 32]);
        let settings =
            Settings { url: url.to_owned().into(), timeout: TIMEOUT, namespace: "otp-login".to_owned(), key };
        let refused = RedisLimiter::new(&settings).unwrap_err();
        assert_eq!(refused, UnusableRedis::InvalidUrl, "{url}");
        assert!(!refused.to_string().contains("only-for-tests"));
    }
}
