//! The connection, made when it is needed and left alone when it fails.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use redis::{AsyncConnectionConfig, Client, ScriptInvocation, aio::MultiplexedConnection};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::Fault;

/// How long a server that failed is not asked. Else every request would wait for it.
const REST: Duration = Duration::from_secs(1);

/// One connection at a time, shared by all callers.
pub(crate) struct Links {
    client: Client,
    /// Where connections live: a thread that answers requests would delay them.
    runtime: Handle,
    /// For connecting, and for an answer.
    deadline: Duration,
    /// Whether the last call failed, so that only changes are logged.
    is_away: AtomicBool,
    /// Held for a few instructions, never across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    way: Way,
    /// Connections begun so far.
    begun: u64,
}

/// What there is between here and the server.
#[derive(Default)]
enum Way {
    #[default]
    None,
    /// On which all callers wait.
    Connecting(Connecting),
    Linked(Link),
    /// It failed a moment ago.
    Resting {
        until: Instant,
    },
}

#[derive(Clone)]
struct Connecting {
    outcome: Shared<BoxFuture<'static, Result<MultiplexedConnection, Arc<Fault>>>>,
    number: u64,
}

#[derive(Clone)]
struct Link {
    connection: MultiplexedConnection,
    number: u64,
}

impl Links {
    pub(crate) fn new(client: Client, runtime: Handle, deadline: Duration) -> Self {
        Self { client, runtime, deadline, is_away: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Runs the script, on a fresh connection if the one there was fails: servers restart, and a name
    /// may lead to another server since. A call whose answer was lost counts twice then.
    pub(crate) async fn ask(&self, call: &ScriptInvocation<'_>) -> Result<Vec<i64>, Fault> {
        let outcome = self.ask_twice(call).await;
        match &outcome {
            Ok(_) if self.is_away.swap(false, Ordering::Relaxed) => {
                tracing::info!(event = "limits_shared", "Redis counts again");
            }
            Err(fault) if !self.is_away.swap(true, Ordering::Relaxed) => {
                tracing::warn!(event = "limits_not_shared", error = %fault, "Redis does not count");
            }
            _ => {}
        }
        outcome
    }

    async fn ask_twice(&self, call: &ScriptInvocation<'_>) -> Result<Vec<i64>, Fault> {
        let link = self.link().await?;
        let number = link.number;
        let fault = match self.run(link, call).await {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        // Whoever did not answer in time would not do so now.
        if matches!(fault, Fault::Late) {
            self.give_up(number);
            return Err(fault);
        }
        self.drop_link(number);
        let link = self.link().await?;
        let number = link.number;
        let outcome = self.run(link, call).await;
        if outcome.is_err() {
            self.give_up(number);
        }
        outcome
    }

    async fn run(&self, mut link: Link, call: &ScriptInvocation<'_>) -> Result<Vec<i64>, Fault> {
        let answered = timeout(self.deadline, call.invoke_async(&mut link.connection)).await;
        answered.map_err(|_| Fault::Late)?.map_err(told)
    }

    /// The connection. Whoever finds none makes one, and whoever comes meanwhile waits for the same.
    async fn link(&self) -> Result<Link, Fault> {
        let connecting = match self.way()? {
            Way::Linked(link) => return Ok(link),
            Way::Connecting(connecting) => connecting,
            Way::None | Way::Resting { .. } => return Err(Fault::Resting),
        };
        let number = connecting.number;
        match connecting.outcome.await {
            Ok(connection) => {
                let link = Link { connection, number };
                self.end_connecting(number, Way::Linked(link.clone()));
                Ok(link)
            }
            Err(fault) => {
                self.end_connecting(number, Way::resting());
                Err(Fault::Unconnected(fault))
            }
        }
    }

    /// The connection that there is, or one that is being made.
    fn way(&self) -> Result<Way, Fault> {
        let mut state = self.lock();
        match &state.way {
            Way::Linked(link) => return Ok(Way::Linked(link.clone())),
            Way::Connecting(connecting) => return Ok(Way::Connecting(connecting.clone())),
            Way::Resting { until } if Instant::now() < *until => return Err(Fault::Resting),
            Way::None | Way::Resting { .. } => {}
        }
        state.begun += 1;
        let connecting = Connecting { outcome: self.connect().shared(), number: state.begun };
        state.way = Way::Connecting(connecting.clone());
        Ok(Way::Connecting(connecting))
    }

    fn connect(&self) -> BoxFuture<'static, Result<MultiplexedConnection, Arc<Fault>>> {
        let (client, deadline) = (self.client.clone(), self.deadline);
        let connecting = self.runtime.spawn(async move {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(deadline))
                .set_response_timeout(Some(deadline));
            client.get_multiplexed_async_connection_with_config(&config).await
        });
        async move {
            let late = || Arc::new(Fault::Late);
            let connected = timeout(deadline, connecting).await.map_err(|_| late())?;
            connected.map_err(|_| late())?.map_err(|error| Arc::new(told(error)))
        }
        .boxed()
    }

    /// What came of connecting; whoever waited says so, and the first of them counts.
    fn end_connecting(&self, ended: u64, way: Way) {
        let mut state = self.lock();
        if matches!(&state.way, Way::Connecting(connecting) if connecting.number == ended) {
            state.way = way;
        }
    }

    /// Unless somebody else did so before.
    fn drop_link(&self, number: u64) {
        self.replace_link(number, Way::None);
    }

    fn give_up(&self, number: u64) {
        self.replace_link(number, Way::resting());
    }

    fn replace_link(&self, number: u64, way: Way) {
        let mut state = self.lock();
        if matches!(&state.way, Way::Linked(link) if link.number == number) {
            state.way = way;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    fn resting() -> Self {
        Self::Resting { until: Instant::now() + REST }
    }
}

fn told(error: redis::RedisError) -> Fault {
    if error.is_timeout() { Fault::Late } else { Fault::Refused(error) }
}
