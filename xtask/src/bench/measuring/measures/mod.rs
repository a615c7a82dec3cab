//! The measurements, a group in each file.

pub(super) mod flood;
pub(super) mod lanes;
pub(super) mod limits;
pub(super) mod me;
pub(super) mod memory;
pub(super) mod router;
pub(super) mod shield;
pub(super) mod sign_in;
pub(super) mod start;
pub(super) mod storm;
