//! Locks: what an operator does about an account that must not be used.

use jiff::Timestamp;

/// Why an account was locked, in an operator's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockReason(String);

/// The text says no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason has 1 to {} characters in one line", LockReason::MAX_CHARS)]
pub struct InvalidLockReason;

impl LockReason {
    /// The longest reason, in characters.
    pub const MAX_CHARS: usize = 200;

    /// Reads a reason of one line, without the space around it.
    pub fn parse(text: &str) -> Result<Self, InvalidLockReason> {
        let text = text.trim();
        let length = text.chars().take(Self::MAX_CHARS + 1).count();
        let accepted = (1..=Self::MAX_CHARS).contains(&length) && !text.contains(char::is_control);
        if accepted { Ok(Self(text.to_owned())) } else { Err(InvalidLockReason) }
    }

    /// The reason as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The lock of an account: nobody signs in to it until an operator takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLock {
    pub since: Timestamp,
    pub reason: LockReason,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(LockReason::parse(" stolen phone ").unwrap().as_str(), "stolen phone");
        assert!(LockReason::parse(&"ä".repeat(200)).is_ok());
        for wrong in ["", "  ", "two\nlines", "nul\0", &"ä".repeat(201)] {
            assert_eq!(LockReason::parse(wrong), Err(InvalidLockReason), "{wrong:?}");
        }
    }
}
