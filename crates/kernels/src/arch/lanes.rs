//! What vectors can do, and how an algorithm written over it is entered.

use super::Level;
use super::tile::{Rows, Tile};

/// A vector of [`Words::WIDTH`] words of 32 bits: what a register block of the micro-kernel needs. What a word means (an `f32`, or four
/// bytes and their sum) is the implementor's business. All methods must be inlined into a function that enables the instruction set.
pub(crate) trait Words: Copy {
    /// Words in a vector: a divisor of 16.
    const WIDTH: usize;
    /// Rows of the largest register block.
    const TALL: usize;
    /// Rows of the largest block of one panel where blocks of more have fewer: there every row costs a load and a product.
    const TALL_ONE: usize = Self::TALL;
    /// Panels of 16 columns a register block spans if there are so many.
    const PANELS: usize;

    fn zero() -> Self;
    /// One word in every place.
    ///
    /// # Safety
    /// It must be readable.
    unsafe fn broadcast(from: *const f32) -> Self;
    /// Reads `WIDTH` words.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn load(from: *const f32) -> Self;
    /// Asks for a cache line that will be read soon; any address will do.
    #[inline(always)]
    fn fetch(_from: *const f32) {}
    /// Writes `WIDTH` words.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn store(self, to: *mut f32);
    /// self · factor + term.
    fn mul_add(self, factor: Self, term: Self) -> Self;

    /// A register block of `rows` (1..=TALL, or TALL_ONE) rows and one panel.
    ///
    /// # Safety
    /// That of [`super::tile::tile`].
    unsafe fn one<R: Rows>(rows: usize, tile: &Tile<'_, R>);
    /// The same over `PANELS` panels.
    ///
    /// # Safety
    /// That of [`super::tile::tile`].
    unsafe fn group<R: Rows>(rows: usize, tile: &Tile<'_, R>);
}

/// A vector of `f32`. [`dispatch`] is the only way in.
pub(crate) trait Lanes: Words {
    fn splat(value: f32) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// self > 0 ? self : slope · self; for slopes of at most 1 the larger of both. NaN stays NaN.
    fn leaky(self, slope: Self) -> Self;

    /// Transposes 16 × 16 numbers: `to[c * 16 + r] = from[r * stride + c]`.
    ///
    /// # Safety
    /// 16 rows of 16 numbers must be readable, 256 numbers writable.
    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32) {
        for r in 0..16 {
            for c in 0..16 {
                // SAFETY: the caller's promise.
                unsafe { *to.add(c * 16 + r) = *from.add(r * stride + c) };
            }
        }
    }
}

/// Implements [`Words::one`] and [`Words::group`] by register blocks of the listed heights.
macro_rules! blocks {
    ($one:literal, $group:literal; $($rows:literal)* $(, $tall:literal)?) => {
        #[inline(always)]
        unsafe fn one<R: Rows>(rows: usize, block: &Tile<'_, R>) {
            match rows {
                // SAFETY: the caller's promise.
                $($rows => unsafe { tile::<Self, $rows, $one, R>(block) },)*
                // SAFETY: the caller's promise.
                $($tall => unsafe { tile::<Self, $tall, $one, R>(block) },)?
                _ => unreachable!("a block of {rows} rows"),
            }
        }
        #[inline(always)]
        unsafe fn group<R: Rows>(rows: usize, block: &Tile<'_, R>) {
            match rows {
                // SAFETY: the caller's promise.
                $($rows => unsafe { tile::<Self, $rows, $group, R>(block) },)*
                _ => unreachable!("a block of {rows} rows"),
            }
        }
    };
}
pub(super) use blocks;

/// An algorithm over any [`Lanes`]: a record of its arguments.
pub(crate) trait Kernel {
    /// Runs it. Must be `#[inline(always)]`.
    fn run<L: Lanes>(self);
}

/// Runs a kernel under an instruction set.
///
/// # Panics
/// If the processor has not got it (pools are only made for those it has).
pub(crate) fn dispatch<K: Kernel>(level: Level, kernel: K) {
    debug_assert!(level.available());
    match level {
        Level::Portable => kernel.run::<super::portable::Quad>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Pool::with_level` refuses a level that this processor has not got.
        Level::Avx2 => unsafe { super::avx2::enter(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx512 => unsafe { super::avx512::enter(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above.
        Level::Neon => unsafe { super::neon::enter(kernel) },
        #[allow(unreachable_patterns, reason = "which arms remain depends on the target")]
        _ => unreachable!("{level} is not an instruction set of this architecture"),
    }
}
