//! How many messages a second are decided, rendered and handed over on one core, against what SQLite allows.
//!
//! `cargo bench --bench deliver [-- PATRONS]` (default 100,000). One campaign writes to everybody once: an e-mail with a
//! subject, a Markdown body, links, the layout, a text part and a footer. In each round, on a copy of the same store:
//! the tick that puts a message for each patron into the outbox; deliveries whose messages are rendered once, several
//! times, and made e-mails; and SQLite alone, inserting the same rows into the same tables and indexes in one transaction.
//! With `--written` nothing is delivered beyond rendering.
//! Figures are the best of the rounds, of the processor's time on one core; the wall clock stands beside it, since each
//! commit waits for the disk. Ends with 1 if rendering and writing the rows of the tick are slower than 50,000 a second.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use bookmobile::catalogue::{Channel, Value};
use bookmobile::check;
use bookmobile::deliver::{Composer, Handed, Outgoing, Transport, TransportError, compose, drain, feeds, link_base};
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handover, Plan, tick};
use bookmobile::message::link::Links;
use bookmobile::program::Program;
use bookmobile::rule::ConsentState;
use bookmobile::store::Store;
use bookmobile::time::{Day, Instant, TimeOfDay};
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use timing::Took;

mod timing;

const ROUNDS: usize = 3;
/// Messages a second.
const GOAL: f64 = 50_000.0;
/// The row that is held to it: with the enrolments and occurrences that the messages belong to.
const WRITTEN: usize = 5;
/// How often each message is rendered beyond once, to tell what rendering takes.
const AGAIN: u32 = 10;

const PROGRAM: &str = r#"
library "Riverside Public Library" {
  timezone  "America/Toronto"
  languages en, fr
  sender    "Riverside Public Library" <news@riverside.example>
  reply to  <desk@riverside.example>
  address   "1 Main Street, Riverside ON"
  policy    "https://riverside.example/privacy"
}
purpose promotion "News, programmes and suggestions" consent
enum branch { central "Central Library"  eastside "Eastside"  westside "Westside" }
patron {
  first_name    text optional
  branch        branch
  language      one of en, fr
  registered_on date
  email         email optional
}
message autumn {
  email {
    subject    "{{default first_name 'Reader'}}, autumn at {{branch}}"
    subject fr "{{default first_name 'Bonjour'}}, l'automne à {{branch}}"
    body """
      # Autumn is here

      Hello {{default first_name 'reader'}}! You have been with us since {{registered_on}}. At **{{branch}}** there is
      something new every week until the end of the year:

      - [readings]({{link 'https://riverside.example/readings'}}) on Tuesdays,
      - *chess* for everybody on Thursdays,
      - a repair café on the first Saturday of each month.

      See [everything that is on]({{link 'https://riverside.example/programmes'}}), and bring a friend.
      """
    body fr """
      # L'automne est là

      Bonjour {{default first_name 'à vous'}} ! Vous êtes des nôtres depuis le {{registered_on}}. À **{{branch}}**, du
      nouveau chaque semaine jusqu'à la fin de l'année :

      - des [lectures]({{link 'https://riverside.example/fr/lectures'}}) le mardi,
      - les *échecs* pour tous le jeudi,
      - un café de réparation le premier samedi du mois.

      Voyez [tout le programme]({{link 'https://riverside.example/fr/programme'}}), et venez accompagné.
      """
  }
}
campaign autumn "Autumn at the library" {
  purpose  promotion
  audience everyone
  start    once on 2026-11-24 at 09:00
  send     autumn
}
"#;

fn main() -> ExitCode {
    let patrons: i64 = timing::number(100_000);
    let mut sources = Sources::default();
    sources.add("autumn.campaign", PROGRAM);
    let compiled = check::compile(sources);
    let program = compiled.program.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let founded = folder.path().join("founded.db");
    found(&program, &founded, patrons);

    let mut best: BTreeMap<usize, (&str, Took)> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (index, (name, took)) in round(&program, folder.path(), patrons).into_iter().enumerate() {
            let known = best.entry(index).or_insert((name, took));
            known.1 = known.1.least(took);
        }
    }
    println!("{patrons} messages, the best of {ROUNDS} rounds, one thread");
    println!("{:<48}{:>9}{:>11}{:>8}{:>10}", "", "µs each", "a second", "ratio", "wall µs");
    let each = |took: std::time::Duration| took.as_secs_f64() * 1e6 / patrons as f64;
    let sqlite = each(best[&1].1.processor);
    for (name, took) in best.values() {
        let (own, wall) = (each(took.processor), each(took.wall));
        println!("{name:<48}{own:>9.1}{:>11.0}{:>8.2}{wall:>10.1}", 1e6 / own, own / sqlite);
    }
    let rate = 1e6 / each(best[&WRITTEN].1.processor);
    if rate < GOAL { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A store of patrons who agreed to be written to, before its first tick.
fn found(program: &Program, path: &Path, patrons: i64) {
    let mut store = open(program, path);
    let now = at(program, 22, 9);
    let catalogue = &program.catalogue;
    let field = |name: &str| catalogue.field_named(name.into()).expect("a field of the program");
    let promotion = catalogue.purpose_named("promotion".into()).expect("the purpose");
    let transaction = store.begin().expect("a transaction");
    let mut writer = transaction.writer(&program.library.zone, now);
    for number in 0..patrons {
        let branch = ["central", "eastside", "westside"][(number % 3) as usize];
        let language = if number % 4 == 0 { "fr" } else { "en" };
        let fields = [
            (field("first_name"), (number % 10 != 0).then(|| Value::text(&format!("Ana{}", number % 977)))),
            (field("branch"), Some(Value::Symbol(branch.into()))),
            (field("language"), Some(Value::Symbol(language.into()))),
            (field("registered_on"), Some(Value::Date(Day(15_000 + (number % 5_000) as i32)))),
            (field("email"), Some(Value::text(&format!("reader{number}@example.org")))),
        ];
        let patron = writer.patron(&format!("p{number}"), Some(now), &fields).expect("written");
        writer.consent(patron, promotion, Channel::Email, ConsentState::Given, now, None).expect("written");
    }
    drop(writer);
    transaction.commit().expect("committed");
    tick(&mut store, &Plan::new(program), at(program, 23, 9), None).expect("the first tick");
}

fn open(program: &Program, path: &Path) -> Store {
    let mut store = Store::open(path).expect("a store");
    store.align(&program.catalogue).expect("the catalogue fits");
    store
}

fn at(program: &Program, day: i32, hour: u32) -> Instant {
    let day = Day::new(2026, 11, day as i8).expect("a date");
    program.library.zone.at(day, TimeOfDay::new(hour, 0, 0).expect("a time"))
}

/// A copy of a store that nobody has open.
fn copy(from: &Path, to: &Path) {
    let connection = Connection::open(from).expect("a store");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).expect("a checkpoint");
    drop(connection);
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", to.display()));
    }
    std::fs::copy(from, to).expect("a copy");
}

fn round(program: &Program, folder: &Path, patrons: i64) -> Vec<(&'static str, Took)> {
    let path = |name: &str| folder.join(name);
    copy(&path("founded.db"), &path("ticked.db"));
    let mut store = open(program, &path("ticked.db"));
    let plan = Plan::new(program);
    let now = at(program, 24, 9);
    let (ticked, report) = Took::by(|| tick(&mut store, &plan, now, None).expect("a tick"));
    assert_eq!(report.campaigns["autumn"].queued as i64, patrons);
    drop(store);
    let decided = replay(folder, "founded.db", "ticked.db", None);
    let outbox = replay(folder, "founded.db", "ticked.db", Some("outbox"));

    // Rendering alone, as a delivery asks for it: what rendering more often takes.
    let links = || Links::new(&link_base(&program.library), b"the secret of a benchmark");
    let composer = Composer::new(program, links());
    let rendered = |times: u32| {
        copy(&path("ticked.db"), &path("rendered.db"));
        let mut store = open(program, &path("rendered.db"));
        let feeds = feeds(&store, program).expect("no feeds");
        let mut render = |handover: &Handover<'_>| {
            let message = || composer.compose(handover, &feeds).expect("a message");
            (1..times).for_each(|_| drop(message()));
            engine::Handed::Over(message().links)
        };
        Took::by(|| engine::deliver_at_once(&mut store, &plan, now, 256, &mut render).expect("a delivery")).0
    };
    let once = rendered(1);
    let rendering = rendered(1 + AGAIN).beyond(once, AGAIN);

    let mut rows = vec![
        ("the tick: deciding, writing the outbox", ticked),
        ("  SQLite alone: its new rows, one commit", decided),
        ("  SQLite alone: of these the outbox's", outbox),
        ("rendering", rendering),
        ("rendering, writing the outbox's rows", rendering.plus(outbox)),
        ("rendering, writing all rows of the tick", rendering.plus(decided)),
        ("rendering, and the tick", rendering.plus(ticked)),
        ("a delivery: the gate, rendering, recording", once),
    ];
    if std::env::args().any(|argument| argument == "--written") {
        return rows;
    }
    let deliver = |at_once: usize| {
        copy(&path("ticked.db"), &path("delivered.db"));
        let mut store = open(program, &path("delivered.db"));
        let mut taker = Taker { at_once, bytes: 0 };
        let (took, drained) = Took::by(|| drain(&mut store, program, now, links(), &mut taker).expect("a delivery"));
        assert_eq!(drained.report.sent as i64, patrons, "{:?}", drained.refused.first());
        took
    };
    let one_by_one = deliver(1);
    let delivered = deliver(256);
    let written = replay(folder, "ticked.db", "delivered.db", None);
    rows.extend([
        ("  the same and e-mails made (RFC 5322)", delivered),
        ("  the same one by one", one_by_one),
        ("  SQLite alone: its new rows, one commit", written),
    ]);
    rows
}

/// Takes every message, after it was made an e-mail.
struct Taker {
    at_once: usize,
    bytes: usize,
}

impl Transport for Taker {
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError> {
        self.bytes += compose(message)?.len();
        Ok(Handed { reference: String::new(), is_repeat: false })
    }

    fn at_once(&self) -> usize {
        self.at_once
    }
}

/// Inserts into a copy of `before` what `after` has in tables that were empty, in one transaction of a connection as the
/// engine has it; with `table` only that one's rows are measured. How long it took.
fn replay(folder: &Path, before: &str, after: &str, table: Option<&str>) -> Took {
    let bare = folder.join("bare.db");
    copy(&folder.join(before), &bare);
    copy(&folder.join(after), &folder.join("read.db"));
    let store = Store::open(&bare).expect("a store");
    let target = store.connection();
    let source = Connection::open(folder.join("read.db")).expect("a store");
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let names: Vec<String> = source
        .prepare(tables)
        .and_then(|mut query| query.query_map((), |row| row.get(0))?.collect())
        .expect("its tables");
    let (mut work, mut prepared): (Vec<Insert>, Vec<Insert>) = Default::default();
    for name in names {
        let is_empty = |db: &Connection| {
            let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {name})");
            db.query_row(&sql, (), |row| row.get::<_, bool>(0)).unwrap_or(false)
        };
        if !is_empty(target) || is_empty(&source) {
            continue;
        }
        let mut query = source.prepare(&format!("SELECT * FROM {name}")).expect("a query");
        let width = query.column_count();
        let rows = query.query_map((), |row| (0..width).map(|index| row.get(index)).collect()).expect("rows");
        let rows = rows.collect::<Result<_, _>>().expect("rows");
        let holes = vec!["?"; width].join(", ");
        let insert = (format!("INSERT INTO {name} VALUES ({holes})"), rows);
        if table.is_none_or(|table| table == name) { work.push(insert) } else { prepared.push(insert) }
    }
    let insert = |work: &[Insert]| {
        target.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
        for (sql, rows) in work {
            let mut insert = target.prepare(sql).expect("an insert");
            for row in rows {
                insert.execute(rusqlite::params_from_iter(row)).expect("a row");
            }
        }
        target.execute_batch("COMMIT").expect("a commit");
    };
    insert(&prepared);
    Took::by(|| insert(&work)).0
}

/// An insert and its rows.
type Insert = (String, Vec<Vec<Cell>>);
