//! Where frames come from: the trait, what is known of a stream, the errors, and `open`.
//!
//! `open` looks at the first bytes, never at the file's name, and picks a backend: picture
//! folder, Y4M, the built-in decoders, or the `ffmpeg` executable. A file is decoded by one
//! backend from end to end: the choice falls at open, before a frame is handed out, because
//! scores must not depend on where in a file a decoder gave up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::frame::{Frame, Matrix, Range, TimeBase};
use crate::limits::Limits;

/// Which code decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Picture files.
    Pictures,
    /// Uncompressed Y4M.
    Y4m,
    /// The decoders in this program.
    Builtin,
    /// The `ffmpeg` executable.
    Ffmpeg,
}

impl Backend {
    /// A lower-case word for reports and meta files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pictures => "pictures",
            Self::Y4m => "y4m",
            Self::Builtin => "builtin",
            Self::Ffmpeg => "ffmpeg",
        }
    }
}

/// Which backend to use for video files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Decoder {
    /// The built-in one; the ffmpeg executable where that one cannot open the file or fails in
    /// its first group of pictures.
    #[default]
    Auto,
    /// The built-in one only.
    Builtin,
    /// The ffmpeg executable only.
    Ffmpeg,
}

/// Which planes are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Planes {
    /// Luma is enough: backends that gain by it leave the chroma planes empty.
    Luma,
    /// All planes of the stream.
    #[default]
    All,
}

/// How to open an input.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Which backend.
    pub decoder: Decoder,
    /// The ffmpeg executable; `None` = the one in `PATH`.
    pub ffmpeg: Option<PathBuf>,
    /// Frames a second of picture folders (they state none), and of files whose own rate is
    /// unknown.
    pub fps: Option<f64>,
    /// Which planes.
    pub planes: Planes,
    /// Bounds.
    pub limits: Limits,
    /// Threads of the ffmpeg child, at least 1.
    pub ffmpeg_threads: u32,
    /// How long the ffmpeg child may give nothing before it is killed.
    pub stall_timeout: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            decoder: Decoder::Auto,
            ffmpeg: None,
            fps: None,
            planes: Planes::All,
            limits: Limits::default(),
            ffmpeg_threads: 1,
            stall_timeout: Duration::from_secs(30),
        }
    }
}

/// What is known of a stream before its frames.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamInfo {
    /// Columns of a frame, before rotation.
    pub width: u32,
    /// Rows of a frame, before rotation.
    pub height: u32,
    /// Clockwise turn that puts frames upright: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Seconds per tick of `pts`; `None` = unknown.
    pub time_base: Option<TimeBase>,
    /// Mean frames a second as stated; `None` = unknown.
    pub frame_rate: Option<f64>,
    /// The number of frames that the header states. It may lie: count frames, not this.
    pub declared_frames: Option<u64>,
    /// Whether the end is unknown because the input is still being made (a pipe).
    pub live: bool,
    /// Codec and profile in words, such as `H.264 High`.
    pub codec: String,
    /// Which code decodes.
    pub backend: Backend,
    /// Range of the frames.
    pub range: Range,
    /// Matrix of the frames.
    pub matrix: Matrix,
}

/// One loss: where and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamageEvent {
    /// Index of the frame, as in [`Frame::index`].
    pub frame: u64,
    /// One phrase.
    pub reason: String,
}

/// The losses of a stream so far, in order; bounded ([`Limits::max_damage_entries`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DamageLog {
    /// The first losses.
    pub events: Vec<DamageEvent>,
    /// All losses, those not described too.
    pub total: u64,
}

impl DamageLog {
    /// The described losses for people, one line for a run of frames with one reason: `frames 13 to 18: an earlier picture was lost`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut runs: Vec<(u64, &DamageEvent)> = Vec::new();
        for event in &self.events {
            match runs.iter_mut().rev().find(|(_, last)| last.reason == event.reason) {
                Some((_, last)) if last.frame + 1 == event.frame => *last = event,
                _ => runs.push((event.frame, event)),
            }
        }
        let line = |(first, last): (u64, &DamageEvent)| match last.frame - first {
            0 => format!("frame {first}: {}", last.reason),
            _ => format!("frames {first} to {}: {}", last.frame, last.reason),
        };
        runs.into_iter().map(line).collect()
    }

    /// Notes a loss; beyond `limits` it is only counted.
    pub(crate) fn note(&mut self, limits: &Limits, frame: u64, reason: impl Into<String>) {
        self.total += 1;
        if self.events.len() < limits.max_damage_entries {
            self.events.push(DamageEvent { frame, reason: reason.into() });
        }
    }
}

/// A stream of frames in display order.
pub trait FrameSource: Send {
    /// What is known of the stream.
    fn info(&self) -> &StreamInfo;

    /// The next frame; blocks; `None` = end. Memory stays bounded: a handful of pictures.
    ///
    /// # Errors
    /// What went wrong, with path and position. After an error the source gives `None`.
    fn next(&mut self) -> Result<Option<Frame>, SourceError>;

    /// Losses met so far.
    fn damage_log(&self) -> &DamageLog;
}

/// What can go wrong with an input, by who is at fault. Each message is one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Nothing has that name.
    #[error("{path}: no such file or folder", path = .path.display())]
    NotFound {
        /// The input.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{path}: {action} failed: {source}", path = .path.display())]
    Io {
        /// The input.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file of zero bytes.
    #[error("{path}: the file is empty (0 bytes); copy or record it again", path = .path.display())]
    Empty {
        /// The input.
        path: PathBuf,
    },
    /// A folder without pictures where pictures were wanted.
    #[error("{path}: the folder holds no picture (png, jpg, tif, bmp, gif)", path = .path.display())]
    NoPictures {
        /// The folder.
        path: PathBuf,
    },
    /// Standard input that ended before its first byte.
    #[error(
        "nothing came through standard input ('-'); pipe Y4M into it, such as: ffmpeg -i INPUT -pix_fmt yuv420p -f yuv4mpegpipe - | skipgan score RUN - --out scores.csv"
    )]
    NothingPiped,
    /// The bytes are no video and no picture.
    #[error("{path}: this is no video or picture known here (its first bytes are {first_bytes}); see what it is, or name another file", path = .path.display())]
    UnknownContainer {
        /// The input.
        path: PathBuf,
        /// The first bytes, printable.
        first_bytes: String,
    },
    /// A sound file that this program does not decode.
    #[error("{path}: {codec} is not decoded here ({reason}); {remedy}, or convert the file: {command}", path = .path.display())]
    Unsupported {
        /// The input.
        path: PathBuf,
        /// Codec and profile.
        codec: String,
        /// What of it is missing.
        reason: String,
        /// How another decoder comes to it.
        remedy: &'static str,
        /// The command that converts the file.
        command: String,
    },
    /// The file breaks its format.
    #[error("{path}: the file is damaged: {what}", path = .path.display())]
    Damaged {
        /// The input.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// A well-formed file that gave no picture.
    #[error("{path}: no frame could be decoded ({reason})", path = .path.display())]
    NoFrames {
        /// The input.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A stated size is beyond [`Limits`].
    #[error("{path}: {what}: {value} is more than the limit of {limit}", path = .path.display())]
    Limit {
        /// The input.
        path: PathBuf,
        /// Which quantity.
        what: &'static str,
        /// What the file states.
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Pictures of one clip differ in size.
    #[error("one clip holds pictures of two sizes: {first} is {first_width}×{first_height}, {second} is {second_width}×{second_height}; keep one size per folder", first = .first.display(), second = .second.display())]
    MixedSizes {
        /// A picture of the first size.
        first: PathBuf,
        /// Its columns.
        first_width: u32,
        /// Its rows.
        first_height: u32,
        /// The picture that differs.
        second: PathBuf,
        /// Its columns.
        second_width: u32,
        /// Its rows.
        second_height: u32,
    },
    /// The ffmpeg executable was asked for and is not there.
    #[error("{path}: the ffmpeg executable was not found ({looked_for}); install it or name it with --ffmpeg", path = .path.display())]
    FfmpegMissing {
        /// The input.
        path: PathBuf,
        /// Where it was looked for.
        looked_for: String,
    },
    /// The ffmpeg child ended with an error.
    #[error("{path}: ffmpeg failed ({status}): {stderr}", path = .path.display())]
    ChildFailed {
        /// The input.
        path: PathBuf,
        /// Its exit status.
        status: String,
        /// The end of its messages, one line.
        stderr: String,
    },
    /// The ffmpeg child gave nothing for too long and was killed.
    #[error("{path}: ffmpeg gave no data for {seconds} s and was stopped; the file may be a playlist or still be growing", path = .path.display())]
    Stalled {
        /// The input.
        path: PathBuf,
        /// The time waited.
        seconds: u64,
    },
}

impl SourceError {
    /// A [`SourceError::Damaged`].
    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_path_buf(), what: what.into() }
    }

    /// A [`SourceError::Unsupported`] with the command that converts the file.
    pub(crate) fn unsupported(path: &Path, codec: impl Into<String>, reason: impl Into<String>) -> Self {
        let (from, to) = (shell_word(path), shell_word(&path.with_extension("converted.mp4")));
        Self::Unsupported {
            path: path.to_path_buf(),
            codec: codec.into(),
            reason: reason.into(),
            remedy: "install ffmpeg or name it with --ffmpeg",
            command: format!("ffmpeg -i {from} -c:v libx264 -crf 12 {to}"),
        }
    }

    /// The same error where ffmpeg is at hand and was not allowed.
    pub(crate) fn with_ffmpeg_at_hand(mut self) -> Self {
        if let Self::Unsupported { remedy, .. } = &mut self {
            *remedy = "drop --decoder builtin and ffmpeg reads it";
        }
        self
    }

    /// A [`SourceError::Io`], or [`SourceError::NotFound`] where that is what the system says.
    pub(crate) fn io(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::NotFound {
            return Self::NotFound { path: path.to_path_buf() };
        }
        Self::Io { path: path.to_path_buf(), action, source }
    }
}

/// A path as one word of a command.
fn shell_word(path: &Path) -> String {
    let word = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if word.chars().all(is_plain) { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_in_a_row_are_one_line() {
        let mut log = DamageLog::default();
        let events = [(3, "broken"), (4, "follows"), (5, "a hole"), (5, "follows"), (6, "follows"), (9, "follows")];
        events.iter().for_each(|&(frame, reason)| log.note(&Limits::default(), frame, reason));
        assert_eq!(log.lines(), ["frame 3: broken", "frames 4 to 6: follows", "frame 5: a hole", "frame 9: follows"]);
    }

    #[test]
    fn a_path_with_a_space_stays_one_word() {
        assert_eq!(shell_word(Path::new("a/b-1.mp4")), "a/b-1.mp4");
        assert_eq!(shell_word(Path::new("my film's.avi")), r"'my film'\''s.avi'");
        let text = SourceError::unsupported(Path::new("my film.avi"), "XVID", "why").to_string();
        assert!(text.contains("ffmpeg -i 'my film.avi' -c:v libx264 -crf 12 'my film.converted.mp4'"), "{text}");
    }
}
