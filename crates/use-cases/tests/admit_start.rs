//! The work that strangers prove under suspicion.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{Money, ProofOfWork, RuleMode, Shield, Tally, WorkDemand, WorkRule};
use fixtures::{now, sweden, unavailable};
use ports::{MockClock, MockShieldStore, MockWorkPuzzles, Starts, UnprovenWork};
use use_cases::{AdmitStart, AdmitStartError, Fault};

const RULE: WorkRule = WorkRule { mode: RuleMode::Block, bits: 18, starts_per_hour: Some(50) };

fn proof() -> ProofOfWork {
    ProofOfWork::parse("puzzle:42").unwrap()
}

fn demand() -> WorkDemand {
    WorkDemand { puzzle: "another".to_owned(), bits: 18, expires_at: now() }
}

fn quiet() -> Starts {
    Starts { in_hour: 49, ..Starts::default() }
}

/// What makes a start suspicious, each by itself.
fn suspicious() -> [Starts; 4] {
    let unanswered = |sent| Tally { sent, entered: 0, cost: Money(0) };
    [
        Starts { in_hour: 50, ..Starts::default() },
        Starts { country_hour: unanswered(8), ..Starts::default() },
        Starts { service_hour: unanswered(20), ..Starts::default() },
        Starts { blocked_prefixes: 5, ..Starts::default() },
    ]
}

struct Mocks {
    store: MockShieldStore,
    puzzles: MockWorkPuzzles,
    rule: WorkRule,
}

impl Mocks {
    fn seeing(starts: Starts) -> Self {
        let mut store = MockShieldStore::new();
        store
            .expect_count_start()
            .withf(|country, at| *country == Some(sweden()) && *at == now())
            .once()
            .return_once(move |_, _| Ok(starts));
        Self { store, puzzles: MockWorkPuzzles::new(), rule: RULE }
    }

    fn checking(mut self, is_right: bool) -> Self {
        let answer = if is_right { Ok(now()) } else { Err(UnprovenWork) };
        self.puzzles.expect_check().once().return_once(move |_, _| answer);
        self
    }

    fn spending(mut self, is_fresh: bool) -> Self {
        let is_puzzle = |puzzle: &str, _: &jiff::Timestamp| puzzle == "puzzle";
        self.store.expect_spend_puzzle().withf(is_puzzle).once().return_once(move |_, _| Ok(is_fresh));
        self
    }

    async fn start(mut self, proof: Option<&ProofOfWork>) -> Result<(), AdmitStartError> {
        self.puzzles.expect_pose().returning(|_, _| demand());
        let mut clock = MockClock::new();
        clock.expect_now().return_const(now());
        let admit = AdmitStart {
            clock: Arc::new(clock),
            store: Arc::new(self.store),
            puzzles: Arc::new(self.puzzles),
            shield: Arc::new(Shield { work: self.rule, ..Shield::with_every_rule(RuleMode::Block) }),
        };
        admit.execute(Some(sweden()), proof).await
    }
}

fn is_demanded(answer: Result<(), AdmitStartError>) -> bool {
    matches!(answer, Err(AdmitStartError::WorkRequired(posed)) if posed == demand())
}

#[tokio::test]
async fn sm_10_nobody_works_without_suspicion_or_while_it_is_off() {
    Mocks::seeing(quiet()).start(None).await.unwrap();
    let store = MockShieldStore::new();
    let off = Mocks { store, puzzles: MockWorkPuzzles::new(), rule: WorkRule::default() };
    off.start(None).await.unwrap();
}

#[tokio::test]
async fn sm_10_under_suspicion_a_fresh_right_answer_is_asked_for() {
    for starts in suspicious() {
        assert!(is_demanded(Mocks::seeing(starts).start(None).await), "{starts:?}");
        assert!(is_demanded(Mocks::seeing(starts).checking(false).start(Some(&proof())).await));
        let used = Mocks::seeing(starts).checking(true).spending(false);
        assert!(is_demanded(used.start(Some(&proof())).await));
        Mocks::seeing(starts).checking(true).spending(true).start(Some(&proof())).await.unwrap();
    }
}

#[tokio::test]
async fn sm_10_a_rule_that_observes_lets_everybody_pass() {
    for starts in suspicious() {
        let rule = WorkRule { mode: RuleMode::Observe, ..RULE };
        Mocks { rule, ..Mocks::seeing(starts) }.start(None).await.unwrap();
    }
}

#[tokio::test]
async fn asvs_16_5_2_nothing_is_started_while_the_counters_are_away() {
    let mut store = MockShieldStore::new();
    store.expect_count_start().once().return_once(|_, _| Err(unavailable()));
    let mocks = Mocks { store, puzzles: MockWorkPuzzles::new(), rule: RULE };
    let refused = mocks.start(Some(&proof())).await.unwrap_err();
    assert!(matches!(refused, AdmitStartError::Fault(Fault::DatabaseUnavailable(_))), "{refused:?}");
}
