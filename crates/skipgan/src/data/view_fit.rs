//! How a picture lies against a reference of the same camera: I(x + d) ≈ g·R(x) + o, by robust least squares over both shift and light.
//!
//! Gauss–Newton at half size, a little blurred, with Tukey's weights, so that people in front of the background do not count; it starts from the last fit and
//! from the best correlation at a quarter of the size, and the better of both stands. Plain arrays: it knows no clip and no network.
#![allow(clippy::indexing_slicing)] // sizes are asserted where they come in

/// Steps of Gauss–Newton.
const STEPS: usize = 6;
/// Tukey's constant: residuals beyond that many deviations do not count.
const TUKEY: f32 = 4.685;
/// Least deviation of residuals, in grey levels: the noise that eight bits bring along.
const LEAST_DEVIATION: f32 = 0.5;
/// Cells of a quarter of the size that the search reaches in each direction.
const REACH: isize = 4;
/// How much better the searched place must fit than the last one, as a share.
const BETTER: f32 = 0.9;
/// Grey level from which on a pixel is white and says no more.
pub(super) const WHITE: f32 = 250.0;
/// Rows and columns of a block, in pixels of half the size.
const BLOCK: usize = 4;
/// Sums side by side where pixels are many.
const LANES: usize = 8;
/// A median is sought among numbers that share all but so many bits.
const SHIFT: u32 = 20;
/// Their kinds, without the sign.
const BUCKETS: usize = 1 << (31 - SHIFT);

/// Shift and light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Pixels that the picture lies to the right.
    pub across: f32,
    /// Pixels that it lies further down.
    pub down: f32,
    /// g.
    pub gain: f32,
    /// o, in grey levels.
    pub offset: f32,
}

impl View {
    /// The reference's own.
    pub const SAME: View = View { across: 0.0, down: 0.0, gain: 1.0, offset: 0.0 };

    /// The view of a picture that is seen so against a reference which is itself seen so against another: R = `reference`.
    pub fn beyond(&self, reference: &View) -> View {
        View {
            across: self.across + reference.across,
            down: self.down + reference.down,
            gain: self.gain * reference.gain,
            offset: self.gain * reference.offset + self.offset,
        }
    }
}

/// A view and what it leaves unexplained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The view.
    pub view: View,
    /// Median over blocks of 8 × 8 pixels of the mean residual, in grey levels of the reference.
    pub unrest: f32,
    /// Change of the mean level, in grey levels: (g − 1)·mean R + o.
    pub level: f32,
}

/// Fits pictures to one reference; keeps its buffers.
#[derive(Clone, Debug)]
pub struct ViewFitter {
    rows: usize,
    cols: usize,
    reference: Vec<f32>,
    slopes: [Vec<f32>; 2],
    quarter: Vec<f32>,
    mean: f32,
    half: Vec<f32>,
    residual: Vec<f32>,
    scratch: Vec<f32>,
}

impl ViewFitter {
    /// For pictures of `reference`'s size: `[height, width]`, grey levels.
    ///
    /// # Panics
    /// Where the reference has another size, or a side is under 4.
    pub fn new(reference: &[f32], height: usize, width: usize) -> ViewFitter {
        assert!(reference.len() == height * width && height >= 4 && width >= 4, "a reference of {height}x{width}");
        let (rows, cols) = (height / 2, width / 2);
        let half = blurred(halved(reference, height, width), rows, cols);
        let at = |row: usize, col: usize| half[row.min(rows - 1) * cols + col.min(cols - 1)];
        let cells = || (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
        let across = cells().map(|(row, col)| 0.5 * (at(row, col + 1) - at(row, col.saturating_sub(1)))).collect();
        let down = cells().map(|(row, col)| 0.5 * (at(row + 1, col) - at(row.saturating_sub(1), col))).collect();
        let mean = half.iter().sum::<f32>() / half.len() as f32;
        let quarter = halved(&half, rows, cols);
        let (residual, scratch) = (vec![0.0; rows * cols], Vec::new());
        ViewFitter { rows, cols, reference: half, slopes: [across, down], quarter, mean, half: Vec::new(), residual, scratch }
    }

    /// The view of a picture, sought near `near` and where it correlates best.
    ///
    /// # Panics
    /// Where the picture has another size.
    pub fn fit(&mut self, picture: &[f32], near: &View) -> Fit {
        let (height, width) = (picture.len() / (2 * self.cols), 2 * self.cols);
        assert!(picture.len() == height * width && height / 2 == self.rows, "a picture of the reference's size");
        self.half = blurred(halved(picture, height, width), self.rows, self.cols);
        let (mut best, mut cost) = self.descend(*near);
        let (across, down) = self.searched();
        if (across - best.across).abs().max((down - best.down).abs()) > 2.0 {
            let (other, its_cost) = self.descend(View { across, down, ..best });
            if its_cost < BETTER * cost {
                (best, cost) = (other, its_cost);
            }
        }
        if !cost.is_finite() {
            best = *near;
        }
        self.residuals(&best);
        let level = (best.gain - 1.0) * self.mean + best.offset;
        Fit { view: best, unrest: self.unrest(best.gain), level }
    }

    /// Shift in pixels with the highest correlation at a quarter of the size; none where the picture is too small for a search.
    fn searched(&self) -> (f32, f32) {
        let (rows, cols) = ((self.rows / 2) as isize, (self.cols / 2) as isize);
        if rows < 4 * REACH || cols < 4 * REACH {
            return (0.0, 0.0);
        }
        let picture = halved(&self.half, self.rows, self.cols);
        let inner = || (REACH..rows - REACH).flat_map(|row| (REACH..cols - REACH).map(move |col| (row, col)));
        let count = inner().count() as f32;
        let mean = inner().map(|(row, col)| self.quarter[(row * cols + col) as usize]).sum::<f32>() / count;
        let usual: Vec<f32> = self.quarter.iter().map(|value| value - mean).collect();
        let mut best = (f32::NEG_INFINITY, 0, 0);
        for down in -REACH..=REACH {
            for across in -REACH..=REACH {
                let (mut sums, mut squares, mut products) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
                for row in REACH..rows - REACH {
                    let reference = &usual[(row * cols + REACH) as usize..(row * cols + cols - REACH) as usize];
                    let start = ((row + down) * cols + REACH + across) as usize;
                    let (reference, rest) = reference.as_chunks::<LANES>();
                    let (picture, picture_rest) = picture[start..][..LANES * reference.len() + rest.len()].as_chunks::<LANES>();
                    for (usual, values) in reference.iter().zip(picture) {
                        for i in 0..LANES {
                            sums[i] += values[i];
                            squares[i] += values[i] * values[i];
                            products[i] += usual[i] * values[i];
                        }
                    }
                    for (i, (&usual, &value)) in rest.iter().zip(picture_rest).enumerate() {
                        sums[i] += value;
                        squares[i] += value * value;
                        products[i] += usual * value;
                    }
                }
                let [sum, squares, product] = [sums, squares, products].map(|lanes| lanes.iter().sum::<f32>());
                let variance = squares - sum * sum / count;
                let correlation = if variance > 0.0 { product / variance.sqrt() } else { 0.0 };
                if correlation > best.0 {
                    best = (correlation, across, down);
                }
            }
        }
        (4.0 * best.1 as f32, 4.0 * best.2 as f32)
    }

    /// Gauss–Newton from `view`; the median residual there, in grey levels of the reference.
    fn descend(&mut self, view: View) -> (View, f32) {
        let mut view = view;
        for _ in 0..STEPS {
            self.residuals(&view);
            let deviation = (1.4826 * self.median_residual()).max(LEAST_DEVIATION);
            let Some(step) = self.step(&view, TUKEY * deviation) else { return (view, f32::INFINITY) };
            view.across += 2.0 * step[0].clamp(-1.0, 1.0);
            view.down += 2.0 * step[1].clamp(-1.0, 1.0);
            view.gain = (view.gain + step[2]).clamp(0.1, 10.0);
            view.offset += step[3];
        }
        self.residuals(&view);
        let cost = self.median_residual() / view.gain;
        let within = view.across.abs() < self.cols as f32 && view.down.abs() < self.rows as f32 && view.offset.is_finite();
        (view, if within { cost } else { f32::INFINITY })
    }

    /// I(x + d) − g·R(x) − o at half size; NaN beyond the picture and where it is white.
    fn residuals(&mut self, view: &View) {
        let (rows, cols) = (self.rows, self.cols);
        let (beside, seen) = between(0.5 * view.across, cols);
        let (below, seen_rows) = between(0.5 * view.down, rows);
        for (row, line) in self.residual.chunks_exact_mut(cols).enumerate() {
            line.fill(f32::NAN);
            let Some(top) = seen_rows.at(row).filter(|_| seen.count > 0) else { continue };
            let (upper, lower) = (&self.half[top * cols..][..cols], &self.half[(top + 1) * cols..][..cols]);
            let reference = &self.reference[row * cols..][..cols];
            let (from, count) = (seen.first + seen.moved, seen.count);
            let (upper, lower) = (&upper[from as usize..][..count + 1], &lower[from as usize..][..count + 1]);
            let (reference, line) = (&reference[seen.first as usize..][..count], &mut line[seen.first as usize..][..count]);
            for col in 0..count {
                let above = upper[col] * (1.0 - beside) + upper[col + 1] * beside;
                let value = above * (1.0 - below) + (lower[col] * (1.0 - beside) + lower[col + 1] * beside) * below;
                let off = value - view.gain * reference[col] - view.offset;
                line[col] = if value < WHITE { off } else { f32::NAN };
            }
        }
    }

    /// The median of |residual|, NaN left out; 0 of nothing.
    fn median_residual(&mut self) -> f32 {
        // Numbers without a sign are in the order of their bits: counted by the highest of them, then sought among few.
        let bits = |value: &f32| value.abs().to_bits();
        let mut counts = [0u32; BUCKETS];
        self.residual.iter().for_each(|value| counts[(bits(value) >> SHIFT) as usize] += 1);
        // NaN lies in buckets of its own, the last ones.
        let numbers = &counts[..(f32::INFINITY.to_bits() >> SHIFT) as usize];
        let mut rank = numbers.iter().sum::<u32>() / 2;
        let holds = |&count: &u32| {
            let here = rank < count;
            rank -= if here { 0 } else { count };
            here
        };
        let Some(bucket) = numbers.iter().position(holds) else { return 0.0 };
        self.scratch.clear();
        self.scratch.extend(self.residual.iter().map(|value| value.abs()).filter(|value| (value.to_bits() >> SHIFT) as usize == bucket));
        *self.scratch.select_nth_unstable_by(rank as usize, f32::total_cmp).1
    }

    /// The weighted step of (across, down) in pixels of half the size, g and o; `None` where nothing can be said.
    fn step(&self, view: &View, reach: f32) -> Option<[f32; 4]> {
        // Some pixels at a time, number by number: a pixel that does not count has no weight. The lower half of the matrix is the upper.
        let (mut sums, mut count) = ([0.0f64; 14], 0);
        let [across, down] = &self.slopes;
        let places = self.residual.chunks(SOME).zip(across.chunks(SOME)).zip(down.chunks(SOME)).zip(self.reference.chunks(SOME));
        let (mut numbers, mut weighted) = ([[0.0f32; SOME]; 5], [[0.0f32; SOME]; 4]);
        numbers[3] = [-1.0; SOME];
        for (((residual, across), down), reference) in places {
            let mut weight = [0.0f32; SOME];
            let mut within = 0;
            for (i, &residual) in residual.iter().enumerate() {
                let share = residual / reach;
                let counts = share.abs() < 1.0;
                let root = if counts { 1.0 - share * share } else { 0.0 };
                weight[i] = root * root;
                numbers[4][i] = if counts { residual } else { 0.0 };
                within += u32::from(counts);
            }
            count += within as usize;
            for (to, from, by) in [(0, across, view.gain), (1, down, view.gain), (2, reference, -1.0)] {
                numbers[to].iter_mut().zip(from).for_each(|(to, &from)| *to = by * from);
            }
            for (weighted, numbers) in weighted.iter_mut().zip(&numbers) {
                weighted.iter_mut().zip(numbers).zip(&weight).for_each(|((to, &number), &weight)| *to = weight * number);
            }
            let mut at = 0;
            for (row, weighted) in weighted.iter().enumerate() {
                for number in &numbers[row..] {
                    sums[at] += product(weighted, number);
                    at += 1;
                }
            }
        }
        let (mut matrix, mut right) = ([[0.0f64; 4]; 4], [0.0f64; 4]);
        let places = (0..4).flat_map(|row| (row..5).map(move |col| (row, col)));
        for ((row, col), sum) in places.zip(sums) {
            if col == 4 {
                right[row] = -sum;
            } else {
                (matrix[row][col], matrix[col][row]) = (sum, sum);
            }
        }
        // Flat pictures say nothing of shifts: a little of a spring keeps them where they are.
        for (index, row) in matrix.iter_mut().enumerate() {
            row[index] += if index < 2 { 0.05 * count as f64 } else { 1e-6 * count as f64 };
        }
        if 8 * count < self.residual.len() { None } else { solved(matrix, right) }
    }

    /// Median over blocks of their mean residual, by the light of the reference.
    fn unrest(&mut self, gain: f32) -> f32 {
        let (rows, cols) = (self.rows, self.cols);
        self.scratch.clear();
        for top in (0..rows).step_by(BLOCK) {
            for left in (0..cols).step_by(BLOCK) {
                let (mut sum, mut count) = (0.0, 0u32);
                for row in top..(top + BLOCK).min(rows) {
                    for value in &self.residual[row * cols + left..row * cols + (left + BLOCK).min(cols)] {
                        if !value.is_nan() {
                            (sum, count) = (sum + value.abs(), count + 1);
                        }
                    }
                }
                if count > 0 {
                    self.scratch.push(sum / count as f32);
                }
            }
        }
        if self.scratch.is_empty() { f32::MAX } else { median(&mut self.scratch) / gain }
    }
}

/// Pixels that a step takes together.
const SOME: usize = 256;

/// Σ a·b, in sums side by side.
fn product(a: &[f32; SOME], b: &[f32; SOME]) -> f64 {
    let mut sums = [0.0f64; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            sums[i] += f64::from(a[i]) * f64::from(b[i]);
        }
    }
    sums.iter().sum()
}

/// The places of a row or column that lie between two others when moved.
struct Seen {
    /// Whole places they are moved by.
    moved: isize,
    /// The first of them, and how many.
    first: isize,
    count: usize,
}

impl Seen {
    /// Where a place is moved to, if it is one of them.
    fn at(&self, index: usize) -> Option<usize> {
        let inside = index.checked_sub(self.first as usize).is_some_and(|after| after < self.count);
        inside.then_some((index as isize + self.moved) as usize)
    }
}

/// Of `count` places moved by `shift`: how far beyond the first of two each comes to lie, and which do.
fn between(shift: f32, count: usize) -> (f32, Seen) {
    // Further than that nothing is seen.
    let whole = shift.floor().clamp(-(count as f32), count as f32);
    let (moved, count) = (whole as isize, count as isize);
    let (first, end) = ((-moved).clamp(0, count), (count - 1 - moved).clamp(0, count));
    (shift - shift.floor(), Seen { moved, first, count: (end - first).max(0) as usize })
}

/// Means of 2 × 2 pixels; an odd row or column is left out.
fn halved(picture: &[f32], height: usize, width: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity((height / 2) * (width / 2));
    for row in 0..height / 2 {
        let (upper, lower) = (&picture[2 * row * width..][..width], &picture[(2 * row + 1) * width..][..width]);
        out.extend(upper.chunks_exact(2).zip(lower.chunks_exact(2)).map(|(a, b)| 0.25 * ((a[0] + a[1]) + (b[0] + b[1]))));
    }
    out
}

/// Binomial means of 3 × 3 pixels, the border repeated: what lies between pixels can then be interpolated.
fn blurred(mut picture: Vec<f32>, rows: usize, cols: usize) -> Vec<f32> {
    for line in picture.chunks_exact_mut(cols) {
        let mut before = line[0];
        for col in 0..cols {
            let (now, after) = (line[col], line[(col + 1).min(cols - 1)]);
            line[col] = 0.25 * (before + after) + 0.5 * now;
            before = now;
        }
    }
    let mut before = picture[..cols].to_vec();
    for row in 0..rows {
        let after = (row + 1).min(rows - 1) * cols;
        for (col, before) in before.iter_mut().enumerate() {
            let (now, after) = (picture[row * cols + col], picture[after + col]);
            picture[row * cols + col] = 0.25 * (*before + after) + 0.5 * now;
            *before = now;
        }
    }
    picture
}

/// The upper median, 0 of nothing; the order is lost.
fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Gaussian elimination of a positive matrix.
fn solved(mut matrix: [[f64; 4]; 4], mut right: [f64; 4]) -> Option<[f32; 4]> {
    for pivot in 0..4 {
        let top = matrix[pivot];
        if top[pivot] <= 1e-12 {
            return None;
        }
        for row in pivot + 1..4 {
            let share = matrix[row][pivot] / top[pivot];
            matrix[row].iter_mut().zip(&top).for_each(|(entry, above)| *entry -= share * above);
            right[row] -= share * right[pivot];
        }
    }
    let mut out = [0.0f64; 4];
    for row in (0..4).rev() {
        let known: f64 = (row + 1..4).map(|col| matrix[row][col] * out[col]).sum();
        out[row] = (right[row] - known) / matrix[row][row];
    }
    out.iter().all(|value| value.is_finite()).then(|| out.map(|value| value as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A smooth textured plane.
    fn texture(x: f32, y: f32) -> f32 {
        let waves = [(0.31, 0.12, 1.0), (-0.17, 0.08, 2.0), (0.05, -0.38, 0.3), (0.08, 0.21, 4.0), (0.02, 0.1, 5.0)];
        110.0 + waves.iter().map(|&(a, b, phase)| 12.0 * (a * x + b * y + phase).sin()).sum::<f32>()
    }

    fn picture(view: &View) -> Vec<f32> {
        let at = |i: usize| texture((i % 96) as f32 - view.across, (i / 96) as f32 - view.down);
        (0..96 * 64).map(|i| (view.gain * at(i) + view.offset).clamp(0.0, 255.0).round()).collect()
    }

    #[test]
    fn shift_and_light_are_found_whoever_stands_before_it() {
        let mut fitter = ViewFitter::new(&picture(&View::SAME), 64, 96);
        for (across, down, gain, offset) in [(0.0, 0.0, 1.0, 0.0), (1.3, -0.6, 1.0, 0.0), (-7.0, 5.0, 1.3, -4.0), (9.0, 0.0, 0.7, 6.0)] {
            let view = View { across, down, gain, offset };
            let mut seen = picture(&view);
            for (index, value) in seen.iter_mut().enumerate() {
                if (20..40).contains(&(index % 96)) && (10..50).contains(&(index / 96)) {
                    *value = 20.0 + (index % 7) as f32;
                }
            }
            let fit = fitter.fit(&seen, &View::SAME);
            assert!((fit.view.across - across).abs() < 0.15 && (fit.view.down - down).abs() < 0.15, "{view:?}: {fit:?}");
            // Gain and offset can stand in for each other a little where contrast is low; what they do to the picture is sharp.
            assert!((fit.view.gain - gain).abs() < 0.05 && (fit.level - ((gain - 1.0) * 110.0 + offset)).abs() < 1.0, "{view:?}: {fit:?}");
            assert!(fit.unrest < 2.0, "{fit:?}");
        }
    }

    #[test]
    fn another_picture_is_unrest_and_nothing_is_no_panic() {
        let mut fitter = ViewFitter::new(&picture(&View::SAME), 64, 96);
        let other: Vec<f32> = (0..96 * 64).map(|i| ((i * 37 + i / 96 * 91) % 200) as f32).collect();
        assert!(fitter.fit(&other, &View::SAME).unrest > 10.0);
        for flat in [0.0, 255.0] {
            assert!(fitter.fit(&vec![flat; 96 * 64], &View::SAME).unrest.is_finite());
        }
        let mut blank = ViewFitter::new(&[90.0; 16], 4, 4);
        assert!(blank.fit(&[91.0; 16], &View::SAME).view.across.abs() < 0.1);
    }
}
