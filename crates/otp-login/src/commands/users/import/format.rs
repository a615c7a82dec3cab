//! The forms of files.

use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

use anyhow::{Context, anyhow};
use csv::ByteRecord;

use super::row::{FIELDS, REQUIRED, Row, Unreadable};
use crate::{cli::UsersFormat, commands::users::cells::original};

/// Far more than any row takes. A quote that is never closed would otherwise make one row of a
/// whole file, and hold all of it in memory.
const MOST_BYTES: usize = 64 * 1024;

type Source = Box<dyn Read>;

/// The rows of a file, one after the other.
pub(super) enum Rows {
    Csv(CsvRows),
    Ndjson(NdjsonRows),
}

impl Rows {
    /// Reads what stands before the first row.
    pub(super) fn new(format: UsersFormat, source: Source) -> anyhow::Result<Self> {
        Ok(match format {
            UsersFormat::Csv => Self::Csv(CsvRows::new(source)?),
            UsersFormat::Ndjson => Self::Ndjson(NdjsonRows { lines: BufReader::new(source), line: 0 }),
        })
    }

    /// The next row with the number of its first line; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Result<(u64, Row), Unreadable>> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Ndjson(rows) => rows.next(),
        }
    }
}

/// RFC 4180 with a header.
pub(super) struct CsvRows {
    records: csv::Reader<Bounded>,
    columns: Vec<&'static str>,
    /// Bytes read since the last record ended.
    since: Rc<Cell<usize>>,
    record: ByteRecord,
}

impl CsvRows {
    fn new(source: Source) -> anyhow::Result<Self> {
        let since = Rc::new(Cell::new(0));
        let bounded = Bounded { source, since: since.clone() };
        let mut records = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
        let header = records.byte_headers().context("the header cannot be read")?;
        let columns = header.iter().map(column).collect::<anyhow::Result<Vec<_>>>()?;
        for (place, name) in columns.iter().enumerate() {
            anyhow::ensure!(
                !columns.iter().take(place).any(|other| other == name),
                "the column {name} stands twice"
            );
        }
        let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| !columns.contains(name)).collect();
        anyhow::ensure!(
            missing.is_empty(),
            "the first line has to name the columns; these are missing: {}",
            missing.join(", ")
        );
        Ok(Self { records, columns, since, record: ByteRecord::new() })
    }

    fn next(&mut self) -> Option<Result<(u64, Row), Unreadable>> {
        self.since.set(0);
        let begins = self.records.position().line();
        match self.records.read_byte_record(&mut self.record) {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => {
                let error = anyhow::Error::from(error)
                    .context(format!("the row from line {begins} on cannot be read"));
                return Some(Err(Unreadable::File(error)));
            }
        }
        let line = self.record.position().map_or(begins, csv::Position::line);
        Some(self.row().map(|row| (line, row)).map_err(|reason| Unreadable::Row { line, reason }))
    }

    fn row(&self) -> Result<Row, &'static str> {
        if self.record.len() != self.columns.len() {
            return Err(
                "the row has more or fewer cells than the header; are quotes around cells with commas missing?",
            );
        }
        let mut row = Row::default();
        for (column, cell) in self.columns.iter().zip(&self.record) {
            let cell =
                std::str::from_utf8(cell).map_err(|_| "the row is not UTF-8; save the file as UTF-8")?;
            row.set(column, original(cell.trim()));
        }
        Ok(row)
    }
}

fn column(name: &[u8]) -> anyhow::Result<&'static str> {
    let name = String::from_utf8_lossy(name);
    FIELDS.into_iter().find(|field| *field == name.trim()).ok_or_else(|| {
        anyhow!("{:?} is no column that is known; known are {}", name.trim(), FIELDS.join(", "))
    })
}

/// A source that fails when a single row does not end.
struct Bounded {
    source: Source,
    since: Rc<Cell<usize>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > MOST_BYTES {
            return Err(io::Error::other("it has more than 64 KiB; is a quote not closed?"));
        }
        loop {
            let read = self.source.read(buffer)?;
            self.since.set(self.since.get().saturating_add(read));
            let kept = without_returns(buffer, read);
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

/// Takes carriage returns out of the first `read` bytes, and says how many are left. After one,
/// the reader would count the line feed to the next row, and name a line too early.
fn without_returns(buffer: &mut [u8], read: usize) -> usize {
    let mut kept = 0;
    for place in 0..read {
        if let Some(byte) = buffer.get(place).copied().filter(|byte| *byte != b'\r')
            && let Some(slot) = buffer.get_mut(kept)
        {
            *slot = byte;
            kept += 1;
        }
    }
    kept
}

/// One JSON object a line.
pub(super) struct NdjsonRows {
    lines: BufReader<Source>,
    line: u64,
}

impl NdjsonRows {
    fn next(&mut self) -> Option<Result<(u64, Row), Unreadable>> {
        let mut text = Vec::new();
        let most = MOST_BYTES as u64 + 1;
        self.line += 1;
        let line = self.line;
        match self.lines.by_ref().take(most).read_until(b'\n', &mut text) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                let error = anyhow::Error::from(error).context(format!("line {line} cannot be read"));
                return Some(Err(Unreadable::File(error)));
            }
        }
        if text.len() > MOST_BYTES {
            return Some(Err(Unreadable::File(anyhow!("line {line} has more than 64 KiB"))));
        }
        // What the parser would say of it may repeat the hash.
        let reason = "the line is not one JSON object with known fields, each once and of its type: texts, and verified true or false";
        // Serde would take an array for the fields in their order.
        let is_object = text.trim_ascii_start().first() == Some(&b'{');
        let row = is_object.then(|| serde_json::from_slice(&text).ok()).flatten();
        Some(row.map(|row| (line, row)).ok_or(Unreadable::Row { line, reason }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(format: UsersFormat, text: &str) -> Rows {
        Rows::new(format, Box::new(io::Cursor::new(text.to_owned().into_bytes()))).unwrap()
    }

    fn refused_header(text: &str) -> String {
        let source = Box::new(io::Cursor::new(text.to_owned().into_bytes()));
        Rows::new(UsersFormat::Csv, source).err().map(|error| error.to_string()).unwrap()
    }

    const HEADER: &str = "email,phone_number,password_hash,verified";

    #[test]
    fn quoted_cells_and_their_lines_are_read() {
        let text = format!(
            "\u{feff}{HEADER},lock_reason\r\na@x.y,'+46,h,true,\"two, \"\"words\"\"\nmore\"\r\nb@x.y,1,h,false,\r\n"
        );
        let mut rows = rows(UsersFormat::Csv, &text);
        let Some(Ok((2, first))) = rows.next() else { panic!("the first row") };
        assert_eq!(first.lock_reason.as_deref(), Some("two, \"words\"\nmore"));
        assert_eq!(first.phone_number.as_deref(), Some("+46"));
        let Some(Ok((4, second))) = rows.next() else { panic!("the second row") };
        assert_eq!(
            (second.lock_reason, matches!(second.verified, Some(Verified::Known(false)))),
            (None, true)
        );
        assert!(rows.next().is_none());
    }

    use super::super::row::Verified;

    #[test]
    fn a_header_that_cannot_be_used_is_told() {
        assert!(refused_header("email,phone_number\n").contains("missing: password_hash, verified"));
        assert!(refused_header(&format!("{HEADER},e-mail\n")).contains("\"e-mail\" is no column"));
        assert!(refused_header(&format!("{HEADER},email\n")).contains("email stands twice"));
        assert!(refused_header("").contains("missing"));
    }

    #[test]
    fn a_row_of_another_length_is_refused_and_the_next_is_read() {
        let mut rows = rows(UsersFormat::Csv, &format!("{HEADER}\na,b\nc,d,e,true\n"));
        assert!(matches!(rows.next(), Some(Err(Unreadable::Row { line: 2, .. }))));
        assert!(matches!(rows.next(), Some(Ok((3, _)))));
    }

    #[test]
    fn a_quote_that_is_not_closed_does_not_swallow_the_file() {
        let text = format!("{HEADER}\n\"{}", "a,b,c,true\n".repeat(100_000));
        let mut rows = rows(UsersFormat::Csv, &text);
        let Some(Err(Unreadable::File(error))) = rows.next() else { panic!("not refused") };
        assert!(format!("{error:#}").contains("is a quote not closed?"), "{error:#}");
    }

    #[test]
    fn only_objects_of_known_fields_are_rows() {
        let good = r#"{"email":"a","verified":true,"locale":null}"#;
        for wrong in [
            "",
            "[]",
            "1",
            "{",
            r#"{"e-mail":"a"}"#,
            r#"{"email":"a","email":"b"}"#,
            r#"{"email":1}"#,
            r#"{"verified":"true"}"#,
            r#"{"email":"a"} {}"#,
        ] {
            let mut rows = rows(UsersFormat::Ndjson, &format!("{wrong}\n{good}\n"));
            assert!(matches!(rows.next(), Some(Err(Unreadable::Row { line: 1, .. }))), "{wrong}");
            assert!(matches!(rows.next(), Some(Ok((2, _)))));
            assert!(rows.next().is_none());
        }
    }
}
