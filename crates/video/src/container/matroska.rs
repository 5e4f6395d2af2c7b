//! Matroska, WebM: a flat walk over EBML elements (RFC 8794, RFC 9559).
//!
//! Segments and clusters are entered and their stated length is ignored, so a recording that
//! was cut off, or still grows, plays as far as it goes; no seek index is needed. Times are
//! what the blocks say, in the segment's scale (usually milliseconds).

use std::path::Path;

use super::file::Reader;
use super::{CodecId, Demuxer, Item, Packet, Track, avi};
use crate::bytes::Bytes;
use crate::frame::{Matrix, Range, TimeBase};
use crate::limits::Limits;
use crate::source::SourceError;

mod id {
    pub(super) const EBML: u32 = 0x1A45_DFA3;
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const INFO: u32 = 0x1549_A966;
    pub(super) const SCALE: u32 = 0x2A_D7B1;
    pub(super) const TRACKS: u32 = 0x1654_AE6B;
    pub(super) const ENTRY: u32 = 0xAE;
    pub(super) const NUMBER: u32 = 0xD7;
    pub(super) const TYPE: u32 = 0x83;
    pub(super) const CODEC: u32 = 0x86;
    pub(super) const PRIVATE: u32 = 0x63A2;
    pub(super) const DURATION: u32 = 0x23_E383;
    pub(super) const VIDEO: u32 = 0xE0;
    pub(super) const WIDTH: u32 = 0xB0;
    pub(super) const HEIGHT: u32 = 0xBA;
    pub(super) const COLOUR: u32 = 0x55B0;
    pub(super) const MATRIX: u32 = 0x55B1;
    pub(super) const RANGE: u32 = 0x55B9;
    pub(super) const PROJECTION: u32 = 0x7670;
    pub(super) const ROLL: u32 = 0x7675;
    pub(super) const ENCODINGS: u32 = 0x6D80;
    pub(super) const ENCODING: u32 = 0x6240;
    pub(super) const COMPRESSION: u32 = 0x5034;
    pub(super) const ALGORITHM: u32 = 0x4254;
    pub(super) const SETTINGS: u32 = 0x4255;
    pub(super) const CLUSTER: u32 = 0x1F43_B675;
    pub(super) const TIMESTAMP: u32 = 0xE7;
    pub(super) const SIMPLE_BLOCK: u32 = 0xA3;
    pub(super) const GROUP: u32 = 0xA0;
    pub(super) const BLOCK: u32 = 0xA1;
    pub(super) const REFERENCE: u32 = 0xFB;
    /// What may stand directly in a segment or a cluster and is passed over.
    pub(super) const PASSED: [u32; 12] =
        [0xEC, 0xBF, 0x114D_9B74, 0x1C53_BB6B, 0x1254_C367, 0x1941_A469, 0x1043_A770, 0xA7, 0xAB, 0x5854, 0xAF, EBML];
}

/// Walks the first video track of a Matroska file.
#[derive(Debug)]
pub(crate) struct MatroskaDemuxer {
    reader: Reader,
    track: Track,
    number: u64,
    /// Bytes that were taken off the front of every block (header compression).
    stripped: Vec<u8>,
    cluster_time: i64,
}

impl MatroskaDemuxer {
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let mut reader = Reader::open(path, limits)?;
        let mut scale = 1_000_000;
        let mut entry = None;
        while let Some(element) = Element::read(&mut reader)? {
            match element.id {
                id::SEGMENT => {}
                id::INFO => {
                    let data = reader.header("bytes of the Matroska header", element.size)?;
                    scale = child(&data, id::SCALE).map_or(scale, unsigned);
                }
                id::TRACKS => {
                    let data = reader.header("bytes of the Matroska header", element.size)?;
                    entry = entry.or_else(|| video_entry(&data));
                }
                id::CLUSTER => {
                    let Some(entry) = entry else { return Err(reader.damaged("the Matroska file has no video track before its pictures")) };
                    return Self::of(reader, entry, scale);
                }
                _ => reader.skip(element.size)?,
            }
        }
        Err(reader.damaged("the Matroska file holds no pictures (no cluster)"))
    }

    fn of(reader: Reader, entry: Entry, scale: u64) -> Result<Self, SourceError> {
        let stripped = entry.stripped.map_err(|what| SourceError::unsupported(&reader.path, "Matroska", what))?;
        let mut track = entry.track;
        track.time_base = u32::try_from(scale).ok().and_then(nanoseconds);
        Ok(Self { reader, track, number: entry.number, stripped, cluster_time: 0 })
    }

    /// A block: number, time, flags, data. `None` where it belongs to another track.
    fn block(&self, data: &[u8], group_key: Option<bool>) -> Option<Item> {
        let mut bytes = Bytes::new(data);
        if variable(&mut bytes)? != self.number {
            return None;
        }
        let relative = bytes.u16_be()?.cast_signed();
        let flags = bytes.u8()?;
        let pts = self.cluster_time.saturating_add(relative.into());
        if flags & 0x06 != 0 {
            return Some(Item::Missing { pts, reason: "several pictures in one block (lacing)".into() });
        }
        let data = [&self.stripped, bytes.rest()].concat();
        let key = group_key.unwrap_or(flags & 0x80 != 0);
        Some(Item::Packet(Packet { data, pts, key, objection: None }))
    }

    fn take_element(&mut self, element: &Element) -> Result<Option<Item>, SourceError> {
        let data = self.reader.take(element.size)?;
        let missing = element.size - u64::try_from(data.len()).unwrap_or(0);
        if missing > 0 {
            return Ok(Some(Item::Remark(format!("the file ends {missing} bytes before the end of a block"))));
        }
        if element.id == id::SIMPLE_BLOCK {
            return Ok(self.block(&data, None));
        }
        let key = child(&data, id::REFERENCE).is_none();
        Ok(child(&data, id::BLOCK).and_then(|block| self.block(block, Some(key))))
    }

    /// Goes to the next cluster, or the next block of this track, after bytes that are no
    /// element.
    fn resynchronise(&mut self, from: u64) -> Result<Item, SourceError> {
        const WINDOW: u64 = 64 << 10;
        const OVERLAP: u64 = 16;
        let mut at = from + 1;
        while at + 4 <= self.reader.length() {
            self.reader.seek(at)?;
            let window = self.reader.take(WINDOW)?;
            for (offset, _) in (0u64..).zip(&window) {
                let rest = window.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
                let position = at + offset;
                let cluster = rest.starts_with(&id::CLUSTER.to_be_bytes());
                if cluster || (self.may_be_block(rest) && self.is_followed_by_element(position)?) {
                    self.reader.seek(position)?;
                    let reason = format!("bytes {from} to {position} are no Matroska element and were skipped");
                    return Ok(Item::Gap { bytes: position - from, reason });
                }
            }
            at += WINDOW - OVERLAP;
        }
        self.reader.seek(self.reader.length())?;
        Ok(Item::Remark(format!("the bytes from {from} on are no Matroska element")))
    }

    /// Whether these bytes look like a block of this track.
    fn may_be_block(&self, data: &[u8]) -> bool {
        let mut bytes = Bytes::new(data);
        let element = identifier(&mut bytes).filter(|&id| id == id::SIMPLE_BLOCK || id == id::GROUP);
        let Some((element, size)) = element.zip(variable(&mut bytes)) else { return false };
        if size > self.reader.limits.max_packet_bytes || size < 5 {
            return false;
        }
        if element == id::GROUP && (identifier(&mut bytes) != Some(id::BLOCK) || variable(&mut bytes).is_none()) {
            return false;
        }
        variable(&mut bytes) == Some(self.number)
    }

    /// Whether the element at `position` ends where another known one begins, or the file ends.
    fn is_followed_by_element(&mut self, position: u64) -> Result<bool, SourceError> {
        self.reader.seek(position)?;
        let Some(element) = Element::read(&mut self.reader)? else { return Ok(false) };
        if element.size > self.reader.left() {
            return Ok(false);
        }
        self.reader.skip(element.size)?;
        if self.reader.left() == 0 {
            return Ok(true);
        }
        let next = Element::read(&mut self.reader)?.map(|element| element.id);
        let blocks = [id::SIMPLE_BLOCK, id::GROUP, id::CLUSTER];
        Ok(next.is_some_and(|next| blocks.contains(&next) || id::PASSED.contains(&next)))
    }
}

impl Demuxer for MatroskaDemuxer {
    fn track(&self) -> &Track {
        &self.track
    }

    fn next(&mut self) -> Result<Option<Item>, SourceError> {
        loop {
            let start = self.reader.position();
            let Some(element) = Element::read(&mut self.reader)? else {
                if self.reader.left() > 0 {
                    return self.resynchronise(start).map(Some);
                }
                return Ok(None);
            };
            match element.id {
                id::SEGMENT | id::CLUSTER => {}
                id::TIMESTAMP if element.size <= 8 => {
                    let data = self.reader.take(element.size)?;
                    self.cluster_time = i64::try_from(unsigned(&data)).unwrap_or(0);
                }
                id::SIMPLE_BLOCK | id::GROUP if element.size <= self.reader.limits.max_packet_bytes => {
                    if let Some(item) = self.take_element(&element)? {
                        return Ok(Some(item));
                    }
                }
                known if id::PASSED.contains(&known) || known == id::INFO || known == id::TRACKS => self.reader.skip(element.size)?,
                _ => return self.resynchronise(start).map(Some),
            }
        }
    }
}

/// The start of an element. An unknown size reads as "to the end".
struct Element {
    id: u32,
    size: u64,
}

impl Element {
    /// Reads a start; `None` at the end of the file or where it cannot be one.
    fn read(reader: &mut Reader) -> Result<Option<Self>, SourceError> {
        let start = reader.position();
        let head = reader.take(12)?;
        let mut bytes = Bytes::new(&head);
        let Some((id, size)) = identifier(&mut bytes).zip(variable(&mut bytes)) else {
            return Ok(None);
        };
        let used = u64::try_from(head.len() - bytes.len()).unwrap_or(0);
        reader.seek(start + used)?;
        Ok(Some(Self { id, size: if size == u64::MAX { reader.left() } else { size } }))
    }
}

/// An element's identifier, its length marker kept.
fn identifier(bytes: &mut Bytes<'_>) -> Option<u32> {
    let first = bytes.u8()?;
    let more = first.leading_zeros();
    if more > 3 {
        return None;
    }
    (0..more).try_fold(u32::from(first), |value, _| Some(value << 8 | u32::from(bytes.u8()?)))
}

/// A number of variable length; all ones (unknown) is `u64::MAX`.
fn variable(bytes: &mut Bytes<'_>) -> Option<u64> {
    let first = bytes.u8()?;
    let more = first.leading_zeros();
    if more > 7 {
        return None;
    }
    let start = u64::from(first) & (0x7F >> more);
    let value = (0..more).try_fold(start, |value, _| Some(value << 8 | u64::from(bytes.u8()?)))?;
    let ones = (1u64 << (7 * (more + 1))) - 1;
    Some(if value == ones { u64::MAX } else { value })
}

/// The elements inside `data`; ends at the first that cannot be.
fn children(data: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut bytes = Bytes::new(data);
    std::iter::from_fn(move || {
        let id = identifier(&mut bytes)?;
        let size = usize::try_from(variable(&mut bytes)?).unwrap_or(usize::MAX);
        bytes.take(size.min(bytes.len())).map(|content| (id, content))
    })
}

fn child(data: &[u8], wanted: u32) -> Option<&[u8]> {
    children(data).find(|(id, _)| *id == wanted).map(|(_, content)| content)
}

/// A number of up to eight bytes.
fn unsigned(data: &[u8]) -> u64 {
    data.iter().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn float(data: &[u8]) -> Option<f64> {
    match *data {
        [a, b, c, d] => Some(f32::from_be_bytes([a, b, c, d]).into()),
        _ => data.try_into().ok().map(f64::from_be_bytes),
    }
}

/// The time base whose tick lasts so many nanoseconds, in lowest terms.
fn nanoseconds(ticks: u32) -> Option<TimeBase> {
    const SECOND: u32 = 1_000_000_000;
    let (mut a, mut b) = (SECOND, ticks);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    TimeBase::new(ticks / a.max(1), SECOND / a.max(1))
}

/// A video track's entry.
struct Entry {
    number: u64,
    track: Track,
    stripped: Result<Vec<u8>, String>,
}

fn video_entry(tracks: &[u8]) -> Option<Entry> {
    let mut entries = children(tracks).filter(|(id, _)| *id == id::ENTRY).map(|(_, data)| data);
    let data = entries.find(|data| child(data, id::TYPE).map(unsigned) == Some(1))?;
    let private = child(data, id::PRIVATE).unwrap_or_default();
    let name = child(data, id::CODEC).map(String::from_utf8_lossy).unwrap_or_default();
    let (codec, config) = match name.trim_end_matches('\0') {
        "V_MPEG4/ISO/AVC" => (CodecId::H264, private),
        "V_MPEGH/ISO/HEVC" => (CodecId::Hevc, private),
        "V_MJPEG" => (CodecId::Mjpeg, &[][..]),
        "V_MS/VFW/FOURCC" => (picture_format(private).unwrap_or_else(|| CodecId::Other("an unnamed codec".into())), &[][..]),
        "V_MPEG4/ISO/ASP" | "V_MPEG4/ISO/SP" | "V_MPEG4/ISO/AP" => (CodecId::Other("MPEG-4 Part 2".into()), &[][..]),
        "V_AV1" => (CodecId::Other("AV1".into()), &[][..]),
        "V_VP9" => (CodecId::Other("VP9".into()), &[][..]),
        "V_VP8" => (CodecId::Other("VP8".into()), &[][..]),
        other => (CodecId::Other(format!("the codec \"{}\"", other.escape_debug())), &[][..]),
    };
    let mut track = Track::new(codec);
    track.config = config.to_vec();
    let duration = child(data, id::DURATION).map(unsigned).filter(|&ns| ns > 0);
    track.frame_rate = duration.map(|ns| 1e9 / ns as f64);
    if let Some(video) = child(data, id::VIDEO) {
        take_video(&mut track, video);
    }
    Some(Entry { number: child(data, id::NUMBER).map(unsigned)?, track, stripped: stripped(data) })
}

fn take_video(track: &mut Track, video: &[u8]) {
    let size = |wanted| child(video, wanted).map(unsigned).and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
    track.width = size(id::WIDTH);
    track.height = size(id::HEIGHT);
    if let Some(colour) = child(video, id::COLOUR) {
        let code = child(colour, id::MATRIX).map(unsigned).and_then(|v| u8::try_from(v).ok());
        track.matrix = code.map_or(Matrix::Unknown, Matrix::from_h273);
        track.range = match child(colour, id::RANGE).map(unsigned) {
            Some(1) => Range::Limited,
            Some(2) => Range::Full,
            _ => Range::Unknown,
        };
    }
    // The roll turns anticlockwise.
    let roll = child(video, id::PROJECTION).and_then(|p| child(p, id::ROLL)).and_then(float);
    let turned = roll.map_or(0.0, |degrees| (-degrees).rem_euclid(360.0));
    track.rotation = [90, 180, 270].into_iter().find(|&r| (turned - f64::from(r)).abs() < 1.0).unwrap_or(0);
}

/// The codec of a Windows picture header.
fn picture_format(data: &[u8]) -> Option<CodecId> {
    let mut bytes = Bytes::new(data);
    bytes.skip(16)?;
    bytes.tag().map(avi::fourcc_codec)
}

/// What was taken off the front of every block; an error where blocks are really compressed.
fn stripped(entry: &[u8]) -> Result<Vec<u8>, String> {
    let Some(encodings) = child(entry, id::ENCODINGS) else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for (_, encoding) in children(encodings).filter(|(id, _)| *id == id::ENCODING) {
        let compression = child(encoding, id::COMPRESSION).ok_or("encrypted blocks")?;
        if child(compression, id::ALGORITHM).map_or(0, unsigned) != 3 {
            return Err("compressed blocks".into());
        }
        out = child(compression, id::SETTINGS).unwrap_or_default().to_vec();
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length() {
        assert_eq!(variable(&mut Bytes::new(&[0x82])), Some(2));
        assert_eq!(variable(&mut Bytes::new(&[0x40, 0x02])), Some(2));
        assert_eq!(variable(&mut Bytes::new(&[0xFF])), Some(u64::MAX));
        assert_eq!(variable(&mut Bytes::new(&[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])), Some(u64::MAX));
        assert_eq!(variable(&mut Bytes::new(&[0x00, 1, 2])), None);
        assert_eq!(identifier(&mut Bytes::new(&[0x1A, 0x45, 0xDF, 0xA3])), Some(id::EBML));
        assert_eq!(nanoseconds(1_000_000), TimeBase::new(1, 1000));
    }
}
