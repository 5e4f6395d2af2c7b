//! Words of two signed 16-bit numbers: their products and sums in 32 bits. Bytes are exact in them, and so are the sums and differences of
//! bytes that F(2, 2) multiplies; an instruction set that has no byte products of its own multiplies them faster than `f32`.

use super::bytes::{ByteKernel, ByteWords};
use super::lanes::Words;
use super::tile::{Product, Strided, product};

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
