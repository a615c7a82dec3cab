//! What registration, sign-in and token requests look like.

use domain::{
    Answer, ChallengeId, Channel, Code, DeviceToken, Email, Locale, Method, NewPassword, Password,
    PasswordPolicy, RecoveryCode, RefreshToken, SignInName,
};
use garde::Validate;
use serde::Deserialize;
use use_cases::{LogInRequest, RegisterUserRequest, RequestOtpRequest, VerifyOtpRequest};
use utoipa::ToSchema;

use super::{
    field::{Field, FieldErrors, Reason, Text, one_to, optional, required},
    recovery::phone_number,
};
use crate::{
    client::Visitor,
    problem::{Problem, ProblemCode},
};

/// A new account. It exists once the code that is sent was verified.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = RegisterRequest)]
pub(crate) struct RegisterBody {
    /// Trimmed and kept as typed; compared without regard to case.
    #[garde(custom(required))]
    #[schema(value_type = String, format = "email", max_length = 254, examples("ann@example.com"))]
    email: Text,
    /// 8 to 128 characters, any Unicode, compared in NFC. Refused when among
    /// the most used passwords, or when the whole of it is the e-mail address,
    /// its local part or that part with digits.
    #[garde(custom(required))]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128, examples("violet-anchor-piano"))]
    password: Text,
    /// Any human form that begins with `+`; others need `country`.
    #[garde(custom(required))]
    #[schema(value_type = String, max_length = 64, examples("+46 70 123 45 67"))]
    phone_number: Text,
    /// Where a number without `+` belongs: two letters of ISO 3166.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 2, examples("SE"))]
    country: Text,
    /// The language of messages, such as `sv-SE`; else that of
    /// `Accept-Language`.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, max_length = 35, examples("sv-SE"))]
    locale: Text,
}

impl RegisterBody {
    const POINTERS: &[&str] = &["/email", "/password", "/phone_number", "/country", "/locale"];

    /// The request, or everything that is wrong with it.
    pub(crate) fn into_request(
        self,
        policy: &PasswordPolicy,
        visitor: Visitor,
    ) -> Result<RegisterUserRequest, Problem> {
        let mut errors = FieldErrors::of(&self, Self::POINTERS);
        let email = errors.parse("/email", &self.email, Email::parse);
        let password = errors
            .parse("/password", &self.password, |text| NewPassword::parse(text, email.as_ref(), policy));
        let phone = phone_number(&mut errors, &self.phone_number, &self.country);
        let locale = errors.parse("/locale", &self.locale, Locale::parse);
        let request = || {
            Some(RegisterUserRequest {
                email: email?,
                password: password?,
                phone: phone?,
                locale,
                request_locale: visitor.locale,
                client: visitor.client,
            })
        };
        errors.resolve(request())
    }
}

/// The first half of a sign-in: exactly one of `email` and `phone_number`.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = LoginRequest)]
pub(crate) struct LogInBody {
    /// The e-mail address of the account, in any case.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, format = "email", max_length = 254, examples("ann@example.com"))]
    email: Text,
    /// The phone number of the account, instead of `email`.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, max_length = 64)]
    phone_number: Text,
    /// Where a number without `+` belongs: two letters of ISO 3166.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 2)]
    country: Text,
    #[garde(custom(required), custom(one_to(1024)))]
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 1024, examples("violet-anchor-piano"))]
    password: Text,
    /// The newest token of a remembered device: then no code is asked for. It is spent by
    /// this. Any other text counts as no token.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>)]
    device_token: Text,
}

impl LogInBody {
    const POINTERS: &[&str] = &["/email", "/phone_number", "/country", "/password", "/device_token"];

    /// The request, or everything that is wrong with it.
    pub(crate) fn into_request(self, visitor: Visitor) -> Result<LogInRequest, Problem> {
        let mut errors = FieldErrors::of(&self, Self::POINTERS);
        let name = self.name(&mut errors);
        let password = self.password.text().map(Password::presented);
        let request = || {
            Some(LogInRequest {
                name: name?,
                password: password?,
                device_token: self.device_token.text().and_then(DeviceToken::parse),
                request_locale: visitor.locale,
                client: visitor.client,
            })
        };
        errors.resolve(request())
    }

    fn name(&self, errors: &mut FieldErrors) -> Option<SignInName> {
        match (self.email.is_missing(), self.phone_number.is_missing()) {
            (false, false) => {
                errors.refuse(
                    "/phone_number",
                    Reason::new("one-of-two", "send either email or phone_number, not both"),
                );
                None
            }
            (true, true) => {
                errors.refuse("/email", Reason::new("required", "send email or phone_number"));
                None
            }
            (false, true) => errors.parse("/email", &self.email, Email::parse).map(SignInName::Email),
            (true, false) => phone_number(errors, &self.phone_number, &self.country).map(SignInName::Phone),
        }
    }
}

/// A further message for a challenge.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = OtpRequest)]
pub(crate) struct RequestOtpBody {
    /// The `id` of the challenge.
    #[garde(custom(required))]
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    challenge_id: Text,
    /// How the code shall travel: `sms` (default), `voice`, `whatsapp` or `flashcall`, as far as the
    /// challenge's `methods` list it.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, examples("sms"))]
    channel: Text,
}

impl RequestOtpBody {
    const POINTERS: &[&str] = &["/challenge_id", "/channel"];

    /// The request, or everything that is wrong with it.
    pub(crate) fn into_request(self, visitor: Visitor) -> Result<RequestOtpRequest, Problem> {
        let mut errors = FieldErrors::of(&self, Self::POINTERS);
        let challenge_id = errors.parse("/challenge_id", &self.challenge_id, ChallengeId::parse);
        let channel = errors.parse("/channel", &self.channel, Channel::parse).unwrap_or(Channel::Sms);
        let client = visitor.client;
        errors.resolve(challenge_id.map(|challenge_id| RequestOtpRequest { challenge_id, channel, client }))
    }
}

/// An answer to a challenge.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = OtpVerification)]
pub(crate) struct VerifyOtpBody {
    /// The `id` of the challenge.
    #[garde(custom(required))]
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    challenge_id: Text,
    /// The code as the message or the app shows it, 4 to 10 digits or letters, the number of a flash
    /// call, or one of the recovery codes; spaces and dashes do not count.
    #[garde(custom(required))]
    #[schema(value_type = String, max_length = 128, examples("123456"))]
    code: Text,
    /// `totp` or `recovery_code`, as far as the challenge's `methods` list them; absent, or the
    /// name of a channel: the code sent. A method that the challenge does not list is answered
    /// like a wrong code, and costs a guess too.
    #[garde(custom(optional))]
    #[schema(value_type = Option<String>, examples("sms"))]
    method: Text,
    /// Whether later sign-ins on this device need no code: `true` for a `device_token` in the
    /// answer. Without effect where remembering is switched off.
    #[garde(custom(optional))]
    #[schema(value_type = Option<bool>)]
    remember_device: Field<bool>,
}

impl VerifyOtpBody {
    const POINTERS: &[&str] = &["/challenge_id", "/code", "/method", "/remember_device"];

    /// The request, or everything that is wrong with it.
    pub(crate) fn into_request(self, visitor: Visitor) -> Result<VerifyOtpRequest, Problem> {
        let mut errors = FieldErrors::of(&self, Self::POINTERS);
        let challenge_id = errors.parse("/challenge_id", &self.challenge_id, ChallengeId::parse);
        let kind = if self.method.is_missing() {
            Some(CodeKind::SentCode)
        } else {
            errors.parse("/method", &self.method, kind)
        };
        // What is no method may still have a code that is none.
        let answer = self.answer(&mut errors, kind.unwrap_or(CodeKind::SentCode));
        let remember_device = matches!(self.remember_device, Field::Given(true));
        let request = || {
            Some(VerifyOtpRequest {
                challenge_id: challenge_id?,
                answer: answer?,
                remember_device,
                client: visitor.client,
            })
        };
        errors.resolve(request())
    }

    fn answer(&self, errors: &mut FieldErrors, kind: CodeKind) -> Option<Answer> {
        match kind {
            CodeKind::SentCode => errors.parse("/code", &self.code, Code::parse).map(Answer::SentCode),
            CodeKind::Totp => errors.parse("/code", &self.code, Code::parse).map(Answer::Totp),
            CodeKind::RecoveryCode => {
                errors.parse("/code", &self.code, RecoveryCode::parse).map(Answer::RecoveryCode)
            }
        }
    }
}

/// A refresh token to be traded for new tokens.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = RefreshRequest)]
pub(crate) struct RefreshBody {
    /// The newest refresh token of the session. It is spent by this.
    #[garde(custom(required))]
    #[schema(value_type = String)]
    refresh_token: Text,
}

impl RefreshBody {
    /// The token. One in a form that we never issue is simply not valid.
    pub(crate) fn into_token(self) -> Result<RefreshToken, Problem> {
        let errors = FieldErrors::of(&self, &["/refresh_token"]);
        let presented = errors.resolve(self.refresh_token.text())?;
        RefreshToken::parse(presented).ok_or_else(|| Problem::new(ProblemCode::InvalidToken))
    }
}

/// What is typed in answer to a challenge.
#[derive(Clone, Copy)]
enum CodeKind {
    SentCode,
    Totp,
    RecoveryCode,
}

/// What a method is an answer with.
fn kind(name: &str) -> Result<CodeKind, Reason> {
    if name == Method::Totp.as_str() {
        return Ok(CodeKind::Totp);
    }
    if name == Method::RecoveryCode.as_str() {
        return Ok(CodeKind::RecoveryCode);
    }
    if Channel::parse(name).is_ok() {
        return Ok(CodeKind::SentCode);
    }
    Err(Reason::new(
        "unknown-method",
        "send one of the challenge's methods, or leave this out for the code sent; a passkey answers at \
         /api/v1/auth/passkey/verify",
    ))
}
