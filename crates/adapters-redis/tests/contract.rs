//! The promises of the port, against a real server.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{sync::Arc, time::Duration};

use adapters_redis::{RedisLimiter, Settings};
use async_trait::async_trait;
use jiff::SignedDuration;
use ports::{
    RateLimiter,
    contract::rate_limits::{LimiterStage, REPLICAS},
};
use testkit::redis::RedisServer;
use zeroize::Zeroizing;

/// Eight replicas, each with a connection of its own.
struct Shared {
    replicas: Vec<Arc<dyn RateLimiter>>,
    _server: RedisServer,
}

#[async_trait]
impl LimiterStage for Shared {
    fn replicas(&self) -> Vec<Arc<dyn RateLimiter>> {
        self.replicas.clone()
    }

    /// The server's clock cannot be moved.
    async fn pass(&self, time: SignedDuration) {
        tokio::time::sleep(time.unsigned_abs()).await;
    }
}

#[expect(clippy::unused_async, reason = "the suite awaits what it is held against")]
async fn shared() -> Shared {
    let server = RedisServer::start();
    let settings = Settings {
        url: server.url().into(),
        // Tests share a machine; what is promised here is not how quick it is.
        timeout: Duration::from_secs(30),
        namespace: "otp-login".to_owned(),
        key: Zeroizing::new([7; 32]),
    };
    let replica = || Arc::new(RedisLimiter::new(&settings).unwrap()) as Arc<dyn RateLimiter>;
    Shared { replicas: (0..REPLICAS).map(|_| replica()).collect(), _server: server }
}

ports::rate_limiter_contract!(shared());
