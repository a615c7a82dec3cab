//! Every verification that is remembered, and the ways to find one.

use std::collections::HashMap;

use crate::bounded::BoundedMap;
use crate::verification::{Method, Verification};

/// How a request names a verification.
#[derive(Debug, Clone)]
pub(crate) enum Locator {
    Id(String),
    /// The latest one of a method to a number.
    Number(Method, String),
    Reference(String),
}

pub(crate) struct Ledger {
    by_id: BoundedMap<Verification>,
    latest: HashMap<(Method, String), String>,
    references: HashMap<String, String>,
}

impl Ledger {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { by_id: BoundedMap::new(capacity), latest: HashMap::new(), references: HashMap::new() }
    }

    pub(crate) fn find(&self, locator: &Locator) -> Option<&Verification> {
        self.by_id.get(self.id_of(locator)?)
    }

    pub(crate) fn find_mut(&mut self, locator: &Locator) -> Option<&mut Verification> {
        let id = self.id_of(locator)?.to_owned();
        self.by_id.get_mut(&id)
    }

    pub(crate) fn knows_reference(&self, reference: &str) -> bool {
        self.references.contains_key(reference)
    }

    /// Remembers `verification` as the latest of its method and number, and
    /// forgets the oldest one when there are too many.
    pub(crate) fn add(&mut self, verification: Verification) {
        let id = verification.id.clone();
        self.latest.insert((verification.method, verification.number.clone()), id.clone());
        if let Some(reference) = &verification.reference {
            self.references.insert(reference.clone(), id.clone());
        }
        if let Some(oldest) = self.by_id.insert(id, verification) {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, oldest: Verification) {
        let place = (oldest.method, oldest.number);
        if self.latest.get(&place) == Some(&oldest.id) {
            self.latest.remove(&place);
        }
        if let Some(reference) = oldest.reference {
            self.references.remove(&reference);
        }
    }

    fn id_of<'a>(&'a self, locator: &'a Locator) -> Option<&'a str> {
        match locator {
            Locator::Id(id) => Some(id),
            Locator::Number(method, number) => {
                self.latest.get(&(*method, number.clone())).map(String::as_str)
            }
            Locator::Reference(reference) => self.references.get(reference).map(String::as_str),
        }
    }

    #[cfg(test)]
    pub(crate) fn sizes(&self) -> [usize; 3] {
        [self.by_id.len(), self.latest.len(), self.references.len()]
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::verification::CodeType;

    fn verification(n: usize) -> Verification {
        Verification {
            id: format!("id-{n}"),
            method: Method::Sms,
            number: format!("+4670{n:07}"),
            reference: Some(format!("reference-{n}")),
            custom: None,
            code: "0123".to_owned(),
            code_type: CodeType::Numeric,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::MAX,
            ended: None,
            wrong_codes: 0,
            source: None,
        }
    }

    #[test]
    fn memory_is_bounded_in_every_index() {
        let mut ledger = Ledger::new(10);
        for n in 0..1_000 {
            ledger.add(verification(n));
        }
        assert_eq!(ledger.sizes(), [10, 10, 10]);
        assert!(ledger.find(&Locator::Reference("reference-989".into())).is_none());
        assert!(ledger.find(&Locator::Reference("reference-990".into())).is_some());
        assert!(ledger.find(&Locator::Number(Method::Sms, "+46700000999".into())).is_some());
        assert!(!ledger.knows_reference("reference-1"));
    }

    #[test]
    fn forgetting_an_old_verification_keeps_the_latest_of_its_number() {
        let mut ledger = Ledger::new(2);
        for n in 0..3 {
            ledger.add(Verification { number: "+46701234567".into(), ..verification(n) });
        }
        let latest = ledger.find(&Locator::Number(Method::Sms, "+46701234567".into())).unwrap();
        assert_eq!(latest.id, "id-2");
    }
}
