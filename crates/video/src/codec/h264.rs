//! H.264: 8-bit 4:2:0 progressive, Baseline to High, through `rusty_h264-decoder`.
//!
//! That crate decodes access units in decoding order and reads neither the stream's range nor
//! its matrix; what it leaves out stands here: units from packets, the bounds of sequence
//! headers, range and matrix, display order, and what a loss means for the pictures after it.

use rusty_h264_decoder::{DecodeError, Decoder};

use super::reorder::Reorder;
use super::{FOLLOWS_LOSS, HOLE, Lost, Picture, PictureDecoder, Shown, guarded};
use crate::bits::{Framing, has_hole, payload, units};
use crate::bytes::Bytes;
use crate::codec::h264_header::SequenceHeader;
use crate::container::{Packet, Track};
use crate::frame::Plane;
use crate::limits::Limits;
use crate::source::Planes;

const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
const SEQUENCE: u8 = 7;
const PICTURE: u8 = 8;
/// Units that may stand in a packet without a picture: messages, headers, delimiters, padding.
const HEADERS: [u8; 7] = [6, SEQUENCE, PICTURE, 9, 10, 11, 12];

/// Decodes H.264.
pub(crate) struct H264Decoder {
    decoder: Decoder,
    framing: Framing,
    planes: Planes,
    limits: Limits,
    header: Option<SequenceHeader>,
    /// Header units of the container, fed before the first packet.
    prologue: Vec<u8>,
    /// The same, kept for a decoder that must begin anew.
    container_headers: Vec<u8>,
    unit_buffer: Vec<u8>,
    reorder: Reorder,
    /// The decoder holds half a picture, which it will complain about at the next one.
    unfinished: bool,
    /// A picture was lost since the last place where decoding can start.
    tainted: bool,
}

impl H264Decoder {
    /// A decoder for a track.
    ///
    /// # Errors
    /// Why the container's header of the codec (avcC) cannot be used.
    pub(crate) fn new(track: &Track, planes: Planes, limits: &Limits) -> Result<Self, Lost> {
        let mut decoder = Self {
            decoder: Decoder::new(),
            framing: Framing::StartCodes,
            planes,
            limits: limits.clone(),
            header: None,
            prologue: Vec::new(),
            container_headers: Vec::new(),
            unit_buffer: Vec::new(),
            reorder: Reorder::default(),
            unfinished: false,
            tainted: false,
        };
        if !track.config.is_empty() {
            let (framing, sets) = parse_avcc(&track.config).ok_or_else(|| Lost::Broken("the avcC header is cut short".into()))?;
            decoder.framing = framing;
            for set in &sets {
                decoder.take_unit(set)?;
            }
            decoder.prologue = std::mem::take(&mut decoder.unit_buffer);
            decoder.container_headers.clone_from(&decoder.prologue);
        }
        Ok(decoder)
    }

    /// Appends a unit for the decoder, after checking what it states.
    fn take_unit(&mut self, unit: &[u8]) -> Result<(), Lost> {
        let kind = unit.first().map_or(0, |byte| byte & 31);
        if kind == SEQUENCE {
            let header = SequenceHeader::parse(&payload(unit.get(1..).unwrap_or_default()))
                .ok_or_else(|| Lost::Broken("a sequence header that cannot be read".into()))?;
            header.check(&self.limits)?;
            self.reorder.set_depth(header.reorder_depth());
            self.header = Some(header);
        }
        if matches!(kind, SLICE | IDR_SLICE | SEQUENCE | PICTURE) {
            self.unit_buffer.extend_from_slice(&[0, 0, 0, 1]);
            self.unit_buffer.extend_from_slice(unit);
        }
        Ok(())
    }

    fn decode(&mut self, packet: &Packet, found: &[&[u8]], complaint: Option<String>) -> Result<(i64, Picture), Lost> {
        self.unit_buffer.clear();
        self.unit_buffer.append(&mut self.prologue);
        for unit in found {
            self.take_unit(unit)?;
        }
        let result = self.feed();
        let frame = match (result, &packet.objection, complaint) {
            (Ok(Some(frame)), _, _) => frame,
            (Ok(None), Some(reason), _) => return Err(Lost::Broken(reason.clone())),
            (Ok(None), None, Some(reason)) => return Err(Lost::Broken(reason)),
            (Ok(None), None, None) => return Err(Lost::Broken("slices of the picture are missing".into())),
            (Err(DecodeError::Unsupported(what)), _, _) => return Err(Lost::Unsupported(what.into())),
            (Err(error), _, _) => return Err(Lost::Broken(error.to_string())),
        };
        let order = i64::from(self.decoder.last_poc());
        let planes = self.planes_of(frame).ok_or_else(|| Lost::Broken("a picture of no size".into()))?;
        let header = self.header.as_ref();
        let hole = has_hole(found);
        self.tainted |= hole;
        let objection = if hole { Some(HOLE) } else { self.tainted.then_some(FOLLOWS_LOSS) }.map(str::to_string);
        Ok((
            order,
            Picture {
                planes,
                range: header.map(|h| h.range).unwrap_or_default(),
                matrix: header.map(|h| h.matrix).unwrap_or_default(),
                objection,
            },
        ))
    }

    /// One access unit through the decoder. Half a picture from before makes it refuse the next
    /// one once; a second try is accepted.
    fn feed(&mut self) -> Result<Option<rusty_h264_common::YuvFrame>, DecodeError> {
        let data = std::mem::take(&mut self.unit_buffer);
        let decoder = &mut self.decoder;
        let mut result = guarded(|| decoder.decode(&data));
        if self.unfinished && matches!(result, Ok(Err(DecodeError::Truncated))) {
            result = guarded(|| decoder.decode(&data));
        }
        self.unit_buffer = data;
        let result = result.unwrap_or_else(|_| {
            // The decoder's state is unknown after a fault: begin anew at the next IDR picture.
            self.decoder = Decoder::new();
            self.prologue.clone_from(&self.container_headers);
            Err(DecodeError::Internal("fault in the decoder"))
        });
        self.unfinished = !matches!(result, Ok(Some(_)));
        result
    }

    /// The visible planes. The decoder cuts right and bottom; left and top are cut here.
    fn planes_of(&self, frame: rusty_h264_common::YuvFrame) -> Option<[Plane; 3]> {
        let (width, height) = (u32::try_from(frame.width).ok()?, u32::try_from(frame.height).ok()?);
        let (left, top) = self.header.as_ref().map_or((0, 0), |h| (h.crop_left, h.crop_top));
        let y = cropped(frame.y, width, height, left, top)?;
        if self.planes == Planes::Luma {
            return Some([y, Plane::default(), Plane::default()]);
        }
        let chroma = |data| cropped(data, width / 2, height / 2, left / 2, top / 2);
        Some([y, chroma(frame.u)?, chroma(frame.v)?])
    }
}

fn cropped(data: Vec<u8>, width: u32, height: u32, left: u32, top: u32) -> Option<Plane> {
    let plane = Plane::new(data, width, height)?;
    if left == 0 && top == 0 {
        return Some(plane);
    }
    let first = usize::try_from(left).ok()?;
    let mut out = Vec::new();
    for row in top..height {
        out.extend_from_slice(plane.row(row)?.get(first..)?);
    }
    Plane::new(out, width.checked_sub(left)?, height.checked_sub(top)?)
}

/// Framing and header units of an avcC record.
fn parse_avcc(config: &[u8]) -> Option<(Framing, Vec<&[u8]>)> {
    let mut bytes = Bytes::new(config);
    bytes.skip(4)?;
    let framing = Framing::Length(usize::from(bytes.u8()? & 3) + 1);
    let mut sets = Vec::new();
    for mask in [31, 255] {
        for _ in 0..bytes.u8()? & mask {
            let length = usize::from(bytes.u16_be()?);
            sets.push(bytes.take(length)?);
        }
    }
    Some((framing, sets))
}

impl PictureDecoder for H264Decoder {
    fn push(&mut self, packet: &Packet, out: &mut Vec<Shown>) {
        let (found, complaint) = units(&packet.data, self.framing);
        let kinds = || found.iter().filter_map(|unit| unit.first()).map(|byte| byte & 31);
        let idr = kinds().any(|kind| kind == IDR_SLICE);
        let headers_only = !found.is_empty() && kinds().all(|kind| HEADERS.contains(&kind));
        if headers_only && complaint.is_none() && packet.objection.is_none() {
            // Headers or messages only: they are for the pictures to come.
            for unit in &found {
                let _ = self.take_unit(unit);
            }
            self.prologue.append(&mut self.unit_buffer);
            return;
        }
        if idr {
            self.reorder.begin_sequence(out);
        }
        if idr || packet.key {
            self.tainted = false;
        }
        match self.decode(packet, &found, complaint) {
            Ok((order, picture)) => self.reorder.good(order, packet.pts, picture, out),
            Err(lost) => {
                self.tainted = true;
                self.reorder.lost(packet.pts, lost, out);
            }
        }
    }

    fn missing(&mut self, pts: i64, reason: String, out: &mut Vec<Shown>) {
        self.tainted = true;
        self.reorder.lost(pts, Lost::Broken(reason), out);
    }

    fn gap(&mut self) {
        self.tainted = true;
    }

    fn flush(&mut self, out: &mut Vec<Shown>) {
        self.reorder.flush(out);
    }

    fn describe(&self) -> String {
        match &self.header {
            Some(header) => format!("H.264 {}", header.profile_name()),
            None => "H.264".into(),
        }
    }
}
