//! Making secrets.

use adapters_crypto::{JwtAlgorithm, JwtKey, generate_secret};

use crate::commands::stdout::print;

/// Prints fresh secrets, a signing key of the algorithm `jwt`, and keys for the admin API and
/// for introspection.
pub(crate) fn generate(jwt: Option<String>, admin: bool, introspection: bool) -> anyhow::Result<()> {
    let algorithm = jwt.map(|name| name.parse::<JwtAlgorithm>()).transpose()?;
    let mut lines = vec![
        format!("OTP_LOGIN__SECRETS__DATA_KEY={}", *generate_secret()),
        format!("OTP_LOGIN__PASSWORD__PEPPER={}", *generate_secret()),
    ];
    if let Some(algorithm) = algorithm {
        lines.push(format!("OTP_LOGIN__JWT__ALGORITHM={}", algorithm.as_str()));
        lines.push(signing_key(algorithm));
    }
    if admin {
        lines.push(format!("OTP_LOGIN__ADMIN__API_KEY={}", *generate_secret()));
    }
    if introspection {
        lines.push(format!("OTP_LOGIN__INTROSPECTION__API_KEY={}", *generate_secret()));
    }
    print(&lines.join("\n"))
}

fn signing_key(algorithm: JwtAlgorithm) -> String {
    match algorithm {
        JwtAlgorithm::Hs256 => format!("OTP_LOGIN__JWT__SECRET={}", *generate_secret()),
        JwtAlgorithm::EdDsa | JwtAlgorithm::Es256 => {
            // Environment files know no line breaks: the reader turns \n back.
            let pem = JwtKey::generate_pem(algorithm);
            format!("OTP_LOGIN__JWT__PRIVATE_KEY=\"{}\"", pem.trim_end().replace('\n', "\\n"))
        }
    }
}
