//! What is said of settings that cannot be used, and which of several wins.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use std::fs;

use harness::run;
use tempfile::tempdir;

/// Checks `variables` and returns what is said, each problem as one line.
fn problems(variables: &[(&str, &str)], arguments: &[&str]) -> Vec<String> {
    let folder = tempdir().unwrap();
    let ran = run(folder.path(), variables, &[&["config", "check"], arguments].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{variables:?}: {ran:?}");
    assert!(ran.stderr.starts_with("The configuration cannot be used:\n"), "{ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    ran.stderr.lines().filter(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

fn setting(folder: &std::path::Path, variables: &[(&str, &str)], arguments: &[&str], key: &str) -> String {
    let shown = run(folder, variables, &[&["config", "show"], arguments].concat()).good();
    let line = shown.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

/// Variable, value, and what the one message about it must contain.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("OTP_LOGIN__SERVER__HOST", "nowhere", "127.0.0.1, 0.0.0.0 or ::"),
    ("OTP_LOGIN__SERVER__PORT", "65536", "0 to 65535"),
    ("OTP_LOGIN__SERVER__PORT", "-1", "0 to 65535"),
    ("PORT", "web", "0 to 65535"),
    ("OTP_LOGIN__SERVER__METRICS_PORT", "x", "0 to 65535"),
    ("OTP_LOGIN__SERVER__METRICS_HOST", "nowhere", "127.0.0.1, 0.0.0.0 or ::"),
    ("OTP_LOGIN__DELIVERY__RETENTION_DAYS", "91", "1 to 90"),
    ("OTP_LOGIN__SIMULATOR__CALLBACKS", "auto", "true or false"),
    ("OTP_LOGIN__SINCH__CALLBACK_PATH", "hooks", "/webhooks/sinch"),
    ("OTP_LOGIN__SERVER__TRUSTED_PROXIES", "10.0.0.0/33", "10.0.0.0/8"),
    ("OTP_LOGIN__SERVER__TRUSTED_PROXIES", "10.0.0.1,proxy", "\"proxy\""),
    ("OTP_LOGIN__SERVER__CORS_ORIGINS", "*", "https://app.example.com"),
    ("OTP_LOGIN__SERVER__DOCS", "yes", "true or false"),
    ("OTP_LOGIN__SERVER__WORKERS", "1025", "0 to 1024"),
    ("OTP_LOGIN__SERVER__MAX_CONNECTIONS", "0", "1 to 1000000"),
    ("DATABASE_URL", "mysql://localhost/x", "postgres://, postgresql://, sqlite:"),
    ("DATABASE_URL", "postgres://localhost/x?sslmode=maybe", "verify-full"),
    ("DATABASE_URL", "postgres://u@host:port/x", "postgres://user:password@host:5432/database"),
    ("OTP_LOGIN__DATABASE__URL", "sqlite:", "sqlite"),
    ("OTP_LOGIN__DATABASE__MAX_CONNECTIONS", "0", "1 to 1000"),
    ("OTP_LOGIN__SIMULATOR__ENABLED", "maybe", "true, false, auto"),
    ("OTP_LOGIN__SIMULATOR__PORT", "3001.5", "0 to 65535"),
    ("OTP_LOGIN__SINCH__BASE_URL", "ftp://localhost", "https://host"),
    ("OTP_LOGIN__SINCH__BASE_URL", "http://localhost/path", "without user, path or query"),
    ("OTP_LOGIN__SINCH__APPLICATION_KEY", "two words", "Sinch dashboard"),
    ("OTP_LOGIN__SINCH__APPLICATION_SECRET", "hunter2!", "Base64"),
    ("OTP_LOGIN__SINCH__AUTH", "oauth", "signed, basic"),
    ("OTP_LOGIN__SINCH__TIMEOUT_MS", "99", "100 to 60000"),
    ("OTP_LOGIN__SINCH__TIMEOUT_MS", "60001", "100 to 60000"),
    ("OTP_LOGIN__PROVIDER__NAME", "carrier_pigeon", "sinch, twilio, vonage, self_issued"),
    ("OTP_LOGIN__PROVIDER__ORDER", "sinch,fax", "sinch, twilio, vonage, self_issued"),
    ("OTP_LOGIN__PROVIDER__ORDER", "sinch,sinch", "each provider once"),
    ("OTP_LOGIN__PROVIDER__ROUTES__SE", "fax", "sinch, twilio, vonage, self_issued"),
    ("OTP_LOGIN__PROVIDER__ROUTES__SE", "sinch,sinch", "each provider once"),
    ("OTP_LOGIN__PROVIDER__ROUTES__XX", "sinch", "two letters of ISO 3166"),
    ("OTP_LOGIN__PROVIDER__AFTER_LOST_ANSWER", "guess", "ask_next, stop"),
    ("OTP_LOGIN__PROVIDER__ATTEMPT_TIMEOUT_MS", "99", "100 to 6000"),
    ("OTP_LOGIN__PROVIDER__MAX_CONCURRENT_CALLS", "0", "1 to 10000"),
    ("OTP_LOGIN__PROVIDER__BREAKER_FAULTS", "0", "1 to 1000"),
    ("OTP_LOGIN__PROVIDER__CONVERSION__MODE", "guess", "block, observe, off"),
    ("OTP_LOGIN__PROVIDER__CONVERSION__GRACE_SECONDS", "3601", "0 to 3600"),
    ("OTP_LOGIN__PROVIDER__CONVERSION__LEAST_SENDS", "0", "1 to"),
    ("OTP_LOGIN__PROVIDER__CONVERSION__COLLAPSE_PERCENT", "101", "1 to 100"),
    ("OTP_LOGIN__PROVIDER__BREAKER_PAUSE_MS", "0", "100 to 600000"),
    ("OTP_LOGIN__CHANNELS__ENABLED", "sms,fax", "sms, voice, whatsapp"),
    ("OTP_LOGIN__CHANNELS__ENABLED", "voice", "add sms or whatsapp"),
    ("OTP_LOGIN__CHANNELS__ENABLED", "flashcall", "add sms or whatsapp"),
    ("OTP_LOGIN__CHANNELS__COUNTRIES__SE", "whatsapp", "is not in channels.enabled"),
    ("OTP_LOGIN__CHANNELS__COUNTRIES__XX", "sms", "two letters of ISO 3166"),
    ("OTP_LOGIN__COUNTRIES__FIXED_LINES", "true", "add voice"),
    ("OTP_LOGIN__RATE_LIMIT__VOICE_PER_HOUR", "0", "1 to"),
    ("OTP_LOGIN__TWILIO__TIMEOUT_MS", "99", "100 to 60000"),
    ("OTP_LOGIN__VONAGE__TIMEOUT_MS", "60001", "100 to 60000"),
    ("OTP_LOGIN__VONAGE__CODE_LENGTH", "4", "6 to 10"),
    ("OTP_LOGIN__GATEWAY__TIMEOUT_MS", "0", "100 to 60000"),
    ("OTP_LOGIN__SELF_ISSUED__GATEWAY", "fax", "webhook, sinch_sms, twilio"),
    ("OTP_LOGIN__SERVER__PRODUCT_NAME", "acme.example", "1 to 20 letters"),
    ("OTP_LOGIN__EVENTS__POLL_MS", "9", "10 to 3600000"),
    ("OTP_LOGIN__WEBHOOKS__CRM", "https://example.com", "there is no such setting"),
    ("OTP_LOGIN__SHIELD__VELOCITY__MODE", "on", "block, observe, off"),
    ("OTP_LOGIN__SHIELD__VELOCITY__PER_HOUR", "0", "1 to 1000000"),
    ("OTP_LOGIN__SHIELD__SPEED__MODE", "block", "there is no such setting"),
    ("OTP_LOGIN__SHIELD__UNANSWERED__MOST", "0", "1 to 1000000"),
    ("OTP_LOGIN__SHIELD__CONVERSION__STOP_PERCENT", "101", "0 to 100"),
    ("OTP_LOGIN__SHIELD__PROOF_OF_WORK__BITS", "27", "1 to 26"),
    ("OTP_LOGIN__BUDGET__MESSAGES_PER_DAY", "many", "0 to 1000000000"),
    ("OTP_LOGIN__BUDGET__MONEY_PER_DAY", "1,5", "0.075"),
    ("OTP_LOGIN__BUDGET__RESERVE_PERCENT", "91", "0 to 90"),
    ("OTP_LOGIN__PRICES__SE", "a lot", "0.075"),
    ("OTP_LOGIN__PRICES__SWEDEN", "0.07", "two letters"),
    ("OTP_LOGIN__PRICES__VOICE__SE", "1,5", "0.075"),
    ("OTP_LOGIN__PRICES__VOICE__SWEDEN", "0.07", "two letters"),
    ("OTP_LOGIN__PRICES__FAX__SE", "0.07", "sms, voice, flashcall, whatsapp"),
    ("OTP_LOGIN__PRICES__WHATSAPP__DEFAULT", "much", "0.075"),
    ("OTP_LOGIN__PRICES__CURRENCY", "EURO", "three letters"),
    ("OTP_LOGIN__PRICES__FROM_PROVIDER", "sinch", "true or false"),
    ("OTP_LOGIN__COUNTRIES__DENY", "SE,Sweden", "\"Sweden\""),
    ("OTP_LOGIN__OTP__TTL_SECONDS", "0", "1 to 86400"),
    ("OTP_LOGIN__OTP__TTL_SECONDS", "18446744073709551616", "1 to 86400"),
    ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "-5", "0 to 86400"),
    ("OTP_LOGIN__OTP__MAX_ATTEMPTS", "0", "1 to 1000"),
    ("OTP_LOGIN__OTP__MAX_SENDS", "two", "1 to 1000"),
    ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "3", "4 to 14"),
    ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "15", "4 to 14"),
    ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "12.0", "whole number"),
    ("OTP_LOGIN__PASSWORD__PEPPER", "hunter2!", "otp-login keys generate"),
    ("OTP_LOGIN__PASSWORD__PREVIOUS_PEPPERS", "hunter2!", "32 bytes in base64"),
    ("OTP_LOGIN__PASSWORD__MAX_WAIT_MS", "0", "1 to 600000"),
    ("OTP_LOGIN__SECRETS__DATA_KEY", "hunter2!", "otp-login keys generate"),
    ("OTP_LOGIN__SECRETS__PREVIOUS_DATA_KEYS", "hunter2!", "32 bytes in base64"),
    ("OTP_LOGIN__JWT__ALGORITHM", "none", "EdDSA, ES256, HS256"),
    ("OTP_LOGIN__JWT__PRIVATE_KEY", "hunter2!", "otp-login keys generate --jwt"),
    ("OTP_LOGIN__JWT__ACCESS_TTL_SECONDS", "0", "1 to 86400"),
    ("OTP_LOGIN__JWT__KEY_PUBLISH_LEAD_SECONDS", "-1", "0 to 86400"),
    ("OTP_LOGIN__JWT__KEY_REFRESH_SECONDS", "0", "1 to 3600"),
    ("OTP_LOGIN__INTROSPECTION__API_KEY", "hunter2!", "keys generate --introspection"),
    ("OTP_LOGIN__INTROSPECTION__ALLOW", "10.0.0.0/33", "10.0.0.0/8"),
    ("OTP_LOGIN__INTROSPECTION__ALLOW", "0.0.0.0/0", "this is everybody"),
    ("OTP_LOGIN__SESSIONS__REFRESH_TTL_SECONDS", "99999999999", "whole number"),
    ("OTP_LOGIN__SESSIONS__ABSOLUTE_TTL_SECONDS", "0", "whole number"),
    ("OTP_LOGIN__SESSIONS__REFRESH_REUSE_LEEWAY_SECONDS", "-1", "0 to 86400"),
    ("OTP_LOGIN__SESSIONS__MAX_PER_USER", "0", "1 to 10000"),
    ("OTP_LOGIN__DEVICES__TTL_DAYS", "91", "0 to 90"),
    ("OTP_LOGIN__DEVICES__MAX_PER_USER", "0", "1 to 1000"),
    ("OTP_LOGIN__RATE_LIMIT__IP_PER_MINUTE", "0", "1 to"),
    ("OTP_LOGIN__RATE_LIMIT__IP_BURST", "none", "1 to"),
    ("OTP_LOGIN__RATE_LIMIT__ALL_PER_MINUTE", "-1", "0 to"),
    ("OTP_LOGIN__RATE_LIMIT__ALL_BURST", "0", "1 to"),
    ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_MINUTE", "many", "0 to"),
    ("OTP_LOGIN__RATE_LIMIT__PHONE_BURST", "0", "1 to"),
    ("OTP_LOGIN__RATE_LIMIT__PREFIX_PER_MINUTE", "-1", "0 to"),
    ("OTP_LOGIN__RATE_LIMIT__COUNTRY_OUTAGE", "shut", "local, open, closed"),
    ("OTP_LOGIN__RATE_LIMIT__IP_OUTAGE", "perhaps", "local, open, closed"),
    ("OTP_LOGIN__RATE_LIMIT__ALL_OUTAGE", "off", "local, open, closed"),
    ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_HOUR", "0", "1 to 1000000"),
    ("OTP_LOGIN__REDIS__URL", "http://localhost", "redis://host:6379"),
    ("OTP_LOGIN__REDIS__TIMEOUT_MS", "0", "10 to 10000"),
    ("OTP_LOGIN__REDIS__NAMESPACE", "two words", "letters, digits, dots"),
    ("OTP_LOGIN__RATE_LIMIT__PHONE_PER_HOUR", "-1", "1 to 1000000"),
    ("OTP_LOGIN__RATE_LIMIT__COUNTRY_PER_HOUR", "x", "0 to 1000000"),
    ("OTP_LOGIN__COUNTRIES__ALLOW", "SE,Sweden", "ISO 3166"),
    ("OTP_LOGIN__COUNTRIES__VOIP", "1", "true or false"),
    ("OTP_LOGIN__ADMIN__API_KEY", "hunter2-is-short", "256 random bits"),
    ("OTP_LOGIN__ADMIN__API_KEY", "hunter2!", "otp-login keys generate --admin"),
    ("OTP_LOGIN__ADMIN__ALLOW", "127.0.0.1,office", "\"office\""),
    ("OTP_LOGIN__LOG__FILTER", "use_cases=loud", "expected one of"),
    ("OTP_LOGIN__LOG__FORMAT", "xml", "auto, pretty, json"),
    ("OTP_LOGIN__OTP__MAX_ATTEMPT", "5", "there is no such setting"),
    ("OTP_LOGIN__OPT__MAX_ATTEMPTS", "5", "there is no such setting"),
    ("OTP_LOGIN__TYPO", "5", "this is a section"),
    ("OTP_LOGIN__PASSWORD__BLOCKLIST_FILE", "/nowhere/list.txt", "one password a line"),
    ("OTP_LOGIN__PASSWORD__BLOCKLIST_FILE", "/dev/null", "holds no password of 8 to 128 characters"),
    ("OTP_LOGIN_CONFIG_DIR", "/nowhere/at/all", "there is no folder"),
];

#[test]
fn a_mistake_is_told_by_the_variable_that_makes_it_and_what_is_accepted() {
    for (variable, value, expected) in MISTAKES {
        // With the simulator on, one wrong credential is not two that are missing.
        let told = problems(&[("OTP_LOGIN__SIMULATOR__ENABLED", "true"), (variable, value)], &[]);
        assert_eq!(told.len(), 1, "{variable}={value}: {told:?}");
        let start = format!("{variable}: ");
        assert!(told[0].starts_with(&start) && told[0].contains(expected), "{variable}={value}: {told:?}");
        assert!(!told[0].contains("hunter2"), "a secret is repeated: {told:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let unlike: Vec<(&str, &str)> = MISTAKES
        .iter()
        .filter(|(variable, ..)| !matches!(*variable, "PORT" | "DATABASE_URL" | "OTP_LOGIN_CONFIG_DIR"))
        .map(|(variable, value, _)| (*variable, *value))
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_iter()
        .collect();
    let told = problems(&unlike, &[]);
    for (variable, _) in unlike {
        assert!(told.iter().any(|line| line.starts_with(&format!("{variable}: "))), "{variable}: {told:?}");
    }
}

#[test]
fn a_flag_with_a_mistake_is_told_by_the_flag() {
    assert!(problems(&[], &["--port", "99999"])[0].starts_with("--port: "));
    assert!(problems(&[], &["--host", "::g"])[0].starts_with("--host: "));
    assert!(problems(&[], &["--database-url", "x"])[0].starts_with("--database-url: "));
}

#[test]
fn a_service_with_a_mistake_does_not_start() {
    let folder = tempdir().unwrap();
    let ran = run(folder.path(), &[("OTP_LOGIN__OTP__MAX_ATTEMPTS", "0")], &["serve"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("OTP_LOGIN__OTP__MAX_ATTEMPTS: ") && ran.stderr.contains("Nothing was started.")
    );
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "it made something");
}

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const PRODUCTION: &[(&str, &str)] = &[
    ("OTP_LOGIN_ENV", "production"),
    ("DATABASE_URL", "postgres://u@db.example.com/x?sslmode=require"),
    ("OTP_LOGIN__SINCH__APPLICATION_KEY", "0b1d2c3e-0000-4000-8000-000000000001"),
    ("OTP_LOGIN__SINCH__APPLICATION_SECRET", "c2VjcmV0IG9mIHRoZSBzaW5jaCBkYXNoYm9hcmQ="),
    ("OTP_LOGIN__SECRETS__DATA_KEY", KEY),
    ("OTP_LOGIN__PASSWORD__PEPPER", "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk="),
];

#[test]
fn production_with_all_it_needs_is_accepted_with_warnings_about_what_to_look_at() {
    let folder = tempdir().unwrap();
    let verdict = run(folder.path(), PRODUCTION, &["config", "check"]).good();
    assert!(verdict.contains("OTP_LOGIN__SERVER__TRUSTED_PROXIES"), "{verdict}");
    assert!(verdict.contains("OTP_LOGIN__COUNTRIES__ALLOW"), "{verdict}");
    assert_eq!(verdict.matches("OTP_LOGIN__PASSKEYS__RP_ID").count(), 1, "{verdict}");
    assert!(verdict.ends_with("The configuration for production can be used.\n"), "{verdict}");
}

#[test]
fn a_domain_for_passkeys_that_cannot_be_one_stops_the_start() {
    let folder = tempdir().unwrap();
    let domain = ("OTP_LOGIN__PASSKEYS__RP_ID", "example.com");
    let accepted = [domain, ("OTP_LOGIN__PASSKEYS__ORIGINS", "https://login.example.com")];
    let with = |more: &[(&'static str, &'static str)]| [PRODUCTION, more].concat();
    for given in [&[domain][..], &accepted] {
        let verdict = run(folder.path(), &with(given), &["config", "check"]).good();
        assert!(!verdict.contains("passkeys are off"), "{verdict}");
    }
    for (given, variable, what) in [
        (&[("OTP_LOGIN__PASSKEYS__RP_ID", "localhost")][..], "RP_ID", "for development"),
        (&[("OTP_LOGIN__PASSKEYS__RP_ID", "https://example.com")], "RP_ID", "is no domain"),
        (&[("OTP_LOGIN__PASSKEYS__ORIGINS", "https://example.com")], "RP_ID", "origins are named"),
        (
            &[domain, ("OTP_LOGIN__PASSKEYS__ORIGINS", "https://example.org")],
            "ORIGINS",
            "neither example.com nor under it",
        ),
        (&[domain, ("OTP_LOGIN__PASSKEYS__ORIGINS", "http://example.com")], "ORIGINS", "not https"),
        (&[domain, ("OTP_LOGIN__PASSKEYS__ORIGINS", "https://example.com/")], "ORIGINS", "without a path"),
    ] {
        let told = problems(&with(given), &[]);
        let [problem] = &told[..] else { panic!("{told:?}") };
        let variable = format!("OTP_LOGIN__PASSKEYS__{variable}: ");
        assert!(problem.starts_with(&variable) && problem.contains(what), "{problem}");
    }
}

#[test]
fn asvs_6_3_2_production_refuses_what_only_development_may_have() {
    let development_data_key = "ZGV2ZWxvcG1lbnQtZGF0YS1rZXktbm90LXNlY3JldCE=";
    let development_pepper = "ZGV2ZWxvcG1lbnQtcGVwcGVyLWlzLW5vdC1zZWNyZXQ=";
    for (variable, value, expected) in [
        ("OTP_LOGIN__SECRETS__DATA_KEY", development_data_key, "public"),
        ("OTP_LOGIN__SECRETS__DATA_KEY", development_pepper, "public"),
        ("OTP_LOGIN__SECRETS__DATA_KEY", "", "otp-login keys generate"),
        ("OTP_LOGIN__PASSWORD__PEPPER", development_pepper, "public"),
        ("OTP_LOGIN__PASSWORD__PEPPER", development_data_key, "public"),
        ("OTP_LOGIN__PASSWORD__PEPPER", "", "otp-login keys generate"),
        ("OTP_LOGIN__PASSWORD__PREVIOUS_PEPPERS", development_pepper, "public"),
        ("OTP_LOGIN__SECRETS__PREVIOUS_DATA_KEYS", development_data_key, "public"),
        (
            "OTP_LOGIN__SINCH__APPLICATION_KEY",
            "11111111-2222-3333-4444-555555555555",
            "simulator's and public",
        ),
        ("OTP_LOGIN__SINCH__APPLICATION_SECRET", "MDEyMzQ1Njc4OWFiY2RlZg==", "public"),
        ("OTP_LOGIN__SINCH__APPLICATION_KEY", "", "Sinch dashboard"),
        ("OTP_LOGIN__SINCH__APPLICATION_SECRET", "", "Sinch dashboard"),
        ("OTP_LOGIN__SINCH__BASE_URL", "http://10.0.0.1", "https://host"),
        ("OTP_LOGIN__SIMULATOR__ENABLED", "true", "production accepts false"),
        ("DATABASE_URL", "", "set DATABASE_URL to postgres://"),
        ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "9", "10 to 14"),
        ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4", "10 to 14"),
        ("OTP_LOGIN__OTP__TTL_SECONDS", "601", "60 to 600"),
        ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "29", "30 to 600"),
        ("OTP_LOGIN__OTP__MAX_ATTEMPTS", "6", "1 to 5"),
        ("OTP_LOGIN__OTP__MAX_SENDS", "6", "1 to 5"),
        ("OTP_LOGIN__JWT__ACCESS_TTL_SECONDS", "3601", "30 to 3600"),
        ("OTP_LOGIN__SESSIONS__REFRESH_REUSE_LEEWAY_SECONDS", "31", "0 to 30"),
    ] {
        let with: Vec<(&str, &str)> = PRODUCTION
            .iter()
            .copied()
            .filter(|(name, _)| *name != variable)
            .chain([(variable, value)])
            .collect();
        let told = problems(&with, &[]);
        let named = told.iter().any(|line| line.contains(variable) || variable == "DATABASE_URL");
        assert!(named && told.iter().any(|line| line.contains(expected)), "{variable}={value}: {told:?}");
        assert_eq!(told.len(), 1, "{variable}={value}: {told:?}");
    }
}

const SECRET: &str = "whsec_b3VyIHNoYXJlZCBzZWNyZXQgb2YgdGVzdHMgb25seSE=";

#[test]
fn endpoints_of_webhooks_are_checked_whole() {
    const URL: &str = "OTP_LOGIN__WEBHOOKS__CRM__URL";
    let good = [(URL, "https://crm.example.com/hunter2"), ("OTP_LOGIN__WEBHOOKS__CRM__SECRET", SECRET)];
    let folder = tempdir().unwrap();
    let shown = run(folder.path(), &good, &["config", "show"]).good();
    assert!(
        shown.contains("webhooks.crm.url") && !shown.contains("hunter2") && !shown.contains(SECRET),
        "{shown}"
    );
    for (variable, value, expected) in [
        (URL, "", "https://host/path"),
        (URL, "http://crm.example.com/hunter2", "https://host/path"),
        ("OTP_LOGIN__WEBHOOKS__CRM__SECRET", "", "whsec_"),
        ("OTP_LOGIN__WEBHOOKS__CRM__SECRET", "hunter2", "whsec_"),
        ("OTP_LOGIN__WEBHOOKS__CRM__PREVIOUS_SECRET", "hunter2", "whsec_"),
        ("OTP_LOGIN__WEBHOOKS__CRM__EVENTS", "user_created,user_eaten", "\"user_eaten\""),
        ("OTP_LOGIN__WEBHOOKS__CRM__COLOUR", "blue", "there is no such setting"),
    ] {
        let with: Vec<(&str, &str)> =
            good.into_iter().filter(|(name, _)| *name != variable).chain([(variable, value)]).collect();
        let told = problems(&with, &[]);
        assert_eq!(told.len(), 1, "{variable}={value}: {told:?}");
        let line = &told[0];
        assert!(line.starts_with(&format!("{variable}: ")) && line.contains(expected), "{told:?}");
        assert!(!line.contains("hunter2"), "{told:?}");
    }
    let local = [(URL, "http://127.0.0.1:4000/"), good[1]];
    assert!(run(folder.path(), &local, &["config", "check"]).good().contains("can be used"));
    assert_eq!(
        problems(&[PRODUCTION, &local].concat(), &[]).len(),
        1,
        "production sends nothing in the clear"
    );
}

#[test]
fn text_messages_need_all_of_their_settings_or_none() {
    const TOKEN: (&str, &str) = ("OTP_LOGIN__SINCH__SMS__API_TOKEN", "0123456789abcdef");
    let all = [
        ("OTP_LOGIN__SINCH__SMS__BASE_URL", "https://eu.sms.api.sinch.com"),
        ("OTP_LOGIN__SINCH__SMS__SERVICE_PLAN_ID", "a0b1c2"),
        TOKEN,
    ];
    let folder = tempdir().unwrap();
    let check =
        |more: &[(&str, &str)]| run(folder.path(), &[PRODUCTION, more].concat(), &["config", "check"]);
    assert!(check(&[]).good().contains("set OTP_LOGIN__SINCH__SMS__BASE_URL"));
    assert!(!check(&all).good().contains("OTP_LOGIN__SINCH__SMS__"));
    for (missing, _) in all {
        let others: Vec<(&str, &str)> = all.into_iter().filter(|(name, _)| *name != missing).collect();
        let told = problems(&[PRODUCTION, &others].concat(), &[]);
        assert!(told.len() == 1 && told[0].starts_with(&format!("{missing}: ")), "{told:?}");
    }
    let public = [all[0], all[1], (TOKEN.0, "development0sms0token0not0secret")];
    assert!(problems(&[PRODUCTION, &public].concat(), &[])[0].contains("public"));
}

type Variables = &'static [(&'static str, &'static str)];

/// What each provider needs, besides what production needs of all.
const PROVIDERS: [(&str, Variables); 5] = [
    (
        "twilio",
        &[
            ("OTP_LOGIN__TWILIO__ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
            ("OTP_LOGIN__TWILIO__SECRET", "0123456789abcdef0123456789abcdef"),
            ("OTP_LOGIN__TWILIO__VERIFY_SERVICE_SID", "VA0123456789abcdef0123456789abcdef"),
        ],
    ),
    (
        "vonage",
        &[("OTP_LOGIN__VONAGE__API_KEY", "a1b2c3d4"), ("OTP_LOGIN__VONAGE__API_SECRET", "0123456789abcdef")],
    ),
    (
        "self_issued",
        &[
            ("OTP_LOGIN__GATEWAY__URL", "https://sms.example.com/texts"),
            ("OTP_LOGIN__GATEWAY__SECRET", SECRET),
        ],
    ),
    (
        "self_issued",
        &[
            ("OTP_LOGIN__SELF_ISSUED__GATEWAY", "twilio"),
            ("OTP_LOGIN__TWILIO__ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
            ("OTP_LOGIN__TWILIO__SECRET", "0123456789abcdef0123456789abcdef"),
            ("OTP_LOGIN__TWILIO__FROM", "+46701740600"),
        ],
    ),
    (
        "self_issued",
        &[
            ("OTP_LOGIN__SELF_ISSUED__GATEWAY", "sinch_sms"),
            ("OTP_LOGIN__SINCH__SMS__BASE_URL", "https://eu.sms.api.sinch.com"),
            ("OTP_LOGIN__SINCH__SMS__SERVICE_PLAN_ID", "a0b1c2"),
            ("OTP_LOGIN__SINCH__SMS__API_TOKEN", "0123456789abcdef"),
        ],
    ),
];

#[test]
fn each_provider_needs_its_own_settings_and_no_other_s() {
    let folder = tempdir().unwrap();
    for (name, variables) in PROVIDERS {
        let base: Vec<(&str, &str)> = PRODUCTION
            .iter()
            .copied()
            .filter(|(variable, _)| !variable.contains("SINCH"))
            .chain([("OTP_LOGIN__PROVIDER__NAME", name)])
            .collect();
        let all = [&base, variables].concat();
        assert!(run(folder.path(), &all, &["config", "check"]).good().contains("can be used"), "{name}");
        let shown = run(folder.path(), &all, &["config", "show"]).good();
        for (missing, value) in variables.iter().filter(|(variable, _)| !variable.ends_with("GATEWAY")) {
            let less: Vec<(&str, &str)> = all.iter().copied().filter(|(name, _)| name != missing).collect();
            let told = problems(&less, &[]);
            assert!(told.len() == 1 && told[0].starts_with(&format!("{missing}: ")), "{missing}: {told:?}");
            // What is secret or may hold a token is masked.
            let masked =
                missing.contains("SECRET") || missing.contains("TOKEN") || missing.ends_with("GATEWAY__URL");
            assert_eq!(!shown.contains(&format!("  {value}  (")), masked, "{missing}: {shown}");
        }
    }
}

#[test]
fn mistakes_of_the_chosen_provider_are_told_and_repeat_no_secret() {
    for (name, variable, value, expected) in [
        ("twilio", "OTP_LOGIN__TWILIO__VERIFY_BASE_URL", "http://verify.twilio.com", "https://host"),
        ("twilio", "OTP_LOGIN__TWILIO__SECRET", "hunter2", "auth token"),
        ("twilio", "OTP_LOGIN__TWILIO__API_KEY_SID", "SKhunter2", "API key"),
        ("vonage", "OTP_LOGIN__VONAGE__BRAND", "A name that is too long", "1 to 16"),
        ("vonage", "OTP_LOGIN__VONAGE__BASE_URL", "ftp://host", "https://host"),
        ("self_issued", "OTP_LOGIN__GATEWAY__URL", "http://127.0.0.1/hunter2", "https://host/path"),
        ("self_issued", "OTP_LOGIN__GATEWAY__SECRET", "hunter2", "whsec_"),
        ("self_issued", "OTP_LOGIN__GATEWAY__PREVIOUS_SECRET", "hunter2", "whsec_"),
        ("self_issued", "OTP_LOGIN__SELF_ISSUED__SITE_HOST", "https://a.example", "host of your site"),
    ] {
        let (_, variables) = PROVIDERS.iter().find(|(of, _)| *of == name).unwrap();
        let all: Vec<(&str, &str)> = [PRODUCTION, variables]
            .concat()
            .into_iter()
            .filter(|(given, _)| *given != variable)
            .chain([("OTP_LOGIN__PROVIDER__NAME", name), (variable, value)])
            .collect();
        let told = problems(&all, &[]);
        assert!(told.len() == 1 && told[0].starts_with(&format!("{variable}: ")), "{told:?}");
        assert!(told[0].contains(expected) && !told[0].contains("hunter2"), "{told:?}");
    }
    let nothing = [
        PRODUCTION,
        &[("OTP_LOGIN__PROVIDER__NAME", "self_issued"), ("OTP_LOGIN__SELF_ISSUED__GATEWAY", "sinch_sms")],
    ]
    .concat();
    let told = problems(&nothing, &[]);
    assert!(told.len() == 1 && told[0].starts_with("OTP_LOGIN__SELF_ISSUED__GATEWAY: "), "{told:?}");
}

#[test]
fn a_signing_secret_that_is_too_short_is_refused() {
    for secret in ["", "c2hvcnQ=", "not base64 at all, though it is long enough to be one!"] {
        let with =
            [PRODUCTION, &[("OTP_LOGIN__JWT__ALGORITHM", "HS256"), ("OTP_LOGIN__JWT__SECRET", secret)]]
                .concat();
        let told = problems(&with, &[]);
        assert!(
            told.len() == 1 && told[0].starts_with("OTP_LOGIN__JWT__SECRET: ") && told[0].contains("32"),
            "{told:?}"
        );
    }
}

#[test]
fn our_own_variable_wins_over_the_well_known_one_and_a_flag_over_both() {
    let folder = tempdir().unwrap();
    let port = |variables: &[(&str, &str)], arguments: &[&str]| {
        setting(folder.path(), variables, arguments, "server.port")
    };
    assert_eq!(port(&[], &[]), "3000");
    assert_eq!(port(&[("PORT", "4000")], &[]), "4000");
    assert_eq!(port(&[("PORT", "4000"), ("OTP_LOGIN__SERVER__PORT", "5000")], &[]), "5000");
    assert_eq!(port(&[("PORT", "4000"), ("OTP_LOGIN__SERVER__PORT", "5000")], &["--port", "6000"]), "6000");
    assert_eq!(port(&[("PORT", "")], &[]), "3000");

    let bad_and_good = [("DATABASE_URL", "mysql://x"), ("OTP_LOGIN__DATABASE__URL", "sqlite::memory:")];
    assert!(run(folder.path(), &bad_and_good, &["config", "check"]).good().contains("can be used"));
    let flag = ["config", "check", "--database-url", "sqlite::memory:"];
    assert!(run(folder.path(), &bad_and_good[..1], &flag).good().contains("can be used"));
}

#[test]
fn files_of_a_named_folder_lie_between_the_defaults_and_the_environment() {
    let folder = tempdir().unwrap();
    let named = folder.path().join("elsewhere");
    fs::create_dir(&named).unwrap();
    fs::write(named.join("default.toml"), "[otp]\nmax_attempts = 4\nmax_sends = 2\n").unwrap();
    fs::write(named.join("development.toml"), "[otp]\nmax_sends = 1\n").unwrap();
    let at = |variables: &[(&str, &str)], key: &str| {
        let by_flag = setting(folder.path(), variables, &["--config-dir", "elsewhere"], key);
        let by_variable =
            setting(folder.path(), &[variables, &[("OTP_LOGIN_CONFIG_DIR", "elsewhere")]].concat(), &[], key);
        assert_eq!(by_flag, by_variable);
        by_flag
    };
    assert_eq!(at(&[], "otp.max_attempts"), "4");
    assert_eq!(at(&[], "otp.max_sends"), "1");
    assert_eq!(at(&[("OTP_LOGIN__OTP__MAX_SENDS", "3")], "otp.max_sends"), "3");
    assert_eq!(at(&[], "otp.ttl_seconds"), "600");

    fs::write(named.join("default.toml"), "[otp\n").unwrap();
    let ran = run(folder.path(), &[], &["--config-dir", "elsewhere", "config", "check"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("elsewhere/default.toml"), "{ran:?}");
}

#[test]
fn an_env_file_sets_what_the_environment_leaves_open() {
    let folder = tempdir().unwrap();
    let file = folder.path().join(".env");
    fs::write(&file, "# ours\nOTP_LOGIN__OTP__MAX_SENDS=2\nPORT=\"4001\"\nOTP_LOGIN_ENV=production\n")
        .unwrap();
    let development = [("OTP_LOGIN_ENV", "development")];
    assert_eq!(setting(folder.path(), &development, &[], "otp.max_sends"), "2");
    assert_eq!(setting(folder.path(), &development, &[], "server.port"), "4001");
    let stronger = [("OTP_LOGIN_ENV", "development"), ("OTP_LOGIN__OTP__MAX_SENDS", "3")];
    assert_eq!(setting(folder.path(), &stronger, &[], "otp.max_sends"), "3");
    let production = run(folder.path(), &[], &["config", "check"]);
    assert!(production.stderr.contains("production has no default database"), "{production:?}");

    fs::write(&file, "OTP_LOGIN__PASSWORD__PEPPER=\"hunter2\nPORT=1\n").unwrap();
    let ran = run(folder.path(), &[], &["config", "check"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains(".env: a line is not NAME=value") && !ran.stderr.contains("hunter2"),
        "{ran:?}"
    );
}
