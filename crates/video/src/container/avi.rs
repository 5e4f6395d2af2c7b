//! AVI: a flat walk over the chunks of a RIFF file.
//!
//! No index is needed or believed: recorders that lose power leave none, and lengths of lists
//! and counts of frames are then wrong too. Lists are entered by their name and their stated
//! length is ignored; only the length of a picture's own chunk counts. Files beyond 1 GiB
//! (OpenDML) are the same walk.

use std::path::Path;

use super::file::Reader;
use super::{CodecId, Demuxer, Item, Packet, Track};
use crate::bytes::{Bytes, four_characters};
use crate::frame::TimeBase;
use crate::limits::Limits;
use crate::source::SourceError;

/// Walks the first video stream of an AVI file.
#[derive(Debug)]
pub(crate) struct AviDemuxer {
    reader: Reader,
    track: Track,
    /// The two digits before the kind of a chunk, such as `00` of `00dc`.
    stream: [u8; 2],
    pictures: i64,
}

impl AviDemuxer {
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let mut reader = Reader::open(path, limits)?;
        let mut header = Header::default();
        while let Some(chunk) = Chunk::read(&mut reader)? {
            match &chunk.list {
                Some(b"movi") => {
                    let (stream, track) = header.video(&reader)?;
                    return Ok(Self { reader, track, stream, pictures: 0 });
                }
                Some(b"AVI " | b"AVIX" | b"hdrl") => {}
                Some(b"strl") => header.streams.push(StreamHeader::default()),
                Some(_) => reader.skip_chunk(chunk.size.saturating_sub(4))?,
                None => {
                    let data = match &chunk.name {
                        b"avih" | b"strh" | b"strf" => reader.header("bytes of an AVI header", chunk.size)?,
                        _ => Vec::new(),
                    };
                    header.take(&chunk.name, &data);
                    let taken = u64::try_from(data.len()).unwrap_or(0);
                    reader.skip_chunk_rest(chunk.size, taken)?;
                }
            }
        }
        Err(reader.damaged("the AVI file has no list of pictures (movi)"))
    }

    fn packet(&mut self, chunk: &Chunk) -> Result<Item, SourceError> {
        let pts = self.pictures;
        self.pictures += 1;
        if chunk.size == 0 {
            let reason = format!("the recorder left picture {pts} empty");
            return Ok(Item::Missing { pts, reason });
        }
        let data = self.reader.take(chunk.size)?;
        let missing = chunk.size - u64::try_from(data.len()).unwrap_or(0);
        let objection = (missing > 0).then(|| format!("the file ends {missing} bytes before the end of picture {pts}"));
        self.reader.skip_chunk_rest(chunk.size, chunk.size)?;
        // Whether a picture is a key picture stands in the index only; MJPEG's all are.
        let key = self.track.codec == CodecId::Mjpeg || pts == 0;
        Ok(Item::Packet(Packet { data, pts, key, objection }))
    }

    /// Goes to the next chunk of this stream after bytes that are no chunk.
    fn resynchronise(&mut self, from: u64) -> Result<Option<Item>, SourceError> {
        const WINDOW: u64 = 64 << 10;
        let [a, b] = self.stream;
        let names = [[a, b, b'd', b'c'], [a, b, b'd', b'b']];
        let mut at = from + 1;
        while at + 8 <= self.reader.length() {
            self.reader.seek(at)?;
            let window = self.reader.take(WINDOW)?;
            let hit = window.windows(4).position(|w| names.iter().any(|name| w == name));
            if let Some(hit) = hit {
                let position = at + u64::try_from(hit).unwrap_or(0);
                self.reader.seek(position)?;
                let reason = format!("bytes {from} to {position} are no AVI chunk and were skipped");
                return Ok(Some(Item::Gap { bytes: position - from, reason }));
            }
            // Three bytes again: a name may lie across two windows.
            at += WINDOW - 3;
        }
        self.reader.seek(self.reader.length())?;
        Ok(Some(Item::Remark(format!("the bytes from {from} on are no AVI chunk"))))
    }
}

impl Demuxer for AviDemuxer {
    fn track(&self) -> &Track {
        &self.track
    }

    fn next(&mut self) -> Result<Option<Item>, SourceError> {
        loop {
            let start = self.reader.position();
            let Some(chunk) = Chunk::read(&mut self.reader)? else {
                return Ok(None);
            };
            let [a, b, c, d] = chunk.name;
            let ours = [a, b] == self.stream && matches!([c, d], [b'd', b'c'] | [b'd', b'b']);
            if ours && chunk.size <= self.reader.limits.max_packet_bytes {
                return self.packet(&chunk).map(Some);
            }
            match &chunk.list {
                Some(b"AVI " | b"AVIX" | b"movi" | b"rec ") => {}
                Some(_) => self.reader.skip_chunk(chunk.size.saturating_sub(4))?,
                // Other streams, indices, padding; a length beyond the file is no chunk's.
                None if chunk.name.iter().all(|c| (b' '..=b'~').contains(c)) && chunk.size <= self.reader.left() => {
                    self.reader.skip_chunk(chunk.size)?;
                }
                None => return self.resynchronise(start),
            }
        }
    }
}

/// The start of a chunk, or of a list, whose four-character type is then read too.
struct Chunk {
    name: [u8; 4],
    size: u64,
    list: Option<&'static [u8; 4]>,
}

impl Chunk {
    fn read(reader: &mut Reader) -> Result<Option<Self>, SourceError> {
        let Some(head) = reader.array::<8>()? else {
            return Ok(None);
        };
        let mut bytes = Bytes::new(&head);
        let (Some(name), Some(size)) = (bytes.tag(), bytes.u32_le()) else {
            return Ok(None);
        };
        let mut chunk = Self { name, size: size.into(), list: None };
        if &name == b"RIFF" || &name == b"LIST" {
            let Some(kind) = reader.array::<4>()? else {
                return Ok(None);
            };
            const KNOWN: [&[u8; 4]; 6] = [b"AVI ", b"AVIX", b"hdrl", b"strl", b"movi", b"rec "];
            chunk.list = Some(KNOWN.into_iter().find(|k| **k == kind).unwrap_or(b"????"));
        }
        Ok(Some(chunk))
    }
}

impl Reader {
    /// Skips a chunk's content; chunks begin at even positions.
    fn skip_chunk(&mut self, size: u64) -> Result<(), SourceError> {
        self.skip(size + size % 2)
    }

    /// Skips what is left of a chunk of which `taken` bytes were read.
    fn skip_chunk_rest(&mut self, size: u64, taken: u64) -> Result<(), SourceError> {
        self.skip(size + size % 2 - taken.min(size))
    }
}

#[derive(Default)]
struct Header {
    frames: u64,
    streams: Vec<StreamHeader>,
}

#[derive(Default)]
struct StreamHeader {
    kind: [u8; 4],
    handler: [u8; 4],
    scale: u32,
    rate: u32,
    length: u32,
    width: u32,
    height: u32,
    compression: [u8; 4],
}

impl Header {
    fn take(&mut self, name: &[u8; 4], data: &[u8]) {
        // A header that ends early leaves zeros, which mean "not stated".
        match (name, self.streams.last_mut()) {
            (b"avih", _) => {
                let mut bytes = Bytes::new(data);
                self.frames = bytes.skip(16).and_then(|()| bytes.u32_le()).unwrap_or(0).into();
            }
            (b"strh", Some(stream)) => {
                let _ = stream.take_header(data);
            }
            (b"strf", Some(stream)) => {
                let _ = stream.take_format(data);
            }
            _ => {}
        }
    }

    /// The first video stream: its number as in chunk names, and its track.
    fn video(&self, reader: &Reader) -> Result<([u8; 2], Track), SourceError> {
        let found = self.streams.iter().zip(0u8..100).find(|(stream, _)| &stream.kind == b"vids");
        let Some((stream, number)) = found else {
            return Err(reader.damaged("the AVI file has no video stream"));
        };
        let mut track = Track::new(stream.codec());
        track.width = stream.width;
        track.height = stream.height;
        track.time_base = TimeBase::new(stream.scale, stream.rate);
        track.frame_rate = track.time_base.map(|base| 1.0 / base.seconds(1));
        let stated = if stream.length > 0 { stream.length.into() } else { self.frames };
        track.declared_frames = (stated > 0).then_some(stated);
        Ok(([b'0' + number / 10, b'0' + number % 10], track))
    }
}

impl StreamHeader {
    fn take_header(&mut self, data: &[u8]) -> Option<()> {
        let mut bytes = Bytes::new(data);
        self.kind = bytes.tag()?;
        self.handler = bytes.tag()?;
        bytes.skip(12)?;
        self.scale = bytes.u32_le()?;
        self.rate = bytes.u32_le()?;
        bytes.skip(4)?;
        self.length = bytes.u32_le()?;
        Some(())
    }

    fn take_format(&mut self, data: &[u8]) -> Option<()> {
        if &self.kind != b"vids" {
            return None;
        }
        let mut bytes = Bytes::new(data);
        bytes.skip(4)?;
        self.width = bytes.u32_le()?;
        // A negative height means that rows run from the top.
        self.height = i32::from_le_bytes(bytes.tag()?).unsigned_abs();
        bytes.skip(4)?;
        self.compression = bytes.tag()?;
        Some(())
    }

    fn codec(&self) -> CodecId {
        let code = if self.compression == [0; 4] { self.handler } else { self.compression };
        fourcc_codec(code)
    }
}

/// The codec of a four-character code as AVI (and Matroska's compatibility mode) uses them.
pub(crate) fn fourcc_codec(code: [u8; 4]) -> CodecId {
    match &code.map(|c| c.to_ascii_uppercase()) {
        b"MJPG" | b"AVRN" | b"JPEG" | b"IJPG" | b"MJPA" => CodecId::Mjpeg,
        b"H264" | b"X264" | b"AVC1" | b"DAVC" => CodecId::H264,
        b"HEVC" | b"H265" | b"X265" | b"HVC1" => CodecId::Hevc,
        b"XVID" | b"DIVX" | b"DX50" | b"FMP4" | b"MP4V" | b"M4S2" | b"MP4S" | b"3IV2" | b"XVIX" => {
            CodecId::Other(format!("MPEG-4 Part 2 ({})", four_characters(code)))
        }
        b"DIV3" | b"MP43" | b"MP42" => CodecId::Other(format!("MS MPEG-4 ({})", four_characters(code))),
        [0, 0, 0, 0] | b"DIB " => CodecId::Other("uncompressed RGB".into()),
        _ => CodecId::Other(format!("the codec \"{}\"", four_characters(code))),
    }
}
