//! Few wide channels (pictures and their gradients), where channels alone would leave k or the columns too short.
//!
//! `down` and `pair` copy a band of x into a strip with a border of zeros; there the four kx taps of a row are one run of
//! 4 · wide numbers, and a window's four runs are one row of a matrix. `up`: [`super::narrow_up`].

use std::ops::Range;

use super::bands::{Band, Bands, Sides, Source, in_bands};
use super::form::Shape;
use super::patch::{Glass, Shared};
use super::scratch::Store;
use super::small::See;
use super::{narrow_four, narrow_tied, narrow_up};
use crate::arch::{Kernel, Lanes, PANEL, Product, Single, Windows, Words, dispatch, product};
use crate::memory::Common;
use crate::{Lens, Map, MapMut, Pool, Write};

/// Small pixels a job of `down` and a step of `pair` take, about.
const PIXELS: usize = 384;
/// Numbers all partial sums of `pair` hold at most, beyond one.
const PARTIALS: usize = 1 << 19;

pub(super) fn needs(shape: &Shape) -> (usize, usize) {
    let Shape { wide, deep, rows, cols, images, .. } = *shape;
    let bands = Bands::new(images, rows, cols, PIXELS);
    let size = 16 * wide * deep.next_multiple_of(PANEL);
    let own = pair_own(&bands, wide, deep).max(narrow_up::own(shape)).max(narrow_four::own(shape)).max(narrow_tied::own(shape));
    (parts(bands.count, size) * size, own)
}

fn parts(bands: usize, size: usize) -> usize {
    (PARTIALS / size).clamp(1, 64).min(bands)
}

fn pair_own(bands: &Bands, wide: usize, deep: usize) -> usize {
    bands.strip(wide) + bands.height * bands.cols * deep.next_multiple_of(PANEL)
}

struct Down<'a>(Band<'a>);

impl Kernel for Down<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Band { source, weight, begin, memory: strip, to, pixel, deep } = self.0;
        source.write(strip);
        let wide = source.x.channels;
        let (cols, line) = (source.x.cols / 2, (source.x.cols + 2) * wide);
        for row in 0..source.rows.len() {
            let to = to.wrapping_add(row * cols * pixel);
            if let Some(begin) = begin {
                for col in 0..cols {
                    let from = &begin.from[(row * cols + col) * begin.pixel..][..deep];
                    // SAFETY: `to` is a band's (`Band::to`).
                    unsafe { put::<L>(from, to.add(col * pixel)) };
                }
            }
            let a = strip[2 * row * line..][..4 * line].as_ptr();
            let rows = Windows { a, a_row: 2 * wide, step: 1, run: 4 * wide, gap: line - 4 * wide, c: to, c_row: pixel };
            let depth = 16 * wide;
            let (b, panel) = (weight.as_ptr(), depth * PANEL);
            let work = Product { rows: &rows, count: cols, depth, b, panel, columns: deep, fresh: begin.is_none(), next: None };
            // SAFETY: windows of `cols` pixels lie within the four lines sliced above; `down_beside` checked the weight's length; `to` is a
            // band's (`Band::to`).
            unsafe { product::<L, Windows>(&work) };
        }
    }
}

/// Copies a few numbers, which a call of the system's copy would take longer to begin with.
///
/// # Safety
/// As many numbers are writable at `to`.
#[inline(always)]
unsafe fn put<L: Lanes>(from: &[f32], to: *mut f32) {
    let mut at = 0;
    // SAFETY: the caller's promise; vectors end with `from`.
    unsafe {
        while at + L::WIDTH <= from.len() {
            L::load(from.as_ptr().add(at)).store(to.add(at));
            at += L::WIDTH;
        }
        while at < from.len() {
            Single::load(from.as_ptr().add(at)).store(to.add(at));
            at += 1;
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
    let deep = y.channels;
    sides.check(|wide| 16 * wide * deep.next_multiple_of(PANEL));
    let bands = Bands::new(sides.images(), y.rows, y.cols, PIXELS);
    in_bands(pool, &sides, bands, y, store, |wide| bands.strip(wide), |band| dispatch(pool.level(), Down(band)));
}

/// Numbers that a thread needs for it, for maps of so many channels (0: no map on the left).
pub(super) fn beside_own(wide: [usize; 2], shape: &Shape) -> usize {
    let bands = Bands::new(shape.images, shape.rows, shape.cols, PIXELS);
    bands.own(wide, shape.deep, |wide| bands.strip(wide))
}

struct PairPart<'a> {
    x: Map<'a, f32>,
    x_lens: Option<Lens<'a, f32>>,
    y: Map<'a, f32>,
    y_glass: Glass,
    bands: Bands,
    range: Range<usize>,
    strip: &'a mut [f32],
    right: *mut f32,
    to: *mut f32,
}

impl Kernel for PairPart<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (cols, deep, wide) = (self.bands.cols, self.y.channels, self.x.channels);
        let (columns, line) = (deep.next_multiple_of(PANEL), self.bands.line(wide));
        let panel = self.bands.height * cols * PANEL;
        for band in self.range.clone() {
            let (image, rows) = self.bands.at(band);
            let (height, depth) = (rows.len(), rows.len() * cols);
            let first = (image * self.y.rows + rows.start) * cols;
            Source { x: self.x, lens: self.x_lens, image, rows }.write(self.strip);
            for i in 0..depth {
                let to = self.right.wrapping_add(i * PANEL);
                See { from: self.y.nth(first + i), glass: self.y_glass, first: 0, to, panel }.run::<L>();
            }
            let fresh = band == self.range.start;
            for ky in 0..4 {
                let a = self.strip[ky * line..][..(2 * height - 1) * line].as_ptr();
                let c = self.to.wrapping_add(ky * 4 * wide * columns);
                let gap = 2 * line - cols * 2 * wide;
                let rows = Windows { a, a_row: 1, step: 2 * wide, run: cols, gap, c, c_row: columns };
                let work = Product { rows: &rows, count: 4 * wide, depth, b: self.right, panel, columns, fresh, next: None };
                // SAFETY: the windows of `height` rows of pixels lie within the lines sliced above, panels were written for
                // `depth` pixels, and `pair` checked the partial sum's extent. Columns beyond `deep` hold leftovers and are
                // not read again.
                unsafe { product::<L, Windows>(&work) };
            }
        }
    }
}

pub(super) fn pair(
    pool: &Pool,
    x: Map<'_, f32>,
    x_lens: Option<Lens<'_, f32>>,
    y: Map<'_, f32>,
    y_lens: Option<Lens<'_, f32>>,
    (dw, write): (&mut [f32], Write),
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
        let strip = unsafe { std::slice::from_raw_parts_mut(at, bands.strip(wide)) };
        let right = at.wrapping_add(strip.len());
        let to = common.at(part * size, size);
        dispatch(pool.level(), PairPart { x, x_lens, y, y_glass: glass.get(), bands, range, strip, right, to });
    });
    let sums = &store.common(parts * size)[..];
    pool.chunks_mut(dw, wide * deep, |tap, to| {
        for (row, to) in (tap * wide..).zip(to.chunks_exact_mut(deep)) {
            if write == Write::Set {
                to.fill(0.0);
            }
            for part in 0..parts {
                for (to, v) in to.iter_mut().zip(&sums[part * size + row * columns..]) {
                    *to += v;
                }
            }
        }
    });
}
