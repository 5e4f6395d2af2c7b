//! Files → packets or frames: where a compressed picture lies and when it is shown.
//!
//! A [`Demuxer`] walks one file from front to back and gives the pictures of its first video
//! track, still compressed. Lists that lie about their length, missing indices and missing ends
//! are met here; what is inside a packet is not known here.

pub(crate) mod avi;
pub(crate) mod file;
pub(crate) mod matroska;
pub(crate) mod mp4;
pub(crate) mod y4m;

use crate::frame::{Matrix, Range, TimeBase};
use crate::source::SourceError;

/// Which decoder a track wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CodecId {
    /// H.264; `config` is an avcC record, or empty for Annex B packets.
    H264,
    /// HEVC; `config` is an hvcC record, or empty for Annex B packets.
    Hevc,
    /// One JPEG a picture.
    Mjpeg,
    /// Something else, in words.
    Other(String),
}

/// The video track of a file, as its container describes it.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) codec: CodecId,
    pub(crate) config: Vec<u8>,
    /// Stated size; may be a display size or wrong, the decoder knows better. 0 = not stated.
    pub(crate) width: u32,
    /// Stated size; 0 = not stated.
    pub(crate) height: u32,
    pub(crate) rotation: u16,
    pub(crate) time_base: Option<TimeBase>,
    pub(crate) frame_rate: Option<f64>,
    pub(crate) declared_frames: Option<u64>,
    /// What the container says of the samples, used where the codec says nothing.
    pub(crate) range: Range,
    pub(crate) matrix: Matrix,
    /// Pictures are shown from this time on (an edit list cuts what is before).
    pub(crate) shown_from: i64,
    /// Pictures are shown before this time.
    pub(crate) shown_until: i64,
}

impl Track {
    /// A track of which only the codec is known.
    pub(crate) fn new(codec: CodecId) -> Self {
        Self {
            codec,
            config: Vec::new(),
            width: 0,
            height: 0,
            rotation: 0,
            time_base: None,
            frame_rate: None,
            declared_frames: None,
            range: Range::Unknown,
            matrix: Matrix::Unknown,
            shown_from: i64::MIN,
            shown_until: i64::MAX,
        }
    }
}

/// One compressed picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packet {
    pub(crate) data: Vec<u8>,
    /// When it is shown, in ticks of the track.
    pub(crate) pts: i64,
    /// Whether decoding may start here.
    pub(crate) key: bool,
    /// The container's complaint about these bytes, such as a missing end.
    pub(crate) objection: Option<String>,
}

/// What a walk through a file meets.
#[derive(Debug)]
pub(crate) enum Item {
    /// A picture.
    Packet(Packet),
    /// A picture that the container names but does not hold.
    Missing { pts: i64, reason: String },
    /// So many bytes are no container's: pictures may be missing, how many is not known.
    Gap { bytes: u64, reason: String },
    /// Something worth saying that loses no picture known by name.
    Remark(String),
}

/// Walks the video track of a file.
pub(crate) trait Demuxer: Send {
    fn track(&self) -> &Track;
    /// The next item in decoding order; `None` = end.
    fn next(&mut self) -> Result<Option<Item>, SourceError>;
}
