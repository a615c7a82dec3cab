//! Time tells nobody what was stored for a name, also while passwords of several
//! callers share lanes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

use std::{
    num::NonZero,
    sync::Arc,
    time::{Duration, Instant},
};

use adapters_crypto::{BcryptHasher, DataKey, HasherSettings, Pepper};
use domain::{Email, Password, PasswordHash};
use ports::{Candidate, PasswordHasher};

const COST: u32 = 5;
const CALLERS: usize = 8;

fn hasher(cost: u32, lanes: usize) -> BcryptHasher {
    BcryptHasher::start(&HasherSettings {
        cost,
        pepper: Pepper::from_bytes([1; 32]),
        previous_peppers: Vec::new(),
        data_key: DataKey::from_bytes([9; 32]),
        workers: NonZero::new(1),
        lanes: NonZero::new(lanes),
        max_wait: Duration::from_mins(10),
    })
    .unwrap()
}

fn owner() -> Email {
    Email::parse("ann@example.com").unwrap()
}

async fn stored(cost: u32, password: &str) -> Candidate {
    let hash = hasher(cost, 1).hash(&Password::presented(password), &owner()).await;
    Candidate { owner: owner(), hash: hash.unwrap() }
}

/// A hash of another program, which writes `version`.
fn foreign(cost: u32, version: bcrypt::Version) -> Candidate {
    let hash = bcrypt::hash_with_salt("correct horse", cost, [3; 16]).unwrap();
    Candidate { owner: owner(), hash: PasswordHash::new(hash.format_for_version(version)) }
}

/// What a caller's wrong password may be compared with, by name; the first is what an unknown
/// e-mail has.
type Kinds = Vec<(&'static str, Vec<Candidate>)>;

/// Where nobody was imported.
async fn of_our_own() -> Kinds {
    vec![
        ("nothing", vec![]),
        ("a hash of now", vec![stored(COST, "correct horse").await]),
        ("a hash of a lower cost", vec![stored(COST - 1, "correct horse").await]),
        (
            "a hash of a lower cost and a registration of now",
            vec![stored(COST - 1, "correct horse").await, stored(COST, "battery staple").await],
        ),
        ("a hash of another program", vec![foreign(COST - 1, bcrypt::Version::TwoB)]),
    ]
}

/// Where people of another system are left, so that everybody costs two hashes.
async fn beside_imports() -> Kinds {
    let ours = stored(COST, "correct horse").await;
    let registration = stored(COST, "battery staple").await;
    vec![
        ("nothing", vec![]),
        // Its registrations come first.
        ("a locked account beside a registration", vec![registration.clone(), ours]),
        ("an imported hash", vec![foreign(COST - 1, bcrypt::Version::TwoA)]),
        (
            "an imported hash beside a registration",
            vec![foreign(COST - 1, bcrypt::Version::TwoY), registration.clone()],
        ),
        ("a registration alone", vec![registration]),
    ]
}

/// What the hasher does, and how often each caller asks about each kind.
#[derive(Clone, Copy)]
struct Load {
    lanes: usize,
    least_hashes: usize,
    calls_each: usize,
}

/// Every caller asks again once it is answered, for each kind as often as for every
/// other, in an order that has no period.
async fn times(kinds: Arc<Kinds>, load: Load) -> Vec<Vec<Duration>> {
    let hasher = Arc::new(hasher(COST, load.lanes));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (hasher, kinds) = (Arc::clone(&hasher), Arc::clone(&kinds));
            tokio::spawn(async move {
                let mut times = vec![Vec::new(); kinds.len()];
                let mut state = caller as u64 + 1;
                for _ in 0..load.calls_each * kinds.len() {
                    // Knuth's multiplier; its high bits look random.
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let kind = usize::try_from(state >> 33).unwrap() % kinds.len();
                    let wrong = Password::presented("not the password");
                    let begun = Instant::now();
                    let found = hasher.find_match(&wrong, &kinds[kind].1, load.least_hashes).await.unwrap();
                    times[kind].push(begun.elapsed());
                    assert_eq!(found, None);
                }
                times
            })
        })
        .collect();
    let mut all = vec![Vec::new(); kinds.len()];
    for caller in callers {
        for (all, times) in all.iter_mut().zip(caller.await.unwrap()) {
            all.extend(times);
        }
    }
    all
}

/// The chance that one of `left` is longer than one of `right` (the area under
/// the ROC curve): a half when nobody can tell them apart.
fn chance_to_be_longer(left: &[Duration], right: &mut [Duration]) -> f64 {
    right.sort_unstable();
    let shorter: usize = left.iter().map(|left| right.partition_point(|right| right < left)).sum();
    let not_longer: usize = left.iter().map(|left| right.partition_point(|right| right <= left)).sum();
    let as_f64 = |count: usize| f64::from(u32::try_from(count).unwrap());
    f64::midpoint(as_f64(shorter), as_f64(not_longer)) / as_f64(left.len()) / as_f64(right.len())
}

/// Asserts that nothing takes as long as everything else does.
async fn assert_alike(kinds: Kinds, load: Load) {
    let kinds = Arc::new(kinds);
    let mut times = times(Arc::clone(&kinds), load).await;
    let (nothing, others) = times.split_first_mut().unwrap();
    for ((name, _), times) in kinds.iter().skip(1).zip(others) {
        let chance = chance_to_be_longer(nothing, times);
        // 1,000 samples a side: by accident alone it is outside once in ten thousand runs.
        assert!((0.45..=0.55).contains(&chance), "nothing takes longer than {name} with chance {chance}");
        eprintln!("{name}: {chance:.3}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn en_02_time_tells_nobody_what_a_password_was_compared_with_while_many_wait() {
    assert_alike(of_our_own().await, Load { lanes: 4, least_hashes: 1, calls_each: 250 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn en_02_time_tells_nobody_who_was_imported_or_locked_while_many_wait() {
    // A second lane would hide a second hash.
    assert_alike(beside_imports().await, Load { lanes: 1, least_hashes: 2, calls_each: 125 }).await;
}
