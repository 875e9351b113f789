//! The events that the engine writes: `sent`, `delivered`, … `answered` with the questions of all surveys, `texted`.

use crate::catalogue::{Event, EventId, EventKind, Field, NameKind, QuestionKind, Type};
use crate::check::Context;
use crate::symbol::Symbol;

impl Context<'_> {
    pub(super) fn declare_engine_events(&mut self) {
        let about_a_message = [
            ("campaign", NameKind::Campaign),
            ("message", NameKind::Message),
            ("purpose", NameKind::Purpose),
            ("channel", NameKind::Channel),
        ]
        .map(|(name, kind)| field(name, Type::Name(kind)));
        for name in ["sent", "delivered", "bounced", "complained", "clicked", "unsubscribed"] {
            let mut fields = about_a_message.to_vec();
            if name == "bounced" {
                fields.push(Field { optional: false, ..field("hard", Type::Bool) });
            }
            // Whose address it is that counts as none.
            if matches!(name, "bounced" | "complained") {
                fields.push(field("to_guardian", Type::Bool));
            }
            self.add_engine_event(name, fields);
        }
        let mut answered = vec![field("survey", Type::Name(NameKind::Survey))];
        for question in self.catalogue.surveys.iter().flat_map(|survey| &survey.questions) {
            let ty = match question.kind {
                QuestionKind::Scale { .. } => Type::Int,
                QuestionKind::Text => Type::Text,
                QuestionKind::OneOf(id) => Type::Enum(id),
            };
            if answered.iter().all(|field| field.name != question.name) {
                answered.push(Field { name: question.name, ..field("", ty) });
            }
        }
        self.add_engine_event("answered", answered);
        self.add_engine_event("texted", vec![field("word", Type::Text)]);
    }

    fn add_engine_event(&mut self, name: &str, fields: Vec<Field>) {
        let name = Symbol::new(name);
        if self.catalogue.field_named(name).is_some() {
            return;
        }
        let id = EventId(self.catalogue.events.len() as u16);
        self.catalogue.event_index.insert(name, id);
        self.catalogue.events.push(Event {
            name,
            kind: EventKind::Engine,
            private: None,
            fields,
            doc: None,
            span: None,
        });
    }
}

/// Optional, since not every answer has every question and a preference page belongs to no campaign.
fn field(name: &str, ty: Type) -> Field {
    Field { name: Symbol::new(name), ty, optional: true, private: None, doc: None, span: None }
}
