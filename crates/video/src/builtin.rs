//! The built-in backend: a demuxer and a decoder joined to a [`FrameSource`].
//!
//! It streams: one packet, the decoder's references and a few pictures that wait for their turn
//! are all that lies in memory. At open the beginning is decoded for trial (the first group of
//! pictures, at most 2 million pixels), because whether this backend can do a file must be known
//! before a frame is handed out; these pictures then come first.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::align::{Aligned, Aligner};
use crate::codec::h264::H264Decoder;
use crate::codec::hevc::HevcDecoder;
use crate::codec::{Lost, MjpegDecoder, Picture, PictureDecoder, Shown};
use crate::container::avi::AviDemuxer;
use crate::container::matroska::MatroskaDemuxer;
use crate::container::mp4::Mp4Demuxer;
use crate::container::{CodecId, Demuxer, Item, Track};
use crate::frame::{Damage, Frame, Matrix, Range};
use crate::limits::Limits;
use crate::source::{Backend, DamageLog, FrameSource, OpenOptions, Planes, SourceError, StreamInfo};

/// Luma samples decoded for trial at most: 24 pictures of 360×240, 2 of 1080p; some 35 ms.
const TRIAL_PIXELS: u64 = 2 << 20;

/// The containers read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Avi,
    Matroska,
    Mp4,
}

/// Pictures, losses and remarks of the trial that are kept at most; a beginning with more is read again.
const MOST_TRIED: usize = 4096;

/// What the trial at open demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    /// One picture, wherever it comes: there is no other backend.
    AnyPicture,
    /// A first group of pictures without a loss: else another backend may do better.
    SoundStart,
}

/// Frames of a file, decoded in this process.
pub(crate) struct BuiltinSource {
    path: PathBuf,
    stream: Stream,
    /// What the trial at open has met and nobody has seen yet.
    tried: VecDeque<Met>,
    info: StreamInfo,
    aligner: Aligner,
    gap: Option<Gap>,
    last_pts: Option<i64>,
}

/// A hole in the file: pictures may be missing where the times jump, soon after it.
struct Gap {
    /// Most pictures that fit in it.
    most: u64,
    /// Pictures that may still come before the jump, because they waited for their turn.
    patience: u32,
}

impl BuiltinSource {
    /// Opens a file and tries its beginning.
    ///
    /// # Errors
    /// [`SourceError::Unsupported`] or [`SourceError::Damaged`] where the trial fails,
    /// [`SourceError::NoFrames`] where the file has no picture.
    pub(crate) fn open(path: &Path, container: Container, options: &OpenOptions, trial: Trial) -> Result<Self, SourceError> {
        let mut stream = Stream::open(path, container, options)?;
        let mut tried = Some(VecDeque::new());
        let (picture, codec) = try_start(path, &mut stream, &mut tried, &options.limits, trial)?;
        let tried = match tried {
            Some(tried) => tried,
            None => {
                stream = Stream::open(path, container, options)?;
                VecDeque::new()
            }
        };
        let track = stream.demuxer.track();
        let info = StreamInfo {
            width: picture.width,
            height: picture.height,
            rotation: track.rotation,
            time_base: track.time_base.or_else(|| options.fps.and_then(crate::frame::TimeBase::from_fps)),
            frame_rate: track.frame_rate.or(options.fps),
            declared_frames: track.declared_frames,
            live: false,
            codec,
            backend: Backend::Builtin,
            range: picture.range,
            matrix: picture.matrix,
        };
        Ok(Self { path: path.to_path_buf(), stream, tried, info, aligner: Aligner::new(options.limits.clone()), gap: None, last_pts: None })
    }

    /// Where the times jump after a hole, names the pictures between as lost, so that numbers
    /// stay those of the recording. Needs a stated frame rate.
    fn fill_gap(&mut self, pts: i64) {
        let last = self.last_pts.replace(pts);
        let Some(gap) = &mut self.gap else { return };
        let rate = self.info.frame_rate.zip(self.info.time_base).map(|(fps, base)| 1.0 / (fps * base.seconds(1)));
        let (Some(last), Some(step)) = (last, rate.filter(|step| *step > 0.0)) else { return };
        let between = ((pts.saturating_sub(last)) as f64 / step).round() - 1.0;
        if between < 1.0 {
            gap.patience -= 1;
            if gap.patience == 0 {
                self.gap = None;
            }
            return;
        }
        // A saturating cast, then bounded by the bytes that are missing.
        let count = (between as u64).min(gap.most);
        self.gap = None;
        for number in 1..=count {
            let shift = (number as f64 * step).round() as i64;
            self.aligner.lost(last.saturating_add(shift), "lost in a hole of the file");
        }
    }

    fn take(&mut self, shown: Shown) {
        self.fill_gap(shown.pts);
        match shown.picture {
            Ok(picture) => match self.frame(picture, shown.pts) {
                Ok((frame, objection)) => self.aligner.good(frame, objection),
                Err(reason) => self.aligner.lost(shown.pts, reason),
            },
            Err(lost) => self.aligner.lost(shown.pts, lost.reason()),
        }
    }

    fn frame(&self, picture: Picture, pts: i64) -> Result<(Frame, Option<String>), String> {
        let mut frame = Frame::still(picture.planes, picture.range, picture.matrix);
        if (frame.width, frame.height) != (self.info.width, self.info.height) {
            return Err(format!(
                "the picture size changes from {}×{} to {}×{}",
                self.info.width, self.info.height, frame.width, frame.height
            ));
        }
        frame.pts = pts;
        frame.time_base = self.info.time_base;
        frame.rotation = self.info.rotation;
        if picture.objection.is_some() {
            frame.damage = Damage::Concealed;
        }
        Ok((frame, picture.objection))
    }
}

impl Aligned for BuiltinSource {
    fn aligner(&mut self) -> &mut Aligner {
        &mut self.aligner
    }

    fn advance(&mut self) -> Result<(), SourceError> {
        let met = match self.tried.pop_front() {
            Some(met) => Some(met),
            None => self.stream.next()?,
        };
        match met {
            Some(Met::Shown(shown)) => self.take(shown),
            Some(Met::Gap { bytes, reason }) => {
                // No picture is smaller than this with its head.
                const LEAST: u64 = 16;
                self.aligner.remark(reason);
                self.gap = Some(Gap { most: bytes / LEAST, patience: 32 });
            }
            Some(Met::Remark(reason)) => self.aligner.remark(reason),
            None => {
                self.aligner.end();
                if !self.aligner.has_picture() {
                    return Err(no_frames(&self.path, self.aligner.log()));
                }
            }
        }
        Ok(())
    }
}

impl FrameSource for BuiltinSource {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        self.next_aligned()
    }

    fn damage_log(&self) -> &DamageLog {
        self.aligner.log()
    }
}

fn no_frames(path: &Path, log: &DamageLog) -> SourceError {
    let reason = log.events.first().map_or("it holds no picture".into(), |event| event.reason.clone());
    SourceError::NoFrames { path: path.to_path_buf(), reason }
}

/// What comes out of a stream next.
enum Met {
    Shown(Shown),
    Gap { bytes: u64, reason: String },
    Remark(String),
}

/// A demuxer and its decoder.
struct Stream {
    demuxer: Box<dyn Demuxer>,
    decoder: Box<dyn PictureDecoder>,
    ready: VecDeque<Shown>,
    fresh: Vec<Shown>,
    key_pictures: u64,
    flushed: bool,
}

impl Stream {
    fn open(path: &Path, container: Container, options: &OpenOptions) -> Result<Self, SourceError> {
        let limits = &options.limits;
        let demuxer: Box<dyn Demuxer> = match container {
            Container::Avi => Box::new(AviDemuxer::open(path, limits)?),
            Container::Matroska => Box::new(MatroskaDemuxer::open(path, limits)?),
            Container::Mp4 => Box::new(Mp4Demuxer::open(path, limits)?),
        };
        let decoder = decoder(path, demuxer.track(), options.planes, limits)?;
        Ok(Self { demuxer, decoder, ready: VecDeque::new(), fresh: Vec::new(), key_pictures: 0, flushed: false })
    }

    /// The next picture in display order that the file means to be seen, or a remark.
    fn next(&mut self) -> Result<Option<Met>, SourceError> {
        loop {
            while let Some(shown) = self.ready.pop_front() {
                let track = self.demuxer.track();
                if (track.shown_from..track.shown_until).contains(&shown.pts) {
                    return Ok(Some(Met::Shown(self.with_container_colour(shown))));
                }
            }
            if self.flushed {
                return Ok(None);
            }
            match self.demuxer.next()? {
                Some(Item::Packet(packet)) => {
                    self.key_pictures += u64::from(packet.key);
                    self.decoder.push(&packet, &mut self.fresh);
                }
                Some(Item::Missing { pts, reason }) => self.decoder.missing(pts, reason, &mut self.fresh),
                Some(Item::Gap { bytes, reason }) => {
                    self.decoder.gap();
                    return Ok(Some(Met::Gap { bytes, reason }));
                }
                Some(Item::Remark(reason)) => return Ok(Some(Met::Remark(reason))),
                None => {
                    self.decoder.flush(&mut self.fresh);
                    self.flushed = true;
                }
            }
            self.ready.extend(self.fresh.drain(..));
        }
    }

    /// Fills what the codec leaves unsaid: from the container, else limited range.
    fn with_container_colour(&self, mut shown: Shown) -> Shown {
        let track = self.demuxer.track();
        if let Ok(picture) = &mut shown.picture {
            if picture.range == Range::Unknown {
                picture.range = if track.range == Range::Unknown { Range::Limited } else { track.range };
            }
            if picture.matrix == Matrix::Unknown {
                picture.matrix = track.matrix;
            }
        }
        shown
    }
}

fn decoder(path: &Path, track: &Track, planes: Planes, limits: &Limits) -> Result<Box<dyn PictureDecoder>, SourceError> {
    match &track.codec {
        CodecId::Mjpeg => Ok(Box::new(MjpegDecoder::new(track, planes, limits))),
        CodecId::H264 => H264Decoder::new(track, planes, limits)
            .map(|d| Box::new(d) as Box<dyn PictureDecoder>)
            .map_err(|lost| refused(path, "H.264", lost)),
        CodecId::Hevc => HevcDecoder::new(track, planes, limits)
            .map(|d| Box::new(d) as Box<dyn PictureDecoder>)
            .map_err(|lost| refused(path, "HEVC", lost)),
        CodecId::Other(name) => Err(SourceError::unsupported(path, name.clone(), "it needs ffmpeg")),
    }
}

fn refused(path: &Path, codec: &str, lost: Lost) -> SourceError {
    match lost {
        Lost::Broken(reason) => SourceError::damaged(path, reason),
        Lost::Unsupported(reason) => SourceError::unsupported(path, codec, reason),
    }
}

/// What is known of a file from its first picture.
struct Start {
    width: u32,
    height: u32,
    range: Range,
    matrix: Matrix,
}

/// Decodes the beginning into `tried`, which becomes `None` where that is too much to keep: gives what its first picture says and the codec in
/// words.
fn try_start(
    path: &Path,
    stream: &mut Stream,
    tried: &mut Option<VecDeque<Met>>,
    limits: &Limits,
    trial: Trial,
) -> Result<(Start, String), SourceError> {
    let mut first: Option<Start> = None;
    let mut complaint: Option<Lost> = None;
    let mut pixels = 0u64;
    while let Some(met) = stream.next()? {
        // A hole among or in the first pictures harms all that build on them; a JPEG stands alone.
        let stands_alone = stream.demuxer.track().codec == CodecId::Mjpeg;
        match &met {
            Met::Shown(Shown { picture: Ok(picture), .. }) => {
                let objection = picture.objection.clone().filter(|_| !stands_alone);
                complaint = complaint.or(objection.map(Lost::Broken));
                let luma = &picture.planes[0];
                pixels += u64::from(luma.width) * u64::from(luma.height);
                first.get_or_insert(Start { width: luma.width, height: luma.height, range: picture.range, matrix: picture.matrix });
            }
            Met::Shown(Shown { picture: Err(lost), .. }) => complaint = complaint.or(Some(lost.clone())),
            Met::Gap { reason, .. } => complaint = complaint.or((!stands_alone).then(|| Lost::Broken(reason.clone()))),
            Met::Remark(_) => {}
        }
        let picture = matches!(met, Met::Shown(_));
        if let Some(kept) = tried.as_mut() {
            kept.push_back(met);
        }
        if tried.as_ref().is_some_and(|kept| kept.len() > MOST_TRIED) {
            *tried = None;
        }
        let enough = match trial {
            Trial::AnyPicture => first.is_some(),
            Trial::SoundStart => complaint.is_some() || stream.key_pictures > 1 || pixels >= TRIAL_PIXELS,
        };
        if picture && enough && (first.is_some() || complaint.is_some()) {
            break;
        }
    }
    let codec = stream.decoder.describe();
    match (first, complaint, trial) {
        (Some(start), None, _) | (Some(start), _, Trial::AnyPicture) => {
            limits.check_size(path, start.width, start.height)?;
            Ok((start, codec))
        }
        (_, Some(Lost::Unsupported(reason)), _) => Err(SourceError::unsupported(path, codec, reason)),
        (Some(_), Some(Lost::Broken(reason)), _) => Err(SourceError::damaged(path, format!("its first pictures are broken ({reason})"))),
        (None, complaint, _) => Err(SourceError::NoFrames {
            path: path.to_path_buf(),
            reason: complaint.map_or("it holds no picture".into(), |lost| lost.reason().to_string()),
        }),
    }
}
