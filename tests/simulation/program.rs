//! A random program, as text: every start, clause and step of section 8 over one small catalogue.

use std::fmt::Write;

use bookmobile::check;
use bookmobile::diagnostic::{Severity, Sources};
use bookmobile::program::Program;

use super::random::Random;

/// What all programs have. The library's clauses and the campaigns vary.
const CATALOGUE: &str = r#"
purpose essential "Your account" without consent
purpose promotion "News" consent expires after 2 months never to no_mail
purpose survey "Questions" consent

privacy borrowing "What you borrow" { requires history_opt_in  open records serve essential }

patron {
  house place  kind one of adult, teen  born date optional  joined date  ends date  level int optional
  email email optional  phone phone optional  guardian_email email optional  history_opt_in bool
  language one of en, fr
}
contact { birth born }
enum place { central  eastside }
event visit { place place  score int optional }
event checkout private borrowing { pages int }
record loan private borrowing { title text  due_on date  returned_at instant optional  open until returned_at  keep 7 days }
record booking { starts_at instant  seats int optional  open until starts_at }
list friends "Friends"
list no_mail "No mail"

segment adults { kind is adult }
segment regular { has at least 2 visit in the last 10 days }
segment gone { has visit and has no visit in the last 6 days }
segment reader { has checkout in the last 5 days }
segment busy { has loan where (open) or in friends }

message note {
  email { subject "A note" subject fr "Un mot" body "A note." body fr "Un mot." }
  sms { text "A note." text fr "Un mot." }
}
message letter { email { subject "A letter" body "A letter." } }
message text { sms { text "A text." } }
message post { web { title "News" body "News." link "https://library.example/" } feed { title "News" body "News." link "https://library.example/" } }
"#;

/// The texts of a program's versions: edits of the first, in order.
pub fn versions(random: &mut Random) -> Vec<String> {
    let head = head(random);
    let campaigns: Vec<Campaign> = (0..2 + random.below(3)).map(|index| campaign(random, index)).collect();
    let mut versions = vec![campaigns];
    while versions.len() < 3 && random.once_in(2) {
        let mut edited = versions.last().expect("there is the first one").clone();
        edit(random, &mut edited);
        versions.push(edited);
    }
    versions.iter().map(|campaigns| written(&head, campaigns)).collect()
}

/// The compiled program.
///
/// # Panics
/// If it has an error: then the generator or the checker is wrong.
pub fn compile(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", text.to_owned());
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| {
        let errors = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let errors: Vec<String> = errors.map(|found| format!("{:?} {}", found.code, found.message)).collect();
        panic!("the checker refuses a generated program: {errors:#?}\n{text}")
    })
}

fn head(random: &mut Random) -> String {
    let zone = random.one(&["America/Toronto", "Europe/Dublin", "Australia/Lord_Howe", "America/St_Johns"]);
    let quiet = random.one(&["", "quiet none", "quiet 20:00 to 09:30"]);
    let limit = random.one(&["", "limit 1 messages per 2 days", "limit 2 messages per 5 days"]);
    let adult = random.one(&["", "adult at 18"]);
    format!(
        "library \"Town\" {{ timezone \"{zone}\" languages en, fr sender \"Town\" <news@library.example> \
         reply to <desk@library.example> address \"1 Main Street\" {quiet} {limit} {adult} }}\n{CATALOGUE}"
    )
}

fn written(head: &str, campaigns: &[Campaign]) -> String {
    let mut text = head.to_owned();
    for Campaign { name, clauses, steps } in campaigns {
        write!(text, "\ncampaign {name} {{\n  {}\n  {}\n}}\n", clauses.join("\n  "), steps.join("\n  "))
            .expect("a text");
    }
    text
}

/// A campaign's text, so that it can be edited.
#[derive(Clone, Debug)]
struct Campaign {
    name: String,
    clauses: Vec<String>,
    steps: Vec<String>,
}

/// What a campaign's start allows.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Patron,
    Schedule,
    /// `event.FIELD` of a loan or a booking.
    Loan,
    Booking,
    Other,
}

fn campaign(random: &mut Random, index: u64) -> Campaign {
    let name = format!("c{index}");
    if random.once_in(12) {
        return public(random, name);
    }
    let purpose = random.one(&["essential", "essential", "promotion", "promotion", "survey"]);
    let (start, kind) = start(random);
    let mut clauses = vec![
        format!("purpose {purpose}"),
        format!(
            "audience {}",
            random.one(&[
                "everyone",
                "everyone",
                "adults",
                "kind is adult",
                "busy",
                "house is central",
                "adults except friends",
                "everyone except level > 3"
            ])
        ),
        format!("start {start}"),
    ];
    let mut maybe = |random: &mut Random, one_in: u64, clause: String| {
        if random.once_in(one_in) {
            clauses.push(clause);
        }
    };
    let exit = condition(random, kind);
    maybe(random, 4, format!("exit when {exit}"));
    let again = random.one(&["again never", "again after 3 days", "again after 30 hours", "again always"]);
    maybe(random, 3, again.to_owned());
    let percent = random.one(&[10, 50, 90]);
    maybe(random, 5, format!("holdout {percent}%"));
    if kind == Kind::Schedule {
        maybe(random, 3, format!("sample {percent}%"));
    }
    let goal = random.one(&[
        "has visit since start within 5 days",
        "level > 2 within 30 hours",
        "house is eastside within 1 week",
    ]);
    maybe(random, 3, format!("goal {goal}"));
    let priority = random.one(&[10, 50, 90]);
    maybe(random, 3, format!("priority {priority}"));
    maybe(random, 4, format!("limit {} messages per {} days", random.clone().below(2) + 1, percent / 10));
    let deliver = match purpose {
        "essential" => {
            random.one(&["deliver at any hour", "deliver between 10:00 and 18:00", "deliver on monday, thursday"])
        }
        _ => random.one(&[
            "deliver between 22:00 and 11:00",
            "deliver between 10:00 and 18:00",
            "deliver on tuesday, friday between 09:00 and 12:00",
        ]),
    };
    maybe(random, 3, deliver.to_owned());
    let expires = random.one(&["1 day", "8 days", "20 hours", "25 days"]);
    maybe(random, 2, format!("expires after {expires}"));
    maybe(random, 8, "runs from 2026-11-05 to 2026-12-20".to_owned());
    let count = 1 + random.below(4);
    let steps = (0..count).map(|_| step(random, kind, 2)).collect::<Vec<_>>();
    let steps = if steps.iter().any(|step| step.contains("send ")) {
        steps
    } else {
        [steps, vec!["send note".into()]].concat()
    };
    Campaign { name, clauses, steps }
}

fn public(random: &mut Random, name: String) -> Campaign {
    let start = random.one(&["every day at 10:00", "every monday at 09:00", "once on 2026-11-20 at 12:00"]);
    let publish = random.one(&["publish post by web", "publish post by web, feed until 2026-12-01"]);
    let clauses = vec!["purpose essential".into(), "audience public".into(), format!("start {start}")];
    Campaign { name, clauses, steps: vec![publish.into(), "wait 1 day".into(), "publish post by feed".into()] }
}

fn start(random: &mut Random) -> (String, Kind) {
    const STARTS: &[(&str, Kind)] = &[
        ("on entering", Kind::Patron),
        ("on entering including current members", Kind::Patron),
        ("on entering regular", Kind::Patron),
        ("on entering friends", Kind::Patron),
        ("on leaving regular", Kind::Patron),
        ("on leaving reader", Kind::Patron),
        ("when has visit in the last 30 hours", Kind::Patron),
        ("when level > 2 or in busy", Kind::Patron),
        ("on change of house", Kind::Patron),
        ("on change of level from 1", Kind::Patron),
        ("on change of house to eastside", Kind::Patron),
        ("on visit", Kind::Other),
        ("on visit where (score > 3)", Kind::Other),
        ("on visit together", Kind::Other),
        ("on visit where (place is central) together for 3 hours", Kind::Other),
        ("on visit together for 2 days", Kind::Other),
        ("on checkout", Kind::Other),
        ("on loan", Kind::Loan),
        ("on loan where (open and due_on < today)", Kind::Loan),
        ("on booking where (seats > 1)", Kind::Booking),
        ("3 days before due_on of loan where (open)", Kind::Loan),
        ("3 days before due_on of loan where (open) together", Kind::Other),
        ("on due_on of loan", Kind::Loan),
        ("1 day after due_on of loan where (open)", Kind::Loan),
        ("level days before due_on of loan where (open)", Kind::Loan),
        ("2 hours before starts_at of booking", Kind::Booking),
        ("on starts_at of booking", Kind::Booking),
        ("30 minutes after starts_at of booking where (seats is known)", Kind::Booking),
        ("10 days before ends", Kind::Patron),
        ("on ends", Kind::Patron),
        ("2 days after joined", Kind::Patron),
        ("on each anniversary of born", Kind::Patron),
        ("3 days before each anniversary of joined", Kind::Patron),
        ("every day at 09:00", Kind::Schedule),
        ("every monday, thursday at 10:30", Kind::Schedule),
        ("every 2 weeks on tuesday at 08:00 from 2026-11-03", Kind::Schedule),
        ("every month on day 31 at 12:00", Kind::Schedule),
        ("every month on the last friday at 12:00", Kind::Schedule),
        ("every month on the last day at 02:30", Kind::Schedule),
        ("once on 2026-11-12 at 01:30", Kind::Schedule),
        ("every month on the second tuesday at 09:00", Kind::Schedule),
        ("every year on 15 november at 09:00", Kind::Schedule),
        ("2 days after each anniversary of born", Kind::Patron),
        ("on leaving busy", Kind::Patron),
        ("when level is known", Kind::Patron),
    ];
    let (start, kind) = random.one(STARTS);
    (start.to_owned(), kind)
}

fn condition(random: &mut Random, kind: Kind) -> &'static str {
    let of_event: &[&str] = match kind {
        Kind::Loan => &["not event.open", "event.due_on < today - 4 days"],
        Kind::Booking => &["event.seats is unknown", "not event.open"],
        _ => &[],
    };
    if !of_event.is_empty() && random.once_in(2) {
        return random.one(of_event);
    }
    random.one(&[
        "has visit since start",
        "not in adults",
        "in regular",
        "level > 2",
        "house is eastside",
        "has checkout in the last 3 days",
        "changed(house) after start",
        "agrees to promotion by email",
        "email is unknown",
        "has sent since start",
        "ends > today + 20 days",
    ])
}

fn step(random: &mut Random, kind: Kind, depth: u32) -> String {
    let block = |random: &mut Random| {
        let count = 1 + random.below(2);
        (0..count).map(|_| step(random, kind, depth.saturating_sub(1))).collect::<Vec<_>>().join(" ")
    };
    match random.below(if depth == 0 { 8 } else { 14 }) {
        0..=2 => send(random, kind),
        3 => format!("wait {}", random.one(&["1 day", "3 days", "5 hours", "90 minutes", "1 week"])),
        4 => format!("wait until {}", random.one(&["09:00", "23:30", "monday at 08:00", "friday at 02:30"])),
        5 => match kind {
            Kind::Loan => format!(
                "wait until {}",
                random.one(&["event.due_on", "1 day before event.due_on", "2 days after event.due_on"])
            ),
            Kind::Booking => {
                format!("wait until {}", random.one(&["event.starts_at", "3 hours before event.starts_at"]))
            }
            _ => format!("wait until {}", random.one(&["ends", "2 days before ends", "2026-12-01", "born"])),
        },
        6 => random.one(&["add to friends", "remove from friends", "add to no_mail"]).to_owned(),
        7 => format!("wait up to 2 days until {}", condition(random, kind)),
        8 => format!(
            "wait up to 3 days until {} {{ {} }} else {{ {} }}",
            condition(random, kind),
            block(random),
            block(random)
        ),
        9 => format!("if {} {{ {} }}", condition(random, kind), block(random)),
        10 if random.once_in(3) => {
            let [first, other] = [0; 2].map(|_| condition(random, kind));
            let [one, two, three] = [0; 3].map(|_| block(random));
            format!("if {first} {{ {one} }} else if {other} {{ {two} }} else {{ {three} }}")
        }
        10 => format!("if {} {{ {} }} else {{ {} }}", condition(random, kind), block(random), block(random)),
        11 if random.once_in(3) => {
            let [first, other, last] = [0; 3].map(|_| block(random));
            format!("split {{ 15% {{ {first} }} 5% {{ {other} }} 80% {{ {last} }} }}")
        }
        11 => format!("split {{ 50% {{ {} }} 50% {{ {} }} }}", block(random), block(random)),
        12 => {
            // No `repeat` inside a `repeat`.
            let body = step(random, kind, 0);
            let until = if random.once_in(2) { format!("until {} ", condition(random, kind)) } else { String::new() };
            format!(
                "repeat every {} up to {} times {until}{{ {body} send note }}",
                random.one(&["1 day", "10 hours"]),
                1 + random.below(3)
            )
        }
        _ => format!("if {} {{ {} stop }}", condition(random, kind), block(random)),
    }
}

fn send(random: &mut Random, kind: Kind) -> String {
    let message = random.one(&["note", "note by sms or email", "note by email", "letter", "text"]);
    let to = random.one(&["", "", "", "to guardian ", "to staff at \"desk@library.example\" "]);
    let (name, by) = message.split_once(' ').unwrap_or((message, ""));
    let (to, by) = match name {
        "text" => ("", by),
        // The staff and guardians have nothing but an e-mail address.
        _ if !to.is_empty() => (to, "by email"),
        _ => (to, by),
    };
    let when = match random.below(4) {
        0 => format!("only if {}", condition(random, kind)),
        1 => format!("unless {}", condition(random, kind)),
        _ => String::new(),
    };
    format!("send {name} {to}{by} {when}")
}

/// Steps move, come and go, campaigns vanish, clauses change.
fn edit(random: &mut Random, campaigns: &mut Vec<Campaign>) {
    for _ in 0..1 + random.below(2) {
        let at = random.below(campaigns.len() as u64) as usize;
        let is_public = campaigns[at].clauses.iter().any(|clause| clause == "audience public");
        let steps = &mut campaigns[at].steps;
        let place = random.below(steps.len() as u64) as usize;
        match random.below(13) {
            // Another start of the same kind of data, another audience, exit or goal; a step into a block, or out of it.
            7 | 8 if !is_public => {
                let (new, kind) = start(random);
                let names_row = |text: &String| text.contains("event.") || text.contains("sample");
                let has_row = campaigns[at].clauses.iter().chain(&campaigns[at].steps).any(names_row);
                if !has_row && kind != Kind::Schedule {
                    replace(&mut campaigns[at].clauses, "start ", new);
                }
            }
            9 if !is_public => {
                let audience = random.one(&["everyone", "adults", "house is central", "busy except friends"]);
                replace(&mut campaigns[at].clauses, "audience ", audience.to_owned());
            }
            10 if !is_public => {
                let goal = random.one(&["has visit since start within 3 days", "level > 1 within 1 week"]);
                replace(&mut campaigns[at].clauses, "goal ", goal.to_owned());
            }
            11 if !is_public => {
                let step = steps.remove(place);
                let is_plain = step.starts_with("send ");
                let inside = random.one(&[
                    "if level > 1",
                    "repeat every 1 day up to 2 times",
                    "wait up to 1 day until level > 3",
                ]);
                steps.insert(place, if is_plain { format!("{inside} {{ {step} }}") } else { step });
            }
            12 if !is_public => {
                let step = steps.remove(place);
                let inside = step.strip_prefix("if ").filter(|_| step.matches('{').count() == 1);
                let inside = inside.and_then(|step| Some(step.split_once('{')?.1.strip_suffix('}')?.trim().to_owned()));
                steps.insert(place, inside.unwrap_or(step));
            }
            0 if steps.len() > 1 => steps.swap(0, place),
            1 if !is_public => steps.insert(place, "send letter".into()),
            2 if steps.len() > 1 => drop(steps.remove(place)),
            3 => steps.insert(place, "wait 2 days".into()),
            4 if campaigns.len() > 1 => drop(campaigns.remove(at)),
            5 if !is_public && !campaigns[at].clauses.iter().any(|clause| clause.starts_with("priority")) => {
                campaigns[at].clauses.push("priority 70".into());
            }
            _ => campaigns.rotate_left(1),
        }
    }
}

/// Puts another clause in the place of the one that begins so, if there is one.
fn replace(clauses: &mut [String], name: &str, with: String) {
    if let Some(clause) = clauses.iter_mut().find(|clause| clause.starts_with(name)) {
        *clause = format!("{name}{with}");
    }
}

#[test]
fn generated_programs_compile() {
    for seed in 0..300 {
        for text in versions(&mut Random::of(seed, 1)) {
            compile(&text);
        }
    }
}
