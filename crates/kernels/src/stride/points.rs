//! The transforms of F(2, 2) on the pixel phases: patches to points, weights to points, products to results.
//!
//! Per axis and phase, with d the data and g the two taps: m = (d0−d1)·g0, d1·(g0+g1), (d1−d2)·g1; results m0+m1 and
//! m1−m2 (Lavin and Gray's minimal filtering, arXiv 1509.09308, on the phases of a strided convolution, arXiv 2002.00552).

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use crate::Lens;
use crate::arch::{Lanes, PANEL, Single};

/// A lens as addresses; null where the map is read as it is.
#[derive(Clone, Copy)]
pub(super) struct Glass {
    scale: *const f32,
    shift: *const f32,
    slope: *const f32,
}

impl Glass {
    pub(super) fn new(lens: Option<Lens<'_, f32>>) -> Self {
        match lens {
            Some(lens) => Self { scale: lens.scale.as_ptr(), shift: lens.shift.as_ptr(), slope: lens.slope.as_ptr() },
            None => Self { scale: std::ptr::null(), shift: std::ptr::null(), slope: std::ptr::null() },
        }
    }

    #[inline(always)]
    pub(super) fn clear(&self) -> bool {
        self.scale.is_null()
    }

    /// The three coefficients of the channels from `channel` on.
    ///
    /// # Safety
    /// Not clear, and `channel + WIDTH` channels exist.
    #[inline(always)]
    pub(super) unsafe fn at<L: Lanes>(&self, channel: usize) -> [L; 3] {
        // SAFETY: the caller's promise.
        unsafe { [L::load(self.scale.add(channel)), L::load(self.shift.add(channel)), L::load(self.slope.add(channel))] }
    }
}

impl Glass {
    /// The three coefficients of one channel, each in every place.
    ///
    /// # Safety
    /// Not clear, and the channel exists.
    #[inline(always)]
    pub(super) unsafe fn one<L: Lanes>(&self, channel: usize) -> [L; 3] {
        // SAFETY: the caller's promise.
        unsafe { [L::broadcast(self.scale.add(channel)), L::broadcast(self.shift.add(channel)), L::broadcast(self.slope.add(channel))] }
    }
}

/// A square patch of N × N pixels, which may reach beyond the map.
pub(super) struct Patch<const N: usize> {
    /// Its first pixel; the distances to the next row and to the next pixel.
    pub(super) first: *const f32,
    pub(super) line: usize,
    pub(super) pixel: usize,
    /// Bit i: whether row or column i is within the map.
    pub(super) rows: u32,
    pub(super) cols: u32,
    /// Whether some are not.
    pub(super) edge: bool,
}

impl<const N: usize> Patch<N> {
    /// What is seen of a vector of channels of pixel (i, j); 0 outside the map.
    ///
    /// # Safety
    /// Pixels within the map are readable, and all are if not `EDGE`.
    #[inline(always)]
    pub(super) unsafe fn see<L: Lanes, const LENS: bool, const EDGE: bool>(&self, i: usize, j: usize, channel: usize, glass: &[L; 3]) -> L {
        if EDGE && (self.rows >> i & self.cols >> j & 1) == 0 {
            return L::splat(0.0);
        }
        // By line, then by pixel: one register a line and one a column, for all pixels.
        let line = self.first.wrapping_add(i * self.line + channel);
        // SAFETY: the caller's promise.
        let value = unsafe { L::load(line.wrapping_add(j * self.pixel)) };
        if LENS { glass[0].mul_add(value, glass[1]).leaky(glass[2]) } else { value }
    }
}

/// 6 × 6 pixels of x to 9 points of each phase: `out[(a*3+b) * points + (p*2+q) * wide + channel]`.
///
/// # Safety
/// The patch's pixels and the glass hold `wide` channels; `out` is writable at all those places.
#[inline(always)]
pub(super) unsafe fn large_points<L: Lanes>(patch: &Patch<6>, glass: Glass, wide: usize, out: *mut f32, points: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match (glass.clear(), patch.edge) {
            (true, false) => large_run::<L, false, false>(patch, glass, wide, out, points),
            (true, true) => large_run::<L, false, true>(patch, glass, wide, out, points),
            (false, false) => large_run::<L, true, false>(patch, glass, wide, out, points),
            (false, true) => large_run::<L, true, true>(patch, glass, wide, out, points),
        }
    }
}

#[inline(always)]
unsafe fn large_run<L: Lanes, const LENS: bool, const EDGE: bool>(
    patch: &Patch<6>,
    glass: Glass,
    wide: usize,
    out: *mut f32,
    points: usize,
) {
    let mut channel = 0;
    // SAFETY: the caller's promise; vectors end at `wide`.
    unsafe {
        while channel + L::WIDTH <= wide {
            large_one::<L, LENS, EDGE>(patch, glass, wide, channel, out, points);
            channel += L::WIDTH;
        }
        while channel < wide {
            large_one::<Single, LENS, EDGE>(patch, glass, wide, channel, out, points);
            channel += 1;
        }
    }
}

#[inline(always)]
unsafe fn large_one<L: Lanes, const LENS: bool, const EDGE: bool>(
    patch: &Patch<6>,
    glass: Glass,
    wide: usize,
    channel: usize,
    out: *mut f32,
    points: usize,
) {
    // SAFETY: the caller's promise.
    let glass = if LENS { unsafe { glass.at::<L>(channel) } } else { [L::splat(0.0); 3] };
    for p in 0..2 {
        for q in 0..2 {
            let mut d = [[L::splat(0.0); 3]; 3];
            for i in 0..3 {
                for j in 0..3 {
                    // SAFETY: the caller's promise.
                    d[i][j] = unsafe { patch.see::<L, LENS, EDGE>(2 * i + p, 2 * j + q, channel, &glass) };
                }
            }
            let to = out.wrapping_add((p * 2 + q) * wide + channel);
            for a in 0..3 {
                let e = [row_point(&d, a, 0), row_point(&d, a, 1), row_point(&d, a, 2)];
                // SAFETY: the caller's promise.
                unsafe {
                    e[0].sub(e[1]).store(to.add(a * 3 * points));
                    e[1].store(to.add((a * 3 + 1) * points));
                    e[1].sub(e[2]).store(to.add((a * 3 + 2) * points));
                }
            }
        }
    }
}

#[inline(always)]
fn row_point<L: Lanes>(d: &[[L; 3]; 3], a: usize, j: usize) -> L {
    match a {
        0 => d[0][j].sub(d[1][j]),
        1 => d[1][j],
        _ => d[1][j].sub(d[2][j]),
    }
}

/// 4 × 4 pixels of y to the 25 points of `up`: per axis d0−d1, d1, d1−d2, d2, d2−d3;
/// `out[(a*5+b) * points + channel]`.
///
/// # Safety
/// As [`large_points`], with `deep` channels.
#[inline(always)]
pub(super) unsafe fn small_points<L: Lanes>(patch: &Patch<4>, glass: Glass, deep: usize, out: *mut f32, points: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match (glass.clear(), patch.edge) {
            (true, false) => small_run::<L, false, false>(patch, glass, deep, out, points),
            (true, true) => small_run::<L, false, true>(patch, glass, deep, out, points),
            (false, false) => small_run::<L, true, false>(patch, glass, deep, out, points),
            (false, true) => small_run::<L, true, true>(patch, glass, deep, out, points),
        }
    }
}

#[inline(always)]
unsafe fn small_run<L: Lanes, const LENS: bool, const EDGE: bool>(
    patch: &Patch<4>,
    glass: Glass,
    deep: usize,
    out: *mut f32,
    points: usize,
) {
    let mut channel = 0;
    // SAFETY: the caller's promise; vectors end at `deep`.
    unsafe {
        while channel + L::WIDTH <= deep {
            small_one::<L, LENS, EDGE>(patch, glass, channel, out.wrapping_add(channel), points);
            channel += L::WIDTH;
        }
        while channel < deep {
            small_one::<Single, LENS, EDGE>(patch, glass, channel, out.wrapping_add(channel), points);
            channel += 1;
        }
    }
}

#[inline(always)]
fn five<L: Lanes>(d: [L; 4]) -> [L; 5] {
    [d[0].sub(d[1]), d[1], d[1].sub(d[2]), d[2], d[2].sub(d[3])]
}

#[inline(always)]
unsafe fn small_one<L: Lanes, const LENS: bool, const EDGE: bool>(
    patch: &Patch<4>,
    glass: Glass,
    channel: usize,
    out: *mut f32,
    points: usize,
) {
    // SAFETY: the caller's promise.
    let glass = if LENS { unsafe { glass.at::<L>(channel) } } else { [L::splat(0.0); 3] };
    let mut d = [[L::splat(0.0); 4]; 4];
    for i in 0..4 {
        for j in 0..4 {
            // SAFETY: the caller's promise.
            d[i][j] = unsafe { patch.see::<L, LENS, EDGE>(i, j, channel, &glass) };
        }
    }
    for a in 0..5 {
        let mut row = [L::splat(0.0); 4];
        for j in 0..4 {
            row[j] = five([d[0][j], d[1][j], d[2][j], d[3][j]])[a];
        }
        let row = five(row);
        for b in 0..5 {
            // SAFETY: the caller's promise.
            unsafe { row[b].store(out.add((a * 5 + b) * points)) };
        }
    }
}

/// Results of one phase from its nine products at `from[(a*3+b) * points]`: m0+m1 and m1−m2 per axis.
///
/// # Safety
/// Nine vectors must be readable.
#[inline(always)]
pub(super) unsafe fn results<L: Lanes>(from: *const f32, points: usize) -> [[L; 2]; 2] {
    let mut rows = [[L::splat(0.0); 3]; 2];
    for b in 0..3 {
        // SAFETY: the caller's promise.
        let m = [0, 3, 6].map(|a| unsafe { L::load(from.add((a + b) * points)) });
        rows[0][b] = m[0].add(m[1]);
        rows[1][b] = m[1].sub(m[2]);
    }
    [[rows[0][0].add(rows[0][1]), rows[0][1].sub(rows[0][2])], [rows[1][0].add(rows[1][1]), rows[1][1].sub(rows[1][2])]]
}

/// Nine points of 2 × 2 taps, a vector each: (g0, g0+g1, g1) per axis; `to[(a*3+b) * points]`.
///
/// # Safety
/// Nine vectors must be writable.
#[inline(always)]
pub(super) unsafe fn tap_points<L: Lanes>(g: [[L; 2]; 2], to: *mut f32, points: usize) {
    let row = |g: [L; 2]| [g[0], g[0].add(g[1]), g[1]];
    let sum = [g[0][0].add(g[1][0]), g[0][1].add(g[1][1])];
    for (a, rows) in [row(g[0]), row(sum), row(g[1])].into_iter().enumerate() {
        for (b, value) in rows.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { value.store(to.add((a * 3 + b) * points)) };
        }
    }
}

/// Nine points of a 2 × 2 patch of y for `pair`: (y0, y0+y1, y1) per axis, into panels:
/// `out[(a*3+b) * points + channel/16 * panel + channel%16]`. Channels up to the next multiple of 16 become 0.
///
/// # Safety
/// The patch's pixels and the glass hold `deep` channels; `out` is writable at all those places.
#[inline(always)]
pub(super) unsafe fn gradient_points<L: Lanes>(patch: &Patch<2>, glass: Glass, deep: usize, out: *mut f32, points: usize, panel: usize) {
    let mut channel = 0;
    // SAFETY: the caller's promise; vectors end at `deep`, zeros at the next multiple of 16.
    unsafe {
        while channel + L::WIDTH <= deep {
            let to = out.wrapping_add(channel / PANEL * panel + channel % PANEL);
            gradient_one::<L>(patch, glass, channel, to, points);
            channel += L::WIDTH;
        }
        while channel < deep {
            let to = out.wrapping_add(channel / PANEL * panel + channel % PANEL);
            gradient_one::<Single>(patch, glass, channel, to, points);
            channel += 1;
        }
        while channel % PANEL != 0 {
            for point in 0..9 {
                *out.add(channel / PANEL * panel + channel % PANEL + point * points) = 0.0;
            }
            channel += 1;
        }
    }
}

#[inline(always)]
unsafe fn gradient_one<L: Lanes>(patch: &Patch<2>, glass: Glass, channel: usize, to: *mut f32, points: usize) {
    let mut d = [[L::splat(0.0); 2]; 2];
    // SAFETY: the caller's promise.
    unsafe {
        let clear = glass.clear();
        let glass = if clear { [L::splat(0.0); 3] } else { glass.at::<L>(channel) };
        for i in 0..2 {
            for j in 0..2 {
                d[i][j] = if clear {
                    patch.see::<L, false, true>(i, j, channel, &glass)
                } else {
                    patch.see::<L, true, true>(i, j, channel, &glass)
                };
            }
        }
        tap_points(d, to, points);
    }
}
