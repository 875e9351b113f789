//! Why a message was not sent: each reason is kept with it, and `explain` and `dry-run` tell it in plain words.

use bookmobile::catalogue::{Catalogue, Channel, Value};
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::program::Program;
use bookmobile::review::dry_run::{Means, Queue, Unsent, dry_run};
use bookmobile::review::explain::{Entry, Journal, journal};
use bookmobile::rule::ConsentState;
use bookmobile::store::{Store, Suppressed, Suppression, Writer};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

const PROGRAM: &str = r#"
library "Test Library" {
  timezone "America/Toronto"  languages en  sender "T" <news@library.example>  address "1 Main Street"
  adult at 18  limit 1 messages per 7 days
}
purpose essential "Notices" without consent
purpose promotion "News" consent expires after 24 months
patron { born date optional  house one of central, eastside  email email optional  guardian_email email optional }
contact { birth born }
message note { email { subject "A note" body "Hello." } }
message more { email { subject "More" body "Hello again." } }
campaign news {
  purpose promotion  audience everyone  start once on 2026-11-25 at 10:00  exit when house is eastside  expires after 1 day
  send note
  send more
}
campaign nobody { purpose essential  audience everyone  start once on 2026-11-25 at 10:00  holdout 100%  send note }
campaign night  { purpose essential  audience everyone  start once on 2026-11-25 at 22:00  exit when house is eastside  send note }
"#;

fn compile(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", text);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

fn at(program: &Program, day: i8, hour: u32) -> Instant {
    program.library.zone.at(Day::new(2026, 11, day).expect("a date"), TimeOfDay(hour * 3600))
}

struct Town<'p> {
    program: &'p Program,
    store: Store,
}

impl<'p> Town<'p> {
    fn new(program: &'p Program) -> Town<'p> {
        let mut store = Store::in_memory().expect("memory");
        store.align(&program.catalogue).expect("columns");
        Town { program, store }
    }

    fn write(&mut self, now: Instant, write: impl FnOnce(&mut Writer<'_>, &Catalogue)) {
        let transaction = self.store.begin().expect("nobody else writes");
        write(&mut transaction.writer(&self.program.library.zone, now), &self.program.catalogue);
        transaction.commit().expect("written");
    }

    fn patron(&mut self, now: Instant, key: &str, fields: &[(&str, Value)]) {
        self.write(now, |writer, catalogue| {
            let named = |(name, value): &(&str, Value)| {
                (catalogue.field_named(Symbol::new(name)).expect("declared"), Some(value.clone()))
            };
            let fields: Vec<_> = fields.iter().map(named).collect();
            writer.patron(key, None, &fields).expect("written");
        });
        self.say(now, key, ConsentState::Given, None);
    }

    /// A word about promotion by e-mail.
    fn say(&mut self, at: Instant, key: &str, state: ConsentState, until: Option<Day>) {
        self.write(at, |writer, catalogue| {
            let promotion = catalogue.purpose_named(Symbol::new("promotion")).expect("declared");
            let patron = writer.patron_by_key(key).expect("readable").expect("a patron");
            writer.consent(patron, promotion, Channel::Email, state, at, until).expect("written");
        });
    }

    /// An event or a record whose key is that of its patron.
    fn event(&mut self, at: Instant, key: &str, event: &str, fields: &[(&str, Value)]) {
        self.write(at, |writer, catalogue| {
            let id = catalogue.event_named(Symbol::new(event)).expect("declared");
            let field = |name: &str| catalogue.event(id).field(Symbol::new(name)).expect("declared");
            let fields: Vec<_> = fields.iter().map(|(name, value)| (field(name), Some(value.clone()))).collect();
            let patron = writer.patron_by_key(key).expect("readable").expect("a patron");
            writer.event(patron, id, Some(key), at, &fields).expect("written");
        });
    }

    fn tick(&mut self, now: Instant) {
        let plan = Plan::new(self.program);
        engine::tick(&mut self.store, &plan, now, None).expect("a tick");
        let mut take = |_: &Handover<'_>| Handed::Over(Vec::new());
        engine::deliver(&mut self.store, &plan, now, &mut take).expect("a delivery");
    }

    /// What a dry-run says of the messages that wait in the outbox.
    fn waiting(&self, campaign: &str, now: Instant) -> Vec<(String, Queue)> {
        let found = dry_run(&self.store, self.program, Some(campaign), now, &Means::default()).expect("a preview");
        found.campaigns.into_iter().next().expect("the campaign").waiting
    }

    fn journal(&self, campaign: &str, key: &str) -> Journal {
        let patron = self.store.reader().patron_by_key(key).expect("readable").expect("a patron");
        let campaign = self.program.campaigns.iter().find(|known| known.name.as_str() == campaign).expect("declared");
        journal(&self.store, self.program, campaign, patron).expect("readable")
    }

    /// `MESSAGE: what became of it: why`, the newest first.
    fn told(&self, campaign: &str, key: &str) -> Vec<String> {
        lines(&self.journal(campaign, key).messages)
    }

    fn journeys(&self, campaign: &str, key: &str) -> Vec<String> {
        lines(&self.journal(campaign, key).enrolments)
    }

    fn starts(&self, campaign: &str, key: &str) -> Vec<String> {
        lines(&self.journal(campaign, key).occurrences)
    }
}

fn lines(entries: &[Entry]) -> Vec<String> {
    let line = |entry: &Entry| match &entry.reason {
        Some(reason) => format!("{}: {reason}", entry.what),
        None => entry.what.clone(),
    };
    entries.iter().map(line).collect()
}

#[test]
fn every_reason_is_kept_and_told() {
    let program = compile(PROGRAM);
    let mut town = Town::new(&program);
    let begin = at(&program, 24, 9);
    let adult = ("born", Value::Date(Day::new(1980, 1, 1).expect("a date")));
    let child = ("born", Value::Date(Day::new(2018, 1, 1).expect("a date")));
    let mail = |name: &str| ("email", Value::text(&format!("{name}@library.example")));
    town.patron(begin, "ana", &[adult.clone(), mail("ana")]);
    town.patron(begin, "ben", std::slice::from_ref(&adult));
    town.patron(begin, "cy", &[adult.clone(), mail("cy")]);
    town.patron(begin, "kim", &[child, mail("kim")]);
    town.patron(begin, "eve", &[adult, mail("eve")]);
    town.tick(begin);
    let email = Value::Symbol(Symbol::new("email"));
    town.event(at(&program, 25, 9), "cy", "bounced", &[("hard", Value::Bool(true)), ("channel", email)]);

    let foretold =
        dry_run(&town.store, &program, Some("news"), at(&program, 25, 10), &Means::default()).expect("a preview");
    let [(_, note)] = foretold.campaigns[0].messages.iter().filter(|(name, _)| name == "note").collect::<Vec<_>>()[..]
    else {
        panic!("one kind of note")
    };
    assert_eq!((note.count, note.left(), note.dropped.len()), (5, 2, 3), "{:?}", note.dropped);
    let [(_, more)] = foretold.campaigns[0].messages.iter().filter(|(name, _)| name == "more").collect::<Vec<_>>()[..]
    else {
        panic!("one kind of more")
    };
    let reason = "the library's limit of 1 message per 7 days".to_owned();
    let held = |count| Unsent { reason: reason.clone(), until: Some(at(&program, 26, 0)), count, patrons: count };
    assert_eq!((more.sent(), &more.held), (0, &vec![held(2)]), "the gate is foretold too");

    town.tick(at(&program, 25, 10));
    assert_eq!(
        town.told("news", "ana"),
        [
            "more: waits to be delivered: the library's limit of 1 message per 7 days",
            "note: sent by email 2026-11-25 10:00"
        ]
    );
    assert_eq!(town.told("news", "ben")[1], "note: not sent: unreachable: no address for email");
    assert_eq!(town.told("news", "cy")[1], "note: not sent: unreachable: the address for email bounced");
    assert_eq!(
        town.told("news", "kim")[1],
        "note: not sent: unreachable: a minor, so the guardian is written to: no e-mail address of a guardian"
    );
    assert_eq!(town.told("nobody", "ana"), ["note: not sent: held out"]);
    let waiting = town.waiting("news", at(&program, 25, 11));
    assert_eq!(waiting, [("more".to_owned(), Queue { count: 2, held: vec![held(2)], ..Queue::default() })]);

    town.tick(at(&program, 25, 22));
    assert_eq!(town.told("night", "eve"), ["note: waits to be delivered: outside the hours of delivery"]);
    town.patron(at(&program, 25, 23), "eve", &[("house", Value::Symbol(Symbol::new("eastside")))]);
    town.tick(at(&program, 26, 8));
    assert_eq!(town.told("night", "eve"), ["note: not sent, dropped 2026-11-26 08:00: the exit condition is true"]);
    assert_eq!(town.told("news", "eve")[0], "more: not sent, dropped 2026-11-26 08:00: the exit condition is true");
    town.tick(at(&program, 27, 0));
    assert_eq!(
        town.told("news", "ana")[0],
        "more: not sent, dropped 2026-11-27 00:00: expired: more than 1 day late; until then: the library's limit of 1 \
         message per 7 days"
    );
}

const RARER: &str = r#"
library "Test Library" {
  timezone "America/Toronto"  languages en  sender "T" <news@library.example>  address "1 Main Street"  adult at 18
}
purpose essential "Notices" without consent
purpose promotion "News" consent
patron { born date optional  ends date optional  email email optional  phone phone optional  guardian_email email optional }
contact { birth born }
record loan { due_on date  returned_at instant optional  open until returned_at }
event visit { }
list friends "Friends"
message note { email { subject "A note" body "Hello." } }
message text { sms { text "Hello." } }
campaign news  { purpose promotion  audience everyone  start every day at 10:00  send note }
campaign texts { purpose promotion  audience everyone  start once on 2026-11-25 at 10:00  send text }
campaign twice {
  purpose essential  audience everyone except friends  start on visit  limit 1 messages per 7 days
  send note
  send note
}
campaign late  { purpose essential  audience everyone  start once on 2026-11-25 at 22:00  send note }
campaign loans { purpose essential  audience everyone except friends  start on due_on of loan where (open)  send note }
campaign ends  { purpose essential  audience everyone  start 3 days before ends  wait 5 days  send note }
campaign once  { purpose essential  audience everyone except friends  start on visit  again never  send note }
campaign pause { purpose essential  audience everyone  start on visit  again after 3 days  send note }
campaign parent { purpose essential  audience everyone  start on visit  send note to guardian }
"#;

#[test]
fn rarer_reasons_are_told_too() {
    let program = compile(RARER);
    let mut town = Town::new(&program);
    let begin = at(&program, 24, 9);
    let child = ("born", Value::Date(Day::new(2018, 1, 1).expect("a date")));
    let mail = |field: &'static str, name: &str| (field, Value::text(&format!("{name}@library.example")));
    for key in ["ana", "ben", "cy", "dan", "eve", "fay"] {
        town.patron(begin, key, &[mail("email", key), ("ends", Value::Date(Day::new(2026, 11, 28).expect("a date")))]);
    }
    town.patron(begin, "kim", &[child, mail("email", "kim"), mail("guardian_email", "parent")]);
    town.tick(begin);

    let day = |day| Day::new(2026, 11, day).expect("a date");
    town.say(at(&program, 25, 8), "ana", ConsentState::Withdrawn, None);
    town.say(at(&program, 24, 10), "ben", ConsentState::Withdrawn, None);
    town.say(at(&program, 25, 8), "ben", ConsentState::Asked, None);
    town.say(at(&program, 24, 10), "cy", ConsentState::Given, Some(day(24)));
    let by_mail = ("channel", Value::Symbol(Symbol::new("email")));
    town.event(at(&program, 25, 8), "dan", "complained", std::slice::from_ref(&by_mail));
    let hash = town.store.reader().hash_key().expect("a key").address(Channel::Email, "eve@library.example");
    town.write(at(&program, 25, 8), |writer, _| {
        let entry =
            Suppressed { purpose: None, reason: Suppression::Asked, at: at(&program, 25, 8), note: String::new() };
        writer.suppress(&hash, &entry).expect("written");
    });
    town.event(at(&program, 25, 9), "fay", "visit", &[]);
    town.event(at(&program, 25, 9), "fay", "loan", &[("due_on", Value::Date(day(26)))]);
    town.event(at(&program, 25, 9), "eve", "loan", &[("due_on", Value::Date(day(26)))]);
    town.tick(at(&program, 25, 10));
    for (key, why) in [
        ("ana", "no consent to promotion by email (withdrawn on 2026-11-25)"),
        ("ben", "no consent to promotion by email (asked on 2026-11-25, not confirmed)"),
        ("cy", "no consent to promotion by email (ended on 2026-11-24)"),
        ("dan", "the address for email is of somebody who complained"),
    ] {
        assert_eq!(town.told("news", key), [format!("note: not sent: unreachable: {why}")]);
    }
    let [suppressed] = &town.told("news", "eve")[..] else { panic!("one note") };
    assert!(suppressed.starts_with("note: not sent: unreachable: suppressed for email: "), "{suppressed}");
    assert_eq!(town.told("news", "kim"), ["note to the guardian: sent by email 2026-11-25 10:00"]);
    let guardian = "a minor, so the guardian is written to: nothing goes to guardians by sms";
    assert_eq!(town.told("texts", "kim"), [format!("text: not sent: unreachable: {guardian}")]);
    assert_eq!(
        town.told("twice", "fay"),
        [
            "note: waits to be delivered: the campaign's limit of 1 message per 7 days",
            "note: sent by email 2026-11-25 10:00"
        ]
    );
    assert_eq!(
        town.told("parent", "fay"),
        ["note to the guardian: not sent, dropped 2026-11-25 10:00: unreachable: no e-mail address of a guardian"]
    );

    // What came back of the guardian's letter is about that address, and about no other.
    let of_news = |name: &'static str, value: &str| (name, Value::Symbol(Symbol::new(value)));
    let returned = [of_news("campaign", "news"), of_news("message", "note"), by_mail, ("hard", Value::Bool(true))];
    town.event(at(&program, 25, 12), "kim", "bounced", &returned);
    town.event(
        at(&program, 25, 12),
        "fay",
        "bounced",
        &[of_news("campaign", "parent"), of_news("message", "note"), ("hard", Value::Bool(true))],
    );
    town.tick(at(&program, 25, 22));
    town.tick(at(&program, 26, 1));
    let waits = "note: waits to be delivered: outside the hours of delivery";
    for (campaign, key) in [("late", "kim"), ("late", "fay"), ("loans", "fay"), ("loans", "eve")] {
        assert_eq!(town.told(campaign, key), [waits], "{campaign} {key}");
    }
    town.event(at(&program, 25, 9), "fay", "loan", &[("returned_at", Value::Instant(at(&program, 26, 2)))]);
    town.write(at(&program, 26, 2), |writer, catalogue| {
        let friends = catalogue.list_named(Symbol::new("friends")).expect("declared");
        let eve = writer.patron_by_key("eve").expect("readable").expect("a patron");
        writer.member(eve, friends, true).expect("written");
    });
    town.tick(at(&program, 26, 10));
    let bounced = "a minor, so the guardian is written to: the guardian's address for email bounced";
    assert_eq!(town.told("news", "kim")[0], format!("note: not sent: unreachable: {bounced}"));
    assert_eq!(town.told("late", "kim"), ["note: sent by email 2026-11-26 10:00"]);
    assert_eq!(town.told("news", "fay")[0], "note: sent by email 2026-11-26 10:00");
    assert_eq!(
        town.told("loans", "fay"),
        ["note: not sent, dropped 2026-11-26 10:00: what it is about no longer fits the start's `where`"]
    );
    assert_eq!(
        town.told("loans", "eve"),
        ["note: not sent, dropped 2026-11-26 10:00: excepted, or not known not to be"]
    );

    town.patron(at(&program, 26, 11), "ana", &[("ends", Value::Date(day(30)))]);
    town.event(at(&program, 26, 11), "eve", "visit", &[]);
    town.write(at(&program, 26, 11), |writer, catalogue| {
        let visit = catalogue.event_named(Symbol::new("visit")).expect("declared");
        let fay = writer.patron_by_key("fay").expect("readable").expect("a patron");
        writer.event(fay, visit, Some("again"), at(&program, 26, 11), &[]).expect("written");
    });
    town.tick(at(&program, 26, 12));
    assert_eq!(
        town.journeys("ends", "ana"),
        ["began; was withdrawn: the date of its start changed before anything was sent"]
    );
    assert_eq!(town.starts("once", "fay")[0], "did not start it: enrolled before, and `again never`");
    assert_eq!(town.starts("pause", "fay")[0], "did not start it: enrolled too short a time before (`again after`)");
}

#[test]
fn a_campaign_that_leaves_the_program_says_so_in_what_waits() {
    let program = compile(RARER);
    let begin = at(&program, 25, 9);
    let mut town = Town::new(&program);
    town.patron(begin, "ana", &[("email", Value::text("ana@library.example"))]);
    town.tick(begin);
    town.tick(at(&program, 25, 22));
    let without = compile(&RARER.replace("campaign late ", "campaign later "));
    let mut town = Town { program: &without, store: town.store };
    town.tick(at(&program, 26, 9));
    let why = |town: &Town<'_>| -> (String, String) {
        let sql = "SELECT state, reason FROM outbox WHERE campaign = 'late'";
        town.store.connection().query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).expect("a message")
    };
    let reason = "the campaign or the message is not in the program".to_owned();
    assert_eq!(why(&town), ("queued".into(), reason.clone()));
    town.tick(at(&program, 29, 9));
    assert_eq!(why(&town), ("dropped".into(), reason));
}

#[test]
fn a_message_to_somebody_else_says_to_whom() {
    let campaign = r#"
campaign others {
  purpose essential  audience everyone  start on visit
  send note to guardian
  send note to staff at "desk@library.example"
}"#;
    let program = compile(&format!("{RARER}{campaign}"));
    let mut town = Town::new(&program);
    let begin = at(&program, 24, 9);
    town.patron(begin, "ana", &[("email", Value::text("ana@library.example"))]);
    town.patron(begin, "kim", &[("guardian_email", Value::text("parent@library.example"))]);
    town.tick(begin);
    for key in ["ana", "kim"] {
        town.event(at(&program, 25, 9), key, "visit", &[]);
    }
    let now = at(&program, 25, 10);
    let found = dry_run(&town.store, &program, Some("others"), now, &Means::default()).expect("a preview");
    assert_eq!(found.campaigns[0].funnel.reachable, 1, "the first message is the guardian's");
    town.tick(now);
    let staff = "note to the staff: sent by email 2026-11-25 10:00";
    assert_eq!(town.told("others", "kim"), [staff, "note to the guardian: sent by email 2026-11-25 10:00"]);
    let none = "note to the guardian: not sent, dropped 2026-11-25 10:00: unreachable: no e-mail address of a guardian";
    assert_eq!(town.told("others", "ana"), [staff, none]);
}

#[test]
fn a_limit_that_held_a_message_is_told_also_after_hours_held_it() {
    let program = compile(PROGRAM);
    let mut town = Town::new(&program);
    let begin = at(&program, 24, 9);
    let born = ("born", Value::Date(Day::new(1980, 1, 1).expect("a date")));
    town.patron(begin, "ana", &[born, ("email", Value::text("ana@library.example"))]);
    town.tick(begin);
    town.tick(at(&program, 25, 10));
    let limit = "the library's limit of 1 message per 7 days";
    town.tick(at(&program, 26, 0));
    town.tick(at(&program, 26, 1));
    let closed = "outside the hours of delivery";
    assert_eq!(town.told("news", "ana")[0], format!("more: waits to be delivered: {limit}, then {closed}"));
    town.tick(at(&program, 26, 12));
    let end = "not sent, dropped 2026-11-26 12:00: expired: more than 1 day late; until then:";
    assert_eq!(town.told("news", "ana")[0], format!("more: {end} {limit}, then {closed}"));
}
