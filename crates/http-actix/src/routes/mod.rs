//! Every route, in one table.

mod admin;
mod auth;
mod devices;
mod documentation;
mod factors;
mod introspection;
mod me;
mod operations;
mod pages;
mod passkeys;
mod recovery;
mod sessions;
mod webhooks;

use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder, Route, guard,
    web::{self, Data, ServiceConfig},
};

use crate::{
    HttpSettings, UseCases,
    problem::{Problem, ProblemCode},
};

/// One method of one path.
pub(crate) struct Endpoint {
    pub(crate) method: Verb,
    pub(crate) path: &'static str,
    route: fn() -> Route,
    /// Refusals of its own, besides those that any request may meet.
    pub(crate) problems: &'static [ProblemCode],
    /// Refusals that are 403 here, whatever their status elsewhere.
    pub(crate) forbidden: &'static [ProblemCode],
    /// Refusals that are 422 here, whatever their status elsewhere.
    pub(crate) unprocessable: &'static [ProblemCode],
}

impl Endpoint {
    const fn forbidding(self, forbidden: &'static [ProblemCode]) -> Self {
        Self { forbidden, ..self }
    }

    const fn not_processing(self, unprocessable: &'static [ProblemCode]) -> Self {
        Self { unprocessable, ..self }
    }
}

/// The methods that there are. `GET` answers `HEAD` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Patch,
    Delete,
}

impl Verb {
    pub(crate) const fn allowed(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

use ProblemCode as P;

/// Where services ask about tokens, if they may.
const INTROSPECT: &str = "/api/v1/auth/token/introspect";

/// Where Sinch calls back.
const SINCH_CALLBACKS: &str = "/webhooks/sinch";

/// Whether requests for `path` count against limits of requests. Load balancers ask after health as
/// often as they like; all callbacks of a provider come from few addresses, so that only forged ones
/// count.
pub(crate) fn is_limited(path: &str) -> bool {
    !matches!(path, "/health" | "/health/ready" | SINCH_CALLBACKS)
}

/// Whether `settings` make `path` exist.
pub(crate) fn is_served(path: &str, settings: &HttpSettings) -> bool {
    path != INTROSPECT || settings.introspection_allow.is_some()
}

/// The API: what the `OpenAPI` document lists.
pub(crate) const API: &[Endpoint] = &[
    post(
        "/api/v1/auth/register",
        || handle(auth::register),
        &[
            P::ProofOfWorkRequired,
            P::DestinationNotAllowed,
            P::Overloaded,
            P::DatabaseUnavailable,
            P::ProviderUnavailable,
        ],
    ),
    post(
        "/api/v1/auth/login",
        || handle(auth::log_in),
        &[
            P::InvalidCredentials,
            P::DestinationNotAllowed,
            P::Overloaded,
            P::DatabaseUnavailable,
            P::ProviderUnavailable,
        ],
    ),
    post(
        "/api/v1/auth/otp/request",
        || handle(auth::request_otp),
        &[
            P::ChallengeClosed,
            P::ChannelNotAvailable,
            P::DestinationNotAllowed,
            P::ResendTooSoon,
            P::SendLimitReached,
            P::Overloaded,
            P::DatabaseUnavailable,
            P::ProviderUnavailable,
        ],
    ),
    post(
        "/api/v1/auth/otp/verify",
        || handle(auth::verify_otp),
        &[
            P::InvalidCode,
            P::AccountExists,
            P::ChallengeClosed,
            P::DatabaseUnavailable,
            P::ProviderUnavailable,
        ],
    ),
    post("/api/v1/auth/token/refresh", || handle(auth::refresh), &[P::InvalidToken, P::DatabaseUnavailable]),
    post(
        INTROSPECT,
        || handle(introspection::introspect),
        &[P::InvalidToken, P::NotFound, P::DatabaseUnavailable],
    ),
    post("/api/v1/auth/logout", || handle(auth::log_out), &[P::InvalidToken, P::DatabaseUnavailable]),
    post(
        "/api/v1/auth/step-up",
        || handle(auth::step_up),
        &[
            P::InvalidToken,
            P::InvalidCredentials,
            P::DestinationNotAllowed,
            P::Overloaded,
            P::DatabaseUnavailable,
            P::ProviderUnavailable,
        ],
    ),
    post(
        "/api/v1/auth/otp/start",
        || handle(recovery::start_phone_login),
        &[P::ProofOfWorkRequired, P::NotFound, P::DestinationNotAllowed, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/auth/password/forgot",
        || handle(recovery::forgot_password),
        &[P::ProofOfWorkRequired, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/auth/password/reset",
        || handle(recovery::reset_password),
        &[P::InvalidCode, P::ChallengeClosed, P::Overloaded, P::DatabaseUnavailable, P::ProviderUnavailable],
    ),
    get("/api/v1/me", || handle(me::show), &[P::InvalidToken, P::DatabaseUnavailable]),
    patch("/api/v1/me", || handle(me::update), &[P::InvalidToken, P::DatabaseUnavailable]),
    delete(
        "/api/v1/me",
        || handle(me::delete),
        &[P::InvalidToken, P::StepUpRequired, P::DatabaseUnavailable],
    ),
    get(
        "/api/v1/me/export",
        || handle(me::export),
        &[P::InvalidToken, P::StepUpRequired, P::DatabaseUnavailable],
    ),
    get(
        "/api/v1/me/events",
        || handle(me::events),
        &[P::InvalidToken, P::ValidationFailed, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/me/password",
        || handle(me::change_password),
        &[P::InvalidToken, P::StepUpRequired, P::Overloaded, P::DatabaseUnavailable],
    )
    .forbidding(&[P::InvalidCredentials]),
    post(
        "/api/v1/me/phone",
        || handle(recovery::change_phone),
        &[
            P::InvalidToken,
            P::StepUpRequired,
            P::DestinationNotAllowed,
            P::Overloaded,
            P::DatabaseUnavailable,
            P::ProviderUnavailable,
        ],
    ),
    post(
        "/api/v1/me/phone/verify",
        || handle(recovery::verify_phone),
        &[
            P::InvalidToken,
            P::InvalidCode,
            P::AccountExists,
            P::ChallengeClosed,
            P::DatabaseUnavailable,
            P::ProviderUnavailable,
        ],
    ),
    get("/api/v1/me/sessions", || handle(sessions::list), &[P::InvalidToken, P::DatabaseUnavailable]),
    delete(
        "/api/v1/me/sessions",
        || handle(sessions::end_others),
        &[P::InvalidToken, P::DatabaseUnavailable],
    ),
    delete(
        "/api/v1/me/sessions/{id}",
        || handle(sessions::end),
        &[P::InvalidToken, P::NotFound, P::DatabaseUnavailable],
    ),
    get("/api/v1/me/devices", || handle(devices::list_devices), &[P::InvalidToken, P::DatabaseUnavailable]),
    delete(
        "/api/v1/me/devices",
        || handle(devices::forget_devices),
        &[P::InvalidToken, P::DatabaseUnavailable],
    ),
    delete(
        "/api/v1/me/devices/{id}",
        || handle(devices::forget_device),
        &[P::InvalidToken, P::NotFound, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/me/totp",
        || handle(factors::begin_totp),
        &[P::InvalidToken, P::StepUpRequired, P::TotpEnabled, P::DatabaseUnavailable],
    ),
    delete(
        "/api/v1/me/totp",
        || handle(factors::remove_totp),
        &[P::InvalidToken, P::StepUpRequired, P::NotFound, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/me/totp/confirm",
        || handle(factors::confirm_totp),
        &[P::InvalidToken, P::StepUpRequired, P::TotpEnabled, P::TotpNotBegun, P::DatabaseUnavailable],
    )
    .not_processing(&[P::InvalidCode]),
    post(
        "/api/v1/me/recovery-codes",
        || handle(factors::renew_recovery_codes),
        &[P::InvalidToken, P::StepUpRequired, P::DatabaseUnavailable],
    ),
    get("/health", || handle(operations::health), &[]),
    get("/health/ready", || handle(operations::ready), &[]),
    get("/.well-known/jwks.json", || handle(operations::public_keys), &[]),
    get("/openapi.json", || handle(documentation::openapi), &[]),
];

/// What operators ask for; served only where there are any.
pub(crate) const ADMIN: &[Endpoint] = &[
    get(
        "/api/v1/admin/users",
        || handle(admin::find_users),
        &[P::InvalidToken, P::NotFound, P::ValidationFailed, P::DatabaseUnavailable],
    ),
    get(
        "/api/v1/admin/users/{id}",
        || handle(admin::show_user),
        &[P::InvalidToken, P::NotFound, P::DatabaseUnavailable],
    ),
    delete(
        "/api/v1/admin/users/{id}",
        || handle(admin::remove_user),
        &[P::InvalidToken, P::NotFound, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/admin/users/{id}/lock",
        || handle(admin::lock_user),
        &[P::InvalidToken, P::NotFound, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/admin/users/{id}/unlock",
        || handle(admin::unlock_user),
        &[P::InvalidToken, P::NotFound, P::DatabaseUnavailable],
    ),
    delete(
        "/api/v1/admin/users/{id}/sessions",
        || handle(admin::end_user_sessions),
        &[P::InvalidToken, P::NotFound, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/admin/users/{id}/password-reset",
        || handle(admin::start_user_reset),
        &[P::InvalidToken, P::NotFound, P::AccountLocked, P::DatabaseUnavailable],
    ),
    get(
        "/api/v1/admin/users/{id}/events",
        || handle(admin::user_events),
        &[P::InvalidToken, P::NotFound, P::ValidationFailed, P::DatabaseUnavailable],
    ),
    get(
        "/api/v1/admin/events",
        || handle(admin::all_events),
        &[P::InvalidToken, P::NotFound, P::ValidationFailed, P::DatabaseUnavailable],
    ),
    get(
        "/api/v1/admin/statistics/deliveries",
        || handle(admin::delivery_statistics),
        &[P::InvalidToken, P::NotFound, P::ValidationFailed, P::DatabaseUnavailable],
    ),
];

/// What providers tell by themselves; served only where Sinch sends the codes.
pub(crate) const CALLBACKS: &[Endpoint] = &[post(
    SINCH_CALLBACKS,
    || handle(webhooks::sinch_callback),
    &[
        P::InvalidSignature,
        P::RequestTimeout,
        P::PayloadTooLarge,
        P::RateLimited,
        P::Overloaded,
        P::DatabaseUnavailable,
    ],
)];

/// The part of the API that exists only where passkeys are served.
pub(crate) const PASSKEYS: &[Endpoint] = &[
    post(
        "/api/v1/auth/passkey/options",
        || handle(passkeys::start_sign_in),
        &[P::ChallengeClosed, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/auth/passkey/verify",
        || handle(passkeys::finish_sign_in),
        &[P::InvalidPasskey, P::ChallengeClosed, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/me/passkeys/options",
        || handle(passkeys::start),
        &[P::InvalidToken, P::StepUpRequired, P::PasskeyLimitReached, P::DatabaseUnavailable],
    ),
    post(
        "/api/v1/me/passkeys",
        || handle(passkeys::add),
        &[P::InvalidToken, P::PasskeyLimitReached, P::PasskeyNotAccepted, P::DatabaseUnavailable],
    ),
    get("/api/v1/me/passkeys", || handle(passkeys::list), &[P::InvalidToken, P::DatabaseUnavailable]),
    delete(
        "/api/v1/me/passkeys/{id}",
        || handle(passkeys::remove),
        &[P::InvalidToken, P::StepUpRequired, P::NotFound, P::DatabaseUnavailable],
    ),
];

/// Pages for people.
const PAGES: &[Endpoint] = &[
    get("/", || handle(pages::start), &[]),
    get("/problems", || handle(pages::problems), &[]),
    get("/problems/{code}", || handle(pages::problem), &[P::NotFound]),
    get("/assets/pages.css", || handle(pages::style_sheet), &[]),
];

/// The API browser, which can be switched off.
const DOCS: &[Endpoint] = &[
    get("/docs", || handle(documentation::browser), &[]),
    get("/docs/", || handle(documentation::browser), &[]),
    get("/docs/{file}", || handle(documentation::browser_file), &[P::NotFound]),
];

const fn get(path: &'static str, route: fn() -> Route, problems: &'static [ProblemCode]) -> Endpoint {
    Endpoint { method: Verb::Get, path, route, problems, forbidden: &[], unprocessable: &[] }
}

const fn patch(path: &'static str, route: fn() -> Route, problems: &'static [ProblemCode]) -> Endpoint {
    Endpoint { method: Verb::Patch, path, route, problems, forbidden: &[], unprocessable: &[] }
}

const fn delete(path: &'static str, route: fn() -> Route, problems: &'static [ProblemCode]) -> Endpoint {
    Endpoint { method: Verb::Delete, path, route, problems, forbidden: &[], unprocessable: &[] }
}

const fn post(path: &'static str, route: fn() -> Route, problems: &'static [ProblemCode]) -> Endpoint {
    Endpoint { method: Verb::Post, path, route, problems, forbidden: &[], unprocessable: &[] }
}

fn handle<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route().to(handler)
}

/// What is offered only where its use-cases are, and whether it is.
fn optional(use_cases: &UseCases) -> [(bool, &'static [Endpoint]); 3] {
    [
        (use_cases.operators.is_some(), ADMIN),
        (use_cases.passkeys.is_some(), PASSKEYS),
        (use_cases.sinch_callbacks.is_some(), CALLBACKS),
    ]
}

/// The tables of what is not offered.
pub(crate) fn switched_off(use_cases: &UseCases) -> impl Iterator<Item = &'static [Endpoint]> {
    optional(use_cases).into_iter().filter(|(is_on, _)| !is_on).map(|(_, table)| table)
}

/// All routes. Each path stands in the tables once for each of its methods.
pub(crate) fn routes(app: &mut ServiceConfig, settings: &HttpSettings, use_cases: &UseCases) {
    if let Some(operators) = &use_cases.operators {
        app.app_data(Data::from(operators.clone()));
    }
    let docs = if settings.docs { DOCS } else { &[] };
    let api = API.iter().filter(|endpoint| is_served(endpoint.path, settings));
    let optional = optional(use_cases).into_iter().filter(|(is_on, _)| *is_on).flat_map(|(_, table)| table);
    let endpoints: Vec<&Endpoint> = api.chain(optional).chain(PAGES).chain(docs).collect();
    let mut paths: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.path).collect();
    paths.dedup();
    for path in paths {
        app.service(resource(path, endpoints.iter().filter(|endpoint| endpoint.path == path)));
    }
}

fn resource<'a>(path: &str, endpoints: impl Iterator<Item = &'a &'a Endpoint>) -> Resource {
    let (mut resource, mut allow) = (web::resource(path.to_owned()), Vec::new());
    for endpoint in endpoints {
        let route = (endpoint.route)();
        resource = resource.route(match endpoint.method {
            Verb::Get => route.guard(guard::Any(guard::Get()).or(guard::Head())),
            Verb::Post => route.guard(guard::Post()),
            Verb::Patch => route.guard(guard::Patch()),
            Verb::Delete => route.guard(guard::Delete()),
        });
        allow.push(endpoint.method.allowed());
    }
    let allow = allow.join(", ");
    resource.default_service(web::to(move || {
        let problem = Problem::method_not_allowed(allow.clone());
        async move { Err::<HttpResponse, Problem>(problem) }
    }))
}

/// The answer to every path that is in no table.
pub(crate) async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemCode::NotFound))
}

/// The handlers with their descriptions, for the `OpenAPI` document.
pub(crate) mod described {
    pub(crate) use super::{
        admin::*, auth::*, devices::*, documentation::*, factors::*, introspection::*, me::*, operations::*,
        recovery::*, sessions::*, webhooks::*,
    };

    pub(crate) mod passkeys {
        pub(crate) use super::super::passkeys::*;
    }
}
