//! Fields of a request, and what can be wrong with them.

use std::{borrow::Cow, fmt, marker::PhantomData};

use domain::{
    InvalidCeremonyId, InvalidChallengeId, InvalidCode, InvalidEmail, InvalidLocale, InvalidPasskeyName,
    InvalidPhoneNumber, InvalidRecoveryCode, RefusedPassword, UnknownChannel,
};
use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, Visitor},
};

use crate::problem::{FieldError, Problem};

/// A field as it arrived. Reading one never fails, so that all errors of a
/// request are told at once; `null` is the same as nothing.
#[derive(Debug)]
pub(crate) enum Field<T> {
    Missing,
    WrongType,
    Given(T),
}

/// A text. Most are personal or secret, so none of them prints.
pub(crate) type Text = Field<SecretString>;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    /// Asks for an option, because serde takes a missing field for `None`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_none<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Missing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field<T>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Arrived<T> {
            Right(T),
            Wrong(IgnoredAny),
        }
        Ok(match Arrived::deserialize(deserializer)? {
            Arrived::Right(value) => Field::Given(value),
            Arrived::Wrong(IgnoredAny) => Field::WrongType,
        })
    }
}

impl<T> Field<T> {
    /// Whether nothing was sent.
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl Text {
    /// The text, if one was sent.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Given(text) => Some(text.expose_secret()),
            Self::Missing | Self::WrongType => None,
        }
    }
}

/// Rule: something of the right type was sent.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context so")]
pub(crate) fn required<T>(field: &Field<T>, context: &()) -> garde::Result {
    if field.is_missing() {
        return Err(Reason::REQUIRED.into());
    }
    optional(field, context)
}

/// Rule: what was sent, if anything, has the right type.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context so")]
pub(crate) fn optional<T>(field: &Field<T>, _: &()) -> garde::Result {
    match field {
        Field::WrongType => Err(Reason::WRONG_TYPE.into()),
        Field::Missing | Field::Given(_) => Ok(()),
    }
}

/// Rule: a text that was sent has 1 to `most` characters.
pub(crate) fn one_to(most: usize) -> impl Fn(&Text, &()) -> garde::Result {
    move |field, ()| match field.text().map(|text| text.chars().take(most + 1).count()) {
        Some(0) => Err(Reason::new("too-short", "this may not be empty").into()),
        Some(length) if length > most => {
            Err(Reason::new("too-long", format!("send at most {most} characters")).into())
        }
        _ => Ok(()),
    }
}

/// Why a field is not accepted: a stable code, and what to do about it.
#[derive(Debug)]
pub(crate) struct Reason {
    code: &'static str,
    message: Cow<'static, str>,
}

impl Reason {
    pub(crate) const REQUIRED: Self = Self::fixed("required", "send this field");
    pub(crate) const WRONG_TYPE: Self =
        Self::fixed("wrong-type", "send this field as the type that the API description names");

    /// Every code that a rule above may give.
    const SHAPE_CODES: [&str; 4] = ["required", "wrong-type", "too-short", "too-long"];

    const fn fixed(code: &'static str, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message) }
    }

    pub(crate) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// Takes a reason back out of garde, which carries one text only.
    fn of(error: &garde::Error) -> Self {
        let (code, message) = error.message().split_once(": ").unwrap_or_default();
        let code = Self::SHAPE_CODES.into_iter().find(|known| *known == code).unwrap_or("invalid");
        Self::new(code, message.to_owned())
    }
}

impl From<Reason> for garde::Error {
    fn from(reason: Reason) -> Self {
        Self::new(format!("{}: {}", reason.code, reason.message))
    }
}

impl From<InvalidEmail> for Reason {
    fn from(error: InvalidEmail) -> Self {
        let code = match error {
            InvalidEmail::TooLong => "too-long",
            InvalidEmail::Malformed => "invalid-email",
        };
        Self::new(code, error.to_string())
    }
}

impl From<InvalidPhoneNumber> for Reason {
    fn from(error: InvalidPhoneNumber) -> Self {
        use InvalidPhoneNumber as Invalid;
        let code = match error {
            Invalid::TooLong => "too-long",
            Invalid::MissingCountry => "missing-country",
            Invalid::UnknownCountry => "unknown-country",
            Invalid::Empty
            | Invalid::MisplacedPlus
            | Invalid::Extension
            | Invalid::Letters
            | Invalid::ForbiddenCharacter
            | Invalid::UnknownCallingCode
            | Invalid::NotInUse => "invalid-phone-number",
        };
        Self::new(code, error.to_string())
    }
}

impl From<RefusedPassword> for Reason {
    fn from(error: RefusedPassword) -> Self {
        let code = match error {
            RefusedPassword::TooShort => "too-short",
            RefusedPassword::TooLong => "too-long",
            RefusedPassword::TooCommon => "too-common",
            RefusedPassword::ContainsEmail => "contains-email",
            RefusedPassword::OwnName => "contains-service-name",
        };
        Self::new(code, error.to_string())
    }
}

impl From<InvalidLocale> for Reason {
    fn from(error: InvalidLocale) -> Self {
        Self::new("invalid-locale", error.to_string())
    }
}

impl From<InvalidChallengeId> for Reason {
    fn from(error: InvalidChallengeId) -> Self {
        Self::new("invalid-challenge-id", error.to_string())
    }
}

impl From<InvalidCeremonyId> for Reason {
    fn from(error: InvalidCeremonyId) -> Self {
        Self::new("invalid-ceremony-id", error.to_string())
    }
}

impl From<InvalidPasskeyName> for Reason {
    fn from(error: InvalidPasskeyName) -> Self {
        Self::new("invalid-name", error.to_string())
    }
}

impl From<InvalidCode> for Reason {
    fn from(error: InvalidCode) -> Self {
        Self::new("invalid-format", error.to_string())
    }
}

impl From<InvalidRecoveryCode> for Reason {
    fn from(error: InvalidRecoveryCode) -> Self {
        Self::new("invalid-format", error.to_string())
    }
}

impl From<UnknownChannel> for Reason {
    fn from(error: UnknownChannel) -> Self {
        Self::new("unknown-channel", error.to_string())
    }
}

/// What is wrong with a request, collected over all of its fields.
pub(crate) struct FieldErrors {
    pointers: &'static [&'static str],
    errors: Vec<FieldError>,
}

impl FieldErrors {
    /// What the shape rules of `body`, whose fields are `pointers`, find.
    pub(crate) fn of(body: &impl Validate<Context = ()>, pointers: &'static [&'static str]) -> Self {
        let mut found = Self::none(pointers);
        let report = body.validate().err();
        for (path, error) in report.iter().flat_map(garde::Report::iter) {
            let pointer = format!("/{path}");
            let pointer = pointers.iter().find(|known| **known == pointer).copied().unwrap_or_default();
            found.refuse(pointer, Reason::of(error));
        }
        found
    }

    /// Nothing found so far in `pointers`.
    pub(crate) const fn none(pointers: &'static [&'static str]) -> Self {
        Self { pointers, errors: Vec::new() }
    }

    /// What `parser` makes of the field, unless it is missing or refused.
    pub(crate) fn parse<T, E: Into<Reason>>(
        &mut self,
        pointer: &'static str,
        field: &Text,
        parser: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.errors.iter().any(|error| error.pointer == pointer) {
            return None;
        }
        parser(field.text()?).map_err(|reason| self.refuse(pointer, reason.into())).ok()
    }

    /// Notes that a field is not accepted.
    pub(crate) fn refuse(&mut self, pointer: &'static str, Reason { code, message }: Reason) {
        self.errors.push(FieldError { pointer, code, message });
    }

    /// The request, or everything that is wrong with it in the order of its
    /// fields. `request` is `None` only when something was refused.
    pub(crate) fn resolve<T>(self, request: Option<T>) -> Result<T, Problem> {
        match request {
            Some(request) if self.errors.is_empty() => Ok(request),
            _ => Err(self.into_problem()),
        }
    }

    /// Everything that is wrong, in the order of the fields.
    pub(crate) fn into_problem(mut self) -> Problem {
        self.errors.sort_by_key(|error| self.pointers.iter().position(|pointer| *pointer == error.pointer));
        let refused: Vec<&str> = self.errors.iter().map(|error| error.pointer).collect();
        tracing::info!(event = "input_validation_fail", fields = refused.join(" "));
        Problem::invalid_fields(self.errors)
    }
}
