//! Content lines (RFC 5545, section 3.1): unfolded, with name, parameters and value.

use super::super::table::{Encoding, NOT_UTF8};

/// A content line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where it begins, from 1.
    pub number: u64,
    /// In upper case.
    pub name: String,
    /// Names in upper case, values without quotes.
    pub parameters: Vec<(String, String)>,
    /// As it is written, escapes included.
    pub value: String,
}

/// A line that is none, and why.
#[derive(Debug)]
pub struct NoLine {
    pub number: u64,
    pub why: String,
}

impl Line {
    /// The value of a parameter by its name in upper case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Unfolds and reads all lines. Folding cuts between octets, so bytes become text only afterwards.
pub fn lines(bytes: &[u8], encoding: Encoding) -> Vec<Result<Line, NoLine>> {
    let mut unfolded: Vec<(u64, Vec<u8>)> = Vec::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.first(), unfolded.last_mut()) {
            (Some(b' ' | b'\t'), Some((_, before))) => before.extend_from_slice(&line[1..]),
            (None, _) => {}
            _ => unfolded.push((index as u64 + 1, line.to_vec())),
        }
    }
    let read = |(number, bytes): (u64, Vec<u8>)| {
        let text = encoding.decode(&bytes).ok_or_else(|| format!("not UTF-8; {NOT_UTF8}"));
        text.and_then(|text| line(number, &text)).map_err(|why| NoLine { number, why })
    };
    unfolded.into_iter().map(read).collect()
}

fn line(number: u64, text: &str) -> Result<Line, String> {
    let shape = || "not a line of a calendar, which are written NAME:VALUE".to_owned();
    let end = text.find([':', ';']).ok_or_else(shape)?;
    let name = text[..end].to_ascii_uppercase();
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_name(&name) {
        return Err(shape());
    }
    let (mut parameters, mut rest) = (Vec::new(), &text[end..]);
    while let Some(after) = rest.strip_prefix(';') {
        let (name, value) = after.split_once('=').ok_or_else(shape)?;
        let end = end_of_parameter(value).ok_or_else(shape)?;
        parameters.push((name.to_ascii_uppercase(), value[..end].replace('"', "")));
        rest = &value[end..];
    }
    let value = rest.strip_prefix(':').ok_or_else(shape)?.to_owned();
    Ok(Line { number, name, parameters, value })
}

/// Where a parameter's value ends: at the first `;` or `:` outside of quotation marks.
fn end_of_parameter(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (!quoted && (c == ';' || c == ':')).then_some(at)
    })
}

/// A text without its escapes (section 3.3.11).
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(escaped) => out.push(escaped),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

/// The texts between commas that are not escaped.
pub fn elements(text: &str) -> Vec<String> {
    let (mut elements, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        if c == ',' && !escaped {
            elements.push(unescape(&text[start..at]));
            start = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    elements.push(unescape(&text[start..]));
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_parameters_and_escapes() {
        let text =
            "SUMMARY;LANGUAGE=en;X=\"a:b;c\":Tea\\, caf\u{e9} \r\n and\\ncake\\;\r\nCATEGORIES:A\\,B,C\r\n\r\nodd\r\n";
        // Folded inside a character of two octets.
        let mut bytes = text.as_bytes().to_vec();
        let middle = bytes.iter().position(|&byte| byte == 0xC3).expect("an accent") + 1;
        bytes.splice(middle..middle, *b"\r\n ");
        let found = lines(&bytes, Encoding::Utf8);
        let summary = found[0].as_ref().expect("a line");
        assert_eq!((summary.number, summary.name.as_str(), summary.parameter("X")), (1, "SUMMARY", Some("a:b;c")));
        assert_eq!(unescape(&summary.value), "Tea, caf\u{e9} and\ncake;");
        assert_eq!(elements(&found[1].as_ref().expect("a line").value), ["A,B", "C"]);
        assert_eq!(found[2].as_ref().map_err(|bad| bad.number).expect_err("no line"), 6);
    }
}
