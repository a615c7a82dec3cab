//! The error answers that Sinch documents.

use std::borrow::Cow;

use aws_lc_rs::error::Unspecified;
use serde_json::{Value, json};

use crate::chance;

/// An error code and its message. The first three digits are the HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    code: u32,
    message: Cow<'static, str>,
}

impl ApiError {
    pub(crate) const INVALID_CODE: Self = Self::of(40003, "Invalid identity or code.");
    pub(crate) const INVALID_AUTHORIZATION_HEADER: Self = Self::of(40100, "Invalid authorization header");
    pub(crate) const TIMESTAMP_REQUIRED: Self = Self::of(40101, "X-Timestamp required");
    pub(crate) const INVALID_SIGNATURE: Self = Self::of(40102, "Invalid signature");
    pub(crate) const AUTHORIZATION_REQUIRED: Self = Self::of(40104, "Authorization required");
    pub(crate) const TIMESTAMP_EXPIRED: Self = Self::of(40105, "Expired");
    pub(crate) const INVALID_AUTHORIZATION: Self = Self::of(40107, "Invalid authorization");
    pub(crate) const NO_CREDIT: Self = Self::of(40200, "Not enough credit");
    pub(crate) const BLACKLISTED: Self = Self::of(40300, "Identity is blacklisted.");
    pub(crate) const CALLBACK_URL_REQUIRED: Self =
        Self::of(40303, "Callback URL must be set when using public authorization method.");
    pub(crate) const DENIED_BY_CALLBACK: Self = Self::of(40303, "Denied by callback");
    pub(crate) const NOT_FOUND: Self = Self::of(40400, "Requested resource was not found.");
    // Neither is in Sinch's table; they follow its rule for the first three digits.
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self::of(40500, "Method not allowed.");
    pub(crate) const TOO_LARGE: Self = Self::of(41300, "Request body is too large.");
    pub(crate) const UNSUPPORTED_MEDIA_TYPE: Self = Self::of(41500, "Send Content-Type: application/json.");
    pub(crate) const REFERENCE_TAKEN: Self = Self::of(40900, "Reference already defined");
    pub(crate) const APPLICATION_NAMELESS: Self = Self::of(42200, "Application name has not been configured");
    pub(crate) const NO_ROUTE: Self = Self::of(42201, "No route to destination.");
    pub(crate) const INVALID_CALLBACK: Self = Self::of(42202, "Invalid callback response.");
    pub(crate) const CAPACITY_EXCEEDED: Self = Self::of(42900, "Request capacity exceeded");
    pub(crate) const TOO_QUICKLY: Self =
        Self::of(42901, "Cannot initiate verification to the same number too quickly");
    pub(crate) const INTERNAL: Self = Self::of(50000, "Internal server error.");
    pub(crate) const UNAVAILABLE: Self =
        Self::of(50300, "Service is temporarily unavailable, please try again later.");
    pub(crate) const MISCONFIGURED: Self = Self::of(50301, "Configuration error, please contact support.");

    const fn of(code: u32, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message) }
    }

    /// 40001, what Sinch calls parameter validation.
    pub(crate) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: 40001, message: message.into() }
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> u32 {
        self.code
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        u16::try_from(self.code / 100).unwrap_or(500)
    }

    /// The answer, with a fresh support reference when chance allows one.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "errorCode": self.code, "message": self.message });
        if let (Ok(reference), Some(fields)) = (chance::support_reference(), body.as_object_mut()) {
            fields.insert("reference".to_owned(), reference.into());
        }
        body
    }
}

impl From<Unspecified> for ApiError {
    fn from(_: Unspecified) -> Self {
        Self::INTERNAL
    }
}
