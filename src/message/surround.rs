//! What stands around the texts of a campaign's e-mails: the layout, and the footer of mail that needs consent.
//!
//! Nothing of it is about the reader but two links, so it is made once for each campaign and language.

use crate::message::layout::{self, Layout, escape};
use crate::message::value::one_line;
use crate::message::words::{Words, words};
use crate::program::{Audience, Campaign, Program};
use crate::rule::{Expr, Kind};
use crate::symbol::Symbol;

/// Of one campaign in one language.
pub(super) struct Surround {
    /// The campaign's.
    pub title: String,
    /// One sentence from the title and the audience's documentation.
    pub why: String,
    /// Who does not want such mail can end it.
    pub needs_consent: bool,
    language: Symbol,
    /// The library's name and address.
    sender: String,
    words: &'static Words,
    html: Html,
}

/// Its texts as HTML.
struct Html {
    title: String,
    library: String,
    address: String,
    why: String,
    unsubscribe: String,
    preferences: String,
}

impl Surround {
    /// For a campaign of the program.
    pub fn new(program: &Program, campaign: &Campaign, language: Symbol) -> Surround {
        let (library, words) = (&program.library, words(language));
        let title = match &campaign.label {
            Some(label) => label.in_language(language).to_owned(),
            None => campaign.name.as_str().replace('_', " "),
        };
        let why = words.why(&title, &library.name, audience(program, campaign, language).as_deref());
        let needs_consent = program.catalogue.purpose(campaign.purpose).needs_consent;
        let promotional = |text: &str| if needs_consent { escape(text) } else { String::new() };
        let html = Html {
            title: escape(&title),
            library: escape(&library.name),
            address: promotional(library.address.as_deref().unwrap_or_default()),
            why: promotional(&why),
            unsubscribe: escape(words.unsubscribe),
            preferences: escape(words.preferences),
        };
        let sender = format!("{}, {}", library.name, library.address.as_deref().unwrap_or_default());
        Surround { title, why, needs_consent, language, sender, words, html }
    }

    /// The HTML of an e-mail. `body` is HTML; the links to unsubscribe and to the preferences are empty where no consent
    /// is needed.
    pub fn html(&self, layout: &Layout, subject: &str, body: &str, [unsubscribe, preferences]: [&str; 2]) -> String {
        let html = &self.html;
        let values = [
            ("body", body),
            ("subject", &escape(subject)),
            ("campaign", &html.title),
            ("library", &html.library),
            ("language", self.language.as_str()),
            ("address", &html.address),
            ("why", &html.why),
            ("unsubscribe", &escape(unsubscribe)),
            ("unsubscribe_label", &html.unsubscribe),
            ("preferences", &escape(preferences)),
            ("preferences_label", &html.preferences),
        ];
        debug_assert!(values.iter().map(|(name, _)| name).eq(layout::NAMES));
        layout.fill(&values).expect("a checked layout names nothing but these values")
    }

    /// Says under the text part who sends it and how to end it.
    pub fn add_footer(&self, text: &mut String, [unsubscribe, preferences]: [&str; 2]) {
        let Words { unsubscribe: end, preferences: change, .. } = self.words;
        for part in ["\n-- \n", &self.why, "\n", &self.sender, "\n"] {
            text.push_str(part);
        }
        for part in [end, ": ", unsubscribe, "\n", change, ": ", preferences, "\n"] {
            text.push_str(part);
        }
    }
}

/// What a reader is told of the audience. One that private data make is not told: a template that asks for it does not
/// compile, and the footer leaves it out.
fn audience(program: &Program, campaign: &Campaign, language: Symbol) -> Option<String> {
    let Audience::Rule(Expr { kind: Kind::Segment(id), .. }) = &campaign.audience else { return None };
    let segment = Some(program.segment(*id)).filter(|segment| segment.classes.is_empty())?;
    let label = segment.label.as_ref().map(|label| label.in_language(language));
    label.or(segment.doc.as_deref()).map(one_line)
}
