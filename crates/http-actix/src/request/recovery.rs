//! What requests look like that prove a phone: a forgotten password, another number.

use domain::{
    ChallengeId, Code, CountryCode, Email, InvalidPhoneNumber, NewPassword, PasswordPolicy, PhoneNumber,
};
use garde::Validate;
use serde::Deserialize;
use use_cases::{
    ForgotPasswordRequest, ResetPasswordRequest, StartPhoneChangeRequest, StartPhoneLoginRequest,
};
use utoipa::ToSchema;

use super::field::{FieldErrors, Text, optional, required};
use crate::{client::Visitor, problem::Problem};

/// Whose password is forgotten.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = ForgotPasswordRequest)]
pub(crate) struct ForgotPasswordBody {
    /// The e-mail address of the account, in any case.
    #[garde(custom(required))]
    #[schema(value_type = String, format = "email", max_length = 254, examples("ann@example.com"))]
    email: Text,
}

impl ForgotPasswordBody {
    pub(crate) fn into_request(self, visitor: Visitor) -> Result<ForgotPasswordRequest, Problem> {
        let mut errors = FieldErrors::of(&self, &["/email"]);
        let email = errors.parse("/email", &self.email, Email::parse);
        errors.resolve(email.map(|email| ForgotPasswordRequest {
            email,
            request_locale: visitor.locale,
            client: visitor.client,
        }))
    }
}

/// The code that was sent, and the password that shall be.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = ResetPasswordRequest)]
pub(crate) struct ResetPasswordBody {
    #[garde(custom(required))]
    #[schema(value_type = String, examples("4s0rWIkwTTvjzYZSkZ8xVw"))]
    challenge_id: Text,
    #[garde(custom(required))]
    #[schema(value_type = String, examples("123456"))]
    code: Text,
    /// By the rules of registration.
    #[garde(custom(required))]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128, examples("copper-lantern-river"))]
    new_password: Text,
}

impl ResetPasswordBody {
    /// The request, or everything that is wrong with it.
    pub(crate) fn into_request(
        self,
        policy: &PasswordPolicy,
        visitor: Visitor,
    ) -> Result<ResetPasswordRequest, Problem> {
        let mut errors = FieldErrors::of(&self, &["/challenge_id", "/code", "/new_password"]);
        let challenge_id = errors.parse("/challenge_id", &self.challenge_id, ChallengeId::parse);
        let code = errors.parse("/code", &self.code, Code::parse);
        let new =
            errors.parse("/new_password", &self.new_password, |text| NewPassword::parse(text, None, policy));
        let request = || {
            Some(ResetPasswordRequest {
                challenge_id: challenge_id?,
                code: code?,
                new: new?,
                client: visitor.client,
            })
        };
        errors.resolve(request())
    }
}

/// A number, of an account to sign in to or for an account to have.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = PhoneRequest)]
pub(crate) struct PhoneBody {
    /// Any human form that begins with `+`; others need `country`.
    #[garde(custom(required))]
    #[schema(value_type = String, max_length = 64, examples("+46 70 123 45 67"))]
    phone_number: Text,
    /// Where a number without `+` belongs: two letters of ISO 3166.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 2, examples("SE"))]
    country: Text,
}

impl PhoneBody {
    const POINTERS: &[&str] = &["/phone_number", "/country"];

    pub(crate) fn into_change(self, visitor: Visitor) -> Result<StartPhoneChangeRequest, Problem> {
        let phone = self.into_phone()?;
        Ok(StartPhoneChangeRequest { phone, request_locale: visitor.locale, client: visitor.client })
    }

    pub(crate) fn into_login(self, visitor: Visitor) -> Result<StartPhoneLoginRequest, Problem> {
        let phone = self.into_phone()?;
        Ok(StartPhoneLoginRequest { phone, request_locale: visitor.locale, client: visitor.client })
    }

    fn into_phone(self) -> Result<PhoneNumber, Problem> {
        let mut errors = FieldErrors::of(&self, Self::POINTERS);
        let phone = phone_number(&mut errors, &self.phone_number, &self.country);
        errors.resolve(phone)
    }
}

/// The code that a new number got.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = VerifyPhoneRequest)]
pub(crate) struct VerifyPhoneBody {
    #[garde(custom(required))]
    #[schema(value_type = String, examples("4s0rWIkwTTvjzYZSkZ8xVw"))]
    challenge_id: Text,
    #[garde(custom(required))]
    #[schema(value_type = String, examples("123456"))]
    code: Text,
}

impl VerifyPhoneBody {
    /// The challenge and the guess at it, or everything that is wrong with them.
    pub(crate) fn into_guess(self) -> Result<(ChallengeId, Code), Problem> {
        let mut errors = FieldErrors::of(&self, &["/challenge_id", "/code"]);
        let challenge_id = errors.parse("/challenge_id", &self.challenge_id, ChallengeId::parse);
        let code = errors.parse("/code", &self.code, Code::parse);
        errors.resolve(challenge_id.zip(code))
    }
}

/// The number, read within the country if one is given beside it.
pub(super) fn phone_number(errors: &mut FieldErrors, number: &Text, country: &Text) -> Option<PhoneNumber> {
    let within = errors.parse("/country", country, CountryCode::parse);
    let country_refused = within.is_none() && !country.is_missing();
    let parsed = errors.parse("/phone_number", number, |text| match PhoneNumber::parse(text, within) {
        // The country's own error says it all.
        Err(InvalidPhoneNumber::MissingCountry) if country_refused => Ok(None),
        parsed => parsed.map(Some),
    });
    parsed.flatten()
}
