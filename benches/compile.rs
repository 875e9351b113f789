//! How long a large program takes from text to typed program: 1,000 campaigns with their segments and messages.
//!
//! `cargo bench --bench compile [-- CAMPAIGNS]`. Interleaved rounds in one run; each figure is the minimum and the
//! median, and the ratio of minima to pest's parsing alone, the named alternative: no compiler over this grammar can
//! be quicker.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bookmobile::check;
use bookmobile::diagnostic::{FileId, Sources};
use bookmobile::syntax;

const ROUNDS: usize = 15;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let campaigns = arguments.next_back().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let text = program(campaigns);
    let mut sources = Sources::default();
    sources.add("large.campaign", text.as_str());
    let compiled = check::compile(sources.clone());
    assert!(compiled.program.is_some(), "the program compiles: {:#?}", compiled.diagnostics.first());

    let mut rows = [("pest alone", vec![]), ("parse", vec![]), ("parse, check and lint", vec![])];
    for _ in 0..ROUNDS {
        rows[0].1.push(time(|| syntax::tokens(&text)));
        rows[1].1.push(time(|| syntax::parse(&sources, FileId(0))));
        rows[2].1.push(time(|| check::compile(sources.clone())));
    }
    println!("{campaigns} campaigns, {} KB, {ROUNDS} rounds, one thread", text.len() / 1000);
    println!("{:<24}{:>10}{:>10}{:>8}", "", "min ms", "median", "ratio");
    let alone = *rows[0].1.iter().min().expect("there are rounds");
    for (name, times) in &mut rows {
        times.sort();
        let (min, median) = (times[0], times[ROUNDS / 2]);
        let ratio = min.as_secs_f64() / alone.as_secs_f64();
        println!("{name:<24}{:>10.1}{:>10.1}{ratio:>8.2}", milliseconds(min), milliseconds(median));
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
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
