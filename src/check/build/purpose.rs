//! Purposes and privacy classes.

use crate::catalogue::{ClassId, FieldId, PrivacyClass, Purpose, PurposeId, Type};
use crate::check::expr::unknown;
use crate::check::{Context, Scope};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::rule::Expr;
use crate::symbol::Symbol;
use crate::syntax::ast::{self, PrivacyClauseKind};

use super::Items;

const UNKNOWN_FIELD: Code = Code("E0101");
const NOT_A_BOOL: Code = Code("E0116");
const TOO_MANY: Code = Code("E0134");
const CLAUSE_TWICE: Code = Code("E0135");
const REQUIRES_PRIVATE: Code = Code("E0301");

/// A class is one bit of a set.
const MOST_CLASSES: usize = 64;

impl<'a> Context<'a> {
    pub(super) fn declare_purposes(&mut self, items: &Items<'a>) {
        for declaration in &items.purposes {
            let ast = declaration.what;
            let label = self.checked_label(ast.label.as_ref());
            let expires_after = ast.expires_after.as_ref().and_then(|after| self.written_duration(after));
            self.catalogue.purposes.push(Purpose {
                name: ast.name.symbol,
                label,
                needs_consent: ast.without_consent.is_none(),
                expires_after,
                span: self.own(ast.name.span),
            });
            self.declared.purposes.insert(ast.name.symbol, *declaration);
        }
    }

    /// The conditions after `never to` of a purpose; `None` if one of them is wrong.
    pub fn never_to(&mut self, purpose: PurposeId) -> Option<Vec<Expr>> {
        let name = self.catalogue.purpose(purpose).name;
        let Some(declaration) = self.declared.purposes.get(&name).copied() else { return Some(Vec::new()) };
        let mut conditions = Some(Vec::new());
        for expr in &declaration.what.never_to {
            let condition = self.group_or_condition(expr, &Scope::default());
            conditions = conditions.zip(condition).map(|(mut conditions, condition)| {
                conditions.push(condition);
                conditions
            });
        }
        conditions
    }

    pub(super) fn declare_classes(&mut self, items: &Items<'a>) {
        for declaration in &items.classes {
            let ast = declaration.what;
            let label = self.checked_label(ast.label.as_ref());
            if self.catalogue.classes.len() == MOST_CLASSES {
                if self.own(ast.name.span).is_none() {
                    return;
                }
                self.report(
                    Diagnostic::new(
                        TOO_MANY,
                        ast.name.span,
                        format!("a program has at most {MOST_CLASSES} privacy classes"),
                    )
                    .label("one too many")
                    .help("join classes that require the same"),
                );
                return;
            }
            self.catalogue.classes.push(PrivacyClass {
                name: ast.name.symbol,
                label,
                requires: None,
                open_records_serve: Vec::new(),
                only_for: None,
                span: self.own(ast.name.span),
            });
        }
    }

    /// The clauses of the classes, once fields and purposes are known.
    pub(super) fn resolve_classes(&mut self, items: &Items<'a>) {
        for (index, declaration) in items.classes.iter().enumerate().take(MOST_CLASSES) {
            let mut first: [Option<Span>; 3] = [None; 3];
            for clause in &declaration.what.clauses {
                let (slot, word) = match clause.kind {
                    PrivacyClauseKind::Requires(_) => (0, "requires"),
                    PrivacyClauseKind::OpenRecordsServe(_) => (1, "open records serve"),
                    PrivacyClauseKind::OnlyFor(_) => (2, "only for"),
                };
                if let Some(first) = first[slot] {
                    self.report(
                        Diagnostic::new(CLAUSE_TWICE, clause.span, format!("`{word}` is written twice"))
                            .label("again here")
                            .also(first, "first here")
                            .help("join the two, or remove one"),
                    );
                    continue;
                }
                first[slot] = Some(clause.span);
                self.class_clause(index, &clause.kind, declaration.what.name.symbol);
            }
        }
    }

    fn class_clause(&mut self, index: usize, clause: &PrivacyClauseKind, class: Symbol) {
        match clause {
            PrivacyClauseKind::Requires(name) => {
                let required = self.required_field(*name, ClassId(index as u16), class);
                self.catalogue.classes[index].requires = required;
            }
            PrivacyClauseKind::OpenRecordsServe(purposes) => {
                let purposes = purposes.iter().filter_map(|purpose| self.purpose_named(*purpose)).collect();
                self.catalogue.classes[index].open_records_serve = purposes;
            }
            PrivacyClauseKind::OnlyFor(purposes) => {
                let purposes = purposes.iter().filter_map(|purpose| self.purpose_named(*purpose)).collect();
                self.catalogue.classes[index].only_for = Some(purposes);
            }
        }
    }

    fn required_field(&mut self, name: ast::Name, id: ClassId, class: Symbol) -> Option<FieldId> {
        let found = self.catalogue.field_named(name.symbol);
        let declared = found.map(|id| self.catalogue.field(id));
        let is_bool = declared.is_some_and(|field| field.ty == Type::Bool);
        if is_bool && declared.is_some_and(|field| field.private.is_none()) {
            return found;
        }
        if self.own(name.span).is_none() {
            // The program has another use for the field of the built-in class: then nobody may read what the class
            // protects.
            self.catalogue.classes[id.index()].only_for = Some(Vec::new());
            return None;
        }
        let Some(field) = declared else {
            if !self.declared.broken.contains(&name.symbol) && !self.is_incomplete("patron") {
                let known: Vec<Symbol> = self
                    .catalogue
                    .fields
                    .iter()
                    .filter(|field| field.ty == Type::Bool)
                    .map(|field| field.name)
                    .collect();
                let message =
                    format!("the class `{class}` requires `{}`, and the patron has no such field", name.symbol);
                self.report(unknown(UNKNOWN_FIELD, name, &message, known, "bool fields are"));
            }
            return None;
        };
        let place = field.span;
        let mut diagnostic = if is_bool {
            Diagnostic::new(REQUIRES_PRIVATE, name.span, format!("`{}` is private itself", name.symbol))
                .label("would be unknown where it is needed")
                .note("what a class requires must be known of everybody")
                .help("take `private` from the field, or require another one")
        } else {
            let found = self.describe(field.ty);
            Diagnostic::new(
                NOT_A_BOOL,
                name.span,
                format!("a class requires a bool field, and `{}` is {found}", name.symbol),
            )
            .label("not a bool")
            .help("declare a field such as `history_opt_in bool` and require that")
        };
        if let Some(place) = place {
            diagnostic = diagnostic.also(place, "declared here");
        }
        self.fail(diagnostic)
    }
}
