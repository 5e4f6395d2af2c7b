//! Dense inverse search: patches of the current frame look for themselves in the previous one.
//!
//! Patches of 8×8 pixels lie on a grid, overlapping. Each starts from what the coarser scale has found, from what its left
//! or its upper neighbour has, whichever fits best, and then goes downhill. A second sweep does the same from the lower
//! right. Fit is the sum of squared differences less their mean, so light that changes does not count.

use kernels::Level;
use kernels::flow::{Corner, PATCH, Slope, Spread, Views, average, descend, difference, slope, spread};

/// How far a patch goes in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An eighth of what Gauss and Newton ask for: slopes are Sobel's, eight times the true ones. This is what was measured.
    Eighth,
    /// All of it.
    Full,
}

impl Step {
    fn length(self) -> f32 {
        match self {
            Step::Eighth => 1.0,
            Step::Full => 8.0,
        }
    }
}

/// Candidates do not cross from one stripe of patch rows to the next.
const STRIPES: usize = 8;

/// Where patches lie at one scale, and what each has found.
#[derive(Debug)]
pub(super) struct PatchSearch {
    rows: usize,
    cols: usize,
    stride: usize,
    slopes: Vec<Slope>,
    /// To the right, and down.
    found: Vec<[f32; 2]>,
    /// Sums of weights of the dense field.
    weight: Vec<f32>,
}

impl PatchSearch {
    /// Patches every `stride` pixels of `rows` × `cols`.
    pub fn new(rows: usize, cols: usize, stride: usize) -> Self {
        let weight = vec![0.0; rows * cols];
        let [rows, cols] = [rows, cols].map(|size| 1 + (size - PATCH) / stride);
        Self { rows, cols, stride, slopes: vec![Slope::default(); rows * cols], found: vec![[0.0; 2]; rows * cols], weight }
    }

    /// Moves the patches, from where `field` has their centres; `steps` steps, half of them in each sweep.
    pub fn run(&mut self, level: Level, views: &Views<'_>, field: &[Vec<f32>; 2], steps: usize, step: Step) {
        for patch in 0..self.found.len() {
            let corner = self.corner(patch);
            let centre = (corner.row + PATCH / 2) * views.cols + corner.col + PATCH / 2;
            self.slopes[patch] = slope(level, views, corner);
            self.found[patch] = [field[0][centre], field[1][centre]];
        }
        let high = self.rows.div_ceil(STRIPES);
        for from in (0..self.rows).step_by(high) {
            let until = self.rows.min(from + high);
            for row in from..until {
                for col in 0..self.cols {
                    let left = (col > 0).then(|| row * self.cols + col - 1);
                    let above = (row > from).then(|| (row - 1) * self.cols + col);
                    self.improve(level, views, row * self.cols + col, [left, above], steps / 2, step);
                }
            }
            for row in (from..until).rev() {
                for col in (0..self.cols).rev() {
                    let right = (col + 1 < self.cols).then_some(row * self.cols + col + 1);
                    let below = (row + 1 < until).then_some((row + 1) * self.cols + col);
                    self.improve(level, views, row * self.cols + col, [right, below], steps / 2, step);
                }
            }
        }
    }

    fn improve(&mut self, level: Level, views: &Views<'_>, patch: usize, neighbours: [Option<usize>; 2], steps: usize, step: Step) {
        let corner = self.corner(patch);
        let mut best = self.found[patch];
        let mut least = difference(level, views, corner, best);
        for neighbour in neighbours.into_iter().flatten() {
            let candidate = self.found[neighbour];
            let found = difference(level, views, corner, candidate);
            if found < least {
                (least, best) = (found, candidate);
            }
        }
        let moved = descend(level, views, corner, &self.slopes[patch], best, steps, step.length());
        // Who went further than a patch is long has lost its way.
        let (across, down) = (moved[0] - best[0], moved[1] - best[1]);
        let astray = across * across + down * down > (PATCH * PATCH) as f32;
        self.found[patch] = if astray { best } else { moved };
    }

    /// A field from the patches: at each pixel the average of those that cover it, weighed by how well they explain it.
    /// Pixels beyond the last patch belong to it.
    pub fn densify(&mut self, level: Level, views: &Views<'_>, field: &mut [Vec<f32>; 2]) {
        let [across, down] = field;
        for sums in [&mut self.weight, &mut *across, &mut *down] {
            sums.fill(0.0);
        }
        for (patch, &by) in self.found.iter().enumerate() {
            let corner = self.corner(patch);
            let high = if patch / self.cols + 1 == self.rows { views.rows - corner.row } else { PATCH };
            let wide = if patch % self.cols + 1 == self.cols { views.cols - corner.col } else { PATCH };
            spread(level, views, corner, high, wide, by, &mut Spread { weight: &mut self.weight, across, down });
        }
        average(level, &self.weight, across, down);
    }

    fn corner(&self, patch: usize) -> Corner {
        Corner { row: patch / self.cols * self.stride, col: patch % self.cols * self.stride }
    }
}
