//! A library of every type of field, whose data change at random.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bookmobile::catalogue::{Channel, EventId, Type, Value};
use bookmobile::check::compile;
use bookmobile::diagnostic::Sources;
use bookmobile::eval::local_dates;
use bookmobile::program::Program;
use bookmobile::rule::columns::{Columns, Wanted};
use bookmobile::rule::{ConsentKind, ConsentState, PatronId};
use bookmobile::store::snapshot::{Dates, Opening, Origin, Progress, Snapshot};
use bookmobile::store::{Said, Store, StoreError, Writer};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant};

const PROGRAM: &str = r#"
library "Town" { timezone "America/Toronto"  languages en, fr }
purpose news "News" consent expires after 24 months
purpose account "Account" without consent
privacy borrowing "Borrowing" { requires keeps_history  open records serve account }
enum branch { central  eastside  "J-FIC" }
patron {
  nick        text optional
  branch      branch
  born        date optional
  visits      int optional
  weight      decimal optional
  fines       money
  seen_at     instant optional
  email       email optional
  keeps_history bool
  remote      bool optional
  interests   set of branch
  words       set of text optional
  taste       text optional private borrowing
}
contact { email email }
event visit { program text optional  branch branch  score int optional }
event checkout private borrowing { branch branch }
record loan private borrowing { title text  due_on date  returned_at instant optional  open until returned_at  keep 7 days }
list friends "Friends"
list asked "Asked"
"#;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

pub struct Town {
    pub program: Program,
    pub folder: tempfile::TempDir,
    random: u64,
    /// Of everybody who ever was there.
    keys: Vec<String>,
    /// Days since 1970 of what is written next.
    day: i64,
}

impl Town {
    /// With so many patrons, of whom things are known.
    pub fn new(seed: u64, patrons: u64) -> Town {
        let program = program(PROGRAM);
        let folder = tempfile::tempdir().expect("a folder");
        let mut town = Town { program, folder, random: seed, keys: Vec::new(), day: 20_000 };
        town.write(|town, writer| {
            (0..patrons).try_for_each(|number| town.patron(writer, &format!("2{number:07}")).map(|_| ()))?;
            (0..patrons * 6).try_for_each(|_| town.change(writer, false))
        });
        town
    }

    pub fn store_path(&self) -> PathBuf {
        self.folder.path().join("town.db")
    }

    pub fn snapshot_path(&self) -> PathBuf {
        self.folder.path().join("town.db.snapshot")
    }

    pub fn store(&self) -> Store {
        let mut store = Store::open(self.store_path()).expect("a store");
        store.align(&self.program.catalogue).expect("the catalogue fits");
        store
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % n
    }

    /// Writes in one transaction, a day later than the one before.
    pub fn write(&mut self, work: impl FnOnce(&mut Town, &mut Writer<'_>) -> Result<(), StoreError>) {
        self.day += 1;
        let mut store = self.store();
        let transaction = store.begin().expect("the lock");
        let zone = self.program.library.zone.clone();
        let mut writer = transaction.writer(&zone, Instant(self.day * DAY));
        work(self, &mut writer).expect("written");
        drop(writer);
        transaction.commit().expect("committed");
    }

    /// So many changes of all kinds, or only of those that leave everybody there.
    pub fn changes(&mut self, count: u64, drastic: bool) {
        self.write(|town, writer| (0..count).try_for_each(|_| town.change(writer, drastic)));
    }

    fn change(&mut self, writer: &mut Writer<'_>, drastic: bool) -> Result<(), StoreError> {
        let Some((key, patron)) = self.somebody(writer)? else { return Ok(()) };
        match self.below(if drastic { 14 } else { 11 }) {
            0 => drop(self.patron(writer, &format!("3{:07}", self.random % 10_000_000))?),
            1 | 2 => drop(self.patron(writer, &key)?),
            3 | 4 => self.event(writer, patron, "visit", None)?,
            5 => self.event(writer, patron, "checkout", None)?,
            6 | 7 => {
                let key = format!("loan{}", self.below(300));
                self.event(writer, patron, "loan", Some(&key))?;
            }
            8 => {
                let key = format!("loan{}", self.below(300));
                let loan = self.event_named("loan");
                writer.remove_record(loan, &key, writer.at())?;
            }
            9 => {
                let states = [ConsentState::Given, ConsentState::Asked, ConsentState::Withdrawn];
                let kinds = [ConsentKind::Express, ConsentKind::Relationship, ConsentKind::Inquiry];
                let channel = Channel::ALL[self.below(3) as usize];
                let purpose = self.program.catalogue.purpose_named("news".into()).expect("declared");
                let (state, kind) = (states[self.below(3) as usize], kinds[self.below(3) as usize]);
                let until = (self.below(2) == 0).then(|| Day(self.day as i32 + self.below(400) as i32));
                let at = writer.at();
                writer.say(patron, &Said { purpose, channel, state, at, until, kind, source: "" })?;
            }
            10 => {
                let lists = ["friends", "asked"];
                let name = lists[self.below(2) as usize];
                let list = self.program.catalogue.list_named(name.into()).expect("declared");
                let is_member = self.below(3) > 0;
                writer.member(patron, list, is_member)?;
            }
            11 => writer.erase_patron(patron, false)?,
            12 => {
                if let Some((_, other)) = self.somebody(writer)?.filter(|(_, other)| *other != patron) {
                    writer.absorb(patron, other)?;
                }
            }
            _ => drop(writer.purge()?),
        }
        Ok(())
    }

    fn event_named(&self, name: &str) -> EventId {
        self.program.catalogue.event_named(name.into()).expect("declared")
    }

    /// A patron who is there.
    fn somebody(&mut self, writer: &Writer<'_>) -> Result<Option<(String, PatronId)>, StoreError> {
        let index = self.below(self.keys.len() as u64) as usize;
        let key = self.keys[index].clone();
        Ok(writer.patron_by_key(&key)?.map(|patron| (key, patron)))
    }

    fn patron(&mut self, writer: &mut Writer<'_>, key: &str) -> Result<PatronId, StoreError> {
        let catalogue = self.program.catalogue.clone();
        self.keys.push(key.to_owned());
        let since = (self.below(3) > 0).then(|| writer.at());
        let own =
            ["nick", "branch", "born", "visits", "weight", "fines", "seen_at", "email", "keeps_history", "remote"];
        let mut fields = Vec::new();
        for name in own.into_iter().chain(["interests", "words"]) {
            if self.below(3) > 0 {
                let field = catalogue.field_named(name.into()).expect("declared");
                fields.push((field, self.value(catalogue.field(field).ty)));
            }
        }
        writer.patron(key, since, &fields)
    }

    fn event(
        &mut self,
        writer: &mut Writer<'_>,
        patron: PatronId,
        name: &str,
        key: Option<&str>,
    ) -> Result<(), StoreError> {
        let event = self.event_named(name);
        let types: Vec<Type> = self.program.catalogue.event(event).fields.iter().map(|field| field.ty).collect();
        let fields: Vec<(u16, Option<Value>)> =
            types.into_iter().enumerate().map(|(index, ty)| (index as u16, self.value(ty))).collect();
        let at = Instant((self.day - self.below(900) as i64) * DAY + self.below(DAY as u64) as i64);
        writer.event(patron, event, key, at, &fields)?;
        Ok(())
    }

    fn value(&mut self, ty: Type) -> Option<Value> {
        if self.below(5) == 0 {
            return None;
        }
        let number = self.below(1_000) as i64;
        let names = ["central", "eastside", "J-FIC"];
        let name = |index: u64| Value::Symbol(Symbol::new(names[index as usize]));
        Some(match ty {
            Type::Bool => Value::Bool(number % 2 == 0),
            Type::Int => Value::Int(number % 400 - 5),
            Type::Decimal => Value::Decimal(number),
            Type::Money => Value::Money(number % 4),
            Type::Date => Value::Date(Day((self.day + number) as i32)),
            Type::Instant => Value::Instant(Instant((self.day - number) * DAY + number)),
            Type::Set(bookmobile::catalogue::Element::Text) => Value::Set([Value::text(&format!("w{number}"))].into()),
            Type::Set(_) => Value::Set((0..self.below(3)).map(name).collect()),
            Type::Enum(_) => name(self.below(3)),
            _ => Value::text(&format!("Zoë {number}")),
        })
    }

    /// The whole snapshot, its file made for the smallest of stores.
    pub fn open(&self, progress: Option<&Progress<'_>>) -> Snapshot {
        self.open_with(&self.program, 0, progress)
    }

    /// What the store says itself.
    pub fn truth(&self) -> BTreeMap<i64, String> {
        facts(&self.open_with(&self.program, i64::MAX, None))
    }

    pub fn open_with(&self, program: &Program, from_patrons: i64, progress: Option<&Progress<'_>>) -> Snapshot {
        open(self, program, from_patrons, progress, &Wanted::everything(&program.catalogue))
    }

    /// Some of it.
    pub fn open_wanting(&self, wanted: &Wanted) -> Snapshot {
        open(self, &self.program, 0, None, wanted)
    }

    /// Opens it and holds it against the store, patron by patron.
    #[track_caller]
    pub fn agrees(&self) -> Origin {
        let snapshot = self.open(None);
        let (found, truth) = (facts(&snapshot), self.truth());
        assert_eq!(found.len(), snapshot.len());
        for (patron, facts) in &truth {
            assert_eq!(found.get(patron), Some(facts), "patron {patron} of {:?}", snapshot.origin);
        }
        assert_eq!(found.len(), truth.len(), "nobody else is in a snapshot of {:?}", snapshot.origin);
        snapshot.origin
    }
}

fn open(
    town: &Town,
    program: &Program,
    from_patrons: i64,
    progress: Option<&Progress<'_>>,
    wanted: &Wanted,
) -> Snapshot {
    let mut store = Store::open_read_only(town.store_path()).expect("a store");
    store.align(&program.catalogue).expect("the catalogue fits");
    let dates = Dates { zone: &program.library.zone, day: |zone| Box::new(local_dates(zone)) };
    Opening { dates, from_patrons, progress }.open(&store, wanted).expect("a snapshot")
}

pub fn program(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("town.campaign", text);
    let compiled = compile(sources);
    compiled.program.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

/// The program with another catalogue: an enumeration has one value more.
pub fn other_program() -> Program {
    program(&PROGRAM.replace("enum branch { central", "enum branch { westside  central"))
}

/// Everything of everybody.
pub fn facts(snapshot: &Snapshot) -> BTreeMap<i64, String> {
    let is_valid = |row: &usize| snapshot.valid[row / 64] >> (row % 64) & 1 == 1;
    let base = (0..snapshot.base.len()).filter(is_valid).map(|row| (&snapshot.base, row));
    let delta = (0..snapshot.delta.len()).map(|row| (&snapshot.delta, row));
    let mut found = BTreeMap::new();
    for (patron, facts) in base.chain(delta).map(|(columns, row)| facts_of(columns, row)) {
        assert!(found.insert(patron, facts).is_none(), "patron {patron} is in it twice");
    }
    found
}

/// Everything of the patron in this row.
pub fn facts_of(columns: &Columns, row: usize) -> (i64, String) {
    let mut facts = columns.facts(row);
    facts.consents.sort_by_key(|consent| (consent.purpose.0, consent.channel.word()));
    let dates: Vec<i16> = (columns.events.iter().flatten())
        .flat_map(|events| events.day[events.offsets[row] as usize..events.offsets[row + 1] as usize].to_vec())
        .collect();
    (columns.patrons[row], format!("{facts:?} {dates:?}"))
}

/// Whether a text stands in the bytes of any file of a folder.
pub fn stands_in(folder: &Path, text: &str) -> Vec<String> {
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let files = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    files.filter(|path| holds(path)).map(|path| path.display().to_string()).collect()
}
