//! A filter over a map of bytes: windows as rows of a matrix product, then sums to values to bytes or numbers.

use super::filter::{ByteFilter, Phase, Region};
use super::map::ByteMap;
use super::sink::{Sink, Target};
use super::{matrix, winograd};
use crate::Pool;
use crate::arch::{ByteKernel, ByteLevel, ByteWords, PANEL, Product, Rows, dispatch_bytes, dispatch_matrix, product};
use crate::memory::{Buffer, Common};
use crate::tiling::Blocks;

/// Windows and panels a job takes: its sums stay in the first cache.
const ROWS: usize = 48;
const PANELS: usize = 8;
/// Images from which on regions are computed apart.
const IMAGES: usize = 4;

/// Memory that filters work in.
#[derive(Debug, Default)]
pub struct ByteScratch {
    /// One block of sums a thread, and its copied windows for matrix registers.
    sums: Buffer,
    /// Points and products.
    pub(super) blocks: Blocks,
}

/// Runs `filter` over the images `0..images` of `x` into every sink.
///
/// # Panics
/// If the filter was not made for `x`, a sink does not fit, or this processor has not got the filter's instruction set.
pub fn correlate(pool: &Pool, x: &ByteMap, images: usize, filter: &ByteFilter, sinks: [Option<Sink<'_>>; 2], scratch: &mut ByteScratch) {
    let multiplier = if filter.level == ByteLevel::Amx { Multiplier::Matrix } else { Multiplier::Vectors };
    correlate_by(multiplier, pool, (x, images), filter, sinks, scratch);
}

/// What sums products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Multiplier {
    /// The words of the filter's instruction set.
    Vectors,
    /// Matrix registers; the filter's instruction set finishes.
    Matrix,
}

fn correlate_by(
    multiplier: Multiplier,
    pool: &Pool,
    (x, images): (&ByteMap, usize),
    filter: &ByteFilter,
    sinks: [Option<Sink<'_>>; 2],
    scratch: &mut ByteScratch,
) {
    assert!(filter.level.available(), "this processor has no {}", filter.level);
    assert!(images >= 1 && images <= x.images && filter.pixel == x.pixel, "a filter for pixels of {} bytes, not {}", filter.pixel, x.pixel);
    // Windows lie within that map, and regions leave out what lies on its border.
    assert!((x.rows, x.cols) == filter.map, "a filter for maps of another size than {}x{}", x.rows, x.cols);
    let out = (filter.grid.0 * filter.spread, filter.grid.1 * filter.spread);
    let targets = sinks.map(|sink| sink.map(|sink| Target::new(sink, images, out, filter.channels)));
    if let Some(points) = &filter.points {
        return winograd::run(pool, x, images, (filter, points), &targets, scratch);
    }
    let largest = filter.phases.iter().map(|phase| phase.window.rows * phase.window.cols * x.pixel / 4).max();
    let packed = largest.filter(|_| multiplier == Multiplier::Matrix).map(matrix::packed_words);
    let tall = if packed.is_some() { matrix::ROWS } else { ROWS };
    let block = tall * PANELS * PANEL + packed.unwrap_or(0);
    scratch.sums.reserve(block * pool.threads());
    let sums = Common::new(scratch.sums.as_mut_slice());
    let jobs = Jobs::new(filter, images, tall);
    pool.run_on(jobs.count(), |worker, job| {
        let Some(share) = jobs.at(job) else { return };
        let sums = sums.at(worker * block, block);
        let packed = packed.map(|words| (sums.wrapping_add(block - words), words));
        dispatch_bytes(filter.level, Block { x, filter, share, sums, packed, targets: &targets });
    });
}

/// How a call is cut into jobs: phase by phase, panels by panels, region by region, windows by windows.
struct Jobs<'a> {
    filter: &'a ByteFilter,
    images: usize,
    /// Whether regions are computed apart: where images are few, a region's windows would be too.
    apart: bool,
    /// Windows of a job.
    tall: usize,
    /// Of a phase: groups of panels, regions at most, groups of windows at most.
    across: usize,
    most: usize,
    down: usize,
}

/// What a job computes.
#[derive(Clone, Copy)]
struct Share<'a> {
    phase: &'a Phase,
    region: &'a Region,
    /// Windows, counted within the region.
    first: usize,
    count: usize,
    panel: usize,
    columns: usize,
}

impl<'a> Jobs<'a> {
    fn new(filter: &'a ByteFilter, images: usize, tall: usize) -> Self {
        let across = filter.columns.div_ceil(PANEL).div_ceil(PANELS);
        let down = (images * filter.grid.0 * filter.grid.1).div_ceil(tall);
        let mut jobs = Self { filter, images, apart: images >= IMAGES, tall, across, most: 1, down };
        jobs.most = filter.phases.iter().map(|phase| jobs.regions(phase).len()).max().unwrap_or(1);
        jobs
    }

    fn regions(&self, phase: &'a Phase) -> &'a [Region] {
        if self.apart && !phase.parts.is_empty() { &phase.parts } else { std::slice::from_ref(&phase.whole) }
    }

    fn count(&self) -> usize {
        self.filter.phases.len() * self.across * self.most * self.down
    }

    /// Jobs that share weights follow each other. None where a phase has fewer regions, or a region fewer windows, than there could be.
    fn at(&self, job: usize) -> Option<Share<'a>> {
        let (first, rest) = (job % self.down * self.tall, job / self.down);
        let (part, rest) = (rest % self.most, rest / self.most);
        let (panel, phase) = (rest % self.across * PANELS, &self.filter.phases[rest / self.across]);
        let region = self.regions(phase).get(part)?;
        let windows = self.images * region.rows.outputs.len() * region.cols.outputs.len();
        let columns = (PANELS * PANEL).min(self.filter.columns - panel * PANEL);
        (first < windows).then(|| Share { phase, region, first, count: self.tall.min(windows - first), panel, columns })
    }
}

/// Windows at listed places: steps of k in runs of a window's row, with a gap to its next row.
struct Spots<'a> {
    a: *const f32,
    offsets: &'a [usize],
    run: usize,
    gap: usize,
    c: *mut f32,
    c_row: usize,
}

impl Rows for Spots<'_> {
    #[inline(always)]
    fn step(&self) -> usize {
        1
    }
    #[inline(always)]
    fn a(&self, i: usize) -> *const f32 {
        self.a.wrapping_add(self.offsets[i])
    }
    #[inline(always)]
    fn run(&self) -> Option<(usize, usize)> {
        Some((self.run, self.gap))
    }
    #[inline(always)]
    fn c(&self, i: usize) -> *mut f32 {
        self.c.wrapping_add(i * self.c_row)
    }
}

/// One job.
struct Block<'a> {
    x: &'a ByteMap,
    filter: &'a ByteFilter,
    share: Share<'a>,
    /// `[count][columns to whole panels]`: this thread's.
    sums: *mut f32,
    /// Matrix registers: this thread's memory for copied windows, and how much. None: vectors.
    packed: Option<(*mut f32, usize)>,
    targets: &'a [Option<Target>; 2],
}

impl Block<'_> {
    /// Image, row and column (in the grid) of each window.
    #[inline(always)]
    fn places(&self) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let Share { region, first, count, .. } = self.share;
        let (rows, cols) = (region.rows.outputs.clone(), region.cols.outputs.clone());
        let (down, across) = (rows.len(), cols.len());
        let (mut image, mut row, mut col) = (first / (down * across), first / across % down, first % across);
        (0..count).map(move |_| {
            let at = (image, rows.start + row, cols.start + col);
            col += 1;
            if col == across {
                (col, row) = (0, row + 1);
            }
            if row == down {
                (row, image) = (0, image + 1);
            }
            at
        })
    }

    #[inline(always)]
    fn multiply<W: ByteWords>(&self, row: usize) {
        let (x, Share { phase, region, count, .. }) = (self.x, self.share);
        let window = phase.window;
        let mut offsets = [0; ROWS];
        let (word, line, step) = (x.pixel / 4, (x.cols + 2) * x.pixel / 4, self.filter.step);
        let (first_row, first_col) = (window.row + region.rows.taps.start, window.col + region.cols.taps.start);
        for (offset, (image, r, c)) in offsets.iter_mut().zip(self.places()) {
            *offset = (image * (x.rows + 2) + first_row + r * step) * line + (first_col + c * step) * word;
        }
        // Of a window's rows all taps, or only some: then its rows are products of their own.
        let (all, run) = (window.cols * word, region.cols.taps.len() * word);
        let (times, lines) = if run == all { (1, region.rows.taps.len()) } else { (region.rows.taps.len(), 1) };
        let panel = window.rows * all * PANEL;
        let b = &phase.panels.as_slice()[self.share.panel * panel..];
        for i in 0..times {
            let tap = (region.rows.taps.start + i) * all + region.cols.taps.start * word;
            let b = &b[tap * PANEL..];
            if let Some((packed, words)) = self.packed {
                // SAFETY: this thread's part of the sums, of which `correlate_by` made room for `count` rows of whole panels.
                let sums = unsafe { std::slice::from_raw_parts_mut(self.sums, count * row) };
                // SAFETY: this thread's too, behind its sums.
                let packed = unsafe { std::slice::from_raw_parts_mut(packed, words) };
                let windows = matrix::Windows { map: &x.words()[i * line..], runs: lines, run, gap: line - run };
                let offsets = &offsets[..count];
                dispatch_matrix(matrix::Multiply { windows, offsets, b, panel, columns: row, fresh: i == 0, sums, packed });
                continue;
            }
            let a = x.words().as_ptr().wrapping_add(i * line);
            let rows = Spots { a, offsets: &offsets[..count], run, gap: line - run, c: self.sums, c_row: row };
            assert!(b.len() >= (row / PANEL - 1) * panel + lines * run * PANEL, "whole panels");
            let b = b.as_ptr();
            let product_of = Product { rows: &rows, count, depth: lines * run, b, panel, columns: row, fresh: i == 0 };
            // SAFETY: `correlate` checked that every window lies within x; the slice holds all panels from the first tap on; the sums are this
            // thread's.
            unsafe { product::<W, _>(&product_of) };
        }
    }

    #[inline(always)]
    fn finish<W: ByteWords>(&self, row: usize) {
        let (Share { phase, region, panel, .. }, spread) = (self.share, self.filter.spread);
        let channel = panel * PANEL;
        let coefficients = channel..channel + row;
        let zero = &region.zero[coefficients.clone()];
        let (gain, offset) = (&phase.gain[coefficients.clone()], &phase.offset[coefficients]);
        for (i, (image, r, c)) in self.places().enumerate() {
            let at = |target: &Target| {
                let [images, lines, pixels] = target.strides;
                image * images + (r * spread + phase.window.out.0) * lines + (c * spread + phase.window.out.1) * pixels + channel
            };
            let places = [self.targets[0].as_ref().map_or(0, at), self.targets[1].as_ref().map_or(0, at)];
            if self.filter.columns > self.filter.channels {
                // SAFETY: as below; the four pixels begin at `places`.
                unsafe { self.four::<W>(i * row, places, zero, gain, offset) };
            } else {
                self.panels::<W>(i * row, places, channel, zero, gain, offset);
            }
        }
    }

    /// One window's sums, panel by panel, to the pixel at `places`.
    #[inline(always)]
    fn panels<W: ByteWords>(&self, sums: usize, places: [usize; 2], channel: usize, zero: &[i32], gain: &[f32], offset: &[f32]) {
        let mut from = 0;
        while from < self.share.columns {
            let count = PANEL.min(self.share.columns - from);
            // SAFETY: `multiply` has written rows of whole panels of sums, and the coefficients are as long; `Target::new` checked that this
            // pixel and these channels lie within every sink.
            unsafe {
                let sums = self.sums.add(sums + from).cast();
                let values = W::values(sums, zero.as_ptr().add(from), gain.as_ptr().add(from), offset.as_ptr().add(from));
                for (target, place) in self.targets.iter().zip(places) {
                    if let Some(target) = target {
                        target.store::<W>(values, place + from, channel + from, count);
                    }
                }
            }
            from += PANEL;
        }
    }

    /// One window's sums to four pixels: the one at `places`, its neighbour, and the two below.
    ///
    /// # Safety
    /// All four lie within every sink, and one panel of sums has been written.
    #[inline(always)]
    unsafe fn four<W: ByteWords>(&self, sums: usize, places: [usize; 2], zero: &[i32], gain: &[f32], offset: &[f32]) {
        let channels = self.filter.channels;
        // SAFETY: the caller's promise; the coefficients are a panel long.
        unsafe {
            let panel = W::values(self.sums.add(sums).cast(), zero.as_ptr(), gain.as_ptr(), offset.as_ptr());
            for (target, place) in self.targets.iter().zip(places) {
                let Some(target) = target else { continue };
                let [_, lines, pixels] = target.strides;
                for phase in 0..4 {
                    let at = place + phase / 2 * lines + phase % 2 * pixels;
                    target.store::<W>(W::moved(panel, phase * channels), at, 0, channels);
                }
            }
        }
    }
}

impl ByteKernel for Block<'_> {
    #[inline(always)]
    fn run<W: ByteWords>(self) {
        let row = self.share.columns.next_multiple_of(PANEL);
        self.multiply::<W>(row);
        self.finish::<W>(row);
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::Affine;
    use super::*;
    use crate::{Map, MapMut};

    /// What filters give to matrix registers, on every machine: in plain Rust where there are none.
    #[test]
    fn matrix_registers_give_the_bits_of_vectors() {
        for (wide, deep, rows, cols, images) in [
            (3, 17, 2, 5, 3),
            (64, 16, 1, 16, 1),
            (16, 150, 3, 17, 2),
            (1, 1, 1, 1, 1),
            (33, 4, 4, 16, 1),
            (64, 130, 4, 4, 5),
            (5, 70, 2, 2, 9),
        ] {
            let number = |i: usize| (i * 7919 % 1021) as f32 / 1021.0 - 0.4;
            let pool = Pool::new(2).unwrap();
            let map = |rows: usize, cols: usize, channels: usize| {
                let numbers: Vec<f32> = (0..images * rows * cols * channels).map(number).collect();
                let mut map = ByteMap::new(images, rows, cols, &vec![(-0.4, 0.6); channels]);
                map.write(&pool, [Some(Map::dense(&numbers, images, rows, cols, channels)), None], 0);
                map
            };
            let weight: Vec<f32> = (0..16 * wide * deep).map(number).collect();
            let (scale, shift) = (vec![0.5; wide.max(deep)], vec![0.1; wide.max(deep)]);
            let affine = |channels: usize| Affine { scale: &scale[..channels], shift: &shift[..channels] };
            let (large, small) = (map(2 * rows, 2 * cols, wide), map(rows, cols, deep));
            let down = (&large, ByteFilter::down(ByteLevel::Portable, &large, &weight, deep, affine(deep)), (rows, cols, deep));
            let up = (&small, ByteFilter::up(ByteLevel::Portable, &small, &weight, wide, affine(wide)), (2 * rows, 2 * cols, wide));
            for (x, filter, (rows, cols, channels)) in [down, up] {
                let found = [Multiplier::Vectors, Multiplier::Matrix].map(|multiplier| {
                    let mut to = vec![0.0; images * rows * cols * channels];
                    let sink = Sink::Floats { to: MapMut::dense(&mut to, images, rows, cols, channels), slope: 0.2 };
                    let mut scratch = ByteScratch::default();
                    correlate_by(multiplier, &pool, (x, images), &filter, [Some(sink), None], &mut scratch);
                    to
                });
                assert!(found[0] == found[1], "{wide} {deep} {rows}x{cols} {images}: other bits");
                assert!(found[0].iter().any(|&value| value != 0.1));
            }
        }
    }
}
