//! Work that nobody waits for, until the process is to end.

use std::time::Duration;

use ports::{Background, Work};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Begun and unfinished work beyond which no more is begun: who floods us gets no memory for it.
const MOST: usize = 10_000;

/// Runs work beside the server's threads.
#[derive(Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs work on the runtime of the caller.
    pub(crate) fn new() -> Self {
        Self { runtime: Handle::current(), tracker: TaskTracker::new() }
    }

    /// Resolves when all work is done, or the time is over.
    pub(crate) async fn finish(&self, within: Duration) {
        self.tracker.close();
        if tokio::time::timeout(within, self.tracker.wait()).await.is_err() {
            tracing::warn!(unfinished = self.tracker.len(), "work in the background was cut off");
        }
    }
}

impl Background for Tasks {
    fn begin(&self, work: Work) {
        if self.tracker.len() >= MOST {
            tracing::warn!(event = "overloaded", "work in the background was not begun");
            return;
        }
        self.tracker.spawn_on(work, &self.runtime);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_orderly_end_waits_for_work_but_not_for_ever() {
        let (tasks, done) = (Tasks::new(), Arc::new(AtomicU32::new(0)));
        for seconds in [1, 2, 3600] {
            let done = done.clone();
            tasks.begin(Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                done.fetch_add(1, Ordering::Relaxed);
            }));
        }

        tasks.finish(Duration::from_secs(30)).await;

        assert_eq!(done.load(Ordering::Relaxed), 2);
    }
}
