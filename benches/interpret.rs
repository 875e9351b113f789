//! How long the interpreter takes for every segment and audience of `campaigns/` over invented patrons.
//!
//! `cargo bench --bench interpret [-- PATRONS]`, 20 events and records a patron. One thread; each figure is the minimum
//! and the median of a few rounds.

use std::path::Path;

use bookmobile::catalogue::{Catalogue, ClassSet, Field, Type, Value};
use bookmobile::check;
use bookmobile::eval::{Interpreter, Question, RuleId, Rules, World};
use bookmobile::program::{Audience, Program};
use bookmobile::rule::{EventRow, Facts, PatronId, RowId, Tables};
use bookmobile::time::{self, Day, TimeOfDay};
use timing::{Rounds, clock, ms};

mod timing;

const ROUNDS: usize = 5;
const EVENTS: usize = 20;

fn main() {
    let patrons = timing::number(20_000);
    let compiled = check::compile(check::load(Path::new("campaigns")).expect("the campaigns can be read"));
    let program = compiled.program.expect("the campaigns compile");
    let now = program.library.zone.at(Day::new(2026, 11, 23).expect("a date"), TimeOfDay(36_000));
    let mut rules = Rules::new();
    let asked = rules_of(&program, &mut rules);
    let mut random = Random(42);
    let everybody: Vec<Facts> =
        (0..patrons).map(|id| invent(&program.catalogue, PatronId(id), now, &mut random)).collect();
    let tables = Tables::default();
    let world = World::of(&program, &tables);
    let mut interpreter = Interpreter::new(&rules, &world);
    let mut rows = ["true or not", "with validity"].map(|name| (name, Rounds::default()));
    for _ in 0..ROUNDS {
        rows[0].1.0.push(
            clock(|| {
                let mut hold = 0;
                for facts in &everybody {
                    let question = Question::of(facts, now);
                    let mut asking = interpreter.ask(&question);
                    hold += asked.iter().filter(|rule| asking.holds(**rule)).count();
                }
                hold
            })
            .0,
        );
        rows[1].1.0.push(
            clock(|| {
                let mut until = i64::MAX;
                for facts in &everybody {
                    let question = Question::of(facts, now);
                    let mut asking = interpreter.ask(&question);
                    until = asked.iter().map(|rule| asking.answer(*rule).until.0).fold(until, i64::min);
                }
                until
            })
            .0,
        );
    }
    println!("{} rules in {} nodes, {patrons} patrons with {EVENTS} events each", asked.len(), rules.nodes());
    println!("{:<16}{:>10}{:>10}{:>14}", "", "min ms", "median", "us a patron");
    for (name, times) in &rows {
        let (min, median) = (ms(times.min()), ms(times.median()));
        println!("{name:<16}{min:>10.1}{median:>10.1}{:>14.2}", min * 1e3 / patrons as f64);
    }
}

fn rules_of(program: &Program, rules: &mut Rules) -> Vec<RuleId> {
    let mut add = |expr, served| rules.add(&program.segments, &program.catalogue, expr, served);
    let mut asked: Vec<RuleId> = program.segments.iter().map(|segment| add(&segment.body, ClassSet::EMPTY)).collect();
    for campaign in &program.campaigns {
        if let Audience::Rule(rule) = &campaign.audience {
            asked.push(add(rule, campaign.served));
        }
        asked.extend(campaign.except.iter().chain(&campaign.exit).map(|rule| add(rule, campaign.served)));
    }
    asked
}

/// Splitmix64: the same patrons in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn invent(catalogue: &Catalogue, patron: PatronId, now: time::Instant, random: &mut Random) -> Facts {
    let mut facts = Facts::empty(catalogue, patron);
    facts.fields = catalogue.fields.iter().map(|field| value(catalogue, field, now, random)).collect();
    for row in 0..EVENTS {
        let event = random.below(catalogue.events.len() as u64) as usize;
        let fields = catalogue.events[event].fields.iter().map(|field| value(catalogue, field, now, random)).collect();
        let at = now.plus_seconds(-(random.below(800 * 86_400) as i64));
        facts.events[event].push(EventRow { row: RowId(row as i64), at, removed: false, fields });
    }
    facts.events.iter_mut().for_each(|rows| rows.sort_by_key(|row| (row.at, row.row)));
    facts
}

fn value(catalogue: &Catalogue, field: &Field, now: time::Instant, random: &mut Random) -> Option<Value> {
    if field.optional && random.below(4) == 0 {
        return None;
    }
    let today = (now.seconds() / 86_400) as i32;
    Some(match field.ty {
        Type::Bool => Value::Bool(random.below(2) == 0),
        Type::Int => Value::Int(random.below(10) as i64),
        Type::Decimal => Value::Decimal(random.below(100_000) as i64),
        Type::Money => Value::Money(random.below(5_000) as i64),
        Type::Date => Value::Date(Day(today - random.below(1_000) as i32 + 200)),
        Type::Instant => Value::Instant(now.plus_seconds(random.below(200 * 86_400) as i64 - 190 * 86_400)),
        Type::Enum(id) => {
            let values = &catalogue.enumeration(id).values;
            Value::Symbol(values[random.below(values.len() as u64) as usize].0)
        }
        Type::Set(_) => Value::Set([].into()),
        Type::Name(_) | Type::Duration => return None,
        Type::Text | Type::Email | Type::Phone | Type::Url => Value::text("A text of the usual length"),
    })
}
