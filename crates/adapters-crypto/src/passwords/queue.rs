//! Work that waits for a hashing thread.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::computation::{Computation, Computed};

/// Refused before anything was computed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overloaded {
    /// When the work that waits now should be done.
    pub(super) expected_wait: Duration,
}

/// What one caller wants computed, and what becomes of it.
pub(super) struct Task {
    computations: Vec<Computation>,
    pub(super) queued_at: Instant,
    answer: Box<dyn Answer>,
}

trait Answer: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    fn give(self: Box<Self>, outcome: Result<&[Computed], Overloaded>);
}

struct Answered<F, R> {
    conclude: F,
    answer: oneshot::Sender<Result<R, Overloaded>>,
}

impl<F, R> Answer for Answered<F, R>
where
    F: FnOnce(&[Computed]) -> R + Send,
    R: Send,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn give(self: Box<Self>, outcome: Result<&[Computed], Overloaded>) {
        // The caller may have left meanwhile; then nobody wants the answer.
        let _ = self.answer.send(outcome.map(self.conclude));
    }
}

impl Task {
    pub(super) fn new<R: Send + 'static>(
        computations: Vec<Computation>,
        conclude: impl FnOnce(&[Computed]) -> R + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<R, Overloaded>>) {
        let (answer, receiver) = oneshot::channel();
        let answer = Box::new(Answered { conclude, answer });
        (Self { computations, queued_at: Instant::now(), answer }, receiver)
    }

    pub(super) fn computations(&self) -> &[Computation] {
        &self.computations
    }

    pub(super) fn rounds(&self) -> u64 {
        self.computations.iter().map(Computation::rounds).sum()
    }

    /// The rounds of its dearest computation: what tasks that share lanes have in common.
    fn rounds_in_step(&self) -> u64 {
        self.computations.iter().map(Computation::rounds).max().unwrap_or(0)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_abandoned()
    }

    pub(super) fn finish(self, computed: &[Computed]) {
        self.answer.give(Ok(computed));
    }

    pub(super) fn refuse(self, expected_wait: Duration) {
        self.answer.give(Err(Overloaded { expected_wait }));
    }
}

/// Tasks that wait, first come first served.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) tasks: VecDeque<Task>,
    /// Threads that have nothing to do.
    pub(super) idle: usize,
    pub(super) closed: bool,
}

impl Queue {
    pub(super) fn rounds(&self) -> u64 {
        self.tasks.iter().map(Task::rounds).sum()
    }

    /// Takes out what nobody waits for any more.
    pub(super) fn drop_abandoned(&mut self) {
        self.tasks.retain(|task| !task.is_abandoned());
    }

    /// Takes out what has waited longer than `max_wait`.
    pub(super) fn take_expired(&mut self, max_wait: Duration) -> Vec<Task> {
        let is_expired = |task: &Task| task.queued_at.elapsed() > max_wait;
        let expired = self.tasks.iter().take_while(|task| is_expired(task)).count();
        self.tasks.drain(..expired).collect()
    }

    /// The first task and those behind it that fit on `lanes` beside it and take as
    /// long. Threads that are idle get their share: lanes beside each other are
    /// slower than alone on a core.
    pub(super) fn take_batch(&mut self, lanes: usize) -> Vec<Task> {
        let share = self.tasks.len().div_ceil(self.idle + 1);
        let Some(first) = self.tasks.pop_front() else { return Vec::new() };
        let rounds = first.rounds_in_step();
        let mut free = lanes.saturating_sub(first.computations.len());
        let mut batch = vec![first];
        let mut at = 0;
        while batch.len() < share && free > 0 {
            let Some(next) = self.tasks.get(at) else { break };
            if next.rounds_in_step() == rounds && next.computations.len() <= free {
                free -= next.computations.len();
                batch.extend(self.tasks.remove(at));
            } else {
                at += 1;
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use bcrypt_lanes::Cost;

    use super::*;

    /// A task of `computations` at a cost, marked by its number.
    fn task(
        number: usize,
        cost: u32,
        computations: usize,
    ) -> (Task, oneshot::Receiver<Result<usize, Overloaded>>) {
        let cost = Cost::new(cost).unwrap();
        let computation = || Computation { key: vec![b'k'].into(), salt: [1; 16], costs: cost.into() };
        Task::new((0..computations).map(|_| computation()).collect(), move |_| number)
    }

    fn queue(
        tasks: &[(u32, usize)],
        idle: usize,
    ) -> (Queue, Vec<oneshot::Receiver<Result<usize, Overloaded>>>) {
        let mut queue = Queue { idle, ..Queue::default() };
        let receivers = tasks.iter().enumerate().map(|(number, (cost, computations))| {
            let (task, receiver) = task(number, *cost, *computations);
            queue.tasks.push_back(task);
            receiver
        });
        let receivers = receivers.collect();
        (queue, receivers)
    }

    /// The numbers of the tasks in the batches that a thread takes one after another.
    fn batches(tasks: &[(u32, usize)], idle: usize, lanes: usize) -> Vec<Vec<usize>> {
        let (mut queue, mut receivers) = queue(tasks, idle);
        let mut batches = Vec::new();
        loop {
            let batch = queue.take_batch(lanes);
            if batch.is_empty() {
                return batches;
            }
            for task in batch {
                task.finish(&[]);
            }
            let done = receivers.iter_mut().filter_map(|receiver| receiver.try_recv().ok());
            batches.push(done.map(|number| number.unwrap()).collect());
        }
    }

    #[test]
    fn those_who_wait_share_the_lanes_in_their_order() {
        assert_eq!(batches(&[(4, 1); 7], 0, 4), [vec![0, 1, 2, 3], vec![4, 5, 6]]);
        assert_eq!(batches(&[(4, 1); 3], 0, 1), [[0], [1], [2]]);
    }

    #[test]
    fn idle_threads_get_their_share() {
        assert_eq!(batches(&[(4, 1); 4], 3, 4), [[0], [1], [2], [3]]);
        assert_eq!(batches(&[(4, 1); 4], 1, 4)[0], [0, 1]);
    }

    #[test]
    fn tasks_of_other_costs_wait_for_a_batch_of_their_own() {
        assert_eq!(batches(&[(4, 1), (5, 1), (4, 1), (5, 1)], 0, 4), [[0, 2], [1, 3]]);
    }

    #[test]
    fn a_task_of_several_computations_takes_as_many_lanes() {
        assert_eq!(batches(&[(4, 2), (4, 3), (4, 2), (4, 1)], 0, 4), [vec![0, 2], vec![1, 3]]);
        assert_eq!(batches(&[(4, 9), (4, 1)], 0, 4), [[0], [1]], "more than there are lanes");
    }

    #[test]
    fn who_waited_too_long_is_taken_out() {
        let (mut queue, _receivers) = queue(&[(4, 1); 3], 0);
        queue.tasks[0].queued_at -= Duration::from_secs(4);
        assert_eq!(queue.take_expired(Duration::from_secs(3)).len(), 1);
        assert_eq!(queue.tasks.len(), 2);
    }

    #[test]
    fn who_left_is_taken_out() {
        let (mut queue, mut receivers) = queue(&[(4, 1); 3], 0);
        receivers.remove(1);
        queue.drop_abandoned();
        assert_eq!(batches(&[], 0, 4).len(), 0);
        assert_eq!(queue.tasks.len(), 2);
    }
}
