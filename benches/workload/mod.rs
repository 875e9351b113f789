//! The fixed workload of the benchmarks: the same town in every run, for every evaluator.
//!
//! Patrons come one at a time, so that a million of them with thirty million events never stand in memory as facts.
//! Event counts have heavy tails over three years; optional fields are missing, agreements are not given, and some
//! visits are dated ahead, so that the unknown matters.

use std::path::Path;

use bookmobile::catalogue::{Catalogue, EventId, FieldId, Type, Value};
use bookmobile::check;
use bookmobile::program::Program;
use bookmobile::rule::{EventRow, Facts, PatronId, RowId};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

/// 2026-08-31, a Monday.
pub const TODAY: Day = Day(20_696);

/// Events of a kind: its name, how many a patron has on average, how many in a hundred have none.
pub const KINDS: [(&str, f64, u64); 6] = [
    ("checkout", 9.0, 25),
    ("ebook_loan", 4.0, 60),
    ("visit", 4.0, 45),
    ("survey_answer", 1.5, 60),
    ("mailing", 8.0, 10),
    ("followed_link", 3.5, 40),
];

/// The program of the fifty segments.
pub fn program() -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/workload/workload.campaign");
    let compiled = check::compile(check::load(&path).expect("the workload can be read"));
    compiled.program.expect("the workload compiles")
}

/// Ten in the morning of [`TODAY`].
pub fn now(program: &Program) -> Instant {
    program.library.zone.at(TODAY, TimeOfDay(36_000))
}

/// Splitmix64: the same town in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// From 0 to 1, neither included.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON
    }
}

/// Makes the town's patrons.
pub struct Town<'a> {
    catalogue: &'a Catalogue,
    kinds: Vec<(EventId, f64, u64)>,
    midnight: Instant,
    next_row: i64,
}

impl<'a> Town<'a> {
    pub fn new(program: &'a Program) -> Town<'a> {
        let catalogue = &program.catalogue;
        let kind = |(name, mean, none): (&str, f64, u64)| {
            (catalogue.event_named(Symbol::new(name)).expect("declared"), mean, none)
        };
        Town { catalogue, kinds: KINDS.map(kind).into(), midnight: program.library.zone.start_of(TODAY), next_row: 1 }
    }

    /// The patron with this number, from 1.
    pub fn patron(&mut self, number: i64) -> Facts {
        let mut random = Random(number as u64 ^ 0x5eed);
        let mut facts = Facts::empty(self.catalogue, PatronId(number));
        facts.key = format!("{number:08}").into();
        for index in 0..self.catalogue.fields.len() {
            facts.fields[index] = self.field(FieldId(index as u16), number, &mut random);
        }
        for (event, mean, none) in self.kinds.clone() {
            let mut rows: Vec<EventRow> = (0..how_many(mean, none, &mut random))
                .map(|_| {
                    self.next_row += 1;
                    self.event(event, &mut random)
                })
                .collect();
            rows.sort_by_key(|row| (row.at, row.row));
            facts.events[event.index()] = rows;
        }
        facts
    }

    /// An event of this kind in the three years, or somewhat ahead.
    pub fn event(&self, event: EventId, random: &mut Random) -> EventRow {
        let declared = self.catalogue.event(event);
        let ahead = declared.name.as_str() == "visit" && random.below(50) == 0;
        // Three years, the last ones a little more often.
        let age = random.below(1_095).min(random.below(1_400));
        let days = if ahead { random.below(40) as i64 } else { -(age as i64) };
        let at = self.midnight.plus_seconds(days * 86_400 + random.below(86_400) as i64);
        let fields = declared.fields.iter().map(|field| match field.ty {
            Type::Int => (random.below(5) > 0).then(|| Value::Int(random.below(11) as i64)),
            ty => Some(self.symbol(ty, random)),
        });
        EventRow { row: RowId(self.next_row), at, removed: false, fields: fields.collect() }
    }

    fn symbol(&self, ty: Type, random: &mut Random) -> Value {
        let Type::Enum(id) = ty else { panic!("the workload's events hold enums and scores") };
        let values = &self.catalogue.enumeration(id).values;
        Value::Symbol(values[random.below(values.len() as u64) as usize].0)
    }

    fn field(&self, id: FieldId, number: i64, random: &mut Random) -> Option<Value> {
        let field = self.catalogue.field(id);
        let day = |before: u64, random: &mut Random| Value::Date(TODAY.plus_days(-(random.below(before) as i64)));
        Some(match field.name.as_str() {
            "birth_date" => (random.below(100) < 85).then(|| day(85 * 365, random))?,
            "registered_on" => day(15 * 365, random),
            "expires_on" => Value::Date(TODAY.plus_days(random.below(1_100) as i64 - 365)),
            "seen_on" => (random.below(100) < 70).then(|| day(900, random))?,
            "fines" => Value::Money(if random.below(4) == 0 { random.below(4_000) as i64 } else { 0 }),
            "household" => (random.below(100) < 50).then(|| Value::Int(1 + random.below(7) as i64))?,
            "email" => (random.below(100) < 75).then(|| Value::text(&format!("p{number}@town.example")))?,
            "postal_zone" => (random.below(100) < 80).then(|| {
                let letters = ["K1A", "K2B", "M5V", "M5H", "L4C", "N2L", "H3Z", "V6B"];
                let at = random.below(40);
                Value::text(&format!("{}{}", letters[at as usize % 8], at / 8))
            })?,
            "history_opt_in" => Value::Bool(random.below(100) < 60),
            "remote" => (random.below(2) == 0).then(|| Value::Bool(random.below(3) == 0))?,
            "interests" => {
                let mut chosen: Vec<Value> = ["cooking", "games", "gardening", "history", "music", "science"]
                    .into_iter()
                    .filter(|_| random.below(4) == 0)
                    .map(|name| Value::Symbol(Symbol::new(name)))
                    .collect();
                chosen.sort_by_key(|value| match value {
                    Value::Symbol(name) => *name,
                    _ => unreachable!("interests are names"),
                });
                Value::Set(chosen.into())
            }
            _ if field.optional => return None,
            _ => match field.ty {
                Type::Enum(_) => self.symbol(field.ty, random),
                Type::Bool => Value::Bool(false),
                Type::Text => Value::text("x"),
                Type::Date => Value::Date(TODAY),
                _ => Value::Int(0),
            },
        })
    }
}

/// Many have none, some very many: a Pareto tail of index 2, at most 400.
fn how_many(mean: f64, none: u64, random: &mut Random) -> usize {
    if random.below(100) < none {
        return 0;
    }
    let some = mean * 100.0 / (100 - none) as f64;
    ((some * 0.52 / random.unit().sqrt()) as usize).min(400)
}
