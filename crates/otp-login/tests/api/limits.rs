//! Limits: of requests by address, of messages and guesses by account, number
//! and country.

use serde_json::Value;

use crate::client::{Answer, Challenge, Database, Person, Request, Service, other_than};

on_both_databases!(
    d_06_a_number_gets_so_many_messages_in_an_hour_whoever_asks,
    d_07_an_account_causes_so_many_messages_in_an_hour,
    d_08_a_country_gets_so_many_messages_in_an_hour,
    d_04_an_account_has_so_many_guesses_in_an_hour_over_all_challenges,
    nb_04_a_right_code_gives_the_guesses_back,
    en_06_a_refusal_does_not_say_which_limit_fired,
    hx_04_each_address_has_its_own_limit_of_requests,
    asvs_4_1_3_forwarded_addresses_count_only_from_trusted_proxies,
);

const NO_COOLDOWN: (&str, &str) = ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0");

fn d_06_a_number_gets_so_many_messages_in_an_hour_whoever_asks(database: Database) {
    let service = Service::with(database, &[NO_COOLDOWN, ("OTP_LOGIN__RATE_LIMIT__PHONE_PER_HOUR", "2")]);
    let phone = service.person().phone;
    let newcomer = || Person { phone: phone.clone(), ..service.person() };
    service.registered(&newcomer());
    service.registered(&newcomer());
    let last = newcomer();
    let sharing = service.registered(&last);
    assert!(!sharing.sent, "the code sent last serves this registration too");
    let assert_refused = |refused: &Answer| {
        refused.refusal(429, "rate-limited");
        assert!((3500..=3600).contains(&refused.retry_after()));
        assert_eq!(service.codes(&phone).len(), 2);
    };
    assert_refused(&service.request_otp(&sharing));
    service.proven(&sharing, &phone);
    assert_refused(&service.register(&newcomer()));
    assert_refused(&service.log_in(&last.email, &last.password));
    service.registered(&service.person());
}

fn d_07_an_account_causes_so_many_messages_in_an_hour(database: Database) {
    let settings = [
        NO_COOLDOWN,
        ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_HOUR", "2"),
        ("OTP_LOGIN__RATE_LIMIT__PHONE_PER_HOUR", "100"),
    ];
    let service = Service::with(database, &settings);
    let (person, _) = service.signed_up();
    service.signed_in(&person);
    service.signed_in(&person);
    let refused = service.log_in(&person.email, &person.password);
    refused.refusal(429, "rate-limited");
    assert!((3500..=3600).contains(&refused.retry_after()));
    service.signed_up();
}

fn d_08_a_country_gets_so_many_messages_in_an_hour(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__RATE_LIMIT__COUNTRY_PER_HOUR", "2")]);
    service.registered(&service.person());
    service.registered(&service.person());
    let refused = service.register(&service.person());
    refused.refusal(429, "rate-limited");
    assert!((3500..=3600).contains(&refused.retry_after()));
    let abroad = Person { phone: "+447400123456".to_owned(), ..service.person() };
    service.registered(&abroad);
}

fn wrong(service: &Service, challenge: &Challenge, person: &Person) -> Answer {
    service.verify(challenge, &other_than(&service.code(&person.phone)))
}

fn d_04_an_account_has_so_many_guesses_in_an_hour_over_all_challenges(database: Database) {
    let settings = [NO_COOLDOWN, ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_HOUR", "7")];
    let service = Service::with(database, &settings);
    let (person, _) = service.signed_up();
    let first = service.challenged(&person);
    (0..5).for_each(|_| wrong(&service, &first, &person).assert_status(401));
    let second = service.challenged(&person);
    assert_ne!(second.id, first.id);
    (0..2).for_each(|_| wrong(&service, &second, &person).assert_status(401));
    let refused = service.verify(&second, &service.code(&person.phone));
    refused.refusal(429, "rate-limited");
    assert!((3500..=3600).contains(&refused.retry_after()));
}

fn nb_04_a_right_code_gives_the_guesses_back(database: Database) {
    let settings = [
        NO_COOLDOWN,
        ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_HOUR", "6"),
        ("OTP_LOGIN__RATE_LIMIT__PHONE_PER_HOUR", "100"),
    ];
    let service = Service::with(database, &settings);
    let (person, _) = service.signed_up();
    for _ in 0..3 {
        let challenge = service.challenged(&person);
        (0..4).for_each(|_| wrong(&service, &challenge, &person).assert_status(401));
        service.proven(&challenge, &person.phone);
    }
}

fn en_06_a_refusal_does_not_say_which_limit_fired(database: Database) {
    let settings = [
        NO_COOLDOWN,
        ("OTP_LOGIN__RATE_LIMIT__PHONE_PER_HOUR", "1"),
        ("OTP_LOGIN__RATE_LIMIT__COUNTRY_PER_HOUR", "2"),
    ];
    let service = Service::with(database, &settings);
    let (person, _) = service.signed_up();
    let by_number = service.log_in(&person.email, &person.password);
    service.registered(&service.person());
    let by_country = service.register(&service.person());
    (0..6).for_each(|_| service.log_in("nobody@example.com", "not the password").assert_status(401));
    let by_failures = service.log_in("nobody@example.com", "not the password");
    let anonymous = |answer: &Answer| {
        let mut problem = answer.refusal(429, "rate-limited");
        problem["request_id"] = Value::Null;
        problem["retry_after"] = Value::Null;
        problem
    };
    assert_eq!(anonymous(&by_number), anonymous(&by_country));
    assert_eq!(anonymous(&by_number), anonymous(&by_failures));
}

/// What a burst of ten requests is answered.
fn burst(service: &Service, forwarded_for: impl Fn(usize) -> Option<String>) -> Vec<u16> {
    let ask = |place: usize| {
        let request = Request::get("/problems");
        let request = match forwarded_for(place) {
            Some(address) => request.header("x-forwarded-for", &address),
            None => request,
        };
        let answer = request.send(service.address());
        if answer.status == 429 {
            answer.refusal(429, "rate-limited");
            assert!((1..=60).contains(&answer.retry_after()));
        }
        answer.status
    };
    (0..10).map(ask).collect()
}

fn passed(statuses: &[u16]) -> usize {
    statuses.iter().filter(|status| **status == 200).count()
}

const FEW: [(&str, &str); 2] =
    [("OTP_LOGIN__RATE_LIMIT__IP_PER_MINUTE", "1"), ("OTP_LOGIN__RATE_LIMIT__IP_BURST", "4")];

fn hx_04_each_address_has_its_own_limit_of_requests(database: Database) {
    let service = Service::with(database, &FEW);
    assert_eq!(passed(&burst(&service, |_| None)), 4);
    assert_eq!(passed(&burst(&service, |place| Some(format!("198.51.100.{place}")))), 0, "nobody is trusted");
    for path in ["/health", "/health/ready"] {
        (0..10).for_each(|_| assert_eq!(Request::get(path).send(service.address()).status, 200));
    }
}

fn asvs_4_1_3_forwarded_addresses_count_only_from_trusted_proxies(database: Database) {
    let service = Service::with(
        database,
        &[FEW[0], FEW[1], ("OTP_LOGIN__SERVER__TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")],
    );
    let forwarded = |list: &str| passed(&burst(&service, |_| Some(list.to_owned())));
    assert_eq!(passed(&burst(&service, |place| Some(format!("198.51.100.{place}")))), 10);
    assert_eq!(forwarded("203.0.113.1"), 4);
    assert_eq!(
        passed(&burst(&service, |place| Some(format!("198.51.100.{place}, 203.0.113.1")))),
        0,
        "made up on the left"
    );
    assert_eq!(forwarded("203.0.113.1, 10.1.2.3"), 0, "a trusted hop vouches for the one before");
    assert_eq!(forwarded("::ffff:203.0.113.1"), 0, "IPv4 in IPv6 is the same");
    let same_64 = passed(&burst(&service, |place| Some(format!("2001:db8:1:2::{place:x}"))));
    assert_eq!(same_64, 4);
    assert_eq!(forwarded("2001:db8:1:3::1"), 4);
}
