//! `down` where more error is allowed: F(4, 2) on the pixel phases along both axes, 25 products for 64 taps' worth. Blocks and stages are those of
//! [`super::winograd`]; a tile is 4 × 4 pixels of the small map, made of 10 × 10 of the large one.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use super::four::{points, results};
use super::patch::{Glass, Patch, Shared};
use super::scratch::Store;
use super::walk::{Pixels, Points, ToPixels, ToPoints};
use crate::arch::{Lanes, Multiply, PANEL, dispatch};
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

/// 10 × 10 pixels to 25 points of each phase.
#[derive(Clone, Copy)]
struct Patches;

impl ToPoints<10> for Patches {
    const SCALE: usize = 2;
    const PHASES: usize = 4;

    #[inline(always)]
    unsafe fn points<L: Lanes, const LENS: bool, const EDGE: bool>(
        self,
        patch: &Patch<10>,
        phase: usize,
        channel: usize,
        glass: &[L; 3],
        to: *mut f32,
        distance: usize,
    ) {
        let (p, q) = (phase / 2, phase % 2);
        // SAFETY: the caller's promise.
        unsafe {
            let mut lines = [[L::splat(0.0); 5]; 5];
            for j in 0..5 {
                let mut column = [L::splat(0.0); 5];
                for i in 0..5 {
                    column[i] = patch.see::<L, LENS, EDGE>(2 * i + p, 2 * j + q, channel, glass);
                }
                let column = points(column);
                for a in 0..5 {
                    lines[a][j] = column[a];
                }
            }
            for a in 0..5 {
                let found = points(lines[a]);
                for b in 0..5 {
                    found[b].store(to.add((a * 5 + b) * distance));
                }
            }
        }
    }
}

/// Products to 4 × 4 pixels.
#[derive(Clone, Copy)]
struct Tile;

impl ToPixels<SIDE> for Tile {
    const PRODUCTS: usize = POINTS;

    #[inline(always)]
    unsafe fn results<L: Lanes>(self, from: *const f32, points: usize, mut put: impl FnMut(usize, usize, L)) {
        let mut lines = [[L::splat(0.0); 5]; SIDE];
        for j in 0..5 {
            let mut column = [L::splat(0.0); 5];
            for i in 0..5 {
                // SAFETY: the caller's promise.
                column[i] = unsafe { L::load(from.add((i * 5 + j) * points)) };
            }
            let column = results(column);
            for k in 0..SIDE {
                lines[k][j] = column[k];
            }
        }
        for k in 0..SIDE {
            let found = results(lines[k]);
            for l in 0..SIDE {
                put(k, l, found[l]);
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
            let points = Points { form: Patches, map: x, glass: glass.get(), grid, tiles, to, row: data_row, points: data_points };
            dispatch(pool.level(), points);
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
            let (form, points, channels) = (Tile, panels * PANEL, deep);
            let pixels = Pixels { form, from, row: to_row, points, bias, to: out, grid, tiles, channels, pixel, scale: 1, spread: 1 };
            dispatch(pool.level(), pixels);
        });
    });
}
