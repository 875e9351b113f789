//! The table of faults: each row is a test that names its id, or the list says why there is none yet. It is looked up
//! and not remembered: a test that is renamed or moved is missed here.

use std::collections::BTreeMap;

const ROWS: &str = include_str!("faults.tsv");

/// Areas in which every row has its test.
const COVERED: &[&str] = &["PAR", "TPL", "ADR", "STO", "IMP", "TIM", "CON", "REP", "JIT"];

#[test]
fn every_row_has_its_test_or_its_reason() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for row in ROWS.lines().filter(|row| !row.starts_with('#')) {
        let cells: Vec<&str> = row.split('\t').collect();
        *seen.entry(cells[0]).or_default() += 1;
        match cells.as_slice() {
            [id, "-", reason] if !reason.is_empty() => {
                if COVERED.contains(&&id[..3]) {
                    wrong.push(format!("{id} has no test"));
                }
            }
            // With a third cell: in what we differ from the row, and why.
            [id, file] | [id, file, _] => match std::fs::read_to_string(file) {
                Ok(text) if names(&text, id) => {}
                Ok(_) => wrong.push(format!("{id}: no test in {file} names it")),
                Err(error) => wrong.push(format!("{id}: {file}: {error}")),
            },
            _ => wrong.push(format!("{row:?} is no row of the list")),
        }
    }
    wrong.extend(seen.iter().filter(|(_, count)| **count > 1).map(|(id, _)| format!("{id} stands there twice")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.len() > 110, "the list is whole: {} rows", seen.len());
}

/// `STO-01`, or `sto_01` in the name of a test; not `STO-011`.
fn names(text: &str, id: &str) -> bool {
    let snake = id.to_ascii_lowercase().replace('-', "_");
    [id, snake.as_str()].iter().any(|name| {
        text.match_indices(name).any(|(at, _)| !text[at + name.len()..].starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[test]
fn a_name_is_found_whole() {
    assert!(names("/// STO-01: x", "STO-01") && names("fn sto_01_x()", "STO-01"));
    assert!(!names("fn sto_011()", "STO-01") && !names("STO-02", "STO-01"));
}
