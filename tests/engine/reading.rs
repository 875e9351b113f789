//! A tick passes over who changed in nothing that a rule or a start reads, in this version or in one that goes on.

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Plan};
use bookmobile::program::Program;
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

const TOWN: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example> }
purpose essential "Notices" without consent
patron { email email optional  level int optional  joined date optional }
event visit { }
event checkout { }
list friends "Friends"
message note { email { subject "A note" body "Hello." } }
campaign often { purpose essential  audience everyone  start on visit  exit when level > 2  wait 9 days  send note }
"#;

const ON_JOINING: &str = "campaign joined { purpose essential  audience in friends  start on joined  send note }";

fn program(texts: &[&str]) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", texts.concat());
    check::compile(sources).program.expect("no errors")
}

/// A store in which time goes on, and what happens to its one patron.
struct Town {
    store: Store,
    now: Instant,
}

impl Town {
    fn new(program: &Program) -> Town {
        let mut store = Store::in_memory().expect("memory");
        store.align(&program.catalogue).expect("columns");
        let day = Day::new(2026, 11, 10).expect("a date");
        Town { store, now: program.library.zone.at(day, TimeOfDay(9 * 3_600)) }
    }

    fn set(&mut self, program: &Program, field: &str, value: Value) {
        self.now = self.now.plus_seconds(60);
        let field = program.catalogue.field_named(Symbol::new(field)).expect("declared");
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, self.now);
        writer.patron("ana", None, &[(field, Some(value))]).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    fn event(&mut self, program: &Program, name: &str) {
        self.now = self.now.plus_seconds(60);
        let ana = self.store.reader().patron_by_key("ana").expect("readable").expect("she is there");
        let event = program.catalogue.event_named(Symbol::new(name)).expect("declared");
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, self.now);
        writer.event(ana, event, None, self.now, &[]).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    fn join_friends(&mut self, program: &Program) {
        let ana = self.store.reader().patron_by_key("ana").expect("readable").expect("she is there");
        let list = program.catalogue.list_named(Symbol::new("friends")).expect("declared");
        let transaction = self.store.begin().expect("nobody else writes");
        transaction.writer(&program.library.zone, self.now).member(ana, list, true).expect("written");
        transaction.commit().expect("written");
    }

    /// How many a tick looks at.
    fn tick(&mut self, plan: &Plan<'_>) -> usize {
        self.now = self.now.plus_seconds(60);
        engine::tick(&mut self.store, plan, self.now, None).expect("a tick").patrons
    }
}

#[test]
fn what_nobody_reads_is_passed_over() {
    let (before, after) = (program(&[TOWN]), program(&[TOWN, ON_JOINING]));
    let (first, second) = (Plan::new(&before), Plan::new(&after));
    let today = Value::Date(Day::new(2026, 11, 10).expect("a date"));
    let mut town = Town::new(&before);
    town.set(&before, "email", Value::text("ana@example.org"));
    assert_eq!(town.tick(&first), 1, "whoever is new is looked at, whatever is known of them");
    town.set(&before, "email", Value::text("ana@example.com"));
    town.event(&before, "checkout");
    town.join_friends(&before);
    assert_eq!(town.tick(&first), 0, "no rule asks for addresses, checkouts or friends");
    town.set(&before, "level", Value::Int(1));
    assert_eq!(town.tick(&first), 1, "a way out asks for the level");
    town.event(&before, "visit");
    assert_eq!(town.tick(&first), 1, "visits start a campaign");
    town.set(&before, "joined", today);
    assert_eq!(town.tick(&first), 0);

    // The new campaign looks at everybody once, and takes note of what is due.
    assert_eq!(town.tick(&second), 1);
    town.set(&after, "joined", Value::Date(Day::new(2026, 12, 24).expect("a date")));
    assert_eq!(town.tick(&second), 1, "now a start is that date");
    assert_eq!(town.tick(&first), 1, "an edited program looks at whoever is enrolled");
}

#[test]
fn what_an_earlier_version_reads_in_which_a_journey_goes_on_is_heeded() {
    let exits = "exit when level > 2  wait 9 days  send note }";
    let before = program(&[TOWN]);
    // Without the wait, and without reading the level.
    let edited = TOWN.replace(exits, "send note }");
    let after = program(&[&edited]);
    let older = [before];
    let first = Plan::new(&older[0]);
    let mut town = Town::new(&older[0]);
    town.set(&older[0], "level", Value::Int(1));
    town.tick(&first);
    town.event(&older[0], "visit");
    town.tick(&first);
    let second = Plan::new(&after).with_older(&older);
    town.tick(&second);
    town.set(&after, "level", Value::Int(3));
    assert_eq!(town.tick(&second), 1);
    let alone = Plan::new(&after);
    town.set(&after, "level", Value::Int(4));
    assert_eq!(town.tick(&alone), 0, "the present version does not read it");
}
