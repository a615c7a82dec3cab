//! Readiness with mocked dependencies.

mod fixtures;

use std::sync::Arc;

use fixtures::Log;
use ports::{Dependency, MockDependency, Unready};
use use_cases::{CheckReadiness, DependencyState};

fn dependency(name: &'static str, answer: Result<(), Unready>) -> Arc<dyn Dependency> {
    let mut dependency = MockDependency::new();
    dependency.expect_name().return_const(name);
    dependency.expect_probe().once().return_once(|| answer);
    Arc::new(dependency)
}

fn away() -> Result<(), Unready> {
    Err(Unready("connection refused".to_owned()))
}

#[tokio::test]
async fn each_dependency_is_asked_and_told_in_the_order_of_wiring() {
    let dependencies =
        vec![dependency("database", away()), dependency("limits", Ok(())), dependency("provider", away())];
    let states = CheckReadiness { dependencies }.execute().await;
    let state = |name, ready| DependencyState { name, ready };
    assert_eq!(states, [state("database", false), state("limits", true), state("provider", false)]);
}

#[tokio::test]
async fn a_service_that_needs_nothing_is_ready() {
    assert!(CheckReadiness { dependencies: Vec::new() }.execute().await.is_empty());
}

#[tokio::test]
async fn why_a_dependency_is_away_is_for_the_log() {
    let log = Log::listen();
    CheckReadiness { dependencies: vec![dependency("database", away())] }.execute().await;
    let text = log.text();
    assert!(text.contains("database") && text.contains("connection refused"), "{text}");
}
