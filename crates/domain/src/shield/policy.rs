//! What the rules are told by configuration.

use jiff::{SignedDuration, Timestamp};

use super::{Budget, WorkRule};

/// The rules by which messages are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShieldRule {
    /// So many messages to one prefix in an hour, and no more.
    Velocity,
    /// Neighbouring numbers, one after the other.
    Sequence,
    /// Codes to a prefix that nobody enters.
    Unanswered,
    /// Codes to a country that hardly anybody enters.
    Conversion,
    /// What all messages may cost.
    Budget,
}

impl ShieldRule {
    /// Every rule there is.
    pub const ALL: [Self; 5] =
        [Self::Velocity, Self::Sequence, Self::Unanswered, Self::Conversion, Self::Budget];

    /// Its name in settings, the database and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Velocity => "velocity",
            Self::Sequence => "sequence",
            Self::Unanswered => "unanswered",
            Self::Conversion => "conversion",
            Self::Budget => "budget",
        }
    }

    /// The rule with the name `text`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

/// What a rule may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleMode {
    /// Nothing at all.
    Off,
    /// Tell what it would have refused.
    Observe,
    /// Refuse.
    Block,
}

impl RuleMode {
    /// Its name in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Block => "block",
        }
    }
}

/// At most so many messages to one prefix in an hour, those of strangers and those to accounts
/// whose owners have proven nothing counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VelocityRule {
    pub mode: RuleMode,
    pub per_hour: u32,
}

/// No message to a stranger's number when so many numbers around it were sent to within the hour
/// and less than half of what was sent to the prefix was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceRule {
    pub mode: RuleMode,
    pub most: u32,
}

/// A sequential test: so many codes that strangers had sent to one prefix and nobody entered stop
/// the prefix. An entered code makes up for [`Shield::ANSWER_CREDIT`] of them, and never for more
/// than there are, so that an honest past hides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnansweredRule {
    pub mode: RuleMode,
    pub most: u32,
    /// Where an attack is under way.
    pub most_guarded: u32,
}

/// When an attack is taken to be under way: strangers were sent so many codes in an hour beyond
/// twice what was entered, or so many prefixes are blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// In one country.
    pub country: u32,
    /// In all together.
    pub service: u32,
    pub blocked_prefixes: u32,
}

/// The share of codes of strangers in a country that is entered within the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversionRule {
    pub mode: RuleMode,
    /// Fewer say nothing.
    pub least_sends: u32,
    pub warn_percent: u32,
    pub stop_percent: u32,
}

impl ConversionRule {
    /// How many messages are too many for so many codes that were entered.
    pub(super) fn collapses_at(&self, entered: u64) -> u64 {
        let enough = entered.saturating_mul(100).checked_div(u64::from(self.stop_percent));
        enough.map_or(u64::MAX, |enough| enough.saturating_add(1).max(self.least_sends.into()))
    }
}

/// Every rule with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shield {
    pub velocity: VelocityRule,
    pub sequence: SequenceRule,
    pub unanswered: UnansweredRule,
    pub guard: Guard,
    pub conversion: ConversionRule,
    pub budget: Budget,
    pub work: WorkRule,
}

impl Shield {
    /// For who has waited so long a prefix has one code more than [`UnansweredRule::most_guarded`]: people
    /// wait for theirs.
    pub const PATIENCE: SignedDuration = SignedDuration::from_mins(5);
    /// How long people take to type a code, at most: before it is over, a code that was not
    /// entered means nothing.
    pub const ANSWER_TIME: SignedDuration = SignedDuration::from_mins(2);
    /// How long the first block lasts (requirement D-09).
    pub const FIRST_BLOCK: SignedDuration = SignedDuration::from_hours(1);
    /// How long each further one lasts.
    pub const LATER_BLOCK: SignedDuration = SignedDuration::from_hours(12);
    /// How long a block makes the next one longer.
    pub const MEMORY: SignedDuration = SignedDuration::from_hours(24);
    /// In which time one code that nobody entered is forgotten.
    pub const LEAK: SignedDuration = SignedDuration::from_hours(6);
    /// A block during which more was asked for is renewed instead of tried.
    pub const STILL_TRIED: u32 = 5;
    /// How many codes that nobody entered one that was entered makes up for, itself included. By
    /// Wald's sequential test of an honest share of 70 % against a fraudulent one of 5 %, a code
    /// that is entered says 2.3 times as much as one that is not.
    pub const ANSWER_CREDIT: u32 = 3;
    /// How far around a number its neighbours are looked for.
    pub const NEIGHBOURHOOD: u64 = 20;
    /// The grain of sliding windows: what is counted is counted for so long a piece of time.
    pub const BUCKET: SignedDuration = SignedDuration::from_mins(5);

    /// The piece of time that a moment is counted in.
    pub fn bucket(now: Timestamp) -> Timestamp {
        let length = Self::BUCKET.as_secs();
        let seconds = now.as_second().div_euclid(length).saturating_mul(length);
        Timestamp::from_second(seconds).unwrap_or(now)
    }

    /// What a rule may do.
    pub const fn mode(&self, rule: ShieldRule) -> RuleMode {
        match rule {
            ShieldRule::Velocity => self.velocity.mode,
            ShieldRule::Sequence => self.sequence.mode,
            ShieldRule::Unanswered => self.unanswered.mode,
            ShieldRule::Conversion => self.conversion.mode,
            ShieldRule::Budget => self.budget.mode,
        }
    }

    /// Whether no rule looks at anything.
    pub fn is_off(&self) -> bool {
        ShieldRule::ALL.into_iter().all(|rule| self.mode(rule) == RuleMode::Off)
    }

    /// The defaults of production, with every rule in one mode.
    pub fn with_every_rule(mode: RuleMode) -> Self {
        Self {
            velocity: VelocityRule { mode, per_hour: 10 },
            sequence: SequenceRule { mode, most: 2 },
            unanswered: UnansweredRule { mode, most: 3, most_guarded: 1 },
            guard: Guard { country: 8, service: 20, blocked_prefixes: 5 },
            conversion: ConversionRule { mode, least_sends: 30, warn_percent: 40, stop_percent: 20 },
            budget: Budget { mode, ..Budget::default() },
            work: WorkRule { mode: RuleMode::Off, ..WorkRule::default() },
        }
    }
}
