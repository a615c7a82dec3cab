//! Which provider of codes is asked for which number.

use std::collections::BTreeMap;

use crate::CountryCode;

/// Providers by `P`, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRoutes<P> {
    order: Vec<P>,
    by_country: BTreeMap<CountryCode, Vec<P>>,
}

/// Why an order cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoute {
    #[error("name at least one provider")]
    Empty,
    #[error("name each provider once")]
    Twice,
}

impl<P: Copy + PartialEq> ProviderRoutes<P> {
    /// Asks `order` for every number.
    pub fn new(order: Vec<P>) -> Result<Self, InvalidRoute> {
        Ok(Self { order: checked(order)?, by_country: BTreeMap::new() })
    }

    /// Asks `provider` for every number.
    pub fn only(provider: P) -> Self {
        Self { order: vec![provider], by_country: BTreeMap::new() }
    }

    /// Asks `order` and nobody else for the numbers of `country`.
    pub fn with_country(mut self, country: CountryCode, order: Vec<P>) -> Result<Self, InvalidRoute> {
        self.by_country.insert(country, checked(order)?);
        Ok(self)
    }

    /// Who is asked for a number of `country`, the first one first; `None` is a number of no
    /// country. Never empty.
    pub fn of(&self, country: Option<CountryCode>) -> &[P] {
        country.and_then(|country| self.by_country.get(&country)).unwrap_or(&self.order)
    }

    /// Countries with an order of their own.
    pub fn countries(&self) -> impl Iterator<Item = (CountryCode, &[P])> {
        self.by_country.iter().map(|(country, order)| (*country, order.as_slice()))
    }

    /// The same by other names, which have to differ as these do.
    pub fn map<Q>(&self, rename: impl Fn(P) -> Q) -> ProviderRoutes<Q> {
        let renamed = |order: &Vec<P>| order.iter().copied().map(&rename).collect();
        ProviderRoutes {
            order: renamed(&self.order),
            by_country: self.by_country.iter().map(|(country, order)| (*country, renamed(order))).collect(),
        }
    }

    /// Everybody who is asked for any number, each once, those for most numbers first.
    pub fn providers(&self) -> Vec<P> {
        let mut providers = Vec::new();
        for provider in self.order.iter().chain(self.by_country.values().flatten()) {
            if !providers.contains(provider) {
                providers.push(*provider);
            }
        }
        providers
    }
}

fn checked<P: Copy + PartialEq>(order: Vec<P>) -> Result<Vec<P>, InvalidRoute> {
    if order.is_empty() {
        return Err(InvalidRoute::Empty);
    }
    let is_twice =
        order.iter().enumerate().any(|(at, provider)| order.iter().skip(at + 1).any(|p| p == provider));
    if is_twice { Err(InvalidRoute::Twice) } else { Ok(order) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(text: &str) -> CountryCode {
        CountryCode::parse(text).unwrap()
    }

    #[test]
    fn a_country_has_an_order_of_its_own_or_that_of_all() {
        let routes = ProviderRoutes::new(vec!['a', 'b'])
            .and_then(|routes| routes.with_country(country("SE"), vec!['b', 'a']))
            .and_then(|routes| routes.with_country(country("NO"), vec!['c']))
            .unwrap();
        let cases: [(Option<&str>, &[char]); 4] =
            [(Some("SE"), &['b', 'a']), (Some("NO"), &['c']), (Some("DK"), &['a', 'b']), (None, &['a', 'b'])];
        for (of, order) in cases {
            assert_eq!(routes.of(of.map(country)), order, "{of:?}");
        }
        assert_eq!(routes.providers(), ['a', 'b', 'c']);
    }

    #[test]
    fn an_order_names_somebody_and_nobody_twice() {
        assert_eq!(ProviderRoutes::<char>::new(Vec::new()), Err(InvalidRoute::Empty));
        for twice in [vec!['a', 'a'], vec!['a', 'b', 'a']] {
            assert_eq!(ProviderRoutes::new(twice.clone()), Err(InvalidRoute::Twice));
            let routes = ProviderRoutes::new(vec!['a']).unwrap();
            assert_eq!(routes.with_country(country("SE"), twice), Err(InvalidRoute::Twice));
        }
    }
}
