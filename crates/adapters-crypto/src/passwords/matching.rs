//! Finding the candidate that a password matches, in a time that tells nothing.

use std::hint::black_box;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::Password;
use ports::{Candidate, PasswordMatch};

use super::{
    recipe::{RawDigest, Recipe, digest, is_proven_whole, is_repetition},
    stored::{Digest, Salt, Scheme, StoredHash},
};

/// The work for one password: known before it begins, so that it can be queued
/// by its price.
pub(super) struct Plan {
    groups: Vec<Group>,
    /// Costs of hashes whose only use is the time they take.
    dummies: Vec<u32>,
}

/// Candidates that one bcrypt computation serves.
struct Group {
    scheme: Scheme,
    cost: u32,
    salt: Salt,
    members: Vec<Member>,
}

struct Member {
    index: usize,
    digest: Digest,
    outdated: bool,
}

impl Plan {
    /// Sorts the candidates by what must be computed for them, and adds dummy
    /// work until there is as much as `least_hashes` at the cost of `recipe`.
    pub(super) fn new(
        recipe: &Recipe,
        password: &Password,
        candidates: &[Candidate],
        least_hashes: usize,
    ) -> Self {
        let mut plan = Self { groups: Vec::new(), dummies: Vec::new() };
        for (index, candidate) in candidates.iter().enumerate() {
            if let Some(hash) = readable(recipe, password, candidate) {
                plan.add(&hash, index, is_outdated(recipe, password, candidate, &hash));
            }
        }
        let least_hashes = u64::try_from(least_hashes).unwrap_or(u64::MAX);
        plan.top_up(recipe.cost, least_hashes.saturating_mul(rounds(recipe.cost)));
        plan
    }

    fn add(&mut self, hash: &StoredHash, index: usize, outdated: bool) {
        let member = Member { index, digest: hash.digest, outdated };
        let shared = self
            .groups
            .iter_mut()
            .find(|group| group.scheme == hash.scheme && group.cost == hash.cost && group.salt == hash.salt);
        match shared {
            Some(group) => group.members.push(member),
            None => self.groups.push(Group {
                scheme: hash.scheme,
                cost: hash.cost,
                salt: hash.salt,
                members: vec![member],
            }),
        }
    }

    /// Every price is a sum of powers of two, so halving the cost until it fits
    /// meets any lack exactly.
    fn top_up(&mut self, cost: u32, least: u64) {
        let mut lack = least.saturating_sub(self.rounds());
        for cost in (StoredHash::MIN_COST..=cost).rev() {
            while lack >= rounds(cost) {
                self.dummies.push(cost);
                lack -= rounds(cost);
            }
        }
    }

    /// The price of the whole work in rounds of bcrypt.
    pub(super) fn rounds(&self) -> u64 {
        self.groups
            .iter()
            .map(|group| rounds(group.cost))
            .chain(self.dummies.iter().map(|&cost| rounds(cost)))
            .sum()
    }

    /// Does the work. Every candidate is compared, wherever a match stands.
    pub(super) fn find_match(
        &self,
        recipe: &Recipe,
        password: &Password,
        mut bcrypt: impl FnMut(u32, Salt, &[u8]) -> RawDigest,
    ) -> Option<PasswordMatch> {
        let mut found: Option<PasswordMatch> = None;
        for group in &self.groups {
            let Some(key) = recipe.prepare(group.scheme, password) else { continue };
            let computed = digest(bcrypt(group.cost, group.salt, &key));
            for member in &group.members {
                let matches = verify_slices_are_equal(&computed, &member.digest).is_ok();
                if matches && found.is_none_or(|earlier| member.index < earlier.index) {
                    found = Some(PasswordMatch { index: member.index, outdated: member.outdated });
                }
            }
        }
        let key = recipe.prepare_now(password);
        for &cost in &self.dummies {
            black_box(bcrypt(cost, Salt::default(), &key));
        }
        found
    }
}

/// The candidate's hash if a match of it would mean anything.
fn readable(recipe: &Recipe, password: &Password, candidate: &Candidate) -> Option<StoredHash> {
    let hash = StoredHash::parse(candidate.hash.as_str())?;
    let ambiguous = hash.scheme == Scheme::Foreign && is_repetition(password.expose_typed().as_bytes());
    (recipe.knows(hash.scheme) && !ambiguous).then_some(hash)
}

fn is_outdated(recipe: &Recipe, password: &Password, candidate: &Candidate, hash: &StoredHash) -> bool {
    match hash.scheme {
        Scheme::Foreign => is_proven_whole(password.expose_typed().as_bytes()),
        Scheme::Peppered(_) => {
            hash.scheme != recipe.scheme()
                || hash.cost < recipe.cost
                || hash.salt != recipe.salt(&candidate.owner)
        }
    }
}

const fn rounds(cost: u32) -> u64 {
    1 << cost
}

#[cfg(test)]
mod tests {
    use domain::{Email, PasswordHash};

    use super::*;
    use crate::{DataKey, Pepper};

    const TYPED: &str = "correct horse";

    fn recipe(cost: u32) -> Recipe {
        let pepper = |byte| Pepper::from_bytes([byte; 32]);
        Recipe::new(cost, &pepper(1), &[pepper(2)], &DataKey::from_bytes([9; 32]))
    }

    fn owner(name: &str) -> Email {
        Email::parse(&format!("{name}@example.com")).unwrap()
    }

    fn ours(cost: u32, text: &str, name: &str) -> Candidate {
        let hash = recipe(cost).hash(&Password::presented(text), &owner(name), fake);
        Candidate { owner: owner(name), hash }
    }

    fn bare(cost: u32, text: &str) -> Candidate {
        let salt = [7; 16];
        let typed = recipe(4).prepare(Scheme::Foreign, &Password::presented(text)).unwrap();
        let digest = digest(fake(cost, salt, &typed));
        let hash = StoredHash { scheme: Scheme::Foreign, cost, salt, digest }.to_string();
        Candidate { owner: owner("ann"), hash: PasswordHash::new(hash) }
    }

    fn malformed() -> Candidate {
        Candidate { owner: owner("ann"), hash: PasswordHash::new("$2b$04$short".to_owned()) }
    }

    /// Stands for bcrypt where the number of calls matters, not their result.
    fn fake(cost: u32, salt: Salt, key: &[u8]) -> RawDigest {
        let mut raw = [0; 24];
        let input = [&[u8::try_from(cost).unwrap()], salt.as_slice(), key].concat();
        raw.copy_from_slice(&crate::secrets::sha256(&input)[..24]);
        raw
    }

    /// The match and the costs of the hashes computed for it.
    fn search(
        cost: u32,
        typed: &str,
        candidates: &[Candidate],
        least: usize,
    ) -> (Option<PasswordMatch>, Vec<u32>) {
        let (recipe, password) = (recipe(cost), Password::presented(typed));
        let mut costs = Vec::new();
        let plan = Plan::new(&recipe, &password, candidates, least);
        let found = plan.find_match(&recipe, &password, |cost, salt, key| {
            costs.push(cost);
            fake(cost, salt, key)
        });
        assert_eq!(plan.rounds(), costs.iter().map(|&cost| rounds(cost)).sum::<u64>());
        (found, costs)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with what a search gives")]
    fn found(index: usize, outdated: bool) -> Option<PasswordMatch> {
        Some(PasswordMatch { index, outdated })
    }

    #[test]
    fn candidates_with_one_salt_cost_one_hash() {
        let candidates = [ours(6, "another", "ann"), ours(6, TYPED, "ann"), ours(6, TYPED, "ann")];
        assert_eq!(search(6, TYPED, &candidates, 1), (found(1, false), vec![6]));
        let strangers = [ours(6, "another", "ann"), ours(6, TYPED, "bob")];
        assert_eq!(search(6, TYPED, &strangers, 1), (found(1, false), vec![6, 6]));
    }

    #[test]
    fn the_first_of_several_matches_is_found_whatever_its_salt() {
        let candidates = [ours(6, "another", "bob"), ours(6, TYPED, "ann"), ours(6, TYPED, "bob")];
        assert_eq!(search(6, TYPED, &candidates, 1).0, found(1, false));
    }

    #[test]
    fn en_02_an_unknown_e_mail_costs_as_much_as_a_known_one() {
        assert_eq!(search(6, TYPED, &[], 1), (None, vec![6]));
        assert_eq!(search(6, TYPED, &[], 2), (None, vec![6, 6]));
        assert_eq!(search(6, TYPED, &[malformed()], 1), (None, vec![6]));
        assert_eq!(search(6, TYPED, &[ours(6, TYPED, "ann")], 2), (found(0, false), vec![6, 6]));
        assert_eq!(search(6, TYPED, &[], 0), (None, vec![]));
    }

    #[test]
    fn pw_05_a_lower_cost_is_topped_up_to_the_same_work() {
        for (typed, expected) in [(TYPED, found(0, true)), ("wrong", None)] {
            let (matched, costs) = search(8, typed, &[ours(5, TYPED, "ann")], 1);
            assert_eq!(matched, expected);
            assert_eq!(costs, [5, 7, 6, 5]);
            assert_eq!(costs.into_iter().map(rounds).sum::<u64>(), rounds(8));
        }
    }

    #[test]
    fn pw_05_a_higher_cost_is_verified_as_it_is() {
        assert_eq!(search(6, TYPED, &[ours(8, TYPED, "ann")], 1), (found(0, false), vec![8]));
    }

    #[test]
    fn a_hash_under_an_older_pepper_or_salt_is_outdated() {
        let made_with = |pepper: u8, data_key: u8| {
            let recipe =
                Recipe::new(6, &Pepper::from_bytes([pepper; 32]), &[], &DataKey::from_bytes([data_key; 32]));
            Candidate {
                owner: owner("ann"),
                hash: recipe.hash(&Password::presented(TYPED), &owner("ann"), fake),
            }
        };
        assert_eq!(search(6, TYPED, &[made_with(1, 9)], 1).0, found(0, false));
        assert_eq!(search(6, TYPED, &[made_with(2, 9)], 1), (found(0, true), vec![6]));
        assert_eq!(search(6, TYPED, &[made_with(1, 8)], 1).0, found(0, true));
        assert_eq!(search(6, TYPED, &[made_with(3, 9)], 1), (None, vec![6]), "an unknown pepper");
    }

    #[test]
    fn pw_03_a_foreign_hash_is_outdated_when_the_whole_password_is_proven() {
        let long = "x".repeat(72);
        let cases = [
            (TYPED, TYPED, found(0, true)),
            (&long[..71], &long[..71], found(0, true)),
            (&long, &long, found(0, false)),
            (&long, &format!("{long}more"), found(0, false)),
            (&long, &long[..71], None),
            ("a\0b", "a\0b", found(0, false)),
            ("p\u{e4}ss", "pa\u{308}ss", None),
        ];
        for (hashed, typed, expected) in cases {
            assert_eq!(search(6, typed, &[bare(6, hashed)], 1), (expected, vec![6]), "{typed:?}");
        }
    }

    #[test]
    fn pw_02_a_repeated_password_does_not_open_the_account_of_the_short_one() {
        let (matched, costs) = search(6, "abc\0abc", &[bare(6, "abc"), ours(6, "abc", "ann")], 1);
        assert_eq!((matched, costs), (None, vec![6]));
    }
}
