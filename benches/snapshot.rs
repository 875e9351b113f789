//! A dry-run of one campaign over a large store: the making of the snapshot, its opening, and what changed since.
//!
//! `cargo bench --bench snapshot [-- PATRONS [STORE]]` (default 100,000, with some 30 events each). With a path the
//! store is kept there, and used again by the next run. The figures are one run's: minima and medians of several
//! rounds, the time of processors, and the peaks of the process's memory.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bookmobile::check;
use bookmobile::engine::Plan;
use bookmobile::eval::{Bulk, Way, World, local_dates};
use bookmobile::program::Program;
use bookmobile::review::dry_run::{Means, dry_run};
use bookmobile::rule::columns::Wanted;
use bookmobile::rule::{PatronId, Tables};
use bookmobile::store::Store;
use bookmobile::store::snapshot::{Dates, Opening, Origin, Snapshot};
use timing::{Rounds, clock, ms, of_process};

#[allow(dead_code, reason = "the benchmark of the tick needs all of it")]
#[path = "workload/store.rs"]
mod store;
mod timing;
mod workload;

const ROUNDS: usize = 7;

/// A campaign somebody is writing: an audience over two kinds of events, with an exception.
const CAMPAIGN: &str = r#"
message back { email { subject "Come back" subject fr "Revenez" body "There is chess." body fr "Échecs." } }
campaign quiet_readers {
  purpose  essential
  audience has at least 2 visit in the last 1 year and has no mailing in the last 60 days and email is known
  except   patron_type is staff
  start    on entering
  send     back
}
"#;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let patrons: i64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a folder");
    let path = arguments.next().map_or_else(|| folder.path().join("town.db"), PathBuf::from);
    let program = program(CAMPAIGN);
    let now = workload::now(&program);
    if !path.exists() {
        let (took, events) = clock(|| store::make(&path, patrons));
        println!("{patrons} patrons, {events} events: made in {:.1} s", took.as_secs_f64());
    }
    // Each run erases one.
    let patrons: i64 = {
        let store = Store::open_read_only(&path).expect("the store");
        let count = store.connection().query_row("SELECT count(*) FROM patron", (), |row| row.get(0));
        count.expect("read")
    };
    let mut snapshot = path.clone().into_os_string();
    snapshot.push(".snapshot");
    let _ = std::fs::remove_file(&snapshot);

    let wanted = wanted(&program);
    making("first opening", || open(&path, &program, &wanted));
    let size = std::fs::metadata(&snapshot).map_or(0, |file| file.len());
    println!("{:34} {:8} MB", "  the file", size >> 20);
    rounds("opening, what one campaign reads", || open(&path, &program, &wanted).len());
    let everything = Wanted::everything(&program.catalogue);
    rounds("opening, everything", || open(&path, &program, &everything).len());

    let preview_of = |program: &Program, means: &Means<'_>| {
        let mut store = Store::open_read_only(&path).expect("the store");
        store.align(&program.catalogue).expect("its catalogue");
        let found = dry_run(&store, program, Some("quiet_readers"), now, means).expect("a preview");
        let funnel = found.campaigns[0].funnel;
        assert_eq!(funnel.store, patrons as u64);
        (funnel.audience, funnel.reachable, found.campaigns[0].starts.map(|starts| starts.started))
    };
    let preview = |means: &Means<'_>| preview_of(&program, means);
    let found = rounds("dry-run of one campaign", || preview(&Means::default()));
    println!("{:34} {found:?}", "  audience, reached, would start");
    if patrons <= 200_000 {
        let plainly = Means { way: Way::Interpreted, from_patrons: i64::MAX, progress: None, excerpt: false };
        let (took, plain) = clock(|| preview(&plainly));
        assert_eq!(plain, found);
        println!("{:34} {:8.0} ms", "  the same without all this", ms(took));
    }
    let current = self::program(&CAMPAIGN.replace("on entering", "on entering including current members"));
    let (took, found) = clock(|| preview_of(&current, &Means::default()));
    println!("{:34} {:8.0} ms  {found:?}", "  with current members", ms(took));

    for share in [0.001, 0.01, 0.04] {
        change(&path, &program, (patrons as f64 * share) as i64);
        rounds(&format!("dry-run, {} % changed", share * 100.0), || preview(&Means::default()));
    }
    change(&path, &program, patrons / 15);
    making("opening, 6.7 % changed", || open(&path, &program, &wanted));
    let newest = Store::open_read_only(&path).and_then(|store| store.reader().newest_patron()).expect("read").0;
    let (took, (), memory) = Memory::watch(|| clock(|| erase(&path, &program, PatronId(newest))));
    println!("{:34} {:8.0} ms  {memory}", "an erasure, another file included", ms(took));
    rounds("opening, what one campaign reads", || {
        let opened = open(&path, &program, &wanted);
        assert_eq!((opened.origin, opened.len()), (Origin::File, patrons as usize - 1));
    });
}

/// An opening that makes a file.
fn making(what: &str, work: impl FnOnce() -> Snapshot) {
    let before = of_process();
    let (took, made, memory) = Memory::watch(|| clock(work));
    let used = ms(of_process() - before);
    println!("{what:34} {:8.0} ms  {:?}, {used:.0} ms of processors, {memory}", ms(took), made.origin);
}

fn rounds<T>(what: &str, work: impl Fn() -> T) -> T {
    let mut times = Rounds::default();
    let mut last = None;
    let before = of_process();
    for _ in 0..ROUNDS {
        let (took, found) = clock(&work);
        times.0.push(took);
        last = Some(found);
    }
    let (min, median) = (ms(times.min()), ms(times.median()));
    let each = ms(of_process() - before) / ROUNDS as f64;
    println!("{what:34} {min:8.0} ms  median {median:.0} ms, {each:.0} ms of processors");
    last.expect("some rounds")
}

/// The most memory that the process had during something, in MB, where the system tells.
struct Memory {
    /// Pages of mapped files included.
    peak: u64,
    own: u64,
    mapped: u64,
    /// Its own when it began: what earlier rounds left.
    before: u64,
}

impl Memory {
    fn watch<T>(work: impl FnOnce() -> (Duration, T)) -> (Duration, T, Memory) {
        // From now on the system counts anew.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let (is_done, before) = (AtomicBool::new(false), status("RssAnon:"));
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let (mut own, mut mapped) = (0, 0);
                while !is_done.load(Ordering::Relaxed) {
                    own = own.max(status("RssAnon:"));
                    mapped = mapped.max(status("RssFile:"));
                    std::thread::sleep(Duration::from_millis(5));
                }
                (own, mapped)
            });
            let (took, result) = work();
            is_done.store(true, Ordering::Relaxed);
            let (own, mapped) = watcher.join().expect("it only reads");
            (took, result, Memory { peak: status("VmHWM:"), own, mapped, before })
        })
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Memory { peak, own, mapped, before } = self;
        write!(f, "peak {peak} MB (own {own}, {before} of them from before, mapped {mapped})")
    }
}

fn status(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    found.and_then(|text| text.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) >> 10
}

/// The workload's catalogue and segments, and one campaign.
fn program(campaign: &str) -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/workload/workload.campaign");
    let mut sources = check::load(&path).expect("the workload can be read");
    sources.add("bench.campaign", campaign);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

fn open(path: &Path, program: &Program, wanted: &Wanted) -> Snapshot {
    let mut store = Store::open_read_only(path).expect("the store");
    store.align(&program.catalogue).expect("its catalogue");
    let dates = Dates { zone: &program.library.zone, day: |zone| Box::new(local_dates(zone)) };
    Opening { from_patrons: 0, ..Opening::new(dates) }.open(&store, wanted).expect("a snapshot")
}

/// What the rules of the campaign read.
fn wanted(program: &Program) -> Wanted {
    let tables = Tables::default();
    let world = World::of(program, &tables);
    let plan = Plan::new(program);
    Bulk::new(&plan.rules, world, &[], Way::Native).wanted()
}

fn erase(path: &Path, program: &Program, patron: PatronId) {
    let mut store = store::open(path, program);
    let transaction = store.begin().expect("the lock");
    let mut writer = transaction.writer(&program.library.zone, workload::now(program));
    writer.erase_patron(patron, false).expect("erased");
    drop(writer);
    transaction.commit().expect("erased");
}

/// So many patrons visit the library, each another time.
fn change(path: &Path, program: &Program, count: i64) {
    let mut store = store::open(path, program);
    let visit = program.catalogue.event_named("visit".into()).expect("declared");
    let now = workload::now(program);
    let newest = store.reader().newest_patron().expect("read").0;
    // Otherwise than those of an earlier run.
    let before = store.reader().newest_row().expect("read").0;
    let transaction = store.begin().expect("the lock");
    let zone = &program.library.zone;
    let mut writer = transaction.writer(zone, now);
    for n in 0..count {
        let patron = PatronId(1 + n * newest / count);
        writer.event(patron, visit, None, now.plus_seconds(-before - n), &[]).expect("written");
    }
    drop(writer);
    transaction.commit().expect("written");
}
