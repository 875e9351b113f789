//! What `event` and `events` name: the event or record that started the campaign.

use std::ops::Range;

use super::{Frame, Resolved, Resolver, classes_of};
use crate::catalogue::{ClassSet, EventId, EventKind, Type};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::message::template::syntax::Word;
use crate::message::template::{Role, Rows, StartScope, Used};
use crate::rule::{EventRead, Read};

const NO_EVENT: Code = Code("E0709");

impl Resolver<'_> {
    /// `event.FIELD`, `event.TABLE.FIELD`.
    pub(super) fn event(&mut self, words: &[Word], range: &Range<usize>, role: Role) -> Option<Resolved> {
        let span = self.text.place(range.clone());
        match self.start {
            StartScope::Event(event) => {
                let Some(second) = words.get(1) else {
                    self.unknown_name(range, "`event` is a whole event", Some("name its field: `event.FIELD`"));
                    return None;
                };
                if self.is_event_name(event, &second.text) {
                    return self.event_value(event, &words[1..], range, role);
                }
                let known = self.event_names(event);
                let text = format!("`{}` has no field", self.scope.catalogue.event(event).name);
                self.misspelt(second, &known, &text);
                None
            }
            _ if self.scope.senders.is_empty() => None,
            StartScope::Events(_) => {
                self.not_started(
                    span,
                    "after `together` there are several events",
                    "write `{{#each events}} … {{/each}}`; inside it the fields are bare names",
                );
                None
            }
            StartScope::None => {
                self.not_started(
                    span,
                    "`event` exists only in messages of campaigns that an event or record starts",
                    "start it with `on EVENT`, or name a patron field",
                );
                None
            }
        }
    }

    pub(super) fn event_value(
        &mut self,
        event: EventId,
        words: &[Word],
        range: &Range<usize>,
        role: Role,
    ) -> Option<Resolved> {
        let catalogue = self.scope.catalogue;
        let declared = catalogue.event(event);
        let first = &words[0];
        let classes = self.event_classes(event);
        let (read, ty) = match declared.fields.iter().position(|field| field.name.as_str() == first.text) {
            Some(index) => (EventRead::Field(index as u16), declared.fields[index].ty),
            None if first.text == "at" => (EventRead::At, Type::Instant),
            None if first.text == "open" => (EventRead::Open, Type::Bool),
            None => {
                let table = catalogue.tables.iter().position(|table| table.name.as_str() == first.text)?;
                let by = catalogue.tables[table].by;
                if let Some(key) = declared.field(by) {
                    let read = Read::StartEvent(event, EventRead::Field(key));
                    return self.column(table, read, classes, words, range, role);
                }
                let key = catalogue.field_named(by)?;
                let classes = classes_of(catalogue.field(key));
                return self.column(table, Read::Patron(key), classes, words, range, role);
            }
        };
        self.no_more(words, 1)?;
        let own = match read {
            EventRead::Field(index) => classes_of(&declared.fields[usize::from(index)]),
            _ => ClassSet::EMPTY,
        };
        self.note(Used::Start(event, read), classes.union(own), role, ty, range);
        Some(self.read(Read::StartEvent(event, read), ty, range))
    }

    pub(super) fn events(&mut self, word: &Word, role: Role) -> Option<(Rows, Frame)> {
        let span = self.text.place(word.range.clone());
        match self.start {
            StartScope::Events(event) => {
                let classes = self.event_classes(event);
                self.note(Used::StartCount(event), classes, role, Type::Int, &word.range);
                Some((Rows::Events, Frame::Event(event)))
            }
            _ if self.scope.senders.is_empty() => None,
            StartScope::Event(_) => {
                self.not_started(
                    span,
                    "`events` needs a start with `together`",
                    "`event` is the one that started it: `event.FIELD`",
                );
                None
            }
            StartScope::None => {
                self.not_started(
                    span,
                    "`events` needs a start on an event or record, with `together`",
                    "start it with `on EVENT together`",
                );
                None
            }
        }
    }

    fn not_started(&mut self, span: Span, text: &str, help: &str) {
        let mut finding = Diagnostic::new(NO_EVENT, span, text).help(help);
        let sender = self.scope.senders.iter().find(|sender| sender.start == self.start);
        if let Some(sender) = sender {
            finding =
                finding.also(sender.span, format!("the campaign `{}` sends it and does not start so", sender.campaign));
        }
        self.findings.push(finding);
    }

    fn event_classes(&self, event: EventId) -> ClassSet {
        let private = self.scope.catalogue.event(event).private;
        private.map_or(ClassSet::EMPTY, |class| ClassSet::EMPTY.with(class))
    }

    pub(super) fn is_event_name(&self, event: EventId, name: &str) -> bool {
        self.event_names(event).contains(&name)
    }

    /// Fields of the event and the tables that it looks up.
    pub(super) fn event_names(&self, event: EventId) -> Vec<&'static str> {
        let catalogue = self.scope.catalogue;
        let declared = catalogue.event(event);
        let mut names: Vec<&str> = declared.fields.iter().map(|field| field.name.as_str()).collect();
        names.push("at");
        if matches!(declared.kind, EventKind::Record { open_until: Some(_), .. }) {
            names.push("open");
        }
        let tables = catalogue.tables.iter();
        let known =
            tables.filter(|table| declared.field(table.by).is_some() || catalogue.field_named(table.by).is_some());
        names.extend(known.map(|table| table.name.as_str()));
        names
    }
}
