//! Small maps, tap by tap: for each tap the pixels it joins are rows of one matrix product. Taps that only meet padding
//! are neither stored nor read; [`pair`] writes exact zeros for them.

use super::form::Shape;
use super::patch::{Glass, Shared};
use super::scratch::Store;
use super::weights;
use crate::arch::{Kernel, Lanes, Listed, Multiply, PANEL, Product, Single, Turned, dispatch, product};
use crate::memory::Common;
use crate::{Lens, Map, MapMut, Pool, Write};

/// Panels of 16 columns a job of `down` and `up` takes.
const PANELS: usize = 4;
/// Small pixels they take at most, by whole images: their input then stays in the second cache.
const BATCH: usize = 128;
/// Wide channels a job of `pair` takes, and pixels it takes at once.
const CHANNELS: usize = 96;
const PIXELS: usize = 256;

/// The taps that meet more than padding, in order.
pub(super) fn live(rows: usize, cols: usize) -> impl Iterator<Item = usize> + Clone {
    let meets = |tap: usize, n: usize| n > 1 || tap == 1 || tap == 2;
    (0..16).filter(move |tap| meets(tap / 4, rows) && meets(tap % 4, cols))
}

/// Where tap `t` of small position `i` lies on an axis of the large map of `2n`.
fn meets(i: usize, t: usize, n: usize) -> Option<usize> {
    (2 * i + t).checked_sub(1).filter(|&at| at < 2 * n)
}

pub(super) fn needs(shape: &Shape) -> (usize, usize) {
    let pixels = shape.images * shape.rows * shape.cols;
    let seen = (pixels * 4 * shape.wide).max(pixels * shape.deep);
    (seen, pair_own(shape.deep))
}

fn pair_own(deep: usize) -> usize {
    PIXELS * (CHANNELS + deep.next_multiple_of(PANEL))
}

/// Prepares a weight for `down`: `[live tap][deep / 16][wide][16]`.
pub(super) fn load_down(pool: &Pool, shape: &Shape, weight: &[f32], to: &mut [f32]) {
    let tap = shape.wide * shape.deep;
    let size = shape.wide * shape.deep.next_multiple_of(PANEL);
    for (tap, to) in live(shape.rows, shape.cols).map(|t| &weight[t * tap..][..tap]).zip(to.chunks_exact_mut(size)) {
        weights::panels(pool, tap, shape.wide, shape.deep, shape.deep, to);
    }
}

/// Prepares a weight for `up`: `[live tap][wide / 16][deep][16]`.
pub(super) fn load_up(pool: &Pool, shape: &Shape, weight: &[f32], to: &mut [f32]) {
    let tap = shape.wide * shape.deep;
    let size = shape.deep * shape.wide.next_multiple_of(PANEL);
    for (tap, to) in live(shape.rows, shape.cols).map(|t| &weight[t * tap..][..tap]).zip(to.chunks_exact_mut(size)) {
        weights::turned_panels(pool, tap, shape.deep, shape.wide, shape.deep, to);
    }
}

/// Pixels of `map` through a lens, dense, to `to`.
fn seen(pool: &Pool, map: Map<'_, f32>, lens: Lens<'_, f32>, to: &mut [f32]) {
    let glass = Shared(Glass::new(Some(lens)));
    let to = Common::new(&mut to[..map.pixels() * map.channels]);
    pool.run(map.pixels().div_ceil(16), |job| {
        for index in job * 16..map.pixels().min((job + 1) * 16) {
            let to = to.at(index * map.channels, map.channels);
            dispatch(pool.level(), See { from: map.nth(index), glass: glass.get(), first: 0, to, panel: PANEL });
        }
    });
}

/// Some channels of one pixel through a lens: 16 to a panel, panels `panel` apart.
pub(super) struct See<'a> {
    pub(super) from: &'a [f32],
    pub(super) glass: Glass,
    /// The lens's channel of the first number.
    pub(super) first: usize,
    pub(super) to: *mut f32,
    pub(super) panel: usize,
}

impl See<'_> {
    #[inline(always)]
    fn one<L: Lanes>(&self, channel: usize) {
        let to = self.to.wrapping_add(channel / PANEL * self.panel + channel % PANEL);
        // SAFETY: the maker checked the target; `channel` vectors end within `from`, and the lens has its channels.
        unsafe {
            let mut value = L::load(self.from.as_ptr().add(channel));
            if !self.glass.clear() {
                let [scale, shift, slope] = self.glass.at::<L>(self.first + channel);
                value = scale.mul_add(value, shift).leaky(slope);
            }
            value.store(to);
        }
    }
}

impl Kernel for See<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let mut channel = 0;
        while channel + L::WIDTH <= self.from.len() {
            self.one::<L>(channel);
            channel += L::WIDTH;
        }
        while channel < self.from.len() {
            self.one::<Single>(channel);
            channel += 1;
        }
    }
}

/// Geometry both directions share: offsets of the pixels a tap joins.
#[derive(Clone, Copy)]
struct Joined {
    images: usize,
    rows: usize,
    cols: usize,
}

impl Joined {
    /// Pixel indices (large, small) that `tap` joins, image by image.
    fn pixels(self, tap: usize) -> impl Iterator<Item = (usize, usize)> {
        let Self { images, rows, cols } = self;
        (0..images * rows * cols).filter_map(move |small| {
            let (image, row, col) = (small / (rows * cols), small / cols % rows, small % cols);
            let (r, c) = (meets(row, tap / 4, rows)?, meets(col, tap % 4, cols)?);
            Some(((image * 2 * rows + r) * 2 * cols + c, small))
        })
    }
}

/// c rows ← bias, then += a rows · weight, tap by tap: `down` and `up` differ in which map is a.
struct Taps<'a> {
    a: &'a [f32],
    depth: usize,
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    channels: usize,
    small_pixels: usize,
    /// For each live tap: where its offsets end.
    ends: &'a [usize],
    offsets: &'a [(usize, usize)],
}

impl Taps<'_> {
    fn run(&self, pool: &Pool, to: MapMut<'_, f32>) {
        let (to_images, pixels, pixel) = (to.images, to.rows * to.cols, to.pixel);
        let panels = self.channels.div_ceil(PANEL);
        let out = Common::new(to.data);
        let largest = self.offsets.iter().map(|offset| offset.0).max().unwrap_or(0);
        assert!(largest + self.depth <= self.a.len());
        let a = Address(self.a.as_ptr());
        let chunks = (self.small_pixels * to_images).div_ceil(BATCH).min(to_images);
        pool.run(panels.div_ceil(PANELS) * chunks, |job| {
            // Jobs that share a weight follow each other.
            let (panel, chunk) = (job / chunks * PANELS, job % chunks);
            let images = chunk * to_images / chunks..(chunk + 1) * to_images / chunks;
            let from = panel * PANEL;
            let columns = (PANELS * PANEL).min(self.channels - from);
            for index in images.start * pixels..images.end * pixels {
                let at = out.at(index * pixel + from, columns);
                // SAFETY: `at` checked the length; jobs write their own images and columns.
                let row = unsafe { std::slice::from_raw_parts_mut(at, columns) };
                match self.bias {
                    Some(bias) => row.copy_from_slice(&bias[from..from + columns]),
                    None => row.fill(0.0),
                }
            }
            let size = self.depth * PANEL;
            let mut start = 0;
            for (tap, &end) in self.ends.iter().enumerate() {
                let an_image = (end - start) / to_images;
                let offsets = &self.offsets[start + images.start * an_image..start + images.end * an_image];
                let rows = Listed { a: a.get(), c: out.at(from, 0), offsets };
                let b = &self.weight[(tap * panels + panel) * size..][..columns.div_ceil(PANEL) * size];
                // The next tap's, or the first of the next job.
                let after = match tap + 1 < self.ends.len() {
                    true => (tap + 1) * panels + panel,
                    false if chunk + 1 < chunks => panel,
                    false => panel + PANELS,
                };
                let next = self.weight.get(after * size..).map(<[f32]>::as_ptr);
                let count = offsets.len();
                let work = Product { rows: &rows, count, depth: self.depth, b: b.as_ptr(), panel: size, columns, fresh: false, next };
                dispatch(pool.level(), Multiply(work));
                start = end;
            }
        });
    }
}

#[derive(Clone, Copy)]
struct Address(*const f32);

// SAFETY: only read, and the slice it comes from is borrowed for the whole call.
unsafe impl Sync for Address {}

impl Address {
    fn get(&self) -> *const f32 {
        self.0
    }
}

/// Fills `offsets` tap by tap with what `of` makes of (large, small) pixel indices; returns where taps end.
fn list(joined: Joined, offsets: &mut Vec<(usize, usize)>, of: impl Fn((usize, usize)) -> (usize, usize)) -> ([usize; 16], usize) {
    offsets.clear();
    let mut ends = [0; 16];
    let mut taps = 0;
    for tap in live(joined.rows, joined.cols) {
        offsets.extend(joined.pixels(tap).map(&of));
        ends[taps] = offsets.len();
        taps += 1;
    }
    (ends, taps)
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
    let joined = Joined { images: y.images, rows: y.rows, cols: y.cols };
    let length = if lens.is_some() { x.pixels() * x.channels } else { 0 };
    let (common, _, offsets) = store.all(length, 0, 1);
    let stride = if lens.is_some() { x.channels } else { x.pixel };
    let pixel = y.pixel;
    let (ends, taps) = list(joined, offsets, |(large, small)| (large * stride, small * pixel));
    let a = match lens {
        Some(lens) => {
            seen(pool, x, lens, common);
            &*common
        }
        None => x.data,
    };
    let taps =
        Taps { a, depth: x.channels, weight, bias, channels: y.channels, small_pixels: y.rows * y.cols, ends: &ends[..taps], offsets };
    taps.run(pool, y);
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
    let joined = Joined { images: y.images, rows: y.rows, cols: y.cols };
    let length = if lens.is_some() { y.pixels() * y.channels } else { 0 };
    let (common, _, offsets) = store.all(length, 0, 1);
    let stride = if lens.is_some() { y.channels } else { y.pixel };
    let pixel = x.pixel;
    let (ends, taps) = list(joined, offsets, |(large, small)| (small * stride, large * pixel));
    let a = match lens {
        Some(lens) => {
            seen(pool, y, lens, common);
            &*common
        }
        None => y.data,
    };
    let taps =
        Taps { a, depth: y.channels, weight, bias, channels: x.channels, small_pixels: y.rows * y.cols, ends: &ends[..taps], offsets };
    taps.run(pool, x);
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
    let joined = Joined { images: y.images, rows: y.rows, cols: y.cols };
    let (wide, deep) = (x.channels, y.channels);
    let own_size = pair_own(deep).next_multiple_of(PANEL);
    let (_, own, _) = store.all(0, own_size, pool.threads());
    let (own, out) = (Common::new(own), Common::new(dw));
    let blocks = wide.div_ceil(CHANNELS);
    let (x_glass, y_glass) = (Shared(Glass::new(x_lens)), Shared(Glass::new(y_lens)));
    pool.run_on(16 * blocks, |worker, job| {
        let (tap, first) = (job / blocks, job % blocks * CHANNELS);
        let channels = CHANNELS.min(wide - first);
        let to = out.at((tap * wide + first) * deep, channels * deep);
        if !live(y.rows, y.cols).any(|other| other == tap) {
            if write == Write::Set {
                // SAFETY: `at` checked the length; jobs write their own rows.
                unsafe { std::slice::from_raw_parts_mut(to, channels * deep) }.fill(0.0);
            }
            return;
        }
        let left = own.at(worker * own_size, own_size);
        let right = left.wrapping_add(PIXELS * CHANNELS);
        let work = PairTap { x, y, x_glass: x_glass.get(), y_glass: y_glass.get(), joined, tap, first, channels, left, right, to, write };
        dispatch(pool.level(), work);
    });
}

/// The gradient of one tap for some wide channels.
struct PairTap<'a> {
    x: Map<'a, f32>,
    y: Map<'a, f32>,
    x_glass: Glass,
    y_glass: Glass,
    joined: Joined,
    tap: usize,
    first: usize,
    channels: usize,
    /// `[pixel][channels]` of x; `[deep / 16][PIXELS][16]` of y: this thread's.
    left: *mut f32,
    right: *mut f32,
    to: *mut f32,
    write: Write,
}

impl Kernel for PairTap<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let deep = self.y.channels;
        let mut pixels = self.joined.pixels(self.tap);
        let mut fresh = self.write == Write::Set;
        loop {
            let mut depth = 0;
            for (large, small) in pixels.by_ref().take(PIXELS) {
                let from = &self.x.nth(large)[self.first..][..self.channels];
                let to = self.left.wrapping_add(depth * CHANNELS);
                See { from, glass: self.x_glass, first: self.first, to, panel: PANEL }.run::<L>();
                let to = self.right.wrapping_add(depth * PANEL);
                See { from: self.y.nth(small), glass: self.y_glass, first: 0, to, panel: PIXELS * PANEL }.run::<L>();
                depth += 1;
            }
            if depth == 0 {
                break;
            }
            let rows = Turned { a: self.left, step: CHANNELS, c: self.to, c_row: deep };
            let work = Product {
                rows: &rows,
                count: self.channels,
                depth,
                b: self.right,
                panel: PIXELS * PANEL,
                columns: deep,
                fresh,
                next: None,
            };
            // SAFETY: `left` and `right` hold PIXELS rows of what they are for (`pair_own`), `to` this job's rows.
            unsafe { product::<L, Turned>(&work) };
            fresh = false;
        }
    }
}
