//! A rule as a tree: what each part is for one patron, what decided it, and until when.
//!
//! Every part that is true, false or unknown becomes a rule of its own, so that the answers are the interpreter's
//! and no second semantics exists. Private data is printed only where the patron has agreed to what its class
//! requires and the purpose at hand may read it; otherwise it is described.

use crate::catalogue::{Channel, ClassId, ClassSet, PurposeId, Type, Value};
use crate::diagnostic::Span;
use crate::eval::{Interpreter, NEVER, Question, RuleId, Rules, Truth, ValueId, World};
use crate::program::Program;
use crate::review::consent;
use crate::review::dates::{self, Dates};
use crate::review::show;
use crate::rule::{EventRead, Expr, Facts, Kind, Read, SegmentId, Selection};
use crate::time::Instant;

/// For whom and for what a rule is explained.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub program: &'a Program,
    pub facts: &'a Facts,
    pub now: Instant,
    /// The campaign's purpose; `None` outside a campaign.
    pub purpose: Option<PurposeId>,
    /// The classes whose open records the campaign knows.
    pub served: ClassSet,
}

/// A part of a rule, explained.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// As the author wrote it, or how its parts are joined.
    pub text: String,
    pub span: Span,
    /// The documentation of the segment that it uses.
    pub doc: Option<String>,
    pub truth: Truth,
    /// When it may change though nothing arrives.
    pub until: Option<Instant>,
    /// What decided it, a sentence each.
    pub because: Vec<String>,
    pub parts: Vec<Part>,
}

/// Explains a condition.
pub fn explain(asked: &Asked<'_>, world: &World<'_>, condition: &Expr) -> Part {
    let mut plan = Planner { asked, rules: Rules::new() };
    let planned = plan.part(condition);
    let rules = plan.rules;
    let question = Question::of(asked.facts, asked.now);
    let mut interpreter = Interpreter::new(&rules, world);
    let mut answer = |rule: RuleId| interpreter.answer(rule, &question);
    let truths = collect(&planned, &mut |planned: &Planned<'_>| answer(planned.rule));
    let mut interpreter = Interpreter::new(&rules, world);
    let mut value = |id: ValueId| interpreter.value(id, &question);
    finish(asked, planned, &mut truths.into_iter(), &mut value)
}

/// A part whose rules have been made.
struct Planned<'a> {
    text: String,
    span: Span,
    doc: Option<String>,
    rule: RuleId,
    data: Vec<Datum<'a>>,
    parts: Vec<Planned<'a>>,
}

/// Something that a part reads.
enum Datum<'a> {
    /// A value, with its source text.
    Value { text: String, value: ValueId, class: Option<ClassId> },
    /// What somebody said about a purpose, by a channel or by any.
    Consent { purpose: PurposeId, channel: Option<Channel> },
    /// Dates that follow from the clock.
    Dates { text: String, dates: Dates },
    /// Events or records: how many fit, the latest of them.
    Rows { selection: &'a Selection, count: ValueId, latest: ValueId },
}

struct Planner<'a> {
    asked: &'a Asked<'a>,
    rules: Rules,
}

impl<'a> Planner<'a> {
    fn program(&self) -> &'a Program {
        self.asked.program
    }

    fn part(&mut self, expr: &'a Expr) -> Planned<'a> {
        let program = self.program();
        let rule = self.rules.add(&program.segments, &program.catalogue, expr, self.asked.served);
        let mut planned = Planned {
            text: snippet(program, expr.span),
            span: expr.span,
            doc: None,
            rule,
            data: Vec::new(),
            parts: Vec::new(),
        };
        match &expr.kind {
            // `between` and `is one of` are several comparisons that the author wrote as one.
            Kind::And(parts) | Kind::Or(parts) if parts.iter().any(|part| part.span != expr.span) => {
                let is_and = matches!(expr.kind, Kind::And(_));
                planned.text = if is_and { "all of these".to_owned() } else { "one of these".to_owned() };
                planned.parts = parts.iter().map(|part| self.part(part)).collect();
            }
            Kind::Not(inner) if inner.span != expr.span => {
                planned.text = "not".to_owned();
                planned.parts = vec![self.part(inner)];
            }
            Kind::Segment(id) => {
                planned.doc = self.doc(*id);
                planned.parts = vec![self.part(&program.segment(*id).body)];
            }
            _ => self.data(expr, &mut planned.data),
        }
        planned
    }

    fn doc(&self, id: SegmentId) -> Option<String> {
        let segment = self.program().segment(id);
        let label = segment.label.as_ref().map(|label| label.text.to_string());
        segment.doc.as_ref().map(|doc| doc.split_whitespace().collect::<Vec<_>>().join(" ")).or(label)
    }

    /// What an atom reads.
    fn data(&mut self, expr: &'a Expr, data: &mut Vec<Datum<'a>>) {
        let program = self.program();
        match &expr.kind {
            Kind::Read(read) => {
                let class = self.class_of(read);
                self.value(expr, class, data);
            }
            Kind::Changed(field) => self.value(expr, program.catalogue.field(*field).private, data),
            Kind::EndOfConsent { .. } | Kind::Start => self.value(expr, None, data),
            Kind::Not(inner) | Kind::Known(inner) => self.data(inner, data),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().for_each(|part| self.data(part, data)),
            Kind::InWindow { value, .. } => {
                self.data(value, data);
                self.dates(expr, data);
            }
            Kind::Call { arguments, .. } => {
                let is_date = matches!(expr.ty, Type::Date | Type::Instant);
                let before = data.len();
                if is_date {
                    self.dates(expr, data);
                }
                if data.len() == before {
                    arguments.iter().for_each(|argument| self.data(argument, data));
                }
            }
            Kind::Literal(_) | Kind::Today | Kind::Now | Kind::Segment(_) | Kind::Member(_) => {}
            Kind::Agrees { purpose, channel } => {
                data.push(Datum::Consent { purpose: *purpose, channel: *channel });
            }
            Kind::AskedFor { purpose, channel } => {
                data.push(Datum::Consent { purpose: *purpose, channel: Some(*channel) });
            }
            _ => {
                for selection in expr.selections() {
                    self.rows(selection, data);
                    if let Some(dates) = selection.window.as_ref().and_then(|window| self.window(window)) {
                        data.push(Datum::Dates { text: "the time counted".to_owned(), dates });
                    }
                }
            }
        }
    }

    fn value(&mut self, expr: &'a Expr, class: Option<ClassId>, data: &mut Vec<Datum<'a>>) {
        let program = self.program();
        let value = self.rules.add_value(&program.segments, &program.catalogue, expr, self.asked.served);
        let text = snippet(program, expr.span);
        let is_new = !data.iter().any(|datum| matches!(datum, Datum::Value { text: known, .. } if *known == text));
        if is_new {
            data.push(Datum::Value { text, value, class });
        }
    }

    fn dates(&mut self, expr: &'a Expr, data: &mut Vec<Datum<'a>>) {
        let program = self.program();
        let own = dates::of_rule(program, expr, self.asked.now).into_iter().find(|found| found.span == expr.span);
        if let Some(found) = own {
            let text = if matches!(expr.kind, Kind::InWindow { .. }) { "the window".to_owned() } else { found.text };
            data.push(Datum::Dates { text, dates: found.dates });
        }
    }

    fn window(&self, window: &crate::rule::Window) -> Option<Dates> {
        let library = &self.program().library;
        let moment = crate::rule::function::Moment::new(self.asked.now, &library.zone);
        dates::of_window(window, &moment, library.week_starts)
    }

    fn rows(&mut self, selection: &'a Selection, data: &mut Vec<Datum<'a>>) {
        let program = self.program();
        let mut add = |kind: Kind, ty: Type| {
            let expr = Expr { kind, ty, span: selection.span };
            self.rules.add_value(&program.segments, &program.catalogue, &expr, self.asked.served)
        };
        let count = add(Kind::Count(selection.clone()), Type::Int);
        let latest = add(Kind::Latest { selection: selection.clone(), read: None }, Type::Instant);
        data.push(Datum::Rows { selection, count, latest });
    }

    fn class_of(&self, read: &Read) -> Option<ClassId> {
        let catalogue = &self.program().catalogue;
        match read {
            Read::Patron(field) => catalogue.field(*field).private,
            Read::StartEvent(event, of) => {
                let event = catalogue.event(*event);
                let own =
                    if let EventRead::Field(index) = of { event.fields[usize::from(*index)].private } else { None };
                own.or(event.private)
            }
            Read::Table { key, .. } => self.class_of(key),
            Read::Row(_) | Read::FeedRow(_) => None,
        }
    }
}

/// The answers of a part and its parts, outermost first.
fn collect<'a, T>(planned: &Planned<'a>, of: &mut dyn FnMut(&Planned<'a>) -> T) -> Vec<T> {
    let mut found = vec![of(planned)];
    for part in &planned.parts {
        found.extend(collect(part, of));
    }
    found
}

fn finish(
    asked: &Asked<'_>,
    planned: Planned<'_>,
    truths: &mut dyn Iterator<Item = crate::eval::Answer>,
    value: &mut dyn FnMut(ValueId) -> Option<Value>,
) -> Part {
    let answer = truths.next().expect("each part has its answer");
    let because = planned.data.iter().map(|datum| sentence(asked, datum, value)).collect();
    Part {
        text: planned.text,
        span: planned.span,
        doc: planned.doc,
        truth: answer.truth,
        until: (answer.until != NEVER).then_some(answer.until),
        because,
        parts: planned.parts.into_iter().map(|part| finish(asked, part, truths, value)).collect(),
    }
}

/// Whether private data may be seen by whoever asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sight<'a> {
    Print,
    /// It decides, and is not printed; the class.
    Describe(&'a str),
    /// It is not known without the patron's agreement, which this field would be.
    NotAgreed(&'a str),
}

fn sight<'a>(asked: &Asked<'a>, class: Option<ClassId>) -> Sight<'a> {
    let Some(id) = class else { return Sight::Print };
    let catalogue = &asked.program.catalogue;
    let class = catalogue.class(id);
    let agreed = class.requires.map(|field| (field, asked.facts.field(field).and_then(Value::as_bool) == Some(true)));
    if let Some((field, false)) = agreed {
        if asked.served.contains(id) {
            return Sight::Describe(class.name.as_str());
        }
        return Sight::NotAgreed(catalogue.field(field).name.as_str());
    }
    let serves = |purposes: &Vec<PurposeId>| asked.purpose.is_some_and(|purpose| purposes.contains(&purpose));
    let may = class.only_for.as_ref().map_or(agreed.is_some(), serves);
    if may { Sight::Print } else { Sight::Describe(class.name.as_str()) }
}

fn sentence(asked: &Asked<'_>, datum: &Datum<'_>, value: &mut dyn FnMut(ValueId) -> Option<Value>) -> String {
    let program = asked.program;
    let zone = &program.library.zone;
    match datum {
        Datum::Value { text, value: id, class } => match sight(asked, *class) {
            Sight::Print => match value(*id) {
                Some(known) => format!("{text} is {}", show::value(&known, program)),
                None => format!("{text} is not known"),
            },
            Sight::Describe(class) => format!("{text} is private ({class}) and not shown"),
            Sight::NotAgreed(field) => format!("{text} is not known: no agreement ({field})"),
        },
        Datum::Consent { purpose, channel } => consent::summed_up(program, asked.facts, asked.now, *purpose, *channel),
        Datum::Dates { text, dates } => format!("{text} is {}", show::dates(*dates, zone)),
        Datum::Rows { selection, count, latest } => {
            let event = program.catalogue.event(selection.event);
            let name = event.name.as_str();
            match sight(asked, event.private) {
                Sight::Print => {
                    let stored = asked.facts.events(selection.event).len();
                    let of = format!("{stored} {name} in the store");
                    match (value(*count), value(*latest)) {
                        (Some(Value::Int(0)), _) => format!("none fits; {of}"),
                        (Some(count), Some(latest)) => {
                            let (count, latest) = (show::value(&count, program), show::value(&latest, program));
                            format!("{count} fit, the latest on {latest}; {of}")
                        }
                        (Some(count), None) => format!("{} fit; {of}", show::value(&count, program)),
                        (None, _) => format!("how many fit is not known; {of}"),
                    }
                }
                Sight::Describe(class) => format!("{name} is private ({class}) and not shown"),
                Sight::NotAgreed(field) => format!("{name} is not known: no agreement ({field})"),
            }
        }
    }
}

fn snippet(program: &Program, span: Span) -> String {
    program.sources.snippet(span).split_whitespace().collect::<Vec<_>>().join(" ")
}
