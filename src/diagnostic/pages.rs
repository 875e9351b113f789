//! The pages of `docs/diagnostics`: what a code means, with an example that is wrong and one that is right.

/// Code and Markdown of each page, by code.
pub const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/diagnostic_pages.rs"));

/// The page of `code`, in upper or lower case.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(name, _)| name.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

/// The title of a page: its first line without `# CODE: `.
pub fn title(page: &str) -> &str {
    let first = page.lines().next().unwrap_or_default();
    first.split_once(": ").map_or(first, |(_, title)| title)
}
