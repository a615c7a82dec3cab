//! Making secrets.

use adapters_crypto::{JwtAlgorithm, JwtKey, generate_secret};

use crate::cli::Keys;

pub(crate) fn run(Keys::Generate { jwt }: Keys) -> anyhow::Result<()> {
    let algorithm = jwt.map(|name| name.parse::<JwtAlgorithm>()).transpose()?;
    println!("OTP_LOGIN__SECRETS__DATA_KEY={}", *generate_secret());
    println!("OTP_LOGIN__PASSWORD__PEPPER={}", *generate_secret());
    let Some(algorithm) = algorithm else { return Ok(()) };
    println!("OTP_LOGIN__JWT__ALGORITHM={}", algorithm.as_str());
    match algorithm {
        JwtAlgorithm::Hs256 => println!("OTP_LOGIN__JWT__SECRET={}", *generate_secret()),
        JwtAlgorithm::EdDsa | JwtAlgorithm::Es256 => {
            // Environment files know no line breaks: the reader turns \n back.
            let pem = JwtKey::generate_pem(algorithm);
            println!("OTP_LOGIN__JWT__PRIVATE_KEY=\"{}\"", pem.trim_end().replace('\n', "\\n"));
        }
    }
    Ok(())
}
