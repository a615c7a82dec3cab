//! Pages for people: the start, and what each problem means.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
    web::{Data, Path},
};

use crate::{
    HttpSettings,
    problem::{Problem, ProblemCode},
    security_headers::PAGE_CSP,
};

const STYLE_SHEET: &str = include_str!("../pages/pages.css");

/// Where to go from here.
pub(super) async fn start(settings: Data<HttpSettings>) -> HttpResponse {
    let mut links = Vec::new();
    if settings.docs {
        links.push(("/docs", "API browser", "every request, ready to try"));
    }
    links.push(("/openapi.json", "API description", "OpenAPI 3.1"));
    links.push(("/health", "Health", "whether the process runs"));
    links.push(("/health/ready", "Readiness", "whether its dependencies answer"));
    links.push(("/problems", "Problems", "what each refusal means and what to do"));
    if let Some(inbox) = &settings.inbox_url {
        links.push((inbox, "Inbox", "the messages that the simulator sent"));
    }
    let items: String = links.into_iter().map(|(path, name, what)| item(path, name, what)).collect();
    let name = escape(&settings.service_name);
    page(&name, &format!("<h1>{name}</h1>\n<p>Sign-in by password and phone.</p>\n<ul>\n{items}</ul>"))
}

/// Every problem there is.
pub(super) async fn problems() -> HttpResponse {
    let items: String = ProblemCode::ALL
        .iter()
        .map(|problem| problem.entry())
        .map(|entry| item(&format!("/problems/{}", entry.code), entry.code, entry.title))
        .collect();
    page("Problems", &format!("<h1>Problems</h1>\n<ul>\n{items}</ul>"))
}

/// What one problem means and what to do.
pub(super) async fn problem(code: Path<String>) -> Result<HttpResponse, Problem> {
    let entry = ProblemCode::find(&code).ok_or_else(|| Problem::new(ProblemCode::NotFound))?.entry();
    let body = format!(
        "<h1>{title}</h1>\n<p><code>{code}</code>, status {status}</p>\n<h2>What it means</h2>\n<p>{meaning}</p>\n\
         <h2>What to do</h2>\n<p>{remedy}</p>\n<p><a href=\"/problems\">All problems</a></p>",
        title = escape(entry.title),
        code = escape(entry.code),
        status = entry.status.as_u16(),
        meaning = escape(entry.meaning),
        remedy = escape(entry.remedy),
    );
    Ok(page(entry.title, &body))
}

/// How pages look.
pub(super) async fn style_sheet() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(STYLE_SHEET)
}

/// A page; `body` is markup in which every foreign text is escaped.
fn page(title: &str, body: &str) -> HttpResponse {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/assets/pages.css\">\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n",
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, PAGE_CSP))
        .body(html)
}

fn item(path: &str, name: &str, what: &str) -> String {
    format!("<li><a href=\"{}\">{}</a> {}</li>\n", escape(path), escape(name), escape(what))
}

/// Text as it may stand in markup and in quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_1_1_2_text_in_pages_is_escaped() {
        assert_eq!(escape("<b a='1' c=\"2\">&amp;"), "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;");
    }
}
