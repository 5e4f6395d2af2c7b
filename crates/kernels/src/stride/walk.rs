//! The two ends of a fast form, tile by tile: a patch of pixels to points, and products to the pixels of a tile. What becomes of a vector of
//! channels is the form's algebra ([`super::axes`]); lenses, edges and channels that are left over are everybody's.

use std::marker::PhantomData;
use std::ops::Range;

use super::axes::{Axis, Products, on_both};
use super::patch::{Glass, Patch};
use crate::Map;
use crate::arch::{Kernel, Lanes, Single};
use crate::memory::Common;
use crate::tiling::Grid;

/// Patches of SIDE × SIDE pixels to points: N pixels of a phase along an axis to P points.
pub(super) struct Points<'a, A, const SIDE: usize, const N: usize, const P: usize> {
    pub(super) axis: PhantomData<A>,
    pub(super) map: Map<'a, f32>,
    pub(super) glass: Glass,
    pub(super) grid: Grid,
    pub(super) tiles: Range<usize>,
    /// The first tile's first point; numbers to the next tile's, and to the next point. The phases of a point lie side by side.
    pub(super) to: *mut f32,
    pub(super) row: usize,
    pub(super) points: usize,
}

impl<A: Axis<N, P>, const SIDE: usize, const N: usize, const P: usize> Points<'_, A, SIDE, N, P> {
    /// Phases of the map along an axis: pixels for one of the grid.
    const SCALE: usize = SIDE / N;

    /// # Safety
    /// Pixels and lens hold `WIDTH` channels from `channel` on; `to` is writable there at every point.
    #[inline(always)]
    unsafe fn one<L: Lanes, const LENS: bool, const EDGE: bool>(&self, patch: &Patch<SIDE>, phase: usize, channel: usize, to: *mut f32) {
        let (p, q) = (phase / Self::SCALE, phase % Self::SCALE);
        // SAFETY: the caller's promise.
        unsafe {
            let glass = if LENS { self.glass.at::<L>(channel) } else { [L::splat(0.0); 3] };
            on_both::<A, L, N, P>(
                |i, j| patch.see::<L, LENS, EDGE>(Self::SCALE * i + p, Self::SCALE * j + q, channel, &glass),
                |a, b, point| point.store(to.add((a * P + b) * self.points + channel)),
            );
        }
    }

    /// # Safety
    /// That of [`Points::one`], for all channels and phases.
    #[inline(always)]
    unsafe fn all<L: Lanes, const LENS: bool, const EDGE: bool>(&self, patch: &Patch<SIDE>, to: *mut f32) {
        let channels = self.map.channels;
        // Rolled up: four copies of so much code would not stay in the processor's front end.
        for phase in 0..Self::SCALE * Self::SCALE {
            let to = to.wrapping_add(phase * channels);
            let mut channel = 0;
            // SAFETY: the caller's promise; vectors end with the channels.
            unsafe {
                while channel + L::WIDTH <= channels {
                    self.one::<L, LENS, EDGE>(patch, phase, channel, to);
                    channel += L::WIDTH;
                }
                while channel < channels {
                    self.one::<Single, LENS, EDGE>(patch, phase, channel, to);
                    channel += 1;
                }
            }
        }
    }
}

impl<A: Axis<N, P>, const SIDE: usize, const N: usize, const P: usize> Kernel for Points<'_, A, SIDE, N, P> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (i, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            let (row, col) = (Self::SCALE * row, Self::SCALE * col);
            let patch = Patch::<SIDE>::at(&self.map, image, row as isize - 1, col as isize - 1);
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

/// Products of some tiles to their pixels: Q products along an axis to S results.
pub(super) struct Pixels<'a, A, const Q: usize, const S: usize> {
    pub(super) axis: PhantomData<A>,
    /// The first tile's first product; numbers to the next tile's, and to the next product.
    pub(super) from: *const f32,
    pub(super) row: usize,
    pub(super) points: usize,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) to: Common,
    pub(super) grid: Grid,
    pub(super) tiles: Range<usize>,
    pub(super) channels: usize,
    pub(super) pixel: usize,
    /// Pixels of the map, along a side, for one of the grid.
    pub(super) scale: usize,
    /// Pixels from a result to the next one, along a side: between them lie those of the other phases, each of products of its own.
    pub(super) spread: usize,
}

/// Where S × S results go.
struct Square {
    first: *mut f32,
    below: usize,
    beside: usize,
    /// How many are within the map.
    rows: usize,
    cols: usize,
}

impl<A: Products<Q, S>, const Q: usize, const S: usize> Pixels<'_, A, Q, S> {
    /// # Safety
    /// Products of `WIDTH` numbers from `channel` on are readable, the results within the map (all, if `WHOLE`) writable.
    #[inline(always)]
    unsafe fn one<L: Lanes, const WHOLE: bool>(&self, from: *const f32, channel: usize, to: &Square) {
        let () = A::CHECK;
        // SAFETY: the caller's promise; places are those of the products (`CHECK`); a bias has `channels` numbers.
        unsafe {
            let bias = match self.bias {
                Some(bias) => L::load(bias.as_ptr().add(channel)),
                None => L::splat(0.0),
            };
            on_both::<A, L, Q, S>(
                |i, j| L::load(from.add(A::PLACE[i][j] * self.points + channel)),
                |row, col, value| {
                    if WHOLE || row < to.rows && col < to.cols {
                        value.add(bias).store(to.first.add(row * to.below + col * to.beside + channel));
                    }
                },
            );
        }
    }

    /// # Safety
    /// That of [`Pixels::one`], for all channels.
    #[inline(always)]
    unsafe fn all<L: Lanes, const WHOLE: bool>(&self, from: *const f32, to: &Square) {
        let mut channel = 0;
        // SAFETY: the caller's promise; vectors end with the channels.
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

impl<A: Products<Q, S>, const Q: usize, const S: usize> Kernel for Pixels<'_, A, Q, S> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { scale, spread, pixel, .. } = self;
        let (rows, cols) = (scale * self.grid.rows, scale * self.grid.cols);
        for (n, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            let (row, col) = (scale * row, scale * col);
            let (tall, broad) = ((S * spread).min(rows - row), (S * spread).min(cols - col));
            let start = ((image * rows + row) * cols + col) * pixel;
            let first = self.to.at(start, ((tall - 1) * cols + broad - 1) * pixel + self.channels);
            let (below, beside) = (spread * cols * pixel, spread * pixel);
            for phase in 0..spread * spread {
                let from = self.from.wrapping_add(n * self.row + phase * Q * Q * self.points);
                let first = first.wrapping_add((phase / spread * cols + phase % spread) * pixel);
                let to = Square { first, below, beside, rows: tall / spread, cols: broad / spread };
                // SAFETY: `from` has that many products of at least `channels` numbers (the stage's check); `at` checked the tile's pixels.
                unsafe {
                    if to.rows == S && to.cols == S {
                        self.all::<L, true>(from, &to);
                    } else {
                        self.all::<L, false>(from, &to);
                    }
                }
            }
        }
    }
}
