//! Threads that hash, behind a queue that is refused rather than waited for.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    computation::{Computation, Computed, compute},
    pace::Pace,
    queue::{Overloaded, Queue, Task},
};

/// Waiting places for each thread. The expected wait is usually reached first.
pub(super) const PLACES_PER_WORKER: usize = 64;

/// Eight lanes hold 33 KiB of state.
const STACK_BYTES: usize = 256 * 1024;

/// How long a thread measures how many lanes suit the machine, before it serves: about
/// eight turns, for at a start others want the cores, too.
const CALIBRATION: Duration = Duration::from_millis(65);

/// How many lanes each thread uses.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lanes {
    Fixed(usize),
    /// As many as prove best once the threads run.
    Measured,
}

/// Threads of their own for work that fills a core, first come first served.
///
/// A task that finds a thread idle has its core for itself. Tasks that had to
/// wait are taken together, as many as there are lanes.
///
/// Dropping them ends each thread after the work that it is at; what still
/// waits is dropped, and whoever waits for it is told.
pub(super) struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Assumed, then measured, then learned while hashing.
    pace: Mutex<Pace>,
    /// The best that any thread measured for each number of lanes.
    measured: Mutex<Vec<Pace>>,
    workers: usize,
    places: usize,
    max_wait: Duration,
}

impl Workers {
    /// Starts `workers` threads with `places` waiting places in all.
    pub(super) fn start(workers: usize, places: usize, lanes: Lanes, max_wait: Duration) -> io::Result<Self> {
        let workers = workers.max(1);
        let pace = match lanes {
            Lanes::Fixed(lanes) => Pace::assumed(lanes),
            Lanes::Measured => Pace::assumed(1),
        };
        let shared = Shared {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            pace: Mutex::new(pace),
            measured: Mutex::default(),
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
                .spawn(move || shared.serve(lanes))?;
        }
        Ok(started)
    }

    /// Queues computations; `conclude` makes the answer of what they give. Whoever
    /// drops the receiver before the work begins spares it.
    pub(super) fn submit<R: Send + 'static>(
        &self,
        computations: Vec<Computation>,
        conclude: impl FnOnce(&[Computed]) -> R + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<R, Overloaded>>, Overloaded> {
        let (task, receiver) = Task::new(computations, conclude);
        let mut queue = self.shared.queue();
        if let Err(overloaded) = self.shared.admit(&queue) {
            queue.drop_abandoned();
            self.shared.admit(&queue).map_err(|_| overloaded)?;
        }
        queue.tasks.push_back(task);
        drop(queue);
        self.shared.arrived.notify_one();
        Ok(receiver)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        queue.tasks.clear();
        drop(queue);
        self.shared.arrived.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, queue: &Queue) -> Result<(), Overloaded> {
        let expected_wait = self.expected_wait(queue);
        let full = queue.tasks.len() >= self.places || expected_wait > self.max_wait;
        if full { Err(Overloaded { expected_wait }) } else { Ok(()) }
    }

    /// How long work that is queued now would wait for a thread.
    fn expected_wait(&self, queue: &Queue) -> Duration {
        let pace = *self.pace();
        let at_once = u64::try_from(pace.lanes.saturating_mul(self.workers)).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos(queue.rounds().saturating_mul(nanos(pace.round)) / at_once)
    }

    /// The life of a thread.
    fn serve(&self, lanes: Lanes) {
        step_back();
        if matches!(lanes, Lanes::Measured) {
            self.calibrate();
        }
        while let Some(batch) = self.next_batch() {
            self.run(batch);
        }
    }

    /// All threads measure at once, as they will hash. What disturbs one hardly disturbs
    /// all, so the best of each counts.
    fn calibrate(&self) {
        let mut measured = Pace::measure(CALIBRATION);
        let mut by_all = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        measured.append(&mut by_all);
        *by_all = Pace::least_disturbed(measured);
        let Some(best) = Pace::best(&by_all) else { return };
        tracing::debug!(lanes = best.lanes, "as many passwords are hashed at once");
        *self.pace() = best;
    }

    fn next_batch(&self) -> Option<Vec<Task>> {
        let lanes = self.pace().lanes;
        let mut queue = self.queue();
        loop {
            queue.drop_abandoned();
            let expired = queue.take_expired(self.max_wait);
            if !expired.is_empty() {
                let expected_wait = self.expected_wait(&queue);
                drop(queue);
                for task in expired {
                    task.refuse(expected_wait);
                }
                queue = self.queue();
                continue;
            }
            let batch = queue.take_batch(lanes);
            if !batch.is_empty() {
                return Some(batch);
            }
            if queue.closed {
                return None;
            }
            queue.idle += 1;
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn run(&self, batch: Vec<Task>) {
        let lanes = self.pace().lanes;
        let started = Instant::now();
        // A thread lost to a panic would be missed by everybody after it.
        let computed =
            catch_unwind(AssertUnwindSafe(|| compute(batch.iter().flat_map(Task::computations), lanes)));
        let Ok(computed) = computed else {
            tracing::error!("hashing panicked");
            return;
        };
        self.learn(&batch, lanes, started.elapsed());
        let mut computed = computed.as_slice();
        for task in batch {
            let (own, others) = computed.split_at(task.computations().len().min(computed.len()));
            computed = others;
            if catch_unwind(AssertUnwindSafe(|| task.finish(own))).is_err() {
                tracing::error!("concluding from a hash panicked");
            }
        }
    }

    /// Lets one measurement of full lanes count for an eighth.
    fn learn(&self, batch: &[Task], lanes: usize, took: Duration) {
        let computations: usize = batch.iter().map(|task| task.computations().len()).sum();
        let rounds: u64 = batch.iter().map(Task::rounds).sum();
        let in_step = rounds / u64::try_from(lanes).unwrap_or(1).max(1);
        if computations != lanes || in_step == 0 {
            return;
        }
        let mut pace = self.pace();
        let learned = nanos(pace.round).saturating_mul(7).saturating_add(nanos(took) / in_step) / 8;
        pace.round = Duration::from_nanos(learned.max(1));
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
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
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    };

    use bcrypt_lanes::Cost;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn start(workers: usize, places: usize, max_wait: Duration) -> Workers {
        Workers::start(workers, places, Lanes::Fixed(4), max_wait).unwrap()
    }

    /// One thread, kept busy until the sender speaks or is dropped.
    fn busy_worker(places: usize, max_wait: Duration) -> (Workers, mpsc::Sender<()>) {
        let workers = start(1, places, max_wait);
        let (go_on, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let blocked = workers.submit(Vec::new(), move |_| {
            begun.send(()).unwrap();
            let _ = wait.recv();
        });
        // Nobody reads the answer, but it must not count as abandoned.
        std::mem::forget(blocked.unwrap());
        has_begun.recv().unwrap();
        (workers, go_on)
    }

    fn computation(key: &[u8], cost: u32) -> Computation {
        let cost = Cost::new(cost).unwrap();
        Computation { key: key.to_vec().into(), salt: [1; 16], costs: cost.into() }
    }

    #[test]
    fn each_caller_gets_the_digests_of_its_own_computations() {
        let (workers, go_on) = busy_worker(100, LONG);
        let answers: Vec<_> = (0..20_u8)
            .map(|number| {
                let keys = (0..number % 4).map(|at| computation(&[number, at], 4)).collect();
                (number, workers.submit(keys, <[Computed]>::concat).unwrap())
            })
            .collect();
        go_on.send(()).unwrap();
        for (number, answer) in answers {
            let hashes = answer.blocking_recv().unwrap().unwrap();
            let alone = (0..number % 4).map(|at| bcrypt::bcrypt(4, [1; 16], &[number, at, 0])[..23].to_vec());
            let digests = hashes.iter().map(|hash| hash.digest.to_vec());
            assert_eq!(digests.collect::<Vec<_>>(), alone.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_full_queue_is_refused_at_once() {
        let (workers, go_on) = busy_worker(2, LONG);
        let first = workers.submit(Vec::new(), |_| 1).unwrap();
        let second = workers.submit(Vec::new(), |_| 2).unwrap();
        assert!(workers.submit(Vec::new(), |_| 3).is_err());
        go_on.send(()).unwrap();
        assert_eq!((first.blocking_recv(), second.blocking_recv()), (Ok(Ok(1)), Ok(Ok(2))));
    }

    #[test]
    fn work_that_would_wait_too_long_is_refused_at_once() {
        let (workers, _go_on) = busy_worker(100, Duration::from_secs(1));
        let _first = workers.submit(vec![computation(b"k", 17)], |_| ()).unwrap();
        let wait = workers.submit(vec![computation(b"k", 4)], |_| ()).unwrap_err().expected_wait;
        let (rounds, pace) = (1 << 17, Pace::assumed(4));
        assert_eq!(wait, pace.round * rounds / 4);
    }

    #[test]
    fn work_that_waited_too_long_is_refused_before_it_costs_anything() {
        let (workers, go_on) = busy_worker(100, Duration::from_mins(1));
        let computed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&computed);
        let late = workers.submit(Vec::new(), move |_| flag.store(true, Ordering::SeqCst)).unwrap();
        workers.shared.queue().tasks[0].queued_at -= LONG;
        go_on.send(()).unwrap();
        assert!(matches!(late.blocking_recv(), Ok(Err(Overloaded { .. }))));
        assert!(!computed.load(Ordering::SeqCst));
    }

    #[test]
    fn an_abandoned_task_costs_nothing() {
        let (workers, go_on) = busy_worker(2, LONG);
        let computed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&computed);
        drop(workers.submit(Vec::new(), move |_| flag.store(true, Ordering::SeqCst)).unwrap());
        let next = workers.submit(Vec::new(), |_| ()).unwrap();
        go_on.send(()).unwrap();
        next.blocking_recv().unwrap().unwrap();
        assert!(!computed.load(Ordering::SeqCst));
    }

    #[test]
    fn an_abandoned_task_gives_its_place_away() {
        let (workers, _go_on) = busy_worker(1, LONG);
        drop(workers.submit(Vec::new(), |_| ()).unwrap());
        assert!(workers.submit(Vec::new(), |_| ()).is_ok());
    }

    #[test]
    fn a_panic_costs_no_thread_and_nobody_elses_answer() {
        let (workers, go_on) = busy_worker(8, LONG);
        let lost = workers.submit(vec![computation(b"a", 4)], |_| panic!("as a test")).unwrap();
        let beside = workers.submit(vec![computation(b"b", 4)], |_| 6).unwrap();
        go_on.send(()).unwrap();
        assert!(lost.blocking_recv().is_err());
        assert_eq!(beside.blocking_recv(), Ok(Ok(6)));
        assert_eq!(workers.submit(Vec::new(), |_| 7).unwrap().blocking_recv(), Ok(Ok(7)));
    }

    #[test]
    fn threads_learn_how_long_a_round_takes_from_full_lanes() {
        let (workers, _go_on) = busy_worker(1, LONG);
        let batch = |count: usize| -> Vec<Task> {
            (0..count).map(|_| Task::new(vec![computation(b"k", 4)], |_| ()).0).collect()
        };
        for _ in 0..100 {
            workers.shared.learn(&batch(4), 4, Duration::from_micros(16 * 5));
        }
        let learned = workers.shared.pace().round;
        assert!((5_000..5_100).contains(&nanos(learned)), "{learned:?}");
        workers.shared.learn(&batch(3), 4, LONG);
        workers.shared.learn(&[], 0, LONG);
        assert_eq!(workers.shared.pace().round, learned);
    }

    #[test]
    fn the_number_of_lanes_is_measured_before_a_thread_serves() {
        let workers = Workers::start(1, 8, Lanes::Measured, LONG).unwrap();
        workers.submit(Vec::new(), |_| ()).unwrap().blocking_recv().unwrap().unwrap();
        assert_ne!(*workers.shared.pace(), Pace::assumed(1));
    }

    #[test]
    fn waiting_callers_are_told_when_the_threads_end() {
        let (workers, go_on) = busy_worker(8, LONG);
        let computed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&computed);
        let waiting = workers.submit(Vec::new(), move |_| count.fetch_add(1, Ordering::SeqCst)).unwrap();
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
        let workers = start(1, 8, LONG);
        assert_eq!(workers.submit(Vec::new(), move |_| nice()).unwrap().blocking_recv(), Ok(Ok(19)));
        assert_eq!(nice(), before);
    }
}
