//! Types by name, anonymous enumerations, and fields.

use crate::catalogue::{Element, Enum, EnumId, Field, Type};
use crate::check::Context;
use crate::check::expr::unknown;
use crate::diagnostic::{Code, Diagnostic};
use crate::symbol::Symbol;
use crate::syntax::ast::{self, TypeKind};

use super::Items;

const UNKNOWN_TYPE: Code = Code("E0104");
const VALUE_TWICE: Code = Code("E0132");
const NO_TYPE: Code = Code("E0133");
const UNKNOWN_CLASS: Code = Code("E0106");

impl<'a> Context<'a> {
    pub(super) fn declare_enums(&mut self, items: &Items<'a>) {
        for declaration in &items.enums {
            let values = self.enum_values(&declaration.what.values);
            let id = EnumId(self.catalogue.enums.len() as u16);
            self.catalogue.enums.push(Enum {
                name: Some(declaration.what.name.symbol),
                values,
                span: self.own(declaration.what.name.span),
            });
            self.enums.insert(declaration.what.name.symbol, id);
        }
    }

    fn enum_values(&mut self, values: &[ast::EnumValue]) -> Vec<(Symbol, Option<crate::catalogue::Label>)> {
        let mut seen: std::collections::HashMap<Symbol, crate::diagnostic::Span> = std::collections::HashMap::new();
        let mut kept = Vec::with_capacity(values.len());
        for value in values {
            let label = self.checked_label(value.label.as_ref());
            match seen.get(&value.value) {
                Some(&first) => self.report(
                    Diagnostic::new(VALUE_TWICE, value.span, format!("the value `{}` is written twice", value.value))
                        .label("again here")
                        .also(first, "first here")
                        .help("remove one of the two"),
                ),
                None => {
                    seen.insert(value.value, value.span);
                    kept.push((value.value, label));
                }
            }
        }
        kept
    }

    /// The enumeration `one of a, b`; two with the same values in the same order are one.
    pub(super) fn anonymous_enum(&mut self, values: &[ast::EnumValue]) -> EnumId {
        let values = self.enum_values(values);
        let key: Vec<Symbol> = values.iter().map(|(value, _)| *value).collect();
        let has_labels = values.iter().any(|(_, label)| label.is_some());
        if let Some(&id) = self.anonymous.get(&key)
            && !has_labels
        {
            return id;
        }
        let id = EnumId(self.catalogue.enums.len() as u16);
        self.catalogue.enums.push(Enum { name: None, values, span: None });
        self.anonymous.entry(key).or_insert(id);
        id
    }

    /// The type that is written; `None` if it has been reported.
    pub(in crate::check) fn resolved_type(&mut self, ast: &ast::TypeExpr, of: Option<Symbol>) -> Option<Type> {
        match &ast.kind {
            TypeKind::OneOf(values) => Some(Type::Enum(self.anonymous_enum(values))),
            TypeKind::SetOf(element) => match self.resolved_type(element, of)? {
                Type::Enum(id) => Some(Type::Set(Element::Enum(id))),
                Type::Text => Some(Type::Set(Element::Text)),
                other => {
                    let found = self.describe(other);
                    self.fail(
                        Diagnostic::new(
                            NO_TYPE,
                            element.span,
                            format!("a set holds values of an enumeration or texts, not {found}"),
                        )
                        .label("cannot be in a set")
                        .help("write `set of text`, `set of one of a, b` or `set of ENUM`"),
                    )
                }
            },
            TypeKind::Named(name) => {
                if let Some(&id) = self.enums.get(&name.symbol) {
                    self.used.insert(name.symbol);
                    return Some(Type::Enum(id));
                }
                let built_in = built_in_type(name.symbol.as_str());
                if let (Some(Type::Duration), Some(field)) = (built_in, of) {
                    return self.fail(
                        Diagnostic::new(NO_TYPE, name.span, format!("the field `{field}` cannot be a duration"))
                            .label("only parameters are durations")
                            .help("count in a unit: `notice_days int`, and write `notice_days days` where it is used"),
                    );
                }
                if built_in.is_some() {
                    return built_in;
                }
                let known = TYPES.iter().map(|(word, _)| Symbol::new(word)).chain(self.enums.keys().copied());
                let known: Vec<Symbol> = known.collect();
                let message = format!("no type or enum is called `{}`", name.symbol);
                self.fail(unknown(UNKNOWN_TYPE, *name, &message, known, "types are"))
            }
        }
    }

    /// The fields of a declaration; `owner` speaks of it. Fields whose type is unknown are left out, and so that
    /// nothing follows from it the owner counts as incomplete.
    pub(super) fn fields(&mut self, ast: &[ast::Field], owner: Symbol, built_in: &[&str]) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::with_capacity(ast.len());
        let mut seen: std::collections::HashMap<Symbol, crate::diagnostic::Span> = std::collections::HashMap::new();
        for field in ast {
            let name = field.name;
            if let Some(&first) = seen.get(&name.symbol) {
                self.report(
                    Diagnostic::new(
                        Code("E0130"),
                        name.span,
                        format!("two fields of `{owner}` are called `{}`", name.symbol),
                    )
                    .label("again here")
                    .also(first, "first here"),
                );
                continue;
            }
            seen.insert(name.symbol, name.span);
            if built_in.contains(&name.symbol.as_str()) {
                self.report(
                    Diagnostic::new(
                        Code("E0131"),
                        name.span,
                        format!("`{}` is built in and cannot be declared", name.symbol),
                    )
                    .label(if name.symbol.as_str() == "at" {
                        "every event has its instant `at`"
                    } else {
                        "`open until` makes it"
                    })
                    .help("choose another name, or leave the field out"),
                );
                continue;
            }
            match self.field(field, owner) {
                Some(field) => fields.push(field),
                None => {
                    self.declared.broken.insert(name.symbol);
                }
            }
        }
        fields
    }

    pub(super) fn field(&mut self, ast: &ast::Field, owner: Symbol) -> Option<Field> {
        let ty = self.resolved_type(&ast.ty, Some(ast.name.symbol));
        let private = ast.private.and_then(|class| self.class_named(class, owner));
        Some(Field {
            name: ast.name.symbol,
            ty: ty?,
            optional: ast.optional.is_some(),
            private,
            doc: ast.doc.clone(),
            span: self.own(ast.name.span),
        })
    }

    /// The privacy class called `name`. Of an unknown one the owner could be anything, so it counts as unreadable.
    pub(in crate::check) fn class_named(
        &mut self,
        name: ast::Name,
        owner: Symbol,
    ) -> Option<crate::catalogue::ClassId> {
        let found = self.catalogue.classes.iter().position(|class| class.name == name.symbol);
        if let Some(index) = found {
            self.used.insert(name.symbol);
            return Some(crate::catalogue::ClassId(index as u16));
        }
        let known: Vec<Symbol> = self.catalogue.classes.iter().map(|class| class.name).collect();
        let message = format!("`{owner}` is private to the class `{}`, which is not declared", name.symbol);
        self.fail(unknown(UNKNOWN_CLASS, name, &message, known, "privacy classes are"))
    }

    /// The place of a declaration of the program; `None` of a built-in one.
    pub(super) fn own(&self, span: crate::diagnostic::Span) -> Option<crate::diagnostic::Span> {
        (span.file != self.built_in).then_some(span)
    }
}

const TYPES: [(&str, Type); 11] = [
    ("bool", Type::Bool),
    ("int", Type::Int),
    ("decimal", Type::Decimal),
    ("money", Type::Money),
    ("text", Type::Text),
    ("date", Type::Date),
    ("instant", Type::Instant),
    ("duration", Type::Duration),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("url", Type::Url),
];

fn built_in_type(word: &str) -> Option<Type> {
    TYPES.iter().find(|(name, _)| *name == word).map(|(_, ty)| *ty)
}
