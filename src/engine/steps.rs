//! Journeys go on: the steps of section 8, one after the other, until one waits.

use std::slice;

use crate::catalogue::{ListId, Value};
use crate::engine::ask::{Ask, Scope};
use crate::engine::journey::{Op, Send, To};
use crate::engine::moved;
use crate::engine::occurrence;
use crate::engine::outbox::{Entry, RecipientKind};
use crate::engine::plan::{Plan, Start};
use crate::engine::reach;
use crate::engine::schedule::first_weekday;
use crate::engine::state::{Enrolment, Taken};
use crate::engine::visit::{Sent, Visit};
use crate::program::Together;
use crate::rule::{EventRow, Facts};
use crate::store::StoreError;
use crate::symbol::Symbol;
use crate::time::{Instant, TimeOfDay, Weekday};

/// What came of an operation.
enum Next {
    /// Go on with this one.
    At(usize),
    /// A wait goes on.
    Wait,
    /// The journey is over.
    End(Option<&'static str>),
    /// It took a way out.
    Cancel(&'static str),
}

impl<'a> Visit<'_, 'a> {
    /// Takes the steps of the enrolment at `position` that are due.
    pub(super) fn drive(&mut self, index: usize, position: usize) -> Result<(), StoreError> {
        let plan = self.tick.plan;
        let journey = &plan.campaigns[index].journey;
        let mut enrolment = self.state.enrolments[position].clone();
        let Some(mut at) = journey.find(&enrolment.place) else {
            let older = plan.older_with(&enrolment.revision, &enrolment.campaign, &enrolment.place);
            return match older {
                Some(older) => {
                    self.tick.elsewhere.push((older, enrolment.patron, enrolment.id));
                    Ok(())
                }
                None => {
                    self.end(position, Some("its step is no longer in the program"));
                    Ok(())
                }
            };
        };
        // When the step at hand was due: at a first step the occurrence or the end of gathering, else the end of a wait.
        let mut due = enrolment.wake.filter(|_| !enrolment.arrived).unwrap_or(self.now()).min(self.now());
        let mut tried = false;
        loop {
            let is_new_step = !enrolment.arrived && !matches!(journey.ops[at], Op::Jump(_) | Op::Round(_));
            if is_new_step && !tried {
                if let Some(reason) = self.way_out(index, &enrolment) {
                    self.state.enrolments[position] = enrolment;
                    return self.cancel(position, reason);
                }
                tried = true;
            }
            let next = match &journey.ops[at] {
                Op::Jump(to) | Op::Round(to) => Next::At(*to),
                Op::Stop => Next::End(None),
                Op::Test { condition, otherwise } => {
                    let holds = self.ask().holds(*condition, &self.scope(index, &enrolment));
                    Next::At(if holds { at + 1 } else { *otherwise })
                }
                Op::Send(send) => {
                    self.send(index, position, &enrolment, send, due);
                    Next::At(at + 1)
                }
                Op::Publish { .. } => {
                    self.publish(index, position, &enrolment, at, due);
                    Next::At(at + 1)
                }
                Op::AddTo(list) | Op::RemoveFrom(list) => {
                    let add = matches!(journey.ops[at], Op::AddTo(_));
                    tried = !self.list(*list, add)? && tried;
                    Next::At(at + 1)
                }
                Op::Split { ordinal, name, arms } => {
                    let shares: Vec<i64> = arms.iter().map(|(share, _)| *share).collect();
                    let arm =
                        self.tick.draws.arm(plan.campaigns[index].campaign.name, self.patron(), *ordinal, &shares);
                    let before = enrolment.arms.extract_if(.., |taken| taken.split == *name).last();
                    let again = before.filter(|taken| taken.arm == arm);
                    let first = || Taken { split: name.clone(), arm, at: Some(self.now()) };
                    enrolment.arms.push(again.unwrap_or_else(first));
                    Next::At(arms[arm].1)
                }
                Op::Wait(wait) => {
                    let until = self.zone().plus(self.arrive(&mut enrolment), *wait);
                    self.wait_for(&mut enrolment, until, at + 1, &mut due)
                }
                Op::WaitTime { weekday, at: time } => {
                    let until = self.next_time(self.arrive(&mut enrolment), *weekday, *time);
                    self.wait_for(&mut enrolment, until, at + 1, &mut due)
                }
                Op::WaitDate { .. } => self.wait_date(index, &mut enrolment, at, &mut due),
                Op::WaitUpTo { .. } => self.wait_up_to(index, &mut enrolment, at, &mut due),
                Op::Repeat { .. } => self.repeat(index, &mut enrolment, at, &mut due),
            };
            match next {
                Next::At(to) => {
                    at = to;
                    enrolment.arrived = false;
                    enrolment.wake = None;
                    enrolment.place = journey.place(at).to_owned();
                    enrolment.revision = plan.program.revision.to_string();
                    if journey.ops[at].is_step() && self.tick.is_left(&enrolment) {
                        enrolment.wake = Some(due);
                        self.put(position, enrolment);
                        return Ok(());
                    }
                }
                Next::Wait => {
                    if let Some(wake) = enrolment.wake {
                        self.look_at(wake);
                    }
                    if enrolment != self.state.enrolments[position] {
                        self.put(position, enrolment);
                        self.tick.has_gone_on = true;
                    }
                    return Ok(());
                }
                Next::End(reason) => {
                    self.state.enrolments[position] = enrolment;
                    self.end(position, reason);
                    return Ok(());
                }
                Next::Cancel(reason) => {
                    self.state.enrolments[position] = enrolment;
                    return self.cancel(position, reason);
                }
            }
        }
    }

    // ---- waits -------------------------------------------------------------------------------------------------

    /// The instant at which the wait at hand began: now, if it begins now.
    fn arrive(&self, enrolment: &mut Enrolment) -> Instant {
        if !enrolment.arrived {
            enrolment.arrived = true;
            enrolment.since = self.now();
        }
        enrolment.since
    }

    fn wait_for(&self, enrolment: &mut Enrolment, until: Instant, next: usize, due: &mut Instant) -> Next {
        if until > self.now() {
            enrolment.wake = Some(until);
            return Next::Wait;
        }
        *due = until;
        Next::At(next)
    }

    /// The next such time of day, strictly after.
    fn next_time(&self, after: Instant, weekday: Option<Weekday>, time: TimeOfDay) -> Instant {
        let zone = self.zone();
        let mut day = zone.day(after).plus_days(-1);
        loop {
            let candidate = weekday.map_or(day, |weekday| first_weekday(day, weekday));
            let at = zone.at(candidate, time);
            if at > after {
                return at;
            }
            day = candidate.plus_days(1);
        }
    }

    fn wait_date(&mut self, index: usize, enrolment: &mut Enrolment, at: usize, due: &mut Instant) -> Next {
        let Op::WaitDate { date, offset } = self.tick.plan.campaigns[index].journey.ops[at] else {
            unreachable!("called for a wait until a date")
        };
        let was_waiting = enrolment.arrived;
        self.arrive(enrolment);
        let ((value, value_until), (lead, lead_until)) = {
            let (ask, scope) = (self.ask(), self.scope(index, enrolment));
            (ask.value(date, &scope), ask.lead(offset, &scope))
        };
        let (Some(value), Some(lead)) = (value, lead) else {
            return Next::End(Some("the date it waited for is unknown"));
        };
        // A date from its first instant on; days before or after an instant keep its time of day.
        let until = match (&value, lead) {
            (Value::Instant(instant), None) => Some(*instant),
            (Value::Instant(instant), Some(lead)) => Some(self.zone().plus(*instant, lead)),
            _ => occurrence::due(self.zone(), &value, lead, true),
        };
        let Some(until) = until else { return Next::End(Some("the date it waited for is unknown")) };
        if until > self.now() {
            self.look_at(value_until.min(lead_until));
            enrolment.wake = Some(until);
            return Next::Wait;
        }
        // A date that had passed already is no wait, and neither is one that moved there while its end lay ahead.
        if was_waiting {
            let has_moved = enrolment.wake.is_some_and(|expected| expected > self.now());
            *due = if has_moved { self.now() } else { until.max(enrolment.since) };
        }
        Next::At(at + 1)
    }

    fn wait_up_to(&mut self, index: usize, enrolment: &mut Enrolment, at: usize, due: &mut Instant) -> Next {
        let Op::WaitUpTo { at_most, until, otherwise } = self.tick.plan.campaigns[index].journey.ops[at] else {
            unreachable!("called for a wait up to a time")
        };
        let was_waiting = enrolment.arrived;
        let end = self.zone().plus(self.arrive(enrolment), at_most);
        let answer = self.ask().answer(until, &self.scope(index, enrolment));
        if answer.truth.is_true() {
            if was_waiting {
                *due = self.now();
            }
            return Next::At(at + 1);
        }
        if end > self.now() {
            self.look_at(answer.until);
        }
        self.wait_for(enrolment, end, otherwise, due)
    }

    fn repeat(&mut self, index: usize, enrolment: &mut Enrolment, at: usize, due: &mut Instant) -> Next {
        let Op::Repeat { every, up_to, until, after } = self.tick.plan.campaigns[index].journey.ops[at] else {
            unreachable!("called for a repeat")
        };
        if enrolment.round < up_to {
            if enrolment.round > 0 {
                let next = self.zone().plus(enrolment.round_began, every);
                if next > self.now() {
                    self.arrive(enrolment);
                    enrolment.wake = Some(next);
                    return Next::Wait;
                }
                if enrolment.arrived {
                    *due = next;
                    // Before every round the ways out are tried.
                    if let Some(reason) = self.way_out(index, enrolment) {
                        return Next::Cancel(reason);
                    }
                }
            }
            if !until.is_some_and(|until| self.ask().holds(until, &self.scope(index, enrolment))) {
                enrolment.round += 1;
                enrolment.round_began = self.now();
                return Next::At(at + 1);
            }
        }
        enrolment.round = 0;
        Next::At(after)
    }

    // ---- lists -------------------------------------------------------------------------------------------------

    /// Whether the list changed.
    fn list(&mut self, list: ListId, add: bool) -> Result<bool, StoreError> {
        let is_on = self.facts.lists.contains(&list);
        if is_on == add {
            return Ok(false);
        }
        if add {
            self.facts.lists.push(list);
        } else {
            self.facts.lists.retain(|on| *on != list);
        }
        let patron = self.patron();
        self.tick.set_member(list, patron, add)?;
        // What follows from it elsewhere is decided at the next tick.
        self.look_at(Instant(self.now().0 + 1));
        Ok(true)
    }

    // ---- messages ----------------------------------------------------------------------------------------------

    fn send(&mut self, index: usize, position: usize, enrolment: &Enrolment, send: &'a Send<'a>, due: Instant) {
        let plan = self.tick.plan;
        let running = &plan.campaigns[index];
        let message = &plan.program.messages[send.message];
        let scope = self.scope(index, enrolment);
        let ask = self.ask();
        if send.condition.is_some_and(|condition| !ask.holds(condition, &scope)) {
            return;
        }
        let (recipient, address) = match send.to {
            To::Patron => (RecipientKind::Patron, None),
            To::Guardian => (RecipientKind::Guardian, None),
            To::Staff(address) => {
                let address = match ask.value(address, &scope).0 {
                    Some(Value::Text(text)) => Some(text.to_string()),
                    _ => None,
                };
                (RecipientKind::Staff, address)
            }
        };
        let dropped = if enrolment.held_out {
            Some("held out".to_owned())
        } else if let Some(reason) = is_about_nothing(&running.start, &ask, &self.facts, enrolment, self.tick.plan) {
            Some(reason.to_owned())
        } else if recipient == RecipientKind::Staff {
            address.is_none().then(|| "unreachable: no address of the staff".to_owned())
        } else {
            reach::choose(plan, &ask, running.campaign, message, recipient, send.channels).err()
        };
        let entry = Entry {
            campaign: running.campaign.name,
            patron: Some(self.patron()),
            step: &send.name,
            round: enrolment.round,
            message: message.name,
            recipient,
            channels: send.channels,
            language: None,
            show_until: None,
            address,
            priority: running.campaign.priority,
            due,
            dropped,
        };
        self.sent.push(Sent { index, position, entry });
    }

    /// Each language of each channel's block as an item of its own.
    fn publish(&mut self, index: usize, position: usize, enrolment: &Enrolment, at: usize, due: Instant) {
        let plan = self.tick.plan;
        let campaign = plan.campaigns[index].campaign;
        let Op::Publish { message, channels, until, name } = &plan.campaigns[index].journey.ops[at] else {
            unreachable!("called for a publish")
        };
        let message = &plan.program.messages[*message];
        for channel in channels.iter() {
            let Some(block) = message.blocks.iter().find(|block| block.channel == *channel) else { continue };
            let mut languages: Vec<Symbol> = block.parts.iter().map(|part| part.language).collect();
            languages.sort();
            languages.dedup();
            for language in languages {
                let entry = Entry {
                    campaign: campaign.name,
                    patron: None,
                    step: name,
                    round: enrolment.round,
                    message: message.name,
                    recipient: RecipientKind::Public,
                    channels: slice::from_ref(channel),
                    language: Some(language),
                    show_until: *until,
                    address: None,
                    priority: campaign.priority,
                    due,
                    dropped: None,
                };
                self.sent.push(Sent { index, position, entry });
            }
        }
    }
}

/// The rows of an enrolment that still fit the start's `where`, tried as of the start; `None` where nothing is tried:
/// the campaign starts on no row, or did when this began, or on a single event, which does not change.
pub(super) fn fitting_rows<'f>(
    start: &Start,
    ask: &Ask<'_, '_>,
    facts: &'f Facts,
    enrolment: &Enrolment,
    plan: &Plan<'_>,
) -> Option<Vec<&'f EventRow>> {
    let (event, admits) = start.row_rule()?;
    let is_single = start.together() == Together::No && !plan.program.catalogue.event(event).is_record();
    if enrolment.rows.is_empty() || is_single && !enrolment.has_passed() {
        return None;
    }
    let fits = |row: &&EventRow| {
        let scope = Scope { row: Some(*row), start: Some(enrolment.start), as_of: Some(enrolment.start), event: None };
        ask.holds(admits, &scope)
    };
    let started = |row: &&EventRow| enrolment.rows.iter().any(|(_, id)| *id == row.row);
    Some(facts.events(event).iter().filter(started).filter(fits).collect())
}

/// Why there is nothing to tell any more, where that is so.
pub(super) fn is_about_nothing(
    start: &Start,
    ask: &Ask<'_, '_>,
    facts: &Facts,
    enrolment: &Enrolment,
    plan: &Plan<'_>,
) -> Option<&'static str> {
    let rows = fitting_rows(start, ask, facts, enrolment, plan)?;
    rows.is_empty().then_some(match enrolment.has_passed() {
        true => moved::PASSED,
        false => "what it is about no longer fits the start's `where`",
    })
}
