//! What is usual at a camera, as plain data, known before any network: how fast things move, what the place looks like when nobody is
//! there, and how much each place differs from that on normal footage (DETECTION.md §3.4, §3.8). [`crate::data`] and [`crate::score`] fit
//! it to normal training footage; a checkpoint carries it. Of single pictures it holds the scale of each place alone, which only the
//! trained network can tell.
//!
//! Not in the paper: it is what the motion channels are measured in, and what the term P̃ of the default score compares with.

use serde::{Deserialize, Serialize};

/// Fitted to the training part of normal footage, never to the held-out part.
#[derive(Clone, Debug, PartialEq)]
pub struct Usual {
    /// Rows of the network's picture.
    pub height: usize,
    /// Columns of the network's picture.
    pub width: usize,
    /// q: the 0.9-quantile of the speed of what moves, in pixels of the network's picture a frame; the unit of motion channels.
    pub speed: f32,
    /// B: the median picture in grey levels, `[height, width]`.
    pub background: Vec<f32>,
    /// s: how much the window means of |I − B| reach at each place on normal footage, in grey levels, never below what is usual for a whole
    /// frame: `[height / 2, width / 2]`. For single pictures those of |I − Î|, in units of R.
    pub place: Vec<f32>,
    /// How far pictures lie from B on normal footage; `None` in checkpoints of earlier versions, which know of no changes.
    pub view: Option<UsualView>,
}

/// The lowest and the highest that normal footage showed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// The lowest.
    pub low: f32,
    /// The highest.
    pub high: f32,
    /// Beyond them by as much is still usual.
    pub slack: f32,
}

impl Extent {
    /// Of those values: half of what they span is slack, at least `least`. `None` of nothing.
    pub fn of(values: impl Iterator<Item = f32>, least: f32) -> Option<Extent> {
        let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        (low <= high).then(|| Extent { low, high, slack: (0.5 * (high - low)).max(least) })
    }

    /// Whether a value is usual.
    pub fn holds(&self, value: f32) -> bool {
        value >= self.low - self.slack && value <= self.high + self.slack
    }
}

/// How pictures of normal footage lie against the background, and what that leaves over ([`crate::data::scene_change`]).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsualView {
    /// Change of the mean level, in grey levels.
    pub level: Extent,
    /// ln g: change of the contrast.
    pub contrast: Extent,
    /// Pixels to the right.
    pub across: Extent,
    /// Pixels down.
    pub down: Extent,
    /// Median over blocks of the mean residual, in grey levels.
    pub unrest: Extent,
}

impl UsualView {
    /// The highest unrest that is usual.
    pub fn most_unrest(&self) -> f32 {
        self.unrest.high + self.unrest.slack
    }

    /// Whether every number is one.
    pub fn is_sound(&self) -> bool {
        let all = [self.level, self.contrast, self.across, self.down, self.unrest];
        all.iter().all(|extent| {
            extent.low.is_finite()
                && extent.high >= extent.low
                && extent.high.is_finite()
                && extent.slack >= 0.0
                && extent.slack.is_finite()
        })
    }
}

impl Usual {
    /// Of single pictures of that size, which have neither motion nor a background: the scale of each place.
    pub fn of_stills(height: usize, width: usize, place: Vec<f32>) -> Usual {
        Usual { height, width, speed: 1.0, background: vec![0.0; height * width], place, view: None }
    }

    /// Whether the numbers can be used: sizes that agree, finite values, a positive speed and positive scales.
    pub fn is_sound(&self) -> bool {
        let sizes = self.background.len() == self.height * self.width && self.place.len() == (self.height / 2) * (self.width / 2);
        let positive = self.speed > 0.0 && self.place.iter().all(|&scale| scale > 0.0 && scale.is_finite());
        sizes
            && positive
            && self.speed.is_finite()
            && self.view.is_none_or(|view| view.is_sound())
            && self.background.iter().all(|value| value.is_finite())
    }
}
