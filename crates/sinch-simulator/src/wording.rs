//! The text of messages, in the languages that have one.

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Language {
    /// IANA tag, as in `Content-Language`.
    pub(crate) tag: &'static str,
    /// Holds `{{CODE}}`.
    pub(crate) template: &'static str,
}

const LANGUAGES: &[Language] = &[
    Language { tag: "en-US", template: "Your verification code is {{CODE}}. Verified by Sinch" },
    Language { tag: "sv-SE", template: "Din verifieringskod är {{CODE}}." },
    Language { tag: "es-ES", template: "Tu código de verificación es {{CODE}}." },
    Language { tag: "de-DE", template: "Dein Bestätigungscode lautet {{CODE}}." },
    Language { tag: "fr-FR", template: "Votre code de vérification est {{CODE}}." },
    Language { tag: "it-IT", template: "Il tuo codice di verifica è {{CODE}}." },
    Language { tag: "pt-BR", template: "Seu código de verificação é {{CODE}}." },
    Language { tag: "nl-NL", template: "Je verificatiecode is {{CODE}}." },
    Language { tag: "da-DK", template: "Din bekræftelseskode er {{CODE}}." },
    Language { tag: "nb-NO", template: "Verifiseringskoden din er {{CODE}}." },
    Language { tag: "fi-FI", template: "Vahvistuskoodisi on {{CODE}}." },
    Language { tag: "pl-PL", template: "Twój kod weryfikacyjny to {{CODE}}." },
];

/// The application's own language, for requests that name none we have.
const DEFAULT: Language =
    Language { tag: "en-US", template: "Your verification code is {{CODE}}. Verified by Sinch" };

impl Language {
    /// The best of our languages for an `Accept-Language` header or a plain
    /// tag: the whole tag first, then the language alone (RFC 4647 §3.4).
    pub(crate) fn preferred(header: &str) -> Self {
        let mut wishes: Vec<(f32, &str)> = header.split(',').filter_map(wish).collect();
        wishes.sort_by(|one, other| other.0.total_cmp(&one.0));
        wishes.into_iter().find_map(|(_, tag)| lookup(tag)).unwrap_or(DEFAULT)
    }

    pub(crate) fn text(self, code: &str) -> String {
        self.template.replace("{{CODE}}", code)
    }
}

fn wish(part: &str) -> Option<(f32, &str)> {
    let mut fields = part.split(';');
    let tag = fields.next()?.trim();
    let quality = fields.find_map(|field| field.trim().strip_prefix("q="));
    let quality = quality.map_or(Some(1.0), |text| text.parse().ok())?;
    (quality > 0.0).then_some((quality, tag))
}

fn lookup(tag: &str) -> Option<Language> {
    let tag = tag.replace('_', "-");
    let exact = LANGUAGES.iter().find(|language| language.tag.eq_ignore_ascii_case(&tag));
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    exact.or_else(|| LANGUAGES.iter().find(|language| primary(language.tag) == primary(&tag))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_wish_that_has_a_text_wins() {
        for (header, tag) in [
            ("", "en-US"),
            ("sv-SE", "sv-SE"),
            ("es_es", "es-ES"),
            ("de-AT", "de-DE"),
            ("zh-CN, fr;q=0.4, sv;q=0.8", "sv-SE"),
            ("sv;q=0, fr;q=0.1", "fr-FR"),
            ("xx;q=banana", "en-US"),
        ] {
            assert_eq!(Language::preferred(header).tag, tag, "{header}");
        }
    }

    #[test]
    fn every_text_holds_the_code_once() {
        for language in LANGUAGES {
            assert_eq!(language.text("004711").matches("004711").count(), 1);
        }
        assert_eq!(LANGUAGES.first(), Some(&DEFAULT));
    }
}
