//! The names of recent rows, so that a refusal can say which line has them, too.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

use ports::ImportOutcome;
use use_cases::PersonToImport;

/// So many rows are remembered: a few megabytes, however long the file is.
const MOST: usize = 50_000;

/// Names are kept as hashes, which is enough to find a line by.
#[derive(Default)]
pub(super) struct RecentNames {
    hasher: RandomState,
    /// The line of an e-mail, and the number in it.
    emails: HashMap<u64, (u64, u64)>,
    /// The line of a number, and the e-mail in it.
    phones: HashMap<u64, (u64, u64)>,
    order: VecDeque<(u64, u64)>,
}

/// Where the names of a row stood before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) line_of_email: Option<u64>,
    pub(super) line_of_phone: Option<u64>,
    /// What storing the earlier rows would have made of this one.
    pub(super) conflict: Option<ImportOutcome>,
}

impl RecentNames {
    pub(super) fn look_up(&self, person: &PersonToImport) -> Earlier {
        let (email, phone) = self.names(person);
        let (of_email, of_phone) = (self.emails.get(&email), self.phones.get(&phone));
        let conflict = match (of_email, of_phone) {
            (Some((_, beside)), _) => Some(Earlier::outcome(*beside == phone, true)),
            (None, Some((_, beside))) => Some(Earlier::outcome(*beside == email, false)),
            (None, None) => None,
        };
        Earlier {
            line_of_email: of_email.map(|(line, _)| *line),
            line_of_phone: of_phone.map(|(line, _)| *line),
            conflict,
        }
    }

    /// The first line with a name stays the one that is told.
    pub(super) fn remember(&mut self, line: u64, person: &PersonToImport) {
        let (email, phone) = self.names(person);
        self.emails.entry(email).or_insert((line, phone));
        self.phones.entry(phone).or_insert((line, email));
        self.order.push_back((email, phone));
        if self.order.len() > MOST
            && let Some((email, phone)) = self.order.pop_front()
        {
            self.emails.remove(&email);
            self.phones.remove(&phone);
        }
    }

    fn names(&self, person: &PersonToImport) -> (u64, u64) {
        (self.hasher.hash_one(person.email.canonical()), self.hasher.hash_one(person.phone.as_e164()))
    }
}

#[cfg(test)]
mod tests {
    use domain::{Email, PasswordHash, PhoneNumber};
    use ports::ImportConflict;

    use super::*;

    fn person(email: &str, phone: u32) -> PersonToImport {
        PersonToImport {
            id: None,
            email: Email::parse(email).unwrap(),
            phone: PhoneNumber::from_stored(&format!("+4670{phone:07}")).unwrap(),
            password_hash: PasswordHash::new(String::new()),
            has_own_salt: true,
            verified: true,
            locale: None,
            created_at: None,
            phone_verified_at: None,
            lock: None,
        }
    }

    #[test]
    fn the_first_line_of_a_name_is_told() {
        let mut recent = RecentNames::default();
        assert_eq!(recent.look_up(&person("a@x.yz", 1)), Earlier::default());
        recent.remember(2, &person("a@x.yz", 1));
        recent.remember(3, &person("A@x.yz", 2));

        let same = recent.look_up(&person("A@X.yz", 1));
        assert_eq!((same.line_of_email, same.line_of_phone), (Some(2), Some(2)));
        assert_eq!(same.conflict, Some(ImportOutcome::AlreadyThere));
        let other_phone = recent.look_up(&person("a@x.yz", 9));
        assert_eq!(other_phone.conflict, Some(ImportOutcome::Refused(ImportConflict::EmailTaken)));
        let other_email = recent.look_up(&person("b@x.yz", 1));
        assert_eq!(other_email.line_of_phone, Some(2));
        assert_eq!(other_email.conflict, Some(ImportOutcome::Refused(ImportConflict::PhoneTaken)));
    }

    #[test]
    fn memory_does_not_grow_with_the_file() {
        let mut recent = RecentNames::default();
        for number in 0..u32::try_from(MOST).unwrap() + 10 {
            recent.remember(u64::from(number), &person(&format!("p{number}@x.yz"), number));
        }
        assert_eq!((recent.emails.len(), recent.phones.len(), recent.order.len()), (MOST, MOST, MOST));
        assert_eq!(recent.look_up(&person("p9@x.yz", 9)), Earlier::default());
    }
}
