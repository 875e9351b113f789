use super::*;
use crate::diagnostic::{Code, FileId};

const WRONG: Code = Code("E9999");

fn drawn(text: &str, marked: std::ops::Range<usize>, format: Format) -> String {
    let mut sources = Sources::default();
    let file = sources.add("rules/a b.campaign", text);
    let diagnostic = Diagnostic::new(WRONG, Span::new(file, marked), "there is no field `agee`")
        .label("not a field")
        .note("a note that is long enough to be broken into more than one line where eighty columns are all there is")
        .help("write `age`");
    let mut out = Vec::new();
    write(&[diagnostic], &sources, format, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("UTF-8")
}

fn human(text: &str, marked: std::ops::Range<usize>) -> String {
    drawn(text, marked, Format::Human { color: false, width: 80 })
}

#[test]
fn a_finding_shows_its_place_reason_and_help() {
    let text = human("segment a {\n  agee > 3\n}\n", 14..18);
    insta::assert_snapshot!(text, @r"
    [E9999] Error: there is no field `agee`
       ╭─[ rules/a b.campaign:2:3 ]
       │
     2 │   agee > 3
       │   ──┬─
       │     ╰─── not a field
       │
       │ Help: write `age`
       │
       │ Note: a note that is long enough to be broken into more than one line
       │       where eighty columns are all there is
    ───╯
    ");
}

#[test]
fn columns_count_characters_and_marks_stand_below_them() {
    let text = human("  é\tü agee", "  é\tü ".len().."  é\tü agee".len());
    assert!(text.contains("campaign:1:7 ]"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let column = |line: &str, what: &str| line.chars().position(|c| what.contains(c));
    assert_eq!(column(lines[3], "a"), column(lines[4], "─"), "{text}");
}

#[test]
fn a_line_of_ten_megabytes_is_clipped_around_the_mark() {
    let long = format!("{}agee{}", "x ".repeat(2_500_000), " y".repeat(2_500_000));
    let text = human(&long, 5_000_000..5_000_004);
    assert!(text.len() < 2_000, "{}", text.len());
    assert!(text.contains("…") && text.contains("agee") && text.contains("campaign:1:5000001 ]"), "{text}");
}

#[test]
fn nothing_in_a_source_reaches_the_terminal_as_a_control() {
    let source = "a \u{202e}\u{1b}[31m\u{0}\u{85}b\rc \u{1}0\u{2}:";
    let text = human(source, 2..5);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{202e}'), "{text:?}");
    assert_eq!(text.matches("a b.campaign").count(), 1);
}

#[test]
fn marks_may_be_empty_at_the_end_or_over_many_lines() {
    for (text, range) in [("", 0..0), ("a\n", 2..2), ("a {\n b\n\n c\n}\n", 0..13), ("a\r\nb\r\n", 0..3), ("é", 2..2)]
    {
        let text = human(text, range);
        assert!(text.contains("not a field"), "{text}");
    }
}

#[test]
fn a_finding_without_a_file_is_told() {
    let diagnostic = Diagnostic::new(WRONG, Span::new(FileId(0), 0..0), "there is no file");
    for format in [Format::Human { color: false, width: 80 }, Format::Json, Format::Sarif, Format::Github] {
        let mut out = Vec::new();
        write(std::slice::from_ref(&diagnostic), &Sources::default(), format, &mut out).expect("written");
        assert!(String::from_utf8_lossy(&out).contains("there is no file"));
    }
}

#[test]
fn programs_read_the_same() {
    let json: serde_json::Value =
        serde_json::from_str(&drawn("segment a {\n  agee > 3\n}\n", 14..18, Format::Json)).expect("one object");
    assert_eq!(json["file"], "rules/a b.campaign");
    assert_eq!([&json["line"], &json["column"], &json["end_line"], &json["end_column"]], [2, 3, 2, 7]);
    let sarif: serde_json::Value =
        serde_json::from_str(&drawn("segment a {\n  agee > 3\n}\n", 14..18, Format::Sarif)).expect("one document");
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "rules/a%20b.campaign");
    assert_eq!(place["region"]["startColumn"], 3);
    let github = drawn("segment a {\n  agee > 3\n}\n", 14..18, Format::Github);
    assert!(
        github.starts_with("::error file=rules/a b.campaign,line=2,endLine=2,col=3,endColumn=7,title=E9999::there")
    );
    assert_eq!(github.lines().count(), 1);
}

#[test]
fn of_very_many_the_first_are_shown_and_the_rest_counted() {
    let mut sources = Sources::default();
    let file = sources.add("a.campaign", "x".repeat(1000));
    let all = (0..1000).map(|at| {
        let code = if at < 150 { Code("W9999") } else { Code("E9999") };
        Diagnostic::new(code, Span::new(file, at..at + 1), "wrong")
    });
    let all: Vec<Diagnostic> = all.collect();
    let mut out = Vec::new();
    write(&all, &sources, Format::Human { color: false, width: 80 }, &mut out).expect("written");
    let text = String::from_utf8(out).expect("UTF-8");
    assert_eq!((text.matches("[E9999]").count(), text.matches("[W9999]").count()), (DIAGNOSTICS_SHOWN, 0));
    assert!(text.contains("… and 900 findings more"), "{text}");
    assert_eq!(summary(&all, 1), "850 errors and 150 warnings in 1 file");
}
