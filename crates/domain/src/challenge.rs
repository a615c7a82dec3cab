//! Challenges: attempts to prove possession of a factor.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{Locale, PhoneNumber, SecondFactors, UserId};

/// The id of a challenge: unguessable, handed to whoever started it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ChallengeId(String);

/// The text cannot be the id of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("send the id of the challenge as it was given")]
pub struct InvalidChallengeId;

impl ChallengeId {
    /// Reads an id that a client presents: 1 to 64 characters of base64url.
    pub fn parse(text: &str) -> Result<Self, InvalidChallengeId> {
        let plausible = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if plausible { Ok(Self(text.to_owned())) } else { Err(InvalidChallengeId) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whoever holds the id can guess codes, so logs show only its beginning.
impl fmt::Debug for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.0.get(..6).unwrap_or_default())
    }
}

/// The id of a verification: the code last sent to one number for one purpose
/// and its guesses, shared by the challenges of that purpose and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VerificationId(pub Uuid);

/// Our name for one send, told to the provider so that an answer lost on the
/// way can be found again. Never shown to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SendReference(pub Uuid);

/// The provider's own handle of a verification: opaque.
///
/// Before it may stand by whom and how the verification was started, as in `vonage/voice:…`: each
/// is checked so, whatever was asked for since. Nothing stands before an id from when there was
/// one provider and text messages only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderId(pub String);

impl ProviderId {
    /// The same with its origin before it. `name` has neither colon nor slash.
    #[must_use]
    pub fn started_by(&self, name: Option<&str>, channel: Channel) -> Self {
        let id = &self.0;
        match (name, channel) {
            (None, Channel::Sms) => self.clone(),
            (Some(name), Channel::Sms) => Self(format!("{name}:{id}")),
            (name, channel) => Self(format!("{}/{}:{id}", name.unwrap_or_default(), channel.as_str())),
        }
    }

    /// The provider, if it is named, the channel, and the id as the provider gave it.
    pub fn origin(&self) -> (Option<&str>, Channel, Self) {
        let Some((origin, id)) = self.0.split_once(':') else { return (None, Channel::Sms, self.clone()) };
        let (name, channel) = origin.split_once('/').unwrap_or((origin, ""));
        let name = Some(name).filter(|name| !name.is_empty());
        (name, Channel::parse(channel).unwrap_or(Channel::Sms), Self(id.to_owned()))
    }
}

/// What a challenge is for. A challenge serves its purpose only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    Registration,
    Login,
    /// A sign-in that nothing but the code proves.
    PhoneLogin,
    PasswordReset,
    PhoneChange,
    StepUp,
}

impl Purpose {
    pub(crate) const ALL: [Self; 6] = [
        Self::Registration,
        Self::Login,
        Self::PhoneLogin,
        Self::PasswordReset,
        Self::PhoneChange,
        Self::StepUp,
    ];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Login => "login",
            Self::PhoneLogin => "phone_login",
            Self::PasswordReset => "password_reset",
            Self::PhoneChange => "phone_change",
            Self::StepUp => "step_up",
        }
    }

    /// The purpose with the name `text`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    /// The name in the API: to its holder, a sign-in is a sign-in.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::PhoneLogin => Self::Login.as_str(),
            other => other.as_str(),
        }
    }

    /// Whether it is started with the right password, so that its holder may know what the
    /// account has.
    pub const fn follows_password(self) -> bool {
        matches!(self, Self::Login | Self::StepUp)
    }

    /// Whether its code opens an account that has the number already. The others prove a number
    /// that is new here.
    pub const fn opens_an_account(self) -> bool {
        matches!(self, Self::Login | Self::PhoneLogin | Self::PasswordReset | Self::StepUp)
    }

    /// Whether anybody may start it, having proven nothing. What its holder sees must then
    /// be the same whether there is an account or not: without one it is a decoy that lives,
    /// counts and dies like any other.
    pub const fn is_blind(self) -> bool {
        matches!(self, Self::PhoneLogin | Self::PasswordReset)
    }
}

/// How a code travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    Sms,
    Voice,
    Flashcall,
    Whatsapp,
}

/// The text names no channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a channel is one of sms, voice, flashcall, whatsapp")]
pub struct UnknownChannel;

impl Channel {
    const ALL: [Self; 4] = [Self::Sms, Self::Voice, Self::Flashcall, Self::Whatsapp];

    /// The name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Flashcall => "flashcall",
            Self::Whatsapp => "whatsapp",
        }
    }

    /// The channel with the name `text`.
    pub fn parse(text: &str) -> Result<Self, UnknownChannel> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text).ok_or(UnknownChannel)
    }
}

/// A way to answer a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The code sent by text message.
    Sms,
    /// The code spoken by a call.
    Voice,
    /// The number of a call that nobody has to answer.
    Flashcall,
    /// The code sent by `WhatsApp`.
    Whatsapp,
    /// The code that an authenticator app shows.
    Totp,
    /// A saved code.
    RecoveryCode,
    /// A passkey of the account, with a route of its own.
    Passkey,
}

impl Method {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Flashcall => "flashcall",
            Self::Whatsapp => "whatsapp",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }

    /// Whether it is a code that has to be sent.
    pub const fn is_sent(self) -> bool {
        matches!(self, Self::Sms | Self::Voice | Self::Flashcall | Self::Whatsapp)
    }
}

/// The code that travels so.
impl From<Channel> for Method {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Sms => Self::Sms,
            Channel::Voice => Self::Voice,
            Channel::Flashcall => Self::Flashcall,
            Channel::Whatsapp => Self::Whatsapp,
        }
    }
}

/// The numbers that bound every challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChallengePolicy {
    /// Life of a challenge, which resending never prolongs.
    pub ttl: SignedDuration,
    /// At most one message to a number in each such time.
    pub resend_cooldown: SignedDuration,
    /// Wrong codes before the challenge is dead.
    pub max_attempts: u32,
    /// Messages for one challenge.
    pub max_sends: u32,
    /// Attempts given back for provider faults: an answer lost on the way
    /// could hide a guess.
    pub max_given_back: u32,
}

impl ChallengePolicy {
    /// When a challenge started `now` ends.
    pub fn expires_at(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.ttl).unwrap_or(Timestamp::MAX)
    }

    /// The newest earlier send that no longer holds back another `now`.
    pub fn sent_before(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.resend_cooldown).unwrap_or(Timestamp::MIN)
    }
}

/// A live challenge as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeState {
    pub id: ChallengeId,
    pub purpose: Purpose,
    /// `None` for a blind one: the number would tell of an account.
    pub phone: Option<PhoneNumber>,
    pub channel: Channel,
    pub locale: Option<Locale>,
    /// `None` for a registration and for a decoy.
    pub user_id: Option<UserId>,
    /// What the account has besides the phone; nothing for a registration.
    pub second_factors: SecondFactors,
    pub attempts_left: u32,
    /// Messages sent for this challenge.
    pub sends: u32,
    /// When the number last got a message, whatever for; of a blind one, when its holder
    /// was last told of a message.
    pub number_last_sent_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

/// A challenge as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub id: ChallengeId,
    pub purpose: Purpose,
    pub channel: Channel,
    /// `None` where it would tell of an account.
    pub destination: Option<PhoneNumber>,
    /// Whether this call sent a message.
    pub sent: bool,
    pub methods: Vec<Method>,
    pub attempts_left: u32,
    pub expires_at: Timestamp,
    /// `None` when no further message will be sent for this challenge.
    pub resend_available_at: Option<Timestamp>,
}

impl Challenge {
    /// The same with the channels that its codes can travel by in place of text messages, where
    /// it is answered by such codes at all.
    #[must_use]
    pub fn offering(mut self, channels: &[Channel]) -> Self {
        if let Some(place) = self.methods.iter().position(|method| method.is_sent()) {
            self.methods.retain(|method| !method.is_sent());
            self.methods.splice(place..place, channels.iter().copied().map(Method::from));
        }
        self
    }

    /// The same without sent codes among its answers: none is sent, now or later.
    #[must_use]
    pub fn without_text(mut self) -> Self {
        self.methods.retain(|method| !method.is_sent());
        Self { resend_available_at: None, ..self }
    }
}

impl ChallengeState {
    /// When the next message for this challenge may be sent; `None` for never.
    pub fn resend_available_at(&self, policy: &ChallengePolicy) -> Option<Timestamp> {
        if self.sends >= policy.max_sends {
            return None;
        }
        let created_at = self.expires_at.checked_sub(policy.ttl).unwrap_or(Timestamp::MIN);
        let free_at = self
            .number_last_sent_at
            .map_or(created_at, |last| last.checked_add(policy.resend_cooldown).unwrap_or(Timestamp::MAX));
        (free_at < self.expires_at).then_some(free_at)
    }

    /// What it is after a message that was reserved for it, and certainly did not leave.
    #[must_use]
    pub fn without_the_send(self) -> Self {
        Self { sends: self.sends.saturating_sub(1), number_last_sent_at: None, ..self }
    }

    /// What the holder is told after a call that did or did not send.
    pub fn show(self, sent: bool, policy: &ChallengePolicy) -> Challenge {
        Challenge {
            resend_available_at: self.resend_available_at(policy),
            id: self.id,
            purpose: self.purpose,
            channel: self.channel,
            destination: self.phone,
            sent,
            methods: self.second_factors.methods(self.purpose),
            attempts_left: self.attempts_left,
            expires_at: self.expires_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: ChallengePolicy = ChallengePolicy {
        ttl: SignedDuration::from_mins(10),
        resend_cooldown: SignedDuration::from_secs(120),
        max_attempts: 5,
        max_sends: 3,
        max_given_back: 5,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn state(sends: u32, last_sent: Option<i64>) -> ChallengeState {
        ChallengeState {
            id: ChallengeId::parse("abcdefghijkl").unwrap(),
            purpose: Purpose::Login,
            phone: PhoneNumber::from_stored("+46701234567").ok(),
            channel: Channel::Sms,
            locale: None,
            user_id: None,
            second_factors: SecondFactors::default(),
            attempts_left: 5,
            sends,
            number_last_sent_at: last_sent.map(at),
            expires_at: at(600),
        }
    }

    #[test]
    fn the_next_send_waits_for_the_number_and_ends_with_the_challenge() {
        let cases = [
            (1, Some(0), Some(120), "after the cooldown"),
            (2, Some(130), Some(250), "from the last send, not the first"),
            (3, Some(130), None, "three sends are all"),
            (0, Some(-60), Some(60), "another challenge's send holds this one back"),
            (0, None, Some(0), "nothing holds it back"),
            (1, Some(500), None, "the challenge ends before the cooldown does"),
        ];
        for (sends, last, expected, why) in cases {
            assert_eq!(state(sends, last).resend_available_at(&POLICY), expected.map(at), "{why}");
        }
    }

    #[test]
    fn channels_are_offered_where_a_sent_code_answers_and_nowhere_else() {
        use Method::{RecoveryCode, Sms, Totp, Voice};
        let cases: [(&[Method], &[Channel], &[Method]); 4] = [
            (&[Sms, Totp], &[Channel::Sms, Channel::Voice], &[Sms, Voice, Totp]),
            (&[Sms], &[Channel::Voice], &[Voice]),
            (&[Totp, RecoveryCode], &[Channel::Sms, Channel::Voice], &[Totp, RecoveryCode]),
            (&[Sms, Totp], &[], &[Totp]),
        ];
        for (methods, channels, offered) in cases {
            let challenge = Challenge { methods: methods.to_vec(), ..state(1, None).show(true, &POLICY) };
            let shown = challenge.offering(channels);
            assert_eq!(shown.methods, offered);
            assert!(shown.without_text().methods.iter().all(|method| !method.is_sent()));
        }
    }

    #[test]
    fn ids_of_another_alphabet_are_refused() {
        assert!(ChallengeId::parse("Zm9v-_42").is_ok());
        for wrong in ["", "a b", "a\0", "ä", "%2e%2e", &"a".repeat(65)] {
            assert_eq!(ChallengeId::parse(wrong), Err(InvalidChallengeId));
        }
    }

    #[test]
    fn a_challenge_id_is_cut_in_debug_output() {
        assert_eq!(format!("{:?}", ChallengeId::parse("abcdefghijkl").unwrap()), "abcdef…");
    }

    #[test]
    fn en_03_what_anybody_may_start_is_blind_and_nothing_else() {
        let blind = Purpose::ALL.into_iter().filter(|purpose| purpose.is_blind()).map(Purpose::as_str);
        assert_eq!(blind.collect::<Vec<_>>(), ["phone_login", "password_reset"]);
        assert_eq!(Purpose::PhoneLogin.shown(), "login");
    }

    #[test]
    fn an_id_tells_by_whom_and_how_it_was_started() {
        let names = [None, Some("sinch"), Some("self_issued")];
        for (name, channel) in names.into_iter().flat_map(|name| Channel::ALL.map(|channel| (name, channel)))
        {
            for text in ["b1d2-c3", "VE0123", "odd:one", "odd/one:two"] {
                let id = ProviderId(text.to_owned());
                // A provider with such ids has to be named.
                if name.is_some() || channel != Channel::Sms || !text.contains(':') {
                    assert_eq!(id.started_by(name, channel).origin(), (name, channel, id.clone()));
                }
            }
        }
        let bare = ProviderId("b1d2-c3".to_owned());
        assert_eq!(bare.started_by(None, Channel::Sms), bare, "an earlier version reads it");
    }

    #[test]
    fn names_are_read_back() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::find(purpose.as_str()), Some(purpose));
        }
        for channel in Channel::ALL {
            assert_eq!(Channel::parse(channel.as_str()), Ok(channel));
        }
        assert_eq!(Channel::parse("SMS"), Err(UnknownChannel));
    }
}
