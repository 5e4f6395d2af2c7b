//! The product of windows and panels on matrix registers: two by two blocks of sixteen windows by sixteen columns, all of k in one go.
//!
//! A panel's words, `[k][16]`, are what a register of columns holds, sixteen steps of k at a time. A register of rows is read from the map
//! itself where enough windows lie side by side, and what it reads beyond a run meets zeros; other windows are first copied one under another.

use crate::arch::{MatrixKernel, MatrixUnit, PANEL, SIDE};

/// Windows side by side from which on they are read where they lie: fewer would leave most of a register empty.
const ENOUGH: usize = SIDE / 2;

/// Words that [`Multiply::packed`] needs for windows of so many runs of `run` words.
pub(super) fn packed_words(runs: usize, run: usize) -> usize {
    2 * SIDE * copied(runs, run)
}

/// Words from one copied window to the next: runs of whole registers, and one more row of a register, since distances of a power of two
/// would all fall into the same few lines of the first cache.
fn copied(runs: usize, run: usize) -> usize {
    runs * run.next_multiple_of(SIDE) + SIDE
}

/// What all windows have in common, in words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// So many runs of `run` words, in the map `line` words from one to the next.
    pub(super) runs: usize,
    pub(super) run: usize,
    pub(super) line: usize,
    /// In the map from one window to its neighbour.
    pub(super) apart: usize,
}

impl Form {
    /// Registers of a run.
    fn steps(&self) -> usize {
        self.run.div_ceil(SIDE)
    }
}

/// Windows side by side: where in the map the first begins, and how many they are.
pub(super) type Neighbours = (usize, usize);

/// A product: a window's words by a panel's, and all their sums.
pub(super) struct Multiply<'a, S> {
    /// The map's words, and behind them what a register may read too much.
    pub(super) map: &'a [f32],
    pub(super) form: Form,
    /// All windows, in order.
    pub(super) stretches: S,
    /// Panels, `panel` words from one to the next, of runs of `[run][16]` words, `pitch` · 16 words from one to the next. After the last as
    /// many as make its run whole registers, of whatever value.
    pub(super) b: &'a [f32],
    pub(super) panel: usize,
    pub(super) pitch: usize,
    /// Whether the words of a panel's run up to its pitch are followed by zeros: then what is read beyond a window's run counts for nothing.
    pub(super) zeros: bool,
    /// `[windows][columns]`: whole panels.
    pub(super) columns: usize,
    pub(super) sums: &'a mut [f32],
    /// Working memory: [`packed_words`].
    pub(super) packed: &'a mut [f32],
}

impl<S: Iterator<Item = Neighbours> + Clone> MatrixKernel for Multiply<'_, S> {
    #[inline(always)]
    fn run<U: MatrixUnit>(self) {
        let direct = self.verify();
        let (b, columns, sums) = (self.b.as_ptr(), self.columns, self.sums.as_mut_ptr());
        let square = Square { panels: [b; 2], runs: self.form.runs, steps: self.form.steps(), pitch: self.pitch * PANEL, row: columns };
        let Self { map, form, stretches, packed, panel, .. } = self;
        let (half, packed) = (packed.len() / 2, packed.as_mut_ptr());
        let packed = [packed, packed.wrapping_add(half)];
        let mut left = Left { map, form, stretches, direct, start: 0, count: 0, done: 0, first: 0, packed, half };
        let mut unit: Option<(usize, U)> = None;
        let mut ahead = left.next();
        while let Some(upper) = ahead {
            ahead = left.next();
            let lower = ahead.filter(|lower| lower.count == upper.count);
            // SAFETY: `dispatch_matrix` enters this where the registers are. `verify` saw every window in the map, every panel with what its
            // last register reads beyond it, and all sums; `left` describes these windows or their copies. The registers of one shape are
            // released before there are others.
            unsafe {
                if unit.as_ref().is_none_or(|(rows, _)| *rows != upper.count) {
                    drop(unit.take());
                }
                let (_, unit) = unit.get_or_insert_with(|| (upper.count, U::new(upper.count)));
                for column in (0..columns).step_by(2 * PANEL) {
                    let left = b.wrapping_add(column / PANEL * panel);
                    let square = Square { panels: [left, left.wrapping_add(panel)], ..square };
                    let to = sums.wrapping_add(column);
                    match (lower, column + PANEL < columns) {
                        (Some(lower), true) => square.run::<U, true, true>(unit, [upper, lower], to),
                        (Some(lower), false) => square.run::<U, true, false>(unit, [upper, lower], to),
                        (None, true) => square.run::<U, false, true>(unit, [upper; 2], to),
                        (None, false) => square.run::<U, false, false>(unit, [upper; 2], to),
                    }
                }
            }
            if lower.is_some() {
                ahead = left.next();
            }
        }
    }
}

impl<S: Iterator<Item = Neighbours> + Clone> Multiply<'_, S> {
    /// Whether windows are read where they lie.
    ///
    /// # Panics
    /// If something is not as long as it must be.
    fn verify(&self) -> bool {
        let (Form { runs, run, line, apart }, steps) = (self.form, self.form.steps());
        assert!(runs > 0 && run > 0 && run <= line && run <= self.pitch, "{runs} runs of {run} words, {line} and {} apart", self.pitch);
        let (mut windows, mut longest, mut last) = (0, 0, 0);
        for (start, count) in self.stretches.clone() {
            assert!(count > 0, "windows of which there are none");
            (windows, longest) = (windows + count, longest.max(count));
            last = last.max(start + (count - 1) * apart);
        }
        let direct = longest >= ENOUGH && (run.is_multiple_of(SIDE) || self.zeros && self.pitch >= steps * SIDE);
        let extent = (runs - 1) * line + if direct { steps * SIDE } else { run };
        assert!(last + extent <= self.map.len(), "a window of {extent} words at {last} of {}", self.map.len());
        assert!(self.columns > 0 && self.columns.is_multiple_of(PANEL), "{} columns", self.columns);
        let words = (self.columns / PANEL - 1) * self.panel + PANEL * ((runs - 1) * self.pitch + steps * SIDE);
        assert!(self.b.len() >= words, "{words} words of panels, not {}", self.b.len());
        assert!(self.sums.len() >= windows * self.columns, "{windows} rows of {} sums", self.columns);
        assert!(self.packed.len() >= packed_words(runs, run), "working memory of {} words", self.packed.len());
        direct
    }
}

/// A register's rows: equally far apart in the map, or copied.
#[derive(Clone, Copy)]
struct Register {
    at: *const f32,
    /// Words from row to row, and from run to run.
    stride: usize,
    line: usize,
    /// The first of them among all windows, and how many they are.
    first: usize,
    count: usize,
}

/// All windows, register by register.
struct Left<'a, S> {
    map: &'a [f32],
    form: Form,
    stretches: S,
    direct: bool,
    /// The stretch that was begun: where its first window is, how many it has, and how many of these are done.
    start: usize,
    count: usize,
    done: usize,
    /// Windows before it.
    first: usize,
    /// Two registers' copied rows, so many words each: those to be written next, and those that were last.
    packed: [*mut f32; 2],
    half: usize,
}

impl<S: Iterator<Item = Neighbours>> Left<'_, S> {
    #[inline(always)]
    fn next(&mut self) -> Option<Register> {
        if self.direct { self.in_the_map() } else { self.copied() }
    }

    /// Begins the next stretch where the last one is done.
    #[inline(always)]
    fn more(&mut self) -> bool {
        if self.done == self.count {
            let Some((start, count)) = self.stretches.next() else { return false };
            self.first += self.count;
            (self.start, self.count, self.done) = (start, count, 0);
        }
        true
    }

    /// Registers of a stretch all have as many rows, so that they go in pairs; its last one begins with windows of the one before, where it
    /// must.
    #[inline(always)]
    fn in_the_map(&mut self) -> Option<Register> {
        if !self.more() {
            return None;
        }
        let Form { line, apart, .. } = self.form;
        let count = self.count.div_ceil(self.count.div_ceil(SIDE));
        let from = self.done.min(self.count - count);
        self.done = from + count;
        let at = self.map[self.start + from * apart..].as_ptr();
        Some(Register { at, stride: apart, line, first: self.first + from, count })
    }

    #[inline(always)]
    fn copied(&mut self) -> Option<Register> {
        let Form { runs, run, line, apart } = self.form;
        let (stride, whole, at) = (copied(runs, run), self.form.steps() * SIDE, self.packed[0]);
        // SAFETY: a half of `Multiply::packed`, borrowed for as long as this value lives; what was read of it was for an earlier pair.
        let packed = unsafe { std::slice::from_raw_parts_mut(at, self.half) };
        let (mut first, mut count) = (0, 0);
        for to in packed.chunks_exact_mut(stride).take(SIDE) {
            if !self.more() {
                break;
            }
            if count == 0 {
                first = self.first + self.done;
            }
            let window = self.start + self.done * apart;
            for (i, to) in to.chunks_exact_mut(whole).take(runs).enumerate() {
                to[..run].copy_from_slice(&self.map[window + i * line..][..run]);
                // What columns have beyond a run may be the next one's: it counts for nothing.
                to[run..].fill(0.0);
            }
            (self.done, count) = (self.done + 1, count + 1);
        }
        self.packed.swap(0, 1);
        (count > 0).then_some(Register { at, stride, line: whole, first, count })
    }
}

/// All of k for one or two registers of rows by one or two panels.
#[derive(Clone, Copy)]
struct Square {
    panels: [*const f32; 2],
    /// Runs, registers of each, and words from a panel's run to its next.
    runs: usize,
    steps: usize,
    pitch: usize,
    /// Sums of a window.
    row: usize,
}

impl Square {
    /// # Safety
    /// The processor has the registers, shaped for as many rows as these are. The rows, and all that these registers read of the panels, are
    /// readable; the sums of these windows, from `to` on, writable. What is not there (LOWER rows, a RIGHT panel) is not touched.
    #[inline(always)]
    unsafe fn run<U: MatrixUnit, const LOWER: bool, const RIGHT: bool>(&self, unit: &mut U, [upper, lower]: [Register; 2], to: *mut f32) {
        let [left, right] = self.panels;
        // SAFETY: the caller's promise.
        unsafe {
            unit.zero::<0>();
            if RIGHT {
                unit.zero::<1>();
            }
            if LOWER {
                unit.zero::<2>();
            }
            if LOWER && RIGHT {
                unit.zero::<3>();
            }
            for run in 0..self.runs {
                for step in 0..self.steps {
                    let k = run * self.pitch + step * SIDE * PANEL;
                    unit.load::<6>(left.wrapping_add(k), PANEL);
                    unit.load::<4>(upper.at.wrapping_add(run * upper.line + step * SIDE), upper.stride);
                    unit.multiply::<0, 4, 6>();
                    if RIGHT {
                        unit.load::<7>(right.wrapping_add(k), PANEL);
                        unit.multiply::<1, 4, 7>();
                    }
                    if LOWER {
                        unit.load::<5>(lower.at.wrapping_add(run * lower.line + step * SIDE), lower.stride);
                        unit.multiply::<2, 5, 6>();
                    }
                    if LOWER && RIGHT {
                        unit.multiply::<3, 5, 7>();
                    }
                }
            }
            let above = to.wrapping_add(upper.first * self.row);
            unit.store::<0>(above, self.row);
            if RIGHT {
                unit.store::<1>(above.wrapping_add(PANEL), self.row);
            }
            let below = to.wrapping_add(lower.first * self.row);
            if LOWER {
                unit.store::<2>(below, self.row);
            }
            if LOWER && RIGHT {
                unit.store::<3>(below.wrapping_add(PANEL), self.row);
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

    #[test]
    fn plain_registers_and_the_processors_own_follow_the_loops() {
        // Runs, their words, those between them, words that panels have for a run, whether these end in zeros; stretches of windows, and how far
        // apart these are; columns.
        let shapes = [
            (1, 1, 0, 1, false, vec![1], 1, 16),
            (4, 4, 9, 4, false, vec![3, 5], 8, 16),
            (4, 16, 48, 16, false, vec![16], 32, 32),
            (2, 32, 7, 32, false, vec![16, 16], 16, 48),
            (3, 5, 11, 5, false, vec![7, 12, 13], 5, 80),
            (3, 5, 11, 16, true, vec![7, 12, 13], 5, 80),
            (4, 48, 3, 48, false, vec![16, 8, 3], 24, 64),
            (1, 37, 0, 48, true, vec![1, 16, 24], 3, 32),
            (2, 64, 64, 64, false, vec![2, 2, 2], 64, 128),
            (3, 16, 1, 20, true, vec![17, 1], 1, 112),
            (1, 33, 0, 33, false, vec![17], 2, 16),
            (2, 20, 3, 32, true, vec![50, 50], 4, 16),
            // A run that is followed by words of others.
            (2, 20, 3, 32, false, vec![50, 50], 4, 16),
            (1, 32, 0, 48, true, vec![2, 2, 2, 2, 2, 2, 2, 2, 2], 16, 16),
        ];
        for (runs, run, gap, pitch, zeros, counts, apart, columns) in shapes {
            let what = format!("{runs} runs of {run}, {gap} between them, {counts:?} windows {apart} apart, {columns} columns");
            let stretches: Vec<Neighbours> = counts.iter().enumerate().map(|(i, &count)| (3 + 701 * i, count)).collect();
            let offsets: Vec<usize> = stretches.iter().flat_map(|&(start, count)| (0..count).map(move |i| start + i * apart)).collect();
            let form = Form { runs, run, line: run + gap, apart };
            let map = words(offsets.iter().max().unwrap() + (runs - 1) * form.line + run + SIDE, 5);
            let panel = PANEL * (runs * pitch + gap % 4);
            let mut b = words(columns / PANEL * panel + PANEL * SIDE, 900);
            if zeros {
                // Behind a run's words there are zeros; what is behind a panel must not matter.
                for (k, words) in b.chunks_exact_mut(PANEL).enumerate() {
                    let k = k % (panel / PANEL);
                    if k < runs * pitch && k % pitch >= run {
                        words.fill(0.0);
                    }
                }
            }
            let at = |k: usize| (k / run, k % run);
            let sum = |offset: usize, j: usize| -> i32 {
                let products = (0..runs * run).map(|k| {
                    let data = map[offset + at(k).0 * form.line + at(k).1].to_bits().to_le_bytes();
                    let weight = b[j / PANEL * panel + (at(k).0 * pitch + at(k).1) * PANEL + j % PANEL].to_bits().to_le_bytes();
                    (0..4).map(|i| i32::from(data[i]) * i32::from(weight[i].cast_signed())).sum::<i32>()
                });
                products.sum()
            };
            let meant: Vec<i32> =
                offsets.iter().flat_map(|&offset| (0..columns).map(move |j| (offset, j))).map(|(o, j)| sum(o, j)).collect();
            for plain in [true, false] {
                let (mut sums, mut packed) = (vec![1.0; offsets.len() * columns], vec![f32::NAN; packed_words(runs, run)]);
                let (stretches, sums_of) = (stretches.iter().copied(), &mut sums);
                let multiply =
                    Multiply { map: &map, form, stretches, b: &b, panel, pitch, zeros, columns, sums: sums_of, packed: &mut packed };
                if plain {
                    multiply.run::<PlainUnit>();
                } else {
                    dispatch_matrix(multiply);
                }
                assert!(sums.iter().zip(&meant).all(|(sum, &meant)| sum.to_bits().cast_signed() == meant), "{what}, {plain}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "of panels")]
    fn panels_must_reach_as_far_as_registers_read() {
        let (mut sums, mut packed) = ([0.0; PANEL], vec![0.0; packed_words(1, 3)]);
        let form = Form { runs: 1, run: 3, line: 3, apart: 1 };
        let (b, sums, packed) = (&[0.0; 3 * PANEL], &mut sums, &mut packed);
        let stretches = std::iter::once((0, 1));
        dispatch_matrix(Multiply {
            map: &[0.0; 3],
            form,
            stretches,
            b,
            panel: 3 * PANEL,
            pitch: 3,
            zeros: false,
            columns: PANEL,
            sums,
            packed,
        });
    }

    #[test]
    #[should_panic(expected = "a window of")]
    fn the_map_must_reach_as_far_as_registers_read() {
        let (mut sums, mut packed) = ([0.0; 8 * PANEL], vec![0.0; packed_words(1, 3)]);
        let form = Form { runs: 1, run: 3, line: 3, apart: 1 };
        let (b, sums, packed) = (&[0.0; SIDE * PANEL], &mut sums, &mut packed);
        let stretches = std::iter::once((0, 8));
        let (map, panel, pitch) = (&[0.0; 3 + 7 + SIDE - 4], SIDE * PANEL, SIDE);
        dispatch_matrix(Multiply { map, form, stretches, b, panel, pitch, zeros: true, columns: PANEL, sums, packed });
    }
}
