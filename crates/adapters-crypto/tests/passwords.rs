//! Passwords through the port, with bcrypt itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::{num::NonZero, time::Duration};

use adapters_crypto::{BcryptHasher, DataKey, HasherNotStarted, HasherSettings, Pepper};
use domain::{Email, Password, PasswordHash};
use ports::{Candidate, PasswordHasher, PasswordMatch};

fn settings(cost: u32, pepper: u8, previous: &[u8]) -> HasherSettings {
    HasherSettings {
        cost,
        pepper: Pepper::from_bytes([pepper; 32]),
        previous_peppers: previous.iter().map(|byte| Pepper::from_bytes([*byte; 32])).collect(),
        data_key: DataKey::from_bytes([9; 32]),
        workers: NonZero::new(1),
        lanes: NonZero::new(4),
        max_wait: Duration::from_mins(10),
    }
}

fn hasher(cost: u32, pepper: u8, previous: &[u8]) -> BcryptHasher {
    BcryptHasher::start(&settings(cost, pepper, previous)).unwrap()
}

fn owner(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

fn stored(hash: &str) -> Candidate {
    Candidate { owner: owner("ann"), hash: PasswordHash::new(hash.to_owned()) }
}

async fn made(hasher: &BcryptHasher, text: &str, name: &str) -> Candidate {
    let hash = hasher.hash(&Password::presented(text), &owner(name)).await.unwrap();
    Candidate { owner: owner(name), hash }
}

async fn matches(hasher: &BcryptHasher, text: &str, candidates: &[Candidate]) -> Option<PasswordMatch> {
    hasher.find_match(&Password::presented(text), candidates, 1).await.unwrap()
}

const CURRENT: Option<PasswordMatch> = Some(PasswordMatch { index: 0, outdated: false });
const OUTDATED: Option<PasswordMatch> = Some(PasswordMatch { index: 0, outdated: true });

#[tokio::test]
async fn pw_01_nothing_of_a_long_password_is_cut() {
    let hasher = hasher(4, 1, &[]);
    let crabs = "🦀".repeat(127);
    let candidate = made(&hasher, &format!("{crabs}a"), "ann").await;
    assert_eq!(matches(&hasher, &format!("{crabs}a"), std::slice::from_ref(&candidate)).await, CURRENT);
    assert_eq!(matches(&hasher, &format!("{crabs}b"), std::slice::from_ref(&candidate)).await, None);
}

#[tokio::test]
async fn pw_01_a_hash_names_scheme_pepper_and_cost() {
    let hash = made(&hasher(4, 1, &[]), "correct horse", "ann").await.hash;
    let other = made(&hasher(4, 2, &[]), "correct horse", "ann").await.hash;
    let (ours, bcrypt) = hash.as_str().split_at("$otp1$00000000".len());
    assert!(ours.starts_with("$otp1$") && bcrypt.starts_with("$2b$04$"));
    assert_eq!(hash.as_str().len(), 14 + 60);
    assert_ne!(ours, &other.as_str()[..14]);
}

#[tokio::test]
async fn a_hash_is_deterministic_for_an_owner_and_salted_between_owners() {
    let hasher = hasher(4, 1, &[]);
    let hash = |name| made(&hasher, "correct horse", name);
    assert_eq!(hash("ann").await, hash("ann").await);
    assert_ne!(hash("ann").await.hash, hash("bob").await.hash);
}

#[tokio::test]
async fn pw_01_an_older_pepper_still_verifies_and_an_unknown_one_does_not() {
    let candidate = made(&hasher(4, 1, &[]), "correct horse", "ann").await;
    let candidates = [candidate];
    assert_eq!(matches(&hasher(4, 2, &[1]), "correct horse", &candidates).await, OUTDATED);
    assert_eq!(matches(&hasher(4, 2, &[3]), "correct horse", &candidates).await, None);
}

#[tokio::test]
async fn pw_02_a_repeated_password_with_nul_is_another_password() {
    let hasher = hasher(4, 1, &[]);
    let ours = [made(&hasher, "abc", "ann").await];
    assert_eq!(matches(&hasher, "abc", &ours).await, CURRENT);
    assert_eq!(matches(&hasher, "abc\0abc", &ours).await, None);
    let foreign = [stored(&bcrypt::hash_with_salt("abc", 4, [3; 16]).unwrap().to_string())];
    assert!(bcrypt::verify("abc\0abc", foreign[0].hash.as_str()).unwrap(), "to bcrypt they are one");
    assert_eq!(matches(&hasher, "abc", &foreign).await, OUTDATED);
    assert_eq!(matches(&hasher, "abc\0abc", &foreign).await, None);
}

#[tokio::test]
async fn pw_03_published_hashes_of_other_programs_verify() {
    let vectors = [
        // jBCrypt, TestBCrypt.java.
        ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
        ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
        ("abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
        // crypt_blowfish, wrapper.c.
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ];
    let hasher = hasher(4, 1, &[]);
    for (text, hash) in vectors {
        assert_eq!(matches(&hasher, text, &[stored(hash)]).await, OUTDATED, "{hash}");
        assert_eq!(matches(&hasher, &format!("{text}!"), &[stored(hash)]).await, None, "{hash}");
    }
}

#[tokio::test]
async fn pw_03_a_foreign_hash_of_a_cut_password_verifies_but_is_not_replaced() {
    // crypt_blowfish, wrapper.c: bytes from 73 on count for nothing.
    let text =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored";
    let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    let hasher = hasher(4, 1, &[]);
    assert_eq!(matches(&hasher, text, &[stored(hash)]).await, CURRENT);
    assert_eq!(matches(&hasher, &text[..72], &[stored(hash)]).await, CURRENT);
    assert_eq!(matches(&hasher, &text[..71], &[stored(hash)]).await, None);
}

#[tokio::test]
async fn pw_03_the_faulty_2x_is_refused() {
    let hash = "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    assert_eq!(matches(&hasher(4, 1, &[]), "U*U", &[stored(hash)]).await, None);
}

#[tokio::test]
async fn pw_05_a_raised_cost_makes_older_hashes_outdated() {
    let candidate = [made(&hasher(4, 1, &[]), "correct horse", "ann").await];
    assert_eq!(matches(&hasher(5, 1, &[]), "correct horse", &candidate).await, OUTDATED);
    let dearer = [made(&hasher(5, 1, &[]), "correct horse", "ann").await];
    assert_eq!(matches(&hasher(4, 1, &[]), "correct horse", &dearer).await, CURRENT);
}

#[tokio::test]
async fn a_malformed_candidate_matches_nothing_and_stops_nobody() {
    let hasher = hasher(4, 1, &[]);
    let good = made(&hasher, "correct horse", "ann").await;
    let found = matches(&hasher, "correct horse", &[stored("rubbish"), stored(""), good]).await;
    assert_eq!(found, Some(PasswordMatch { index: 2, outdated: false }));
}

#[test]
fn pw_05_the_cost_is_bounded() {
    for cost in [0, 3, 15, 31] {
        match BcryptHasher::start(&settings(cost, 1, &[])) {
            Err(HasherNotStarted::Cost) => {}
            _ => panic!("cost {cost} was taken"),
        }
    }
}
