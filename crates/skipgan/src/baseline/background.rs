//! Running background: how far the frame is from a picture that follows the footage slowly (EVALUATION §7, RB0.1-max15). b_0 = x_0,
//! D_t = |x_t − b|, then b += 0.1 · (x_t − b); the score is the largest 15 × 15 box mean of D, the map its box means.
//!
//! b is kept in 256ths of a grey level and D rounded to 16ths, so that box sums stay whole numbers and nothing drifts.

use super::box_sum::BoxSum;
use super::{BaselineError, Detector, FrameScore, GreyFrame, check_size};

/// Side of the boxes.
const SIDE: usize = 15;
/// b moves by one tenth of the difference.
const SLOWNESS: i32 = 10;
/// Steps of a grey level in b.
const FINE: i32 = 256;
/// Steps of a grey level in D.
const STEPS: i32 = 16;

/// The detector `background`.
#[derive(Clone, Debug)]
pub struct RunningBackground {
    boxes: BoxSum,
    size: (usize, usize),
    seen: usize,
    background: Vec<i32>,
    difference: Vec<u16>,
    counts: Vec<u32>,
}

impl Default for RunningBackground {
    fn default() -> Self {
        let (background, difference, counts) = (Vec::new(), Vec::new(), Vec::new());
        Self { boxes: BoxSum::new(SIDE), size: (0, 0), seen: 0, background, difference, counts }
    }
}

impl Detector for RunningBackground {
    fn start_clip(&mut self) {
        self.seen = 0;
    }

    fn push(&mut self, frame: GreyFrame<'_>) -> Result<FrameScore<'_>, BaselineError> {
        if self.seen == 0 {
            self.size = (frame.height, frame.width);
        }
        check_size(frame, self.seen, self.size)?;
        let warmup = self.seen == 0;
        if warmup {
            self.background.clear();
            self.background.extend(frame.samples.iter().map(|&grey| FINE * i32::from(grey)));
        }
        self.seen += 1;
        self.difference.clear();
        for (background, &grey) in self.background.iter_mut().zip(frame.samples) {
            let difference = FINE * i32::from(grey) - *background;
            // At most 16 · 255.
            self.difference.push(((difference.abs() * STEPS + FINE / 2) / FINE) as u16);
            *background += (difference + difference.signum() * SLOWNESS / 2) / SLOWNESS;
        }
        let unit = 1.0 / (255.0 * f64::from(STEPS) * self.boxes.area() as f64);
        let largest = self.boxes.apply(&self.difference, frame.height, frame.width, &mut self.counts);
        Ok(FrameScore { raw: f64::from(largest) * unit, height: frame.height, width: frame.width, counts: &self.counts, unit, warmup })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(levels: &[u8]) -> Vec<f64> {
        let mut detector = RunningBackground::default();
        levels
            .iter()
            .map(|&level| detector.push(GreyFrame { height: 20, width: 20, samples: &[level; 400] }).expect("one size").raw)
            .collect()
    }

    #[test]
    fn the_background_follows_by_a_tenth() {
        // 0, then 100 for good: differences 100, 90, 81, 72.9 …
        let found = scores(&[0, 100, 100, 100, 100]);
        for (found, expected) in found.iter().zip([0.0, 100.0, 90.0, 81.0, 72.9]) {
            assert!((found * 255.0 - expected).abs() < 0.1, "{found} for {expected}");
        }
        let settled = scores(&[&[0][..], &[200; 100]].concat());
        assert!(settled.last().is_some_and(|score| score * 255.0 < 0.1), "it arrives");
    }

    #[test]
    fn no_state_crosses_a_clip_border_and_the_first_frame_is_warm_up() {
        let mut detector = RunningBackground::default();
        let frame = |samples| GreyFrame { height: 2, width: 3, samples };
        assert!(detector.push(frame(&[0; 6])).expect("one size").warmup);
        assert!(!detector.push(frame(&[9; 6])).expect("one size").warmup);
        detector.start_clip();
        assert_eq!(detector.push(frame(&[200; 6])).expect("one size").raw, 0.0);
        assert!(detector.push(GreyFrame { height: 3, width: 2, samples: &[0; 6] }).is_err());
    }
}
