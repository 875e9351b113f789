//! Who is counted where: the people of each campaign, read from what the engine and the transports wrote.
//!
//! People are counted, not enrolments: whoever was enrolled five times is one, was sent something if one of the five did,
//! and belongs to the group of the first. Occurrences that were withdrawn before anything was sent never happened. Nothing
//! later than the engine's last word, a tick or a delivery, is counted: two reports between ticks are the same.

use std::collections::{BTreeMap, HashMap};

use super::parts::{self, Split};
use rusqlite::OptionalExtension;

use crate::catalogue::{Catalogue, Value};
use crate::program::Program;
use crate::rule::PatronId;
use crate::store::{Columns, Needs, StoreError, Transaction};
use crate::symbol::Symbol;
use crate::time::Instant;

/// What one person is to a campaign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    pub patron: PatronId,
    /// The first enrolment was held out.
    pub held_out: bool,
    /// The arm of each split, by the first enrolment that came to it.
    pub arms: Vec<Came>,
    pub enrolled_at: Instant,
    /// When the first message was handed over for them, to their own address or a guardian's.
    pub sent_at: Option<Instant>,
    /// Of those to whom something was sent: when the first one was reported as delivered.
    pub delivered_at: Option<Instant>,
    /// Of the same: the first click.
    pub clicked_at: Option<Instant>,
    /// It was known at some tick whether the goal is reached.
    pub goal_known: bool,
    pub reached_at: Option<Instant>,
    /// A goal is still open: it may be reached later.
    pub goal_open: bool,
}

/// That somebody came to a split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Came {
    /// Its number in the text.
    pub split: usize,
    /// The arm taken.
    pub arm: usize,
    /// `None`: not known.
    pub at: Option<Instant>,
}

impl Person {
    pub(super) fn enrolled(patron: PatronId, held_out: bool, enrolled_at: Instant) -> Person {
        Person {
            patron,
            held_out,
            arms: Vec::new(),
            enrolled_at,
            sent_at: None,
            delivered_at: None,
            clicked_at: None,
            goal_known: false,
            reached_at: None,
            goal_open: false,
        }
    }

    /// As a report as of `then` counted them, as far as that is known; `None`: not at all.
    pub fn as_of(&self, then: Instant) -> Option<Person> {
        let before = |at: Option<Instant>| at.filter(|at| *at <= then);
        (self.enrolled_at <= then).then(|| Person {
            sent_at: before(self.sent_at),
            delivered_at: before(self.delivered_at),
            clicked_at: before(self.clicked_at),
            reached_at: before(self.reached_at),
            arms: self.arms.iter().copied().filter(|came| came.at.is_none_or(|at| at <= then)).collect(),
            ..self.clone()
        })
    }

    /// Whether a report as of `then` counted them otherwise, for certain.
    pub fn changed_after(&self, then: Instant) -> bool {
        let instants = [Some(self.enrolled_at), self.sent_at, self.delivered_at, self.clicked_at, self.reached_at];
        instants.into_iter().chain(self.arms.iter().map(|came| came.at)).flatten().any(|at| at > then)
    }
}

/// The people of some campaigns.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    /// The engine's last word; `None` if it never ticked.
    pub as_of: Option<Instant>,
    /// People of the store of whom some transport reported a delivery, of whatever campaign.
    pub with_delivery: usize,
    /// People of whom a click is recorded.
    pub with_click: usize,
    /// In the order of the campaigns that were asked for.
    pub people: Vec<Vec<Person>>,
}

/// Reads the people of `campaigns`.
///
/// # Errors
/// If the store cannot be read.
pub fn people(transaction: &Transaction<'_>, program: &Program, campaigns: &[Symbol]) -> Result<Counted, StoreError> {
    let mut counted = Counted { people: vec![Vec::new(); campaigns.len()], ..Counted::default() };
    let Some(as_of) = last_word(transaction)? else { return Ok(counted) };
    counted.as_of = Some(as_of);
    let index: HashMap<Symbol, usize> = campaigns.iter().enumerate().map(|(index, name)| (*name, index)).collect();
    let splits: Vec<Vec<Split>> = (campaigns.iter())
        .map(|name| program.campaign(*name).map_or_else(Vec::new, |campaign| parts::splits(program, campaign)))
        .collect();
    let mut people = enrolled(transaction, &index, &splits, as_of)?;
    sent(transaction, &index, &mut people, as_of)?;
    let catalogue = &program.catalogue;
    counted.with_delivery = came_back(transaction, catalogue, "delivered", as_of, &mut |patron, campaign, at| {
        let person = index.get(&campaign).and_then(|&index| people.get_mut(&patron)?.get_mut(&index));
        if let Some(person) = person.filter(|person| person.sent_at.is_some()) {
            person.delivered_at.get_or_insert(at);
        }
    })?;
    counted.with_click = came_back(transaction, catalogue, "clicked", as_of, &mut |patron, campaign, at| {
        let person = index.get(&campaign).and_then(|&index| people.get_mut(&patron)?.get_mut(&index));
        if let Some(person) = person.filter(|person| person.sent_at.is_some()) {
            person.clicked_at.get_or_insert(at);
        }
    })?;
    for (campaign, person) in people.into_values().flatten() {
        counted.people[campaign].push(person);
    }
    Ok(counted)
}

/// By patron and index of the campaign.
type People = HashMap<PatronId, BTreeMap<usize, Person>>;

fn last_word(transaction: &Transaction<'_>) -> rusqlite::Result<Option<Instant>> {
    let sql = "SELECT max(ticked_at, coalesce((SELECT max(sent_at) FROM outbox), ticked_at)) FROM engine_clock";
    transaction.connection().query_row(sql, (), |row| row.get(0).map(Instant)).optional()
}

fn enrolled(
    transaction: &Transaction<'_>,
    index: &HashMap<Symbol, usize>,
    splits: &[Vec<Split>],
    as_of: Instant,
) -> rusqlite::Result<People> {
    let mut people = People::new();
    let sql = "SELECT patron, campaign, enrolled_at, held_out, arms, goal, goal_known, goal_at FROM enrolment \
               WHERE patron IS NOT NULL AND state <> 'withdrawn' AND enrolled_at <= ?1 ORDER BY id";
    let mut query = transaction.connection().prepare(sql)?;
    let mut rows = query.query([as_of.0])?;
    while let Some(row) = rows.next()? {
        let name = Symbol::find(row.get_ref(1)?.as_str()?);
        let Some(&campaign) = name.and_then(|name| index.get(&name)) else { continue };
        let patron = PatronId(row.get(0)?);
        let first = Person::enrolled(patron, row.get(3)?, Instant(row.get(2)?));
        let person = people.entry(patron).or_default().entry(campaign).or_insert(first);
        // The split, the arm, and when it was taken, if an engine wrote it that said so.
        let arms: Vec<Vec<serde_json::Value>> = serde_json::from_str(row.get_ref(4)?.as_str()?).unwrap_or_default();
        for taken in arms {
            // One that this version does not have compares something else.
            let Some(split) = splits[campaign].iter().position(|split| split.is_called(&taken[0])) else { continue };
            if person.arms.iter().all(|came| came.split != split) {
                let arm = taken[1].as_u64().unwrap_or_default() as usize;
                person.arms.push(Came { split, arm, at: taken.get(2).and_then(|at| at.as_i64()).map(Instant) });
            }
        }
        let goal = row.get_ref(5)?.as_str()?;
        person.goal_open |= goal == "open";
        person.goal_known |= row.get::<_, bool>(6)?;
        if goal == "reached" {
            let at = Instant(row.get(7)?);
            person.reached_at = Some(person.reached_at.map_or(at, |first| first.min(at)));
        }
    }
    Ok(people)
}

/// When each was first sent something.
fn sent(
    transaction: &Transaction<'_>,
    index: &HashMap<Symbol, usize>,
    people: &mut People,
    as_of: Instant,
) -> rusqlite::Result<()> {
    let sql = "SELECT patron, campaign, min(sent_at) FROM outbox WHERE patron IS NOT NULL AND state = 'sent' \
               AND recipient IN ('patron', 'guardian') AND sent_at <= ?1 GROUP BY patron, campaign";
    let mut query = transaction.connection().prepare(sql)?;
    let mut rows = query.query([as_of.0])?;
    while let Some(row) = rows.next()? {
        let name = Symbol::find(row.get_ref(1)?.as_str()?);
        let Some(campaign) = name.and_then(|name| index.get(&name)) else { continue };
        let person = people.get_mut(&PatronId(row.get(0)?)).and_then(|of| of.get_mut(campaign));
        if let Some(person) = person {
            person.sent_at = Some(Instant(row.get(2)?));
        }
    }
    Ok(())
}

/// Calls `each` with whoever an event came back from, the campaign that it names and its instant, the earliest of a patron
/// first. How many people have such an event.
fn came_back(
    transaction: &Transaction<'_>,
    catalogue: &Catalogue,
    name: &str,
    as_of: Instant,
    each: &mut dyn FnMut(PatronId, Symbol, Instant),
) -> Result<usize, StoreError> {
    let Some(event) = catalogue.event_named(Symbol::new(name)) else { return Ok(0) };
    let Some(field) = catalogue.event(event).field(Symbol::new("campaign")) else { return Ok(0) };
    let none =
        Needs { fields: Columns::Only(Vec::new()), events: Vec::new(), lists: false, consents: false, changed: false };
    let needs = none.with_event(event, Columns::Only(vec![field]));
    let reader = transaction.reader();
    let mut count = 0;
    for range in reader.ranges(1)? {
        reader.scan_range(&needs, range, |facts| {
            let rows = facts.events(event).iter().filter(|row| !row.removed && row.at <= as_of);
            count += usize::from(rows.clone().next().is_some());
            for row in rows {
                if let Some(Value::Symbol(campaign)) = row.fields[usize::from(field)] {
                    each(facts.patron, campaign, row.at);
                }
            }
        })?;
    }
    Ok(count)
}
