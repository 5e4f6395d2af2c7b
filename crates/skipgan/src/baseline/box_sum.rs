//! Sums over square boxes of whole numbers, edges replicated, by running sums: the box mean of the frame-difference baselines
//! without its division, so that nothing is rounded and equal boxes tie exactly.

/// Sums over `side` × `side` boxes of planes of whole numbers up to 16 · 255; keeps its working memory between frames.
#[derive(Clone, Debug)]
pub(super) struct BoxSum {
    reach: usize,
    columns: Vec<u32>,
}

impl BoxSum {
    /// # Panics
    /// If `side` is even or above 1023 (a sum of 16 · 255 · 1023² still fits 32 bits).
    pub(super) fn new(side: usize) -> Self {
        assert!(side % 2 == 1 && side <= 1023, "a box of {side} × {side}");
        Self { reach: side / 2, columns: Vec::new() }
    }

    /// Pixels of a box.
    pub(super) fn area(&self) -> usize {
        (2 * self.reach + 1).pow(2)
    }

    /// Writes the box sums of `plane` over `sums` and gives the largest.
    ///
    /// # Panics
    /// If the plane is empty or not `height · width` long.
    pub(super) fn apply<T: Copy + Into<u32>>(&mut self, plane: &[T], height: usize, width: usize, sums: &mut Vec<u32>) -> u32 {
        assert!(height > 0 && width > 0 && plane.len() == height * width, "a plane of {height} × {width}");
        sums.clear();
        sums.reserve(plane.len());
        let row = |y: usize| &plane[y.min(height - 1) * width..][..width];
        self.start(&row, width);
        let mut largest = 0;
        for y in 0..height {
            largest = largest.max(slide(&self.columns, self.reach, sums));
            let (enter, leave) = (row(y + self.reach + 1), row(y.saturating_sub(self.reach)));
            for ((column, &enter), &leave) in self.columns.iter_mut().zip(enter).zip(leave) {
                // The sum holds `leave`, so it never falls below 0 when that is taken off last.
                *column = *column + enter.into() - leave.into();
            }
        }
        largest
    }

    /// Column sums of the box rows around row 0: the first row stands for all rows above it.
    fn start<'a, T: Copy + Into<u32> + 'a>(&mut self, row: &impl Fn(usize) -> &'a [T], width: usize) {
        self.columns.clear();
        self.columns.resize(width, 0);
        let above = self.reach as u32;
        self.columns.iter_mut().zip(row(0)).for_each(|(column, &v)| *column += above * v.into());
        for y in 0..=self.reach {
            self.columns.iter_mut().zip(row(y)).for_each(|(column, &v)| *column += v.into());
        }
    }
}

/// Appends the sums of `2 · reach + 1` neighbouring column sums and gives the largest.
fn slide(columns: &[u32], reach: usize, sums: &mut Vec<u32>) -> u32 {
    let last = columns.len() - 1;
    let at = |x: usize| columns[x.min(last)];
    let mut sum = reach as u32 * columns[0] + (0..=reach).map(at).sum::<u32>();
    let mut largest = 0;
    for x in 0..columns.len() {
        sums.push(sum);
        largest = largest.max(sum);
        sum = sum + at(x + reach + 1) - columns[x.saturating_sub(reach)];
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_plain_sum_at_every_size_and_edge() {
        let plane: Vec<u8> = (0..35u32).map(|i| ((i * 37 + i * i * 11) % 256) as u8).collect();
        for (height, width, side) in [(5, 7, 3), (7, 5, 5), (1, 35, 7), (35, 1, 3), (5, 7, 1), (5, 7, 15)] {
            let mut sums = Vec::new();
            let largest = BoxSum::new(side).apply(&plane, height, width, &mut sums);
            let reach = (side / 2) as isize;
            for y in 0..height as isize {
                for x in 0..width as isize {
                    let mut expected = 0;
                    for dy in -reach..=reach {
                        for dx in -reach..=reach {
                            let row = (y + dy).clamp(0, height as isize - 1) as usize;
                            let column = (x + dx).clamp(0, width as isize - 1) as usize;
                            expected += u32::from(plane[row * width + column]);
                        }
                    }
                    assert_eq!(sums[y as usize * width + x as usize], expected, "{height}×{width} box {side} at {x},{y}");
                }
            }
            assert_eq!(largest, *sums.iter().max().unwrap());
        }
    }

    #[test]
    fn a_flat_plane_has_flat_sums_and_memory_is_reused() {
        let mut boxes = BoxSum::new(31);
        let mut sums = Vec::new();
        assert_eq!(boxes.apply(&[255u8; 12], 3, 4, &mut sums), 255 * 961);
        assert!(sums.iter().all(|&sum| sum == 255 * boxes.area() as u32));
        assert_eq!(boxes.apply(&[0u8; 6], 2, 3, &mut sums), 0);
        assert_eq!(sums.len(), 6);
    }
}
