//! The mean of the last few fields, carried along by the motion itself: what moves steadily becomes clear,
//! noise fades. Causal: it knows the past of its clip and nothing else.

use super::field::Flow;
use kernels::{Denormals, Pool};

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
        self.push_on(None, flow)
    }

    /// The same on the threads of a pool: the same bits.
    ///
    /// # Panics
    /// If the field has another size.
    pub fn push_on(&mut self, pool: Option<&Pool>, flow: &Flow) -> &Flow {
        assert!((flow.width, flow.height) == (self.mean.width, self.mean.height), "a field of another size");
        self.seen += 1;
        if self.seen == 1 {
            self.mean.across.copy_from_slice(&flow.across);
            self.mean.down.copy_from_slice(&flow.down);
            return &self.mean;
        }
        let new = 1.0 / self.settings.frames.min(self.seen) as f32;
        std::mem::swap(&mut self.mean, &mut self.before);
        let (width, before) = (flow.width, &self.before);
        let rows = |first: usize, mean_across: &mut [f32], mean_down: &mut [f32]| {
            let lines = mean_across.chunks_exact_mut(width).zip(mean_down.chunks_exact_mut(width));
            for (row, (mean_across, mean_down)) in (first / width..).zip(lines) {
                for col in 0..width {
                    let (across, down) = (flow.across[row * width + col], flow.down[row * width + col]);
                    let from = Between::new(before, col as f32 - across, row as f32 - down);
                    mean_across[col] = (1.0 - new) * from.of(&before.across) + new * across;
                    mean_down[col] = (1.0 - new) * from.of(&before.down) + new * down;
                }
            }
        };
        match pool {
            // Denormals count as they do without a pool.
            Some(pool) => pool.with_denormals(Denormals::Keep, || {
                let length = ROWS * width;
                pool.chunks_mut2(&mut self.mean.across, &mut self.mean.down, length, |job, across, down| rows(job * length, across, down));
            }),
            None => rows(0, &mut self.mean.across, &mut self.mean.down),
        }
        &self.mean
    }
}

/// Rows a job takes.
const ROWS: usize = 16;

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
    fn threads_do_not_matter() {
        let field = |at: usize| {
            let mut flow = Flow::still(40, 37);
            flow.across.iter_mut().enumerate().for_each(|(i, v)| *v = ((i * 7 + at) % 11) as f32 * 0.4 - 2.0);
            flow.down.iter_mut().enumerate().for_each(|(i, v)| *v = ((i * 5 + at) % 7) as f32 * 0.3 - 1.0);
            flow
        };
        let mut alone = MotionMean::new(40, 37, MeanSettings::default());
        let expected: Vec<Flow> = (0..4).map(|at| alone.push(&field(at)).clone()).collect();
        for threads in 1..4 {
            let pool = Pool::new(threads).expect("a pool");
            let mut mean = MotionMean::new(40, 37, MeanSettings::default());
            let found: Vec<Flow> = (0..4).map(|at| mean.push_on(Some(&pool), &field(at)).clone()).collect();
            assert_eq!(found, expected, "{threads} threads");
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
