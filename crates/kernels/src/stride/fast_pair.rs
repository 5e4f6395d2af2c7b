//! The fast form of `pair`: F(2, 2) on the pixel phases with results and taps in each other's place, nine products of a tile for 16 taps.
//!
//! All tiles are one sum a point: blocks of tiles follow each other, points to panels, products added up, then points to taps.

use std::marker::PhantomData;
use std::ops::Range;

use super::axes::on_both;
use super::patch::{Glass, Patch, Shared};
use super::scratch::Store;
use super::two::{Data, Results, Taps};
use super::walk::Points;
use crate::arch::{Kernel, Lanes, Multiply, PANEL, Product, Single, Turned, dispatch};
use crate::memory::Common;
use crate::tiling::{Grid, Hands, block, padded, stage};
use crate::{Lens, Map, Pool, Write};

/// Rows a job of `pair`'s product stage takes: few, for narrow layers have no more than 64 and nine points are odd for two threads.
const GRADIENT_ROWS: usize = 36;

/// Numbers of a block of `pair`: 512 KiB, for its sums take room too. Where the second cache holds no more than that, 256 KiB were no faster.
const PAIR: usize = 128 << 10;

/// Numbers that all threads need together.
pub(super) fn needs((wide, deep): (usize, usize), (images, rows, cols): (usize, usize, usize)) -> usize {
    let floats = 9 * (padded(4 * wide) + deep.next_multiple_of(PANEL));
    block(PAIR, Grid::new(images, rows, cols, 2).tiles, floats) * floats
}

/// Numbers of the nine points of a gradient.
pub(super) fn products(wide: usize, deep: usize) -> usize {
    9 * 4 * wide * deep.next_multiple_of(PANEL)
}

/// Nine points of each 2 × 2 patch of y, into panels: `to[point * points + channel / 16 * panel + tile * 16 + channel % 16]`. Channels up to
/// the next multiple of 16 become 0.
struct GradientPoints<'a> {
    y: Map<'a, f32>,
    glass: Glass,
    grid: Grid,
    tiles: Range<usize>,
    to: *mut f32,
    points: usize,
    panel: usize,
}

impl GradientPoints<'_> {
    /// # Safety
    /// Pixels and lens hold `WIDTH` channels from `channel` on; `to` is writable at every point.
    #[inline(always)]
    unsafe fn one<L: Lanes, const LENS: bool>(&self, patch: &Patch<2>, channel: usize, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe {
            let glass = if LENS { self.glass.at::<L>(channel) } else { [L::splat(0.0); 3] };
            on_both::<Taps, L, 2, 3>(
                |i, j| patch.see::<L, LENS, true>(i, j, channel, &glass),
                |a, b, point| point.store(to.add((a * 3 + b) * self.points)),
            );
        }
    }

    /// # Safety
    /// That of [`GradientPoints::one`], for all channels up to the next multiple of 16.
    #[inline(always)]
    unsafe fn all<L: Lanes, const LENS: bool>(&self, patch: &Patch<2>, to: *mut f32) {
        let place = |channel: usize| to.wrapping_add(channel / PANEL * self.panel + channel % PANEL);
        let mut channel = 0;
        // SAFETY: the caller's promise; vectors end with the channels, zeros at the next multiple of 16.
        unsafe {
            while channel + L::WIDTH <= self.y.channels {
                self.one::<L, LENS>(patch, channel, place(channel));
                channel += L::WIDTH;
            }
            while channel < self.y.channels {
                self.one::<Single, LENS>(patch, channel, place(channel));
                channel += 1;
            }
            while channel % PANEL != 0 {
                (0..9).for_each(|point| *place(channel).add(point * self.points) = 0.0);
                channel += 1;
            }
        }
    }
}

impl Kernel for GradientPoints<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (i, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            let patch = Patch::<2>::at(&self.y, image, row as isize, col as isize);
            let to = self.to.wrapping_add(i * PANEL);
            // SAFETY: pixels lie within the map; the stage checked the target's extent.
            unsafe {
                if self.glass.clear() {
                    self.all::<L, false>(&patch, to);
                } else {
                    self.all::<L, true>(&patch, to);
                }
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
            let (axis, glass) = (PhantomData::<Data>, x_glass.get());
            let points = Points::<_, 6, 3, 3> { axis, map: x, glass, grid, tiles: range, to, row: left_row, points: left_points };
            dispatch(pool.level(), points);
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
            dispatch(pool.level(), Multiply(Product { rows: &rows, count, depth, b, panel, columns, fresh: start == 0, next: None }));
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
            let points = 4 * self.wide * self.columns;
            on_both::<Results, L, 3, 2>(
                |a, b| L::load(from.add((a * 3 + b) * points)),
                |i, j, value| {
                    let tap = (2 * i + phase / 2) * 4 + 2 * j + phase % 2;
                    let to = self.to.at((tap * self.wide + self.channel) * self.deep + column, L::WIDTH);
                    let before = if self.write == Write::Add { L::load(to) } else { L::zero() };
                    value.add(before).store(to);
                },
            );
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
