//! Local scores: how high a map is over its best few windows, instead of over the whole picture, in which a small anomaly drowns
//! (DETECTION.md §3.7). Maps are on the half-size grid, those of single pictures at full size: `[rows, cols]`.

/// Rows and columns of the window over maps of R, motion and place, in cells of the half-size grid.
pub const PIXEL_WINDOW: (usize, usize) = (9, 7);
/// Rows and columns of the window over R of single pictures, in pixels.
pub const STILL_WINDOW: (usize, usize) = (5, 5);
/// Rows and columns of the window over the map of L, in cells of the coarsest feature level.
pub const FEATURE_WINDOW: (usize, usize) = (3, 2);

/// Means of 2 × 2 cells. Shapes: `map` is `[rows, cols]`, both even; `out` becomes `[rows / 2, cols / 2]`.
pub fn halve(map: &[f32], rows: usize, cols: usize, out: &mut Vec<f32>) {
    debug_assert_eq!(map.len(), rows * cols);
    out.clear();
    for row in 0..rows / 2 {
        let (upper, lower) = (&map[2 * row * cols..][..cols], &map[(2 * row + 1) * cols..][..cols]);
        out.extend(upper.chunks_exact(2).zip(lower.chunks_exact(2)).map(|(a, b)| 0.25 * ((a[0] + a[1]) + (b[0] + b[1]))));
    }
}

/// Means over a window round each cell, the border repeated. Windows of even size reach one cell further up and left.
#[derive(Clone, Debug, Default)]
pub struct WindowMean {
    across: Vec<f32>,
}

impl WindowMean {
    /// Shapes: `map` is `[rows, cols]`, `out` becomes the same; `window` = (rows, columns), at least 1.
    pub fn of(&mut self, map: &[f32], rows: usize, cols: usize, window: (usize, usize), out: &mut Vec<f32>) {
        debug_assert_eq!(map.len(), rows * cols);
        self.across.clear();
        self.across.resize(rows * cols, 0.0);
        let share = 1.0 / window.1 as f32;
        for (row, sums) in map.chunks_exact(cols).zip(self.across.chunks_exact_mut(cols)) {
            for step in 0..window.1 {
                let shift = step as isize - (window.1 / 2) as isize;
                for (col, sum) in sums.iter_mut().enumerate() {
                    *sum += row[(col as isize + shift).clamp(0, cols as isize - 1) as usize] * share;
                }
            }
        }
        out.clear();
        out.resize(rows * cols, 0.0);
        let share = 1.0 / window.0 as f32;
        for (row, sums) in out.chunks_exact_mut(cols).enumerate() {
            for step in 0..window.0 {
                let from = (row as isize + step as isize - (window.0 / 2) as isize).clamp(0, rows as isize - 1) as usize;
                sums.iter_mut().zip(&self.across[from * cols..]).for_each(|(sum, &value)| *sum += value * share);
            }
        }
    }
}

/// Mean of the highest `share` of the values, at least one of them. `scratch` is overwritten.
pub fn top_mean(map: &[f32], share: f64, scratch: &mut Vec<f32>) -> f64 {
    let count = ((share * map.len() as f64).round() as usize).clamp(1, map.len().max(1));
    scratch.clear();
    scratch.extend_from_slice(map);
    if scratch.is_empty() {
        return 0.0;
    }
    let (_, _, _) = scratch.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    // Sorted, so that the sum does not depend on how the selection went.
    let top = &mut scratch[..count];
    top.sort_unstable_by(|a, b| b.total_cmp(a));
    top.iter().map(|&value| f64::from(value)).sum::<f64>() / count as f64
}

/// Adds the means of `factor` × `factor` cells of `map` to `out`. Shapes: `map` is `[rows·factor, cols·factor]`, `out` `[rows, cols]`.
pub fn add_pooled(map: &[f32], factor: usize, rows: usize, cols: usize, out: &mut [f32]) {
    let share = 1.0 / (factor * factor) as f32;
    for row in 0..rows * factor {
        let line = &map[row * cols * factor..][..cols * factor];
        let sums = &mut out[row / factor * cols..][..cols];
        sums.iter_mut().zip(line.chunks_exact(factor)).for_each(|(sum, cells)| *sum += cells.iter().sum::<f32>() * share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_by_hand() {
        let mut out = Vec::new();
        halve(&[1.0, 3.0, 0.0, 0.0, 5.0, 7.0, 0.0, 8.0], 2, 4, &mut out);
        assert_eq!(out, [4.0, 2.0]);
    }

    #[test]
    fn windows_repeat_the_border_and_even_ones_reach_up_and_left() {
        let (mut mean, mut out) = (WindowMean::default(), Vec::new());
        mean.of(&[0.0, 0.0, 6.0], 1, 3, (1, 3), &mut out);
        assert_eq!(out, [0.0, 2.0, 4.0]);
        mean.of(&[0.0, 4.0, 0.0], 1, 3, (1, 2), &mut out);
        assert_eq!(out, [0.0, 2.0, 2.0]);
        mean.of(&[0.0, 4.0, 0.0], 3, 1, (2, 1), &mut out);
        assert_eq!(out, [0.0, 2.0, 2.0]);
        mean.of(&[2.5; 12], 3, 4, (9, 7), &mut out);
        assert!(out.iter().all(|value| (value - 2.5).abs() < 1e-6));
    }

    #[test]
    fn the_highest_share() {
        let map = [1.0, 9.0, 3.0, 7.0];
        let mut scratch = Vec::new();
        assert_eq!(top_mean(&map, 0.5, &mut scratch), 8.0);
        assert_eq!(top_mean(&map, 1e-9, &mut scratch), 9.0);
        assert_eq!(top_mean(&map, 1.0, &mut scratch), 5.0);
    }

    #[test]
    fn pooling_adds_means() {
        let mut out = [1.0, 0.0];
        add_pooled(&[1.0, 1.0, 0.0, 4.0, 1.0, 1.0, 0.0, 0.0], 2, 1, 2, &mut out);
        assert_eq!(out, [2.0, 1.0]);
    }
}
