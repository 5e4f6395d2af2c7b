//! A fast form's way from map to map: patches to points, one matrix product a point, products to pixels. For maps of at least 4 × 4.
//!
//! A block of tiles passes the three stages, each cut into jobs. Sums run over channels in one order, so neither the block a tile falls into
//! nor its neighbours change its bits. Maps that are no whole tiles: surplus pixels of the last tiles read as 0 and are dropped.

use std::marker::PhantomData;

use super::axes::{Axis, Products};
use super::patch::{Glass, Shared};
use super::scratch::Store;
use super::walk::{Pixels, Points};
use crate::arch::{Multiply, PANEL, dispatch};
use crate::memory::Common;
use crate::tiling::{Cut, Factor, Grid, Stage, padded, product_row, stage};
use crate::{Lens, Map, MapMut, Pool};

/// A form: `down` if its patches have two phases along an axis (SIDE = 2 N), `up` if one (SIDE = N). Of a patch of SIDE × SIDE pixels each
/// phase's N along an axis become P points, and of Q products along an axis S results.
pub(super) trait Fast<const SIDE: usize, const N: usize, const P: usize, const Q: usize, const S: usize> {
    type Data: Axis<N, P>;
    type Results: Products<Q, S>;
    /// Phases of the results along an axis, each of Q products of its own.
    const PHASES: usize = 1;
    /// Matrix products that make a tile's products.
    const FACTORS: usize = P * P;
    /// The most products that one of them makes.
    const MOST: usize = 1;
    /// Products of a tile, and numbers that a weight becomes.
    const PRODUCTS: usize = Q * Q * Self::PHASES * Self::PHASES;

    /// Of a matrix product: the point it reads, the first of the tile's products that it makes, and how many.
    fn factor(n: usize) -> (usize, usize, usize) {
        (n, n, 1)
    }

    /// What it takes for maps of so many channels.
    fn sizes(from: usize, to: usize) -> Sizes {
        const { assert!(SIDE == N || SIDE == 2 * N, "one phase along an axis or two") };
        let scales = [SIDE / N, 2 * N / SIDE];
        let depth = scales[0] * scales[0] * from;
        let (data_row, to_row) = (padded(depth), product_row(Self::PRODUCTS, to));
        Sizes { depth, data_row, to_row, floats: P * P * data_row + to_row, tile: Self::PHASES * S / scales[1], scales }
    }

    /// Numbers it needs for small maps of so many pixels, from so many channels to so many: for all threads, for each.
    fn needs((from, to): (usize, usize), (images, rows, cols): (usize, usize, usize)) -> (usize, usize) {
        let sizes = Self::sizes(from, to);
        Cut::new(Grid::new(images, rows, cols, sizes.tile).tiles, sizes.floats).needs(sizes.floats)
    }

    /// Numbers of a weight prepared for it.
    fn weight(from: usize, to: usize) -> usize {
        Self::PRODUCTS * to.next_multiple_of(PANEL) * Self::sizes(from, to).depth
    }

    /// `to` = bias + the convolution of lens(from), either way. The weight: `[product][channels of to / 16][phase · channels of from][16]`.
    fn run(
        pool: &Pool,
        from: Map<'_, f32>,
        lens: Option<Lens<'_, f32>>,
        weight: &[f32],
        bias: Option<&[f32]>,
        to: MapMut<'_, f32>,
        store: &mut Store,
    ) {
        let (channels, pixel) = (to.channels, to.pixel);
        let Sizes { depth, data_row, to_row, floats, tile, scales } = Self::sizes(from.channels, channels);
        let panels = channels.div_ceil(PANEL);
        assert_eq!(weight.len(), Self::weight(from.channels, channels), "a weight prepared for this form");
        let grid = Grid::new(from.images, from.rows / scales[0], from.cols / scales[0], tile);
        let cut = Cut::new(grid.tiles, floats);
        let data_points = cut.block * data_row;
        let (glass, out) = (Shared(Glass::new(lens)), Common::new(to.data));
        cut.run(pool, floats, &mut store.blocks, |hands, memory, tiles| {
            let (data, products) = memory.split(P * P * data_points);
            stage(hands, tiles.clone(), |tiles, first| {
                let to = data.at(first * data_row, (P * P - 1) * data_points + tiles.len() * data_row);
                let (axis, glass) = (PhantomData::<Self::Data>, glass.get());
                let points = Points::<_, SIDE, N, P> { axis, map: from, glass, grid, tiles, to, row: data_row, points: data_points };
                dispatch(pool.level(), points);
            });
            let work = Stage { data, data_row, data_points, depth, weight, to: products, to_row, tiles: tiles.len() };
            let factor = |n: usize| {
                let (point, product, count) = Self::factor(n);
                Factor { point, panel: product * panels, panels: count * panels }
            };
            work.run(hands, (Self::FACTORS, Self::MOST * panels), factor, |work| dispatch(pool.level(), Multiply(work)));
            stage(hands, tiles, |tiles, first| {
                let pixels = Pixels::<_, Q, S> {
                    axis: PhantomData::<Self::Results>,
                    from: products.at(first * to_row, tiles.len() * to_row),
                    row: to_row,
                    points: panels * PANEL,
                    bias,
                    to: out,
                    grid,
                    tiles,
                    channels,
                    pixel,
                    scale: scales[1],
                    spread: Self::PHASES,
                };
                dispatch(pool.level(), pixels);
            });
        });
    }
}

/// What a form takes for maps of some channels.
pub(super) struct Sizes {
    /// Numbers of a point, of a tile's row of points, and of a tile's products.
    depth: usize,
    data_row: usize,
    to_row: usize,
    /// Numbers of a tile in a block.
    floats: usize,
    /// Pixels of a tile of the small map along a side.
    tile: usize,
    /// Large pixels for one small pixel along a side, in the map that is read and in that which is written.
    scales: [usize; 2],
}
