//! Challenges, the codes sent for them and the guesses made at them.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::{
    AnswerKind, ChallengeId, ChallengePolicy, ChallengeState, Channel, CountryCode, Email, Locale,
    PasswordHash, PhoneNumber, ProviderId, Purpose, Quotas, RecoveryCodeHash, SendReference, SessionId,
    TotpStep, User, UserId, VerificationId,
};
use jiff::Timestamp;

use crate::{NewEvent, NewSession, PendingRegistration, StoreError, ThrottleKey};

/// Whom a challenge is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Somebody new. Same e-mail, number and password hash: the same challenge.
    Registration(PendingRegistration),
    /// The sign-in of an account whose password was just right: the failures
    /// counted under the key are forgotten.
    Login {
        user_id: UserId,
        phone: PhoneNumber,
        throttle_key: ThrottleKey,
        /// The stored form of that password.
        password_hash: PasswordHash,
    },
    /// A signed-in user whose password was just right: failures counted under the key
    /// are forgotten. The right code puts a new session in the place of this one.
    StepUp {
        user_id: UserId,
        phone: PhoneNumber,
        throttle_key: ThrottleKey,
        /// The stored form of that password.
        password_hash: PasswordHash,
        session_id: SessionId,
    },
    /// A signed-in user whose codes shall go to this number from now on.
    PhoneChange { user_id: UserId, phone: PhoneNumber, session_id: SessionId },
    /// Somebody who asked for a new password. Without an account it is a decoy.
    PasswordReset { email: Email, user_id: Option<UserId> },
    /// Somebody who would sign in with nothing but a code. Without an account it is a decoy.
    PhoneLogin { phone: PhoneNumber, user_id: Option<UserId> },
}

impl Subject {
    /// What may get one code in each cooldown: a number; or a name, when the holder must not
    /// learn whether there is a number to it.
    pub fn destination(&self) -> String {
        match self {
            Self::Registration(PendingRegistration { phone, .. })
            | Self::Login { phone, .. }
            | Self::StepUp { phone, .. }
            | Self::PhoneChange { phone, .. } => phone.as_e164().to_owned(),
            Self::PasswordReset { .. } | Self::PhoneLogin { .. } => self.account(),
        }
    }

    /// What makes two challenges of a purpose the same.
    pub fn identity(&self) -> String {
        match self {
            Self::Registration(PendingRegistration { email, phone, password_hash, .. }) => {
                format!("{} {} {}", email.canonical(), phone.as_e164(), password_hash.as_str())
            }
            Self::Login { user_id, .. }
            | Self::StepUp { user_id, .. }
            | Self::PhoneChange { user_id, .. } => user_id.0.to_string(),
            Self::PasswordReset { .. } | Self::PhoneLogin { .. } => self.account(),
        }
    }

    /// Whose quota sends and guesses count in. A stranger who registers with an owner's e-mail,
    /// or asks for a new password of it, uses up nothing that the owner signs in with.
    pub fn account(&self) -> String {
        match self {
            Self::Registration(PendingRegistration { email, phone, .. }) => {
                format!("registration:{} {}", email.canonical(), phone.as_e164())
            }
            Self::Login { user_id, .. }
            | Self::StepUp { user_id, .. }
            | Self::PhoneChange { user_id, .. } => user_id.0.to_string(),
            Self::PasswordReset { email, .. } => format!("password_reset:{}", email.canonical()),
            Self::PhoneLogin { phone, .. } => format!("phone_login:{}", phone.as_e164()),
        }
    }

    /// Whose account it is, if there is one.
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Registration(_) => None,
            Self::Login { user_id, .. }
            | Self::StepUp { user_id, .. }
            | Self::PhoneChange { user_id, .. } => Some(*user_id),
            Self::PasswordReset { user_id, .. } | Self::PhoneLogin { user_id, .. } => *user_id,
        }
    }

    /// The session that asks, if it matters which.
    pub const fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::StepUp { session_id, .. } | Self::PhoneChange { session_id, .. } => Some(*session_id),
            Self::Registration(_)
            | Self::Login { .. }
            | Self::PasswordReset { .. }
            | Self::PhoneLogin { .. } => None,
        }
    }

    /// What the failures are counted under that a right password has just made up for.
    pub const fn throttle_key(&self) -> Option<&ThrottleKey> {
        match self {
            Self::Login { throttle_key, .. } | Self::StepUp { throttle_key, .. } => Some(throttle_key),
            Self::Registration(_)
            | Self::PhoneChange { .. }
            | Self::PasswordReset { .. }
            | Self::PhoneLogin { .. } => None,
        }
    }

    /// The stored form of the password that was right a moment ago.
    pub const fn password_hash(&self) -> Option<&PasswordHash> {
        match self {
            Self::Login { password_hash, .. } | Self::StepUp { password_hash, .. } => Some(password_hash),
            Self::Registration(_)
            | Self::PhoneChange { .. }
            | Self::PasswordReset { .. }
            | Self::PhoneLogin { .. } => None,
        }
    }

    /// What somebody registers with.
    pub const fn registration(&self) -> Option<&PendingRegistration> {
        match self {
            Self::Registration(registration) => Some(registration),
            _ => None,
        }
    }

    /// What the challenge is for.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Registration(_) => Purpose::Registration,
            Self::Login { .. } => Purpose::Login,
            Self::StepUp { .. } => Purpose::StepUp,
            Self::PhoneChange { .. } => Purpose::PhoneChange,
            Self::PasswordReset { .. } => Purpose::PasswordReset,
            Self::PhoneLogin { .. } => Purpose::PhoneLogin,
        }
    }
}

/// What bounds a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendLimits {
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
    /// The network of the client that causes the send.
    pub address: Option<IpAddr>,
}

/// A challenge to be opened, unless the same one lives already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChallenge {
    pub subject: Subject,
    /// Used if the challenge is new.
    pub id: ChallengeId,
    /// Used if the number has no live verification of this purpose.
    pub verification_id: VerificationId,
    /// Used if a message is to be sent.
    pub reference: SendReference,
    pub channel: Channel,
    pub locale: Option<Locale>,
    /// Where the number belongs, for the quota of its country.
    pub country: Option<CountryCode>,
    /// Whether a message may be sent at all: not to a number that gets none, nor where none
    /// would be accepted.
    pub may_send: bool,
    pub limits: SendLimits,
}

/// A further message for a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resend {
    pub id: ChallengeId,
    pub reference: SendReference,
    pub channel: Channel,
    pub limits: SendLimits,
}

/// A message that this caller, and nobody else, is to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedSend {
    pub reference: SendReference,
    pub challenge_id: ChallengeId,
    pub phone: PhoneNumber,
    pub channel: Channel,
    pub locale: Option<Locale>,
}

/// A message for a blind challenge whose holder was told of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnseenSend {
    pub challenge_id: ChallengeId,
    pub reference: SendReference,
    /// The number of the account.
    pub phone: PhoneNumber,
    pub channel: Channel,
    /// `false` when the channel does not reach the number: then nothing is reserved, and what the
    /// holder was told of is not looked for.
    pub may_send: bool,
    pub locale: Option<Locale>,
    pub country: Option<CountryCode>,
    pub policy: ChallengePolicy,
    /// Those of the number and of its country count; the rest was counted when the
    /// challenge was opened.
    pub quotas: Quotas,
}

/// Whether a message is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendDecision {
    /// Yes, by the caller: it must settle the send afterwards.
    Reserved(ReservedSend),
    /// The holder of a blind challenge is to be told so. Whether there is anybody to send to,
    /// and whether the number may get a message, is not for the holder to know:
    /// [`ChallengeStore::reserve_unseen`] says it in the background.
    Announced,
    /// No: the number's cooldown runs, or the challenge has no sends left.
    Held,
    /// No: a quota is used up until about then.
    OverQuota { retry_at: Timestamp },
}

/// An open challenge, new or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub challenge: ChallengeState,
    pub send: SendDecision,
}

/// A guess to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    pub id: ChallengeId,
    /// What the answer would open: a challenge for anything else counts as closed, and
    /// no attempt is taken.
    pub purposes: &'static [Purpose],
    /// What it is a guess at. All kinds share the attempts.
    pub kind: AnswerKind,
    /// Bounds wrong codes of one account over challenges, if set. Registrations
    /// have no account: their number must stay open to its owner.
    pub quotas: Quotas,
    /// Who guesses, where only the session that asked may.
    pub asker: Option<(UserId, SessionId)>,
}

/// An attempt that was taken. Only [`ChallengeStore::take_attempt`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub challenge_id: ChallengeId,
    pub verification_id: VerificationId,
    pub purpose: Purpose,
    pub phone: PhoneNumber,
    pub channel: Channel,
    /// `None` for a registration.
    pub user_id: Option<UserId>,
    /// Whether codes that were sent open nothing, whether they are right or not.
    pub text_barred: bool,
    /// What is left after this one.
    pub attempts_left: u32,
    /// The verification of the last settled send.
    pub provider_id: Option<ProviderId>,
    /// A send whose outcome nobody recorded: look it up before checking.
    pub unsettled: Option<SendReference>,
}

impl Attempt {
    /// What it cost.
    pub const fn spent(&self) -> Spent {
        Spent { verification_id: self.verification_id, attempts_left: self.attempts_left }
    }
}

/// What a guess cost: the attempt after which so many were left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub verification_id: VerificationId,
    pub attempts_left: u32,
}

/// The answer to a wish to guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    Attempt(Attempt),
    /// One at a decoy: every code is wrong.
    Decoy(Spent),
    /// Unknown, expired, used or exhausted.
    Closed,
    /// Too many wrong codes for this account, over challenges.
    OverQuota {
        retry_at: Timestamp,
    },
}

/// The password that a right code sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordReset {
    pub new: PasswordHash,
    pub event: NewEvent,
}

/// What happens when a new number is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneChange {
    /// The session that asked for it; all others end.
    pub kept: SessionId,
    pub event: NewEvent,
    /// Recorded instead at the other account that has the number, if one has.
    pub disclosure: NewEvent,
}

/// What is recorded at accounts that are in the way of a registration, whose phone was proven by
/// somebody who thereby learns of them. One account may have its e-mail and another its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// At the account with the e-mail.
    pub of_email: NewEvent,
    /// At the account with the number, if it is another one. By the same client.
    pub of_phone: NewEvent,
}

/// What proves a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The code that was sent: who sent it called it right.
    SentCode,
    /// A right code of the account's app, for this step.
    Totp(TotpStep),
    /// What may be one of the account's recovery codes, and what is recorded besides the
    /// session if it is.
    RecoveryCode { hash: RecoveryCodeHash, event: NewEvent },
}

impl Proof {
    /// What kind of answer it was.
    pub const fn kind(&self) -> AnswerKind {
        match self {
            Self::SentCode => AnswerKind::SentCode,
            Self::Totp(_) => AnswerKind::Totp,
            Self::RecoveryCode { .. } => AnswerKind::RecoveryCode,
        }
    }
}

/// The answer to a right code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The code is used, the account exists, the session is open.
    Done(User),
    /// Somebody else was faster: the code was used already.
    Closed,
    /// The step was used before, or the account has no such recovery code: the answer is
    /// wrong after all. It cost its attempt and nothing else.
    Refused,
    /// The code was right and is used, but the number or e-mail of this
    /// registration belongs to an account.
    AccountExists,
}

/// Where challenges are kept.
///
/// A verification is the code last sent to one number for one purpose,
/// together with the guesses left at it. Challenges of that purpose and number
/// share it, so more registrations of a number never give more guesses. A
/// challenge is live while its time runs, its verification is the current one
/// and guesses are left. Every method decides its race with conditions inside
/// the database, never by reading first.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChallengeStore: Send + Sync {
    /// Opens a challenge, or finds the live one of the same subject, and
    /// decides whether a message is to be sent: one round trip. `None`, and nothing
    /// happens, when the account is gone or its password is another meanwhile, or was compared
    /// and the account is locked; a registration and a decoy are always opened.
    ///
    /// Of any number of concurrent calls about one number, whatever their
    /// purpose, at most one gets [`SendDecision::Reserved`] in each cooldown.
    /// The reservation is stored before this returns.
    async fn open(&self, challenge: &NewChallenge, now: Timestamp) -> Result<Option<Opened>, StoreError>;

    /// Reserves a further message; `None` when the challenge is closed.
    /// The same promises as [`Self::open`]. While texts are barred for the account, the
    /// challenge is held.
    async fn reserve_resend(&self, resend: &Resend, now: Timestamp) -> Result<Option<Opened>, StoreError>;

    /// Reserves a message that the holder of a blind challenge was told of: whether the number
    /// may get one now. Nothing that the holder can see depends on the answer.
    /// The same promises as [`Self::open`] about the number.
    async fn reserve_unseen(&self, send: &UnseenSend, now: Timestamp) -> Result<bool, StoreError>;

    /// Records that a reserved message left, under the provider's handle.
    /// Without effect when a later send was reserved meanwhile.
    async fn settle_sent(&self, reference: SendReference, provider_id: &ProviderId)
    -> Result<(), StoreError>;

    /// Takes a reservation back: certainly nothing was sent, so neither
    /// cooldown, quota nor the challenge's count of sends may feel it. The
    /// code sent before, if any, stays valid.
    async fn settle_not_sent(&self, reference: SendReference) -> Result<(), StoreError>;

    /// Takes one attempt before the code is checked: neither a crash nor a
    /// race gives a free guess. Of 50 concurrent calls on a challenge with
    /// five attempts, exactly five get one.
    ///
    /// The quotas of the guess bound wrong codes of an account over challenges, concurrent ones
    /// alike: those of a time, and [`Quotas::in_a_row`], which closes the kind of the answer for
    /// the purpose until [`CodeFailures::MEMORY`](domain::CodeFailures::MEMORY) is over or it is
    /// opened: a right code of the kind opens it, [`Self::reset_password`] opens all that the
    /// account has, and a sign-in or step-up after a password opens what is blind.
    async fn take_attempt(&self, guess: &Guess, now: Timestamp) -> Result<Taken, StoreError>;

    /// Gives an attempt back after a provider fault; without effect from the
    /// `max_given_back`-th time on.
    async fn give_back(&self, spent: Spent, max_given_back: u32) -> Result<(), StoreError>;

    /// Uses the right code of a registration: account and session are created
    /// and every other pending registration of the number or e-mail is
    /// closed and the failures counted under both are forgotten, or none of it
    /// happens. Of any number of concurrent calls on
    /// one verification exactly one is not [`Redeemed::Closed`]. The owners of accounts that make
    /// it [`Redeemed::AccountExists`] find that in their records.
    async fn redeem_registration(
        &self,
        attempt: &Attempt,
        user_id: UserId,
        session: &NewSession,
        disclosure: &Disclosure,
    ) -> Result<Redeemed, StoreError>;

    /// Records a wrong answer to a challenge of an account for its owner; without effect
    /// when there is no account, or it is gone.
    async fn record_wrong_answer(
        &self,
        attempt: &Attempt,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Uses the right answer of a sign-in: the session is opened. `Closed` also
    /// when the account is gone meanwhile, or when a code was sent and texts are barred.
    ///
    /// A step of the app is used with all before it, a recovery code is used up, and both
    /// lift the bar on texts. Each opens one session, whatever challenges it answers at the
    /// same time; to all others it is [`Redeemed::Refused`].
    async fn redeem_login(
        &self,
        attempt: &Attempt,
        proof: &Proof,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError>;

    /// Uses the right answer of a step-up: the session takes the place of the one that
    /// asked for it, whose tokens end. `Closed` also when that one has ended meanwhile;
    /// otherwise as [`Self::redeem_login`].
    async fn redeem_step_up(
        &self,
        attempt: &Attempt,
        proof: &Proof,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError>;

    /// Uses the right code of a sign-in without password, like [`Self::redeem_login`].
    async fn redeem_phone_login(
        &self,
        attempt: &Attempt,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError>;

    /// The e-mail that a live challenge shall set a new password for; `None` when there is no
    /// such challenge. The same for a decoy.
    async fn find_reset(&self, id: &ChallengeId, now: Timestamp) -> Result<Option<Email>, StoreError>;

    /// Uses the right code of a reset: the password is replaced, every session of the account and
    /// every other challenge of it end and the failures of its names are forgotten, or none
    /// of it happens. `false` when somebody was faster or the account is gone.
    async fn reset_password(
        &self,
        attempt: &Attempt,
        reset: &PasswordReset,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Uses the right code of a new number: codes go to it from now on, every other session and
    /// every other challenge of the account end, and registrations of the number are closed,
    /// or none of it happens. [`Redeemed::AccountExists`] when the number has another account,
    /// whose owner finds that in the record.
    async fn change_phone(
        &self,
        attempt: &Attempt,
        change: &PhoneChange,
        now: Timestamp,
    ) -> Result<Redeemed, StoreError>;

    /// Deletes at most `most` challenges, verifications, send and guess
    /// records that no rule looks at any more; returns how many went.
    async fn purge(&self, now: Timestamp, most: u32) -> Result<u64, StoreError>;
}
