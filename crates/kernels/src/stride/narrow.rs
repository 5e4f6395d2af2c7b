//! Few wide channels (pictures and their gradients), where channels alone would leave k or the columns too short.
//!
//! `down` and `pair` copy a band of x into a strip with a border of zeros; there the four kx taps of a row are one run of
//! 4 · wide numbers, and a window's four runs are one row of a matrix. `up`: [`super::narrow_up`].

use std::ops::Range;

use super::form::Shape;
use super::points::Glass;
use super::scratch::Store;
use super::small::See;
use super::winograd::Shared;
use super::{narrow_four, narrow_tied, narrow_up};
use crate::arch::{Kernel, Lanes, PANEL, Product, Single, Windows, Words, dispatch, product};
use crate::memory::Common;
use crate::{Lens, Map, MapMut, Pool, Write};

/// Small pixels a job of `down` and a step of `pair` take, about.
const PIXELS: usize = 384;
/// Numbers all partial sums of `pair` hold at most, beyond one.
const PARTIALS: usize = 1 << 19;

/// Rows of a small map cut into bands.
#[derive(Clone, Copy)]
pub(super) struct Bands {
    pub(super) rows: usize,
    pub(super) cols: usize,
    height: usize,
    an_image: usize,
    pub(super) count: usize,
}

impl Bands {
    pub(super) fn new(images: usize, rows: usize, cols: usize, pixels: usize) -> Self {
        // Bands of one image are of nearly equal height.
        Self::of_height(images, rows, cols, rows.div_ceil(rows.div_ceil((pixels / cols).clamp(1, rows))))
    }

    pub(super) fn of_height(images: usize, rows: usize, cols: usize, height: usize) -> Self {
        let an_image = rows.div_ceil(height);
        Self { rows, cols, height, an_image, count: images * an_image }
    }

    /// The image of a band, and its rows.
    pub(super) fn at(&self, band: usize) -> (usize, Range<usize>) {
        let first = band % self.an_image * self.height;
        (band / self.an_image, first..self.rows.min(first + self.height))
    }

    /// Numbers of one line of a strip.
    fn line(&self, wide: usize) -> usize {
        (2 * self.cols + 2) * wide
    }

    fn strip(&self, wide: usize) -> usize {
        (2 * self.height + 2) * self.line(wide)
    }
}

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

/// A band of x.
pub(super) struct Source<'a> {
    pub(super) x: Map<'a, f32>,
    pub(super) lens: Option<Lens<'a, f32>>,
    pub(super) image: usize,
    /// Of the small map.
    pub(super) rows: Range<usize>,
}

impl Source<'_> {
    /// Writes the strip `[2 · rows + 2][2 · cols + 2][wide]`.
    #[inline(always)]
    fn write(&self, strip: &mut [f32]) {
        let line = (self.x.cols + 2) * self.x.channels;
        for (i, to) in strip.chunks_exact_mut(line).enumerate().take(2 * self.rows.len() + 2) {
            match (2 * self.rows.start + i).checked_sub(1).filter(|&row| row < self.x.rows) {
                Some(row) => self.line(row, to),
                None => to.fill(0.0),
            }
        }
    }

    #[inline(always)]
    fn line(&self, row: usize, to: &mut [f32]) {
        let wide = self.x.channels;
        let last = to.len() - wide;
        to[..wide].fill(0.0);
        to[last..].fill(0.0);
        self.see(row, &mut to[wide..last]);
    }

    /// A row of x, if it lies dense and is read as it is.
    #[inline(always)]
    pub(super) fn bare(&self, row: usize) -> Option<&[f32]> {
        let length = self.x.cols * self.x.channels;
        let start = (self.image * self.x.rows + row) * length;
        (self.lens.is_none() && self.x.pixel == self.x.channels).then(|| &self.x.data[start..start + length])
    }

    /// Writes a row of x as it is seen.
    #[inline(always)]
    pub(super) fn see(&self, row: usize, to: &mut [f32]) {
        let wide = self.x.channels;
        if let Some(bare) = self.bare(row) {
            return to.copy_from_slice(bare);
        }
        let start = (self.image * self.x.rows + row) * self.x.cols * self.x.pixel;
        for (i, to) in to.chunks_exact_mut(wide).enumerate() {
            let from = &self.x.data[start + i * self.x.pixel..][..wide];
            match self.lens {
                None => to.copy_from_slice(from),
                Some(lens) => {
                    for (c, (to, &v)) in to.iter_mut().zip(from).enumerate() {
                        *to = lens.see(c, v);
                    }
                }
            }
        }
    }
}

/// What the sums of a band begin with, where that is not zero.
#[derive(Clone, Copy)]
pub(super) struct Begin<'a> {
    pub(super) from: &'a [f32],
    /// From one pixel's numbers to the next one's; 0 where all begin alike.
    pub(super) pixel: usize,
}

impl<'a> Begin<'a> {
    pub(super) fn bias(bias: Option<&'a [f32]>) -> Option<Self> {
        bias.map(|from| Self { from, pixel: 0 })
    }
}

struct Down<'a> {
    source: Source<'a>,
    strip: &'a mut [f32],
    weight: &'a [f32],
    begin: Option<Begin<'a>>,
    to: *mut f32,
    pixel: usize,
    deep: usize,
}

impl Kernel for Down<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        self.source.write(self.strip);
        let wide = self.source.x.channels;
        let (cols, line) = (self.source.x.cols / 2, (self.source.x.cols + 2) * wide);
        for row in 0..self.source.rows.len() {
            let to = self.to.wrapping_add(row * cols * self.pixel);
            if let Some(Begin { from, pixel }) = self.begin {
                for col in 0..cols {
                    let from = &from[(row * cols + col) * pixel..][..self.deep];
                    // SAFETY: `down` checked the band's pixels of the target.
                    unsafe { put::<L>(from, to.add(col * self.pixel)) };
                }
            }
            let a = self.strip[2 * row * line..][..4 * line].as_ptr();
            let rows = Windows { a, a_row: 2 * wide, step: 1, run: 4 * wide, gap: line - 4 * wide, c: to, c_row: self.pixel };
            let depth = 16 * wide;
            let fresh = self.begin.is_none();
            let (b, panel) = (self.weight.as_ptr(), depth * PANEL);
            let work = Product { rows: &rows, count: cols, depth, b, panel, columns: self.deep, fresh };
            // SAFETY: windows of `cols` pixels lie within the four lines sliced above; the weight's length is the filter's;
            // `down` checked the target.
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
    down_beside(pool, None, ([Some(x), None], lens, weight), bias, y, store);
}

/// Numbers that a thread needs for `down` of maps side by side, of these shapes.
pub(super) fn beside_own([left, right]: [&Shape; 2]) -> usize {
    let bands = Bands::new(right.images, right.rows, right.cols, PIXELS);
    (base(&bands, right.deep) + bands.strip(left.wide.max(right.wide))).next_multiple_of(PANEL)
}

/// Numbers of a band's sums.
fn base(bands: &Bands, deep: usize) -> usize {
    (bands.height * bands.cols * deep).next_multiple_of(PANEL)
}

/// `down` of maps, the first one's images first in `y`; where there is a map on their left, read as it is, its share is found once for all.
pub(super) fn down_beside(
    pool: &Pool,
    left: Option<(Map<'_, f32>, &[f32])>,
    (rights, lens, weight): ([Option<Map<'_, f32>>; 2], Option<Lens<'_, f32>>, &[f32]),
    bias: Option<&[f32]>,
    y: MapMut<'_, f32>,
    store: &mut Store,
) {
    let (deep, cols, pixel) = (y.channels, y.cols, y.pixel);
    let rights = || rights.into_iter().flatten();
    let (wide, images) = rights().fold((0, 0), |_, right| (right.channels, right.images));
    let bands = Bands::new(images, y.rows, cols, PIXELS);
    let length = |wide: usize| 16 * wide * deep.next_multiple_of(PANEL);
    assert!(weight.len() == length(wide) && left.is_none_or(|(left, weight)| weight.len() == length(left.channels)));
    let base_size = if left.is_some() { base(&bands, deep) } else { 0 };
    let own_size = (base_size + bands.strip(wide.max(left.map_or(0, |(left, _)| left.channels)))).next_multiple_of(PANEL);
    let (_, own, _) = store.all(0, own_size, pool.threads());
    let (own, out) = (Common::new(own), Common::new(y.data));
    pool.run_on(bands.count, |worker, band| {
        let (image, rows) = bands.at(band);
        // SAFETY: `own` has that room for each thread, and a thread runs one job at a time.
        let memory = unsafe { std::slice::from_raw_parts_mut(own.at(worker * own_size, own_size), own_size) };
        let (base, strip) = memory.split_at_mut(base_size);
        let mut begin = Begin::bias(bias);
        if let Some((x, weight)) = left {
            let (source, to) = (Source { x, lens: None, image, rows: rows.clone() }, base.as_mut_ptr());
            dispatch(pool.level(), Down { source, strip, weight, begin, to, pixel: deep, deep });
            begin = Some(Begin { from: base, pixel: deep });
        }
        for (which, x) in rights().enumerate() {
            let first = ((which * images + image) * bands.rows + rows.start) * cols;
            let to = out.at(first * pixel, (rows.len() * cols - 1) * pixel + deep);
            let source = Source { x, lens, image, rows: rows.clone() };
            dispatch(pool.level(), Down { source, strip, weight, begin, to, pixel, deep });
        }
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
                let work = Product { rows: &rows, count: 4 * wide, depth, b: self.right, panel, columns, fresh };
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
