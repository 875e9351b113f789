//! A template: Handlebars text whose every placeholder is resolved to a typed value.
//!
//! [`Template::check`] reads a text and resolves it once for each kind of start of the campaigns that send it. What
//! stays is the text that Handlebars renders, holding only numbers (`{{s1}}`, `{{#if c2}}`, `{{#each e3}}`), and for
//! each number what to compute. So Handlebars sees no name, no helper and no data but what a slot prints.
//!
//! Whether a private value may stand where it stands depends on the campaign (section 10): each [`Use`] says what is
//! read, of which classes, whether it is printed or decides, and where; the checker of campaigns judges.

mod helper;
mod layout;
mod length;
mod name;
mod place;
mod resolve;
mod syntax;
mod unknown;

#[cfg(test)]
mod tests;

pub(in crate::message) use layout::{Names, check_names};
pub use place::Place;
pub use resolve::NEEDS_DEFAULT;

use std::sync::{Arc, OnceLock};

use crate::catalogue::{Catalogue, Channel, ClassSet, EventId, FieldId, Library, SurveyId, Type};
use crate::diagnostic::{Code, Diagnostic, FileId, Severity, Sources, Span};
use crate::message::{Let, PartKind, Pick};
use crate::rule::{EventRead, Expr};
use crate::symbol::Symbol;
use crate::syntax::ast::Text;

const UNREADABLE: Code = Code("E0708");

/// A checked template.
#[derive(Clone, Debug)]
pub struct Template {
    /// As the author wrote it.
    pub source: Arc<str>,
    /// What Handlebars renders.
    pub prepared: Prepared,
    /// One for each kind of start of the campaigns that send it; at least one.
    pub variants: Vec<Variant>,
}

/// The text that Handlebars renders, compiled when it is first rendered: a linter never needs it.
#[derive(Clone, Debug)]
pub struct Prepared {
    text: Arc<str>,
    compiled: Arc<OnceLock<handlebars::Template>>,
}

impl Prepared {
    /// Compiled. [`Template::check`] has seen that Handlebars reads it.
    pub fn compiled(&self) -> &handlebars::Template {
        self.compiled.get_or_init(|| self.compile().expect("checked templates are Handlebars (a property test)"))
    }

    fn compile(&self) -> Result<handlebars::Template, handlebars::TemplateError> {
        handlebars::Template::compile(&self.text)
    }
}

/// Nothing but text and tags that this parser writes itself: Handlebars reads it for certain.
fn is_plain(source: &str) -> bool {
    !source.contains("\\{{") && !source.contains('~') && !source.contains("{{!")
}

/// A template resolved for one kind of start.
#[derive(Clone, Debug)]
pub struct Variant {
    pub start: StartScope,
    /// Outside `each`, in order.
    pub slots: Vec<Slot>,
    /// Everything that is read.
    pub uses: Vec<Use>,
}

/// What `event` and `events` mean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StartScope {
    /// The campaign does not start with an event or record, or nobody sends the message.
    None,
    /// `event`: `on EVENT`, `D before F of EVENT`.
    Event(EventId),
    /// `events`, to be read inside `each`: the same with `together`.
    Events(EventId),
}

/// A campaign that sends the message.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    pub campaign: Symbol,
    /// The message's name in the step `send`.
    pub span: Span,
    pub start: StartScope,
    /// The classes whose open records serve the campaign's purpose.
    pub served: ClassSet,
}

/// A segment or list that `member` asks for.
#[derive(Clone, Debug)]
pub struct Membership {
    /// `Kind::Segment` with its default arguments, or `Kind::Member`.
    pub condition: Expr,
    /// Of a segment; a list has none.
    pub classes: ClassSet,
}

/// Everything that a template is checked against.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub catalogue: &'a Catalogue,
    pub library: &'a Library,
    pub lets: &'a [Let],
    pub picks: &'a [Pick],
    /// The segment or list of this name, if there is one and it needs no argument.
    pub membership: &'a dyn Fn(Symbol) -> Option<Membership>,
    /// Names of segments and lists, for did-you-mean.
    pub groups: &'a [Symbol],
    /// Empty: nobody sends it (a lint elsewhere); then `event` means nothing and is not looked at.
    pub senders: &'a [Sender],
    pub channel: Channel,
    pub part: PartKind,
    pub language: Symbol,
}

/// A number of the prepared text, and what it stands for.
#[derive(Clone, Debug)]
pub struct Slot {
    pub number: u32,
    pub span: Span,
    pub kind: SlotKind,
}

#[derive(Clone, Debug)]
pub enum SlotKind {
    /// `{{s1}}`.
    Print { value: Formula, place: Place },
    /// `{{#if c1}}`, `{{#unless c1}}`.
    Test(Formula),
    /// `{{#each e1}}`, with the slots inside.
    Each { over: Rows, slots: Vec<Slot> },
}

/// What `each` repeats.
#[derive(Clone, Debug)]
pub enum Rows {
    /// `events` of a start with `together`.
    Events,
    /// A pick, by its index in the message.
    Pick(usize),
    /// The elements of a set.
    Set(Expr),
}

/// How a value is made for the reader.
#[derive(Clone, Debug)]
pub enum Formula {
    /// A field, a table's column, a `let`.
    Value(Expr),
    /// `this` inside `each` over a set, of this type.
    Element(Type),
    Text(Arc<str>),
    Number(i64),
    Bool(bool),
    Name(BuiltIn),
    Default(Box<Formula>, Box<Formula>),
    /// `len events`, `len PICK`, `len SET`.
    Length(Rows),
    /// A tracked link.
    Link(Box<Formula>),
    Survey(SurveyId),
    /// With a CLDR pattern.
    Date(Box<Formula>, Arc<str>),
    Money(Box<Formula>),
    Upper(Box<Formula>),
    Lower(Box<Formula>),
    /// The forms for one and for many; `{n}` in them is the number.
    Plural(Box<Formula>, Arc<str>, Arc<str>),
    Member(Expr),
    /// `@first`, `@last` inside `each`.
    First,
    Last,
}

/// A name that every message has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BuiltIn {
    /// The campaign's title.
    Campaign,
    /// The library's name.
    Library,
    Unsubscribe,
    Preferences,
    /// A link that confirms an asked consent.
    Confirm,
    /// One sentence made from the campaign's title and the audience's documentation.
    Why,
}

impl BuiltIn {
    /// All.
    pub const ALL: [BuiltIn; 6] = [
        BuiltIn::Campaign,
        BuiltIn::Library,
        BuiltIn::Unsubscribe,
        BuiltIn::Preferences,
        BuiltIn::Confirm,
        BuiltIn::Why,
    ];

    /// The name.
    pub fn word(self) -> &'static str {
        ["campaign", "library", "unsubscribe", "preferences", "confirm", "why"][self as usize]
    }

    /// Whether it is a link.
    pub fn is_link(self) -> bool {
        matches!(self, BuiltIn::Unsubscribe | BuiltIn::Preferences | BuiltIn::Confirm)
    }
}

/// Something that a template reads.
#[derive(Clone, PartialEq, Debug)]
pub struct Use {
    pub what: Used,
    /// Privacy classes that flow out of it.
    pub classes: ClassSet,
    pub role: Role,
    /// Of what is printed; `Bool` where it is only tested.
    pub ty: Type,
    /// The name inside the template (for `member` the text with its quotes).
    pub span: Span,
    /// As the author wrote it.
    pub written: Arc<str>,
}

/// What is read.
#[derive(Clone, PartialEq, Debug)]
pub enum Used {
    Field(FieldId),
    /// A field of the event or record that started the campaign: of an open record where the event is a record.
    Start(EventId, EventRead),
    /// How many there are, or that there are some (`len events`, `each events`).
    StartCount(EventId),
    /// A column of a table; its classes are those of its key.
    Table,
    Let(Symbol),
    Pick(Symbol),
    /// A segment or list by `member`.
    Group(Symbol),
    /// `why`: reads the audience; its classes are the audience's, which the campaign knows.
    Why,
}

/// What the value does in the message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// It can be read in the message.
    Printed,
    /// It chooses what can be read (`if`, `unless`, `member`, `each`).
    Decides,
}

impl Template {
    /// Reads `text` and resolves its names; every finding lies inside the text. Findings that two starts share are
    /// told once. The template is missing where an error was found, unless all that is wrong is a `default` that is
    /// missing: what it reads may then still be judged.
    pub fn check(text: &Text, scope: &Scope<'_>) -> (Option<Template>, Vec<Diagnostic>) {
        let (tree, mut findings) = syntax::parse(text);
        let Some(tree) = tree else { return (None, findings) };
        let places = place::scan(text, &tree.tags, scope, &mut findings);
        if scope.part == PartKind::Text {
            findings.extend(length::check(text, &tree.tags));
        }
        let mut starts: Vec<StartScope> = scope.senders.iter().map(|sender| sender.start).collect();
        starts.dedup();
        if starts.is_empty() {
            starts.push(StartScope::None);
        }
        let mut variants: Vec<Variant> = Vec::with_capacity(starts.len());
        for start in starts {
            if variants.iter().any(|variant| variant.start == start) {
                continue;
            }
            let (variant, more) = resolve::resolve(text, &tree, &places, scope, start);
            variants.push(variant);
            let new: Vec<Diagnostic> = more.into_iter().filter(|finding| !findings.contains(finding)).collect();
            findings.extend(new);
        }
        let stops = |finding: &Diagnostic| finding.severity == Severity::Error && finding.code != NEEDS_DEFAULT;
        if findings.iter().any(stops) {
            return (None, findings);
        }
        let prepared = Prepared { text: tree.prepared.into(), compiled: Arc::default() };
        if !is_plain(&text.value)
            && let Err(error) = prepared.compile()
        {
            let reason = format!("Handlebars cannot read this template: {}", error.reason());
            findings.push(Diagnostic::new(UNREADABLE, text.span, reason));
            return (None, findings);
        }
        (Some(Template { source: text.value.clone(), prepared, variants }), findings)
    }

    /// The template as a campaign with this start reads it.
    pub fn variant(&self, start: StartScope) -> &Variant {
        self.variants.iter().find(|variant| variant.start == start).unwrap_or(&self.variants[0])
    }

    /// The privacy classes that it prints or decides by, however the campaign starts.
    pub fn classes(&self) -> ClassSet {
        let uses = self.variants.iter().flat_map(|variant| &variant.uses);
        uses.fold(ClassSet::EMPTY, |classes, used| classes.union(used.classes))
    }

    /// Whether it names `event` or `events`.
    pub fn reads_start(&self) -> bool {
        let of_start = |used: &Use| matches!(used.what, Used::Start(..) | Used::StartCount(_));
        self.variants.iter().any(|variant| variant.uses.iter().any(of_start))
    }
}

/// The text of a file that a part is read `from`: without a byte order mark, line ends as LF.
pub fn text_of_file(sources: &Sources, file: FileId) -> Text {
    let written = sources.text(file);
    let mut value = String::with_capacity(written.len());
    let mut offsets = Vec::new();
    let mut at = if written.starts_with('\u{feff}') { 3 } else { 0 };
    for piece in written[at..].split_inclusive("\r\n") {
        offsets.push((value.len() as u32, at as u32));
        at += piece.len();
        match piece.strip_suffix("\r\n") {
            Some(line) => {
                value.push_str(line);
                offsets.push((value.len() as u32, (at - 1) as u32));
                value.push('\n');
            }
            None => value.push_str(piece),
        }
    }
    Text { value: value.into(), span: Span::new(file, 0..written.len()), is_block: true, offsets }
}
