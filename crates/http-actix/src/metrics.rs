//! What is measured, on a listener of its own for whoever collects it.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::Server,
    http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS},
    web::{self, Data},
};

/// The text format that current versions of Prometheus ask for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The format before it, which reads the same text.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Collectors are few.
const MAX_CONNECTIONS: usize = 64;

/// Writes everything that is measured.
pub type MeasuredText = Arc<dyn Fn() -> String + Send + Sync>;

struct Measured(MeasuredText);

/// Serves `GET /metrics` and nothing else, without a limit of requests: whoever reaches the listener
/// is trusted.
pub fn metrics_server(measured: MeasuredText, listener: TcpListener) -> io::Result<Server> {
    let measured = Data::new(Measured(measured));
    let app = move || App::new().app_data(measured.clone()).route("/metrics", web::get().to(metrics));
    Ok(HttpServer::new(app)
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(Duration::from_secs(5))
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run())
}

async fn metrics(req: HttpRequest, measured: Data<Measured>) -> HttpResponse {
    let accept = req.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let is_open = accept.contains("application/openmetrics-text");
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, if is_open { OPEN_METRICS } else { PROMETHEUS }))
        .insert_header((VARY, "accept"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body((measured.0)())
}
