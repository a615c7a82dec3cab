//! Many callers at the same moment.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::client::{Challenge, Database, Person, Service, Tokens, at_once, other_than, until};

on_both_databases!(
    rc_05_parallel_registrations_are_one_challenge_and_one_message,
    rc_05_parallel_sign_ins_are_one_challenge_and_one_message,
    rc_05_parallel_requests_for_a_code_send_one_message,
    rc_05_parallel_registrations_with_many_passwords_send_one_message,
    asvs_6_5_1_of_50_right_codes_one_opens_a_session,
    asvs_6_5_1_of_50_right_codes_of_a_sign_in_one_opens_a_session,
    asvs_6_6_3_of_50_wrong_codes_exactly_five_are_counted,
    rc_04_of_parallel_owners_of_one_e_mail_one_gets_the_account,
    rc_04_of_parallel_owners_of_one_number_one_gets_the_account,
    tk_06_50_parallel_refreshes_leave_one_live_successor,
    asvs_15_2_2_a_flood_of_passwords_is_refused_in_part_and_leaves_the_rest_fast,
    asvs_7_4_1_a_refresh_beside_a_logout_keeps_no_session,
);

/// Whom parallel callers got: one challenge, and whether it was sent.
fn assert_one_challenge(challenges: &[Challenge]) {
    let ids: BTreeSet<&str> = challenges.iter().map(|challenge| challenge.id.as_str()).collect();
    assert_eq!(ids.len(), 1, "{challenges:?}");
    assert_eq!(challenges.iter().filter(|challenge| challenge.sent).count(), 1, "{challenges:?}");
}

fn rc_05_parallel_registrations_are_one_challenge_and_one_message(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenges = at_once(20, |_| service.registered(&person));
    assert_one_challenge(&challenges);
    assert_eq!(service.provider_calls(&person.phone, "starts"), 1);
    service.proven(&challenges[0], &person.phone);
}

fn rc_05_parallel_sign_ins_are_one_challenge_and_one_message(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "5")]);
    let person = service.person();
    let registration = service.registered(&person);
    service.proven(&registration, &person.phone);
    wait_for(registration.resend_available_at);
    let challenges = at_once(20, |_| service.challenged(&person));
    assert_one_challenge(&challenges);
    assert_eq!(service.provider_calls(&person.phone, "starts"), 2);
    service.proven(&challenges[0], &person.phone);
}

fn wait_for(time: Option<Timestamp>) {
    until("the cooldown's end", || (Some(Timestamp::now()) > time).then_some(()));
}

fn rc_05_parallel_requests_for_a_code_send_one_message(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "5")]);
    let person = service.person();
    let challenge = service.registered(&person);
    wait_for(challenge.resend_available_at);
    let answers = at_once(20, |_| service.request_otp(&challenge).outcome());
    let sent = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(sent, 1, "{answers:?}");
    assert!(answers.iter().all(|(status, code)| *status == 200 || code == "resend-too-soon"), "{answers:?}");
    assert_eq!(service.codes(&person.phone).len(), 2);
}

fn rc_05_parallel_registrations_with_many_passwords_send_one_message(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenges = at_once(20, |place| {
        service.registered(&Person { password: format!("another password {place}"), ..person.clone() })
    });
    let ids: BTreeSet<&str> = challenges.iter().map(|challenge| challenge.id.as_str()).collect();
    assert_eq!(ids.len(), 20);
    assert_eq!(challenges.iter().filter(|challenge| challenge.sent).count(), 1);
    assert_eq!(service.provider_calls(&person.phone, "starts"), 1);
}

fn assert_one_session(service: &Service, person: &Person, challenge: &Challenge) {
    let code = service.code(&person.phone);
    let answers = at_once(50, |_| service.verify(challenge, &code));
    let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(opened.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| [200, 401, 410].contains(&answer.status)));
    service.user(&opened[0].expect::<Tokens>(200).access_token);
    service.verify(challenge, &code).refusal(410, "challenge-closed");
}

fn asvs_6_5_1_of_50_right_codes_one_opens_a_session(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    assert_one_session(&service, &person, &challenge);
}

fn asvs_6_5_1_of_50_right_codes_of_a_sign_in_one_opens_a_session(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let challenge = service.challenged(&person);
    assert_one_session(&service, &person, &challenge);
}

fn asvs_6_6_3_of_50_wrong_codes_exactly_five_are_counted(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let code = service.code(&person.phone);
    let wrong = other_than(&code);
    let answers = at_once(50, |_| service.verify(&challenge, &wrong));
    let mut left: Vec<u64> =
        answers.iter().filter_map(|answer| answer.json()["attempts_left"].as_u64()).collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    let closed = answers.iter().filter(|answer| answer.outcome() == (410, "challenge-closed".to_owned()));
    assert_eq!(closed.count(), 45);
    assert_eq!(service.provider_calls(&person.phone, "reports"), 5);
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
}

/// Proves all of `registrations` at once: one gets the account, and the others
/// are told nothing but that it exists or that their challenge is over.
fn assert_one_account(service: &Service, registrations: &[(Challenge, Person)]) {
    let codes: Vec<String> = registrations.iter().map(|(_, person)| service.code(&person.phone)).collect();
    let answers =
        at_once(registrations.len(), |place| service.verify(&registrations[place].0, &codes[place]));
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401, 409, 410].contains(status)), "{statuses:?}");
}

fn rc_04_of_parallel_owners_of_one_e_mail_one_gets_the_account(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_HOUR", "100")]);
    let spellings =
        ["\u{e5}sa@example.com", "A\u{30a}SA@example.com", "\u{c5}sa@EXAMPLE.com", "a\u{30a}sa@example.COM"];
    let registrations: Vec<(Challenge, Person)> = (0..16)
        .map(|place| Person { email: spellings[place % 4].to_owned(), ..service.person() })
        .map(|person| (service.registered(&person), person))
        .collect();
    assert_one_account(&service, &registrations);
}

fn rc_04_of_parallel_owners_of_one_number_one_gets_the_account(database: Database) {
    let service = Service::start(database);
    let phone = service.person().phone;
    let registrations: Vec<(Challenge, Person)> = (0..16)
        .map(|_| Person { phone: phone.clone(), ..service.person() })
        .map(|person| (service.registered(&person), person))
        .collect();
    assert_one_account(&service, &registrations);
}

fn tk_06_50_parallel_refreshes_leave_one_live_successor(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let answers = at_once(50, |_| service.refresh(&tokens.refresh_token));
    let issued: Vec<Tokens> =
        answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.expect(200)).collect();
    assert!(!issued.is_empty());
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.outcome().1 == "invalid-token"));
    for tokens in &issued {
        service.user(&tokens.access_token);
    }
    let successors: Vec<u16> =
        issued.iter().map(|tokens| service.refresh(&tokens.refresh_token).status).collect();
    assert_eq!(successors.iter().filter(|status| **status == 200).count(), 1, "{successors:?}");
}

fn asvs_7_4_1_a_refresh_beside_a_logout_keeps_no_session(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let answers = at_once(20, |place| match place % 2 {
        0 => service.refresh(&tokens.refresh_token),
        _ => service.log_out(&tokens.access_token),
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        let issued: Tokens = answer.expect(200);
        service.me(&issued.access_token).refusal(401, "invalid-token");
        service.refresh(&issued.refresh_token).refusal(401, "invalid-token");
    }
}

fn asvs_15_2_2_a_flood_of_passwords_is_refused_in_part_and_leaves_the_rest_fast(database: Database) {
    let settings = [
        ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "10"),
        ("OTP_LOGIN__PASSWORD__WORKERS", "1"),
        ("OTP_LOGIN__PASSWORD__MAX_WAIT_MS", "100"),
    ];
    let service = Service::with(database, &settings);
    let (_, tokens) = service.signed_up();
    let answers = at_once(31, |place| match place {
        30 => {
            let begun = Instant::now();
            service.user(&tokens.access_token);
            assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
            (401, "invalid-credentials".to_owned())
        }
        place => service.log_in(&format!("nobody{place}@example.com"), "not the password").outcome(),
    });
    let refused = answers.iter().filter(|answer| **answer == (503, "overloaded".to_owned())).count();
    let served = answers.iter().filter(|answer| **answer == (401, "invalid-credentials".to_owned())).count();
    assert!(refused > 0 && refused + served == answers.len(), "{answers:?}");
}
