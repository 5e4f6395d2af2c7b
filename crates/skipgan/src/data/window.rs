//! What the network sees at one instant: the frames t − history + 1 … t, channels last, f32 in [−1, 1].
//!
//! Only frames ≤ t count; frames before the clip's start repeat the first. [`WindowReader`] takes them from the cache (training),
//! [`WindowStream`] from a source as it is decoded (scoring, bounded memory). Both go through [`WindowShape::fill`], so the same frame
//! gives the same bits either way.

use crate::data::{Clip, DataError, FrameCache, PictureSettings};
use std::collections::VecDeque;
use video::{Damage, Frame, FrameSource, OpenOptions, Resizer};

/// Size of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Planes of a frame: 1 or 3.
    pub planes: usize,
    /// Frames, at least 1.
    pub history: usize,
}

/// One window: frame `frame` of clip `clip`, as the cache counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowIndex {
    /// Index of the clip in the cache.
    pub clip: usize,
    /// Frame t.
    pub frame: usize,
}

impl WindowShape {
    /// Windows of `history` pictures of these settings.
    #[must_use]
    pub fn new(picture: &PictureSettings, history: usize) -> WindowShape {
        WindowShape { height: picture.height, width: picture.width, planes: picture.channels, history: history.max(1) }
    }

    /// Channels of a window: planes · history. Channel `f · planes + c` is plane c of the f-th oldest frame; frame t comes last.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.planes * self.history
    }

    /// Numbers in a window: height · width · channels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels()
    }

    /// Whether a window holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers in one frame: planes · height · width.
    #[must_use]
    pub fn frame_len(&self) -> usize {
        self.planes * self.height * self.width
    }

    /// Fills a window. Shapes: `frames` holds `history` frames, oldest first, each `[planes, height, width]`, 0 … 255; `out` is
    /// `[height, width, channels]`, value / 127.5 − 1.
    ///
    /// # Panics
    /// Where a length is wrong: a mistake of the caller.
    pub fn fill(&self, frames: &[&[u8]], out: &mut [f32]) {
        assert_eq!(frames.len(), self.history, "a window of {} frames was given {}", self.history, frames.len());
        assert_eq!(out.len(), self.len(), "a window has {} numbers", self.len());
        let (channels, area) = (self.channels(), self.height * self.width);
        if area == 0 {
            return;
        }
        for (order, frame) in frames.iter().enumerate() {
            assert_eq!(frame.len(), self.frame_len(), "a frame has {} numbers", self.frame_len());
            for (plane, samples) in frame.chunks_exact(area).enumerate() {
                let first = order * self.planes + plane;
                for (pixel, &value) in out.chunks_exact_mut(channels).zip(samples) {
                    if let Some(number) = pixel.get_mut(first) {
                        *number = f32::from(value) / 127.5 - 1.0;
                    }
                }
            }
        }
    }
}

/// Reads windows from a cache. Has a buffer of its own: one reader a thread.
#[derive(Debug)]
pub struct WindowReader<'a> {
    cache: &'a FrameCache,
    shape: WindowShape,
    buffer: Vec<u8>,
}

impl<'a> WindowReader<'a> {
    /// A reader of windows of `history` frames.
    #[must_use]
    pub fn new(cache: &'a FrameCache, history: usize) -> WindowReader<'a> {
        let shape = WindowShape::new(cache.settings(), history);
        WindowReader { cache, shape, buffer: vec![0; shape.frame_len() * shape.history] }
    }

    /// Size of its windows.
    #[must_use]
    pub fn shape(&self) -> WindowShape {
        self.shape
    }

    /// Reads one window into `out`. Shapes: `[height, width, channels]`. Where the cache holds segments of a long clip, a segment's first
    /// frame stands for what was left out before it.
    ///
    /// # Errors
    /// [`DataError::CacheDamaged`], [`DataError::Io`].
    ///
    /// # Panics
    /// Where `out` has not [`WindowShape::len`] numbers.
    pub fn read(&mut self, window: WindowIndex, out: &mut [f32]) -> Result<(), DataError> {
        let oldest = self.cache.segment_start(window);
        let frame_len = self.shape.frame_len().max(1);
        for (back, part) in (0..self.shape.history).rev().zip(self.buffer.chunks_exact_mut(frame_len)) {
            let frame = window.frame.saturating_sub(back).max(oldest);
            self.cache.read(window.clip, frame, part)?;
        }
        let frames: Vec<&[u8]> = self.buffer.chunks_exact(frame_len).collect();
        self.shape.fill(&frames, out);
        Ok(())
    }

    /// Reads several windows one after another into `out`. Shapes: `[windows, height, width, channels]`.
    ///
    /// # Errors
    /// As [`WindowReader::read`].
    ///
    /// # Panics
    /// Where `out` has not that many numbers.
    pub fn read_batch(&mut self, windows: &[WindowIndex], out: &mut [f32]) -> Result<(), DataError> {
        assert_eq!(out.len(), windows.len() * self.shape.len(), "a batch of {} windows", windows.len());
        let length = self.shape.len().max(1);
        for (window, part) in windows.iter().zip(out.chunks_exact_mut(length)) {
            self.read(*window, part)?;
        }
        Ok(())
    }
}

/// What a frame of a stream is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameStatus {
    /// As it was recorded.
    Ok,
    /// Lost, or equal to the frame before in every sample: the last score and map stand.
    Repeated,
    /// Decoded with holes filled by guessing.
    Damaged,
}

impl FrameStatus {
    /// The word in a score file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FrameStatus::Ok => "ok",
            FrameStatus::Repeated => "repeated",
            FrameStatus::Damaged => "damaged",
        }
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
    /// The window. Shapes: `[height, width, channels]`.
    pub input: &'a [f32],
    /// The picture at the network's size, before it became numbers. Shapes: `[planes, height, width]`.
    pub planes: &'a [u8],
}

/// Windows of a clip as it is decoded: causal, and a handful of frames in memory whatever the length.
pub struct WindowStream {
    clip: String,
    source: Box<dyn FrameSource>,
    resizer: Resizer,
    shape: WindowShape,
    ring: VecDeque<Vec<u8>>,
    input: Vec<f32>,
    previous: Option<Frame>,
}

impl WindowStream {
    /// Opens a clip.
    ///
    /// # Errors
    /// [`DataError::Source`]; [`DataError::Resize`] for a picture without area.
    pub fn open(clip: &Clip, options: &OpenOptions, picture: &PictureSettings, history: usize) -> Result<WindowStream, DataError> {
        WindowStream::new(&clip.name, clip.open(options)?, picture, history)
    }

    /// Windows of an opened source; `clip` names it in errors.
    ///
    /// # Errors
    /// [`DataError::Resize`] for a picture without area.
    pub fn new(clip: &str, source: Box<dyn FrameSource>, picture: &PictureSettings, history: usize) -> Result<WindowStream, DataError> {
        let shape = WindowShape::new(picture, history);
        let resizer = picture.resizer().map_err(|source| DataError::Resize { clip: clip.into(), frame: 0, source })?;
        let input = vec![0.0; shape.len()];
        Ok(WindowStream { clip: clip.into(), source, resizer, shape, ring: VecDeque::new(), input, previous: None })
    }

    /// Size of its windows.
    #[must_use]
    pub fn shape(&self) -> WindowShape {
        self.shape
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
        self.push(&frame)?;
        let equal = self.previous.as_ref().is_some_and(|before| same_picture(before, &frame));
        let status = match frame.damage {
            Damage::Repeated => FrameStatus::Repeated,
            _ if equal => FrameStatus::Repeated,
            Damage::Concealed => FrameStatus::Damaged,
            Damage::None | Damage::Unknown => FrameStatus::Ok,
        };
        let frames: Vec<&[u8]> = self.ring.iter().map(Vec::as_slice).collect();
        self.shape.fill(&frames, &mut self.input);
        let warmup = frame.index.saturating_add(1) < u64::try_from(self.shape.history).unwrap_or(u64::MAX);
        let (index, time_s) = (frame.index, frame.time_s());
        self.previous = Some(frame);
        let planes = self.ring.back().map(Vec::as_slice).unwrap_or_default();
        Ok(Some(StreamedWindow { index, time_s, status, warmup, input: &self.input, planes }))
    }

    /// Resizes a frame into the newest place of the ring; the first frame fills every place.
    fn push(&mut self, frame: &Frame) -> Result<(), DataError> {
        let full = self.ring.len() == self.shape.history;
        let mut planes = if full { self.ring.pop_front().unwrap_or_default() } else { Vec::new() };
        planes.resize(self.shape.frame_len(), 0);
        let fail = |source| DataError::Resize { clip: self.clip.clone(), frame: frame.index, source };
        self.resizer.resize_into(frame, &mut planes).map_err(fail)?;
        while self.ring.len() + 1 < self.shape.history {
            self.ring.push_back(planes.clone());
        }
        self.ring.push_back(planes);
        Ok(())
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

fn same_picture(a: &Frame, b: &Frame) -> bool {
    a.y == b.y && a.u == b.u && a.v == b.v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_channels_last_and_span_minus_one_to_one() {
        let shape = WindowShape { height: 1, width: 2, planes: 3, history: 2 };
        let (old, new) = ([0, 255, 51, 51, 102, 102], [255, 0, 0, 0, 0, 0]);
        let mut out = vec![9.0; shape.len()];
        shape.fill(&[&old, &new], &mut out);
        // pixel 0: old R G B, new R G B; 51/127.5 − 1 = −0.6
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        let wanted = [-1.0, -0.6, -0.2, 1.0, -1.0, -1.0, 1.0, -0.6, -0.2, -1.0, -1.0, -1.0];
        assert!(out.iter().zip(wanted).all(|(&a, b)| near(a, b)), "{out:?}");
    }

    #[test]
    #[should_panic(expected = "a window has 2 numbers")]
    fn a_wrong_length_is_the_callers_mistake() {
        WindowShape { height: 1, width: 2, planes: 1, history: 1 }.fill(&[&[0, 0]], &mut [0.0; 3]);
    }
}
