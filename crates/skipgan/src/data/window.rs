//! Windows of a clip: from the cache ([`WindowReader`], training) or from a source as it is decoded ([`WindowStream`], scoring, bounded
//! memory). Both make them by [`Sight::push`], so the same frame gives the same bits either way.
//!
//! Only frames ≤ t count; frames before the clip's start repeat the first.

use super::motion_cache::{ClipMotion, MotionCache};
use super::scene_change::SceneChange;
use super::sight::{Cut, Instant, Patch, Sight, Windows};
use super::{Clip, DataError, FrameCache};
use crate::alarm_events::NOMINAL_FRAMES_PER_SECOND;
use std::collections::VecDeque;
use video::{Damage, Frame, FrameSource, OpenOptions, Resizer};

/// One window: frame `frame` of clip `clip`, as the cache counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowIndex {
    /// Index of the clip in the cache.
    pub clip: usize,
    /// Frame t.
    pub frame: usize,
}

/// Cached footage and how the network sees it.
#[derive(Clone, Copy, Debug)]
pub struct Footage<'a> {
    /// The frames.
    pub cache: &'a FrameCache,
    /// Their motion, where the network sees it.
    pub motion: Option<&'a MotionCache>,
    /// What windows are made of.
    pub sight: &'a Sight,
}

/// Reads windows from a cache. Has buffers of its own: one reader a thread.
#[derive(Debug)]
pub struct WindowReader<'a> {
    footage: Footage<'a>,
    frames: Vec<u8>,
    motion: Vec<f32>,
    has_past: bool,
}

impl<'a> WindowReader<'a> {
    /// A reader of that footage.
    #[must_use]
    pub fn new(footage: Footage<'a>) -> WindowReader<'a> {
        let sight = footage.sight;
        WindowReader { footage, frames: vec![0; sight.picture.samples() * sight.history], motion: Vec::new(), has_past: false }
    }

    /// How it makes windows.
    #[must_use]
    pub fn sight(&self) -> &'a Sight {
        self.footage.sight
    }

    /// Whether a frame is the first of a run of consecutive frames: what has no past.
    #[must_use]
    pub fn begins_run(&self, window: WindowIndex) -> bool {
        self.footage.cache.segment_start(window) == window.frame
    }

    /// Adds one window of the whole picture to `windows`. Where the cache holds segments of a long clip, a segment's first frame stands for
    /// what was left out before it.
    ///
    /// # Errors
    /// [`DataError::CacheDamaged`], [`DataError::Io`].
    pub fn read(&mut self, window: WindowIndex, windows: &mut Windows) -> Result<(), DataError> {
        self.load(window)?;
        self.push(Cut::NONE, windows)
    }

    /// Reads what a window is made of; [`WindowReader::push`] then adds it, or parts of it.
    ///
    /// # Errors
    /// [`DataError::CacheDamaged`], [`DataError::Io`].
    pub fn load(&mut self, window: WindowIndex) -> Result<(), DataError> {
        let oldest = self.footage.cache.segment_start(window);
        let samples = self.sight().picture.samples().max(1);
        for (back, part) in (0..self.sight().history).rev().zip(self.frames.chunks_exact_mut(samples)) {
            let frame = window.frame.saturating_sub(back).max(oldest);
            self.footage.cache.read(window.clip, frame, part)?;
        }
        self.has_past = window.frame > oldest;
        match self.footage.motion {
            Some(cache) if self.has_past => cache.read(window, &mut self.motion),
            _ => Ok(()),
        }
    }

    /// Adds the loaded window, or the part of it that `cut` names.
    ///
    /// # Errors
    /// As [`Sight::push`].
    ///
    /// # Panics
    /// As [`Sight::push`].
    pub fn push(&self, cut: Cut, windows: &mut Windows) -> Result<(), DataError> {
        let frames: Vec<&[u8]> = self.frames.chunks_exact(self.sight().picture.samples().max(1)).collect();
        self.sight().push(&Instant { frames: &frames, motion: self.motion() }, cut, windows)
    }

    /// What the loaded window shows, or the part of it that `cut` names.
    ///
    /// # Errors
    /// As [`Sight::patch`].
    pub fn patch(&self, cut: Cut, size: (usize, usize)) -> Result<Patch, DataError> {
        let frames: Vec<&[u8]> = self.frames.chunks_exact(self.sight().picture.samples().max(1)).collect();
        self.sight().patch(&Instant { frames: &frames, motion: self.motion() }, cut, size)
    }

    /// The motion of the loaded window in pixels a frame, `[2, height, width]`, where it has some.
    #[must_use]
    pub fn motion(&self) -> Option<&[f32]> {
        let known = self.footage.motion.is_some() && self.has_past;
        known.then_some(&self.motion)
    }

    /// The newest frame of the loaded window, `[planes, height, width]`.
    #[must_use]
    pub fn newest(&self) -> &[u8] {
        self.frames.chunks_exact(self.sight().picture.samples().max(1)).next_back().unwrap_or_default()
    }
}

/// What a frame of a stream is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameStatus {
    /// As it was recorded.
    Ok,
    /// Lost, or equal to the last frame looked at (where motion is seen: within 0.02 grey levels on average): the last score and map stand.
    Repeated,
    /// Decoded with holes filled by guessing.
    Damaged,
    /// Not the usual view: light, camera or weather changed.
    SceneChange,
}

impl FrameStatus {
    /// The word in a score file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FrameStatus::Ok => "ok",
            FrameStatus::Repeated => "repeated",
            FrameStatus::Damaged => "damaged",
            FrameStatus::SceneChange => "scene_change",
        }
    }

    /// Whether a frame can be an alarm, however high it scores.
    #[must_use]
    pub fn can_alarm(self) -> bool {
        !matches!(self, FrameStatus::Repeated | FrameStatus::SceneChange)
    }
}

/// One frame of a stream as the network sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamedWindow<'a> {
    /// Index of the frame in its clip, 0-based, without gaps.
    pub index: u64,
    /// Time since the first frame in seconds, where known.
    pub time_s: Option<f64>,
    /// What it is worth.
    pub status: FrameStatus,
    /// Whether its history reaches before the clip's start.
    pub warmup: bool,
    /// Whether it is passed over, since footage has more frames a second than are looked at: the last score stands.
    pub skipped: bool,
    /// The window, alone.
    pub window: &'a Windows,
    /// The picture at the network's size, before it became numbers. Shapes: `[planes, height, width]`.
    pub planes: &'a [u8],
}

/// Windows of a clip as it is decoded: causal, and a handful of frames in memory whatever the length.
pub struct WindowStream {
    clip: String,
    source: Box<dyn FrameSource>,
    resizer: Resizer,
    sight: Sight,
    ring: VecDeque<Vec<u8>>,
    motion: Option<ClipMotion>,
    scene: Option<SceneChange>,
    /// Whether the scene had changed when a frame was last looked at.
    changed: bool,
    /// The newest picture before the usual background, once another one has taken over.
    carried: Vec<u8>,
    window: Windows,
    /// Whether the last window reaches before the clip's start.
    warmup: bool,
    /// The last picture that was looked at, where no motion keeps it.
    analysed: Vec<u8>,
    previous: Option<Frame>,
}

impl WindowStream {
    /// Opens a clip.
    ///
    /// # Errors
    /// [`DataError::Source`]; [`DataError::Resize`] for a picture without area.
    pub fn open(clip: &Clip, options: &OpenOptions, sight: &Sight) -> Result<WindowStream, DataError> {
        WindowStream::new(&clip.name, clip.open(options)?, sight)
    }

    /// Windows of an opened source; `clip` names it in errors.
    ///
    /// # Errors
    /// [`DataError::Resize`] for a picture without area.
    pub fn new(clip: &str, source: Box<dyn FrameSource>, sight: &Sight) -> Result<WindowStream, DataError> {
        let resizer = sight.picture.resizer().map_err(|source| DataError::Resize { clip: clip.into(), frame: 0, source })?;
        let motion = sight.needs_motion().then(|| ClipMotion::new(sight.picture.height, sight.picture.width));
        let scene = sight.usual.as_ref().filter(|_| sight.needs_motion()).and_then(|usual| SceneChange::new(sight.steadying, usual));
        let (window, sight) = (sight.windows(), sight.clone());
        let (ring, carried) = (VecDeque::new(), Vec::new());
        Ok(WindowStream {
            clip: clip.into(),
            source,
            resizer,
            sight,
            ring,
            motion,
            scene,
            changed: false,
            carried,
            window,
            warmup: false,
            analysed: Vec::new(),
            previous: None,
        })
    }

    /// How it makes windows.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The source: its stream information and its damage log.
    #[must_use]
    pub fn source(&self) -> &dyn FrameSource {
        self.source.as_ref()
    }

    /// The last frame as it was decoded, for overlays; `None` before the first.
    #[must_use]
    pub fn frame(&self) -> Option<&Frame> {
        self.previous.as_ref()
    }

    /// Where the picture lies in the displayed frame, so that maps can be put back; `None` before the first frame.
    #[must_use]
    pub fn geometry(&self) -> Option<video::Geometry> {
        self.previous.as_ref().map(|frame| self.resizer.geometry(frame))
    }

    /// The window of the next frame; `None` at the end. Blocks as the source does.
    ///
    /// # Errors
    /// [`DataError::Source`], [`DataError::MixedSizes`], [`DataError::Resize`].
    pub fn next_window(&mut self) -> Result<Option<StreamedWindow<'_>>, DataError> {
        let next = self.source.next().map_err(|source| DataError::Source { clip: self.clip.clone(), source })?;
        let Some(frame) = next else {
            return Ok(None);
        };
        check_same_size(&self.clip, self.previous.as_ref(), &frame)?;
        let every = self.sight.picture.every(self.source.info().frame_rate);
        if !frame.index.is_multiple_of(every) && self.window.images() > 0 {
            return Ok(Some(self.pass_over(frame)));
        }
        self.changed = self.push(&frame)?;
        let newest = self.ring.back().map(Vec::as_slice).unwrap_or_default();
        // Against the last frame that was looked at, never one that was passed over: rates are padded with copies.
        let equal = match &mut self.motion {
            Some(motion) => motion.push(newest),
            None => {
                let equal = self.analysed == newest;
                self.analysed.clear();
                self.analysed.extend_from_slice(newest);
                equal
            }
        };
        let status = match frame.damage {
            Damage::Repeated => FrameStatus::Repeated,
            _ if equal => FrameStatus::Repeated,
            _ if self.changed => FrameStatus::SceneChange,
            Damage::Concealed => FrameStatus::Damaged,
            Damage::None | Damage::Unknown => FrameStatus::Ok,
        };
        let mut frames: Vec<&[u8]> = self.ring.iter().map(Vec::as_slice).collect();
        if let (Some(scene), Some(newest)) = (&self.scene, frames.last_mut())
            && scene.before_background(newest, &mut self.carried)
        {
            *newest = &self.carried;
        }
        let motion = self.motion.as_ref().and_then(ClipMotion::motion);
        let reaches_back = (frame.index / every).saturating_add(1) < u64::try_from(self.sight.history).unwrap_or(u64::MAX);
        self.warmup = reaches_back || (self.motion.is_some() && motion.is_none());
        self.window.clear();
        self.sight.push(&Instant { frames: &frames, motion }, Cut::NONE, &mut self.window)?;
        let (index, time_s) = (frame.index, frame.time_s());
        self.previous = Some(frame);
        let planes = self.ring.back().map(Vec::as_slice).unwrap_or_default();
        Ok(Some(StreamedWindow { index, time_s, status, warmup: self.warmup, skipped: false, window: &self.window, planes }))
    }

    /// A frame that is not looked at: the last window stands.
    fn pass_over(&mut self, frame: Frame) -> StreamedWindow<'_> {
        let (index, time_s) = (frame.index, frame.time_s());
        let lost = matches!(frame.damage, Damage::Repeated);
        let status = match self.changed {
            _ if lost => FrameStatus::Repeated,
            true => FrameStatus::SceneChange,
            false => FrameStatus::Ok,
        };
        self.previous = Some(frame);
        let planes = self.ring.back().map(Vec::as_slice).unwrap_or_default();
        StreamedWindow { index, time_s, status, warmup: self.warmup, skipped: true, window: &self.window, planes }
    }

    /// Resizes a frame into the newest place of the ring; the first frame fills every place. Whether the scene has changed.
    fn push(&mut self, frame: &Frame) -> Result<bool, DataError> {
        let full = self.ring.len() == self.sight.history;
        let mut planes = if full { self.ring.pop_front().unwrap_or_default() } else { Vec::new() };
        planes.resize(self.sight.picture.samples(), 0);
        let fail = |source| DataError::Resize { clip: self.clip.clone(), frame: frame.index, source };
        self.resizer.resize_into(frame, &mut planes).map_err(fail)?;
        let seconds = frame.time_s().unwrap_or(frame.index as f64 / NOMINAL_FRAMES_PER_SECOND);
        let changed = self.scene.as_mut().is_some_and(|scene| scene.take(seconds, &mut planes));
        while self.ring.len() + 1 < self.sight.history {
            self.ring.push_back(planes.clone());
        }
        self.ring.push_back(planes);
        Ok(changed)
    }
}

/// A clip keeps one size from its first frame on.
pub(crate) fn check_same_size(clip: &str, before: Option<&Frame>, frame: &Frame) -> Result<(), DataError> {
    let Some(before) = before else {
        return Ok(());
    };
    let ((first_width, first_height), (width, height)) = (before.displayed_size(), frame.displayed_size());
    if (width, height) == (first_width, first_height) {
        return Ok(());
    }
    Err(DataError::MixedSizes { clip: clip.into(), frame: frame.index, width, height, first_width, first_height })
}
