//! The decision about one message.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{
    Cap, Money, Observations, RuleMode, ScopeState, SendOrigin, Shield, ShieldRule, ShieldScope, Tally,
    budget::{Budget, BudgetLine},
};
use crate::{CountryCode, NumberPrefix};

/// Why a message is not, or would not be, sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    pub rule: ShieldRule,
    pub scope: ShieldScope,
    pub retry_at: Timestamp,
}

/// What there is to tell operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message was refused.
    Block,
    /// A rule that only observes would have refused it.
    WouldBlock,
    /// A share of a budget is used up, in percent, or too few codes are entered.
    Warning(u64),
    /// A block has ended: a code that tried it out was entered, or its time was over.
    Heal,
}

impl Outcome {
    /// The name of the event in the log.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Block => "shield_block",
            Self::WouldBlock => "shield_would_block",
            Self::Warning(_) => "shield_warning",
            Self::Heal => "shield_heal",
        }
    }
}

/// One thing to tell operators, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub outcome: Outcome,
    pub rule: ShieldRule,
    pub scope: ShieldScope,
    /// What was counted, in words, without any number of a phone.
    pub reason: String,
}

/// Whether a message may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Admit,
    Refuse(Objection),
}

/// A verdict with all that follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    pub verdict: Verdict,
    pub findings: Vec<Finding>,
    /// What the prefix becomes, if it changes.
    pub prefix: Option<ScopeState>,
    /// What the country becomes, if it changes.
    pub country: Option<ScopeState>,
    /// The block that refused, which counts that.
    pub refused_by: Option<ShieldScope>,
    /// What has to hold when the message is counted.
    pub caps: Vec<Cap>,
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What one of the rules with a block says.
#[derive(Default)]
struct Stance {
    objection: Option<Objection>,
    /// The state to be kept, whoever else objects.
    keeps: Option<ScopeState>,
    /// The state if the message is sent.
    sends: Option<ScopeState>,
    refused_by: Option<ShieldScope>,
}

/// One judgement under way.
struct Court<'a> {
    shield: &'a Shield,
    origin: SendOrigin,
    prefix: &'a NumberPrefix,
    country: Option<CountryCode>,
    cost: Money,
    seen: &'a Observations,
    now: Timestamp,
    findings: Vec<Finding>,
    caps: Vec<Cap>,
}

impl Shield {
    /// Whether strangers are attacking, as far as the country or the whole service shows it.
    pub const fn is_guarded(&self, seen: &Observations) -> bool {
        self.shows_attack(seen.country_hour, seen.service_hour, seen.blocked_prefixes)
    }

    /// The same, from what strangers were sent in the last hour to the country and in all.
    pub const fn shows_attack(&self, country: Tally, service: Tally, blocked_prefixes: u32) -> bool {
        country.exceeds_answers_by(self.guard.country)
            || service.exceeds_answers_by(self.guard.service)
            || blocked_prefixes >= self.guard.blocked_prefixes
    }

    /// Whether a message of this cost may be sent, given what was counted before it.
    pub fn judge(
        &self,
        origin: SendOrigin,
        prefix: &NumberPrefix,
        country: Option<CountryCode>,
        cost: Money,
        seen: &Observations,
        now: Timestamp,
    ) -> Ruling {
        let (findings, caps) = (Vec::new(), Vec::new());
        let mut court = Court { shield: self, origin, prefix, country, cost, seen, now, findings, caps };
        let objections = [court.velocity(), court.budget()];
        let (of_prefix, of_country) = match origin {
            SendOrigin::Stranger => (court.prefix_block(), court.country_block()),
            SendOrigin::Blind | SendOrigin::Owner => (Stance::default(), Stance::default()),
        };
        court.warn_of_conversion();
        let stances = [of_prefix.objection, of_country.objection];
        let objection = objections.into_iter().chain(stances).flatten().max_by_key(|it| it.retry_at);
        let Some(objection) = objection else {
            return Ruling {
                verdict: Verdict::Admit,
                findings: court.findings,
                prefix: of_prefix.sends,
                country: of_country.sends,
                refused_by: None,
                caps: court.caps,
            };
        };
        // What was to be told of a message that is sent is not told of one that is not.
        court.findings.retain(|it| matches!(it.outcome, Outcome::Block | Outcome::WouldBlock));
        Ruling {
            verdict: Verdict::Refuse(objection),
            findings: court.findings,
            prefix: of_prefix.keeps,
            country: of_country.keeps,
            refused_by: of_prefix.refused_by.or(of_country.refused_by),
            caps: Vec::new(),
        }
    }
}

impl Court<'_> {
    /// The objection of a rule that blocks; tells of it, too, if the rule only observes.
    fn object(
        &mut self,
        rule: ShieldRule,
        scope: ShieldScope,
        retry_at: Timestamp,
        reason: fmt::Arguments<'_>,
    ) -> Option<Objection> {
        let outcome = match self.shield.mode(rule) {
            RuleMode::Off => return None,
            RuleMode::Observe => Outcome::WouldBlock,
            RuleMode::Block => Outcome::Block,
        };
        self.findings.push(Finding { outcome, rule, scope: scope.clone(), reason: reason.to_string() });
        (outcome == Outcome::Block).then_some(Objection { rule, scope, retry_at })
    }

    fn tell(&mut self, outcome: Outcome, rule: ShieldRule, scope: ShieldScope, reason: fmt::Arguments<'_>) {
        self.findings.push(Finding { outcome, rule, scope, reason: reason.to_string() });
    }

    fn later(&self, by: SignedDuration) -> Timestamp {
        self.now.checked_add(by).unwrap_or(Timestamp::MAX)
    }

    fn prefix_scope(&self) -> ShieldScope {
        ShieldScope::Prefix(self.prefix.clone())
    }

    fn velocity(&mut self) -> Option<Objection> {
        let (rule, most) = (self.shield.velocity, u64::from(self.shield.velocity.per_hour));
        if self.origin == SendOrigin::Owner || rule.mode == RuleMode::Off {
            return None;
        }
        let sent = self.seen.prefix_hour.sent;
        if sent >= most {
            let (scope, at) = (self.prefix_scope(), self.later(Shield::BUCKET));
            let reason = format_args!("{sent} of at most {most} messages in the hour");
            return self.object(ShieldRule::Velocity, scope, at, reason);
        }
        if rule.mode == RuleMode::Block {
            let (window, sent_below) = (HOUR, Some(most));
            let scope = self.prefix_scope();
            self.caps.push(Cap { scope, same_origin: true, window, sent_below, cost_below: None });
        }
        None
    }

    fn budget(&mut self) -> Option<Objection> {
        let budget = self.shield.budget;
        if budget.mode == RuleMode::Off {
            return None;
        }
        let lines = budget.ceilings(&self.seen.usage, &self.seen.country_usage, self.cost);
        lines.filter_map(|line| self.budget_line(&line)).max_by_key(|objection| objection.retry_at)
    }

    fn budget_line(&mut self, line: &BudgetLine) -> Option<Objection> {
        let ceiling = line.ceiling?;
        let scope = match self.country {
            Some(country) if line.is_country => ShieldScope::Country(country),
            _ if line.is_country => return None,
            _ => ShieldScope::Service,
        };
        let share = self.shield.budget.share(ceiling, self.origin);
        let after = line.used.saturating_add(line.adds);
        let (what, origin, of) = (line.what(), self.origin.as_str(), line.shown(ceiling));
        if after > share {
            let at = self.later(if line.is_day { HOUR } else { Shield::BUCKET });
            let reason = format_args!(
                "{} of {of} {what} are used, of which {origin} may use {}",
                line.shown(line.used),
                line.shown(share)
            );
            return self.object(ShieldRule::Budget, scope, at, reason);
        }
        if let Some(percent) = Budget::warning(ceiling, line.used, after) {
            let reason = format_args!("{percent} % of {of} {what} are used");
            self.tell(Outcome::Warning(percent), ShieldRule::Budget, scope.clone(), reason);
        }
        if self.shield.budget.mode == RuleMode::Block {
            let below = Budget::used_below(ceiling, share, line.used, line.adds);
            self.caps.push(Cap {
                scope,
                same_origin: false,
                window: if line.is_day { DAY } else { HOUR },
                sent_below: (!line.is_money).then_some(below),
                cost_below: line.is_money.then_some(below),
            });
        }
        None
    }

    /// The codes that strangers had sent to a prefix: the sequential test and the runs.
    fn prefix_block(&mut self) -> Stance {
        let state = &self.seen.prefix;
        let enforced = state.block.filter(|block| self.shield.mode(block.rule) == RuleMode::Block);
        let Some(block) = enforced else { return self.open_prefix(state) };
        let scope = self.prefix_scope();
        if self.now < block.until && block.rule == ShieldRule::Unanswered && self.was_patient() {
            let unanswered = state.unanswered_at(self.now).saturating_add(1);
            return Stance { sends: Some(state.sent(unanswered, self.now)), ..Stance::default() };
        }
        if self.now < block.until {
            let reason = format_args!("blocked until {}", seconds(block.until));
            let retry_at = self.retry_at(block.rule, block.until);
            let objection = self.object(block.rule, scope.clone(), retry_at, reason);
            return Stance { objection, refused_by: Some(scope), ..Stance::default() };
        }
        let was_tried_out = state.last_sent_at.is_some_and(|at| at >= block.until);
        let limit = self.unanswered_limit();
        if !was_tried_out && block.refused > Shield::STILL_TRIED {
            return self.strike(block.rule, format_args!("{} more were asked for meanwhile", block.refused));
        }
        if !was_tried_out {
            // One code tries the prefix out: if it is entered, the block is gone.
            return Stance { sends: Some(state.sent(limit, self.now)), ..Stance::default() };
        }
        if state.unanswered < limit {
            self.tell(Outcome::Heal, block.rule, scope, format_args!("a code was entered again"));
            return self.open_prefix(&ScopeState { block: None, strikes: 0, ..state.clone() });
        }
        self.wait_or_strike(block.rule, format_args!("the code that tried it out was not entered"))
    }

    /// Whether the prefix has one code more for who waits for it, which is only during an attack.
    fn has_one_for_the_patient(&self) -> bool {
        let (rule, state) = (self.shield.unanswered, &self.seen.prefix);
        rule.mode == RuleMode::Block
            && state.unanswered_at(self.now) < rule.most.min(rule.most_guarded.saturating_add(1))
    }

    /// Whether somebody waited long enough for it.
    fn was_patient(&self) -> bool {
        self.seen.waited >= Shield::PATIENCE
            && self.now >= self.seen.prefix.answer_due()
            && self.has_one_for_the_patient()
    }

    /// When to ask again: earlier than the block ends where waiting helps.
    fn retry_at(&self, rule: ShieldRule, until: Timestamp) -> Timestamp {
        if rule != ShieldRule::Unanswered || !self.has_one_for_the_patient() {
            return until;
        }
        let patience = Shield::PATIENCE.saturating_sub(self.seen.waited).max(SignedDuration::ZERO);
        until.min(self.later(patience).max(self.seen.prefix.answer_due()))
    }

    fn unanswered_limit(&self) -> u32 {
        let rule = self.shield.unanswered;
        if self.shield.is_guarded(self.seen) { rule.most_guarded.min(rule.most) } else { rule.most }
    }

    fn open_prefix(&mut self, state: &ScopeState) -> Stance {
        let unanswered = state.unanswered_at(self.now);
        let (limit, hour, neighbours) =
            (self.unanswered_limit(), self.seen.prefix_hour, self.seen.neighbours);
        // Whoever's message got lost may have another: the first repeat does not count.
        let of_others = unanswered.saturating_sub(self.seen.repeats.min(1));
        if self.shield.unanswered.mode != RuleMode::Off && of_others >= limit && !self.was_patient() {
            let reason = format_args!("{unanswered} codes were not entered, of at most {limit}");
            if let Some(stance) = self.refuse_prefix(ShieldRule::Unanswered, reason) {
                return stance;
            }
        }
        let sequence = self.shield.sequence;
        let is_run = neighbours >= sequence.most
            && hour.sent >= u64::from(sequence.most)
            && hour.converts_less_than(50);
        if sequence.mode != RuleMode::Off && is_run {
            let reason = format_args!("{neighbours} neighbouring numbers in the hour");
            if let Some(stance) = self.refuse_prefix(ShieldRule::Sequence, reason) {
                return stance;
            }
        }
        Stance { sends: Some(state.sent(unanswered.saturating_add(1), self.now)), ..Stance::default() }
    }

    /// `None` when the rule only observes.
    fn refuse_prefix(&mut self, rule: ShieldRule, reason: fmt::Arguments<'_>) -> Option<Stance> {
        if self.shield.mode(rule) == RuleMode::Block {
            return Some(self.wait_or_strike(rule, reason));
        }
        let (scope, at) = (self.prefix_scope(), self.later(Shield::FIRST_BLOCK));
        self.object(rule, scope, at, reason);
        None
    }

    /// Whoever has just been sent a code may still enter it: until then nothing is blocked, and
    /// nothing sent.
    fn wait_or_strike(&mut self, rule: ShieldRule, reason: fmt::Arguments<'_>) -> Stance {
        let due = self.seen.prefix.answer_due();
        if self.now < due {
            let scope = self.prefix_scope();
            return Stance { objection: self.object(rule, scope, due, reason), ..Stance::default() };
        }
        self.strike(rule, reason)
    }

    fn strike(&mut self, rule: ShieldRule, reason: fmt::Arguments<'_>) -> Stance {
        let blocked = self.seen.prefix.blocked(rule, self.now);
        let until = blocked.block.map_or(self.now, |block| block.until);
        let (scope, until_text) = (self.prefix_scope(), seconds(until));
        let retry_at = self.retry_at(rule, until);
        let objection =
            self.object(rule, scope, retry_at, format_args!("{reason}: blocked until {until_text}"));
        Stance { objection, keeps: Some(blocked), ..Stance::default() }
    }

    /// The share of codes of strangers to a country that is entered.
    fn country_block(&mut self) -> Stance {
        let (rule, state, hour) = (self.shield.conversion, &self.seen.country, self.seen.country_hour);
        let Some(country) = self.country.filter(|_| rule.mode != RuleMode::Off) else {
            return Stance::default();
        };
        let scope = ShieldScope::Country(country);
        let sent = Some(ScopeState { last_sent_at: Some(self.now), ..state.clone() });
        if let Some(block) = state.block_at(self.now).filter(|_| rule.mode == RuleMode::Block) {
            let reason = format_args!("blocked until {}", seconds(block.until));
            let objection = self.object(block.rule, scope.clone(), block.until, reason);
            return Stance { objection, refused_by: Some(scope), ..Stance::default() };
        }
        let has_collapsed =
            hour.sent >= u64::from(rule.least_sends) && hour.converts_less_than(rule.stop_percent);
        if !has_collapsed {
            if rule.mode == RuleMode::Block {
                let (scope, sent_below) = (scope.clone(), Some(rule.collapses_at(hour.entered)));
                self.caps.push(Cap { scope, same_origin: true, window: HOUR, sent_below, cost_below: None });
            }
            if state.block.is_some() {
                self.tell(Outcome::Heal, ShieldRule::Conversion, scope, format_args!("the block is over"));
                let freed = sent.map(|sent| ScopeState { block: None, ..sent });
                return Stance { sends: freed, ..Stance::default() };
            }
            return Stance { sends: sent, ..Stance::default() };
        }
        let reason = format!("{} of {} codes were entered in the hour", hour.entered, hour.sent);
        let due = state.answer_due();
        if rule.mode == RuleMode::Block && self.now >= due {
            let blocked = state.blocked(ShieldRule::Conversion, self.now);
            let until = blocked.block.map_or(self.now, |block| block.until);
            let reason = format_args!("{reason}: blocked until {}", seconds(until));
            let objection = self.object(ShieldRule::Conversion, scope, until, reason);
            return Stance { objection, keeps: Some(blocked), ..Stance::default() };
        }
        let objection = self.object(ShieldRule::Conversion, scope, due, format_args!("{reason}"));
        Stance { objection, sends: sent, ..Stance::default() }
    }

    /// Tells once when the share of codes that are entered falls below the mark.
    fn warn_of_conversion(&mut self) {
        let (rule, hour) = (self.shield.conversion, self.seen.country_hour);
        let Some(country) = self.country.filter(|_| rule.mode != RuleMode::Off) else { return };
        let next = Tally { sent: hour.sent.saturating_add(1), ..hour };
        let is_low = |tally: Tally| {
            tally.sent >= u64::from(rule.least_sends) && tally.converts_less_than(rule.warn_percent)
        };
        if !is_low(hour) && is_low(next) {
            let reason = format_args!(
                "{} of {} codes to {} were entered in the hour",
                next.entered,
                next.sent,
                self.origin.as_str()
            );
            let (outcome, scope) = (Outcome::Warning(u64::from(rule.warn_percent)), country);
            self.tell(outcome, ShieldRule::Conversion, ShieldScope::Country(scope), reason);
        }
    }
}

/// To the second: nobody needs more.
fn seconds(time: Timestamp) -> Timestamp {
    time.round(jiff::Unit::Second).unwrap_or(time)
}
