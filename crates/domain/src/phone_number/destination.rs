//! Where codes may be sent: what a number costs and who can answer it.

use std::collections::BTreeSet;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberType};

use super::{CountryCode, PhoneNumber};
use crate::ChannelPolicy;

/// Which numbers a code may be sent to.
///
/// Mobile numbers, and those of plans that do not tell mobile from fixed
/// (+1), are always allowed in an allowed country.
#[derive(Debug, Clone, Default)]
pub struct DestinationPolicy {
    /// The only countries allowed; empty allows all.
    pub allowed_countries: BTreeSet<CountryCode>,
    /// Countries that are never sent to, allowed or not.
    pub denied_countries: BTreeSet<CountryCode>,
    /// Fixed lines; they can be reached by voice only.
    pub allow_fixed_line: bool,
    /// Numbers of internet telephony.
    pub allow_voip: bool,
    /// What codes travel by.
    pub channels: ChannelPolicy,
}

/// Why no code may be sent to a number. The messages never repeat the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationNotAllowed {
    #[error("premium-rate numbers cannot be used here: give a mobile number")]
    Premium,
    #[error("shared-cost numbers cannot be used here: give a mobile number")]
    SharedCost,
    #[error("toll-free numbers cannot be used here: give a mobile number")]
    TollFree,
    /// Such as +44 70, which forwards at the caller's cost.
    #[error("personal forwarding numbers cannot be used here: give the mobile number itself")]
    PersonalNumber,
    #[error("pagers cannot be used here: give a mobile number")]
    Pager,
    /// Universal access number: a company's number for all its offices.
    #[error("company access numbers cannot be used here: give a mobile number")]
    Uan,
    #[error("voicemail numbers cannot be used here: give a mobile number")]
    Voicemail,
    #[error("fixed lines cannot be used here: give a mobile number")]
    FixedLine,
    #[error("internet telephony numbers cannot be used here: give a mobile number")]
    Voip,
    /// Satellites, ships and services under a calling code of no country.
    #[error("satellite and international service numbers cannot be used here: give a mobile number")]
    International,
    #[error("numbers of this country cannot be used here: give a number of another country")]
    Country,
    /// A number whose kind the numbering plan does not tell, for instance one
    /// that was valid when it was stored and is no longer.
    #[error("this kind of number cannot be used here: give a mobile number")]
    Unknown,
}

/// The calling codes of no country. The library calls several of them mobile.
const INTERNATIONAL_CODES: [&str; 9] = ["800", "808", "870", "878", "881", "882", "883", "888", "979"];

impl DestinationPolicy {
    pub(super) fn admits(&self, number: &PhoneNumber) -> Result<(), DestinationNotAllowed> {
        if INTERNATIONAL_CODES.contains(&number.split_calling_code().0) {
            return Err(DestinationNotAllowed::International);
        }
        self.admits_kind(number)?;
        self.admits_country(number)
    }

    fn admits_kind(&self, number: &PhoneNumber) -> Result<(), DestinationNotAllowed> {
        use DestinationNotAllowed as Refusal;
        match kind(number) {
            PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile => Ok(()),
            PhoneNumberType::FixedLine if self.allow_fixed_line && self.channels.calls(number) => Ok(()),
            PhoneNumberType::VoIP if self.allow_voip => Ok(()),
            PhoneNumberType::FixedLine => Err(Refusal::FixedLine),
            PhoneNumberType::VoIP => Err(Refusal::Voip),
            PhoneNumberType::PremiumRate => Err(Refusal::Premium),
            PhoneNumberType::SharedCost => Err(Refusal::SharedCost),
            PhoneNumberType::TollFree => Err(Refusal::TollFree),
            PhoneNumberType::PersonalNumber => Err(Refusal::PersonalNumber),
            PhoneNumberType::Pager => Err(Refusal::Pager),
            PhoneNumberType::UAN => Err(Refusal::Uan),
            PhoneNumberType::VoiceMail => Err(Refusal::Voicemail),
            PhoneNumberType::Unknown => Err(Refusal::Unknown),
        }
    }

    fn admits_country(&self, number: &PhoneNumber) -> Result<(), DestinationNotAllowed> {
        if self.allowed_countries.is_empty() && self.denied_countries.is_empty() {
            return Ok(());
        }
        let country = number.region().ok_or(DestinationNotAllowed::Country)?;
        let is_allowed = self.allowed_countries.is_empty() || self.allowed_countries.contains(&country);
        let is_denied = self.denied_countries.contains(&country);
        if is_allowed && !is_denied { Ok(()) } else { Err(DestinationNotAllowed::Country) }
    }
}

pub(super) fn kind(number: &PhoneNumber) -> PhoneNumberType {
    PHONE_NUMBER_UTIL
        .parse(number.as_e164(), None)
        .map_or(PhoneNumberType::Unknown, |parsed| parsed.get_type())
}
