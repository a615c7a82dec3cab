//! Finds what could open a session, by name and by form, wherever in an answer it stands.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde_json::Value;

use super::Answer;

/// What has the form of a token and proves nothing alone: the id of a challenge, and that and the
/// nonce of a passkey's ceremony.
const PROVE_NOTHING: [(&str, &str); 3] =
    [("challenge", "id"), ("", "ceremony_id"), ("public_key", "challenge")];

/// Lists of the ids of passkeys, which are names and no secrets.
const CREDENTIALS: [&str; 2] = ["excludeCredentials", "allowCredentials"];

const MEMBERS: [&str; 3] = ["access_token", "refresh_token", "device_token"];

/// Each thing in an answer that is called a token or looks like one.
pub(crate) fn tokens_in(answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let values = answer.headers.iter().filter(|(name, _)| name != "x-request-id").map(|(_, value)| value);
    values.for_each(|value| signed_tokens(value, &mut found));
    match serde_json::from_slice(&answer.body) {
        Ok(body) => in_json("", &body, &mut found),
        Err(_) => signed_tokens(&String::from_utf8_lossy(&answer.body), &mut found),
    }
    found
}

fn in_json(name: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                if MEMBERS.contains(&member.as_str()) {
                    found.push(format!("{member}: {value}"));
                }
                let place = (name, member.as_str());
                if !PROVE_NOTHING.contains(&place) && !CREDENTIALS.contains(&name) {
                    in_json(member, value, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| in_json(name, item, found)),
        Value::String(text) => {
            if is_opaque_token(text) {
                found.push(text.clone());
            }
            signed_tokens(text, found);
        }
        _ => {}
    }
}

/// 256 bits in base64url: refresh tokens and device tokens.
fn is_opaque_token(text: &str) -> bool {
    text.len() == 43 && BASE64URL.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// The compact form of RFC 7515, anywhere in a text.
fn signed_tokens(text: &str, found: &mut Vec<String>) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    for word in text.split(|c| !is_part(c)) {
        let Some((header, rest)) = word.split_once('.') else { continue };
        let header = BASE64URL.decode(header).ok();
        let header = header.and_then(|json| serde_json::from_slice::<Value>(&json).ok());
        if rest.contains('.') && header.is_some_and(|header| header["alg"].is_string()) {
            found.push(word.to_owned());
        }
    }
}

#[test]
fn what_could_open_a_session_is_found_wherever_it_stands() {
    let (jws, opaque) = ("eyJhbGciOiJFZERTQSJ9.e30.AAAA", "A".repeat(43));
    let answer = |headers: &[(&str, &str)], body: &str| Answer {
        status: 200,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    };
    let cookie = format!("session={jws}; HttpOnly");
    for holding in [
        answer(&[("set-cookie", &cookie)], ""),
        answer(&[("location", &format!("/?token={jws}"))], ""),
        answer(&[], &format!("<a href='/{jws}'>")),
        answer(&[], &format!(r#"{{"a":[{{"b":"{opaque}"}}]}}"#)),
        answer(&[], &format!(r#"{{"a":"Bearer {jws}"}}"#)),
        answer(&[], r#"{"a":{"device_token":null}}"#),
        answer(&[], &format!(r#"{{"id":"{opaque}"}}"#)),
    ] {
        assert!(!tokens_in(&holding).is_empty(), "{holding:?}");
    }
    for other in [
        answer(&[("x-request-id", jws)], ""),
        answer(&[], &format!(r#"{{"challenge":{{"id":"{opaque}"}}}}"#)),
        answer(&[], r#"{"detail":"send the access_token. Or not. Really."}"#),
        answer(&[], "e30.e30.AAAA"),
    ] {
        assert_eq!(tokens_in(&other), Vec::<String>::new());
    }
}
