//! Lookups of sessions: those that arrive together share a statement.
//!
//! Every request of a signed-in user asks for its session. A statement for each
//! wakes a process of the server and a thread of ours each time, which costs both
//! several times what finding the row costs. So a thread has one such statement
//! under way at most, and whoever asks meanwhile shares the next one. Nobody
//! waits for company: a lone lookup starts at once. A lookup never joins a
//! statement that has begun, so it sees all that was committed before it.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use diesel::sql_types::{Array, Uuid as SqlUuid};
use ports::StoreError;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    PostgresStore,
    error::{LookupDropped, copy_of},
    rows::{SessionRow, session_columns},
    statement::statement,
};

/// The most sessions that one statement looks for.
const MOST: usize = 64;

// Without a clause that names its input: it runs more often than all others together.
statement!(direct FindMany { ids: Vec<Uuid> => Array<SqlUuid> } concat!(
    "SELECT ", session_columns!(), " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ANY (?)"
));

type Found = Result<Option<SessionRow>, StoreError>;

struct Lookup {
    id: Uuid,
    answer: oneshot::Sender<Found>,
}

/// The lookups of one thread that wait for a statement.
#[derive(Default)]
pub(crate) struct Lookups(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    waiting: Vec<Lookup>,
    /// Whether a task answers, which then will see all that is added.
    is_answered: bool,
}

impl Lookups {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No holder panics while the queue is half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a lookup; whether the caller has to start a task that answers.
    fn add(&self, lookup: Lookup) -> bool {
        let mut queue = self.queue();
        queue.waiting.push(lookup);
        !mem::replace(&mut queue.is_answered, true)
    }

    /// What the next statement looks for; nothing ends the task that answers.
    fn next(&self) -> Vec<Lookup> {
        let mut queue = self.queue();
        let taken = queue.waiting.len().min(MOST);
        let rest = queue.waiting.split_off(taken);
        let next = mem::replace(&mut queue.waiting, rest);
        queue.is_answered = !next.is_empty();
        next
    }

    fn take_all(&self) -> Vec<Lookup> {
        mem::take(&mut self.queue().waiting)
    }
}

/// A task that answers. If it ends before its time nobody waits for it: those who
/// wait are told, and the next lookup starts another.
struct Answering<'a> {
    lookups: &'a Lookups,
    is_done: bool,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut queue = self.lookups.queue();
        queue.waiting.clear();
        queue.is_answered = false;
    }
}

impl PostgresStore {
    /// The row of a session, whoever it belongs to and whether or not it lives.
    pub(super) async fn look_up(&self, id: Uuid) -> Found {
        let (answer, found) = oneshot::channel();
        let thread = Self::thread();
        if self.lane(thread)?.lookups.add(Lookup { id, answer }) {
            let store = self.clone();
            tokio::spawn(async move { store.answer_lookups(thread).await });
        }
        found.await.unwrap_or_else(|_| Err(StoreError::Unavailable(Box::new(LookupDropped))))
    }

    async fn answer_lookups(&self, thread: usize) {
        let Ok(lane) = self.lane(thread) else { return };
        let mut answering = Answering { lookups: &lane.lookups, is_done: false };
        loop {
            let mut asked = lane.lookups.next();
            if asked.is_empty() {
                answering.is_done = true;
                return;
            }
            let found = self.rows(FindMany { ids: asked.iter().map(|lookup| lookup.id).collect() }).await;
            if found.is_err() {
                // The database would keep those who came meanwhile as long again.
                asked.extend(lane.lookups.take_all());
            }
            tell(asked, &found);
        }
    }
}

fn tell(asked: Vec<Lookup>, found: &Result<Vec<SessionRow>, StoreError>) {
    for Lookup { id, answer } in asked {
        let row = found.as_ref().map(|rows| rows.iter().find(|row| row.session_id == id).cloned());
        // Whoever stopped waiting needs no answer.
        let _ = answer.send(row.map_err(copy_of));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::Settings;

    fn lookup() -> (Lookup, oneshot::Receiver<Found>) {
        let (answer, found) = oneshot::channel();
        (Lookup { id: Uuid::now_v7(), answer }, found)
    }

    #[test]
    fn those_who_wait_share_a_statement_up_to_its_size() {
        let lookups = Lookups::default();
        let starts: Vec<bool> = (0..=MOST).map(|_| lookups.add(lookup().0)).collect();

        assert_eq!(starts.iter().filter(|starts| **starts).count(), 1, "one task answers");
        assert_eq!((lookups.next().len(), lookups.next().len(), lookups.next().len()), (MOST, 1, 0));
        assert!(lookups.add(lookup().0), "after the task ended the next lookup starts another");
    }

    #[test]
    fn a_task_that_ends_before_its_time_leaves_nobody_waiting() {
        let lookups = Lookups::default();
        let (waiting, mut found) = lookup();
        lookups.add(waiting);

        drop(Answering { lookups: &lookups, is_done: false });

        assert_eq!(found.try_recv().err(), Some(oneshot::error::TryRecvError::Closed));
        assert!(lookups.add(lookup().0));
    }

    #[tokio::test]
    async fn all_who_wait_learn_that_the_database_is_away() {
        // Nobody listens on the port of the discard protocol.
        let settings = Settings::parse("postgres://nobody@127.0.0.1:9/none", 1, 1).unwrap();
        let store = PostgresStore::new(settings).unwrap();

        let answers = join_all((0..3 * MOST).map(|_| store.look_up(Uuid::now_v7()))).await;

        assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))));
    }
}
