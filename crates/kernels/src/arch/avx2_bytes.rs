//! Byte products in vectors of 256 bits, eight words (register blocks of 4 × 16, with AVX-VNNI 6 × 16), and products of 16-bit numbers (6 × 16).

use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::bytes::{ByteKernel, ByteWords};
use super::lanes::{Words, blocks};
use super::pairs::PairWords;
use super::portable_bytes::{self, Four};
use super::tile::{PANEL, Rows, Tile, tile};

/// Runs a kernel with AVX2 enabled.
///
/// # Safety
/// The processor must have it and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn enter<K: ByteKernel>(kernel: K) {
    kernel.run::<Eight<Widened>>();
}

/// Eight words, and how two of them are multiplied.
#[derive(Clone, Copy)]
pub(super) struct Eight<M>(__m256i, PhantomData<M>);

/// What a word's products are.
pub(super) trait Multiplying: Copy {
    /// Rows of the tallest block.
    const TALL: usize;
    /// Sums plus the products of each word of both factors.
    ///
    /// # Safety
    /// The processor must have the instruction set.
    unsafe fn add(sums: __m256i, data: __m256i, weights: __m256i) -> __m256i;
}

/// Four products of bytes, by AVX-VNNI.
#[derive(Clone, Copy)]
pub(super) struct Vnni;
/// Four products of bytes, widened to 16 bits.
#[derive(Clone, Copy)]
pub(super) struct Widened;
/// Two products of 16-bit numbers.
#[derive(Clone, Copy)]
pub(super) struct Pairs;

impl Multiplying for Vnni {
    const TALL: usize = 6;

    #[inline(always)]
    unsafe fn add(sums: __m256i, data: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_dpbusd_avx_epi32(sums, data, weights) }
    }
}

impl Multiplying for Widened {
    // Leaves room for weights and data as 16-bit numbers.
    const TALL: usize = 4;

    #[inline(always)]
    unsafe fn add(sums: __m256i, data: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe {
            // Products of bytes by `vpmaddubsw` would saturate; even and odd bytes as 16-bit numbers do not. What is done to a factor here
            // is done once for all rows of a block.
            let even = (_mm256_and_si256(data, _mm256_set1_epi16(0xff)), _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(weights)));
            let odd = (_mm256_srli_epi16::<8>(data), _mm256_srai_epi16::<8>(weights));
            let sums = _mm256_add_epi32(sums, _mm256_madd_epi16(even.0, even.1));
            _mm256_add_epi32(sums, _mm256_madd_epi16(odd.0, odd.1))
        }
    }
}

impl Multiplying for Pairs {
    const TALL: usize = 6;

    #[inline(always)]
    unsafe fn add(sums: __m256i, data: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(data, weights)) }
    }
}

// SAFETY (all blocks below): values of these types are only made inside `enter` and those of [`super::vnni`], whose callers have checked the
// processor.
impl<M: Multiplying> Words for Eight<M> {
    const WIDTH: usize = 8;
    const TALL: usize = M::TALL;
    const PANELS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: within `enter` or `enter_avx`.
        Self(unsafe { _mm256_setzero_si256() }, PhantomData)
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }, PhantomData)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm256_loadu_si256(from.cast()) }, PhantomData)
    }
    #[inline(always)]
    fn fetch(from: *const f32) {
        // SAFETY: a hint that reads nothing and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) };
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_si256(to.cast(), self.0) };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: within `enter` or `enter_avx`.
        Self(unsafe { M::add(term.0, self.0, factor.0) }, PhantomData)
    }
    // Of widened bytes the two tallest are never asked for.
    blocks!(2, 2; 1 2 3 4 5 6);
}

/// Both halves as numbers in a row, and back: for what is rare.
#[inline(always)]
unsafe fn whole(values: [__m256; 2]) -> [f32; PANEL] {
    let mut all = [0.0; PANEL];
    // SAFETY: `all` holds both halves; within `enter` or `enter_avx`.
    unsafe {
        _mm256_storeu_ps(all.as_mut_ptr(), values[0]);
        _mm256_storeu_ps(all.as_mut_ptr().add(8), values[1]);
    }
    all
}

#[inline(always)]
unsafe fn halves(all: [f32; PANEL]) -> [__m256; 2] {
    // SAFETY: `all` holds both halves; within `enter` or `enter_avx`.
    unsafe { [_mm256_loadu_ps(all.as_ptr()), _mm256_loadu_ps(all.as_ptr().add(8))] }
}

impl<M: Multiplying> ByteWords for Eight<M> {
    type Values = [__m256; 2];
    type Sums = [__m256i; 2];
    type Pairs = Eight<Pairs>;

    #[inline(always)]
    unsafe fn numbers(from: *const f32) -> Self::Values {
        // SAFETY: the caller's promise, in two halves.
        [0, 8].map(|at| unsafe { _mm256_loadu_ps(from.add(at)) })
    }
    #[inline(always)]
    unsafe fn sums(from: *const i32) -> Self::Sums {
        // SAFETY: the caller's promise, in two halves.
        [0, 8].map(|at| unsafe { _mm256_loadu_si256(from.add(at).cast()) })
    }
    #[inline(always)]
    unsafe fn insert(values: Self::Values, from: *const f32, places: u16) -> Self::Values {
        // SAFETY: the caller's promise; within `enter` or `enter_avx`.
        unsafe { halves(Four::<portable_bytes::Bytes>::insert(whole(values), from, places)) }
    }
    #[inline(always)]
    fn nothing() -> Self::Values {
        // SAFETY: within `enter` or `enter_avx`.
        [unsafe { _mm256_setzero_ps() }; 2]
    }
    #[inline(always)]
    fn moved(values: Self::Values, by: usize) -> Self::Values {
        // SAFETY: within `enter` or `enter_avx`.
        unsafe { halves(Four::<portable_bytes::Bytes>::moved(whole(values), by)) }
    }
    #[inline(always)]
    fn values(sums: Self::Sums, zero: Self::Sums, gain: Self::Values, offset: Self::Values) -> Self::Values {
        // SAFETY: within `enter` or `enter_avx`.
        [0, 1].map(|half| unsafe {
            let bare = _mm256_cvtepi32_ps(_mm256_sub_epi32(sums[half], zero[half]));
            _mm256_add_ps(_mm256_mul_ps(bare, gain[half]), offset[half])
        })
    }
    #[inline(always)]
    fn leaky(values: Self::Values, slope: f32) -> Self::Values {
        // SAFETY: within `enter` or `enter_avx`.
        values.map(|v| unsafe { _mm256_max_ps(_mm256_mul_ps(v, _mm256_set1_ps(slope)), v) })
    }
    #[inline(always)]
    unsafe fn put_numbers(values: Self::Values, to: *mut f32, count: usize) {
        let mut all = [0.0f32; PANEL];
        // SAFETY: the caller's promise; `all` holds both halves.
        unsafe {
            let whole = if count == PANEL { to } else { all.as_mut_ptr() };
            _mm256_storeu_ps(whole, values[0]);
            _mm256_storeu_ps(whole.add(8), values[1]);
            if count < PANEL {
                (0..count).for_each(|i| *to.add(i) = all[i]);
            }
        }
    }
    #[inline(always)]
    unsafe fn put_bytes(values: Self::Values, inverse: Self::Values, shift: Self::Values, to: *mut u8, count: usize) {
        let mut all = [0u8; PANEL];
        // SAFETY: the caller's promise; `all` holds sixteen bytes.
        unsafe {
            let code = |half: usize| {
                let code = _mm256_add_ps(_mm256_mul_ps(values[half], inverse[half]), shift[half]);
                _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(code, _mm256_setzero_ps()), _mm256_set1_ps(255.0)))
            };
            // Packing works within halves of 128 bits: the middle quarters change places.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(code(0), code(1)));
            let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            if count == PANEL {
                return _mm_storeu_si128(to.cast(), bytes);
            }
            _mm_storeu_si128(all.as_mut_ptr().cast(), bytes);
            (0..count).for_each(|i| *to.add(i) = all[i]);
        }
    }
}

impl PairWords for Eight<Pairs> {
    type Numbers = __m256i;

    #[inline(always)]
    unsafe fn widen(from: *const u8) -> Self::Numbers {
        // SAFETY: the caller's promise.
        unsafe { _mm256_cvtepu8_epi16(_mm_loadu_si128(from.cast())) }
    }
    #[inline(always)]
    fn less(left: Self::Numbers, right: Self::Numbers) -> Self::Numbers {
        // SAFETY: as above.
        unsafe { _mm256_sub_epi16(left, right) }
    }
    #[inline(always)]
    unsafe fn put(numbers: Self::Numbers, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_si256(to.cast(), numbers) };
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_add_epi32(self.0, other.0) }, PhantomData)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_sub_epi32(self.0, other.0) }, PhantomData)
    }
}
