//! Few wide channels, band by band: how a map is cut into bands of rows, how rows are read, and `down` of maps side by side, where what a map
//! on the left contributes to a band is found once for all that stand beside it.

use std::ops::Range;

use super::scratch::Store;
use crate::arch::PANEL;
use crate::memory::Common;
use crate::{Lens, Map, MapMut, Pool};

/// Rows of a small map cut into bands.
#[derive(Clone, Copy)]
pub(super) struct Bands {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) height: usize,
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
    pub(super) fn line(&self, wide: usize) -> usize {
        (2 * self.cols + 2) * wide
    }

    /// Numbers of a strip.
    pub(super) fn strip(&self, wide: usize) -> usize {
        (2 * self.height + 2) * self.line(wide)
    }

    /// Numbers of the sums of a band.
    fn sums(&self, deep: usize) -> usize {
        (self.height * self.cols * deep).next_multiple_of(PANEL)
    }

    /// Numbers a thread needs for `down` of maps of so many channels side by side (0: no map on the left), where one of them needs `of`.
    pub(super) fn own(&self, [left, right]: [usize; 2], deep: usize, of: impl Fn(usize) -> usize) -> usize {
        let sums = if left > 0 { self.sums(deep) + of(left).max(of(right)) } else { of(right) };
        sums.next_multiple_of(PANEL)
    }
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
    pub(super) fn write(&self, strip: &mut [f32]) {
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

/// The maps of a call of `down`, and what stands on the left of each of them.
pub(super) struct Sides<'a> {
    /// Read as it is, and its weight.
    pub(super) left: Option<(Map<'a, f32>, &'a [f32])>,
    pub(super) rights: [Option<Map<'a, f32>>; 2],
    pub(super) lens: Option<Lens<'a, f32>>,
    pub(super) weight: &'a [f32],
    /// What the sums begin with.
    pub(super) bias: Option<&'a [f32]>,
}

impl<'a> Sides<'a> {
    /// One map with nothing beside it.
    pub(super) fn one(x: Map<'a, f32>, lens: Option<Lens<'a, f32>>, weight: &'a [f32], bias: Option<&'a [f32]>) -> Self {
        Self { left: None, rights: [Some(x), None], lens, weight, bias }
    }

    /// Images of a map.
    pub(super) fn images(&self) -> usize {
        self.rights.iter().flatten().map(|right| right.images).next().expect("a map on the right")
    }

    /// Channels of the maps; 0 where there is none on the left.
    fn wide(&self) -> [usize; 2] {
        let right = self.rights.iter().flatten().map(|right| right.channels).max();
        [self.left.map_or(0, |(left, _)| left.channels), right.unwrap_or(0)]
    }

    /// # Panics
    /// If a weight is not as long as `length` says for its channels.
    pub(super) fn check(&self, length: impl Fn(usize) -> usize) {
        let [left, right] = self.wide();
        assert!(
            self.weight.len() == length(right) && self.left.is_none_or(|(_, weight)| weight.len() == length(left)),
            "weights as prepared"
        );
    }
}

/// A job's part of `down` on one map.
pub(super) struct Band<'a> {
    pub(super) source: Source<'a>,
    pub(super) weight: &'a [f32],
    /// Of the band's pixels, `deep` numbers each.
    pub(super) begin: Option<Begin<'a>>,
    /// This thread's, as many numbers as the form needs.
    pub(super) memory: &'a mut [f32],
    /// The band's first pixel: all of its pixels are writable, and this job's alone.
    pub(super) to: *mut f32,
    pub(super) pixel: usize,
    pub(super) deep: usize,
}

/// `down` of all sides: `work` on the left map's bands, into memory of the thread's own, then on those of each map on the right, which begin
/// with that. `y` holds the images of the first of them first. One map needs `of` its channels.
pub(super) fn in_bands(
    pool: &Pool,
    sides: &Sides<'_>,
    bands: Bands,
    y: MapMut<'_, f32>,
    store: &mut Store,
    of: impl Fn(usize) -> usize,
    work: impl Fn(Band<'_>) + Sync,
) {
    let (deep, pixel, images) = (y.channels, y.pixel, sides.images());
    let own_size = bands.own(sides.wide(), deep, of);
    let (_, own, _) = store.all(0, own_size, pool.threads());
    let (own, out) = (Common::new(own), Common::new(y.data));
    pool.run_on(bands.count, |worker, band| {
        let (image, rows) = bands.at(band);
        // SAFETY: `own` has that room for each thread, and a thread runs one job at a time.
        let memory = unsafe { std::slice::from_raw_parts_mut(own.at(worker * own_size, own_size), own_size) };
        let (sums, memory) = memory.split_at_mut(if sides.left.is_some() { bands.sums(deep) } else { 0 });
        let mut begin = sides.bias.map(|from| Begin { from, pixel: 0 });
        if let Some((x, weight)) = sides.left {
            let source = Source { x, lens: None, image, rows: rows.clone() };
            work(Band { source, weight, begin, memory, to: sums.as_mut_ptr(), pixel: deep, deep });
            begin = Some(Begin { from: sums, pixel: deep });
        }
        for (which, x) in sides.rights.into_iter().flatten().enumerate() {
            let first = ((which * images + image) * bands.rows + rows.start) * bands.cols;
            let to = out.at(first * pixel, (rows.len() * bands.cols - 1) * pixel + deep);
            let source = Source { x, lens: sides.lens, image, rows: rows.clone() };
            work(Band { source, weight: sides.weight, begin, memory, to, pixel, deep });
        }
    });
}
