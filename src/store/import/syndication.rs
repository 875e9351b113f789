//! Atom (RFC 4287) and RSS 2.0: each entry is a row.
//!
//! A column is the name of an element inside the entry (`title`, `bc:start_date`), or a path to one (`author.name`),
//! with `@` an attribute of it (`enclosure@url`). Of several elements the first counts; all `category` elements
//! together are a set. A document with a DTD is refused, and with it every trick with entities.

use std::io::Read;

use roxmltree::{Document, Node};

use super::record::{ELEMENTS, Record, Step};
use super::table::{Encoding, Reading};
use crate::limits;

/// The rows of a feed of news.
pub struct Syndication {
    rows: std::vec::IntoIter<(u64, Vec<Option<String>>)>,
    bytes: u64,
}

impl Syndication {
    /// Reads a document. `columns` are those that the mapping uses.
    ///
    /// # Errors
    /// If it is no XML, or neither Atom nor RSS.
    pub fn open(mut input: Box<dyn Read>, reading: &Reading, columns: &[String]) -> Result<Syndication, String> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let text =
            declared(&bytes, reading.encoding).decode(&bytes).ok_or("it is not UTF-8, nor says that it is not")?;
        check_nesting(&text)?;
        let options = roxmltree::ParsingOptions { nodes_limit: limits::XML_NODES, ..Default::default() };
        let document =
            Document::parse_with_options(&text, options).map_err(|error| format!("it is no XML: {error}"))?;
        let entries = entries(&document)?;
        let rows: Vec<_> = entries
            .map(|entry| {
                let line = document.text_pos_at(entry.range().start).row;
                (u64::from(line), columns.iter().map(|column| cell(entry, column)).collect())
            })
            .collect();
        Ok(Syndication { rows: rows.into_iter(), bytes: bytes.len() as u64 })
    }

    /// Reads the next row into `record`. Its line is that of the entry.
    pub fn read(&mut self, record: &mut Record) -> Step {
        let Some((line, cells)) = self.rows.next() else { return Step::End };
        record.start(line);
        for cell in &cells {
            record.push(cell.as_deref());
        }
        Step::Row
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The names of the elements of the first entry.
pub fn elements(text: &str) -> Result<Vec<String>, String> {
    check_nesting(text)?;
    let document = Document::parse(text).map_err(|error| format!("it is no XML: {error}"))?;
    let mut names: Vec<String> = Vec::new();
    for child in entries(&document)?.next().iter().flat_map(|entry| entry.children().filter(Node::is_element)) {
        let prefix = prefix(child).map_or(String::new(), |prefix| format!("{prefix}:"));
        let name = format!("{prefix}{}", child.tag_name().name());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Latin-1 where the document says so, and what the mapping says otherwise.
fn declared(bytes: &[u8], encoding: Encoding) -> Encoding {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_ascii_lowercase();
    let is_latin = ["iso-8859-1", "windows-1252", "latin1"].iter().any(|name| {
        head.starts_with("<?xml") && head.split("?>").next().is_some_and(|declaration| declaration.contains(name))
    });
    if is_latin { Encoding::Windows1252 } else { encoding }
}

/// The reader recurses over elements, so their depth is looked at first.
fn check_nesting(text: &str) -> Result<(), String> {
    let mut depth = 0_usize;
    for (at, _) in text.match_indices('<') {
        let tag = &text[at..];
        let end = tag.find('>').unwrap_or(tag.len());
        match tag.as_bytes().get(1) {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'!' | b'?') => {}
            _ if tag[..end].ends_with('/') => {}
            _ => depth += 1,
        }
        if depth > limits::NESTING {
            let line = text[..at].matches('\n').count() + 1;
            return Err(format!("line {line}: its elements are nested deeper than {}", limits::NESTING));
        }
    }
    Ok(())
}

fn entries<'d>(document: &'d Document<'d>) -> Result<impl Iterator<Item = Node<'d, 'd>>, String> {
    let root = document.root_element();
    let (parent, name) = match root.tag_name().name() {
        "feed" => (Some(root), "entry"),
        "rss" => (root.children().find(|node| node.has_tag_name("channel")), "item"),
        // RSS 1.0 has its items beside the channel.
        "RDF" => (Some(root), "item"),
        other => return Err(format!("it is neither Atom nor RSS, which begin with <feed> or <rss>, but <{other}>")),
    };
    let parent = parent.ok_or("the <rss> has no <channel>")?;
    Ok(parent.children().filter(move |node| node.is_element() && node.tag_name().name() == name))
}

fn prefix<'d>(node: Node<'d, 'd>) -> Option<&'d str> {
    let namespace = node.tag_name().namespace()?;
    node.lookup_prefix(namespace).filter(|prefix| !prefix.is_empty())
}

/// The elements of this name in `node`: without prefix those of its own namespace.
fn children<'d>(node: Node<'d, 'd>, name: &str) -> impl Iterator<Item = Node<'d, 'd>> {
    let (wanted, name) = name.split_once(':').map_or((None, name), |(prefix, name)| (Some(prefix), name));
    let (wanted, name) = (wanted.map(str::to_owned), name.to_owned());
    node.children().filter(move |child| {
        let tag = child.tag_name();
        let fits = match &wanted {
            Some(wanted) => prefix(*child) == Some(wanted),
            None => tag.namespace() == node.tag_name().namespace(),
        };
        child.is_element() && tag.name() == name && fits
    })
}

fn cell(entry: Node<'_, '_>, column: &str) -> Option<String> {
    let (path, attribute) = column.split_once('@').map_or((column, None), |(path, name)| (path, Some(name)));
    let mut names: Vec<&str> = path.split('.').collect();
    let last = names.pop()?;
    let parent = names.iter().try_fold(entry, |node, name| children(node, name).next())?;
    let mut found = children(parent, last);
    if let Some(attribute) = attribute {
        return found.find_map(|node| node.attribute(attribute)).map(str::to_owned);
    }
    match last {
        "category" => {
            // Atom has it in an attribute, RSS as text.
            let all: Vec<String> =
                found.filter_map(|node| node.attribute("term").map(str::to_owned).or_else(|| text(node))).collect();
            (!all.is_empty()).then(|| all.join(&ELEMENTS.to_string()))
        }
        "link" => {
            let links: Vec<Node<'_, '_>> = found.collect();
            let is_page = |node: &&Node<'_, '_>| node.attribute("rel").is_none_or(|rel| rel == "alternate");
            let page = links.iter().find(is_page)?;
            page.attribute("href").map(str::to_owned).or_else(|| text(*page))
        }
        "pubDate" => text(found.next()?).map(|date| iso(&date).unwrap_or(date)),
        _ => text(found.next()?),
    }
}

/// The text of an element: of HTML without its markup.
fn text(node: Node<'_, '_>) -> Option<String> {
    let all: String = node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
    let is_html = match node.tag_name().name() {
        // RSS says nothing of it, and everybody writes HTML there.
        "description" => node.tag_name().namespace().is_none(),
        _ => node.attribute("type").is_some_and(|kind| kind == "html" || kind == "text/html"),
    };
    let all = if is_html { without_markup(&all) } else { all };
    let words: Vec<&str> = all.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// HTML as plain text: no tags, and the references that every feed uses.
fn without_markup(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_tag = rest.starts_with('<');
        let end = rest.find(if is_tag { '>' } else { ';' }).filter(|&end| is_tag || end < 12);
        let character = end.filter(|_| !is_tag).and_then(|end| reference(&rest[1..end]));
        match (end, character) {
            (Some(end), None) if is_tag => {
                plain.push(' ');
                rest = &rest[end + 1..];
            }
            (Some(end), Some(character)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            _ => {
                plain.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// `Tue, 01 Dec 2026 19:00:00 -0500` (RFC 2822, which RSS uses) as the mapping reads dates.
fn iso(text: &str) -> Option<String> {
    let zoned = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_plain_text() {
        let html = "<p>Knit &amp; natter&nbsp;&#8211; 3 < 4 &unknown; <br/>tea</p>";
        let words: Vec<String> = without_markup(html).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.join(" "), "Knit & natter \u{2013} 3 tea");
        assert_eq!(without_markup("a < b"), "a < b");
    }

    #[test]
    fn mail_dates_become_iso_dates() {
        assert_eq!(iso("Tue, 01 Dec 2026 19:00:00 -0500").as_deref(), Some("2026-12-01T19:00:00-05:00"));
        assert_eq!(iso("2026-12-01"), None);
    }
}
