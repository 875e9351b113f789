//! PostgreSQL's `COPY ... FROM stdin` text, as `pg_dump` writes it; a file may hold several blocks.

use std::io::{BufRead, BufReader, Read};

use super::record::{Record, Step};
use super::table::{Encoding, NOT_UTF8};

/// From the columns of a block to the cells that are wanted, by slot.
type Bind = dyn Fn(&[String]) -> Result<Vec<usize>, String>;

/// The blocks of one table in a file.
pub struct Copy {
    input: BufReader<Box<dyn Read>>,
    /// The table; any, if the source names none.
    block: Option<String>,
    encoding: Encoding,
    bind: Box<Bind>,
    /// Of the block that is being read: number of columns, and by slot which cell.
    current: Option<(usize, Vec<usize>)>,
    line: u64,
    bytes: u64,
    buffer: Vec<u8>,
    seen: bool,
    others: Vec<String>,
}

impl Copy {
    /// Reads the blocks of `block`.
    pub fn new(
        input: Box<dyn Read>,
        block: Option<String>,
        encoding: Encoding,
        bind: impl Fn(&[String]) -> Result<Vec<usize>, String> + 'static,
    ) -> Copy {
        Copy {
            input: BufReader::with_capacity(1 << 17, input),
            block,
            encoding,
            bind: Box::new(bind),
            current: None,
            line: 0,
            bytes: 0,
            buffer: Vec::new(),
            seen: false,
            others: Vec::new(),
        }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next row into `record`.
    pub fn read(&mut self, record: &mut Record) -> Result<Step, String> {
        loop {
            self.buffer.clear();
            let read = self.input.read_until(b'\n', &mut self.buffer).map_err(|error| error.to_string())?;
            if read == 0 {
                return self.end();
            }
            self.line += 1;
            self.bytes += read as u64;
            let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some((columns, cells)) = &self.current else {
                let head = std::str::from_utf8(line).ok().and_then(block_head);
                if let Some((table, columns)) = head {
                    let wanted = self.block.as_deref().is_none_or(|block| same_table(block, &table));
                    if wanted {
                        self.seen = true;
                        self.current = Some((columns.len(), (self.bind)(&columns)?));
                    } else {
                        self.others.push(table);
                        self.skip_block()?;
                    }
                }
                continue;
            };
            if line == b"\\." {
                self.current = None;
                continue;
            }
            record.start(self.line);
            let found: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
            if found.len() != *columns {
                let reason = format!("the row has {} cells, the block {columns}", found.len());
                return Ok(Step::Bad { line: self.line, reason });
            }
            for &cell in cells {
                if found[cell] == b"\\N" {
                    record.push(None);
                    continue;
                }
                let bytes = unescape(found[cell]);
                match self.encoding.decode(&bytes) {
                    Some(text) => record.push(Some(&text)),
                    None => {
                        return Ok(Step::Bad { line: self.line, reason: format!("not UTF-8; {NOT_UTF8}") });
                    }
                }
            }
            return Ok(Step::Row);
        }
    }

    fn skip_block(&mut self) -> Result<(), String> {
        loop {
            self.buffer.clear();
            let read = self.input.read_until(b'\n', &mut self.buffer).map_err(|error| error.to_string())?;
            self.line += 1;
            self.bytes += read as u64;
            if read == 0 || self.buffer.starts_with(b"\\.") {
                return Ok(());
            }
        }
    }

    fn end(&self) -> Result<Step, String> {
        match (self.seen, &self.block) {
            (true, _) if self.current.is_some() => Err("the COPY block has no end (`\\.`): the file is cut off".into()),
            (true, _) => Ok(Step::End),
            (false, Some(block)) if !self.others.is_empty() => {
                Err(format!("there is no COPY block of {block}, only of {}", self.others.join(", ")))
            }
            (false, _) => {
                Err("there is no COPY block in it: statements such as INSERT, which need a database, cannot \
                               be imported; make a dump with `pg_dump --data-only`, or a CSV file"
                    .into())
            }
        }
    }
}

/// `COPY actor.usr (id, card) FROM stdin;`
fn block_head(line: &str) -> Option<(String, Vec<String>)> {
    let rest = line.strip_prefix("COPY ")?;
    let (table, rest) = rest.split_once(" (")?;
    let (columns, end) = rest.rsplit_once(')')?;
    end.trim_start().to_ascii_lowercase().starts_with("from stdin").then(|| {
        let names = columns.split(',').map(|name| name.trim().trim_matches('"').to_owned());
        (table.trim().replace('"', ""), names.collect())
    })
}

/// `usr` names `actor.usr` too.
fn same_table(wanted: &str, found: &str) -> bool {
    wanted == found || found.rsplit_once('.').is_some_and(|(_, name)| name == wanted)
}

/// Undoes the escapes of COPY text.
fn unescape(cell: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if !cell.contains(&b'\\') {
        return std::borrow::Cow::Borrowed(cell);
    }
    let mut out = Vec::with_capacity(cell.len());
    let mut bytes = cell.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.extend(match bytes.next() {
            Some(b'b') => Some(0x08),
            Some(b'f') => Some(0x0c),
            Some(b'n') => Some(b'\n'),
            Some(b'r') => Some(b'\r'),
            Some(b't') => Some(b'\t'),
            Some(b'v') => Some(0x0b),
            other => other,
        });
    }
    std::borrow::Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, block: Option<&str>) -> Result<Vec<Vec<Option<String>>>, String> {
        let input: Box<dyn Read> = Box::new(std::io::Cursor::new(text.to_owned().into_bytes()));
        let mut copy = Copy::new(input, block.map(str::to_owned), Encoding::Utf8, |header: &[String]| {
            Ok((0..header.len()).collect())
        });
        let (mut record, mut rows) = (Record::default(), Vec::new());
        loop {
            match copy.read(&mut record)? {
                Step::Row => rows.push((0..2).map(|slot| record.cell(slot).map(str::to_owned)).collect()),
                Step::Bad { line, reason } => return Err(format!("{line}: {reason}")),
                Step::End => return Ok(rows),
            }
        }
    }

    #[test]
    fn several_blocks_escapes_and_missing_values() {
        let text = "SET x;\nCOPY a.t (id, \"name\") FROM stdin;\n1\ta\\tb\\nc\\\\\n2\t\\N\n\\.\n\nCOPY a.u (id) FROM \
                    stdin;\n7\n\\.\nCOPY a.t (id, name) FROM stdin;\n3\t\n\\.\n";
        let some = |text: &str| Some(text.to_owned());
        let expected = vec![vec![some("1"), some("a\tb\nc\\")], vec![some("2"), None], vec![some("3"), None]];
        assert_eq!(rows(text, Some("t")), Ok(expected));
    }

    #[test]
    fn what_is_no_copy_text_is_refused_with_a_reason() {
        assert!(rows("INSERT INTO t VALUES (1);\n", None).is_err_and(|why| why.contains("pg_dump --data-only")));
        assert!(rows("COPY a.t (id, b) FROM stdin;\n1\t2\n", None).is_err_and(|why| why.contains("cut off")));
        assert!(rows("COPY a.t (id) FROM stdin;\n\\.\n", Some("x")).is_err_and(|why| why.contains("only of a.t")));
        assert!(rows("COPY t (id, b) FROM stdin;\n1\t2\t3\n\\.\n", None).is_err_and(|why| why.starts_with("2: ")));
    }
}
