//! Clients: a crowd that asks over and over, a flood of which some are refused, and
//! one that asks at a fixed rate.

mod client;
mod crowd;
mod flood;
mod metronome;
mod samples;

pub(crate) use client::Outcome;
pub(crate) use crowd::Crowd;
pub(crate) use flood::Flood;
pub(crate) use metronome::Metronome;
pub(crate) use samples::Samples;
