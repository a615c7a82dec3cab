//! The signed-in user: sessions, password, language, events, export, deletion.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Database, Person, Request, Service, Tokens, at_once};

on_both_databases!(
    asvs_7_5_2_users_list_their_sessions,
    asvs_7_4_1_an_ended_session_is_refused_at_once,
    asvs_7_4_1_ending_all_other_sessions_leaves_the_one_that_asks,
    asvs_8_2_2_sessions_of_others_are_not_found,
    of_parallel_ends_of_a_session_one_succeeds,
    the_language_is_set_and_forgotten,
    asvs_8_2_3_nothing_else_can_be_changed_in_the_profile,
    asvs_7_4_3_a_changed_password_ends_other_sessions,
    asvs_6_2_3_the_current_password_is_needed_and_its_failures_count,
    a_new_password_follows_the_rules_of_registration,
    of_parallel_changes_of_a_password_one_succeeds,
    a_deleted_account_is_gone_at_once_and_can_be_registered_anew,
    asvs_7_4_2_a_deletion_closes_the_sign_in_under_way,
    of_parallel_deletions_one_succeeds,
    the_users_events_are_listed_newest_first_and_in_pages,
    the_export_holds_everything,
    every_route_of_the_user_needs_a_token,
);

const SESSIONS: &str = "/api/v1/me/sessions";
const PASSWORD: &str = "/api/v1/me/password";
const EVENTS: &str = "/api/v1/me/events";
const EXPORT: &str = "/api/v1/me/export";
const ME: &str = "/api/v1/me";

const NEW_PASSWORD: &str = "copper-lantern-river";

fn get(service: &Service, path: &str, tokens: &Tokens) -> Value {
    service.send(&Request::get(path).bearer(&tokens.access_token)).expect(200)
}

fn delete(service: &Service, path: &str, tokens: &Tokens) -> Answer {
    service.send(&Request::new("DELETE", path).bearer(&tokens.access_token))
}

fn patch(service: &Service, tokens: &Tokens, body: &Value) -> Answer {
    service.send(&Request::new("PATCH", ME).bearer(&tokens.access_token).json(body))
}

fn change_password(service: &Service, tokens: &Tokens, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    service.send(&Request::post(PASSWORD).bearer(&tokens.access_token).json(&body))
}

fn sessions(service: &Service, tokens: &Tokens) -> Vec<Value> {
    get(service, SESSIONS, tokens)["sessions"].as_array().unwrap().clone()
}

fn id(session: &Value) -> String {
    session["id"].as_str().unwrap().to_owned()
}

fn current(service: &Service, tokens: &Tokens) -> String {
    id(sessions(service, tokens).iter().find(|session| session["current"] == true).unwrap())
}

fn names(service: &Service, tokens: &Tokens) -> Vec<String> {
    let events = get(service, EVENTS, tokens);
    let name = |event: &Value| event["name"].as_str().unwrap().to_owned();
    events["events"].as_array().unwrap().iter().map(name).collect()
}

/// Somebody with two sessions.
fn twice_signed_in(service: &Service) -> (Person, Tokens, Tokens) {
    let (person, first) = service.signed_up();
    let second = service.signed_in(&person);
    (person, first, second)
}

fn asvs_7_5_2_users_list_their_sessions(database: Database) {
    let service = Service::without_cooldown(database);
    let (_, first, second) = twice_signed_in(&service);
    let listed = sessions(&service, &second);
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["current"], &listed[1]["current"]), (&json!(true), &json!(false)));
    for session in &listed {
        let members: Vec<&String> = session.as_object().unwrap().keys().collect();
        assert_eq!(members, ["created_at", "current", "id", "ip", "last_used_at", "user_agent"]);
        assert_eq!(session["ip"], "127.0.0.1");
    }
    assert_eq!(current(&service, &first), id(&listed[1]));
    let refreshed: Tokens = service.refresh(&first.refresh_token).expect(200);
    assert_eq!(id(&sessions(&service, &refreshed)[0]), id(&listed[1]), "the most recently used comes first");
}

fn asvs_7_4_1_an_ended_session_is_refused_at_once(database: Database) {
    let service = Service::without_cooldown(database);
    let (_, first, second) = twice_signed_in(&service);
    let path = format!("{SESSIONS}/{}", current(&service, &first));
    delete(&service, &path, &second).assert_status(204);
    service.me(&first.access_token).refusal(401, "invalid-token");
    service.refresh(&first.refresh_token).refusal(401, "invalid-token");
    assert_eq!(sessions(&service, &second).len(), 1);
    delete(&service, &path, &second).refusal(404, "not-found");
    let own = format!("{SESSIONS}/{}", current(&service, &second));
    delete(&service, &own, &second).assert_status(204);
    service.me(&second.access_token).refusal(401, "invalid-token");
}

fn asvs_7_4_1_ending_all_other_sessions_leaves_the_one_that_asks(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first, second) = twice_signed_in(&service);
    let third = service.signed_in(&person);
    let stranger = service.signed_up().1;
    delete(&service, SESSIONS, &second).assert_status(204);
    for ended in [&first, &third] {
        service.me(&ended.access_token).refusal(401, "invalid-token");
        service.refresh(&ended.refresh_token).refusal(401, "invalid-token");
    }
    delete(&service, SESSIONS, &second).assert_status(204);
    assert_eq!(sessions(&service, &second).len(), 1);
    service.user(&stranger.access_token);
}

fn asvs_8_2_2_sessions_of_others_are_not_found(database: Database) {
    let service = Service::start(database);
    let (_, owner) = service.signed_up();
    let (_, stranger) = service.signed_up();
    let unknown = Uuid::nil().to_string();
    for id in [current(&service, &owner).as_str(), &unknown, "1", "not-an-id", "%00", "..%2fdevices"] {
        delete(&service, &format!("{SESSIONS}/{id}"), &stranger).refusal(404, "not-found");
    }
    service.user(&owner.access_token);
}

fn of_parallel_ends_of_a_session_one_succeeds(database: Database) {
    let service = Service::without_cooldown(database);
    let (_, first, second) = twice_signed_in(&service);
    let path = format!("{SESSIONS}/{}", current(&service, &first));
    let answers = at_once(10, |_| delete(&service, &path, &second).status);
    assert_eq!(answers.iter().filter(|status| **status == 204).count(), 1, "{answers:?}");
    let ends = names(&service, &second).into_iter().filter(|name| name == "authn_token_revoked");
    assert_eq!(ends.count(), 1);
}

fn the_language_is_set_and_forgotten(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    for (body, expected) in [
        (json!({"locale": "de-AT"}), Some("de-AT")),
        (json!({}), Some("de-AT")),
        (json!({"locale": null}), None),
        (json!({"locale": "sv"}), Some("sv")),
    ] {
        let answer: Value = patch(&service, &tokens, &body).expect(200);
        assert_eq!(answer["locale"].as_str(), expected, "{body}");
        assert_eq!(service.user(&tokens.access_token).locale.as_deref(), expected);
    }
    let refused = |body: Value| patch(&service, &tokens, &body).refused_fields();
    let locale = |code: &str| vec![("/locale".to_owned(), code.to_owned())];
    assert_eq!(refused(json!({"locale": 7})), locale("wrong-type"));
    assert_eq!(refused(json!({"locale": "no language"})).len(), 1);
    assert_eq!(service.user(&tokens.access_token).locale.as_deref(), Some("sv"));
}

fn asvs_8_2_3_nothing_else_can_be_changed_in_the_profile(database: Database) {
    let service = Service::start(database);
    let (person, tokens) = service.signed_up();
    let wish = json!({"email": "else@example.com", "phone_number": "+46701740605", "id": Uuid::nil(), "factors": []});
    patch(&service, &tokens, &wish).assert_status(200);
    let user = service.user(&tokens.access_token);
    assert_eq!((user.email, user.phone_number, user.id), (person.email, person.phone, tokens.user.id));
}

fn asvs_7_4_3_a_changed_password_ends_other_sessions(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first, second) = twice_signed_in(&service);
    change_password(&service, &second, &person.password, NEW_PASSWORD).assert_status(204);
    service.me(&first.access_token).refusal(401, "invalid-token");
    service.refresh(&first.refresh_token).refusal(401, "invalid-token");
    service.user(&second.access_token);
    service.log_in(&person.email, &person.password).refusal(401, "invalid-credentials");
    service.signed_in(&Person { password: NEW_PASSWORD.to_owned(), ..person });
    assert!(names(&service, &second).contains(&"authn_password_change".to_owned()));
}

fn asvs_6_2_3_the_current_password_is_needed_and_its_failures_count(database: Database) {
    let service = Service::start(database);
    let (person, tokens) = service.signed_up();
    for _ in 0..6 {
        change_password(&service, &tokens, "a wrong password", NEW_PASSWORD)
            .refusal(403, "invalid-credentials");
    }
    change_password(&service, &tokens, &person.password, NEW_PASSWORD).refusal(429, "rate-limited");
    service.log_in(&person.email, &person.password).refusal(429, "rate-limited");
    service.user(&tokens.access_token);
    let failures = names(&service, &tokens).into_iter().filter(|name| name == "authn_password_change_fail");
    assert_eq!(failures.count(), 6);
}

fn a_new_password_follows_the_rules_of_registration(database: Database) {
    let service = Service::start(database);
    let (person, tokens) = service.signed_up();
    for weak in ["short", "password1", person.email.as_str(), &"x".repeat(129)] {
        let fields = change_password(&service, &tokens, &person.password, weak).refused_fields();
        assert_eq!(fields.len(), 1, "{weak}");
        assert_eq!(fields[0].0, "/new_password");
    }
    let bare = service.send(&Request::post(PASSWORD).bearer(&tokens.access_token).json(&json!({})));
    assert_eq!(bare.refused_fields().len(), 2);
}

fn of_parallel_changes_of_a_password_one_succeeds(database: Database) {
    let service = Service::start(database);
    let (person, tokens) = service.signed_up();
    let answers = at_once(4, |number| {
        change_password(&service, &tokens, &person.password, &format!("{NEW_PASSWORD}-{number}")).outcome()
    });
    assert_eq!(answers.iter().filter(|(status, _)| *status == 204).count(), 1, "{answers:?}");
    let others = answers.iter().filter(|(status, _)| *status != 204);
    assert!(
        others.clone().all(|(status, code)| *status == 403 && code == "invalid-credentials"),
        "{answers:?}"
    );
}

fn a_deleted_account_is_gone_at_once_and_can_be_registered_anew(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first, second) = twice_signed_in(&service);
    delete(&service, ME, &first).assert_status(204);
    for tokens in [&first, &second] {
        service.me(&tokens.access_token).refusal(401, "invalid-token");
        service.refresh(&tokens.refresh_token).refusal(401, "invalid-token");
        delete(&service, ME, tokens).refusal(401, "invalid-token");
    }
    service.log_in(&person.email, &person.password).refusal(401, "invalid-credentials");
    let again = service.proven(&service.registered(&person), &person.phone);
    assert_ne!(again.user.id, first.user.id, "ids are never used again");
    assert_eq!(names(&service, &again), ["user_created"], "the past is not the new owner's");
}

fn asvs_7_4_2_a_deletion_closes_the_sign_in_under_way(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    let challenge = service.challenged(&person);
    let code = service.code(&person.phone);
    delete(&service, ME, &tokens).assert_status(204);
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
}

fn of_parallel_deletions_one_succeeds(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let answers = at_once(10, |_| delete(&service, ME, &tokens).status);
    assert_eq!(answers.iter().filter(|status| **status == 204).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [204, 401].contains(status)), "{answers:?}");
}

fn the_users_events_are_listed_newest_first_and_in_pages(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first) = service.signed_up();
    service.log_in(&person.email, "a wrong password").refusal(401, "invalid-credentials");
    let second = service.signed_in(&person);
    service.log_out(&first.access_token).assert_status(204);
    let expected = ["authn_token_revoked", "authn_login_success", "authn_login_fail", "user_created"];
    assert_eq!(names(&service, &second), expected);

    let events = get(&service, EVENTS, &second);
    let second_event = &events["events"][1];
    assert_eq!(second_event["session_id"], current(&service, &second));
    assert_eq!(
        (&second_event["ip"], &events["events"][2]["session_id"]),
        (&json!("127.0.0.1"), &Value::Null)
    );
    let page = get(&service, &format!("{EVENTS}?before={}", id(second_event)), &second);
    assert_eq!(page["events"].as_array().unwrap()[..], events["events"].as_array().unwrap()[2..]);
    for query in ["before=1", "before=", "before=a&before=b"] {
        let answer = service.send(&Request::get(&format!("{EVENTS}?{query}")).bearer(&second.access_token));
        assert_eq!(answer.refused_fields(), [("/before".to_owned(), "invalid-id".to_owned())], "{query}");
    }
    let stranger = service.signed_up().1;
    assert_eq!(names(&service, &stranger), ["user_created"]);
}

fn the_export_holds_everything(database: Database) {
    let service = Service::without_cooldown(database);
    let (_, _, tokens) = twice_signed_in(&service);
    let export = get(&service, EXPORT, &tokens);
    assert_eq!(export["user"], get(&service, ME, &tokens));
    assert_eq!(export["sessions"], get(&service, SESSIONS, &tokens)["sessions"]);
    assert_eq!(export["events"], get(&service, EVENTS, &tokens)["events"]);
    let messages = export["messages"].as_array().unwrap();
    let told: Vec<_> = messages.iter().map(|message| (&message["purpose"], &message["outcome"])).collect();
    let entered = |purpose: &str| (json!(purpose), json!("entered"));
    let expected = [entered("login"), entered("registration")];
    assert_eq!(told, expected.iter().map(|(purpose, outcome)| (purpose, outcome)).collect::<Vec<_>>());
    let secret = [&tokens.access_token, &tokens.refresh_token];
    assert!(secret.iter().all(|secret| !export.to_string().contains(secret.as_str())));
}

fn every_route_of_the_user_needs_a_token(database: Database) {
    let service = Service::start(database);
    for (method, path) in [
        ("GET", ME),
        ("PATCH", ME),
        ("DELETE", ME),
        ("GET", EXPORT),
        ("GET", EVENTS),
        ("POST", PASSWORD),
        ("GET", SESSIONS),
        ("DELETE", SESSIONS),
        ("DELETE", "/api/v1/me/sessions/0198f0e2-0000-7000-8000-000000000000"),
        ("POST", "/api/v1/auth/step-up"),
    ] {
        let request = Request::new(method, path).header("content-type", "application/json").body("not JSON");
        service.send(&request).refusal(401, "invalid-token");
        service.send(&request.bearer("a.b.c")).refusal(401, "invalid-token");
    }
}
