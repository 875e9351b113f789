//! Rows of the fault table that concern a tick over a store: time, disk, memory, power.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handed, Handover, NotRenamed, Plan, TickError};
use bookmobile::limits;
use bookmobile::program::Program;
use bookmobile::review::dry_run::{Means, dry_run};
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, Zone};

use super::town;

fn made(store: &mut Store, program: &Program) {
    store.align(&program.catalogue).expect("columns");
    for tick in 0..3 {
        town::import(store, program, tick);
        town::tick_and_deliver(store, &Plan::new(program), town::instant(tick));
        if tick == 0 {
            town::fix_shares(store);
        }
    }
    town::import(store, program, 3);
}

fn on_disk(program: &Program) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library.db");
    made(&mut Store::open(&path).expect("a store"), program);
    (folder, path)
}

fn open(path: &Path, program: &Program) -> Store {
    let mut store = Store::open(path).expect("a store");
    store.align(&program.catalogue).expect("columns");
    store
}

fn is_whole(store: &Store) -> bool {
    let found = store.connection().query_row("PRAGMA integrity_check", (), |row| row.get::<_, String>(0));
    found.expect("an answer") == "ok"
}

/// TIM-04: a clock that jumps ahead by a year is not believed, an outage of three weeks is; who confirms it is, and
/// then the clock that goes back is not.
#[test]
fn tim_04_a_clock_that_jumps() {
    let program = town::program();
    let mut store = Store::in_memory().expect("memory");
    made(&mut store, &program);
    let doubting = Plan::new(&program).with_largest_gap(limits::TICK_GAP_DAYS);
    let last = town::instant(2);
    let days = |days: i64| last.plus_seconds(days * 86_400);
    let before = town::dump(&store);
    for jump in [days(365), days(limits::TICK_GAP_DAYS).plus_seconds(1)] {
        let error = engine::tick(&mut store, &doubting, jump, None).expect_err("not believed");
        assert!(matches!(error, TickError::ClockJumped { .. }), "{error}");
        assert!(error.to_string().contains("--after-outage"), "{error}");
        assert_eq!(before, town::dump(&store));
    }
    engine::tick(&mut store, &doubting, days(21), None).expect("three weeks are an outage");
    engine::tick(&mut store, &doubting, days(21 + limits::TICK_GAP_DAYS), None).expect("so is the longest");
    engine::tick(&mut store, &Plan::new(&program), days(400), None).expect("confirmed");
    let error = engine::tick(&mut store, &doubting, days(90), None).expect_err("time goes on");
    assert!(matches!(error, TickError::ClockWentBack { .. }), "{error}");
}

/// TIM-04: a clock that is put right by some minutes goes on, and what it decides is decided as of the last tick.
#[test]
fn tim_04_a_clock_that_is_put_right_goes_on() {
    let program = town::program();
    let plan = Plan::new(&program);
    let last = town::instant(3);
    let ticked = |at: &[Instant]| {
        let mut store = Store::in_memory().expect("memory");
        made(&mut store, &program);
        for at in at {
            engine::tick(&mut store, &plan, *at, None).unwrap_or_else(|error| panic!("{at:?}: {error}"));
            town::import(&mut store, &program, 4);
        }
        (town::dump(&store), engine::last_tick(&store).expect("readable"))
    };
    let expected = ticked(&[last, last]);
    for back in [1, 60, limits::CLOCK_BACK_SECONDS] {
        assert_eq!(ticked(&[last, last.plus_seconds(-back)]), expected, "{back} seconds back");
    }
    assert_eq!(expected.1, Some(last));
    let mut store = Store::in_memory().expect("memory");
    made(&mut store, &program);
    engine::tick(&mut store, &plan, last, None).expect("a tick");
    let back = last.plus_seconds(-limits::CLOCK_BACK_SECONDS);
    assert_eq!(
        engine::believe_clock(&store, back, &program.library.zone, None).expect("believed"),
        last,
        "a delivery too"
    );
    let further = Instant(back.0 - 1);
    let error = engine::tick(&mut store, &plan, further, None).expect_err("too far");
    assert!(matches!(error, TickError::ClockWentBack { .. }), "{error}");
    assert!(engine::believe_clock(&store, further, &program.library.zone, None).is_err());
}

/// TIM-04 at the command line.
#[test]
fn tim_04_the_command_asks_to_confirm() {
    let (folder, path) = on_disk(&town::program());
    let messages = folder.path().join("messages");
    // A delivery first: it does not tick.
    for command in [&["deliver", "--to-dir", &messages.to_string_lossy()][..], &["tick"]] {
        let run = |more: &[&str]| {
            let mut process = Command::new(env!("CARGO_BIN_EXE_bookmobile"));
            process.args(command).args(["--at", "2027-11-20 15:00", "--store"]).arg(&path);
            process.arg("tests/engine/town.campaign").args(more).output().expect("it runs")
        };
        let refused = run(&[]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("--after-outage") && said.contains("library.db"), "{said}");
        let confirmed = run(&["--after-outage"]);
        assert!(confirmed.status.success());
        if command[0] == "tick" {
            let told = String::from_utf8_lossy(&confirmed.stdout).into_owned();
            let end = "what came due since\n  and is older than `expires after` says starts nobody: birthday, due, ready,\n  \
                       renew, thanks, weekly.\n";
            assert!(told.ends_with(end), "{told}");
        }
    }
}

/// TIM-04: what a delivery with a clock ahead has sent counts for limits when the clock is right again.
#[test]
fn tim_04_limits_count_what_was_sent_ahead_of_time() {
    let mut sources = Sources::default();
    sources.add(
        "program.campaign",
        r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  quiet none }
purpose essential "Notices" without consent
patron { email email optional }
event visit { }
message note { email { subject "A note" body "Hello." } }
campaign hello { purpose essential  audience everyone  start on visit  limit 1 messages per 7 days  send note }
"#,
    );
    let program = check::compile(sources).program.expect("no errors");
    let plan = Plan::new(&program);
    let mut store = Store::in_memory().expect("memory");
    store.align(&program.catalogue).expect("columns");
    let email = program.catalogue.field_named(Symbol::new("email")).expect("declared");
    let visit = program.catalogue.event_named(Symbol::new("visit")).expect("declared");
    engine::tick(&mut store, &plan, town::instant(1), None).expect("a tick");
    let now = town::instant(2);
    let transaction = store.begin().expect("nobody else writes");
    let mut writer = transaction.writer(&program.library.zone, now);
    let address = Value::text("ana@library.example");
    let ana = writer.patron("ana", None, &[(email, Some(address))]).expect("written");
    for second in [-20, -10] {
        writer.event(ana, visit, None, now.plus_seconds(second), &[]).expect("written");
    }
    drop(writer);
    transaction.commit().expect("written");
    engine::tick(&mut store, &plan, now, None).expect("a tick");
    let mut sent = |at: Instant| {
        let mut hand_over = |_: &Handover<'_>| Handed::Over(Vec::new());
        engine::deliver(&mut store, &plan, at, &mut hand_over).expect("delivered").sent
    };
    assert_eq!(sent(now.plus_seconds(2 * 86_400)), 1, "the clock is two days ahead");
    assert_eq!(sent(now.plus_seconds(60)), 0, "and right again");
}

/// TIM-08: the first and the last year, and a leap second in an import (see also the dates of the import).
#[test]
fn tim_08_the_ends_of_time() {
    let program = town::program();
    for (year, month, day) in [(1, 1, 1), (1970, 1, 1), (9999, 12, 30)] {
        let zone = Zone::named("America/Toronto").expect("a zone");
        let now = zone.start_of(Day::new(year, month, day).expect("a date"));
        let mut store = Store::in_memory().expect("memory");
        store.align(&program.catalogue).expect("columns");
        engine::tick(&mut store, &Plan::new(&program), now, None).expect("a tick");
        town::import(&mut store, &program, 0);
        town::tick_and_deliver(&mut store, &Plan::new(&program), Instant(now.0 + 3_600_000_000));
        assert!(zone.next_midnight(now) >= now);
    }
}

/// STO-01: no write goes beyond a size, so that the n-th fails: the error names the file, nothing of the tick is in the
/// store, which is whole; with room again the tick is as if nothing had happened.
#[cfg(unix)]
#[test]
fn sto_01_a_full_disk() {
    let program = town::program();
    let now = town::instant(3);
    let (_folder, path) = on_disk(&program);
    let mut undisturbed = Store::in_memory().expect("memory");
    made(&mut undisturbed, &program);
    engine::tick(&mut undisturbed, &Plan::new(&program), now, None).expect("a tick");
    let at = now.timestamp().to_string();
    let mut failures = 0;
    // In blocks of 512 or of 1024 bytes: the log holds a page of 4 KiB and its head a frame.
    for blocks in (0..).map(|step| step * 8) {
        let before = town::dump(&open(&path, &program));
        let script =
            format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" tick --at {at} --store \"$1\" \"$2\" 2>&1 | cat");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_bookmobile")]).arg(&path).arg("tests/engine/town.campaign");
        let said = String::from_utf8_lossy(&command.output().expect("it runs").stdout).into_owned();
        let store = open(&path, &program);
        assert!(is_whole(&store), "with {blocks} blocks");
        if said.starts_with("Tick at") {
            assert_eq!(town::dump(&undisturbed), town::dump(&store));
            break;
        }
        failures += 1;
        assert!(said.contains("library.db"), "with {blocks} blocks: {said}");
        assert_eq!(before, town::dump(&store), "with {blocks} blocks");
    }
    assert!(failures > 3, "only {failures} failed");
}

/// STO-03: another program holds the write lock for longer than we wait: the tick says so, and nothing is planned.
#[test]
fn sto_03_a_lock_that_is_held_too_long() {
    let program = town::program();
    let plan = Plan::new(&program);
    let (_folder, path) = on_disk(&program);
    let mut store = open(&path, &program);
    store.connection().busy_timeout(Duration::from_millis(30)).expect("set");
    let before = town::dump(&store);
    let other = rusqlite::Connection::open(&path).expect("another");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let error = engine::tick(&mut store, &plan, town::instant(3), None).expect_err("busy");
    assert!(matches!(&error, TickError::Store(error) if error.is_busy()), "{error}");
    assert!(error.to_string().contains("try again"), "{error}");
    assert_eq!(before, town::dump(&store));
    other.execute_batch("COMMIT").expect("given back");
    engine::tick(&mut store, &plan, town::instant(3), None).expect("a tick");
}

/// STO-04: with ever less memory a tick ends somewhere, and the store is as before or as after.
#[cfg(target_os = "linux")]
#[test]
fn sto_04_too_little_memory() {
    let program = town::program();
    let (_folder, path) = on_disk(&program);
    let at = town::instant(3).timestamp().to_string();
    let (mut failed, mut done) = (0, 0);
    for mebibytes in [24, 40, 56, 72, 96, 4096] {
        let before = town::dump(&open(&path, &program));
        let script = format!("ulimit -v {}; exec \"$0\" tick --at {at} --store \"$1\" \"$2\"", mebibytes * 1024);
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_bookmobile")]).arg(&path).arg("tests/engine/town.campaign");
        let ended = command.output().expect("it runs");
        let store = open(&path, &program);
        assert!(is_whole(&store));
        if ended.status.success() {
            done += 1;
        } else {
            failed += 1;
            assert_eq!(before, town::dump(&store), "with {mebibytes} MiB");
        }
    }
    assert!(failed > 0 && done > 0, "{failed} failed, {done} did it");
}

/// STO-05: the power fails while a message is handed over. What had been synced by then, with rubbish behind it, is a
/// store in which this message is claimed, and is never handed over again.
#[test]
fn sto_05_power_loss_while_a_message_is_handed_over() {
    let program = town::program();
    let plan = Plan::new(&program);
    let (folder, path) = on_disk(&program);
    let mut store = open(&path, &program);
    let full: i64 = store.connection().pragma_query_value(None, "synchronous", |row| row.get(0)).expect("a number");
    assert_eq!(full, 2, "each commit is synced");
    let mut images = Vec::new();
    let copy = |from: &Path, to: &Path| std::fs::copy(from, to).expect("copied");
    for tick in 3..12 {
        town::import(&mut store, &program, tick);
        engine::tick(&mut store, &plan, town::instant(tick), None).expect("a tick");
        engine::deliver(&mut store, &plan, town::instant(tick), &mut |message: &Handover<'_>| {
            let image = folder.path().join(format!("image-{}.db", message.id));
            copy(&path, &image);
            copy(&path.with_extension("db-wal"), &image.with_extension("db-wal"));
            // What was written after the last sync may be there in part.
            use std::io::Write;
            let log = std::fs::File::options().append(true).open(image.with_extension("db-wal"));
            log.and_then(|mut log| log.write_all(&[0xA5; 5000])).expect("written");
            images.push((message.id, image));
            Handed::Over(Vec::new())
        })
        .expect("a delivery");
    }
    drop(store);
    assert!(images.len() > 3, "only {} were delivered", images.len());
    let now = town::instant(12);
    for (id, image) in &images {
        let mut store = open(image, &program);
        let state = |store: &Store| -> String {
            let sql = "SELECT state FROM outbox WHERE id = ?1";
            store.connection().query_row(sql, [id], |row| row.get(0)).expect("the message")
        };
        assert_eq!(state(&store), "claimed");
        let later = now.plus_seconds(7 * 86_400);
        engine::deliver(&mut store, &plan, later, &mut |message: &Handover<'_>| {
            assert_ne!(message.id, *id, "handed over twice");
            Handed::Over(Vec::new())
        })
        .expect("a delivery");
        assert_eq!(state(&store), "claimed");
    }
}

/// DEL-13: the language has no `was`. A campaign with another name is another campaign, and its first tick takes the
/// baseline: it mails nobody again who was in its start already, and a dry-run says before what the new name means.
#[test]
fn del_13_a_renamed_campaign_mails_nobody_again() {
    let text = std::fs::read_to_string("tests/engine/town.campaign").expect("the program");
    let program = compiled(&text);
    let renamed = compiled(&text.replace("campaign welcome", "campaign greeting"));
    assert!(renamed.campaigns.iter().any(|campaign| campaign.name.as_str() == "greeting"));
    let mut store = Store::in_memory().expect("memory");
    made(&mut store, &program);
    engine::tick(&mut store, &Plan::new(&program), town::instant(3), None).expect("a tick");
    assert_eq!(warned(&store, &program, 4), None);
    assert!(
        warned(&store, &renamed, 4).is_some_and(|text| text.contains("`welcome`") && text.contains("starts nobody"))
    );
    let report = engine::tick(&mut store, &Plan::new(&renamed), town::instant(4), None).expect("a tick");
    let counts = &report.campaigns["greeting"];
    assert!(counts.is_baseline, "{counts:?}");
    assert_eq!((counts.enrolled, counts.queued), (0, 0), "{counts:?}");
}

fn compiled(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("town.campaign", text.to_owned());
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

/// What a dry-run of `program` says of a campaign that looks renamed.
fn warned(store: &Store, program: &Program, tick: i64) -> Option<String> {
    let found = dry_run(store, program, None, town::instant(tick), &Means::default()).expect("a preview");
    found.campaigns.into_iter().flat_map(|preview| preview.warnings).find(|text| text.contains("starts like `"))
}

/// DEL-13, where the first tick of a new campaign starts whoever is in: the tick refuses, a dry-run says how many would
/// be started again, and under the new name all goes on once the store was told that it is one.
#[test]
fn del_13_a_renamed_campaign_that_takes_current_members_is_refused() {
    let text = std::fs::read_to_string("tests/engine/town.campaign").expect("the program");
    let text = text.replace("start on entering  holdout", "start on entering including current members  holdout");
    let program = compiled(&text);
    let renamed = compiled(&text.replace("campaign welcome", "campaign greeting"));
    let mut store = Store::in_memory().expect("memory");
    made(&mut store, &program);
    engine::tick(&mut store, &Plan::new(&program), town::instant(3), None).expect("a tick");
    let running = |store: &Store, campaign: &str| -> i64 {
        let sql = "SELECT count(*) FROM enrolment WHERE campaign = ?1";
        store.connection().query_row(sql, [campaign], |row| row.get(0)).expect("a count")
    };
    let before = running(&store, "welcome");

    let doubting = || Plan::new(&renamed).with_renames_doubted(BTreeSet::new());
    let error = engine::tick(&mut store, &doubting(), town::instant(4), None).expect_err("it would start them again");
    assert!(error.to_string().contains("bookmobile rename welcome greeting"), "{error}");

    // Whoever means it gets what the dry-run foretells.
    let mut copy = store.copy_in_memory().expect("a copy");
    copy.align(&renamed.catalogue).expect("columns");
    let as_new = Plan::new(&renamed).with_renames_doubted(BTreeSet::from(["greeting".to_owned()]));
    let again =
        engine::tick(&mut copy, &as_new, town::instant(4), None).expect("a tick").campaigns["greeting"].enrolled;
    assert!(again > 3, "{again}");
    let said = warned(&store, &renamed, 4).expect("a warning");
    assert!(said.contains(&format!("the first tick starts {again}, whomever")), "{said}");

    assert_eq!(engine::rename(&mut store, &renamed, "nobody", "greeting").expect("readable"), Err(NotRenamed::Unknown));
    assert_eq!(engine::rename(&mut store, &renamed, "welcome", "thanks").expect("readable"), Err(NotRenamed::Taken));
    assert_eq!(engine::rename(&mut store, &renamed, "welcome", "greeting").expect("written"), Ok(()));
    assert_eq!(warned(&store, &renamed, 4), None);
    // As if the name had not changed, but for the name.
    let mut undisturbed = store.copy_in_memory().expect("a copy");
    undisturbed.align(&program.catalogue).expect("columns");
    assert_eq!(engine::rename(&mut undisturbed, &renamed, "greeting", "welcome").expect("written"), Ok(()));
    for tick in 4..9 {
        let now = town::instant(tick);
        let report = engine::tick(&mut store, &doubting(), now, None).expect("a tick");
        let other = engine::tick(&mut undisturbed, &Plan::new(&program), now, None).expect("a tick");
        assert_eq!(report.campaigns.get("greeting"), other.campaigns.get("welcome"), "at {tick}");
    }
    assert_eq!((running(&store, "welcome"), running(&store, "greeting")), (0, running(&undisturbed, "welcome")));
    assert!(running(&store, "greeting") >= before);
}

/// The command that DEL-13 points to.
#[test]
fn del_13_rename_tells_the_store() {
    let text = std::fs::read_to_string("tests/engine/town.campaign").expect("the program");
    let (folder, path) = on_disk(&compiled(&text));
    let renamed = folder.path().join("renamed.campaign");
    std::fs::write(&renamed, text.replace("campaign welcome", "campaign greeting")).expect("written");
    let (store, file) = (path.to_str().expect("a plain path"), renamed.to_str().expect("a plain path"));
    let said = |names: [&str; 2]| {
        let output = bookmobile(&["rename", "--store", store, "--program", file, names[0], names[1]]);
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        (output.status.code(), texts.concat())
    };
    for (names, reason) in [
        (["welcome", "greting"], "did you mean `greeting`?"),
        (["weekly", "greeting"], "the program still has a campaign `weekly`"),
        (["hello", "greeting"], "no campaign `hello` has ticked"),
        (["welcome", "thanks"], "`thanks` has ticked already"),
    ] {
        let (code, text) = said(names);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(reason), "{text}");
    }
    assert_eq!(said(["welcome", "greeting"]), (Some(0), "`greeting` goes on where `welcome` was.\n".to_owned()));
}

fn bookmobile(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_bookmobile")).args(arguments).output().expect("it runs")
}

/// TIM-07: `explain` names the release of the zones that it reckons with.
#[test]
fn tim_07_explain_names_the_release_of_the_zones() {
    let program = town::program();
    let (_folder, path) = on_disk(&program);
    let key: String = open(&path, &program)
        .connection()
        .query_row("SELECT key FROM patron ORDER BY id LIMIT 1", (), |row| row.get(0))
        .expect("a patron");
    let store = path.to_str().expect("a plain path");
    let told = bookmobile(&["explain", "--store", store, &key, "welcome", "tests/engine/town.campaign"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.lines().next().is_some_and(|line| line.contains(&format!("tzdata {}", Zone::release()))), "{told}");
    assert!(Zone::release().starts_with("20"), "{}", Zone::release());
}

/// STO-11: what reads works on a store that cannot be written; a tick and a delivery refuse, say why, and hand over
/// nothing. In a name space of its own, whose mount is read-only; where none can be made there is nothing to try.
#[cfg(target_os = "linux")]
#[test]
fn sto_11_a_read_only_mount() {
    let program = town::program();
    let (folder, path) = on_disk(&program);
    let at = town::instant(3).timestamp().to_string();
    let key: String = open(&path, &program)
        .connection()
        .query_row("SELECT key FROM patron ORDER BY id LIMIT 1", (), |row| row.get(0))
        .expect("a patron");
    let out = tempfile::tempdir().expect("a folder");
    let mount = format!("mount --bind {0} {0} && mount -o remount,ro,bind {0}", folder.path().display());
    let unshared = |command: &str| {
        let script = format!("{mount} || exit 99; \"$0\" {command}");
        let mut unshare = Command::new("unshare");
        unshare.args(["-rm", "sh", "-c", &script, env!("CARGO_BIN_EXE_bookmobile")]);
        unshare.output()
    };
    let store = path.display();
    if !unshared("--version").is_ok_and(|output| output.status.success()) {
        return;
    }
    let town = "tests/engine/town.campaign";
    for read in [
        format!("dry-run --store {store} --at {at} {town}"),
        format!("explain --store {store} --at {at} {key} welcome {town}"),
        format!("lint {town}"),
    ] {
        let output = unshared(&read).expect("it runs");
        assert!(output.status.success(), "{read}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for write in [
        format!("tick --store {store} --at {at} {town}"),
        format!("deliver --store {store} --at {at} --to-dir {} {town}", out.path().display()),
    ] {
        let output = unshared(&write).expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{write}: {said}");
        assert!(said.contains("library.db cannot be written"), "{write}: {said}");
    }
    assert_eq!(std::fs::read_dir(out.path()).expect("a folder").count(), 0, "something was handed over");
}
