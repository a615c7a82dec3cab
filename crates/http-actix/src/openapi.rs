//! The description of the API (`OpenAPI` 3.1).

use std::collections::BTreeMap;

use actix_web::{http::StatusCode, web::Bytes};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, Ref, RefOr, Response,
        path::{Operation, PathItem},
        response::ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::{
    HttpSettings, UseCases,
    problem::{FieldError, PROBLEM_JSON, ProblemBody, ProblemCode},
    routes::{
        ADMIN, API, CALLBACKS, Endpoint, PASSKEYS, Verb, described, is_limited, is_served, switched_off,
    },
};

/// The document as it is served.
pub(crate) struct ApiDescription(Bytes);

impl ApiDescription {
    /// Describes the API under the version of `settings`, without what is switched off.
    pub(crate) fn of(settings: &HttpSettings, use_cases: &UseCases) -> Self {
        let mut document = Document::openapi();
        for absent in switched_off(use_cases) {
            document.paths.paths.retain(|path, _| absent.iter().all(|endpoint| endpoint.path != path));
        }
        settings.version.clone_into(&mut document.info.version);
        settings.service_name.clone_into(&mut document.info.title);
        document.paths.paths.retain(|path, _| is_served(path, settings));
        Self(serde_json::to_vec(&document).unwrap_or_default().into())
    }

    /// The JSON text.
    pub(crate) fn json(&self) -> Bytes {
        self.0.clone()
    }
}

#[derive(OpenApi)]
#[openapi(
    info(description = "\
Sign-in with a password and a code sent to the phone.\n\n\
1. `register` or `login` returns a challenge and sends a code.\n\
2. `otp/verify` trades the code for tokens.\n\
3. `token/refresh` keeps the session alive, `logout` ends it.\n\
4. `password/forgot` and `password/reset` set a new password by proof of the phone.\n\
5. What guards the account needs proof of all factors of the last 10 minutes: `step-up` gives it.\n\n\
Where passkeys are served, one can take the place of the code, or of both password and code.\n\n\
Bodies are JSON objects in UTF-8 of at most 16 KiB, sent as `application/json` (forms for introspection alone); unknown fields are ignored, duplicate \
keys are refused. Every refusal is `application/problem+json` (RFC 9457) and says under `type` what to do. Every answer \
carries `x-request-id`, the client's own if it is `[A-Za-z0-9._-]{1,128}`.\n\n\
Each client address has a limit of requests, IPv6 by /64; each account, number and country have limits of messages and \
guesses. A 429 says in `Retry-After` how long to wait. Answers say in `RateLimit` how many requests the address may \
still make, and in `RateLimit-Policy` how many in which time (draft-ietf-httpapi-ratelimit-headers).\n\n\
Codes by SMS or voice are a restricted authenticator (NIST SP 800-63B-4 §3.1.3.3): numbers can be taken over, so do \
not rely on them where more is at stake than an ordinary account. An authenticator app (`me/totp`) is the better \
factor: its codes need no message and no number."),
    paths(
        described::register, described::log_in, described::request_otp, described::verify_otp, described::refresh,
        described::introspect,
        described::log_out, described::step_up, described::start_phone_login, described::forgot_password,
        described::reset_password, described::change_phone, described::verify_phone, described::show, described::update, described::delete,
        described::export, described::events, described::change_password, described::list, described::end,
        described::end_others, described::list_devices, described::forget_device, described::forget_devices,
        described::health, described::ready, described::public_keys,
        described::openapi, described::find_users, described::show_user, described::remove_user,
        described::lock_user, described::unlock_user, described::end_user_sessions, described::start_user_reset, described::user_events,
        described::all_events, described::delivery_statistics, described::sinch_callback,
        described::begin_totp, described::confirm_totp, described::remove_totp,
        described::renew_recovery_codes,
        described::passkeys::start_sign_in, described::passkeys::finish_sign_in, described::passkeys::start,
        described::passkeys::add, described::passkeys::list, described::passkeys::remove,
    ),
    components(schemas(ProblemBody<'static>, FieldError)),
    modifiers(&BearerScheme, &Refusals),
)]
struct Document;

struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        scheme.description =
            Some("The access token of the session, in the header only (RFC 6750 §2.1).".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        let mut admin_key = Http::new(HttpAuthScheme::Bearer);
        admin_key.description =
            Some("An admin key, in the header only and from an allowed address; elsewhere 404.".to_owned());
        components.add_security_scheme("admin_key", SecurityScheme::Http(admin_key));
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some("The key of services that ask about tokens.".to_owned());
        components.add_security_scheme("introspection_key", SecurityScheme::Http(scheme));
    }
}

/// Adds to each operation the refusals that the table of routes names.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for endpoint in API.iter().chain(ADMIN).chain(PASSKEYS).chain(CALLBACKS) {
            let item = document.paths.paths.get_mut(endpoint.path);
            let Some(operation) = item.and_then(|item| operation_mut(item, endpoint.method)) else {
                continue;
            };
            for (status, response) in refusals(endpoint, operation.request_body.is_some()) {
                operation.responses.responses.entry(status).or_insert(RefOr::T(response));
            }
        }
    }
}

fn operation_mut(item: &mut PathItem, method: Verb) -> Option<&mut Operation> {
    match method {
        Verb::Get => item.get.as_mut(),
        Verb::Post => item.post.as_mut(),
        Verb::Patch => item.patch.as_mut(),
        Verb::Delete => item.delete.as_mut(),
    }
}

/// The refusals of an endpoint by status.
fn refusals(endpoint: &Endpoint, has_body: bool) -> BTreeMap<String, Response> {
    const BODY: &[ProblemCode] = &[
        ProblemCode::MalformedRequest,
        ProblemCode::RequestTimeout,
        ProblemCode::PayloadTooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::ValidationFailed,
    ];
    // Where limits are shared, they may have to refuse everything.
    const LIMIT: &[ProblemCode] = &[ProblemCode::RateLimited, ProblemCode::Internal, ProblemCode::Overloaded];
    let limited = is_limited(endpoint.path);
    let limit = LIMIT.iter().filter(|code| limited && !endpoint.problems.contains(code));
    let mut by_status: BTreeMap<String, Vec<ProblemCode>> = BTreeMap::new();
    for code in endpoint.problems.iter().chain(if has_body { BODY } else { &[] }).chain(limit) {
        by_status.entry(code.entry().status.as_str().to_owned()).or_default().push(*code);
    }
    let restated = [
        (StatusCode::FORBIDDEN, endpoint.forbidden),
        (StatusCode::UNPROCESSABLE_ENTITY, endpoint.unprocessable),
    ];
    for (status, codes) in restated {
        for code in codes {
            by_status.entry(status.as_str().to_owned()).or_default().push(*code);
        }
    }
    by_status.into_iter().map(|(status, codes)| (status, refusal(&codes))).collect()
}

fn refusal(codes: &[ProblemCode]) -> Response {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.entry().code, code.entry().title)).collect();
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    ResponseBuilder::new().description(lines.join("\n\n")).content(PROBLEM_JSON, content).build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_lists_exactly_the_routes_of_the_api() {
        let document = Document::openapi();
        let mut described = BTreeSet::new();
        for (path, item) in &document.paths.paths {
            assert!(item.put.is_none());
            let operations = [
                ("GET, HEAD", &item.get),
                ("POST", &item.post),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            let there = operations.into_iter().filter(|(_, operation)| operation.is_some());
            described.extend(there.map(|(method, _)| (path.clone(), method)));
        }
        let served: BTreeSet<(String, &str)> = API
            .iter()
            .chain(ADMIN)
            .chain(PASSKEYS)
            .chain(CALLBACKS)
            .map(|endpoint| (endpoint.path.to_owned(), endpoint.method.allowed()))
            .collect();
        assert_eq!(described, served);
    }
}
