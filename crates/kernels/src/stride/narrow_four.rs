//! `down` of few wide channels where more error is allowed: F(4, 2) along the rows, all else as [`super::narrow`].
//!
//! Four output rows need ten rows of x, five of either parity. Their points are sums of whole rows, number by number: five lines for each
//! parity, with a pixel of zeros at either end. There the four kx taps are one run of 4 · wide numbers, so that a pixel's row of a product is
//! two runs, one of each parity: 8 · wide numbers at each of five points where 16 · wide stand for every row, 40 products for 64.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use std::ops::Range;

use super::axes::Axis;
use super::bands::{Band, Bands, Begin, Sides, in_bands};
use super::form::Shape;
use super::four::{Data, Results, weights};
use super::scratch::Store;
use crate::arch::{Kernel, Lanes, PANEL, Product, Single, Windows, dispatch, product};
use crate::{Lens, Map, MapMut, Pool};

/// Output rows that share their products.
const HEIGHT: usize = 4;
/// Rows of x they need.
const LINES: usize = 2 * HEIGHT + 2;
const POINTS: usize = 5;

/// Columns that pass together, about: rows, lines and products of so many stay in the first cache.
const COLS: usize = 48;

/// Columns that pass together: nearly equal parts of a row.
fn part(cols: usize) -> usize {
    cols.div_ceil(cols.div_ceil(COLS))
}

/// Numbers of a line of points.
fn line(wide: usize, cols: usize) -> usize {
    (2 * part(cols) + 2) * wide
}

/// Numbers of a thread's memory: lines of x as they are seen and one of zeros, lines of points, products.
fn parts(shape: &Shape) -> [usize; 3] {
    let Shape { wide, deep, cols, .. } = *shape;
    let seen = (LINES + 1) * 2 * cols * wide;
    let lines = POINTS * 2 * line(wide, cols);
    [seen.next_multiple_of(PANEL), lines.next_multiple_of(PANEL), POINTS * part(cols) * deep.next_multiple_of(PANEL)]
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
    band: Band<'a>,
    /// `[LINES + 1][2 · cols · wide]`.
    seen: &'a mut [f32],
    /// `[point][parity][(2 · columns + 2) · wide]` of a part of the row.
    lines: &'a mut [f32],
    /// `[point][column][deep]`, whole panels.
    products: &'a mut [f32],
}

impl Down<'_> {
    /// Ten rows of x from `first` on as they are seen, where they stand or copied; zeros for those outside. Good until `seen` is borrowed again.
    #[inline(always)]
    fn rows(&mut self, first: isize) -> [*const f32; LINES] {
        let length = self.band.source.x.cols * self.band.source.x.channels;
        // Borrowed once for all rows: a later loan of the whole would end the earlier rows' pointers.
        let (seen, zeros) = self.seen.split_at_mut(LINES * length);
        let mut rows = [zeros.as_ptr(); LINES];
        for (i, to) in seen.chunks_exact_mut(length).enumerate() {
            let row = first + i as isize;
            if row >= 0 && row < self.band.source.x.rows as isize {
                rows[i] = match self.band.source.bare(row as usize) {
                    Some(bare) => bare.as_ptr(),
                    None => {
                        self.band.source.see(row as usize, to);
                        to.as_ptr()
                    }
                };
            }
        }
        rows
    }

    /// # Safety
    /// The rows are those that [`Down::rows`] gave, `seen` not borrowed since. `WIDTH` numbers from `from` on are within them, as many from
    /// `to` on within a line of `length` numbers.
    #[inline(always)]
    unsafe fn point<L: Lanes>(&mut self, rows: &[*const f32; LINES], parity: usize, from: usize, to: usize, length: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut data = [L::splat(0.0); 5];
            for i in 0..5 {
                data[i] = L::load(rows[2 * i + parity].add(from));
            }
            let found = Data::along(data);
            let to = self.lines.as_mut_ptr().add(parity * length + to);
            for a in 0..POINTS {
                found[a].store(to.add(2 * a * length));
            }
        }
    }

    /// Lines of points of some columns of four output rows.
    #[inline(always)]
    fn transform<L: Lanes>(&mut self, rows: &[*const f32; LINES], cols: &Range<usize>) {
        let wide = self.band.source.x.channels;
        let (length, all) = (line(wide, self.band.source.x.cols / 2), self.band.source.x.cols * wide);
        // A line begins a pixel before the first column's, which at the edge is none.
        let begin = 2 * cols.start * wide;
        let (mut from, end) = (begin.saturating_sub(wide), ((2 * cols.end + 1) * wide).min(all));
        for line in self.lines.chunks_exact_mut(length).take(2 * POINTS) {
            line[..from + wide - begin].fill(0.0);
            line[end + wide - begin..].fill(0.0);
        }
        // SAFETY: rows hold `all` numbers, and no one has borrowed `seen` since `rows` gave them out; of a line as many lie between what was
        // filled above.
        unsafe {
            while from + L::WIDTH <= end {
                self.point::<L>(rows, 0, from, from + wide - begin, length);
                self.point::<L>(rows, 1, from, from + wide - begin, length);
                from += L::WIDTH;
            }
            while from < end {
                self.point::<Single>(rows, 0, from, from + wide - begin, length);
                self.point::<Single>(rows, 1, from, from + wide - begin, length);
                from += 1;
            }
        }
    }

    /// # Safety
    /// The band's `rows` rows of the target are writable; `channel` and the vector from it on are channels.
    #[inline(always)]
    unsafe fn results<L: Lanes>(&self, rows: usize, part: &Range<usize>, channel: usize) {
        let (cols, width) = (self.band.source.x.cols / 2, self.band.deep.next_multiple_of(PANEL));
        // SAFETY: the caller's promise; products hold a row of `width` numbers for each column of the part at each point, `begin` the channels
        // of each of the band's pixels.
        unsafe {
            for col in part.clone() {
                let from = self.products.as_ptr().add((col - part.start) * width + channel);
                let mut found = [L::splat(0.0); POINTS];
                for a in 0..POINTS {
                    found[a] = L::load(from.add(a * part.len() * width));
                }
                let found = Results::along(found);
                let to = self.band.to.add(col * self.band.pixel + channel);
                for i in 0..HEIGHT {
                    if i < rows {
                        let begin = match self.band.begin {
                            Some(Begin { from, pixel }) => L::load(from.as_ptr().add((i * cols + col) * pixel + channel)),
                            None => L::splat(0.0),
                        };
                        found[i].add(begin).store(to.add(i * cols * self.band.pixel));
                    }
                }
            }
        }
    }
}

impl Kernel for Down<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let (wide, cols) = (self.band.source.x.channels, self.band.source.x.cols / 2);
        let (length, width, depth) = (line(wide, cols), self.band.deep.next_multiple_of(PANEL), 8 * wide);
        let Range { start, end } = self.band.source.rows.clone();
        let rows = self.rows(2 * start as isize - 1);
        for col in (0..cols).step_by(part(cols)) {
            let part = col..cols.min(col + part(cols));
            self.transform::<L>(&rows, &part);
            for point in 0..POINTS {
                let a = self.lines[2 * point * length..][..2 * length].as_ptr();
                let c = self.products[point * part.len() * width..][..part.len() * width].as_mut_ptr();
                let rows = Windows { a, a_row: 2 * wide, step: 1, run: 4 * wide, gap: length - 4 * wide, c, c_row: width };
                let b = self.band.weight[point * width * depth..][..width * depth].as_ptr();
                let work =
                    Product { rows: &rows, count: part.len(), depth, b, panel: depth * PANEL, columns: width, fresh: true, next: None };
                // SAFETY: the part's windows lie within the two lines sliced above; weight and products were sliced.
                unsafe { product::<L, Windows>(&work) };
            }
            let mut channel = 0;
            // SAFETY: `band.to` holds the band's pixels; vectors end with the channels.
            unsafe {
                while channel + L::WIDTH <= self.band.deep {
                    self.results::<L>(end - start, &part, channel);
                    channel += L::WIDTH;
                }
                while channel < self.band.deep {
                    self.results::<Single>(end - start, &part, channel);
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
    down_beside(pool, Sides::one(x, lens, weight, bias), y, store);
}

/// `down` of maps side by side.
pub(super) fn down_beside(pool: &Pool, sides: Sides<'_>, y: MapMut<'_, f32>, store: &mut Store) {
    let (deep, cols) = (y.channels, y.cols);
    sides.check(|wide| weight(wide, deep));
    let shape = Shape::checked(1, deep, y.rows, cols, sides.images());
    let bands = Bands::of_height(shape.images, shape.rows, cols, HEIGHT);
    let of = |wide: usize| own(&Shape { wide, ..shape });
    in_bands(pool, &sides, bands, y, store, of, |band| {
        let wide = band.source.x.channels;
        let [seen_size, lines_size, _] = parts(&Shape { wide, ..shape });
        let (seen, memory) = band.memory.split_at_mut(seen_size);
        let (lines, products) = memory.split_at_mut(lines_size);
        // The line of zeros: the memory has seen other calls.
        seen[LINES * 2 * cols * wide..].fill(0.0);
        if let Some(Begin { from, pixel }) = band.begin {
            assert!(from.len() >= (band.source.rows.len() * cols - 1) * pixel + deep, "numbers to begin with for every pixel");
        }
        dispatch(pool.level(), Down { band: Band { memory: &mut [], ..band }, seen, lines, products });
    });
}

/// Numbers that a thread needs for it, for maps of so many channels (0: no map on the left).
pub(super) fn beside_own(wide: [usize; 2], shape: &Shape) -> usize {
    let bands = Bands::of_height(shape.images, shape.rows, shape.cols, HEIGHT);
    bands.own(wide, shape.deep, |wide| own(&Shape { wide, ..*shape }))
}
