//! How a batch is cut into tiles, tiles into blocks, and blocks into jobs: what all fast forms have in common, in numbers and in bytes.
//!
//! A block of tiles passes three stages: patches to points, one matrix product a point, products to pixels. Either all threads share a
//! block stage by stage, or each takes whole blocks, which its own cache holds or nearly so. Nothing here depends on the number of threads but who does what.

use std::ops::Range;

use crate::Pool;
use crate::arch::{PANEL, Product, Strided, second_cache};
use crate::memory::{Buffer, Common};

/// Tiles a job of the transform stages takes.
const STEP: usize = 8;
/// Rows and panels a job of the product stage takes.
const ROWS: usize = 96;
const PANELS: usize = 8;

/// The tiles of a batch of small maps.
#[derive(Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    side: usize,
    down: usize,
    across: usize,
    pub(crate) tiles: usize,
}

impl Grid {
    /// Tiles of `side` × `side` pixels.
    pub(crate) fn new(images: usize, rows: usize, cols: usize, side: usize) -> Self {
        let (down, across) = (rows.div_ceil(side), cols.div_ceil(side));
        Self { rows, cols, side, down, across, tiles: images * down * across }
    }

    /// Image, row and column (of the small map) where each of some tiles begins.
    #[inline(always)]
    pub(crate) fn walk(&self, tiles: Range<usize>) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let Grid { side, down, across, .. } = *self;
        let (mut image, rest) = (tiles.start / (down * across), tiles.start % (down * across));
        let (mut row, mut col) = (rest / across, rest % across);
        // Counted on, for a division takes as long as many a tile.
        tiles.map(move |_| {
            let at = (image, side * row, side * col);
            col += 1;
            if col == across {
                (row, col) = (row + 1, 0);
            }
            if row == down {
                (image, row) = (image + 1, 0);
            }
            at
        })
    }
}

/// Numbers between two rows of points: not a power of two, so that six rows do not share a cache set.
pub(crate) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(PANEL) + PANEL
}

/// Numbers of a tile's products, `[point][channels]`, one tile after the other: they are read as they lie. An odd number of cache
/// lines, so that tiles do not share a cache set.
pub(crate) fn product_row(points: usize, channels: usize) -> usize {
    let lines = points * channels.div_ceil(PANEL);
    (lines + (lines + 1) % 2) * PANEL
}

/// Numbers of a block that all threads share: 4 MiB, for where weights are much and tiles few.
const SHARED: usize = 1 << 20;
/// Most numbers of a block that one thread keeps to itself: 768 KiB, three quarters of a second cache of 1 MiB.
const OWN: usize = 192 << 10;
/// Rows of the tallest product in registers (AVX-512's): a thread's own blocks are whole multiples of it.
const TALL: usize = 12;
/// A layer of which so many tiles fit there has weights small enough to be read by each thread anew.
const OF_SMALL_WEIGHTS: usize = 36;
/// Tiles a block of about `numbers` takes.
pub(crate) fn block(numbers: usize, tiles: usize, floats_a_tile: usize) -> usize {
    let fit = numbers / floats_a_tile;
    (fit / ROWS * ROWS).clamp(ROWS, 1024).min(tiles)
}

/// Memory that blocks lie in.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    common: Buffer,
    /// One part a thread.
    own: Buffer,
}

impl Blocks {
    /// `common` numbers that all jobs of a call share, and `own` for each of `threads` threads, which begin on whole panels.
    pub(crate) fn all(&mut self, common: usize, own: usize, threads: usize) -> (&mut [f32], &mut [f32]) {
        let own = own.next_multiple_of(PANEL) * threads;
        self.common.reserve(common);
        self.own.reserve(own);
        (&mut self.common.as_mut_slice()[..common], &mut self.own.as_mut_slice()[..own])
    }

    /// How many numbers are reserved.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> [usize; 2] {
        [self.common.as_slice().len(), self.own.as_slice().len()]
    }
}

/// Who runs a block's jobs: all threads stage by stage, or the thread that has taken the whole block.
#[derive(Clone, Copy)]
pub(crate) enum Hands<'a> {
    All(&'a Pool),
    One,
}

impl Hands<'_> {
    pub(crate) fn run(&self, jobs: usize, work: impl Fn(usize) + Sync) {
        match self {
            Hands::All(pool) => pool.run(jobs, work),
            Hands::One => (0..jobs).for_each(work),
        }
    }
}

/// How a batch's tiles are cut into blocks.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    tiles: usize,
    pub(crate) block: usize,
    /// Each thread takes whole blocks of its own; else all threads share each block.
    apart: bool,
}

impl Cut {
    pub(crate) fn new(tiles: usize, floats_a_tile: usize) -> Self {
        Self::within(second_cache(), tiles, floats_a_tile)
    }

    /// For a second cache of so many bytes. Whether blocks are shared does not depend on it. Measured with 512 KiB and 1 MiB
    /// (docs/performance.md).
    fn within(second_cache: usize, tiles: usize, floats_a_tile: usize) -> Self {
        let fit = OWN / floats_a_tile;
        let cached = second_cache / size_of::<f32>() * 3 / 4 / floats_a_tile;
        // At least 24 tiles even where the cache holds fewer: with fewer, weights are read too often.
        let cached = cached.max(2 * TALL).min(fit);
        // At least eight of them, so that threads end together.
        let many = cached.min(tiles / 8).min(192) / TALL * TALL;
        // One picture's tiles are too few for that, but an even number of blocks divides as well; sharing one would make threads wait for
        // each other after each of its three stages and read what another core has written.
        let even = |own: usize| fit >= OF_SMALL_WEIGHTS && tiles.is_multiple_of(2 * own) && tiles / own <= 8;
        let own = if many >= 2 * TALL { Some(many) } else { [2 * TALL, TALL].into_iter().find(|&own| even(own)) };
        let apart = own.is_some();
        let block = own.unwrap_or_else(|| block(SHARED, tiles, floats_a_tile));
        Self { tiles, block, apart }
    }

    /// Numbers needed: for all threads, for each.
    pub(crate) fn needs(&self, floats_a_tile: usize) -> (usize, usize) {
        let size = self.block * floats_a_tile;
        if self.apart { (0, size) } else { (size, 0) }
    }

    /// Calls `work(hands, memory of floats_a_tile · block, tiles)` for each block.
    pub(crate) fn run(
        &self,
        pool: &Pool,
        floats_a_tile: usize,
        blocks: &mut Blocks,
        work: impl Fn(Hands<'_>, Common, Range<usize>) + Sync,
    ) {
        let (common, own) = self.needs(floats_a_tile);
        let (common, all) = blocks.all(common, own, pool.threads());
        let (common, all) = (Common::new(common), Common::new(all));
        let count = self.tiles.div_ceil(self.block);
        let tiles = |i: usize| i * self.block..self.tiles.min((i + 1) * self.block);
        if self.apart {
            let own = own.next_multiple_of(PANEL);
            pool.run_on(count, |worker, i| work(Hands::One, all.part(worker * own, own), tiles(i)));
        } else {
            (0..count).for_each(|i| work(Hands::All(pool), common, tiles(i)));
        }
    }
}

/// Runs a stage over a block's tiles in jobs of [`STEP`]: `work(tiles of the batch, first tile within the block)`.
pub(crate) fn stage(hands: Hands<'_>, tiles: Range<usize>, work: impl Fn(Range<usize>, usize) + Sync) {
    hands.run(tiles.len().div_ceil(STEP), |job| {
        let from = job * STEP;
        work(tiles.start + from..tiles.end.min(tiles.start + from + STEP), from);
    });
}

/// The product stage: rows of `data`, point by point, times panels of `weight`, `[panel][depth][16]`.
pub(crate) struct Stage<'a> {
    pub(crate) data: Common,
    pub(crate) data_row: usize,
    pub(crate) data_points: usize,
    pub(crate) depth: usize,
    pub(crate) weight: &'a [f32],
    pub(crate) to: Common,
    pub(crate) to_row: usize,
    pub(crate) tiles: usize,
}

/// What a point of the data is multiplied by.
#[derive(Clone, Copy)]
pub(crate) struct Factor {
    /// The point.
    pub(crate) point: usize,
    /// First panel of the weight, which is the first of the products' row too, and how many.
    pub(crate) panel: usize,
    pub(crate) panels: usize,
}

impl Stage<'_> {
    /// `factors` products, each by `multiply`; none has more than `most` panels.
    pub(crate) fn run(
        &self,
        hands: Hands<'_>,
        (factors, most): (usize, usize),
        factor: impl Fn(usize) -> Factor + Sync,
        multiply: impl Fn(Product<'_, Strided>) + Sync,
    ) {
        let (down, across) = (self.tiles.div_ceil(ROWS), most.div_ceil(PANELS));
        hands.run(factors * down * across, |job| {
            // Jobs that share a weight follow each other.
            let (row, rest) = (job % down * ROWS, job / down);
            let (from, Factor { point, panel, panels }) = (rest % across * PANELS, factor(rest / across));
            if from >= panels {
                return;
            }
            let count = ROWS.min(self.tiles - row);
            let (panel, columns) = (panel + from, PANELS.min(panels - from) * PANEL);
            let size = self.depth * PANEL;
            let rows = Strided {
                a: self.data.at(point * self.data_points + row * self.data_row, (count - 1) * self.data_row + self.depth),
                a_row: self.data_row,
                c: self.to.at(row * self.to_row + panel * PANEL, (count - 1) * self.to_row + columns),
                c_row: self.to_row,
            };
            let b = &self.weight[panel * size..][..columns / PANEL * size];
            // What a job soon after this one reads, if not the next.
            let next = Some(b.as_ptr_range().end);
            multiply(Product { rows: &rows, count, depth: self.depth, b: b.as_ptr(), panel: size, columns, fresh: true, next });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_tiles_divide_evenly_where_weights_are_small_and_large_weights_are_shared() {
        // Numbers a tile of 32 and of 512 channels, of which 36 tiles no longer fit.
        let (small, large) = (9 * 128 + 9 * 64, 9 * 2048 + 9 * 1024);
        for (tiles, block) in [(24, 12), (48, 24), (96, 24)] {
            let cut = Cut::new(tiles, small);
            assert!(cut.apart && cut.block == block, "{tiles} tiles in blocks of {}", cut.block);
            assert!(!Cut::new(tiles, large).apart, "{tiles} tiles with large weights");
        }
        assert!(!Cut::new(36, small).apart, "three blocks of 12 would leave a thread waiting");
    }

    #[test]
    fn blocks_are_a_share_of_the_second_cache() {
        let cut = |kibibytes: usize, numbers: usize| Cut::within(kibibytes << 10, 4096, numbers);
        // `up` of 32 → 16 channels: 109, 54 and 27 tiles.
        let few = 25 * padded(32) + product_row(36, 16);
        assert_eq!([4096, 1024, 512, 256].map(|kibibytes| cut(kibibytes, few).block), [108, 108, 48, 24]);
        // F(4, 2) of 32 → 64: never fewer than 24, and more than 37 do not fit anywhere.
        let many = 25 * padded(128) + product_row(25, 64);
        assert_eq!([4096, 1024, 512, 256].map(|kibibytes| cut(kibibytes, many).block), [36, 36, 24, 24]);
        // Whether blocks are shared is the layer's business alone.
        let heavy = 9 * padded(2048) + product_row(9, 1024);
        for numbers in [few, many, heavy] {
            assert!([4096, 1024, 512, 256].iter().all(|&kibibytes| cut(kibibytes, numbers).apart == cut(1024, numbers).apart));
        }
    }
}
