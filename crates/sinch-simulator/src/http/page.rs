//! The live page; its files are part of the program.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use super::get_only;

const HTML: &str = include_str!("../../page/index.html");
const SCRIPT: &str = include_str!("../../page/app.js");
const STYLE: &str = include_str!("../../page/app.css");
const ICON: &str = include_str!("../../page/icon.svg");

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for (path, content_type, text) in [
        ("/", "text/html; charset=utf-8", HTML),
        ("/app.js", "text/javascript; charset=utf-8", SCRIPT),
        ("/app.css", "text/css; charset=utf-8", STYLE),
        ("/icon.svg", "image/svg+xml", ICON),
    ] {
        let file = move || async move { file(content_type, text) };
        config.service(web::resource(path).route(get_only().to(file)));
    }
}

fn file(content_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text)
}
