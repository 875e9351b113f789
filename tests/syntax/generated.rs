//! Programs that proptest makes up: the formatter keeps their meaning and settles, whatever their layout.

use proptest::prelude::*;
use proptest::strategy::Union;

use super::{check_format, parse_text};

/// Tokens of a piece of a program; what stands between them is up to the layout.
type Tokens = Vec<String>;

fn tokens(text: &str) -> Tokens {
    text.split(' ').map(str::to_owned).collect()
}

/// One of some texts, whose blanks divide tokens.
fn any_of(texts: &'static [&'static str]) -> BoxedStrategy<Tokens> {
    proptest::sample::select(texts).prop_map(tokens).boxed()
}

/// Parts in a row: a text stands for itself, `_` for the next strategy.
fn row(pattern: &'static str, parts: Vec<BoxedStrategy<Tokens>>) -> BoxedStrategy<Tokens> {
    parts
        .prop_map(move |parts| {
            let mut parts = parts.into_iter();
            let word = |word: &str| if word == "_" { parts.next().unwrap_or_default() } else { vec![word.to_owned()] };
            pattern.split(' ').flat_map(word).collect()
        })
        .boxed()
}

fn many(part: BoxedStrategy<Tokens>, sizes: std::ops::Range<usize>) -> BoxedStrategy<Tokens> {
    prop::collection::vec(part, sizes).prop_map(|parts| parts.concat()).boxed()
}

fn name() -> BoxedStrategy<Tokens> {
    any_of(&["a", "b7", "day", "limit", "status", "count", "email", "open", "at", "text_field", "weeks"])
}

fn text() -> BoxedStrategy<Tokens> {
    const TEXTS: [&str; 6] = [
        "\"x\"",
        "\"# no comment\"",
        "\"\\u{e9}\\\"\"",
        "\"{{x}}\"",
        "\"é\"",
        "\"\"\"\n      a\n\n       b\n      \"\"\"",
    ];
    proptest::sample::select(&TEXTS).prop_map(|text| vec![text.to_owned()]).boxed()
}

fn duration() -> BoxedStrategy<Tokens> {
    any_of(&["1 day", "30 days", "2 weeks", "48 hours", "d", "n months", "1_000 minutes"])
}

fn value(inner: BoxedStrategy<Tokens>) -> BoxedStrategy<Tokens> {
    let literals = [
        "12",
        "-3",
        "1_000",
        "5.00",
        "-0.125",
        "true",
        "today",
        "now",
        "start",
        "2026-06-15",
        "2026-06-15 09:00",
        "2026-11-01 01:30:15 -05:00",
        "09:00",
        "30 days",
        "10%",
        "patron.branch",
        "event.zone.x",
        "a",
    ];
    let literals = proptest::sample::select(literals.to_vec()).prop_map(tokens).boxed();
    Union::new(vec![
        literals.clone(),
        literals,
        name(),
        text(),
        row("( _ )", vec![inner.clone()]),
        row("( _ , _ )", vec![name(), name()]),
        row("age ( _ )", vec![inner.clone()]),
        row("days since _", vec![name()]),
        row("_ + _", vec![name(), duration_literal()]),
        row("_ - _ - 2", vec![name(), name()]),
        row("2 * _", vec![name()]),
        row("latest ( _ _ ) . x", vec![name(), window()]),
        row("count ( _ where ( _ ) )", vec![name(), any_of(&["a", "a is b", "open and n > 3"])]),
        row("sum ( x of _ _ )", vec![name(), window()]),
        any_of(&["changed ( f )", "end of consent to p by email"]),
    ])
    .boxed()
}

fn duration_literal() -> BoxedStrategy<Tokens> {
    any_of(&["1 day", "30 days", "48 hours"])
}

fn window() -> BoxedStrategy<Tokens> {
    Union::new(vec![
        row("in the last _", vec![duration()]),
        row("in the next _", vec![duration()]),
        any_of(&[
            "in this week",
            "in the previous month",
            "in the coming year",
            "since start",
            "since a",
            "before today",
        ]),
        row("between _ and _", vec![name(), name()]),
    ])
    .boxed()
}

fn test_of(value: BoxedStrategy<Tokens>) -> BoxedStrategy<Tokens> {
    let event = row("_ where ( _ )", vec![name(), value.clone()]);
    Union::new(vec![
        value.clone(),
        row(
            "_ _ _",
            vec![
                value.clone(),
                any_of(&["is", "is not", "=", "!=", "<", ">=", "before", "contains", "starts with", "includes"]),
                value.clone(),
            ],
        ),
        row("_ _", vec![value.clone(), any_of(&["is known", "is unknown", "is empty", "is not empty"])]),
        row("_ is one of ( _ , _ )", vec![value.clone(), name(), value.clone()]),
        row("_ includes all of ( _ )", vec![value.clone(), name()]),
        row("_ between _ and _", vec![value.clone(), value.clone(), value.clone()]),
        row("_ matches _", vec![value, any_of(&[r#""^a\d+\.b$""#])]),
        row("in _ ( _ )", vec![name(), name()]),
        row("not in _", vec![name()]),
        row("has _ _", vec![event.clone(), window()]),
        row("has at least 3 _", vec![event.clone()]),
        row("has _ followed by _ within _ _", vec![event.clone(), name(), duration(), window()]),
        row("has no _", vec![event]),
        any_of(&["has at least 2 e in at least 3 of the last 6 months", "agrees to p by sms", "asked for p by email"]),
    ])
    .boxed()
}

fn condition() -> BoxedStrategy<Tokens> {
    name()
        .prop_recursive(4, 24, 4, |inner| {
            let test = test_of(value(inner.clone()));
            Union::new(vec![
                test.clone(),
                row("_ and _", vec![test.clone(), test.clone()]),
                row("_ or _ and _", vec![test.clone(), test.clone(), test.clone()]),
                row("not ( _ ) or _", vec![inner, test]),
            ])
            .boxed()
        })
        .boxed()
}

fn step() -> BoxedStrategy<Tokens> {
    let leaf = any_of(&[
        "stop",
        "send m",
        "send m to guardian by email or sms",
        "wait 7 days",
        "wait until monday at 09:00",
        "wait until 2 days before a",
        "add to a",
        "remove from a",
        "publish m by web , feed until 2027-01-02",
    ]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let steps = many(inner, 0..3);
        Union::new(vec![
            row("send m only if _", vec![condition()]),
            row(
                "if _ { _ } else if _ { _ } else { _ }",
                vec![condition(), steps.clone(), name(), steps.clone(), steps.clone()],
            ),
            row("split { 50% { _ } 50% { _ } }", vec![steps.clone(), steps.clone()]),
            row("wait up to 3 days until _ { _ } else { _ }", vec![condition(), steps.clone(), steps.clone()]),
            row("repeat every 2 days up to 3 times until _ { _ }", vec![condition(), steps]),
        ])
        .boxed()
    })
    .boxed()
}

fn field() -> BoxedStrategy<Tokens> {
    row(
        "_ _ _",
        vec![
            name(),
            any_of(&["text", "date", "one of a, b", "set of branch", "money"])
                .prop_map(|tokens| {
                    tokens.join(" ").replace(',', " ,").split(' ').map(str::to_owned).collect::<Tokens>()
                })
                .boxed(),
            any_of(&["optional", "private p", "optional private p"]),
        ],
    )
}

fn declaration() -> BoxedStrategy<Tokens> {
    Union::new(vec![
        row("segment _ { _ }", vec![any_of(&["s", "odd_one"]), condition()]),
        row("segment s ( n : int = 3 , k : set of text = ( a , b ) ) _ { _ }", vec![text(), condition()]),
        row("patron { _ }", vec![many(field(), 0..6)]),
        row("record r private p { _ open until a keep 7 days }", vec![many(field(), 1..4)]),
        row("enum e { a _ ( fr _ ) , _ }", vec![text(), text(), text()]),
        row("list l _", vec![text()]),
        row("purpose p _ consent expires after 24 months never to _", vec![text(), condition()]),
        row("message m { let x = _ pick y from f where ( _ ) first 3 by z descending email if _ { subject _ body fr _ } sms { text _ } }",
            vec![value(name()), condition(), condition(), text(), text(), text()]),
        row("campaign c _ { purpose p audience _ except _ start when _ exit when _ goal _ within 3 days _ }",
            vec![text(), condition(), condition(), condition(), condition(), condition(), many(step(), 0..4)]),
        any_of(&[
            "library \"L\" { sender \"L\" <n@l.example> languages en , fr week starts monday quiet none adult at 18 }",
            "campaign c { start 30 days before due_on of loan where ( open ) together for 2 days limit 3 messages per 7 days }",
            "campaign c { start every monday , friday at 09:00 deliver on monday between 10:00 and 18:00 runs from 2026-01-01 }",
            "test \"t\" { now 2026-01-01 09:00 patron ana like ben from 2026-01-01 { a 3 b -3 c ( x , y ) d unknown } expect ana gets m on 2026-02-01 2 times }",
            "test \"t\" { now 2026-01-01 row zone \"M5\" { a 3 } ana held out of c expect count s ( 3 ) is 4 expect ana not in s for p }",
        ]),
    ])
    .boxed()
}

/// Tokens with random blanks, line ends and comments between them.
fn laid_out() -> impl Strategy<Value = String> {
    let gap = prop_oneof![
        12 => Just(" "), 3 => Just("\n"), 1 => Just("\n\n\n"), 1 => Just(" # a comment\n"), 1 => Just("\n  ## of two\n  # lines\n"), 1 => Just("\t\r\n"),
    ];
    prop::collection::vec(declaration(), 0..4).prop_flat_map(move |declarations| {
        let tokens: Tokens = declarations.concat();
        let length = tokens.len();
        prop::collection::vec(gap.clone(), length).prop_map(move |gaps| {
            tokens.iter().zip(gaps).flat_map(|(token, gap)| [token.as_str(), gap]).collect::<String>()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn formatting_generated_programs_changes_no_meaning_and_settles(text in laid_out()) {
        let diagnostics = parse_text(&text).1.diagnostics;
        // A chain of tests such as `a and b` between brackets may be a mistake of its own: only what is right is formatted.
        prop_assume!(diagnostics.is_empty());
        check_format(&text);
    }

    #[test]
    fn any_text_is_parsed_or_explained(text in r#"[a-z{}()"<>=., \n#0-9-]{0,80}"#) {
        let (sources, parsed) = parse_text(&text);
        for diagnostic in &parsed.diagnostics {
            prop_assert!(sources.snippet(diagnostic.span).len() <= text.len());
            prop_assert!(diagnostic.help.is_some() && !diagnostic.message.is_empty());
        }
    }

    #[test]
    fn a_cut_program_is_parsed_or_explained(text in laid_out(), from in 0.0..1.0_f64, length in 0..9_usize) {
        let start = (text.len() as f64 * from) as usize;
        let floor = |mut at: usize| { while !text.is_char_boundary(at.min(text.len())) { at -= 1; } at.min(text.len()) };
        let cut = format!("{}{}", &text[..floor(start)], &text[floor(start + length)..]);
        let (sources, parsed) = parse_text(&cut);
        for diagnostic in &parsed.diagnostics {
            prop_assert!(sources.snippet(diagnostic.span).len() <= cut.len());
            prop_assert!(diagnostic.help.is_some() && !diagnostic.message.is_empty(), "{}: {cut}", diagnostic.message);
        }
    }
}
