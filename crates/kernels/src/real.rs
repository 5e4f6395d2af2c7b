//! The two number types of the program: `f32`, which computes, and `f64`, which checks.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` or `f64`. Sealed: kernels are dispatched on it (`f32` fast, `f64` the plain loops of [`crate::reference`]).
pub trait Real:
    sealed::Sealed
    + Copy
    + Default
    + Debug
    + Display
    + Send
    + Sync
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Nearest value of the type.
    fn from_f32(value: f32) -> Self;
    /// Nearest value of the type.
    fn from_f64(value: f64) -> Self;
    /// Nearest `f32`.
    fn to_f32(self) -> f32;
    /// The same value in double precision.
    fn to_f64(self) -> f64;
    /// Absolute value.
    fn abs(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// e to this power.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + self), accurate near 0.
    fn ln_1p(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The larger of two numbers.
    fn max(self, other: Self) -> Self;
    /// The smaller of two numbers.
    fn min(self, other: Self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// The slice as `f32` if that is what it holds: how generic functions reach the fast kernels.
    #[doc(hidden)]
    fn singles(values: &[Self]) -> Option<&[f32]>;
    /// Such a slice of `f32`, if that is what the type is.
    #[doc(hidden)]
    fn of_singles(values: &[f32]) -> Option<&[Self]>;
    /// The slice as `f32` if that is what it holds.
    #[doc(hidden)]
    fn singles_mut(values: &mut [Self]) -> Option<&mut [f32]>;
}

macro_rules! real {
    ($type:ty, $single:expr, $of_single:expr, $single_mut:expr) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                value as $type
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$type>::abs(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$type>::sqrt(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                <$type>::exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                <$type>::ln(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                <$type>::ln_1p(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                <$type>::tanh(self)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                <$type>::max(self, other)
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                <$type>::min(self, other)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                <$type>::is_finite(self)
            }
            #[inline(always)]
            fn singles(values: &[Self]) -> Option<&[f32]> {
                $single(values)
            }
            #[inline(always)]
            fn of_singles(values: &[f32]) -> Option<&[Self]> {
                $of_single(values)
            }
            #[inline(always)]
            fn singles_mut(values: &mut [Self]) -> Option<&mut [f32]> {
                $single_mut(values)
            }
        }
    };
}

real!(f32, Some, Some, Some);
real!(f64, |_| None, |_| None, |_| None);
