//! What a signed-in user's requests look like.

use actix_web::{HttpRequest, web::Query};
use domain::{Code, Email, EventId, Locale, NewPassword, Password, PasswordPolicy};
use garde::Validate;
use serde::{Deserialize, Deserializer};
use use_cases::{ChangePasswordRequest, StartStepUpRequest};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::field::{Field, FieldErrors, Reason, Text, one_to, optional, required};
use crate::{client::Visitor, problem::Problem};

/// The password, to prove again who is there.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = StepUpRequest)]
pub(crate) struct StepUpBody {
    #[garde(custom(required), custom(one_to(1024)))]
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 1024, examples("violet-anchor-piano"))]
    password: Text,
}

impl StepUpBody {
    pub(crate) fn into_request(self, visitor: Visitor) -> Result<StartStepUpRequest, Problem> {
        let errors = FieldErrors::of(&self, &["/password"]);
        let password = self.password.text().map(Password::presented);
        errors.resolve(password.map(|password| StartStepUpRequest {
            password,
            request_locale: visitor.locale,
            client: visitor.client,
        }))
    }
}

/// Another password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = PasswordChange)]
pub(crate) struct ChangePasswordBody {
    #[garde(custom(required), custom(one_to(1024)))]
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 1024, examples("violet-anchor-piano"))]
    current_password: Text,
    /// By the rules of registration.
    #[garde(custom(required))]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128, examples("copper-lantern-river"))]
    new_password: Text,
}

impl ChangePasswordBody {
    /// The request, or everything that is wrong with it.
    pub(crate) fn into_request(
        self,
        email: &Email,
        policy: &PasswordPolicy,
        visitor: Visitor,
    ) -> Result<ChangePasswordRequest, Problem> {
        let mut errors = FieldErrors::of(&self, &["/current_password", "/new_password"]);
        let current = self.current_password.text().map(Password::presented);
        let new = errors
            .parse("/new_password", &self.new_password, |text| NewPassword::parse(text, Some(email), policy));
        let request = || Some(ChangePasswordRequest { current: current?, new: new?, client: visitor.client });
        errors.resolve(request())
    }
}

/// What a user can change of the account without proof.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = Profile)]
pub(crate) struct ProfileBody {
    /// The language of messages, such as `sv-SE`; `null` forgets it, absent leaves it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(optional)))]
    #[schema(value_type = Option<String>, max_length = 35, examples("sv-SE"))]
    locale: Option<Text>,
}

/// Tells `null` from nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    Field::deserialize(deserializer).map(Some)
}

/// What is wished of the language.
pub(crate) enum LocaleWish {
    Leave,
    Set(Option<Locale>),
}

impl ProfileBody {
    /// What to do about the language.
    pub(crate) fn into_locale(self) -> Result<LocaleWish, Problem> {
        let mut errors = FieldErrors::of(&self, &["/locale"]);
        let Some(field) = self.locale else { return errors.resolve(Some(LocaleWish::Leave)) };
        let is_forgotten = field.is_missing();
        let locale = errors.parse("/locale", &field, Locale::parse);
        errors.resolve((is_forgotten || locale.is_some()).then_some(LocaleWish::Set(locale)))
    }
}

/// The proof that an authenticator app has the secret.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = TotpConfirmation)]
pub(crate) struct ConfirmTotpBody {
    /// The code that the app shows.
    #[garde(custom(required))]
    #[schema(value_type = String, max_length = 64, examples("123456"))]
    code: Text,
}

impl ConfirmTotpBody {
    /// The code, or what is wrong with it.
    pub(crate) fn into_code(self) -> Result<Code, Problem> {
        let mut errors = FieldErrors::of(&self, &["/code"]);
        let code = errors.parse("/code", &self.code, Code::parse);
        errors.resolve(code)
    }
}

/// Where a list of events goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// The `id` of an event: only older ones are listed.
    #[param(value_type = Option<uuid::Uuid>)]
    before: Option<String>,
}

impl EventsQuery {
    /// The event before which to list.
    fn before(self) -> Result<Option<EventId>, Problem> {
        let Some(text) = self.before else { return Ok(None) };
        text.parse::<Uuid>().map(|id| Some(EventId(id))).or_else(|_| Self::unreadable())
    }

    /// The event before which a request wants a list.
    pub(crate) fn of(request: &HttpRequest) -> Result<Option<EventId>, Problem> {
        let query = Query::<Self>::from_query(request.query_string());
        query.map_or_else(|_| Self::unreadable(), |query| query.into_inner().before())
    }

    /// The refusal of a query that cannot be read.
    fn unreadable() -> Result<Option<EventId>, Problem> {
        let mut errors = FieldErrors::none(&["/before"]);
        errors
            .refuse("/before", Reason::new("invalid-id", "send the id of an event, once, or leave this out"));
        errors.resolve(None)
    }
}
