//! `up` with tied taps: nearest ×2 and a 3×3 convolution in one, 25 products where 64 taps (or the fast form's 36) would be, and like
//! that form's by additions and halves alone.
//!
//! Along an axis the 3 taps w and 4 pixels d give 4 results: d1·(w1+w2) + d0·w0, d1·(w0+w1) + d2·w2, and the same of d2 one further on. What
//! is doubled lies on both sides of an even place, so that of the six points of F(4, 3) the one at −1 sees nothing; with the other pair at ±i
//! (which both see d1−d2) all factors are 0, 1 or ½:
//!
//! | product | data | weight | results |
//! |---|---|---|---|
//! | m0 | d0−d2 | w0 | + . . . |
//! | m1 | d1+d2 | (w0+w1+w2)/2 | + + + + |
//! | m2 | d1−d2 | (w1+w2−w0)/2 | + . − . |
//! | m3 | d1−d2 | (w0+w1−w2)/2 | . + . − |
//! | m4 | d3−d1 | w2 | . . . + |
//!
//! Two products share their data: 16 points of a patch meet 25 weights.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use super::patch::{Glass, Patch, Shared};
use super::scratch::Store;
use super::walk::{Pixels, Points, ToPixels, ToPoints};
use crate::arch::{Lanes, Multiply, PANEL, dispatch};
use crate::memory::Common;
use crate::tiling::{Cut, Factor, Grid, Stage, padded, product_row, stage};
use crate::{Lens, Map, MapMut, Pool};

/// Points of a patch and products of a tile.
const POINTS: usize = 16;
pub(super) const PRODUCTS: usize = 25;

/// Per axis: the first product of a point, and how many it has.
const OF_POINT: [(usize, usize); 4] = [(0, 1), (1, 1), (2, 2), (4, 1)];

/// Where product (i, j) stands among the 25: those of one point side by side.
pub(super) const PLACE: [[usize; 5]; 5] = places();

const fn places() -> [[usize; 5]; 5] {
    let (mut place, mut next, mut point) = ([[0; 5]; 5], 0, 0);
    while point < POINTS {
        let ((row, rows), (col, cols)) = (OF_POINT[point / 4], OF_POINT[point % 4]);
        let mut n = 0;
        while n < rows * cols {
            place[row + n / cols][col + n % cols] = next;
            (next, n) = (next + 1, n + 1);
        }
        point += 1;
    }
    place
}

/// The five weights of an axis from its four taps, of which t0+t2 = t1+t3.
#[inline(always)]
pub(super) fn weights<L: Lanes>(t: [L; 4]) -> [L; 5] {
    let half = L::splat(0.5);
    [t[3], t[1].add(t[3]).mul(half), t[1].sub(t[3]).mul(half), t[2].sub(t[0]).mul(half), t[0]]
}

#[inline(always)]
fn points<L: Lanes>(d: [L; 4]) -> [L; 4] {
    [d[0].sub(d[2]), d[1].add(d[2]), d[1].sub(d[2]), d[3].sub(d[1])]
}

#[inline(always)]
fn results<L: Lanes>(m: [L; 5]) -> [L; 4] {
    [m[0].add(m[1]).add(m[2]), m[1].add(m[3]), m[1].sub(m[2]), m[1].sub(m[3]).add(m[4])]
}

/// Numbers it needs: for all threads, for each.
pub(super) fn needs(wide: usize, deep: usize, rows: usize, cols: usize, images: usize) -> (usize, usize) {
    let floats = POINTS * padded(deep) + product_row(PRODUCTS, wide);
    Cut::new(Grid::new(images, rows, cols, 2).tiles, floats).needs(floats)
}

/// 4 × 4 pixels to 16 points.
#[derive(Clone, Copy)]
struct Patches;

impl ToPoints<4> for Patches {
    const SCALE: usize = 1;
    const PHASES: usize = 1;

    #[inline(always)]
    unsafe fn points<L: Lanes, const LENS: bool, const EDGE: bool>(
        self,
        patch: &Patch<4>,
        _: usize,
        channel: usize,
        glass: &[L; 3],
        to: *mut f32,
        distance: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut lines = [[L::splat(0.0); 4]; 4];
            for j in 0..4 {
                let mut column = [L::splat(0.0); 4];
                for i in 0..4 {
                    column[i] = patch.see::<L, LENS, EDGE>(i, j, channel, glass);
                }
                let column = points(column);
                for a in 0..4 {
                    lines[a][j] = column[a];
                }
            }
            for a in 0..4 {
                let found = points(lines[a]);
                for b in 0..4 {
                    found[b].store(to.add((a * 4 + b) * distance));
                }
            }
        }
    }
}

/// Products to 4 × 4 pixels of the large map.
#[derive(Clone, Copy)]
struct Tile;

impl ToPixels<4> for Tile {
    const PRODUCTS: usize = PRODUCTS;

    #[inline(always)]
    unsafe fn results<L: Lanes>(self, from: *const f32, points: usize, mut put: impl FnMut(usize, usize, L)) {
        let mut lines = [[L::splat(0.0); 5]; 4];
        for j in 0..5 {
            let mut column = [L::splat(0.0); 5];
            for i in 0..5 {
                // SAFETY: the caller's promise.
                column[i] = unsafe { L::load(from.add(PLACE[i][j] * points)) };
            }
            let column = results(column);
            for k in 0..4 {
                lines[k][j] = column[k];
            }
        }
        for k in 0..4 {
            let found = results(lines[k]);
            for l in 0..4 {
                put(k, l, found[l]);
            }
        }
    }
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
    let panels = wide.div_ceil(PANEL);
    assert_eq!(weight.len(), PRODUCTS * panels * deep * PANEL);
    let grid = Grid::new(y.images, y.rows, y.cols, 2);
    let (data_row, to_row) = (padded(deep), product_row(PRODUCTS, wide));
    let floats = POINTS * data_row + to_row;
    let cut = Cut::new(grid.tiles, floats);
    let data_points = cut.block * data_row;
    let (glass, out) = (Shared(Glass::new(lens)), Common::new(x.data));
    cut.run(pool, floats, &mut store.blocks, |hands, memory, tiles| {
        let (data, to) = memory.split(POINTS * data_points);
        stage(hands, tiles.clone(), |tiles, first| {
            let to = data.at(first * data_row, (POINTS - 1) * data_points + tiles.len() * data_row);
            let points = Points { form: Patches, map: y, glass: glass.get(), grid, tiles, to, row: data_row, points: data_points };
            dispatch(pool.level(), points);
        });
        let products = Stage { data, data_row, data_points, depth: deep, weight, to, to_row, tiles: tiles.len() };
        let factor = |point: usize| {
            let ((row, rows), (col, cols)) = (OF_POINT[point / 4], OF_POINT[point % 4]);
            Factor { point, panel: PLACE[row][col] * panels, panels: rows * cols * panels }
        };
        products.run(hands, (POINTS, 4 * panels), factor, |work| dispatch(pool.level(), Multiply(work)));
        stage(hands, tiles, |tiles, first| {
            let from = to.at(first * to_row, tiles.len() * to_row);
            let (form, points, channels) = (Tile, panels * PANEL, wide);
            let pixels = Pixels { form, from, row: to_row, points, bias, to: out, grid, tiles, channels, pixel, scale: 2, spread: 1 };
            dispatch(pool.level(), pixels);
        });
    });
}
