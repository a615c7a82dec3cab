//! The listener for metrics.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
};

use http_actix::metrics_server;

fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (started, wait) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = metrics_server(Arc::new(|| "sent_total 1\n".to_owned()), listener).unwrap();
            started.send(()).unwrap();
            server.await
        })
    });
    wait.recv().unwrap();
    address
}

fn get(address: SocketAddr, path: &str) -> String {
    get_with(address, path, "")
}

fn get_with(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn asvs_13_4_5_metrics_are_all_that_their_listener_serves() {
    let address = serve();
    let answer = get(address, "/metrics").to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    let open = get_with(address, "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    assert!(
        open.to_lowercase().contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{open}"
    );
    assert!(answer.ends_with("\r\n\r\nsent_total 1\n"), "{answer}");
    for path in ["/", "/health", "/api/v1/me", "/metrics/x"] {
        assert!(get(address, path).starts_with("HTTP/1.1 404"), "{path}");
    }
}
