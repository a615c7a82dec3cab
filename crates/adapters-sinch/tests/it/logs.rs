//! What the logs tell, and what they never tell.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use adapters_sinch::Auth;
use domain::Channel;
use ports::VerificationProvider as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::scripted::{Do, Received, Scripted};
use crate::world::*;

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("unpoisoned")).into_owned()
    }

    /// Collects on this thread, from all crates, at every level.
    fn collect(&self) -> tracing::subscriber::DefaultGuard {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish()
            .set_default()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Makes every call meet `fate`; gives what was logged and what the errors say.
async fn told(fate: Do, auth: Auth) -> String {
    let log = Log::default();
    let collecting = log.collect();
    let server = Scripted::new(move |_: &Received| fate.clone()).await;
    let mut settings = settings(&server.url());
    settings.auth = auth;
    let adapter = adapter(&settings);
    let start = adapter.start(&request()).await;
    let found = adapter.find(reference(), &phone(), Channel::Sms).await;
    let checked = adapter.check(&verification(), &code()).await;
    drop(collecting);
    let texts = [
        start.err().map(|e| e.to_string()),
        found.err().map(|e| e.to_string()),
        checked.err().map(|e| e.to_string()),
    ];
    format!("{}\n{texts:?}", log.text())
}

#[tokio::test]
async fn lg_01_no_secret_code_or_number_is_logged_at_any_level() {
    let leaky = format!(
        r#"{{"errorCode":40001,"message":"Number {PHONE} code 482913 {SECRET}","id":"{ID}","status":"+{PHONE}","reason":"482913","reference":"{PHONE}"}}"#
    );
    let fates = [
        Do::Answer(200, started()),
        Do::Answer(200, leaky.clone()),
        Do::Answer(
            200,
            format!(r#"{{"id":"{ID}","method":"sms","status":"FAIL","reason":"{PHONE} 482913"}}"#),
        ),
        Do::Answer(400, leaky.clone()),
        Do::Answer(401, leaky.clone()),
        Do::Answer(403, leaky.clone()),
        Do::Answer(500, leaky.clone()),
        Do::Answer(301, leaky.clone()),
        Do::Truncate(200, leaky.clone()),
        Do::Raw(leaky),
        Do::Reset,
    ];
    for fate in fates {
        for auth in [Auth::Signed, Auth::Basic] {
            let told = told(fate.clone(), auth).await;
            assert!(told.contains("sinch.operation"), "nothing was collected");
            let secrets = [
                SECRET,
                "0123456789abcdef",
                "30313233343536373839616263646566",
                "MTExMTExMTEt",
                "Application 1111",
                "482913",
                PHONE,
                "46701740605",
                "701740605",
                "%2B4670",
            ];
            for secret in secrets {
                assert!(!told.contains(secret), "{secret} after {fate:?}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn an_operator_reads_what_to_do() {
    let advice = [
        (40102, "check OTP_LOGIN__SINCH__APPLICATION_KEY and OTP_LOGIN__SINCH__APPLICATION_SECRET"),
        (40101, "check this machine's clock"),
        (40200, "top it up"),
        (40303, "OTP_LOGIN__SINCH__AUTH"),
        (42200, "has no name"),
        (50301, "ask Sinch's support"),
    ];
    for (code, text) in advice {
        let told = told(Do::Answer(http_status(code), error(code)), Auth::Signed).await;
        let status = http_status(code);
        assert!(
            told.contains("ERROR") && told.contains(text) && told.contains(&format!("{status}/{code}")),
            "{told}"
        );
    }
    let told = told(Do::Answer(404, "<html>".to_owned()), Auth::Signed).await;
    assert!(told.contains("OTP_LOGIN__SINCH__BASE_URL"));
}

#[tokio::test]
async fn a_wrong_code_or_number_is_no_alarm() {
    for code in [40003, 40001, 40300, 40400, 42901, 42201] {
        let told = told(Do::Answer(http_status(code), error(code)), Auth::Signed).await;
        assert!(!told.contains("ERROR"), "{code}: {told}");
    }
}

#[tokio::test]
async fn pv_03_a_documented_reason_stays_in_the_logs() {
    let body = format!(r#"{{"id":"{ID}","method":"sms","status":"DENIED","reason":"Destination denied"}}"#);
    let told = told(Do::Answer(200, body), Auth::Signed).await;
    assert!(told.contains("DENIED") && told.contains("Destination denied"));
}
