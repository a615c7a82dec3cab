//! Finds secrets in what was written, in the disguises that programs give them.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// Something that must not be written down.
#[derive(Clone, Debug)]
pub struct Secret {
    /// What it is, for the report.
    pub what: String,
    text: String,
    /// Short digits occur by chance within longer words and numbers.
    whole_word: bool,
}

impl Secret {
    pub fn new(what: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        assert!(text.len() >= 6, "{what} is too short to be looked for");
        Self { what: what.to_owned(), whole_word: text.len() < 9, text }
    }

    /// The parts of a signed token that are nobody else's.
    pub fn token(what: &str, token: &str) -> Vec<Self> {
        let parts = token.split('.').skip(usize::from(token.contains('.')));
        parts.map(|part| Self::new(what, part)).collect()
    }

    /// An E.164 number in the forms in which people write it.
    pub fn phone(number: &str) -> Vec<Self> {
        let national = number.strip_prefix("+46").expect("a Swedish number");
        let spaced = format!("{} {} {} {}", &national[..2], &national[2..5], &national[5..7], &national[7..]);
        let dashed = spaced.replacen(' ', "-", 1);
        [national.to_owned(), spaced, dashed]
            .into_iter()
            .map(|text| Self::new("phone number", text))
            .collect()
    }
}

/// Each secret that `output` holds, and in which disguise.
pub fn leaks(output: &str, secrets: &[Secret]) -> Vec<String> {
    let lower: &str = &output.to_lowercase();
    let mut found = Vec::new();
    for secret in secrets {
        for (disguise, text, any_case) in disguises(&secret.text) {
            let undisguised = text == secret.text;
            if undisguised && disguise != "plain" {
                continue;
            }
            let (hay, needle) = if any_case { (lower, text.to_lowercase()) } else { (output, text) };
            if let Some(at) = position(hay, &needle, secret.whole_word && undisguised) {
                found.push(format!("{} ({disguise}): {}", secret.what, around(hay, at)));
            }
        }
    }
    found
}

/// Name, text, and whether upper and lower case are the same.
fn disguises(secret: &str) -> Vec<(&'static str, String, bool)> {
    let bytes = secret.as_bytes();
    let quoted = serde_json::to_string(secret).expect("text");
    let escaped = quoted[1..quoted.len() - 1].to_owned();
    let list = |separator: &str| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    let mut all = vec![
        ("plain", secret.to_owned(), true),
        ("JSON", escaped.clone(), true),
        ("JSON in JSON", escaped.replace('\\', "\\\\").replace('"', "\\\""), true),
        ("debug", format!("{secret:?}").trim_matches('"').to_owned(), true),
        ("hex", hex(bytes, ""), true),
        ("hex with escapes", hex(bytes, "\\x"), true),
        ("URL", percent_encoded(bytes, false), true),
        ("URL, everything encoded", percent_encoded(bytes, true), true),
        ("form", percent_encoded(bytes, false).replace("%20", "+"), true),
        ("byte list", list(", "), false),
        ("dense byte list", list(","), false),
        (
            "UTF-16 escapes",
            secret.encode_utf16().fold(String::new(), |text, unit| format!("{text}\\u{unit:04x}")),
            true,
        ),
    ];
    all.extend(base64_cores(bytes).into_iter().map(|core| ("Base64", core, false)));
    all
}

/// What stays the same of the secret's Base64 wherever in a longer text it
/// stands, in both alphabets.
fn base64_cores(bytes: &[u8]) -> Vec<String> {
    let mut cores = Vec::new();
    for before in 0..3 {
        let padded = [&vec![0; before], bytes].concat();
        // The first characters depend on what stands before, the last on what follows.
        let (skip, whole) = ([0, 2, 3][before], padded.len() * 8 / 6);
        for encoded in [BASE64_STANDARD_NO_PAD.encode(&padded), BASE64_URL_SAFE_NO_PAD.encode(&padded)] {
            cores.push(encoded[skip..whole].to_owned());
        }
    }
    cores
}

fn hex(bytes: &[u8], before_each: &str) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{before_each}{byte:02x}");
        text
    })
}

fn percent_encoded(bytes: &[u8], all: bool) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if !all && (byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn position(hay: &str, needle: &str, whole_word: bool) -> Option<usize> {
    let borders = |at: usize| {
        let before = hay[..at].chars().next_back();
        let after = hay[at + needle.len()..].chars().next();
        let part_of_more = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        // A fraction of a second is no code.
        !part_of_more(before) && !part_of_more(after) && before != Some('.')
    };
    hay.match_indices(needle).map(|(at, _)| at).find(|at| !whole_word || borders(*at))
}

fn around(hay: &str, at: usize) -> String {
    let line_start = hay[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = hay[line_start..].lines().next().unwrap_or_default();
    line.chars().take(600).collect()
}
