//! `up` of few wide channels with tied taps (x̂ of a generator's last layer): pixels lie in vectors, not channels.
//!
//! A row of y is turned, `[cols / 16][deep][16]`, which is how the product wants its right side; the left side is the weight, 9 · wide rows of
//! `deep` numbers: along an axis w0, w0+w1+w2 and w2 instead of four taps. With a, s, c what they give of a pixel, place 2i of the result
//! is s(i) + a(i−1) − a(i) and place 2i+1 is s(i) + c(i+1) − c(i): down the rows first, then along them, all in whole vectors.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use std::ops::Range;

use super::bands::Bands;
use super::form::Shape;
use super::patch::{Glass, Shared};
use super::scratch::Store;
use crate::arch::{Kernel, Lanes, PANEL, Product, Strided, dispatch, product};
use crate::memory::Common;
use crate::{Lens, Map, MapMut, Pool};

/// Small pixels a job takes, about.
const PIXELS: usize = 1024;

/// Numbers of a row of vectors, with room for a vector on either side.
fn line(cols: usize) -> usize {
    cols.next_multiple_of(PANEL) + 2 * PANEL
}

/// Numbers of a thread's memory: a row of y turned, products of three rows, sums down the rows, sums along them.
fn parts(shape: &Shape) -> [usize; 4] {
    let Shape { wide, deep, cols, .. } = *shape;
    let whole = cols.next_multiple_of(PANEL);
    [deep * whole, 3 * 9 * wide * whole, 3 * wide * line(cols), 2 * wide * whole]
}

/// Numbers that each thread needs.
pub(super) fn own(shape: &Shape) -> usize {
    parts(shape).iter().sum()
}

/// Numbers of a weight prepared for it.
pub(super) fn weight(wide: usize, deep: usize) -> usize {
    9 * wide * deep
}

/// Prepares a weight: `[ky 3][kx 3][wide][deep]`.
pub(super) fn load(shape: &Shape, from: &[f32], to: &mut [f32]) {
    let tap = shape.wide * shape.deep;
    // w0 is the last of the four taps, w2 the first; the sum of all is that of the second and the last.
    let along: [&[usize]; 3] = [&[3], &[1, 3], &[0]];
    for (place, to) in to.chunks_exact_mut(tap).enumerate() {
        to.fill(0.0);
        for (row, col) in along[place / 3].iter().flat_map(|row| along[place % 3].iter().map(move |col| (row, col))) {
            to.iter_mut().zip(&from[(row * 4 + col) * tap..]).for_each(|(to, from)| *to += from);
        }
    }
}

struct Up<'a> {
    y: Map<'a, f32>,
    glass: Glass,
    image: usize,
    /// Of y: their two output rows each are this job's.
    rows: Range<usize>,
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    /// `[cols / 16][deep][16]`.
    turned: &'a mut [f32],
    /// Of small rows by their number's rest by 3, `[ky][kx][wide][cols]`, whole vectors.
    products: &'a mut [f32],
    /// `[kx][wide][line]`.
    sums: &'a mut [f32],
    /// `[wide][even, odd][cols]`, whole vectors.
    planes: &'a mut [f32],
    to: Common,
    wide: usize,
    pixel: usize,
}

impl Up<'_> {
    /// Turns a row of y as it is seen; pixels beyond the last are 0.
    #[inline(always)]
    fn turn<L: Lanes>(&mut self, row: usize) {
        let (cols, deep) = (self.y.cols, self.y.channels);
        let start = (self.image * self.y.rows + row) * cols;
        for panel in 0..cols.div_ceil(PANEL) {
            let (first, count) = (panel * PANEL, PANEL.min(cols - panel * PANEL));
            let to = &mut self.turned[first * deep..][..PANEL * deep];
            for channel in (0..deep).step_by(PANEL) {
                let channels = PANEL.min(deep - channel);
                let to = &mut to[channel * PANEL..][..channels * PANEL];
                if count == PANEL && channels == PANEL {
                    let from = &self.y.data[(start + first) * self.y.pixel + channel..][..(PANEL - 1) * self.y.pixel + PANEL];
                    // SAFETY: the slices hold 16 rows of 16 and 256 numbers.
                    unsafe { L::transpose(from.as_ptr(), self.y.pixel, to.as_mut_ptr()) };
                } else {
                    to.fill(0.0);
                    for i in 0..count {
                        let from = &self.y.nth(start + first + i)[channel..][..channels];
                        from.iter().enumerate().for_each(|(c, &v)| to[c * PANEL + i] = v);
                    }
                }
            }
            if self.glass.clear() {
                continue;
            }
            for channel in 0..deep {
                // SAFETY: the glass holds `deep` channels, `to` a vector of 16 for each.
                unsafe {
                    let [scale, shift, slope] = self.glass.one::<L>(channel);
                    for v in (0..PANEL).step_by(L::WIDTH) {
                        let at = to.as_mut_ptr().add(channel * PANEL + v);
                        scale.mul_add(L::load(at), shift).leaky(slope).store(at);
                    }
                }
                to[channel * PANEL + count..(channel + 1) * PANEL].fill(0.0);
            }
        }
    }

    /// Products of small row `row` for the places `ky`; zeros where there is no such row.
    #[inline(always)]
    fn multiply<L: Lanes>(&mut self, row: isize, ky: Range<usize>) {
        let (whole, deep) = (self.y.cols.next_multiple_of(PANEL), self.y.channels);
        let rows = 3 * self.wide;
        let size = 3 * rows * whole;
        let slot = (row + 3) as usize % 3 * size;
        if row < 0 || row >= self.y.rows as isize {
            return self.products[slot..][..size].fill(0.0);
        }
        self.turn::<L>(row as usize);
        for ky in ky {
            let a = self.weight[ky * rows * deep..][..rows * deep].as_ptr();
            let c = self.products[slot + ky * rows * whole..][..rows * whole].as_mut_ptr();
            let work = Product {
                rows: &Strided { a, a_row: deep, c, c_row: whole },
                count: rows,
                depth: deep,
                b: self.turned.as_ptr(),
                panel: deep * PANEL,
                columns: whole,
                fresh: true,
                next: None,
            };
            // SAFETY: the slices above; `turned` holds `whole` / 16 panels of `deep` rows.
            unsafe { product::<L, Strided>(&work) };
        }
    }

    /// Output row 2 · `row` or the one after it, of products.
    #[inline(always)]
    fn spread<L: Lanes>(&mut self, row: usize, odd: bool) {
        let (cols, wide) = (self.y.cols, self.wide);
        let (whole, line) = (cols.next_multiple_of(PANEL), line(cols));
        let size = 3 * wide * whole;
        let at = |row: usize, ky: usize| (row + 3) % 3 * 3 * size + ky * size;
        // s(i), and of the neighbour less one's own: a from above, or c from below.
        let (ky, beside) = if odd { (2, row + 1) } else { (0, row + 2) };
        let [sum, near, own] = [at(row, 1), at(beside, ky), at(row, ky)].map(|at| &self.products[at..][..size]);
        for i in 0..3 * wide {
            let to = &mut self.sums[i * line + PANEL..][..whole];
            for v in (0..whole).step_by(L::WIDTH) {
                // SAFETY: row `i` of three slices of 3 · wide rows of `whole` numbers; `to` holds as many.
                unsafe {
                    let load = |from: &[f32]| L::load(from.as_ptr().add(i * whole + v));
                    load(sum).add(load(near).sub(load(own))).store(to.as_mut_ptr().add(v));
                }
            }
        }
        for channel in 0..wide {
            let [a, s, c] = [0, 1, 2].map(|kx| self.sums[(kx * wide + channel) * line..][..line].as_ptr());
            let planes = self.planes[2 * channel * whole..][..2 * whole].as_mut_ptr();
            let bias = L::splat(self.bias.map_or(0.0, |bias| bias[channel]));
            for v in (0..whole).step_by(L::WIDTH) {
                // SAFETY: lines hold a vector more on either side; planes two rows.
                unsafe {
                    let v0 = v + PANEL;
                    let sum = L::load(s.add(v0)).add(bias);
                    sum.add(L::load(a.add(v0 - 1)).sub(L::load(a.add(v0)))).store(planes.add(v));
                    sum.add(L::load(c.add(v0 + 1)).sub(L::load(c.add(v0)))).store(planes.add(whole + v));
                }
            }
        }
        let start = ((self.image * self.y.rows + row) * 2 + usize::from(odd)) * 2 * cols * self.pixel;
        let to = self.to.at(start, (2 * cols - 1) * self.pixel + wide);
        // SAFETY: `at` checked the output row, which is this job's alone.
        unsafe {
            match wide {
                1 => self.put::<1>(to),
                2 => self.put::<2>(to),
                3 => self.put::<3>(to),
                _ => (0..wide).for_each(|channel| self.put_one(channel, to)),
            }
        }
    }

    /// Writes the planes of W channels to the pixels of a row.
    ///
    /// # Safety
    /// They are writable.
    #[inline(always)]
    unsafe fn put<const W: usize>(&self, to: *mut f32) {
        let (cols, pixel) = (self.y.cols, self.pixel);
        let whole = cols.next_multiple_of(PANEL);
        let planes = &self.planes[..2 * W * whole];
        for col in 0..cols {
            for side in 0..2 {
                for channel in 0..W {
                    // SAFETY: `col` is below `whole`; the caller's promise.
                    unsafe { *to.add((2 * col + side) * pixel + channel) = *planes.as_ptr().add((2 * channel + side) * whole + col) };
                }
            }
        }
    }

    /// Writes the planes of one channel.
    ///
    /// # Safety
    /// The row's pixels are writable.
    #[inline(always)]
    unsafe fn put_one(&self, channel: usize, to: *mut f32) {
        let (cols, whole) = (self.y.cols, self.y.cols.next_multiple_of(PANEL));
        let planes = &self.planes[2 * channel * whole..][..2 * whole];
        for col in 0..2 * cols {
            // SAFETY: the caller's promise.
            unsafe { *to.add(col * self.pixel + channel) = planes[col % 2 * whole + col / 2] };
        }
    }
}

impl Kernel for Up<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let line = line(self.y.cols);
        for sums in self.sums.chunks_exact_mut(line) {
            sums[..PANEL].fill(0.0);
            sums[line - PANEL..].fill(0.0);
        }
        let Range { start, end } = self.rows.clone();
        // Of the rows beside the band only what reaches into it.
        self.multiply::<L>(start as isize - 1, 0..1);
        self.multiply::<L>(start as isize, 0..3);
        for row in start..end {
            self.multiply::<L>(row as isize + 1, if row + 1 < end { 0..3 } else { 2..3 });
            self.spread::<L>(row, false);
            self.spread::<L>(row, true);
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
    assert_eq!(prepared.len(), weight(wide, shape.deep));
    let bands = Bands::new(y.images, y.rows, y.cols, PIXELS);
    let own_size = own(&shape).next_multiple_of(PANEL);
    let (_, own, _) = store.all(0, own_size, pool.threads());
    let (own, out) = (Common::new(own), Common::new(x.data));
    let glass = Shared(Glass::new(lens));
    let [turned_size, products_size, sums_size, planes_size] = parts(&shape);
    pool.run_on(bands.count, |worker, band| {
        let (image, rows) = bands.at(band);
        // SAFETY: `own` has that room for each thread, and a thread runs one job at a time.
        let memory = unsafe { std::slice::from_raw_parts_mut(own.at(worker * own_size, own_size), own_size) };
        let (turned, memory) = memory.split_at_mut(turned_size);
        let (products, memory) = memory.split_at_mut(products_size);
        let (sums, memory) = memory.split_at_mut(sums_size);
        let planes = &mut memory[..planes_size];
        let glass = glass.get();
        let work = Up { y, glass, image, rows, weight: prepared, bias, turned, products, sums, planes, to: out, wide, pixel };
        dispatch(pool.level(), work);
    });
}
