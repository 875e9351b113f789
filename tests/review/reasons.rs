//! Why a message was not sent: each reason is kept with it, and `explain` and `dry-run` tell it in plain words.

use bookmobile::catalogue::{Channel, Value};
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::program::Program;
use bookmobile::review::dry_run::{Means, dry_run};
use bookmobile::review::explain::journal;
use bookmobile::rule::ConsentState;
use bookmobile::store::Store;
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

fn at(program: &Program, day: i8, hour: u32) -> Instant {
    program.library.zone.at(Day::new(2026, 11, day).expect("a date"), TimeOfDay(hour * 3600))
}

struct Town<'p> {
    program: &'p Program,
    store: Store,
}

impl Town<'_> {
    fn patron(&mut self, now: Instant, key: &str, fields: &[(&str, Value)]) {
        let transaction = self.store.begin().expect("nobody else writes");
        let catalogue = &self.program.catalogue;
        let named = |(name, value): &(&str, Value)| {
            (catalogue.field_named(Symbol::new(name)).expect("declared"), Some(value.clone()))
        };
        let fields: Vec<_> = fields.iter().map(named).collect();
        let mut writer = transaction.writer(&self.program.library.zone, now);
        let patron = writer.patron(key, None, &fields).expect("written");
        let promotion = catalogue.purpose_named(Symbol::new("promotion")).expect("declared");
        writer.consent(patron, promotion, Channel::Email, ConsentState::Given, now, None).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    fn bounce(&mut self, now: Instant, key: &str) {
        let transaction = self.store.begin().expect("nobody else writes");
        let bounced = self.program.catalogue.event_named(Symbol::new("bounced")).expect("built in");
        let event = self.program.catalogue.event(bounced);
        let field = |name: &str| event.field(Symbol::new(name)).expect("built in");
        let fields =
            [(field("hard"), Some(Value::Bool(true))), (field("channel"), Some(Value::Symbol(Symbol::new("email"))))];
        let mut writer = transaction.writer(&self.program.library.zone, now);
        let patron = writer.patron_by_key(key).expect("readable").expect("a patron");
        writer.event(patron, bounced, None, now, &fields).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    fn tick(&mut self, now: Instant) {
        let plan = Plan::new(self.program);
        engine::tick(&mut self.store, &plan, now, None).expect("a tick");
        let mut take = |_: &Handover<'_>| Handed::Over(Vec::new());
        engine::deliver(&mut self.store, &plan, now, &mut take).expect("a delivery");
    }

    /// `MESSAGE: what became of it: why`, the newest first.
    fn told(&self, campaign: &str, key: &str) -> Vec<String> {
        let patron = self.store.reader().patron_by_key(key).expect("readable").expect("a patron");
        let campaign = self.program.campaigns.iter().find(|known| known.name.as_str() == campaign).expect("declared");
        let kept = journal(&self.store, self.program, campaign, patron).expect("readable");
        let line = |entry: &bookmobile::review::explain::Entry| match &entry.reason {
            Some(reason) => format!("{}: {reason}", entry.what),
            None => entry.what.clone(),
        };
        kept.messages.iter().map(line).collect()
    }
}

#[test]
fn every_reason_is_kept_and_told() {
    let mut sources = Sources::default();
    sources.add("program.campaign", PROGRAM);
    let compiled = check::compile(sources);
    let program = compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let mut store = Store::in_memory().expect("memory");
    store.align(&program.catalogue).expect("columns");
    let mut town = Town { program: &program, store };
    let begin = at(&program, 24, 9);
    let adult = ("born", Value::Date(Day::new(1980, 1, 1).expect("a date")));
    let child = ("born", Value::Date(Day::new(2018, 1, 1).expect("a date")));
    let email = |name: &str| ("email", Value::text(&format!("{name}@library.example")));
    town.patron(begin, "ana", &[adult.clone(), email("ana")]);
    town.patron(begin, "ben", std::slice::from_ref(&adult));
    town.patron(begin, "cy", &[adult.clone(), email("cy")]);
    town.patron(begin, "kim", &[child, email("kim")]);
    town.patron(begin, "eve", &[adult, email("eve")]);
    town.tick(begin);
    town.bounce(at(&program, 25, 9), "cy");

    let foretold =
        dry_run(&town.store, &program, Some("news"), at(&program, 25, 10), &Means::default()).expect("a preview");
    let [(_, note)] = foretold.campaigns[0].messages.iter().filter(|(name, _)| name == "note").collect::<Vec<_>>()[..]
    else {
        panic!("one kind of note")
    };
    assert_eq!((note.count, note.dropped, note.reasons.len()), (5, 3, 3), "{:?}", note.reasons);

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
    let waiting =
        dry_run(&town.store, &program, Some("news"), at(&program, 25, 11), &Means::default()).expect("a preview");
    assert_eq!(
        waiting.campaigns[0].held,
        [("more".to_owned(), "the library's limit of 1 message per 7 days".to_owned(), 2)]
    );

    town.tick(at(&program, 25, 22));
    assert_eq!(town.told("night", "eve"), ["note: waits to be delivered: outside the hours of delivery"]);
    town.patron(at(&program, 25, 23), "eve", &[("house", Value::Symbol(Symbol::new("eastside")))]);
    town.tick(at(&program, 26, 8));
    assert_eq!(town.told("night", "eve"), ["note: not sent: the exit condition is true"]);
    assert_eq!(town.told("news", "eve")[0], "more: not sent: the exit condition is true");
    town.tick(at(&program, 27, 0));
    assert_eq!(town.told("news", "ana")[0], "more: not sent: expired: more than 1 day late");
}
