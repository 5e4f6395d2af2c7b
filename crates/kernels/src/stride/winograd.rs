//! The fast form: F(2, 2) on the pixel phases, 9 products where the taps need 16. For maps of at least 4 × 4.
//!
//! A block of tiles (2 × 2 pixels of the small map) passes three stages, each cut into jobs: patches to points, one
//! matrix product a point, products to pixels. Sums run over channels in one order, so neither the block a tile falls
//! into nor its neighbours change its bits. Odd maps: surplus pixels of the last tiles read as 0 and are dropped.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use std::ops::Range;

use super::points::{Glass, Patch, gradient_points, large_points, results, small_points};
use super::scratch::Store;
use crate::arch::{Kernel, Lanes, Multiply, PANEL, Product, Single, Turned, dispatch};
use crate::memory::Common;
use crate::tiling::{Cut, Factor, Grid, Hands, Stage, block, padded, product_row, stage};
use crate::{Lens, Map, MapMut, Pool, Write};

/// Rows a job of `pair`'s product stage takes: few, for narrow layers have no more than 64 and nine points are odd for two threads.
const GRADIENT_ROWS: usize = 36;

/// N × N pixels from (row, col), which may lie outside.
#[inline(always)]
pub(super) fn patch<const N: usize>(map: &Map<'_, f32>, image: usize, row: isize, col: isize) -> Patch<N> {
    let bits = |first: isize, count: usize| {
        let inside = |i: usize| (first + i as isize >= 0 && first + (i as isize) < count as isize) as u32;
        (0..N).fold(0, |bits, i| bits | inside(i) << i)
    };
    let last = N as isize - 1;
    let edge = row < 0 || col < 0 || row + last >= map.rows as isize || col + last >= map.cols as isize;
    let all = (1 << N) - 1;
    let (rows, cols) = if edge { (bits(row, map.rows), bits(col, map.cols)) } else { (all, all) };
    let index = ((image * map.rows) as isize + row) * map.cols as isize + col;
    let first = map.data.as_ptr().wrapping_offset(index * map.pixel as isize);
    Patch { first, line: map.cols * map.pixel, pixel: map.pixel, rows, cols, edge }
}

/// Numbers of a block of `pair`: 512 KiB, for its sums take room too.
const PAIR: usize = 128 << 10;

/// Numbers the three kernels need: for all threads, for each.
pub(super) fn needs(wide: usize, deep: usize, rows: usize, cols: usize, images: usize) -> (usize, usize) {
    let tiles = Grid::new(images, rows, cols, 2).tiles;
    let floats = [9 * padded(4 * wide) + product_row(9, deep), 25 * padded(deep) + product_row(36, wide)];
    let [down, up] = floats.map(|floats| Cut::new(tiles, floats).needs(floats));
    let pair = 9 * (padded(4 * wide) + deep.next_multiple_of(PANEL));
    (down.0.max(up.0).max(block(PAIR, tiles, pair) * pair), down.1.max(up.1))
}

/// Numbers of the nine points of a gradient.
pub(super) fn products(wide: usize, deep: usize) -> usize {
    9 * 4 * wide * deep.next_multiple_of(PANEL)
}

struct LargePoints<'a> {
    x: Map<'a, f32>,
    glass: Glass,
    grid: Grid,
    tiles: Range<usize>,
    to: *mut f32,
    row: usize,
    points: usize,
}

impl Kernel for LargePoints<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (i, (image, row, col)) in self.grid.walk(self.tiles).enumerate() {
            let patch = patch::<6>(&self.x, image, 2 * row as isize - 1, 2 * col as isize - 1);
            let to = self.to.wrapping_add(i * self.row);
            // SAFETY: pixels lie within the map; the stage checked the target's extent.
            unsafe { large_points::<L>(&patch, self.glass, self.x.channels, to, self.points) };
        }
    }
}

struct SmallPoints<'a> {
    y: Map<'a, f32>,
    glass: Glass,
    grid: Grid,
    tiles: Range<usize>,
    to: *mut f32,
    row: usize,
    points: usize,
}

impl Kernel for SmallPoints<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (i, (image, row, col)) in self.grid.walk(self.tiles).enumerate() {
            let patch = patch::<4>(&self.y, image, row as isize - 1, col as isize - 1);
            let to = self.to.wrapping_add(i * self.row);
            // SAFETY: pixels lie within the map; the stage checked the target's extent.
            unsafe { small_points::<L>(&patch, self.glass, self.y.channels, to, self.points) };
        }
    }
}

struct GradientPoints<'a> {
    y: Map<'a, f32>,
    glass: Glass,
    grid: Grid,
    tiles: Range<usize>,
    to: *mut f32,
    points: usize,
    panel: usize,
}

impl Kernel for GradientPoints<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (i, (image, row, col)) in self.grid.walk(self.tiles).enumerate() {
            let patch = patch::<2>(&self.y, image, row as isize, col as isize);
            let to = self.to.wrapping_add(i * PANEL);
            // SAFETY: pixels lie within the map; the stage checked the target's extent.
            unsafe { gradient_points::<L>(&patch, self.glass, self.y.channels, to, self.points, self.panel) };
        }
    }
}

/// Products to the pixels of a tile.
struct Pixels<'a> {
    from: *const f32,
    row: usize,
    points: usize,
    bias: Option<&'a [f32]>,
    to: Common,
    grid: Grid,
    tiles: Range<usize>,
    channels: usize,
    pixel: usize,
    /// 1: results are pixels of the small map. 2: of the large one, phase by phase.
    spread: usize,
}

impl Pixels<'_> {
    /// The four results of a phase at `to`; `below` and `beside` are the distances to the next row's and the next one. Unless
    /// `WHOLE`, only `rows` × `cols` of them are within the map.
    ///
    /// # Safety
    /// Nine rows of `WIDTH` numbers from `channel` on are readable, the results within the map writable.
    #[inline(always)]
    unsafe fn one<L: Lanes, const WHOLE: bool>(&self, from: *const f32, channel: usize, to: &Square) {
        // SAFETY: the caller's promise; a bias has `channels` numbers.
        unsafe {
            let found = results::<L>(from.add(channel), self.points);
            let bias = self.bias.map_or(L::splat(0.0), |bias| L::load(bias.as_ptr().add(channel)));
            for i in 0..2 {
                for j in 0..2 {
                    if WHOLE || i < to.rows && j < to.cols {
                        found[i][j].add(bias).store(to.first.add(i * to.below + j * to.beside + channel));
                    }
                }
            }
        }
    }

    /// # Safety
    /// That of [`Pixels::one`], for all channels.
    #[inline(always)]
    unsafe fn phase<L: Lanes, const WHOLE: bool>(&self, from: *const f32, to: &Square) {
        let mut channel = 0;
        // SAFETY: the caller's promise; vectors end at `channels`.
        unsafe {
            while channel + L::WIDTH <= self.channels {
                self.one::<L, WHOLE>(from, channel, to);
                channel += L::WIDTH;
            }
            while channel < self.channels {
                self.one::<Single, WHOLE>(from, channel, to);
                channel += 1;
            }
        }
    }
}

/// Where the 2 × 2 results of a phase go.
struct Square {
    first: *mut f32,
    below: usize,
    beside: usize,
    /// How many are within the map.
    rows: usize,
    cols: usize,
}

impl Kernel for Pixels<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (rows, cols, spread) = (self.grid.rows, self.grid.cols, self.spread);
        let line = spread * cols * self.pixel;
        for (n, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            let (tall, broad) = (2.min(rows - row), 2.min(cols - col));
            let start = (image * rows + row) * spread * line + spread * col * self.pixel;
            let extent = (spread * tall - 1) * line + (spread * broad - 1) * self.pixel + self.channels;
            let first = self.to.at(start, extent);
            for phase in 0..spread * spread {
                let from = self.from.wrapping_add(n * self.row + phase * 9 * self.points);
                let first = first.wrapping_add(phase / 2 * line + phase % 2 * self.pixel);
                let to = Square { first, below: spread * line, beside: spread * self.pixel, rows: tall, cols: broad };
                // SAFETY: `from` has nine rows of at least `channels` numbers (the stage's check); `at` checked the tile's pixels.
                unsafe {
                    if tall == 2 && broad == 2 {
                        self.phase::<L, true>(from, &to);
                    } else {
                        self.phase::<L, false>(from, &to);
                    }
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
    let (wide, deep, pixel) = (x.channels, y.channels, y.pixel);
    let grid = Grid::new(y.images, y.rows, y.cols, 2);
    let (data_row, to_row) = (padded(4 * wide), product_row(9, deep));
    let floats = 9 * data_row + to_row;
    let cut = Cut::new(grid.tiles, floats);
    let (data_points, to_points) = (cut.block * data_row, deep.next_multiple_of(PANEL));
    let (glass, out) = (Shared(Glass::new(lens)), Common::new(y.data));
    cut.run(pool, floats, &mut store.blocks, |hands, memory, tiles| {
        let (data, to) = memory.split(9 * data_points);
        stage(hands, tiles.clone(), |tiles, first| {
            let to = data.at(first * data_row, 8 * data_points + tiles.len() * data_row);
            let points = LargePoints { x, glass: glass.get(), grid, tiles, to, row: data_row, points: data_points };
            dispatch(pool.level(), points);
        });
        let (panels, count) = (deep.div_ceil(PANEL), tiles.len());
        let products = Stage { data, data_row, data_points, depth: 4 * wide, weight, to, to_row, tiles: count };
        products.run(
            hands,
            (9, panels),
            |point| Factor { point, panel: point * panels, panels },
            |work| dispatch(pool.level(), Multiply(work)),
        );
        stage(hands, tiles, |tiles, first| {
            let from = to.at(first * to_row, tiles.len() * to_row);
            let pixels = Pixels { from, row: to_row, points: to_points, bias, to: out, grid, tiles, channels: deep, pixel, spread: 1 };
            dispatch(pool.level(), pixels);
        });
    });
}

/// Which of the 25 points of y product (phase p, q; point a, b) reads: odd phases begin two further on.
fn up_point(product: usize) -> usize {
    let (phase, point) = (product / 9, product % 9);
    (phase / 2 * 2 + point / 3) * 5 + phase % 2 * 2 + point % 3
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
    let grid = Grid::new(y.images, y.rows, y.cols, 2);
    let (data_row, to_row) = (padded(deep), product_row(36, wide));
    let floats = 25 * data_row + to_row;
    let cut = Cut::new(grid.tiles, floats);
    let (data_points, to_points) = (cut.block * data_row, wide.next_multiple_of(PANEL));
    let (glass, out) = (Shared(Glass::new(lens)), Common::new(x.data));
    cut.run(pool, floats, &mut store.blocks, |hands, memory, tiles| {
        let (data, to) = memory.split(25 * data_points);
        stage(hands, tiles.clone(), |tiles, first| {
            let to = data.at(first * data_row, 24 * data_points + tiles.len() * data_row);
            let points = SmallPoints { y, glass: glass.get(), grid, tiles, to, row: data_row, points: data_points };
            dispatch(pool.level(), points);
        });
        let (panels, count) = (wide.div_ceil(PANEL), tiles.len());
        let products = Stage { data, data_row, data_points, depth: deep, weight, to, to_row, tiles: count };
        products.run(
            hands,
            (36, panels),
            |product| Factor { point: up_point(product), panel: product * panels, panels },
            |work| dispatch(pool.level(), Multiply(work)),
        );
        stage(hands, tiles, |tiles, first| {
            let from = to.at(first * to_row, tiles.len() * to_row);
            let pixels = Pixels { from, row: to_row, points: to_points, bias, to: out, grid, tiles, channels: wide, pixel, spread: 2 };
            dispatch(pool.level(), pixels);
        });
    });
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
    let grid = Grid::new(y.images, y.rows, y.cols, 2);
    let panels = deep.div_ceil(PANEL);
    let (left_row, columns, height) = (padded(4 * wide), panels * PANEL, 4 * wide);
    let block = block(PAIR, grid.tiles, 9 * (left_row + columns));
    let products = products(wide, deep);
    let mut held = std::mem::take(&mut store.weight);
    held.reserve(products);
    let (left, right) = store.common(9 * block * (left_row + columns)).split_at_mut(9 * block * left_row);
    let (left, right, sums) = (Common::new(left), Common::new(right), Common::new(&mut held.as_mut_slice()[..products]));
    let (left_points, right_points, panel) = (block * left_row, block * columns, block * PANEL);
    let (x_glass, y_glass) = (Shared(Glass::new(x_lens)), Shared(Glass::new(y_lens)));
    for start in (0..grid.tiles).step_by(block) {
        let tiles = start..grid.tiles.min(start + block);
        let depth = tiles.len();
        stage(Hands::All(pool), tiles, |tiles, first| {
            let to = left.at(first * left_row, 8 * left_points + tiles.len() * left_row);
            let range = tiles.clone();
            dispatch(pool.level(), LargePoints { x, glass: x_glass.get(), grid, tiles: range, to, row: left_row, points: left_points });
            let to = right.at(first * PANEL, 8 * right_points + (panels - 1) * panel + tiles.len() * PANEL);
            dispatch(pool.level(), GradientPoints { y, glass: y_glass.get(), grid, tiles, to, points: right_points, panel });
        });
        let across = height.div_ceil(GRADIENT_ROWS);
        pool.run(9 * across, |job| {
            let (point, row) = (job / across, job % across * GRADIENT_ROWS);
            let count = GRADIENT_ROWS.min(height - row);
            let rows = Turned {
                a: left.at(point * left_points + row, (depth - 1) * left_row + count),
                step: left_row,
                c: sums.at((point * height + row) * columns, count * columns),
                c_row: columns,
            };
            let b = right.at(point * right_points, (panels - 1) * panel + depth * PANEL);
            dispatch(pool.level(), Multiply(Product { rows: &rows, count, depth, b, panel, columns, fresh: start == 0 }));
        });
    }
    let out = Common::new(dw);
    pool.run(wide, |channel| {
        dispatch(pool.level(), Gradient { from: sums.at(0, products), columns, wide, deep, channel, to: out, write });
    });
    store.weight = held;
}

/// The last stage of `pair`: products to the 16 taps of one wide channel.
struct Gradient {
    from: *const f32,
    columns: usize,
    wide: usize,
    deep: usize,
    channel: usize,
    to: Common,
    write: Write,
}

impl Gradient {
    #[inline(always)]
    fn one<L: Lanes>(&self, phase: usize, column: usize) {
        let from = self.from.wrapping_add((phase * self.wide + self.channel) * self.columns + column);
        // SAFETY: `pair` checked 9 · 4 · wide rows of `columns` products; `at` checks the target.
        unsafe {
            let found = results::<L>(from, 4 * self.wide * self.columns);
            for i in 0..2 {
                for j in 0..2 {
                    let tap = (2 * i + phase / 2) * 4 + 2 * j + phase % 2;
                    let to = self.to.at((tap * self.wide + self.channel) * self.deep + column, L::WIDTH);
                    let before = if self.write == Write::Add { L::load(to) } else { L::zero() };
                    found[i][j].add(before).store(to);
                }
            }
        }
    }
}

impl Kernel for Gradient {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for phase in 0..4 {
            let mut column = 0;
            while column + L::WIDTH <= self.deep {
                self.one::<L>(phase, column);
                column += L::WIDTH;
            }
            while column < self.deep {
                self.one::<Single>(phase, column);
                column += 1;
            }
        }
    }
}

/// A lens's addresses, read by all jobs of a call.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub(super) Glass);

// SAFETY: only read; the lens is borrowed for the whole call.
unsafe impl Sync for Shared {}

impl Shared {
    #[inline(always)]
    pub(super) fn get(&self) -> Glass {
        self.0
    }
}
