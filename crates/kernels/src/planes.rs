//! Image planes: what the baselines (and later optical flow) are made of. Row after row, no gaps.

/// |a − b|, element by element.
///
/// # Panics
/// If lengths differ.
pub fn absolute_difference(a: &[f32], b: &[f32], to: &mut [f32]) {
    assert!(a.len() == b.len() && b.len() == to.len(), "planes of one size");
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = (a - b).abs();
    }
}

/// |a − b| of 8-bit planes.
///
/// # Panics
/// If lengths differ.
pub fn absolute_difference_u8(a: &[u8], b: &[u8], to: &mut [u8]) {
    assert!(a.len() == b.len() && b.len() == to.len(), "planes of one size");
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = a.abs_diff(*b);
    }
}

/// The largest element; NaN elements are passed over; negative infinity for an empty plane.
pub fn maximum(plane: &[f32]) -> f32 {
    plane.iter().fold(f32::NEG_INFINITY, |best, &v| best.max(v))
}

/// Mean over `size` × `size` pixels (odd), edges replicated: `scipy.ndimage.uniform_filter(mode="nearest")`.
///
/// Sums run in `f64` along rows and columns, so the cost does not depend on `size`.
///
/// # Panics
/// If `size` is even, an extent is 0, or a plane is not `rows · cols` long.
pub fn box_mean(plane: &[f32], rows: usize, cols: usize, size: usize, to: &mut [f32]) {
    assert!(size % 2 == 1, "a box of {size} has no centre");
    assert!(rows > 0 && cols > 0, "an empty plane");
    assert!(plane.len() == rows * cols && to.len() == rows * cols, "planes of {rows}x{cols}");
    let reach = (size / 2) as isize;
    let clamp = |i: isize, n: usize| i.clamp(0, n as isize - 1) as usize;
    for (line, out) in plane.chunks(cols).zip(to.chunks_mut(cols)) {
        let mut sum: f64 = (-reach..=reach).map(|i| f64::from(line[clamp(i, cols)])).sum();
        for (col, to) in out.iter_mut().enumerate() {
            *to = (sum / size as f64) as f32;
            let col = col as isize;
            sum += f64::from(line[clamp(col + reach + 1, cols)]) - f64::from(line[clamp(col - reach, cols)]);
        }
    }
    // Down the columns: a window of `size` row means slides over a copy of the rows it still needs.
    let means = to.to_vec();
    let row = |i: isize| &means[clamp(i, rows) * cols..][..cols];
    let mut sums = vec![0.0f64; cols];
    for i in -reach..=reach {
        sums.iter_mut().zip(row(i)).for_each(|(sum, &v)| *sum += f64::from(v));
    }
    for (r, out) in to.chunks_mut(cols).enumerate() {
        out.iter_mut().zip(&sums).for_each(|(to, sum)| *to = (sum / size as f64) as f32);
        let (enter, leave) = (row(r as isize + reach + 1), row(r as isize - reach));
        for ((sum, &enter), &leave) in sums.iter_mut().zip(enter).zip(leave) {
            *sum += f64::from(enter) - f64::from(leave);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn box_mean_replicates_edges() {
        let plane: Vec<f32> = (0..35).map(|i| ((i * 7 + i * i) % 13) as f32).collect();
        for (rows, cols, size) in [(5, 7, 3), (7, 5, 5), (1, 35, 7), (35, 1, 3), (5, 7, 1), (5, 7, 15)] {
            let mut to = vec![0.0; 35];
            box_mean(&plane, rows, cols, size, &mut to);
            let half = (size / 2) as isize;
            for r in 0..rows as isize {
                for c in 0..cols as isize {
                    let mut sum = 0.0f64;
                    for dr in -half..=half {
                        for dc in -half..=half {
                            let rr = (r + dr).clamp(0, rows as isize - 1) as usize;
                            let cc = (c + dc).clamp(0, cols as isize - 1) as usize;
                            sum += f64::from(plane[rr * cols + cc]);
                        }
                    }
                    let expected = sum / (size * size) as f64;
                    let found = f64::from(to[r as usize * cols + c as usize]);
                    // One rounding to f32 between the passes, one after: values below 16.
                    assert!((found - expected).abs() < 4e-6, "{rows}x{cols} {size}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn differences_and_maximum() {
        let mut to = [0.0; 2];
        absolute_difference(&[1.0, 5.0], &[3.0, 2.0], &mut to);
        assert_eq!(to, [2.0, 3.0]);
        assert_eq!(maximum(&to), 3.0);
        let mut to = [0; 2];
        absolute_difference_u8(&[1, 5], &[3, 2], &mut to);
        assert_eq!(to, [2, 3]);
    }
}
