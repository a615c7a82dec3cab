//! What a row means, and why it may mean nothing.

use std::borrow::Cow;

use adapters_crypto::ImportableHashes;
use domain::{AccountLock, CountryCode, Email, Locale, LockReason, PhoneNumber, UserId};
use jiff::{SignedDuration, Timestamp};
use ports::{ImportConflict, ImportOutcome};
use serde::Serialize;
use use_cases::PersonToImport;
use uuid::Uuid;

use super::{
    recent::Earlier,
    row::{Row, Verified},
};

/// Why a row is refused. Holds nothing that the row held.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Refusal {
    pub(super) field: &'static str,
    pub(super) reason: Cow<'static, str>,
    pub(super) remedy: &'static str,
}

impl Refusal {
    fn of(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        let remedy = match field {
            "password_hash" => "leave the person out and let him register, or give another hash",
            _ => "correct the field and import the file again; who is there already is skipped",
        };
        Self { field, reason: reason.into(), remedy }
    }

    /// The row as a whole cannot be read.
    pub(super) fn row(reason: &'static str) -> Self {
        Self::of("", reason)
    }

    /// Somebody else is in the way.
    pub(super) fn conflict(conflict: ImportConflict, earlier: &Earlier) -> Self {
        let (field, line) = match conflict {
            ImportConflict::EmailTaken => ("email", earlier.line_of_email),
            ImportConflict::PhoneTaken => ("phone_number", earlier.line_of_phone),
            ImportConflict::IdTaken | ImportConflict::OtherId => ("id", None),
            ImportConflict::ChangedMeanwhile => ("", None),
        };
        let reason = match line {
            Some(line) => format!("{conflict}: see also line {line}"),
            None => conflict.to_string(),
        };
        let remedy = match conflict {
            ImportConflict::ChangedMeanwhile => "import the file again",
            _ => "find out with `otp-login users find` whose it is, and correct or remove the row",
        };
        Self { field, reason: reason.into(), remedy }
    }
}

/// A time that a person in the file cannot have lived to see is a mistake; clocks differ a little.
const CLOCK_LEEWAY: SignedDuration = SignedDuration::from_mins(5);

/// Reads what rows mean.
pub(super) struct Parser {
    pub(super) hashes: ImportableHashes,
    pub(super) now: Timestamp,
}

/// Collects everything that is wrong with a row.
#[derive(Default)]
struct Refusals(Vec<Refusal>);

impl Refusals {
    fn add(&mut self, field: &'static str, reason: impl Into<Cow<'static, str>>) {
        self.0.push(Refusal::of(field, reason));
    }

    /// What `parse` makes of a field that has to be there.
    fn required<T, E: ToString>(
        &mut self,
        field: &'static str,
        text: Option<&String>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_none() {
            self.add(field, "this field is missing");
        }
        self.optional(field, text, parse)
    }

    /// What `parse` makes of a field that may be there.
    fn optional<T, E: ToString>(
        &mut self,
        field: &'static str,
        text: Option<&String>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(text?).map_err(|error| self.add(field, error.to_string())).ok()
    }
}

impl Parser {
    /// The person that a row tells of, and whether verifying the hash takes longer than others; or
    /// everything that is wrong with it.
    pub(super) fn person(&self, row: &Row) -> Result<(PersonToImport, bool), Vec<Refusal>> {
        let mut refusals = Refusals::default();
        let email = refusals.required("email", row.email.as_ref(), Email::parse);
        let country = refusals.optional("country", row.country.as_ref(), CountryCode::parse);
        let phone = refusals
            .required("phone_number", row.phone_number.as_ref(), |text| PhoneNumber::parse(text, country));
        let hash = match &email {
            Some(email) => refusals.required("password_hash", row.password_hash.as_ref(), |text| {
                self.hashes.read(text.trim(), email)
            }),
            None => None,
        };
        let verified = match row.verified {
            Some(Verified::Known(verified)) => Some(verified),
            Some(Verified::Other) => {
                refusals.add("verified", "write true or false");
                None
            }
            None => {
                refusals.add("verified", "this field is missing");
                None
            }
        };
        let id = refusals.optional("id", row.id.as_ref(), account_id);
        let locale = refusals.optional("locale", row.locale.as_ref(), Locale::parse);
        let created_at = refusals.optional("created_at", row.created_at.as_ref(), |text| self.past(text));
        let phone_verified_at =
            refusals.optional("phone_verified_at", row.phone_verified_at.as_ref(), |text| self.past(text));
        let lock = self.lock(row, &mut refusals);
        if verified == Some(false) && (phone_verified_at.is_some() || lock.is_some()) {
            refusals
                .add("verified", "only the account of a verified phone can have a time of proof or a lock");
        }
        match (email, phone, hash, verified) {
            (Some(email), Some(phone), Some(hash), Some(verified)) if refusals.0.is_empty() => {
                let person = PersonToImport {
                    id,
                    email,
                    phone,
                    password_hash: hash.hash,
                    has_own_salt: hash.has_own_salt,
                    verified,
                    locale,
                    created_at,
                    phone_verified_at,
                    lock,
                };
                Ok((person, hash.is_dearer))
            }
            _ => Err(refusals.0),
        }
    }

    fn lock(&self, row: &Row, refusals: &mut Refusals) -> Option<AccountLock> {
        let since = refusals.optional("locked_at", row.locked_at.as_ref(), |text| self.past(text));
        let reason = refusals.optional("lock_reason", row.lock_reason.as_ref(), LockReason::parse);
        match (&row.locked_at, &row.lock_reason) {
            (Some(_), None) => refusals.add("lock_reason", "a lock has a reason"),
            (None, Some(_)) => refusals.add("locked_at", "a lock has a time"),
            _ => {}
        }
        Some(AccountLock { since: since?, reason: reason? })
    }

    fn past(&self, text: &str) -> Result<Timestamp, &'static str> {
        const FORM: &str = "write a time of RFC 3339 such as 2026-03-14T15:09:26Z";
        let time: Timestamp = text.trim().parse().map_err(|_| FORM)?;
        let latest = self.now.checked_add(CLOCK_LEEWAY).unwrap_or(Timestamp::MAX);
        if time > latest || time < Timestamp::UNIX_EPOCH {
            return Err("the time lies in the future, or before 1970");
        }
        // What every store keeps without loss.
        Timestamp::from_microsecond(time.as_microsecond()).map_err(|_| FORM)
    }
}

fn account_id(text: &str) -> Result<UserId, &'static str> {
    let id = text.trim().parse::<Uuid>().ok().filter(|id| id.get_version_num() == 7);
    id.map(UserId).ok_or("an id is a UUID of version 7; leave it out to have one made")
}

impl Earlier {
    /// Names of an earlier line with another name beside them.
    pub(super) fn outcome(is_same: bool, of_email: bool) -> ImportOutcome {
        match (is_same, of_email) {
            (true, _) => ImportOutcome::AlreadyThere,
            (false, true) => ImportOutcome::Refused(ImportConflict::EmailTaken),
            (false, false) => ImportOutcome::Refused(ImportConflict::PhoneTaken),
        }
    }
}

#[cfg(test)]
mod tests {
    use adapters_crypto::{DataKey, HasherSettings, Pepper};

    use super::*;

    const HASH: &str = "$2y$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";

    fn parser() -> Parser {
        let settings = HasherSettings {
            cost: 6,
            pepper: Pepper::from_bytes([1; 32]),
            previous_peppers: Vec::new(),
            data_key: DataKey::from_bytes([2; 32]),
            workers: None,
            lanes: None,
            max_wait: HasherSettings::DEFAULT_MAX_WAIT,
        };
        let now = "2026-03-14T15:09:26Z".parse().unwrap();
        Parser { hashes: ImportableHashes::new(&settings).unwrap(), now }
    }

    fn row(changes: &[(&str, &str)]) -> Row {
        let mut row = Row::default();
        let whole = [
            ("email", "ann@example.com"),
            ("phone_number", "+46701234567"),
            ("password_hash", HASH),
            ("verified", "true"),
        ];
        for (field, text) in whole.iter().chain(changes) {
            row.set(field, text);
        }
        row
    }

    fn refused(changes: &[(&str, &str)]) -> Vec<&'static str> {
        let refusals = parser().person(&row(changes)).expect_err("accepted");
        for refusal in &refusals {
            assert!(!refusal.reason.contains("m0CrhHm10"), "the hash is repeated: {refusal:?}");
        }
        refusals.into_iter().map(|refusal| refusal.field).collect()
    }

    #[test]
    fn a_row_tells_of_a_person() {
        let (person, is_dearer) = parser()
            .person(&row(&[
                ("phone_number", "070-123 45 67"),
                ("country", "SE"),
                ("locale", "sv"),
                ("created_at", "2020-01-02T03:04:05.123456789+01:00"),
                ("locked_at", "2021-01-02T03:04:05Z"),
                ("lock_reason", "fraud"),
            ]))
            .unwrap();
        assert_eq!((person.phone.as_e164(), is_dearer), ("+46701234567", false));
        assert_eq!(person.created_at.unwrap().to_string(), "2020-01-02T02:04:05.123456Z");
        assert_eq!(person.lock.unwrap().reason.as_str(), "fraud");
        assert!(person.verified && person.has_own_salt);
        assert_eq!((person.id, person.phone_verified_at), (None, None));
    }

    #[test]
    fn everything_that_is_wrong_with_a_row_is_told_by_field() {
        type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);
        let cases: [Case; 12] = [
            (&[("email", "ann")], &["email"]),
            (&[("phone_number", "0701234567")], &["phone_number"]),
            (&[("phone_number", "0701234567"), ("country", "XX")], &["country", "phone_number"]),
            (
                &[("password_hash", "$2x$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe")],
                &["password_hash"],
            ),
            (&[("password_hash", "5f4dcc3b5aa765d61d8327deb882cf99")], &["password_hash"]),
            (&[("verified", "yes")], &["verified"]),
            (&[("locale", "{{CODE}}")], &["locale"]),
            (&[("created_at", "yesterday"), ("id", "7")], &["id", "created_at"]),
            (&[("created_at", "2026-03-14T16:09:26Z")], &["created_at"]),
            (&[("locked_at", "2020-01-01T00:00:00Z")], &["lock_reason"]),
            (&[("lock_reason", "fraud")], &["locked_at"]),
            (&[("verified", "false"), ("phone_verified_at", "2020-01-01T00:00:00Z")], &["verified"]),
        ];
        for (changes, fields) in cases {
            assert_eq!(refused(changes), fields, "{changes:?}");
        }
        let nothing = parser().person(&Row::default()).unwrap_err();
        let fields: Vec<&str> = nothing.iter().map(|refusal| refusal.field).collect();
        assert_eq!(fields, ["email", "phone_number", "verified"]);
    }
}
