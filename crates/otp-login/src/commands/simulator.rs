//! The Sinch simulator, alone or inside the service.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use secrecy::ExposeSecret;
use sinch_simulator::Simulator;

use crate::{
    cli::Environment,
    commands::{runtime, serve::stop_signal, stdout::print},
    logging,
    settings::{Settings, reachable},
};

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    anyhow::ensure!(
        settings.environment == Environment::Development,
        "the simulator shows every code to everyone; it runs in development only"
    );
    logging::start(&settings.log);
    runtime()?.block_on(async {
        let simulator = bind(settings)?;
        print(&format!("Sinch simulator on {}; phones and messages: {0}/", simulator.base_url()))?;
        Ok(simulator.run_until(stop_signal()).await?)
    })
}

/// A simulator that knows the same Sinch application as the adapter.
pub(crate) fn bind(settings: &Settings) -> anyhow::Result<Simulator> {
    let of_adapter = sinch_simulator::Settings {
        application_key: settings.sinch.application_key.clone(),
        application_secret: settings.sinch.application_secret.expose_secret().to_owned(),
        callback_url: callback_url(settings),
        ..of_sms(settings)
    };
    let listener = listen(settings.simulator_address, "OTP_LOGIN__SIMULATOR__PORT")?;
    Simulator::on(of_adapter, listener).context("the simulator does not start")
}

/// Where the service takes callbacks, if it is known before it listens.
fn callback_url(settings: &Settings) -> Option<String> {
    let service = reachable(settings.address);
    let is_known = settings.simulator_calls_back && service.port() != 0;
    is_known.then(|| format!("http://{service}{}", settings.sinch.callback_path))
}

/// Notices are taken with the token that they are sent with.
fn of_sms(settings: &Settings) -> sinch_simulator::Settings {
    let defaults = sinch_simulator::Settings::default();
    match &settings.outbox.sms {
        Some(sms) => sinch_simulator::Settings {
            sms_service_plan_id: sms.service_plan_id.clone(),
            sms_api_token: sms.api_token.expose_secret().to_owned(),
            ..defaults
        },
        None => defaults,
    }
}

/// Takes a port, or says in one line who decides which.
pub(crate) fn listen(address: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        format!(
            "cannot listen on {}; stop the program that does, or set {variable} to a free port",
            reachable(address)
        )
    })
}
