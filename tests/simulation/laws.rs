//! What must hold of every message that is handed over and of every store after a tick: naive code that shares
//! nothing with the engine.

use std::collections::{HashMap, HashSet};

use bookmobile::catalogue::{Channel, MessageLimit, Value};
use bookmobile::engine::{Handover, RecipientKind, STANDING};
use bookmobile::eval::{Interpreter, Question, Truth};
use bookmobile::program::{Campaign, Deliver, Program};
use bookmobile::rule::{ConsentState, Facts};
use bookmobile::store::{Needs, Store};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

use super::owed::{Since, Visited};
use super::rules::Lowered;
use super::turned::{self, Before, Turn};

/// A patron's latest word.
#[derive(Clone, Debug)]
pub struct Given {
    pub state: ConsentState,
    pub at: Instant,
    pub on: Day,
    pub until: Option<Day>,
}

/// A message that went out for a patron.
#[derive(Clone, Debug)]
struct Sent {
    patron: String,
    campaign: Symbol,
    needs_consent: bool,
    on: Day,
}

#[derive(Default)]
pub struct Laws {
    consents: HashMap<(String, &'static str, Channel), Given>,
    sent: Vec<Sent>,
    /// Channel, address as it is compared, and for which purpose (`None`: all that need consent).
    suppressed: HashSet<(Channel, String, Option<&'static str>)>,
    erased: HashSet<String>,
    broken: Vec<String>,
}

/// An address however it is written; the simulation writes phone numbers in one way.
fn plain(address: &str) -> String {
    address.to_lowercase()
}

impl Laws {
    pub fn suppress(&mut self, channel: Channel, address: &str, purpose: Option<&'static str>) {
        self.suppressed.insert((channel, plain(address), purpose));
    }

    pub fn lift(&mut self, channel: Channel, address: &str) {
        let address = plain(address);
        self.suppressed.retain(|(of, other, _)| (*of, other) != (channel, &address));
    }

    /// A patron is there.
    pub fn came(&mut self, patron: &str) {
        self.erased.remove(patron);
    }

    /// A patron is erased: nothing is known of them, and nothing goes to them.
    pub fn erase(&mut self, patron: &str) {
        self.consents.retain(|(of, ..), _| of != patron);
        self.erased.insert(patron.to_owned());
    }

    /// What was said and sent by the card `double` counts for `kept`: the later word of both.
    pub fn merge(&mut self, program: &Program, kept: &str, double: &str) {
        let said: Vec<_> =
            self.consents.iter().filter(|((of, ..), _)| of == double).map(|(k, g)| (k.clone(), g.clone())).collect();
        for ((of, purpose, channel), given) in said {
            self.consents.remove(&(of, purpose, channel));
            let known = self.consents.get(&(kept.to_owned(), purpose, channel));
            if known.is_none_or(|known| known.at <= given.at) {
                self.consent(program, kept.to_owned(), purpose, channel, given);
            }
        }
        self.sent.iter_mut().filter(|sent| sent.patron == double).for_each(|sent| sent.patron = kept.to_owned());
    }

    /// A word of a patron. A question changes nothing while a consent is in force.
    pub fn consent(
        &mut self,
        program: &Program,
        patron: String,
        purpose: &'static str,
        channel: Channel,
        given: Given,
    ) {
        let key = (patron, purpose, channel);
        let asked_again = given.state == ConsentState::Asked
            && self.consents.get(&key).is_some_and(|known| {
                known.state == ConsentState::Given
                    && last_day(program, purpose, known).is_none_or(|last| last >= given.on)
            });
        if !asked_again {
            self.consents.insert(key, given);
        }
    }

    /// A message was handed over; `is_first`: its key was not taken before.
    pub fn handed_over(&mut self, lowered: &Lowered<'_>, message: &Handover<'_>, is_first: bool) {
        let program = lowered.program;
        let zone = &program.library.zone;
        let (today, campaign) = (zone.day(message.now), message.campaign);
        let purpose = program.catalogue.purpose(campaign.purpose);
        let patron = message.facts.key.to_string();
        let is_for_reader = matches!(message.recipient, RecipientKind::Patron | RecipientKind::Guardian);
        let mut say =
            |what: String| self.broken.push(format!("{what}: {} of {} to {patron}", message.key(), campaign.name));
        if !is_first {
            say("handed over twice".into());
        }
        if message.recipient != RecipientKind::Public
            && let Some(way) = way_out(lowered, message)
        {
            say(format!("although {way}"));
        }
        let waits_for_no_day = !matches!(campaign.deliver, Deliver::Narrow { .. });
        if waits_for_no_day && message.now > zone.plus(message.due, campaign.expires_after) {
            say("expired".into());
        }
        if self.erased.contains(&patron) {
            say("erased".into());
        }
        if is_for_reader {
            if message.address.is_empty() {
                say("no address".into());
            }
            if let Some(what) = failed(program, message) {
                say(format!("the address {what}"));
            }
            let on_list = |purpose| self.suppressed.contains(&(message.channel, plain(message.address), purpose));
            if purpose.needs_consent && (on_list(None) || on_list(Some(purpose.name.as_str()))) {
                say(format!("{} is suppressed", message.address));
            }
            if purpose.needs_consent {
                let key = (patron.clone(), purpose.name.as_str(), message.channel);
                let in_force = self.consents.get(&key).is_some_and(|given| {
                    let has_run_out = last_day(program, purpose.name.as_str(), given).is_some_and(|last| last < today);
                    given.state == ConsentState::Given && given.on <= today && !has_run_out
                });
                if !in_force {
                    say(format!("no consent for {} by {:?}", purpose.name, message.channel));
                }
                let born =
                    program.catalogue.field_named(Symbol::new("born")).and_then(|id| message.facts.field(id).cloned());
                if let (Some(adult_at), Some(Value::Date(born))) = (program.library.adult_at, born)
                    && born.plus_months(12 * adult_at) > today
                    && message.recipient != RecipientKind::Guardian
                {
                    say("a minor".into());
                }
            }
            let no_mail = program.catalogue.list_named(Symbol::new("no_mail")).expect("declared");
            if purpose.name.as_str() == "promotion" && message.facts.lists.contains(&no_mail) {
                say("never to no_mail".into());
            }
            if !is_open(program, &campaign.deliver, message.now) {
                say(format!("outside of the hours, at {}", zone.civil(message.now)));
            }
            self.sent.push(Sent {
                patron: patron.clone(),
                campaign: campaign.name,
                needs_consent: purpose.needs_consent,
                on: today,
            });
            if self.left(program, campaign, &patron, today) < 0 {
                self.broken.push(format!("over the limit: {} to {patron} on {today}", message.key()));
            }
        }
    }

    /// How many more messages of a campaign the limits allow a patron on a date; less than none: too many went out.
    pub fn left(&self, program: &Program, campaign: &Campaign, patron: &str, today: Day) -> i64 {
        let left = |limit: Option<MessageLimit>, of: &dyn Fn(&Sent) -> bool| {
            limit.map_or(i64::MAX, |limit| {
                let first = today.plus(limit.per.negated()).plus_days(1);
                let counts = |sent: &&Sent| sent.patron == patron && of(sent) && first <= sent.on && sent.on <= today;
                limit.messages - self.sent.iter().filter(counts).count() as i64
            })
        };
        let of_library = program.library.limit.filter(|_| program.catalogue.purpose(campaign.purpose).needs_consent);
        let of_library = left(of_library, &|sent| sent.needs_consent);
        of_library.min(left(campaign.limit, &|sent| sent.campaign == campaign.name))
    }

    pub fn broken(&self) -> Result<(), String> {
        if self.broken.is_empty() { Ok(()) } else { Err(self.broken.join("\n")) }
    }
}

fn last_day(program: &Program, purpose: &str, given: &Given) -> Option<Day> {
    let expires = program
        .catalogue
        .purpose(program.catalogue.purpose_named(Symbol::new(purpose)).expect("declared"))
        .expires_after;
    given.until.or(expires.map(|after| given.on.plus(after).plus_days(-1)))
}

/// What a channel reported of the patron's own address since they have it.
fn failed(program: &Program, message: &Handover<'_>) -> Option<&'static str> {
    if message.recipient != RecipientKind::Patron {
        return None;
    }
    let field = if message.channel == Channel::Sms { "phone" } else { "email" };
    let field = program.catalogue.field_named(Symbol::new(field)).expect("declared");
    let since = message.facts.changed.iter().find(|(of, _)| *of == field).map(|(_, at)| *at);
    ["bounced", "complained"].into_iter().find(|name| {
        let id = program.catalogue.event_named(Symbol::new(name)).expect("built in");
        let event = program.catalogue.event(id);
        let value = |row: &bookmobile::rule::EventRow, field: &str| {
            row.fields[usize::from(event.field(Symbol::new(field)).expect("built in"))].clone()
        };
        message.facts.events(id).iter().any(|row| {
            let is_same = value(row, "channel") == Some(Value::Symbol(Symbol::new(message.channel.word())));
            let is_bad = *name == "complained" || value(row, "hard") == Some(Value::Bool(true));
            is_same && is_bad && since.is_none_or(|since| row.at >= since)
        })
    })
}

/// What should have ended the enrolment before the message left.
fn way_out(lowered: &Lowered<'_>, message: &Handover<'_>) -> Option<&'static str> {
    let of = lowered.of(message.campaign.name)?;
    let world = lowered.world(message.tables);
    let mut interpreter = Interpreter::new(&lowered.rules, &world);
    let event = message.event.filter(|_| !message.is_together).map(|event| (event, message.rows.first().copied()));
    let question = Question { start: Some(message.start), event, ..Question::of(message.facts, message.now) };
    if of.exit.is_some_and(|rule| interpreter.truth(rule, &question) == Truth::True) {
        return Some("the exit is true");
    }
    let is_excepted = of.except.iter().any(|&rule| interpreter.truth(rule, &question) != Truth::False);
    is_excepted.then_some("an exception is not false")
}

/// Whether messages to readers may leave now.
pub fn is_open(program: &Program, deliver: &Deliver, now: Instant) -> bool {
    let zone = &program.library.zone;
    let (time, weekday) = (zone.time_of_day(now), zone.day(now).weekday());
    let within = |from: TimeOfDay, to: TimeOfDay| match from <= to {
        true => from <= time && time < to,
        false => from <= time || time < to,
    };
    let quiet = program.library.quiet.is_some_and(|quiet| within(quiet.from, quiet.to));
    match deliver {
        Deliver::AnyHour => true,
        Deliver::Default => !quiet,
        Deliver::Narrow { on, between } => {
            !quiet
                && (on.is_empty() || on.contains(&weekday))
                && between.is_none_or(|hours| within(hours.from, hours.to))
        }
    }
}

/// After a tick at `now`: nothing that runs is overdue, everybody stands to each start condition as a fresh evaluation
/// says, and nothing is owed.
pub fn after_tick(
    store: &Store,
    lowered: &Lowered<'_>,
    now: Instant,
    since: Since,
    before: &mut Before,
) -> Result<(), String> {
    let db = store.connection();
    let running: Vec<&str> = lowered.program.campaigns.iter().map(|campaign| campaign.name.as_str()).collect();
    let mut query = db
        .prepare_cached(&format!(
            "SELECT e.campaign, coalesce(p.key, ''), e.wake, d.until, e.place, e.patron FROM enrolment e \
             LEFT JOIN patron p ON p.id = e.patron LEFT JOIN {STANDING} d ON d.patron = e.patron \
             WHERE e.state IN ('running', 'gathering')"
        ))
        .expect("the tables are there");
    let mut rows = query.query(()).expect("readable");
    while let Some(row) = rows.next().expect("readable") {
        let campaign: String = row.get(0).expect("a name");
        let (key, wake): (String, Option<i64>) = (row.get(1).expect("a key"), row.get(2).expect("an instant"));
        let (until, place): (Option<i64>, String) = (row.get(3).expect("an instant"), row.get(4).expect("a place"));
        let is_public = row.get::<_, Option<i64>>(5).expect("an id").is_none();
        if !running.contains(&campaign.as_str()) {
            continue;
        }
        if wake.is_none_or(|wake| wake <= now.0) {
            return Err(format!("lost: {campaign} for {key} at {place:?} should have gone on at {wake:?}"));
        }
        if !is_public && until.is_none_or(|until| until > wake.unwrap_or(0)) {
            return Err(format!(
                "lost: {campaign} for {key} at {place:?} wakes at {wake:?}, and is looked at at {until:?}"
            ));
        }
    }
    let reader = store.reader();
    let needs = Needs::everything(&lowered.program.catalogue);
    let tables = reader.tables().expect("readable");
    let world = lowered.world(&tables);
    let mut interpreter = Interpreter::new(&lowered.rules, &world);
    let mut due = db.prepare_cached(&format!("SELECT until FROM {STANDING} WHERE patron = ?1")).expect("a table");
    let mut next = Before::default();
    next.settled = turned::settled(store);
    for patron in reader.patrons().expect("readable") {
        // Whom a step of this tick put on a list is looked at again at once.
        let until: Option<i64> = due.query_row([patron.0], |row| row.get(0)).ok().flatten();
        let is_moved = until == Some(now.0 + 1);
        let facts = reader.facts(patron, &needs).expect("readable").expect("the patron is there");
        let turn = Turn { store, lowered, facts: &facts, now, last: since.at };
        turn.note(before, &mut next, is_moved, &mut interpreter);
        if is_moved {
            continue;
        }
        memberships(store, lowered, &facts, now, &mut interpreter)?;
        Visited { store, lowered, facts: &facts, now, since, settled: &before.settled }.check(&mut interpreter)?;
        turn.check(before, &mut interpreter)?;
    }
    *before = next;
    Ok(())
}

fn memberships(
    store: &Store,
    lowered: &Lowered<'_>,
    facts: &Facts,
    now: Instant,
    interpreter: &mut Interpreter<'_>,
) -> Result<(), String> {
    let sql = format!(
        "SELECT substr(' ' || s.campaigns, instr(' ' || s.campaigns, ' ' || c.number || sign.value) + \
         length(c.number) + 1, 1) FROM {STANDING} s JOIN campaign_state c \
         JOIN json_each('[\"+\", \"-\", \"?\", \"!\"]') sign \
         WHERE s.patron = ?1 AND c.campaign = ?2 AND instr(' ' || s.campaigns, ' ' || c.number || sign.value) > 0"
    );
    let mut stored = store.connection().prepare_cached(&sql).expect("a table");
    for of in &lowered.campaigns {
        let Some(condition) = of.condition else { continue };
        let campaign = of.campaign.name;
        let truth = interpreter.truth(condition, &Question::of(facts, now));
        let value = stored.query_row((facts.patron.0, campaign.as_str()), |row| row.get::<_, String>(0));
        let value = value.ok();
        let agrees = match value.as_deref() {
            // Who was never in it is not in the text.
            None => truth != Truth::True,
            Some("+") => truth == Truth::True,
            Some("-") => truth == Truth::False,
            Some(_) => truth == Truth::Unknown,
        };
        if !agrees {
            return Err(format!("{} is in {campaign} as {value:?}, and should be {truth:?}", facts.key));
        }
    }
    Ok(())
}
