//! How texts compare (section 2): after NFC and Unicode full case folding.
//!
//! The store, reference tables and every evaluator use these functions, so that there is one notion of "the same
//! text". ASCII, which is most of what a library stores, is compared without allocating.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;

use crate::catalogue::Value;

/// Composed (NFC), which is how `matches` sees a text.
pub fn compose(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { ComposingNormalizer::new_nfc().normalize(text) }
}

/// The form in which texts compare: composed, folded, and composed again, since folding may decompose.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let composed = compose(text);
    let folded = CaseMapper::new().fold_string(&composed).into_owned();
    Cow::Owned(compose(&folded).into_owned())
}

/// Whether two texts are the same.
pub fn same(left: &str, right: &str) -> bool {
    // Only if both are ASCII: the Kelvin sign folds to `k`, `ß` to `ss`.
    if left.is_ascii() && right.is_ascii() { left.eq_ignore_ascii_case(right) } else { fold(left) == fold(right) }
}

/// Whether `text` contains `part`.
pub fn contains(text: &str, part: &str) -> bool {
    if text.is_ascii() && part.is_ascii() {
        let (text, part) = (text.as_bytes(), part.as_bytes());
        return part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    }
    fold(text).contains(&*fold(part))
}

/// Whether `text` begins with `start`.
pub fn starts_with(text: &str, start: &str) -> bool {
    if text.is_ascii() && start.is_ascii() {
        return text.len() >= start.len() && text.as_bytes()[..start.len()].eq_ignore_ascii_case(start.as_bytes());
    }
    fold(text).starts_with(&*fold(start))
}

/// The folded key under which a table has the row for `value`; `None` for values that are no key.
pub fn key(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(fold(text)),
        Value::Symbol(symbol) => Some(fold(symbol.as_str())),
        Value::Int(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Date(day) => Some(Cow::Owned(day.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_compare_after_composition_and_full_folding() {
        assert!(same("STRASSE", "Straße"));
        assert!(same("e\u{301}te\u{301}", "ÉTÉ"));
        assert!(same("\u{212A}elvin", "kelvin"));
        assert!(same("ΣΊΣΥΦΟΣ", "σίσυφος"));
        assert!(!same("été", "ete"));
        assert!(contains("Rue de l'E\u{301}glise", "église"));
        assert!(starts_with("ŒUVRES", "œu"));
        assert!(!starts_with("a", "ab") && !contains("", "a") && contains("a", ""));
    }

    #[test]
    fn folding_is_stable() {
        for text in ["Straße", "İstanbul", "ǅ", "\u{1F80}", "ﬁ", "Åse", "\u{345}a"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text:?}");
        }
    }
}
