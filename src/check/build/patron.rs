//! The patron's fields: the program's, then the built-in ones that it does not declare.

use std::collections::HashSet;

use crate::catalogue::{Field, FieldId, Type};
use crate::check::Context;
use crate::symbol::Symbol;

use super::Items;

impl<'a> Context<'a> {
    pub(super) fn declare_patron(&mut self, items: &Items<'a>) {
        let patron = Symbol::new("patron");
        // A built-in field gives way to an event of the program that has its name.
        let mut taken: HashSet<Symbol> = items.events.iter().map(|event| event.what.name.symbol).collect();
        taken.extend(items.records.iter().map(|record| record.what.name.symbol));
        for declaration in &items.patrons {
            for ast in &declaration.what.fields {
                let is_built_in = self.own(ast.name.span).is_none();
                if self.catalogue.field_named(ast.name.symbol).is_some()
                    || is_built_in && taken.contains(&ast.name.symbol)
                {
                    continue;
                }
                if is_built_in && self.declared.broken.contains(&ast.name.symbol) {
                    continue;
                }
                match self.field(ast, patron) {
                    Some(field) => self.add_field(field),
                    None => {
                        self.declared.broken.insert(ast.name.symbol);
                    }
                }
            }
        }
        let has_card = Symbol::new("has_card");
        if self.catalogue.field_named(has_card).is_none() {
            self.add_field(Field {
                name: has_card,
                ty: Type::Bool,
                optional: false,
                private: None,
                doc: Some(
                    "Whether the person has a library card; visitors and newsletter readers may have none.".into(),
                ),
                span: None,
            });
        }
    }

    fn add_field(&mut self, field: Field) {
        let id = FieldId(self.catalogue.fields.len() as u16);
        self.catalogue.field_index.insert(field.name, id);
        self.catalogue.fields.push(field);
    }
}
