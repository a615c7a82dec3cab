//! The admin API on the real service.

use serde_json::{Value, json};

use crate::client::{Answer, Challenge, Database, Request, Service, until};

on_both_databases!(
    asvs_7_4_2_a_lock_ends_everything_at_once_until_it_is_taken_away,
    asvs_6_4_6_all_sessions_of_somebody_end_and_the_account_stays,
    asvs_6_4_6_an_operator_starts_a_reset_that_its_owner_finishes,
    en_01_a_locked_account_gets_no_code_of_a_reset,
    an_account_is_found_seen_and_deleted,
    asvs_8_2_3_keys_and_tokens_open_nothing_of_each_other,
    en_01_a_locked_account_is_answered_like_an_unknown_one,
    tn_08_each_use_of_a_key_is_logged_and_two_are_valid_at_once,
);

pub(crate) const ADMIN_KEY: &str = "acceptance-key-of-the-operators-0123456789abcdef";
pub(crate) const USERS: &str = "/api/v1/admin/users";

const SETTINGS: [(&str, &str); 2] =
    [("OTP_LOGIN__ADMIN__API_KEY", ADMIN_KEY), ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0")];

fn admin(service: &Service, method: &str, path: &str) -> Answer {
    service.send(&Request::new(method, path).bearer(ADMIN_KEY))
}

fn lock(service: &Service, id: &str) {
    let request = Request::post(&format!("{USERS}/{id}/lock")).bearer(ADMIN_KEY);
    service.send(&request.json(&json!({"reason": "phone stolen"}))).assert_status(204);
}

/// The id of whoever holds an access token.
fn id_of(service: &Service, access_token: &str) -> String {
    service.me(access_token).json()["id"].as_str().unwrap().to_owned()
}

fn names(answer: &Answer) -> Vec<String> {
    let events = answer.json();
    let name = |event: &Value| event["name"].as_str().unwrap().to_owned();
    events["events"].as_array().unwrap().iter().map(name).collect()
}

fn asvs_7_4_2_a_lock_ends_everything_at_once_until_it_is_taken_away(database: Database) {
    let service = Service::with(database, &SETTINGS);
    let (person, tokens) = service.signed_up();
    let (_, of_stranger) = service.signed_up();
    let id = id_of(&service, &tokens.access_token);
    let challenge = service.challenged(&person);

    lock(&service, &id);

    service.me(&tokens.access_token).refusal(401, "invalid-token");
    service.refresh(&tokens.refresh_token).refusal(401, "invalid-token");
    service.verify(&challenge, &service.code(&person.phone)).refusal(410, "challenge-closed");
    service.log_in(&person.email, &person.password).refusal(401, "invalid-credentials");
    service.me(&of_stranger.access_token).assert_status(200);
    let seen = admin(&service, "GET", &format!("{USERS}/{id}")).json();
    assert_eq!((&seen["lock_reason"], &seen["sessions"]), (&json!("phone stolen"), &json!([])));
    assert!(seen["locked_at"].is_string());
    let of_user = admin(&service, "GET", &format!("{USERS}/{id}/events"));
    assert_eq!(names(&of_user)[..2], ["authn_login_fail", "authn_login_lock"]);
    let all = admin(&service, "GET", "/api/v1/admin/events").json();
    let recorded = all["events"].as_array().unwrap().iter().find(|event| event["name"] == "authn_login_lock");
    assert_eq!((&recorded.unwrap()["user_id"], &recorded.unwrap()["ip"]), (&json!(id), &Value::Null));

    admin(&service, "POST", &format!("{USERS}/{id}/unlock")).assert_status(204);
    service.me(&tokens.access_token).refusal(401, "invalid-token");
    let challenge = service.challenged(&person);
    service.proven(&challenge, &person.phone);
}

fn asvs_6_4_6_all_sessions_of_somebody_end_and_the_account_stays(database: Database) {
    let service = Service::with(database, &SETTINGS);
    let (person, first) = service.signed_up();
    let id = id_of(&service, &first.access_token);
    let second = service.proven(&service.challenged(&person), &person.phone);

    admin(&service, "DELETE", &format!("{USERS}/{id}/sessions")).assert_status(204);

    for tokens in [first, second] {
        service.me(&tokens.access_token).refusal(401, "invalid-token");
        service.refresh(&tokens.refresh_token).refusal(401, "invalid-token");
    }
    service.proven(&service.challenged(&person), &person.phone);
}

fn start_reset(service: &Service, id: &str) -> Answer {
    admin(service, "POST", &format!("{USERS}/{id}/password-reset"))
}

fn forgotten(service: &Service, email: &str) -> Challenge {
    Service::challenge_in(&service.post("/api/v1/auth/password/forgot", &json!({"email": email})), 202)
}

fn asvs_6_4_6_an_operator_starts_a_reset_that_its_owner_finishes(database: Database) {
    let service = Service::with(database, &[SETTINGS[0], ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "3")]);
    let (person, tokens) = service.signed_up();
    let id = id_of(&service, &tokens.access_token);
    // The message waits for the cooldown of the number.
    let code = until("the code", || {
        let started = start_reset(&service, &id);
        assert_eq!((started.status, started.text()), (202, ""));
        let codes = service.codes(&person.phone);
        (codes.len() > 1).then(|| codes[0].clone())
    });

    let challenge = forgotten(&service, &person.email);

    assert_eq!(challenge.purpose, "password_reset");
    let new = "copper lantern river";
    let body = json!({"challenge_id": challenge.id, "code": code, "new_password": new});
    service.post("/api/v1/auth/password/reset", &body).assert_status(204);
    assert_eq!(service.codes(&person.phone).len(), 2, "one message of the operator, none of the owner");
    let of_user = names(&admin(&service, "GET", &format!("{USERS}/{id}/events")));
    assert_eq!(of_user[0], "authn_password_reset");
    assert!(of_user.contains(&"authn_password_reset_start".to_owned()), "{of_user:?}");
    service.log_in(&person.email, &person.password).refusal(401, "invalid-credentials");
    service.log_in(&person.email, new).assert_status(200);
}

fn en_01_a_locked_account_gets_no_code_of_a_reset(database: Database) {
    let service = Service::with(database, &SETTINGS);
    let (person, tokens) = service.signed_up();
    let id = id_of(&service, &tokens.access_token);
    lock(&service, &id);

    start_reset(&service, &id).refusal(409, "account-locked");
    let of_locked = forgotten(&service, &person.email);
    let of_nobody = forgotten(&service, "nobody@example.com");

    assert_eq!((of_locked.sent, of_locked.methods), (of_nobody.sent, of_nobody.methods));
    admin(&service, "POST", &format!("{USERS}/{id}/unlock")).assert_status(204);
    let challenge = forgotten(&service, &person.email);
    let code = until("the code after the lock", || {
        let codes = service.codes(&person.phone);
        (codes.len() > 1).then(|| codes[0].clone())
    });
    assert_eq!(service.codes(&person.phone).len(), 2, "none was sent while it was locked");
    let new = "copper lantern river";
    let body = json!({"challenge_id": challenge.id, "code": code, "new_password": new});
    service.post("/api/v1/auth/password/reset", &body).assert_status(204);
}

fn an_account_is_found_seen_and_deleted(database: Database) {
    let service = Service::with(database, &SETTINGS);
    let (person, tokens) = service.signed_up();
    let (other, _) = service.signed_up();
    let id = id_of(&service, &tokens.access_token);
    let found = |query: &str| -> Vec<String> {
        let answer = admin(&service, "GET", &format!("{USERS}?{query}")).json();
        let users = answer["users"].as_array().unwrap().clone();
        users.iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
    };
    let both = vec![person.email.clone(), other.email.clone()];
    assert_eq!(found(""), both);
    assert_eq!(found("query=@EXAMPLE"), both);
    assert_eq!(found(&format!("after={id}")), both[1..]);
    for query in [id.clone(), person.email.clone(), person.phone.replace('+', "%2B")] {
        assert_eq!(found(&format!("query={query}")), both[..1], "{query}");
    }
    for query in ["%25", "_", "%5C", "%27%20OR%201=1"] {
        assert_eq!(found(&format!("query={query}")), Vec::<String>::new(), "asvs_1_2_4: {query}");
    }
    let seen = admin(&service, "GET", &format!("{USERS}/{id}"));
    assert_eq!(seen.json()["sessions"].as_array().unwrap().len(), 1);
    assert!(!seen.text().contains("hash") && !seen.text().contains("$otp1$"), "{}", seen.text());

    admin(&service, "DELETE", &format!("{USERS}/{id}")).assert_status(204);
    service.me(&tokens.access_token).refusal(401, "invalid-token");
    for (method, rest) in [("GET", ""), ("DELETE", ""), ("POST", "/unlock"), ("DELETE", "/sessions")] {
        admin(&service, method, &format!("{USERS}/{id}{rest}")).refusal(404, "not-found");
    }
    assert_eq!(names(&admin(&service, "GET", &format!("{USERS}/{id}/events")))[0], "user_deleted");
    assert_eq!(found(""), both[1..]);
}

fn asvs_8_2_3_keys_and_tokens_open_nothing_of_each_other(database: Database) {
    let service = Service::with(database, &SETTINGS);
    let (_, tokens) = service.signed_up();
    for token in [&tokens.access_token, &tokens.refresh_token, "a.b.c"] {
        let request = Request::get(USERS).bearer(token);
        service.send(&request).refusal(401, "invalid-token");
    }
    service.send(&Request::get(USERS)).refusal(401, "invalid-token");
    let in_query = Request::get(&format!("{USERS}?access_token={ADMIN_KEY}"));
    service.send(&in_query).refusal(401, "invalid-token");
    service.me(ADMIN_KEY).refusal(401, "invalid-token");
    service.log_out(ADMIN_KEY).refusal(401, "invalid-token");
    let without_key = Service::start(database);
    admin(&without_key, "GET", USERS).refusal(404, "not-found");
}

fn en_01_a_locked_account_is_answered_like_an_unknown_one(database: Database) {
    let service = Service::with(database, &SETTINGS);
    let (person, tokens) = service.signed_up();
    lock(&service, &id_of(&service, &tokens.access_token));
    let told = |email: &str| {
        let answer = service.log_in(email, &person.password);
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"));
        headers.sort();
        (answer.status, headers, body)
    };
    for _ in 0..5 {
        assert_eq!(told(&person.email), told("nobody@example.com"));
    }
}

fn tn_08_each_use_of_a_key_is_logged_and_two_are_valid_at_once(database: Database) {
    const NEXT_KEY: &str = "next-key-of-the-operators-0123456789abcdefghijk";
    let both = format!("{ADMIN_KEY},{NEXT_KEY}");
    let service = Service::with(database, &[("OTP_LOGIN__ADMIN__API_KEY", &both)]);
    for key in [ADMIN_KEY, NEXT_KEY] {
        service.send(&Request::get(USERS).bearer(key)).assert_status(200);
    }
    service.send(&Request::get(USERS).bearer(&both.replace(',', "."))).refusal(401, "invalid-token");
    let output = until("the uses are logged", || {
        let output = service.server.output();
        (output.matches("authz_admin").count() == 2 && output.contains("authz_fail")).then_some(output)
    });
    assert!(!output.contains(ADMIN_KEY) && !output.contains(NEXT_KEY), "{output}");
}
