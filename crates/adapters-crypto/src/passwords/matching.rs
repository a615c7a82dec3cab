//! Finding the candidate that a password matches, in a time that tells nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bcrypt_lanes::{Costs, Hash, Salt};
use domain::Password;
use ports::{Candidate, PasswordMatch};

use super::{
    computation::{Computation, Computed},
    recipe::{Recipe, is_proven_whole, is_repetition},
    stored::{Scheme, StoredHash},
};

/// What is computed for one password, and what the digests will be compared with.
pub(super) struct Plan {
    /// Those of the groups, in their order, and then those whose only use is the
    /// time they take.
    pub(super) computations: Vec<Computation>,
    pub(super) groups: Groups,
}

/// The candidates, by the computation that serves them.
pub(super) struct Groups(Vec<Group>);

/// Candidates of one key and salt.
struct Group {
    scheme: Scheme,
    salt: Salt,
    members: Vec<Member>,
}

struct Member {
    index: usize,
    hash: Hash,
    outdated: bool,
}

impl Plan {
    /// Sorts the candidates by what must be computed for them. Hashes of lower costs
    /// are met on the way to the cost of `recipe` and take as long; where there are
    /// fewer than `least_hashes`, others are computed for time's sake.
    pub(super) fn new(
        recipe: &Recipe,
        password: &Password,
        candidates: &[Candidate],
        least_hashes: usize,
    ) -> Self {
        let mut groups = Groups(Vec::new());
        for (index, candidate) in candidates.iter().enumerate() {
            if let Some(hash) = readable(recipe, password, candidate) {
                groups.add(&hash, index, is_outdated(recipe, password, candidate, &hash));
            }
        }
        let mut computations: Vec<Computation> =
            groups.0.iter().filter_map(|group| group.computation(recipe, password)).collect();
        let missing = least_hashes.saturating_sub(computations.len());
        computations.extend((0..missing).map(|_| recipe.computation(password, Salt::default())));
        Self { computations, groups }
    }
}

impl Group {
    fn computation(&self, recipe: &Recipe, password: &Password) -> Option<Computation> {
        let key = recipe.prepare(self.scheme, password)?;
        let costs = self.members.iter().map(|member| member.hash.cost);
        Some(Computation { key, salt: self.salt, costs: costs.fold(recipe.cost.into(), Costs::and) })
    }
}

impl Groups {
    fn add(&mut self, hash: &StoredHash, index: usize, outdated: bool) {
        let StoredHash { scheme, bcrypt } = *hash;
        let member = Member { index, hash: bcrypt, outdated };
        match self.0.iter_mut().find(|group| group.scheme == scheme && group.salt == bcrypt.salt) {
            Some(group) => group.members.push(member),
            None => self.0.push(Group { scheme, salt: bcrypt.salt, members: vec![member] }),
        }
    }

    /// The first candidate whose hash was computed. Every candidate is compared,
    /// wherever a match stands.
    pub(super) fn find_match(&self, computed: &[Computed]) -> Option<PasswordMatch> {
        let mut found: Option<PasswordMatch> = None;
        for (group, computed) in self.0.iter().zip(computed) {
            for member in &group.members {
                let matches = member.matches(computed);
                if matches && found.is_none_or(|earlier| member.index < earlier.index) {
                    found = Some(PasswordMatch { index: member.index, outdated: member.outdated });
                }
            }
        }
        found
    }
}

impl Member {
    fn matches(&self, computed: &[Hash]) -> bool {
        let of_its_cost = computed.iter().find(|hash| hash.cost == self.hash.cost);
        of_its_cost.is_some_and(|hash| verify_slices_are_equal(&hash.digest, &self.hash.digest).is_ok())
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
                || hash.bcrypt.cost < recipe.cost
                || hash.bcrypt.salt != recipe.salt(&candidate.owner)
        }
    }
}

#[cfg(test)]
mod tests {
    use bcrypt_lanes::{Cost, Digest, Version};
    use domain::{Email, PasswordHash};

    use super::*;
    use crate::{DataKey, Pepper};

    const TYPED: &str = "correct horse";

    fn recipe(cost: u32) -> Recipe {
        let pepper = |byte| Pepper::from_bytes([byte; 32]);
        Recipe::new(Cost::new(cost).unwrap(), &pepper(1), &[pepper(2)], &DataKey::from_bytes([9; 32]))
    }

    fn owner(name: &str) -> Email {
        Email::parse(&format!("{name}@example.com")).unwrap()
    }

    fn hashed(recipe: &Recipe, text: &str, name: &str) -> Candidate {
        let salt = recipe.salt(&owner(name));
        let hash = fake(&recipe.computation(&Password::presented(text), salt))[0];
        Candidate { owner: owner(name), hash: recipe.stored(hash) }
    }

    fn ours(cost: u32, text: &str, name: &str) -> Candidate {
        hashed(&recipe(cost), text, name)
    }

    fn bare(cost: u32, text: &str) -> Candidate {
        let costs = Cost::new(cost).unwrap().into();
        let key = recipe(4).prepare(Scheme::Foreign, &Password::presented(text)).unwrap();
        let hash = fake(&Computation { key, salt: [7; 16], costs })[0];
        Candidate { owner: owner("ann"), hash: PasswordHash::new(hash.to_string()) }
    }

    fn malformed() -> Candidate {
        Candidate { owner: owner("ann"), hash: PasswordHash::new("$2b$04$short".to_owned()) }
    }

    /// Stands for bcrypt where what is computed matters, not the result. Like
    /// bcrypt it reads 72 bytes.
    fn fake(computation: &Computation) -> Computed {
        let salt = computation.salt;
        let key = &computation.key[..computation.key.len().min(72)];
        let costs = (4..=31).filter_map(Cost::new).filter(|cost| computation.costs.contains(*cost));
        let hash = |cost: Cost| {
            let mut digest = Digest::default();
            let input = [&cost.get().to_be_bytes(), &salt[..], key].concat();
            digest.copy_from_slice(&crate::secrets::sha256(&input)[..23]);
            Hash { version: Version::TwoB, cost, salt, digest }
        };
        costs.map(hash).collect()
    }

    /// The match, and the cost that each computation took as long as.
    fn search(
        cost: u32,
        typed: &str,
        candidates: &[Candidate],
        least: usize,
    ) -> (Option<PasswordMatch>, Vec<u32>) {
        let plan = Plan::new(&recipe(cost), &Password::presented(typed), candidates, least);
        let computed: Vec<Computed> = plan.computations.iter().map(fake).collect();
        let costs = plan.computations.iter().map(|computation| computation.costs.highest().get());
        (plan.groups.find_match(&computed), costs.collect())
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
    fn pw_05_a_hash_of_a_lower_cost_takes_as_long_as_a_new_one() {
        for (typed, expected) in [(TYPED, found(0, true)), ("wrong", None)] {
            assert_eq!(search(8, typed, &[ours(5, TYPED, "ann")], 1), (expected, vec![8]));
        }
    }

    #[test]
    fn pw_05_hashes_of_several_costs_under_one_salt_cost_one_hash() {
        let all = [ours(5, "another", "ann"), ours(8, TYPED, "ann"), ours(6, TYPED, "ann")];
        assert_eq!(search(8, TYPED, &all, 1), (found(1, false), vec![8]));
        assert_eq!(search(8, "another", &all, 1), (found(0, true), vec![8]));
        assert_eq!(search(8, "wrong", &all, 1), (None, vec![8]));
    }

    #[test]
    fn pw_05_a_higher_cost_is_verified_as_it_is() {
        assert_eq!(search(6, TYPED, &[ours(8, TYPED, "ann")], 1), (found(0, false), vec![8]));
    }

    #[test]
    fn a_hash_under_an_older_pepper_or_salt_is_outdated() {
        let made_with = |pepper: u8, data_key: u8| {
            let (pepper, data_key) = (Pepper::from_bytes([pepper; 32]), DataKey::from_bytes([data_key; 32]));
            hashed(&Recipe::new(Cost::new(6).unwrap(), &pepper, &[], &data_key), TYPED, "ann")
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
    fn en_02_an_imported_hash_beside_a_registration_costs_two_hashes_and_so_does_everybody() {
        let both = [bare(6, "another"), ours(6, "x", "ann")];
        for candidates in [&[][..], &both[..1], &both[1..], &both] {
            assert_eq!(search(6, TYPED, candidates, 2), (None, vec![6, 6]), "{}", candidates.len());
        }
    }

    #[test]
    fn pw_02_a_repeated_password_does_not_open_the_account_of_the_short_one() {
        let (matched, costs) = search(6, "abc\0abc", &[bare(6, "abc"), ours(6, "abc", "ann")], 1);
        assert_eq!((matched, costs), (None, vec![6]));
    }
}
