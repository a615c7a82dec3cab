//! What messages cost now.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use domain::{Channel, CountryCode, Currency, Money, Prices, Quote, QuotedPrice};
use ports::SendTraceStore;

/// The prices of the settings, and before them what providers said last.
///
/// Whoever needs a price asks here, without waiting: what is known is what was read last, and what
/// this process heard itself.
pub struct CurrentPrices {
    prices: Prices,
    /// The currency of the prices; `None` where what providers say does not count.
    quoted_in: Option<Currency>,
    quoted: RwLock<Quoted>,
}

/// By country and channel what each provider said.
type Quoted = HashMap<(Option<CountryCode>, Channel), Vec<QuotedPrice>>;

impl CurrentPrices {
    /// Before anything was quoted. Without a currency no quote ever counts.
    pub fn new(prices: Prices, quoted_in: Option<Currency>) -> Self {
        Self { prices, quoted_in, quoted: RwLock::default() }
    }

    /// What a message costs whose provider is not known yet: the highest of the quotes.
    pub fn of(&self, country: Option<CountryCode>, channel: Channel) -> Money {
        self.highest(country, channel, |_| true)
    }

    /// What a message costs that a provider sends.
    pub fn by(&self, provider: &str, country: Option<CountryCode>, channel: Channel) -> Money {
        self.highest(country, channel, |price| price.provider == provider)
    }

    /// Whether a quote counts: in the currency of the prices only, for rates of exchange are not
    /// known here.
    pub fn takes(&self, quote: Quote) -> bool {
        self.quoted_in == Some(quote.currency())
    }

    /// Puts a price in force that was just quoted.
    pub fn hear(&self, price: QuotedPrice) {
        if self.takes(price.quote) {
            put(&mut self.quoted.write().unwrap_or_else(PoisonError::into_inner), price);
        }
    }

    /// Puts what was quoted last in the place of all that was known.
    pub fn replace(&self, prices: Vec<QuotedPrice>) {
        let mut quoted = Quoted::new();
        for price in prices.into_iter().filter(|price| self.takes(price.quote)) {
            put(&mut quoted, price);
        }
        *self.quoted.write().unwrap_or_else(PoisonError::into_inner) = quoted;
    }

    fn highest(
        &self,
        country: Option<CountryCode>,
        channel: Channel,
        counts: impl Fn(&QuotedPrice) -> bool,
    ) -> Money {
        let quoted = self.quoted.read().unwrap_or_else(PoisonError::into_inner);
        let of_all = quoted.get(&(country, channel)).into_iter().flatten();
        let highest = of_all.filter(|price| counts(price)).map(|price| price.quote.amount()).max();
        highest.unwrap_or_else(|| self.prices.of(country, channel))
    }
}

/// What a provider said later takes the place of what it said before.
fn put(quoted: &mut Quoted, price: QuotedPrice) {
    let of_all = quoted.entry((price.country, price.channel)).or_default();
    match of_all.iter_mut().find(|known| known.provider == price.provider) {
        Some(known) if known.said_at <= price.said_at => *known = price,
        Some(_) => {}
        None => of_all.push(price),
    }
}

/// Keeps up with what providers told other processes.
pub struct KeepPrices {
    pub traces: Arc<dyn SendTraceStore>,
    pub prices: Arc<CurrentPrices>,
}

impl KeepPrices {
    /// Reads what was quoted last. When that cannot be read, what is known goes on: before the
    /// first time the prices of the settings.
    #[tracing::instrument(name = "keep_prices", skip_all)]
    pub async fn refresh(&self) {
        if self.prices.quoted_in.is_none() {
            return;
        }
        match self.traces.list_quoted_prices().await {
            Ok(prices) => self.prices.replace(prices),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what providers quoted was not read; the prices that are known go on"
            ),
        }
    }
}
