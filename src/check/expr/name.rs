//! What a word means: a parameter, a field of the event at hand, a field of the patron; and where to find the rest.

use crate::catalogue::{Channel, EventId, EventKind, Field, FieldId, NameKind, PurposeId, TableId, Type};
use crate::diagnostic::{Code, Diagnostic};
use crate::rule::{EventRead, Expr, Kind, Read};
use crate::symbol::Symbol;
use crate::syntax::ast::{self, CompareOp, ExprKind};

use super::{Context, Scope, literal, peeled};
use crate::check::{lint, suggest};

pub(super) const UNKNOWN_FIELD: Code = Code("E0101");
const UNKNOWN_EVENT: Code = Code("E0102");
pub(super) const UNKNOWN_VALUE: Code = Code("E0105");
const UNKNOWN_TABLE: Code = Code("E0122");
pub(super) const UNKNOWN_NAME: Code = Code("E0107");
const NO_EVENT: Code = Code("E0121");
const BARE_SEGMENT: Code = Code("E0110");
const LIKE_A_FIELD: Code = Code("E0113");
const CONTINUED: Code = Code("E0215");

/// An unknown name, with the one that was meant or those that there are.
pub(in crate::check) fn unknown(
    code: Code,
    name: ast::Name,
    message: &str,
    known: impl IntoIterator<Item = Symbol>,
    they_are: &str,
) -> Diagnostic {
    let known: Vec<Symbol> = known.into_iter().collect();
    let diagnostic = Diagnostic::new(code, name.span, message).label("not known");
    match suggest::nearest(name.symbol.as_str(), known.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")).fix(name.span, meant.to_string()),
        None if known.is_empty() => diagnostic,
        None => diagnostic.help(format!("{they_are} {}", suggest::listed(known))),
    }
}

impl Context<'_> {
    /// A dotted name (of a template, too): `branch`, `event.title`, `patron.branch`, `branch_info.hours`.
    pub fn path(&mut self, path: &[ast::Name], scope: &Scope<'_>) -> Option<Expr> {
        self.named(path, None, scope)
    }

    pub(super) fn named(&mut self, path: &[ast::Name], hint: Option<Type>, scope: &Scope<'_>) -> Option<Expr> {
        let (first, last) = (path.first()?, path.last()?);
        let span = first.span.to(last.span);
        let (read, ty) = match path {
            [name] => {
                if let Some(expr) = self.value_of_hint(*name, hint, scope) {
                    return Some(expr);
                }
                if let Some(argument) = scope.parameter(name.symbol) {
                    self.parameter_or_field(*name, scope)?;
                    return Some(literal(argument.value.clone(), argument.ty, span));
                }
                match self.bare_read(*name, scope) {
                    Some(found) => {
                        if let (Read::Row(_), Some(event)) = (&found.0, scope.row) {
                            lint::name_of_both::check(self, *name, event);
                        }
                        found
                    }
                    None => return self.unknown_word(*name, hint, scope),
                }
            }
            [patron, name] if patron.symbol.as_str() == "patron" => {
                let field = self.field_named(*name)?;
                (Read::Patron(field), self.catalogue.field(field).ty)
            }
            [patron, table, name] if patron.symbol.as_str() == "patron" => {
                let bare = Scope { row: None, feed_row: None, ..*scope };
                self.table_read(*table, *name, None, &bare)?
            }
            [event, name] if event.symbol.as_str() == "event" => {
                let start = self.start_event(*event, scope)?;
                let (read, ty) = self.event_read(start, *name)?;
                (Read::StartEvent(start, read), ty)
            }
            [event, table, name] if event.symbol.as_str() == "event" => {
                let start = self.start_event(*event, scope)?;
                self.table_read(*table, *name, Some(start), scope)?
            }
            [table, name] => self.table_read(*table, *name, None, scope)?,
            [_, _, rest @ ..] => {
                let span = rest.first()?.span.to(last.span);
                return self.fail(
                    Diagnostic::new(UNKNOWN_TABLE, span, "a name has at most three parts: `event.TABLE.FIELD`")
                        .label("too many parts"),
                );
            }
            [] => return None,
        };
        Some(Expr { kind: Kind::Read(read), ty, span })
    }

    /// A parameter is not named like a field, of an event neither where the event is at hand.
    fn parameter_or_field(&mut self, name: ast::Name, scope: &Scope<'_>) -> Option<()> {
        let field = scope.row.and_then(|event| {
            let event = self.catalogue.event(event);
            Some((event.name, event.fields[usize::from(event.field(name.symbol)?)].span?))
        });
        let Some((event, place)) = field else { return Some(()) };
        self.fail(
            Diagnostic::new(
                LIKE_A_FIELD,
                name.span,
                format!("`{}` is a parameter and also a field of `{event}`", name.symbol),
            )
            .label("which of the two is meant?")
            .also(place, format!("the field of `{event}`"))
            .help(format!("call the parameter otherwise, such as `given_{}`", name.symbol)),
        )
    }

    /// A bare name where an enumeration is expected is a value of it first.
    fn value_of_hint(&mut self, name: ast::Name, hint: Option<Type>, scope: &Scope<'_>) -> Option<Expr> {
        let ty = hint?;
        if !matches!(ty, Type::Enum(_) | Type::Name(_)) {
            return None;
        }
        let is_value = self.is_value(name, ty);
        let is_else = scope.parameter(name.symbol).is_some() || self.bare_read(name, scope).is_some();
        if !is_value && is_else {
            return None;
        }
        if is_value && is_else && scope.parameter(name.symbol).is_none() {
            lint::value_like_a_field::check(self, name, ty);
        }
        if !is_value && self.declared.broken.contains(&name.symbol) {
            return None;
        }
        is_value.then(|| self.enum_value(name, ty).map(|value| literal(value, ty, name.span)))?
    }

    /// Whether an enumeration has a value of this name.
    pub(super) fn is_value(&self, name: ast::Name, ty: Type) -> bool {
        match ty {
            Type::Enum(id) => self.catalogue.enumeration(id).values.iter().any(|(value, _)| *value == name.symbol),
            Type::Name(kind) => self.names_of(kind).any(|known| known == name.symbol),
            _ => false,
        }
    }

    /// A field of the row at hand, then of the patron.
    fn bare_read(&self, name: ast::Name, scope: &Scope<'_>) -> Option<(Read, Type)> {
        let patron = self.catalogue.field_named(name.symbol);
        if let Some(event) = scope.row
            && let Some((read, ty)) = event_read(&self.catalogue.events[event.index()], name.symbol)
        {
            return Some((Read::Row(read), ty));
        }
        if let Some(feed) = scope.feed_row {
            let fields = &self.catalogue.feeds[feed.index()].fields;
            if let Some(index) = fields.iter().position(|field| field.name == name.symbol) {
                return Some((Read::FeedRow(index as u16), fields[index].ty));
            }
        }
        patron.map(|field| (Read::Patron(field), self.catalogue.field(field).ty))
    }

    fn unknown_word<T>(&mut self, name: ast::Name, hint: Option<Type>, scope: &Scope<'_>) -> Option<T> {
        let row = scope.row.map(|event| self.catalogue.event(event).name);
        let feed = scope.feed_row.map(|feed| self.catalogue.feeds[feed.index()].name);
        let could_be_unread =
            self.is_incomplete("patron") || row.into_iter().chain(feed).any(|owner| self.is_incomplete(owner.as_str()));
        if could_be_unread || self.declared.broken.contains(&name.symbol) {
            return None;
        }
        let written = name.symbol;
        if self.declared.segments.contains_key(&written) || self.catalogue.list_named(written).is_some() {
            self.used.insert(written);
            let kind = if self.declared.segments.contains_key(&written) { "segment" } else { "list" };
            return self.fail(
                Diagnostic::new(BARE_SEGMENT, name.span, format!("`{written}` is a {kind}, not a field"))
                    .label(format!("inside an expression a {kind} is written with `in`"))
                    .help(format!("write `in {written}`"))
                    .fix(name.span, format!("in {written}")),
            );
        }
        if let Some(Type::Enum(_) | Type::Name(_)) = hint {
            return self.enum_value(name, hint?).and(None);
        }
        if self.catalogue.event_named(written).is_some() {
            return self.fail(
                Diagnostic::new(UNKNOWN_FIELD, name.span, format!("`{written}` is an event, not a field"))
                    .label("an event has no value")
                    .help(format!("ask whether there is one, or how many: `has {written}`, `count({written})`")),
            );
        }
        let mut known: Vec<Symbol> = scope.parameters.iter().map(|argument| argument.name).collect();
        let message = match (scope.row, scope.feed_row) {
            (Some(event), _) => {
                let event = self.catalogue.event(event);
                known.extend(fields_of_event(event));
                format!("neither `{}` nor the patron has a field `{written}`", event.name)
            }
            (_, Some(feed)) => {
                let feed = &self.catalogue.feeds[feed.index()];
                known.extend(feed.fields.iter().map(|field| field.name));
                format!("neither the feed `{}` nor the patron has a field `{written}`", feed.name)
            }
            _ => format!("the patron has no field `{written}`"),
        };
        known.extend(self.catalogue.fields.iter().map(|field| field.name));
        let mut diagnostic = unknown(UNKNOWN_FIELD, name, &message, known, "fields are");
        if diagnostic.fix.is_none() {
            let segments = self.declared.segments.keys().copied();
            let groups = segments.chain(self.catalogue.lists.iter().map(|list| list.name));
            diagnostic.help = match suggest::nearest(written.as_str(), groups) {
                Some(meant) => Some(format!("did you mean the segment or list `{meant}`? Write `in {meant}`")),
                None => Some("declare it in the `patron` block, or see the fields with `bookmobile catalogue`".into()),
            };
        }
        self.fail(diagnostic)
    }

    /// `kind is adult or teen`: the second part is a value of the first part's enumeration.
    pub(super) fn continues_an_enumeration(&mut self, before: &ast::Expr, part: &ast::Expr, scope: &Scope<'_>) -> bool {
        let ExprKind::Path(path) = &peeled(part).kind else { return false };
        let ([name], ExprKind::Compare { op, left, right, .. }) = (path.as_slice(), &peeled(before).kind) else {
            return false;
        };
        if !matches!(op, CompareOp::Is | CompareOp::IsNot | CompareOp::Equal | CompareOp::NotEqual) {
            return false;
        }
        let ExprKind::Path(field) = &peeled(left).kind else { return false };
        let [field] = field.as_slice() else { return false };
        let Some((_, Type::Enum(id))) = self.bare_read(*field, scope) else { return false };
        let has_value = |name: Symbol| self.catalogue.enumeration(id).values.iter().any(|(value, _)| *value == name);
        if !has_value(name.symbol) || scope.parameter(name.symbol).is_some() || self.bare_read(*name, scope).is_some() {
            return false;
        }
        let first = self.sources.snippet(right.span);
        let not = if matches!(op, CompareOp::IsNot | CompareOp::NotEqual) { "is not one of" } else { "is one of" };
        let list = format!("{} {not} ({first}, {})", field.symbol, name.symbol);
        self.report(
            Diagnostic::new(CONTINUED, name.span, format!("`{}` alone is no condition", name.symbol))
                .label(format!("a value of `{}`", field.symbol))
                .note("`or` and `and` join conditions, not values")
                .help(format!("for several values write `{list}`"))
                .fix(before.span.to(part.span), list),
        );
        true
    }

    fn start_event(&mut self, word: ast::Name, scope: &Scope<'_>) -> Option<EventId> {
        let diagnostic = Diagnostic::new(NO_EVENT, word.span, "`event` means nothing here");
        match scope.start_event {
            Some(start) if !start.together => Some(start.event),
            Some(_) => self.fail(
                diagnostic
                    .label("with `together` there are several")
                    .help("name their fields inside `{{#each events}}`, or start without `together`"),
            ),
            None if scope.row.is_some() => self.fail(
                diagnostic
                    .label(match scope.in_campaign {
                        true => "what starts the campaign is not at hand inside this `where`",
                        false => "no campaign started on an event",
                    })
                    .help("inside `where` the event's fields stand alone: write the field without `event.`"),
            ),
            None if scope.in_campaign => self.fail(
                diagnostic
                    .label("this campaign does not start on an event or record")
                    .help("start it so (`start on visit`), or ask the history: `latest(visit).at`"),
            ),
            None => self.fail(
                diagnostic
                    .label("only campaigns start on events")
                    .help("ask the history instead: `latest(EVENT).FIELD`, `has EVENT where (…)`"),
            ),
        }
    }

    /// A field of `event`, `at` and `open` included.
    pub fn event_read(&mut self, event: EventId, name: ast::Name) -> Option<(EventRead, Type)> {
        let declared = &self.catalogue.events[event.index()];
        if let Some(found) = event_read(declared, name.symbol) {
            return Some(found);
        }
        let (owner, known) = (declared.name, fields_of_event(declared).collect::<Vec<_>>());
        if self.declared.broken.contains(&name.symbol) || self.is_incomplete(owner.as_str()) {
            return None;
        }
        let message = format!("`{owner}` has no field `{}`", name.symbol);
        self.fail(unknown(UNKNOWN_FIELD, name, &message, known, "its fields are"))
    }

    /// The field called `name` of `event` (not `at` and `open`), by index.
    pub fn event_field(&mut self, event: EventId, name: ast::Name) -> Option<u16> {
        match self.event_read(event, name)?.0 {
            EventRead::Field(index) => Some(index),
            EventRead::At | EventRead::Open => self.fail(
                Diagnostic::new(
                    UNKNOWN_FIELD,
                    name.span,
                    format!("`{}` is built in and cannot stand here", name.symbol),
                )
                .label("not a declared field"),
            ),
        }
    }

    /// `TABLE.FIELD`: by the key of the event in scope if it has the field, else of the patron.
    fn table_read(
        &mut self,
        table: ast::Name,
        name: ast::Name,
        start: Option<EventId>,
        scope: &Scope<'_>,
    ) -> Option<(Read, Type)> {
        let Some(id) = self.catalogue.table_named(table.symbol) else {
            return self.unknown_table(table, name, scope);
        };
        self.used.insert(table.symbol);
        let declared = &self.catalogue.tables[id.index()];
        let Some(column) = declared.fields.iter().position(|field| field.name == name.symbol) else {
            let known: Vec<Symbol> = declared.fields.iter().map(|field| field.name).collect();
            if self.declared.broken.contains(&name.symbol) || self.is_incomplete(table.symbol.as_str()) {
                return None;
            }
            let message = format!("`{}` has no field `{}`", table.symbol, name.symbol);
            return self.fail(unknown(UNKNOWN_FIELD, name, &message, known, "its fields are"));
        };
        let (by, ty) = (declared.by, declared.fields[column].ty);
        let Some(key) = self.table_key(by, start, scope) else {
            if self.declared.broken.contains(&by) {
                return None;
            }
            return self.fail(
                Diagnostic::new(
                    UNKNOWN_TABLE,
                    table.span,
                    format!("`{}` is looked up by `{by}`, which nothing here has", table.symbol),
                )
                .label(format!("there is no field `{by}`"))
                .help(format!("declare `{by}` as a patron field, or use the table with an event that has it")),
            );
        };
        Some((Read::Table { table: id, key: Box::new(key), column: column as u16 }, ty))
    }

    fn table_key(&self, by: Symbol, start: Option<EventId>, scope: &Scope<'_>) -> Option<Read> {
        let of_event = |id: EventId| self.catalogue.event(id).field(by).map(EventRead::Field);
        if let Some(start) = start
            && let Some(read) = of_event(start)
        {
            return Some(Read::StartEvent(start, read));
        }
        if start.is_none()
            && let Some(read) = scope.row.and_then(of_event)
        {
            return Some(Read::Row(read));
        }
        if let Some(feed) = scope.feed_row {
            let fields = &self.catalogue.feeds[feed.index()].fields;
            if let Some(index) = fields.iter().position(|field| field.name == by) {
                return Some(Read::FeedRow(index as u16));
            }
        }
        self.catalogue.field_named(by).map(Read::Patron)
    }

    fn unknown_table<T>(&mut self, table: ast::Name, name: ast::Name, scope: &Scope<'_>) -> Option<T> {
        if self.declared.broken.contains(&table.symbol) {
            return None;
        }
        let is_value = scope.parameter(table.symbol).is_some() || self.bare_read(table, scope).is_some();
        let diagnostic = if is_value {
            Diagnostic::new(
                UNKNOWN_TABLE,
                table.span.to(name.span),
                format!("`{}` is a value and has no fields", table.symbol),
            )
            .label("only tables, `patron` and `event` have fields")
        } else if self.catalogue.event_named(table.symbol).is_some() {
            Diagnostic::new(
                UNKNOWN_TABLE,
                table.span,
                format!("`{}` is an event, of which there may be many", table.symbol),
            )
            .label("which one?")
            .help(format!("write `latest({}).{}`, or `has {} where (…)`", table.symbol, name.symbol, table.symbol))
        } else {
            let mut known: Vec<Symbol> = self.catalogue.tables.iter().map(|table| table.name).collect();
            known.extend([Symbol::new("patron"), Symbol::new("event")]);
            unknown(UNKNOWN_TABLE, table, &format!("no table is called `{}`", table.symbol), known, "fields stand in")
        };
        self.fail(diagnostic)
    }

    /// The event or record called `name`.
    pub fn event_named(&mut self, name: ast::Name) -> Option<EventId> {
        if let Some(id) = self.catalogue.event_named(name.symbol) {
            self.used.insert(name.symbol);
            return Some(id);
        }
        if self.declared.broken.contains(&name.symbol) {
            return None;
        }
        let known: Vec<Symbol> = self.catalogue.events.iter().map(|event| event.name).collect();
        let message = format!("no event or record is called `{}`", name.symbol);
        let diagnostic = if self.catalogue.field_named(name.symbol).is_some() {
            Diagnostic::new(
                UNKNOWN_EVENT,
                name.span,
                format!("`{}` is a field of the patron, not an event", name.symbol),
            )
            .label("an event or record is wanted")
            .help(format!("test the field itself, such as `{} is known`", name.symbol))
        } else {
            unknown(UNKNOWN_EVENT, name, &message, known, "events and records are")
        };
        self.fail(diagnostic)
    }

    /// The patron field called `name`.
    pub fn field_named(&mut self, name: ast::Name) -> Option<FieldId> {
        let found = self.catalogue.field_named(name.symbol);
        if found.is_some() || self.declared.broken.contains(&name.symbol) || self.is_incomplete("patron") {
            return found;
        }
        let known: Vec<Symbol> = self.catalogue.fields.iter().map(|field| field.name).collect();
        let message = format!("the patron has no field `{}`", name.symbol);
        self.fail(unknown(UNKNOWN_FIELD, name, &message, known, "fields are"))
    }

    /// The field called `name` among `fields` of a table or feed, by index; `owner` is its name.
    pub fn field_among(&mut self, fields: &[Field], owner: Symbol, name: ast::Name) -> Option<u16> {
        if let Some(index) = fields.iter().position(|field| field.name == name.symbol) {
            return Some(index as u16);
        }
        if self.declared.broken.contains(&name.symbol) || self.is_incomplete(owner.as_str()) {
            return None;
        }
        let known = fields.iter().map(|field| field.name);
        let message = format!("`{owner}` has no field `{}`", name.symbol);
        self.fail(unknown(UNKNOWN_FIELD, name, &message, known, "its fields are"))
    }

    /// The purpose called `name`.
    pub fn purpose_named(&mut self, name: ast::Name) -> Option<PurposeId> {
        if let Some(id) = self.catalogue.purpose_named(name.symbol) {
            self.used.insert(name.symbol);
            return Some(id);
        }
        if self.declared.broken.contains(&name.symbol) {
            return None;
        }
        let known: Vec<Symbol> = self.names_of(NameKind::Purpose).collect();
        let message = format!("no purpose is called `{}`", name.symbol);
        self.fail(unknown(UNKNOWN_NAME, name, &message, known, "purposes are"))
    }

    /// The channel called `name`.
    pub fn channel_named(&mut self, name: ast::Name) -> Option<Channel> {
        if let Some(channel) = Channel::from_word(name.symbol.as_str()) {
            return Some(channel);
        }
        let known: Vec<Symbol> = self.names_of(NameKind::Channel).collect();
        let message = format!("no channel is called `{}`", name.symbol);
        self.fail(unknown(UNKNOWN_NAME, name, &message, known, "channels are"))
    }

    /// The table called `name`.
    pub fn table_named(&mut self, name: ast::Name) -> Option<TableId> {
        if let Some(id) = self.catalogue.table_named(name.symbol) {
            self.used.insert(name.symbol);
            return Some(id);
        }
        if self.declared.broken.contains(&name.symbol) {
            return None;
        }
        let known: Vec<Symbol> = self.catalogue.tables.iter().map(|table| table.name).collect();
        let message = format!("no table is called `{}`", name.symbol);
        self.fail(unknown(UNKNOWN_TABLE, name, &message, known, "tables are"))
    }
}

/// What `name` reads of an event or record.
fn event_read(event: &crate::catalogue::Event, name: Symbol) -> Option<(EventRead, Type)> {
    if let Some(index) = event.field(name) {
        return Some((EventRead::Field(index), event.fields[usize::from(index)].ty));
    }
    match (name.as_str(), event.kind) {
        ("at", _) => Some((EventRead::At, Type::Instant)),
        ("open", EventKind::Record { open_until: Some(_), .. }) => Some((EventRead::Open, Type::Bool)),
        _ => None,
    }
}

fn fields_of_event(event: &crate::catalogue::Event) -> impl Iterator<Item = Symbol> + '_ {
    let has_open = matches!(event.kind, EventKind::Record { open_until: Some(_), .. });
    let built_in = [Some(Symbol::new("at")), has_open.then(|| Symbol::new("open"))];
    event.fields.iter().map(|field| field.name).chain(built_in.into_iter().flatten())
}
