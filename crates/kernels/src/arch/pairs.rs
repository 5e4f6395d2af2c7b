//! Words of two signed 16-bit numbers: their products and sums in 32 bits. Bytes are exact in them, and so are the sums and differences of
//! bytes that F(2, 2) multiplies; an instruction set that has no byte products of its own multiplies them faster than `f32`.

use super::bytes::{ByteKernel, ByteWords};
use super::lanes::{Words, blocks};
use super::tile::{PANEL, Product, Rows, Strided, Tile, product, tile};

/// Two 16-bit numbers in each word of 32 bits. [`Words::mul_add`] adds both products of a word to a sum of 32 bits.
pub(crate) trait PairWords: Words {
    /// `PANEL` 16-bit numbers.
    type Numbers: Copy;

    /// `PANEL` bytes.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn widen(from: *const u8) -> Self::Numbers;
    /// left − right.
    fn less(left: Self::Numbers, right: Self::Numbers) -> Self::Numbers;
    /// Writes `PANEL / 2` words.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn put(numbers: Self::Numbers, to: *mut f32);
    /// Sums, added.
    fn add(self, other: Self) -> Self;
    /// Sums: self − other.
    fn sub(self, other: Self) -> Self;
}

/// A product in pairs as a kernel of its own.
pub(crate) struct MultiplyPairs<'a>(pub(crate) Product<'a, Strided>);

impl ByteKernel for MultiplyPairs<'_> {
    #[inline(always)]
    fn run<W: ByteWords>(self) {
        // SAFETY: whoever makes a product has checked its operands' extents.
        unsafe { product::<W::Pairs, _>(&self.0) };
    }
}

/// Four words in plain Rust.
#[derive(Clone, Copy)]
pub(super) struct QuadPairs([u32; 4]);

impl Words for QuadPairs {
    const WIDTH: usize = 4;
    const TALL: usize = 2;
    const PANELS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        Self([0; 4])
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise; pairs have no alignment.
        Self([unsafe { from.cast::<u32>().read_unaligned() }; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { from.cast::<[u32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[u32; 4]>().write_unaligned(self.0) };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        let halves = |word: u32| [word as u16, (word >> 16) as u16].map(|half| i32::from(half.cast_signed()));
        Self(std::array::from_fn(|i| {
            let (data, weight) = (halves(self.0[i]), halves(factor.0[i]));
            term.0[i].wrapping_add_signed(data[0] * weight[0] + data[1] * weight[1])
        }))
    }
    blocks!(4, 4; 1 2);
}

impl PairWords for QuadPairs {
    type Numbers = [i16; PANEL];

    #[inline(always)]
    unsafe fn widen(from: *const u8) -> Self::Numbers {
        // SAFETY: the caller's promise.
        std::array::from_fn(|i| i16::from(unsafe { *from.add(i) }))
    }
    #[inline(always)]
    fn less(left: Self::Numbers, right: Self::Numbers) -> Self::Numbers {
        std::array::from_fn(|i| left[i] - right[i])
    }
    #[inline(always)]
    unsafe fn put(numbers: Self::Numbers, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[i16; PANEL]>().write_unaligned(numbers) };
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].wrapping_add(other.0[i])))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].wrapping_sub(other.0[i])))
    }
}
