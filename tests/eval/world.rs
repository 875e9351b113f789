//! A small catalogue with one of everything that the semantics distinguishes.

use std::collections::HashMap;
use std::sync::Arc;

use bookmobile::catalogue::*;
use bookmobile::rule::Tables;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Duration, Unit};

pub const AGREES: FieldId = FieldId(0);
pub const BORROWING: ClassId = ClassId(0);
pub const VISIT: EventId = EventId(0);
pub const CHECKOUT: EventId = EventId(1);
pub const LOAN: EventId = EventId(2);
pub const REGISTRATION: EventId = EventId(3);
pub const DONATION: EventId = EventId(4);
pub const BRANCHES: [&str; 3] = ["central", "eastside", "westside"];
pub const TEXTS: [&str; 5] = ["", "Emma", "EMMA", "Straße", "strasse e\u{301}"];
pub const KEYS: [&str; 3] = ["K1A", "É", "zz"];

fn field(name: &str, ty: Type, private: Option<ClassId>) -> Field {
    Field { name: Symbol::new(name), ty, optional: true, private, doc: None, span: None }
}

fn event(name: &str, kind: EventKind, private: Option<ClassId>, fields: Vec<Field>) -> Event {
    Event { name: Symbol::new(name), kind, private, fields, doc: None, span: None }
}

/// The catalogue: patron fields, events public and private, records open until an instant and until a date.
pub fn catalogue() -> Catalogue {
    let branch = Type::Enum(EnumId(0));
    let keep = Duration { count: 7, unit: Unit::Day };
    let private = Some(BORROWING);
    let purpose = |name: &str, needs_consent, expires_after| Purpose {
        name: Symbol::new(name),
        label: None,
        needs_consent,
        expires_after,
        span: None,
    };
    let class = |name: &str, requires, open_records_serve| PrivacyClass {
        name: Symbol::new(name),
        label: None,
        requires,
        open_records_serve,
        only_for: None,
        span: None,
    };
    let list = |name: &str| List { name: Symbol::new(name), label: None, doc: None, span: None };
    Catalogue {
        fields: vec![
            field("history_opt_in", Type::Bool, None),
            field("a", Type::Int, None),
            field("searches", Type::Int, private),
            field("born", Type::Date, None),
            field("due", Type::Date, None),
            field("seen", Type::Instant, None),
            field("branch", branch, None),
            field("name", Type::Text, None),
            field("interests", Type::Set(Element::Enum(EnumId(0))), None),
            field("fines", Type::Money, None),
            field("flag", Type::Bool, None),
            field("postal_zone", Type::Text, None),
            field("last_loan", Type::Date, private),
            field("ratio", Type::Decimal, None),
        ],
        events: vec![
            event(
                "visit",
                EventKind::Event,
                None,
                vec![
                    field("branch", branch, None),
                    field("rating", Type::Int, None),
                    field("day", Type::Date, None),
                    field("paid", Type::Money, None),
                    field("borrowed", Type::Int, private),
                ],
            ),
            event(
                "checkout",
                EventKind::Event,
                private,
                vec![field("score", Type::Int, None), field("title", Type::Text, None)],
            ),
            event(
                "loan",
                EventKind::Record { open_until: Some(1), keep },
                private,
                vec![
                    field("due_on", Type::Date, None),
                    field("returned_at", Type::Instant, None),
                    field("renewals", Type::Int, private),
                ],
            ),
            event(
                "registration",
                EventKind::Record { open_until: Some(0), keep },
                None,
                vec![field("starts", Type::Date, None), field("seats", Type::Int, None)],
            ),
            event("donation", EventKind::Event, Some(ClassId(1)), vec![field("amount", Type::Money, None)]),
        ],
        enums: vec![Enum {
            name: Some(Symbol::new("branch")),
            values: BRANCHES.iter().map(|name| (Symbol::new(name), None)).collect(),
            span: None,
        }],
        purposes: vec![
            purpose("essential", false, None),
            purpose("promotion", true, Some(Duration { count: 24, unit: Unit::Month })),
            purpose("survey", true, None),
        ],
        classes: vec![class("borrowing", Some(AGREES), vec![PurposeId(0)]), class("giving", None, vec![])],
        tables: vec![Table {
            name: Symbol::new("zone"),
            by: Symbol::new("postal_zone"),
            fields: vec![field("households", Type::Int, None), field("since", Type::Date, private)],
            span: None,
        }],
        lists: vec![list("friends"), list("do_not_disturb")],
        ..Catalogue::default()
    }
}

/// Rows of the table for some of [`KEYS`].
pub fn tables() -> Tables {
    let row = |households: Option<i64>| {
        let day = bookmobile::time::Day::new(2020, 2, 29).map(Value::Date);
        vec![households.map(Value::Int), day]
    };
    let rows = [("k1a".to_owned(), row(Some(3))), ("é".to_owned(), row(None))];
    Tables { rows: vec![HashMap::from(rows)] }
}

pub fn symbol(name: &str) -> Value {
    Value::Symbol(Symbol::new(name))
}

/// A set of enum values, sorted as the catalogue keeps them.
pub fn set(names: &[&str]) -> Value {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    Value::Set(names.into_iter().map(symbol).collect::<Arc<[Value]>>())
}
