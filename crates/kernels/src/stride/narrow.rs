//! Few wide channels (pictures and their gradients): all 16 taps of a pixel are one row of a matrix.

use std::ops::Range;

use super::form::Shape;
use super::points::Glass;
use super::scratch::Store;
use super::small::See;
use super::winograd::Shared;
use crate::arch::{Kernel, Lanes, PANEL, Product, Strided, Turned, dispatch, product};
use crate::memory::Common;
use crate::{Lens, Map, MapMut, Pool};

/// Small pixels a job of `down` and a step of `pair` take at least.
const PIXELS: usize = 128;
/// Small pixels a job of `up` takes at least: a row above and below is computed twice.
const UP_PIXELS: usize = 1024;
/// Numbers all partial sums of `pair` hold at most, beyond one.
const PARTIALS: usize = 1 << 19;

/// Rows of a small map cut into bands.
#[derive(Clone, Copy)]
struct Bands {
    rows: usize,
    cols: usize,
    height: usize,
    an_image: usize,
    count: usize,
}

impl Bands {
    fn new(images: usize, rows: usize, cols: usize, pixels: usize) -> Self {
        let height = (pixels / cols).clamp(1, rows);
        let an_image = rows.div_ceil(height);
        Self { rows, cols, height, an_image, count: images * an_image }
    }

    fn at(&self, band: usize) -> (usize, Range<usize>) {
        let first = band % self.an_image * self.height;
        (band / self.an_image, first..self.rows.min(first + self.height))
    }

    fn strip(&self, wide: usize) -> usize {
        (2 * self.height + 2) * (2 * self.cols + 2) * wide
    }

    fn patches(&self, wide: usize) -> usize {
        self.height * self.cols * 16 * wide
    }
}

pub(super) fn needs(shape: &Shape) -> (usize, usize) {
    let Shape { wide, deep, rows, cols, images } = *shape;
    let bands = Bands::new(images, rows, cols, PIXELS);
    let size = 16 * wide * deep.next_multiple_of(PANEL);
    let own = pair_own(&bands, wide, deep).max(up_own(&Bands::new(images, rows, cols, UP_PIXELS), wide, deep));
    (parts(bands.count, size) * size, own)
}

fn parts(bands: usize, size: usize) -> usize {
    (PARTIALS / size).clamp(1, 64).min(bands)
}

fn pair_own(bands: &Bands, wide: usize, deep: usize) -> usize {
    bands.strip(wide) + bands.patches(wide) + bands.height * bands.cols * deep.next_multiple_of(PANEL)
}

fn up_own(bands: &Bands, wide: usize, deep: usize) -> usize {
    (bands.height + 2) * bands.cols * (deep + 16 * wide)
}

/// A band of x, with a border of zeros, and its pixels' 16 taps as rows.
struct Patches<'a> {
    x: Map<'a, f32>,
    lens: Option<Lens<'a, f32>>,
    cols: usize,
    image: usize,
    rows: Range<usize>,
}

impl Patches<'_> {
    /// Writes the strip `[2 · rows + 2][2 · cols + 2][wide]`, then the patches `[rows · cols][16 · wide]`.
    #[inline(always)]
    fn write(&self, strip: &mut [f32], patches: &mut [f32]) {
        let wide = self.x.channels;
        let line = (2 * self.cols + 2) * wide;
        for (i, to) in strip.chunks_exact_mut(line).enumerate().take(2 * self.rows.len() + 2) {
            match (2 * self.rows.start + i).checked_sub(1).filter(|&row| row < self.x.rows) {
                Some(row) => self.line(row, to),
                None => to.fill(0.0),
            }
        }
        let run = 4 * wide;
        for (i, to) in patches.chunks_exact_mut(4 * run).enumerate().take(self.rows.len() * self.cols) {
            let from = i / self.cols * 2 * line + i % self.cols * 2 * wide;
            for (ky, to) in to.chunks_exact_mut(run).enumerate() {
                let from = &strip[from + ky * line..][..run];
                // Whole groups of four: a short fixed copy is a register move, a call otherwise.
                for (to, from) in to.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks::<4>().0) {
                    *to = *from;
                }
            }
        }
    }

    #[inline(always)]
    fn line(&self, row: usize, to: &mut [f32]) {
        let wide = self.x.channels;
        let last = to.len() - wide;
        to[..wide].fill(0.0);
        to[last..].fill(0.0);
        let start = (self.image * self.x.rows + row) * self.x.cols * self.x.pixel;
        let to = &mut to[wide..last];
        match self.lens {
            None if self.x.pixel == wide => to.copy_from_slice(&self.x.data[start..start + to.len()]),
            None => {
                for (i, to) in to.chunks_exact_mut(wide).enumerate() {
                    to.copy_from_slice(&self.x.data[start + i * self.x.pixel..][..wide]);
                }
            }
            Some(lens) => {
                for (i, to) in to.chunks_exact_mut(wide).enumerate() {
                    let from = &self.x.data[start + i * self.x.pixel..][..wide];
                    for (c, (to, &v)) in to.iter_mut().zip(from).enumerate() {
                        *to = lens.see(c, v);
                    }
                }
            }
        }
    }
}

/// A thread's memory as slices of the given lengths.
///
/// # Safety
/// `from` must have room for all of them, and be this thread's alone.
#[inline(always)]
unsafe fn cut<'a>(from: *mut f32, first: usize, second: usize) -> (&'a mut [f32], &'a mut [f32]) {
    // SAFETY: the caller's promise.
    unsafe { (std::slice::from_raw_parts_mut(from, first), std::slice::from_raw_parts_mut(from.add(first), second)) }
}

struct Down<'a> {
    patches: Patches<'a>,
    strip: &'a mut [f32],
    rows: &'a mut [f32],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    to: *mut f32,
    pixel: usize,
    deep: usize,
}

impl Kernel for Down<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        self.patches.write(self.strip, self.rows);
        let depth = 16 * self.patches.x.channels;
        let count = self.patches.rows.len() * self.patches.cols;
        if let Some(bias) = self.bias {
            for i in 0..count {
                // SAFETY: `down` checked `count` pixels of the target; bias has `deep` numbers.
                unsafe { std::ptr::copy_nonoverlapping(bias.as_ptr(), self.to.add(i * self.pixel), self.deep) };
            }
        }
        let rows = Strided { a: self.rows.as_ptr(), a_row: depth, c: self.to, c_row: self.pixel };
        let work = Product {
            rows: &rows,
            count,
            depth,
            b: self.weight.as_ptr(),
            panel: depth * PANEL,
            columns: self.deep,
            fresh: self.bias.is_none(),
        };
        // SAFETY: patches were written for `count` pixels; the weight's length is the filter's; `down` checked the target.
        unsafe { product::<L, Strided>(&work) };
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
    let (wide, deep, cols, pixel) = (x.channels, y.channels, y.cols, y.pixel);
    let bands = Bands::new(y.images, y.rows, cols, PIXELS);
    assert_eq!(weight.len(), 16 * wide * deep.next_multiple_of(PANEL));
    let own_size = (bands.strip(wide) + bands.patches(wide)).next_multiple_of(PANEL);
    let (_, own, _) = store.all(0, own_size, pool.threads());
    let (own, out) = (Common::new(own), Common::new(y.data));
    pool.run_on(bands.count, |worker, band| {
        let (image, rows) = bands.at(band);
        let at = own.at(worker * own_size, own_size);
        // SAFETY: `own` has that room for each thread.
        let (strip, patches) = unsafe { cut(at, bands.strip(wide), bands.patches(wide)) };
        let to = out.at((image * bands.rows + rows.start) * cols * pixel, (rows.len() * cols - 1) * pixel + deep);
        let source = Patches { x, lens, cols, image, rows };
        dispatch(pool.level(), Down { patches: source, strip, rows: patches, weight, bias, to, pixel, deep });
    });
}

struct PairPart<'a> {
    x: Map<'a, f32>,
    x_lens: Option<Lens<'a, f32>>,
    y: Map<'a, f32>,
    y_glass: Glass,
    bands: Bands,
    range: Range<usize>,
    strip: &'a mut [f32],
    patches: &'a mut [f32],
    right: *mut f32,
    to: *mut f32,
}

impl Kernel for PairPart<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (cols, deep) = (self.bands.cols, self.y.channels);
        let columns = deep.next_multiple_of(PANEL);
        let panel = self.bands.height * cols * PANEL;
        let height = 16 * self.x.channels;
        for band in self.range.clone() {
            let (image, rows) = self.bands.at(band);
            let depth = rows.len() * cols;
            let first = (image * self.y.rows + rows.start) * cols;
            Patches { x: self.x, lens: self.x_lens, cols, image, rows }.write(self.strip, self.patches);
            for i in 0..depth {
                let to = self.right.wrapping_add(i * PANEL);
                See { from: self.y.nth(first + i), glass: self.y_glass, first: 0, to, panel }.run::<L>();
            }
            let rows = Turned { a: self.patches.as_ptr(), step: height, c: self.to, c_row: columns };
            let fresh = band == self.range.start;
            let work = Product { rows: &rows, count: height, depth, b: self.right, panel, columns, fresh };
            // SAFETY: patches and panels were written for `depth` pixels; `pair` checked the partial sum's extent. Columns
            // beyond `deep` hold finite leftovers and are not read again.
            unsafe { product::<L, Turned>(&work) };
        }
    }
}

pub(super) fn pair(
    pool: &Pool,
    x: Map<'_, f32>,
    x_lens: Option<Lens<'_, f32>>,
    y: Map<'_, f32>,
    y_lens: Option<Lens<'_, f32>>,
    dw: &mut [f32],
    store: &mut Store,
) {
    let (wide, deep) = (x.channels, y.channels);
    let bands = Bands::new(y.images, y.rows, y.cols, PIXELS);
    let columns = deep.next_multiple_of(PANEL);
    let size = 16 * wide * columns;
    let parts = parts(bands.count, size);
    let own_size = pair_own(&bands, wide, deep).next_multiple_of(PANEL);
    let (sums, own, _) = store.all(parts * size, own_size, pool.threads());
    let (common, own) = (Common::new(sums), Common::new(own));
    let glass = Shared(Glass::new(y_lens));
    pool.run_on(parts, |worker, part| {
        let range = part * bands.count / parts..(part + 1) * bands.count / parts;
        let at = own.at(worker * own_size, own_size);
        // SAFETY: `own` has that room for each thread.
        let (strip, patches) = unsafe { cut(at, bands.strip(wide), bands.patches(wide)) };
        let right = at.wrapping_add(strip.len() + patches.len());
        let to = common.at(part * size, size);
        dispatch(pool.level(), PairPart { x, x_lens, y, y_glass: glass.get(), bands, range, strip, patches, right, to });
    });
    let sums = &store.common(parts * size)[..];
    pool.chunks_mut(dw, deep, |row, to| {
        to.copy_from_slice(&sums[row * columns..][..deep]);
        for part in 1..parts {
            for (to, v) in to.iter_mut().zip(&sums[part * size + row * columns..]) {
                *to += v;
            }
        }
    });
}

struct Up<'a> {
    y: Map<'a, f32>,
    glass: Glass,
    image: usize,
    rows: Range<usize>,
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    seen: &'a mut [f32],
    taps: &'a mut [f32],
    to: Common,
    wide: usize,
    pixel: usize,
}

impl Up<'_> {
    /// Adds the four taps an output pixel meets.
    #[inline(always)]
    fn gather(&self, first: usize, (row, col): (usize, usize)) {
        let (cols, wide) = (self.y.cols, self.wide);
        // Output 2m + p: taps 1 and 3 of m and m − 1, or 0 and 2 of m + 1 and m.
        let meets = |at: usize, n: usize| {
            let (m, p) = (at / 2, at % 2);
            let pairs = if p == 0 { [(Some(m), 1), (m.checked_sub(1), 3)] } else { [(Some(m + 1), 0), (Some(m), 2)] };
            pairs.map(|(m, tap)| m.filter(|&m| m < n).map(|m| (m, tap)))
        };
        let index = (self.image * 2 * self.y.rows + row) * 2 * cols + col;
        // SAFETY: `at` checks the extent; bands write their own rows.
        let to = unsafe { std::slice::from_raw_parts_mut(self.to.at(index * self.pixel, wide), wide) };
        match self.bias {
            Some(bias) => to.copy_from_slice(bias),
            None => to.fill(0.0),
        }
        for (r, ky) in meets(row, self.y.rows).into_iter().flatten() {
            for (c, kx) in meets(col, cols).into_iter().flatten() {
                let from = &self.taps[((r - first) * cols + c) * 16 * wide + (ky * 4 + kx) * wide..][..wide];
                for (to, v) in to.iter_mut().zip(from) {
                    *to += v;
                }
            }
        }
    }
}

impl Kernel for Up<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (cols, deep) = (self.y.cols, self.y.channels);
        let first = self.rows.start.saturating_sub(1);
        let last = self.y.rows.min(self.rows.end + 1);
        let start = (self.image * self.y.rows + first) * cols;
        let count = (last - first) * cols;
        let (a, a_row) = if self.glass.clear() {
            (self.y.data[start * self.y.pixel..].as_ptr(), self.y.pixel)
        } else {
            for (i, to) in self.seen.chunks_exact_mut(deep).take(count).enumerate() {
                let to = to.as_mut_ptr();
                See { from: self.y.nth(start + i), glass: self.glass, first: 0, to, panel: PANEL }.run::<L>();
            }
            (self.seen.as_ptr(), deep)
        };
        let columns = 16 * self.wide;
        let rows = Strided { a, a_row, c: self.taps.as_mut_ptr(), c_row: columns };
        let work = Product { rows: &rows, count, depth: deep, b: self.weight.as_ptr(), panel: deep * PANEL, columns, fresh: true };
        // SAFETY: `count` pixels of y (or of what is seen of them); `taps` has room for the band and two rows more.
        unsafe { product::<L, Strided>(&work) };
        for row in 2 * self.rows.start..2 * self.rows.end {
            for col in 0..2 * cols {
                self.gather(first, (row, col));
            }
        }
    }
}

pub(super) fn up(
    pool: &Pool,
    y: Map<'_, f32>,
    lens: Option<Lens<'_, f32>>,
    weight: &[f32],
    bias: Option<&[f32]>,
    x: MapMut<'_, f32>,
    store: &mut Store,
) {
    let (wide, deep, pixel) = (x.channels, y.channels, x.pixel);
    let bands = Bands::new(y.images, y.rows, y.cols, UP_PIXELS);
    assert_eq!(weight.len(), (16 * wide).next_multiple_of(PANEL) * deep);
    let own_size = up_own(&bands, wide, deep).next_multiple_of(PANEL);
    let (_, own, _) = store.all(0, own_size, pool.threads());
    let (own, out) = (Common::new(own), Common::new(x.data));
    let glass = Shared(Glass::new(lens));
    let pixels = (bands.height + 2) * bands.cols;
    pool.run_on(bands.count, |worker, band| {
        let (image, rows) = bands.at(band);
        let at = own.at(worker * own_size, own_size);
        // SAFETY: `own` has that room for each thread.
        let (seen, taps) = unsafe { cut(at, pixels * deep, pixels * 16 * wide) };
        dispatch(pool.level(), Up { y, glass: glass.get(), image, rows, weight, bias, seen, taps, to: out, wide, pixel });
    });
}
