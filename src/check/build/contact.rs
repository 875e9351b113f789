//! The `contact` block: which field is the address of what. Fields with the names of section 4 need no entry.

use crate::catalogue::{FieldId, Type};
use crate::check::Context;
use crate::check::expr::unknown;
use crate::diagnostic::{Code, Diagnostic};
use crate::symbol::Symbol;
use crate::syntax::ast;

use super::Items;

const UNKNOWN_ENTRY: Code = Code("E0137");
const TWICE: Code = Code("E0130");
const WRONG_TYPE: Code = Code("E0138");

/// Entries, and the fields that they mean without being written.
const ENTRIES: [(&str, &[&str]); 6] = [
    ("email", &["email"]),
    ("sms", &["phone"]),
    ("print", &["street", "city", "postal_zone"]),
    ("language", &["language"]),
    ("birth", &["birth_date"]),
    ("guardian", &["guardian_email"]),
];

impl<'a> Context<'a> {
    pub(super) fn resolve_contact(&mut self, items: &Items<'a>) {
        let mut written: Vec<ast::Name> = Vec::new();
        for entry in items.contacts.iter().flat_map(|contact| &contact.what.entries) {
            if let Some(first) = written.iter().find(|first| first.symbol == entry.what.symbol) {
                self.report(
                    Diagnostic::new(
                        TWICE,
                        entry.what.span,
                        format!("`{}` is written twice in `contact`", entry.what.symbol),
                    )
                    .label("again here")
                    .also(first.span, "first here")
                    .help("remove one of the two"),
                );
                continue;
            }
            written.push(entry.what);
            let word = entry.what.symbol.as_str();
            if !ENTRIES.iter().any(|(known, _)| *known == word) {
                let known = ENTRIES.iter().map(|(known, _)| Symbol::new(known));
                let message = format!("`contact` knows no `{word}`");
                self.report(unknown(UNKNOWN_ENTRY, entry.what, &message, known, "it knows"));
                continue;
            }
            let mut fields = Vec::new();
            for name in &entry.fields {
                let Some(field) = self.field_named(*name) else { continue };
                if self.fits(word, field) {
                    fields.push(field);
                } else {
                    self.report_wrong_type(word, *name, field);
                }
            }
            self.set_contact(word, &fields);
        }
        for (word, names) in ENTRIES {
            if written.iter().any(|entry| entry.symbol.as_str() == word) {
                continue;
            }
            let fields: Vec<FieldId> =
                names.iter().filter_map(|name| self.catalogue.field_named(Symbol::new(name))).collect();
            if fields.len() == names.len() && fields.iter().all(|&field| self.fits(word, field)) {
                self.set_contact(word, &fields);
            }
        }
    }

    fn fits(&self, word: &str, field: FieldId) -> bool {
        let ty = self.catalogue.field(field).ty;
        match word {
            "email" | "guardian" => ty == Type::Email,
            "sms" => ty == Type::Phone,
            "birth" => ty == Type::Date,
            "language" => matches!(ty, Type::Enum(_) | Type::Text),
            _ => true,
        }
    }

    fn report_wrong_type(&mut self, word: &str, name: ast::Name, field: FieldId) {
        let wanted = match word {
            "sms" => "phone",
            "birth" => "date",
            "language" => "one of the library's languages, or text",
            _ => "email",
        };
        let found = self.describe(self.catalogue.field(field).ty);
        let mut diagnostic = Diagnostic::new(
            WRONG_TYPE,
            name.span,
            format!("`{}` is {found}; `{word}` takes a field of type {wanted}", name.symbol),
        )
        .label(found);
        if let Some(span) = self.catalogue.field(field).span {
            diagnostic = diagnostic.also(span, "declared here");
        }
        self.report(diagnostic);
    }

    fn set_contact(&mut self, word: &str, fields: &[FieldId]) {
        let contact = &mut self.catalogue.contact;
        match word {
            "email" => contact.email = fields.first().copied(),
            "sms" => contact.sms = fields.first().copied(),
            "print" => contact.print = fields.to_vec(),
            "language" => contact.language = fields.first().copied(),
            "birth" => contact.birth = fields.first().copied(),
            _ => contact.guardian = fields.first().copied(),
        }
    }
}
