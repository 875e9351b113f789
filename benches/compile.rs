//! How long a large program takes from text to rules that run: 1,000 campaigns with their segments and messages.
//!
//! `cargo bench --bench compile [-- CAMPAIGNS]`. Interleaved rounds in one run; each figure is the minimum and the
//! median, and the ratio of minima to pest's parsing alone, the named alternative: no compiler over this grammar can
//! be quicker. Ends with 1 if parsing, checking, linting and lowering take more than twice as long. Native code stands
//! apart, since it is compiled for the process and not for an edit.
//!
//! `cargo bench --bench compile -- STEP [CAMPAIGNS]` runs one step once, to count its instructions: `pest`, `parse`,
//! `check`, `lower`, `edit`.

use std::fmt::Write;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use bookmobile::catalogue::ClassSet;
use bookmobile::check;
use bookmobile::diagnostic::{FileId, Sources};
use bookmobile::engine::Plan;
use bookmobile::eval::{Bulk, Rules, Way, World, local_dates};
use bookmobile::program::Program;
use bookmobile::rule::Tables;
use bookmobile::rule::columns::Builder;
use bookmobile::syntax;
use timing::{Rounds, clock, ms};

mod timing;

const ROUNDS: usize = 15;
/// Parsing, checking and lowering may take so many times as long as pest alone.
const BOUND: f64 = 2.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let campaigns = arguments.last().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let text = program(campaigns);
    let mut sources = Sources::default();
    sources.add("large.campaign", text.as_str());
    // One word in the middle.
    let changed = text.replace(&format!("\"Campaign {}\"", campaigns / 2), "\"Another campaign\"");
    let mut after = Sources::default();
    after.add("large.campaign", changed);

    let pest = || assert!(syntax::is_read(&text));
    let parse = || syntax::parse(&sources, FileId(0));
    let check = || check::compile(sources.clone());
    let lower = || {
        let compiled = check();
        black_box(&Plan::new(compiled.program.as_ref().expect("the program compiles")));
        compiled
    };
    let step = arguments.first().map_or("", String::as_str);
    match step {
        "pest" => pest(),
        "parse" => drop(black_box(parse())),
        "check" => drop(black_box(check())),
        "lower" => drop(black_box(lower())),
        "edit" => assert_eq!(parse().edit(&after), 1),
        _ => {}
    }
    if !step.is_empty() && step.parse::<usize>().is_err() {
        return ExitCode::SUCCESS;
    }

    let compiled = check().program.expect("the program compiles");
    let names = [
        "pest alone",
        "parse",
        "parse, check and lint",
        "the same and lower",
        "native code, apart",
        "edit of one declaration",
    ];
    let mut rows = names.map(|name| (name, Rounds::default()));
    let mut push = |row: usize, took: Duration| rows[row].1.0.push(took);
    let mut parsed = parse();
    for round in 0..ROUNDS {
        let now = if round % 2 == 0 { &after } else { &sources };
        push(0, clock(pest).0);
        push(1, clock(parse).0);
        push(2, clock(check).0);
        push(3, clock(lower).0);
        push(4, native(&compiled));
        push(5, clock(|| assert_eq!(parsed.edit(now), 1, "declarations parsed")).0);
    }
    println!("{campaigns} campaigns, {} KB, {ROUNDS} rounds, one thread", text.len() / 1000);
    println!("{:<24}{:>10}{:>10}{:>8}", "", "min ms", "median", "ratio");
    let alone = rows[0].1.min();
    let mut lowered = 0.0;
    for (index, (name, times)) in rows.iter().enumerate() {
        let (min, median) = (times.min(), times.median());
        let ratio = min.as_secs_f64() / alone.as_secs_f64();
        println!("{name:<24}{:>10.1}{:>10.1}{ratio:>8.2}", ms(min), ms(median));
        if index == 3 {
            lowered = ratio;
        }
    }
    if lowered > BOUND { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Compiling the segments to native code, for a store without patrons.
fn native(program: &Program) -> Duration {
    let tables = Tables::default();
    let world = World::of(program, &tables);
    let mut rules = Rules::new();
    let asked: Vec<_> = (program.segments.iter())
        .map(|segment| rules.add(&program.segments, &program.catalogue, &segment.body, ClassSet::EMPTY))
        .collect();
    let mut bulk = Bulk::selecting(&rules, world, &asked, Way::Native);
    let day = local_dates(&program.library.zone);
    let columns = Builder::new(&program.catalogue, &bulk.wanted(), &day).finish();
    clock(|| bulk.prepare(&columns).expect("this machine runs native code")).0
}

/// A program as libraries write them: a segment, a message in two languages and a journey for each campaign.
fn program(campaigns: usize) -> String {
    let mut text = String::from(
        r#"library "Large Library" {
  timezone "America/Toronto"
  languages en, fr
  sender "Large Library" <news@large.example>
  address "1 Main Street"
  policy "https://large.example/privacy"
}
purpose essential "Notices" without consent
purpose promotion "News" consent expires after 24 months
enum branch { central "Central" eastside "Eastside" westside "Westside" }
patron {
  first_name text optional
  birth_date date optional
  branch branch
  registered_on date
  expires_on date
  email email optional
  interests set of one of gardening, history, cooking, games
}
event visit { program text branch branch }
record loan { title text branch branch due_on date returned_at instant optional open until returned_at }
"#,
    );
    for n in 0..campaigns {
        let (days, age) = (7 + n % 90, 10 + n % 60);
        write!(
            text,
            r#"
## Those of the {n}th group who have been quiet.
segment group_{n}(quiet_for: duration = {days} days) "Group {n}" {{
  age(birth_date) between {age} and {older}
  and (interests includes games or branch is one of (central, eastside))
  and expires_on >= today
  and has visit where (branch is patron.branch)
  and has no visit in the last quiet_for
}}

message note_{n} {{
  email {{
    subject    "Hello {{{{default first_name 'reader'}}}}"
    subject fr "Bonjour {{{{default first_name 'à vous'}}}}"
    body       "There is something new at **{{{{branch}}}}**: [have a look]({{{{link 'https://large.example/{n}'}}}})."
    body fr    "Du nouveau à **{{{{branch}}}}** : [à découvrir]({{{{link 'https://large.example/fr/{n}'}}}})."
  }}
}}

campaign campaign_{n} "Campaign {n}" {{
  purpose  promotion
  audience group_{n} except group_{n}(12 months)
  start    on entering
  exit     when has visit since start
  send     note_{n}
  wait     {days} days
  if has loan where (open and due_on < today) {{
    send note_{n} by email
  }} else {{
    wait 2 weeks
    send note_{n} only if age(birth_date) > {age}
  }}
}}
"#,
            older = age + 10,
        )
        .expect("writing to a string cannot fail");
    }
    text
}
