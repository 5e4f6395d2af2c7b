//! The product of windows and panels on matrix registers: two by two blocks of sixteen windows by sixteen columns, all of k in one go.
//!
//! A panel's words, `[k][16]`, are what a register of columns holds, sixteen steps of k at a time. A register of rows is read from the map
//! itself where its windows lie equally far apart and their runs are whole registers; other windows are first copied side by side.

use crate::arch::{MatrixKernel, MatrixUnit, PANEL, SIDE};

/// Windows a product takes at most: two registers of rows.
pub(super) const ROWS: usize = 2 * SIDE;

/// Words that [`Multiply::packed`] needs for windows of `depth` words.
pub(super) fn packed_words(depth: usize) -> usize {
    ROWS * line(depth)
}

/// Words from one copied window to the next: whole registers, and one more row of a register, since distances of a power of two would all
/// fall into the same few lines of the first cache.
fn line(depth: usize) -> usize {
    depth.next_multiple_of(SIDE) + SIDE
}

/// What all windows have in common.
#[derive(Clone, Copy)]
pub(super) struct Windows<'a> {
    /// The map's words.
    pub(super) map: &'a [f32],
    /// A window: so many runs of `run` words, `gap` words from the end of one to the next.
    pub(super) runs: usize,
    pub(super) run: usize,
    pub(super) gap: usize,
}

/// A product: a window's words by a panel's, and all their sums.
pub(super) struct Multiply<'a> {
    pub(super) windows: Windows<'a>,
    /// Where in the map each window begins: 1..=[`ROWS`].
    pub(super) offsets: &'a [usize],
    /// Panels of `[runs · run][16]` words, `panel` words from one to the next; after the last as many as make its k whole registers.
    pub(super) b: &'a [f32],
    pub(super) panel: usize,
    /// `[windows][columns]`: whole panels.
    pub(super) columns: usize,
    /// Whether sums begin at 0 or at what they are.
    pub(super) fresh: bool,
    pub(super) sums: &'a mut [f32],
    /// Working memory: [`packed_words`].
    pub(super) packed: &'a mut [f32],
}

/// Where up to sixteen rows are read, one register of k after the other.
#[derive(Clone, Copy)]
struct Left {
    at: *const f32,
    /// Words from row to row.
    stride: usize,
    /// Registers until the gap; in a whole run; words that the gap adds.
    rest: usize,
    run: usize,
    gap: usize,
}

impl Left {
    #[inline(always)]
    fn advance(&mut self) {
        self.at = self.at.wrapping_add(SIDE);
        self.rest -= 1;
        if self.rest == 0 {
            self.at = self.at.wrapping_add(self.gap);
            self.rest = self.run;
        }
    }
}

impl MatrixKernel for Multiply<'_> {
    #[inline(always)]
    fn run<U: MatrixUnit>(self) {
        self.verify();
        let (count, depth) = (self.offsets.len(), self.windows.depth());
        let (upper, lower) = (count.min(SIDE), count.saturating_sub(SIDE));
        let (above, below) = self.packed.split_at_mut(SIDE * line(depth));
        let left = [self.windows.left(&self.offsets[..upper], above), self.windows.left(&self.offsets[upper..], below)];
        let (sums, steps) = (self.sums.as_mut_ptr(), depth.div_ceil(SIDE));
        // SAFETY: `dispatch_matrix` enters this where the registers are. `verify` saw every window in the map, every panel with what its
        // last register reads beyond it, and all sums; `left` describes these windows or their copies.
        unsafe {
            let mut unit = U::new(upper, lower);
            let mut column = 0;
            while column < self.columns {
                let panel = self.b.as_ptr().add(column / PANEL * self.panel);
                let block = Square { left, panels: [panel, panel.wrapping_add(self.panel)], steps, fresh: self.fresh };
                let (to, two) = (sums.add(column), column + PANEL < self.columns);
                match (lower > 0, two) {
                    (true, true) => block.run::<U, true, true>(&mut unit, to, self.columns),
                    (true, false) => block.run::<U, true, false>(&mut unit, to, self.columns),
                    (false, true) => block.run::<U, false, true>(&mut unit, to, self.columns),
                    (false, false) => block.run::<U, false, false>(&mut unit, to, self.columns),
                }
                column += 2 * PANEL;
            }
        }
    }
}

impl Multiply<'_> {
    fn verify(&self) {
        let (Windows { map, runs, gap, .. }, count, depth) = (self.windows, self.offsets.len(), self.windows.depth());
        assert!((1..=ROWS).contains(&count) && depth > 0, "{count} windows of {depth} words");
        let extent = depth + (runs - 1) * gap;
        let last = self.offsets.iter().copied().max().unwrap_or(0);
        assert!(last + extent <= map.len(), "a window of {extent} words at {last} of {}", map.len());
        assert!(self.columns > 0 && self.columns.is_multiple_of(PANEL), "{} columns", self.columns);
        let words = (self.columns / PANEL - 1) * self.panel + PANEL * depth.next_multiple_of(SIDE);
        assert!(self.b.len() >= words, "{words} words of panels, not {}", self.b.len());
        assert!(self.sums.len() >= count * self.columns, "{count} rows of {} sums", self.columns);
        assert!(self.packed.len() >= packed_words(depth), "working memory of {} words", self.packed.len());
    }
}

impl Windows<'_> {
    /// Words of a window.
    fn depth(&self) -> usize {
        self.runs * self.run
    }

    /// Windows at `offsets`, as the map has them or copied to `packed`.
    #[inline(always)]
    fn left(&self, offsets: &[usize], packed: &mut [f32]) -> Left {
        let stride = offsets.get(1).map_or(0, |&next| next.wrapping_sub(offsets[0]));
        if !offsets.is_empty() && self.run.is_multiple_of(SIDE) && offsets.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == stride) {
            let run = self.run / SIDE;
            return Left { at: self.map[offsets[0]..].as_ptr(), stride, rest: run, run, gap: self.gap };
        }
        let depth = self.depth();
        for (&offset, to) in offsets.iter().zip(packed.chunks_exact_mut(line(depth))) {
            for (run, to) in to[..depth].chunks_exact_mut(self.run).enumerate() {
                to.copy_from_slice(&self.map[offset + run * (self.run + self.gap)..][..self.run]);
            }
            // What columns have beyond k is the next panel's: it counts for nothing.
            to[depth..].fill(0.0);
        }
        Left { at: packed.as_ptr(), stride: line(depth), rest: usize::MAX, run: usize::MAX, gap: 0 }
    }
}

/// Sums begin: at 0, or at what they are.
///
/// # Safety
/// That of [`MatrixUnit::load`].
#[inline(always)]
unsafe fn begin<U: MatrixUnit, const SUMS: usize>(unit: &mut U, fresh: bool, from: *const f32, row: usize) {
    // SAFETY: the caller's promise.
    unsafe { if fresh { unit.zero::<SUMS>() } else { unit.load::<SUMS>(from, row) } }
}

/// All of k for up to two registers of rows by up to two panels.
struct Square {
    left: [Left; 2],
    panels: [*const f32; 2],
    /// Registers of k.
    steps: usize,
    /// As in [`Multiply`].
    fresh: bool,
}

impl Square {
    /// # Safety
    /// The processor has the registers. The rows, and `steps` · 16 words of columns, are readable; the sums, `row` words apart, too, and
    /// writable. What is not there (LOWER rows, a RIGHT panel) is not touched.
    #[inline(always)]
    unsafe fn run<U: MatrixUnit, const LOWER: bool, const RIGHT: bool>(&self, unit: &mut U, to: *mut f32, row: usize) {
        let ([mut upper, mut lower], [left, right]) = (self.left, self.panels);
        // SAFETY: the caller's promise.
        unsafe {
            begin::<U, 0>(unit, self.fresh, to, row);
            if RIGHT {
                begin::<U, 1>(unit, self.fresh, to.wrapping_add(PANEL), row);
            }
            let below = to.wrapping_add(SIDE * row);
            if LOWER {
                begin::<U, 2>(unit, self.fresh, below, row);
            }
            if LOWER && RIGHT {
                begin::<U, 3>(unit, self.fresh, below.wrapping_add(PANEL), row);
            }
            for step in 0..self.steps {
                let k = step * SIDE * PANEL;
                unit.load::<6>(left.add(k), PANEL);
                unit.load::<4>(upper.at, upper.stride);
                unit.multiply::<0, 4, 6>();
                upper.advance();
                if RIGHT {
                    unit.load::<7>(right.add(k), PANEL);
                    unit.multiply::<1, 4, 7>();
                }
                if LOWER {
                    unit.load::<5>(lower.at, lower.stride);
                    unit.multiply::<2, 5, 6>();
                    lower.advance();
                }
                if LOWER && RIGHT {
                    unit.multiply::<3, 5, 7>();
                }
            }
            unit.store::<0>(to, row);
            if RIGHT {
                unit.store::<1>(to.add(PANEL), row);
            }
            if LOWER {
                unit.store::<2>(below, row);
            }
            if LOWER && RIGHT {
                unit.store::<3>(below.add(PANEL), row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{PlainUnit, dispatch_matrix};

    /// A word of any bits that no sum of a few thousand products makes overflow.
    fn words(n: usize, seed: u32) -> Vec<f32> {
        (0..n as u32).map(|i| f32::from_bits((i + seed).wrapping_mul(2_654_435_761).rotate_left(i % 32))).collect()
    }

    fn product(windows: Windows<'_>, offsets: &[usize], b: &[f32], panel: usize, columns: usize) -> Vec<i32> {
        let Windows { map, run, gap, .. } = windows;
        let mut sums = Vec::new();
        for &offset in offsets {
            for j in 0..columns {
                let products = (0..windows.depth()).map(|k| {
                    let data = map[offset + k + k / run * gap].to_bits().to_le_bytes();
                    let weight = b[j / PANEL * panel + k * PANEL + j % PANEL].to_bits().to_le_bytes();
                    (0..4).map(|i| i32::from(data[i]) * i32::from(weight[i].cast_signed())).sum::<i32>()
                });
                sums.push(products.sum());
            }
        }
        sums
    }

    #[test]
    fn plain_registers_and_the_processors_own_follow_the_loops() {
        // Runs, their words, the gap; rows of equally distant windows, and how far apart; columns.
        let shapes = [
            (1, 1, 0, vec![(1, 1)], 16),
            (4, 4, 9, vec![(3, 8), (5, 8)], 16),
            (4, 16, 48, vec![(16, 32)], 32),
            (2, 32, 7, vec![(16, 16), (16, 16)], 48),
            (3, 5, 11, vec![(7, 5), (12, 5), (13, 5)], 80),
            (4, 48, 3, vec![(16, 24), (8, 24), (3, 24)], 64),
            (1, 37, 0, vec![(1, 1), (16, 3)], 32),
            (2, 64, 64, vec![(2, 64)], 128),
            (3, 16, 1, vec![(16, 1), (1, 1)], 112),
            (1, 33, 0, vec![(17, 2)], 16),
        ];
        for (runs, run, gap, rows, columns) in shapes {
            let what = format!("{runs} runs of {run} and {gap}, {rows:?}, {columns} columns");
            let mut offsets = Vec::new();
            let mut start = 3;
            for (count, apart) in rows {
                (0..count).for_each(|i| offsets.push(start + i * apart));
                start = offsets[offsets.len() - 1] + 101;
            }
            let depth = runs * run;
            let map = words(start - 101 + depth + (runs - 1) * gap, 5);
            let windows = Windows { map: &map, runs, run, gap };
            // What is behind a panel must not matter.
            let panel = PANEL * (depth + gap % 4);
            let b = words(columns / PANEL * panel + PANEL * SIDE, 900);
            let mut meant = product(windows, &offsets, &b, panel, columns);
            let mut sums = [vec![1.0; offsets.len() * columns], vec![1.0; offsets.len() * columns]];
            for fresh in [true, false] {
                for (sums, plain) in sums.iter_mut().zip([true, false]) {
                    let mut packed = vec![f32::NAN; packed_words(depth)];
                    let multiply = Multiply { windows, offsets: &offsets, b: &b, panel, columns, fresh, sums, packed: &mut packed };
                    if plain {
                        multiply.run::<PlainUnit>();
                    } else {
                        dispatch_matrix(multiply);
                    }
                    assert!(sums.iter().zip(&meant).all(|(sum, &meant)| sum.to_bits().cast_signed() == meant), "{what}, {plain} {fresh}");
                }
                meant.iter_mut().for_each(|sum| *sum *= 2);
            }
        }
    }

    #[test]
    #[should_panic(expected = "of panels")]
    fn panels_must_reach_as_far_as_registers_read() {
        let (mut sums, mut packed) = ([0.0; PANEL], vec![0.0; packed_words(3)]);
        let windows = Windows { map: &[0.0; 3], runs: 1, run: 3, gap: 0 };
        let (b, panel, sums, packed) = (&[0.0; 3 * PANEL], 3 * PANEL, &mut sums, &mut packed);
        dispatch_matrix(Multiply { windows, offsets: &[0], b, panel, columns: PANEL, fresh: true, sums, packed });
    }
}
