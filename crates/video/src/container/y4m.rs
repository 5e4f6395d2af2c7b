//! YUV4MPEG2: uncompressed frames from a file or a pipe, one at a time.
//!
//! 8-bit grey, 4:2:0, 4:2:2 and 4:4:4. The length is unknown until the end: a pipe may be live.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::align::Aligner;
use crate::frame::{Frame, Matrix, Plane, Range, TimeBase};
use crate::source::{Backend, DamageLog, FrameSource, OpenOptions, SourceError, StreamInfo};

/// The first bytes of every such stream.
pub(crate) const MAGIC: &[u8] = b"YUV4MPEG2";

/// Longest header line accepted.
const MAX_LINE: u64 = 4096;

/// Frames of a Y4M stream.
pub(crate) struct Y4mSource {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    info: StreamInfo,
    chroma: Option<(u32, u32)>,
    aligner: Aligner,
    position: i64,
    ended: bool,
}

impl Y4mSource {
    /// Reads the stream header. `live` says that the end is not known yet (a pipe).
    pub(crate) fn open(
        path: &Path,
        reader: impl Read + Send + 'static,
        live: Liveness,
        options: &OpenOptions,
    ) -> Result<Self, SourceError> {
        let mut reader: Box<dyn BufRead + Send> = Box::new(BufReader::with_capacity(1 << 20, reader));
        let line = read_line(path, &mut reader)?.ok_or_else(|| match live {
            Liveness::Live => SourceError::NothingPiped,
            Liveness::Stored => SourceError::Empty { path: path.to_path_buf() },
        })?;
        let header = Header::parse(&line).map_err(|reason| header_error(path, &line, reason))?;
        options.limits.check_size(path, header.width, header.height)?;
        let time_base = header.time_base.or_else(|| options.fps.and_then(TimeBase::from_fps));
        let info = StreamInfo {
            width: header.width,
            height: header.height,
            rotation: 0,
            time_base,
            frame_rate: time_base.map(|base| 1.0 / base.seconds(1)),
            declared_frames: None,
            live: live == Liveness::Live,
            codec: "Y4M".into(),
            backend: Backend::Y4m,
            range: header.range,
            matrix: Matrix::Unknown,
        };
        Ok(Self {
            path: path.to_path_buf(),
            reader,
            info,
            chroma: header.chroma,
            aligner: Aligner::new(options.limits.clone()),
            position: 0,
            ended: false,
        })
    }

    fn read_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let Some(line) = read_line(&self.path, &mut self.reader)? else {
            return Ok(None);
        };
        if !line.starts_with(b"FRAME") {
            let what = format!("frame {} does not start with FRAME", self.position);
            return Err(SourceError::damaged(&self.path, what));
        }
        let Some(y) = self.read_plane(self.info.width, self.info.height)? else {
            return Ok(None);
        };
        let (mut u, mut v) = (Plane::default(), Plane::default());
        if let Some((width, height)) = self.chroma {
            let (Some(first), Some(second)) = (self.read_plane(width, height)?, self.read_plane(width, height)?) else {
                return Ok(None);
            };
            (u, v) = (first, second);
        }
        let mut frame = Frame::still([y, u, v], self.info.range, self.info.matrix);
        frame.pts = self.position;
        frame.time_base = self.info.time_base;
        self.position += 1;
        Ok(Some(frame))
    }

    /// A plane, or `None` where the stream ends in it.
    fn read_plane(&mut self, width: u32, height: u32) -> Result<Option<Plane>, SourceError> {
        // Both sides passed Limits, so the product is small and memory grows with what arrives.
        let samples = u64::from(width) * u64::from(height);
        let mut data = Vec::with_capacity(usize::try_from(samples).unwrap_or(0));
        (&mut self.reader).take(samples).read_to_end(&mut data).map_err(|e| SourceError::io(&self.path, "reading", e))?;
        let plane = Plane::new(data, width, height);
        if plane.is_none() {
            let reason = format!("the stream ends inside frame {}", self.position);
            self.aligner.remark(reason);
        }
        Ok(plane)
    }
}

/// Whether more may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// A pipe.
    Live,
    /// A file.
    Stored,
}

impl FrameSource for Y4mSource {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        let frame = self.read_frame();
        match frame {
            Ok(Some(frame)) => {
                self.aligner.good(frame, None);
                Ok(self.aligner.pop())
            }
            Ok(None) => {
                self.ended = true;
                if self.position == 0 {
                    return Err(SourceError::NoFrames { path: self.path.clone(), reason: "the stream ends after its header".into() });
                }
                Ok(None)
            }
            Err(error) => {
                self.ended = true;
                Err(error)
            }
        }
    }

    fn damage_log(&self) -> &DamageLog {
        self.aligner.log()
    }
}

/// A line without its end, or `None` at the end of the stream.
fn read_line(path: &Path, reader: &mut impl BufRead) -> Result<Option<Vec<u8>>, SourceError> {
    let mut line = Vec::new();
    reader.take(MAX_LINE).read_until(b'\n', &mut line).map_err(|e| SourceError::io(path, "reading", e))?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(SourceError::damaged(path, "a Y4M header line has no end within 4096 bytes"));
    }
    Ok(Some(line))
}

fn header_error(path: &Path, line: &[u8], reason: HeaderError) -> SourceError {
    match reason {
        HeaderError::Magic => crate::open::unknown_container(path, line),
        HeaderError::Colour(colour) => {
            SourceError::unsupported(path, format!("Y4M {colour}"), "8-bit grey, 4:2:0, 4:2:2 and 4:4:4 are read")
        }
        HeaderError::Size => SourceError::damaged(path, "the Y4M header states no size"),
    }
}

struct Header {
    width: u32,
    height: u32,
    time_base: Option<TimeBase>,
    chroma: Option<(u32, u32)>,
    range: Range,
}

enum HeaderError {
    Magic,
    Size,
    Colour(String),
}

impl Header {
    fn parse(line: &[u8]) -> Result<Self, HeaderError> {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split(' ');
        if words.next().map(str::as_bytes) != Some(MAGIC) {
            return Err(HeaderError::Magic);
        }
        let (mut width, mut height, mut time_base) = (0u32, 0u32, None);
        let (mut colour, mut range) = ("420jpeg", Range::Limited);
        for word in words {
            let Some((kind, value)) = word.split_at_checked(1) else {
                continue;
            };
            match kind {
                "W" => width = value.parse().map_err(|_| HeaderError::Size)?,
                "H" => height = value.parse().map_err(|_| HeaderError::Size)?,
                "F" => time_base = rate(value),
                "C" => colour = value,
                "X" if value == "COLORRANGE=FULL" => range = Range::Full,
                _ => {}
            }
        }
        if width == 0 || height == 0 {
            return Err(HeaderError::Size);
        }
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let chroma = match colour {
            "mono" => None,
            "420" | "420jpeg" | "420mpeg2" | "420paldv" => Some((half_width, half_height)),
            "422" => Some((half_width, height)),
            "444" => Some((width, height)),
            other => return Err(HeaderError::Colour(other.to_string())),
        };
        Ok(Self { width, height, time_base, chroma, range })
    }
}

/// Seconds per frame of a rate such as `25:1`.
fn rate(value: &str) -> Option<TimeBase> {
    let (numerator, denominator) = value.split_once(':')?;
    TimeBase::new(denominator.parse().ok()?, numerator.parse().ok()?)
}
