//! Words of a template, and the nearest known word to a wrong one.

/// The known word that is most like `written`, if one is like it.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |word: &str| strsim::damerau_levenshtein(written, word);
    let found = known.into_iter().map(|word| (distance(word), word)).min_by_key(|&(distance, _)| distance);
    let close = |&(distance, word): &(usize, &str)| distance <= 1 + word.len().max(written.len()) / 4;
    found.filter(close).map(|(_, word)| word)
}

/// Words as a list for a sentence.
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
