//! A part of all keys, with as much room as it was given.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use domain::{Backlog, LimitKey};

/// When the backlog of each key ends, in microseconds.
pub(crate) struct Shard {
    most: usize,
    ends: HashMap<Arc<LimitKey>, u64>,
    /// The same, those that are unused soonest first, and after all others those that many share: who
    /// makes up many names must not make a limit of everybody forgotten.
    by_end: BTreeSet<(bool, u64, Arc<LimitKey>)>,
}

impl Shard {
    /// Room for so many keys.
    pub(crate) fn of(most: usize) -> Self {
        Self { most, ends: HashMap::new(), by_end: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// What is used of a limit; nothing of one that is not remembered.
    pub(crate) fn backlog(&self, key: &LimitKey, now: u64) -> Backlog {
        self.ends.get(key).map_or(Backlog::EMPTY, |end| Backlog::until(*end, now))
    }

    pub(crate) fn keep(&mut self, key: &LimitKey, backlog: Backlog, now: u64) {
        let key = self.forget(key).unwrap_or_else(|| Arc::new(key.clone()));
        self.make_room(now);
        let end = backlog.ends_at(now);
        self.ends.insert(key.clone(), end);
        self.by_end.insert((key.subject.is_shared(), end, key));
    }

    fn forget(&mut self, key: &LimitKey) -> Option<Arc<LimitKey>> {
        let (key, end) = self.ends.remove_entry(key)?;
        let entry = (key.subject.is_shared(), end, key);
        self.by_end.remove(&entry);
        Some(entry.2)
    }

    /// Forgets what is unused, and so much more that one fits in.
    fn make_room(&mut self, now: u64) {
        while let Some((_, end, _)) = self.by_end.first()
            && (*end <= now || self.ends.len() >= self.most)
        {
            if let Some((_, _, key)) = self.by_end.pop_first() {
                self.ends.remove(&key);
            }
        }
    }
}
