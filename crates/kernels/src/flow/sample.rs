//! Planes of other sizes and between pixels.

/// Half the rows and columns (rounded down) of an 8-bit plane, each pixel the mean of the area it covers, halves up for
/// even sizes and to even for odd ones.
///
/// # Panics
/// If a side is under 2 or a plane is not of its size.
pub fn halve(from: &[u8], rows: usize, cols: usize, to: &mut [u8]) {
    assert!(rows >= 2 && cols >= 2, "{rows}x{cols} has no half");
    assert!(from.len() == rows * cols && to.len() == (rows / 2) * (cols / 2), "a plane of {rows}x{cols} and its half");
    if rows.is_multiple_of(2) && cols.is_multiple_of(2) {
        for (pair, to) in from.chunks_exact(2 * cols).zip(to.chunks_exact_mut(cols / 2)) {
            let (top, bottom) = pair.split_at(cols);
            for ((to, a), b) in to.iter_mut().zip(top.chunks_exact(2)).zip(bottom.chunks_exact(2)) {
                let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
                *to = ((sum + 2) >> 2) as u8;
            }
        }
        return;
    }
    for (row, to) in to.chunks_exact_mut(cols / 2).enumerate() {
        for (col, to) in to.iter_mut().enumerate() {
            let mut sum = 0.0;
            for (y, down) in covered(row, rows) {
                for (x, across) in covered(col, cols) {
                    sum += down * across * f32::from(from[y * cols + x]);
                }
            }
            *to = sum.round_ties_even() as u8;
        }
    }
}

/// Which of `size` pixels the `i`-th of `size / 2` covers, and with what share of it.
fn covered(i: usize, size: usize) -> impl Iterator<Item = (usize, f32)> {
    let scale = size as f64 / (size / 2) as f64;
    let (from, to) = (i as f64 * scale, (i + 1) as f64 * scale);
    (from as usize..size.min(to.ceil() as usize)).map(move |x| {
        let share = (to.min((x + 1) as f64) - from.max(x as f64)).max(0.0);
        (x, (share / scale) as f32)
    })
}

vectorised! {
    /// 8-bit numbers as `f32`.
    ///
    /// # Panics
    /// If lengths differ.
    pub fn widen<L>(from: &[u8], to: &mut [f32]) {
        assert_eq!(from.len(), to.len(), "planes of one size");
        for (to, &from) in to.iter_mut().zip(from) {
            *to = f32::from(from);
        }
    }
}

/// An 8-bit plane as `f32` with `pad` more pixels on each side, which repeat the nearest one.
///
/// # Panics
/// If the plane is empty or a length does not fit.
pub fn replicate(level: crate::Level, from: &[u8], rows: usize, cols: usize, pad: usize, to: &mut [f32]) {
    let stride = cols + 2 * pad;
    assert!(rows > 0 && cols > 0 && from.len() == rows * cols, "a plane of {rows}x{cols}");
    assert_eq!(to.len(), stride * (rows + 2 * pad), "the padded plane");
    for (from, to) in from.chunks_exact(cols).zip(to[pad * stride..].chunks_exact_mut(stride)) {
        to[..pad].fill(f32::from(from[0]));
        widen(level, from, &mut to[pad..pad + cols]);
        to[pad + cols..].fill(f32::from(from[cols - 1]));
    }
    for row in 0..pad {
        to.copy_within(pad * stride..(pad + 1) * stride, row * stride);
        to.copy_within((pad + rows - 1) * stride..(pad + rows) * stride, (pad + rows + row) * stride);
    }
}

vectorised! {
    /// Slopes to the right and down by the 3×3 Sobel masks ([1, 2, 1] across, [−1, 0, 1] along, not divided by 8). At the
    /// border the plane is mirrored about its outermost pixels, so slopes across a border are 0.
    ///
    /// # Panics
    /// If a side is under 2 or a plane is not of its size.
    pub fn slopes<L>(plane: &[f32], rows: usize, cols: usize, right: &mut [f32], down: &mut [f32]) {
        assert!(rows >= 2 && cols >= 2, "a plane of {rows}x{cols} has no slopes");
        assert!(plane.len() == rows * cols && right.len() == rows * cols && down.len() == rows * cols, "planes of {rows}x{cols}");
        let line = |row: usize| &plane[row * cols..][..cols];
        for row in 0..rows {
            let (above, at, below) = (line(if row == 0 { 1 } else { row - 1 }), line(row), line(if row + 1 == rows { row - 1 } else { row + 1 }));
            let (right, down) = (&mut right[row * cols..][..cols], &mut down[row * cols..][..cols]);
            for col in 1..cols - 1 {
                right[col] = (above[col + 1] - above[col - 1]) + 2.0 * (at[col + 1] - at[col - 1]) + (below[col + 1] - below[col - 1]);
                down[col] = (below[col - 1] - above[col - 1]) + 2.0 * (below[col] - above[col]) + (below[col + 1] - above[col + 1]);
            }
            for (col, inner) in [(0, 1), (cols - 1, cols - 2)] {
                right[col] = 0.0;
                down[col] = 2.0 * (below[col] - above[col]) + 2.0 * (below[inner] - above[inner]);
            }
        }
    }
}

/// A plane of another size, bilinear with half-pixel centres, each value times `factor`.
///
/// # Panics
/// If a side is 0 or a plane is not of its size; sizes are (rows, columns).
pub fn enlarge(
    level: crate::Level,
    from: &[f32],
    (rows, cols): (usize, usize),
    factor: f32,
    to: &mut [f32],
    (to_rows, to_cols): (usize, usize),
) {
    assert!(rows > 0 && cols > 0 && to_rows > 0 && to_cols > 0, "an empty plane");
    assert!(from.len() == rows * cols && to.len() == to_rows * to_cols, "planes of their sizes");
    for (row, to) in to.chunks_exact_mut(to_cols).enumerate() {
        let (top, bottom, down) = between(row, rows, to_rows);
        let (top, bottom) = (&from[top * cols..][..cols], &from[bottom * cols..][..cols]);
        if to_cols == 2 * cols {
            doubled(level, top, bottom, down, factor, to);
            continue;
        }
        for (col, to) in to.iter_mut().enumerate() {
            let (left, right, across) = between(col, cols, to_cols);
            let above = top[left] * (1.0 - across) + top[right] * across;
            let below = bottom[left] * (1.0 - across) + bottom[right] * across;
            *to = factor * (above * (1.0 - down) + below * down);
        }
    }
}

vectorised! {
    /// One row of [`enlarge`] at twice the columns: each pixel becomes two, a quarter pixel to either side.
    pub(super) fn doubled<L>(top: &[f32], bottom: &[f32], down: f32, factor: f32, to: &mut [f32]) {
        let cols = top.len();
        assert!(bottom.len() == cols && to.len() == 2 * cols, "a row and its double");
        let at = |col: usize| factor * (top[col] * (1.0 - down) + bottom[col] * down);
        to[0] = at(0);
        to[2 * cols - 1] = at(cols - 1);
        for (col, pair) in to[1..2 * cols - 1].chunks_exact_mut(2).enumerate() {
            let (left, right) = (at(col), at(col + 1));
            pair[0] = 0.75 * left + 0.25 * right;
            pair[1] = 0.25 * left + 0.75 * right;
        }
    }
}

/// Between which two of `from` pixels the `i`-th of `to` lies, and how far towards the second.
fn between(i: usize, from: usize, to: usize) -> (usize, usize, f32) {
    let at = ((i as f32 + 0.5) * (from as f32 / to as f32) - 0.5).clamp(0.0, (from - 1) as f32);
    let low = at as usize;
    (low, (low + 1).min(from - 1), at - low as f32)
}

vectorised! {
    /// `to[p] = padded[p + field(p)]`, bilinear; the field goes to the right and down; positions beyond the plane read the nearest pixel of it. The
    /// plane has `pad` ≥ 1 further pixels on each side ([`replicate`]); the three others are `rows` × `cols`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn warp<L>(padded: &[f32], pad: usize, field: [&[f32]; 2], rows: usize, cols: usize, to: &mut [f32]) {
        let [across, down] = field;
        let stride = cols + 2 * pad;
        assert!(pad >= 1 && padded.len() == stride * (rows + 2 * pad), "a plane of {rows}x{cols} with borders");
        assert!(across.len() == rows * cols && down.len() == rows * cols && to.len() == rows * cols, "planes of {rows}x{cols}");
        for row in 0..rows {
            let (across, down) = (&across[row * cols..][..cols], &down[row * cols..][..cols]);
            for (col, ((to, across), down)) in to[row * cols..][..cols].iter_mut().zip(across).zip(down).enumerate() {
                let x = (col as f32 + across).max(0.0).min((cols - 1) as f32);
                let y = (row as f32 + down).max(0.0).min((rows - 1) as f32);
                let (left, top) = (x as usize, y as usize);
                let (x, y) = (x - left as f32, y - top as f32);
                let at = (top + pad) * stride + left + pad;
                let (above, below) = (&padded[at..at + 2], &padded[at + stride..at + stride + 2]);
                *to = (above[0] * (1.0 - x) + above[1] * x) * (1.0 - y) + (below[0] * (1.0 - x) + below[1] * x) * y;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn halves_of_even_and_odd_planes() {
        let mut to = [0; 2];
        halve(&[1, 2, 10, 10, 2, 2, 10, 12], 2, 4, &mut to);
        assert_eq!(to, [2, 11]); // 7/4 and 42/4: halves go up
        // Three rows become one, five columns two: (a + b + c/2) / 2.5 and (c/2 + d + e) / 2.5 of the column means.
        halve(&[10, 20, 30, 40, 50, 10, 20, 30, 40, 50, 10, 20, 30, 40, 50], 3, 5, &mut to);
        assert_eq!(to, [18, 42]);
    }

    #[test]
    fn borders_repeat_the_nearest_pixel() {
        let mut to = [0.0; 20];
        replicate(Level::Portable, &[1, 2, 3, 4, 5, 6], 2, 3, 1, &mut to);
        assert_eq!(to, [1., 1., 2., 3., 3., 1., 1., 2., 3., 3., 4., 4., 5., 6., 6., 4., 4., 5., 6., 6.]);
    }

    #[test]
    fn slopes_of_a_ramp() {
        let plane: Vec<f32> = (0..30).map(|i| (3 * (i % 6) + 5 * (i / 6)) as f32).collect();
        let (mut right, mut down) = (vec![9.0; 30], vec![9.0; 30]);
        slopes(Level::Portable, &plane, 5, 6, &mut right, &mut down);
        for (i, (right, down)) in right.iter().zip(&down).enumerate() {
            let (row, col) = (i / 6, i % 6);
            assert_eq!(*right, if col == 0 || col == 5 { 0.0 } else { 24.0 });
            assert_eq!(*down, if row == 0 || row == 4 { 0.0 } else { 40.0 });
        }
    }

    #[test]
    fn doubling_is_what_any_other_size_does() {
        let plane: Vec<f32> = (0..15).map(|i| ((i * 7) % 11) as f32).collect();
        let mut to = vec![0.0; 60];
        for level in Level::all_available() {
            enlarge(level, &plane, (3, 5), 2.0, &mut to, (6, 10));
            for (i, to) in to.iter().enumerate() {
                let ((top, bottom, down), (left, right, across)) = (between(i / 10, 3, 6), between(i % 10, 5, 10));
                let row = |row: usize| plane[row * 5 + left] * (1.0 - across) + plane[row * 5 + right] * across;
                assert!((to - 2.0 * (row(top) * (1.0 - down) + row(bottom) * down)).abs() < 1e-5);
            }
        }
        enlarge(Level::Portable, &[0.0, 1.0], (1, 2), 1.0, &mut to[..3], (1, 3));
        assert!(to[0] == 0.0 && (to[1] - 0.5).abs() < 1e-6 && to[2] == 1.0);
    }

    #[test]
    fn warps_between_pixels_and_beyond_the_border() {
        let mut padded = vec![0.0; 4 * 5];
        replicate(Level::Portable, &[0, 10, 20, 40, 50, 60], 2, 3, 1, &mut padded);
        let mut to = [0.0; 6];
        warp(Level::Portable, &padded, 1, [&[0.5, 0.25, 9.0, -9.0, 0.0, f32::NAN], &[0.5, 0.0, 0.0, 0.0, -0.5, 0.0]], 2, 3, &mut to);
        assert_eq!(to, [25.0, 12.5, 20.0, 40.0, 30.0, 40.0]);
    }
}
