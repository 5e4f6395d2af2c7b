//! Text files that others may have written, line by line in bounded memory: a byte-order mark and CRLF are accepted, lines are limited,
//! and the SHA-256 of the bytes as they are is taken on the way. CSV fields are split and quoted here too.

use super::result_error::ResultFileError;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// No line of ours comes near it.
const LINE_LIMIT: usize = 1 << 16;

/// The lines of a file.
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    bytes: Vec<u8>,
    number: usize,
    hash: Sha256,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, ResultFileError> {
        let file = File::open(path).map_err(ResultFileError::io(path, "opening"))?;
        let (reader, bytes, hash) = (BufReader::new(file), Vec::new(), Sha256::new());
        Ok(Self { path: path.to_owned(), reader, bytes, number: 0, hash })
    }

    /// Number of the last line, from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The next line without its end; empty lines are passed over. `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<&str>, ResultFileError> {
        loop {
            self.bytes.clear();
            let limited = (&mut self.reader).take(LINE_LIMIT as u64 + 1).read_until(b'\n', &mut self.bytes);
            if limited.map_err(ResultFileError::io(&self.path, "reading"))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.hash.update(&self.bytes);
            if self.bytes.len() > LINE_LIMIT {
                let (path, line) = (self.path.clone(), self.number);
                return Err(ResultFileError::TooLarge { path, line, what: "bytes in a line", limit: LINE_LIMIT });
            }
            let skipped = if self.number == 1 && self.bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
            let ends = self.bytes.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            let content = skipped..(self.bytes.len() - ends).max(skipped);
            if !content.is_empty() {
                let broken = ResultFileError::NotUtf8 { path: self.path.clone(), line: self.number };
                return std::str::from_utf8(&self.bytes[content]).map(Some).map_err(|_| broken);
            }
        }
    }

    /// SHA-256 of all bytes read so far, in hexadecimal.
    pub(crate) fn sha256(self) -> String {
        hexadecimal(&self.hash.finalize())
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of a file, in hexadecimal, in bounded memory.
///
/// # Errors
/// If it cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<String, ResultFileError> {
    let mut file = File::open(path).map_err(ResultFileError::io(path, "opening"))?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).map_err(ResultFileError::io(path, "reading"))?;
    Ok(hexadecimal(&hash.finalize()))
}

/// Splits a CSV line; `None` if a quote is not closed or something follows a closing quote.
pub(crate) fn split_fields(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (Cow::Borrowed(rest[..end].trim()), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(fields),
        }
    }
}

/// A field after its opening quote, and what follows its closing one.
fn take_quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut field = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        field += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                field += "\"";
                rest = next;
            }
            None => return Some((field, rest)),
        }
    }
}

/// Appends a field, quoted where it must be.
pub(crate) fn push_field(line: &mut String, field: &str) {
    let plain = !field.contains([',', '"']) && field.trim() == field;
    if plain {
        line.push_str(field);
        return;
    }
    line.push('"');
    line.push_str(&field.replace('"', "\"\""));
    line.push('"');
}

/// Refuses clip names that a line cannot hold.
///
/// # Errors
/// [`ResultFileError::ClipName`].
pub(crate) fn check_clip_name(clip: &str) -> Result<(), ResultFileError> {
    let refuse = |why| Err(ResultFileError::ClipName { clip: clip.to_owned(), why });
    match () {
        () if clip.is_empty() => refuse("is empty"),
        () if clip.contains(['\n', '\r', '\0']) => refuse("holds a line break"),
        () => Ok(()),
    }
}

/// The position of each wanted column.
pub(crate) fn column_positions(path: &Path, header: &[Cow<'_, str>], wanted: &[&str]) -> Result<Vec<usize>, ResultFileError> {
    let position = |&column: &&str| {
        header.iter().position(|name| name == column).ok_or_else(|| ResultFileError::NoSuchColumn {
            path: path.to_owned(),
            column: column.to_owned(),
            found: header.join(", "),
        })
    };
    wanted.iter().map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_quoting() {
        let names = ["plain", "with, comma", "a \"quoted\" word", "", " padded "];
        let mut line = String::new();
        for name in names {
            push_field(&mut line, name);
            line.push(',');
        }
        line.pop();
        assert_eq!(split_fields(&line).unwrap(), names);
        assert_eq!(split_fields("a,\"open"), None);
        assert_eq!(split_fields("\"a\"b,c"), None);
        assert_eq!(split_fields("a,").unwrap(), ["a", ""]);
    }

    #[test]
    fn marks_and_line_ends_go_and_the_hash_is_of_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, b"\xEF\xBB\xBFone\r\n\r\ntwo").unwrap();
        let mut lines = Lines::open(&path).unwrap();
        assert_eq!(lines.next().unwrap(), Some("one"));
        assert_eq!(lines.next().unwrap(), Some("two"));
        assert_eq!(lines.number(), 3);
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!(lines.sha256(), sha256_of_file(&path).unwrap());
    }

    #[test]
    fn endless_lines_and_other_encodings_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, vec![b'x'; LINE_LIMIT + 1]).unwrap();
        assert!(matches!(Lines::open(&path).unwrap().next(), Err(ResultFileError::TooLarge { line: 1, .. })));
        std::fs::write(&path, b"clip\n\xFF\xFE").unwrap();
        let mut lines = Lines::open(&path).unwrap();
        lines.next().unwrap();
        assert!(matches!(lines.next(), Err(ResultFileError::NotUtf8 { line: 2, .. })));
    }
}
