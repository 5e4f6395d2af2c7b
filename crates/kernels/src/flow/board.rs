//! A plane laid out like a chessboard, one colour after the other, so that neighbours of a run of pixels are runs.

use super::lanes::{WIDTH, run};

/// Unused cells before each row: the left neighbours of its first cell, and the border above and below.
pub(super) const LEAD: usize = WIDTH;

/// A plane of `rows` × `cols` in two colours: pixel (row, col) has colour (row + col) mod 2 and is the (col / 2)-th of its
/// row in that colour. Beyond the border lie cells that hold 0 until [`Board::repeat_border`].
#[derive(Clone, Debug)]
pub struct Board {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) stride: usize,
    /// Rows −1 … rows, one colour each.
    pub(super) cells: [Vec<f32>; 2],
}

/// 1 where a row of this colour begins with the second pixel, else 0.
pub(super) fn start(colour: usize, row: usize) -> usize {
    (row ^ colour) & 1
}

impl Board {
    /// All 0.
    ///
    /// # Panics
    /// If a side is 0.
    pub fn new(rows: usize, cols: usize) -> Self {
        assert!(rows > 0 && cols > 0, "an empty board");
        let stride = cols.div_ceil(2).next_multiple_of(WIDTH) + 2 * LEAD;
        let cells = vec![0.0; stride * (rows + 2)];
        Self { rows, cols, stride, cells: [cells.clone(), cells] }
    }

    /// Sets all cells, those beyond the border too.
    pub fn fill(&mut self, value: f32) {
        self.cells.iter_mut().for_each(|cells| cells.fill(value));
    }

    /// Takes a plane over.
    ///
    /// # Panics
    /// If it is not of this size.
    pub fn split(&mut self, plane: &[f32]) {
        assert_eq!(plane.len(), self.rows * self.cols, "a plane of {}x{}", self.rows, self.cols);
        for (row, line) in plane.chunks_exact(self.cols).enumerate() {
            self.split_row(row, line);
        }
    }

    #[inline(always)]
    pub(super) fn split_row(&mut self, row: usize, line: &[f32]) {
        let first = self.first(row);
        let [even, odd] = &mut self.cells;
        let (even, odd) = if row.is_multiple_of(2) { (even, odd) } else { (odd, even) };
        let pairs = line.chunks_exact(2);
        if let [last] = pairs.remainder() {
            even[first + self.cols / 2] = *last;
        }
        for ((even, odd), pair) in even[first..].iter_mut().zip(&mut odd[first..]).zip(pairs) {
            *even = pair[0];
            *odd = pair[1];
        }
    }

    /// Gives the plane back.
    ///
    /// # Panics
    /// If it is not of this size.
    pub fn merge(&self, plane: &mut [f32]) {
        assert_eq!(plane.len(), self.rows * self.cols, "a plane of {}x{}", self.rows, self.cols);
        for (row, line) in plane.chunks_exact_mut(self.cols).enumerate() {
            let first = self.first(row);
            let (even, odd) = (&self.cells[row % 2], &self.cells[1 - row % 2]);
            let mut pairs = line.chunks_exact_mut(2);
            for ((pair, even), odd) in (&mut pairs).zip(&even[first..]).zip(&odd[first..]) {
                pair[0] = *even;
                pair[1] = *odd;
            }
            if let [last] = pairs.into_remainder() {
                *last = even[first + self.cols / 2];
            }
        }
    }

    /// Repeats the last column and the last row beyond the border.
    pub fn repeat_border(&mut self) {
        for row in 0..self.rows {
            let colour = (row + self.cols - 1) % 2;
            let cell = self.first(row) + (self.cols - 1) / 2;
            self.cells[1 - colour][cell + start(colour, row)] = self.cells[colour][cell];
        }
        let last = self.first(self.rows - 1) - LEAD;
        let [a, b] = &mut self.cells;
        a[last + self.stride..].copy_from_slice(&b[last..last + self.stride]);
        b[last + self.stride..].copy_from_slice(&a[last..last + self.stride]);
    }

    /// Where a row's cells begin.
    #[inline(always)]
    pub(super) fn first(&self, row: usize) -> usize {
        (row + 1) * self.stride + LEAD
    }

    /// How many cells of a colour a row has.
    #[inline(always)]
    pub(super) fn count(&self, colour: usize, row: usize) -> usize {
        (self.cols + 1 - start(colour, row)) / 2
    }

    /// `blocks` vectors of a colour, from a cell on.
    #[inline(always)]
    pub(super) fn run(&self, colour: usize, from: usize, blocks: usize) -> &[[f32; WIDTH]] {
        run(&self.cells[colour], from, blocks)
    }

    /// The cells of a colour, and those of the other.
    #[inline(always)]
    pub(super) fn colours(&mut self, colour: usize) -> (&mut [f32], &[f32]) {
        let [red, black] = &mut self.cells;
        if colour == 0 { (red, black) } else { (black, red) }
    }

    pub(super) fn alike(&self, other: &Board) -> bool {
        self.rows == other.rows && self.cols == other.cols
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_comes_back() {
        for (rows, cols) in [(3, 4), (4, 5), (1, 1), (2, 1), (5, 33)] {
            let plane: Vec<f32> = (0..rows * cols).map(|i| i as f32).collect();
            let mut board = Board::new(rows, cols);
            board.split(&plane);
            let mut back = vec![0.0; plane.len()];
            board.merge(&mut back);
            assert_eq!(plane, back, "{rows}x{cols}");
        }
    }

    #[test]
    fn the_border_repeats_the_nearest() {
        for (rows, cols) in [(3, 4), (4, 5), (2, 3), (5, 16)] {
            let plane: Vec<f32> = (0..rows * cols).map(|i| (i + 1) as f32).collect();
            let mut board = Board::new(rows, cols);
            board.split(&plane);
            board.repeat_border();
            for row in 0..rows {
                for col in 0..cols {
                    let colour = (row + col) % 2;
                    let other = &board.cells[1 - colour];
                    let cell = board.first(row) + col / 2;
                    let right = plane[row * cols + (col + 1).min(cols - 1)];
                    let below = plane[(row + 1).min(rows - 1) * cols + col];
                    assert_eq!(other[cell + start(colour, row)], right, "right of {row} {col} in {rows}x{cols}");
                    assert_eq!(other[cell + board.stride], below, "below {row} {col} in {rows}x{cols}");
                }
            }
        }
    }
}
