//! Whom passkeys belong to.

use std::convert::Infallible;

use adapters_webauthn::{InvalidRelyingParty, RelyingParty, Transport};

use super::reader::Reader;

/// The domain of development, which browsers accept without TLS.
const LOCALHOST: &str = "localhost";

/// Reads the settings; `None` when no domain is named, so that passkeys are off.
pub(super) fn read(reader: &mut Reader, production: bool, port: u16) -> Option<RelyingParty> {
    let (id, name) = (reader.text("passkeys.rp_id"), reader.text("passkeys.rp_name"));
    let mut origins = reader.list("passkeys.origins", |origin| Ok::<_, Infallible>(origin.to_owned()));
    if id.is_empty() {
        if !origins.is_empty() {
            reader.problem("passkeys.rp_id", "origins are named, but not the domain that they belong to");
        }
        return None;
    }
    if production && id == LOCALHOST {
        reader.problem("passkeys.rp_id", "localhost is for development; name the domain of your pages");
        return None;
    }
    if origins.is_empty() {
        origins.push(own_origin(&id, port));
    }
    let transport = if production { Transport::Https } else { Transport::HttpsOrLoopback };
    match RelyingParty::parse(&id, &name, &origins, transport) {
        Ok(party) => Some(party),
        Err(error) => {
            reader.problem(key_of(&error), error.to_string());
            None
        }
    }
}

/// The origin of the domain itself.
fn own_origin(id: &str, port: u16) -> String {
    match (id, port) {
        (LOCALHOST, 0 | 80) => "http://localhost".to_owned(),
        (LOCALHOST, port) => format!("http://localhost:{port}"),
        _ => format!("https://{id}"),
    }
}

fn key_of(error: &InvalidRelyingParty) -> &'static str {
    match error {
        InvalidRelyingParty::Id(_) => "passkeys.rp_id",
        InvalidRelyingParty::Name => "passkeys.rp_name",
        InvalidRelyingParty::Origin(_)
        | InvalidRelyingParty::Elsewhere { .. }
        | InvalidRelyingParty::Insecure(_) => "passkeys.origins",
    }
}
