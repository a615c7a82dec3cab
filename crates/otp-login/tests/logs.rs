//! LG-01: a whole run at every log level writes down nothing that is anybody's.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on ends")]
#![allow(clippy::disallowed_methods, reason = "the app under test runs by the real clock")]

#[path = "api/client/authenticator.rs"]
mod authenticator;
mod harness;
mod journeys;
mod receiver;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use harness::{DatabaseProxy, Secret, Store, leaks};
use journeys::Run;
use testkit::postgres::Database;

const EVERY_TARGET: &str =
    "tokio_postgres=trace,rlibphonenumber=trace,hyper=trace,reqwest=trace,diesel=trace,trace";

/// Lines of everything that was done.
const EXPECTED: [&str; 13] = [
    "sys_startup",
    "user_created",
    "authn_login_fail",
    "authn_login_success",
    "authn_password_reset",
    "authn_password_change",
    "authn_phone_change",
    "authn_device_revoked",
    "authn_factor_enrolled",
    "authn_factor_removed",
    "authn_login_lock",
    "authz_admin",
    "sys_shutdown",
];

fn a_whole_run_is_silent_about_secrets(store: Store, filter: &str, format: &str) {
    let database = (store == Store::Postgres).then(Database::create);
    let proxy = database.as_ref().map(|database| DatabaseProxy::before(database.url()));
    let mut run = Run::start(filter, format, proxy.as_ref().map(DatabaseProxy::url));
    run.sign_in_with_mishaps();
    run.own_account();
    run.factors();
    run.operators();
    run.misunderstandings();
    run.provider_faults();
    run.commands();
    if let Some(proxy) = &proxy {
        proxy.cut();
        run.without_a_database();
    }
    let (output, secrets) = run.output();

    // What must be there shows that the search finds things.
    for expected in EXPECTED {
        assert!(output.contains(expected), "no {expected} in:\n{output}");
        assert_eq!(leaks(&output, &[Secret::new("event", expected)]).len(), 1);
    }
    assert!(output.contains("TRACE") || output.contains("DEBUG") || filter == "info", "{output}");
    let found = leaks(&output, &secrets);
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
}

#[test]
fn lg_01_nothing_secret_is_logged_on_sqlite() {
    a_whole_run_is_silent_about_secrets(Store::Sqlite, "trace", "json");
}

#[test]
fn lg_01_nothing_secret_is_logged_on_postgres() {
    a_whole_run_is_silent_about_secrets(Store::Postgres, "trace", "json");
}

#[test]
fn lg_01_nothing_secret_is_logged_when_every_library_is_asked_for_by_name() {
    a_whole_run_is_silent_about_secrets(Store::Sqlite, EVERY_TARGET, "json");
    a_whole_run_is_silent_about_secrets(Store::Postgres, EVERY_TARGET, "pretty");
}

#[test]
fn every_disguise_of_a_secret_is_found() {
    let secret = "pass \"phrase\" \\ of Ånn";
    let bytes = secret.as_bytes();
    let disguised = [
        secret.to_owned(),
        secret.to_uppercase(),
        serde_json::to_string(secret).unwrap(),
        serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap(),
        format!("{secret:?}"),
        format!("{bytes:?}"),
        format!("{bytes:02x?}").replace(['[', ']', ',', ' '], ""),
        BASE64_STANDARD.encode(format!("user:{secret}")),
        BASE64_STANDARD.encode(format!("users:{secret}!")),
        BASE64_URL_SAFE.encode(format!("userss:{secret}!!")),
        "pass%20%22phrase%22%20%5C%20of%20%C3%85nn".to_owned(),
        "pass+%22phrase%22+%5C+of+%c3%85nn".to_owned(),
    ];
    for text in disguised {
        let line = format!("before {text} after");
        assert!(!leaks(&line, &[Secret::new("password", secret)]).is_empty(), "{line}");
    }
    assert!(leaks("pass phrase of Ann", &[Secret::new("password", secret)]).is_empty());

    let code = Secret::new("code", "482915");
    for line in
        ["code=482915", "{\"code\":\"482915\"}", "[52, 56, 50, 57, 49, 53]", "NDgyOTE1", "343832393135"]
    {
        assert!(!leaks(line, std::slice::from_ref(&code)).is_empty(), "{line}");
    }
    for line in ["12:00:00.482915Z", "0193a482915b", "id 1482915"] {
        assert!(leaks(line, std::slice::from_ref(&code)).is_empty(), "{line}");
    }
}
