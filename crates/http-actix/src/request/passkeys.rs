//! What requests about passkeys look like.

use domain::{CeremonyId, ChallengeId, PasskeyName};
use garde::Validate;
use serde::Deserialize;
use serde_json::{Map, Value};
use use_cases::{FinishPasskeyAuthenticationRequest, FinishPasskeyRegistrationRequest, PresentedCredential};
use utoipa::ToSchema;

use super::field::{Field, FieldErrors, Text, optional, required};
use crate::{client::Visitor, problem::Problem};

/// What a passkey is to answer.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = PasskeyOptionsRequest)]
pub(crate) struct PasskeyOptionsBody {
    /// The `id` of a challenge whose `methods` list `passkey`; absent: a sign-in without a
    /// password.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    challenge_id: Text,
}

impl PasskeyOptionsBody {
    /// The challenge, if one was named.
    pub(crate) fn into_challenge_id(self) -> Result<Option<ChallengeId>, Problem> {
        let mut errors = FieldErrors::of(&self, &["/challenge_id"]);
        let id = errors.parse("/challenge_id", &self.challenge_id, ChallengeId::parse);
        errors.resolve(Some(id))
    }
}

/// The answer of an authenticator.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = PasskeyVerification)]
pub(crate) struct PasskeyAnswerBody {
    /// As it was given with the options.
    #[garde(custom(required))]
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    ceremony_id: Text,
    /// What `toJSON()` of the credential gives: `AuthenticationResponseJSON` of `WebAuthn`.
    #[garde(custom(required))]
    #[schema(value_type = Object)]
    credential: Field<Map<String, Value>>,
    /// The challenge that the options were asked for with, if there was one.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    challenge_id: Text,
}

impl PasskeyAnswerBody {
    const POINTERS: &[&str] = &["/ceremony_id", "/credential", "/challenge_id"];

    /// The request, or everything that is wrong with it.
    pub(crate) fn into_request(
        self,
        visitor: Visitor,
    ) -> Result<FinishPasskeyAuthenticationRequest, Problem> {
        let mut errors = FieldErrors::of(&self, Self::POINTERS);
        let ceremony_id = errors.parse("/ceremony_id", &self.ceremony_id, CeremonyId::parse);
        let challenge_id = errors.parse("/challenge_id", &self.challenge_id, ChallengeId::parse);
        let credential = presented(self.credential);
        let request = || {
            Some(FinishPasskeyAuthenticationRequest {
                ceremony_id: ceremony_id?,
                challenge_id,
                credential: credential?,
                client: visitor.client,
            })
        };
        errors.resolve(request())
    }
}

/// A passkey that an authenticator made.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = NewPasskey)]
pub(crate) struct NewPasskeyBody {
    /// As it was given with the options.
    #[garde(custom(required))]
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    ceremony_id: Text,
    /// What `toJSON()` of the credential gives: `RegistrationResponseJSON` of `WebAuthn`.
    #[garde(custom(required))]
    #[schema(value_type = Object)]
    credential: Field<Map<String, Value>>,
    /// What its owner calls it.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, examples("the blue key"))]
    name: Text,
}

impl NewPasskeyBody {
    const POINTERS: &[&str] = &["/ceremony_id", "/credential", "/name"];

    /// The request, or everything that is wrong with it.
    pub(crate) fn into_request(self, visitor: Visitor) -> Result<FinishPasskeyRegistrationRequest, Problem> {
        let mut errors = FieldErrors::of(&self, Self::POINTERS);
        let ceremony_id = errors.parse("/ceremony_id", &self.ceremony_id, CeremonyId::parse);
        let name = errors.parse("/name", &self.name, PasskeyName::parse);
        let credential = presented(self.credential);
        let request = || {
            Some(FinishPasskeyRegistrationRequest {
                ceremony_id: ceremony_id?,
                credential: credential?,
                name,
                client: visitor.client,
            })
        };
        errors.resolve(request())
    }
}

fn presented(credential: Field<Map<String, Value>>) -> Option<PresentedCredential> {
    match credential {
        Field::Given(members) => Some(PresentedCredential(Value::Object(members).to_string())),
        Field::Missing | Field::WrongType => None,
    }
}
