//! `bookmobile simulate`: what it counts is what ticks and deliveries would do, and it writes nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use bookmobile::catalogue::{Channel, Value};
use bookmobile::check;
use bookmobile::deliver::{self, Handed, Outgoing, Transport, TransportError};
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, LimitOf, Plan};
use bookmobile::message::link::Links;
use bookmobile::program::Program;
use bookmobile::review::demo;
use bookmobile::review::simulate::{
    Cell, Fold, Look, Options, Responses, Shares, SimulateError, Simulation, json, page, simulate, text,
};
use bookmobile::rule::ConsentState;
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

use super::{plan, starter_program, town};

fn day(month: i8, day: i8) -> Day {
    Day::new(if month > 9 { 2026 } else { 2027 }, month, day).expect("a date")
}

fn at(program: &Program, day: Day, hour: u32) -> Instant {
    program.library.zone.at(day, TimeOfDay(hour * 3600))
}

fn options(program: &Program, until: Day) -> Options {
    Options { from: at(program, day(11, 30), 6), until, drafts: Vec::new(), responses: None }
}

fn run(store: &Store, program: &Program, options: &Options) -> Simulation {
    simulate(store, program, options, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"))
}

// ---- what it counts ------------------------------------------------------------------------------------------------

/// Counts what it takes, by day, campaign and channel.
struct Count<'p> {
    program: &'p Program,
    taken: BTreeMap<(Day, String, Channel), u64>,
}

impl Transport for Count<'_> {
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError> {
        let of = (self.program.library.zone.day(message.at), message.campaign.to_string(), message.rendered.channel);
        *self.taken.entry(of).or_default() += 1;
        Ok(Handed { reference: String::new(), is_repeat: false })
    }
}

#[test]
fn the_counts_are_those_of_hourly_ticks_and_deliveries() {
    let program = starter_program();
    let mut store = town(&program, plan(400));
    let (first, last) = (day(11, 30), day(12, 20));
    let ticking = Plan::new(&program);
    // The first tick makes the key of the shares.
    engine::tick(&mut store, &ticking, at(&program, first, 6), None).expect("a tick");
    let found = run(&store, &program, &options(&program, last));

    let links = Links::new("https://library.example", b"test");
    let mut count = Count { program: &program, taken: BTreeMap::new() };
    let mut now = at(&program, first, 7);
    let mut started = BTreeMap::new();
    while now < at(&program, last.plus_days(1), 0) {
        let report = engine::tick(&mut store, &ticking, now, None).expect("a tick");
        for (name, counts) in report.campaigns {
            *started.entry(name).or_insert(0) += counts.enrolled as u64;
        }
        deliver::drain(&mut store, &program, now, links.clone(), &mut count).expect("a delivery");
        now = now.plus_seconds(3600);
    }
    let told: BTreeMap<(Day, String, Channel), u64> = (found.days.iter())
        .map(|cell| {
            let channel = Channel::from_word(cell.way.word()).expect("nothing goes to the staff");
            ((cell.day, found.campaigns[cell.campaign].name.clone(), channel), cell.messages)
        })
        .collect();
    assert!(told.len() > 30 && found.messages() > 500, "{} messages in {} cells", found.messages(), told.len());
    assert_eq!(told, count.taken);
    for campaign in &found.campaigns {
        assert_eq!(Some(&campaign.started), started.get(&campaign.name).or(Some(&0)), "{}", campaign.name);
    }
    assert_eq!(found.series(None).iter().sum::<u64>(), found.messages());
    assert_eq!((found.fold, found.columns.len()), (Fold::Day, 21));
    let busiest = &found.busiest_days(3)[0];
    let on_that_day: u64 = told.iter().filter(|((day, ..), _)| *day == busiest.day).map(|(_, count)| count).sum();
    assert_eq!(busiest.messages, on_that_day);
    assert_eq!(busiest.messages, busiest.campaigns.iter().map(|(_, count)| count).sum::<u64>());
    assert!(busiest.messages >= found.ordinary_day());
}

#[test]
fn two_runs_are_alike_and_a_seed_changes_only_the_responses() {
    let program = starter_program();
    let zone = &program.library.zone;
    let store = town(&program, plan(400));
    let eager = Shares { clicks: 3_000, unsubscribes: 1_000, answers: 5_000 };
    let seeded =
        |seed: u64| Options { responses: Some(Responses { seed, shares: eager }), ..options(&program, day(3, 31)) };
    let all = |found: &Simulation| {
        format!("{:#}{}{}", json(found, zone), text(found, zone, Look { width: 80, color: true }), page(found))
    };
    let first = run(&store, &program, &seeded(1));
    assert_eq!(all(&first), all(&run(&store, &program, &seeded(1))));
    let responded = first.responded.expect("asked for");
    assert!(responded.clicked > 20 && responded.unsubscribed > 5 && responded.answered > 0, "{responded:?}");
    let other = run(&store, &program, &seeded(2));
    assert_ne!(first.responded, other.responded);

    let silent = run(&store, &program, &options(&program, day(3, 31)));
    assert_eq!(silent.responded, None);
    let thanked = |found: &Simulation| {
        let thanks = found.campaigns.iter().find(|campaign| campaign.name == "survey_thanks");
        thanks.expect("a campaign of the starter").started
    };
    assert_eq!(thanked(&silent), 0, "nobody answers by themselves");
    assert!(thanked(&first) > 0, "an answer starts the campaign that waits for one");
    let news = |found: &Simulation| {
        let index = found.campaigns.iter().position(|campaign| campaign.name == "monthly_news");
        found.series(index).iter().sum::<u64>()
    };
    assert!(news(&first) < news(&silent), "who unsubscribed gets no more news");
    let none = Shares { clicks: 0, unsubscribes: 0, answers: 0 };
    let quiet = Options { responses: Some(Responses { seed: 1, shares: none }), ..options(&program, day(3, 31)) };
    let quiet = run(&store, &program, &quiet);
    assert_eq!((quiet.days, quiet.campaigns), (silent.days, silent.campaigns));
}

// ---- collisions ----------------------------------------------------------------------------------------------------

const CROWDED: &str = r#"
library "Test & Library" {
  timezone "America/Toronto"  languages en  sender "T" <news@library.example>  address "1 Main Street"
  limit 2 messages per 7 days  suppress cells under 3
}
purpose essential "Notices" without consent
purpose promotion "News" consent
patron { house one of central, eastside  email email optional }
message note { email { subject "A note" body "Hello." } }
message post { web { title "News" body "Hello." link "https://library.example" } }
campaign appeal { purpose promotion  audience everyone  start once on 2026-12-02 at 10:00  priority 10  send note }
campaign chess  { purpose promotion  audience house is central  start once on 2026-12-02 at 10:00  send note }
campaign news   { purpose promotion  audience everyone  start once on 2026-12-02 at 10:00  priority 90  send note }
campaign ladder {
  purpose essential  audience house is eastside  start once on 2026-12-07 at 10:00  limit 1 messages per 2 days  expires after 5 days
  send note
  send note
}
campaign posted { purpose essential  audience public  start once on 2026-12-02 at 10:00  publish post by web }
campaign plan   { purpose essential  audience everyone  status draft  start once on 2026-12-03 at 10:00  send note }
"#;

/// Three patrons at the central library, two at Eastside; all want news.
fn crowd() -> (Program, Store) {
    let mut sources = Sources::default();
    sources.add("program.campaign", CROWDED);
    let compiled = check::compile(sources);
    let program = compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let catalogue = &program.catalogue;
    let mut store = Store::in_memory().expect("memory");
    store.align(catalogue).expect("columns");
    let now = at(&program, day(11, 30), 5);
    let transaction = store.begin().expect("nobody else writes");
    let mut writer = transaction.writer(&program.library.zone, now);
    let field = |name: &str| catalogue.field_named(Symbol::new(name)).expect("declared");
    let promotion = catalogue.purpose_named(Symbol::new("promotion")).expect("declared");
    for (name, house) in
        [("ana", "central"), ("ben", "central"), ("cy", "central"), ("dan", "eastside"), ("eve", "eastside")]
    {
        let fields = [
            (field("house"), Some(Value::Symbol(Symbol::new(house)))),
            (field("email"), Some(Value::text(&format!("{name}@library.example")))),
        ];
        let patron = writer.patron(name, None, &fields).expect("written");
        writer.consent(patron, promotion, Channel::Email, ConsentState::Given, now, None).expect("written");
    }
    drop(writer);
    transaction.commit().expect("written");
    (program, store)
}

#[test]
fn collisions_say_whom_which_limit_holds_back_and_behind_what() {
    let (program, store) = crowd();
    let found = run(&store, &program, &options(&program, day(12, 15)));
    // News comes first, then chess; with the second message in a week the limit of the three at Central is reached, and
    // the appeal expires after three days. Those at Eastside have had only the news.
    let [library, campaign] = &found.collisions[..] else { panic!("{:#?}", found.collisions) };
    assert_eq!((library.limit, library.limit_text.as_str()), (LimitOf::Library, "2 messages per 7 days"));
    assert_eq!((library.campaign.as_str(), library.messages, library.patrons), ("appeal", 3, 3));
    assert_eq!((library.sent_later, library.lost, library.waiting), (0, 3, 0));
    assert_eq!(library.against, [("chess".to_owned(), 3), ("news".to_owned(), 3)]);
    // The second step of the ladder waits two days behind the first.
    assert_eq!((campaign.limit, campaign.limit_text.as_str()), (LimitOf::Campaign, "1 message per 2 days"));
    assert_eq!((campaign.campaign.as_str(), campaign.messages, campaign.patrons), ("ladder", 2, 2));
    assert_eq!((campaign.sent_later, campaign.lost, campaign.waiting), (2, 0, 0));
    assert_eq!(campaign.against, [("ladder".to_owned(), 2)]);
    assert_eq!(found.limited_patrons, 5);

    let series = |name: &str| {
        let index = found.campaigns.iter().position(|campaign| campaign.name == name).expect("it ran");
        let days: Vec<(Day, u64)> =
            found.columns.iter().copied().zip(found.series(Some(index))).filter(|(_, count)| *count > 0).collect();
        days
    };
    assert_eq!(series("news"), [(day(12, 2), 5)]);
    assert_eq!(series("chess"), [(day(12, 2), 3)]);
    assert_eq!(series("appeal"), [(day(12, 2), 2)]);
    assert_eq!(series("ladder"), [(day(12, 7), 2), (day(12, 9), 2)]);
    assert_eq!(series("posted"), [(day(12, 2), 1)]);
    let [lost] = &found.unsent[..] else { panic!("{:?}", found.unsent) };
    assert_eq!((lost.campaign.as_str(), lost.count, lost.patrons), ("appeal", 3, 3));
    assert!(lost.reason.starts_with("expired"), "{}", lost.reason);
    assert!(found.campaigns.iter().all(|campaign| campaign.name != "plan"), "a draft runs only if it is asked for");

    let ends_early = run(&store, &program, &options(&program, day(12, 3)));
    assert_eq!((ends_early.collisions[0].waiting, ends_early.collisions[0].lost), (3, 0));
    let with_draft = Options { drafts: vec![Symbol::new("plan")], ..options(&program, day(12, 3)) };
    let with_draft = run(&store, &program, &with_draft);
    assert!(with_draft.days.iter().any(|cell| with_draft.campaigns[cell.campaign].name == "plan"));
}

#[test]
fn it_goes_on_where_the_store_is() {
    let (program, mut store) = crowd();
    let plan = Plan::new(&program);
    let ticked = at(&program, day(12, 2), 10);
    engine::tick(&mut store, &plan, at(&program, day(12, 1), 10), None).expect("a tick");
    engine::tick(&mut store, &plan, ticked, None).expect("a tick");
    // What that tick put into the outbox is delivered first; its decisions are the past.
    let on = |from: Instant| Options { from, ..options(&program, day(12, 4)) };
    let found = run(&store, &program, &on(ticked));
    assert_eq!((found.messages(), found.had_ticked), (11, true));
    assert!(found.campaigns.iter().all(|campaign| campaign.started == 0), "{:?}", found.campaigns);
    let before = simulate(&store, &program, &on(Instant(ticked.0 - 1)), &mut |_| ());
    assert!(matches!(before, Err(SimulateError::BeforeLastTick { .. })), "{before:?}");
    let mut days = Vec::new();
    simulate(&store, &program, &on(ticked), &mut |day| days.push(day)).expect("it runs");
    assert_eq!(days.last(), Some(&day(12, 4)));
    assert!(days.is_sorted(), "{days:?}");
}

// ---- how it looks --------------------------------------------------------------------------------------------------

#[test]
fn the_text_keeps_to_its_width_and_colours_only_where_it_is_told() {
    let program = starter_program();
    let zone = &program.library.zone;
    let store = town(&program, plan(200));
    let escape = regex::Regex::new("\x1b\\[[0-9;]*m").expect("an expression");
    for until in [day(11, 30), day(12, 20), day(1, 31), day(9, 1)] {
        let found = run(&store, &program, &options(&program, until));
        for width in [60, 80, 120] {
            let plain = text(&found, zone, Look { width, color: false });
            for line in plain.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
                assert!(line.trim_end() == line && !line.contains('\x1b'), "{line:?}");
            }
            let colored = text(&found, zone, Look { width, color: true });
            let stripped: String =
                escape.replace_all(&colored, "").lines().map(|line| format!("{}\n", line.trim_end())).collect();
            assert!(colored != plain && stripped == plain, "{stripped}");
        }
    }
}

#[test]
fn a_week_of_bars_is_as_high_as_its_messages() {
    let (program, store) = crowd();
    let found = run(&store, &program, &options(&program, day(12, 9)));
    let text = text(&found, &program.library.zone, Look { width: 80, color: false });
    let expected = "\
Messages a day
11 │          ████
   │          ████
   │          ████
   │          ████
   │          ████
   │          ████
   │          ████                     ▃▃▃▃      ▃▃▃▃
 0 │          ████                     ████      ████
   └──────────────────────────────────────────────────
         Dec
";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("Limits hold back 5 messages to 5 patrons."), "{text}");
    assert!(text.contains("before appeal: chess 3, news 3"), "{text}");
    assert!(text.contains("2026-12-02 Wed      11  news 5, chess 3, appeal 2, 1 other 1"), "{text}");
}

#[test]
fn the_page_is_well_formed_tells_a_screen_reader_and_fetches_nothing() {
    let program = starter_program();
    let store = town(&program, plan(400));
    let found = run(&store, &program, &options(&program, day(2, 28)));
    let page = page(&found);
    let allowed = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(&page, allowed).expect("well-formed");
    let count = |name: &str| {
        document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", name))).count()
    };
    let svg = document.descendants().find(|node| node.tag_name().name() == "svg").expect("a chart");
    assert_eq!(svg.attribute("role"), Some("img"));
    let labels: Vec<&str> = svg.attribute("aria-labelledby").expect("labels").split(' ').collect();
    for label in labels {
        let node = document.descendants().find(|node| node.attribute("id") == Some(label)).expect("the label");
        assert!(node.text().is_some_and(|text| text.len() > 10), "{label}");
    }
    assert!(count("rect") > 5, "{} bars", count("rect"));
    assert_eq!(count("desc"), 1);
    assert!(page.contains("prefers-color-scheme: dark"));
    for node in document.descendants() {
        for attribute in node.attributes() {
            assert!(!["src", "href"].contains(&attribute.name()), "{}", attribute.value());
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import") && !page.contains("<script"));
}

#[test]
fn a_page_tells_of_no_small_group() {
    let (program, store) = crowd();
    let found = run(&store, &program, &options(&program, day(12, 15)));
    let shown = found.without_small_counts();
    assert!(shown.cells.iter().all(|cell| cell.patrons >= 3 || cell.way.word() == "web"), "{:?}", shown.cells);
    let html = page(&found);
    // Five, rounded to the nearest three.
    assert!(html.contains("<td class=\"text\">news</td><td>6</td>"), "{html}");
    assert!(html.contains("Test &amp; Library"));
    // The two patrons of Eastside got the appeal and the ladder: neither is told, and no sum holds them.
    assert!(!html.contains(">ladder<") && !html.contains("ladder 2"), "{html}");
    let is_rounded = |cell: &Cell| cell.patrons == 0 || (cell.messages % 3, cell.patrons % 3) == (0, 0);
    assert!(shown.cells.iter().all(is_rounded), "{:?}", shown.cells);
    assert_eq!(shown.series(None).iter().sum::<u64>(), 9 + 1);
    // Without them the page would be the same.
    let mut without = found.clone();
    without.cells.retain(|cell| cell.patrons >= 3 || cell.patrons == 0);
    assert_eq!(page(&without), html);
    // By weeks: the days have their names, and no counts beside those of the weeks.
    let html = page(&run(&store, &program, &options(&program, day(3, 15))));
    let (_, days) = html.split_once("<h2>The busiest days</h2>").expect("a page of weeks names days");
    let (days, _) = days.split_once("</table>").expect("a table");
    let of_news = "<td class=\"text\">2026-12-02</td><td class=\"text\">news, chess, posted</td>";
    assert!(html.contains("The busiest weeks") && days.contains(of_news) && !days.contains("ladder"), "{days}");
}

#[test]
fn the_json_has_the_figures_of_the_text() {
    let (program, store) = crowd();
    let found = run(&store, &program, &options(&program, day(12, 15)));
    let object = json(&found, &program.library.zone);
    let keys: Vec<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "library",
            "zone",
            "from",
            "until",
            "patrons",
            "ticks",
            "first_tick",
            "messages",
            "waited_for_hours",
            "campaigns",
            "days",
            "ordinary_day",
            "busiest_days",
            "held_back_patrons",
            "collisions",
            "not_sent",
            "not_started",
            "responses"
        ]
    );
    assert_eq!((&object["from"], &object["until"]), (&"2026-11-30 06:00".into(), &"2026-12-15".into()));
    assert_eq!((&object["messages"], &object["patrons"], &object["first_tick"]), (&15.into(), &5.into(), &true.into()));
    assert_eq!(object["days"][0]["campaigns"]["news"], serde_json::json!({ "email": 5 }));
    assert_eq!(object["busiest_days"][0]["day"], "2026-12-02");
    assert_eq!(object["collisions"][0]["against"], serde_json::json!({ "chess": 3, "news": 3 }));
    assert_eq!(object["responses"], serde_json::Value::Null);
}

// ---- the command ---------------------------------------------------------------------------------------------------

fn bookmobile(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bookmobile")).args(arguments).output().expect("the command starts")
}

fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_command_writes_a_page_and_leaves_the_store_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let program = starter_program();
    let mut store = Store::open(path("town.db")).expect("a new store");
    store.align(&program.catalogue).expect("it fits");
    let mut town = demo::Town::new(demo::Schema::new(&program.catalogue, &program.library.zone), plan(300));
    town.found(&mut store, |_| ()).expect("imported");
    engine::tick(&mut store, &Plan::new(&program), at(&program, day(11, 30), 10), None).expect("a tick");
    drop(store);
    let bytes = || std::fs::read(path("town.db")).expect("the store");
    let before = bytes();
    let (store, page) = (path("town.db"), path("page.html"));
    let done = bookmobile(&["simulate", "--store", &store, "--until", "2026-12-31", "--html", &page, "campaigns"]);
    assert_eq!(told(&done), (Some(0), String::new()), "no bar where nobody watches");
    assert!(before == bytes(), "the store was written");
    assert!(Path::new(&page).exists());
    let text = String::from_utf8(done.stdout).expect("UTF-8");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.contains("page.html")), "{text}");
    assert!(!text.contains('\x1b'), "a pipe has no colours");
    let again = bookmobile(&["simulate", "--store", &store, "--until", "2026-12-31", "--html", &page, "campaigns"]);
    assert_eq!(text, String::from_utf8(again.stdout).expect("UTF-8"));
    let object = bookmobile(&["simulate", "--store", &store, "--until", "2026-12-31", "--json", "campaigns"]);
    let object: serde_json::Value = serde_json::from_slice(&object.stdout).expect("JSON");
    assert_eq!(object["from"], "2026-11-30 10:00");
    assert!(object["messages"].as_u64().is_some_and(|count| count > 100));
}

#[test]
fn wrong_use_is_told_and_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("town.db").display().to_string();
    let program = starter_program();
    let mut store = Store::open(&path).expect("a new store");
    store.align(&program.catalogue).expect("it fits");
    engine::tick(&mut store, &Plan::new(&program), at(&program, day(11, 30), 10), None).expect("a tick");
    drop(store);
    let cases: [(&[&str], &str); 8] = [
        (
            &["--until", "2026-11-29", "campaigns"],
            "2026-11-29 is over: the store is at 2026-11-30 already; name a later",
        ),
        (&["--until", "2036-11-29", "campaigns"], "more than 3 years ahead"),
        (&["--until", "soon", "campaigns"], "`soon` is no date; write one like 2027-03-31"),
        (&["--until", "2027-01-01", "nowhere"], "nowhere"),
        (&["--until", "2027-01-01", "--from", "2026-11-01", "campaigns"], "leave out --from, or name a later instant"),
        (&["--until", "2027-01-01", "--draft", "winbuck", "campaigns"], "did you mean `winback`?"),
        (&["--until", "2027-01-01", "--draft", "winback", "campaigns"], "`winback` is no draft"),
        (&["--until", "2027-01-01", "--clicks", "3", "campaigns"], "--responses <SEED>"),
    ];
    for (arguments, said) in cases {
        let output = bookmobile(&[&["simulate", "--store", &path], arguments].concat());
        let (code, error) = told(&output);
        assert_eq!(code, Some(2), "{arguments:?}: {error}");
        assert!(error.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty());
    }
    let none = bookmobile(&["simulate", "--store", "no.db", "--until", "2027-01-01", "campaigns"]);
    assert_eq!(told(&none).0, Some(2));
}
