//! Signing keys that take turns while people are signed in.

use std::process::{Command, Output};
use std::thread;

use serde_json::json;
use testkit::server::Launch;

use crate::client::{BINARY, Database, Jwt, Service, Tokens, until};

on_both_databases!(
    tk_08_a_rotation_publishes_the_new_key_before_it_signs_and_signs_nobody_out,
    tk_08_a_replaced_key_is_refused_after_its_last_token,
    tk_08_a_retired_key_is_refused_and_clients_go_on_with_their_refresh_tokens,
);

/// Replicas look for changes each second.
const QUICK: [(&str, &str); 2] =
    [("OTP_LOGIN__JWT__KEY_REFRESH_SECONDS", "1"), ("OTP_LOGIN__JWT__KEY_PUBLISH_LEAD_SECONDS", "0")];

/// A service, and the command line beside it with the same settings.
struct Operated {
    service: Service,
    settings: Vec<(String, String)>,
}

impl Operated {
    fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        let settings: Vec<(&str, &str)> = QUICK.iter().chain(settings).copied().collect();
        let service = Service::at(url, &settings);
        let database = [("DATABASE_URL", url)];
        let settings = settings.iter().chain(&database);
        Self {
            service,
            settings: settings.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        }
    }

    fn ran(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(["keys"]).args(arguments).current_dir(self.service.server.folder());
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        command.env_clear().envs(settings).output().unwrap()
    }

    /// What a command prints that must go well.
    #[track_caller]
    fn keys(&self, arguments: &[&str]) -> String {
        let output = self.ran(arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The state of each key, by `keys list`.
    fn states(&self) -> Vec<(String, String)> {
        let word = |line: &str, place| line.split_whitespace().nth(place).unwrap().to_owned();
        self.keys(&["list"]).lines().skip(1).map(|line| (word(line, 0), word(line, 2))).collect()
    }

    fn published(&self) -> Vec<String> {
        let set = self.service.get("/.well-known/jwks.json").json();
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// The key that signs, told by a token that is asked for now.
    fn signer(&self, tokens: &mut Tokens) -> String {
        *tokens = self.service.refresh(&tokens.refresh_token).expect(200);
        key_of(tokens)
    }
}

fn key_of(tokens: &Tokens) -> String {
    Jwt::read(&tokens.access_token).header["kid"].as_str().unwrap().to_owned()
}

fn tk_08_a_rotation_publishes_the_new_key_before_it_signs_and_signs_nobody_out(database: Database) {
    let operated = Operated::start(&database.url(), &[("OTP_LOGIN__JWT__KEY_PUBLISH_LEAD_SECONDS", "3")]);
    let (_, first) = operated.service.signed_up();
    let old = key_of(&first);
    assert_eq!(operated.published(), [old.as_str()]);

    let told = operated.keys(&["rotate"]);
    let states = operated.states();
    let [(listed_old, signs), (new, next)] = states.as_slice() else { panic!("{states:?}") };
    assert_eq!((listed_old, signs.as_str(), next.as_str()), (&old, "active", "upcoming"));
    assert!(told.contains(new) && told.contains(&format!("Tokens of {old} are accepted until")), "{told}");

    until("the new key is published", || (operated.published() == [old.as_str(), new]).then_some(()));
    let mut tokens = operated.service.signed_up().1;
    assert_eq!(key_of(&tokens), old, "it is published before it signs");
    until("the new key signs", || (operated.signer(&mut tokens) == *new).then_some(()));
    operated.service.user(&tokens.access_token);
    operated.service.user(&first.access_token);
    assert_eq!(operated.published(), [old.as_str(), new], "tokens of both can be checked");
    operated.service.refresh(&first.refresh_token).expect::<Tokens>(200);
}

fn tk_08_a_replaced_key_is_refused_after_its_last_token(database: Database) {
    let operated = Operated::start(&database.url(), &[("OTP_LOGIN__JWT__ACCESS_TTL_SECONDS", "1")]);
    let (_, mut tokens) = operated.service.signed_up();
    let old = key_of(&tokens);
    let told = operated.keys(&["rotate", "--now"]);
    assert!(told.contains("Warning") && told.contains("jwks.json"), "{told}");
    until("the old key is no longer published", || (!operated.published().contains(&old)).then_some(()));
    assert_eq!(operated.states()[0], (old.clone(), "retired".to_owned()));
    assert_ne!(operated.signer(&mut tokens), old);
}

fn tk_08_a_retired_key_is_refused_and_clients_go_on_with_their_refresh_tokens(database: Database) {
    let operated = Operated::start(&database.url(), &[]);
    let (_, mut tokens) = operated.service.signed_up();
    let (old, stolen) = (key_of(&tokens), tokens.access_token.clone());
    operated.service.user(&stolen);

    let told = operated.keys(&["retire", &old]);
    assert!(told.contains(&old) && told.contains("within 2 seconds"), "{told}");
    until("its tokens are refused", || (operated.service.me(&stolen).status == 401).then_some(()));
    operated.service.me(&stolen).refusal(401, "invalid-token");
    let new = operated.signer(&mut tokens);
    assert_ne!(new, old);
    assert_eq!(operated.published(), [new.as_str()]);
    operated.service.user(&tokens.access_token);

    let again = operated.ran(&["retire", &old]);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.code() == Some(1) && told.contains("retired already"), "{again:?}");
}

#[test]
fn tk_08_replicas_that_start_together_sign_with_one_key_and_rotate_together() {
    let url = Database::Postgres.url();
    let starts: Vec<_> = (0..3)
        .map(|_| {
            let url = url.clone();
            thread::spawn(move || Operated::start(&url, &[("OTP_LOGIN__JWT__ALGORITHM", "ES256")]))
        })
        .collect();
    let replicas: Vec<Operated> = starts.into_iter().map(|start| start.join().unwrap()).collect();
    let [first, others @ ..] = replicas.as_slice() else { panic!("no replicas") };
    let (_, mut tokens) = first.service.signed_up();
    assert_eq!(Jwt::read(&tokens.access_token).header["alg"], json!("ES256"));
    assert_eq!(first.states(), [(key_of(&tokens), "active".to_owned())]);
    for replica in others {
        replica.service.user(&tokens.access_token);
    }
    let old = key_of(&tokens);
    first.keys(&["rotate"]);
    until("a new key signs", || (first.signer(&mut tokens) != old).then_some(()));
    for replica in others {
        replica.service.user(&tokens.access_token);
        assert_eq!(replica.published(), first.published());
    }
}

#[test]
fn asvs_11_2_2_keys_sealed_with_an_earlier_data_key_sign_on_and_without_it_nothing_starts() {
    const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const NEW: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let url = Database::Postgres.url();
    let before = Operated::start(&url, &[("OTP_LOGIN__SECRETS__DATA_KEY", OLD)]);
    let (_, tokens) = before.service.signed_up();
    let key = key_of(&tokens);

    let both = [("OTP_LOGIN__SECRETS__DATA_KEY", NEW), ("OTP_LOGIN__SECRETS__PREVIOUS_DATA_KEYS", OLD)];
    let after = Operated::start(&url, &both);
    after.service.user(&tokens.access_token);
    until("the advice to seal anew", || {
        after.service.server.output().contains("sealed with a previous data key").then_some(())
    });

    let without = || Launch::of(BINARY).env("DATABASE_URL", &url).env("OTP_LOGIN__SECRETS__DATA_KEY", NEW);
    let refusal = without().try_start().err().expect("a start without the earlier data key");
    for word in [key.as_str(), "previous_data_keys", "keys retire"] {
        assert!(refusal.output.contains(word), "{word}: {}", refusal.output);
    }
    after.keys(&["retire", &key]);
    without().start();
}
