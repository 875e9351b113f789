//! How long an SMS is for certain: the text outside of tags and blocks.

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic};
use crate::limits;
use crate::message::sms::{Encoding, segments};
use crate::syntax::ast::Text;

const TOO_LONG: Code = Code("E0716");
const SEVERAL: Code = Code("W0701");

/// What is to be said about the length of `text`, whose tags stand at `tags`.
pub(super) fn check(text: &Text, tags: &[Range<usize>]) -> Option<Diagnostic> {
    let mut certain = String::new();
    let (mut at, mut depth) = (0, 0_usize);
    for tag in tags {
        if depth == 0 {
            certain.push_str(&text.value[at..tag.start]);
        }
        match text.value[tag.start + 2..].trim_start_matches([' ', '~']).as_bytes().first() {
            Some(b'#') => depth += 1,
            Some(b'/') => depth = depth.saturating_sub(1),
            _ => {}
        }
        at = tag.end;
    }
    certain.push_str(&text.value[at..]);
    let found = segments(certain.trim());
    if found.count <= 1 {
        return None;
    }
    let mut finding = match found.count > limits::SMS_SEGMENTS {
        true => Diagnostic::new(
            TOO_LONG,
            text.span,
            format!("this SMS takes at least {} segments; {} is the most", found.count, limits::SMS_SEGMENTS),
        ),
        false => {
            let text_of = format!("this SMS takes at least {} segments, and each is charged", found.count);
            Diagnostic::new(SEVERAL, text.span, text_of)
        }
    };
    if found.encoding == Encoding::Ucs2 {
        let outside = certain.chars().find(|&c| segments(c.encode_utf8(&mut [0; 4])).encoding == Encoding::Ucs2);
        let letter = outside.map(String::from).unwrap_or_default();
        finding = finding.note(format!(
            "`{letter}` is not in the alphabet of GSM-7, so that a segment holds 70 characters and not 160."
        ));
    }
    Some(finding.help("say it in fewer words, or lead to a page with `{{link 'https://…'}}`"))
}
