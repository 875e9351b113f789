//! An edit gives the tree and the findings of a parse from scratch, and parses only what it touches.

use bookmobile::diagnostic::{FileId, Sources};
use bookmobile::syntax::{Parsed, parse};
use proptest::prelude::*;

use super::{parse_text, suite};

fn sources_of(text: &str) -> Sources {
    let mut sources = Sources::default();
    sources.add("test.campaign", text);
    sources
}

/// The texts of the suite, right ones and wrong ones.
fn corpus() -> Vec<String> {
    let files = ["complete", "eval", "reject"].into_iter().flat_map(suite);
    files.map(|path| std::fs::read_to_string(path).expect("UTF-8")).collect()
}

fn assert_same(edited: &Parsed, text: &str) {
    let fresh = parse(&sources_of(text), FileId(0));
    assert_eq!(format!("{:?}", edited.diagnostics), format!("{:?}", fresh.diagnostics), "findings in\n{text}");
    assert_eq!(format!("{:#?}", edited.file), format!("{:#?}", fresh.file), "the tree of\n{text}");
}

/// What somebody types, pastes or leaves out.
const PIECES: [&str; 28] = [
    "",
    "",
    "",
    " ",
    "\n",
    "\n\n",
    "x",
    "\"",
    "\"\"\"",
    "{",
    "}",
    "(",
    ")",
    "#",
    "## About it.\n",
    "matches ",
    "\r\n",
    "\u{feff}",
    "\u{201c}",
    "\u{0}",
    "é",
    ",",
    "segment",
    "\nsegment quiet { has no visit in the last 3 months }\n",
    "\nlist\n  test \"A list\"\n",
    "}\n## Of this one.\ncampaign c {",
    "\npurpose survey\nsurvey \"x\" consent\n",
    "segment a { b is \"",
];

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_give_what_a_parse_from_scratch_gives(
        file in any::<prop::sample::Index>(),
        edits in prop::collection::vec((0.0..1.0_f64, prop_oneof![Just(0), 0..6_usize, 0..300_usize], 0..PIECES.len()), 1..6),
    ) {
        let corpus = corpus();
        let mut text = file.get(&corpus).clone();
        let mut parsed = parse_text(&text).1;
        for (from, length, piece) in edits {
            let start = floor(&text, (text.len() as f64 * from) as usize);
            let end = floor(&text, start + length).max(start);
            text.replace_range(start..end, PIECES[piece]);
            parsed.edit(&sources_of(&text));
            assert_same(&parsed, &text);
        }
    }
}

/// A hundred segments, each with its documentation.
fn hundred() -> String {
    (0..100)
        .map(|n| format!("## The group {n}.\nsegment group_{n} \"{n}\" {{\n  expires_on >= today\n}}\n\n"))
        .collect()
}

#[test]
fn only_the_declaration_that_changed_is_parsed() {
    let text = hundred();
    let mut parsed = parse_text(&text).1;
    for (from, to, count) in [
        ("segment group_50 \"50\" {\n  expires_on >=", "segment group_50 \"fifty\" {\n  expires_on <", 1),
        ("## The group 0.\nsegment group_0 \"0\"", "## The group 0.\nsegment group_0 \"nought\"", 1),
        ("segment group_99 \"99\" {\n  expires_on", "segment group_99 \"99\" {\n  registered_on", 1),
        // A comment belongs to what stands before it, and documents what comes next.
        ("## The group 30.", "## Thirty.", 1),
        ("segment group_70 \"70\" {\n  expires_on >= today\n}\n", "", 1),
        ("segment group_20 ", "segment new { expires_on = today }\n\nsegment group_20 ", 1),
        ("segment group_60 \"60\" {\n  expires_on >= today", "segment group_60 \"60\" {\n  expires_on is > today", 1),
        ("same", "same", 0),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_eq!(parsed.edit(&sources_of(&changed)), count, "{to}");
        assert_same(&parsed, &changed);
        assert!(parsed.edit(&sources_of(&text)) <= 2, "back from {to}");
        assert_same(&parsed, &text);
    }
}

#[test]
fn a_mistake_elsewhere_is_not_parsed_again() {
    let text = hundred().replacen("expires_on >=", "expires_on is >", 1);
    let mut parsed = parse_text(&text).1;
    assert_eq!(parsed.diagnostics.len(), 1);
    for (from, to) in [("\"42\"", "\"forty-two\""), ("\"42\"", "\"a\\qb\"")] {
        let changed = text.replacen(from, to, 1);
        assert_eq!(parsed.edit(&sources_of(&changed)), 1);
        assert_same(&parsed, &changed);
    }
    // Moved by an edit in front of it, the finding points to its place.
    let mut before = parse_text(&hundred().replacen("\"99\" {\n  expires_on >=", "\"99\" {\n  expires_on is >", 1)).1;
    let changed = hundred().replacen("\"99\" {\n  expires_on >=", "\"99\" {\n  expires_on is >", 1);
    let changed = changed.replacen("\"3\"", "\"three\"", 1);
    assert_eq!(before.edit(&sources_of(&changed)), 1);
    assert_same(&before, &changed);
}

#[test]
fn a_declaration_may_be_laid_out_so_that_its_name_looks_like_another() {
    let text =
        "list\n  friends \"Friends\"\nlist\n  test \"A list called test\"\npurpose\nsurvey \"Questions\" consent\n";
    let (_, mut parsed) = parse_text(text);
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parsed.file.items.len(), 3);
    let changed = text.replace("\"Friends\"", "\"Good friends\"");
    parsed.edit(&sources_of(&changed));
    assert_same(&parsed, &changed);
}
