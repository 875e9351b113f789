//! Feeds from a calendar (RFC 5545), from Atom (RFC 4287) and from RSS: what becomes of each entry, what vanishes, and
//! what readers get at the end.

use std::path::{Path, PathBuf};

use super::world::{Files, attempt, run};
use bookmobile::catalogue::{Channel, Value};
use bookmobile::check::compile;
use bookmobile::deliver::{Directory, drain, link_base};
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{Plan, tick};
use bookmobile::message::link::Links;
use bookmobile::program::Program;
use bookmobile::rule::ConsentState;
use bookmobile::store::Store;
use bookmobile::store::import::ImportError;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay, Zone};

const CALENDAR: &str = include_str!("data/calendar.toml");
const BLOG: &str = include_str!("data/blog.toml");

fn library() -> Program {
    let path = Path::new("tests/programs/feeds.campaign");
    let mut sources = Sources::default();
    sources.add(path, std::fs::read_to_string(path).expect("the program"));
    compile(sources).program.expect("it is right (tests/programs)")
}

fn data(name: &str) -> PathBuf {
    Path::new("tests/import/data").join(name)
}

fn at(date: &str, hour: u32) -> Instant {
    let zone = Zone::named("America/Toronto").expect("a zone");
    zone.at(Day::from_civil(date.parse().expect("a date")), TimeOfDay::new(hour, 0, 0).expect("a time"))
}

fn empty(library: &Program) -> Store {
    let mut store = Store::in_memory().expect("memory");
    store.align(&library.catalogue).expect("a new store takes any catalogue");
    store
}

/// The rows of a feed as texts, in the order of their keys: key and fields.
fn rows(store: &Store, feed: &str) -> Vec<String> {
    let catalogue = store.layout().catalogue();
    let feed = catalogue.feed_named(Symbol::new(feed)).expect("the feed");
    let zone = Zone::named("America/Toronto").expect("a zone");
    let show = |value: &Option<Value>| match value {
        None => "-".to_owned(),
        Some(Value::Instant(instant)) => zone.civil(*instant).strftime("%Y-%m-%d %H:%M").to_string(),
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Symbol(symbol)) => symbol.to_string(),
        Some(Value::Bool(truth)) => truth.to_string(),
        Some(Value::Set(elements)) => {
            let names = elements.iter().map(|element| match element {
                Value::Symbol(symbol) => symbol.to_string(),
                Value::Text(text) => text.to_string(),
                _ => unreachable!("sets hold names and texts"),
            });
            format!("({})", names.collect::<Vec<_>>().join(" "))
        }
        Some(other) => format!("{other:?}"),
    };
    let keys = store.reader().feed_keys(feed).expect("readable");
    let rows = store.reader().feed(feed).expect("readable");
    let mut all: Vec<String> = keys
        .iter()
        .zip(&rows)
        .map(|(key, row)| format!("{key}: {}", row.iter().map(show).collect::<Vec<_>>().join(" | ")))
        .collect();
    all.sort();
    all
}

/// One calendar of the given events into a new store on 2026-11-20: its rows, and the findings.
fn calendar(events: &str) -> (Vec<String>, Vec<(u64, String)>) {
    let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n");
    let files = Files::of(&[("a.ics", text.as_bytes())]);
    let (library, mut store) = (library(), empty(&library()));
    let found = attempt(&mut store, &library, CALENDAR, &files.paths, at("2026-11-20", 6)).expect("imported");
    let findings = found.1.into_iter().map(|finding| (finding.line, finding.reason)).collect();
    (rows(&store, "programs"), findings)
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:a\nSUMMARY:A\nLOCATION:Central\n{lines}END:VEVENT\n")
}

/// Keys and starts of a calendar's rows.
fn starts(events: &str) -> Vec<String> {
    let (rows, findings) = calendar(events);
    assert_eq!(findings, []);
    let start = |row: &String| {
        let (key, fields) = row.split_once(": ").expect("a key");
        format!("{key} {}", fields.split(" | ").nth(1).expect("a start"))
    };
    rows.iter().map(start).collect()
}

#[test]
fn a_calendar_becomes_a_feed() {
    let (library, mut store) = (library(), empty(&library()));
    let (summary, findings) =
        attempt(&mut store, &library, CALENDAR, &[data("programs.ics")], at("2026-11-20", 6)).expect("imported");
    assert_eq!(findings, []);
    let target = summary.target("feed programs").expect("the target");
    // Story times from four weeks before the import to their end; the cancelled reading was never there.
    assert_eq!((target.new, target.left_out, target.rejected, target.removed), (12, 2, 0, 0), "{target:?}");
    let expected = "\
chess@riverside.example: Chess for everybody, beginners and those who have played for years; boards are the re | 2026-12-03 18:30 | 2026-12-03 20:00 | false | central | (games seniors) | https://riverside.example/events/chess
fair@riverside.example: Winter fair | 2026-12-05 00:00 | 2026-12-06 00:00 | true | central | (children crafts) | -
knitting@riverside.example: Knit & natter | 2026-12-02 18:30 | 2026-12-02 20:00 | false | eastside | (crafts) | -
story-time@riverside.example/2026-10-20T10:00:00: Story time | 2026-10-20 10:00 | 2026-10-20 10:45 | false | central | (children) | https://riverside.example/events/story-time
story-time@riverside.example/2026-12-08T10:00:00: Story time (in the afternoon this week) | 2026-12-08 14:30 | 2026-12-08 15:15 | false | central | (children) | -
tea@riverside.example: Tea with the // librarian | 2026-12-04 15:00 | 2026-12-04 16:00 | false | other | (seniors) | -";
    let found = rows(&store, "programs");
    for line in expected.lines() {
        assert!(found.contains(&line.replace(" // ", "\n")), "{line} is not in {found:#?}");
    }
    // Story time is at ten on both sides of the change of the clocks, and not on the day that is left out.
    for (day, is_there) in [("10-27", true), ("11-03", true), ("11-24", false), ("12-15", true), ("12-22", false)] {
        let start = format!("story-time@riverside.example/2026-{day}T10:00:00: Story time | 2026-{day} 10:00");
        assert_eq!(found.iter().any(|row| row.starts_with(&start)), is_there, "{day}: {found:#?}");
    }
    // The same again changes nothing.
    let again =
        attempt(&mut store, &library, CALENDAR, &[data("programs.ics")], at("2026-11-20", 7)).expect("imported");
    assert_eq!(again.0.effective(), 0, "{:?}", again.0);
}

#[test]
fn a_row_that_changed_is_no_new_one() {
    let (library, mut store) = (library(), empty(&library()));
    let whole = std::fs::read_to_string(data("programs.ics")).expect("the calendar");
    let mut import = |text: &str| {
        let files = Files::of(&[("a.ics", text.as_bytes())]);
        let (summary, _) =
            attempt(&mut store, &library, CALENDAR, &files.paths, at("2026-11-20", 8)).expect("imported");
        let target = summary.target("feed programs").expect("the target");
        (target.new, target.changed, target.unchanged)
    };
    assert_eq!(import(&whole), (12, 0, 0));
    assert_eq!(import(&whole.replace("SUMMARY:Winter fair", "SUMMARY:Fair")), (0, 1, 11));
}

#[test]
fn what_is_cancelled_or_gone_leaves_the_feed() {
    let (library, mut store) = (library(), empty(&library()));
    let whole = std::fs::read_to_string(data("programs.ics")).expect("the calendar");
    let import = |store: &mut Store, text: &str, mapping: &str| {
        let files = Files::of(&[("a.ics", text.as_bytes())]);
        attempt(store, &library, mapping, &files.paths, at("2026-11-20", 8)).map(|(summary, _)| {
            let target = summary.target("feed programs").expect("the target");
            (target.new, target.removed, target.unchanged)
        })
    };
    assert_eq!(import(&mut store, &whole, CALENDAR).expect("imported"), (12, 0, 0));
    // Cancelled: gone, also where the file does not hold everything.
    let partial = CALENDAR.replace("complete = true", "");
    let cancelled = whole.replace("SUMMARY:Winter fair", "STATUS:CANCELLED\r\nSUMMARY:Winter fair");
    assert_eq!(import(&mut store, &cancelled, &partial).expect("imported"), (0, 1, 11));
    // One of a series taken out.
    let left_out =
        cancelled.replace("EXDATE;TZID=America/Toronto:2026", "EXDATE;TZID=America/Toronto:20261201T100000,2026");
    assert_eq!(import(&mut store, &left_out, &partial).expect("imported"), (0, 1, 10));
    // No longer listed: it stays unless the file is said to be complete.
    let start = left_out.find("BEGIN:VEVENT\r\nUID:tea").expect("the tea");
    let end = start + left_out[start..].find("END:VEVENT\r\n").expect("its end") + "END:VEVENT\r\n".len();
    let without = format!("{}{}", &left_out[..start], &left_out[end..]);
    assert_eq!(import(&mut store, &without, &partial).expect("imported"), (0, 0, 9));
    assert_eq!(import(&mut store, &without, CALENDAR).expect("imported"), (0, 1, 9));
    // `METHOD:CANCEL` cancels what it lists.
    let cancel = "BEGIN:VCALENDAR\nMETHOD:CANCEL\nBEGIN:VEVENT\nUID:chess@riverside.example\n\
                  DTSTART:20261203T183000\nEND:VEVENT\nEND:VCALENDAR\n";
    assert_eq!(import(&mut store, cancel, &partial).expect("imported"), (0, 1, 0));
}

#[test]
fn a_calendar_that_is_cut_off_changes_nothing() {
    let (library, mut store) = (library(), empty(&library()));
    let many: String = (0..30)
        .map(|n| format!("BEGIN:VEVENT\nUID:e{n}\nSUMMARY:S\nDTSTART:20261201T100000\nLOCATION:x\nEND:VEVENT\n"))
        .collect();
    let mut import = |events: &str, tail: &str| {
        let files = Files::of(&[("a.ics", format!("BEGIN:VCALENDAR\n{events}{tail}").as_bytes())]);
        attempt(&mut store, &library, CALENDAR, &files.paths, at("2026-11-20", 8))
    };
    import(&many, "END:VCALENDAR\n").expect("imported");
    let half = &many[..many.len() / 2];
    let error = import(half, "").expect_err("cut off").to_string();
    assert!(error.contains("has no end: the file is cut off"), "{error}");
    // Cut between two events and closed again: the guard doubts it.
    let end = half.rfind("BEGIN:VEVENT").expect("an event");
    let error = import(&half[..end], "END:VCALENDAR\n").expect_err("doubted");
    assert!(matches!(error, ImportError::Guard { of: 30, .. }), "{error}");
    assert_eq!(rows(&store, "programs").len(), 30);
}

#[test]
fn times_of_zones_utc_the_library_and_whole_days() {
    // A fall-back night: half past one comes twice, and the first is meant. A spring night: half past two does not
    // exist, and is half past three (section 3.3.5).
    assert_eq!(starts(&event("DTSTART;TZID=America/Toronto:20261101T013000\n")), ["a 2026-11-01 01:30"]);
    assert_eq!(starts(&event("DTSTART;TZID=America/Toronto:20270314T023000\n")), ["a 2027-03-14 03:30"]);
    assert_eq!(starts(&event("DTSTART;TZID=Europe/Paris:20261201T190000\n")), ["a 2026-12-01 13:00"]);
    assert_eq!(starts(&event("DTSTART:20261201T190000Z\n")), ["a 2026-12-01 14:00"]);
    assert_eq!(starts(&event("DTSTART:20261201T190000\n")), ["a 2026-12-01 19:00"]);
    assert_eq!(starts(&event("DTSTART;VALUE=DATE:20261201\n")), ["a 2026-12-01 00:00"]);
    // A zone that only the calendar knows, on both sides of its changes.
    let zone = "BEGIN:VTIMEZONE\nTZID:Ours\nBEGIN:STANDARD\nDTSTART:20071104T020000\nRRULE:FREQ=YEARLY;BYDAY=1SU;\
                BYMONTH=11\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:20070311T020000\n\
                RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nEND:DAYLIGHT\nEND:VTIMEZONE\n";
    for time in ["20261101T013000", "20261101T030000", "20270314T013000", "20270701T120000"] {
        let named = starts(&event(&format!("DTSTART;TZID=America/Toronto:{time}\n")));
        assert_eq!(starts(&format!("{zone}{}", event(&format!("DTSTART;TZID=Ours:{time}\n")))), named, "{time}");
    }
    let skipped = event("DTSTART;TZID=Ours:20270314T023000\n");
    assert_eq!(starts(&format!("{zone}{skipped}")), ["a 2027-03-14 03:30"]);
    // By another program's name for it.
    let located = "BEGIN:VTIMEZONE\nTZID:/x/Paris\nX-LIC-LOCATION:Europe/Paris\nEND:VTIMEZONE\n";
    assert_eq!(
        starts(&format!("{located}{}", event("DTSTART;TZID=/x/Paris:20261201T190000\n"))),
        ["a 2026-12-01 13:00"]
    );
}

#[test]
fn series_with_added_left_out_moved_and_cancelled_occurrences() {
    let series = event(
        "DTSTART;TZID=America/Toronto:20261201T190000\nRRULE:FREQ=DAILY;COUNT=4\nRDATE:20261210T000000Z\n\
         EXDATE:20261203T000000Z\n",
    );
    let moved = event("RECURRENCE-ID:20261204T000000Z\nDTSTART;TZID=America/Toronto:20261203T100000\n");
    let cancelled =
        event("RECURRENCE-ID;TZID=America/Toronto:20261204T190000\nDTSTART:20261205T000000Z\nSTATUS:CANCELLED\n");
    assert_eq!(
        starts(&format!("{series}{moved}{cancelled}")),
        [
            "a/2026-12-01T19:00:00 2026-12-01 19:00",
            "a/2026-12-03T19:00:00 2026-12-03 10:00",
            "a/2026-12-09T19:00:00 2026-12-09 19:00"
        ]
    );
    // Whole days that repeat; a day without time leaves out an occurrence that has one.
    let days = event("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY;UNTIL=20271224\n");
    assert_eq!(starts(&days), ["a/2026-12-24 2026-12-24 00:00", "a/2027-12-24 2027-12-24 00:00"]);
    let by_day = event("DTSTART:20261201T190000\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE;VALUE=DATE:20261202\n");
    assert_eq!(starts(&by_day), ["a/2026-12-01T19:00:00 2026-12-01 19:00"]);
    // An endless series is followed for 400 days.
    let endless = starts(&event("DTSTART:20200106T190000\nRRULE:FREQ=WEEKLY\n"));
    assert_eq!(
        (endless.len(), endless.first().map(String::as_str)),
        (61, Some("a/2026-10-26T19:00:00 2026-10-26 19:00"))
    );
}

#[test]
fn bad_events_are_rejected_by_line_and_the_others_land() {
    let good = "BEGIN:VEVENT\nUID:good\nSUMMARY:Good\nLOCATION:x\nDTSTART:20261201T190000\nEND:VEVENT\n";
    for (bad, line, why) in [
        ("DTSTART:soon\n", 7, "DTSTART \"soon\" is no time of a calendar"),
        ("DTSTART:20260231\n", 7, "is no time of a calendar"),
        ("SEQUENCE:1\n", 3, "the event has no DTSTART"),
        ("DTSTART;TZID=Mars/Olympus:20261201T190000\n", 7, "nor is it one of the IANA's"),
        ("DTSTART:20261201T190000\nRRULE:FREQ=OFTEN\n", 8, "the rule of its repetition"),
        ("DTSTART:20261201T190000\nRRULE:FREQ=SECONDLY\n", 8, "it repeats more than"),
        ("DTSTART:20261201T190000\nDURATION:long\n", 8, "no duration of a calendar"),
        ("DTSTART:20261201T190000\nno line\n", 8, "not a line of a calendar"),
        ("DTSTART:20261201T190000\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261201T190000\n", 8, "THISANDFUTURE"),
    ] {
        let (rows, findings) = calendar(&format!("{}{good}", event(bad)));
        assert_eq!(rows.len(), 1, "{bad}{findings:?}");
        assert_eq!(findings.len(), 1, "{bad}{findings:?}");
        assert_eq!(findings[0].0, line, "{bad}{findings:?}");
        assert!(findings[0].1.contains(why), "{bad}{findings:?}");
    }
    // Without UID there is no key; a value that is none rejects the row only if the field is required.
    let (rows, findings) = calendar(&format!("{}{good}", event("DTSTART:20261201T190000\n").replace("UID:a\n", "")));
    assert_eq!((rows.len(), findings), (1, vec![(3, "it is empty".to_owned())]));
    let (rows, findings) = calendar(&event("DTSTART:20261201T190000\nURL:javascript:alert(1)\n"));
    assert_eq!((rows.len(), findings.len()), (1, 1), "{findings:?}");

    let library = library();
    for (text, why) in [
        ("", "BEGIN:VCALENDAR"),
        ("title,when\nChess,2026-12-01\n", "it is no iCalendar file"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", "line 3: END:VCALENDAR, but VEVENT is open"),
    ] {
        let files = Files::of(&[("a.ics", text.as_bytes())]);
        let error = attempt(&mut empty(&library), &library, CALENDAR, &files.paths, at("2026-11-20", 6));
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}

#[test]
fn atom_becomes_a_feed() {
    let library = library();
    let found = run(&library, BLOG, &[data("blog.atom")]);
    assert_eq!(found.findings, []);
    assert_eq!(
        rows(&found.store, "posts"),
        [
            "tag:riverside.example,2026:post-40: Seeds & spades: the seed library opens | 2026-11-12 11:30 | \
             (Gardening) | https://riverside.example/blog/seeds | -",
            "tag:riverside.example,2026:post-41: Ten quiet winter novels | 2026-11-26 14:00 | (Fiction Winter) | \
             https://riverside.example/blog/winter-novels | Snow, tea & a blanket.",
        ]
    );
}

#[test]
fn rss_becomes_a_feed_with_the_elements_of_others() {
    let library = library();
    let mapping = r#"
        [[feed]]
        name = "programs"
        key  = "guid"
        [feed.fields]
        title     = { concat = ["title", "author.name"] }
        starts_at = { first = ["bc:start_date_local", "pubDate"] }
        ends_at   = "pubDate"
        branch    = { column = "bc:location.bc:name", codes = { "Central Library" = "central" } }
        topic     = "category"
        page      = { first = ["enclosure@url", "link"] }
    "#;
    let found = run(&library, mapping, &[data("events.rss")]);
    assert_eq!(found.findings, []);
    assert_eq!(
        rows(&found.store, "programs"),
        ["event-7: Repair café | 2026-12-05 13:00 | 2026-11-20 09:00 | - | central | (crafts seniors) | \
          https://riverside.example/lamp.jpg"]
    );
}

#[test]
fn bad_entries_are_rejected_by_line_and_what_is_no_feed_is_refused() {
    let library = library();
    let entry = |id: &str, published: &str| {
        format!("<entry>\n<id>{id}</id><title>T</title><link href=\"https://x.example/\"/>{published}\n</entry>\n")
    };
    let good = "<published>2026-11-01T00:00:00Z</published>";
    let text = format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n{}{}{}</feed>",
        entry("1", good),
        entry("2", "<published>yesterday</published>"),
        entry("", good)
    );
    let found = run(&library, BLOG, &Files::of(&[("a.atom", text.as_bytes())]).paths);
    let findings: Vec<(u64, &str, &str)> =
        found.findings.iter().map(|found| (found.line, found.column.as_str(), found.reason.as_str())).collect();
    assert_eq!(findings, [(5, "published", "published: \"yesterday\" is no date"), (8, "id", "it is empty")]);
    assert_eq!(rows(&found.store, "posts").len(), 1);

    let deep = format!("<feed>{}", "<a>".repeat(100_000));
    let latin = b"<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><id>\xe9</id></entry></feed>".to_vec();
    for (bytes, why) in [
        (b"<feed><entry></feed>".to_vec(), "it is no XML"),
        (b"<html></html>".to_vec(), "it is neither Atom nor RSS"),
        (b"<!DOCTYPE feed [<!ENTITY a \"b\">]><feed>&a;</feed>".to_vec(), "it is no XML"),
        (deep.into_bytes(), "nested deeper than 64"),
        (latin, "it is not UTF-8"),
    ] {
        let files = Files::of(&[("a.atom", &bytes)]);
        let error = attempt(&mut empty(&library), &library, BLOG, &files.paths, at("2026-11-20", 6));
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(why), "{error}");
    }
    // The same in the encoding that the document names.
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<entry><id>\
                  1</id><title>Caf\xe9</title><link href=\"https://x.example/\"/><published>2026-11-01T00:00:00Z</published>\
                  </entry></feed>";
    let found = run(&library, BLOG, &Files::of(&[("a.atom", latin)]).paths);
    assert!(rows(&found.store, "posts")[0].starts_with("1: Café | "), "{:?}", rows(&found.store, "posts"));
}

/// From the calendar to the mailbox: the readers' branch, the local times, both languages, and `needs`.
#[test]
fn imported_programmes_reach_the_readers() {
    let library = library();
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path().join("library.db")).expect("a store");
    store.align(&library.catalogue).expect("the catalogue fits");
    let day = |hour| at("2026-11-29", hour);
    attempt(&mut store, &library, CALENDAR, &[data("programs.ics")], day(6)).expect("imported");
    let transaction = store.begin().expect("a transaction");
    let mut writer = transaction.writer(&library.library.zone, day(7));
    let catalogue = &library.catalogue;
    for (key, branch, language) in [("ana", "central", "en"), ("bea", "central", "fr"), ("cem", "eastside", "en")] {
        let field = |name: &str, value| (catalogue.field_named(name.into()).expect("a field"), Some(value));
        let fields = [
            field("branch", Value::Symbol(branch.into())),
            field("language", Value::Symbol(language.into())),
            field("email", Value::text(&format!("{key}@example.org"))),
            field("has_card", Value::Bool(true)),
        ];
        let patron = writer.patron(key, None, &fields).expect("written");
        let promotion = catalogue.purpose_named("promotion".into()).expect("the purpose");
        writer.consent(patron, promotion, Channel::Email, ConsentState::Given, day(7), None).expect("written");
    }
    drop(writer);
    transaction.commit().expect("committed");
    tick(&mut store, &Plan::new(&library), day(8), None).expect("the first tick");
    let monday = |hour| at("2026-11-30", hour);
    tick(&mut store, &Plan::new(&library), monday(9), None).expect("a tick");
    let links = Links::new(&link_base(&library.library), &store.link_secret().expect("a secret"));
    let mut mailbox = Directory::open(&folder.path().join("out")).expect("a folder");
    let drained = drain(&mut store, &library, monday(10), links, &mut mailbox).expect("a delivery");
    assert_eq!(drained.report.sent, 3, "{drained:?}");
    let read = |to: &str| {
        let files = walkdir::WalkDir::new(folder.path().join("out")).into_iter().filter_map(Result::ok);
        let mails = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "eml"));
        let text = mails.map(|file| std::fs::read(file.path()).expect("a mail")).find(|mail| {
            let parsed = mail_parser::MessageParser::default().parse(mail).expect("a mail");
            parsed.to().and_then(|to| to.first()).and_then(|to| to.address()) == Some(to)
        });
        let text = text.unwrap_or_else(|| panic!("no mail to {to}"));
        let mail = mail_parser::MessageParser::default().parse(&text).expect("a mail");
        (mail.subject().expect("a subject").to_owned(), mail.body_text(0).expect("a text").into_owned())
    };
    let programmes = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter_map(|line| line.strip_prefix("- "));
        lines.map(str::to_owned).collect()
    };
    let (subject, text) = read("ana@example.org");
    assert_eq!(subject, "What is on at Central Library");
    let chess = "Chess for everybody, beginners and those who have played for years; boards are the re";
    assert_eq!(
        // The text part wraps long lines.
        programmes(&text.replace("\r\n", "\n").replace("\n  ", " ")),
        [
            "Story time: Tuesday 1 December, 10:00".to_owned(),
            format!("{chess}: Thursday 3 December, 18:30"),
            "Winter fair: Saturday 5 December, 00:00".to_owned(),
            "Story time (in the afternoon this week): Tuesday 8 December, 14:30".to_owned(),
        ],
        "{text}"
    );
    let (subject, text) = read("bea@example.org");
    assert_eq!(subject, "À l'affiche : Bibliothèque centrale");
    assert_eq!(programmes(&text)[0], "Story time : mardi 1 décembre, 10:00", "{text}");
    let (_, text) = read("cem@example.org");
    assert_eq!(programmes(&text), ["Knit & natter: Wednesday 2 December, 18:30"]);

    // Two weeks on, the calendar has lost what was at Eastside: nothing is sent there.
    tick(&mut store, &Plan::new(&library), at("2026-12-07", 9), None).expect("a tick");
    let links = Links::new(&link_base(&library.library), &store.link_secret().expect("a secret"));
    let drained = drain(&mut store, &library, at("2026-12-07", 10), links, &mut mailbox).expect("a delivery");
    assert_eq!(drained.report.sent, 2, "{drained:?}");
}
