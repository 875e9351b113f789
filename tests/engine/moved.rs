//! A date that moves between a tick and its delivery.

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, DeliveryReport, Handed, Plan};
use bookmobile::program::Program;
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

const LIBRARY: &str = r#"
library "Test Library" {
  timezone "America/Toronto"  languages en  quiet none  sender "The library" <news@library.example>
}
purpose essential "Notices" without consent
patron { ends date optional  joined date optional  email email optional }
record loan { due_on date optional  returned_at instant optional  open until returned_at }
message note { email { subject "A note" body "Hello." } }
campaign c { purpose essential  audience everyone  "#;

fn program(rest: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", format!("{LIBRARY}{rest} }}"));
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("{rest}: {:?}", compiled.diagnostics))
}

fn day(day: i8) -> Day {
    Day::new(2026, 12, day).expect("a date")
}

struct Town<'p> {
    program: &'p Program,
    store: Store,
}

impl<'p> Town<'p> {
    /// Ana and her loans have these dates after the first tick.
    fn new(program: &'p Program, dates: &[i8]) -> Town<'p> {
        let mut store = Store::in_memory().expect("memory");
        store.align(&program.catalogue).expect("columns");
        let mut town = Town { program, store };
        town.tick(1, 9);
        for (number, &date) in dates.iter().enumerate() {
            town.moves(number, Some(date));
        }
        town
    }

    fn at(&self, on: i8, hour: u32) -> Instant {
        self.program.library.zone.at(day(on), TimeOfDay(hour * 3_600))
    }

    /// A loan is due on another date, and Ana's card ends then, years after she joined.
    fn moves(&mut self, loan: usize, date: Option<i8>) {
        let (now, catalogue) = (self.at(1, 10), &self.program.catalogue);
        let joined = date.map(|date| Value::Date(day(date).plus_months(-24)));
        let date = date.map(|date| Value::Date(day(date)));
        let field = |name: &str| catalogue.field_named(Symbol::new(name)).expect("declared");
        let of = catalogue.event_named(Symbol::new("loan")).expect("declared");
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&self.program.library.zone, now);
        let email = Some(Value::text("ana@library.example"));
        let fields = [(field("email"), email), (field("ends"), date.clone()), (field("joined"), joined)];
        let ana = writer.patron("ana", None, &fields).expect("written");
        writer.event(ana, of, Some(&format!("loan {loan}")), now, &[(0, date)]).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    fn tick(&mut self, on: i8, hour: u32) {
        let now = self.at(on, hour);
        engine::tick(&mut self.store, &Plan::new(self.program), now, None).expect("a tick");
    }

    /// Sent, held, dropped, and the rows that the messages tell of.
    fn deliver(&mut self, on: i8, hour: u32) -> ((usize, usize, usize), usize) {
        let (now, mut told) = (self.at(on, hour), 0);
        let mut take = |handover: &engine::Handover<'_>| {
            told += handover.rows.len();
            Handed::Over(Vec::new())
        };
        let report = engine::deliver(&mut self.store, &Plan::new(self.program), now, &mut take).expect("a delivery");
        let DeliveryReport { sent, held, dropped, .. } = report;
        ((sent, held, dropped), told)
    }

    fn reason(&self) -> Option<String> {
        let sql = "SELECT reason FROM outbox ORDER BY id LIMIT 1";
        self.store.connection().query_row(sql, [], |row| row.get(0)).expect("a message")
    }
}

#[test]
fn a_message_of_an_old_date_waits_for_the_tick_that_withdraws_it() {
    for start in
        ["3 days before due_on of loan where (open)", "3 days before ends", "3 days before each anniversary of joined"]
    {
        let program = program(&format!("start {start}  send note"));
        for moved in [Some(26), None] {
            let mut town = Town::new(&program, &[5]);
            town.tick(2, 9);
            town.moves(0, moved);
            assert_eq!(town.deliver(2, 10).0, (0, 1, 0), "{start}, {moved:?}");
            assert_eq!(town.reason().as_deref(), Some("the date of its start changed, and the next tick decides"));
            town.tick(2, 11);
            assert_eq!(town.deliver(2, 12).0, (0, 0, 0), "{start}: withdrawn");
            assert_eq!(town.reason().as_deref(), Some("the date of its start changed before anything was sent"));
            town.tick(23, 9);
            let again = usize::from(moved.is_some());
            assert_eq!(town.deliver(23, 10).0, (again, 0, 0), "{start}: the new date is a new occurrence");
        }
        let mut town = Town::new(&program, &[5]);
        town.tick(2, 9);
        town.moves(0, Some(26));
        assert_eq!(town.deliver(2, 10).0, (0, 1, 0));
        town.moves(0, Some(5));
        assert_eq!(town.deliver(2, 11).0, (1, 0, 0), "{start}: it moved back before the tick");
    }
}

#[test]
fn of_several_gathered_dates_only_those_that_stand_are_told() {
    let program = program("start 3 days before due_on of loan where (open) together  send note");
    let mut town = Town::new(&program, &[5, 5]);
    town.tick(2, 9);
    town.moves(1, Some(26));
    assert_eq!(town.deliver(2, 10).0, (0, 1, 0));
    town.tick(2, 11);
    assert_eq!(town.deliver(2, 12), ((1, 0, 0), 1));
}

#[test]
fn what_follows_a_message_that_was_handed_over_goes_out() {
    let program = program("start 3 days before ends  send note  wait 1 hour  send note");
    let mut town = Town::new(&program, &[5]);
    town.tick(2, 9);
    assert_eq!(town.deliver(2, 9).0, (1, 0, 0));
    town.tick(2, 11);
    town.moves(0, Some(26));
    assert_eq!(town.deliver(2, 12).0, (1, 0, 0));
}
