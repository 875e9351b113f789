//! The few sentences that the engine itself writes under a message, by language.

use crate::symbol::Symbol;

/// What stands under a message.
pub(super) struct Words {
    pub unsubscribe: &'static str,
    pub preferences: &'static str,
    why: &'static str,
    why_audience: &'static str,
}

const ENGLISH: Words = Words {
    unsubscribe: "Unsubscribe",
    preferences: "Change your preferences",
    why: "You receive “{title}” from {library}.",
    why_audience: "You receive “{title}” from {library} as one of: {audience}.",
};

/// By language code, without region.
const LANGUAGES: &[(&str, Words)] = &[
    ("en", ENGLISH),
    (
        "fr",
        Words {
            unsubscribe: "Se désabonner",
            preferences: "Modifier vos préférences",
            why: "Vous recevez « {title} » de la part de : {library}.",
            why_audience: "Vous recevez « {title} » de la part de : {library}, public : {audience}.",
        },
    ),
    (
        "de",
        Words {
            unsubscribe: "Abmelden",
            preferences: "Einstellungen ändern",
            why: "Sie erhalten „{title}“ von {library}.",
            why_audience: "Sie erhalten „{title}“ von {library}; Zielgruppe: {audience}.",
        },
    ),
    (
        "es",
        Words {
            unsubscribe: "Darse de baja",
            preferences: "Cambiar sus preferencias",
            why: "Recibe «{title}» de {library}.",
            why_audience: "Recibe «{title}» de {library}; destinatarios: {audience}.",
        },
    ),
    (
        "it",
        Words {
            unsubscribe: "Annulla l'iscrizione",
            preferences: "Modifica le preferenze",
            why: "Riceve «{title}» da {library}.",
            why_audience: "Riceve «{title}» da {library}; destinatari: {audience}.",
        },
    ),
    (
        "nl",
        Words {
            unsubscribe: "Uitschrijven",
            preferences: "Voorkeuren wijzigen",
            why: "U ontvangt „{title}” van {library}.",
            why_audience: "U ontvangt „{title}” van {library}; doelgroep: {audience}.",
        },
    ),
    (
        "pt",
        Words {
            unsubscribe: "Cancelar a subscrição",
            preferences: "Alterar as preferências",
            why: "Recebe «{title}» de {library}.",
            why_audience: "Recebe «{title}» de {library}; destinatários: {audience}.",
        },
    ),
];

/// The words of a language; English where there are none yet.
pub(super) fn words(language: Symbol) -> &'static Words {
    let code = language.as_str().split(['_', '-']).next().unwrap_or_default();
    LANGUAGES.iter().find(|(known, _)| *known == code).map_or(&ENGLISH, |(_, words)| words)
}

impl Words {
    /// Why somebody gets a message.
    pub fn why(&self, title: &str, library: &str, audience: Option<&str>) -> String {
        let audience = audience.map(|audience| audience.trim().trim_end_matches('.'));
        let sentence = if audience.is_some() { self.why_audience } else { self.why };
        // One pass, so that a title that holds `{library}` stays as it is.
        let mut text = String::new();
        for piece in sentence.split_inclusive('}') {
            let (before, name) = piece.split_once('{').unwrap_or((piece, ""));
            text.push_str(before);
            text.push_str(match name {
                "title}" => title,
                "library}" => library,
                "audience}" => audience.unwrap_or_default(),
                _ => "",
            });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_is_one_sentence_in_the_language() {
        let english = words("en_ca".into());
        assert_eq!(english.why("News {library}", "Riverside", None), "You receive “News {library}” from Riverside.");
        let french = words("fr".into()).why("Nouvelles", "Riverside", Some("Carte valable."));
        assert_eq!(french, "Vous recevez « Nouvelles » de la part de : Riverside, public : Carte valable.");
    }
}
