//! By which channels codes travel, and to whom.

use std::collections::BTreeMap;

use crate::{Channel, CountryCode, PhoneNumber, Purpose};

/// The channels that are switched on, in all countries or in some.
///
/// Calls are never made by themselves: somebody asks for each. Flash calls prove less than a code
/// that is typed (NIST SP 800-63B-4 §3.1.3), so they open no account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPolicy {
    /// In the order in which they are offered.
    everywhere: Vec<Channel>,
    by_country: BTreeMap<CountryCode, Vec<Channel>>,
}

impl ChannelPolicy {
    /// Switches on `channels` in every country.
    pub fn new(channels: &[Channel]) -> Self {
        Self { everywhere: in_order(channels), by_country: BTreeMap::new() }
    }

    /// Of the channels that are on, only these in `country`.
    #[must_use]
    pub fn with_country(mut self, country: CountryCode, channels: &[Channel]) -> Self {
        let only = self.everywhere.iter().copied().filter(|channel| channels.contains(channel)).collect();
        self.by_country.insert(country, only);
        self
    }

    /// Whether the channel is switched on for anything anywhere.
    pub fn has(&self, channel: Channel) -> bool {
        self.everywhere.contains(&channel)
    }

    /// What the holder of a challenge can have its codes sent by. `None` for a number that is not
    /// to be told: then the answer is the same for everybody.
    pub fn offered(&self, purpose: Purpose, phone: Option<&PhoneNumber>) -> Vec<Channel> {
        let on = phone.map_or(&self.everywhere, |phone| self.on(phone));
        let is_fixed_line = phone.is_some_and(PhoneNumber::is_fixed_line);
        on.iter()
            .copied()
            .filter(|channel| *channel != Channel::Flashcall || proves_a_new_number(purpose))
            .filter(|channel| *channel == Channel::Voice || !is_fixed_line)
            .collect()
    }

    /// Whether a code for `purpose` may go to `phone` so.
    pub fn reaches(&self, phone: &PhoneNumber, purpose: Purpose, channel: Channel) -> bool {
        self.offered(purpose, Some(phone)).contains(&channel)
    }

    /// Whether `phone` can be called.
    pub fn calls(&self, phone: &PhoneNumber) -> bool {
        self.on(phone).contains(&Channel::Voice)
    }

    /// What the first code travels by, which nobody asked a channel for; `None` where only calls
    /// are possible, which have to be asked for. Text messages, if there are any.
    pub fn unasked(&self, purpose: Purpose, phone: Option<&PhoneNumber>) -> Option<Channel> {
        self.offered(purpose, phone).into_iter().find(|channel| !matches!(channel, Channel::Voice))
    }

    fn on(&self, phone: &PhoneNumber) -> &Vec<Channel> {
        if self.by_country.is_empty() {
            return &self.everywhere;
        }
        let of_country = phone.region().and_then(|country| self.by_country.get(&country));
        of_country.unwrap_or(&self.everywhere)
    }
}

/// Text messages only.
impl Default for ChannelPolicy {
    fn default() -> Self {
        Self::new(&[Channel::Sms])
    }
}

fn in_order(channels: &[Channel]) -> Vec<Channel> {
    let order = [Channel::Sms, Channel::Voice, Channel::Whatsapp, Channel::Flashcall];
    order.into_iter().filter(|channel| channels.contains(channel)).collect()
}

/// Others open an account that has the number already.
const fn proves_a_new_number(purpose: Purpose) -> bool {
    !purpose.opens_an_account()
}

#[cfg(test)]
mod tests {
    use super::{
        Channel::{Flashcall, Sms, Voice, Whatsapp},
        *,
    };

    const MOBILE: &str = "+46701740605";
    const FIXED: &str = "+468123456";
    const DANE: &str = "+4520123456";

    fn phone(e164: &str) -> PhoneNumber {
        PhoneNumber::from_stored(e164).unwrap()
    }

    fn everything() -> ChannelPolicy {
        ChannelPolicy::new(&[Flashcall, Whatsapp, Voice, Sms])
    }

    #[test]
    fn what_is_offered_depends_on_settings_purpose_line_and_country() {
        let denmark = CountryCode::parse("DK").unwrap();
        let text_in_denmark = || everything().with_country(denmark, &[Sms, Whatsapp]);
        let texts_only = ChannelPolicy::default;
        let calls_too = || ChannelPolicy::new(&[Voice, Sms]);
        let cases: [(ChannelPolicy, Purpose, Option<&str>, &[Channel]); 12] = [
            (texts_only(), Purpose::Login, Some(MOBILE), &[Sms]),
            (texts_only(), Purpose::Login, Some(FIXED), &[]),
            (calls_too(), Purpose::Login, Some(MOBILE), &[Sms, Voice]),
            (calls_too(), Purpose::Login, Some(FIXED), &[Voice]),
            (everything(), Purpose::Registration, Some(MOBILE), &[Sms, Voice, Whatsapp, Flashcall]),
            (everything(), Purpose::Registration, Some(FIXED), &[Voice]),
            (everything(), Purpose::StepUp, Some(MOBILE), &[Sms, Voice, Whatsapp]),
            (everything(), Purpose::PasswordReset, None, &[Sms, Voice, Whatsapp]),
            (text_in_denmark(), Purpose::PhoneChange, Some(DANE), &[Sms, Whatsapp]),
            (text_in_denmark(), Purpose::PhoneChange, Some(MOBILE), &[Sms, Voice, Whatsapp, Flashcall]),
            (text_in_denmark(), Purpose::PasswordReset, None, &[Sms, Voice, Whatsapp]),
            (texts_only().with_country(denmark, &[Voice]), Purpose::Login, Some(DANE), &[]),
        ];
        for (policy, purpose, number, offered) in cases {
            let number = number.map(phone);
            assert_eq!(policy.offered(purpose, number.as_ref()), offered, "{purpose:?} {number:?}");
        }
    }

    #[test]
    fn tn_07_a_flash_call_opens_no_account() {
        for purpose in Purpose::ALL {
            let may = matches!(purpose, Purpose::Registration | Purpose::PhoneChange);
            assert_eq!(everything().reaches(&phone(MOBILE), purpose, Flashcall), may, "{purpose:?}");
        }
    }

    #[test]
    fn sm_08_nobody_is_called_who_did_not_ask_for_it() {
        let cases = [
            (everything(), MOBILE, Some(Sms)),
            (ChannelPolicy::new(&[Voice, Whatsapp]), MOBILE, Some(Whatsapp)),
            (ChannelPolicy::new(&[Voice]), MOBILE, None),
            (everything(), FIXED, None),
        ];
        for (policy, number, unasked) in cases {
            assert_eq!(policy.unasked(Purpose::Login, Some(&phone(number))), unasked, "{number}");
        }
    }

    #[test]
    fn en_05_without_a_number_everybody_is_offered_the_same() {
        let policy = everything().with_country(CountryCode::parse("SE").unwrap(), &[Sms]);
        let mut blind = Purpose::ALL.into_iter().filter(|purpose| purpose.is_blind());
        assert!(blind.all(|purpose| policy.offered(purpose, None) == [Sms, Voice, Whatsapp]));
    }
}
