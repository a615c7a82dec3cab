//! The telephone exchange: starts, reports and reads verifications.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::answer;
use crate::authorization::Gatekeeper;
use crate::callback::{Callbacks, Permission, Wishes};
use crate::chance;
use crate::error::ApiError;
use crate::fault::{Damage, Effect, FaultKind, Operation, PlannedFaults};
use crate::inbox::{Inbox, Message, Traffic};
use crate::ledger::{Ledger, Locator};
use crate::magic;
use crate::request::{self, ReportRequest, StartRequest};
use crate::settings::{Settings, WrongCodeAnswer};
use crate::verification::{Method, Outcome, Status, Verdict, Verification};
use crate::wording::Language;

/// Life of a flash call whose start names none: 45 s to wait, 30 s to report.
const FLASHCALL_WAIT: u64 = 45;

/// What the simulator remembers.
pub(crate) struct Memory {
    pub(crate) ledger: Ledger,
    pub(crate) inbox: Inbox,
    /// Texts that hold no code.
    pub(crate) notices: Inbox,
    pub(crate) traffic: Traffic,
    pub(crate) faults: PlannedFaults,
}

/// A successful answer and what happens to it on its way.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Nothing: the connection ends.
    pub(crate) body: Option<Value>,
    pub(crate) language: Option<&'static str>,
    pub(crate) damage: Option<Damage>,
}

impl Reply {
    const SILENCE: Self = Self { body: None, language: None, damage: None };

    fn new(body: Value, damage: Option<Damage>) -> Self {
        Self { body: Some(body), language: None, damage }
    }
}

/// The simulated application and all that it started.
pub(crate) struct Exchange {
    pub(crate) settings: Settings,
    pub(crate) gatekeeper: Gatekeeper,
    base_url: String,
    incarnation: String,
    callbacks: Option<Arc<Callbacks>>,
    memory: Mutex<Memory>,
}

impl Exchange {
    /// `base_url` is where clients reach us, without a slash at its end.
    pub(crate) fn new(settings: Settings, base_url: String) -> io::Result<Self> {
        settings.check()?;
        let callbacks = settings.callback_url.as_deref().map(|url| Callbacks::new(&settings, url));
        Ok(Self {
            gatekeeper: Gatekeeper::new(&settings)?,
            callbacks: callbacks.transpose()?.map(Arc::new),
            memory: Mutex::new(Memory {
                ledger: Ledger::new(settings.capacity),
                inbox: Inbox::new(settings.capacity),
                notices: Inbox::new(settings.capacity),
                traffic: Traffic::new(settings.capacity),
                faults: PlannedFaults::default(),
            }),
            base_url,
            incarnation: chance::support_reference().map_err(io::Error::other)?,
            settings,
        })
    }

    /// Everything remembered. A panic elsewhere leaves nothing half-written
    /// that matters here.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Differs from one run of the program to the next.
    pub(crate) fn incarnation(&self) -> &str {
        &self.incarnation
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// Starts a verification; `accept_language` is the header's text.
    pub(crate) async fn start(
        self: &Arc<Self>,
        request: StartRequest,
        accept_language: &str,
    ) -> Result<Reply, ApiError> {
        let effect = self.meet(Operation::Start, &request.number);
        match &effect {
            Some(Effect::Refuse(error)) => return Err(error.clone()),
            Some(Effect::Ignore) => return Ok(Reply::SILENCE),
            _ => {}
        }
        self.admit(&request)?;
        let language = Language::preferred(match (request.method, &request.locale) {
            (Method::Callout, Some(locale)) => locale,
            (Method::Callout, None) => "",
            _ => accept_language,
        });
        let mut verification = self.prepare(request)?;
        if let Some(Effect::RefuseAndEnd(error, outcome)) = effect {
            self.record_ended(verification, outcome);
            return Err(error);
        }
        self.ask_application(&mut verification).await?;
        self.place(verification, language, effect.as_ref())
    }

    /// Reports a code for the verification that `locator` names.
    pub(crate) fn report(&self, locator: &Locator, report: &ReportRequest) -> Result<Reply, ApiError> {
        let number = self.number_of(locator)?;
        let mut answer = self.settings.wrong_code_answer;
        let mut damage = None;
        match self.meet(Operation::Report, &number) {
            Some(Effect::Refuse(error) | Effect::RefuseAndEnd(error, _)) => return Err(error),
            Some(Effect::Ignore) => return Ok(Reply::SILENCE),
            Some(Effect::WrongCodeIsFail) => answer = WrongCodeAnswer::Fail,
            Some(Effect::Damage(kind)) => damage = Some(kind),
            Some(Effect::End { .. }) | None => {}
        }
        let body = self.judge(locator, report, answer)?;
        Ok(Reply::new(body, damage))
    }

    /// The status of the verification that `locator` names.
    pub(crate) fn status(&self, locator: &Locator) -> Result<Reply, ApiError> {
        let number = self.number_of(locator)?;
        let damage = match self.meet(Operation::Status, &number) {
            Some(Effect::Refuse(error) | Effect::RefuseAndEnd(error, _)) => return Err(error),
            Some(Effect::Ignore) => return Ok(Reply::SILENCE),
            Some(Effect::Damage(kind)) => Some(kind),
            Some(Effect::End { .. } | Effect::WrongCodeIsFail) | None => None,
        };
        let now = self.now();
        let memory = self.memory();
        let verification = memory.ledger.find(locator).ok_or(ApiError::NOT_FOUND)?;
        if matches!(locator, Locator::Number(..)) && self.too_old_for_its_number(verification, now) {
            return Err(ApiError::NOT_FOUND);
        }
        Ok(Reply::new(answer::status(verification, now), damage))
    }

    /// What the handset's visit to the target address does; `false` when there
    /// is no such pending verification.
    pub(crate) fn complete_seamless(&self, id: String) -> bool {
        let now = self.now();
        let mut memory = self.memory();
        let Some(verification) = memory.ledger.find_mut(&Locator::Id(id)) else { return false };
        let pending = verification.outcome(now) == Outcome::PENDING;
        if verification.method != Method::Seamless || !pending {
            return false;
        }
        verification.ended = Some(Outcome::SUCCESSFUL);
        self.tell_result(verification, now);
        true
    }

    /// Counts a request and says what goes wrong with it. What was planned
    /// comes before what the number always does.
    fn meet(&self, operation: Operation, number: &str) -> Option<Effect> {
        let mut memory = self.memory();
        memory.traffic.count_request(operation, number);
        let planned = memory.faults.take(operation, number);
        planned.or_else(|| magic::fault(operation, number)).map(FaultKind::effect)
    }

    fn number_of(&self, locator: &Locator) -> Result<String, ApiError> {
        let memory = self.memory();
        memory.ledger.find(locator).map(|verification| verification.number.clone()).ok_or(ApiError::NOT_FOUND)
    }

    /// Refuses a used reference and a start that comes too soon.
    fn admit(&self, request: &StartRequest) -> Result<(), ApiError> {
        let memory = self.memory();
        if request.reference.as_deref().is_some_and(|reference| memory.ledger.knows_reference(reference)) {
            return Err(ApiError::REFERENCE_TAKEN);
        }
        let latest = memory.ledger.find(&Locator::Number(request.method, request.number.clone()));
        let free_at = latest.map(|latest| later(latest.created_at, self.settings.resend_gap));
        if free_at.is_some_and(|free_at| self.now() < free_at) {
            return Err(ApiError::TOO_QUICKLY);
        }
        Ok(())
    }

    fn prepare(&self, request: StartRequest) -> Result<Verification, ApiError> {
        let now = self.now();
        let life = self.life(&request);
        let code = match request.method {
            Method::Flashcall => chance::calling_number()?.trim_start_matches('+').to_owned(),
            _ => chance::code(request.code_type, self.settings.code_length)?,
        };
        Ok(Verification {
            id: chance::verification_id(now)?,
            method: request.method,
            number: request.number,
            reference: request.reference,
            custom: request.custom.filter(|_| self.callbacks.is_some()),
            code,
            code_type: request.code_type,
            created_at: now,
            expires_at: later(now, life),
            ended: None,
            wrong_codes: 0,
            source: None,
        })
    }

    fn life(&self, request: &StartRequest) -> Duration {
        match request.method {
            Method::Sms => request.expiry.unwrap_or(self.settings.default_expiry),
            Method::Flashcall => {
                let wait = request.interception_timeout.unwrap_or(FLASHCALL_WAIT);
                Duration::from_secs(wait.saturating_add_signed(answer::FLASHCALL_REPORT_MARGIN))
            }
            Method::Callout | Method::Seamless | Method::Whatsapp => self.settings.default_expiry,
        }
    }

    /// With a callback URL the application has the last word.
    async fn ask_application(&self, verification: &mut Verification) -> Result<(), ApiError> {
        let Some(callbacks) = &self.callbacks else { return Ok(()) };
        let (error, reason) = match callbacks.ask(verification).await {
            Permission::Allowed(wishes) => return grant(verification, wishes),
            Permission::Denied => (ApiError::DENIED_BY_CALLBACK, "Denied by callback"),
            Permission::Unusable => (ApiError::INVALID_CALLBACK, "Invalid callback"),
        };
        let outcome = Outcome::because(Status::Denied, reason);
        self.record_ended(verification.clone(), outcome);
        Err(error)
    }

    fn record_ended(&self, mut verification: Verification, outcome: Outcome) {
        verification.ended = Some(outcome);
        self.tell_result(&verification, self.now());
        self.memory().ledger.add(verification);
    }

    /// Replaces the older verification, delivers the message and answers.
    fn place(
        self: &Arc<Self>,
        mut verification: Verification,
        language: Language,
        effect: Option<&Effect>,
    ) -> Result<Reply, ApiError> {
        let (ended, delivered) = match effect {
            Some(Effect::End { outcome, delivered }) => (Some(*outcome), *delivered),
            _ => (None, true),
        };
        verification.ended = ended;
        let body = answer::started(&verification, language, &self.base_url);
        let mut memory = self.memory();
        // Asked again: another start may have come while the application thought.
        if verification.reference.as_deref().is_some_and(|reference| memory.ledger.knows_reference(reference))
        {
            return Err(ApiError::REFERENCE_TAKEN);
        }
        self.abort_older(&mut memory, &verification);
        if delivered {
            self.deliver(&mut memory, &verification, language);
        }
        self.watch(&verification);
        let method = verification.method;
        memory.ledger.add(verification);
        tracing::debug!(method = method.name(), delivered, "verification started");
        Ok(Reply {
            language: (method == Method::Sms).then_some(language.tag),
            ..Reply::new(body, effect.and_then(damage_of))
        })
    }

    fn abort_older(&self, memory: &mut Memory, newer: &Verification) {
        let place = Locator::Number(newer.method, newer.number.clone());
        let Some(older) = memory.ledger.find_mut(&place) else { return };
        if older.outcome(newer.created_at) == Outcome::PENDING {
            older.ended = Some(Outcome::ABORTED);
            self.tell_result(older, newer.created_at);
        }
    }

    fn deliver(&self, memory: &mut Memory, verification: &Verification, language: Language) {
        let Some(message) = Message::about(verification, language) else { return };
        memory.traffic.count_message(&verification.number);
        memory.inbox.deliver(message);
        if let (Some(callbacks), Method::Sms) = (&self.callbacks, verification.method) {
            callbacks.tell_delivery(verification);
        }
    }

    /// Compares a reported code and remembers what came of it.
    fn judge(
        &self,
        locator: &Locator,
        report: &ReportRequest,
        wrong_code: WrongCodeAnswer,
    ) -> Result<Value, ApiError> {
        let now = self.now();
        let mut memory = self.memory();
        let verification = memory.ledger.find_mut(locator).ok_or(ApiError::NOT_FOUND)?;
        if verification.method != report.method {
            return Err(ApiError::INVALID_CODE);
        }
        let was_pending = verification.outcome(now) == Outcome::PENDING;
        let allowed = self.settings.wrong_codes_allowed;
        match verification.report(&report.code, report.source, allowed, now) {
            Verdict::Ended(outcome) => {
                if was_pending {
                    self.tell_result(verification, now);
                }
                Ok(answer::reported(verification, outcome))
            }
            Verdict::Closed => Err(ApiError::NOT_FOUND),
            Verdict::WrongCode if wrong_code == WrongCodeAnswer::BadRequest => Err(ApiError::INVALID_CODE),
            Verdict::WrongCode => Ok(answer::reported(verification, verification.wrong_code_outcome())),
        }
    }

    fn too_old_for_its_number(&self, verification: &Verification, now: Timestamp) -> bool {
        now >= later(verification.created_at, self.settings.status_by_number_for)
    }

    fn tell_result(&self, verification: &Verification, now: Timestamp) {
        if let Some(callbacks) = &self.callbacks {
            callbacks.tell_result(verification, verification.outcome(now));
        }
    }

    /// Tells of an expiry when it happens; without callbacks nobody would hear.
    fn watch(self: &Arc<Self>, verification: &Verification) {
        if self.callbacks.is_none() || verification.ended.is_some() {
            return;
        }
        let life = verification.expires_at.duration_since(verification.created_at);
        let id = Locator::Id(verification.id.clone());
        let exchange = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(life.unsigned_abs()).await;
            let Some(exchange) = exchange.upgrade() else { return };
            let now = exchange.now();
            let memory = exchange.memory();
            let expired = memory.ledger.find(&id).filter(|found| found.ended.is_none());
            if let Some(expired) = expired.filter(|found| found.outcome(now) == Outcome::EXPIRED) {
                exchange.tell_result(expired, now);
            }
        });
    }
}

fn damage_of(effect: &Effect) -> Option<Damage> {
    match effect {
        Effect::Damage(damage) => Some(*damage),
        _ => None,
    }
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Applies what the application chose. Own codes are at most 10 characters of
/// `A-Z a-z 0-9 -`, otherwise 40001.
fn grant(verification: &mut Verification, wishes: Wishes) -> Result<(), ApiError> {
    if let Some(code) = wishes.code {
        verification.code = own_code(verification.method, &code)?;
    }
    if let Some(expiry) = wishes.expiry {
        verification.expires_at = later(verification.created_at, request::expiry(&expiry)?);
    }
    Ok(())
}

fn own_code(method: Method, code: &str) -> Result<String, ApiError> {
    if method == Method::Flashcall {
        return Ok(code.trim_start_matches('+').to_owned());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=10).contains(&code.len()) && code.bytes().all(allowed) {
        return Ok(code.to_owned());
    }
    Err(ApiError::validation("The supplied code has an invalid format."))
}
