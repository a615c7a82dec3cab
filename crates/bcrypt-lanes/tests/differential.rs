//! Bit for bit what the `bcrypt` crate makes of the same, for anything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use bcrypt_lanes::{Cost, Job, MOST_LANES, hash, hash_all, verify};
use proptest::{collection::vec, prelude::*};

#[derive(Clone, Debug)]
struct Drawn {
    password: Vec<u8>,
    salt: [u8; 16],
    cost: u32,
}

impl Drawn {
    fn job(&self) -> Job<'_> {
        Job::new(&self.password, self.salt, Cost::new(self.cost).unwrap())
    }

    fn of_the_bcrypt_crate(&self) -> [u8; 23] {
        let mut key = self.password.clone();
        key.push(0);
        key.truncate(72);
        bcrypt::bcrypt(self.cost, self.salt, &key)[..23].try_into().unwrap()
    }
}

/// Any bytes, those that repeat, and those around the lengths where programs erred.
fn password() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..=200),
        1 => vec(prop_oneof![Just(0_u8), Just(0x80), Just(0xff)], 0..=80),
        1 => vec(any::<u8>(), 70..=74),
        1 => vec(any::<u8>(), 253..=258),
    ]
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (password(), any::<[u8; 16]>(), 4..=6_u32).prop_map(|(password, salt, cost)| Drawn {
        password,
        salt,
        cost,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_number_of_lanes_makes_the_same_hashes(all in vec(drawn(), 1..=9), lanes in 1..=MOST_LANES) {
        let jobs: Vec<Job<'_>> = all.iter().map(Drawn::job).collect();
        let hashes = hash_all(&jobs, lanes);
        prop_assert_eq!(hashes.len(), all.len());
        for (hash, drawn) in hashes.iter().flatten().zip(&all) {
            prop_assert_eq!(hash.digest, drawn.of_the_bcrypt_crate());
            prop_assert_eq!((hash.salt, hash.cost.get()), (drawn.salt, drawn.cost));
        }
    }

    #[test]
    fn what_the_bcrypt_crate_wrote_is_read_and_verified(password in vec(1..=255_u8, 0..=71), other in password()) {
        let written = bcrypt::hash(&password, 4).unwrap().parse().unwrap();
        prop_assert_eq!(verify([(&password, &written), (&other, &written)]), [true, other == password]);
    }

    #[test]
    fn the_bcrypt_crate_verifies_what_was_written(drawn in drawn()) {
        let [written] = hash([drawn.job()]);
        prop_assert!(bcrypt::verify(&drawn.password, &written.to_string()).unwrap());
    }
}
