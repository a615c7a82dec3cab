//! The connection, made when it is needed and left alone when it fails.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Client, ScriptInvocation, aio::MultiplexedConnection};
use tokio::{
    runtime::Handle,
    sync::Mutex,
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
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    link: Option<Link>,
    /// Connections made so far.
    made: u64,
    resting_until: Option<Instant>,
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
            self.give_up(number).await;
            return Err(fault);
        }
        self.drop_link(number).await;
        let link = self.link().await?;
        let number = link.number;
        let outcome = self.run(link, call).await;
        if outcome.is_err() {
            self.give_up(number).await;
        }
        outcome
    }

    async fn run(&self, mut link: Link, call: &ScriptInvocation<'_>) -> Result<Vec<i64>, Fault> {
        let answered = timeout(self.deadline, call.invoke_async(&mut link.connection)).await;
        answered.map_err(|_| Fault::Late)?.map_err(told)
    }

    /// The connection; callers wait for the one among them that makes it.
    async fn link(&self) -> Result<Link, Fault> {
        let mut state = self.state.lock().await;
        if let Some(link) = &state.link {
            return Ok(link.clone());
        }
        if state.resting_until.is_some_and(|until| Instant::now() < until) {
            return Err(Fault::Resting);
        }
        match self.connect().await {
            Ok(connection) => {
                state.made += 1;
                let link = Link { connection, number: state.made };
                state.link = Some(link.clone());
                Ok(link)
            }
            Err(fault) => {
                state.rest();
                Err(fault)
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Fault> {
        let (client, deadline) = (self.client.clone(), self.deadline);
        let connecting = self.runtime.spawn(async move {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(deadline))
                .set_response_timeout(Some(deadline));
            client.get_multiplexed_async_connection_with_config(&config).await
        });
        let connected = timeout(self.deadline, connecting).await.map_err(|_| Fault::Late)?;
        connected.map_err(|_| Fault::Late)?.map_err(told)
    }

    /// Unless somebody else did so before.
    async fn drop_link(&self, number: u64) {
        let mut state = self.state.lock().await;
        state.link.take_if(|link| link.number == number);
    }

    async fn give_up(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.link.take_if(|link| link.number == number).is_some() {
            state.rest();
        }
    }
}

impl State {
    fn rest(&mut self) {
        self.resting_until = Some(Instant::now() + REST);
    }
}

fn told(error: redis::RedisError) -> Fault {
    if error.is_timeout() { Fault::Late } else { Fault::Refused(error) }
}
