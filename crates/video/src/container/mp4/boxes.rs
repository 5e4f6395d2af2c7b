//! The index of a file (`moov`): which track, which codec, which tables.

use crate::bytes::{Bytes, four_characters};
use crate::container::{CodecId, Track, avi};
use crate::frame::{Matrix, Range, TimeBase};

/// What of the index matters here.
#[derive(Debug)]
pub(super) struct Movie {
    pub(super) track: Track,
    pub(super) track_id: u32,
    pub(super) timescale: u32,
    pub(super) table: Table,
    pub(super) defaults: FragmentDefaults,
    /// Decoding time after the last fragment read.
    pub(super) fragment_end: i64,
}

/// The tables of a track, as bytes: entry counts are stated, entries must exist.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Durations: (count, ticks).
    pub(super) durations: Vec<u8>,
    /// Shifts from decoding to showing: (count, ticks).
    pub(super) shifts: Vec<u8>,
    /// Runs of chunks: (first chunk, samples a chunk, description).
    pub(super) chunk_runs: Vec<u8>,
    /// Chunk positions, 32 bits each.
    pub(super) chunks: Vec<u8>,
    /// Chunk positions, 64 bits each.
    pub(super) wide_chunks: Vec<u8>,
    /// Size of all samples, or 0.
    pub(super) sample_size: u32,
    pub(super) sample_count: u32,
    /// Sizes, 32 bits each.
    pub(super) sizes: Vec<u8>,
    /// Numbers of key samples; `None` = all are.
    pub(super) keys: Option<Vec<u8>>,
}

/// What fragments leave unsaid (`trex`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FragmentDefaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// The boxes inside `data`; ends at the first that cannot be.
pub(super) fn children(data: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut bytes = Bytes::new(data);
    std::iter::from_fn(move || {
        let size = bytes.u32_be()?;
        let kind = bytes.tag()?;
        let content = match size {
            0 => bytes.len(),
            1 => usize::try_from(bytes.u64_be()?.checked_sub(16)?).ok()?,
            size => usize::try_from(size.checked_sub(8)?).ok()?,
        };
        // A box that claims more than there is holds what there is.
        bytes.take(content.min(bytes.len())).map(|content| (kind, content))
    })
}

/// The content of the first box of this kind.
pub(super) fn child<'a>(data: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(data).find(|(k, _)| k == kind).map(|(_, content)| content)
}

impl Movie {
    pub(super) fn parse(moov: &[u8]) -> Result<Self, String> {
        if child(moov, b"cmov").is_some() {
            return Err("its index is compressed".into());
        }
        let movie_scale = child(moov, b"mvhd").and_then(header_scale).unwrap_or(0);
        let video = children(moov).filter(|(kind, _)| kind == b"trak").find(|(_, data)| handler(data) == Some(*b"vide"));
        let Some((_, trak)) = video else {
            return Err("the MP4 file has no video track".into());
        };
        let mut movie = Self::of_track(trak).ok_or("the index of its video track is cut short")?;
        if let Some(edits) = child(trak, b"edts").and_then(|d| child(d, b"elst")) {
            movie.apply_edits(edits, movie_scale)?;
        }
        if let Some(extends) = child(moov, b"mvex") {
            for (_, data) in children(extends).filter(|(kind, _)| kind == b"trex") {
                movie.take_defaults(data);
            }
        }
        Ok(movie)
    }

    fn of_track(trak: &[u8]) -> Option<Self> {
        let (track_id, rotation) = track_header(child(trak, b"tkhd")?)?;
        let media = child(trak, b"mdia")?;
        let timescale = header_scale(child(media, b"mdhd")?)?;
        let tables = child(child(media, b"minf")?, b"stbl")?;
        let mut track = description(child(tables, b"stsd")?)?;
        track.rotation = rotation;
        track.time_base = TimeBase::new(1, timescale);
        Some(Self { track, track_id, timescale, table: Table::parse(tables), defaults: FragmentDefaults::default(), fragment_end: 0 })
    }

    /// Applies an edit list: empty edits (a delay) are skipped, one edit picks what is shown.
    fn apply_edits(&mut self, data: &[u8], movie_scale: u32) -> Result<(), String> {
        let mut bytes = Bytes::new(data);
        let mut found = None;
        let (version, count) = (bytes.u8(), bytes.skip(3).and_then(|()| bytes.u32_be()));
        for _ in 0..count.unwrap_or(0) {
            let entry = if version == Some(1) {
                bytes.u64_be().zip(bytes.i64_be())
            } else {
                bytes.u32_be().map(u64::from).zip(bytes.i32_be().map(i64::from))
            };
            let Some((duration, start)) = entry else { break };
            if bytes.skip(4).is_none() {
                break;
            }
            if start < 0 {
                continue;
            }
            if found.replace((duration, start)).is_some() {
                return Err("its edit list joins several pieces, which is not done here".into());
            }
        }
        let Some((duration, start)) = found else { return Ok(()) };
        self.track.shown_from = start;
        if duration > 0 && movie_scale > 0 {
            let half = u128::from(movie_scale) / 2;
            let ticks = (u128::from(duration) * u128::from(self.timescale) + half) / u128::from(movie_scale);
            self.track.shown_until = start.saturating_add(i64::try_from(ticks).unwrap_or(i64::MAX));
        }
        Ok(())
    }

    fn take_defaults(&mut self, data: &[u8]) -> Option<()> {
        let mut bytes = Bytes::new(data);
        bytes.skip(4)?;
        if bytes.u32_be()? == self.track_id {
            bytes.skip(4)?;
            self.defaults = FragmentDefaults { duration: bytes.u32_be()?, size: bytes.u32_be()?, flags: bytes.u32_be()? };
        }
        Some(())
    }
}

/// The time scale of `mvhd` and `mdhd`.
fn header_scale(data: &[u8]) -> Option<u32> {
    let mut bytes = Bytes::new(data);
    let version = bytes.u8()?;
    bytes.skip(if version == 1 { 19 } else { 11 })?;
    bytes.u32_be()
}

fn handler(trak: &[u8]) -> Option<[u8; 4]> {
    let mut bytes = Bytes::new(child(child(trak, b"mdia")?, b"hdlr")?);
    bytes.skip(8)?;
    bytes.tag()
}

/// Number and clockwise rotation of a track (`tkhd`); mirrored pictures count as upright.
fn track_header(data: &[u8]) -> Option<(u32, u16)> {
    let mut bytes = Bytes::new(data);
    let wide = bytes.u8()? == 1;
    bytes.skip(if wide { 19 } else { 11 })?;
    let id = bytes.u32_be()?;
    bytes.skip(if wide { 12 } else { 8 } + 16)?;
    let mut next = || {
        let value = bytes.i32_be()?;
        Some(value.signum())
    };
    let (a, b, _, c, d) = (next()?, next()?, next()?, next()?, next()?);
    let rotation = match (a, b, c, d) {
        (0, 1, -1, 0) => 90,
        (-1, 0, 0, -1) => 180,
        (0, -1, 1, 0) => 270,
        _ => 0,
    };
    Some((id, rotation))
}

/// The first sample description (`stsd`).
fn description(data: &[u8]) -> Option<Track> {
    let (kind, entry) = children(data.get(8..)?).next()?;
    let mut bytes = Bytes::new(entry);
    bytes.skip(24)?;
    let (width, height) = (bytes.u16_be()?, bytes.u16_be()?);
    bytes.skip(50)?;
    let inside = bytes.rest();
    let (codec, config) = match &kind {
        b"avc1" | b"avc3" => (CodecId::H264, child(inside, b"avcC")),
        b"hvc1" | b"hev1" => (CodecId::Hevc, child(inside, b"hvcC")),
        b"mp4v" => (mpeg4_codec(child(inside, b"esds")), None),
        b"jpeg" | b"mjpa" | b"mjpb" | b"mjpg" => (CodecId::Mjpeg, None),
        b"av01" => (CodecId::Other("AV1".into()), None),
        b"vp09" => (CodecId::Other("VP9".into()), None),
        b"vp08" => (CodecId::Other("VP8".into()), None),
        _ => match avi::fourcc_codec(kind) {
            CodecId::Other(_) => (CodecId::Other(format!("the codec \"{}\"", four_characters(kind))), None),
            known => (known, None),
        },
    };
    let mut track = Track::new(codec);
    track.config = config.unwrap_or_default().to_vec();
    track.width = width.into();
    track.height = height.into();
    if let Some(colour) = child(inside, b"colr") {
        let _ = take_colour(&mut track, colour);
    }
    Some(track)
}

/// `colr`: the matrix, and for `nclx` the range.
fn take_colour(track: &mut Track, data: &[u8]) -> Option<()> {
    let mut bytes = Bytes::new(data);
    let kind = bytes.tag()?;
    if &kind != b"nclx" && &kind != b"nclc" {
        return None;
    }
    bytes.skip(4)?;
    track.matrix = Matrix::from_h273(u8::try_from(bytes.u16_be()?).ok()?);
    if &kind == b"nclx" && bytes.u8()? & 0x80 != 0 {
        track.range = Range::Full;
    }
    Some(())
}

/// What `mp4v` holds, by the object type in its `esds`.
fn mpeg4_codec(esds: Option<&[u8]>) -> CodecId {
    match esds.and_then(object_type) {
        Some(0x6C) => CodecId::Mjpeg,
        Some(0x60..=0x65) => CodecId::Other("MPEG-2".into()),
        Some(0x6A) => CodecId::Other("MPEG-1".into()),
        _ => CodecId::Other("MPEG-4 Part 2 (mp4v)".into()),
    }
}

fn object_type(esds: &[u8]) -> Option<u8> {
    let mut bytes = Bytes::new(esds);
    bytes.skip(4)?;
    let mut descriptor = |wanted: u8| {
        let tag = bytes.u8()?;
        // A length of up to four bytes, seven bits each.
        while bytes.u8()? & 0x80 != 0 {}
        if tag == 3 {
            bytes.skip(3)?;
        }
        (tag == wanted).then(|| bytes.rest().first().copied()).flatten()
    };
    descriptor(3)?;
    descriptor(4)
}

impl Table {
    fn parse(data: &[u8]) -> Self {
        let mut table = Self::default();
        for (kind, content) in children(data) {
            // Version and flags (4 bytes), entry count (4 bytes), entries.
            let entries = || content.get(8..).unwrap_or_default().to_vec();
            match &kind {
                b"stts" => table.durations = entries(),
                b"ctts" => table.shifts = entries(),
                b"stsc" => table.chunk_runs = entries(),
                b"stco" => table.chunks = entries(),
                b"co64" => table.wide_chunks = entries(),
                b"stss" => table.keys = Some(entries()),
                b"stsz" => {
                    let _ = table.take_sizes(content);
                }
                _ => {}
            }
        }
        table
    }

    fn take_sizes(&mut self, data: &[u8]) -> Option<()> {
        let mut bytes = Bytes::new(data);
        bytes.skip(4)?;
        self.sample_size = bytes.u32_be()?;
        self.sample_count = bytes.u32_be()?;
        self.sizes = bytes.rest().to_vec();
        Some(())
    }
}
