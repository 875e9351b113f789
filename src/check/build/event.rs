//! Events and records.

use crate::catalogue::{Event, EventId, EventKind, Field, Type};
use crate::check::Context;
use crate::check::expr::unknown;
use crate::diagnostic::{Code, Diagnostic};
use crate::symbol::Symbol;
use crate::syntax::ast;
use crate::time::Duration;

use super::Items;

const UNKNOWN_FIELD: Code = Code("E0101");
const NO_INSTANT: Code = Code("E0117");
const CLAUSE_TWICE: Code = Code("E0135");

/// How long a closed record is kept for a patron without what its class requires.
const KEEP: Duration = Duration { count: 7, unit: crate::time::Unit::Day };

impl<'a> Context<'a> {
    pub(super) fn declare_events(&mut self, items: &Items<'a>) {
        for declaration in &items.events {
            let ast = declaration.what;
            if self.gives_way(ast.name, ast.private) {
                continue;
            }
            let private = ast.private.and_then(|class| self.class_named(class, ast.name.symbol));
            let fields = self.fields(&ast.fields, ast.name.symbol, &["at"]);
            self.add_event(ast.name, EventKind::Event, private, fields, declaration.item.doc.clone());
        }
        for declaration in &items.records {
            let ast = declaration.what;
            if self.gives_way(ast.name, ast.private) {
                continue;
            }
            let private = ast.private.and_then(|class| self.class_named(class, ast.name.symbol));
            let built_in: &[&str] = if ast.open_until.is_empty() { &["at"] } else { &["at", "open"] };
            let fields = self.fields(&ast.fields, ast.name.symbol, built_in);
            let open_until = self.open_until(ast, &fields);
            let keep = self.keep(ast);
            let kind = EventKind::Record { open_until, keep };
            self.add_event(ast.name, kind, private, fields, declaration.item.doc.clone());
        }
    }

    /// A built-in event gives way to a patron field of the program that has its name. Without its privacy class, for
    /// which the program left no room, there is none either.
    fn gives_way(&self, name: ast::Name, private: Option<ast::Name>) -> bool {
        let has_class = |class: ast::Name| self.catalogue.classes.iter().any(|known| known.name == class.symbol);
        let is_taken = self.catalogue.field_named(name.symbol).is_some();
        self.own(name.span).is_none() && (is_taken || !private.is_none_or(has_class))
    }

    fn add_event(
        &mut self,
        name: ast::Name,
        kind: EventKind,
        private: Option<crate::catalogue::ClassId>,
        fields: Vec<Field>,
        doc: Option<std::sync::Arc<str>>,
    ) {
        let id = EventId(self.catalogue.events.len() as u16);
        let span = self.own(name.span);
        self.catalogue.event_index.insert(name.symbol, id);
        self.catalogue.events.push(Event { name: name.symbol, kind, private, fields, doc, span });
    }

    fn open_until(&mut self, ast: &ast::RecordDecl, fields: &[Field]) -> Option<u16> {
        let (first, rest) = ast.open_until.split_first()?;
        if let Some(again) = rest.first() {
            self.report(
                Diagnostic::new(CLAUSE_TWICE, again.span, "`open until` is written twice")
                    .label("again here")
                    .also(first.span, "first here")
                    .help("a record is open until one field; keep that one"),
            );
        }
        let Some(index) = fields.iter().position(|field| field.name == first.symbol) else {
            if !self.declared.broken.contains(&first.symbol) && !self.is_incomplete(ast.name.symbol.as_str()) {
                let known: Vec<Symbol> = fields.iter().map(|field| field.name).collect();
                let message = format!("`{}` has no field `{}`", ast.name.symbol, first.symbol);
                self.report(unknown(UNKNOWN_FIELD, *first, &message, known, "its fields are"));
            }
            return None;
        };
        let field = &fields[index];
        if matches!(field.ty, Type::Instant | Type::Date) {
            return Some(index as u16);
        }
        let found = self.describe(field.ty);
        let mut diagnostic = Diagnostic::new(
            NO_INSTANT,
            first.span,
            format!("a record is open until an instant or a date, and `{}` is {found}", first.symbol),
        )
        .label(format!("{found}, not an instant"))
        .help("name the field that says when the record was closed");
        if let Some(span) = field.span {
            diagnostic = diagnostic.also(span, "declared here");
        }
        self.fail(diagnostic)
    }

    fn keep(&mut self, ast: &ast::RecordDecl) -> Duration {
        if let [first, again, ..] = ast.keep.as_slice() {
            self.report(
                Diagnostic::new(CLAUSE_TWICE, again.span, "`keep` is written twice")
                    .label("again here")
                    .also(first.span, "first here")
                    .help("remove one of the two"),
            );
        }
        ast.keep.first().and_then(|keep| self.written_duration(keep)).unwrap_or(KEEP)
    }
}
