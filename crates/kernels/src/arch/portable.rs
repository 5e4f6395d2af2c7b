//! Plain Rust: four numbers at a time, which every compiler turns into some vector; and single numbers for tails.

use super::lanes::{Lanes, Words, blocks};
use super::tile::{Rows, Tile, tile};

/// Four numbers.
#[derive(Clone, Copy)]
pub(crate) struct Quad([f32; 4]);

/// One number: how channels beyond the last whole vector are computed, by the same code.
#[derive(Clone, Copy)]
pub(crate) struct Single(f32);

macro_rules! zip {
    ($a:expr, $b:expr, $f:expr) => {{
        let (a, b) = ($a.0, $b.0);
        let f = $f;
        Quad([f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])])
    }};
}

impl Words for Quad {
    const WIDTH: usize = 4;
    const TALL: usize = 2;
    const PANELS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        Self([0.0; 4])
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self([unsafe { *from }; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; no alignment beyond f32's is assumed.
        Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // Not fused: without the instruction a fused product is a library call.
        self.mul(factor).add(term)
    }
    blocks!(4, 4; 1 2);
}

impl Lanes for Quad {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        zip!(self, other, |a: f32, b: f32| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        zip!(self, other, |a: f32, b: f32| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        zip!(self, other, |a: f32, b: f32| a * b)
    }
    #[inline(always)]
    fn leaky(self, slope: Self) -> Self {
        zip!(self, slope, |a: f32, s: f32| if a > 0.0 { a } else { s * a })
    }
}

impl Words for Single {
    const WIDTH: usize = 1;
    const TALL: usize = 1;
    const PANELS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        Self(0.0)
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { *from })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { *from })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { *to = self.0 };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(self.0 * factor.0 + term.0)
    }
    blocks!(16, 16; 1);
}

impl Lanes for Single {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(value)
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
    #[inline(always)]
    fn leaky(self, slope: Self) -> Self {
        Self(if self.0 > 0.0 { self.0 } else { slope.0 * self.0 })
    }
}
