//! A message for one reader: its block, its language, its texts.
//!
//! Everything about the reader comes through [`Reader`]; what comes out depends on nothing else but the program, the
//! occasion and the key of the store. Values are computed first, by number (`fill`); they are put in after Handlebars
//! and Markdown have read what the author wrote.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::catalogue::{Channel, FeedId, Value};
use crate::diagnostic::Span;
use crate::limits;
use crate::map::Map;
use crate::message::fill::{Form, Forms};
use crate::message::format::Language;
use crate::message::layout::Layout;
use crate::message::link::{LinkKind, Links, MessageId, Target, Token};
use crate::message::markdown::{Insert, Style};
use crate::message::sms::{Segments, segments};
use crate::message::surround::Surround;
use crate::message::template::StartScope;
use crate::message::value::one_line;
use crate::message::{Block, Message, Part, PartKind, letter};
use crate::program::{Campaign, Program, StartKind, Together};
use crate::rule::Expr;
use crate::rule::text::fold;
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
        let words = |text: &str| fold(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned();
        words(&self.plain()).contains(&words(text))
    }

    /// All that is read of it, one part below the other.
    pub fn plain(&self) -> String {
        match self {
            Content::Email { subject, text, .. } => format!("{subject}\n{text}"),
            Content::Sms { text, .. } | Content::Print { text, .. } => text.clone(),
            Content::Published { title, text, link, .. } => format!("{title}\n{text}\n{link}"),
        }
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
    pub(super) program: &'p Program,
    links: Links,
    languages: Vec<Language>,
    built_in: Layout,
    layouts: HashMap<Symbol, Layout>,
    pub(super) forms: Forms,
    /// By campaign and language.
    surrounds: RefCell<Map<(Symbol, Symbol), Rc<Surround>>>,
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
            surrounds: RefCell::default(),
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
        let surround = self.surround(occasion.campaign, code);
        let mut making =
            Making { renderer: self, occasion, reader, language, surround: &surround, picks: &picks, links };
        let content = making.content(block)?;
        let unsubscribe = surround.needs_consent.then(|| making.links.url(LinkKind::Unsubscribe, "").to_string());
        Ok(Rendered {
            id,
            channel: occasion.channel,
            language: code,
            content,
            links: making.links.targets,
            unsubscribe,
        })
    }

    /// What stands around the e-mails of a campaign.
    fn surround(&self, campaign: &Campaign, language: Symbol) -> Rc<Surround> {
        let make = || Rc::new(Surround::new(self.program, campaign, language));
        self.surrounds.borrow_mut().entry((campaign.name, language)).or_insert_with(make).clone()
    }

    fn layout(&self, campaign: &Campaign) -> &Layout {
        let chosen = campaign.layout.and_then(|name| self.layouts.get(&name));
        let default = || self.layouts.get(&Symbol::new("default"));
        chosen.or_else(default).unwrap_or(&self.built_in)
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
pub(super) struct LinkTable<'a> {
    links: &'a Links,
    id: MessageId,
    targets: Vec<Target>,
    /// Of each target.
    urls: Vec<Arc<str>>,
}

impl LinkTable<'_> {
    pub fn url(&mut self, kind: LinkKind, target: &str) -> Arc<str> {
        let known = self.targets.iter().position(|known| known.kind == kind && &*known.target == target);
        let index = known.unwrap_or_else(|| {
            let number = self.targets.len() as u16;
            self.targets.push(Target { message: self.id, kind, number, target: target.into() });
            self.urls.push(self.links.url(Token { kind, message: self.id, number }).into());
            self.targets.len() - 1
        });
        self.urls[index].clone()
    }
}

/// One message in the making.
pub(super) struct Making<'a> {
    pub renderer: &'a Renderer<'a>,
    pub occasion: &'a Occasion<'a>,
    pub reader: &'a dyn Reader,
    pub language: &'a Language,
    pub surround: &'a Surround,
    pub picks: &'a [Vec<FeedRow>],
    pub links: LinkTable<'a>,
}

impl Making<'_> {
    fn content(&mut self, block: &Block) -> Result<Content, NotRendered> {
        Ok(match block.channel {
            Channel::Email => {
                let subject = one_line(&self.plain_part(block, PartKind::Subject)?);
                let (body, values) = self.body(block, Style::Screen)?;
                let needs_consent = self.surround.needs_consent;
                let mut link = |kind| if needs_consent { self.links.url(kind, "") } else { "".into() };
                let (unsubscribe, preferences) = (link(LinkKind::Unsubscribe), link(LinkKind::Preferences));
                let links = [&*unsubscribe, &*preferences];
                let layout = self.renderer.layout(self.occasion.campaign);
                let html = self.surround.html(layout, &subject, &body.html(&values), links);
                let mut text = body.text(&values);
                if needs_consent {
                    self.surround.add_footer(&mut text, links);
                }
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
}
