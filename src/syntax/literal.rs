//! The literals of section 2: what a token says, or why it says nothing.

use std::borrow::Cow;
use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic, Span};
use crate::time::{Day, TimeOfDay};

/// Letters, signs or points are glued to a number.
pub const GLUED: Code = Code("E0020");
/// A number that is too large, too fine, or outside of what its place allows.
pub const NUMBER: Code = Code("E0021");
/// A date that the calendar does not have, or that is written in another way.
pub const DATE: Code = Code("E0022");
/// A time of day that the clock does not have, or that is written in another way.
pub const TIME: Code = Code("E0023");
/// An unknown escape in a text.
pub const ESCAPE: Code = Code("E0025");

/// A text token decoded.
pub(super) struct Decoded<'t> {
    pub value: Cow<'t, str>,
    /// `(offset in value, offset in the token)`; before the first both advance alike from behind the quote.
    pub offsets: Vec<(u32, u32)>,
    /// Escapes that mean nothing: where in the token, and whether it is a `\u`.
    pub bad_escapes: Vec<Range<usize>>,
}

/// Decodes `"…"` or `"""…"""`. With `raw` a backslash is itself, as it always is in a block.
pub(super) fn decode(token: &str, raw: bool) -> Decoded<'_> {
    if let Some(block) = token.strip_prefix("\"\"\"") {
        return decode_block(block.strip_suffix("\"\"\"").unwrap_or(block));
    }
    let inner = &token[1..token.len() - 1];
    if raw || !inner.contains('\\') {
        return Decoded { value: inner.into(), offsets: Vec::new(), bad_escapes: Vec::new() };
    }
    let mut value = String::with_capacity(inner.len());
    let (mut offsets, mut bad_escapes) = (vec![(0, 1)], Vec::new());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        let start = inner.len() - rest.len() + at + 1;
        let (meaning, length) = escape(&rest[at..]);
        match meaning {
            Some(character) => value.push(character),
            None => bad_escapes.push(start..start + length),
        }
        offsets.push((value.len() as u32, (start + length) as u32));
        rest = &rest[at + length..];
    }
    value.push_str(rest);
    Decoded { value: value.into(), offsets, bad_escapes }
}

/// What the escape at the start of `text` means, and its length in bytes.
fn escape(text: &str) -> (Option<char>, usize) {
    let Some(letter) = text[1..].chars().next() else { return (None, 1) };
    let meaning = match letter {
        '"' | '\\' => Some(letter),
        'n' => Some('\n'),
        't' => Some('\t'),
        'u' => {
            let Some(digits) = text[2..].strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
                return (None, 2);
            };
            let length = 4 + digits.0.len();
            let is_hex = (1..=6).contains(&digits.0.len()) && digits.0.bytes().all(|byte| byte.is_ascii_hexdigit());
            let code = u32::from_str_radix(digits.0, 16).ok().filter(|_| is_hex);
            return (code.and_then(char::from_u32).filter(|&character| character != '\0'), length);
        }
        _ => None,
    };
    (meaning, 1 + letter.len_utf8())
}

/// The inside of a text block: a first and a last line of white space alone are not part of it, and neither is
/// the indentation that all other lines have in common; its line ends are LF.
fn decode_block(inner: &str) -> Decoded<'_> {
    const QUOTES: usize = 3;
    let mut lines = Vec::new();
    let mut start = 0;
    for line in inner.split('\n') {
        let content = line.strip_suffix('\r').unwrap_or(line);
        lines.push((start, content));
        start += line.len() + 1;
    }
    let opening_is_alone = lines.len() > 1 && is_blank(lines[0].1);
    let lines = &lines[usize::from(opening_is_alone)..];
    let closing_is_alone = lines.len() > 1 && lines.last().is_some_and(|(_, line)| is_blank(line));
    let lines = &lines[..lines.len() - usize::from(closing_is_alone)];
    // What stands behind the opening quotes on their line has no indentation of its own.
    let indented = &lines[usize::from(!opening_is_alone)..];
    let common = indented
        .iter()
        .filter(|(_, line)| !is_blank(line))
        .map(|(_, line)| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()])
        .reduce(|common, indent| {
            let same = common.bytes().zip(indent.bytes()).take_while(|(a, b)| a == b).count();
            &common[..same]
        })
        .map_or(0, str::len);
    let (mut value, mut offsets) = (String::with_capacity(inner.len()), Vec::new());
    for (index, &(start, line)) in lines.iter().enumerate() {
        if index > 0 {
            value.push('\n');
        }
        let is_first_of_quotes = index == 0 && !opening_is_alone;
        let cut = if is_first_of_quotes {
            0
        } else if is_blank(line) {
            line.len().min(common)
        } else {
            common
        };
        offsets.push((value.len() as u32, (QUOTES + start + cut) as u32));
        value.push_str(&line[cut..]);
    }
    Decoded { value: value.into(), offsets, bad_escapes: Vec::new() }
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| byte == b' ' || byte == b'\t')
}

/// `2026-06-15`, checked against the calendar.
pub(super) fn date(token: &str, span: Span) -> Result<Day, Diagnostic> {
    let mut parts = token.split('-');
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(glued(token, span));
    };
    let (y, m, d) =
        (year.parse::<i16>().unwrap_or(0), month.parse::<i8>().unwrap_or(0), day.parse::<i8>().unwrap_or(0));
    if month.len() != 2 || day.len() != 2 {
        let written = format!("{year}-{m:02}-{d:02}");
        return Err(Diagnostic::new(
            DATE,
            span,
            format!("a date has two digits for the month and two for the day: {written}"),
        )
        .label("month and day have two digits each")
        .help(format!("write {written}"))
        .fix(span, written));
    }
    if y < 1 || !(1..=12).contains(&m) {
        return Err(Diagnostic::new(DATE, span, format!("there is no date {token}"))
            .label(if y < 1 { "years count from 0001" } else { "a year has 12 months" })
            .help("dates are written year-month-day, such as 2026-06-15"));
    }
    Day::new(y, m, d).ok_or_else(|| {
        let last = (28..=31).rev().find(|&last| Day::new(y, m, last).is_some()).unwrap_or(28);
        Diagnostic::new(
            DATE,
            span,
            format!("there is no date {token}: {} {year} has {last} days", MONTHS[m as usize - 1]),
        )
        .label("not in the calendar")
        .help(format!("the last day of that month is {year}-{month}-{last}"))
    })
}

/// The names of the months as a sentence has them.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The months as the language writes them.
pub(super) const MONTH_WORDS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// `09:00` or `09:00:30`.
pub(super) fn time(token: &str, span: Span) -> Result<TimeOfDay, Diagnostic> {
    let mut parts = token.split(':').map(|part| part.parse::<u32>().unwrap_or(99));
    let (hour, minute, second) = (parts.next().unwrap_or(99), parts.next().unwrap_or(99), parts.next().unwrap_or(0));
    if token.find(':') != Some(2) {
        let written = format!("0{token}");
        return Err(Diagnostic::new(TIME, span, format!("a time of day has two digits for the hour: {written}"))
            .label("the hour has two digits")
            .help(format!("write {written}"))
            .fix(span, written));
    }
    TimeOfDay::new(hour, minute, second).ok_or_else(|| {
        Diagnostic::new(TIME, span, format!("there is no time {token}"))
            .label("a day has 24 hours (00 to 23, and 24:00 is its end), an hour 60 minutes (00 to 59)")
            .help("times of day are written 00:00 to 24:00, such as 09:00")
    })
}

/// A whole number; underscores separate groups.
pub(super) fn integer(token: &str, span: Span) -> Result<i64, Diagnostic> {
    token.replace('_', "").parse().map_err(|_| {
        Diagnostic::new(NUMBER, span, format!("the number {token} is too large"))
            .label("no whole number is that large")
            .help("whole numbers reach from -9223372036854775808 to 9223372036854775807")
    })
}

/// A number with a point, as ten-thousandths and the count of places that were written.
pub(super) fn decimal(token: &str, span: Span) -> Result<(i64, u8), Diagnostic> {
    let plain = token.replace('_', "");
    let (whole, places) = plain.split_once('.').unwrap_or((&plain, ""));
    if places.len() > 4 {
        return Err(Diagnostic::new(NUMBER, span, format!("{token} has more than four places"))
            .label("a decimal has at most four places, money two")
            .help("round it"));
    }
    let digits = format!("{whole}{places:0<4}");
    digits.parse().map(|value| (value, places.len() as u8)).map_err(|_| {
        Diagnostic::new(NUMBER, span, format!("the number {token} is too large"))
            .label("no decimal is that large")
            .help("decimals reach to about 922 million million")
    })
}

/// Why a number with something glued to it is none.
pub(super) fn glued(token: &str, span: Span) -> Diagnostic {
    if let Some(written) = as_date(token) {
        return Diagnostic::new(DATE, span, format!("dates are written year-month-day: {written}"))
            .label("not how a date is written")
            .help(format!("write {written}"))
            .fix(span, written);
    }
    let digits = token.len() - token.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_').len();
    let (number, rest) = token.split_at(digits);
    let message = format!("{rest} is glued to the number {number}");
    let unit = match rest {
        "d" | "day" | "days" => "days",
        "w" | "week" | "weeks" => "weeks",
        "m" | "mo" | "month" | "months" => "months",
        "y" | "year" | "years" => "years",
        "h" | "hour" | "hours" => "hours",
        "min" | "minute" | "minutes" => "minutes",
        _ => "",
    };
    let diagnostic = Diagnostic::new(GLUED, span, message).label("neither a number nor a name");
    if !unit.is_empty() && !number.is_empty() {
        let unit = if number == "1" { &unit[..unit.len() - 1] } else { unit };
        let written = format!("{number} {unit}");
        return diagnostic.help(format!("a duration is written `{written}`")).fix(span, written);
    }
    if let Some(subtrahend) = rest.strip_prefix('-').filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())) {
        let written = format!("{number} - {subtrahend}");
        return diagnostic
            .help(format!("a subtraction has blanks around its sign: `{written}`; dates are written 2026-06-15"))
            .fix(span, written);
    }
    if rest.starts_with(':') {
        return diagnostic.help("times of day are written 09:00, instants 2026-06-15 09:00");
    }
    diagnostic.help("put a blank between them, or take one away: a number is digits alone, a name begins with a letter")
}

/// A date that was written with other signs or in another order, if there is only one way to read it.
fn as_date(token: &str) -> Option<String> {
    let parts: Vec<&str> = token.split(['-', '/', '.']).collect();
    let [a, b, c] = parts[..] else { return None };
    if !parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let (year, month, day) = if a.len() == 4 {
        (a, b, c)
    } else if c.len() == 4 && b.parse::<u8>().is_ok_and(|b| b > 12) {
        (c, a, b)
    } else if c.len() == 4 && (token.contains('.') || a.parse::<u8>().is_ok_and(|a| a > 12)) {
        (c, b, a)
    } else {
        return None;
    };
    let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    Day::new(year, month, day).map(|_| format!("{year:04}-{month:02}-{day:02}"))
}
