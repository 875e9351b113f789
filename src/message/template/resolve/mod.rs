//! Names of a template to typed values, for one kind of start.

use std::ops::Range;

use crate::catalogue::{ClassSet, Element, EventId, Field, FieldId, TableId, Type};
use crate::diagnostic::{Code, Diagnostic};
use crate::message::template::place::{Place, Places};
use crate::message::template::syntax::{Block, Expression, ExpressionKind, Node, Path, Tree, Word};
use crate::message::template::unknown::Unknown;
use crate::message::template::{BuiltIn, Formula, Role, Rows, Scope, Slot, SlotKind, StartScope, Use, Used, Variant};
use crate::rule::{Expr, Kind, Read};
use crate::symbol::Symbol;
use crate::syntax::ast::Text;

mod event;
mod finding;

pub(super) use finding::{UNKNOWN_HELPER, UNKNOWN_NAME};

/// A value that may be unknown, without a `default`.
pub const NEEDS_DEFAULT: Code = Code("E0705");
const NOT_ROWS: Code = Code("E0710");
const NOT_A_URL: Code = Code("E0711");
const NOT_PRINTED: Code = Code("E0715");

/// Resolves `tree`.
pub(super) fn resolve(
    text: &Text,
    tree: &Tree,
    places: &Places,
    scope: &Scope<'_>,
    start: StartScope,
) -> (Variant, Vec<Diagnostic>) {
    // What every sender serves is known to all of them.
    let served = scope.senders.iter().map(|sender| sender.served.0).reduce(|a, b| a & b).unwrap_or(0);
    let unknown = Unknown { catalogue: scope.catalogue, served: ClassSet(served) };
    let mut resolver =
        Resolver { text, places, scope, start, unknown, rows: Vec::new(), uses: Vec::new(), findings: Vec::new() };
    let slots = resolver.nodes(&tree.nodes);
    (Variant { start, slots, uses: resolver.uses }, resolver.findings)
}

pub(super) struct Resolver<'a> {
    pub text: &'a Text,
    places: &'a Places,
    pub scope: &'a Scope<'a>,
    start: StartScope,
    unknown: Unknown<'a>,
    /// The `each` blocks around, outermost first.
    rows: Vec<Frame>,
    uses: Vec<Use>,
    findings: Vec<Diagnostic>,
}

/// What a bare name means inside an `each`.
#[derive(Clone, Copy)]
enum Frame {
    Event(EventId),
    Feed(usize),
    Element(Type),
}

/// A value with its type.
pub(super) struct Resolved {
    pub formula: Formula,
    pub ty: Type,
    /// May be unknown for some reader.
    pub is_optional: bool,
}

impl Resolved {
    fn new(formula: Formula, ty: Type, is_optional: bool) -> Resolved {
        Resolved { formula, ty, is_optional }
    }
}

impl Resolver<'_> {
    fn nodes(&mut self, nodes: &[Node]) -> Vec<Slot> {
        let mut slots = Vec::new();
        for node in nodes {
            match node {
                Node::Print { number, tag, expression } => {
                    let place = self.places.of(tag.start);
                    if let Some(value) = self.printed(expression, place) {
                        let kind = SlotKind::Print { value, place };
                        slots.push(Slot { number: *number, span: self.text.place(expression.range.clone()), kind });
                    }
                }
                Node::Block(block) => self.block(block, &mut slots),
            }
        }
        slots
    }

    fn printed(&mut self, expression: &Expression, place: Place) -> Option<Formula> {
        let value = self.value(expression, Role::Printed)?;
        let span = self.text.place(expression.range.clone());
        if value.is_optional {
            let name = &self.text.value[expression.range.clone()];
            let inner =
                if matches!(expression.kind, ExpressionKind::Call { .. }) { format!("({name})") } else { name.into() };
            let finding = Diagnostic::new(NEEDS_DEFAULT, span, format!("`{name}` may be unknown and has no `default`"))
                .note("A reader of whom the library does not know it would read a gap.")
                .help(format!("say what to print then: `{{{{default {inner} '…'}}}}`"));
            self.findings.push(finding);
            return None;
        }
        if value.ty == Type::Bool {
            let name = &self.text.value[expression.range.clone()];
            let finding =
                Diagnostic::new(NOT_PRINTED, span, format!("`{name}` is true or false, which nobody wants to read"))
                    .help(format!("choose the words: `{{{{#if {name}}}}}…{{{{else}}}}…{{{{/if}}}}`"));
            self.findings.push(finding);
            return None;
        }
        if place == Place::Destination && value.ty != Type::Url {
            let ty = value.ty.describe(self.scope.catalogue);
            let finding = Diagnostic::new(NOT_A_URL, span, format!("a link needs a URL, and this is of type `{ty}`"))
                .note("A text could hold `javascript:…`.")
                .help("write a field of type `url`, or `{{link 'https://…'}}`");
            self.findings.push(finding);
            return None;
        }
        Some(value.formula)
    }

    fn block(&mut self, block: &Block, slots: &mut Vec<Slot>) {
        let first = &block.branches[0];
        match first.helper.text.as_str() {
            "each" => self.each(block, slots),
            "if" | "unless" => {
                for branch in &block.branches {
                    let span = self.text.place(branch.helper.range.clone());
                    if !matches!(branch.helper.text.as_str(), "if" | "unless") {
                        self.wrong_helper(&branch.helper, "`else` continues with `if` or stands alone");
                    } else if let [argument] = branch.arguments.as_slice() {
                        if let Some(test) = self.condition(argument) {
                            slots.push(Slot { number: branch.number, span, kind: SlotKind::Test(test) });
                        }
                    } else {
                        self.wrong_count(&branch.helper, "one value");
                    }
                    slots.extend(self.nodes(&branch.body));
                }
                slots.extend(self.nodes(&block.otherwise));
            }
            _ => self.wrong_helper(&first.helper, "blocks are `if`, `unless` and `each`"),
        }
    }

    fn each(&mut self, block: &Block, slots: &mut Vec<Slot>) {
        let branch = &block.branches[0];
        if let Some(more) = block.branches.get(1) {
            self.wrong_helper(&more.helper, "after `each` stands a bare `{{else}}`");
        }
        let [argument] = branch.arguments.as_slice() else {
            self.wrong_count(&branch.helper, "what to repeat: `events` or a `pick`");
            return;
        };
        let Some((rows, frame)) = self.rows(argument, Role::Decides) else { return };
        if self.rows.iter().any(|outer| std::mem::discriminant(outer) == std::mem::discriminant(&frame)) {
            let name = &self.text.value[argument.range.clone()];
            let place = self.text.place(argument.range.clone());
            let finding =
                Diagnostic::new(NOT_ROWS, place, format!("`{name}` is repeated inside a repetition of its kind"))
                    .note("A row's fields would no longer say whose they are.")
                    .help("write one `each` after the other");
            self.findings.push(finding);
            return;
        }
        self.rows.push(frame);
        let inner = self.nodes(&branch.body);
        self.rows.pop();
        let span = self.text.place(argument.range.clone());
        slots.push(Slot { number: branch.number, span, kind: SlotKind::Each { over: rows, slots: inner } });
        slots.extend(self.nodes(&block.otherwise));
    }

    /// `events`, a pick or a set.
    fn rows(&mut self, expression: &Expression, role: Role) -> Option<(Rows, Frame)> {
        let span = self.text.place(expression.range.clone());
        if let ExpressionKind::Path(path) = &expression.kind
            && !path.is_data
        {
            if path.words.is_empty() {
                let finding = Diagnostic::new(NOT_ROWS, span, "the reader's record is not a list to repeat")
                    .note("A message prints only what it names; going through all fields would print them all.")
                    .help("name what to repeat: `events` after a start with `together`, a `pick`, or a set such as `interests`");
                self.findings.push(finding);
                return None;
            }
            if let [word] = path.words.as_slice() {
                if word.text == "events" {
                    return self.events(word, role);
                }
                if let Some(index) = self.scope.picks.iter().position(|pick| pick.name.as_str() == word.text) {
                    let pick = &self.scope.picks[index];
                    self.note(Used::Pick(pick.name), pick.classes, role, Type::Bool, &expression.range);
                    return Some((Rows::Pick(index), Frame::Feed(index)));
                }
            }
            let value = self.path(path, &expression.range, role)?;
            if let (Type::Set(element), Formula::Value(expr)) = (value.ty, value.formula) {
                let ty = match element {
                    Element::Enum(id) => Type::Enum(id),
                    Element::Text => Type::Text,
                };
                return Some((Rows::Set(expr), Frame::Element(ty)));
            }
        }
        let name = &self.text.value[expression.range.clone()];
        let finding = Diagnostic::new(NOT_ROWS, span, format!("`{name}` is not a list"))
            .help("`each` and `len` take `events` (after a start with `together`), a `pick`, or a set");
        self.findings.push(finding);
        None
    }

    /// Anything that can be tried: a bool, or whether there is something.
    fn condition(&mut self, expression: &Expression) -> Option<Formula> {
        if let ExpressionKind::Path(Path { up: _, is_data: false, words }) = &expression.kind
            && let [word] = words.as_slice()
        {
            let is_pick = self.scope.picks.iter().any(|pick| pick.name.as_str() == word.text);
            if word.text == "events" || is_pick {
                return self.rows(expression, Role::Decides).map(|(rows, _)| Formula::Length(rows));
            }
        }
        self.value(expression, Role::Decides).map(|value| value.formula)
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, expression: &Expression, role: Role) -> Option<Resolved> {
        match &expression.kind {
            ExpressionKind::Path(path) => self.path(path, &expression.range, role),
            ExpressionKind::Text(text) => Some(Resolved::new(Formula::Text(text.as_str().into()), Type::Text, false)),
            ExpressionKind::Number(number) => Some(Resolved::new(Formula::Number(*number), Type::Int, false)),
            ExpressionKind::Bool(value) => Some(Resolved::new(Formula::Bool(*value), Type::Bool, false)),
            ExpressionKind::Call { helper, arguments } => self.call(helper, arguments, role),
        }
    }

    fn path(&mut self, path: &Path, range: &Range<usize>, role: Role) -> Option<Resolved> {
        if path.is_data {
            return self.data(path, range);
        }
        if path.up > self.rows.len() {
            self.unknown_name(range, "`../` leads out of the message", Some("`../` stands inside `each` only"));
            return None;
        }
        let level = self.rows.len() - path.up;
        let frame = level.checked_sub(1).map(|index| self.rows[index]);
        match frame {
            Some(frame) if path.words.first().is_none_or(|word| word.text != "patron") => {
                self.in_row(frame, path, range, role)
            }
            _ => self.in_message(path, range, role),
        }
    }

    fn data(&mut self, path: &Path, range: &Range<usize>) -> Option<Resolved> {
        let word = path.words.first().map_or("", |word| word.text.as_str());
        let formula = match word {
            "first" if !self.rows.is_empty() => Formula::First,
            "last" if !self.rows.is_empty() => Formula::Last,
            _ => {
                let help = "inside `each`, `@first` and `@last` can be tried with `if` and `unless`";
                self.unknown_name(range, &format!("there is no `@{word}` here"), Some(help));
                return None;
            }
        };
        Some(Resolved::new(formula, Type::Bool, false))
    }

    /// A name inside `each`.
    fn in_row(&mut self, frame: Frame, path: &Path, range: &Range<usize>, role: Role) -> Option<Resolved> {
        if let Frame::Element(ty) = frame {
            if path.words.is_empty() {
                return Some(Resolved::new(Formula::Element(ty), ty, false));
            }
            return self.in_message(path, range, role);
        }
        let Some(first) = path.words.first() else {
            self.unknown_name(range, "`this` is a whole row", Some("name the field to print"));
            return None;
        };
        match frame {
            Frame::Event(event) => {
                if self.is_event_name(event, &first.text) {
                    return self.event_value(event, &path.words, range, role);
                }
            }
            Frame::Feed(index) => {
                let pick = &self.scope.picks[index];
                let feed = &self.scope.catalogue.feeds[pick.feed.index()];
                if let Some(column) = feed.fields.iter().position(|field| field.name.as_str() == first.text) {
                    let field = &feed.fields[column];
                    self.note(Used::Pick(pick.name), pick.classes, role, field.ty, range);
                    self.no_more(&path.words, 1)?;
                    let expr = self.expr(Kind::Read(Read::FeedRow(column as u16)), field.ty, range);
                    return Some(Resolved::new(Formula::Value(expr), field.ty, field.optional));
                }
            }
            Frame::Element(_) => {}
        }
        // What is no field of the row may still be a name of the message, but not a patron's field.
        let is_patron = self.scope.catalogue.fields.iter().any(|field| field.name.as_str() == first.text);
        if is_patron {
            let place = self.text.place(range.clone());
            let name = &first.text;
            let finding = Diagnostic::new(
                UNKNOWN_NAME,
                place,
                format!("`{name}` is the patron's, and inside `each` a bare name is the row's"),
            )
            .help(format!("write `../{name}`"))
            .fix(place, format!("../{}", &self.text.value[range.clone()]));
            self.findings.push(finding);
            return None;
        }
        if self.is_message_name(&first.text) {
            return self.in_message(path, range, role);
        }
        let fields: Vec<&str> = match frame {
            Frame::Event(event) => self.event_names(event),
            Frame::Feed(index) => {
                let feed = &self.scope.catalogue.feeds[self.scope.picks[index].feed.index()];
                feed.fields.iter().map(|field| field.name.as_str()).collect()
            }
            Frame::Element(_) => Vec::new(),
        };
        self.misspelt(first, &fields, "the row has no field");
        None
    }

    /// A name outside `each`, or after `../`.
    fn in_message(&mut self, path: &Path, range: &Range<usize>, role: Role) -> Option<Resolved> {
        let Some(first) = path.words.first() else {
            self.unknown_name(range, "`this` is the whole record of the reader", Some("name the field to print"));
            return None;
        };
        let (first, rest) = match (first.text.as_str(), path.words.get(1)) {
            ("patron", Some(second)) => (second, &path.words[1..]),
            _ => (first, &path.words[..]),
        };
        let catalogue = self.scope.catalogue;
        match first.text.as_str() {
            "event" if std::ptr::eq(first, &path.words[0]) => return self.event(&path.words, range, role),
            "events" => {
                let span = self.text.place(range.clone());
                if self.scope.senders.is_empty() {
                    return None;
                }
                let finding = Diagnostic::new(NOT_ROWS, span, "`events` is a list")
                    .help("write `{{#each events}} … {{/each}}`, or `{{len events}}`");
                self.findings.push(finding);
                return None;
            }
            word => {
                if let Some(built_in) = BuiltIn::ALL.into_iter().find(|name| name.word() == word) {
                    self.no_more(rest, 1)?;
                    return self.built_in(built_in, range, role);
                }
            }
        }
        if let Some(found) = self.scope.lets.iter().find(|found| found.name.as_str() == first.text) {
            self.no_more(rest, 1)?;
            let (value, ty) = (found.value.clone(), found.value.ty);
            let is_optional = self.unknown.may_be(&value);
            self.note(Used::Let(found.name), found.classes, role, ty, range);
            return Some(Resolved::new(Formula::Value(value), ty, is_optional));
        }
        if self.scope.picks.iter().any(|pick| pick.name.as_str() == first.text) {
            let span = self.text.place(range.clone());
            let finding = Diagnostic::new(NOT_ROWS, span, format!("`{}` is a list of rows", first.text))
                .help(format!("write `{{{{#each {}}}}} … {{{{/each}}}}`", first.text));
            self.findings.push(finding);
            return None;
        }
        if let Some(index) = catalogue.fields.iter().position(|field| field.name.as_str() == first.text) {
            self.no_more(rest, 1)?;
            let read = Read::Patron(FieldId(index as u16));
            let field = &catalogue.fields[index];
            let classes = classes_of(field);
            self.public(range)?;
            self.note(Used::Field(FieldId(index as u16)), classes, role, field.ty, range);
            return Some(self.read(read, field.ty, range));
        }
        if let Some(table) = catalogue.tables.iter().position(|table| table.name.as_str() == first.text) {
            let by = catalogue.tables[table].by;
            let Some(key) = catalogue.field_named(by).or_else(|| position(&catalogue.fields, by.as_str())) else {
                let text = format!("the table `{}` is looked up by `{by}`, which is no patron field", first.text);
                self.unknown_name(&first.range, &text, None);
                return None;
            };
            self.public(range)?;
            let classes = classes_of(catalogue.field(key));
            return self.column(table, Read::Patron(key), classes, rest, range, role);
        }
        let mut known: Vec<&str> = catalogue.fields.iter().map(|field| field.name.as_str()).collect();
        known.extend(self.message_names());
        known.extend(catalogue.tables.iter().map(|table| table.name.as_str()));
        self.misspelt(first, &known, "nothing is called");
        None
    }

    /// Published messages name no patron.
    pub(super) fn public(&mut self, range: &Range<usize>) -> Option<()> {
        if self.scope.channel.is_personal() {
            return Some(());
        }
        let channel = self.scope.channel.word();
        let name = &self.text.value[range.clone()];
        let text = format!("`{name}` is a patron's, and `{channel}` is for everybody to read");
        self.unknown_name(range, &text, Some("a published text has `library`, `campaign`, and the rows of a `pick`"));
        None
    }

    fn built_in(&mut self, name: BuiltIn, range: &Range<usize>, role: Role) -> Option<Resolved> {
        let personal = name.is_link() || name == BuiltIn::Why;
        if personal {
            self.public(range)?;
        }
        if name == BuiltIn::Why {
            self.note(Used::Why, ClassSet::EMPTY, role, Type::Text, range);
        }
        let ty = if name.is_link() { Type::Url } else { Type::Text };
        Some(Resolved::new(Formula::Name(name), ty, false))
    }

    fn column(
        &mut self,
        table: usize,
        key: Read,
        classes: ClassSet,
        words: &[Word],
        range: &Range<usize>,
        role: Role,
    ) -> Option<Resolved> {
        let declared = &self.scope.catalogue.tables[table];
        let Some(word) = words.get(1) else {
            let text = format!("`{}` is a whole row of a table", declared.name);
            self.unknown_name(range, &text, Some(&format!("name its column: `{}.COLUMN`", declared.name)));
            return None;
        };
        let Some(column) = declared.fields.iter().position(|field| field.name.as_str() == word.text) else {
            let known: Vec<&str> = declared.fields.iter().map(|field| field.name.as_str()).collect();
            let text = format!("the table `{}` has no column", declared.name);
            self.misspelt(word, &known, &text);
            return None;
        };
        self.no_more(words, 2)?;
        let field = &declared.fields[column];
        self.note(Used::Table, classes.union(classes_of(field)), role, field.ty, range);
        let table = TableId(table as u16);
        Some(self.read(Read::Table { table, key: Box::new(key), column: column as u16 }, field.ty, range))
    }

    fn read(&self, read: Read, ty: Type, range: &Range<usize>) -> Resolved {
        let expr = self.expr(Kind::Read(read), ty, range);
        let is_optional = self.unknown.may_be(&expr);
        Resolved::new(Formula::Value(expr), ty, is_optional)
    }

    fn expr(&self, kind: Kind, ty: Type, range: &Range<usize>) -> Expr {
        Expr { kind, ty, span: self.text.place(range.clone()) }
    }

    fn is_message_name(&self, name: &str) -> bool {
        self.message_names().contains(&name)
            || self.scope.catalogue.tables.iter().any(|table| table.name.as_str() == name)
    }

    fn message_names(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = BuiltIn::ALL.into_iter().map(BuiltIn::word).collect();
        names.extend(self.scope.lets.iter().map(|found| found.name.as_str()));
        names.extend(self.scope.picks.iter().map(|pick| pick.name.as_str()));
        names.push("event");
        names.push("events");
        names
    }

    /// Writes down what is read.
    pub(super) fn note(&mut self, what: Used, classes: ClassSet, role: Role, ty: Type, range: &Range<usize>) {
        let written = self.text.value[range.clone()].into();
        let span = self.text.place(range.clone());
        self.uses.push(Use { what, classes, role, ty, span, written });
    }

    /// `member 'NAME'`.
    pub(super) fn membership(&mut self, argument: &Expression) -> Option<Resolved> {
        let ExpressionKind::Text(name) = &argument.kind else {
            self.unknown_name(
                &argument.range,
                "`member` takes the name of a segment in quotes",
                Some("write `(member 'friends')`"),
            );
            return None;
        };
        let symbol = Symbol::new(name);
        let Some(found) = (self.scope.membership)(symbol) else {
            let known: Vec<&str> = self.scope.groups.iter().map(|group| group.as_str()).collect();
            let word = Word { text: name.clone(), range: argument.range.start + 1..argument.range.end - 1 };
            self.misspelt(&word, &known, "no segment or list is called");
            return None;
        };
        self.public(&argument.range)?;
        self.note(Used::Group(symbol), found.classes, Role::Decides, Type::Bool, &argument.range);
        Some(Resolved::new(Formula::Member(found.condition), Type::Bool, false))
    }

    /// `len X`.
    pub(super) fn length(&mut self, argument: &Expression, role: Role) -> Option<Resolved> {
        let (rows, _) = self.rows(argument, role)?;
        let is_optional = matches!(&rows, Rows::Set(expr) if self.unknown.may_be(expr));
        Some(Resolved::new(Formula::Length(rows), Type::Int, is_optional))
    }

    /// Nothing may follow the first `count` words.
    fn no_more(&mut self, words: &[Word], count: usize) -> Option<()> {
        let Some(more) = words.get(count) else { return Some(()) };
        let text = format!("`{}` has no fields", words[count - 1].text);
        self.unknown_name(&more.range.clone(), &text, None);
        None
    }

    /// Whether everybody reads it.
    pub(super) fn is_published(&self) -> bool {
        !self.scope.channel.is_personal()
    }
}

fn classes_of(field: &Field) -> ClassSet {
    field.private.map_or(ClassSet::EMPTY, |class| ClassSet::EMPTY.with(class))
}

fn position(fields: &[Field], name: &str) -> Option<FieldId> {
    fields.iter().position(|field| field.name.as_str() == name).map(|index| FieldId(index as u16))
}
