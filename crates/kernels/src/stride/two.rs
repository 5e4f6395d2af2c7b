//! The transforms of F(2, 2) on the pixel phases: patches to points, weights to points, products to results.
//!
//! Per axis and phase, with d the data and g the two taps: m = (d0−d1)·g0, d1·(g0+g1), (d1−d2)·g1; results m0+m1 and
//! m1−m2 (Lavin and Gray's minimal filtering, arXiv 1509.09308, on the phases of a strided convolution, arXiv 2002.00552).

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use super::patch::{Glass, Patch};
use super::walk::{ToPixels, ToPoints};
use crate::arch::{Lanes, PANEL, Single};

/// Of a large map: 6 × 6 pixels to nine points of each phase.
#[derive(Clone, Copy)]
pub(super) struct Large;

impl ToPoints<6> for Large {
    const SCALE: usize = 2;
    const PHASES: usize = 4;

    #[inline(always)]
    unsafe fn points<L: Lanes, const LENS: bool, const EDGE: bool>(
        self,
        patch: &Patch<6>,
        phase: usize,
        channel: usize,
        glass: &[L; 3],
        to: *mut f32,
        points: usize,
    ) {
        let (p, q) = (phase / 2, phase % 2);
        let mut d = [[L::splat(0.0); 3]; 3];
        for i in 0..3 {
            for j in 0..3 {
                // SAFETY: the caller's promise.
                d[i][j] = unsafe { patch.see::<L, LENS, EDGE>(2 * i + p, 2 * j + q, channel, glass) };
            }
        }
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

#[inline(always)]
fn row_point<L: Lanes>(d: &[[L; 3]; 3], a: usize, j: usize) -> L {
    match a {
        0 => d[0][j].sub(d[1][j]),
        1 => d[1][j],
        _ => d[1][j].sub(d[2][j]),
    }
}

/// Of a small map, for `up`: 4 × 4 pixels to 25 points, per axis d0−d1, d1, d1−d2, d2, d2−d3. A phase's nine are among them.
#[derive(Clone, Copy)]
pub(super) struct Small;

impl ToPoints<4> for Small {
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
        points: usize,
    ) {
        let mut d = [[L::splat(0.0); 4]; 4];
        for i in 0..4 {
            for j in 0..4 {
                // SAFETY: the caller's promise.
                d[i][j] = unsafe { patch.see::<L, LENS, EDGE>(i, j, channel, glass) };
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
                unsafe { row[b].store(to.add((a * 5 + b) * points)) };
            }
        }
    }
}

#[inline(always)]
fn five<L: Lanes>(d: [L; 4]) -> [L; 5] {
    [d[0].sub(d[1]), d[1], d[1].sub(d[2]), d[2], d[2].sub(d[3])]
}

/// The results of a phase.
#[derive(Clone, Copy)]
pub(super) struct Phase;

impl ToPixels<2> for Phase {
    const PRODUCTS: usize = 9;

    #[inline(always)]
    unsafe fn results<L: Lanes>(self, from: *const f32, points: usize, mut put: impl FnMut(usize, usize, L)) {
        // SAFETY: the caller's promise.
        let found = unsafe { results::<L>(from, points) };
        for i in 0..2 {
            for j in 0..2 {
                put(i, j, found[i][j]);
            }
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
