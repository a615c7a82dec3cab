//! Threads that hash, behind a queue that is refused rather than waited for.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// Waiting places for each worker. The expected wait is usually reached first.
pub(super) const PLACES_PER_WORKER: usize = 64;

/// bcrypt holds 4 KiB of state and little else.
const STACK_BYTES: usize = 256 * 1024;

/// What one round of bcrypt takes until it was measured here.
const ASSUMED_ROUND_NANOS: u64 = 60_000;

/// Threads of their own for work that fills a core, first come first served.
///
/// Dropping them ends each thread after the work that it is at; what still
/// waits is dropped, and whoever waits for it is told.
pub(super) struct Workers {
    shared: Arc<Shared>,
}

/// The queue is full or too slow; nothing was computed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overloaded {
    /// When the work that waits now should be done.
    pub(super) expected_wait: Duration,
}

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    round_nanos: AtomicU64,
    workers: usize,
    places: usize,
    max_wait: Duration,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

struct Job {
    rounds: u64,
    work: Box<dyn Work>,
}

trait Work: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    fn run(self: Box<Self>);
}

struct Answered<F, R> {
    compute: F,
    answer: oneshot::Sender<R>,
}

impl<F: FnOnce() -> R + Send, R: Send> Work for Answered<F, R> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>) {
        // The caller may have left meanwhile; then nobody wants the answer.
        let _ = self.answer.send((self.compute)());
    }
}

impl Workers {
    /// Starts `workers` threads with `places` waiting places in all.
    pub(super) fn start(workers: usize, places: usize, max_wait: Duration) -> io::Result<Self> {
        let workers = workers.max(1);
        let shared = Shared {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            round_nanos: AtomicU64::new(ASSUMED_ROUND_NANOS),
            workers,
            places,
            max_wait,
        };
        let started = Self { shared: Arc::new(shared) };
        for number in 0..workers {
            let shared = Arc::clone(&started.shared);
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || shared.serve())?;
        }
        Ok(started)
    }

    /// Queues work of `rounds` rounds of bcrypt. Whoever drops the receiver
    /// before the work begins spares it.
    pub(super) fn submit<R: Send + 'static>(
        &self,
        rounds: u64,
        compute: impl FnOnce() -> R + Send + 'static,
    ) -> Result<oneshot::Receiver<R>, Overloaded> {
        let (answer, receiver) = oneshot::channel();
        let mut queue = self.shared.queue();
        if let Err(overloaded) = self.shared.admit(&queue) {
            queue.jobs.retain(|job| !job.work.is_abandoned());
            self.shared.admit(&queue).map_err(|_| overloaded)?;
        }
        queue.jobs.push_back(Job { rounds, work: Box::new(Answered { compute, answer }) });
        drop(queue);
        self.shared.arrived.notify_one();
        Ok(receiver)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        queue.jobs.clear();
        drop(queue);
        self.shared.arrived.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, queue: &Queue) -> Result<(), Overloaded> {
        let expected_wait = self.expected_wait(queue);
        let full = queue.jobs.len() >= self.places || expected_wait > self.max_wait;
        if full { Err(Overloaded { expected_wait }) } else { Ok(()) }
    }

    /// How long work that is queued now would wait for a worker.
    fn expected_wait(&self, queue: &Queue) -> Duration {
        let rounds: u64 = queue.jobs.iter().map(|job| job.rounds).sum();
        let nanos = rounds.saturating_mul(self.round_nanos.load(Ordering::Relaxed));
        Duration::from_nanos(nanos / u64::try_from(self.workers).unwrap_or(1))
    }

    /// The life of a worker.
    fn serve(&self) {
        step_back();
        while let Some(job) = self.next_job() {
            if !job.work.is_abandoned() {
                self.run(job);
            }
        }
    }

    fn next_job(&self) -> Option<Job> {
        let waiting = |queue: &mut Queue| queue.jobs.is_empty() && !queue.closed;
        let mut queue =
            self.arrived.wait_while(self.queue(), waiting).unwrap_or_else(PoisonError::into_inner);
        queue.jobs.pop_front()
    }

    fn run(&self, job: Job) {
        let started = Instant::now();
        let (rounds, work) = (job.rounds, job.work);
        // A worker lost to a panic would be missed by everybody after it.
        if catch_unwind(AssertUnwindSafe(|| work.run())).is_err() {
            tracing::error!("hashing panicked");
        }
        self.learn(rounds, started.elapsed());
    }

    /// Lets one measurement count for an eighth.
    fn learn(&self, rounds: u64, took: Duration) {
        let Some(measured) = u64::try_from(took.as_nanos()).ok().and_then(|nanos| nanos.checked_div(rounds))
        else {
            return;
        };
        let known = self.round_nanos.load(Ordering::Relaxed);
        let learned = known.saturating_mul(7).saturating_add(measured) / 8;
        self.round_nanos.store(learned.max(1), Ordering::Relaxed);
    }
}

/// Lets the threads that answer requests go first whenever they have something
/// to do. On Linux a nice value belongs to a thread; elsewhere it would slow
/// the whole process, so nothing is done there.
///
/// The scheduler weighs 19 against 0 as 15 to 1024. With 64 sign-ins at work
/// on two busy cores, the 99th percentile of a trivial request was about 1 ms
/// with 19 and about 5 ms with 10 or 0, at as many hashes a second.
#[cfg(target_os = "linux")]
fn step_back() {
    const NICE: i32 = 19;
    let this_thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(this_thread), NICE) {
        tracing::debug!(%error, "a hashing thread keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicBool, AtomicUsize},
        mpsc,
    };

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// One worker, kept busy until the sender speaks or is dropped.
    fn busy_worker(places: usize, max_wait: Duration) -> (Workers, mpsc::Sender<()>) {
        let workers = Workers::start(1, places, max_wait).unwrap();
        let (go_on, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let blocked = workers.submit(0, move || {
            begun.send(()).unwrap();
            let _ = wait.recv();
        });
        // Nobody reads the answer, but it must not count as abandoned.
        std::mem::forget(blocked.unwrap());
        has_begun.recv().unwrap();
        (workers, go_on)
    }

    #[test]
    fn a_full_queue_is_refused_at_once() {
        let (workers, go_on) = busy_worker(2, LONG);
        let first = workers.submit(0, || 1).unwrap();
        let second = workers.submit(0, || 2).unwrap();
        assert!(workers.submit(0, || 3).is_err());
        go_on.send(()).unwrap();
        assert_eq!((first.blocking_recv(), second.blocking_recv()), (Ok(1), Ok(2)));
    }

    #[test]
    fn work_that_would_wait_too_long_is_refused_at_once() {
        let (workers, _go_on) = busy_worker(100, Duration::from_secs(1));
        let two_seconds = 2_000_000_000 / ASSUMED_ROUND_NANOS;
        let _first = workers.submit(two_seconds, || ()).unwrap();
        let wait = workers.submit(1, || ()).unwrap_err().expected_wait;
        assert!(wait > Duration::from_millis(1900) && wait <= Duration::from_secs(2), "{wait:?}");
    }

    #[test]
    fn an_abandoned_job_costs_nothing() {
        let (workers, go_on) = busy_worker(2, LONG);
        let computed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&computed);
        drop(workers.submit(0, move || flag.store(true, Ordering::SeqCst)).unwrap());
        let next = workers.submit(0, || ()).unwrap();
        go_on.send(()).unwrap();
        next.blocking_recv().unwrap();
        assert!(!computed.load(Ordering::SeqCst));
    }

    #[test]
    fn an_abandoned_job_gives_its_place_away() {
        let (workers, _go_on) = busy_worker(1, LONG);
        drop(workers.submit(0, || ()).unwrap());
        assert!(workers.submit(0, || ()).is_ok());
    }

    #[test]
    fn a_panic_costs_no_worker() {
        let workers = Workers::start(1, 8, LONG).unwrap();
        let lost = workers.submit(0, || panic!("as a test")).unwrap();
        let next = workers.submit(0, || 7).unwrap();
        assert!(lost.blocking_recv().is_err());
        assert_eq!(next.blocking_recv(), Ok(7));
    }

    #[test]
    fn workers_learn_how_long_a_round_takes() {
        let (workers, _go_on) = busy_worker(1, LONG);
        for _ in 0..100 {
            workers.shared.learn(10, Duration::from_micros(50));
        }
        let learned = workers.shared.round_nanos.load(Ordering::Relaxed);
        assert!((5_000..5_100).contains(&learned), "{learned}");
        workers.shared.learn(0, LONG);
        assert_eq!(workers.shared.round_nanos.load(Ordering::Relaxed), learned);
    }

    #[test]
    fn waiting_callers_are_told_when_the_workers_end() {
        let (workers, go_on) = busy_worker(8, LONG);
        let computed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&computed);
        let waiting = workers.submit(0, move || count.fetch_add(1, Ordering::SeqCst)).unwrap();
        drop(workers);
        drop(go_on);
        assert!(waiting.blocking_recv().is_err());
        assert_eq!(computed.load(Ordering::SeqCst), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn asvs_15_4_4_hashing_threads_step_back_and_others_do_not() {
        let nice = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
        let before = nice();
        let workers = Workers::start(1, 8, LONG).unwrap();
        assert_eq!(workers.submit(0, nice).unwrap().blocking_recv(), Ok(19));
        assert_eq!(nice(), before);
    }
}
