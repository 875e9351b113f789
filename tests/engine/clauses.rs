//! Clauses of section 8 for which the language has no `expect`: the goal, the sender, the layout, what is published until
//! when.

use std::collections::BTreeMap;

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::deliver::{Handed, Outgoing, Transport, TransportError, drain};
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Draws, Plan};
use bookmobile::message::Content;
use bookmobile::message::link::Links;
use bookmobile::program::Program;
use bookmobile::rule::PatronId;
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

const LIBRARY: &str = r#"
library "Test Library" {
  timezone "America/Toronto"  languages en, fr  quiet none
  sender "The library" <news@library.example>  reply to <desk@library.example>
}
purpose essential "Notices" without consent
patron { email email optional }
event visit { place text }
message note  { email { subject "A note" body "Hello." } }
message hours {
  web    { title "Hours" title fr "Horaire" body "Nine." body fr "Neuf." link "https://library.example" link fr "https://library.example/fr" }
  feed   { title "Hours" title fr "Horaire" body "Nine." body fr "Neuf." link "https://library.example" link fr "https://library.example/fr" }
  social { title "Hours" body "Nine." link "https://library.example" }
  hook   { title "Hours" body "Nine." link "https://library.example" }
}
"#;

fn program(campaigns: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", format!("{LIBRARY}{campaigns}"));
    let calm = "<mjml><mj-body><mj-section><mj-column><mj-text>{{body}} A calm letter.</mj-text></mj-column></mj-section></mj-body></mjml>";
    sources.add("layouts/calm.hbs", calm.to_owned());
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("{campaigns}: {:?}", compiled.diagnostics))
}

/// In December 2026.
fn at(program: &Program, day: i8, hour: u32) -> Instant {
    program.library.zone.at(Day::new(2026, 12, day).expect("a date"), TimeOfDay(hour * 3_600))
}

/// Takes everything, and keeps who it was from and what was said of it.
#[derive(Default)]
struct Kept(Vec<Message>);

struct Message {
    campaign: Symbol,
    channel: &'static str,
    language: Symbol,
    from: Option<String>,
    html: String,
    until: Option<Day>,
}

impl Transport for Kept {
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError> {
        self.0.push(Message {
            campaign: message.campaign,
            channel: message.rendered.channel.word(),
            language: message.rendered.language,
            from: message.from.map(|from| format!("{} <{}>", from.name.as_deref().unwrap_or(""), from.address)),
            html: match &message.rendered.content {
                Content::Email { html, .. } | Content::Print { html, .. } | Content::Published { html, .. } => {
                    html.clone()
                }
                Content::Sms { .. } => String::new(),
            },
            until: message.until,
        });
        Ok(Handed { reference: String::new(), is_repeat: false })
    }
}

/// A library in which ana and ben come in, and what was decided and sent at the ticks of these days, at ten.
struct Played {
    store: Store,
    sent: Vec<Message>,
}

fn play(program: &Program, visits: &[(&str, i8, &str)], ticks: &[i8], draws: &Draws) -> Played {
    let mut store = Store::in_memory().expect("memory");
    store.align(&program.catalogue).expect("columns");
    let (plan, mut kept) = (Plan::new(program), Kept::default());
    let email = program.catalogue.field_named(Symbol::new("email")).expect("declared");
    let visit = program.catalogue.event_named(Symbol::new("visit")).expect("declared");
    for &day in ticks {
        let now = at(program, day, 10);
        let transaction = store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, now);
        for key in ["ana", "ben"] {
            let address = Value::text(&format!("{key}@library.example"));
            let id = writer.patron(key, None, &[(email, Some(address))]).expect("written");
            for (number, (_, day, place)) in visits.iter().enumerate().filter(|(_, (who, ..))| *who == key) {
                let (at, key) = (at(program, *day, 9), format!("visit {number}"));
                if at < now {
                    writer.event(id, visit, Some(&key), at, &[(0, Some(Value::text(place)))]).expect("written");
                }
            }
        }
        drop(writer);
        transaction.commit().expect("written");
        engine::tick(&mut store, &plan, now, Some(draws)).expect("a tick");
        let links = Links::new("https://library.example/m", b"secret");
        drain(&mut store, program, now, links, &mut kept).expect("a delivery");
    }
    Played { store, sent: kept.0 }
}

fn nobody_held_out() -> Draws {
    Draws::Fixed { held_out: Default::default(), arms: Default::default() }
}

#[test]
fn a_goal_counts_for_those_who_are_held_out_too() {
    let program = program(
        r#"campaign counts { purpose essential  audience everyone  start on visit where (place is "in")  holdout 50%
             goal has visit where (place is "goal") since start within 7 days  send note }"#,
    );
    let counts = Symbol::new("counts");
    let goals = |visits: &[(&str, i8, &str)], last: i8| -> Vec<(bool, String)> {
        // Patrons of the store by number: ben is the second.
        let draws = Draws::Fixed { held_out: [(counts, PatronId(2))].into_iter().collect(), arms: Default::default() };
        let played = play(&program, visits, &[1, 3, 6, last], &draws);
        let sql = "SELECT held_out, goal FROM enrolment ORDER BY patron";
        let db = played.store.connection();
        let mut query = db.prepare(sql).expect("the table");
        let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        let sent: Vec<_> = played.sent.iter().map(|message| message.campaign).collect();
        assert_eq!(sent, [counts], "only ana is written to");
        rows.collect::<Result<_, _>>().expect("read")
    };
    let both = [("ana", 2, "in"), ("ben", 2, "in")];
    for (visit, last, expected) in [
        (("ana", 5, "goal"), 6, ["reached", "open"]),
        (("ben", 5, "goal"), 6, ["open", "reached"]),
        (("ben", 5, "elsewhere"), 6, ["open", "open"]),
        (("ben", 5, "elsewhere"), 12, ["missed", "missed"]),
        (("ben", 11, "goal"), 12, ["missed", "missed"]),
        // On the last day of seven, which is the ninth.
        (("ben", 9, "goal"), 12, ["missed", "reached"]),
    ] {
        let visits = [both[0], both[1], visit];
        let found = goals(&visits, last);
        let expected: Vec<(bool, String)> = [false, true].into_iter().zip(expected.map(str::to_owned)).collect();
        assert_eq!(found, expected, "{visit:?} seen on {last} December");
    }
}

#[test]
fn a_campaign_s_sender_stands_in_its_messages_and_the_library_s_in_all_others() {
    let program = program(
        r#"campaign signed { purpose essential  audience everyone  start on visit  sender "Children's desk" <kids@library.example>  send note }
           campaign plain  { purpose essential  audience everyone  start on visit  send note }"#,
    );
    let played = play(&program, &[("ana", 2, "in")], &[1, 3], &nobody_held_out());
    let from: BTreeMap<&str, Option<&str>> =
        played.sent.iter().map(|message| (message.campaign.as_str(), message.from.as_deref())).collect();
    let expected = [
        ("plain", Some("The library <news@library.example>")),
        ("signed", Some("Children's desk <kids@library.example>")),
    ];
    assert_eq!(from, expected.into_iter().collect());
}

#[test]
fn a_campaign_s_layout_is_around_its_letters_and_no_others() {
    let program = program(
        r#"campaign calm  { purpose essential  audience everyone  start on visit  layout calm  send note }
           campaign plain { purpose essential  audience everyone  start on visit  send note }"#,
    );
    let played = play(&program, &[("ana", 2, "in")], &[1, 3], &nobody_held_out());
    let is_calm = |message: &Message| (message.campaign.as_str(), message.html.contains("A calm letter."));
    let mut found: Vec<_> = played.sent.iter().map(is_calm).collect();
    found.sort_unstable();
    assert_eq!(found, [("calm", true), ("plain", false)]);
}

#[test]
fn what_is_published_is_an_item_for_each_channel_and_language_until_its_day() {
    let publishing = |steps: &str| {
        program(&format!(
            "campaign opening {{ purpose essential  audience public  start once on 2026-12-02 at 08:00  expires after 30 days  {steps} }}"
        ))
    };
    // Without an outage it is published by the tick of the third.
    for (steps, ticks, items, until) in [
        ("publish hours by web", &[1, 3][..], &["web en", "web fr"][..], None),
        ("publish hours by feed, hook until 2026-12-24", &[1, 3], &["feed en", "feed fr", "hook en"], Some(24)),
        ("publish hours by social until 2026-12-03", &[1, 3, 4], &["social en"], Some(3)),
        // Its day is over when the library is back.
        ("publish hours by web, social until 2026-12-03", &[1, 4], &[], None),
        ("publish hours by web until 2026-12-03  wait 1 day  publish hours by hook", &[1, 4, 5, 6], &["hook en"], None),
    ] {
        let played = play(&publishing(steps), &[], ticks, &nobody_held_out());
        let mut found: Vec<String> =
            played.sent.iter().map(|message| format!("{} {}", message.channel, message.language)).collect();
        found.sort();
        assert_eq!(found, items, "{steps} at {ticks:?}");
        let until = until.map(|day| Day::new(2026, 12, day).expect("a date"));
        assert!(played.sent.iter().all(|message| message.until == until && message.campaign.as_str() == "opening"));
    }
}

#[test]
fn a_message_that_needs_a_row_and_has_none_is_nothing_to_mend() {
    let list = r#"
feed programs { title text  starts_at instant }
message list { pick next from programs first 1 by starts_at  needs next  email { subject "On" body "{{#each next}}{{title}}{{/each}}" } }
campaign c { purpose essential  audience everyone  start once on 2026-12-02 at 10:00  send list }"#;
    let program = program(list);
    let played = play(&program, &[], &[1], &nobody_held_out());
    let (mut store, now) = (played.store, at(&program, 2, 10));
    engine::tick(&mut store, &Plan::new(&program), now, None).expect("a tick");
    let links = Links::new("https://library.example/m", b"secret");
    let drained = drain(&mut store, &program, now, links, &mut Kept::default()).expect("a delivery");
    assert_eq!((drained.report.sent, drained.report.dropped, drained.refused), (0, 2, Vec::new()));
}
