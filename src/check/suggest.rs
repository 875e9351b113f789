//! Did you mean: the nearest of the names that could stand here. (Of words: [`crate::syntax::suggest`].)

use crate::symbol::Symbol;

/// The candidate nearest to `written`, if it is near enough to be what was meant. Only errors call it.
pub fn nearest(written: &str, candidates: impl IntoIterator<Item = Symbol>) -> Option<Symbol> {
    let allowed = match written.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        n => n / 3,
    };
    let scored = candidates.into_iter().filter_map(|candidate| {
        let distance = strsim::damerau_levenshtein(written, candidate.as_str());
        let is_part = candidate.as_str().len() > 3
            && written.len() > 3
            && (candidate.as_str().contains(written) || written.contains(candidate.as_str()));
        match distance {
            0 => None,
            _ if distance <= allowed => Some((distance, candidate)),
            _ if is_part => Some((allowed + distance, candidate)),
            _ => None,
        }
    });
    scored.min().map(|(_, candidate)| candidate)
}

/// A few names as an English list, for a help: "`a`, `b` or `c`"; of many the first, in alphabetical order.
pub fn listed(names: impl IntoIterator<Item = Symbol>) -> String {
    let mut names: Vec<Symbol> = names.into_iter().collect();
    let more = names.len() > 8;
    if more {
        names.sort();
        names.truncate(8);
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "nothing".into(),
        Some(_) if more => format!("{} and others", quoted.join(", ")),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(written: &str, names: &[&str]) -> Option<&'static str> {
        nearest(written, names.iter().map(|name| Symbol::new(name))).map(Symbol::as_str)
    }

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        assert_eq!(meant("eastsid", &["central", "eastside"]), Some("eastside"));
        assert_eq!(meant("vist", &["checkout", "visit"]), Some("visit"));
        assert_eq!(meant("expires", &["expires_on", "city"]), Some("expires_on"));
        assert_eq!(meant("kumquat", &["central", "eastside"]), None);
    }
}
