//! The commands of pages that are to be followed run, and print what the page shows. `UPDATE_DOCS=1 cargo test tutorial`
//! writes their output into the pages.

use std::path::Path;
use std::process::Command;

/// A piece of the page.
enum Piece {
    Prose(String),
    /// Path, text between the fences (with them).
    File(String, String),
    Commands(Vec<String>),
    /// What the commands before it print.
    Output,
}

fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = page.split_inclusive('\n').peekable();
    let mut prose = String::new();
    let mut file = None;
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            if let Some(path) = line.trim().strip_prefix("<!-- file: ") {
                file = Some(path.trim_end_matches(" -->").to_owned());
            }
            prose.push_str(line);
            continue;
        };
        let mut text = String::new();
        for line in lines.by_ref().take_while(|line| line.trim_end() != "```") {
            text.push_str(line);
        }
        pieces.push(Piece::Prose(std::mem::take(&mut prose)));
        pieces.push(match (language.trim(), file.take()) {
            ("sh", _) => Piece::Commands(text.lines().map(str::to_owned).collect()),
            ("text", _) => Piece::Output,
            (_, Some(path)) => Piece::File(path, text),
            (other, None) => panic!("a block `{other}` that is no file, command or output"),
        });
    }
    pieces.push(Piece::Prose(prose));
    pieces
}

fn run(line: &str, folder: &Path) -> String {
    let words = split(line);
    assert_eq!(words[0], "bookmobile", "{line}");
    let done = Command::new(env!("CARGO_BIN_EXE_bookmobile"))
        .args(&words[1..])
        .current_dir(folder)
        .output()
        .expect("the command starts");
    let (out, said) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.code().is_some_and(|code| code < 2), "{line}\n{out}{said}");
    format!("{out}{said}")
}

/// Words, with double quotes as a shell reads them.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("one word at least").push(character),
        }
    }
    words
}

#[test]
fn the_tutorial_prints_what_it_shows() {
    prints_what_it_shows("docs/tutorial.md", 8);
}

#[test]
fn the_page_of_simulate_prints_what_it_shows() {
    prints_what_it_shows("docs/reference/simulate.md", 2);
}

/// Follows a page, which shows so many outputs at least.
fn prints_what_it_shows(path: &str, outputs: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let page = std::fs::read_to_string(path).expect("the page").replace("\r\n", "\n");
    let (mut written, mut output) = (String::new(), String::new());
    let mut shown = 0;
    for piece in pieces(&page) {
        match piece {
            Piece::Prose(text) => written.push_str(&text),
            Piece::File(path, text) => {
                std::fs::write(folder.path().join(&path), &text).expect("written");
                written.push_str(&format!("```campaign-draft\n{text}```\n"));
            }
            Piece::Commands(lines) => {
                output = lines.iter().map(|line| run(line, folder.path())).collect();
                written.push_str(&format!("```sh\n{}\n```\n", lines.join("\n")));
            }
            Piece::Output => {
                written.push_str(&format!("```text\n{output}```\n"));
                shown += 1;
            }
        }
    }
    assert!(shown >= outputs, "{shown} outputs");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &written).expect("written");
    } else {
        assert!(written == page, "{}", similar::TextDiff::from_lines(&page, &written).unified_diff());
    }
}
