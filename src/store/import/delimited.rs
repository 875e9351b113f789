//! CSV and its relatives.

use std::io::Read;

use encoding_rs::WINDOWS_1252;

use super::record::{Record, Step};
use super::table::{Encoding, NOT_UTF8};

/// More columns than any system exports: the file is something else.
const MOST_COLUMNS: usize = 10_000;

/// A file with a header (or with one that the mapping gives).
pub struct Delimited {
    reader: csv::Reader<Box<dyn Read>>,
    row: csv::ByteRecord,
    encoding: Encoding,
    columns: usize,
    /// By slot, which cell.
    cells: Vec<usize>,
}

impl Delimited {
    /// Opens it. `bind` finds the columns' places in the header.
    pub fn open(
        input: Box<dyn Read>,
        delimiter: u8,
        quote: bool,
        header: Option<&[String]>,
        encoding: Encoding,
        bind: impl FnOnce(&[String]) -> Result<Vec<usize>, String>,
    ) -> Result<Delimited, String> {
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(delimiter).quoting(quote).flexible(true).has_headers(false).buffer_capacity(1 << 17);
        // Rows end with LF; the CR before it is taken off by hand, since the reader would count lines one late.
        builder.terminator(csv::Terminator::Any(b'\n'));
        let mut reader = builder.from_reader(input);
        let header: Vec<String> = match header {
            Some(names) => names.to_vec(),
            None => {
                let mut first = csv::ByteRecord::new();
                if !reader.read_byte_record(&mut first).map_err(|error| error.to_string())? {
                    return Err("the file is empty".to_owned());
                }
                let decode = |cell: &[u8]| encoding.decode(cell).map(|text| text.trim().to_owned());
                let names: Option<Vec<String>> = first.iter().map(decode).collect();
                names.ok_or_else(|| format!("the header is not UTF-8; {NOT_UTF8}"))?
            }
        };
        if header.len() > MOST_COLUMNS {
            return Err(format!("the first row has {} columns: this is no table", header.len()));
        }
        let cells = bind(&header)?;
        Ok(Delimited { reader, row: csv::ByteRecord::new(), encoding, columns: header.len(), cells })
    }

    /// Reads the next row into `record`.
    pub fn read(&mut self, record: &mut Record) -> Result<Step, String> {
        loop {
            if !self.reader.read_byte_record(&mut self.row).map_err(|error| error.to_string())? {
                return Ok(Step::End);
            }
            let line = self.line();
            if self.row.iter().all(|cell| cell.is_empty() || cell == b"\r") {
                continue;
            }
            if self.row.len() != self.columns {
                let reason = format!("the row has {} cells, the header {}", self.row.len(), self.columns);
                return Ok(Step::Bad { line, reason });
            }
            record.start(line);
            for &cell in &self.cells {
                let mut bytes = &self.row[cell];
                if cell + 1 == self.columns {
                    bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
                }
                let text = match self.encoding {
                    Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(std::borrow::Cow::Borrowed),
                    Encoding::Windows1252 => Some(WINDOWS_1252.decode_without_bom_handling(bytes).0),
                };
                let Some(text) = text else {
                    return Ok(Step::Bad { line, reason: format!("not UTF-8; {NOT_UTF8}") });
                };
                record.push(Some(&text));
            }
            return Ok(Step::Row);
        }
    }

    /// Where the row that was just read begins: before the line that the reader is at by as many as the row has. (The
    /// reader's own word for it is that of the blank lines before it, where there are such.)
    fn line(&self) -> u64 {
        let inside = self.row.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64;
        let said = self.row.position().map_or(0, csv::Position::line);
        (self.reader.position().line().saturating_sub(1 + inside)).max(said)
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.reader.position().byte()
    }
}

/// The delimiter of a file that begins with `head`: of the usual ones the one that divides the first line into most
/// cells, outside quotes.
pub fn detect(head: &str) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in head.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if !quoted => counts.iter_mut().filter(|(known, _)| *known == byte).for_each(|(_, count)| *count += 1),
            _ => {}
        }
    }
    // The first of equals: a comma.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}
