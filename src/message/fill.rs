//! A template filled for a reader.
//!
//! The values of the slots are computed in order. What they say of the text's *form* (which conditions are true, how
//! many rows an `each` has, what is unknown) is its key: for each form Handlebars renders the template once, with marks
//! for the values, and Markdown is read once. Readers of one form share it.

use std::cell::RefCell;
use std::rc::Rc;

use handlebars::{Context, Handlebars, RenderContext, RenderErrorReason, Renderable, no_escape};
use serde_json::{Map as Object, Value as Json};

use crate::catalogue::Value;
use crate::diagnostic::Span;
use crate::map::Map;
use crate::message::NotRendered;
use crate::message::body::Body;
use crate::message::markdown::{Insert, Style};
use crate::message::render::{Making, start_scope};
use crate::message::skeleton::{Skeleton, hole};
use crate::message::template::{Rows, Slot, SlotKind, Template, Variant};
use crate::message::value::{Frame, Made, clean, is_something};

/// Forms that are kept of one template; a text that takes more is read for each reader.
const KEPT: usize = 256;

/// A template as readers of one form get it.
pub(super) enum Form {
    Plain(Skeleton),
    Body(Body),
}

impl Form {
    /// Of a part that there is not.
    pub fn empty() -> Form {
        Form::Body(Body::read(String::new(), 0, Style::Screen))
    }

    /// Bytes without the values.
    pub fn len(&self) -> usize {
        match self {
            Form::Plain(_) => 0,
            Form::Body(body) => body.len(),
        }
    }

    /// A subject, an SMS.
    pub fn plain(&self, values: &[Insert]) -> String {
        let Form::Plain(skeleton) = self else { return String::new() };
        skeleton.fill(values.iter().map(Insert::len).sum(), |number, to| match &values[number] {
            Insert::Link { url, .. } => to.push_str(url),
            Insert::Text(text) => to.push_str(text),
        })
    }

    /// A body as HTML.
    pub fn html(&self, values: &[Insert]) -> String {
        if let Form::Body(body) = self { body.html(values) } else { String::new() }
    }

    /// A body as text.
    pub fn text(&self, values: &[Insert]) -> String {
        if let Form::Body(body) = self { body.text(values) } else { String::new() }
    }
}

type Found = Result<Rc<Form>, NotRendered>;

/// The forms of all templates so far.
pub(super) struct Forms {
    handlebars: Handlebars<'static>,
    /// By the place of the variant in the program, and its key.
    known: RefCell<Map<usize, Map<Vec<u8>, Found>>>,
}

impl Default for Forms {
    fn default() -> Forms {
        let mut handlebars = Handlebars::new();
        handlebars.register_escape_fn(no_escape);
        handlebars.set_strict_mode(true);
        Forms { handlebars, known: RefCell::default() }
    }
}

impl Making<'_> {
    /// The form of a template for this reader, with the reader's values: a body in a style, else plain.
    pub fn form(&mut self, template: &Template, style: Option<Style>) -> Result<(Rc<Form>, Vec<Insert>), NotRendered> {
        let variant = template.variant(start_scope(&self.occasion.campaign.start.kind));
        let slots = variant.slots.len();
        let (mut values, mut key) = (Vec::with_capacity(slots), Vec::with_capacity(1 + slots));
        key.push(u8::from(style == Some(Style::Paper)));
        self.slots(&variant.slots, Frame::default(), &mut values, &mut key);
        let forms = &self.renderer.forms;
        let mut known = forms.known.borrow_mut();
        let known = known.entry(std::ptr::from_ref(variant).addr()).or_default();
        if let Some(form) = known.get(&key) {
            return form.clone().map(|form| (form, values));
        }
        let form = make(&forms.handlebars, template, variant, &key[1..], style)
            .map_err(|place| NotRendered::Unknown(place.unwrap_or(self.occasion.message.span)))
            .map(Rc::new);
        if known.len() < KEPT {
            known.insert(key, form.clone());
        }
        form.map(|form| (form, values))
    }

    /// Computes the values of slots, and the key of the form. What is unknown has no value: it is an error only where it
    /// would be printed.
    fn slots(&mut self, slots: &[Slot], frame: Frame<'_>, values: &mut Vec<Insert>, key: &mut Vec<u8>) {
        for slot in slots {
            match &slot.kind {
                SlotKind::Print { value, .. } => {
                    let made = self.make(value, frame);
                    key.push(u8::from(made.is_some()));
                    values.extend(made.map(|made| self.insert(made)));
                }
                SlotKind::Test(value) => {
                    let holds = self.make(value, frame).is_some_and(|made| is_something(&made));
                    key.push(u8::from(holds));
                }
                SlotKind::Each { over, slots } => self.rows(over, slots, frame, values, key),
            }
        }
    }

    fn rows(&mut self, over: &Rows, slots: &[Slot], frame: Frame<'_>, values: &mut Vec<Insert>, key: &mut Vec<u8>) {
        let picks = self.picks;
        let set = match over {
            Rows::Set(expr) => self.reader.value(expr, frame.row),
            _ => None,
        };
        let count = self.count(over, frame);
        key.extend((count as u32).to_le_bytes());
        for index in 0..count {
            let mut inner = Frame { is_first: index == 0, is_last: index + 1 == count, ..frame };
            match over {
                Rows::Events => inner.row.event = Some(index),
                Rows::Pick(pick) => inner.row.feed = picks[*pick].get(index).map(Vec::as_slice),
                Rows::Set(_) => {
                    inner.element = match &set {
                        Some(Value::Set(elements)) => elements.get(index),
                        _ => None,
                    }
                }
            }
            self.slots(slots, inner, values, key);
        }
    }

    pub fn count(&self, rows: &Rows, frame: Frame<'_>) -> usize {
        match rows {
            Rows::Events => self.reader.events(),
            Rows::Pick(pick) => self.picks[*pick].len(),
            Rows::Set(expr) => match self.reader.value(expr, frame.row) {
                Some(Value::Set(elements)) => elements.len(),
                _ => 0,
            },
        }
    }

    fn insert(&self, made: Made<'_>) -> Insert {
        match made {
            Made::Link { url, label } => Insert::Link { url, label: label.into_owned() },
            other => Insert::Text(clean(self.text_of(other))),
        }
    }
}

/// The form with this key, or the place of what it would print and is unknown.
fn make(
    handlebars: &Handlebars<'_>,
    template: &Template,
    variant: &Variant,
    key: &[u8],
    style: Option<Style>,
) -> Result<Form, Option<Span>> {
    let mut count = 0;
    let context = Context::from(Json::Object(marks(&variant.slots, &mut { key }, &mut count)));
    let rendered = template.prepared.compiled().renders(handlebars, &context, &mut RenderContext::new(None));
    let text = rendered.map_err(|error| {
        let missing = match error.reason() {
            RenderErrorReason::MissingVariable(Some(path)) => path.trim_start_matches(['s', 'c', 'e', '.', '/']),
            _ => "",
        };
        let number = missing.parse().unwrap_or(0);
        span_of(&variant.slots, number).or_else(|| variant.slots.first().map(|slot| slot.span))
    })?;
    Ok(match style {
        Some(style) => Form::Body(Body::read(text, count, style)),
        None => Form::Plain(Skeleton::of(&text, count)),
    })
}

/// What Handlebars sees: marks for the values, in the order in which they were computed.
fn marks(slots: &[Slot], key: &mut &[u8], count: &mut usize) -> Object<String, Json> {
    let mut seen = Object::new();
    for slot in slots {
        match &slot.kind {
            SlotKind::Print { .. } => {
                if next(key) {
                    seen.insert(format!("s{}", slot.number), hole(*count).into());
                    *count += 1;
                }
            }
            SlotKind::Test(_) => {
                seen.insert(format!("c{}", slot.number), next(key).into());
            }
            SlotKind::Each { slots, .. } => {
                let (length, rest) = key.split_first_chunk().expect("a key tells how many rows there are");
                *key = rest;
                let rows = (0..u32::from_le_bytes(*length)).map(|_| Json::Object(marks(slots, key, count)));
                seen.insert(format!("e{}", slot.number), rows.collect::<Vec<_>>().into());
            }
        }
    }
    seen
}

fn next(key: &mut &[u8]) -> bool {
    let (first, rest) = key.split_first().expect("a key tells of each slot");
    *key = rest;
    *first == 1
}

fn span_of(slots: &[Slot], number: u32) -> Option<Span> {
    slots.iter().find_map(|slot| match &slot.kind {
        _ if slot.number == number => Some(slot.span),
        SlotKind::Each { slots, .. } => span_of(slots, number),
        _ => None,
    })
}
