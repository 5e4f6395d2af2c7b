//! Labels as text: a table with the columns `clip,frame,label` (or `frame,label`, the file's name being the clip), or one 0 or 1 a line.

use crate::data::DataError;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most bytes of a label file.
const MOST_BYTES: u64 = 1 << 30;

/// Rows of every clip.
pub(super) type Table = BTreeMap<String, Rows>;

/// Rows of one clip, as they stand in the file.
#[derive(Debug)]
pub(super) struct Rows {
    /// The file.
    pub(super) path: PathBuf,
    /// Frame → (label, line).
    frames: BTreeMap<usize, (u8, usize)>,
}

impl Rows {
    /// The labels, where every frame from 0 on has one.
    pub(super) fn labels(&self, clip: &str) -> Result<Vec<u8>, DataError> {
        for (expected, (&frame, &(_, line))) in self.frames.iter().enumerate() {
            if frame != expected {
                let what = format!("clip {clip} has no label for frame {expected}; every frame from 0 on needs one");
                return Err(DataError::LabelSyntax { path: self.path.clone(), line, what });
            }
        }
        Ok(self.frames.values().map(|&(label, _)| label).collect())
    }
}

/// Reads a file whose size is bounded.
pub(super) fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, DataError> {
    let fail = |source| DataError::io(path, "reading", source);
    let file = std::fs::File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.len() > most {
        return Err(DataError::LabelSyntax { path: path.to_path_buf(), line: 1, what: "the file is too large to hold labels".into() });
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

/// One 0 or 1 a line, an optional first line `label`; `None` for a table.
pub(super) fn list(path: &Path) -> Result<Option<Vec<u8>>, DataError> {
    let bytes = read_bounded(path, MOST_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    if text.lines().next().is_some_and(|line| line.contains(',')) {
        return Ok(None);
    }
    let mut labels = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match line.trim() {
            "" => {}
            "label" if index == 0 => {}
            value => labels.push(label(path, index + 1, value)?),
        }
    }
    Ok(Some(labels))
}

fn label(path: &Path, line: usize, value: &str) -> Result<u8, DataError> {
    match value {
        "0" => Ok(0),
        "1" => Ok(1),
        other => Err(DataError::LabelSyntax { path: path.to_path_buf(), line, what: format!("label '{other}' is neither 0 nor 1") }),
    }
}

/// Reads tables into one.
pub(super) fn read(files: &[PathBuf]) -> Result<Table, DataError> {
    let mut table = Table::new();
    for path in files {
        add(path, &mut table)?;
    }
    Ok(table)
}

fn add(path: &Path, table: &mut Table) -> Result<(), DataError> {
    let bytes = read_bounded(path, MOST_BYTES)?;
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let syntax = |line: u64, what: String| {
        let line = usize::try_from(line).unwrap_or(0);
        DataError::LabelSyntax { path: path.to_path_buf(), line, what }
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let headers = reader.headers().map_err(|error| syntax(1, error.to_string()))?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let (Some(frame), Some(value)) = (column("frame"), column("label")) else {
        return Err(syntax(1, "the first line must name the columns clip, frame and label (or hold one 0 or 1 a line)".into()));
    };
    let clip_column = column("clip");
    let own_name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    for record in reader.records() {
        let record = record.map_err(|error| syntax(error.position().map_or(0, csv::Position::line), error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |index: usize| record.get(index).unwrap_or_default();
        let clip = clip_column.map_or(own_name.as_str(), field).to_string();
        let number: usize = field(frame).parse().map_err(|_| syntax(line, format!("frame '{}' is no number", field(frame))))?;
        let line_number = usize::try_from(line).unwrap_or(0);
        let label = label(path, line_number, field(value))?;
        let rows = table.entry(clip.clone()).or_insert_with(|| Rows { path: path.to_path_buf(), frames: BTreeMap::new() });
        if rows.frames.insert(number, (label, line_number)).is_some() {
            return Err(syntax(line, format!("clip {clip}, frame {number} stands here a second time")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("cam.csv");
        std::fs::write(&path, text).expect("a temporary file");
        path
    }

    #[test]
    fn tables_with_marks_line_ends_and_any_order_are_read() {
        let folder = tempfile::tempdir().expect("folder");
        let path = written(folder.path(), "\u{feff}label,frame,clip\r\n1,1,a/x\r\n0,0,a/x\r\n1,0,b\r\n");
        let table = read(&[path]).expect("a table");
        assert_eq!(table["a/x"].labels("a/x").expect("two frames"), [0, 1]);
        assert_eq!(table["b"].labels("b").expect("one frame"), [1]);
        let path = written(folder.path(), "frame,label\n0,0\n1,1\n");
        assert_eq!(read(&[path]).expect("a table")["cam"].labels("cam").expect("two frames"), [0, 1]);
    }

    #[test]
    fn lists_are_read_and_tables_are_not_lists() {
        let folder = tempfile::tempdir().expect("folder");
        assert_eq!(list(&written(folder.path(), "label\n0\n1\n\n")).expect("a list"), Some(vec![0, 1]));
        assert_eq!(list(&written(folder.path(), "clip,frame,label\na,0,1\n")).expect("a table"), None);
        assert!(list(&written(folder.path(), "0\n2\n")).expect_err("2").to_string().contains("line 2"));
    }

    #[test]
    fn gaps_repeats_and_strange_words_name_their_line() {
        let folder = tempfile::tempdir().expect("folder");
        let message = |text: &str| match read(&[written(folder.path(), text)]) {
            Ok(table) => table["a"].labels("a").expect_err(text).to_string(),
            Err(error) => error.to_string(),
        };
        assert!(message("clip,frame,label\na,0,0\na,2,1\n").contains("frame 1"));
        assert!(message("clip,frame,label\na,0,0\na,0,1\n").contains("line 3"));
        assert!(message("clip,frame,label\na,0,yes\n").contains("'yes'"));
        assert!(message("clip,frame,label\na,x,0\n").contains("'x'"));
        assert!(message("name,number\na,0\n").contains("columns"));
    }
}
