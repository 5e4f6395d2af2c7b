//! What can be wrong with a result file; each message is one sentence that names the file, the clip and the frame, and says what to do.

use std::path::PathBuf;

/// A result file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are the words of the message
pub enum ResultFileError {
    /// The operating system refused.
    #[error("{}: {doing} failed: {source}", path.display())]
    Io { path: PathBuf, doing: &'static str, source: std::io::Error },
    /// An extension that names no format.
    #[error("{}: the extension must be .csv or .jsonl, which name the format of the scores", path.display())]
    UnknownFormat { path: PathBuf },
    /// No header or no rows.
    #[error("{}: the file holds no {what}: it is empty or was cut off, write it again", path.display())]
    Empty { path: PathBuf, what: &'static str },
    /// More than is read into memory.
    #[error("{}, line {line}: the file has more {what} than the limit of {limit}: split it", path.display())]
    TooLarge { path: PathBuf, line: usize, what: &'static str, limit: usize },
    /// Bytes that are not UTF-8.
    #[error("{}, line {line}: the text is not UTF-8: save the file as UTF-8", path.display())]
    NotUtf8 { path: PathBuf, line: usize },
    /// A line that is no row of its format.
    #[error("{}, line {line}: {why}", path.display())]
    BadLine { path: PathBuf, line: usize, why: String },
    /// A required column is missing.
    #[error("{}: there is no column {column}: the columns are {found}", path.display())]
    NoSuchColumn { path: PathBuf, column: String, found: String },
    /// A column that appears twice.
    #[error("{}: the column {column} appears twice: keep one of them", path.display())]
    DoubleColumn { path: PathBuf, column: String },
    /// A column that the first row did not have.
    #[error("{}, line {line}: clip {clip}, frame {frame} has an unknown column {column}, which the first row does not have", path.display())]
    LateColumn { path: PathBuf, line: usize, clip: String, frame: String, column: String },
    /// A frame number that is none.
    #[error("{}, line {line}: clip {clip} has the frame number {text:?}, but frames are whole numbers from 0", path.display())]
    BadFrame { path: PathBuf, line: usize, clip: String, text: String },
    /// A cell that is no finite number.
    #[error("{}, line {line}: clip {clip}, frame {frame}: {column} is {text:?}, which is not a finite number", path.display())]
    BadNumber { path: PathBuf, line: usize, clip: String, frame: usize, column: String, text: String },
    /// An empty cell in the column to be evaluated.
    #[error("{}: clip {clip}, frame {frame}: {column} is empty, but every frame needs a score", path.display())]
    EmptyCell { path: PathBuf, clip: String, frame: usize, column: String },
    /// A status that does not exist.
    #[error("{}, line {line}: clip {clip}, frame {frame}: status is {text:?}, but it is ok, repeated, damaged or scene_change", path.display())]
    BadStatus { path: PathBuf, line: usize, clip: String, frame: usize, text: String },
    /// A flag other than 0 and 1.
    #[error("{}, line {line}: clip {clip}, frame {frame}: {column} is {text:?}, but it is 0, 1 or empty", path.display())]
    BadFlag { path: PathBuf, line: usize, clip: String, frame: usize, column: String, text: String },
    /// A frame with two rows.
    #[error("{}, line {line}: clip {clip}, frame {frame} appears twice: keep one row a frame", path.display())]
    DoubleFrame { path: PathBuf, line: usize, clip: String, frame: usize },
    /// A frame without a row.
    #[error("{}: clip {clip}, frame {frame} is missing: every frame needs a row, score the clip again", path.display())]
    MissingFrame { path: PathBuf, clip: String, frame: usize },
    /// More rows than the clip has frames.
    #[error("{}: clip {clip} has a row for frame {frame}, but the data have only {frames} frames of it", path.display())]
    ExtraFrame { path: PathBuf, clip: String, frame: usize, frames: usize },
    /// A clip without rows.
    #[error("{}: clip {clip} is missing from frame 0 on: score it too", path.display())]
    MissingClip { path: PathBuf, clip: String },
    /// A clip that the data do not have.
    #[error("{}: unknown clip {clip} (its first row is frame {frame}): the data have {known}", path.display())]
    UnknownClip { path: PathBuf, clip: String, frame: usize, known: String },
    /// A box whose corners are in the wrong order.
    #[error("{}, line {line}: clip {clip}, frame {frame}: the box ends before it begins, but x0 ≤ x1 and y0 ≤ y1", path.display())]
    BadBox { path: PathBuf, line: usize, clip: String, frame: usize },
    /// A number that may not be written.
    #[error("clip {clip}, frame {frame}: {column} came out as {value}, which is not a finite number: the model or the input is broken")]
    NotFinite { clip: String, frame: usize, column: String, value: f64 },
    /// A clip name that no line or path can hold.
    #[error("the clip name {clip:?} {why}: rename the clip")]
    ClipName { clip: String, why: &'static str },
    /// An array file that is broken or of a kind that is not read.
    #[error("{}: {why}", path.display())]
    Npy { path: PathBuf, why: String },
    /// A JSON file that does not hold what it should.
    #[error("{}: not a valid {what} file: {why}", path.display())]
    Json { path: PathBuf, what: &'static str, why: String },
}

impl ResultFileError {
    /// Wraps an operating system error with what was being done to which file.
    pub(crate) fn io(path: &std::path::Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}
