//! What a reader does: loans, requests, programmes, gifts, over three years and the days of the demo.

use super::names::TITLES;
use super::reader::{Life, Plan};
use super::schema::{Fields, Schema, symbol};
use super::town::{BRANCHES, Programme};
use crate::catalogue::{EventId, Value};
use crate::time::{Day, Instant};

/// How far back the history goes.
const YEARS: i64 = 3;

/// Adds everything to the reader's imports.
pub(super) fn fill(schema: &Schema<'_>, plan: &Plan, calendar: &[Programme], life: &mut Life, number: u64) {
    history(schema, plan, life);
    let is_active = life.last_active.is_some_and(|day| day.0 >= plan.today.0 - 60);
    if is_active {
        loans(schema, plan, life, number);
        holds(schema, plan, life, number);
        registrations(schema, plan, calendar, life, number);
        days(schema, plan, life);
    }
    moves(schema, plan, life);
}

/// The past, between the first day of the card and the last day of its use.
fn history(schema: &Schema<'_>, plan: &Plan, life: &mut Life) {
    let Some(last) = life.last_active else { return };
    let from = life.joined.max(plan.today.plus_months(-12 * YEARS));
    if last < from {
        return;
    }
    let span = (last.0 - from.0) as i64 + 1;
    // A reader of three years shows all of the appetite, one of three months a part of it.
    let share = |life: &Life, percent: i64| life.appetite * percent * span / (100 * 365 * YEARS);
    if life.opted_in {
        for _ in 0..share(life, 930) {
            let format = life.random.weighted(&[("book", 66), ("dvd", 20), ("magazine", 6), ("audiobook", 8)]);
            let branch = branch_of(life);
            let (event, fields) = schema.event(schema.checkout, [symbol(format), symbol(branch)]);
            past(schema, plan, life, from, span, event, fields);
        }
        if life.random.chance(38) {
            for _ in 0..share(life, 520) {
                let format = if life.random.chance(70) { "ebook" } else { "audiobook" };
                let (event, fields) = schema.event(schema.ebook_loan, [symbol(format)]);
                past(schema, plan, life, from, span, event, fields);
            }
        }
    }
    if life.random.chance(34) {
        for _ in 0..=share(life, 140) {
            let &(title, _) = life.random.pick(super::names::PROGRAMMES);
            let branch = branch_of(life);
            let (event, fields) = schema.event(schema.program_visit, [Value::text(title), symbol(branch)]);
            past(schema, plan, life, from, span, event, fields);
        }
    }
    if life.is_young && life.random.chance(30) {
        for _ in 0..=share(life, 160) {
            let books = life.random.heavy(3);
            let minutes = books * life.random.between(20, 90);
            let (event, fields) = schema.event(schema.reading_log, [Value::Int(books), Value::Int(minutes)]);
            past(schema, plan, life, from, span, event, fields);
        }
    }
    if !life.is_young && life.random.chance(4) {
        for _ in 0..life.random.heavy(2) {
            let amount = Value::Money(500 * life.random.heavy(5));
            let (event, fields) = schema.event(schema.donation, [amount]);
            past(schema, plan, life, from, span, event, fields);
        }
    }
}

/// An event on some day of the past, in opening hours.
fn past(schema: &Schema<'_>, plan: &Plan, life: &mut Life, from: Day, span: i64, event: EventId, fields: Fields) {
    let day = from.plus_days(life.random.below(span)).min(plan.today.plus_days(-1));
    let at = schema.at(day, life.random.between(9 * 60, 20 * 60));
    life.rows(0).events.push((event, at, fields));
}

/// Mostly the reader's own branch.
fn branch_of(life: &mut Life) -> &'static str {
    if life.random.chance(84) { life.branch } else { life.random.pick(BRANCHES).name }
}

/// What is out, and what of it comes back, is renewed or stays away in the days of the demo.
fn loans(schema: &Schema<'_>, plan: &Plan, life: &mut Life, number: u64) {
    let out = if life.random.chance(55) { life.random.heavy(3) } else { 0 };
    let (record, columns) = (schema.loan.0, &schema.loan.1);
    for index in 0..out {
        let &(title, format) = life.random.pick(TITLES);
        let late = life.random.chance(9);
        let due_on = plan.today.plus_days(if late { -life.random.between(1, 45) } else { life.random.between(0, 21) });
        let lent = schema.at(due_on.plus_days(-21).min(plan.today.plus_days(-1)), life.random.between(9 * 60, 20 * 60));
        let key = format!("{number}-l{index}");
        let mut row = schema.row(record);
        row[columns.item] = Some(Value::text(&format!("3{:013}", number * 64 + index as u64)));
        row[columns.title] = Some(Value::text(title));
        row[columns.format] = Some(symbol(format));
        row[columns.branch] = Some(symbol(branch_of(life)));
        row[columns.due_on] = Some(Value::Date(due_on));
        row[columns.renewals] = Some(Value::Int(0));
        life.rows(0).records.push((record, key.clone(), lent, row.clone()));

        let due_in = (due_on.0 - plan.today.0) as i64;
        let day = if late { life.random.between(1, 40) } else { due_in - life.random.between(-2, 3) };
        if day < 1 || day > plan.days {
            continue;
        }
        let at = noon(schema, plan, life, day);
        if life.random.chance(22) && !late {
            row[columns.due_on] = Some(Value::Date(due_on.plus_days(21)));
            row[columns.renewals] = Some(Value::Int(1));
        } else if life.random.chance(80) {
            row[columns.returned_at] = Some(Value::Instant(at));
        } else {
            continue;
        }
        life.rows(day).records.push((record, key, lent, row));
    }
}

/// Requests: some wait, some are on the shelf, some come in during the demo.
fn holds(schema: &Schema<'_>, plan: &Plan, life: &mut Life, number: u64) {
    let (record, columns) = (schema.hold.0, &schema.hold.1);
    let asked = if life.random.chance(26) { life.random.heavy(2) } else { 0 };
    for index in 0..asked {
        let &(title, _) = life.random.pick(TITLES);
        let key = format!("{number}-h{index}");
        let placed = noon(schema, plan, life, -life.random.clone().between(6, 60));
        let mut row = schema.row(record);
        row[columns.title] = Some(Value::text(title));
        row[columns.branch] = Some(symbol(life.branch));
        // On the shelf since some days, or arriving in the next weeks, or not for long.
        let ready = life.random.between(-5, 30);
        if ready <= 0 {
            shelve(schema, plan, life, &mut row, ready);
        }
        life.rows(0).records.push((record, key.clone(), placed, row.clone()));
        if ready > 0 && ready <= plan.days {
            shelve(schema, plan, life, &mut row, ready);
            life.rows(ready).records.push((record, key.clone(), placed, row.clone()));
        }
        let fetched = ready + life.random.between(1, 9);
        if fetched >= 1 && fetched <= plan.days {
            row[columns.closed_at] = Some(Value::Instant(noon(schema, plan, life, fetched)));
            life.rows(fetched).records.push((record, key, placed, row));
        }
    }
}

fn shelve(schema: &Schema<'_>, plan: &Plan, life: &mut Life, row: &mut Fields, day: i64) {
    let columns = &schema.hold.1;
    row[columns.ready_at] = Some(Value::Instant(noon(schema, plan, life, day)));
    row[columns.shelf_until] = Some(Value::Date(plan.today.plus_days(day + 7)));
}

/// Places in programmes, and who came.
fn registrations(schema: &Schema<'_>, plan: &Plan, calendar: &[Programme], life: &mut Life, number: u64) {
    let (record, columns) = (schema.registration.0, &schema.registration.1);
    let places = if life.random.chance(13) && !calendar.is_empty() { life.random.heavy(1) } else { 0 };
    for index in 0..places {
        let programme = life.random.pick(calendar);
        let day = (programme.day.0 - plan.today.0) as i64;
        let placed = noon(schema, plan, life, (day - 10).min(-1));
        let key = format!("{number}-r{index}");
        let mut row = schema.row(record);
        row[columns.program] = Some(Value::text(programme.title));
        row[columns.branch] = Some(symbol(programme.branch));
        row[columns.starts_at] = Some(Value::Instant(programme.starts_at));
        let came = life.random.chance(81);
        let outcome = if came { "attended" } else { "absent" };
        let before = life.random.weighted(&[("registered", 86), ("waiting", 8), ("cancelled", 6)]);
        let is_over = day < 0;
        let state = if is_over && before == "registered" { outcome } else { before };
        row[columns.state] = Some(symbol(state));
        life.rows(0).records.push((record, key.clone(), placed, row.clone()));
        if before != "registered" || day < 0 || day >= plan.days {
            continue;
        }
        row[columns.state] = Some(symbol(outcome));
        // The calendar's export of that evening comes with the next morning's import.
        life.rows(day + 1).records.push((record, key, placed, row));
        if came {
            let (event, fields) =
                schema.event(schema.program_visit, [Value::text(programme.title), symbol(programme.branch)]);
            life.rows(day + 1).events.push((event, programme.starts_at, fields));
        }
    }
}

/// Visits and gifts of the demo's own days.
fn days(schema: &Schema<'_>, plan: &Plan, life: &mut Life) {
    for day in 1..=plan.days {
        if !life.random.chance((life.appetite + 2).min(25)) {
            continue;
        }
        let at = noon(schema, plan, life, day);
        if life.opted_in {
            let format = life.random.weighted(&[("book", 75), ("dvd", 25)]);
            let branch = branch_of(life);
            let (event, fields) = schema.event(schema.checkout, [symbol(format), symbol(branch)]);
            life.rows(day).events.push((event, at, fields));
        }
        if !life.is_young && life.random.below(1_000) < 6 {
            let (event, fields) = schema.event(schema.donation, [Value::Money(2_000)]);
            life.rows(day).events.push((event, at, fields));
        }
        life.fields[schema.patron.last_active] = Some(Value::Date(plan.today.plus_days(day)));
        let fields = life.fields.clone();
        life.rows(day).fields = Some(fields);
    }
}

/// Some who had been away come back, and some move to another branch.
fn moves(schema: &Schema<'_>, plan: &Plan, life: &mut Life) {
    let first = life.arrives + 1;
    if first > plan.days || life.random.below(1_000) >= 6 {
        return;
    }
    let day = life.random.between(first, plan.days);
    life.fields[schema.patron.branch] = Some(symbol(life.random.pick(BRANCHES).name));
    let branch = life.fields[schema.patron.branch].clone();
    // The reader of a later import lives there, too.
    for (imported, rows) in &mut life.imports {
        if let Some(fields) = rows.fields.as_mut().filter(|_| *imported >= day) {
            fields[schema.patron.branch].clone_from(&branch);
        }
    }
    if life.imports.iter().all(|(imported, rows)| *imported != day || rows.fields.is_none()) {
        let before = life.imports.iter().rev().find(|(imported, rows)| *imported < day && rows.fields.is_some());
        let mut fields = before.and_then(|(_, rows)| rows.fields.clone()).unwrap_or_else(|| life.fields.clone());
        fields[schema.patron.branch] = branch;
        life.rows(day).fields = Some(fields);
    }
}

/// An instant within opening hours, `day` days after the first import, and before that day's import if it is past.
fn noon(schema: &Schema<'_>, plan: &Plan, life: &mut Life, day: i64) -> Instant {
    // An import happens in the morning: what it brings happened on the day before.
    let day = if day > 0 { day - 1 } else { day.min(-1) };
    schema.at(plan.today.plus_days(day), life.random.between(9 * 60, 20 * 60))
}
