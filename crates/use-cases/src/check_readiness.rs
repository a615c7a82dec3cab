//! Whether the service could do its work now.

use std::sync::Arc;

use ports::Dependency;

/// Asks every dependency whether it would answer.
pub struct CheckReadiness {
    pub dependencies: Vec<Arc<dyn Dependency>>,
}

/// One dependency and whether it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyState {
    pub name: &'static str,
    pub ready: bool,
}

impl CheckReadiness {
    /// The state of each dependency, in the order of wiring.
    pub async fn execute(&self) -> Vec<DependencyState> {
        let mut states = Vec::with_capacity(self.dependencies.len());
        for dependency in &self.dependencies {
            let ready = match dependency.probe().await {
                Ok(()) => true,
                Err(reason) => {
                    tracing::warn!(dependency = dependency.name(), %reason, "not ready");
                    false
                }
            };
            states.push(DependencyState { name: dependency.name(), ready });
        }
        states
    }
}
