//! Eight numbers at once. Sums over them have one fixed order.

use std::ops::{Add, Div, Mul, Sub};

/// Numbers in one vector.
pub(super) const WIDTH: usize = 8;

#[derive(Clone, Copy)]
pub(super) struct Lanes([f32; WIDTH]);

impl Lanes {
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self([value; WIDTH])
    }

    /// The first eight of a slice.
    #[inline(always)]
    pub fn load(from: &[f32]) -> Self {
        let mut lanes = [0.0; WIDTH];
        lanes.copy_from_slice(&from[..WIDTH]);
        Self(lanes)
    }

    #[inline(always)]
    pub fn store(self, to: &mut [f32]) {
        to[..WIDTH].copy_from_slice(&self.0);
    }

    #[inline(always)]
    pub fn sqrt(self) -> Self {
        self.map(f32::sqrt)
    }

    #[inline(always)]
    pub fn abs(self) -> Self {
        self.map(f32::abs)
    }

    /// The larger of each two; the lanes hold no NaN.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    pub fn sum(self) -> f32 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }

    #[inline(always)]
    fn map(self, with: impl Fn(f32) -> f32) -> Self {
        let mut lanes = self.0;
        for lane in &mut lanes {
            *lane = with(*lane);
        }
        Self(lanes)
    }

    #[inline(always)]
    fn zip(self, other: Self, with: impl Fn(f32, f32) -> f32) -> Self {
        let mut lanes = self.0;
        for (lane, other) in lanes.iter_mut().zip(other.0) {
            *lane = with(*lane, other);
        }
        Self(lanes)
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $sign:tt) => {
        impl $trait for Lanes {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $sign b)
            }
        }
    };
}

operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);
