//! Every command of the command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;

use harness::{Request, Setup, Store, binary, command, free_port, run};
use tempfile::{TempDir, tempdir};
use testkit::postgres;
use testkit::server::Launch;

const PRODUCTION: [(&str, &str); 5] = [
    ("OTP_LOGIN_ENV", "production"),
    ("DATABASE_URL", "sqlite://production.sqlite3"),
    ("OTP_LOGIN__SINCH__APPLICATION_KEY", "0b1d2c3e-0000-4000-8000-000000000001"),
    ("OTP_LOGIN__SINCH__APPLICATION_SECRET", "c2VjcmV0IG9mIHRoZSBzaW5jaCBkYXNoYm9hcmQ="),
    ("OTP_LOGIN__COUNTRIES__ALLOW", "SE"),
];

fn complete_production() -> Vec<(&'static str, &'static str)> {
    let keys = [
        ("OTP_LOGIN__SECRETS__DATA_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ("OTP_LOGIN__PASSWORD__PEPPER", "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk="),
    ];
    PRODUCTION.into_iter().chain(keys).collect()
}

fn folder() -> TempDir {
    tempdir().unwrap()
}

#[test]
fn help_names_every_command_and_shows_examples() {
    let help = run(folder().path(), &[], &["--help"]).good();
    for word in
        ["serve", "migrate", "simulator", "keys", "webhooks", "config", "health", "completions", "Examples:"]
    {
        assert!(help.contains(word), "{word}: {help}");
    }
    for examples in [
        &["simulator", "--help"][..],
        &["keys", "generate", "--help"],
        &["keys", "list", "--help"],
        &["keys", "rotate", "--help"],
        &["keys", "retire", "--help"],
        &["migrate", "down", "--help"],
    ] {
        assert!(run(folder().path(), &[], examples).good().contains("otp-login "), "{examples:?}");
    }
    assert!(run(folder().path(), &[], &["--version"]).good().starts_with("otp-login 0."));
}

/// Every example that ends by itself, as a person types it, and read by a shell.
#[test]
fn the_examples_of_the_help_do_what_they_say() {
    let folder = folder();
    let help = run(folder.path(), &[], &["--help"]).good();
    let examples: Vec<&str> =
        help.lines().filter(|line| line.contains("  otp-login ") && !line.contains("serve")).collect();
    assert!(examples.len() >= 2, "{help}");
    let mut tried = 0;
    for example in examples {
        let typed = example.trim().split("   ").next().unwrap().trim();
        if typed == "otp-login" || !(typed.contains("config") || typed.contains("keys")) {
            continue;
        }
        let shell_line = typed.replace("otp-login", binary());
        let status =
            std::process::Command::new("sh").args(["-c", &shell_line]).current_dir(folder.path()).output();
        assert!(status.unwrap().status.success(), "{typed}");
        tried += 1;
    }
    assert_eq!(tried, 2, "the examples changed: {help}");
    assert!(fs::read_to_string(folder.path().join(".env")).unwrap().contains("OTP_LOGIN__PASSWORD__PEPPER="));
}

#[test]
fn an_unknown_command_or_flag_is_refused_with_a_hint() {
    for arguments in [
        &["sevre"][..],
        &["--prot", "1"],
        &["keys"],
        &["migrate", "down", "--steps", "x"],
        &["completions", "tcsh"],
    ] {
        let ran = run(folder().path(), &[], arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("--help") || ran.stderr.contains("Usage"), "{ran:?}");
    }
}

#[test]
fn asvs_6_3_2_generated_keys_make_a_production_configuration_out_of_an_env_file() {
    for algorithm in [None, Some("EdDSA"), Some("ES256"), Some("HS256")] {
        let folder = folder();
        let mut arguments = vec!["keys", "generate"];
        arguments.extend(algorithm.iter().flat_map(|name| ["--jwt", name]));
        let keys = run(folder.path(), &[], &arguments).good();
        fs::write(folder.path().join(".env"), &keys).unwrap();
        let verdict = run(folder.path(), &PRODUCTION, &["config", "check"]).good();
        assert!(verdict.contains("The configuration for production can be used."), "{verdict}");
        let again = run(folder.path(), &[], &arguments).good();
        assert!(
            keys.lines().zip(again.lines()).filter(|(a, b)| a == b).all(|(a, _)| a.contains("ALGORITHM"))
        );
    }
    let wrong = run(folder().path(), &[], &["keys", "generate", "--jwt", "none"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("EdDSA, ES256, HS256"), "{wrong:?}");
}

#[test]
fn generated_keys_sign_tokens_of_their_algorithm() {
    for algorithm in ["EdDSA", "ES256", "HS256"] {
        let keys = run(folder().path(), &[], &["keys", "generate", "--jwt", algorithm]).good();
        let mut setup = Setup::on(Store::Sqlite);
        for line in keys.lines() {
            let (name, value) = line.split_once('=').unwrap();
            setup = setup.with(name, value.trim_matches('"'));
        }
        let world = setup.start();
        let tokens = world.sign_up(harness::Person::ANN);
        assert_eq!(world.api().me(&tokens.access).status, 200, "{algorithm}");
        let published = world.api().get("/.well-known/jwks.json").text;
        assert_eq!(published.contains("\"kid\""), algorithm != "HS256", "{published}");
    }
}

#[test]
fn signing_keys_are_listed_rotated_and_retired_and_every_answer_names_the_next_step() {
    for url in ["sqlite://here.sqlite3".to_owned(), postgres::database()] {
        let folder = folder();
        let variables = [("DATABASE_URL", url.as_str())];
        let keys = |arguments: &[&str]| run(folder.path(), &variables, &[&["keys"], arguments].concat());
        for command in [&["list"][..], &["rotate"]] {
            let early = keys(command);
            assert_eq!((early.code, early.stderr.lines().count()), (Some(1), 1), "{early:?}");
            assert!(early.stderr.contains("otp-login migrate up"), "{early:?}");
        }
        run(folder.path(), &variables, &["migrate", "up"]).good();
        assert!(keys(&["list"]).good().contains("no signing key yet"));

        let told = keys(&["rotate"]).good();
        assert!(told.contains("(EdDSA) is published and signs from") && told.contains("otp-login keys list"));
        let listed = keys(&["list"]).good();
        let rows: Vec<Vec<&str>> =
            listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        let [header, first, second] = rows.as_slice() else { panic!("{listed}") };
        assert_eq!(header[..3], ["KID", "ALGORITHM", "STATE"]);
        assert_eq!((first[2], second[2], second[5]), ("active", "upcoming", "-"));
        assert!(first[3..].iter().all(|time| time.len() == 20 && time.ends_with('Z')), "{first:?}");

        let again = keys(&["rotate"]);
        assert!(again.code == Some(1) && again.stderr.contains("is published already"), "{again:?}");
        assert!(keys(&["rotate", "--now"]).good().contains("Warning"));
        let told = keys(&["retire", first[0]]).good();
        assert!(told.contains("within 60 seconds"), "{told}");
        for (id, reason) in [(first[0], "retired already"), ("-unknown", "there is no signing key -unknown")]
        {
            let refused = keys(&["retire", id]);
            assert_eq!((refused.code, refused.stderr.lines().count()), (Some(1), 1), "{refused:?}");
            assert!(refused.stderr.contains(reason) && refused.stderr.contains("keys list"), "{refused:?}");
        }
        assert_eq!(keys(&["retire", "no kid"]).code, Some(2));
    }
}

#[test]
fn a_configured_signing_key_is_for_whoever_configured_it_to_replace() {
    let variables = [
        ("OTP_LOGIN__JWT__ALGORITHM", "HS256"),
        ("OTP_LOGIN__JWT__SECRET", "NDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM="),
    ];
    for command in [&["list"][..], &["rotate"], &["retire", "any"]] {
        let ran = run(folder().path(), &variables, &[&["keys"], command].concat());
        assert_eq!((ran.code, ran.stderr.lines().count()), (Some(1), 1), "{ran:?}");
        assert!(ran.stderr.contains("OTP_LOGIN__JWT__SECRET") && ran.stderr.contains("restart"), "{ran:?}");
        assert!(!ran.stderr.contains("NDU2"), "{ran:?}");
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(folder().path(), &[], &["completions", shell]).good();
        assert!(script.contains("otp-login") && script.contains("migrate"), "{shell}");
    }
}

#[test]
fn migrations_go_up_and_down_and_say_what_they_did() {
    let folder = folder();
    for url in ["sqlite://here.sqlite3".to_owned(), postgres::database()] {
        let variables = [("DATABASE_URL", url.as_str())];
        let migrate = |arguments: &[&str]| run(folder.path(), &variables, arguments).good();
        let before = migrate(&["migrate", "status"]);
        assert!(
            before.lines().count() > 0 && before.lines().all(|line| line.starts_with("pending  ")),
            "{before}"
        );
        let applied = migrate(&["migrate", "up"]);
        assert_eq!(applied.matches("Applied ").count(), before.lines().count(), "{applied}");
        assert_eq!(migrate(&["migrate", "up"]), "Nothing to do: every migration is applied.\n");
        assert_eq!(migrate(&["migrate", "status"]), before.replace("pending ", "applied "));
        let all = before.lines().count().to_string();
        let taken_back = migrate(&["migrate", "down", "--steps", &all]);
        assert_eq!(taken_back.lines().count(), before.lines().count());
        assert!(taken_back.starts_with("Took back "), "{taken_back}");
        assert_eq!(migrate(&["migrate", "status"]), before);
        assert_eq!(migrate(&["migrate", "down"]), "Nothing to do: no migration is applied.\n");
        migrate(&["migrate", "up"]);
    }
}

#[test]
fn a_database_that_is_not_there_is_said_in_one_line_without_its_password() {
    let url = "postgres://user:pass-of-nobody@127.0.0.1:1/x";
    for arguments in [&["migrate", "up"][..], &["serve"]] {
        let (port, simulator) = (free_port().to_string(), free_port().to_string());
        let variables = [
            ("DATABASE_URL", url),
            ("OTP_LOGIN__SERVER__PORT", port.as_str()),
            ("OTP_LOGIN__SIMULATOR__PORT", simulator.as_str()),
        ];
        let ran = run(folder().path(), &variables, arguments);
        assert_eq!((ran.code, ran.stderr.lines().count()), (Some(1), 1), "{ran:?}");
        assert!(
            ran.stderr.contains("Connection refused") && !ran.stderr.contains("pass-of-nobody"),
            "{ran:?}"
        );
    }
}

#[test]
fn lg_01_config_show_masks_secrets_and_says_where_each_setting_comes_from() {
    let folder = folder();
    fs::create_dir(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("config/default.toml"), "[otp]\nmax_sends = 2\n").unwrap();
    let secrets = [
        ("DATABASE_URL", "postgres://u:hunter2-database@localhost/x"),
        ("OTP_LOGIN__SINCH__APPLICATION_SECRET", "c2VjcmV0IG9mIHRoZSBzaW5jaCBkYXNoYm9hcmQ="),
        ("OTP_LOGIN__PASSWORD__PEPPER", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ("OTP_LOGIN__PASSWORD__PREVIOUS_PEPPERS", "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk="),
        ("OTP_LOGIN__SECRETS__DATA_KEY", "ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc="),
        ("OTP_LOGIN__JWT__ALGORITHM", "HS256"),
        ("OTP_LOGIN__JWT__SECRET", "NDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM="),
        ("OTP_LOGIN__ADMIN__API_KEY", "admin-key-admin-key-admin-key-admin-key-0000"),
        ("OTP_LOGIN__INTROSPECTION__API_KEY", "b3RoZXIta2V5LW9mLWFuLW90aGVyLXNlcnZpY2UtMDE="),
        ("OTP_LOGIN__REDIS__URL", "redis://:hunter2-redis@localhost/"),
        ("PORT", "8123"),
    ];
    let shown = run(folder.path(), &secrets, &["config", "show", "--host", "0.0.0.0"]).good();
    for (name, value) in &secrets {
        let is_secret = !matches!(*name, "PORT" | "OTP_LOGIN__JWT__ALGORITHM");
        assert_eq!(shown.contains(value), !is_secret, "{name}: {shown}");
    }
    assert!(!shown.contains("hunter2"), "{shown}");
    let line = |key: &str| {
        let lines: Vec<&str> = shown.lines().filter(|line| line.split(' ').next() == Some(key)).collect();
        assert_eq!(lines.len(), 1, "{key}: {shown}");
        lines[0].to_owned()
    };
    assert!(line("server.port").ends_with("8123  (PORT)"));
    assert!(line("server.host").ends_with("0.0.0.0  (--host)"));
    assert!(
        line("otp.max_sends").contains("  2  (") && line("otp.max_sends").contains("config/default.toml")
    );
    assert!(line("jwt.algorithm").ends_with("HS256  (the environment)"));
    assert!(line("jwt.secret").contains("********"));
    assert!(line("otp.ttl_seconds").ends_with("600  (default)"));
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    for arguments in [&["config", "show"][..], &["completions", "bash"], &["keys", "generate"], &["--help"]] {
        let folder = folder();
        let mut child = command(folder.path(), &[], arguments).spawn().unwrap();
        // Nobody reads even the first line.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{arguments:?}: {output:?}");
        assert_eq!(output.status.signal(), None);
    }
}

#[test]
fn a_service_whose_log_nobody_reads_goes_on() {
    let folder = folder();
    let (port, simulator) = (free_port().to_string(), free_port().to_string());
    let variables = [
        ("PORT", port.as_str()),
        ("OTP_LOGIN__SIMULATOR__PORT", &simulator),
        ("OTP_LOGIN__LOG__FORMAT", "pretty"),
    ];
    let mut child = command(folder.path(), &variables, &[]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    drop(lines);
    drop(child.stderr.take());
    let url = format!("http://127.0.0.1:{port}/health");
    harness::eventually("the service answers", || Request::get(&url).send().is_ok());
    for _ in 0..20 {
        assert_eq!(Request::get(&url).send().unwrap().status, 200);
    }
    assert!(child.try_wait().unwrap().is_none(), "the service ended");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn health_tells_by_its_exit_code() {
    let server = Launch::of(binary()).env("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4").start();
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    assert_eq!(run(folder().path(), &[("PORT", &port)], &["health"]).good(), "healthy\n");
    assert_eq!(
        run(folder().path(), &[], &["health", "--host", "0.0.0.0", "--port", &port]).good(),
        "healthy\n"
    );
    drop(server);
    let ran = run(folder().path(), &[("PORT", &port)], &["health"]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(1), 1), "{ran:?}");
    assert!(ran.stderr.contains(&port), "{ran:?}");
}

#[test]
fn the_simulator_runs_alone() {
    let simulator = harness::SimulatorProcess::start();
    assert_eq!(Request::get(simulator.url("/magic-numbers")).send().unwrap().status, 200);
    let refused = run(folder().path(), &complete_production(), &["simulator"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("development only"), "{refused:?}");
}

#[test]
fn the_service_starts_with_nothing_set() {
    let server = Launch::of(binary()).start();
    assert!(Request::get(format!("{}/health/ready", server.url())).send().unwrap().status == 200);
    assert!(Request::get(format!("{}/inbox", server.simulator_url())).send().unwrap().status == 200);
    assert!(server.folder().join("data/otp-login.sqlite3").is_file());
}
