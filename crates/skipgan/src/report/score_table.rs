//! Score files read back, ours or anyone's (EVALUATION §5): every frame once, order restored, bounded memory, and errors that name clip
//! and frame. Also the labelled copy that `evaluate --out` writes.

use super::lines::{Lines, split_fields};
use super::result_error::ResultFileError;
use super::score_file::{FrameStatus, LabelColumn, ScoreColumns, ScoreFormat, ScoreRow, ScoreWriter};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Numbers held at most (256 MiB): with the ten columns of ours about 4 million frames, a day and a half at 30 a second.
const CELL_LIMIT: usize = 1 << 25;
/// Columns at most.
const COLUMN_LIMIT: usize = 64;
/// Columns whose cells are 0, 1 or empty.
const FLAGS: [&str; 3] = ["alarm", "warmup", "label"];

/// All rows of a score file, clip by clip, in order.
#[derive(Clone, Debug)]
pub struct ScoreTable {
    /// Where it was read.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Names of the columns of numbers, in the file's order; `clip`, `frame` and `status` are not among them.
    pub columns: Vec<String>,
    /// The clips, in order of their first row.
    pub clips: Vec<ScoredClip>,
}

/// The rows of one clip.
#[derive(Clone, Debug)]
pub struct ScoredClip {
    /// Its name.
    pub name: String,
    /// Status of each frame.
    pub status: Vec<FrameStatus>,
    /// `[column, frame]`: the numbers; NaN is an empty cell.
    values: Vec<Vec<f64>>,
}

impl ScoredClip {
    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.status.len()
    }
}

/// A clip as the data have it.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedClip<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its number of frames.
    pub frames: usize,
}

impl ScoreTable {
    /// Reads `.csv` or `.jsonl`. Rows may stand in any order; each clip must have every frame from 0 to its last exactly once.
    ///
    /// # Errors
    /// Anything that is not a score file, and too much of it; see [`ResultFileError`].
    pub fn read(path: &Path) -> Result<Self, ResultFileError> {
        let format = ScoreFormat::of(path)?;
        let mut lines = Lines::open(path)?;
        let mut builder = Builder { path: path.to_owned(), line: 0, columns: None, clips: Vec::new(), numbers: HashMap::new(), cells: 0 };
        match format {
            ScoreFormat::Csv => read_csv(&mut lines, &mut builder)?,
            ScoreFormat::JsonLines => read_json_lines(&mut lines, &mut builder)?,
        }
        builder.finish(lines.sha256())
    }

    /// The column of that name: one slice a clip, in the order of `clips`; NaN is an empty cell.
    ///
    /// # Errors
    /// If there is none.
    pub fn column(&self, name: &str) -> Result<Vec<&[f64]>, ResultFileError> {
        let index = self.columns.iter().position(|column| column == name).ok_or_else(|| ResultFileError::NoSuchColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            found: self.columns.join(", "),
        })?;
        Ok(self.clips.iter().map(|clip| clip.values[index].as_slice()).collect())
    }

    /// The column to be evaluated: as [`ScoreTable::column`], with no cell empty.
    ///
    /// # Errors
    /// If there is no such column or a cell is empty.
    pub fn scores(&self, name: &str) -> Result<Vec<&[f64]>, ResultFileError> {
        let scores = self.column(name)?;
        for (clip, values) in self.clips.iter().zip(&scores) {
            if let Some(frame) = values.iter().position(|value| value.is_nan()) {
                let (path, clip, column) = (self.path.clone(), clip.name.clone(), name.to_owned());
                return Err(ResultFileError::EmptyCell { path, clip, frame, column });
            }
        }
        Ok(scores)
    }

    /// Brings the clips into the order of the data and asserts that both have the same clips and frames.
    ///
    /// # Errors
    /// An unknown clip, a missing clip, a missing frame, a frame too many.
    pub fn match_clips(mut self, expected: &[ExpectedClip<'_>]) -> Result<Self, ResultFileError> {
        let order: HashMap<&str, usize> = expected.iter().enumerate().map(|(index, clip)| (clip.name, index)).collect();
        let path = || self.path.clone();
        if let Some(clip) = self.clips.iter().find(|clip| !order.contains_key(clip.name.as_str())) {
            let known = known_clips(expected);
            return Err(ResultFileError::UnknownClip { path: path(), clip: clip.name.clone(), frame: 0, known });
        }
        let found: HashMap<&str, usize> = self.clips.iter().map(|clip| (clip.name.as_str(), clip.frames())).collect();
        for clip in expected {
            let name = || clip.name.to_owned();
            match found.get(clip.name) {
                None => return Err(ResultFileError::MissingClip { path: path(), clip: name() }),
                Some(&frames) if frames < clip.frames => {
                    return Err(ResultFileError::MissingFrame { path: path(), clip: name(), frame: frames });
                }
                Some(&frames) if frames > clip.frames => {
                    return Err(ResultFileError::ExtraFrame { path: path(), clip: name(), frame: clip.frames, frames: clip.frames });
                }
                Some(_) => {}
            }
        }
        self.clips.sort_by_key(|clip| order[clip.name.as_str()]);
        Ok(self)
    }

    /// Writes a copy with a last column `label`; `None` is an empty cell. Returns the SHA-256 of the copy.
    ///
    /// # Shapes
    /// `labels` is `[clip, frame]`, as `clips`.
    ///
    /// # Errors
    /// What the operating system says.
    ///
    /// # Panics
    /// If there is not one label a frame.
    pub fn write_labelled(&self, path: &Path, labels: &[Vec<Option<u8>>]) -> Result<String, ResultFileError> {
        assert_eq!(labels.len(), self.clips.len(), "labels for every clip");
        let index = |name: &str| self.columns.iter().position(|column| column == name);
        let further: Vec<usize> = (0..self.columns.len()).filter(|&at| !is_fixed(&self.columns[at])).collect();
        let names = further.iter().map(|&at| self.columns[at].clone()).collect();
        let mut writer = ScoreWriter::create(path, ScoreColumns { further: names, label: LabelColumn::Present })?;
        let fixed = ["score", "time_s", "recon", "latent", "score_raw", "alarm", "warmup"].map(index);
        for (clip, labels) in self.clips.iter().zip(labels) {
            assert_eq!(clip.frames(), labels.len(), "one label a frame");
            for (frame, &label) in labels.iter().enumerate() {
                let cell = |at: Option<usize>| at.map(|at| clip.values[at][frame]).filter(|value| !value.is_nan());
                let [score, time_s, recon, latent, score_raw, alarm, warmup] = fixed.map(cell);
                let further: Vec<f64> = further.iter().map(|&at| clip.values[at][frame]).collect();
                let flag = |value: Option<f64>| value.map(|value| value > 0.5);
                writer.write(&ScoreRow {
                    clip: &clip.name,
                    frame,
                    score: score.unwrap_or(f64::NAN),
                    time_s,
                    status: clip.status[frame],
                    recon,
                    latent,
                    score_raw,
                    alarm: flag(alarm),
                    warmup: flag(warmup),
                    further: &further,
                    label,
                })?;
            }
        }
        writer.finish()
    }
}

/// Whether a column has its own place in a row.
fn is_fixed(name: &str) -> bool {
    ["score", "time_s", "recon", "latent", "score_raw"].contains(&name) || FLAGS.contains(&name)
}

/// The first few names, for a message.
pub(crate) fn known_clips(expected: &[ExpectedClip<'_>]) -> String {
    let names: Vec<&str> = expected.iter().take(4).map(|clip| clip.name).collect();
    let more = if expected.len() > names.len() { format!(" and {} more", expected.len() - names.len()) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// One cell of a row, whatever the format.
enum Cell<'a> {
    Empty,
    Number(f64),
    Text(&'a str),
}

/// A row before it is known what its columns mean.
struct Cells<'a> {
    clip: &'a str,
    frame: String,
    others: Vec<(&'a str, Cell<'a>)>,
}

struct Builder {
    path: PathBuf,
    line: usize,
    /// Names of the number columns; set by the first row.
    columns: Option<Vec<String>>,
    clips: Vec<Growing>,
    numbers: HashMap<String, usize>,
    cells: usize,
}

/// A clip whose rows may still be out of order.
struct Growing {
    name: String,
    frames: Vec<usize>,
    lines: Vec<usize>,
    status: Vec<FrameStatus>,
    values: Vec<Vec<f64>>,
}

impl Builder {
    /// Fixes the columns, `names` being all but `clip` and `frame`.
    fn set_columns<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<(), ResultFileError> {
        let mut columns: Vec<String> = Vec::new();
        for name in names.filter(|&name| name != "status") {
            if columns.iter().any(|column| column == name) {
                return Err(ResultFileError::DoubleColumn { path: self.path.clone(), column: name.to_owned() });
            }
            columns.push(name.to_owned());
        }
        if columns.len() > COLUMN_LIMIT {
            let (path, line) = (self.path.clone(), self.line);
            return Err(ResultFileError::TooLarge { path, line, what: "columns", limit: COLUMN_LIMIT });
        }
        if !columns.iter().any(|column| column == "score") {
            return Err(no_such_column(&self.path, "score", &columns));
        }
        self.columns = Some(columns);
        Ok(())
    }

    fn add(&mut self, row: &Cells<'_>) -> Result<(), ResultFileError> {
        let columns = self.columns.as_ref().map_or(0, Vec::len);
        let frame = self.frame_of(row)?;
        let mut status = FrameStatus::Ok;
        let mut values = vec![f64::NAN; columns];
        for (name, cell) in &row.others {
            if *name == "status" {
                status = self.status_of(row.clip, frame, cell)?;
                continue;
            }
            let Some(at) = self.columns.iter().flatten().position(|column| column == name) else {
                let (clip, frame, column) = (row.clip.to_owned(), frame.to_string(), (*name).to_owned());
                return Err(ResultFileError::LateColumn { path: self.path.clone(), line: self.line, clip, frame, column });
            };
            values[at] = self.number_of(row.clip, frame, name, cell)?;
        }
        self.keep(row.clip, frame, status, &values)
    }

    fn keep(&mut self, clip: &str, frame: usize, status: FrameStatus, values: &[f64]) -> Result<(), ResultFileError> {
        self.cells += values.len() + 2;
        if self.cells > CELL_LIMIT {
            let (path, line) = (self.path.clone(), self.line);
            return Err(ResultFileError::TooLarge { path, line, what: "numbers", limit: CELL_LIMIT });
        }
        let index = match self.numbers.get(clip) {
            Some(&index) => index,
            None => {
                let (frames, lines, status, values) = (Vec::new(), Vec::new(), Vec::new(), vec![Vec::new(); values.len()]);
                self.clips.push(Growing { name: clip.to_owned(), frames, lines, status, values });
                self.numbers.insert(clip.to_owned(), self.clips.len() - 1);
                self.clips.len() - 1
            }
        };
        let growing = &mut self.clips[index];
        growing.frames.push(frame);
        growing.lines.push(self.line);
        growing.status.push(status);
        growing.values.iter_mut().zip(values).for_each(|(column, &value)| column.push(value));
        Ok(())
    }

    fn frame_of(&self, row: &Cells<'_>) -> Result<usize, ResultFileError> {
        row.frame.parse().map_err(|_| ResultFileError::BadFrame {
            path: self.path.clone(),
            line: self.line,
            clip: row.clip.to_owned(),
            text: row.frame.clone(),
        })
    }

    fn status_of(&self, clip: &str, frame: usize, cell: &Cell<'_>) -> Result<FrameStatus, ResultFileError> {
        let text = match cell {
            Cell::Empty => String::new(),
            Cell::Number(value) => value.to_string(),
            Cell::Text(text) => (*text).to_owned(),
        };
        let status = FrameStatus::parse(&text);
        let (path, line, clip) = (self.path.clone(), self.line, clip.to_owned());
        status.ok_or(ResultFileError::BadStatus { path, line, clip, frame, text })
    }

    /// The cell as a finite number, NaN if it is empty and may be.
    fn number_of(&self, clip: &str, frame: usize, column: &str, cell: &Cell<'_>) -> Result<f64, ResultFileError> {
        let text = match cell {
            Cell::Empty => String::new(),
            Cell::Number(value) => format!("{value:?}"),
            Cell::Text(text) => (*text).to_owned(),
        };
        let value = match cell {
            Cell::Empty => None,
            Cell::Number(value) => Some(*value),
            Cell::Text(text) => text.parse().ok(),
        };
        let (path, line, clip, name) = (self.path.clone(), self.line, clip.to_owned(), column.to_owned());
        match value {
            Some(value) if FLAGS.contains(&column) && value != 0.0 && value != 1.0 => {
                Err(ResultFileError::BadFlag { path, line, clip, frame, column: name, text })
            }
            Some(value) if value.is_finite() => Ok(value),
            None if text.is_empty() && column != "score" => Ok(f64::NAN),
            _ => Err(ResultFileError::BadNumber { path, line, clip, frame, column: name, text }),
        }
    }

    fn finish(self, sha256: String) -> Result<ScoreTable, ResultFileError> {
        if self.clips.is_empty() {
            return Err(ResultFileError::Empty { path: self.path, what: "rows" });
        }
        let path = self.path;
        let clips = self.clips.into_iter().map(|clip| clip.sorted(&path)).collect::<Result<_, _>>()?;
        Ok(ScoreTable { path, sha256, columns: self.columns.unwrap_or_default(), clips })
    }
}

impl Growing {
    /// The clip in frame order, if every frame is there once.
    fn sorted(self, path: &Path) -> Result<ScoredClip, ResultFileError> {
        let mut order: Vec<usize> = (0..self.frames.len()).collect();
        order.sort_by_key(|&at| self.frames[at]);
        for (expected, &at) in order.iter().enumerate() {
            let (path, clip, frame) = (path.to_owned(), self.name.clone(), self.frames[at]);
            if frame < expected {
                return Err(ResultFileError::DoubleFrame { path, line: self.lines[at], clip, frame });
            }
            if frame > expected {
                return Err(ResultFileError::MissingFrame { path, clip, frame: expected });
            }
        }
        let status = order.iter().map(|&at| self.status[at]).collect();
        let values = self.values.iter().map(|column| order.iter().map(|&at| column[at]).collect()).collect();
        Ok(ScoredClip { name: self.name, status, values })
    }
}

fn no_such_column(path: &Path, column: &str, found: &[String]) -> ResultFileError {
    ResultFileError::NoSuchColumn { path: path.to_owned(), column: column.to_owned(), found: found.join(", ") }
}

fn read_csv(lines: &mut Lines, builder: &mut Builder) -> Result<(), ResultFileError> {
    let path = builder.path.clone();
    let bad = |line, why: &str| ResultFileError::BadLine { path: path.clone(), line, why: why.to_owned() };
    let broken = "a quoted field is not closed: quote marks inside a field are doubled";
    let Some(header) = lines.next()? else {
        return Err(ResultFileError::Empty { path, what: "header" });
    };
    let header: Vec<String> = split_fields(header).ok_or_else(|| bad(1, broken))?.into_iter().map(|name| name.into_owned()).collect();
    let position = |name: &str| header.iter().position(|column| column == name).ok_or_else(|| no_such_column(&path, name, &header));
    let (clip, frame) = (position("clip")?, position("frame")?);
    builder.line = lines.number();
    let others: Vec<usize> = (0..header.len()).filter(|&at| at != clip && at != frame).collect();
    builder.set_columns(others.iter().map(|&at| header[at].as_str()))?;
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next()? else { return Ok(()) };
        let fields = split_fields(line).ok_or_else(|| bad(number, broken))?;
        if fields.len() != header.len() {
            return Err(bad(number, &format!("the row has {} fields but the header {}", fields.len(), header.len())));
        }
        let cell = |at: usize| if fields[at].is_empty() { Cell::Empty } else { Cell::Text(&fields[at]) };
        let others = others.iter().map(|&at| (header[at].as_str(), cell(at))).collect();
        builder.line = number;
        builder.add(&Cells { clip: &fields[clip], frame: fields[frame].clone().into_owned(), others })?;
    }
}

fn read_json_lines(lines: &mut Lines, builder: &mut Builder) -> Result<(), ResultFileError> {
    use serde_json::{Map, Value};
    let path = builder.path.clone();
    loop {
        let Some(line) = lines.next()? else { return Ok(()) };
        let row = serde_json::from_str::<Map<String, Value>>(line);
        builder.line = lines.number();
        let bad = |why: String| ResultFileError::BadLine { path: path.clone(), line: builder.line, why };
        let row = row.map_err(|error| bad(format!("the line is not a JSON object: {error}")))?;
        let found = || row.keys().cloned().collect::<Vec<_>>();
        let clip = row.get("clip").and_then(Value::as_str).ok_or_else(|| no_such_column(&path, "clip", &found()))?;
        let frame = row.get("frame").ok_or_else(|| no_such_column(&path, "frame", &found()))?.to_string();
        let others: Vec<(&str, Cell<'_>)> = row
            .iter()
            .filter(|(name, _)| !["clip", "frame", "schema"].contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), json_cell(value)))
            .collect();
        if builder.columns.is_none() {
            builder.set_columns(others.iter().map(|(name, _)| *name))?;
        }
        builder.add(&Cells { clip, frame, others })?;
    }
}

fn json_cell(value: &serde_json::Value) -> Cell<'_> {
    use serde_json::Value;
    match value {
        Value::Null => Cell::Empty,
        Value::Bool(flag) => Cell::Number(f64::from(u8::from(*flag))),
        Value::Number(number) => Cell::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Cell::Text(text),
        Value::Array(_) | Value::Object(_) => Cell::Text("[…]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &[u8]) -> Result<ScoreTable, ResultFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        ScoreTable::read(&path)
    }

    fn message(content: &str) -> String {
        read("scores.csv", content.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn marks_line_ends_and_order_are_forgiven() {
        let table = read("scores.csv", b"\xEF\xBB\xBFscore,clip,frame\r\n0.3,b,0\r\n0.2,a,1\r\n0.1,a,0\r\n").unwrap();
        assert_eq!(table.scores("score").unwrap(), [&[0.3][..], &[0.1, 0.2]]);
        let expected = [ExpectedClip { name: "a", frames: 2 }, ExpectedClip { name: "b", frames: 1 }];
        let table = table.match_clips(&expected).unwrap();
        assert_eq!(table.clips[0].name, "a");
    }

    #[test]
    fn each_fault_names_clip_and_frame() {
        for (content, words) in [
            ("clip,frame,score\na,0,0.1\na,2,0.1\n", ["clip a, frame 1", "missing"]),
            ("clip,frame,score\na,0,0.1\na,0,0.1\n", ["clip a, frame 0", "twice"]),
            ("clip,frame,score\na,0,NaN\n", ["clip a, frame 0", "not a finite number"]),
            ("clip,frame,score\na,0,inf\n", ["clip a, frame 0", "not a finite number"]),
            ("clip,frame,score\na,0,0.1.2\n", ["clip a, frame 0", "0.1.2"]),
            ("clip,frame,score\na,0,\n", ["clip a, frame 0", "score"]),
            ("clip,frame,score,alarm\na,0,1,2\n", ["clip a, frame 0", "alarm"]),
            ("clip,frame,score,status\na,0,1,fine\n", ["clip a, frame 0", "fine"]),
            ("clip,frame,score\na,-1,0.1\n", ["clip a", "-1"]),
            ("clip,frame,score\na,0\n", ["line 2", "2 fields"]),
            ("clip,frame,value\na,0,1\n", ["no column score", "value"]),
            ("clip,frame,score,score\na,0,1,1\n", ["column score", "twice"]),
            ("clip,frame,score\n", ["no rows", "cut off"]),
            ("", ["no header", "cut off"]),
        ] {
            let message = message(content);
            assert!(words.iter().all(|word| message.contains(word)), "{content:?}: {message}");
        }
        let late = read("scores.jsonl", b"{\"clip\":\"a\",\"frame\":0,\"score\":1}\n{\"clip\":\"a\",\"frame\":1,\"score\":1,\"x\":2}\n");
        assert!(late.unwrap_err().to_string().contains("clip a, frame 1 has an unknown column x"));
    }

    #[test]
    fn clips_and_frames_must_be_those_of_the_data() {
        let table = || read("scores.csv", b"clip,frame,score\na,0,0.1\na,1,0.2\n").unwrap();
        let against = |clips: &[ExpectedClip<'_>]| table().match_clips(clips).unwrap_err().to_string();
        assert!(against(&[ExpectedClip { name: "b", frames: 2 }]).contains("unknown clip a (its first row is frame 0)"));
        assert!(against(&[ExpectedClip { name: "a", frames: 3 }]).contains("clip a, frame 2 is missing"));
        assert!(against(&[ExpectedClip { name: "a", frames: 1 }]).contains("only 1 frames"));
        let both = [ExpectedClip { name: "a", frames: 2 }, ExpectedClip { name: "b", frames: 1 }];
        assert!(against(&both).contains("clip b is missing"));
    }

    #[test]
    fn numbers_survive_both_formats_and_the_labelled_copy_adds_one_column() {
        let folder = tempfile::tempdir().unwrap();
        let numbers = [0.1 + 0.2, 5e-324, -1e300, 123_456_789.123_456_78];
        for name in ["scores.csv", "scores.jsonl"] {
            let path = folder.path().join(name);
            let columns = ScoreColumns { further: vec!["motion".to_owned()], label: LabelColumn::Absent };
            let mut writer = ScoreWriter::create(&path, columns).unwrap();
            for (frame, &score) in numbers.iter().enumerate() {
                let further = [-score];
                let status = if frame == 2 { FrameStatus::Damaged } else { FrameStatus::Ok };
                let row =
                    ScoreRow { clip: "a, \"b\"", frame, score, status, recon: Some(score), alarm: Some(frame == 1), ..ScoreRow::default() };
                writer.write(&ScoreRow { further: &further, ..row }).unwrap();
            }
            let hash = writer.finish().unwrap();
            let table = ScoreTable::read(&path).unwrap();
            assert_eq!(table.sha256, hash);
            assert_eq!(table.scores("score").unwrap(), [&numbers[..]]);
            assert!(table.column("latent").unwrap()[0].iter().all(|value| value.is_nan()));
            assert!(table.scores("latent").unwrap_err().to_string().contains("frame 0"));
            assert!(table.column("speed").unwrap_err().to_string().contains("no column speed"));

            let copy = folder.path().join(format!("labelled.{name}"));
            table.write_labelled(&copy, &[vec![Some(0), Some(1), None, Some(0)]]).unwrap();
            let labelled = ScoreTable::read(&copy).unwrap();
            assert_eq!(labelled.scores("motion").unwrap(), [numbers.map(|number| -number)]);
            assert_eq!(labelled.column("label").unwrap()[0][..2], [0.0, 1.0]);
            assert!(labelled.column("label").unwrap()[0][2].is_nan());
            assert_eq!(labelled.clips[0].status, table.clips[0].status);
            assert_eq!(labelled.column("alarm").unwrap()[0], [0.0, 1.0, 0.0, 0.0]);
        }
    }

    #[test]
    fn no_change_of_a_file_makes_it_panic() {
        let good = b"clip,frame,score,status,alarm\n\"a\",0,0.1,ok,1\na,1,0.2,,\n";
        let mut state = 99u32;
        for round in 0..400 {
            let mut bytes = good.to_vec();
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize % bytes.len();
            bytes[at] = (state >> 16) as u8;
            let _ = read(if round % 4 == 0 { "s.jsonl" } else { "s.csv" }, &bytes);
        }
    }
}
