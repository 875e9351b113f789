//! A library in a file, with a clock that a test turns.

use std::cell::RefCell;
use std::path::PathBuf;

use bookmobile::catalogue::{Channel, FieldId, PurposeId, Value};
use bookmobile::check::compile;
use bookmobile::deliver::{Handed, Outgoing, Transport, TransportError, drain};
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{NotOurs, Plan, Response, respond, tick};
use bookmobile::message::Content;
use bookmobile::message::link::Links;
use bookmobile::program::Program;
use bookmobile::rule::{ConsentKind, ConsentState, Facts, PatronId};
use bookmobile::store::{Needs, Said, Store, StoreError, Word, Writer};
use bookmobile::time::{Day, Instant, TimeOfDay};

pub struct Town {
    pub program: Program,
    pub folder: tempfile::TempDir,
    /// What arrived: to whom, the message's name, its text.
    pub post: RefCell<Vec<(String, String, String)>>,
}

impl Town {
    pub fn new() -> Town {
        let mut sources = Sources::default();
        let path = "tests/consent/library.campaign";
        sources.add(path, std::fs::read_to_string(path).expect("the program"));
        let compiled = compile(sources);
        let program = compiled.program.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
        let town = Town { program, folder: tempfile::tempdir().expect("a folder"), post: RefCell::default() };
        town.tick("2026-01-01", 9);
        town
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("library.db")
    }

    pub fn store(&self) -> Store {
        let mut store = Store::open(self.path()).expect("a store");
        store.align(&self.program.catalogue).expect("the catalogue fits");
        store
    }

    pub fn at(&self, date: &str, hour: u32) -> Instant {
        self.program.library.zone.at(day(date), TimeOfDay::new(hour, 0, 0).expect("a time"))
    }

    pub fn purpose(&self, name: &str) -> PurposeId {
        self.program.catalogue.purpose_named(name.into()).expect("a purpose")
    }

    pub fn field(&self, name: &str) -> FieldId {
        self.program.catalogue.field_named(name.into()).expect("a field")
    }

    pub fn write<T>(&self, at: Instant, work: impl FnOnce(&mut Writer<'_>) -> Result<T, StoreError>) -> T {
        let mut store = self.store();
        let transaction = store.begin().expect("a transaction");
        let mut writer = transaction.writer(&self.program.library.zone, at);
        let result = work(&mut writer).expect("written");
        drop(writer);
        transaction.commit().expect("committed");
        result
    }

    /// A patron with an e-mail address, new to the store on a date.
    pub fn patron(&self, key: &str, email: &str, date: &str) -> PatronId {
        let now = self.at(date, 8);
        let fields = [(self.field("email"), Some(Value::text(email)))];
        self.write(now, |writer| writer.patron(key, Some(now), &fields))
    }

    /// Something is said at eight in the morning.
    pub fn say(&self, patron: PatronId, state: ConsentState, kind: ConsentKind, date: &str) -> bool {
        let (purpose, at) = (self.purpose("promotion"), self.at(date, 8));
        let said = Said { purpose, channel: Channel::Email, state, at, until: None, kind, source: "desk" };
        self.write(at, |writer| writer.say(patron, &said))
    }

    pub fn give(&self, patron: PatronId, date: &str) {
        assert!(self.say(patron, ConsentState::Given, ConsentKind::Express, date));
    }

    pub fn visit(&self, patron: PatronId, date: &str) {
        let now = self.at(date, 8);
        let visit = self.program.catalogue.event_named("visit".into()).expect("an event");
        self.write(now, |writer| writer.event(patron, visit, None, now, &[(0, Some(Value::text("central")))]));
    }

    pub fn tick(&self, date: &str, hour: u32) {
        tick(&mut self.store(), &Plan::new(&self.program), self.at(date, hour), None).expect("a tick");
    }

    pub fn links(&self) -> Links {
        Links::new("https://riverside.example/m", &self.store().link_secret().expect("a secret"))
    }

    /// Delivers; gives how many left.
    pub fn deliver(&self, date: &str, hour: u32) -> usize {
        let links = self.links();
        let mut box_of_letters = Letters(&self.post);
        let now = self.at(date, hour);
        drain(&mut self.store(), &self.program, now, links, &mut box_of_letters).expect("a delivery").report.sent
    }

    /// How many of a message an address got.
    pub fn got(&self, to: &str, message: &str) -> usize {
        self.post.borrow().iter().filter(|(address, name, _)| address == to && name == message).count()
    }

    /// The last link of a kind that an address got: `k` confirms, `u` unsubscribes.
    pub fn link(&self, to: &str, kind: &str) -> String {
        let start = format!("https://riverside.example/m/{kind}/");
        let post = self.post.borrow();
        let texts = post.iter().rev().filter(|(address, ..)| address == to).map(|(.., text)| text);
        let found = texts.filter_map(|text| {
            let at = text.find(&start)?;
            let end = text[at..].find(|c: char| c.is_whitespace() || c == ')').map_or(text.len(), |end| at + end);
            Some(text[at..end].to_owned())
        });
        found.take(1).next().expect("a message with the link")
    }

    pub fn respond(&self, link: &str, date: &str, hour: u32) -> Result<Response, NotOurs> {
        let links = self.links();
        respond(&mut self.store(), &self.program, &links, link, self.at(date, hour)).expect("the store answers")
    }

    pub fn word(&self, patron: PatronId) -> Option<Word> {
        self.store().reader().words(patron).expect("read").into_iter().next()
    }

    pub fn facts(&self, patron: PatronId) -> Facts {
        let needs = Needs::everything(&self.program.catalogue);
        self.store().reader().facts(patron, &needs).expect("read").expect("a patron")
    }

    /// Why the last message was not sent.
    pub fn reason(&self) -> String {
        let sql = "SELECT coalesce(reason, '') FROM outbox WHERE campaign = 'news_of_visit' ORDER BY id DESC LIMIT 1";
        self.store().connection().query_row(sql, (), |row| row.get(0)).expect("a message")
    }

    /// Every row of a table, for comparing.
    pub fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.store().connection().query_row(&sql, (), |row| row.get(0)).expect("a table")
    }
}

pub fn day(date: &str) -> Day {
    Day::from_civil(date.parse().expect("a date"))
}

struct Letters<'a>(&'a RefCell<Vec<(String, String, String)>>);

impl Transport for Letters<'_> {
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError> {
        let text = match &message.rendered.content {
            Content::Email { text, .. } => text.to_string(),
            other => format!("{other:?}"),
        };
        self.0.borrow_mut().push((message.to.to_owned(), message.message.to_string(), text));
        Ok(Handed { reference: String::new(), is_repeat: false })
    }
}
