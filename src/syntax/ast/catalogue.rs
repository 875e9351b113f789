//! Declarations of the catalogue: purposes, fields, events, tables, lists, feeds, surveys.

use std::sync::Arc;

use super::{Expr, Label, Name, Number, Quantity};
use crate::diagnostic::Span;
use crate::symbol::Symbol;

#[derive(Clone, Debug)]
pub struct Purpose {
    pub name: Name,
    pub label: Option<Label>,
    /// `without consent`.
    pub without_consent: Option<Span>,
    /// The word `consent` is written (it may be left out).
    pub consent_word: bool,
    pub expires_after: Option<Quantity>,
    /// `never to S, T`: each a bare segment or list, or an expression.
    pub never_to: Vec<Expr>,
}

#[derive(Clone, Debug)]
pub struct Privacy {
    pub name: Name,
    pub label: Option<Label>,
    pub clauses: Vec<PrivacyClause>,
}

#[derive(Clone, Debug)]
pub struct PrivacyClause {
    pub span: Span,
    pub kind: PrivacyClauseKind,
}

#[derive(Clone, Debug)]
pub enum PrivacyClauseKind {
    Requires(Name),
    OpenRecordsServe(Vec<Name>),
    OnlyFor(Vec<Name>),
}

#[derive(Clone, Debug)]
pub struct EnumDecl {
    pub name: Name,
    pub values: Vec<EnumValue>,
}

/// A value of an enumeration: an identifier, or a text that spells it.
#[derive(Clone, Debug)]
pub struct EnumValue {
    pub value: Symbol,
    pub span: Span,
    pub is_text: bool,
    pub label: Option<Label>,
}

#[derive(Clone, Debug)]
pub struct PatronDecl {
    /// The word `patron`.
    pub head: Span,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub doc: Option<Arc<str>>,
    pub name: Name,
    pub ty: TypeExpr,
    pub optional: Option<Span>,
    pub private: Option<Name>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct TypeExpr {
    pub span: Span,
    pub kind: TypeKind,
}

#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `int`, `text`, an enum by name.
    Named(Name),
    OneOf(Vec<EnumValue>),
    SetOf(Box<TypeExpr>),
}

#[derive(Clone, Debug)]
pub struct Contact {
    pub head: Span,
    /// `email FIELD`, `print A, B`.
    pub entries: Vec<ContactEntry>,
}

#[derive(Clone, Debug)]
pub struct ContactEntry {
    /// `email`, `sms`, `print`, `language`, `birth`, `guardian`.
    pub what: Name,
    pub fields: Vec<Name>,
}

#[derive(Clone, Debug)]
pub struct EventDecl {
    pub name: Name,
    pub private: Option<Name>,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct RecordDecl {
    pub name: Name,
    pub private: Option<Name>,
    pub fields: Vec<Field>,
    pub open_until: Vec<Name>,
    pub keep: Vec<Quantity>,
}

#[derive(Clone, Debug)]
pub struct TableDecl {
    pub name: Name,
    pub by: Name,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct ListDecl {
    pub name: Name,
    pub label: Option<Label>,
}

#[derive(Clone, Debug)]
pub struct FeedDecl {
    pub name: Name,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct SurveyDecl {
    pub name: Name,
    pub label: Option<Label>,
    pub questions: Vec<Question>,
}

#[derive(Clone, Debug)]
pub struct Question {
    pub name: Name,
    pub label: Option<Label>,
    pub kind: QuestionKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum QuestionKind {
    Scale { from: Number, to: Number },
    Text,
    OneOf(Vec<EnumValue>),
}
