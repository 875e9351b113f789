//! Messages.

use super::{Expr, Label, Name, Number, Text};
use crate::diagnostic::Span;

#[derive(Clone, Debug)]
pub struct Message {
    pub name: Name,
    pub label: Option<Label>,
    /// `let`, `pick`, `needs`, in order.
    pub preludes: Vec<Prelude>,
    pub blocks: Vec<ChannelBlock>,
}

#[derive(Clone, Debug)]
pub struct Prelude {
    pub span: Span,
    pub kind: PreludeKind,
}

#[derive(Clone, Debug)]
pub enum PreludeKind {
    Let { name: Name, value: Expr },
    Pick { name: Name, feed: Name, condition: Option<Box<Expr>>, first: Number, by: Name, descending: bool },
    Needs(Name),
}

#[derive(Clone, Debug)]
pub struct ChannelBlock {
    /// `email`, `sms`, `print`, `web`, `feed`, `social`, `hook`.
    pub channel: Name,
    /// `if E`.
    pub condition: Option<Expr>,
    pub parts: Vec<Part>,
    pub span: Span,
}

/// `subject fr "…"`, `body from "file.md"`.
#[derive(Clone, Debug)]
pub struct Part {
    /// `subject`, `body`, `text`, `title`, `link`.
    pub what: Name,
    pub language: Option<Name>,
    pub source: PartSource,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum PartSource {
    Text(Text),
    /// `from "path"`.
    File(Text),
}
