//! Windows of a clip: from the cache ([`WindowReader`], training) or from a source as it is decoded ([`WindowStream`], scoring, bounded
//! memory). Both make them by [`Sight::push`], so the same frame gives the same bits either way.
//!
//! Only frames ≤ t count; frames before the clip's start repeat the first.

use super::compose::Composer;
use super::motion_cache::MotionCache;
use super::pictures::{Moment, PictureStream};
use super::sight::{Cut, Instant, Patch, Sight, Windows};
use super::{Clip, DataError, FrameCache};
use crate::stages::StageClock;
use kernels::Pool;
use std::sync::Arc;
use video::{Frame, FrameSource, OpenOptions};

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

/// Windows of a clip as it is decoded: causal, and a handful of frames in memory whatever the length. Pictures and what is composed of them can be
/// had apart ([`WindowStream::parts`]), so that one can run ahead of the other; the windows are the same.
pub struct WindowStream {
    pictures: PictureStream,
    composer: Composer,
    window: Windows,
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
        let pictures = PictureStream::new(clip, source, sight)?;
        Ok(WindowStream { pictures, composer: Composer::new(sight, None), window: sight.windows() })
    }

    /// Finds the motion of several frames side by side where it is asked for several at once ([`WindowStream::parts`]). Before the first frame.
    pub fn use_pool(&mut self, pool: Arc<Pool>) {
        let timed = self.composer.stages().is_running();
        self.composer = Composer::new(self.pictures.sight(), Some(pool));
        if timed {
            self.composer.time_stages();
        }
    }

    /// Where moments come from, and what makes windows of them.
    pub fn parts(&mut self) -> (&mut PictureStream, &mut Composer) {
        (&mut self.pictures, &mut self.composer)
    }

    /// How it makes windows.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        self.pictures.sight()
    }

    /// The source: its stream information and its damage log.
    #[must_use]
    pub fn source(&self) -> &dyn FrameSource {
        self.pictures.source()
    }

    /// The last frame as it was decoded, for overlays; `None` before the first.
    #[must_use]
    pub fn frame(&self) -> Option<&Frame> {
        self.pictures.frame()
    }

    /// Where the picture lies in the displayed frame, so that maps can be put back; `None` before the first frame.
    #[must_use]
    pub fn geometry(&self) -> Option<video::Geometry> {
        self.pictures.geometry()
    }

    /// Counts from now on how long each stage computes.
    pub fn time_stages(&mut self) {
        self.pictures.time_stages();
        self.composer.time_stages();
    }

    /// What has been counted.
    #[must_use]
    pub fn stages(&self) -> StageClock {
        let mut stages = self.pictures.stages().clone();
        stages.add(self.composer.stages());
        stages
    }

    /// The window of the next frame; `None` at the end. Blocks as the source does.
    ///
    /// # Errors
    /// [`DataError::Source`], [`DataError::MixedSizes`], [`DataError::Resize`].
    pub fn next_window(&mut self) -> Result<Option<StreamedWindow<'_>>, DataError> {
        let Some(moment) = self.pictures.next_moment()? else { return Ok(None) };
        // A frame that is passed over leaves the last window as it is.
        if !moment.skipped {
            self.window.clear();
            self.composer.add(std::slice::from_ref(&moment.material), &mut self.window)?;
        }
        let Moment { index, time_s, status, warmup, skipped, .. } = moment;
        let planes = self.pictures.newest();
        Ok(Some(StreamedWindow { index, time_s, status, warmup, skipped, window: &self.window, planes }))
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
