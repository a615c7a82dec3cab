//! Telephone numbers against an independent port of libphonenumber.
//!
//! `data/golden_phone_numbers.py` says how the table was computed.

#![expect(clippy::unwrap_used, reason = "in a test it is the failure")]

use std::collections::BTreeMap;

use domain::{
    Channel, ChannelPolicy, CountryCode, DestinationNotAllowed, DestinationPolicy, InvalidPhoneNumber,
    PhoneNumber,
};
use proptest::prelude::*;

const GOLDEN: &str = include_str!("data/golden_phone_numbers.tsv");

/// One line of the table; the last three columns are empty for an invalid number.
struct Expected {
    text: &'static str,
    country: &'static str,
    valid: bool,
    e164: &'static str,
    region: &'static str,
    sendable: &'static str,
}

impl Expected {
    fn all() -> impl Iterator<Item = Self> {
        GOLDEN.lines().map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [text, country, valid, e164, region, sendable] = columns[..] else { panic!("{line}") };
            Self { text, country, valid: valid == "yes", e164, region, sendable }
        })
    }

    fn valid() -> impl Iterator<Item = Self> {
        Self::all().filter(|row| row.valid)
    }

    fn parse(&self) -> Result<PhoneNumber, InvalidPhoneNumber> {
        parse(self.text, self.country)
    }
}

fn parse(text: &str, country: &str) -> Result<PhoneNumber, InvalidPhoneNumber> {
    let country = if country.is_empty() { None } else { Some(CountryCode::parse(country)?) };
    PhoneNumber::parse(text, country)
}

fn international(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text, None).unwrap()
}

fn countries(codes: &[&str]) -> DestinationPolicy {
    let allowed_countries = codes.iter().map(|code| CountryCode::parse(code).unwrap()).collect();
    DestinationPolicy { allowed_countries, ..DestinationPolicy::default() }
}

fn verdict(number: &PhoneNumber) -> &'static str {
    match number.sendable(&DestinationPolicy::default()) {
        Ok(()) => "yes",
        Err(refusal) => match refusal {
            DestinationNotAllowed::Premium => "premium",
            DestinationNotAllowed::SharedCost => "shared-cost",
            DestinationNotAllowed::TollFree => "toll-free",
            DestinationNotAllowed::PersonalNumber => "personal-number",
            DestinationNotAllowed::Pager => "pager",
            DestinationNotAllowed::Uan => "uan",
            DestinationNotAllowed::Voicemail => "voicemail",
            DestinationNotAllowed::FixedLine => "fixed-line",
            DestinationNotAllowed::Voip => "voip",
            DestinationNotAllowed::International => "international",
            DestinationNotAllowed::Country => "country",
            DestinationNotAllowed::Unknown => "unknown",
        },
    }
}

#[test]
fn the_golden_table_is_large_and_knows_every_verdict() {
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in Expected::all() {
        *verdicts.entry(row.sendable).or_default() += 1;
    }
    assert!(Expected::all().count() >= 1_000);
    assert!(verdicts["yes"] >= 500, "{verdicts:?}");
    assert!(verdicts[""] >= 200, "{verdicts:?}");
    assert_eq!(verdicts.len(), 12, "{verdicts:?}");
}

#[test]
fn sm_01_sm_02_sm_06_no_number_of_the_golden_table_is_judged_differently() {
    let mut disagreements = Vec::new();
    for row in Expected::all() {
        let number = row.parse().ok();
        let region = number.as_ref().and_then(PhoneNumber::region);
        let found = (
            number.is_some(),
            number.as_ref().map_or("", PhoneNumber::as_e164),
            region.as_ref().map_or("", CountryCode::as_str),
            number.as_ref().map_or("", verdict),
        );
        if found != (row.valid, row.e164, row.region, row.sendable) {
            disagreements.push(format!("{} {}: {found:?}", row.text, row.country));
        }
    }
    assert!(disagreements.is_empty(), "{}\n{}", disagreements.len(), disagreements.join("\n"));
}

#[test]
fn sm_06_the_e164_form_of_a_number_reads_as_itself() {
    for row in Expected::valid() {
        let number = international(row.e164);
        assert_eq!(number.as_e164(), row.e164);
        assert_eq!(PhoneNumber::from_stored(row.e164), Ok(number));
    }
}

#[test]
fn sm_05_mobiles_with_a_leading_zero_may_receive_codes_and_italian_fixed_lines_may_not() {
    for mobile in ["+229 01 90 01 12 34", "+242 06 612 3456", "+225 01 23 45 67 89", "+225 07 07 12 34 56"] {
        assert_eq!(verdict(&international(mobile)), "yes", "{mobile}");
    }
    for fixed in ["+39 06 6988 2345", "+39 02 1234 5678"] {
        assert_eq!(verdict(&international(fixed)), "fixed-line", "{fixed}");
    }
}

#[test]
fn sm_01_a_denied_country_gets_no_code_even_if_it_is_allowed() {
    let swede = PhoneNumber::parse("+46701740605", None).unwrap();
    let dane = PhoneNumber::parse("+4520123456", None).unwrap();
    let denied_countries = countries(&["SE"]).allowed_countries;
    let but_swedes = DestinationPolicy { denied_countries: denied_countries.clone(), ..Default::default() };
    assert_eq!(swede.sendable(&but_swedes), Err(DestinationNotAllowed::Country));
    assert_eq!(dane.sendable(&but_swedes), Ok(()));
    let both = DestinationPolicy { denied_countries, ..countries(&["SE", "DK"]) };
    assert_eq!(swede.sendable(&both), Err(DestinationNotAllowed::Country));
    assert_eq!(dane.sendable(&both), Ok(()));
}

#[test]
fn sm_02_fixed_lines_and_voip_are_allowed_by_setting_only() {
    let fixed_line = international("+46 8 12 34 56");
    let voip = international("+44 56 1234 5678");
    let strict = DestinationPolicy::default();
    assert_eq!(fixed_line.sendable(&strict), Err(DestinationNotAllowed::FixedLine));
    assert_eq!(voip.sendable(&strict), Err(DestinationNotAllowed::Voip));

    let without_calls = DestinationPolicy { allow_fixed_line: true, ..DestinationPolicy::default() };
    assert_eq!(fixed_line.sendable(&without_calls), Err(DestinationNotAllowed::FixedLine));
    let channels = ChannelPolicy::new(&[Channel::Sms, Channel::Voice]);
    let fixed_too = DestinationPolicy { channels, ..without_calls };
    assert_eq!(fixed_line.sendable(&fixed_too), Ok(()));
    assert_eq!(voip.sendable(&fixed_too), Err(DestinationNotAllowed::Voip));

    let voip_too = DestinationPolicy { allow_voip: true, ..DestinationPolicy::default() };
    assert_eq!(voip.sendable(&voip_too), Ok(()));
    assert_eq!(fixed_line.sendable(&voip_too), Err(DestinationNotAllowed::FixedLine));
}

#[test]
fn sm_03_international_codes_are_refused_under_every_policy() {
    let generous =
        DestinationPolicy { allow_fixed_line: true, allow_voip: true, ..DestinationPolicy::default() };
    let texts = Expected::valid().filter(|row| row.sendable == "international").map(|row| row.e164);
    let by_hand = ["800", "808", "870", "878", "881", "882", "883", "888", "979"];
    let stored: Vec<String> = by_hand.iter().map(|code| format!("+{code}12345678")).collect();
    for text in texts.chain(stored.iter().map(String::as_str)) {
        let number = PhoneNumber::from_stored(text).unwrap();
        assert_eq!(number.sendable(&generous), Err(DestinationNotAllowed::International), "{text}");
        assert_eq!(number.region(), None, "{text}");
    }
}

#[test]
fn sm_04_a_country_is_judged_by_region_and_not_by_calling_code() {
    let us = countries(&["US"]);
    assert_eq!(international("+1 650 253 0000").sendable(&us), Ok(()));
    for neighbour in ["+1 809 234 5678", "+1 876 210 1234", "+1 416 234 5678"] {
        let number = international(neighbour);
        assert_eq!(number.sendable(&us), Err(DestinationNotAllowed::Country), "{neighbour}");
    }

    let gb = countries(&["gb"]);
    assert_eq!(international("+44 7400 123456").sendable(&gb), Ok(()));
    for island in ["+44 7781 123456", "+44 7797 712345", "+44 7624 123456"] {
        assert_eq!(international(island).sendable(&gb), Err(DestinationNotAllowed::Country), "{island}");
    }
    assert_eq!(international("+44 7781 123456").sendable(&countries(&["GB", "GG"])), Ok(()));
}

#[test]
fn a_stored_number_that_no_plan_holds_any_more_receives_nothing() {
    let gone = PhoneNumber::from_stored("+4611111111111").unwrap();
    assert_eq!(gone.sendable(&DestinationPolicy::default()), Err(DestinationNotAllowed::Unknown));
}

#[test]
fn a_stored_number_has_the_shape_of_e164() {
    for text in [
        "",
        "+",
        "46701234567",
        "+0701234567",
        "+467012",
        "+4670123456789012",
        "+46 701234567",
        "+４6701234567",
    ] {
        assert!(PhoneNumber::from_stored(text).is_err(), "{text:?}");
    }
    for text in ["+1234567", "+123456789012345"] {
        assert_eq!(PhoneNumber::from_stored(text).unwrap().as_e164(), text);
    }
}

#[test]
fn each_refused_text_says_what_is_wrong_with_it() {
    use InvalidPhoneNumber as Why;
    let refused = [
        ("", "", Why::Empty),
        ("+", "SE", Why::Empty),
        ("070-123 45 67", "", Why::MissingCountry),
        ("070-123 45 67", "XX", Why::UnknownCountry),
        ("0701234567", "Sweden", Why::UnknownCountry),
        ("+999 123 456 789", "", Why::UnknownCallingCode),
        ("+46 70 123", "", Why::NotInUse),
        ("+44 7700 900123", "", Why::NotInUse),
        ("+1 800 FLOWERS", "", Why::Letters),
        ("+46701234567;ext=1", "", Why::Extension),
        ("+46+701234567", "", Why::MisplacedPlus),
        ("+46 70 123 45 67\0", "", Why::ForbiddenCharacter),
    ];
    for (text, country, why) in refused {
        assert_eq!(parse(text, country), Err(why), "{text:?}");
        let message = why.to_string();
        assert!(text.len() < 5 || !message.contains(text), "{message}");
    }
}

#[test]
fn a_country_beside_an_international_number_changes_nothing() {
    let alone = international("+46 70 123 45 67");
    for country in ["SE", "US", "GG", "IT"] {
        assert_eq!(parse("+46 70 123 45 67", country), Ok(alone.clone()));
    }
}

#[test]
fn only_calling_code_and_last_two_digits_are_shown() {
    for (text, masked) in [
        ("+46701234567", "+46•••••••67"),
        ("+16502530000", "+1••••••••00"),
        ("+2290190011234", "+229••••••••34"),
        ("+79123456789", "+7••••••••89"),
        ("+881612345678", "+881•••••••78"),
        ("+6834012", "+683••12"),
    ] {
        let number = PhoneNumber::from_stored(text).unwrap();
        assert_eq!(number.masked(), masked);
        assert_eq!(format!("{number:?}"), format!("PhoneNumber({masked})"));
    }
}

#[test]
fn the_calling_code_that_is_shown_is_the_one_of_the_numbering_plan() {
    for row in Expected::valid() {
        let code = planned_calling_code(row.e164);
        let masked = PhoneNumber::from_stored(row.e164).unwrap().masked();
        assert_eq!(masked.split_once('•').unwrap().0, code, "{}", row.e164);
    }
}

/// `+46` of `+46701234567`, from the library's own table.
fn planned_calling_code(e164: &str) -> String {
    let number = rlibphonenumber::PHONE_NUMBER_UTIL.parse(e164, None).unwrap();
    format!("+{}", number.country_code)
}

/// Digits with separators strewn between them.
fn respelt(e164: &'static str) -> impl Strategy<Value = (&'static str, String)> {
    let separators = prop::collection::vec("[ ()./\u{a0}-]{0,2}", e164.len());
    separators.prop_map(move |separators| {
        let spelling = e164.chars().zip(separators).map(|(digit, separator)| format!("{separator}{digit}"));
        (e164, spelling.collect())
    })
}

fn valid_e164() -> impl Strategy<Value = &'static str> {
    let numbers: Vec<&'static str> = Expected::valid().map(|row| row.e164).collect();
    prop::sample::select(numbers)
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), country in "[A-Z]{2}|") {
        let _ = parse(&text, &country);
    }

    #[test]
    fn any_text_of_the_alphabet_is_read_or_refused(text in "[+]?[0-9 ()./-]{0,40}", country in "SE|US|IT|AR|BR|KZ|CI|") {
        if let Ok(number) = parse(&text, &country) {
            prop_assert_eq!(PhoneNumber::from_stored(number.as_e164()), Ok(number));
        }
    }

    #[test]
    fn sm_06_what_was_read_reads_as_itself(text in "[+][1-9][0-9]{6,16}", home in "0?[1-9][0-9]{5,12}", country in "AR|BR|BY|CI|CN|DE|GB|IT|KZ|LT|MX|RU|SE|UY|US") {
        for number in [parse(&text, ""), parse(&home, &country)].into_iter().flatten() {
            prop_assert_eq!(&PhoneNumber::parse(number.as_e164(), None), &Ok(number));
        }
    }

    #[test]
    fn sm_06_separators_make_no_other_number((e164, spelling) in valid_e164().prop_flat_map(respelt)) {
        prop_assert_eq!(PhoneNumber::parse(&spelling, None), PhoneNumber::parse(e164, None));
    }
}
