//! The admin API.

use domain::{
    AccountLock, AccountName, AccountQuery, EntryTimes, EventName, FigureDimension, FigureGroup, LockReason,
    Money, PasswordFailures, SendFigures, UserId,
};
use http_actix::HttpSettings;
use ports::{Account, FigureCell, LockChange};
use serde_json::json;

use crate::answers::{expected_user, is, outage};
use crate::support::{Answer, Service, settings};
use crate::world::{ACCESS_TOKEN, ADMIN_KEY, World, sign_in, user};

const USERS: &str = "/api/v1/admin/users";
const USER: &str = "/api/v1/admin/users/00000000-0000-0000-0000-000000000003";
const EVENTS: &str = "/api/v1/admin/events";
const STATISTICS: &str = "/api/v1/admin/statistics/deliveries";
const JSON: &str = "Content-Type: application/json";
const REASON: &str = r#"{"reason":"phone stolen"}"#;

fn key(text: &str) -> String {
    format!("Authorization: Bearer {text}")
}

/// Every request that operators can make.
fn requests() -> Vec<(&'static str, String)> {
    vec![
        ("GET", USERS.to_owned()),
        ("GET", USER.to_owned()),
        ("DELETE", USER.to_owned()),
        ("POST", format!("{USER}/lock")),
        ("POST", format!("{USER}/unlock")),
        ("DELETE", format!("{USER}/sessions")),
        ("POST", format!("{USER}/password-reset")),
        ("GET", format!("{USER}/events")),
        ("GET", EVENTS.to_owned()),
        ("GET", STATISTICS.to_owned()),
    ]
}

fn ask(service: &Service, method: &str, path: &str) -> Answer {
    let body = if path.ends_with("/lock") { REASON } else { "" };
    let headers: &[&str] = &[&key(ADMIN_KEY), JSON];
    if method == "POST" {
        service.send(method, path, headers, body)
    } else {
        service.ask(method, path, headers)
    }
}

#[test]
fn asvs_8_2_1_every_request_of_an_operator_is_answered() {
    let service = Service::start(World::with_operators());
    for (method, path) in requests() {
        let expected = match method {
            "GET" => 200,
            _ if path.ends_with("/password-reset") => 202,
            _ => 204,
        };
        let answer = ask(&service, method, &path);
        assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
    }
}

#[test]
fn asvs_8_2_2_neither_strangers_nor_users_are_operators() {
    let service = Service::start(World::with_operators());
    for (method, path) in requests() {
        for header in [
            String::new(),
            key(ACCESS_TOKEN),
            key("the-key-of-the-operator"),
            format!("Authorization: {ADMIN_KEY}"),
        ] {
            // What a stranger sends is not looked at.
            let answer = service.send(method, &path, &[header.as_str()], "not JSON");
            is(&answer, 401, "invalid-token");
        }
    }
    let with_key = service.ask("GET", "/api/v1/me", &[&key(ADMIN_KEY)]);
    is(&with_key, 401, "invalid-token");
}

#[test]
fn asvs_8_4_2_there_is_no_admin_api_for_other_addresses() {
    let elsewhere = HttpSettings { admin_networks: vec!["192.0.2.0/24".parse().unwrap()], ..settings() };
    let service = Service::start_with(elsewhere, World::with_operators());
    for (method, path) in requests() {
        is(&ask(&service, method, &path), 404, "not-found");
    }
    // Behind a trusted proxy the client's own address counts.
    let behind_proxy = HttpSettings { trusted_proxies: HttpSettings::loopback(), ..settings() };
    let service = Service::start_with(behind_proxy, World::with_operators());
    let from = |address: &str| {
        service.ask("GET", USERS, &[&key(ADMIN_KEY), &format!("X-Forwarded-For: {address}")]).status
    };
    assert_eq!((from("203.0.113.7"), from("127.0.0.1"), from("127.0.0.1, 203.0.113.7")), (404, 200, 404));
}

#[test]
fn without_operators_there_is_no_admin_api() {
    let service = Service::start(World::that_obeys());
    for (method, path) in requests() {
        is(&ask(&service, method, &path), 404, "not-found");
    }
    assert!(!service.get("/openapi.json").text().contains("/api/v1/admin"));
    let service = Service::start(World::with_operators());
    assert!(service.get("/openapi.json").text().contains("/api/v1/admin/users/{id}/lock"));
}

#[test]
fn accounts_are_answered_field_by_field() {
    let service = Service::start(World::with_operators());
    let mut account = expected_user();
    account["locked_at"] = json!("2026-01-02T03:04:05.678901Z");
    account["lock_reason"] = json!("phone stolen");
    assert_eq!(ask(&service, "GET", USERS).json(), json!({ "users": [account] }));

    let event = json!({
        "id": "00000000-0000-0000-0000-000000000006",
        "name": "authn_login_success",
        "occurred_at": "2026-01-02T03:04:05.678901Z",
        "session_id": "00000000-0000-0000-0000-000000000004",
        "ip": "203.0.113.7",
        "user_agent": "curl/8.14",
    });
    let details = ask(&service, "GET", USER).json();
    assert_eq!(details["events"], json!([event]));
    assert_eq!(details["email_failures"], json!({"count": 0, "last_at": null}));
    assert_eq!(details["sessions"].as_array().unwrap().len(), 2);
    assert_eq!((&details["lock_reason"], &details["email"]), (&account["lock_reason"], &account["email"]));
    assert!(details.get("password_hash").is_none());

    assert_eq!(ask(&service, "GET", &format!("{USER}/events")).json(), json!({ "events": [event] }));
    let mut of_all = event;
    of_all["user_id"] = json!(user().id.0.to_string());
    assert_eq!(ask(&service, "GET", EVENTS).json(), json!({ "events": [of_all] }));
}

#[test]
fn asvs_1_2_4_what_is_looked_for_is_read_once_and_by_kind() {
    let mut world = World { has_operators: true, ..World::default() };
    let expected = [
        ("", AccountQuery::All, None),
        ("?query=%2B46701234567", AccountQuery::Named(AccountName::Phone(user().phone)), None),
        ("?query=Ann@Example.com", AccountQuery::Named(AccountName::Email(user().email)), None),
        (
            "?query=%25_%5C%27&after=00000000-0000-0000-0000-000000000003",
            AccountQuery::parse(r"%_\'").unwrap(),
            Some(user().id),
        ),
    ];
    for (_, query, after) in expected.clone() {
        world
            .directory
            .expect_find_accounts()
            .withf(move |found, from, most| (found, *from, *most) == (&query, after, 100))
            .once()
            .returning(|_, _, _| Ok(Vec::new()));
    }
    let service = Service::start(world);
    for (query, ..) in expected {
        assert_eq!(
            ask(&service, "GET", &format!("{USERS}{query}")).json(),
            json!({ "users": [] }),
            "{query}"
        );
    }
    for (query, pointer) in [
        ("?query=a%00b", "/query"),
        ("?query=a&query=b", "/query"),
        (&format!("?query={}", "a".repeat(255)), "/query"),
        ("?after=7", "/after"),
    ] {
        let answer = ask(&service, "GET", &format!("{USERS}{query}"));
        assert_eq!(answer.status, 422, "{query}");
        assert!(answer.field_errors().iter().any(|error| error.contains(pointer)), "{query}");
    }
    for path in [format!("{EVENTS}?before=x"), format!("{USER}/events?before=x")] {
        assert_eq!(ask(&service, "GET", &path).status, 422);
    }
}

#[test]
fn asvs_6_4_6_a_started_reset_shows_the_operator_nothing_and_a_locked_account_gets_none() {
    let answer = ask(&Service::start(World::with_operators()), "POST", &format!("{USER}/password-reset"));
    assert_eq!((answer.status, answer.text()), (202, String::new()));

    let mut world = World { has_operators: true, ..World::default() };
    let account = sign_in(PasswordFailures::default()).account.unwrap();
    let lock = AccountLock {
        since: jiff::Timestamp::UNIX_EPOCH,
        reason: LockReason::parse("phone stolen").unwrap(),
    };
    let locked = Account { lock: Some(lock), ..account };
    world.accounts.expect_find_account().returning(move |_| Ok(Some(locked.clone())));
    let answer = ask(&Service::start(world), "POST", &format!("{USER}/password-reset"));
    is(&answer, 409, "account-locked");
}

#[test]
fn a_lock_needs_a_reason() {
    let service = Service::start(World::with_operators());
    for body in ["{}", r#"{"reason":""}"#, r#"{"reason":7}"#, r#"{"reason":"two\nlines"}"#] {
        let answer = service.send("POST", &format!("{USER}/lock"), &[&key(ADMIN_KEY), JSON], body);
        assert_eq!(answer.status, 422, "{body}");
        assert!(answer.field_errors().iter().any(|error| error.contains("/reason")), "{body}");
    }
}

#[test]
fn an_account_that_is_not_there_is_not_found() {
    let mut world = World { has_operators: true, ..World::default() };
    world.directory.expect_find_accounts().returning(|_, _, _| Ok(Vec::new()));
    world.directory.expect_lock_account().returning(|_, _, _, _| Ok(LockChange::NotFound));
    world.directory.expect_unlock_account().returning(|_, _, _| Ok(LockChange::NotFound));
    world.directory.expect_end_all_sessions().returning(|_, _, _| Ok(None));
    world.accounts.expect_find_account().returning(|_| Ok(None));
    let service = Service::start(world);
    for (method, path) in requests() {
        if path.starts_with(USER) && !path.ends_with("/events") {
            is(&ask(&service, method, &path), 404, "not-found");
            is(
                &ask(&service, method, &path.replace("00000000-0000-0000-0000-000000000003", "x")),
                404,
                "not-found",
            );
        }
    }
}

#[test]
fn what_an_operator_does_is_recorded_without_a_client() {
    let mut world = World { has_operators: true, ..World::default() };
    let id = UserId(user().id.0);
    world
        .directory
        .expect_lock_account()
        .withf(move |user, reason, event, _| {
            let told = (*user, reason.as_str(), event.name, event.client.address);
            told == (id, "phone stolen", EventName::LoginLock, None)
        })
        .once()
        .returning(|_, _, _, _| Ok(LockChange::AlreadySo));
    world.accounts.expect_find_account().returning(|_| Ok(sign_in(PasswordFailures::default()).account));
    world
        .accounts
        .expect_delete_account()
        .withf(move |user, event, _| {
            (*user, event.name) == (id, EventName::UserDeleted) && event.client.address.is_none()
        })
        .once()
        .returning(|_, _, _| Ok(true));
    let service = Service::start(world);
    assert_eq!(ask(&service, "POST", &format!("{USER}/lock")).status, 204, "locked already is locked");
    assert_eq!(ask(&service, "DELETE", USER).status, 204);
}

#[test]
fn asvs_16_5_2_an_outage_is_told() {
    let mut world = World { has_operators: true, ..World::default() };
    world.directory.expect_find_accounts().returning(|_, _, _| Err(outage()));
    world.directory.expect_lock_account().returning(|_, _, _, _| Err(outage()));
    world.directory.expect_unlock_account().returning(|_, _, _| Err(outage()));
    world.directory.expect_end_all_sessions().returning(|_, _, _| Err(outage()));
    world.directory.expect_list_all_events().returning(|_, _| Err(outage()));
    world.accounts.expect_find_account().returning(|_| Err(outage()));
    world.events.expect_list_events().returning(|_, _, _| Err(outage()));
    world.send_traces.expect_list_figures().returning(|_| Err(outage()));
    let service = Service::start(world);
    for (method, path) in requests() {
        is(&ask(&service, method, &path), 503, "database-unavailable");
    }
}

#[test]
fn figures_are_told_by_what_is_asked_for() {
    let mut world = World { has_operators: true, ..World::default() };
    world
        .send_traces
        .expect_list_figures()
        .withf(|query| {
            query.by == [FigureDimension::Prefix, FigureDimension::Channel] && query.window.points() == 2
        })
        .returning(|_| {
            let group = FigureGroup {
                prefix: "+4670123".to_owned(),
                channel: "sms".to_owned(),
                ..FigureGroup::default()
            };
            let entered = EntryTimes { count: 2, total_ms: 30_000, within: [0, 2, 2, 2, 2, 2] };
            let figures = SendFigures { sent: 4, delivered: 3, failed: 1, entered, cost: Money(181_200) };
            Ok(vec![FigureCell { group, point: 1, figures }])
        });
    let service = Service::start(world);
    let answer = ask(&service, "GET", &format!("{STATISTICS}?by=prefix,channel&hours=2")).json();
    assert_eq!(answer["step_seconds"], 3600);
    assert_eq!(
        answer["groups"],
        json!([{
            "prefix": "+4670123", "channel": "sms", "sent": 4, "delivered": 3, "failed": 1, "entered": 2,
            "cost": "0.181200", "time_to_code": {"median_seconds": 15.0, "p95_seconds": 19.5},
            "series": [
                {"sent": 0, "delivered": 0, "entered": 0},
                {"sent": 4, "delivered": 3, "entered": 2},
            ],
        }])
    );
}

#[test]
fn wrong_wishes_for_figures_are_named() {
    let service = Service::start(World::with_operators());
    for (query, pointer) in [
        ("by=number", "/by"),
        ("by=", "/by"),
        ("hours=0", "/hours"),
        ("hours=2161", "/hours"),
        ("hours=x", "/hours"),
        ("by=country&by=prefix", "/by"),
    ] {
        let answer = ask(&service, "GET", &format!("{STATISTICS}?{query}"));
        is(&answer, 422, "validation-failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{query}");
    }
}
