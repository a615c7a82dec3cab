//! A map that forgets its oldest entries.

use std::collections::{HashMap, VecDeque};

/// At most `capacity` entries; inserting one more drops the oldest.
pub(crate) struct BoundedMap<V> {
    entries: HashMap<String, V>,
    oldest_first: VecDeque<String>,
    capacity: usize,
}

impl<V> BoundedMap<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), oldest_first: VecDeque::new(), capacity }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// Gives back the entry that had to go, if any.
    pub(crate) fn insert(&mut self, key: String, value: V) -> Option<V> {
        if self.entries.insert(key.clone(), value).is_some() {
            return None;
        }
        self.oldest_first.push_back(key);
        if self.oldest_first.len() <= self.capacity {
            return None;
        }
        let oldest = self.oldest_first.pop_front()?;
        self.entries.remove(&oldest)
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.oldest_first.iter().filter_map(|key| self.entries.get_key_value(key))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_goes_first() {
        let mut map = BoundedMap::new(2);
        assert_eq!(map.insert("a".into(), 1), None);
        assert_eq!(map.insert("b".into(), 2), None);
        assert_eq!(map.insert("a".into(), 3), None);
        assert_eq!(map.insert("c".into(), 4), Some(3));
        assert_eq!(map.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(map.len(), 2);
    }
}
