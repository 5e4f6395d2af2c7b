//! From frames to what the network sees, must produce, and is judged beside: the channels of a window (docs/method.md).
//!
//! | `sees` | G's input | target | D's context |
//! |---|---|---|---|
//! | `frames` | the frames t − history + 1 … t, in [−1, 1] | the same | – |
//! | `motion` | I(t) in [−1, 1], row in [−1, 1], gate (2) | u (2) | I(t), row |
//! | `restore` | I(t), g·B, row, column, gate (2) | I(t), u (2) | g·B, row, column |
//! | `still` | the picture, in [−1, 1] | the same | – |
//!
//! u = motion in units of the usual speed q, clipped to ±6; gate = k·u / max(|k·u|, τ): which way, with the speed saturated. k is 1 but in
//! training, where with `restore` I and u of G's input also hold things that do not belong, and the target does not; with `still` likewise.
//! g·B is the usual picture in the light of the moment ([`light`]). [`Windows`] holds a batch of them, channels last.
#![allow(clippy::indexing_slicing)] // sizes are asserted where they come in

use super::scene_change::Steadying;
use super::{DataError, PictureSettings, light};
use crate::config::{ChannelCounts, Config, Sees};
use crate::usual::Usual;
use std::sync::Arc;

/// Largest motion in units of the usual one.
const MOST_MOTION: f32 = 6.0;

/// How windows are made: what a cache, a stream and a network must agree on.
#[derive(Clone, Debug)]
pub struct Sight {
    /// How frames are brought to size.
    pub picture: PictureSettings,
    /// Frames of a window, at least 1.
    pub history: usize,
    /// Which channels.
    pub sees: Sees,
    /// τ of the gate.
    pub gate: f32,
    /// What is usual at this camera; there where motion is seen.
    pub usual: Option<Arc<Usual>>,
    /// Whether the usual picture is shown in the light of the moment.
    pub usual_light: bool,
    /// What is done where the scene changes.
    pub steadying: Steadying,
}

/// One instant of a clip, before it becomes numbers.
#[derive(Clone, Copy, Debug)]
pub struct Instant<'a> {
    /// `history` frames, oldest first, each `[planes, height, width]`, 0 … 255.
    pub frames: &'a [&'a [u8]],
    /// Averaged motion in pixels a frame, `[2, height, width]`: right, down. `None` at a clip's first frame, which has no past.
    pub motion: Option<&'a [f32]>,
}

/// Which part of a picture is taken, and how it is changed in training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Left and right exchanged, motion too.
    pub mirror: bool,
    /// k of the gate.
    pub jitter: f32,
}

impl Cut {
    /// From the corner, unchanged.
    pub const NONE: Cut = Cut { top: 0, left: 0, mirror: false, jitter: 1.0 };

    /// The picture's column that stands at column `step` of `cols`.
    fn column(self, step: usize, cols: usize) -> usize {
        self.left + if self.mirror { cols - 1 - step } else { step }
    }
}

/// Part of a picture and what moves in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Grey levels in [−1, 1], row after row.
    pub grey: Vec<f32>,
    /// Motion in units of the usual speed, right and down, within ±6.
    pub motion: Vec<[f32; 2]>,
    /// How bright the whole picture is beside the usual one ([`super::light`]); 1 unless the usual picture is shown beside it.
    pub light: f32,
}

/// A batch of windows of one size, channels last; its memory is reused.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    height: usize,
    width: usize,
    channels: ChannelCounts,
    images: usize,
    input: Vec<f32>,
    /// Empty where the target is the input.
    target: Vec<f32>,
    context: Vec<f32>,
}

impl Sight {
    /// The sight of `config` on pictures of that size.
    pub fn new(config: &Config, height: usize, width: usize, usual: Option<Arc<Usual>>) -> Sight {
        let picture = PictureSettings::new(config, height, width);
        Sight {
            picture,
            history: config.history.max(1),
            sees: config.sees,
            gate: config.gate as f32,
            usual,
            usual_light: config.usual_light && config.sees == Sees::Restore,
            steadying: Steadying::of(config),
        }
    }

    /// Stacked frames (`sees = frames`).
    pub fn frames(picture: &PictureSettings, history: usize) -> Sight {
        Sight {
            picture: *picture,
            history: history.max(1),
            sees: Sees::Frames,
            gate: 1.0,
            usual: None,
            usual_light: false,
            steadying: Steadying::default(),
        }
    }

    /// An empty batch of windows of whole pictures.
    pub fn windows(&self) -> Windows {
        self.crops(self.picture.height, self.picture.width)
    }

    /// An empty batch of windows of `height` × `width` pixels.
    pub fn crops(&self, height: usize, width: usize) -> Windows {
        let channels = self.sees.channels(self.picture.channels, self.history);
        Windows { height, width, channels, images: 0, input: Vec::new(), target: Vec::new(), context: Vec::new() }
    }

    /// Whether windows need the motion of a clip.
    pub fn needs_motion(&self) -> bool {
        self.sees.motion()
    }

    /// What is usual here.
    ///
    /// # Errors
    /// [`DataError::NoUsual`] where windows need it and it is not there.
    pub fn usual(&self) -> Result<&Usual, DataError> {
        self.usual.as_deref().ok_or(DataError::NoUsual)
    }

    /// Adds the window of `instant`, or the part of it that `cut` names, to `windows`.
    ///
    /// # Errors
    /// As [`Sight::usual`].
    ///
    /// # Panics
    /// Where frames or motion have another size than [`Sight::picture`], or the cut reaches beyond it: mistakes of the caller.
    pub fn push(&self, instant: &Instant<'_>, cut: Cut, windows: &mut Windows) -> Result<(), DataError> {
        let (height, width) = (self.picture.height, self.picture.width);
        assert!(cut.top + windows.height <= height && cut.left + windows.width <= width, "a cut beyond the picture");
        assert_eq!(instant.frames.len(), self.history, "a window of {} frames", self.history);
        match self.sees {
            Sees::Frames | Sees::Still => self.push_frames(instant, cut, windows),
            Sees::Motion | Sees::Restore => {
                let patch = self.patch(instant, cut, (windows.height, windows.width))?;
                return self.compose(&patch, &patch, cut, windows);
            }
        }
        windows.images += 1;
        Ok(())
    }

    /// What part of a picture shows: grey levels and motion, as windows hold them.
    ///
    /// # Errors
    /// As [`Sight::usual`].
    ///
    /// # Panics
    /// As [`Sight::push`].
    pub fn patch(&self, instant: &Instant<'_>, cut: Cut, (rows, cols): (usize, usize)) -> Result<Patch, DataError> {
        let (height, width) = (self.picture.height, self.picture.width);
        let unit = 1.0 / self.usual()?.speed;
        let frame = instant.frames[self.history - 1];
        assert_eq!(frame.len(), height * width, "a frame has {} numbers", height * width);
        let light = if self.usual_light { light::gain(frame, &self.usual()?.background) } else { 1.0 };
        let mut patch = Patch { grey: Vec::with_capacity(rows * cols), motion: Vec::with_capacity(rows * cols), light };
        for row in cut.top..cut.top + rows {
            for step in 0..cols {
                let at = row * width + cut.column(step, cols);
                let mut u = instant.motion.map_or([0.0; 2], |motion| [motion[at] * unit, motion[height * width + at] * unit]);
                if cut.mirror {
                    u[0] = -u[0];
                }
                patch.grey.push(signed(frame[at]));
                patch.motion.push(u.map(|part| part.clamp(-MOST_MOTION, MOST_MOTION)));
            }
        }
        Ok(patch)
    }

    /// Adds the window in which G sees `seen` and must produce `wanted`. The cut is the one that both were taken with.
    ///
    /// # Errors
    /// As [`Sight::usual`].
    ///
    /// # Panics
    /// Where a patch has another size than the windows.
    pub fn compose(&self, seen: &Patch, wanted: &Patch, cut: Cut, windows: &mut Windows) -> Result<(), DataError> {
        let (height, width) = (self.picture.height, self.picture.width);
        let background = &self.usual()?.background;
        assert!(seen.grey.len() == windows.height * windows.width && wanted.grey.len() == seen.grey.len(), "patches of the windows' size");
        for pixel in 0..seen.grey.len() {
            let (row, step) = (cut.top + pixel / windows.width, pixel % windows.width);
            let column = cut.column(step, windows.width);
            let r = position(row, height);
            let [across, down] = gate(seen.motion[pixel], cut.jitter, self.gate);
            if self.sees == Sees::Restore {
                let usual = (wanted.light * background[row * width + column] / 127.5 - 1.0).min(1.0);
                let c = position(column, width);
                windows.input.extend([seen.grey[pixel], usual, r, c, across, down]);
                windows.target.push(wanted.grey[pixel]);
                windows.context.extend([usual, r, c]);
            } else {
                windows.input.extend([seen.grey[pixel], r, across, down]);
                windows.context.extend([seen.grey[pixel], r]);
            }
            windows.target.extend(wanted.motion[pixel]);
        }
        windows.images += 1;
        Ok(())
    }

    /// Channel `f · planes + c` is plane c of the f-th oldest frame; frame t comes last.
    fn push_frames(&self, instant: &Instant<'_>, cut: Cut, windows: &mut Windows) {
        let (planes, area) = (self.picture.channels, self.picture.height * self.picture.width);
        let channels = windows.channels.input;
        let start = windows.input.len();
        windows.input.resize(start + windows.height * windows.width * channels, 0.0);
        let out = &mut windows.input[start..];
        for (order, frame) in instant.frames.iter().enumerate() {
            assert_eq!(frame.len(), planes * area, "a frame has {} numbers", planes * area);
            for (plane, samples) in frame.chunks_exact(area).enumerate() {
                let first = order * planes + plane;
                for row in 0..windows.height {
                    let from = (cut.top + row) * self.picture.width + cut.left;
                    let pixels = out[row * windows.width * channels..].chunks_exact_mut(channels);
                    for (pixel, &value) in pixels.zip(&samples[from..from + windows.width]) {
                        pixel[first] = signed(value);
                    }
                }
            }
        }
    }
}

/// k·u / max(|k·u|, τ).
fn gate(u: [f32; 2], jitter: f32, threshold: f32) -> [f32; 2] {
    let scaled = u.map(|part| part * jitter);
    let length = (scaled[0] * scaled[0] + scaled[1] * scaled[1]).sqrt().max(threshold);
    scaled.map(|part| part / length)
}

/// 0 … 255 to [−1, 1].
fn signed(value: u8) -> f32 {
    f32::from(value) / 127.5 - 1.0
}

/// A row or column in [−1, 1].
fn position(index: usize, count: usize) -> f32 {
    if count < 2 { 0.0 } else { 2.0 * index as f32 / (count - 1) as f32 - 1.0 }
}

impl Windows {
    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Channels of a window's parts.
    pub fn channels(&self) -> ChannelCounts {
        self.channels
    }

    /// Windows held.
    pub fn images(&self) -> usize {
        self.images
    }

    /// What G sees: `[images, height, width, channels.input]`.
    pub fn input(&self) -> &[f32] {
        &self.input
    }

    /// What G sees, to be changed (noise) where the target does not share its memory any more: see [`Windows::split`].
    pub fn input_mut(&mut self) -> &mut [f32] {
        &mut self.input
    }

    /// What G must produce: `[images, height, width, channels.target]`.
    pub fn target(&self) -> &[f32] {
        if self.target.is_empty() { &self.input } else { &self.target }
    }

    /// What D sees beside it: `[images, height, width, channels.context]`.
    pub fn context(&self) -> &[f32] {
        &self.context
    }

    /// Gives the target memory of its own where it was the input's, so that the input can be changed alone.
    pub fn split(&mut self) {
        if self.target.is_empty() {
            self.target.extend_from_slice(&self.input);
        }
    }

    /// Adds a window in which G sees `seen` and must produce `wanted`, channels last, without context. Windows whose target is their input
    /// cannot stand beside it.
    ///
    /// # Panics
    /// Where a picture has another size than the windows, or windows of the other kind are there.
    pub fn push_changed(&mut self, seen: &[f32], wanted: &[f32]) {
        let pixels = self.height * self.width;
        assert!(
            seen.len() == pixels * self.channels.input && wanted.len() == pixels * self.channels.target,
            "pictures of the windows' size"
        );
        assert!(self.images == 0 || !self.target.is_empty(), "windows of one kind");
        self.input.extend_from_slice(seen);
        self.target.extend_from_slice(wanted);
        self.images += 1;
    }

    /// Forgets all windows.
    pub fn clear(&mut self) {
        self.images = 0;
        self.input.clear();
        self.target.clear();
        self.context.clear();
    }

    /// Adds the windows of another batch of the same size.
    ///
    /// # Panics
    /// Where sizes differ.
    pub fn append(&mut self, other: &Windows) {
        assert_eq!((self.height, self.width, self.channels), (other.height, other.width, other.channels), "windows of another size");
        self.images += other.images;
        self.input.extend_from_slice(&other.input);
        self.target.extend_from_slice(&other.target);
        self.context.extend_from_slice(&other.context);
    }

    /// The target of one window: `[height, width, channels.target]`.
    pub fn target_of(&self, image: usize) -> &[f32] {
        let length = self.height * self.width * self.channels.target;
        &self.target()[image * length..(image + 1) * length]
    }

    /// The context of one window: `[height, width, channels.context]`.
    pub fn context_of(&self, image: usize) -> &[f32] {
        let length = self.height * self.width * self.channels.context;
        &self.context[image * length..(image + 1) * length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(height: usize, width: usize, channels: usize) -> PictureSettings {
        PictureSettings { channels, ..PictureSettings::new(&Config::default(), height, width) }
    }

    fn near(found: &[f32], wanted: &[f32]) {
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} for {wanted:?}");
    }

    #[test]
    fn planes_become_channels_last_and_span_minus_one_to_one() {
        let sight = Sight::frames(&picture(1, 2, 3), 2);
        let (old, new) = ([0, 255, 51, 51, 102, 102], [255, 0, 0, 0, 0, 0]);
        let mut windows = sight.windows();
        sight.push(&Instant { frames: &[&old, &new], motion: None }, Cut::NONE, &mut windows).expect("frames");
        // pixel 0: old R G B, new R G B; 51/127.5 − 1 = −0.6
        near(windows.input(), &[-1.0, -0.6, -0.2, 1.0, -1.0, -1.0, 1.0, -0.6, -0.2, -1.0, -1.0, -1.0]);
        assert_eq!(windows.target(), windows.input());
        assert!(windows.context().is_empty());
    }

    fn motion_sight() -> Sight {
        let usual = Usual { height: 2, width: 2, speed: 2.0, background: vec![0.0; 4], place: vec![1.0], view: None };
        let picture = picture(2, 2, 1);
        Sight {
            picture,
            history: 1,
            sees: Sees::Motion,
            gate: 0.5,
            usual: Some(Arc::new(usual)),
            usual_light: false,
            steadying: Steadying::default(),
        }
    }

    #[test]
    fn motion_in_units_of_the_usual_one_and_its_gate() {
        let (sight, frame) = (motion_sight(), [255, 0, 51, 51]);
        // right: 4, 0.2, 0, −40; down: 0, 0, 0, 0 pixels a frame
        let motion = [4.0, 0.2, 0.0, -40.0, 0.0, 0.0, 0.0, 0.0];
        let mut windows = sight.windows();
        sight.push(&Instant { frames: &[&frame], motion: Some(&motion) }, Cut::NONE, &mut windows).expect("motion");
        near(windows.target(), &[2.0, 0.0, 0.1, 0.0, 0.0, 0.0, -6.0, 0.0]);
        near(windows.context(), &[1.0, -1.0, -1.0, -1.0, -0.6, 1.0, -0.6, 1.0]);
        near(windows.input(), &[1.0, -1.0, 1.0, 0.0, -1.0, -1.0, 0.2, 0.0, -0.6, 1.0, 0.0, 0.0, -0.6, 1.0, -1.0, 0.0]);
    }

    #[test]
    fn a_mirrored_crop_moves_the_other_way_and_a_jitter_changes_the_gate_alone() {
        let (sight, frame) = (motion_sight(), [255, 0, 51, 51]);
        let motion = [4.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let mut windows = sight.crops(1, 2);
        let cut = Cut { mirror: true, jitter: 2.0, ..Cut::NONE };
        sight.push(&Instant { frames: &[&frame], motion: Some(&motion) }, cut, &mut windows).expect("motion");
        near(windows.target(), &[-0.1, 0.0, -2.0, 0.0]);
        near(windows.input(), &[-1.0, -1.0, -0.4, 0.0, 1.0, -1.0, -1.0, 0.0]);
        assert_eq!(windows.images(), 1);
    }

    #[test]
    fn the_usual_picture_is_shown_in_the_light_of_the_whole_frame() {
        let usual = Usual { height: 4, width: 4, speed: 1.0, background: vec![100.0; 16], place: vec![1.0; 4], view: None };
        let mut frame = [120; 16];
        frame[5] = 10;
        for (usual_light, shown) in [(true, 120.0 / 127.5 - 1.0), (false, 100.0 / 127.5 - 1.0)] {
            let usual = Some(Arc::new(usual.clone()));
            let sight = Sight { picture: picture(4, 4, 1), sees: Sees::Restore, usual, usual_light, ..motion_sight() };
            let mut windows = sight.crops(1, 1);
            let cut = Cut { top: 1, left: 1, ..Cut::NONE };
            sight.push(&Instant { frames: &[&frame], motion: None }, cut, &mut windows).expect("what is usual");
            near(&windows.input()[..2], &[10.0 / 127.5 - 1.0, shown]);
            near(&windows.context()[..1], &[shown]);
        }
    }

    #[test]
    fn motion_without_what_is_usual_is_an_error() {
        let sight = Sight { usual: None, ..motion_sight() };
        let mut windows = sight.windows();
        let instant = Instant { frames: &[&[0; 4]], motion: None };
        assert!(matches!(sight.push(&instant, Cut::NONE, &mut windows), Err(DataError::NoUsual)));
    }
}
