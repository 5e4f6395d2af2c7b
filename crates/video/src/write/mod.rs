//! Frames → files: MJPEG in AVI and Y4M by ourselves, H.264 in MP4 through the ffmpeg child.
//!
//! For pictures that people look at (overlays) and for generated scenes. Nothing here resizes
//! or knows what is drawn.

mod avi;
mod mp4;
mod y4m;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

pub use avi::AviWriter;
pub use mp4::Mp4Writer;
pub use y4m::Y4mWriter;

use crate::frame::TimeBase;

/// One picture to be written, full range, row by row from the top left.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// One byte a pixel.
    Grey(&'a [u8]),
    /// Three bytes a pixel: R, G, B.
    Rgb(&'a [u8]),
}

impl Pixels<'_> {
    fn bytes(&self) -> usize {
        match self {
            Self::Grey(data) | Self::Rgb(data) => data.len(),
        }
    }

    fn per_pixel(&self) -> usize {
        match self {
            Self::Grey(_) => 1,
            Self::Rgb(_) => 3,
        }
    }
}

/// What is written: size, rate, quality.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteOptions {
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// Seconds a frame.
    pub frame_time: TimeBase,
    /// JPEG quality, 1 … 100.
    pub quality: u8,
    /// The ffmpeg executable (for `.mp4`); `None` = the one in `PATH`.
    pub ffmpeg: Option<PathBuf>,
}

impl WriteOptions {
    /// Quality 90, ffmpeg from `PATH`.
    #[must_use]
    pub fn new(width: u32, height: u32, frame_time: TimeBase) -> Self {
        Self { width, height, frame_time, quality: 90, ffmpeg: None }
    }

    fn pixels(&self) -> Option<usize> {
        usize::try_from(u64::from(self.width) * u64::from(self.height)).ok()
    }

    fn check(&self, path: &Path, pixels: &Pixels<'_>) -> Result<(), WriteError> {
        let wanted = self.pixels().and_then(|count| count.checked_mul(pixels.per_pixel()));
        if wanted == Some(pixels.bytes()) {
            return Ok(());
        }
        Err(WriteError::PictureSize { path: path.to_path_buf(), given: pixels.bytes(), width: self.width, height: self.height })
    }
}

/// Takes pictures in order.
pub trait VideoWriter: Send {
    /// Appends a picture.
    ///
    /// # Errors
    /// [`WriteError::PictureSize`], or why the file cannot grow.
    fn write(&mut self, pixels: Pixels<'_>) -> Result<(), WriteError>;

    /// Completes the file: index, counts, flush. A writer that is dropped without this leaves a
    /// file without an index.
    ///
    /// # Errors
    /// Why the file cannot be completed.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}

/// What can go wrong with a file that is written. Each message is one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The operating system refused.
    #[error("{path}: {action} failed: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A picture of another size than announced: the caller's mistake.
    #[error("{path}: a picture of {given} bytes does not fit {width}×{height}", path = .path.display())]
    PictureSize {
        /// The file.
        path: PathBuf,
        /// Bytes given.
        given: usize,
        /// Columns announced.
        width: u32,
        /// Rows announced.
        height: u32,
    },
    /// A size that the format cannot hold.
    #[error("{path}: {format} holds pictures of 1 to {limit} pixels a side, not {width}×{height}", path = .path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// Most pixels a side.
        limit: u32,
        /// Columns wanted.
        width: u32,
        /// Rows wanted.
        height: u32,
    },
    /// The JPEG encoder refused.
    #[error("{path}: a picture could not be coded: {reason}", path = .path.display())]
    Encoder {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file grew beyond what its format can index.
    #[error("{path}: the file reached the {limit} of its format; write shorter pieces", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Which limit.
        limit: &'static str,
    },
    /// A file name whose ending is no format written here.
    #[error("{path}: the ending must be .avi (built in), .y4m (built in) or .mp4 (needs ffmpeg)", path = .path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// MP4 was asked for and there is no ffmpeg.
    #[error("{path}: writing .mp4 needs the ffmpeg executable, which was not found ({looked_for}); install it, name it with --ffmpeg, or write .avi", path = .path.display())]
    FfmpegMissing {
        /// The file.
        path: PathBuf,
        /// Where it was looked for.
        looked_for: String,
    },
    /// The ffmpeg child ended with an error.
    #[error("{path}: ffmpeg failed ({status}): {stderr}", path = .path.display())]
    ChildFailed {
        /// The file.
        path: PathBuf,
        /// Its exit status.
        status: String,
        /// The end of its messages, one line.
        stderr: String,
    },
}

impl WriteError {
    pub(crate) fn io(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), action, source }
    }
}

/// Creates a video file; its ending picks the format: `.avi` (MJPEG), `.y4m`, `.mp4` (H.264,
/// needs ffmpeg).
///
/// # Errors
/// [`WriteError`]: ending, size, missing ffmpeg, or the system's answer.
pub fn create(path: &Path, options: &WriteOptions) -> Result<Box<dyn VideoWriter>, WriteError> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    let file = || File::create(path).map(BufWriter::new).map_err(|e| WriteError::io(path, "creating", e));
    match extension.as_deref() {
        Some("avi") => Ok(Box::new(AviWriter::new(path, file()?, options)?)),
        Some("y4m") => Ok(Box::new(Y4mWriter::new(path, file()?, options)?)),
        Some("mp4") => Ok(Box::new(Mp4Writer::new(path, options)?)),
        _ => Err(WriteError::Extension { path: path.to_path_buf() }),
    }
}
