//! What leaves the service about events, in the background.

use std::{sync::Arc, time::Duration};

use ports::StoreError;
use tokio::{sync::watch, task::JoinSet};
use use_cases::{DeliverNotices, DeliverWebhooks, FanOutEvents};

/// The longest pause while the database fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Everything that is to be done again and again.
pub(crate) struct Outbox {
    pub(crate) notices: Option<DeliverNotices>,
    pub(crate) fan_out: Option<FanOutEvents>,
    /// One for each endpoint, so that a slow one delays no other.
    pub(crate) webhooks: Vec<DeliverWebhooks>,
}

/// The outbox at work.
pub(crate) struct Deliveries {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Deliveries {
    /// Looks for what is due every `poll`, each kind on its own.
    pub(crate) fn start(outbox: Outbox, poll: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        macro_rules! repeat {
            ($use_case:expr) => {
                let use_case = Arc::new($use_case);
                let round = move || {
                    let use_case = use_case.clone();
                    async move { use_case.execute().await }
                };
                tasks.spawn(repeat(round, poll, stopped.clone()));
            };
        }
        if let Some(notices) = outbox.notices {
            repeat!(notices);
        }
        if let Some(fan_out) = outbox.fan_out {
            repeat!(fan_out);
        }
        for webhooks in outbox.webhooks {
            repeat!(webhooks);
        }
        Self { stop, tasks }
    }

    /// Begins nothing more and waits for what is under way; what is not, waits in the
    /// database for the next start.
    pub(crate) async fn stop(mut self) {
        // Without a task there is nobody to tell.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Does rounds: at once while there may be more to do, after a pause otherwise, and after
/// longer and longer ones while the database fails.
async fn repeat<F>(round: impl Fn() -> F, poll: Duration, mut stop: watch::Receiver<bool>)
where
    F: Future<Output = Result<bool, StoreError>>,
{
    let mut pause = poll;
    while !paused_to_stop(pause, &mut stop).await {
        pause = match round().await {
            Ok(true) => Duration::ZERO,
            Ok(false) => poll,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not look for what is to be told"
                );
                (pause.max(poll) * 2).min(LONGEST_PAUSE.max(poll))
            }
        };
    }
}

async fn paused_to_stop(pause: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => true,
        () = tokio::time::sleep(pause) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::*;

    const POLL: Duration = Duration::from_secs(1);

    /// When each round begins, in whole seconds, if rounds end like this.
    async fn rounds(outcome: impl Fn(u32) -> Result<bool, StoreError>, count: u32) -> Vec<u64> {
        let (stop, stopped) = watch::channel(false);
        let (begun, number) = (Instant::now(), AtomicU32::new(0));
        let times = std::sync::Mutex::new(Vec::new());
        let round = || {
            times.lock().unwrap().push(begun.elapsed().as_secs());
            let number = number.fetch_add(1, Ordering::SeqCst);
            if number + 1 == count {
                stop.send(true).unwrap();
            }
            let outcome = outcome(number);
            async move { outcome }
        };
        repeat(round, POLL, stopped).await;
        times.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_more_to_do_goes_on_at_once() {
        assert_eq!(rounds(|number| Ok(number < 2), 5).await, [1, 1, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_fails_is_asked_less_and_less_often() {
        let failing = |number| if number == 7 { Ok(false) } else { Err(StoreError::Broken("down".into())) };
        assert_eq!(rounds(failing, 9).await, [1, 3, 7, 15, 31, 61, 91, 121, 122]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_the_round_under_way_and_begins_none() {
        let (stop, stopped) = watch::channel(false);
        let (begun, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let counts = (begun.clone(), ended.clone());
        let round = move || {
            let (begun, ended) = counts.clone();
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(10)).await;
                ended.fetch_add(1, Ordering::SeqCst);
                Ok(true)
            }
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(repeat(round, POLL, stopped));
        let deliveries = Deliveries { stop, tasks };
        tokio::time::sleep(Duration::from_secs(2)).await;
        deliveries.stop().await;
        assert_eq!((begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst)), (1, 1));
    }
}
