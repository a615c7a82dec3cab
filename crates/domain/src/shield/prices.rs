//! What messages cost.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Money, Quote};
use crate::{Channel, CountryCode};

/// What a message costs by its channel and country, by a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// Where nothing else is said.
    pub default: Money,
    pub by_country: BTreeMap<CountryCode, Money>,
    pub by_channel: BTreeMap<Channel, ChannelPrices>,
}

/// What a message by one channel costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelPrices {
    /// To countries that are not named.
    pub default: Option<Money>,
    pub by_country: BTreeMap<CountryCode, Money>,
}

impl Prices {
    /// What a message costs: what its channel costs in the country, else what the channel costs
    /// elsewhere, else what any message to the country costs.
    pub fn of(&self, country: Option<CountryCode>, channel: Channel) -> Money {
        let in_country = |prices: &BTreeMap<CountryCode, Money>| prices.get(&country?).copied();
        let by_channel = self.by_channel.get(&channel);
        by_channel
            .and_then(|prices| in_country(&prices.by_country).or(prices.default))
            .or_else(|| in_country(&self.by_country))
            .unwrap_or(self.default)
    }
}

/// The last that a provider said of what a message by a channel to a country costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedPrice {
    pub provider: String,
    pub channel: Channel,
    /// `None`: to numbers of no country.
    pub country: Option<CountryCode>,
    pub quote: Quote,
    /// When the provider said so.
    pub said_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(text: &str) -> Option<CountryCode> {
        CountryCode::parse(text).ok()
    }

    fn named(text: &str, amount: u64) -> BTreeMap<CountryCode, Money> {
        [(CountryCode::parse(text).unwrap(), Money(amount))].into()
    }

    #[test]
    fn the_price_that_says_most_about_a_message_is_its_price() {
        let voice = ChannelPrices { default: Some(Money(30)), by_country: named("SE", 40) };
        let whatsapp = ChannelPrices { default: None, by_country: named("NO", 50) };
        let prices = Prices {
            default: Money(10),
            by_country: named("SE", 20),
            by_channel: [(Channel::Voice, voice), (Channel::Whatsapp, whatsapp)].into(),
        };
        for (to, channel, amount) in [
            (country("SE"), Channel::Voice, 40),
            (country("NO"), Channel::Voice, 30),
            (None, Channel::Voice, 30),
            (country("SE"), Channel::Sms, 20),
            (country("NO"), Channel::Sms, 10),
            (None, Channel::Sms, 10),
            (country("NO"), Channel::Whatsapp, 50),
            (country("SE"), Channel::Whatsapp, 20),
            (country("DK"), Channel::Whatsapp, 10),
            (country("SE"), Channel::Flashcall, 20),
        ] {
            assert_eq!(prices.of(to, channel), Money(amount), "{channel:?} to {to:?}");
        }
    }
}
