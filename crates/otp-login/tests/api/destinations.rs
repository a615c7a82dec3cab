//! Which numbers a code is sent to.

use serde_json::{Value, json};

use crate::client::{Database, REGISTER, Service};

on_both_databases!(
    sm_02_numbers_of_other_kinds_than_mobile_are_refused,
    sm_03_international_and_satellite_codes_are_refused,
    sm_05_numbers_that_are_none_are_not_valid,
    sm_06_every_human_spelling_is_one_number,
    sm_04_countries_are_judged_by_region_not_by_calling_code,
    sm_01_a_refused_number_costs_nothing_and_says_nothing_about_accounts,
);

/// `phone_number` and, beside it, `country`.
type Written<'a> = (&'a str, Option<&'a str>);

fn registration((number, country): Written<'_>) -> Value {
    json!({
        "email": "ann@example.com",
        "password": "four unrelated words",
        "phone_number": number,
        "country": country,
    })
}

fn assert_not_allowed(service: &Service, number: &str, why: &str) {
    let answer = service.post(REGISTER, &registration((number, None)));
    assert_eq!(
        answer.outcome(),
        (422, "destination-not-allowed".to_owned()),
        "{number} {why}: {}",
        answer.text()
    );
    assert_eq!(service.provider_calls(number, "starts"), 0, "{number} {why}");
}

fn sm_02_numbers_of_other_kinds_than_mobile_are_refused(database: Database) {
    let service = Service::start(database);
    let table = [
        ("+4612345678", "fixed line"),
        ("+468123456", "fixed line"),
        ("+441212345678", "fixed line"),
        ("+390236618300", "fixed line"),
        ("+469001234567", "premium"),
        ("+449012345678", "premium"),
        ("+19002345678", "premium"),
        ("+46771234567", "shared cost"),
        ("+448431234567", "shared cost"),
        ("+4620123456", "toll-free"),
        ("+18002345678", "toll-free"),
        ("+448001234567", "toll-free"),
        ("+447012345678", "personal"),
        ("+46751234567", "personal"),
        ("+15002345678", "personal"),
        ("+447640123456", "pager"),
        ("+46740123456", "pager"),
        ("+445612345678", "internet telephony"),
        ("+445512345678", "company access number"),
    ];
    for (number, why) in table {
        assert_not_allowed(&service, number, why);
    }
    for (number, why) in
        [("+12015550123", "fixed or mobile"), ("+447400123456", "mobile"), ("+393123456789", "mobile")]
    {
        let answer = service.post(REGISTER, &registration((number, None)));
        assert_eq!(answer.status, 201, "{number} {why}: {}", answer.text());
    }
}

fn sm_03_international_and_satellite_codes_are_refused(database: Database) {
    let service = Service::start(database);
    let table = [
        ("+80012345678", "international toll-free"),
        ("+80812345678", "international shared cost"),
        ("+870301234567", "Inmarsat"),
        ("+881612345678", "Iridium"),
        ("+881631234567", "Iridium"),
        ("+8823421234", "international network"),
        ("+883510012345", "international network"),
        ("+979123456789", "international premium"),
    ];
    for (number, why) in table {
        assert_not_allowed(&service, number, why);
    }
}

fn sm_05_numbers_that_are_none_are_not_valid(database: Database) {
    let service = Service::start(database);
    let table: [Written<'_>; 22] = [
        ("", None),
        ("+", None),
        ("+4670", None),
        ("+46701740605123456", None),
        ("+999123456789", None),
        ("+46000000000", None),
        ("0701740605", None),
        ("701740605", None),
        ("++46701740605", None),
        ("46+701740605", None),
        ("+1 800 FLOWERS", None),
        ("+46 70 174 O6 05", None),
        ("tel:+46701740605", None),
        ("+46701740605;ext=1", None),
        ("+46701740605 ext. 12", None),
        ("+46701740605x12", None),
        ("+46701740605#12", None),
        ("+46701740605\0", None),
        ("+4670\u{200b}1740605", None),
        ("+46\u{ff17}01740605", None),
        ("\u{202e}+46701740605", None),
        ("070174", Some("SE")),
    ];
    for written in table {
        let fields = service.post(REGISTER, &registration(written)).refused_fields();
        let pointers: Vec<&str> = fields.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/phone_number"], "{written:?}");
    }
    let unknown_country = registration(("0701740605", Some("XX")));
    let fields = service.post(REGISTER, &unknown_country).refused_fields();
    assert!(fields.iter().any(|(pointer, _)| pointer == "/country"), "{fields:?}");
}

fn sm_06_every_human_spelling_is_one_number(database: Database) {
    let service = Service::start(database);
    let spellings: [Written<'_>; 9] = [
        ("+46701740605", None),
        ("+46 70 174 06 05", None),
        ("+46 (0)70-174 06 05", None),
        ("+46.70.174.06.05", None),
        (" +46\u{a0}70/1740605 ", None),
        ("070-174 06 05", Some("SE")),
        ("0701740605", Some("SE")),
        ("+46701740605", Some("US")),
        ("0046701740605", Some("SE")),
    ];
    for written in spellings {
        let challenge = Service::challenge_of(&service.post(REGISTER, &registration(written)));
        assert_eq!(challenge.destination.as_deref(), Some("+46•••••••05"), "{written:?}");
        assert_eq!(service.codes("+46701740605").len(), 1, "{written:?}");
    }
}

fn sm_04_countries_are_judged_by_region_not_by_calling_code(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__COUNTRIES__ALLOW", "SE, GB,US")]);
    let refused = [
        ("+447781123456", "Guernsey"),
        ("+447797712345", "Jersey"),
        ("+447624301234", "Isle of Man"),
        ("+18092345678", "Dominican Republic"),
        ("+18762101234", "Jamaica"),
        ("+15062345678", "Canada"),
        ("+4740612345", "Norway"),
    ];
    for (number, why) in refused {
        assert_not_allowed(&service, number, why);
    }
    for number in ["+46701740605", "+447400123456", "+12015550123"] {
        service.post(REGISTER, &registration((number, None))).assert_status(201);
    }
}

fn sm_01_a_refused_number_costs_nothing_and_says_nothing_about_accounts(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__COUNTRIES__ALLOW", "SE")]);
    let (owner, _) = service.signed_up();
    let with_email = |email: &str| {
        let mut body = registration(("+447400123456", None));
        body["email"] = json!(email);
        let mut problem = service.post(REGISTER, &body).refusal(422, "destination-not-allowed");
        problem["request_id"] = Value::Null;
        problem
    };
    assert_eq!(with_email(&owner.email), with_email("nobody@example.com"));
    service.log_in("nobody@example.com", "four unrelated words").refusal(401, "invalid-credentials");
}
