//! The two ends of a fast form, tile by tile: a patch of pixels to points, and products to the pixels of a tile. What becomes of a vector of
//! channels is the form's ([`ToPoints`], [`ToPixels`]); lenses, edges and channels that are left over are everybody's.

use std::ops::Range;

use super::patch::{Glass, Patch};
use crate::Map;
use crate::arch::{Kernel, Lanes, Single};
use crate::memory::Common;
use crate::tiling::Grid;

/// From N × N pixels to points.
pub(super) trait ToPoints<const N: usize>: Copy {
    /// Pixels of the map, along a side, for one of the grid.
    const SCALE: usize;
    /// Parts of a point that lie side by side, each of all channels: the pixel phases of a large map.
    const PHASES: usize;

    /// Points of one phase of the channels from `channel` on, through their part of the lens; `to` is the first one, the next is `points`
    /// numbers further on.
    ///
    /// # Safety
    /// The patch's pixels hold `WIDTH` channels from `channel` on; every point is writable.
    unsafe fn points<L: Lanes, const LENS: bool, const EDGE: bool>(
        self,
        patch: &Patch<N>,
        phase: usize,
        channel: usize,
        glass: &[L; 3],
        to: *mut f32,
        points: usize,
    );
}

/// Patches of some tiles to points.
pub(super) struct Points<'a, F, const N: usize> {
    pub(super) form: F,
    pub(super) map: Map<'a, f32>,
    pub(super) glass: Glass,
    pub(super) grid: Grid,
    pub(super) tiles: Range<usize>,
    /// The first tile's first point; numbers to the next tile's, and to the next point.
    pub(super) to: *mut f32,
    pub(super) row: usize,
    pub(super) points: usize,
}

impl<F: ToPoints<N>, const N: usize> Points<'_, F, N> {
    /// # Safety
    /// Pixels and lens hold `WIDTH` channels from `channel` on; `to` is writable there at every point.
    #[inline(always)]
    unsafe fn one<L: Lanes, const LENS: bool, const EDGE: bool>(&self, patch: &Patch<N>, phase: usize, channel: usize, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe {
            let glass = if LENS { self.glass.at::<L>(channel) } else { [L::splat(0.0); 3] };
            self.form.points::<L, LENS, EDGE>(patch, phase, channel, &glass, to.add(channel), self.points);
        }
    }

    /// # Safety
    /// That of [`Points::one`], for all channels and phases.
    #[inline(always)]
    unsafe fn all<L: Lanes, const LENS: bool, const EDGE: bool>(&self, patch: &Patch<N>, to: *mut f32) {
        let channels = self.map.channels;
        // Rolled up: four copies of so much code would not stay in the processor's front end.
        for phase in 0..F::PHASES {
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

impl<F: ToPoints<N>, const N: usize> Kernel for Points<'_, F, N> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (i, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            let patch = Patch::<N>::at(&self.map, image, (F::SCALE * row) as isize - 1, (F::SCALE * col) as isize - 1);
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

/// From products to S × S results.
pub(super) trait ToPixels<const S: usize>: Copy {
    /// How many products they are made of.
    const PRODUCTS: usize;

    /// Calls `put(row, column, result)` for each, of the products at `from`, `points` numbers apart.
    ///
    /// # Safety
    /// All products are readable.
    unsafe fn results<L: Lanes>(self, from: *const f32, points: usize, put: impl FnMut(usize, usize, L));
}

/// Products of some tiles to their pixels.
pub(super) struct Pixels<'a, F, const S: usize> {
    pub(super) form: F,
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

impl<F: ToPixels<S>, const S: usize> Pixels<'_, F, S> {
    /// # Safety
    /// Products of `WIDTH` numbers from `channel` on are readable, the results within the map (all, if `WHOLE`) writable.
    #[inline(always)]
    unsafe fn one<L: Lanes, const WHOLE: bool>(&self, from: *const f32, channel: usize, to: &Square) {
        // SAFETY: the caller's promise; a bias has `channels` numbers.
        unsafe {
            let bias = match self.bias {
                Some(bias) => L::load(bias.as_ptr().add(channel)),
                None => L::splat(0.0),
            };
            self.form.results::<L>(from.add(channel), self.points, |row, col, value| {
                if WHOLE || row < to.rows && col < to.cols {
                    value.add(bias).store(to.first.add(row * to.below + col * to.beside + channel));
                }
            });
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

impl<F: ToPixels<S>, const S: usize> Kernel for Pixels<'_, F, S> {
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
                let from = self.from.wrapping_add(n * self.row + phase * F::PRODUCTS * self.points);
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
