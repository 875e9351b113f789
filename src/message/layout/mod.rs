//! Layouts: what surrounds every e-mail of a kind, written in MJML with Handlebars names for what differs.
//!
//! A layout is rendered by MJML once and then filled for each message. Its names are few and none is a reader's field.
//! One that carries promotional mail must name the library's address and the unsubscribe link (CON-09).

use std::sync::{Arc, Mutex};

use handlebars::{Context, Handlebars, RenderContext, Renderable, no_escape};
use mrml::prelude::parser::ParserOptions;
use mrml::prelude::parser::noop_loader::NoopIncludeLoader;
use mrml::prelude::render::RenderOptions;

use crate::diagnostic::{Code, Diagnostic, FileId, Span};
use crate::map::Map;
use crate::message::skeleton::{self, Skeleton};
use crate::message::template::{Names, check_names};
use crate::symbol::Symbol;
use crate::syntax::ast::Text;

const UNREADABLE: Code = Code("E0718");
const NOT_FOR_PROMOTION: Code = Code("E0719");

/// The layout of a campaign that names none.
const DEFAULT: &str = include_str!("default.mjml.hbs");

/// Names of a layout.
pub(super) const NAMES: &[&str] = &[
    "body",
    "subject",
    "campaign",
    "library",
    "language",
    "address",
    "why",
    "unsubscribe",
    "unsubscribe_label",
    "preferences",
    "preferences_label",
];

/// A layout ready to be filled.
#[derive(Clone, Debug)]
pub struct Layout {
    pub name: Symbol,
    html: Arc<handlebars::Template>,
    /// By which of the names have a value: rendered once, with holes.
    forms: Arc<Mutex<Map<u32, Arc<Skeleton>>>>,
    has_address: bool,
    has_unsubscribe: bool,
}

impl Layout {
    /// Reads a layout; every finding lies inside the text.
    pub fn check(name: Symbol, text: &Text) -> (Option<Layout>, Vec<Diagnostic>) {
        let (names, mut findings) = check_names(text, NAMES);
        let Some(Names { named, comments }) = names else { return (None, findings) };
        if !named.contains(&"body") {
            let finding =
                Diagnostic::new(UNREADABLE, text.span, format!("the layout `{name}` has no place for the message"))
                    .help("write `{{body}}` inside an `<mj-text>`");
            findings.push(finding);
        }
        if !findings.is_empty() {
            return (None, findings);
        }
        let mut source = text.value.to_string();
        for comment in comments.into_iter().rev() {
            source.replace_range(comment, "");
        }
        match render_mjml(&source) {
            Ok(html) => {
                let html = Arc::new(html);
                let has_address = named.contains(&"address");
                let has_unsubscribe = named.contains(&"unsubscribe");
                (Some(Layout { name, html, forms: Arc::default(), has_address, has_unsubscribe }), findings)
            }
            Err(reason) => {
                let finding =
                    Diagnostic::new(UNREADABLE, text.span, format!("the layout `{name}` is not MJML: {reason}"))
                        .help("compare it with the reference of MJML, https://documentation.mjml.io");
                findings.push(finding);
                (None, findings)
            }
        }
    }

    /// A layout that was checked before.
    pub fn read(name: Symbol, text: &str) -> Option<Layout> {
        let span = Span::new(FileId(0), 0..text.len());
        let text = Text { value: text.into(), span, is_block: true, offsets: vec![(0, 0)] };
        Layout::check(name, &text).0
    }

    /// The built-in layout.
    pub fn built_in() -> Layout {
        let html = render_mjml(DEFAULT).expect("the built-in layout is MJML (a test reads it)");
        let (html, forms) = (Arc::new(html), Arc::default());
        Layout { name: Symbol::new("default"), html, forms, has_address: true, has_unsubscribe: true }
    }

    /// What is wrong with using it for a purpose that needs consent; `span` is where a campaign names it.
    pub fn check_for_promotion(&self, span: Span) -> Option<Diagnostic> {
        let missing = match (self.has_address, self.has_unsubscribe) {
            (true, true) => return None,
            (false, true) => "the library's address (`{{address}}`)",
            (true, false) => "the unsubscribe link (`{{unsubscribe}}`)",
            (false, false) => "the library's address (`{{address}}`) and the unsubscribe link (`{{unsubscribe}}`)",
        };
        let text = format!("the layout `{}` lacks {missing}", self.name);
        let finding = Diagnostic::new(NOT_FOR_PROMOTION, span, text)
            .note("Mail that needs consent must say who sends it, from where, and how to end it.");
        Some(finding.help("add it to the layout, or use another one"))
    }

    /// The HTML of a message; the values are HTML.
    ///
    /// # Errors
    /// Never for a checked layout: all its names have values.
    pub(super) fn fill(&self, values: &[(&'static str, &str)]) -> Result<String, String> {
        let form = self.form(values)?;
        let length = values.iter().map(|(_, value)| value.len()).sum::<usize>();
        Ok(form.fill(length, |number, to| to.push_str(values[number].1)))
    }

    /// The layout where these names have a value and the others none: all that its `if` asks.
    fn form(&self, values: &[(&'static str, &str)]) -> Result<Arc<Skeleton>, String> {
        let bits = values.iter().enumerate().map(|(number, (_, value))| u32::from(!value.is_empty()) << number).sum();
        let mut forms = self.forms.lock().expect("no thread panics while it holds the forms");
        if let Some(known) = forms.get(&bits) {
            return Ok(known.clone());
        }
        let mut context = serde_json::Map::new();
        for (number, (name, value)) in values.iter().enumerate() {
            let value = if value.is_empty() { String::new() } else { skeleton::hole(number) };
            context.insert((*name).to_owned(), value.into());
        }
        let mut registry = Handlebars::new();
        registry.register_escape_fn(no_escape);
        let context = Context::wraps(context).map_err(|error| error.to_string())?;
        let written = self.html.renders(&registry, &context, &mut RenderContext::new(None));
        let form = Arc::new(Skeleton::of(&written.map_err(|error| error.to_string())?, values.len()));
        forms.insert(bits, form.clone());
        Ok(form)
    }
}

/// Text for an HTML text or a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'&' => "&amp;",
            b'\'' => "&#x27;",
            b'`' => "&#x60;",
            b'=' => "&#x3D;",
            _ => continue,
        };
        to.push_str(&text[rest..at]);
        to.push_str(entity);
        rest = at + 1;
    }
    to.push_str(&text[rest..]);
    to
}

fn render_mjml(source: &str) -> Result<handlebars::Template, String> {
    // Nothing is included from elsewhere, and no font is fetched from a server that would see who reads.
    let parsing = ParserOptions { include_loader: Box::new(NoopIncludeLoader) };
    let parsed = mrml::parse_with_options(source, &parsing).map_err(|error| error.to_string())?;
    let options = RenderOptions { disable_comments: true, social_icon_origin: None, fonts: Default::default() };
    let html = parsed.element.render(&options).map_err(|error| error.to_string())?;
    handlebars::Template::compile(&html).map_err(|error| error.reason().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Text {
        let span = Span::new(FileId(0), 0..value.len());
        Text { value: value.into(), span, is_block: true, offsets: vec![(0, 0)] }
    }

    fn check(value: &str) -> (Option<Layout>, Vec<&'static str>) {
        let (layout, findings) = Layout::check("mine".into(), &text(value));
        (layout, findings.into_iter().map(|finding| finding.code.0).collect())
    }

    #[test]
    fn the_built_in_layout_passes_its_own_check() {
        let (layout, found) = check(DEFAULT);
        assert!(found.is_empty(), "{found:?}");
        let layout = layout.expect("it is MJML");
        assert!(layout.check_for_promotion(text("").span).is_none());
        let values = NAMES.iter().map(|&name| (name, if name == "body" { "<p>hi</p>" } else { "a &lt; b" }));
        let html = layout.fill(&values.collect::<Vec<_>>()).expect("all names have values");
        assert!(html.contains("<p>hi</p>") && html.contains("a &lt; b") && !html.contains("{{"), "{html}");
        assert!(!html.contains("fonts.googleapis"), "nothing is fetched");
    }

    #[test]
    fn what_means_something_in_html_is_escaped() {
        let text = "é<a href='x' title=\"y\">&`";
        assert_eq!(escape(text), "é&lt;a href&#x3D;&#x27;x&#x27; title&#x3D;&quot;y&quot;&gt;&amp;&#x60;");
        assert_eq!(escape(text), handlebars::html_escape(text));
    }

    #[test]
    fn con_09_a_layout_of_promotional_mail_names_address_and_unsubscribe() {
        let bare = "<mjml>{{!-- mine --}}<mj-body><mj-section><mj-column><mj-text>{{body}}</mj-text></mj-column></mj-section></mj-body></mjml>";
        let (layout, found) = check(bare);
        assert!(found.is_empty(), "{found:?}");
        let finding = layout.expect("it is MJML").check_for_promotion(text("").span).expect("a finding");
        assert!(finding.message.contains("address") && finding.message.contains("unsubscribe"));
    }

    #[test]
    fn a_layout_names_no_field_and_includes_nothing() {
        let around = |inner: &str| format!("<mjml><mj-body>{inner}{{{{body}}}}</mj-body></mjml>");
        assert_eq!(check(&around("{{first_name}}")).1, ["E0703"]);
        assert_eq!(check(&around("{{> footer}}")).1, ["E0707"]);
        assert_eq!(check(&around("{{{subject}}}")).1, ["E0706"]);
        assert_eq!(check("<mjml><mj-body></mj-body></mjml>").1, ["E0718"]);
        assert_eq!(check("<mjml>{{body}}<mj-body>").1, ["E0718"]);
    }
}
