//! A message for one reader: its block, its language, its texts.
//!
//! Everything about the reader comes through [`Reader`]; what comes out depends on nothing else but the program, the
//! occasion and the key of the store. Values are computed first, by number (`fill`); they are put in after Handlebars
//! and Markdown have read what the author wrote.

use std::collections::HashMap;
use std::rc::Rc;

use crate::catalogue::{Catalogue, Channel, Element, FeedId, Type, Value};
use crate::diagnostic::Span;
use crate::limits;
use crate::message::fill::{Form, Forms};
use crate::message::format::Language;
use crate::message::layout::{self, Layout};
use crate::message::link::{LinkKind, Links, MessageId, Target, Token};
use crate::message::markdown::{Insert, Style};
use crate::message::sms::{Segments, segments};
use crate::message::template::{BuiltIn, Formula, Rows, StartScope};
use crate::message::words::words;
use crate::message::{Block, Message, Part, PartKind, letter};
use crate::program::{Audience, Campaign, Program, StartKind, Together};
use crate::rule::text::fold;
use crate::rule::{Expr, Kind};
use crate::symbol::Symbol;

/// What is known of the reader at delivery.
pub trait Reader {
    /// The value of an expression; `None` is unknown.
    fn value(&self, expr: &Expr, row: Row<'_>) -> Option<Value>;

    /// Whether a condition is true.
    fn is_true(&self, condition: &Expr, row: Row<'_>) -> bool;

    /// How many events a start with `together` gathered.
    fn events(&self) -> usize;

    /// All rows of a feed, in the order of import.
    fn feed(&self, feed: FeedId) -> Vec<Vec<Option<Value>>>;
}

/// What an expression is about besides the reader.
#[derive(Clone, Copy, Default, Debug)]
pub struct Row<'a> {
    /// The number of the event inside `each events`; else `event` is the one that started the campaign.
    pub event: Option<usize>,
    /// The row inside `each PICK`, or the one that the pick's condition tries.
    pub feed: Option<&'a [Option<Value>]>,
}

/// One message of a campaign to one reader.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    pub campaign: &'a Campaign,
    pub message: &'a Message,
    pub channel: Channel,
    /// The reader's, one of the library's.
    pub language: Symbol,
    /// The message's key in the outbox, unique.
    pub key: &'a str,
    /// Name and street of the reader, for `print`.
    pub address: &'a [String],
}

/// A rendered message.
#[derive(Clone, PartialEq, Debug)]
pub struct Rendered {
    /// Names the message outside (in `Message-ID`, in links).
    pub id: MessageId,
    pub channel: Channel,
    /// In which it is written; the default one where the block has not the reader's.
    pub language: Symbol,
    pub content: Content,
    /// To be kept with the message's record: where its links lead.
    pub links: Vec<Target>,
    /// The one-click unsubscribe link, for mail that needs consent.
    pub unsubscribe: Option<String>,
}

/// The texts.
#[derive(Clone, PartialEq, Debug)]
pub enum Content {
    Email {
        subject: String,
        html: String,
        text: String,
    },
    Sms {
        text: String,
        segments: Segments,
    },
    /// A letter as a page of HTML, and its text.
    Print {
        html: String,
        text: String,
    },
    /// `web`, `feed`, `social`, `hook`.
    Published {
        title: String,
        html: String,
        text: String,
        link: String,
    },
}

impl Content {
    /// Whether the message says `text`, for `expect … saying`: blanks and line ends are alike, and so are upper and
    /// lower case.
    pub fn says(&self, text: &str) -> bool {
        let parts: &[&str] = match self {
            Content::Email { subject, text, .. } => &[subject, text],
            Content::Sms { text, .. } | Content::Print { text, .. } => &[text],
            Content::Published { title, text, link, .. } => &[title, text, link],
        };
        let words = |text: &str| fold(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned();
        let wanted = words(text);
        parts.iter().any(|part| words(part).contains(&wanted))
    }
}

/// Why there is no message.
#[derive(Clone, PartialEq, Debug)]
pub enum NotRendered {
    /// The message has no block for the channel whose condition is true.
    NoBlock,
    /// A `needs` whose pick has no row.
    NoRows(Symbol),
    /// A printed value is unknown (TPL-11). The checker lets none through without `default`; the place says which.
    Unknown(Span),
    /// An SMS of more than [`limits::SMS_SEGMENTS`] segments.
    TooLong(usize),
    /// A body of more than [`limits::BODY_BYTES`].
    TooLarge(usize),
}

impl std::fmt::Display for NotRendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotRendered::NoBlock => f.write_str("the message has no text for this channel and reader"),
            NotRendered::NoRows(pick) => write!(f, "the pick {pick} has no row and the message needs one"),
            NotRendered::Unknown(_) => f.write_str("a value that the message prints is unknown"),
            NotRendered::TooLong(count) => {
                write!(f, "the SMS would take {count} segments, more than {}", limits::SMS_SEGMENTS)
            }
            NotRendered::TooLarge(bytes) => {
                write!(f, "the body would take {bytes} bytes, more than {}", limits::BODY_BYTES)
            }
        }
    }
}

impl std::error::Error for NotRendered {}

/// What `event` and `events` mean in the messages of a campaign that starts so.
pub fn start_scope(start: &StartKind) -> StartScope {
    match start {
        StartKind::Event { event, together, .. } | StartKind::EventDate { event, together, .. } => match together {
            Together::No => StartScope::Event(*event),
            Together::Tick | Together::For(_) => StartScope::Events(*event),
        },
        _ => StartScope::None,
    }
}

/// Renders the messages of a program.
pub struct Renderer<'p> {
    program: &'p Program,
    links: Links,
    languages: Vec<Language>,
    built_in: Layout,
    layouts: HashMap<Symbol, Layout>,
    pub(super) forms: Forms,
}

impl<'p> Renderer<'p> {
    /// For a program, with links of the store.
    pub fn new(program: &'p Program, links: Links) -> Renderer<'p> {
        Renderer {
            program,
            links,
            languages: program.library.languages.iter().map(|&code| Language::new(code)).collect(),
            built_in: Layout::built_in(),
            layouts: program
                .layouts
                .iter()
                .filter_map(|(name, text)| Some((*name, Layout::read(*name, text)?)))
                .collect(),
            forms: Forms::default(),
        }
    }

    /// The links of its messages.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// One message.
    ///
    /// # Errors
    /// If there is nothing that could be sent.
    pub fn render(&self, occasion: &Occasion<'_>, reader: &dyn Reader) -> Result<Rendered, NotRendered> {
        let id = self.links.message(occasion.key);
        let picks = self.picks(occasion.message, reader)?;
        let fits = |block: &&Block| {
            block.channel == occasion.channel
                && block.condition.as_ref().is_none_or(|condition| reader.is_true(condition, Row::default()))
        };
        let block = occasion.message.blocks.iter().find(fits).ok_or(NotRendered::NoBlock)?;
        let has_language = block.parts.iter().any(|part| part.language == occasion.language);
        let code = if has_language { occasion.language } else { self.program.library.default_language() };
        let language = self.languages.iter().find(|language| language.code() == code).unwrap_or(&self.languages[0]);
        let links = LinkTable { links: &self.links, id, targets: Vec::new(), urls: Vec::new() };
        let mut making = Making { renderer: self, occasion, reader, language, picks: &picks, links };
        let content = making.content(block)?;
        let unsubscribe = making.needs_consent().then(|| making.links.url(LinkKind::Unsubscribe, ""));
        Ok(Rendered {
            id,
            channel: occasion.channel,
            language: code,
            content,
            links: making.links.targets,
            unsubscribe,
        })
    }

    /// The rows of each pick.
    fn picks(&self, message: &Message, reader: &dyn Reader) -> Result<Vec<Vec<FeedRow>>, NotRendered> {
        let mut picks = Vec::with_capacity(message.picks.len());
        for pick in &message.picks {
            let mut rows = reader.feed(pick.feed);
            if let Some(condition) = &pick.condition {
                rows.retain(|row| reader.is_true(condition, Row { event: None, feed: Some(row) }));
            }
            let by = usize::from(pick.by);
            // Rows without the field come last, in either direction; equal ones stay in the order of import.
            rows.sort_by(|a, b| match (&a[by], &b[by]) {
                (Some(a), Some(b)) if pick.descending => compare(b, a),
                (Some(a), Some(b)) => compare(a, b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            });
            rows.truncate(usize::try_from(pick.first).unwrap_or(0));
            if rows.is_empty() && message.needs.contains(&pick.name) {
                return Err(NotRendered::NoRows(pick.name));
            }
            picks.push(rows);
        }
        Ok(picks)
    }
}

pub(super) type FeedRow = Vec<Option<Value>>;

/// The order of two values of one type.
fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b))
        | (Value::Decimal(a), Value::Decimal(b))
        | (Value::Money(a), Value::Money(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Instant(a), Value::Instant(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Symbol(a), Value::Symbol(b)) => a.cmp(b),
        _ => std::cmp::Ordering::Equal,
    }
}

/// Numbers the links of one message.
struct LinkTable<'a> {
    links: &'a Links,
    id: MessageId,
    targets: Vec<Target>,
    /// Of each target.
    urls: Vec<String>,
}

impl LinkTable<'_> {
    fn url(&mut self, kind: LinkKind, target: &str) -> String {
        let known = self.targets.iter().position(|known| known.kind == kind && &*known.target == target);
        let index = known.unwrap_or_else(|| {
            let number = self.targets.len() as u16;
            self.targets.push(Target { message: self.id, kind, number, target: target.into() });
            self.urls.push(self.links.url(Token { kind, message: self.id, number }));
            self.targets.len() - 1
        });
        self.urls[index].clone()
    }
}

/// A value on its way into a text.
pub(super) enum Made {
    Text(String),
    Number(i64),
    Bool(bool),
    Value(Value, Type),
    Link { url: String, label: String },
}

/// Where a slot is filled.
#[derive(Clone, Copy, Default)]
pub(super) struct Frame<'f> {
    pub row: Row<'f>,
    pub element: Option<&'f Value>,
    pub is_first: bool,
    pub is_last: bool,
}

/// One message in the making.
pub(super) struct Making<'a> {
    pub renderer: &'a Renderer<'a>,
    pub occasion: &'a Occasion<'a>,
    pub reader: &'a dyn Reader,
    language: &'a Language,
    pub picks: &'a [Vec<FeedRow>],
    links: LinkTable<'a>,
}

impl Making<'_> {
    fn content(&mut self, block: &Block) -> Result<Content, NotRendered> {
        Ok(match block.channel {
            Channel::Email => {
                let subject = one_line(&self.plain_part(block, PartKind::Subject)?);
                let (body, values) = self.body(block, Style::Screen)?;
                let html = self.lay_out(&subject, &body.html(&values));
                let text = self.with_footer(body.text(&values));
                Content::Email { subject, html, text }
            }
            Channel::Sms => {
                let text = self.plain_part(block, PartKind::Text)?.trim().to_owned();
                let segments = segments(&text);
                if segments.count > limits::SMS_SEGMENTS {
                    return Err(NotRendered::TooLong(segments.count));
                }
                Content::Sms { text, segments }
            }
            Channel::Print => {
                let (body, values) = self.body(block, Style::Paper)?;
                let library = &self.renderer.program.library;
                let html = letter::page(library, self.language.code(), self.occasion.address, &body.html(&values));
                Content::Print { html, text: body.text(&values) }
            }
            Channel::Web | Channel::Feed | Channel::Social | Channel::Hook => {
                let title = one_line(&self.plain_part(block, PartKind::Title)?);
                let link = one_line(&self.plain_part(block, PartKind::Link)?);
                let (body, values) = self.body(block, Style::Screen)?;
                Content::Published { title, html: body.html(&values), text: body.text(&values), link }
            }
        })
    }

    fn part<'b>(&self, block: &'b Block, what: PartKind) -> Option<&'b Part> {
        let default = self.renderer.program.library.default_language();
        block.part(what, self.language.code()).or_else(|| block.part(what, default))
    }

    fn plain_part(&mut self, block: &Block, what: PartKind) -> Result<String, NotRendered> {
        let Some(part) = self.part(block, what) else { return Ok(String::new()) };
        let (form, values) = self.form(&part.template, None)?;
        Ok(form.plain(&values))
    }

    /// A body as it is for this reader, and the reader's values.
    fn body(&mut self, block: &Block, style: Style) -> Result<(Rc<Form>, Vec<Insert>), NotRendered> {
        let Some(part) = self.part(block, PartKind::Body) else { return Ok((Rc::new(Form::empty()), Vec::new())) };
        let (form, values) = self.form(&part.template, Some(style))?;
        let bytes = form.len() + values.iter().map(Insert::len).sum::<usize>();
        if bytes > limits::BODY_BYTES {
            return Err(NotRendered::TooLarge(bytes));
        }
        Ok((form, values))
    }

    pub fn make(&mut self, formula: &Formula, frame: Frame<'_>) -> Option<Made> {
        Some(match formula {
            Formula::Value(expr) if expr.ty == Type::Bool => Made::Bool(self.reader.is_true(expr, frame.row)),
            Formula::Value(expr) => Made::Value(self.reader.value(expr, frame.row)?, expr.ty),
            Formula::Element(ty) => Made::Value(frame.element?.clone(), *ty),
            Formula::Text(text) => Made::Text(text.to_string()),
            Formula::Number(number) => Made::Number(*number),
            Formula::Bool(value) => Made::Bool(*value),
            Formula::Name(name) => self.built_in(*name),
            Formula::Default(value, fallback) => match self.make(value, frame) {
                Some(made) => made,
                None => self.make(fallback, frame)?,
            },
            Formula::Length(rows @ Rows::Set(expr)) => {
                self.reader.value(expr, frame.row)?;
                Made::Number(self.count(rows, frame) as i64)
            }
            Formula::Length(rows) => Made::Number(self.count(rows, frame) as i64),
            Formula::Link(target) => {
                let target = self.make(target, frame)?;
                let target = self.text_of(&target);
                // On paper nobody clicks.
                let url = match self.occasion.channel {
                    Channel::Print => target.clone(),
                    _ => self.links.url(LinkKind::Click, &target),
                };
                Made::Link { url, label: target }
            }
            Formula::Survey(id) => {
                let survey = &self.renderer.program.catalogue.surveys[id.index()];
                let url = self.links.url(LinkKind::Survey, survey.name.as_str());
                let label = survey.label.as_ref().map(|label| label.in_language(self.language.code()).to_owned());
                Made::Link { label: label.unwrap_or_else(|| url.clone()), url }
            }
            Formula::Date(value, pattern) => match self.make(value, frame)? {
                Made::Value(Value::Date(day), _) => Made::Text(self.language.date_as(day, pattern)?),
                Made::Value(Value::Instant(instant), _) => {
                    Made::Text(self.language.instant_as(instant, &self.renderer.program.library.zone, pattern)?)
                }
                other => other,
            },
            Formula::Money(value) => {
                let hundredths = match self.make(value, frame)? {
                    Made::Value(Value::Money(hundredths), _) => hundredths,
                    Made::Value(Value::Decimal(ten_thousandths), _) => ten_thousandths.div_euclid(100),
                    Made::Value(Value::Int(whole), _) | Made::Number(whole) => whole.saturating_mul(100),
                    other => return Some(other),
                };
                Made::Text(self.language.money(hundredths, self.renderer.program.library.currency))
            }
            Formula::Upper(value) => {
                let made = self.make(value, frame)?;
                Made::Text(self.language.upper(&self.text_of(&made)))
            }
            Formula::Lower(value) => {
                let made = self.make(value, frame)?;
                Made::Text(self.language.lower(&self.text_of(&made)))
            }
            Formula::Plural(value, one, many) => {
                let number = match self.make(value, frame)? {
                    Made::Number(number) | Made::Value(Value::Int(number), _) => number,
                    _ => return None,
                };
                let form = if self.language.is_one(number) { one } else { many };
                Made::Text(form.replace("{n}", &self.language.integer(number)))
            }
            Formula::Member(condition) => Made::Bool(self.reader.is_true(condition, frame.row)),
            Formula::First => Made::Bool(frame.is_first),
            Formula::Last => Made::Bool(frame.is_last),
        })
    }

    fn built_in(&mut self, name: BuiltIn) -> Made {
        let kind = match name {
            BuiltIn::Campaign => return Made::Text(self.title()),
            BuiltIn::Library => return Made::Text(self.renderer.program.library.name.to_string()),
            BuiltIn::Why => return Made::Text(self.why()),
            BuiltIn::Unsubscribe => LinkKind::Unsubscribe,
            BuiltIn::Preferences => LinkKind::Preferences,
            BuiltIn::Confirm => LinkKind::Confirm,
        };
        let url = self.links.url(kind, "");
        Made::Link { label: url.clone(), url }
    }

    fn title(&self) -> String {
        let campaign = self.occasion.campaign;
        match &campaign.label {
            Some(label) => label.in_language(self.language.code()).to_owned(),
            None => campaign.name.as_str().replace('_', " "),
        }
    }

    /// One sentence from the campaign's title and the audience's documentation. An audience that private data make is
    /// not told: a template that asks for it does not compile, and the footer leaves it out.
    fn why(&self) -> String {
        let program = self.renderer.program;
        let audience = match &self.occasion.campaign.audience {
            Audience::Rule(Expr { kind: Kind::Segment(id), .. }) => Some(program.segment(*id)),
            _ => None,
        };
        let told = audience.filter(|segment| segment.classes.is_empty()).and_then(|segment| {
            let label = segment.label.as_ref().map(|label| label.in_language(self.language.code()));
            label.or(segment.doc.as_deref())
        });
        let told = told.map(one_line);
        words(self.language.code()).why(&self.title(), &program.library.name, told.as_deref())
    }

    /// A value as its reader reads it.
    pub fn text_of(&self, made: &Made) -> String {
        match made {
            Made::Text(text) => text.clone(),
            Made::Number(number) => self.language.integer(*number),
            Made::Bool(value) => value.to_string(),
            Made::Link { url, .. } => url.clone(),
            Made::Value(value, ty) => self.value_text(value, *ty),
        }
    }

    fn value_text(&self, value: &Value, ty: Type) -> String {
        let program = self.renderer.program;
        match value {
            Value::Bool(value) => value.to_string(),
            Value::Int(number) => self.language.integer(*number),
            Value::Decimal(number) => self.language.ten_thousandths(*number),
            Value::Money(number) => self.language.money(*number, program.library.currency),
            Value::Text(text) => clean(text),
            Value::Date(day) => self.language.date(*day),
            Value::Instant(instant) => self.language.instant(*instant, &program.library.zone),
            Value::Duration(duration) => duration.to_string(),
            Value::Symbol(symbol) => enum_text(&program.catalogue, *symbol, ty, self.language.code()),
            Value::Set(elements) => {
                let inner = match ty {
                    Type::Set(Element::Enum(id)) => Type::Enum(id),
                    _ => Type::Text,
                };
                elements.iter().map(|element| self.value_text(element, inner)).collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn needs_consent(&self) -> bool {
        self.renderer.program.catalogue.purpose(self.occasion.campaign.purpose).needs_consent
    }

    fn lay_out(&mut self, subject: &str, body: &str) -> String {
        let renderer = self.renderer;
        let library = &renderer.program.library;
        let words = words(self.language.code());
        let (title, why) = (self.title(), self.why());
        let is_promotion = self.needs_consent();
        let mut link = |kind| if is_promotion { self.links.url(kind, "") } else { String::new() };
        let (unsubscribe, preferences) = (link(LinkKind::Unsubscribe), link(LinkKind::Preferences));
        let address = library.address.as_deref().filter(|_| is_promotion).unwrap_or_default();
        let chosen = self.occasion.campaign.layout.and_then(|name| renderer.layouts.get(&name));
        let default = renderer.layouts.get(&Symbol::new("default"));
        let layout = chosen.or(default).unwrap_or(&renderer.built_in);
        let values = [
            ("body", body),
            ("subject", subject),
            ("campaign", &title),
            ("library", &library.name),
            ("language", self.language.code().as_str()),
            ("address", address),
            ("why", if is_promotion { &why } else { "" }),
            ("unsubscribe", &unsubscribe),
            ("unsubscribe_label", words.unsubscribe),
            ("preferences", &preferences),
            ("preferences_label", words.preferences),
        ];
        debug_assert!(values.iter().map(|(name, _)| name).eq(layout::NAMES));
        layout.fill(&values).expect("a checked layout names nothing but these values")
    }

    /// The text part of mail that needs consent says who sends it and how to end it.
    fn with_footer(&mut self, text: String) -> String {
        if !self.needs_consent() {
            return text;
        }
        let library = &self.renderer.program.library;
        let words = words(self.language.code());
        let why = self.why();
        let address = library.address.as_deref().unwrap_or_default();
        let unsubscribe = self.links.url(LinkKind::Unsubscribe, "");
        let preferences = self.links.url(LinkKind::Preferences, "");
        format!(
            "{text}\n-- \n{why}\n{}, {address}\n{}: {unsubscribe}\n{}: {preferences}\n",
            library.name, words.unsubscribe, words.preferences
        )
    }
}

pub(super) fn is_something(made: &Made) -> bool {
    match made {
        Made::Bool(value) => *value,
        Made::Number(number) => *number != 0,
        Made::Text(text) => !text.is_empty(),
        Made::Link { .. } => true,
        Made::Value(value, _) => match value {
            Value::Bool(value) => *value,
            Value::Int(number) | Value::Decimal(number) | Value::Money(number) => *number != 0,
            Value::Text(text) => !text.is_empty(),
            Value::Set(elements) => !elements.is_empty(),
            _ => true,
        },
    }
}

/// A value's label in the language; its name where it has none.
fn enum_text(catalogue: &Catalogue, symbol: Symbol, ty: Type, language: Symbol) -> String {
    let Type::Enum(id) = ty else { return symbol.to_string() };
    let values = &catalogue.enumeration(id).values;
    let label = values.iter().find(|(value, _)| *value == symbol).and_then(|(_, label)| label.as_ref());
    label.map_or_else(|| symbol.to_string(), |label| label.in_language(language).to_owned())
}

/// Without characters that end lines or steer a terminal: no value spans lines (TPL-12).
pub(super) fn clean(text: &str) -> String {
    let is_bad = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(is_bad) {
        return text.trim().to_owned();
    }
    let text: String = text.chars().map(|c| if is_bad(c) { ' ' } else { c }).collect();
    text.trim().to_owned()
}

fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
