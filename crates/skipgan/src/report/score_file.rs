//! The score file (EVALUATION §5): one row a frame, CSV or JSON lines by extension, written whole or row by row.
//!
//! Numbers are written so that reading gives the same `f64` back; NaN and infinity are refused here, before they reach a file. Reading
//! is in [`super::score_table`].

use super::lines::{check_clip_name, hexadecimal, push_field};
use super::result_error::ResultFileError;
use crate::atomic_file::AtomicFile;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl ScoreFormat {
    /// By extension: `.csv`, `.jsonl`.
    ///
    /// # Errors
    /// Any other extension.
    pub fn of(path: &Path) -> Result<Self, ResultFileError> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::JsonLines),
            _ => Err(ResultFileError::UnknownFormat { path: path.to_owned() }),
        }
    }
}

/// What happened to a frame before it was scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameStatus {
    /// Nothing.
    #[default]
    Ok,
    /// Picture lost, or equal to the one before: last score and map.
    Repeated,
    /// Concealed by the decoder.
    Damaged,
    /// The view changed.
    SceneChange,
}

impl FrameStatus {
    /// As the file has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Repeated => "repeated",
            Self::Damaged => "damaged",
            Self::SceneChange => "scene_change",
        }
    }

    /// From the file; `None` for any other word. An empty cell is `Ok`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "ok" => Some(Self::Ok),
            "repeated" => Some(Self::Repeated),
            "damaged" => Some(Self::Damaged),
            "scene_change" => Some(Self::SceneChange),
            _ => None,
        }
    }
}

/// One frame's row; `None` is an empty cell.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScoreRow<'a> {
    /// Name of the clip.
    pub clip: &'a str,
    /// 0-based.
    pub frame: usize,
    /// The calibrated score, higher is more anomalous.
    pub score: f64,
    /// Seconds since the clip's start.
    pub time_s: Option<f64>,
    /// What happened to the frame.
    pub status: FrameStatus,
    /// R.
    pub recon: Option<f64>,
    /// L.
    pub latent: Option<f64>,
    /// λR + (1 − λ)L, unscaled.
    pub score_raw: Option<f64>,
    /// Whether the score is above the threshold.
    pub alarm: Option<bool>,
    /// Whether the frame's history was not yet full.
    pub warmup: Option<bool>,
    /// Values of the further columns, in their order.
    pub further: &'a [f64],
    /// The truth, in labelled copies only.
    pub label: Option<u8>,
}

/// Whether a file carries the truth beside the scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelColumn {
    /// No column `label`: what `score` writes.
    #[default]
    Absent,
    /// A last column `label`: the copy that `evaluate --out` writes.
    Present,
}

/// The columns beyond the fixed ones.
#[derive(Clone, Debug, Default)]
pub struct ScoreColumns {
    /// Names of further numbers, such as `a`, `motion`, `place`.
    pub further: Vec<String>,
    /// Whether the truth is a column.
    pub label: LabelColumn,
}

const FIXED: [&str; 10] = ["clip", "frame", "score", "time_s", "status", "recon", "latent", "score_raw", "alarm", "warmup"];

/// Writes rows and takes the SHA-256 of the bytes on the way.
pub struct ScoreWriter {
    out: Destination,
    path: PathBuf,
    format: ScoreFormat,
    columns: ScoreColumns,
    hash: Sha256,
    line: String,
}

enum Destination {
    Whole(BufWriter<AtomicFile>),
    RowByRow(Box<dyn Write + Send>),
}

impl ScoreWriter {
    /// A file that appears when it is finished.
    ///
    /// # Errors
    /// An extension that names no format, or what the operating system says.
    pub fn create(path: &Path, columns: ScoreColumns) -> Result<Self, ResultFileError> {
        let format = ScoreFormat::of(path)?;
        let out = Destination::Whole(BufWriter::new(AtomicFile::create(path).map_err(ResultFileError::io(path, "creating"))?));
        Self::start(out, path, format, columns)
    }

    /// A file that can be read while it grows: each row is flushed.
    ///
    /// # Errors
    /// As [`ScoreWriter::create`].
    pub fn row_by_row(path: &Path, columns: ScoreColumns) -> Result<Self, ResultFileError> {
        let format = ScoreFormat::of(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let made = folder.map_or(Ok(()), std::fs::create_dir_all);
        let file = made.and_then(|()| File::create(path)).map_err(ResultFileError::io(path, "creating"))?;
        Self::start(Destination::RowByRow(Box::new(file)), path, format, columns)
    }

    /// Rows to any writer, each flushed; `name` stands for the path in messages.
    ///
    /// # Errors
    /// What the writer says.
    pub fn to_writer(out: Box<dyn Write + Send>, name: &Path, format: ScoreFormat, columns: ScoreColumns) -> Result<Self, ResultFileError> {
        Self::start(Destination::RowByRow(out), name, format, columns)
    }

    fn start(out: Destination, path: &Path, format: ScoreFormat, columns: ScoreColumns) -> Result<Self, ResultFileError> {
        let (hash, line) = (Sha256::new(), String::new());
        let mut writer = Self { out, path: path.to_owned(), format, columns, hash, line };
        if format == ScoreFormat::Csv {
            writer.push_header();
            writer.end_line()?;
        }
        Ok(writer)
    }

    fn push_header(&mut self) {
        self.line.push_str(&FIXED.join(","));
        for name in &self.columns.further {
            self.line.push(',');
            push_field(&mut self.line, name);
        }
        if self.columns.label == LabelColumn::Present {
            self.line.push_str(",label");
        }
    }

    /// Writes one row.
    ///
    /// # Errors
    /// A number that is not finite, a clip name with a line break, or what the operating system says.
    ///
    /// # Panics
    /// If the row has not one value for each further column.
    pub fn write(&mut self, row: &ScoreRow<'_>) -> Result<(), ResultFileError> {
        assert_eq!(row.further.len(), self.columns.further.len(), "one value a further column");
        check_clip_name(row.clip)?;
        self.check_finite(row)?;
        match self.format {
            ScoreFormat::Csv => self.push_csv(row),
            ScoreFormat::JsonLines => self.push_json(row),
        }
        self.end_line()
    }

    fn check_finite(&self, row: &ScoreRow<'_>) -> Result<(), ResultFileError> {
        let fixed = [
            ("score", Some(row.score)),
            ("time_s", row.time_s),
            ("recon", row.recon),
            ("latent", row.latent),
            ("score_raw", row.score_raw),
        ];
        let further = self.columns.further.iter().zip(row.further).map(|(name, &value)| (name.as_str(), Some(value)));
        for (column, value) in fixed.into_iter().chain(further) {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                let (clip, column) = (row.clip.to_owned(), column.to_owned());
                return Err(ResultFileError::NotFinite { clip, frame: row.frame, column, value });
            }
        }
        Ok(())
    }

    fn push_csv(&mut self, row: &ScoreRow<'_>) {
        let line = &mut self.line;
        push_field(line, row.clip);
        let _ = write!(line, ",{},{:?},", row.frame, row.score); // {:?} is the shortest text that reads back as the same number
        push_number(line, row.time_s);
        let _ = write!(line, "{},", row.status.as_str());
        push_number(line, row.recon);
        push_number(line, row.latent);
        push_number(line, row.score_raw);
        push_flag(line, row.alarm.map(u8::from));
        line.push(',');
        push_flag(line, row.warmup.map(u8::from));
        for value in row.further {
            let _ = write!(line, ",{value:?}");
        }
        if self.columns.label == LabelColumn::Present {
            line.push(',');
            push_flag(line, row.label);
        }
    }

    fn push_json(&mut self, row: &ScoreRow<'_>) {
        use serde_json::{Map, Value};
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("clip", row.clip.into());
        put("frame", row.frame.into());
        put("score", row.score.into());
        put("time_s", row.time_s.into());
        put("status", row.status.as_str().into());
        put("recon", row.recon.into());
        put("latent", row.latent.into());
        put("score_raw", row.score_raw.into());
        put("alarm", row.alarm.map(u8::from).into());
        put("warmup", row.warmup.map(u8::from).into());
        for (name, &value) in self.columns.further.iter().zip(row.further) {
            put(name, value.into());
        }
        if self.columns.label == LabelColumn::Present {
            put("label", row.label.into());
        }
        self.line.push_str(&Value::Object(object).to_string());
    }

    fn end_line(&mut self) -> Result<(), ResultFileError> {
        self.line.push('\n');
        self.hash.update(self.line.as_bytes());
        let written = match &mut self.out {
            Destination::Whole(out) => out.write_all(self.line.as_bytes()),
            Destination::RowByRow(out) => out.write_all(self.line.as_bytes()).and_then(|()| out.flush()),
        };
        self.line.clear();
        written.map_err(ResultFileError::io(&self.path, "writing"))
    }

    /// Ends the file, which then has its name, and gives the SHA-256 of its bytes in hexadecimal.
    ///
    /// # Errors
    /// What the operating system says; a file that was to appear whole does not appear.
    pub fn finish(self) -> Result<String, ResultFileError> {
        let failed = ResultFileError::io(&self.path, "writing");
        match self.out {
            Destination::Whole(out) => {
                out.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(AtomicFile::commit).map_err(failed)?
            }
            Destination::RowByRow(mut out) => out.flush().map_err(failed)?,
        }
        Ok(hexadecimal(&self.hash.finalize()))
    }
}

/// A number, or nothing, and a comma.
fn push_number(line: &mut String, value: Option<f64>) {
    if let Some(value) = value {
        let _ = write!(line, "{value:?}"); // writing to a String cannot fail
    }
    line.push(',');
}

fn push_flag(line: &mut String, value: Option<u8>) {
    if let Some(value) = value {
        let _ = write!(line, "{value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A disk with room for a few bytes, whose content can be looked at.
    #[derive(Clone)]
    struct SmallDisk(Arc<Mutex<Vec<u8>>>, usize);

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let mut held = self.0.lock().unwrap();
            if held.len() + bytes.len() > self.1 {
                return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
            }
            held.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn writer(disk: &SmallDisk, format: ScoreFormat) -> ScoreWriter {
        ScoreWriter::to_writer(Box::new(disk.clone()), Path::new("scores"), format, ScoreColumns::default()).unwrap()
    }

    fn row() -> ScoreRow<'static> {
        ScoreRow { clip: "Test001", frame: 3, score: 0.1, recon: Some(1e-7), alarm: Some(true), ..ScoreRow::default() }
    }

    #[test]
    fn a_row_as_it_stands_in_both_formats() {
        for (format, expected) in [
            (ScoreFormat::Csv, format!("{}\nTest001,3,0.1,,ok,1e-7,,,1,\n", FIXED.join(","))),
            (
                ScoreFormat::JsonLines,
                concat!(
                    r#"{"clip":"Test001","frame":3,"score":0.1,"time_s":null,"status":"ok","recon":1e-7,"latent":null,"#,
                    r#""score_raw":null,"alarm":1,"warmup":null}"#,
                    "\n"
                )
                .to_owned(),
            ),
        ] {
            let disk = SmallDisk(Arc::default(), usize::MAX);
            let mut out = writer(&disk, format);
            out.write(&row()).unwrap();
            let hash = out.finish().unwrap();
            let bytes = disk.0.lock().unwrap().clone();
            assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
            assert_eq!(hash, hexadecimal(&Sha256::digest(bytes)));
        }
    }

    #[test]
    fn a_full_disk_is_said() {
        let mut out = writer(&SmallDisk(Arc::default(), 90), ScoreFormat::Csv);
        let message = out.write(&row()).unwrap_err().to_string();
        assert!(message.contains("writing failed"), "{message}");
    }

    #[test]
    fn what_is_not_a_number_never_reaches_a_file() {
        let mut out = writer(&SmallDisk(Arc::default(), usize::MAX), ScoreFormat::Csv);
        let message = out.write(&ScoreRow { score: f64::NAN, ..row() }).unwrap_err().to_string();
        assert!(message.contains("clip Test001, frame 3"), "{message}");
        assert!(out.write(&ScoreRow { clip: "a\nb", ..row() }).is_err());
    }

    #[test]
    fn an_extension_names_the_format() {
        assert_eq!(ScoreFormat::of(Path::new("a.CSV")).unwrap(), ScoreFormat::Csv);
        assert!(ScoreFormat::of(Path::new("scores.txt")).is_err());
    }
}
