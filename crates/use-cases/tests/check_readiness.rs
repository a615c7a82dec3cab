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
        vec![dependency("database", away()), dependency("mail", Ok(())), dependency("provider", away())];
    let optional = vec![dependency("redis", away())];
    let states = CheckReadiness { dependencies, optional }.execute().await;
    let state = |name, ready| DependencyState { name, ready, required: name != "redis" };
    let expected =
        [state("database", false), state("mail", true), state("provider", false), state("redis", false)];
    assert_eq!(states, expected);
}

#[tokio::test]
async fn a_service_that_needs_nothing_is_ready() {
    assert!(CheckReadiness { dependencies: Vec::new(), optional: Vec::new() }.execute().await.is_empty());
}

#[tokio::test]
async fn why_a_dependency_is_away_is_for_the_log() {
    let log = Log::listen();
    let dependencies = vec![dependency("database", away())];
    CheckReadiness { dependencies, optional: Vec::new() }.execute().await;
    let text = log.text();
    assert!(text.contains("database") && text.contains("connection refused"), "{text}");
}
