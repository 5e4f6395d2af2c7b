//! The mean of the last few fields, carried along by the motion itself: what moves steadily becomes clear,
//! noise fades. Causal: it knows the past of its clip and nothing else.

use super::field::Flow;

/// Numbers of the mean. The default is what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanSettings {
    /// Over about how many frames, 1 or more: the newest field counts 1/`frames`, or more at a clip's start.
    pub frames: usize,
}

impl Default for MeanSettings {
    fn default() -> Self {
        Self { frames: 3 }
    }
}

/// m₁ = v₁; mₜ(p) = (1 − a)·mₜ₋₁(p − vₜ(p)) + a·vₜ(p), a = max(1/frames, 1/t); bilinear, the border repeated.
#[derive(Debug)]
pub struct MotionMean {
    settings: MeanSettings,
    seen: usize,
    mean: Flow,
    before: Flow,
}

impl MotionMean {
    /// For fields of `width` × `height` pixels, at the start of a clip.
    ///
    /// # Panics
    /// If a side or `frames` is 0.
    pub fn new(width: usize, height: usize, settings: MeanSettings) -> Self {
        assert!(settings.frames > 0, "a mean over no frames");
        Self { settings, seen: 0, mean: Flow::still(width, height), before: Flow::still(width, height) }
    }

    /// Forgets: the next field is the first of another clip.
    pub fn reset(&mut self) {
        self.seen = 0;
    }

    /// Takes the field of the next frame and gives the mean at that frame. The first of a clip is its own mean.
    ///
    /// # Panics
    /// If the field has another size.
    pub fn push(&mut self, flow: &Flow) -> &Flow {
        assert!((flow.width, flow.height) == (self.mean.width, self.mean.height), "a field of another size");
        self.seen += 1;
        if self.seen == 1 {
            self.mean.across.copy_from_slice(&flow.across);
            self.mean.down.copy_from_slice(&flow.down);
            return &self.mean;
        }
        let new = 1.0 / self.settings.frames.min(self.seen) as f32;
        std::mem::swap(&mut self.mean, &mut self.before);
        let width = flow.width;
        for row in 0..flow.height {
            for index in row * width..(row + 1) * width {
                let (across, down) = (flow.across[index], flow.down[index]);
                let from = Between::new(&self.before, (index - row * width) as f32 - across, row as f32 - down);
                self.mean.across[index] = (1.0 - new) * from.of(&self.before.across) + new * across;
                self.mean.down[index] = (1.0 - new) * from.of(&self.before.down) + new * down;
            }
        }
        &self.mean
    }
}

/// A place between four pixels.
struct Between {
    corners: [usize; 4],
    right: f32,
    down: f32,
}

impl Between {
    /// The place (x, y) of a field, or the nearest within.
    fn new(field: &Flow, x: f32, y: f32) -> Self {
        let x = x.max(0.0).min((field.width - 1) as f32);
        let y = y.max(0.0).min((field.height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (next, below) = ((left + 1).min(field.width - 1), (top + 1).min(field.height - 1));
        let corners = [(top, left), (top, next), (below, left), (below, next)].map(|(row, col)| row * field.width + col);
        Self { corners, right: x - left as f32, down: y - top as f32 }
    }

    fn of(&self, plane: &[f32]) -> f32 {
        let [a, b, c, d] = self.corners.map(|corner| plane[corner]);
        (a * (1.0 - self.right) + b * self.right) * (1.0 - self.down) + (c * (1.0 - self.right) + d * self.right) * self.down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(across: f32, down: f32) -> Flow {
        let mut flow = Flow::still(6, 5);
        flow.across.fill(across);
        flow.down.fill(down);
        flow
    }

    #[test]
    fn weights_of_a_clips_start() {
        let mut mean = MotionMean::new(6, 5, MeanSettings::default());
        let seen: Vec<f32> = [6.0, 0.0, 0.0, 0.0].iter().map(|&v| mean.push(&uniform(v, -v)).across[7]).collect();
        // 6; (6 + 0)/2; 2/3 of 3; 2/3 of 2: the mean goes over to a fading one at the fourth.
        for (seen, expected) in seen.iter().zip([6.0, 3.0, 2.0, 4.0 / 3.0]) {
            assert!((seen - expected).abs() < 1e-6, "{seen} {expected}");
        }
    }

    #[test]
    fn the_past_comes_along() {
        let mut mean = MotionMean::new(6, 5, MeanSettings::default());
        let mut first = uniform(0.0, 0.0);
        first.across[2 * 6 + 1] = 8.0;
        mean.push(&first);
        // All moves 1.5 to the right and 1 down: the pixel's past is seen half at column 2 and half at 3 of the next row.
        let second = mean.push(&uniform(1.5, 1.0)).clone();
        let expected = |row: usize, col: usize| 0.75 + if row == 3 && (col == 2 || col == 3) { 2.0 } else { 0.0 };
        for row in 0..5 {
            for col in 0..6 {
                assert!((second.across[row * 6 + col] - expected(row, col)).abs() < 1e-6, "{row} {col}");
            }
        }
    }

    #[test]
    fn a_clip_does_not_see_the_one_before() {
        let (a, b) = (uniform(1.0, 2.0), uniform(-3.0, 0.5));
        let mut fresh = MotionMean::new(6, 5, MeanSettings::default());
        let expected = [fresh.push(&b).clone(), fresh.push(&a).clone()];
        let mut used = MotionMean::new(6, 5, MeanSettings::default());
        used.push(&a);
        used.push(&a);
        used.reset();
        assert_eq!([used.push(&b).clone(), used.push(&a).clone()], expected);
    }
}
