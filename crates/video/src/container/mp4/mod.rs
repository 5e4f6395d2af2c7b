//! MP4, MOV: boxes (ISO/IEC 14496-12) → the samples of the first video track.
//!
//! Our own walk, because the index of a file is untrusted: tables here are read lazily from
//! bytes that exist, so a count of four billion costs nothing, and a recording whose end is
//! missing plays as far as it goes. The index (one entry a sample) lies in memory, pictures do
//! not. Edit lists, rotation, fragments are applied here.

mod boxes;
mod fragment;
mod table;

use std::path::Path;

use self::boxes::Movie;
use super::file::Reader;
use super::{Demuxer, Item, Packet, Track};
use crate::limits::Limits;
use crate::source::SourceError;

/// Where one compressed picture lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) offset: u64,
    pub(crate) size: u32,
    pub(crate) key: bool,
    pub(crate) pts: i64,
}

/// Walks the first video track of an MP4 file.
#[derive(Debug)]
pub(crate) struct Mp4Demuxer {
    reader: Reader,
    track: Track,
    samples: std::vec::IntoIter<Sample>,
    /// Samples after the last one that the file holds.
    missing_end: usize,
}

/// The head of a box: its kind, where its content begins, how long that is.
struct BoxHead {
    kind: [u8; 4],
    start: u64,
    content: u64,
}

impl BoxHead {
    /// Reads a head; `None` at the end of the file or where the size cannot be.
    fn read(reader: &mut Reader) -> Result<Option<Self>, SourceError> {
        let start = reader.position();
        let Some([a, b, c, d, kind @ ..]) = reader.array::<8>()? else {
            return Ok(None);
        };
        let kind: [u8; 4] = kind;
        let content = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => reader.left(),
            1 => {
                let Some(size) = reader.array::<8>()? else {
                    return Ok(None);
                };
                let Some(content) = u64::from_be_bytes(size).checked_sub(16) else {
                    return Ok(None);
                };
                content
            }
            2..8 => return Ok(None),
            size => u64::from(size) - 8,
        };
        Ok(Some(Self { kind, start, content }))
    }
}

impl Mp4Demuxer {
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let mut reader = Reader::open(path, limits)?;
        let mut movie: Option<Movie> = None;
        let mut samples = Vec::new();
        while let Some(head) = BoxHead::read(&mut reader)? {
            let end = reader.position().saturating_add(head.content);
            match (&head.kind, &mut movie) {
                (b"moov", None) => {
                    let data = reader.header("bytes of the MP4 index", head.content)?;
                    let found = Movie::parse(&data).map_err(|what| reader.damaged(what))?;
                    samples = table::samples(&found.table, limits.max_packets).map_err(|what| reader.damaged(what))?;
                    movie = Some(found);
                }
                (b"moof", Some(movie)) => {
                    let data = reader.header("bytes of an MP4 fragment", head.content)?;
                    fragment::append(&data, head.start, movie, limits.max_packets, &mut samples).map_err(|what| reader.damaged(what))?;
                }
                _ => {}
            }
            reader.seek(end)?;
        }
        let Some(movie) = movie else {
            return Err(reader.damaged("its index (moov) is missing, as after a recording that was cut off"));
        };
        Self::of(reader, movie, samples)
    }

    fn of(reader: Reader, movie: Movie, mut samples: Vec<Sample>) -> Result<Self, SourceError> {
        let mut track = movie.track;
        let timescale = movie.timescale.max(1);
        let first = samples.iter().map(|s| s.pts).min().unwrap_or(0);
        let last = samples.iter().map(|s| s.pts).max().unwrap_or(0);
        let count = samples.len();
        if let (Some(between), true) = (count.checked_sub(1), last > first) {
            track.frame_rate = Some(between as f64 * f64::from(timescale) / last.saturating_sub(first) as f64);
        }
        track.declared_frames = u64::try_from(count).ok();
        let held = samples.iter().rposition(|s| s.offset.saturating_add(s.size.into()) <= reader.length()).map_or(0, |last| last + 1);
        let missing_end = count - held;
        samples.truncate(held);
        Ok(Self { reader, track, samples: samples.into_iter(), missing_end })
    }

    fn read(&mut self, sample: Sample) -> Result<Item, SourceError> {
        let Sample { offset, size, key, pts } = sample;
        let lost = |reason: String| Ok(Item::Missing { pts, reason });
        if size == 0 {
            return lost("the file holds an empty picture".into());
        }
        if u64::from(size) > self.reader.limits.max_packet_bytes {
            return lost(format!("a picture of {size} compressed bytes is not accepted"));
        }
        if offset.saturating_add(size.into()) > self.reader.length() {
            return lost(format!("it would lie at byte {offset}, beyond the end of the file"));
        }
        self.reader.seek(offset)?;
        let data = self.reader.take(size.into())?;
        Ok(Item::Packet(Packet { data, pts, key, objection: None }))
    }
}

impl Demuxer for Mp4Demuxer {
    fn track(&self) -> &Track {
        &self.track
    }

    fn next(&mut self) -> Result<Option<Item>, SourceError> {
        if let Some(sample) = self.samples.next() {
            return self.read(sample).map(Some);
        }
        if self.missing_end > 0 {
            let count = std::mem::take(&mut self.missing_end);
            return Ok(Some(Item::Remark(format!("the file ends early: its last {count} pictures are missing"))));
        }
        Ok(None)
    }
}
