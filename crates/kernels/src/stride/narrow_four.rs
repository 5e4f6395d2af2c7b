//! `down` of few wide channels when scoring: F(4, 2) along the rows, all else as [`super::narrow`].
//!
//! Four output rows need ten rows of x, five of either parity. Their points are sums of whole rows, number by number: five lines for each
//! parity, with a pixel of zeros at either end. There the four kx taps are one run of 4 · wide numbers, so that a pixel's row of a product is
//! two runs, one of each parity: 8 · wide numbers at each of five points where 16 · wide stand for every row, 40 products for 64.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use std::ops::Range;

use super::form::Shape;
use super::four::{points, results, weights};
use super::narrow::{Bands, Source};
use super::scratch::Store;
use crate::arch::{Kernel, Lanes, PANEL, Product, Single, Windows, dispatch, product};
use crate::memory::Common;
use crate::{Lens, Map, MapMut, Pool};

/// Output rows that share their products.
const HEIGHT: usize = 4;
/// Rows of x they need.
const LINES: usize = 2 * HEIGHT + 2;
const POINTS: usize = 5;

/// Numbers of a thread's memory: lines of x as they are seen and one of zeros, lines of points, products.
fn parts(shape: &Shape) -> [usize; 3] {
    let Shape { wide, deep, cols, .. } = *shape;
    let seen = (LINES + 1) * 2 * cols * wide;
    let lines = POINTS * 2 * line(wide, cols);
    [seen.next_multiple_of(PANEL), lines.next_multiple_of(PANEL), POINTS * cols * deep.next_multiple_of(PANEL)]
}

/// Numbers of a line of points.
fn line(wide: usize, cols: usize) -> usize {
    (2 * cols + 2) * wide
}

/// Numbers that each thread needs.
pub(super) fn own(shape: &Shape) -> usize {
    parts(shape).iter().sum()
}

/// Numbers of a weight prepared for it.
pub(super) fn weight(wide: usize, deep: usize) -> usize {
    POINTS * deep.next_multiple_of(PANEL) * 8 * wide
}

/// Prepares a weight: `[point][deep / 16][parity · kx · wide][16]`.
pub(super) fn load(shape: &Shape, from: &[f32], to: &mut [f32]) {
    let Shape { wide, deep, .. } = *shape;
    let (row, panels) = (4 * wide, deep.div_ceil(PANEL));
    to.fill(0.0);
    for (k, column) in (0..2 * row).flat_map(|k| (0..deep).map(move |column| (k, column))) {
        let (parity, rest) = (k / row, k % row);
        let tap = |j: usize| f64::from(from[((2 * j + parity) * row + rest) * deep + column]);
        for (point, value) in weights([tap(0), tap(1)]).into_iter().enumerate() {
            to[((point * panels + column / PANEL) * 2 * row + k) * PANEL + column % PANEL] = value as f32;
        }
    }
}

struct Down<'a> {
    source: Source<'a>,
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    /// `[LINES + 1][2 · cols · wide]`.
    seen: &'a mut [f32],
    /// `[point][parity][(2 · cols + 2) · wide]`.
    lines: &'a mut [f32],
    /// `[point][cols][deep]`, whole panels.
    products: &'a mut [f32],
    to: *mut f32,
    pixel: usize,
    deep: usize,
}

impl Down<'_> {
    /// Ten rows of x from `first` on as they are seen, where they stand or copied; zeros for those outside.
    #[inline(always)]
    fn rows(&mut self, first: isize) -> [*const f32; LINES] {
        let length = self.source.x.cols * self.source.x.channels;
        let mut rows = [self.seen[LINES * length..].as_ptr(); LINES];
        for i in 0..LINES {
            let row = first + i as isize;
            if row >= 0 && row < self.source.x.rows as isize {
                rows[i] = match self.source.bare(row as usize) {
                    Some(bare) => bare.as_ptr(),
                    None => {
                        let to = &mut self.seen[i * length..][..length];
                        self.source.see(row as usize, to);
                        to.as_ptr()
                    }
                };
            }
        }
        rows
    }

    /// # Safety
    /// `WIDTH` numbers from `at` on are within the rows.
    #[inline(always)]
    unsafe fn point<L: Lanes>(&mut self, rows: &[*const f32; LINES], parity: usize, at: usize) {
        let (wide, length) = (self.source.x.channels, line(self.source.x.channels, self.source.x.cols / 2));
        // SAFETY: the caller's promise; a line holds the rows and a pixel at either end.
        unsafe {
            let mut data = [L::splat(0.0); 5];
            for i in 0..5 {
                data[i] = L::load(rows[2 * i + parity].add(at));
            }
            let found = points(data);
            let to = self.lines.as_mut_ptr().add(parity * length + wide + at);
            for a in 0..POINTS {
                found[a].store(to.add(2 * a * length));
            }
        }
    }

    /// Lines of points of four output rows from `first` on.
    #[inline(always)]
    fn transform<L: Lanes>(&mut self, first: usize) {
        let rows = self.rows(2 * first as isize - 1);
        let count = self.source.x.cols * self.source.x.channels;
        for parity in 0..2 {
            let mut at = 0;
            // SAFETY: rows hold `count` numbers.
            unsafe {
                while at + L::WIDTH <= count {
                    self.point::<L>(&rows, parity, at);
                    at += L::WIDTH;
                }
                while at < count {
                    self.point::<Single>(&rows, parity, at);
                    at += 1;
                }
            }
        }
    }

    /// # Safety
    /// `rows` rows of the target from `row` of the band on are writable; `channel` and the vector from it on are channels.
    #[inline(always)]
    unsafe fn results<L: Lanes>(&self, row: usize, rows: usize, channel: usize) {
        let (cols, width) = (self.source.x.cols / 2, self.deep.next_multiple_of(PANEL));
        // SAFETY: the caller's promise; products hold `cols` rows of `width` numbers at each point.
        unsafe {
            let bias = match self.bias {
                Some(bias) => L::load(bias.as_ptr().add(channel)),
                None => L::splat(0.0),
            };
            for col in 0..cols {
                let from = self.products.as_ptr().add(col * width + channel);
                let mut found = [L::splat(0.0); POINTS];
                for a in 0..POINTS {
                    found[a] = L::load(from.add(a * cols * width));
                }
                let found = results(found);
                let to = self.to.add((row * cols + col) * self.pixel + channel);
                for i in 0..HEIGHT {
                    if i < rows {
                        found[i].add(bias).store(to.add(i * cols * self.pixel));
                    }
                }
            }
        }
    }
}

impl Kernel for Down<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let (wide, cols) = (self.source.x.channels, self.source.x.cols / 2);
        let (length, width, depth) = (line(wide, cols), self.deep.next_multiple_of(PANEL), 8 * wide);
        for line in self.lines.chunks_exact_mut(length).take(2 * POINTS) {
            line[..wide].fill(0.0);
            line[length - wide..].fill(0.0);
        }
        let Range { start, end } = self.source.rows.clone();
        for first in (start..end).step_by(HEIGHT) {
            self.transform::<L>(first);
            for point in 0..POINTS {
                let a = self.lines[2 * point * length..][..2 * length].as_ptr();
                let c = self.products[point * cols * width..][..cols * width].as_mut_ptr();
                let rows = Windows { a, a_row: 2 * wide, step: 1, run: 4 * wide, gap: length - 4 * wide, c, c_row: width };
                let b = self.weight[point * width * depth..][..width * depth].as_ptr();
                let work = Product { rows: &rows, count: cols, depth, b, panel: depth * PANEL, columns: width, fresh: true };
                // SAFETY: windows of `cols` pixels lie within the two lines sliced above; weight and products were sliced.
                unsafe { product::<L, Windows>(&work) };
            }
            let mut channel = 0;
            // SAFETY: `down` checked the band's pixels of the target; vectors end with the channels.
            unsafe {
                while channel + L::WIDTH <= self.deep {
                    self.results::<L>(first - start, end - first, channel);
                    channel += L::WIDTH;
                }
                while channel < self.deep {
                    self.results::<Single>(first - start, end - first, channel);
                    channel += 1;
                }
            }
        }
    }
}

pub(super) fn down(
    pool: &Pool,
    x: Map<'_, f32>,
    lens: Option<Lens<'_, f32>>,
    weight: &[f32],
    bias: Option<&[f32]>,
    y: MapMut<'_, f32>,
    store: &mut Store,
) {
    let shape = Shape::checked(x.channels, y.channels, y.rows, y.cols, y.images);
    let (deep, cols, pixel) = (y.channels, y.cols, y.pixel);
    assert_eq!(weight.len(), self::weight(x.channels, deep));
    let bands = Bands::of_height(y.images, y.rows, cols, HEIGHT);
    let own_size = own(&shape);
    let (_, own, _) = store.all(0, own_size, pool.threads());
    let (own, out) = (Common::new(own), Common::new(y.data));
    let [seen_size, lines_size, _] = parts(&shape);
    pool.run_on(bands.count, |worker, band| {
        let (image, rows) = bands.at(band);
        // SAFETY: `own` has that room for each thread, and a thread runs one job at a time.
        let memory = unsafe { std::slice::from_raw_parts_mut(own.at(worker * own_size, own_size), own_size) };
        let (seen, memory) = memory.split_at_mut(seen_size);
        let (lines, products) = memory.split_at_mut(lines_size);
        // The line of zeros: the memory has seen other calls.
        seen[LINES * 2 * cols * x.channels..].fill(0.0);
        let to = out.at((image * bands.rows + rows.start) * cols * pixel, (rows.len() * cols - 1) * pixel + deep);
        dispatch(pool.level(), Down { source: Source { x, lens, image, rows }, weight, bias, seen, lines, products, to, pixel, deep });
    });
}
