//! What the store knows about a patron: fields, events, records, tables, lists; purposes and privacy classes.
//!
//! Pure data, resolved: every name is an id, every type is known. `check` builds it from declarations over the
//! built-in catalogue; the store makes its columns from it.

mod library;
mod print;
mod types;
mod value;

pub use library::{Library, MailAddress, MessageLimit, TimeWindow};
pub use print::print;
pub use types::{Element, NameKind, Type};
pub use value::Value;

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostic::Span;
use crate::symbol::Symbol;
use crate::time::Duration;

/// Declares ids that index the catalogue's vectors.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u16);

        impl $name {
            /// The index into the catalogue's vector.
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    )*};
}

ids! {
    /// A patron field.
    FieldId;
    /// An event or a record.
    EventId;
    /// An enumeration, named or anonymous.
    EnumId;
    /// A purpose.
    PurposeId;
    /// A privacy class.
    ClassId;
    /// A reference table.
    TableId;
    /// A list kept by hand.
    ListId;
    /// A feed.
    FeedId;
    /// A survey.
    SurveyId;
}

/// A set of privacy classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct ClassSet(pub u64);

impl ClassSet {
    /// No class.
    pub const EMPTY: ClassSet = ClassSet(0);

    /// With one class more. A catalogue has at most 64 (checked).
    pub fn with(self, class: ClassId) -> ClassSet {
        ClassSet(self.0 | 1 << class.0)
    }

    /// Whether `class` is in it.
    pub fn contains(self, class: ClassId) -> bool {
        self.0 >> class.0 & 1 == 1
    }

    /// Both.
    pub fn union(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 | other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes, ascending.
    pub fn iter(self) -> impl Iterator<Item = ClassId> {
        (0..64).map(ClassId).filter(move |&class| self.contains(class))
    }
}

/// A text in the library's languages. `text` is the default language's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Label {
    /// In the default language.
    pub text: Arc<str>,
    /// In other languages.
    pub translations: Vec<(Symbol, Arc<str>)>,
}

impl Label {
    /// The text in `language`, or the default's.
    pub fn in_language(&self, language: Symbol) -> &str {
        self.translations.iter().find(|(code, _)| *code == language).map_or(&self.text, |(_, text)| text)
    }
}

/// A field of a patron, an event, a table or a feed.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: Symbol,
    pub ty: Type,
    pub optional: bool,
    /// The field's own privacy class (an event's class stands at the event).
    pub private: Option<ClassId>,
    pub doc: Option<Arc<str>>,
    /// Where it is declared; `None` for what is built in.
    pub span: Option<Span>,
}

/// An event or a record.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: Symbol,
    pub kind: EventKind,
    pub private: Option<ClassId>,
    /// Without the built-in `at` and `open`.
    pub fields: Vec<Field>,
    pub doc: Option<Arc<str>>,
    pub span: Option<Span>,
}

/// What kind of event.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum EventKind {
    /// Happened once; imported.
    Event,
    /// Written by the engine: `sent`, `delivered`, `bounced`, `complained`, `clicked`, `unsubscribed`, `answered`,
    /// `texted`.
    Engine,
    /// Has a key; later rows replace its fields.
    Record {
        /// Index of the field after `open until` in `fields`; `None`: the record has no `open`.
        open_until: Option<u16>,
        /// How long it is kept once closed for a patron without what its class requires. Default 7 days.
        keep: Duration,
    },
}

impl Event {
    /// Index of a declared field.
    pub fn field(&self, name: Symbol) -> Option<u16> {
        self.fields.iter().position(|field| field.name == name).map(|index| index as u16)
    }

    /// Whether it is a record.
    pub fn is_record(&self) -> bool {
        matches!(self.kind, EventKind::Record { .. })
    }
}

/// An enumeration.
#[derive(Clone, Debug)]
pub struct Enum {
    /// `None` for `one of a, b`. Two anonymous ones with the same values are one.
    pub name: Option<Symbol>,
    pub values: Vec<(Symbol, Option<Label>)>,
    pub span: Option<Span>,
}

/// Why the library writes, and what that needs.
#[derive(Clone, Debug)]
pub struct Purpose {
    pub name: Symbol,
    pub label: Option<Label>,
    /// `false` for `without consent`.
    pub needs_consent: bool,
    /// The consent ends on the day before this has passed.
    pub expires_after: Option<Duration>,
    pub span: Option<Span>,
}

/// A class of data that requires an agreement.
#[derive(Clone, Debug)]
pub struct PrivacyClass {
    pub name: Symbol,
    pub label: Option<Label>,
    /// The bool field that must be true.
    pub requires: Option<FieldId>,
    /// Open records of the class are known in campaigns of these purposes without it.
    pub open_records_serve: Vec<PurposeId>,
    /// Only campaigns of these purposes may read the class; `None`: all.
    pub only_for: Option<Vec<PurposeId>>,
    pub span: Option<Span>,
}

/// Reference data looked up by a field.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: Symbol,
    /// The name of the field that holds the key, of the patron or of an event in scope.
    pub by: Symbol,
    pub fields: Vec<Field>,
    pub span: Option<Span>,
}

/// A list kept by hand or by steps.
#[derive(Clone, Debug)]
pub struct List {
    pub name: Symbol,
    pub label: Option<Label>,
    pub doc: Option<Arc<str>>,
    pub span: Option<Span>,
}

/// Imported rows that belong to nobody.
#[derive(Clone, Debug)]
pub struct Feed {
    pub name: Symbol,
    pub fields: Vec<Field>,
    pub span: Option<Span>,
}

/// A survey and its questions; each question is a field of the event `answered`.
#[derive(Clone, Debug)]
pub struct Survey {
    pub name: Symbol,
    pub label: Option<Label>,
    pub questions: Vec<Question>,
    pub span: Option<Span>,
}

/// One question.
#[derive(Clone, Debug)]
pub struct Question {
    pub name: Symbol,
    pub label: Option<Label>,
    pub kind: QuestionKind,
}

/// How a question is answered.
#[derive(Clone, PartialEq, Debug)]
pub enum QuestionKind {
    /// A number from `from` to `to`.
    Scale {
        from: i64,
        to: i64,
    },
    Text,
    OneOf(EnumId),
}

/// How a patron is reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    Email,
    Sms,
    Print,
    Web,
    Feed,
    Social,
    Hook,
}

impl Channel {
    /// All, patrons' channels first.
    pub const ALL: [Channel; 7] =
        [Channel::Email, Channel::Sms, Channel::Print, Channel::Web, Channel::Feed, Channel::Social, Channel::Hook];

    /// The word of the language.
    pub fn word(self) -> &'static str {
        ["email", "sms", "print", "web", "feed", "social", "hook"][self as usize]
    }

    /// The channel that `word` names.
    pub fn from_word(word: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.word() == word)
    }

    /// Reaches one patron at an address (the others publish).
    pub fn is_personal(self) -> bool {
        matches!(self, Channel::Email | Channel::Sms | Channel::Print)
    }
}

/// Which patron fields are addresses and the like. Defaults to the fields with the names of section 4.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    pub email: Option<FieldId>,
    pub sms: Option<FieldId>,
    /// All must be known.
    pub print: Vec<FieldId>,
    pub language: Option<FieldId>,
    pub birth: Option<FieldId>,
    pub guardian: Option<FieldId>,
}

impl Contact {
    /// The fields that make the address of a channel; none for one that reaches nobody in particular.
    pub fn fields(&self, channel: Channel) -> &[FieldId] {
        match channel {
            Channel::Email => self.email.as_slice(),
            Channel::Sms => self.sms.as_slice(),
            Channel::Print => &self.print,
            Channel::Web | Channel::Feed | Channel::Social | Channel::Hook => &[],
        }
    }
}

/// Everything above, by id.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    pub fields: Vec<Field>,
    pub events: Vec<Event>,
    pub enums: Vec<Enum>,
    pub purposes: Vec<Purpose>,
    pub classes: Vec<PrivacyClass>,
    pub tables: Vec<Table>,
    pub lists: Vec<List>,
    pub feeds: Vec<Feed>,
    pub surveys: Vec<Survey>,
    pub contact: Contact,
    /// Index of `fields` by name; kept by `check`.
    pub field_index: HashMap<Symbol, FieldId>,
    /// Index of `events` by name.
    pub event_index: HashMap<Symbol, EventId>,
}

impl Catalogue {
    /// The patron field called `name`.
    pub fn field_named(&self, name: Symbol) -> Option<FieldId> {
        self.field_index.get(&name).copied()
    }

    /// The event or record called `name`.
    pub fn event_named(&self, name: Symbol) -> Option<EventId> {
        self.event_index.get(&name).copied()
    }

    /// The purpose called `name`.
    pub fn purpose_named(&self, name: Symbol) -> Option<PurposeId> {
        self.purposes.iter().position(|purpose| purpose.name == name).map(|index| PurposeId(index as u16))
    }

    /// The list called `name`.
    pub fn list_named(&self, name: Symbol) -> Option<ListId> {
        self.lists.iter().position(|list| list.name == name).map(|index| ListId(index as u16))
    }

    /// The table called `name`.
    pub fn table_named(&self, name: Symbol) -> Option<TableId> {
        self.tables.iter().position(|table| table.name == name).map(|index| TableId(index as u16))
    }

    /// The feed called `name`.
    pub fn feed_named(&self, name: Symbol) -> Option<FeedId> {
        self.feeds.iter().position(|feed| feed.name == name).map(|index| FeedId(index as u16))
    }

    /// The patron field with this id.
    pub fn field(&self, id: FieldId) -> &Field {
        &self.fields[id.index()]
    }

    /// The event or record with this id.
    pub fn event(&self, id: EventId) -> &Event {
        &self.events[id.index()]
    }

    /// The enumeration with this id.
    pub fn enumeration(&self, id: EnumId) -> &Enum {
        &self.enums[id.index()]
    }

    /// The purpose with this id.
    pub fn purpose(&self, id: PurposeId) -> &Purpose {
        &self.purposes[id.index()]
    }

    /// The privacy class with this id.
    pub fn class(&self, id: ClassId) -> &PrivacyClass {
        &self.classes[id.index()]
    }

    /// The classes whose open records are known to a campaign of `purpose` without what they require.
    pub fn served_by(&self, purpose: PurposeId) -> ClassSet {
        let serves = |class: &PrivacyClass| class.open_records_serve.contains(&purpose);
        let ids = self.classes.iter().enumerate().filter(|(_, class)| serves(class));
        ids.fold(ClassSet::EMPTY, |set, (index, _)| set.with(ClassId(index as u16)))
    }
}
