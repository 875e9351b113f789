//! Fixtures: patrons, events, records, rows, and what changes them.

use crate::catalogue::{Channel, EventId, Field, ListId, PurposeId, TableId, Type};
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Assignment, Statement};
use crate::symbol::Symbol;
use crate::syntax::ast;

use super::Checker;
use crate::check::expr::unknown;

const UNKNOWN_FIELD: Code = Code("E0603");
const REQUIRED: Code = Code("E0608");
const WRONG_KIND: Code = Code("E0609");
const UNKNOWN_ROW: Code = Code("E0610");
const NO_CONSENT: Code = Code("E0611");

impl Checker<'_, '_> {
    pub(super) fn patron(
        &mut self,
        person: ast::Name,
        like: Option<ast::Name>,
        from: Option<&ast::When>,
        fields: &[ast::Assignment],
    ) -> Option<Statement> {
        self.introduce(person);
        let like = like.map_or(Some(None), |like| self.person(like).map(Some));
        let declared = self.context.catalogue.fields.clone();
        let fields = self.fields(fields, &declared, "the patron");
        let from = from.map(|from| self.instant(from));
        // Known also when its fixture is wrong: the mistake has been told.
        self.people.entry(person.symbol).or_insert(person.span);
        Some(Statement::Patron { person: person.symbol, like: like?, from, fields: fields? })
    }

    pub(super) fn event(
        &mut self,
        event: ast::Name,
        person: ast::Name,
        on: &ast::When,
        fields: &[ast::Assignment],
    ) -> Option<Statement> {
        let person = self.person(person);
        let id = self.context.event_named(event)?;
        let declared = self.context.catalogue.event(id).clone();
        if declared.is_record() {
            self.context.report(
                Diagnostic::new(
                    WRONG_KIND,
                    event.span,
                    format!("`{}` is a record: it has a key, and may change", event.symbol),
                )
                .label("not an event")
                .help(format!("write `record {} KEY of …`", event.symbol)),
            );
            return None;
        }
        let fields = self.fields(fields, &declared.fields, &format!("the event `{}`", declared.name));
        Some(Statement::Event { event: id, person: person?, on: self.instant(on), fields: fields? })
    }

    pub(super) fn record(
        &mut self,
        record: ast::Name,
        key: ast::Name,
        person: ast::Name,
        on: &ast::When,
        fields: &[ast::Assignment],
    ) -> Option<Statement> {
        self.introduce(key);
        let person = self.person(person);
        let Some(id) = self.context.event_named(record) else {
            self.wrong.push(key.symbol);
            return None;
        };
        let declared = self.context.catalogue.event(id).clone();
        if !declared.is_record() {
            self.wrong.push(key.symbol);
            self.context.report(
                Diagnostic::new(
                    WRONG_KIND,
                    record.span,
                    format!("`{}` is an event: it happened once, and has no key", record.symbol),
                )
                .label("not a record")
                .help(format!("write `event {} of …`", record.symbol)),
            );
            return None;
        }
        self.keys.entry(key.symbol).or_insert((id, key.span));
        let fields = self.fields(fields, &declared.fields, &format!("the record `{}`", declared.name));
        Some(Statement::Record { record: id, key: key.symbol, person: person?, on: self.instant(on), fields: fields? })
    }

    pub(super) fn change(&mut self, what: ast::Name, on: &ast::When, fields: &[ast::Assignment]) -> Option<Statement> {
        if let Some((record, _)) = self.keys.get(&what.symbol) {
            let record: EventId = *record;
            let declared = self.context.catalogue.event(record).clone();
            let fields = self.fields(fields, &declared.fields, &format!("the record `{}`", declared.name));
            return Some(Statement::ChangeRecord { record, key: what.symbol, on: self.instant(on), fields: fields? });
        }
        let person = self.person(what);
        let declared = self.context.catalogue.fields.clone();
        let fields = match person {
            Some(_) => self.fields(fields, &declared, "the patron"),
            None => None,
        };
        Some(Statement::ChangePatron { person: person?, on: self.instant(on), fields: fields? })
    }

    /// `row` of a reference table.
    pub(super) fn table_row(
        &mut self,
        table: ast::Name,
        key: &ast::Expr,
        fields: &[ast::Assignment],
    ) -> Option<Statement> {
        let Some(id) = self.context.catalogue.table_named(table.symbol) else {
            self.unknown_row(table);
            return None;
        };
        self.context.used.insert(table.symbol);
        let declared = self.context.catalogue.tables[id.index()].clone();
        let key = self.key_type(id).and_then(|ty| self.context.constant(key, ty));
        let fields = self.fields(fields, &declared.fields, &format!("the table `{}`", declared.name));
        Some(Statement::TableRow { table: id, key: key?, fields: fields? })
    }

    /// The type of the field that holds the key.
    fn key_type(&self, table: TableId) -> Option<Type> {
        let catalogue = &self.context.catalogue;
        let by = catalogue.tables[table.index()].by;
        let of_events = || {
            catalogue.events.iter().find_map(|event| event.field(by).map(|index| event.fields[usize::from(index)].ty))
        };
        catalogue.field_named(by).map(|field| catalogue.field(field).ty).or_else(of_events)
    }

    /// `row` of a feed.
    pub(super) fn feed_row(&mut self, feed: ast::Name, fields: &[ast::Assignment]) -> Option<Statement> {
        let Some(id) = self.context.catalogue.feed_named(feed.symbol) else {
            if let Some(table) = self.context.catalogue.table_named(feed.symbol) {
                let by = self.context.catalogue.tables[table.index()].by;
                self.context.report(
                    Diagnostic::new(
                        UNKNOWN_ROW,
                        feed.span,
                        format!("a row of the table `{}` needs its key", feed.symbol),
                    )
                    .label(format!("of which `{by}`?"))
                    .help(format!("write the value of `{by}` after `{}`", feed.symbol)),
                );
            } else {
                self.unknown_row(feed);
            }
            return None;
        };
        self.context.used.insert(feed.symbol);
        let declared = self.context.catalogue.feeds[id.index()].clone();
        let fields = self.fields(fields, &declared.fields, &format!("the feed `{}`", declared.name));
        Some(Statement::FeedRow { feed: id, fields: fields? })
    }

    fn unknown_row(&mut self, name: ast::Name) {
        if self.context.declared.broken.contains(&name.symbol) {
            return;
        }
        let catalogue = &self.context.catalogue;
        let tables = catalogue.tables.iter().map(|table| table.name);
        let known: Vec<Symbol> = tables.chain(catalogue.feeds.iter().map(|feed| feed.name)).collect();
        let message = format!("there is no table or feed `{}`", name.symbol);
        self.context.report(unknown(UNKNOWN_ROW, name, &message, known, "tables and feeds are"));
    }

    /// The purpose and channel of a consent.
    pub(super) fn consent(&mut self, purpose: ast::Name, channel: ast::Name) -> (Option<PurposeId>, Option<Channel>) {
        let channel = self.context.channel_named(channel);
        let found = self.context.purpose_named(purpose);
        if let Some(id) = found
            && !self.context.catalogue.purpose(id).needs_consent
        {
            self.context.report(
                Diagnostic::new(NO_CONSENT, purpose.span, format!("`{}` is a purpose without consent", purpose.symbol))
                    .label("needs none")
                    .help("take the statement away, or name a purpose that needs consent"),
            );
            return (None, channel);
        }
        (found, channel)
    }

    pub(super) fn list(&mut self, name: ast::Name) -> Option<ListId> {
        let found = self.context.catalogue.list_named(name.symbol);
        if found.is_some() {
            self.context.used.insert(name.symbol);
            return found;
        }
        if self.context.declared.broken.contains(&name.symbol) {
            return None;
        }
        let known: Vec<Symbol> = self.context.catalogue.lists.iter().map(|list| list.name).collect();
        let message = format!("there is no list `{}`", name.symbol);
        let mut diagnostic = unknown(UNKNOWN_ROW, name, &message, known, "lists are");
        if self.context.declared.segments.contains_key(&name.symbol) {
            diagnostic.help = Some(format!("`{}` is a segment: who is in it follows from its rule", name.symbol));
            diagnostic.fix = None;
        }
        self.context.report(diagnostic);
        None
    }

    /// The values of a fixture; all are checked, also when one is wrong.
    fn fields(&mut self, given: &[ast::Assignment], declared: &[Field], of: &str) -> Option<Vec<Assignment>> {
        let mut checked: Vec<Assignment> = Vec::new();
        let mut whole = true;
        for (at, assignment) in given.iter().enumerate() {
            let name = assignment.field;
            if let Some(first) = given[..at].iter().find(|first| first.field.symbol == name.symbol) {
                self.context.report(
                    Diagnostic::new(super::TWICE, name.span, format!("`{}` has two values", name.symbol))
                        .label("again")
                        .also(first.span, "the first value")
                        .help("keep one of the two"),
                );
                whole = false;
                continue;
            }
            let Some(index) = declared.iter().position(|field| field.name == name.symbol) else {
                self.unknown_field(name, declared, of);
                whole = false;
                continue;
            };
            let field = &declared[index];
            let value = match &assignment.value {
                None if !field.optional => {
                    self.context.report(
                        Diagnostic::new(REQUIRED, assignment.span, format!("`{}` is never unknown", name.symbol))
                            .label("a required field")
                            .help(format!(
                                "leave it out or give it a value, or declare it `{} … optional`",
                                name.symbol
                            )),
                    );
                    None
                }
                None => Some(None),
                Some(value) => self.context.constant(value, field.ty).map(Some),
            };
            match value {
                Some(value) => checked.push(Assignment { field: index as u16, value }),
                None => whole = false,
            }
        }
        whole.then_some(checked)
    }

    fn unknown_field(&mut self, name: ast::Name, declared: &[Field], of: &str) {
        let message = format!("{of} has no field `{}`", name.symbol);
        let known = declared.iter().map(|field| field.name);
        let mut diagnostic = unknown(UNKNOWN_FIELD, name, &message, known, "its fields are");
        if matches!(name.symbol.as_str(), "at" | "open") {
            diagnostic.fix = None;
            diagnostic.help = Some(match name.symbol.as_str() {
                "at" => "its instant stands after `on`".to_owned(),
                _ => "whether it is open follows from its field after `open until`".to_owned(),
            });
        }
        self.context.report(diagnostic);
    }
}
