//! Answers to surveys: what a form or a survey tool exported, as the event `answered`.
//!
//! Which fields an answer may have depends on the survey that it names, and so does the scale of a number. What does
//! not fit leaves its field unknown, as everything that cannot be read does in an optional field.

use crate::catalogue::{Catalogue, EventId, QuestionKind, Value};

/// The event's name in every catalogue.
pub const ANSWERED: &str = "answered";

/// The fields of an answer that do not fit its survey, and why.
pub fn misfits(catalogue: &Catalogue, event: EventId, fields: &[(u16, Option<Value>)]) -> Vec<(u16, String)> {
    let declared = catalogue.event(event);
    let name = |index: u16| declared.fields[usize::from(index)].name;
    if declared.name.as_str() != ANSWERED {
        return Vec::new();
    }
    let named = fields.iter().find_map(|(index, value)| match value {
        Some(Value::Symbol(survey)) if name(*index).as_str() == "survey" => Some(*survey),
        _ => None,
    });
    let Some(survey) = catalogue.surveys.iter().find(|survey| Some(survey.name) == named) else { return Vec::new() };
    let answers = fields.iter().filter(|(index, value)| value.is_some() && name(*index).as_str() != "survey");
    let misfit = |(index, value): &(u16, Option<Value>)| {
        let field = name(*index);
        let why = match (survey.questions.iter().find(|question| question.name == field), value) {
            (None, _) => format!("{field}: the survey {} does not ask that", survey.name),
            (Some(question), Some(Value::Int(number))) => match question.kind {
                QuestionKind::Scale { from, to } if !(from..=to).contains(number) => {
                    format!("{field}: {number} is not on the scale from {from} to {to}")
                }
                _ => return None,
            },
            _ => return None,
        };
        Some((*index, why))
    };
    answers.filter_map(misfit).collect()
}
