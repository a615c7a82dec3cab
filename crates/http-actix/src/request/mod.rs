//! What clients may send: one reader for all routes, closed types, all field
//! errors at once.

mod admin;
mod auth;
mod body;
mod callback;
mod field;
mod form_body;
mod introspection;
mod json_body;
mod me;
mod passkeys;
mod recovery;
mod strict_json;

pub(crate) use self::{
    admin::{FiguresQuery, LockBody, UsersQuery},
    auth::{LogInBody, RefreshBody, RegisterBody, RequestOtpBody, VerifyOtpBody},
    callback::CallbackBody,
    field::{FieldErrors, Reason},
    form_body::FormBody,
    introspection::IntrospectionBody,
    json_body::JsonBody,
    me::{ChangePasswordBody, ConfirmTotpBody, EventsQuery, LocaleWish, ProfileBody, StepUpBody},
    passkeys::{NewPasskeyBody, PasskeyAnswerBody, PasskeyOptionsBody},
    recovery::{ForgotPasswordBody, PhoneBody, ResetPasswordBody, VerifyPhoneBody},
};
