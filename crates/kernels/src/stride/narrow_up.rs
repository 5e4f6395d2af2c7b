//! `up` where wide channels are few (x̂ of a generator's last layer, gradients of pictures): x from y.
//!
//! One product gives a small row's sums for all taps, `[col][ky][kx][wide]`: 16 · wide numbers a pixel, whole panels however few
//! channels there are. An output row meets two small rows (taps ky 1 and 3, or 2 and 0); in it the 4 · wide sums of small pixel j
//! are runs that begin at output pixel 2j − 1. Runs of every second j lie end to end, so that two passes of whole runs add them all.

use std::ops::Range;

use super::bands::Bands;
use super::form::Shape;
use super::patch::{Glass, Shared};
use super::scratch::Store;
use super::small::See;
use super::weights;
use crate::arch::{Kernel, Lanes, PANEL, Product, Quad, Strided, Words, dispatch, product};
use crate::memory::Common;
use crate::{Lens, Map, MapMut, Pool};

/// Small pixels a job takes, about.
const PIXELS: usize = 1024;
/// Most wide channels of this form, one more.
const FEW: usize = 16;

/// Numbers of a thread's memory: sums of two small rows, an output row with a pixel of margin on either side, a small row as seen.
fn parts(shape: &Shape) -> [usize; 3] {
    let Shape { wide, deep, cols, .. } = *shape;
    [2 * cols * 16 * wide, (2 * cols + 2) * wide, cols * deep]
}

/// Numbers that each thread needs.
pub(super) fn own(shape: &Shape) -> usize {
    parts(shape).iter().sum()
}

/// Numbers of a weight prepared for `up`: `[ky · kx · wide / 16][deep][16]`.
pub(super) fn weight(wide: usize, deep: usize) -> usize {
    16 * wide * deep
}

/// Prepares a weight for `up`.
pub(super) fn load(pool: &Pool, shape: &Shape, weight: &[f32], to: &mut [f32]) {
    weights::turned_panels(pool, weight, shape.deep, 16 * shape.wide, shape.deep, to);
}

struct Up<'a> {
    y: Map<'a, f32>,
    glass: Glass,
    image: usize,
    /// Of y: their two output rows each are this job's.
    rows: Range<usize>,
    weight: &'a [f32],
    /// One number a wide channel, four times over: a run's.
    bias: [f32; 4 * FEW],
    /// `[cols][16 · wide]` of an even and an odd small row.
    sums: [&'a mut [f32]; 2],
    /// `[2 · cols + 2][wide]`.
    line: &'a mut [f32],
    /// `[cols][deep]`.
    seen: &'a mut [f32],
    to: Common,
    wide: usize,
    pixel: usize,
}

impl Up<'_> {
    /// The sums of small row `row` for the taps `ky`; zeros where there is no such row.
    #[inline(always)]
    fn multiply<L: Lanes>(&mut self, row: Option<usize>, slot: usize, ky: Range<usize>) {
        let (cols, deep, width) = (self.y.cols, self.y.channels, 16 * self.wide);
        let sums = &mut self.sums[slot % 2][..cols * width];
        let Some(row) = row.filter(|&row| row < self.y.rows) else { return sums.fill(0.0) };
        let start = (self.image * self.y.rows + row) * cols;
        let (a, a_row) = if self.glass.clear() {
            (self.y.data[start * self.y.pixel..].as_ptr(), self.y.pixel)
        } else {
            for (col, to) in self.seen.chunks_exact_mut(deep).enumerate() {
                let to = to.as_mut_ptr();
                See { from: self.y.nth(start + col), glass: self.glass, first: 0, to, panel: PANEL }.run::<L>();
            }
            (self.seen.as_ptr(), deep)
        };
        // Whole panels, of which the first and the last may hold sums of other taps too.
        let first = ky.start * 4 * self.wide / PANEL * PANEL;
        let columns = (ky.end * 4 * self.wide).next_multiple_of(PANEL) - first;
        let rows = Strided { a, a_row, c: sums[first..].as_mut_ptr(), c_row: width };
        let b = self.weight[first * deep..][..columns * deep].as_ptr();
        let work = Product { rows: &rows, count: cols, depth: deep, b, panel: deep * PANEL, columns, fresh: true, next: None };
        // SAFETY: a row of y (or of what is seen of it); `sums` has `cols` rows of 16 · wide numbers, of which `first` and `columns`
        // stay within; the panels were sliced.
        unsafe { product::<L, Strided>(&work) };
    }

    /// Output row `row` from the sums of two small rows, each with its tap.
    #[inline(always)]
    fn spread(&mut self, row: usize, [a, b]: [(usize, usize); 2]) {
        let (cols, wide, run) = (self.y.cols, self.wide, 4 * self.wide);
        let sums = |(slot, ky): (usize, usize)| &self.sums[slot % 2][ky * run..][..(4 * cols - 3) * run];
        let (a, b, bias) = (sums(a), sums(b), &self.bias[..run]);
        let line = &mut self.line[..(2 * cols + 2) * wide];
        // The runs of even j end two pixels before the last where that is odd.
        line[2 * cols * wide..].copy_from_slice(&bias[..2 * wide]);
        for first in 0..2 {
            for j in (first..cols).step_by(2) {
                let (to, a, b) = (&mut line[2 * j * wide..][..run], &a[4 * j * run..][..run], &b[4 * j * run..][..run]);
                // Even j set what odd ones add to.
                let out = to.as_mut_ptr();
                let before = if first == 0 { bias.as_ptr() } else { out.cast_const() };
                for i in (0..run).step_by(Quad::WIDTH) {
                    // SAFETY: all four hold `run` numbers, whole fours.
                    unsafe {
                        let both = Quad::load(a.as_ptr().add(i)).add(Quad::load(b.as_ptr().add(i)));
                        both.add(Quad::load(before.add(i))).store(out.add(i));
                    }
                }
            }
        }
        let start = (self.image * 2 * self.y.rows + row) * 2 * cols;
        let at = self.to.at(start * self.pixel, (2 * cols - 1) * self.pixel + wide);
        let line = &line[wide..][..2 * cols * wide];
        // SAFETY: `at` checked the output row, which is this job's alone.
        unsafe {
            if self.pixel == wide {
                std::ptr::copy_nonoverlapping(line.as_ptr(), at, line.len());
            } else {
                for (col, from) in line.chunks_exact(wide).enumerate() {
                    std::ptr::copy_nonoverlapping(from.as_ptr(), at.add(col * self.pixel), wide);
                }
            }
        }
    }
}

impl Kernel for Up<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let Range { start, end } = self.rows.clone();
        // Of the rows beside the band only the tap that reaches into it. A row's slot is its number, here one higher.
        self.multiply::<L>(start.checked_sub(1), start, 3..4);
        for row in start..=end {
            self.multiply::<L>(Some(row), row + 1, if row < end { 0..4 } else { 0..1 });
            if row > start {
                self.spread(2 * row - 1, [(row, 2), (row + 1, 0)]);
            }
            if row < end {
                self.spread(2 * row, [(row + 1, 1), (row, 3)]);
            }
        }
    }
}

pub(super) fn up(
    pool: &Pool,
    y: Map<'_, f32>,
    lens: Option<Lens<'_, f32>>,
    prepared: &[f32],
    bias: Option<&[f32]>,
    x: MapMut<'_, f32>,
    store: &mut Store,
) {
    let shape = Shape::checked(x.channels, y.channels, y.rows, y.cols, y.images);
    let (wide, pixel) = (shape.wide, x.pixel);
    assert!(wide < FEW && prepared.len() == weight(wide, shape.deep), "a weight of few wide channels");
    let bands = Bands::new(y.images, y.rows, y.cols, PIXELS);
    let own_size = own(&shape).next_multiple_of(PANEL);
    let (_, own, _) = store.all(0, own_size, pool.threads());
    let (own, out) = (Common::new(own), Common::new(x.data));
    let glass = Shared(Glass::new(lens));
    let mut four = [0.0; 4 * FEW];
    if let Some(bias) = bias {
        four[..4 * wide].chunks_exact_mut(wide).for_each(|to| to.copy_from_slice(bias));
    }
    let [sums_size, line_size, seen_size] = parts(&shape);
    pool.run_on(bands.count, |worker, band| {
        let (image, rows) = bands.at(band);
        // SAFETY: `own` has that room for each thread, and a thread runs one job at a time.
        let memory = unsafe { std::slice::from_raw_parts_mut(own.at(worker * own_size, own_size), own_size) };
        let (sums, memory) = memory.split_at_mut(sums_size);
        let (line, memory) = memory.split_at_mut(line_size);
        let (even, odd) = sums.split_at_mut(sums_size / 2);
        let (sums, seen) = ([even, odd], &mut memory[..seen_size]);
        dispatch(
            pool.level(),
            Up { y, glass: glass.get(), image, rows, weight: prepared, bias: four, sums, line, seen, to: out, wide, pixel },
        );
    });
}
