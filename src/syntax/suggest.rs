//! "Did you mean": the closest of some words.

/// The one of `words` that `found` most probably was meant to be: at most a third of its letters wrong, two letters
/// in the wrong order counting as one.
pub fn closest<'w>(found: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let allowed = (found.chars().count() / 3).clamp(1, 3);
    words
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(found, word), word))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, word)| word)
}
