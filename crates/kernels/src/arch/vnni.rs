//! x86-64's byte products: AVX-512 VNNI (sixteen words; register blocks of 12 × 32). AVX-VNNI's eight words are those of [`super::avx2_bytes`].

use std::arch::x86_64::*;

use super::avx2_bytes::{Eight, Pairs, Vnni};
use super::bytes::{ByteKernel, ByteWords};
use super::lanes::{Words, blocks};
use super::tile::{PANEL, Rows, Tile, tile};

/// Runs a kernel with AVX-VNNI enabled.
///
/// # Safety
/// The processor must have it and AVX2.
#[target_feature(enable = "avxvnni,avx2,fma")]
pub(super) unsafe fn enter_avx<K: ByteKernel>(kernel: K) {
    kernel.run::<Eight<Vnni>>();
}

/// Runs a kernel with AVX-512 VNNI enabled.
///
/// # Safety
/// The processor must have it, AVX-512F, BW and VL.
#[target_feature(enable = "avx512vnni,avx512f,avx512bw,avx512vl,avx2,fma")]
pub(super) unsafe fn enter_avx512<K: ByteKernel>(kernel: K) {
    kernel.run::<Sixteen>();
}

#[derive(Clone, Copy)]
struct Sixteen(__m512i);

// SAFETY (all blocks below): values of this type are only made inside `enter_avx512`, whose caller has checked the processor.
impl Words for Sixteen {
    const WIDTH: usize = 16;
    const TALL: usize = 12;
    const PANELS: usize = 2;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: within `enter_avx512`.
        Self(unsafe { _mm512_setzero_si512() })
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm512_loadu_si512(from.cast()) })
    }
    #[inline(always)]
    fn fetch(from: *const f32) {
        // SAFETY: a hint that reads nothing and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) };
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm512_storeu_si512(to.cast(), self.0) };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: within `enter_avx512`.
        Self(unsafe { _mm512_dpbusd_epi32(term.0, self.0, factor.0) })
    }
    blocks!(1, 2; 1 2 3 4 5 6 7 8 9 10 11 12);
}

/// The first `count` places.
#[inline(always)]
fn first(count: usize) -> __mmask16 {
    (0xffff_u32 >> (PANEL - count)) as __mmask16
}

impl ByteWords for Sixteen {
    type Values = __m512;
    type Sums = __m512i;
    type Pairs = Eight<Pairs>;

    #[inline(always)]
    unsafe fn numbers(from: *const f32) -> Self::Values {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn sums(from: *const i32) -> Self::Sums {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn insert(values: Self::Values, from: *const f32, places: u16) -> Self::Values {
        // SAFETY: the caller's promise: the mask leaves what is not to be read alone.
        unsafe { _mm512_mask_expand_ps(values, places, _mm512_maskz_loadu_ps(first(places.count_ones() as usize), from)) }
    }
    #[inline(always)]
    fn nothing() -> Self::Values {
        // SAFETY: within `enter_avx512`.
        unsafe { _mm512_setzero_ps() }
    }
    #[inline(always)]
    fn moved(values: Self::Values, by: usize) -> Self::Values {
        // SAFETY: within `enter_avx512`.
        unsafe { _mm512_maskz_compress_ps(0xffff << by, values) }
    }
    #[inline(always)]
    fn values(sums: Self::Sums, zero: Self::Sums, gain: Self::Values, offset: Self::Values) -> Self::Values {
        // SAFETY: within `enter_avx512`.
        unsafe { _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sums, zero)), gain), offset) }
    }
    #[inline(always)]
    fn leaky(values: Self::Values, slope: f32) -> Self::Values {
        // SAFETY: within `enter_avx512`.
        unsafe {
            let rest = _mm512_cmp_ps_mask::<_CMP_NGT_UQ>(values, _mm512_setzero_ps());
            _mm512_mask_mul_ps(values, rest, values, _mm512_set1_ps(slope))
        }
    }
    #[inline(always)]
    unsafe fn put_numbers(values: Self::Values, to: *mut f32, count: usize) {
        // SAFETY: the caller's promise; masked places are not touched.
        unsafe { if count == PANEL { _mm512_storeu_ps(to, values) } else { _mm512_mask_storeu_ps(to, first(count), values) } };
    }
    #[inline(always)]
    unsafe fn put_bytes(values: Self::Values, inverse: Self::Values, shift: Self::Values, to: *mut u8, count: usize) {
        // SAFETY: the caller's promise; masked places are not touched.
        unsafe {
            let code = _mm512_max_ps(_mm512_add_ps(_mm512_mul_ps(values, inverse), shift), _mm512_setzero_ps());
            // As unsigned numbers whatever is above 255 becomes 255: also 2³¹, which stands for all that does not fit.
            let bytes = _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(code));
            if count == PANEL { _mm_storeu_si128(to.cast(), bytes) } else { _mm_mask_storeu_epi8(to.cast(), first(count), bytes) }
        }
    }
}
