//! Compressed pictures → planes. Containers are not known here.
//!
//! A [`PictureDecoder`] takes packets in decoding order and gives pictures in display order,
//! each with a time: the times of the packets, sorted, because files exist whose times are
//! written in the wrong order while the codec's own picture order is right.

pub(crate) mod h264;
mod h264_header;
pub(crate) mod hevc;
pub(crate) mod jpeg;
mod reorder;

use crate::container::{Packet, Track};
use crate::frame::{Matrix, Plane, Range};
use crate::limits::Limits;
use crate::source::Planes;

/// A decoded picture.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) planes: [Plane; 3],
    pub(crate) range: Range,
    pub(crate) matrix: Matrix,
    /// Why it is not what was recorded, where the decoder filled holes.
    pub(crate) objection: Option<String>,
}

/// A picture in display order.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) pts: i64,
    /// The picture, or why it is lost.
    pub(crate) picture: Result<Picture, Lost>,
}

/// Why a picture is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The data are broken.
    Broken(String),
    /// The data use something that the decoder does not know.
    Unsupported(String),
}

impl Lost {
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Broken(reason) | Self::Unsupported(reason) => reason,
        }
    }
}

/// What is said of a picture whose data have a hole.
const HOLE: &str = "its data hold bytes that no encoder writes";
/// What is said of a picture that follows a loss.
const FOLLOWS_LOSS: &str = "an earlier picture was lost";

/// Decodes one stream.
pub(crate) trait PictureDecoder: Send {
    /// Takes the next packet; pictures that are now known to be next in display order go to
    /// `out`.
    fn push(&mut self, packet: &Packet, out: &mut Vec<Shown>);
    /// Takes note of a picture that the container lost.
    fn missing(&mut self, pts: i64, reason: String, out: &mut Vec<Shown>);
    /// Takes note that packets may be missing here.
    fn gap(&mut self) {}
    /// Ends the stream: all that is left goes to `out`.
    fn flush(&mut self, out: &mut Vec<Shown>);
    /// Codec and profile in words.
    fn describe(&self) -> String;
}

/// Runs a decoder that is not ours. A panic in it becomes an error: data must not end the
/// program.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|_| "fault in the decoder".to_string())
}

/// The decoder of MJPEG: every picture stands alone, in order.
#[derive(Debug)]
pub(crate) struct MjpegDecoder {
    planes: Planes,
    limits: Limits,
    stated_height: u32,
}

impl MjpegDecoder {
    pub(crate) fn new(track: &Track, planes: Planes, limits: &Limits) -> Self {
        Self { planes, limits: limits.clone(), stated_height: track.height }
    }

    fn decode(&self, packet: &Packet) -> Result<Picture, Lost> {
        let jpeg = jpeg::decode(&packet.data, self.planes, &self.limits)?;
        let [y, ..] = &jpeg.planes;
        if y.height.checked_mul(2) == Some(self.stated_height) {
            return Err(Lost::Unsupported("interlaced: two fields a picture".into()));
        }
        let objection = packet.objection.clone().or(jpeg.objection);
        Ok(Picture { planes: jpeg.planes, range: Range::Full, matrix: jpeg.matrix, objection })
    }
}

impl PictureDecoder for MjpegDecoder {
    fn push(&mut self, packet: &Packet, out: &mut Vec<Shown>) {
        out.push(Shown { pts: packet.pts, picture: self.decode(packet) });
    }

    fn missing(&mut self, pts: i64, reason: String, out: &mut Vec<Shown>) {
        out.push(Shown { pts, picture: Err(Lost::Broken(reason)) });
    }

    fn flush(&mut self, _: &mut Vec<Shown>) {}

    fn describe(&self) -> String {
        "MJPEG".into()
    }
}
