//! Words of bytes and of 16-bit numbers in plain Rust: what every instruction set's are, and what runs where there is none.

use std::marker::PhantomData;

use super::bytes::ByteWords;
use super::lanes::{Words, blocks};
use super::pairs::PairWords;
use super::tile::{PANEL, Rows, Tile, tile};

/// Four words, and what two of them multiply to.
#[derive(Clone, Copy)]
pub(super) struct Four<M>([u32; 4], PhantomData<M>);

/// What a word holds.
pub(super) trait Held: Copy {
    /// The sum of the products of two words' parts.
    fn products(data: u32, weights: u32) -> i32;
}

/// Four bytes; weights are signed.
#[derive(Clone, Copy)]
pub(super) struct Bytes;
/// Two signed 16-bit numbers.
#[derive(Clone, Copy)]
pub(super) struct Pairs;

impl Held for Bytes {
    #[inline(always)]
    fn products(data: u32, weights: u32) -> i32 {
        let pairs = data.to_le_bytes().into_iter().zip(weights.to_le_bytes());
        pairs.map(|(data, weight)| i32::from(data) * i32::from(weight.cast_signed())).sum()
    }
}

impl Held for Pairs {
    #[inline(always)]
    fn products(data: u32, weights: u32) -> i32 {
        let halves = |word: u32| [word as u16, (word >> 16) as u16].map(|half| i32::from(half.cast_signed()));
        let (data, weights) = (halves(data), halves(weights));
        data[0] * weights[0] + data[1] * weights[1]
    }
}

impl<M: Held> Words for Four<M> {
    const WIDTH: usize = 4;
    const TALL: usize = 2;
    const PANELS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        Self([0; 4], PhantomData)
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise; what a word holds has no alignment.
        Self([unsafe { from.cast::<u32>().read_unaligned() }; 4], PhantomData)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { from.cast::<[u32; 4]>().read_unaligned() }, PhantomData)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[u32; 4]>().write_unaligned(self.0) };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(std::array::from_fn(|i| term.0[i].wrapping_add_signed(M::products(self.0[i], factor.0[i]))), PhantomData)
    }
    blocks!(4, 4; 1 2);
}

impl ByteWords for Four<Bytes> {
    type Values = [f32; PANEL];
    type Sums = [i32; PANEL];
    type Pairs = Four<Pairs>;

    #[inline(always)]
    unsafe fn numbers(from: *const f32) -> Self::Values {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<Self::Values>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn sums(from: *const i32) -> Self::Sums {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<Self::Sums>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn insert(values: Self::Values, from: *const f32, places: u16) -> Self::Values {
        let mut next = 0;
        std::array::from_fn(|i| {
            if places >> i & 1 == 0 {
                return values[i];
            }
            next += 1;
            // SAFETY: the caller's promise.
            unsafe { *from.add(next - 1) }
        })
    }
    #[inline(always)]
    fn nothing() -> Self::Values {
        [0.0; PANEL]
    }
    #[inline(always)]
    fn moved(values: Self::Values, by: usize) -> Self::Values {
        std::array::from_fn(|i| values.get(i + by).copied().unwrap_or(0.0))
    }
    #[inline(always)]
    fn values(sums: Self::Sums, zero: Self::Sums, gain: Self::Values, offset: Self::Values) -> Self::Values {
        std::array::from_fn(|i| sums[i].wrapping_sub(zero[i]) as f32 * gain[i] + offset[i])
    }
    #[inline(always)]
    fn leaky(values: Self::Values, slope: f32) -> Self::Values {
        values.map(|v| if v > 0.0 { v } else { v * slope })
    }
    #[inline(always)]
    unsafe fn put_numbers(values: Self::Values, to: *mut f32, count: usize) {
        for (i, &value) in values[..count].iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { *to.add(i) = value };
        }
    }
    #[inline(always)]
    unsafe fn put_bytes(values: Self::Values, inverse: Self::Values, shift: Self::Values, to: *mut u8, count: usize) {
        for (i, &value) in values[..count].iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { *to.add(i) = (value * inverse[i] + shift[i]).round_ties_even().clamp(0.0, 255.0) as u8 };
        }
    }
}

impl PairWords for Four<Pairs> {
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
        Self(std::array::from_fn(|i| self.0[i].wrapping_add(other.0[i])), PhantomData)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].wrapping_sub(other.0[i])), PhantomData)
    }
}
