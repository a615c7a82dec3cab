//! Limits that nobody can count.

/// What holds for a limit while whoever counts it for all replicas is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitOutage {
    /// There is no limit: what it guards matters less than that everybody gets through.
    Admit,
    /// Nothing passes: better nobody than too many.
    Refuse,
    /// Each process counts by itself, so that as many times as much passes as there are processes.
    CountAlone,
}
