//! A clip's frames as they are decoded, at the network's size, with what is known of each before it becomes a window: whether it says anything new,
//! whether the scene has changed, and between which two pictures motion is to be found. Causal; a handful of frames in memory whatever the length.
//!
//! Decoding, resizing and the look at the scene happen here; motion and channels are [`super::compose`]'s, so that this can run ahead of it.

use super::motion_cache::is_repetition;
use super::scene_change::SceneChange;
use super::sight::Sight;
use super::window::{FrameStatus, check_same_size};
use super::{Clip, DataError};
use crate::alarm_events::NOMINAL_FRAMES_PER_SECOND;
use crate::stages::{Stage, StageClock};
use std::collections::VecDeque;
use std::sync::Arc;
use video::{Damage, Frame, FrameSource, Geometry, OpenOptions, Resizer};

/// A picture at the network's size, `[planes, height, width]`, 0 … 255.
pub type Planes = Arc<Vec<u8>>;

/// One frame on its way to a window.
#[derive(Clone, Debug)]
pub struct Moment {
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
    /// What its window is made of; the last window's pictures where it is passed over.
    pub material: Material,
    /// The frame as it was decoded.
    pub frame: Arc<Frame>,
    /// Where the picture lies in the displayed frame.
    pub geometry: Geometry,
}

/// What a window is made of.
#[derive(Clone, Debug)]
pub struct Material {
    /// The pictures of the window, oldest first.
    pub pictures: Vec<Planes>,
    /// Between which pictures motion is to be found; `None` where the last motion stands (or there is none yet).
    pub pair: Option<(Planes, Planes)>,
    /// Whether a window is wanted, not only what follows from it for later ones.
    pub wanted: bool,
}

/// The moments of a clip.
pub struct PictureStream {
    clip: String,
    source: Box<dyn FrameSource>,
    resizer: Resizer,
    sight: Sight,
    ring: VecDeque<Planes>,
    scene: Option<SceneChange>,
    /// Whether the scene had changed when a frame was last looked at.
    changed: bool,
    /// Whether the last window reaches before the clip's start.
    warmup: bool,
    /// The last picture that was looked at and said something new.
    analysed: Option<Planes>,
    /// Whether there has been a pair.
    has_past: bool,
    pictures: Vec<Planes>,
    previous: Option<Arc<Frame>>,
    clock: StageClock,
}

impl PictureStream {
    /// Opens a clip.
    ///
    /// # Errors
    /// [`DataError::Source`]; [`DataError::Resize`] for a picture without area.
    pub fn open(clip: &Clip, options: &OpenOptions, sight: &Sight) -> Result<PictureStream, DataError> {
        PictureStream::new(&clip.name, clip.open(options)?, sight)
    }

    /// Pictures of an opened source; `clip` names it in errors.
    ///
    /// # Errors
    /// [`DataError::Resize`] for a picture without area.
    pub fn new(clip: &str, source: Box<dyn FrameSource>, sight: &Sight) -> Result<PictureStream, DataError> {
        let resizer = sight.picture.resizer().map_err(|source| DataError::Resize { clip: clip.into(), frame: 0, source })?;
        let scene = sight.usual.as_ref().filter(|_| sight.needs_motion()).and_then(|usual| SceneChange::new(sight.steadying, usual));
        Ok(PictureStream {
            clip: clip.into(),
            source,
            resizer,
            sight: sight.clone(),
            ring: VecDeque::new(),
            scene,
            changed: false,
            warmup: false,
            analysed: None,
            has_past: false,
            pictures: Vec::new(),
            previous: None,
            clock: StageClock::default(),
        })
    }

    /// How it looks at footage.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The source: its stream information and its damage log.
    #[must_use]
    pub fn source(&self) -> &dyn FrameSource {
        self.source.as_ref()
    }

    /// The last frame as it was decoded; `None` before the first.
    #[must_use]
    pub fn frame(&self) -> Option<&Frame> {
        self.previous.as_deref()
    }

    /// Where the picture lies in the displayed frame, so that maps can be put back; `None` before the first frame.
    #[must_use]
    pub fn geometry(&self) -> Option<Geometry> {
        self.previous.as_ref().map(|frame| self.resizer.geometry(frame))
    }

    /// The picture at the network's size; empty before the first frame.
    #[must_use]
    pub fn newest(&self) -> &[u8] {
        self.ring.back().map(|planes| planes.as_slice()).unwrap_or_default()
    }

    /// Counts from now on how long each stage computes.
    pub fn time_stages(&mut self) {
        self.clock = StageClock::running();
    }

    /// What has been counted.
    #[must_use]
    pub fn stages(&self) -> &StageClock {
        &self.clock
    }

    /// The next frame; `None` at the end. Blocks as the source does.
    ///
    /// # Errors
    /// [`DataError::Source`], [`DataError::MixedSizes`], [`DataError::Resize`].
    pub fn next_moment(&mut self) -> Result<Option<Moment>, DataError> {
        self.clock.start();
        let next = self.source.next().map_err(|source| DataError::Source { clip: self.clip.clone(), source })?;
        self.clock.lap(Stage::Decode);
        let Some(frame) = next else {
            return Ok(None);
        };
        check_same_size(&self.clip, self.previous.as_deref(), &frame)?;
        let every = self.sight.picture.every(self.source.info().frame_rate);
        if !frame.index.is_multiple_of(every) && self.previous.is_some() {
            return Ok(Some(self.pass_over(frame)));
        }
        let newest = self.look_at(&frame)?;
        let (equal, pair) = self.analyse(&newest);
        let status = match frame.damage {
            Damage::Repeated => FrameStatus::Repeated,
            _ if equal => FrameStatus::Repeated,
            _ if self.changed => FrameStatus::SceneChange,
            Damage::Concealed => FrameStatus::Damaged,
            Damage::None | Damage::Unknown => FrameStatus::Ok,
        };
        let reaches_back = (frame.index / every).saturating_add(1) < u64::try_from(self.sight.history).unwrap_or(u64::MAX);
        self.warmup = reaches_back || (self.sight.needs_motion() && !self.has_past);
        self.clock.lap(Stage::View);
        Ok(Some(self.moment(frame, status, false, pair)))
    }

    /// A frame that is not looked at: the last window stands.
    fn pass_over(&mut self, frame: Frame) -> Moment {
        let status = match self.changed {
            _ if matches!(frame.damage, Damage::Repeated) => FrameStatus::Repeated,
            true => FrameStatus::SceneChange,
            false => FrameStatus::Ok,
        };
        self.moment(frame, status, true, None)
    }

    fn moment(&mut self, frame: Frame, status: FrameStatus, skipped: bool, pair: Option<(Planes, Planes)>) -> Moment {
        let (index, time_s, geometry, frame) = (frame.index, frame.time_s(), self.resizer.geometry(&frame), Arc::new(frame));
        self.previous = Some(Arc::clone(&frame));
        let material = Material { pictures: self.pictures.clone(), pair, wanted: !skipped };
        Moment { index, time_s, status, warmup: self.warmup, skipped, material, frame, geometry }
    }

    /// Resizes a frame into the newest place of the ring (the first fills every place), sees whether the scene has changed, and gathers the pictures
    /// of its window.
    fn look_at(&mut self, frame: &Frame) -> Result<Planes, DataError> {
        let full = self.ring.len() == self.sight.history;
        // Memory that no window holds any more is used again.
        let oldest = if full { self.ring.pop_front() } else { None };
        let mut planes = oldest.and_then(Arc::into_inner).unwrap_or_default();
        planes.resize(self.sight.picture.samples(), 0);
        let fail = |source| DataError::Resize { clip: self.clip.clone(), frame: frame.index, source };
        self.resizer.resize_into(frame, &mut planes).map_err(fail)?;
        self.clock.lap(Stage::Resize);
        let seconds = frame.time_s().unwrap_or(frame.index as f64 / NOMINAL_FRAMES_PER_SECOND);
        self.changed = self.scene.as_mut().is_some_and(|scene| scene.take(seconds, &mut planes));
        let planes = Arc::new(planes);
        while self.ring.len() < self.sight.history {
            self.ring.push_back(Arc::clone(&planes));
        }
        self.pictures.clear();
        self.pictures.extend(self.ring.iter().cloned());
        let mut carried = Vec::new();
        if let (Some(scene), Some(newest)) = (&self.scene, self.pictures.last_mut())
            && scene.before_background(newest, &mut carried)
        {
            *newest = Arc::new(carried);
        }
        Ok(planes)
    }

    /// Whether a picture says nothing new, and where it does the pair whose motion is wanted: against the last frame that was looked at, never
    /// one that was passed over, since rates are padded with copies.
    fn analyse(&mut self, newest: &Planes) -> (bool, Option<(Planes, Planes)>) {
        let motion = self.sight.needs_motion();
        let repeats = |last: &Planes| if motion { is_repetition(last, newest) } else { last == newest };
        if self.analysed.as_ref().is_some_and(repeats) {
            return (true, None);
        }
        let before = self.analysed.replace(Arc::clone(newest));
        let pair = before.filter(|_| motion).map(|before| (before, Arc::clone(newest)));
        self.has_past |= pair.is_some();
        (false, pair)
    }
}
