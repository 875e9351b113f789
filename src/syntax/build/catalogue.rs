//! The library block and the declarations of the catalogue (sections 3 and 4).

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::*;
use crate::syntax::grammar::{Parts, Rule};

/// A currency is three capitals.
pub const CURRENCY: Code = Code("E0047");

impl Builder<'_> {
    pub(super) fn library(&mut self, pair: Pair<'_, Rule>) -> Library {
        let whole = self.span(&pair);
        let mut parts = Parts::of(pair);
        let name = self.text(parts.one());
        let head = crate::diagnostic::Span { end: name.span.end, ..whole };
        let clauses = parts.map(|clause| self.library_clause(clause)).collect();
        Library { head, name, clauses }
    }

    fn library_clause(&mut self, pair: Pair<'_, Rule>) -> LibraryClause {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let rule = inner.as_rule();
        let kind = match rule {
            Rule::languages => LibraryClauseKind::Languages(self.names(inner)),
            Rule::limit => LibraryClauseKind::Limit(self.limit(inner)),
            Rule::quiet => {
                let mut parts = Parts::of(inner);
                let from = parts.next().map(|time| self.time(time));
                let to = parts.next().map(|time| self.time(time));
                LibraryClauseKind::Quiet(from.zip(to).map(|(from, to)| TimeRange { from, to }))
            }
            Rule::currency => {
                let mut parts = Parts::of(inner);
                LibraryClauseKind::Currency(self.currency(&parts.one()))
            }
            _ => {
                let part = Parts::of(inner).one();
                match rule {
                    Rule::timezone => LibraryClauseKind::Timezone(self.text(part)),
                    Rule::sender => LibraryClauseKind::Sender(self.address(part)),
                    Rule::reply_to => LibraryClauseKind::ReplyTo(self.address(part)),
                    Rule::postal => LibraryClauseKind::Address(self.text(part)),
                    Rule::policy => LibraryClauseKind::Policy(self.text(part)),
                    Rule::week_starts => LibraryClauseKind::WeekStarts(self.weekday(&part).0),
                    Rule::adult_at => LibraryClauseKind::AdultAt(self.number_within(part, 0, 150, "age")),
                    Rule::suppress => LibraryClauseKind::SuppressUnder(self.number_within(
                        part,
                        0,
                        i64::from(i32::MAX),
                        "size of a cell",
                    )),
                    rule => unreachable!("no clause of the library: {rule:?}"),
                }
            }
        };
        LibraryClause { span, kind }
    }

    fn currency(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let span = self.span(pair);
        let text = pair.as_str();
        let code = text.to_uppercase();
        if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let diagnostic = Diagnostic::new(CURRENCY, span, format!("`{text}` is no currency"))
                .label("three capitals")
                .help("a currency is its code of ISO 4217, such as CAD or EUR");
            let is_code = code.len() == 3 && code.is_ascii();
            self.report(if is_code { diagnostic.fix(span, code.clone()) } else { diagnostic });
        }
        Name { symbol: crate::symbol::Symbol::new(&code), span }
    }

    pub(super) fn purpose(&mut self, pair: Pair<'_, Rule>) -> Purpose {
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let label = self.label_if(&mut parts);
        let without_consent = parts.next_if(Rule::without_consent).map(|words| self.span(&words));
        let consent_word = parts.next_if(Rule::with_consent).is_some();
        let expires_after = parts.next_if(Rule::expires).map(|expires| self.quantity(Parts::of(expires).one()));
        let never_to = match parts.next_if(Rule::never_to) {
            Some(never) => Parts::of(never).map(|who| self.bare_expr(who)).collect(),
            None => Vec::new(),
        };
        Purpose { name, label, without_consent, consent_word, expires_after, never_to }
    }

    pub(super) fn privacy(&mut self, pair: Pair<'_, Rule>) -> Privacy {
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let label = self.label_if(&mut parts);
        let clauses = parts
            .map(|clause| {
                let span = self.span(&clause);
                let inner = Parts::of(clause).one();
                let kind = match inner.as_rule() {
                    Rule::requires => PrivacyClauseKind::Requires(self.name_in(inner)),
                    Rule::open_serve => PrivacyClauseKind::OpenRecordsServe(self.names(inner)),
                    _ => PrivacyClauseKind::OnlyFor(self.names(inner)),
                };
                PrivacyClause { span, kind }
            })
            .collect();
        Privacy { name, label, clauses }
    }

    pub(super) fn enum_decl(&mut self, pair: Pair<'_, Rule>) -> EnumDecl {
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        EnumDecl { name, values: parts.map(|value| self.enum_value(value)).collect() }
    }

    fn enum_value(&mut self, pair: Pair<'_, Rule>) -> EnumValue {
        let mut parts = Parts::of(pair);
        let first = parts.one();
        let label = |builder: &mut Self, parts: &mut Parts<'_>| builder.label_if(parts);
        if first.as_rule() == Rule::text {
            let text = self.text(first);
            let value = crate::symbol::Symbol::new(&text.value);
            return EnumValue { value, span: text.span, is_text: true, label: label(self, &mut parts) };
        }
        let name = self.name(first);
        EnumValue { value: name.symbol, span: name.span, is_text: false, label: label(self, &mut parts) }
    }

    pub(super) fn patron_decl(&mut self, pair: Pair<'_, Rule>) -> PatronDecl {
        let head = self.first_token(&pair);
        PatronDecl { head, fields: self.fields(pair) }
    }

    fn fields(&mut self, pair: Pair<'_, Rule>) -> Vec<Field> {
        Parts::of(pair).filter(|part| part.as_rule() == Rule::field).map(|part| self.field(part)).collect()
    }

    fn field(&mut self, pair: Pair<'_, Rule>) -> Field {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let ty = self.type_expr(parts.one());
        let (mut optional, mut private) = (None, None);
        for part in parts {
            let place = self.span(&part);
            let is_second = match part.as_rule() {
                Rule::is_optional => optional.replace(place).is_some(),
                _ => private.replace(self.name_in(part)).is_some(),
            };
            if is_second {
                self.twice(place);
            }
        }
        Field { doc: self.doc(span), name, ty, optional, private, span }
    }

    pub(super) fn type_expr(&mut self, pair: Pair<'_, Rule>) -> TypeExpr {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let kind = match inner.as_rule() {
            Rule::one_of_type => TypeKind::OneOf(self.one_of_type(inner)),
            Rule::set_of_type => TypeKind::SetOf(Box::new(self.type_expr(Parts::of(inner).one()))),
            _ => TypeKind::Named(self.name(inner)),
        };
        TypeExpr { span, kind }
    }

    fn one_of_type(&mut self, pair: Pair<'_, Rule>) -> Vec<EnumValue> {
        Parts::of(pair).map(|value| self.enum_value(value)).collect()
    }

    pub(super) fn contact(&mut self, pair: Pair<'_, Rule>) -> Contact {
        let head = self.first_token(&pair);
        let entries = Parts::of(pair)
            .map(|entry| {
                let mut parts = Parts::of(entry);
                let what = self.name(parts.one());
                ContactEntry { what, fields: parts.map(|field| self.name(field)).collect() }
            })
            .collect();
        Contact { head, entries }
    }

    pub(super) fn event_decl(&mut self, pair: Pair<'_, Rule>) -> EventDecl {
        let mut parts = Parts::of(pair.clone());
        let name = self.name(parts.one());
        let private = parts.next_if(Rule::is_private).map(|private| self.name_in(private));
        EventDecl { name, private, fields: self.fields(pair) }
    }

    pub(super) fn record_decl(&mut self, pair: Pair<'_, Rule>) -> RecordDecl {
        let mut parts = Parts::of(pair.clone());
        let name = self.name(parts.one());
        let private = parts.next_if(Rule::is_private).map(|private| self.name_in(private));
        let (mut open_until, mut keep) = (Vec::new(), Vec::new());
        for part in parts {
            match part.as_rule() {
                Rule::open_until => open_until.push(self.name_in(part)),
                Rule::keep => keep.push(self.quantity(Parts::of(part).one())),
                _ => {}
            }
        }
        RecordDecl { name, private, fields: self.fields(pair), open_until, keep }
    }

    pub(super) fn table_decl(&mut self, pair: Pair<'_, Rule>) -> TableDecl {
        let mut parts = Parts::of(pair.clone());
        let name = self.name(parts.one());
        let by = self.name(parts.one());
        TableDecl { name, by, fields: self.fields(pair) }
    }

    pub(super) fn list_decl(&mut self, pair: Pair<'_, Rule>) -> ListDecl {
        let mut parts = Parts::of(pair);
        let name = self.group_name(parts.one());
        ListDecl { name, label: self.label_if(&mut parts) }
    }

    pub(super) fn feed_decl(&mut self, pair: Pair<'_, Rule>) -> FeedDecl {
        let name = self.name_in(pair.clone());
        FeedDecl { name, fields: self.fields(pair) }
    }

    pub(super) fn survey_decl(&mut self, pair: Pair<'_, Rule>) -> SurveyDecl {
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let label = self.label_if(&mut parts);
        SurveyDecl { name, label, questions: parts.map(|question| self.question(question)).collect() }
    }

    fn question(&mut self, pair: Pair<'_, Rule>) -> Question {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let label = self.label_if(&mut parts);
        let inner = parts.one();
        let kind = match inner.as_rule() {
            Rule::scale => {
                let mut parts = Parts::of(inner);
                QuestionKind::Scale { from: self.number(parts.one()), to: self.number(parts.one()) }
            }
            Rule::text_question => QuestionKind::Text,
            _ => QuestionKind::OneOf(self.one_of_type(inner)),
        };
        Question { name, label, kind, span }
    }
}
