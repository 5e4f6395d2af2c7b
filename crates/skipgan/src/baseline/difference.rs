//! Frame difference: what changed since the frame before (EVALUATION §7, FD). D_t = |x_t − x_{t−1}| with x = grey / 255; the first
//! frame of a clip has difference 0.
//!
//! `fd-mean` scores the mean of D; `fd-max15` and `fd-max31` the largest box mean of D, so that a small fast thing outweighs a
//! picture full of slow change. The map is D, or its box means.

use super::box_sum::BoxSum;
use super::{BaselineError, Detector, FrameScore, GreyFrame, check_size};

/// The detectors `fd-mean`, `fd-max15`, `fd-max31`.
#[derive(Clone, Debug)]
pub struct FrameDifference {
    boxes: Option<BoxSum>,
    size: (usize, usize),
    seen: usize,
    before: Vec<u8>,
    difference: Vec<u8>,
    counts: Vec<u32>,
}

impl FrameDifference {
    /// Scores the mean of the difference.
    pub fn mean() -> Self {
        Self::with(None)
    }

    /// Scores the largest mean over `side` × `side` pixels.
    ///
    /// # Panics
    /// If `side` is even or above 1023.
    pub fn maximum(side: usize) -> Self {
        Self::with(Some(BoxSum::new(side)))
    }

    fn with(boxes: Option<BoxSum>) -> Self {
        Self { boxes, size: (0, 0), seen: 0, before: Vec::new(), difference: Vec::new(), counts: Vec::new() }
    }

    /// |x_t − x_{t−1}| in grey levels, 0 for the first frame; then x_t becomes x_{t−1}.
    fn step(&mut self, samples: &[u8]) {
        self.difference.resize(samples.len(), 0);
        if self.seen == 0 {
            self.difference.fill(0);
        } else {
            kernels::planes::absolute_difference(samples, &self.before, &mut self.difference);
        }
        self.before.clear();
        self.before.extend_from_slice(samples);
    }
}

impl Detector for FrameDifference {
    fn start_clip(&mut self) {
        self.seen = 0;
    }

    fn push(&mut self, frame: GreyFrame<'_>) -> Result<FrameScore<'_>, BaselineError> {
        if self.seen == 0 {
            self.size = (frame.height, frame.width);
        }
        check_size(frame, self.seen, self.size)?;
        self.step(frame.samples);
        let warmup = self.seen == 0;
        self.seen += 1;
        let (raw, unit) = match &mut self.boxes {
            Some(boxes) => {
                let unit = 1.0 / (255.0 * boxes.area() as f64);
                let largest = boxes.apply(&self.difference, frame.height, frame.width, &mut self.counts);
                (f64::from(largest) * unit, unit)
            }
            None => {
                self.counts.clear();
                self.counts.extend(self.difference.iter().map(|&v| u32::from(v)));
                let sum: u64 = self.difference.iter().map(|&v| u64::from(v)).sum();
                (sum as f64 / (255.0 * frame.samples.len() as f64), 1.0 / 255.0)
            }
        };
        Ok(FrameScore { raw, height: frame.height, width: frame.width, counts: &self.counts, unit, warmup })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(samples: &[u8]) -> GreyFrame<'_> {
        GreyFrame { height: 2, width: 3, samples }
    }

    #[test]
    fn mean_by_hand() {
        let mut detector = FrameDifference::mean();
        detector.start_clip();
        let first = detector.push(frame(&[9; 6])).unwrap();
        assert!(first.raw == 0.0 && first.warmup);
        let second = detector.push(frame(&[9, 9, 12, 9, 0, 9])).unwrap();
        assert!((second.raw - 12.0 / 6.0 / 255.0).abs() < 1e-15 && !second.warmup);
        let mut map = Vec::new();
        second.write_map(&mut map);
        assert_eq!(map[4], 9.0 / 255.0);
    }

    #[test]
    fn largest_box_by_hand() {
        let mut detector = FrameDifference::maximum(3);
        detector.push(frame(&[0; 6])).unwrap();
        // Edges are replicated: around the corner pixel the box sees it four times and its two neighbours' columns and rows.
        let score = detector.push(frame(&[90, 0, 0, 0, 0, 0])).unwrap();
        assert!((score.raw - 4.0 * 90.0 / 9.0 / 255.0).abs() < 1e-15);
    }

    #[test]
    fn no_state_crosses_a_clip_border() {
        let mut detector = FrameDifference::mean();
        detector.push(frame(&[0; 6])).unwrap();
        detector.start_clip();
        assert_eq!(detector.push(frame(&[200; 6])).unwrap().raw, 0.0);
    }

    #[test]
    fn a_frame_of_another_size_is_refused_by_number() {
        let mut detector = FrameDifference::mean();
        detector.push(frame(&[0; 6])).unwrap();
        let message = detector.push(GreyFrame { height: 3, width: 2, samples: &[0; 6] }).unwrap_err().to_string();
        assert!(message.starts_with("frame 1 is 2×3"), "{message}");
        detector.start_clip();
        assert!(detector.push(GreyFrame { height: 2, width: 3, samples: &[0; 5] }).is_err());
    }
}
