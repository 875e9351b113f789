//! A catalogue as declarations of the language, built-in ones included: what `bookmobile catalogue` shows.
//!
//! The engine's own events are left out, since no program may declare them.

use std::fmt::Write;

use super::{
    Catalogue, ClassId, Contact, Element, Enum, Event, EventKind, Field, FieldId, Label, Question, QuestionKind, Type,
};
use crate::symbol::Symbol;

/// The whole catalogue, grouped as in section 4 of the reference.
pub fn print(catalogue: &Catalogue) -> String {
    let mut printer = Printer { catalogue, out: String::new() };
    printer.purposes();
    printer.classes();
    printer.enums();
    printer.block("patron", &catalogue.fields);
    printer.contact(&catalogue.contact);
    for event in catalogue.events.iter().filter(|event| event.kind != EventKind::Engine) {
        printer.event(event);
    }
    for table in &catalogue.tables {
        printer.block(&format!("table {} by {}", table.name, table.by), &table.fields);
    }
    for list in &catalogue.lists {
        let label = printer.label(list.label.as_ref());
        printer.line(&format!("list {}{label}\n", list.name));
    }
    for feed in &catalogue.feeds {
        printer.block(&format!("feed {}", feed.name), &feed.fields);
    }
    for survey in &catalogue.surveys {
        let label = printer.label(survey.label.as_ref());
        printer.line(&format!("survey {}{label} {{", survey.name));
        for question in &survey.questions {
            printer.question(question);
        }
        printer.line("}\n");
    }
    printer.out
}

struct Printer<'a> {
    catalogue: &'a Catalogue,
    out: String,
}

impl Printer<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn label(&self, label: Option<&Label>) -> String {
        let Some(label) = label else { return String::new() };
        let mut text = format!(" {}", quoted(&label.text));
        if !label.translations.is_empty() {
            let others: Vec<String> =
                label.translations.iter().map(|(language, text)| format!("{language} {}", quoted(text))).collect();
            write!(text, " ({})", others.join(" ")).expect("writing to a string cannot fail");
        }
        text
    }

    fn purposes(&mut self) {
        for purpose in &self.catalogue.purposes {
            let label = self.label(purpose.label.as_ref());
            let consent = if purpose.needs_consent { " consent" } else { " without consent" };
            let ends = purpose.expires_after.map_or_else(String::new, |after| format!(" expires after {after}"));
            self.line(&format!("purpose {}{label}{consent}{ends}", purpose.name));
        }
        self.line("");
    }

    fn classes(&mut self) {
        for class in &self.catalogue.classes {
            let label = self.label(class.label.as_ref());
            self.line(&format!("privacy {}{label} {{", class.name));
            if let Some(field) = class.requires {
                self.line(&format!("  requires {}", self.field_name(field)));
            }
            if !class.open_records_serve.is_empty() {
                self.line(&format!("  open records serve {}", self.purpose_names(&class.open_records_serve)));
            }
            if let Some(purposes) = &class.only_for {
                self.line(&format!("  only for {}", self.purpose_names(purposes)));
            }
            self.line("}\n");
        }
    }

    fn enums(&mut self) {
        let named = |found: &&Enum| found.name.is_some();
        for found in self.catalogue.enums.iter().filter(named) {
            let name = found.name.expect("filtered");
            let values: Vec<String> = found
                .values
                .iter()
                .map(|(value, label)| format!("{}{}", enum_value(*value), self.label(label.as_ref())))
                .collect();
            self.line(&format!("enum {name} {{ {} }}\n", values.join(", ")));
        }
    }

    fn block(&mut self, head: &str, fields: &[Field]) {
        self.line(&format!("{head} {{"));
        for field in fields.iter().filter(|field| field.name.as_str() != "has_card") {
            self.field(field);
        }
        self.line("}\n");
    }

    fn field(&mut self, field: &Field) {
        let optional = if field.optional { " optional" } else { "" };
        let private = self.private(field.private);
        self.line(&format!("  {} {}{optional}{private}", field.name, self.type_text(field.ty)));
    }

    fn private(&self, class: Option<ClassId>) -> String {
        class.map_or_else(String::new, |class| format!(" private {}", self.catalogue.class(class).name))
    }

    fn type_text(&self, ty: Type) -> String {
        match ty {
            Type::Enum(id) => self.enum_type(self.catalogue.enumeration(id)),
            Type::Set(Element::Enum(id)) => format!("set of {}", self.enum_type(self.catalogue.enumeration(id))),
            other => other.describe(self.catalogue),
        }
    }

    fn enum_type(&self, found: &Enum) -> String {
        found.name.map_or_else(|| one_of(found), |name| name.to_string())
    }

    fn contact(&mut self, contact: &Contact) {
        let one = |field: Option<FieldId>| field.map(|field| self.field_name(field).to_string());
        let print: Vec<&str> = contact.print.iter().map(|&field| self.field_name(field).as_str()).collect();
        let entries = [
            ("email", one(contact.email)),
            ("sms", one(contact.sms)),
            ("print", (!print.is_empty()).then(|| print.join(", "))),
            ("language", one(contact.language)),
            ("birth", one(contact.birth)),
            ("guardian", one(contact.guardian)),
        ];
        self.line("contact {");
        for (what, fields) in entries {
            if let Some(fields) = fields {
                self.line(&format!("  {what} {fields}"));
            }
        }
        self.line("}\n");
    }

    fn event(&mut self, event: &Event) {
        let word = if event.is_record() { "record" } else { "event" };
        self.line(&format!("{word} {}{} {{", event.name, self.private(event.private)));
        for field in &event.fields {
            self.field(field);
        }
        if let EventKind::Record { open_until, keep } = event.kind {
            if let Some(index) = open_until {
                self.line(&format!("  open until {}", event.fields[usize::from(index)].name));
            }
            self.line(&format!("  keep {keep}"));
        }
        self.line("}\n");
    }

    fn question(&mut self, question: &Question) {
        let kind = match question.kind {
            QuestionKind::Scale { from, to } => format!("scale {from} to {to}"),
            QuestionKind::Text => "text".to_owned(),
            QuestionKind::OneOf(id) => one_of(self.catalogue.enumeration(id)),
        };
        let label = self.label(question.label.as_ref());
        self.line(&format!("  question {}{label} {kind}", question.name));
    }

    fn field_name(&self, field: FieldId) -> Symbol {
        self.catalogue.field(field).name
    }

    fn purpose_names(&self, purposes: &[super::PurposeId]) -> String {
        let names: Vec<&str> = purposes.iter().map(|&id| self.catalogue.purpose(id).name.as_str()).collect();
        names.join(", ")
    }
}

fn one_of(found: &Enum) -> String {
    let values: Vec<String> = found.values.iter().map(|(value, _)| enum_value(*value)).collect();
    format!("one of {}", values.join(", "))
}

/// An identifier as it is, anything else as a text that spells it.
fn enum_value(value: Symbol) -> String {
    let text = value.as_str();
    let is_name = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_name { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t"))
}
