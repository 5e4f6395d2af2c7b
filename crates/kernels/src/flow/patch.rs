//! Patches of 8×8 pixels: how unlike two are, where a patch went, and what it says about the pixels it covers.

use super::lanes::{Lanes, WIDTH, eight, eight_mut};

/// Pixels on a side of a patch.
pub const PATCH: usize = 8;

/// Pixels by which the plane that is searched goes on beyond each border, repeating the nearest one.
pub const PAD: usize = 16;

/// Two planes of one size and what is known about the first.
#[derive(Clone, Copy, Debug)]
pub struct Views<'a> {
    /// Rows of the planes.
    pub rows: usize,
    /// Columns of the planes.
    pub cols: usize,
    /// The plane whose patches are looked for, `rows` × `cols`.
    pub at: &'a [f32],
    /// Its slope to the right, `rows` × `cols`.
    pub right: &'a [f32],
    /// Its slope down, `rows` × `cols`.
    pub down: &'a [f32],
    /// The plane in which they are looked for, with [`PAD`] more pixels on each side.
    pub padded: &'a [f32],
}

/// The upper left pixel of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corner {
    /// Row, 0 … rows − 8.
    pub row: usize,
    /// Column, 0 … columns − 8.
    pub col: usize,
}

/// How a patch changes when it moves: sums over its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slope {
    /// Of the slope to the right.
    pub right: f32,
    /// Of the slope down.
    pub down: f32,
    /// Of the products: right · right.
    pub right_right: f32,
    /// right · down.
    pub right_down: f32,
    /// down · down.
    pub down_down: f32,
}

impl<'a> Views<'a> {
    fn assert(&self) {
        let size = self.rows * self.cols;
        assert!(self.rows >= PATCH && self.cols >= PATCH, "a plane of {}x{} holds no patch", self.rows, self.cols);
        assert!(self.at.len() == size && self.right.len() == size && self.down.len() == size, "planes of {}x{}", self.rows, self.cols);
        assert_eq!(self.padded.len(), (self.rows + 2 * PAD) * (self.cols + 2 * PAD), "the padded plane");
    }

    /// The other plane under the patch moved by `by`, its corner kept within `beyond` pixels of the plane.
    #[inline(always)]
    fn sample(&self, corner: Corner, by: [f32; 2], beyond: f32) -> Sample<'a> {
        let pad = PAD as f32;
        let x = (corner.col as f32 + by[0] + pad).max(pad - beyond).min(pad + self.cols as f32 - 1.0);
        let y = (corner.row as f32 + by[1] + pad).max(pad - beyond).min(pad + self.rows as f32 - 1.0);
        let stride = self.cols + 2 * PAD;
        let (left, top) = (x as usize, y as usize);
        Sample { from: &self.padded[top * stride + left..], stride, x: x - left as f32, y: y - top as f32 }
    }

    /// The other plane at one pixel moved by `by`.
    fn pixel(&self, row: usize, col: usize, by: [f32; 2]) -> f32 {
        let x = (col as f32 + by[0]).max(0.0).min((self.cols - 1) as f32);
        let y = (row as f32 + by[1]).max(0.0).min((self.rows - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (x, y) = (x - left as f32, y - top as f32);
        let stride = self.cols + 2 * PAD;
        let from = &self.padded[(top + PAD) * stride + left + PAD..];
        let [above, below] = [0, stride].map(|at| from[at] * (1.0 - x) + from[at + 1] * x);
        above * (1.0 - y) + below * y
    }
}

/// A bilinear view: rows of eight pixels, each between four of the plane.
struct Sample<'a> {
    from: &'a [f32],
    stride: usize,
    x: f32,
    y: f32,
}

impl Sample<'_> {
    #[inline(always)]
    fn across<L: Lanes>(&self, row: usize) -> L {
        let from = &self.from[row * self.stride..][..WIDTH + 1];
        L::splat(1.0 - self.x) * L::load(eight(from)) + L::splat(self.x) * L::load(eight(&from[1..]))
    }

    /// View − plane in a row of a patch of the plane; `above` goes from one row to the next.
    #[inline(always)]
    fn difference<L: Lanes>(&self, row: usize, above: &mut L, plane: &[f32]) -> L {
        let below: L = self.across(row + 1);
        let view = L::splat(1.0 - self.y) * *above + L::splat(self.y) * below;
        *above = below;
        view - L::load(eight(plane))
    }
}

const PIXELS: f32 = (PATCH * PATCH) as f32;

vectorised! {
    /// The sum of squared differences, less their mean, between a patch and the other plane moved by `by` (right, down).
    ///
    /// # Panics
    /// If planes are not of their sizes or the patch is not within.
    pub fn difference<L>(views: &Views<'_>, corner: Corner, by: [f32; 2]) -> f32 {
        views.assert();
        let (mut sum, mut squares) = (L::splat(0.0), L::splat(0.0));
        let plane = &views.at[corner.row * views.cols + corner.col..];
        let sample = views.sample(corner, by, (PATCH - 1) as f32);
        let mut above: L = sample.across(0);
        for row in 0..PATCH {
            let d = sample.difference(row, &mut above, &plane[row * views.cols..]);
            sum = sum + d;
            squares = squares + d * d;
        }
        let sum = sum.sum();
        squares.sum() - sum * sum / PIXELS
    }
}

vectorised! {
    /// The sums of slopes over a patch.
    ///
    /// # Panics
    /// If planes are not of their sizes or the patch is not within.
    pub fn slope<L>(views: &Views<'_>, corner: Corner) -> Slope {
        views.assert();
        let [mut rights, mut downs, mut right_right, mut right_down, mut down_down] = [L::splat(0.0); 5];
        for row in 0..PATCH {
            let at = (corner.row + row) * views.cols + corner.col;
            let (right, down) = (L::load(eight(&views.right[at..])), L::load(eight(&views.down[at..])));
            (rights, downs) = (rights + right, downs + down);
            (right_right, right_down, down_down) = (right_right + right * right, right_down + right * down, down_down + down * down);
        }
        let (right_right, right_down, down_down) = (right_right.sum(), right_down.sum(), down_down.sum());
        Slope { right: rights.sum(), down: downs.sum(), right_right, right_down, down_down }
    }
}

/// The matrix that turns a patch's right side into a step: the inverse of the sums of products. A patch without
/// structure has none; its determinant is taken as 0.001, which makes its steps too long to be believed.
fn inverse(slope: &Slope) -> [f32; 3] {
    const LEAST: f32 = 0.001;
    let determinant = slope.right_right * slope.down_down - slope.right_down * slope.right_down;
    let determinant = if determinant.abs() < LEAST { LEAST } else { determinant };
    [slope.down_down / determinant, -slope.right_down / determinant, slope.right_right / determinant]
}

vectorised! {
    /// Moves a patch downhill from `by` in at most `steps` steps, each `length` of what the slopes ask for, and one less
    /// than a step after the difference has stopped falling. The slopes are the patch's own (inverse search), so nothing
    /// but the difference is renewed.
    ///
    /// # Panics
    /// If planes are not of their sizes or the patch is not within.
    pub fn descend<L>(views: &Views<'_>, corner: Corner, slope: &Slope, by: [f32; 2], steps: usize, length: f32) -> [f32; 2] {
        views.assert();
        let [xx, xy, yy] = inverse(slope);
        let from = corner.row * views.cols + corner.col;
        let (plane, right, down) = (&views.at[from..], &views.right[from..], &views.down[from..]);
        let mut by = by;
        let mut least = f32::INFINITY;
        for _ in 0..steps {
            let [mut sum, mut squares, mut rights, mut downs] = [L::splat(0.0); 4];
            let sample = views.sample(corner, by, (PATCH - 1) as f32);
            let mut above: L = sample.across(0);
            for row in 0..PATCH {
                let d = sample.difference(row, &mut above, &plane[row * views.cols..]);
                sum = sum + d;
                squares = squares + d * d;
                rights = rights + d * L::load(eight(&right[row * views.cols..]));
                downs = downs + d * L::load(eight(&down[row * views.cols..]));
            }
            let sum = sum.sum();
            let (x, y) = (rights.sum() - sum * slope.right / PIXELS, downs.sum() - sum * slope.down / PIXELS);
            by = [by[0] - length * (xx * x + xy * y), by[1] - length * (xy * x + yy * y)];
            let found = squares.sum() - sum * sum / PIXELS;
            if found >= least {
                break;
            }
            least = found;
        }
        by
    }
}

/// Sums over the patches that cover a pixel, each `rows` × `cols`.
#[derive(Debug)]
pub struct Spread<'a> {
    /// Of the weights.
    pub weight: &'a mut [f32],
    /// Of weight · motion to the right.
    pub across: &'a mut [f32],
    /// Of weight · motion down.
    pub down: &'a mut [f32],
}

vectorised! {
    /// Adds what a patch moved by `by` says to the pixels it covers, `high` × `wide` of them from its corner on: its
    /// weight at a pixel is 1 over the difference it leaves there, at most 1.
    ///
    /// # Panics
    /// If planes are not of their sizes, the patch is not within, or it covers under 8 pixels a side.
    pub fn spread<L>(views: &Views<'_>, corner: Corner, high: usize, wide: usize, by: [f32; 2], sums: &mut Spread<'_>) {
        views.assert();
        assert!(high >= PATCH && wide >= PATCH, "a patch of {high}x{wide}");
        assert!(corner.row + high <= views.rows && corner.col + wide <= views.cols, "a patch beyond the plane");
        let from = corner.row * views.cols + corner.col;
        let (one, across, down) = (L::splat(1.0), L::splat(by[0]), L::splat(by[1]));
        let sample = views.sample(corner, by, (PATCH + 1) as f32);
        let mut above: L = sample.across(0);
        for row in 0..PATCH {
            let at = from + row * views.cols;
            let d = sample.difference(row, &mut above, &views.at[at..]);
            let weight = one / one.max(d.abs());
            (L::load(eight(&sums.weight[at..])) + weight).store(eight_mut(&mut sums.weight[at..]));
            (L::load(eight(&sums.across[at..])) + weight * across).store(eight_mut(&mut sums.across[at..]));
            (L::load(eight(&sums.down[at..])) + weight * down).store(eight_mut(&mut sums.down[at..]));
        }
        // The last patches also cover what no patch does: the few pixels up to the border.
        for row in 0..high {
            for col in if row < PATCH { PATCH } else { 0 }..wide {
                let (row, col) = (corner.row + row, corner.col + col);
                let at = row * views.cols + col;
                let weight = 1.0 / (views.pixel(row, col, by) - views.at[at]).abs().max(1.0);
                sums.weight[at] += weight;
                sums.across[at] += weight * by[0];
                sums.down[at] += weight * by[1];
            }
        }
    }
}

vectorised! {
    /// Sums over sums of weights: in place, motion to the right and down.
    ///
    /// # Panics
    /// If lengths differ.
    pub fn average<L>(weight: &[f32], across: &mut [f32], down: &mut [f32]) {
        assert!(weight.len() == across.len() && across.len() == down.len(), "planes of one size");
        for ((weight, across), down) in weight.iter().zip(across).zip(down) {
            *across /= weight;
            *down /= weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::flow::{replicate, slopes};

    const ROWS: usize = 19;
    const COLS: usize = 22;

    /// A smooth plane, and the same one 1.25 pixels further right and 0.5 up, in that order.
    fn planes() -> [Vec<f32>; 4] {
        let wave = |x: f32, y: f32| 120.0 + 50.0 * (x * 0.5).sin() + 40.0 * (y * 0.4 + x * 0.1).cos();
        let at: Vec<f32> = (0..ROWS * COLS).map(|i| wave((i % COLS) as f32, (i / COLS) as f32)).collect();
        let (mut right, mut down) = (vec![0.0; at.len()], vec![0.0; at.len()]);
        slopes(Level::Portable, &at, ROWS, COLS, &mut right, &mut down);
        let mut padded = Vec::new();
        for row in 0..ROWS + 2 * PAD {
            let y = row.clamp(PAD, PAD + ROWS - 1) - PAD;
            padded.extend((0..COLS + 2 * PAD).map(|col| wave((col.clamp(PAD, PAD + COLS - 1) - PAD) as f32 - 1.25, y as f32 + 0.5)));
        }
        [at, right, down, padded]
    }

    fn views(planes: &[Vec<f32>; 4]) -> Views<'_> {
        let [at, right, down, padded] = planes;
        Views { rows: ROWS, cols: COLS, at, right, down, padded }
    }

    #[test]
    fn a_patch_finds_where_it_went() {
        let planes = planes();
        let views = views(&planes);
        let corner = Corner { row: 5, col: 7 };
        for level in Level::all_available() {
            let slope = slope(level, &views, corner);
            // Sobel slopes are eight times the true ones: full steps are eight times those of `length` 1.
            let found = descend(level, &views, corner, &slope, [0.0; 2], 20, 8.0);
            assert!((found[0] - 1.25).abs() < 0.04 && (found[1] + 0.5).abs() < 0.04, "{level}: {found:?}");
            let short = descend(level, &views, corner, &slope, [0.0; 2], 1, 1.0);
            assert!(short[0] > 0.05 && short[0] < 0.3, "{level}: {short:?}");
            assert!(difference(level, &views, corner, found) < 100.0);
            assert!(difference(level, &views, corner, [0.0; 2]) > 1000.0);
        }
    }

    #[test]
    fn levels_give_the_same_bits() {
        let planes = planes();
        let views = views(&planes);
        for by in [[0.0, 0.0], [0.37, -1.2], [-30.0, 3.5], [1e9, -1e9]] {
            let corner = Corner { row: ROWS - PATCH, col: 3 };
            let results: Vec<_> = Level::all_available()
                .map(|level| {
                    let slope = slope(level, &views, corner);
                    let mut sums = [vec![0.0; ROWS * COLS], vec![0.0; ROWS * COLS], vec![0.0; ROWS * COLS]];
                    let [weight, across, down] = &mut sums;
                    spread(level, &views, Corner { row: 2, col: 4 }, 9, 11, by, &mut Spread { weight, across, down });
                    (difference(level, &views, corner, by), slope, descend(level, &views, corner, &slope, by, 4, 1.0), sums)
                })
                .collect();
            assert!(results.iter().all(|result| *result == results[0]));
        }
    }

    #[test]
    fn a_brighter_patch_is_not_another() {
        let mut planes = planes();
        let corner = Corner { row: 5, col: 7 };
        let before = difference(Level::Portable, &views(&planes), corner, [1.25, -0.5]);
        planes[3].iter_mut().for_each(|v| *v += 16.0);
        let after = difference(Level::Portable, &views(&planes), corner, [1.25, -0.5]);
        assert!((after - before).abs() < 0.1, "{before} {after}");
    }

    #[test]
    fn spreading_weighs_by_what_is_left() {
        let at: Vec<u8> = (0..ROWS * COLS).map(|i| (i % 200) as u8).collect();
        let mut padded = vec![0.0; (ROWS + 2 * PAD) * (COLS + 2 * PAD)];
        replicate(Level::Portable, &at, ROWS, COLS, PAD, &mut padded);
        let mut brighter: Vec<f32> = at.iter().map(|&v| f32::from(v)).collect();
        brighter[3 * COLS + 5] += 4.0;
        brighter[10 * COLS + 13] += 0.5;
        let views = Views { rows: ROWS, cols: COLS, at: &brighter, right: &brighter, down: &brighter, padded: &padded };
        let mut sums = [vec![0.0; ROWS * COLS], vec![0.0; ROWS * COLS], vec![0.0; ROWS * COLS]];
        let [weight, across, down] = &mut sums;
        spread(Level::Portable, &views, Corner { row: 2, col: 4 }, 9, 10, [0.0, 0.0], &mut Spread { weight, across, down });
        assert_eq!(weight.iter().sum::<f32>(), 89.25);
        assert_eq!((weight[3 * COLS + 5], weight[10 * COLS + 13], weight[2 * COLS + 14]), (0.25, 1.0, 0.0));
    }
}
