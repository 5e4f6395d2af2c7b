//! Weights as the kernels read them: transformed to points, in panels of 16 columns. Once a training step.

use std::marker::PhantomData;

use super::axes::{Axis, on_both};
use super::fast::Fast;
use super::{tied, two};
use crate::Pool;
use crate::arch::{Kernel, Lanes, PANEL, dispatch};
use crate::memory::Common;

/// Wide channels a job of [`down_points`] takes.
const BLOCK: usize = 8;

/// `down` by a fast form with these points of taps along an axis: `to[point P · P][deep / 16][phase 4 · wide + channel][16]`.
pub(super) fn down_points<A: Axis<2, P>, const P: usize>(pool: &Pool, weight: &[f32], wide: usize, deep: usize, to: &mut [f32]) {
    let panels = deep.div_ceil(PANEL);
    assert!(weight.len() == 16 * wide * deep && to.len() == P * P * panels * 4 * wide * PANEL);
    let common = Common::new(to);
    pool.run(wide.div_ceil(BLOCK), |job| {
        let channels = (job * BLOCK, wide.min((job + 1) * BLOCK));
        dispatch(pool.level(), DownPoints::<A, P> { axis: PhantomData, weight, wide, deep, channels, to: common });
    });
}

struct DownPoints<'a, A, const P: usize> {
    axis: PhantomData<A>,
    weight: &'a [f32],
    wide: usize,
    deep: usize,
    channels: (usize, usize),
    to: Common,
}

impl<A: Axis<2, P>, const P: usize> Kernel for DownPoints<'_, A, P> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { weight, wide, deep, .. } = self;
        let panels = deep.div_ceil(PANEL);
        let points = panels * 4 * wide * PANEL;
        let mut padded = [0.0f32; 16 * PANEL];
        for panel in 0..panels {
            for channel in self.channels.0..self.channels.1 {
                let columns = PANEL.min(deep - panel * PANEL);
                let tap = |tap: usize| (tap * wide + channel) * deep + panel * PANEL;
                let (from, stride) = if columns == PANEL {
                    (weight[tap(0)..].as_ptr(), wide * deep)
                } else {
                    for i in 0..16 {
                        padded[i * PANEL..][..columns].copy_from_slice(&weight[tap(i)..][..columns]);
                    }
                    (padded.as_ptr(), PANEL)
                };
                for phase in 0..4 {
                    let (p, q) = (phase / 2, phase % 2);
                    let at = self.to.at((panel * 4 * wide + phase * wide + channel) * PANEL, (P * P - 1) * points + PANEL);
                    let mut v = 0;
                    while v < PANEL {
                        // SAFETY: tap 15 of the last channel ends within the weight (or the padding) by the lengths
                        // asserted above; `at` checked the last point; jobs write their own channels.
                        unsafe {
                            on_both::<A, L, 2, P>(
                                |a, b| L::load(from.add(((2 * a + p) * 4 + 2 * b + q) * stride + v)),
                                |a, b, point| point.store(at.add((a * P + b) * points + v)),
                            );
                        }
                        v += L::WIDTH;
                    }
                }
            }
        }
    }
}

/// The tap of the small map's point 0 and 1 that an output phase meets: even outputs taps 3 and 1, odd ones 2 and 0.
const TAPS: [[usize; 2]; 2] = [[3, 1], [2, 0]];

/// `up` by F(2, 2): `to[phase 4 · point 9][wide / 16][deep][16]`.
pub(super) fn up_points(pool: &Pool, weight: &[f32], wide: usize, deep: usize, to: &mut [f32]) {
    assert_eq!(to.len(), two::Up::weight(deep, wide));
    turned_points(pool, weight, wide, deep, to, false);
}

/// `up` with tied taps: `to[product 25][wide / 16][deep][16]`, products as [`tied::PLACE`] has them.
pub(super) fn tied_points(pool: &Pool, weight: &[f32], wide: usize, deep: usize, to: &mut [f32]) {
    assert_eq!(to.len(), tied::Up::weight(deep, wide));
    turned_points(pool, weight, wide, deep, to, true);
}

fn turned_points(pool: &Pool, weight: &[f32], wide: usize, deep: usize, to: &mut [f32], tied: bool) {
    assert_eq!(weight.len(), 16 * wide * deep);
    let common = Common::new(to);
    let blocks = deep.div_ceil(4 * PANEL);
    pool.run(wide.div_ceil(PANEL) * blocks, |job| {
        let (panel, block) = (job / blocks, job % blocks);
        for from in (block * 4 * PANEL..deep.min((block + 1) * 4 * PANEL)).step_by(PANEL) {
            dispatch(pool.level(), TurnedPoints { weight, wide, deep, panel, from, tied, to: common });
        }
    });
}

/// Points of 16 wide channels and 16 deep ones, whose places change: wide ones are columns here.
struct TurnedPoints<'a> {
    weight: &'a [f32],
    wide: usize,
    deep: usize,
    panel: usize,
    from: usize,
    tied: bool,
    to: Common,
}

impl TurnedPoints<'_> {
    /// Of a phase's 2 × 2 taps, by `tap`, the nine points of F(2, 2).
    ///
    /// # Safety
    /// Nine vectors, `points` numbers apart, are writable from `to` on.
    #[inline(always)]
    unsafe fn phase<L: Lanes>(tap: impl Fn(usize) -> L, phase: usize, to: *mut f32, points: usize) {
        on_both::<two::Taps, L, 2, 3>(
            |a, b| tap(TAPS[phase / 2][a] * 4 + TAPS[phase % 2][b]),
            // SAFETY: the caller's promise.
            |a, b, point| unsafe { point.store(to.add((a * 3 + b) * points)) },
        );
    }

    /// Of 4 × 4 tied taps, by `tap`, the 25 points.
    ///
    /// # Safety
    /// 25 vectors, `points` numbers apart, are writable from `to` on.
    #[inline(always)]
    unsafe fn tied<L: Lanes>(tap: impl Fn(usize) -> L, to: *mut f32, points: usize) {
        on_both::<tied::Taps, L, 4, 5>(
            |ky, kx| tap(ky * 4 + kx),
            // SAFETY: the caller's promise.
            |i, j, product| unsafe { product.store(to.add(tied::PLACE[i][j] * points)) },
        );
    }
}

impl Kernel for TurnedPoints<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { weight, wide, deep, panel, from, .. } = self;
        let points = wide.div_ceil(PANEL) * deep * PANEL;
        let mut turned = [0.0f32; 16 * PANEL * PANEL];
        for tap in 0..16 {
            turn::<L>(weight, tap * wide, wide, deep, panel, from, &mut turned[tap * PANEL * PANEL..][..PANEL * PANEL]);
        }
        let products = if self.tied { tied::Up::PRODUCTS } else { two::Up::PRODUCTS };
        for d in 0..PANEL.min(deep - from) {
            let at = self.to.at((panel * deep + from + d) * PANEL, (products - 1) * points + PANEL);
            for v in (0..PANEL).step_by(L::WIDTH) {
                // SAFETY: `turned` holds 16 taps of 16 × 16; `at` checked the last product; jobs write their own panel and depth.
                unsafe {
                    let tap = |tap: usize| L::load(turned.as_ptr().add((tap * PANEL + d) * PANEL + v));
                    if self.tied {
                        Self::tied(tap, at.add(v), points);
                    } else {
                        (0..4).for_each(|phase| Self::phase(tap, phase, at.add(phase * 9 * points + v), points));
                    }
                }
            }
        }
    }
}

/// 16 wide rows × 16 deep columns of a weight's rows from `first`, transposed; missing ones are 0.
#[inline(always)]
fn turn<L: Lanes>(weight: &[f32], first: usize, wide: usize, deep: usize, panel: usize, from: usize, to: &mut [f32]) {
    assert_eq!(to.len(), PANEL * PANEL);
    let (rows, columns) = (PANEL.min(wide - panel * PANEL), PANEL.min(deep - from));
    let start = (first + panel * PANEL) * deep + from;
    if rows == PANEL && columns == PANEL {
        let source = &weight[start..start + (PANEL - 1) * deep + PANEL];
        // SAFETY: the slice holds 16 rows of 16, `deep` apart; `to` 256 numbers.
        unsafe { L::transpose(source.as_ptr(), deep, to.as_mut_ptr()) };
        return;
    }
    to.fill(0.0);
    for r in 0..rows {
        for c in 0..columns {
            to[c * PANEL + r] = weight[start + r * deep + c];
        }
    }
}

/// Panels of a matrix stored row after row: `to[columns / 16][rows][16]`; columns beyond the last are 0.
pub(crate) fn panels(pool: &Pool, from: &[f32], rows: usize, columns: usize, stride: usize, to: &mut [f32]) {
    let panels = columns.div_ceil(PANEL);
    assert!(from.len() >= (rows - 1) * stride + columns && to.len() == panels * rows * PANEL);
    let common = Common::new(to);
    let block = 64;
    pool.run(rows.div_ceil(block), |job| {
        let (first, last) = (job * block, rows.min((job + 1) * block));
        for panel in 0..panels {
            let width = PANEL.min(columns - panel * PANEL);
            let at = common.at((panel * rows + first) * PANEL, (last - first) * PANEL);
            // SAFETY: `at` checked the length; jobs write their own rows.
            let to = unsafe { std::slice::from_raw_parts_mut(at, (last - first) * PANEL) };
            for (row, to) in (first..last).zip(to.chunks_exact_mut(PANEL)) {
                let from = &from[row * stride + panel * PANEL..][..width];
                if let Ok(from) = <&[f32; PANEL]>::try_from(from) {
                    to.copy_from_slice(from);
                } else {
                    to[..width].copy_from_slice(from);
                    to[width..].fill(0.0);
                }
            }
        }
    });
}

/// Panels of the transpose: `from` is stored as `columns` rows of `rows` numbers; `to[columns / 16][rows][16]`.
pub(crate) fn turned_panels(pool: &Pool, from: &[f32], rows: usize, columns: usize, stride: usize, to: &mut [f32]) {
    let panels = columns.div_ceil(PANEL);
    assert!(from.len() >= (columns - 1) * stride + rows && to.len() == panels * rows * PANEL);
    let common = Common::new(to);
    let block = 4 * PANEL;
    let blocks = rows.div_ceil(block);
    pool.run(panels * blocks, |job| {
        let (panel, first) = (job / blocks, job % blocks * block);
        for row in (first..rows.min(first + block)).step_by(PANEL) {
            dispatch(pool.level(), TurnPanel { from, rows, columns, stride, panel, row, to: common });
        }
    });
}

struct TurnPanel<'a> {
    from: &'a [f32],
    rows: usize,
    columns: usize,
    stride: usize,
    panel: usize,
    row: usize,
    to: Common,
}

impl Kernel for TurnPanel<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { from, rows, columns, stride, panel, row, .. } = self;
        let (height, width) = (PANEL.min(rows - row), PANEL.min(columns - panel * PANEL));
        let at = self.to.at((panel * rows + row) * PANEL, height * PANEL);
        let start = panel * PANEL * stride + row;
        if height == PANEL && width == PANEL {
            let source = &from[start..start + (PANEL - 1) * stride + PANEL];
            // SAFETY: the slice holds 16 rows of 16; `at` checked 256 numbers; jobs write their own panel and rows.
            unsafe { L::transpose(source.as_ptr(), stride, at) };
            return;
        }
        // SAFETY: `at` checked the length; jobs write their own panel and rows.
        let to = unsafe { std::slice::from_raw_parts_mut(at, height * PANEL) };
        to.fill(0.0);
        for c in 0..width {
            for r in 0..height {
                to[r * PANEL + c] = from[start + c * stride + r];
            }
        }
    }
}
