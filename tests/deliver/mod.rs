//! From the tick to files, and what a crash in between leaves.

mod at_once;
mod faults;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bookmobile::catalogue::{Channel, Value};
use bookmobile::check::compile;
use bookmobile::deliver::{Directory, Drained, Handed, Outgoing, Transport, TransportError, drain, link_base};
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{Plan, tick};
use bookmobile::message::link::{LinkKind, Links};
use bookmobile::program::Program;
use bookmobile::rule::ConsentState;
use bookmobile::store::Store;
use bookmobile::time::{Day, Instant, TimeOfDay};

fn program() -> Program {
    let path = Path::new("tests/message/library.campaign");
    let mut sources = Sources::default();
    sources.add(path, std::fs::read_to_string(path).expect("the program"));
    compile(sources).program.expect("it is right (tests/message)")
}

fn at(program: &Program, date: &str, hour: u32) -> Instant {
    let day = Day::from_civil(date.parse().expect("a date"));
    program.library.zone.at(day, TimeOfDay::new(hour, 0, 0).expect("a time"))
}

/// A store in a folder in which Ana registered on the day after the first tick and has a message in the outbox.
struct Town {
    program: Program,
    folder: tempfile::TempDir,
}

impl Town {
    fn new(email: &str) -> Town {
        Town::of(&[("ana", "Ana", email)])
    }

    /// With these readers: key, name, address.
    fn of(readers: &[(&str, &str, &str)]) -> Town {
        let town = Town { program: program(), folder: tempfile::tempdir().expect("a folder") };
        let program = &town.program;
        let mut store = town.store();
        store.align(&program.catalogue).expect("the catalogue fits");
        tick(&mut store, &Plan::new(program), at(program, "2026-11-22", 9), None).expect("the first tick");
        let field = |name: &str, value| (program.catalogue.field_named(name.into()).expect("a field"), Some(value));
        let day = |text: &str| Value::Date(Day::from_civil(text.parse().expect("a date")));
        let transaction = store.begin().expect("a transaction");
        let now = at(program, "2026-11-23", 8);
        let mut writer = transaction.writer(&program.library.zone, now);
        for (key, name, email) in readers {
            let fields = [
                field("first_name", Value::text(name)),
                field("branch", Value::Symbol("central".into())),
                field("language", Value::Symbol("fr".into())),
                field("registered_on", day("2026-11-23")),
                field("expires_on", day("2028-01-02")),
                field("fines", Value::Money(0)),
                field("email", Value::text(email)),
                field("history_opt_in", Value::Bool(false)),
                field("interests", Value::Set(Vec::new().into())),
            ];
            let patron = writer.patron(key, Some(now), &fields).expect("written");
            let promotion = program.catalogue.purpose_named("promotion".into()).expect("the purpose");
            writer.consent(patron, promotion, Channel::Email, ConsentState::Given, now, None).expect("written");
        }
        drop(writer);
        transaction.commit().expect("committed");
        let report = tick(&mut store, &Plan::new(program), at(program, "2026-11-23", 9), None).expect("a tick");
        assert_eq!(report.campaigns["welcome"].queued, readers.len());
        town
    }

    fn store(&self) -> Store {
        let mut store = Store::open(self.folder.path().join("library.db")).expect("a store");
        store.align(&self.program.catalogue).expect("the catalogue fits");
        store
    }

    fn links(&self, store: &Store) -> Links {
        Links::new(&link_base(&self.program.library), &store.link_secret().expect("a secret"))
    }

    fn directory(&self) -> Directory {
        Directory::open(&self.folder.path().join("out")).expect("a folder")
    }

    fn deliver(&self, transport: &mut dyn Transport, hour: u32) -> Drained {
        let mut store = self.store();
        let links = self.links(&store);
        drain(&mut store, &self.program, at(&self.program, "2026-11-23", hour), links, transport).expect("a delivery")
    }

    fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = walkdir::WalkDir::new(self.folder.path().join("out"))
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().strip_prefix(self.folder.path()).expect("below").display().to_string())
            .collect();
        files.sort();
        files
    }

    fn state(&self) -> (String, Option<String>) {
        let sql = "SELECT state, reason FROM outbox";
        self.store().connection().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("one message")
    }

    fn sent_events(&self) -> i64 {
        self.sent_to("ana")
    }

    /// How many messages a reader was sent.
    fn sent_to(&self, key: &str) -> i64 {
        let store = self.store();
        let patron = store.reader().patron_by_key(key).expect("read").expect("a reader");
        let needs = bookmobile::store::Needs::everything(&self.program.catalogue);
        let facts = store.reader().facts(patron, &needs).expect("read").expect("a reader");
        let sent = self.program.catalogue.event_named("sent".into()).expect("built in");
        facts.events(sent).len() as i64
    }

    /// Takes a reader's consent back.
    fn withdraw(&self, key: &str) {
        let mut store = self.store();
        let program = &self.program;
        let patron = store.reader().patron_by_key(key).expect("read").expect("a reader");
        let transaction = store.begin().expect("a transaction");
        let now = at(program, "2026-11-23", 9);
        let promotion = program.catalogue.purpose_named("promotion".into()).expect("the purpose");
        let mut writer = transaction.writer(&program.library.zone, now);
        writer.consent(patron, promotion, Channel::Email, ConsentState::Withdrawn, now, None).expect("written");
        drop(writer);
        transaction.commit().expect("committed");
    }
}

#[test]
fn a_message_becomes_one_file_and_one_event() {
    let town = Town::new("ana@example.org");
    let drained = town.deliver(&mut town.directory(), 10);
    assert_eq!((drained.report.sent, drained.report.dropped, drained.refused.len()), (1, 0, 0), "{drained:?}");
    let files = town.files();
    assert_eq!(files.len(), 1);
    assert!(files[0].starts_with("out/2026-11-23/welcome-hello-") && files[0].ends_with(".eml"), "{files:?}");
    let bytes = std::fs::read(town.folder.path().join(&files[0])).expect("the file");
    let parsed = mail_parser::MessageParser::default().parse(&bytes).expect("an e-mail");
    assert_eq!(parsed.subject(), Some("Bienvenue, Ana !"));
    assert_eq!(town.state(), ("sent".into(), None));
    assert_eq!(town.sent_events(), 1);
    assert_eq!(town.deliver(&mut town.directory(), 11).report.sent, 0);
    assert_eq!(town.files(), files, "delivering again writes nothing");
}

#[test]
fn uns_08_where_a_click_leads_stands_in_the_store() {
    let town = Town::new("ana@example.org");
    town.deliver(&mut town.directory(), 10);
    let bytes = std::fs::read(town.folder.path().join(&town.files()[0])).expect("the file");
    let parsed = mail_parser::MessageParser::default().parse(&bytes).expect("an e-mail");
    let text = parsed.body_text(0).expect("a text part").into_owned();
    let start = text.find("https://riverside.example/m/u/").expect("the unsubscribe link") + 30;
    let token: String = text[start..].chars().take_while(|c| !c.is_whitespace()).collect();
    let store = town.store();
    let token = town.links(&store).read(LinkKind::Unsubscribe, &token).expect("a token of this store");
    let sql = "SELECT kind, outbox FROM message_link WHERE name = ?1 AND number = ?2";
    let found: (String, i64) = store
        .connection()
        .query_row(sql, rusqlite::params![token.message.hex(), token.number], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("its record");
    assert_eq!(found, ("unsubscribe".into(), 1));
}

#[test]
fn adr_02_a_list_of_addresses_is_refused_with_a_reason_that_does_not_repeat_it() {
    let town = Town::new("ana@example.org,ben@example.org");
    let drained = town.deliver(&mut town.directory(), 10);
    assert_eq!(drained.report.sent, 0);
    assert_eq!(drained.refused.len(), 1);
    let (state, reason) = town.state();
    assert_eq!(state, "dropped");
    assert!(reason.is_some_and(|reason| reason.contains("not an e-mail address") && !reason.contains("ben")));
    assert!(town.files().is_empty());
}

#[test]
fn uns_09_a_consent_withdrawn_before_the_delivery_counts() {
    let town = Town::new("ana@example.org");
    town.withdraw("ana");
    let drained = town.deliver(&mut town.directory(), 10);
    assert_eq!((drained.report.sent, drained.report.dropped), (0, 1));
    assert!(town.files().is_empty());
}

/// Ends the process, as it were, before or after it handed over.
struct Crash {
    directory: Directory,
    is_after: bool,
}

impl Transport for Crash {
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError> {
        if self.is_after {
            self.directory.hand_over(message)?;
        }
        panic!("the power fails");
    }
}

#[test]
fn del_02_05_a_crash_around_the_handover_neither_loses_nor_repeats() {
    for is_after in [false, true] {
        let town = Town::new("ana@example.org");
        let mut crash = Crash { directory: town.directory(), is_after };
        let crashed = catch_unwind(AssertUnwindSafe(|| town.deliver(&mut crash, 10)));
        assert!(crashed.is_err());
        assert_eq!(town.state().0, "claimed");
        assert_eq!((town.files().len(), town.sent_events()), (usize::from(is_after), 0));

        let drained = town.deliver(&mut town.directory(), 23);
        let handed = (drained.settled, drained.report.sent, drained.report.unknown);
        assert_eq!(handed, if is_after { (1, 0, 0) } else { (0, 1, 0) });
        assert_eq!(town.state().0, "sent");
        assert_eq!((town.files().len(), town.sent_events()), (1, 1));
    }
}

/// Takes nothing today.
struct Down;

impl Transport for Down {
    fn hand_over(&mut self, _: &Outgoing<'_>) -> Result<Handed, TransportError> {
        Err(TransportError::Failed("the printer is out of paper".into()))
    }
}

#[test]
fn what_a_transport_does_not_take_waits() {
    let town = Town::new("ana@example.org");
    let drained = town.deliver(&mut Down, 10);
    assert_eq!((drained.report.sent, drained.report.held), (0, 1));
    assert_eq!(town.state(), ("queued".into(), Some("the printer is out of paper".into())));
    assert_eq!(town.deliver(&mut town.directory(), 10).report.sent, 0, "not before a quarter of an hour");
    assert_eq!(town.deliver(&mut town.directory(), 11).report.sent, 1);
}
