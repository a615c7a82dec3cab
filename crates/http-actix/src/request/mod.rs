//! What clients may send: one reader for all routes, closed types, all field
//! errors at once.

mod auth;
mod field;
mod json_body;
mod me;
mod passkeys;
mod recovery;
mod strict_json;

pub(crate) use self::{
    auth::{LogInBody, RefreshBody, RegisterBody, RequestOtpBody, VerifyOtpBody},
    field::{FieldErrors, Reason},
    json_body::JsonBody,
    me::{ChangePasswordBody, EventsQuery, LocaleWish, ProfileBody, StepUpBody},
    passkeys::{NewPasskeyBody, PasskeyAnswerBody, PasskeyOptionsBody},
    recovery::{ForgotPasswordBody, PhoneBody, ResetPasswordBody, VerifyPhoneBody},
};
