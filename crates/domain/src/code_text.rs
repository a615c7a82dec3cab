//! The text message that a code travels in.

use secrecy::SecretString;

use crate::{Code, Locale, ProductName};

/// The site that a code is typed into: what phones compare with the page before they offer it
/// (Origin-bound one-time codes delivered via SMS, WICG).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteHost(String);

/// The text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the host of your site, such as login.example.com: at most 60 small letters, digits, dots and hyphens"
)]
pub struct InvalidSiteHost;

impl SiteHost {
    /// Reads a host of at most 60 characters, so that the text stays one message.
    pub fn parse(text: &str) -> Result<Self, InvalidSiteHost> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let label = |label: &str| {
            !label.is_empty() && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
        };
        let accepted = text.len() <= 60 && text.split('.').all(label);
        if accepted { Ok(Self(text.to_owned())) } else { Err(InvalidSiteHost) }
    }
}

/// What is written to a phone: who writes, the code and what not to do with it, and in the
/// last line the site that it is for, if there is one. No link. One text message of 160
/// septets (GSM 03.38) in every language; in English where the language is not known.
pub fn code_text(
    product: &ProductName,
    site: Option<&SiteHost>,
    code: &Code,
    locale: Option<&Locale>,
) -> SecretString {
    let language = locale.map_or_else(|| "en".to_owned(), Locale::language);
    let (before, after) = match language.as_str() {
        "de" => ("Ihr Code ist", "Geben Sie ihn nie weiter."),
        "es" => ("su clave es", "No se la dé a nadie."),
        "fr" => ("votre code est", "Ne le donnez à personne."),
        "sv" => ("din kod är", "Ge den aldrig till någon."),
        _ => ("your code is", "Never give it to anybody."),
    };
    let code = code.expose();
    let bound = site.map_or_else(String::new, |SiteHost(host)| format!("\n\n@{host} #{code}"));
    SecretString::from(format!("{product}: {before} {code}. {after}{bound}"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    /// The basic table of GSM 03.38; each of these is one septet.
    const GSM_7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                         ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

    fn text(product: &str, site: Option<&str>, tag: Option<&str>) -> String {
        let product = ProductName::parse(product).unwrap();
        let site = site.map(|host| SiteHost::parse(host).unwrap());
        let locale = tag.map(|tag| Locale::parse(tag).unwrap());
        let code = Code::parse("042917").unwrap();
        code_text(&product, site.as_ref(), &code, locale.as_ref()).expose_secret().to_owned()
    }

    #[test]
    fn sc_03_a_text_with_a_code_is_one_segment_in_every_language() {
        let longest = ["a".repeat(57), "se".to_owned()].join(".");
        for tag in [None, Some("en"), Some("sv-SE"), Some("de"), Some("fr-CA"), Some("es-419"), Some("ja")] {
            let text = text(&"M".repeat(20), Some(&longest), tag);
            assert!(text.chars().all(|sign| GSM_7.contains(sign)), "{text}");
            assert!(text.chars().count() <= 160, "{} in {text}", text.chars().count());
        }
    }

    #[test]
    fn sc_01_a_text_with_a_code_says_whose_it_is_and_holds_no_link() {
        for tag in [None, Some("sv-SE"), Some("de"), Some("fr"), Some("es")] {
            let text = text("Acme", None, tag);
            assert!(text.starts_with("Acme: ") && text.contains("042917"), "{text}");
            for link in ["http", "www", "/", "@"] {
                assert!(!text.contains(link), "{text}");
            }
        }
        assert_eq!(text("Acme", None, Some("sv-FI")), "Acme: din kod är 042917. Ge den aldrig till någon.");
    }

    #[test]
    fn sc_02_the_last_line_binds_the_code_to_the_site() {
        let text = text("Acme", Some("login.example.com"), Some("ja"));
        assert_eq!(
            text,
            "Acme: your code is 042917. Never give it to anybody.\n\n@login.example.com #042917"
        );
    }

    #[test]
    fn sc_02_a_site_is_a_host_and_nothing_more() {
        for good in ["example.com", "login.example.com", "xn--bcher-kva.example", "localhost"] {
            assert!(SiteHost::parse(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            ".",
            "a..b",
            "https://a.se",
            "a.se/",
            "a.se:443",
            "A.se",
            "a b",
            "-a.se",
            "a.se #1",
            &"a".repeat(61),
        ] {
            assert_eq!(SiteHost::parse(wrong), Err(InvalidSiteHost), "{wrong}");
        }
    }
}
