//! Fixtures: what a test puts into the store, as an import would.

use crate::catalogue::{Element, Field, FieldId, Type, Value};
use crate::engine::Draws;
use crate::program::{Assignment, Program, Statement};
use crate::rule::ConsentState;
use crate::store::{StoreError, Writer};
use crate::symbol::Symbol;
use crate::time::Instant;

use super::stage::Stage;

impl<'p> Stage<'p> {
    /// A statement that gives data: imported now, or when its date comes.
    pub fn fixture(&mut self, number: usize, statement: &'p Statement) -> Result<(), StoreError> {
        // Who is new to the store at an instant brings nothing before it.
        let arrival = person_of(statement).and_then(|person| self.arrivals.get(&person).copied());
        if let Statement::Patron { person, from: Some(from), .. } = statement {
            self.arrivals.insert(*person, *from);
        }
        match self.dated(statement).into_iter().chain(arrival).max() {
            Some(at) if at > self.now => {
                self.pending.insert((at, number), statement);
                // An event that is dated ahead is known ahead, and invisible until then (section 7).
                self.announce(number, statement)
            }
            // What came late is learned now; before the first tick a date is when it was learned.
            Some(at) if !self.has_run => self.import(number, statement, at),
            _ => self.import(number, statement, self.now),
        }
    }

    /// The date of a row that arrives at an instant of its own.
    fn dated(&self, statement: &Statement) -> Option<Instant> {
        match statement {
            Statement::Patron { from, .. } => *from,
            Statement::Consent { on, .. }
            | Statement::Withdraw { on, .. }
            | Statement::Event { on, .. }
            | Statement::Record { on, .. }
            | Statement::Remove { on, .. }
            | Statement::ChangePatron { on, .. }
            | Statement::ChangeRecord { on, .. } => Some(*on),
            _ => None,
        }
    }

    fn announce(&mut self, number: usize, statement: &'p Statement) -> Result<(), StoreError> {
        match statement {
            Statement::Event { person, .. } | Statement::Record { person, .. } if self.people.contains_key(person) => {
                self.import(number, statement, self.now)
            }
            _ => Ok(()),
        }
    }

    /// Writes a row as the store learns it at `at`.
    pub(super) fn import(&mut self, number: usize, statement: &'p Statement, at: Instant) -> Result<(), StoreError> {
        let program = self.program;
        let catalogue = &program.catalogue;
        let zone = &program.library.zone;
        if let Statement::HeldOut { .. } | Statement::Arm { .. } = statement {
            self.draw(statement);
            return Ok(());
        }
        // Read before the transaction borrows the store.
        let all_fields = self.fields(statement)?;
        let is_first_import = !self.has_run && at <= self.now;
        let mut new_person = None;
        let transaction = self.store.begin()?;
        let mut writer = transaction.writer(zone, at);
        match statement {
            Statement::Patron { person, from, .. } => {
                let since = match from {
                    Some(from) => Some(*from),
                    None => (!is_first_import).then_some(at),
                };
                new_person = Some((*person, writer.patron(person.as_str(), since, &all_fields)?));
            }
            Statement::Consent { person, purpose, channel, on, until, asked, .. } => {
                let state = if *asked { ConsentState::Asked } else { ConsentState::Given };
                writer.consent(self.people[person], *purpose, *channel, state, *on, *until)?;
            }
            Statement::Withdraw { person, purpose, channel, on } => {
                writer.consent(self.people[person], *purpose, *channel, ConsentState::Withdrawn, *on, None)?;
            }
            Statement::Event { event, person, on, fields } => {
                let values = row(&catalogue.event(*event).fields, fields, *on, program);
                let key = format!("line {number}");
                writer.event(self.people[person], *event, Some(&key), *on, &values)?;
            }
            Statement::Record { record, key, person, on, fields } => {
                let values = row(&catalogue.event(*record).fields, fields, *on, program);
                writer.event(self.people[person], *record, Some(key.as_str()), *on, &values)?;
                self.records.insert(*key, *record);
            }
            Statement::Remove { key, on } => {
                if let Some(record) = self.records.get(key) {
                    writer.remove_record(*record, key.as_str(), *on)?;
                }
            }
            Statement::ChangePatron { person, fields, .. } => {
                let changes: Vec<(FieldId, Option<Value>)> =
                    fields.iter().map(|a| (FieldId(a.field), imported(&catalogue.fields, a))).collect();
                writer.patron(person.as_str(), None, &changes)?;
            }
            Statement::ChangeRecord { record, key, fields, .. } => {
                let declared = &catalogue.event(*record).fields;
                let changes: Vec<(u16, Option<Value>)> =
                    fields.iter().map(|a| (a.field, imported(declared, a))).collect();
                forgive_missing(writer.change_record(*record, key.as_str(), &changes))?;
            }
            Statement::Member { person, list } => drop(writer.member(self.people[person], *list, true)?),
            Statement::TableRow { table, key, fields } => {
                let declared = &catalogue.tables[table.index()].fields;
                let values = row(declared, fields, self.now, program);
                writer.table_row(*table, &key_text(key), &values)?;
            }
            Statement::FeedRow { feed, fields } => {
                let declared = &catalogue.feeds[feed.index()].fields;
                let values = row(declared, fields, self.now, program);
                writer.feed_row(*feed, Some(&format!("line {number}")), &values)?;
            }
            _ => {}
        }
        drop_writer(writer);
        transaction.commit()?;
        self.people.extend(new_person);
        Ok(())
    }

    /// All fields of a patron's fixture: the defaults, or those of another person as they now are, and its own.
    fn fields(&self, statement: &Statement) -> Result<Vec<(FieldId, Option<Value>)>, StoreError> {
        let Statement::Patron { like, fields, .. } = statement else { return Ok(Vec::new()) };
        let mut all = match like {
            Some(like) => self.like(*like)?,
            None => patron_defaults(self.program, self.now),
        };
        for assignment in fields {
            all[usize::from(assignment.field)].1 = imported(&self.program.catalogue.fields, assignment);
        }
        Ok(all)
    }

    fn like(&self, person: Symbol) -> Result<Vec<(FieldId, Option<Value>)>, StoreError> {
        if let Some(id) = self.people.get(&person)
            && let Some(facts) = self.facts(*id)?
        {
            return Ok((0..).map(FieldId).zip(facts.fields).collect());
        }
        // Not yet in the store: as they will be when they come.
        let comes =
            |statement: &&&Statement| matches!(statement, Statement::Patron { person: of, .. } if *of == person);
        match self.pending.values().find(comes) {
            Some(statement) => self.fields(statement),
            None => Ok(patron_defaults(self.program, self.now)),
        }
    }

    fn draw(&mut self, statement: &Statement) {
        let Draws::Fixed { held_out, arms } = &mut self.draws else { return };
        match statement {
            Statement::HeldOut { person, campaign } => drop(held_out.insert((*campaign, self.people[person]))),
            Statement::Arm { person, arm, campaign } => {
                arms.insert((*campaign, self.people[person]), (*arm - 1).max(0) as usize);
            }
            _ => {}
        }
    }
}

/// Whom a row is about, where it needs them in the store.
fn person_of(statement: &Statement) -> Option<Symbol> {
    match statement {
        Statement::Consent { person, .. }
        | Statement::Withdraw { person, .. }
        | Statement::Event { person, .. }
        | Statement::Record { person, .. }
        | Statement::ChangePatron { person, .. }
        | Statement::Member { person, .. }
        | Statement::HeldOut { person, .. }
        | Statement::Arm { person, .. } => Some(*person),
        _ => None,
    }
}

/// A change of a record that privacy did not let the store keep changes nothing.
fn forgive_missing(result: Result<crate::store::Written, StoreError>) -> Result<(), StoreError> {
    match result {
        Ok(_) | Err(StoreError::NoSuchRecord { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn drop_writer(writer: Writer<'_>) {
    drop(writer);
}

/// The value of a fixture's field as an import gives it: an empty text in an optional field is missing.
fn imported(declared: &[Field], assignment: &Assignment) -> Option<Value> {
    let field = &declared[usize::from(assignment.field)];
    match &assignment.value {
        Some(Value::Text(text)) if field.optional && text.trim().is_empty() => None,
        value => value.clone(),
    }
}

/// All fields of a row; those that are left out get their defaults.
fn row(declared: &[Field], given: &[Assignment], now: Instant, program: &Program) -> Vec<(u16, Option<Value>)> {
    let value = |index: u16, field: &Field| match given.iter().find(|assignment| assignment.field == index) {
        Some(assignment) => imported(declared, assignment),
        None => default(field, now, program),
    };
    (0..).zip(declared).map(|(index, field)| (index, value(index, field))).collect()
}

fn patron_defaults(program: &Program, now: Instant) -> Vec<(FieldId, Option<Value>)> {
    let value = |field: &Field| match field.name.as_str() {
        // A fixture has a card unless it says otherwise.
        "has_card" => Some(Value::Bool(true)),
        _ => default(field, now, program),
    };
    (0..).map(FieldId).zip(program.catalogue.fields.iter().map(value)).collect()
}

/// Missing if `optional`, else 0, false, the first enum value, the empty set or text, or `now`.
fn default(field: &Field, now: Instant, program: &Program) -> Option<Value> {
    if field.optional {
        return None;
    }
    Some(match field.ty {
        Type::Bool => Value::Bool(false),
        Type::Int => Value::Int(0),
        Type::Decimal => Value::Decimal(0),
        Type::Money => Value::Money(0),
        Type::Text | Type::Email | Type::Phone | Type::Url => Value::text(""),
        Type::Date => Value::Date(program.library.zone.day(now)),
        Type::Instant => Value::Instant(now),
        Type::Enum(id) => Value::Symbol(program.catalogue.enumeration(id).values.first()?.0),
        Type::Set(Element::Enum(_) | Element::Text) => Value::Set([].into()),
        Type::Duration | Type::Name(_) => return None,
    })
}

/// A table's key as text.
fn key_text(key: &Value) -> String {
    match key {
        Value::Text(text) => text.to_string(),
        Value::Symbol(symbol) => symbol.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Date(day) => day.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => format!("{other:?}"),
    }
}
