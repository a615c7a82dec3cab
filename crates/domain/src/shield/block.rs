//! How a prefix or a country is blocked and comes free again.

use jiff::Timestamp;

use super::{Shield, ShieldRule};

/// What is remembered of a prefix or a country.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeState {
    /// Counts changes, so that a store notices when somebody else made one.
    pub version: u64,
    /// Codes of strangers that nobody entered so far, less what entered ones make up for.
    pub unanswered: u32,
    /// When a stranger last had a code sent there.
    pub last_sent_at: Option<Timestamp>,
    /// How many blocks followed each other.
    pub strikes: u32,
    pub struck_at: Option<Timestamp>,
    pub block: Option<ShieldBlock>,
}

/// No messages of strangers for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShieldBlock {
    pub rule: ShieldRule,
    pub until: Timestamp,
    /// What was asked for meanwhile.
    pub refused: u32,
}

impl ScopeState {
    /// Until when the last code may still be entered; long past if there was none.
    pub(super) fn answer_due(&self) -> Timestamp {
        let due = self.last_sent_at.map(|at| at.checked_add(Shield::ANSWER_TIME));
        due.and_then(Result::ok).unwrap_or(Timestamp::MIN)
    }

    /// The codes that nobody entered, of which one is forgotten in each [`Shield::LEAK`].
    pub fn unanswered_at(&self, now: Timestamp) -> u32 {
        let idle = self.last_sent_at.map_or(0, |at| now.duration_since(at).as_secs());
        let leaked = u32::try_from(idle / Shield::LEAK.as_secs()).unwrap_or(0);
        self.unanswered.saturating_sub(leaked)
    }

    /// The block that is in force.
    pub fn block_at(&self, now: Timestamp) -> Option<ShieldBlock> {
        self.block.filter(|block| now < block.until)
    }

    /// Blocked: for an hour, and for longer when it happens again.
    pub(super) fn blocked(&self, rule: ShieldRule, now: Timestamp) -> Self {
        let recent = self.struck_at.is_some_and(|at| now.duration_since(at) < Shield::MEMORY);
        let strikes = if recent { self.strikes } else { 0 };
        let length = if strikes == 0 { Shield::FIRST_BLOCK } else { Shield::LATER_BLOCK };
        let until = now.checked_add(length).unwrap_or(Timestamp::MAX);
        Self {
            strikes: strikes.saturating_add(1),
            struck_at: Some(now),
            block: Some(ShieldBlock { rule, until, refused: 0 }),
            ..self.clone()
        }
    }

    /// After a message of a stranger.
    pub(super) fn sent(&self, unanswered: u32, now: Timestamp) -> Self {
        Self { unanswered, last_sent_at: Some(now), ..self.clone() }
    }
}
