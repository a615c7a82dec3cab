//! The API description and its browser.

use std::sync::{Arc, LazyLock};

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
    web::{Bytes, Data, Path},
};
use utoipa_swagger_ui::{Config, serve};

use crate::{
    openapi::ApiDescription,
    problem::{Problem, ProblemCode},
    security_headers::DOCS_CSP,
};

const BROWSER: &str = include_str!("../pages/docs.html");
const BROWSER_START: &str = include_str!("../pages/docs.js");

/// The files of Swagger UI that the page uses; nothing else of it is served.
static STYLE_SHEET: LazyLock<Bytes> = LazyLock::new(|| embedded("swagger-ui.css"));
static SCRIPT: LazyLock<Bytes> = LazyLock::new(|| embedded("swagger-ui-bundle.js"));

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "Operations",
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Value, content_type = "application/json")),
)]
pub(crate) async fn openapi(description: Data<ApiDescription>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(description.json())
}

/// Swagger UI, which needs nothing from the internet.
pub(super) async fn browser() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, DOCS_CSP))
        .body(BROWSER)
}

/// A file of the browser.
pub(super) async fn browser_file(name: Path<String>) -> Result<HttpResponse, Problem> {
    let (content_type, body) = match name.as_str() {
        "swagger-ui.css" => ("text/css; charset=utf-8", STYLE_SHEET.clone()),
        "swagger-ui-bundle.js" => ("text/javascript; charset=utf-8", SCRIPT.clone()),
        "docs.js" => ("text/javascript; charset=utf-8", Bytes::from_static(BROWSER_START.as_bytes())),
        _ => return Err(Problem::new(ProblemCode::NotFound)),
    };
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(body))
}

/// Empty when the crate no longer has the file; a test looks.
fn embedded(name: &str) -> Bytes {
    let file = serve(name, Arc::new(Config::from("/openapi.json"))).ok().flatten();
    file.map(|file| Bytes::from(file.bytes.into_owned())).unwrap_or_default()
}
