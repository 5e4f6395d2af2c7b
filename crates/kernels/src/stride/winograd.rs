//! The fast form: F(2, 2) on the pixel phases, 9 products where the taps need 16. For maps of at least 4 × 4.
//!
//! A block of tiles (2 × 2 pixels of the small map) passes three stages, each cut into jobs: patches to points, one
//! matrix product a point, products to pixels. Sums run over channels in one order, so neither the block a tile falls
//! into nor its neighbours change its bits. Odd maps: surplus pixels of the last tiles read as 0 and are dropped.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use std::ops::Range;

use super::patch::{Glass, Patch, Shared};
use super::scratch::Store;
use super::two::{Large, Phase, Small, gradient_points, results};
use super::walk::{Pixels, Points};
use crate::arch::{Kernel, Lanes, Multiply, PANEL, Product, Single, Turned, dispatch};
use crate::memory::Common;
use crate::tiling::{Cut, Factor, Grid, Hands, Stage, block, padded, product_row, stage};
use crate::{Lens, Map, MapMut, Pool, Write};

/// Rows a job of `pair`'s product stage takes: few, for narrow layers have no more than 64 and nine points are odd for two threads.
const GRADIENT_ROWS: usize = 36;

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
            let patch = Patch::<2>::at(&self.y, image, row as isize, col as isize);
            let to = self.to.wrapping_add(i * PANEL);
            // SAFETY: pixels lie within the map; the stage checked the target's extent.
            unsafe { gradient_points::<L>(&patch, self.glass, self.y.channels, to, self.points, self.panel) };
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
            let points = Points { form: Large, map: x, glass: glass.get(), grid, tiles, to, row: data_row, points: data_points };
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
            let (form, points, channels) = (Phase, to_points, deep);
            let pixels = Pixels { form, from, row: to_row, points, bias, to: out, grid, tiles, channels, pixel, scale: 1, spread: 1 };
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
            let points = Points { form: Small, map: y, glass: glass.get(), grid, tiles, to, row: data_row, points: data_points };
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
            let (form, points, channels) = (Phase, to_points, wide);
            let pixels = Pixels { form, from, row: to_row, points, bias, to: out, grid, tiles, channels, pixel, scale: 2, spread: 2 };
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
            let form = Large;
            dispatch(
                pool.level(),
                Points { form, map: x, glass: x_glass.get(), grid, tiles: range, to, row: left_row, points: left_points },
            );
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
