//! HEVC: Main profile, 8-bit 4:2:0, through `rusty_h265`.
//!
//! That crate puts pictures in display order itself and tells which packet each came from; what
//! stands here: units from packets (hvcC), the bounds of sequence headers, which packets never
//! became a picture, and samples of 16 bits made bytes again.

use std::collections::BTreeMap;

use rusty_h265::ps::{Sps, parse_sps};
use rusty_h265::{Decoder, Error, Frame as Decoded};

use super::{FOLLOWS_LOSS, HOLE, Lost, Picture, PictureDecoder, Shown, guarded};
use crate::bits::{Framing, has_hole, payload, units};
use crate::bytes::Bytes;
use crate::container::{Packet, Track};
use crate::frame::{Matrix, Plane, Range};
use crate::limits::Limits;
use crate::source::Planes;

/// Unit types below this are slices.
const FIRST_HEADER: u8 = 32;
const SEQUENCE: u8 = 33;

/// Decodes HEVC.
pub(crate) struct HevcDecoder {
    decoder: Decoder,
    framing: Framing,
    planes: Planes,
    limits: Limits,
    header: Option<Header>,
    container_headers: Vec<Vec<u8>>,
    next_packet: i64,
    /// Packets that may still become a picture, by number.
    pending: BTreeMap<i64, Pending>,
    /// Times not handed out yet, with how often each stands there.
    times: BTreeMap<i64, u32>,
    /// Own time of the last picture shown.
    last_own: i64,
    /// Pictures came in the order of their own times so far.
    times_rise: bool,
    shown: bool,
    tainted: bool,
}

struct Pending {
    pts: i64,
    error: Option<Lost>,
    tainted: bool,
}

struct Header {
    range: Range,
    matrix: Matrix,
    profile: u8,
}

impl HevcDecoder {
    /// A decoder for a track.
    ///
    /// # Errors
    /// Why the container's header of the codec (hvcC) cannot be used.
    pub(crate) fn new(track: &Track, planes: Planes, limits: &Limits) -> Result<Self, Lost> {
        let mut decoder = Self {
            decoder: Decoder::new(),
            framing: Framing::StartCodes,
            planes,
            limits: limits.clone(),
            header: None,
            container_headers: Vec::new(),
            next_packet: 0,
            pending: BTreeMap::new(),
            times: BTreeMap::new(),
            last_own: i64::MIN,
            times_rise: true,
            shown: false,
            tainted: false,
        };
        if !track.config.is_empty() {
            let (framing, sets) = parse_hvcc(&track.config).ok_or_else(|| Lost::Broken("the hvcC header is cut short".into()))?;
            decoder.framing = framing;
            for set in sets {
                decoder.feed(set, None)?;
                decoder.container_headers.push(set.to_vec());
            }
        }
        Ok(decoder)
    }

    /// One unit through the decoder, after checking what it states.
    fn feed(&mut self, unit: &[u8], packet: Option<i64>) -> Result<(), Lost> {
        if unit.len() < 3 {
            return Ok(());
        }
        if kind(unit) == Some(SEQUENCE) {
            let sequence = payload(unit.get(2..).unwrap_or_default());
            let parsed = guarded(|| parse_sps(&sequence)).map_err(Lost::Broken)?;
            let header = Header::of(&parsed.map_err(lost)?, &self.limits)?;
            self.header = Some(header);
        }
        let decoder = &mut self.decoder;
        match guarded(|| decoder.push_nal(unit, packet)) {
            Ok(result) => result.map_err(lost),
            Err(fault) => {
                self.restart();
                Err(Lost::Broken(fault))
            }
        }
    }

    /// Begins anew after a fault, whose state is unknown.
    fn restart(&mut self) {
        self.decoder = Decoder::new();
        for set in &self.container_headers {
            let _ = self.decoder.push_nal(set, None);
        }
    }

    /// Takes what the decoder has ready.
    fn collect(&mut self, out: &mut Vec<Shown>) {
        while let Ok(frame) = self.decoder.next_frame() {
            let entry = frame.pts.and_then(|packet| self.pending.remove(&packet));
            let Some(entry) = entry else { continue };
            self.times_rise &= entry.pts > self.last_own;
            self.last_own = entry.pts;
            if self.times_rise {
                // Pictures come in display order: what should have come before never will.
                self.give_up(|pending| pending.pts < entry.pts, out);
            }
            let picture = self.picture(&frame, &entry).ok_or_else(|| Lost::Broken("a picture of no size".into()));
            self.show(entry.pts, picture, out);
            self.shown = true;
        }
    }

    /// Shows as lost the packets of which `gone` is true, by time.
    fn give_up(&mut self, gone: impl Fn(&Pending) -> bool, out: &mut Vec<Shown>) {
        let mut lost: Vec<(i64, i64)> = self.pending.iter().filter(|(_, p)| gone(p)).map(|(number, p)| (p.pts, *number)).collect();
        lost.sort_unstable();
        for (_, number) in lost {
            if let Some(entry) = self.pending.remove(&number) {
                let reason = entry.error.unwrap_or_else(|| Lost::Broken("the packet gave no picture".into()));
                self.show(entry.pts, Err(reason), out);
            }
        }
    }

    /// Hands a picture or a loss out with the smallest time that is left.
    fn show(&mut self, own: i64, picture: Result<Picture, Lost>, out: &mut Vec<Shown>) {
        let pts = self.times.first_key_value().map_or(own, |(pts, _)| *pts);
        self.forget_time(pts);
        out.push(Shown { pts, picture });
    }

    fn forget_time(&mut self, pts: i64) {
        if let Some(count) = self.times.get_mut(&pts) {
            *count -= 1;
            if *count == 0 {
                self.times.remove(&pts);
            }
        }
    }

    fn picture(&self, frame: &Decoded, entry: &Pending) -> Option<Picture> {
        let source = &frame.picture;
        let (left, top, width, height) = source.crop;
        let [luma, blue, red] = &source.planes;
        let y = bytes_of(luma, left, top, width, height)?;
        let (mut u, mut v) = (Plane::default(), Plane::default());
        if self.planes == Planes::All {
            let chroma = |plane| bytes_of(plane, left / 2, top / 2, width.div_ceil(2), height.div_ceil(2));
            (u, v) = (chroma(blue)?, chroma(red)?);
        }
        let tainted = entry.tainted.then(|| FOLLOWS_LOSS.to_string());
        let objection = entry.error.as_ref().map(|lost| lost.reason().to_string()).or(tainted);
        let header = self.header.as_ref();
        let (range, matrix) = header.map_or_else(Default::default, |h| (h.range, h.matrix));
        Some(Picture { planes: [y, u, v], range, matrix, objection })
    }
}

impl Header {
    fn of(sequence: &Sps, limits: &Limits) -> Result<Self, Lost> {
        let (width, height) = (sequence.width, sequence.height);
        let pixels = u64::from(width) * u64::from(height);
        // Coded sizes are multiples of up to 64.
        if width > limits.max_width + 63 || height > limits.max_height + 63 || pixels > limits.max_pixels {
            return Err(Lost::Broken(format!("the stream states pictures of {width}×{height}")));
        }
        let depth = sequence.bit_depth_luma.max(sequence.bit_depth_chroma);
        match (sequence.chroma_format_idc, depth) {
            (1, 8) => {}
            (1, _) => return Err(Lost::Unsupported(format!("{depth} bits a sample"))),
            (0, _) => return Err(Lost::Unsupported("grey pictures (4:0:0)".into())),
            _ => return Err(Lost::Unsupported("colour that is not 4:2:0".into())),
        }
        let mut header = Self { range: Range::Unknown, matrix: Matrix::Unknown, profile: sequence.ptl.profile() };
        if let Some(usage) = &sequence.vui {
            header.range = if usage.video_full_range_flag { Range::Full } else { Range::Unknown };
            // Primaries of 0 are reserved: the description is absent.
            if usage.colour_primaries != 0 {
                header.matrix = Matrix::from_h273(usage.matrix_coeffs);
            }
        }
        Ok(header)
    }
}

fn lost(error: Error) -> Lost {
    match error {
        Error::Unsupported(what) => Lost::Unsupported(what),
        other => Lost::Broken(other.to_string()),
    }
}

fn kind(unit: &[u8]) -> Option<u8> {
    unit.first().map(|byte| byte >> 1 & 63)
}

/// The visible part of a plane of 16-bit samples that hold 8 bits.
fn bytes_of(plane: &rusty_h265::Plane, left: usize, top: usize, width: usize, height: usize) -> Option<Plane> {
    let mut data = Vec::with_capacity(width.checked_mul(height)?);
    for row in plane.data.chunks_exact(plane.stride.max(1)).skip(top).take(height) {
        let row = row.get(left..left.checked_add(width)?)?;
        data.extend(row.iter().map(|&sample| sample.to_le_bytes()[0]));
    }
    Plane::new(data, u32::try_from(width).ok()?, u32::try_from(height).ok()?)
}

/// Framing and header units of an hvcC record (ISO/IEC 14496-15 §8.3.3).
fn parse_hvcc(config: &[u8]) -> Option<(Framing, Vec<&[u8]>)> {
    let mut bytes = Bytes::new(config);
    bytes.skip(21)?;
    let framing = Framing::Length(usize::from(bytes.u8()? & 3) + 1);
    let mut sets = Vec::new();
    for _ in 0..bytes.u8()? {
        bytes.skip(1)?;
        for _ in 0..bytes.u16_be()? {
            let length = usize::from(bytes.u16_be()?);
            sets.push(bytes.take(length)?);
        }
    }
    Some((framing, sets))
}

impl PictureDecoder for HevcDecoder {
    fn push(&mut self, packet: &Packet, out: &mut Vec<Shown>) {
        let (found, complaint) = units(&packet.data, self.framing);
        let coded = found.iter().filter_map(|unit| kind(unit)).any(|kind| kind < FIRST_HEADER);
        let intra = found.iter().filter_map(|unit| kind(unit)).any(|kind| (16..24).contains(&kind));
        let number = self.next_packet;
        let is_picture = coded || found.is_empty() || complaint.is_some() || packet.objection.is_some();
        if intra {
            self.tainted = false;
        }
        if is_picture {
            self.next_packet += 1;
            *self.times.entry(packet.pts).or_default() += 1;
            let error = complaint.or(packet.objection.clone()).map(Lost::Broken);
            self.pending.insert(number, Pending { pts: packet.pts, error, tainted: self.tainted });
        }
        let before = (self.decoder.stats.skipped_rasl, self.decoder.stats.generated_refs);
        let mut tag = is_picture.then_some(number);
        let mut error = has_hole(&found).then(|| Lost::Broken(HOLE.into()));
        for unit in found {
            if let Err(lost) = self.feed(unit, tag.take()) {
                error = error.or(Some(lost));
            }
        }
        let stats = self.decoder.stats;
        if stats.skipped_rasl > before.0 && !self.shown {
            // Pictures before the first one that needs nothing: no player shows them.
            self.pending.remove(&number);
            self.forget_time(packet.pts);
        }
        let incomplete = stats.generated_refs > before.1;
        self.tainted |= error.is_some() || incomplete;
        if let Some(entry) = self.pending.get_mut(&number) {
            entry.tainted |= incomplete;
            entry.error = entry.error.take().or(error);
        }
        self.collect(out);
        if !self.times_rise {
            // Without sound times only age tells: no picture waits for more than 16 others.
            let number = self.next_packet;
            let old: Vec<i64> = self.pending.keys().copied().filter(|n| n + 64 < number).collect();
            for number in old {
                if let Some(pending) = self.pending.remove(&number) {
                    let reason = pending.error.unwrap_or_else(|| Lost::Broken("the packet gave no picture".into()));
                    self.show(pending.pts, Err(reason), out);
                }
            }
        }
    }

    fn missing(&mut self, pts: i64, reason: String, _: &mut Vec<Shown>) {
        self.tainted = true;
        *self.times.entry(pts).or_default() += 1;
        self.pending.insert(self.next_packet, Pending { pts, error: Some(Lost::Broken(reason)), tainted: false });
        self.next_packet += 1;
    }

    fn gap(&mut self) {
        self.tainted = true;
    }

    fn flush(&mut self, out: &mut Vec<Shown>) {
        let decoder = &mut self.decoder;
        if guarded(|| decoder.flush()).is_ok() {
            self.collect(out);
        }
        self.give_up(|_| true, out);
    }

    fn describe(&self) -> String {
        let profile = self.header.as_ref().map(|h| match h.profile {
            1 => " Main",
            2 => " Main 10",
            3 => " Main Still Picture",
            4 => " Range Extensions",
            _ => "",
        });
        format!("HEVC{}", profile.unwrap_or_default())
    }
}
