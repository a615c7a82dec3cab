//! Rows as texts, before anything in them is known to be right.

use serde::Deserialize;

/// What a row may hold.
pub(super) const FIELDS: [&str; 11] = [
    "id",
    "email",
    "phone_number",
    "password_hash",
    "verified",
    "locale",
    "country",
    "created_at",
    "phone_verified_at",
    "locked_at",
    "lock_reason",
];

/// What no row may lack.
pub(super) const REQUIRED: [&str; 4] = ["email", "phone_number", "password_hash", "verified"];

/// One row. The hash in it is as secret as the database.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Row {
    pub(super) id: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) password_hash: Option<String>,
    pub(super) verified: Option<Verified>,
    pub(super) locale: Option<String>,
    pub(super) country: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) phone_verified_at: Option<String>,
    pub(super) locked_at: Option<String>,
    pub(super) lock_reason: Option<String>,
}

/// JSON has a type for it; CSV has words.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Verified {
    Known(bool),
    #[serde(skip)]
    Other,
}

impl Row {
    /// Sets a field that has a place in [`FIELDS`]; an empty cell is none.
    pub(super) fn set(&mut self, field: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let place = match field {
            "id" => &mut self.id,
            "email" => &mut self.email,
            "phone_number" => &mut self.phone_number,
            "password_hash" => &mut self.password_hash,
            "locale" => &mut self.locale,
            "country" => &mut self.country,
            "created_at" => &mut self.created_at,
            "phone_verified_at" => &mut self.phone_verified_at,
            "locked_at" => &mut self.locked_at,
            "lock_reason" => &mut self.lock_reason,
            _ => {
                self.verified = Some(text.parse().map_or(Verified::Other, Verified::Known));
                return;
            }
        };
        *place = Some(text.to_owned());
    }
}

/// What stands where a row should.
pub(super) enum Unreadable {
    /// This row is none; the next may be one.
    Row { line: u64, reason: &'static str },
    /// Nothing more can be read.
    File(anyhow::Error),
}
