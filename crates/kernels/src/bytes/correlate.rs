//! A filter over a map of bytes: windows as rows of a matrix product, then sums to values to bytes or numbers.

use super::filter::ByteFilter;
use super::jobs::{Jobs, MOST_WINDOWS, Multiplier, Share, Stretch};
use super::map::ByteMap;
use super::sink::{Sink, Target};
use super::{matrix, winograd};
use crate::Pool;
use crate::arch::{ByteKernel, ByteLevel, ByteWords, PANEL, Product, Rows, dispatch_bytes, dispatch_matrix, product};
use crate::memory::{Buffer, Common};
use crate::tiling::Blocks;

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
    let packed = filter.phases.iter().map(|phase| matrix::packed_words(phase.window.rows, phase.window.cols * x.pixel / 4)).max();
    let packed = packed.filter(|_| multiplier == Multiplier::Matrix);
    let jobs = Jobs::new(filter, images, multiplier, pool.threads());
    // As much as for the most images, so that it is taken once.
    let block = Jobs::new(filter, x.images, multiplier, pool.threads()).sums() + packed.unwrap_or(0);
    scratch.sums.reserve(block * pool.threads());
    let sums = Common::new(scratch.sums.as_mut_slice());
    pool.run_on(jobs.count(), |worker, job| {
        let Some(share) = jobs.at(job) else { return };
        let sums = sums.at(worker * block, block);
        let packed = packed.map(|words| (sums.wrapping_add(block - words), words));
        dispatch_bytes(filter.level, Block { x, filter, share, sums, packed, targets: &targets });
    });
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
    /// Where in the map the first window of a stretch begins, and how far apart its windows are, in words.
    #[inline(always)]
    fn place(&self, stretch: &Stretch) -> (usize, usize) {
        let (x, Share { phase, region, .. }, step) = (self.x, self.share, self.filter.step);
        let (word, line) = (x.pixel / 4, (x.cols + 2) * x.pixel / 4);
        let row = stretch.image * (x.rows + 2) + phase.window.row + region.rows.taps.start + stretch.row * step;
        (row * line + (phase.window.col + region.cols.taps.start + stretch.col * step) * word, step * word)
    }

    #[inline(always)]
    fn multiply<W: ByteWords>(&self, columns: usize) {
        let (x, Share { phase, region, count, .. }) = (self.x, self.share);
        let (word, line) = (x.pixel / 4, (x.cols + 2) * x.pixel / 4);
        let (runs, run, pitch) = (region.rows.taps.len(), region.cols.taps.len() * word, phase.pitch);
        let panel = phase.window.rows * pitch * PANEL;
        let tap = region.rows.taps.start * pitch + region.cols.taps.start * word;
        let b = &phase.panels.as_slice()[self.share.panel * panel + tap * PANEL..];
        if let Some((packed, words)) = self.packed {
            // SAFETY: this thread's part of the sums, of which `correlate_by` made room for `count` rows of whole panels.
            let sums = unsafe { std::slice::from_raw_parts_mut(self.sums, count * columns) };
            // SAFETY: this thread's too, behind its sums.
            let packed = unsafe { std::slice::from_raw_parts_mut(packed, words) };
            let form = matrix::Form { runs, run, line, apart: self.filter.step * word };
            // Behind all taps of a row, not behind some.
            let zeros = region.cols.taps.len() == phase.window.cols;
            let stretches = self.share.stretches().map(|stretch| (self.place(&stretch).0, stretch.count));
            return dispatch_matrix(matrix::Multiply { map: x.words(), form, stretches, b, panel, pitch, zeros, columns, sums, packed });
        }
        let mut offsets = [0; MOST_WINDOWS];
        let mut windows = offsets.iter_mut();
        for stretch in self.share.stretches() {
            let (start, apart) = self.place(&stretch);
            windows.by_ref().take(stretch.count).enumerate().for_each(|(i, offset)| *offset = start + i * apart);
        }
        // All words of a window that panels have, or only some: then its rows are products of their own.
        let (times, lines) = if run == pitch { (1, runs) } else { (runs, 1) };
        for i in 0..times {
            let a = x.words().as_ptr().wrapping_add(i * line);
            let rows = Spots { a, offsets: &offsets[..count], run, gap: line - run, c: self.sums, c_row: columns };
            let b = &b[i * pitch * PANEL..];
            assert!(b.len() >= (columns / PANEL - 1) * panel + lines * run * PANEL, "whole panels");
            // The window's next row, or the same of the next panels, which mostly are the next job's.
            let further = if i + 1 < times { pitch * PANEL } else { columns / PANEL * panel - i * pitch * PANEL };
            let next = Some(b.as_ptr().wrapping_add(further));
            let product_of = Product { rows: &rows, count, depth: lines * run, b: b.as_ptr(), panel, columns, fresh: i == 0, next };
            // SAFETY: `correlate_by` checked that every window lies within x; the slice holds all panels from the first tap on; the sums are this
            // thread's.
            unsafe { product::<W, _>(&product_of) };
        }
    }

    #[inline(always)]
    fn finish<W: ByteWords>(&self, columns: usize) {
        if self.filter.columns > self.filter.channels {
            return self.panel::<W, 4>(columns, 0);
        }
        for from in (0..columns).step_by(PANEL) {
            self.panel::<W, 1>(columns, from);
        }
    }

    /// Where a stretch's first result goes, from channel 0 on, and how far apart its results are.
    #[inline(always)]
    fn result(&self, target: &Target, stretch: &Stretch) -> (usize, usize) {
        let ([images, lines, pixels], spread, out) = (target.strides, self.filter.spread, self.share.phase.window.out);
        let (row, col) = (stretch.row * spread + out.0, stretch.col * spread + out.1);
        (stretch.image * images + row * lines + col * pixels, spread * pixels)
    }

    /// All windows' sums of one panel to their pixels; its coefficients stay in registers. A panel is some channels of one pixel, or all of
    /// four: of one, its neighbour, and the two below.
    #[inline(always)]
    fn panel<W: ByteWords, const PIXELS: usize>(&self, columns: usize, from: usize) {
        let Share { phase, region, panel, .. } = self.share;
        let channel = panel * PANEL + from;
        let count = PANEL.min(self.share.columns - from) / PIXELS;
        let meaning = phase.meaning::<W>(region, channel);
        let coefficients = Target::coefficients::<W>(self.targets, channel);
        let mut sums = self.sums.wrapping_add(from);
        for stretch in self.share.stretches() {
            let places = self.targets.each_ref().map(|target| target.as_ref().map_or((0, 0), |target| self.result(target, &stretch)));
            for i in 0..stretch.count {
                // SAFETY: `multiply` has written `columns` sums of every window; `Target::new` checked that these pixels and channels lie
                // within every sink.
                unsafe {
                    let values = meaning.of(W::sums(sums.cast()));
                    for ((target, coefficients), (place, apart)) in self.targets.iter().zip(coefficients).zip(places) {
                        let Some(target) = target else { continue };
                        let [_, lines, pixels] = target.strides;
                        for pixel in 0..PIXELS {
                            let values = if PIXELS == 1 { values } else { W::moved(values, pixel * count) };
                            let at = place + i * apart + pixel / 2 * lines + pixel % 2 * pixels + channel;
                            target.store::<W>(values, coefficients, at, count);
                        }
                    }
                }
                sums = sums.wrapping_add(columns);
            }
        }
    }
}

impl ByteKernel for Block<'_> {
    #[inline(always)]
    fn run<W: ByteWords>(self) {
        let columns = self.share.columns.next_multiple_of(PANEL);
        self.multiply::<W>(columns);
        self.finish::<W>(columns);
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
            (6, 16, 5, 24, 2),
            (3, 32, 6, 44, 1),
            (16, 150, 3, 17, 2),
            (1, 1, 1, 1, 1),
            (33, 4, 4, 16, 1),
            (64, 130, 4, 4, 5),
            (5, 20, 1, 16, 4),
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
            // Panels with zeros between the rows of a window, as matrix registers read them, and without.
            let of = |level: ByteLevel| {
                let as_portable = |filter: ByteFilter| ByteFilter { level: ByteLevel::Portable, ..filter };
                let down = as_portable(ByteFilter::down(level, &large, &weight, deep, affine(deep)));
                let up = as_portable(ByteFilter::up(level, &small, &weight, wide, affine(wide)));
                [(&large, down, (rows, cols, deep)), (&small, up, (2 * rows, 2 * cols, wide))]
            };
            for (x, filter, (rows, cols, channels)) in [ByteLevel::Portable, ByteLevel::Amx].into_iter().flat_map(of) {
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
