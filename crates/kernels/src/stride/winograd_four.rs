//! `down` where more error is allowed: F(4, 2) on the pixel phases along both axes, 25 products for 64 taps' worth. Blocks and stages are those of
//! [`super::winograd`]; a tile is 4 × 4 pixels of the small map, made of 10 × 10 of the large one.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use std::ops::Range;

use super::four::{points, results};
use super::points::{Glass, Patch};
use super::scratch::Store;
use super::winograd::{Shared, patch};
use crate::arch::{Kernel, Lanes, Multiply, PANEL, Single, dispatch};
use crate::memory::Common;
use crate::tiling::{Cut, Factor, Grid, Stage, padded, product_row, stage};
use crate::{Lens, Map, MapMut, Pool};

const POINTS: usize = 25;
/// Side of a tile.
const SIDE: usize = 4;

/// Numbers of a block a tile.
fn floats(wide: usize, deep: usize) -> usize {
    POINTS * padded(4 * wide) + product_row(POINTS, deep)
}

/// Numbers it needs: for all threads, for each.
pub(super) fn needs(wide: usize, deep: usize, rows: usize, cols: usize, images: usize) -> (usize, usize) {
    let floats = floats(wide, deep);
    Cut::new(Grid::new(images, rows, cols, SIDE).tiles, floats).needs(floats)
}

/// Numbers of a weight prepared for it.
pub(super) fn weight(wide: usize, deep: usize) -> usize {
    POINTS * deep.next_multiple_of(PANEL) * 4 * wide
}

/// Patches to points.
struct Data<'a> {
    x: Map<'a, f32>,
    glass: Glass,
    grid: Grid,
    tiles: Range<usize>,
    to: *mut f32,
    row: usize,
    points: usize,
}

impl Data<'_> {
    /// Points of one phase.
    ///
    /// # Safety
    /// The patch's pixels and the glass hold `WIDTH` channels from `channel` on; `to` is writable there at 25 points.
    #[inline(always)]
    unsafe fn one<L: Lanes, const LENS: bool, const EDGE: bool>(
        &self,
        patch: &Patch<10>,
        (p, q): (usize, usize),
        channel: usize,
        to: *mut f32,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let glass = if LENS { self.glass.at::<L>(channel) } else { [L::splat(0.0); 3] };
            let mut lines = [[L::splat(0.0); 5]; 5];
            for j in 0..5 {
                let mut column = [L::splat(0.0); 5];
                for i in 0..5 {
                    column[i] = patch.see::<L, LENS, EDGE>(2 * i + p, 2 * j + q, channel, &glass);
                }
                let column = points(column);
                for a in 0..5 {
                    lines[a][j] = column[a];
                }
            }
            for a in 0..5 {
                let found = points(lines[a]);
                for b in 0..5 {
                    found[b].store(to.add((a * 5 + b) * self.points + channel));
                }
            }
        }
    }

    /// # Safety
    /// That of [`Data::one`], for all channels and phases.
    #[inline(always)]
    unsafe fn all<L: Lanes, const LENS: bool, const EDGE: bool>(&self, patch: &Patch<10>, to: *mut f32) {
        let wide = self.x.channels;
        // Rolled up: four copies of so much code would not stay in the processor's front end.
        for phase in 0..4 {
            let (parity, to) = ((phase / 2, phase % 2), to.wrapping_add(phase * wide));
            let mut channel = 0;
            // SAFETY: the caller's promise; vectors end with the channels.
            unsafe {
                while channel + L::WIDTH <= wide {
                    self.one::<L, LENS, EDGE>(patch, parity, channel, to);
                    channel += L::WIDTH;
                }
                while channel < wide {
                    self.one::<Single, LENS, EDGE>(patch, parity, channel, to);
                    channel += 1;
                }
            }
        }
    }
}

impl Kernel for Data<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (i, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            let patch = patch::<10>(&self.x, image, 2 * row as isize - 1, 2 * col as isize - 1);
            let to = self.to.wrapping_add(i * self.row);
            // SAFETY: pixels lie within the map; the stage checked the target's extent.
            unsafe {
                match (self.glass.clear(), patch.edge) {
                    (true, false) => self.all::<L, false, false>(&patch, to),
                    (true, true) => self.all::<L, false, true>(&patch, to),
                    (false, false) => self.all::<L, true, false>(&patch, to),
                    (false, true) => self.all::<L, true, true>(&patch, to),
                }
            }
        }
    }
}

/// Products to the pixels of a tile.
struct Pixels<'a> {
    from: *const f32,
    row: usize,
    /// Numbers from one product to the next.
    points: usize,
    bias: Option<&'a [f32]>,
    to: Common,
    grid: Grid,
    tiles: Range<usize>,
    channels: usize,
    pixel: usize,
}

impl Pixels<'_> {
    /// # Safety
    /// 25 products of `WIDTH` numbers from `channel` on are readable, the first `rows` × `cols` pixels (all, if `WHOLE`) writable.
    #[inline(always)]
    unsafe fn one<L: Lanes, const WHOLE: bool>(&self, from: *const f32, channel: usize, to: *mut f32, (rows, cols): (usize, usize)) {
        // SAFETY: the caller's promise; a bias has `channels` numbers.
        unsafe {
            let mut lines = [[L::splat(0.0); 5]; 4];
            for j in 0..5 {
                let mut column = [L::splat(0.0); 5];
                for i in 0..5 {
                    column[i] = L::load(from.add((i * 5 + j) * self.points + channel));
                }
                let column = results(column);
                for k in 0..4 {
                    lines[k][j] = column[k];
                }
            }
            let bias = match self.bias {
                Some(bias) => L::load(bias.as_ptr().add(channel)),
                None => L::splat(0.0),
            };
            let line = self.grid.cols * self.pixel;
            for k in 0..4 {
                let found = results(lines[k]);
                for l in 0..4 {
                    if WHOLE || k < rows && l < cols {
                        found[l].add(bias).store(to.add(k * line + l * self.pixel + channel));
                    }
                }
            }
        }
    }

    /// # Safety
    /// That of [`Pixels::one`], for all channels.
    #[inline(always)]
    unsafe fn all<L: Lanes, const WHOLE: bool>(&self, from: *const f32, to: *mut f32, within: (usize, usize)) {
        let mut channel = 0;
        // SAFETY: the caller's promise; vectors end with the channels.
        unsafe {
            while channel + L::WIDTH <= self.channels {
                self.one::<L, WHOLE>(from, channel, to, within);
                channel += L::WIDTH;
            }
            while channel < self.channels {
                self.one::<Single, WHOLE>(from, channel, to, within);
                channel += 1;
            }
        }
    }
}

impl Kernel for Pixels<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Grid { rows, cols, .. } = self.grid;
        for (n, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            let (tall, broad) = (SIDE.min(rows - row), SIDE.min(cols - col));
            let start = ((image * rows + row) * cols + col) * self.pixel;
            let to = self.to.at(start, ((tall - 1) * cols + broad - 1) * self.pixel + self.channels);
            let from = self.from.wrapping_add(n * self.row);
            // SAFETY: `from` has 25 products of at least `channels` numbers (the stage's check); `at` checked the tile's pixels.
            unsafe {
                if tall == SIDE && broad == SIDE {
                    self.all::<L, true>(from, to, (SIDE, SIDE));
                } else {
                    self.all::<L, false>(from, to, (tall, broad));
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
    assert_eq!(weight.len(), self::weight(wide, deep));
    let grid = Grid::new(y.images, y.rows, y.cols, SIDE);
    let (data_row, to_row) = (padded(4 * wide), product_row(POINTS, deep));
    let floats = floats(wide, deep);
    let cut = Cut::new(grid.tiles, floats);
    let (data_points, panels) = (cut.block * data_row, deep.div_ceil(PANEL));
    let (glass, out) = (Shared(Glass::new(lens)), Common::new(y.data));
    cut.run(pool, floats, &mut store.blocks, |hands, memory, tiles| {
        let (data, to) = memory.split(POINTS * data_points);
        stage(hands, tiles.clone(), |tiles, first| {
            let to = data.at(first * data_row, (POINTS - 1) * data_points + tiles.len() * data_row);
            dispatch(pool.level(), Data { x, glass: glass.get(), grid, tiles, to, row: data_row, points: data_points });
        });
        let products = Stage { data, data_row, data_points, depth: 4 * wide, weight, to, to_row, tiles: tiles.len() };
        products.run(
            hands,
            (POINTS, panels),
            |point| Factor { point, panel: point * panels, panels },
            |work| dispatch(pool.level(), Multiply(work)),
        );
        stage(hands, tiles, |tiles, first| {
            let from = to.at(first * to_row, tiles.len() * to_row);
            let pixels = Pixels { from, row: to_row, points: panels * PANEL, bias, to: out, grid, tiles, channels: deep, pixel };
            dispatch(pool.level(), pixels);
        });
    });
}
