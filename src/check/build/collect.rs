//! All declarations by kind, the program's before the built-in ones, and what is declared twice.

use crate::check::context::{Declaration, Declared};
use crate::diagnostic::{Code, Diagnostic, FileId, Span};
use crate::map::Map;
use crate::symbol::Symbol;
use crate::syntax::ast::{self, Item, ItemKind};

const TWICE: Code = Code("E0130");
const RESERVED: Code = Code("E0131");

/// Declarations of the catalogue in the order of the files. Of two of one name (an error) only the first.
#[derive(Default)]
pub(in crate::check) struct Items<'a> {
    pub libraries: Vec<Declaration<'a, ast::Library>>,
    pub purposes: Vec<Declaration<'a, ast::Purpose>>,
    pub classes: Vec<Declaration<'a, ast::Privacy>>,
    pub enums: Vec<Declaration<'a, ast::EnumDecl>>,
    pub patrons: Vec<Declaration<'a, ast::PatronDecl>>,
    pub contacts: Vec<Declaration<'a, ast::Contact>>,
    pub events: Vec<Declaration<'a, ast::EventDecl>>,
    pub records: Vec<Declaration<'a, ast::RecordDecl>>,
    pub tables: Vec<Declaration<'a, ast::TableDecl>>,
    pub lists: Vec<Declaration<'a, ast::ListDecl>>,
    pub feeds: Vec<Declaration<'a, ast::FeedDecl>>,
    pub surveys: Vec<Declaration<'a, ast::SurveyDecl>>,
}

/// Events that the engine writes; no program declares them.
const ENGINE: [&str; 8] =
    ["sent", "delivered", "bounced", "complained", "clicked", "unsubscribed", "answered", "texted"];

/// What has a namespace of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Space {
    /// Segments and lists.
    Group,
    /// Events, records and patron fields.
    Fact,
    Enum,
    Purpose,
    Class,
    Table,
    Feed,
    Survey,
    Message,
    Campaign,
}

/// Gathers the declarations of a program and of the built-in catalogue.
pub(in crate::check) struct Collector<'a> {
    pub items: Items<'a>,
    pub declared: Declared<'a>,
    pub diagnostics: Vec<Diagnostic>,
    names: Map<(Space, Symbol), (Span, &'static str)>,
    tests: Map<std::sync::Arc<str>, Span>,
    built_in: FileId,
}

impl<'a> Collector<'a> {
    /// `built_in` is the file of the built-in catalogue, which comes last and gives way.
    pub fn new(built_in: FileId) -> Collector<'a> {
        Collector {
            items: Items::default(),
            declared: Declared::default(),
            diagnostics: Vec::new(),
            names: Map::default(),
            tests: Map::default(),
            built_in,
        }
    }

    /// Adds the declarations of a file.
    pub fn add(&mut self, file: &'a ast::File) {
        for item in &file.items {
            if item.broken {
                self.declared.incomplete.extend(name_of(&item.kind));
            }
            self.item(item);
        }
    }

    fn item(&mut self, item: &'a Item) {
        match &item.kind {
            ItemKind::Library(what) => self.items.libraries.push(Declaration { item, what }),
            ItemKind::Purpose(what) => {
                if self.is_new(Space::Purpose, "purpose", what.name) {
                    self.items.purposes.push(Declaration { item, what });
                }
            }
            ItemKind::Privacy(what) => {
                if self.is_new(Space::Class, "privacy class", what.name) {
                    self.items.classes.push(Declaration { item, what });
                }
            }
            ItemKind::Enum(what) => {
                if self.is_new(Space::Enum, "enum", what.name) && self.is_free(what.name, &TYPES, "a type") {
                    self.items.enums.push(Declaration { item, what });
                }
            }
            ItemKind::Patron(what) => {
                for field in &what.fields {
                    self.is_new(Space::Fact, "field", field.name);
                }
                self.items.patrons.push(Declaration { item, what });
            }
            ItemKind::Contact(what) => self.items.contacts.push(Declaration { item, what }),
            ItemKind::Event(what) => {
                if self.is_new(Space::Fact, "event", what.name)
                    && self.is_free(what.name, &ENGINE, "an event that the engine writes")
                {
                    self.items.events.push(Declaration { item, what });
                }
            }
            ItemKind::Record(what) => {
                if self.is_new(Space::Fact, "record", what.name)
                    && self.is_free(what.name, &ENGINE, "an event that the engine writes")
                {
                    self.items.records.push(Declaration { item, what });
                }
            }
            ItemKind::Table(what) => {
                if self.is_new(Space::Table, "table", what.name)
                    && self.is_free(what.name, &["patron", "event"], "the row at hand")
                {
                    self.items.tables.push(Declaration { item, what });
                }
            }
            ItemKind::List(what) => {
                if self.is_new(Space::Group, "list", what.name) {
                    self.items.lists.push(Declaration { item, what });
                }
            }
            ItemKind::Feed(what) => {
                if self.is_new(Space::Feed, "feed", what.name) {
                    self.items.feeds.push(Declaration { item, what });
                }
            }
            ItemKind::Survey(what) => {
                if self.is_new(Space::Survey, "survey", what.name) {
                    self.items.surveys.push(Declaration { item, what });
                }
            }
            ItemKind::Segment(what) => {
                let declaration = Declaration { item, what };
                self.declared.all_segments.push(declaration);
                if self.is_new(Space::Group, "segment", what.name) {
                    self.declared.segments.insert(what.name.symbol, declaration);
                }
            }
            ItemKind::Message(what) => {
                let declaration = Declaration { item, what };
                self.declared.all_messages.push(declaration);
                if self.is_new(Space::Message, "message", what.name) {
                    self.declared.messages.insert(what.name.symbol, declaration);
                }
            }
            ItemKind::Campaign(what) => {
                let declaration = Declaration { item, what };
                self.declared.all_campaigns.push(declaration);
                if self.is_new(Space::Campaign, "campaign", what.name) {
                    self.declared.campaigns.insert(what.name.symbol, declaration);
                }
            }
            ItemKind::Test(what) => {
                self.declared.tests.push(Declaration { item, what });
                let name = &what.name;
                match self.tests.get(&name.value) {
                    Some(first) => self.diagnostics.push(
                        Diagnostic::new(TWICE, name.span, format!("two tests are called \"{}\"", name.value))
                            .label("again here")
                            .also(*first, "first here")
                            .help("give one of them another name, so that a report can tell them apart"),
                    ),
                    None => {
                        self.tests.insert(name.value.clone(), name.span);
                    }
                }
            }
        }
    }

    /// Whether nothing has the name yet. Of the program's own it is an error, a built-in declaration gives way.
    fn is_new(&mut self, space: Space, kind: &'static str, name: ast::Name) -> bool {
        let Some(&(first, what)) = self.names.get(&(space, name.symbol)) else {
            self.names.insert((space, name.symbol), (name.span, kind));
            return true;
        };
        if name.span.file == self.built_in {
            return false;
        }
        let message = if what == kind {
            format!("two {} are called `{}`", plural(kind), name.symbol)
        } else {
            format!("`{}` is declared twice: as {} and as {}", name.symbol, with_article(what), with_article(kind))
        };
        let diagnostic = Diagnostic::new(TWICE, name.span, message)
            .label(format!("this {kind} has the same name"))
            .also(first, format!("the {what} `{}` is declared here", name.symbol));
        self.diagnostics.push(match (what == kind, space) {
            (false, Space::Group) => {
                diagnostic.help("segments and lists share their names; call one of the two otherwise")
            }
            (false, Space::Fact) => {
                diagnostic.help("events, records and patron fields share their names; call one of the two otherwise")
            }
            _ => diagnostic.help("remove one of the two, or give it another name"),
        });
        false
    }

    fn is_free(&mut self, name: ast::Name, taken: &[&str], by: &str) -> bool {
        if !taken.contains(&name.symbol.as_str()) {
            return true;
        }
        self.diagnostics.push(
            Diagnostic::new(RESERVED, name.span, format!("`{}` is {by} and cannot be declared", name.symbol))
                .label("already means something")
                .help("choose another name"),
        );
        false
    }
}

const TYPES: [&str; 11] =
    ["bool", "int", "decimal", "money", "text", "date", "instant", "duration", "email", "phone", "url"];

fn plural(kind: &str) -> String {
    if kind == "privacy class" { "privacy classes".into() } else { format!("{kind}s") }
}

fn with_article(kind: &str) -> String {
    if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { format!("an {kind}") } else { format!("a {kind}") }
}

fn name_of(kind: &ItemKind) -> Option<Symbol> {
    Some(match kind {
        ItemKind::Purpose(what) => what.name.symbol,
        ItemKind::Privacy(what) => what.name.symbol,
        ItemKind::Enum(what) => what.name.symbol,
        ItemKind::Patron(_) => Symbol::new("patron"),
        ItemKind::Event(what) => what.name.symbol,
        ItemKind::Record(what) => what.name.symbol,
        ItemKind::Table(what) => what.name.symbol,
        ItemKind::Feed(what) => what.name.symbol,
        ItemKind::Survey(what) => what.name.symbol,
        _ => return None,
    })
}
