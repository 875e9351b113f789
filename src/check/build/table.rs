//! Tables, lists and feeds.

use crate::catalogue::{Feed, List, Table};
use crate::check::Context;
use crate::check::expr::unknown;
use crate::diagnostic::Code;
use crate::symbol::Symbol;

use super::Items;

const NO_KEY: Code = Code("E0118");

impl<'a> Context<'a> {
    pub(super) fn declare_tables(&mut self, items: &Items<'a>) {
        for declaration in &items.tables {
            let ast = declaration.what;
            let fields = self.fields(&ast.fields, ast.name.symbol, &[]);
            let by = ast.by;
            let of_patron = self.catalogue.field_named(by.symbol).is_some();
            let of_event = self.catalogue.events.iter().any(|event| event.field(by.symbol).is_some());
            let unread = self.declared.broken.contains(&by.symbol) || self.is_incomplete("patron");
            if !of_patron && !of_event && !unread {
                let events = self.catalogue.events.iter().flat_map(|event| event.fields.iter());
                let known: Vec<Symbol> = self.catalogue.fields.iter().chain(events).map(|field| field.name).collect();
                let message = format!(
                    "`{}` is looked up by `{}`, which neither the patron nor an event has",
                    ast.name.symbol, by.symbol
                );
                self.report(unknown(NO_KEY, by, &message, known, "fields are"));
                self.declared.broken.insert(by.symbol);
            }
            let span = self.own(ast.name.span);
            self.catalogue.tables.push(Table { name: ast.name.symbol, by: by.symbol, fields, span });
        }
    }

    pub(super) fn declare_lists(&mut self, items: &Items<'a>) {
        for declaration in &items.lists {
            let ast = declaration.what;
            let label = self.checked_label(ast.label.as_ref());
            let span = self.own(ast.name.span);
            self.catalogue.lists.push(List { name: ast.name.symbol, label, doc: declaration.item.doc.clone(), span });
        }
    }

    pub(super) fn declare_feeds(&mut self, items: &Items<'a>) {
        for declaration in &items.feeds {
            let ast = declaration.what;
            let fields = self.fields(&ast.fields, ast.name.symbol, &[]);
            let span = self.own(ast.name.span);
            self.catalogue.feeds.push(Feed { name: ast.name.symbol, fields, span });
        }
    }
}
