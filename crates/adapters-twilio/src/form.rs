//! Bodies as Twilio takes them.

use ports::ProviderFault;
use provider_http::{RequestBuilder, header::CONTENT_TYPE};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::settings::Credentials;

/// Puts the pairs into the body (`application/x-www-form-urlencoded`) and proves who asks.
pub(crate) fn with_form(
    request: RequestBuilder,
    credentials: &Credentials,
    pairs: &[(&str, &str)],
) -> RequestBuilder {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    let body = Zeroizing::new(form.finish());
    with_credentials(request, credentials)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.as_bytes().to_vec())
}

/// HTTP Basic, whose header is never shown in logs.
pub(crate) fn with_credentials(request: RequestBuilder, credentials: &Credentials) -> RequestBuilder {
    request.basic_auth(&credentials.user, Some(credentials.secret.expose_secret()))
}

pub(crate) fn fault(text: impl Into<String>) -> ProviderFault {
    ProviderFault(text.into())
}
