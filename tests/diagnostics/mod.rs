//! The pages of `docs/diagnostics`: the index names all of them. `tests/check/pages.rs` tries their examples.

use bookmobile::diagnostic::pages::{PAGES, title};

#[test]
fn the_index_is_current() {
    let mut index =
        "# Findings\n\nWhat `bookmobile lint` may say, by code; `bookmobile lint --explain CODE` prints a page.\n\
                     Written by `UPDATE_INDEX=1 cargo test the_index_is_current`.\n"
            .to_owned();
    let groups = [
        ("E00", "Syntax"),
        ("E01", "Names"),
        ("E02", "Types"),
        ("E03", "Privacy"),
        ("E04", "Campaigns and steps"),
        ("E05", "Messages"),
        ("E06", "Tests"),
        ("E07", "Templates and layouts"),
        ("W", "Warnings"),
    ];
    for (prefix, name) in groups {
        index.push_str(&format!("\n## {name}\n"));
        for (code, page) in PAGES.iter().filter(|(code, _)| code.starts_with(prefix)) {
            index.push_str(&format!("- [{code}]({code}.md): {}\n", title(page)));
        }
    }
    let path = "docs/diagnostics/README.md";
    if std::env::var_os("UPDATE_INDEX").is_some() {
        std::fs::write(path, &index).expect("the index is writable");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == index, "{path} is not current; run `UPDATE_INDEX=1 cargo test the_index_is_current`");
}
