//! Two programs that share one file race for the same rows.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use adapters_sqlite::{SqliteStore, SqliteUrl};
use domain::{
    AnswerKind, ChallengeId, ChallengePolicy, Channel, Email, PasswordHash, PhoneNumber, Purpose, Quotas,
    SendReference, VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    ChallengeStore, Guess, NewChallenge, PendingRegistration, SendDecision, SendLimits, Subject, Taken,
};
use uuid::Uuid;

fn now() -> Timestamp {
    "2026-03-14T15:09:26.535897Z".parse().unwrap()
}

async fn connect(path: &Path) -> SqliteStore {
    let store = SqliteStore::connect(&SqliteUrl::File(path.to_owned())).await.expect("connect");
    store.migrate_up().await.expect("migrate");
    store
}

fn registration(number: u128) -> NewChallenge {
    let policy = ChallengePolicy {
        ttl: SignedDuration::from_mins(10),
        resend_cooldown: SignedDuration::from_mins(2),
        max_attempts: 5,
        max_sends: 3,
        max_given_back: 5,
    };
    NewChallenge {
        subject: Subject::Registration(PendingRegistration {
            email: Email::parse(&format!("person.{number}@example.com")).unwrap(),
            phone: PhoneNumber::from_stored("+46701740605").unwrap(),
            password_hash: PasswordHash::new("a hash".to_owned()),
            locale: None,
        }),
        id: ChallengeId::parse(&format!("challenge-{number}")).unwrap(),
        verification_id: VerificationId(Uuid::from_u128(number)),
        reference: SendReference(Uuid::from_u128(number)),
        channel: Channel::Sms,
        locale: None,
        country: None,
        may_send: true,
        limits: SendLimits { policy, quotas: Quotas::default(), address: None },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rc_05_and_asvs_6_6_3_hold_over_two_stores_of_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("otp.db");
    let stores = [connect(&path).await, connect(&path).await];
    let crowd = || (1..=50).zip(stores.iter().cycle().cloned());

    let opening: Vec<_> = crowd()
        .map(|(number, store)| tokio::spawn(async move { store.open(&registration(number), now()).await }))
        .collect();
    let mut sends = 0;
    for opened in opening {
        let opened = opened.await.expect("no panic").expect("nobody is refused");
        sends += u32::from(opened.is_some_and(|opened| matches!(opened.send, SendDecision::Reserved(_))));
    }
    assert_eq!(sends, 1);

    let guess = |number| Guess {
        asker: None,
        id: registration(number).id,
        purposes: &[Purpose::Registration],
        kind: AnswerKind::SentCode,
        quotas: Quotas::default(),
    };
    let guessing: Vec<_> = crowd()
        .map(|(number, store)| tokio::spawn(async move { store.take_attempt(&guess(number), now()).await }))
        .collect();
    let mut attempts = 0;
    for taken in guessing {
        let taken = taken.await.expect("no panic").expect("nobody is refused");
        attempts += u32::from(matches!(taken, Taken::Attempt(_)));
    }
    assert_eq!(attempts, 5);
}
