//! Principal components: what of the frame the components of the training frames do not explain (EVALUATION §7, PCA-frame64). Frames are
//! seen as 90 × 60 grey cells, area means; the score is the mean squared residual, the map that residual cell by cell.
//!
//! At most 3,000 training frames are kept as cells. Components
//! come from twelve rounds of subspace iteration with half as many directions more than are wanted, and the principal ones among these.
//! Works on stills.

use super::median::Place;
use super::spaced::Spaced;
use super::{BaselineError, Detector, FrameScore, GreyFrame, check_size};
use crate::data::random::SplitMix64;
use kernels::gemm::{Matrix, Scratch, multiply};
use kernels::{Pool, Write};

/// Cells of a picture.
const COLS: usize = 90;
const ROWS: usize = 60;
const CELLS: usize = ROWS * COLS;
/// Training frames kept at most.
const MOST: usize = 3000;
/// Components at most; a quarter of the frames where these are few.
const COMPONENTS: usize = 64;
/// Rounds of subspace iteration.
const ROUNDS: usize = 12;
/// Sweeps of Jacobi's rotations: 96 directions need six or seven.
const SWEEPS: usize = 12;
/// Parts of a grey level that kept cells are told in.
const PARTS: f32 = 256.0;
/// Counts of the map in a squared grey level.
const COUNTS: f64 = 16.0;
/// The map's largest count: a residual of two whole ranges of grey.
const MOST_COUNTS: f64 = 4.0 * 255.0 * 255.0 * COUNTS;

/// The mean training frame and what training frames vary by.
///
/// # Shapes
/// `mean` is `[CELLS]`, `components` `[count, CELLS]` with orthonormal rows; grey as a share of 255.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    size: (usize, usize),
    mean: Vec<f32>,
    components: Vec<f32>,
}

/// Training frames as cells.
#[derive(Clone, Debug)]
pub(super) struct CellSamples(Spaced<Vec<u16>>);

impl CellSamples {
    pub(super) fn new() -> Self {
        Self(Spaced::new())
    }

    pub(super) fn offer(&mut self, place: Place, frame: GreyFrame<'_>) -> Result<(), BaselineError> {
        self.0.offer(place, frame, 1, MOST, |frame| {
            let mut means = Vec::new();
            cells(frame, &mut means);
            means.iter().map(|&grey| (grey * 255.0 * PARTS).round() as u16).collect()
        })
    }

    /// Of those whose place is `chosen`; `None` where there is none.
    pub(super) fn components(&self, chosen: impl Fn(Place) -> bool) -> Option<Components> {
        let frames: Vec<&[u16]> = self.0.chosen(chosen).map(Vec::as_slice).collect();
        if frames.is_empty() {
            return None;
        }
        let mut sums = vec![0u64; CELLS];
        for frame in &frames {
            sums.iter_mut().zip(*frame).for_each(|(sum, &cell)| *sum += u64::from(cell));
        }
        let share = |value: f64| (value / f64::from(255.0 * PARTS)) as f32;
        let mean: Vec<f32> = sums.iter().map(|&sum| share(sum as f64 / frames.len() as f64)).collect();
        let centred: Vec<f32> =
            frames.iter().flat_map(|frame| frame.iter().zip(&mean).map(|(&cell, mean)| share(f64::from(cell)) - mean)).collect();
        let components = principal(&centred, frames.len(), COMPONENTS.min(frames.len() / 4));
        Some(Components { size: self.0.size(), mean, components })
    }
}

/// The `count` directions in which the rows of `centred` (`[frames, CELLS]`) vary most.
fn principal(centred: &[f32], frames: usize, count: usize) -> Vec<f32> {
    if count == 0 {
        return Vec::new();
    }
    let pool = Pool::new(1).expect("one thread needs no level but the machine's own");
    let (mut scratch, mut random) = (Scratch::new(), SplitMix64::new(0));
    let wide = (count + count / 2).max(2);
    let mut directions: Vec<f32> = (0..wide * CELLS).map(|_| random.between(-1.0, 1.0) as f32).collect();
    let mut along = vec![0.0; frames * wide];
    let rows = Matrix::rows(centred, frames, CELLS);
    for _ in 0..ROUNDS {
        multiply(&pool, rows, Matrix::transposed(&directions, CELLS, wide), &mut along, Write::Set, &mut scratch);
        multiply(&pool, Matrix::transposed(&along, wide, frames), rows, &mut directions, Write::Set, &mut scratch);
        orthonormalise(&mut directions);
    }
    multiply(&pool, rows, Matrix::transposed(&directions, CELLS, wide), &mut along, Write::Set, &mut scratch);
    let turn = principal_turn(&along, wide, count);
    let mut found = vec![0.0; count * CELLS];
    multiply(&pool, Matrix::rows(&turn, count, wide), Matrix::rows(&directions, wide, CELLS), &mut found, Write::Set, &mut scratch);
    found
}

/// How the `wide` columns of `along` are to be combined into the `count` that vary most, `[count, wide]`: eigenvectors of their products, by
/// Jacobi's rotations.
fn principal_turn(along: &[f32], wide: usize, count: usize) -> Vec<f32> {
    let mut products = vec![0.0f64; wide * wide];
    for row in along.chunks_exact(wide) {
        for (at, &own) in row.iter().enumerate() {
            products[at * wide..][..wide].iter_mut().zip(row).for_each(|(sum, &other)| *sum += f64::from(own) * f64::from(other));
        }
    }
    let mut vectors: Vec<f64> = (0..wide * wide).map(|at| f64::from(u8::from(at / wide == at % wide))).collect();
    for _ in 0..SWEEPS {
        for a in 0..wide {
            for b in a + 1..wide {
                rotate(&mut products, &mut vectors, wide, (a, b));
            }
        }
    }
    let mut order: Vec<usize> = (0..wide).collect();
    order.sort_by(|&a, &b| products[b * wide + b].total_cmp(&products[a * wide + a]));
    order.iter().take(count).flat_map(|&row| vectors[row * wide..][..wide].iter().map(|&value| value as f32)).collect()
}

/// Turns directions `a` and `b` so that their product is 0; `vectors` has a direction a row.
fn rotate(products: &mut [f64], vectors: &mut [f64], wide: usize, (a, b): (usize, usize)) {
    let product = products[a * wide + b];
    if product == 0.0 {
        return;
    }
    let half = (products[b * wide + b] - products[a * wide + a]) / (2.0 * product);
    let tangent = half.signum() / (half.abs() + half.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turned = |first: f64, second: f64| (cosine * first - sine * second, sine * first + cosine * second);
    for at in 0..wide {
        for (matrix, first, second) in [(&mut *products, at * wide + a, at * wide + b), (&mut *vectors, a * wide + at, b * wide + at)] {
            (matrix[first], matrix[second]) = turned(matrix[first], matrix[second]);
        }
    }
    for at in 0..wide {
        (products[a * wide + at], products[b * wide + at]) = turned(products[a * wide + at], products[b * wide + at]);
    }
}

/// Rows of length 1 at right angles to each other, one after another; a row that lies among those before it becomes 0.
fn orthonormalise(rows: &mut [f32]) {
    for at in 0..rows.len() / CELLS {
        let (before, row) = rows.split_at_mut(at * CELLS);
        let row = &mut row[..CELLS];
        let length = dot(row, row).sqrt();
        // Twice: what rounding leaves after the first time is taken off by the second.
        for _ in 0..2 {
            for other in before.chunks_exact(CELLS) {
                take_off(row, other, dot(row, other));
            }
        }
        let left = dot(row, row).sqrt();
        let scale = if left > 1e-6 * length { 1.0 / left } else { 0.0 };
        row.iter_mut().for_each(|value| *value *= scale as f32);
    }
}

/// Sums of eight lanes, joined as one f64.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0f32; 8];
    let (a, b) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.0.iter().zip(b.0) {
        (0..8).for_each(|lane| lanes[lane] += a[lane] * b[lane]);
    }
    let rest: f32 = a.1.iter().zip(b.1).map(|(a, b)| a * b).sum();
    lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>() + f64::from(rest)
}

fn take_off(row: &mut [f32], other: &[f32], share: f64) {
    row.iter_mut().zip(other).for_each(|(value, other)| *value -= share as f32 * other);
}

/// The cell that a row or column of `side` belongs to.
fn cell(at: usize, side: usize, cells: usize) -> usize {
    at * cells / side
}

/// Area means of the cells as a share of 255; a picture with fewer rows or columns than cells leaves some of them 0, in every frame alike.
fn cells(frame: GreyFrame<'_>, means: &mut Vec<f32>) {
    let (mut sums, mut counts) = (vec![0u32; CELLS], vec![0u32; CELLS]);
    let columns: Vec<usize> = (0..frame.width).map(|x| cell(x, frame.width, COLS)).collect();
    for (y, row) in frame.samples.chunks_exact(frame.width).enumerate() {
        let start = cell(y, frame.height, ROWS) * COLS;
        for (&grey, &column) in row.iter().zip(&columns) {
            sums[start + column] += u32::from(grey);
            counts[start + column] += 1;
        }
    }
    means.clear();
    means.extend(sums.iter().zip(&counts).map(|(&sum, &count)| (f64::from(sum) / (255.0 * f64::from(count.max(1)))) as f32));
}

/// The detector `pca`.
#[derive(Clone, Debug)]
pub struct Residual {
    known: Components,
    seen: usize,
    left: Vec<f32>,
    counts: Vec<u32>,
}

impl Residual {
    /// What `known` does not explain.
    pub fn new(known: Components) -> Self {
        Self { known, seen: 0, left: Vec::new(), counts: Vec::new() }
    }
}

impl Detector for Residual {
    fn start_clip(&mut self) {
        self.seen = 0;
    }

    fn push(&mut self, frame: GreyFrame<'_>) -> Result<FrameScore<'_>, BaselineError> {
        check_size(frame, self.seen, self.known.size)?;
        self.seen += 1;
        cells(frame, &mut self.left);
        self.left.iter_mut().zip(&self.known.mean).for_each(|(value, mean)| *value -= mean);
        for component in self.known.components.chunks_exact(CELLS) {
            // One after another is the same as all at once: they are orthonormal.
            let share = dot(&self.left, component);
            take_off(&mut self.left, component, share);
        }
        let (height, width) = (frame.height, frame.width);
        let squared: Vec<f64> = self.left.iter().map(|&left| f64::from(left).powi(2)).collect();
        let counts: Vec<u32> = squared.iter().map(|squared| (squared * 255.0 * 255.0 * COUNTS).round().min(MOST_COUNTS) as u32).collect();
        let columns: Vec<usize> = (0..width).map(|x| cell(x, width, COLS)).collect();
        self.counts.clear();
        self.counts.reserve(height * width);
        for y in 0..height {
            let row = &counts[cell(y, height, ROWS) * COLS..][..COLS];
            self.counts.extend(columns.iter().map(|&column| row[column]));
        }
        let raw = squared.iter().sum::<f64>() / (height.min(ROWS) * width.min(COLS)) as f64;
        Ok(FrameScore { raw, height, width, counts: &self.counts, unit: 1.0 / (255.0 * 255.0 * COUNTS), warmup: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEIGHT: usize = 60;
    const WIDTH: usize = 90;

    /// A pattern that frames vary by, and one that they never show.
    fn picture(known: f64, strange: f64) -> Vec<u8> {
        let grey = |at: usize| {
            let (row, col) = (at / WIDTH, at % WIDTH);
            let sign = |side: bool| if side { 1.0 } else { -1.0 };
            (128.0 + known * sign(row < HEIGHT / 2) + strange * sign(col < WIDTH / 2)) as u8
        };
        (0..HEIGHT * WIDTH).map(grey).collect()
    }

    fn frame(samples: &[u8]) -> GreyFrame<'_> {
        GreyFrame { height: HEIGHT, width: WIDTH, samples }
    }

    fn samples() -> CellSamples {
        let mut samples = CellSamples::new();
        for at in 0..16 {
            let picture = picture(f64::from(at) - 8.0, 0.0);
            samples.offer(Place { clip: at as usize % 2, frame: at as usize / 2 }, frame(&picture)).expect("one size");
        }
        samples
    }

    #[test]
    fn what_training_frames_vary_by_is_no_residual_and_the_rest_is() {
        let mut detector = Residual::new(samples().components(|_| true).expect("frames"));
        let known = detector.push(frame(&picture(40.0, 0.0))).expect("one size").raw;
        assert!(known < 1e-9, "however far: {known}");
        let found = detector.push(frame(&picture(3.0, 20.0))).expect("one size");
        let wanted = (20.0f64 / 255.0).powi(2);
        assert!((found.raw - wanted).abs() < 1e-3 * wanted, "{} for {wanted}", found.raw);
        let mut map = Vec::new();
        found.write_map(&mut map);
        assert!(map.iter().all(|&value| (f64::from(value) - wanted).abs() < 2e-3 * wanted), "{:?}", &map[..4]);
    }

    #[test]
    fn components_are_orthonormal_and_no_more_than_frames_carry() {
        let found = samples().components(|_| true).expect("frames").components;
        assert_eq!(found.len(), 4 * CELLS, "a quarter of 16 frames");
        let rows: Vec<&[f32]> = found.chunks_exact(CELLS).collect();
        assert!((dot(rows[0], rows[0]) - 1.0).abs() < 1e-5);
        for (at, row) in rows.iter().enumerate().skip(1) {
            let length = dot(row, row);
            assert!(length == 0.0 || (length - 1.0).abs() < 1e-5, "{length}");
            assert!(rows[..at].iter().all(|other| dot(row, other).abs() < 1e-4));
        }
        assert!(samples().components(|_| false).is_none());
    }

    #[test]
    fn the_turn_finds_what_varies_most() {
        // Two columns of ± 3 that move together, one of ± 1 for itself: (1, 1, 0)/√2 first.
        let along = [3.0, 3.0, 1.0, -3.0, -3.0, 1.0, 3.0, 3.0, -1.0, -3.0, -3.0, -1.0];
        let turn = principal_turn(&along, 3, 2);
        let half = 0.5f32.sqrt();
        let near = |a: f32, b: f32| (a.abs() - b).abs() < 1e-6;
        assert!(near(turn[0], half) && near(turn[1], half) && near(turn[2], 0.0) && turn[0] * turn[1] > 0.0, "{turn:?}");
        assert!(near(turn[3], 0.0) && near(turn[4], 0.0) && near(turn[5], 1.0), "{turn:?}");
    }

    #[test]
    fn a_few_frames_of_few_pixels_leave_the_mean() {
        let mut samples = CellSamples::new();
        for grey in [10, 30] {
            samples.offer(Place { clip: 0, frame: 0 }, GreyFrame { height: 1, width: 2, samples: &[grey, grey] }).expect("one size");
        }
        let mut detector = Residual::new(samples.components(|_| true).expect("frames"));
        let found = detector.push(GreyFrame { height: 1, width: 2, samples: &[20, 35] }).expect("one size");
        assert!((found.raw - (15.0f64 / 255.0).powi(2) / 2.0).abs() < 1e-7, "{}", found.raw);
        assert_eq!(found.counts, [0, 15 * 15 * 16]);
        assert!(detector.push(GreyFrame { height: 2, width: 1, samples: &[20, 35] }).is_err(), "another size");
    }

    #[test]
    fn kept_frames_are_bounded() {
        let mut samples = CellSamples::new();
        for clip in 0..2 * MOST + 10 {
            samples.offer(Place { clip, frame: 0 }, GreyFrame { height: 1, width: 1, samples: &[7] }).expect("one size");
        }
        assert!(samples.0.len() <= MOST && samples.0.len() >= MOST / 2, "{}", samples.0.len());
    }
}
