//! A library in a file whose readers answer as a test says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::engine::{Handed, Handover, Plan, deliver, tick};
use bookmobile::program::{Campaign, Program};
use bookmobile::report::{CampaignReport, report};
use bookmobile::rule::PatronId;
use bookmobile::store::{Store, Writer};
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

/// 2026-11-23 10:00 in Toronto: the day before everything starts.
pub const BEGIN: Instant = Instant(1_795_446_000_000_000);

pub fn hours(count: i64) -> Instant {
    BEGIN.plus_seconds(count * 3600)
}

pub fn program() -> Program {
    let compiled = check::compile(check::load(Path::new("tests/report/library.campaign")).expect("it is there"));
    compiled.program.unwrap_or_else(|| panic!("the program is right: {:?}", compiled.diagnostics))
}

/// A program with other texts.
pub fn program_of(text: &str) -> Program {
    let mut sources = bookmobile::diagnostic::Sources::default();
    sources.add("library.campaign", text);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("the program is right: {:?}", compiled.diagnostics))
}

/// Numbers that look random and are always the same.
pub struct Luck(pub u64);

impl Luck {
    pub fn next(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub struct World {
    pub program: Program,
    folder: tempfile::TempDir,
    pub store: Store,
    next: i64,
}

impl World {
    /// A store that has taken the baseline of `program`, with the same shares in every test.
    pub fn new(program: Program) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path().join("library.db")).expect("a store");
        store.align(&program.catalogue).expect("aligned");
        let mut world = World { program, folder, store, next: 0 };
        world.tick(BEGIN);
        let key = "UPDATE engine_clock SET share_key = x'000102030405060708090a0b0c0d0e0f'";
        world.store.connection().execute(key, ()).expect("written");
        world
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("library.db")
    }

    pub fn write<T>(&mut self, at: Instant, what: impl FnOnce(&mut Writer<'_>, &Program) -> T) -> T {
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&self.program.library.zone, at);
        let result = what(&mut writer, &self.program);
        drop(writer);
        transaction.commit().expect("written");
        result
    }

    /// New people of a kind; those for whom `history` says so let the library keep one, and all but `without` of them have
    /// an address.
    pub fn people(&mut self, kind: &str, count: i64, without: i64, history: impl Fn(i64) -> bool) -> Vec<PatronId> {
        let first = self.next;
        self.next += count;
        self.write(BEGIN, |writer, program| {
            let field = |name: &str| program.catalogue.field_named(Symbol::new(name)).expect("declared");
            let person = |index: i64| {
                let key = format!("p{}", first + index);
                let email = (index >= without).then(|| Value::text(&format!("{key}@pineriver.example")));
                let fields = [
                    (field("kind"), Some(Value::Symbol(Symbol::new(kind)))),
                    (field("history_opt_in"), Some(Value::Bool(history(index)))),
                    (field("email"), email),
                ];
                writer.patron(&key, None, &fields).expect("written")
            };
            (0..count).map(person).collect()
        })
    }

    /// New people of a smaller program, all with an address.
    pub fn people_of(&mut self, count: i64) {
        self.write(BEGIN, |writer, program| {
            let email = program.catalogue.field_named(Symbol::new("email")).expect("declared");
            for index in 0..count {
                let address = Value::text(&format!("p{index}@library.example"));
                writer.patron(&format!("p{index}"), None, &[(email, Some(address))]).expect("written");
            }
        });
    }

    /// Events of the catalogue, one for each.
    pub fn happen(&mut self, event: &str, to: &[PatronId], at: Instant) {
        self.write(at, |writer, program| {
            let id = program.catalogue.event_named(Symbol::new(event)).expect("declared");
            for patron in to {
                let fields = [(0, Some(Value::text("something")))];
                writer
                    .event(*patron, id, Some(&format!("{event} {} {}", patron.0, at.0)), at, &fields)
                    .expect("written");
            }
        });
    }

    /// The engine's own events about a campaign, as a transport or a link reports them.
    pub fn come_back(&mut self, event: &str, campaign: &str, from: &[PatronId], at: Instant) {
        self.write(at, |writer, program| {
            let id = program.catalogue.event_named(Symbol::new(event)).expect("built in");
            let field = program.catalogue.event(id).field(Symbol::new("campaign")).expect("built in");
            for patron in from {
                let fields = [(field, Some(Value::Symbol(Symbol::new(campaign))))];
                let key = format!("{event} {campaign} {}", patron.0);
                writer.event(*patron, id, Some(&key), at, &fields).expect("written");
            }
        });
    }

    pub fn tick(&mut self, at: Instant) {
        let plan = Plan::new(&self.program);
        tick(&mut self.store, &plan, at, None).expect("a tick");
        deliver(&mut self.store, &plan, at, &mut |_: &Handover<'_>| Handed::Over(Vec::new())).expect("a delivery");
    }

    /// The group of each person of a campaign: 0 held out, else one more than the arm of the first split (1 without one).
    pub fn groups(&self, campaign: &str) -> BTreeMap<usize, Vec<PatronId>> {
        let mut found: BTreeMap<usize, Vec<PatronId>> = BTreeMap::new();
        let sql = "SELECT patron, held_out, arms FROM enrolment WHERE campaign = ?1 AND patron IS NOT NULL ORDER BY id";
        let mut query = self.store.connection().prepare(sql).expect("readable");
        let mut rows = query.query([campaign]).expect("readable");
        while let Some(row) = rows.next().expect("readable") {
            let held_out: bool = row.get(1).expect("a flag");
            let arms: serde_json::Value =
                serde_json::from_str(&row.get::<_, String>(2).expect("a text")).expect("arms");
            let arm = arms[0][1].as_u64().map_or(1, |arm| arm as usize + 1);
            let group = if held_out { 0 } else { arm };
            found.entry(group).or_default().push(PatronId(row.get(0).expect("a number")));
        }
        found
    }

    pub fn report(&mut self, campaigns: &[&str]) -> Vec<CampaignReport> {
        let chosen: Vec<&Campaign> =
            campaigns.iter().map(|name| self.program.campaign(Symbol::new(name)).expect("a campaign")).collect();
        report(&mut self.store, &self.program, &chosen).expect("a report").campaigns
    }

    /// The command: exit code, output, what it said beside.
    pub fn command(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let store = self.path();
        let done = Command::new(env!("CARGO_BIN_EXE_bookmobile"))
            .args(["report", "--store", store.to_str().expect("UTF-8"), "tests/report/library.campaign"])
            .args(more)
            .stdin(Stdio::null())
            .output()
            .expect("the command starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    }

    /// `percent` of each group of `campaign` at random, by group.
    pub fn some(&self, campaign: &str, percent: &[u64], luck: &mut Luck) -> Vec<PatronId> {
        let mut chosen = Vec::new();
        for (group, people) in self.groups(campaign) {
            chosen.extend(people.into_iter().filter(|_| luck.percent(percent[group])));
        }
        chosen
    }
}

/// A town of some hundred adults in which the long letter brings more people than the short one, and both more than none.
pub fn town(adults: i64) -> World {
    let mut world = World::new(program());
    let mut luck = Luck(7);
    world.people("adult", adults, adults / 10, |index| index % 3 != 0);
    world.people("teen", 6, 0, |_| true);
    world.tick(hours(24));
    for campaign in ["invitation", "subjects", "ladder", "readers"] {
        let reached: Vec<PatronId> = world
            .groups(campaign)
            .into_iter()
            .skip_while(|(group, _)| *group == 0)
            .flat_map(|(_, people)| people)
            .collect();
        let arrived: Vec<PatronId> = reached.into_iter().filter(|_| luck.percent(97)).collect();
        world.come_back("delivered", campaign, &arrived, hours(25));
        let clicked = world.some(campaign, &[0, 20, 30, 25], &mut luck);
        world.come_back("clicked", campaign, &clicked, hours(26));
    }
    let came = world.some("invitation", &[11, 17, 24], &mut luck);
    world.happen("program_visit", &came, hours(50));
    let borrowed = world.some("readers", &[30, 33], &mut luck);
    world.happen("loan", &borrowed, hours(60));
    for day in [3, 6, 9, 12, 35] {
        world.tick(hours(24 * day));
    }
    world
}
