//! What a statement finds that waited while another one changed what it looks for.

#![expect(clippy::expect_used, reason = "a test that cannot prepare cannot go on")]

use std::{future::Future, time::Duration};

use adapters_postgres::{PostgresStore, Settings};
use domain::{
    AuthenticationMethod, ChallengeId, Channel, Client, EventId, EventName, PasswordHash, PhoneNumber,
    Purpose, RefreshTokenHash, SessionId, SessionTimes, UserAgent, UserId, VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    AccountStore, Attempt, ChallengeStore, EventStore, NewEvent, NewSession, PasswordChange, Proof, Redeemed,
    SessionStore,
};
use testkit::postgres::Database;
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;
use uuid::Uuid;

const USER: UserId = UserId(Uuid::from_u128(1));
const KEPT: SessionId = SessionId(Uuid::from_u128(2));
const ASKING: SessionId = SessionId(Uuid::from_u128(3));
const NEW: SessionId = SessionId(Uuid::from_u128(4));
const VERIFICATION: VerificationId = VerificationId(Uuid::from_u128(5));
const PHONE: &str = "+46701234567";
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A step-up in the middle of its statement: it has done everything and holds it, but waits
/// for the row of a wrong guess.
struct Halted {
    store: PostgresStore,
    observer: tokio_postgres::Client,
    holder: tokio_postgres::Client,
    step_up: JoinHandle<Redeemed>,
    _database: Database,
}

impl Halted {
    async fn new() -> Self {
        let database = tokio::task::spawn_blocking(Database::create).await.expect("a fresh database");
        let settings = Settings::parse(database.url(), 8, 1).expect("the address of the fresh database");
        let store = PostgresStore::new(settings).expect("a pool");
        store.migrate_up().await.expect("the schema");
        let observer = connect(database.url()).await;
        observer.batch_execute(&somebody()).await.expect("somebody with two sessions and a step-up");
        let holder = connect(database.url()).await;
        holder.batch_execute("BEGIN; SELECT FROM guesses FOR UPDATE").await.expect("the row");
        let stepping = store.clone();
        let step_up = tokio::spawn(async move {
            stepping.redeem_step_up(&attempt(), &Proof::SentCode, &session()).await.expect("redeem_step_up")
        });
        let halted = Self { store, observer, holder, step_up, _database: database };
        halted.waits_for(1).await;
        halted
    }

    /// Lets the step-up go on when `act` waits, too; what both came to.
    async fn goes_on_beside<T: Send + 'static>(
        &mut self,
        act: impl Future<Output = T> + Send + 'static,
    ) -> (Redeemed, T) {
        let act = tokio::spawn(act);
        self.waits_for(2).await;
        self.holder.batch_execute("COMMIT").await.expect("the row is let go");
        let redeemed = (&mut self.step_up).await.expect("the step-up");
        (redeemed, act.await.expect("the act beside it"))
    }

    async fn waits_for(&self, statements: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        for _ in 0..200 {
            let row = self.observer.query_one(waiting, &[]).await.expect("the activity");
            if row.get::<_, i64>(0) == statements {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{statements} statements should wait");
    }

    async fn is_live(&self, session: SessionId) -> bool {
        self.store.find_live(session, USER, NOW).await.expect("find_live").is_some()
    }
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// A user with two sessions, one of which asked for a step-up and guessed wrong once.
fn somebody() -> String {
    let (user, kept, asking, verification) = (USER.0, KEPT.0, ASKING.0, VERIFICATION.0);
    let (now, then) = (NOW, NOW + SignedDuration::from_hours(1));
    format!(
        "INSERT INTO users VALUES ('{user}', 'a@b.se', 'a@b.se', '{PHONE}', '{now}', 'old', NULL, '{now}', '{now}');
        INSERT INTO sessions SELECT id::uuid, '{user}', 'pwd', NULL, NULL, '{now}', '{now}', '{now}', '{then}', '{then}'
            FROM (VALUES ('{kept}'), ('{asking}')) AS both_sessions (id);
        INSERT INTO verifications (phone, purpose, id, attempts_left, channel, expires_at)
            VALUES ('{PHONE}', 'step_up', '{verification}', 4, 'sms', '{then}');
        INSERT INTO challenges (id, purpose, subject, verification_id, phone, user_id, session_id, account, sends,
            created_at, expires_at)
            VALUES ('challenge', 'step_up', '{user}', '{verification}', '{PHONE}', '{user}', '{asking}', '{user}', 1,
            '{now}', '{then}');
        INSERT INTO guesses VALUES ('{verification}', 4, '{user}', 'step_up', '{now}')"
    )
}

fn attempt() -> Attempt {
    Attempt {
        challenge_id: ChallengeId::parse("challenge").expect("an id"),
        verification_id: VERIFICATION,
        purpose: Purpose::StepUp,
        phone: PhoneNumber::from_stored(PHONE).expect("a number"),
        channel: Channel::Sms,
        user_id: Some(USER),
        text_barred: false,
        attempts_left: 3,
        provider_id: None,
        unsettled: None,
    }
}

fn session() -> NewSession {
    let end = NOW + SignedDuration::from_hours(1);
    NewSession {
        id: NEW,
        refresh_token: RefreshTokenHash([7; 32]),
        times: SessionTimes { created_at: NOW, expires_at: end, absolute_expires_at: end },
        methods: vec![AuthenticationMethod::Password],
        client: client(),
        max_per_user: 10,
        event: event(1, EventName::StepUp),
        device: None,
    }
}

fn client() -> Client {
    Client { address: "192.0.2.1".parse().ok(), user_agent: UserAgent::cut("a browser") }
}

fn event(number: u128, name: EventName) -> NewEvent {
    NewEvent { id: EventId(Uuid::from_u128(number)), name, client: client(), notify: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_waited_for_a_step_up_takes_its_session_and_its_client_too() {
    let mut halted = Halted::new().await;
    let store = halted.store.clone();

    let deletion = async move { store.delete_account(USER, &event(2, EventName::UserDeleted), NOW).await };
    let (redeemed, deleted) = halted.goes_on_beside(deletion).await;

    assert!(matches!(redeemed, Redeemed::Done(_)));
    assert!(deleted.expect("delete_account"));
    for session in [KEPT, ASKING, NEW] {
        assert!(!halted.is_live(session).await);
    }
    let events = halted.store.list_events(USER, None, 10).await.expect("list_events");
    let names: Vec<EventName> = events.iter().map(|event| event.name).collect();
    assert_eq!(names, [EventName::UserDeleted, EventName::StepUp]);
    assert!(events.iter().all(|event| event.client == Client::default()), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_escape_its_end_by_a_step_up() {
    let mut halted = Halted::new().await;
    let store = halted.store.clone();

    let end = async move { store.end_others(KEPT, USER, &event(2, EventName::TokenRevoked), NOW).await };
    let (redeemed, ended) = halted.goes_on_beside(end).await;

    assert!(matches!(redeemed, Redeemed::Done(_)));
    assert_eq!(ended.expect("end_others"), 1);
    assert_eq!((halted.is_live(KEPT).await, halted.is_live(NEW).await), (true, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_outlive_the_password_by_a_step_up() {
    let mut halted = Halted::new().await;
    let store = halted.store.clone();

    let change = PasswordChange {
        user_id: USER,
        old: PasswordHash::new("old".to_owned()),
        new: PasswordHash::new("new".to_owned()),
        kept: KEPT,
        event: event(2, EventName::PasswordChange),
    };
    let changed = async move { store.change_password(&change, NOW).await };
    let (redeemed, changed) = halted.goes_on_beside(changed).await;

    assert!(matches!(redeemed, Redeemed::Done(_)));
    assert!(changed.expect("change_password"));
    assert_eq!((halted.is_live(KEPT).await, halted.is_live(NEW).await), (true, false));
}
