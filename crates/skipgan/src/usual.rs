//! What is usual at a camera, as plain data, known before any network: how fast things move, what the place looks like when nobody is
//! there, and how much each place differs from that on normal footage (DETECTION.md §3.4, §3.8). [`crate::data`] and [`crate::score`] fit
//! it to normal training footage; a checkpoint carries it.
//!
//! Not in the paper: it is what the motion channels are measured in, and what the term P̃ of the default score compares with.

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
    /// frame: `[height / 2, width / 2]`.
    pub place: Vec<f32>,
}

impl Usual {
    /// Whether the numbers can be used: sizes that agree, finite values, a positive speed and positive scales.
    pub fn is_sound(&self) -> bool {
        let sizes = self.background.len() == self.height * self.width && self.place.len() == (self.height / 2) * (self.width / 2);
        let positive = self.speed > 0.0 && self.place.iter().all(|&scale| scale > 0.0 && scale.is_finite());
        sizes && positive && self.speed.is_finite() && self.background.iter().all(|value| value.is_finite())
    }
}
