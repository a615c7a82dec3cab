//! Whether the service could do its work now.

use std::sync::Arc;

use ports::Dependency;

/// Asks every dependency whether it would answer.
pub struct CheckReadiness {
    pub dependencies: Vec<Arc<dyn Dependency>>,
    /// Without these, requests are served all the same.
    pub optional: Vec<Arc<dyn Dependency>>,
}

/// One dependency and whether it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyState {
    pub name: &'static str,
    pub ready: bool,
    /// Whether requests fail without it.
    pub required: bool,
}

impl CheckReadiness {
    /// The state of each dependency, in the order of wiring, optional ones last.
    pub async fn execute(&self) -> Vec<DependencyState> {
        let mut states = Vec::with_capacity(self.dependencies.len() + self.optional.len());
        let required = self.dependencies.iter().map(|dependency| (dependency, true));
        let optional = self.optional.iter().map(|dependency| (dependency, false));
        for (dependency, required) in required.chain(optional) {
            let ready = match dependency.probe().await {
                Ok(()) => true,
                Err(reason) => {
                    tracing::warn!(dependency = dependency.name(), %reason, "not ready");
                    false
                }
            };
            states.push(DependencyState { name: dependency.name(), ready, required });
        }
        states
    }
}
