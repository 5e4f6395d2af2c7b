//! x86-64's byte products: AVX-VNNI (eight words; register blocks of 6 × 16) and AVX-512 VNNI (sixteen; 12 × 32).

use std::arch::x86_64::*;

use super::bytes::{ByteKernel, ByteWords, QuadWords};
use super::lanes::{Words, blocks};
use super::tile::{PANEL, Rows, Tile, tile};

/// Runs a kernel with AVX-VNNI enabled.
///
/// # Safety
/// The processor must have it and AVX2.
#[target_feature(enable = "avxvnni,avx2,fma")]
pub(super) unsafe fn enter_avx<K: ByteKernel>(kernel: K) {
    kernel.run::<Eight>();
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
struct Eight(__m256i);

// SAFETY (all blocks below): values of these types are only made inside the functions above, whose callers have checked the processor.
impl Words for Eight {
    const WIDTH: usize = 8;
    const TALL: usize = 6;
    const PANELS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: within `enter_avx`.
        Self(unsafe { _mm256_setzero_si256() })
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm256_loadu_si256(from.cast()) })
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
        // SAFETY: within `enter_avx`.
        Self(unsafe { _mm256_dpbusd_avx_epi32(term.0, self.0, factor.0) })
    }
    blocks!(2, 2; 1 2 3 4 5 6);
}

/// Both halves as numbers in a row, and back: for what is rare.
#[inline(always)]
unsafe fn whole(values: [__m256; 2]) -> [f32; PANEL] {
    let mut all = [0.0; PANEL];
    // SAFETY: `all` holds both halves; within `enter_avx`.
    unsafe {
        _mm256_storeu_ps(all.as_mut_ptr(), values[0]);
        _mm256_storeu_ps(all.as_mut_ptr().add(8), values[1]);
    }
    all
}

#[inline(always)]
unsafe fn halves(all: [f32; PANEL]) -> [__m256; 2] {
    // SAFETY: `all` holds both halves; within `enter_avx`.
    unsafe { [_mm256_loadu_ps(all.as_ptr()), _mm256_loadu_ps(all.as_ptr().add(8))] }
}

impl ByteWords for Eight {
    type Values = [__m256; 2];

    #[inline(always)]
    unsafe fn insert(values: Self::Values, from: *const f32, places: u16) -> Self::Values {
        // SAFETY: the caller's promise; within `enter_avx`.
        unsafe { halves(QuadWords::insert(whole(values), from, places)) }
    }
    #[inline(always)]
    fn nothing() -> Self::Values {
        // SAFETY: within `enter_avx`.
        [unsafe { _mm256_setzero_ps() }; 2]
    }
    #[inline(always)]
    fn moved(values: Self::Values, by: usize) -> Self::Values {
        // SAFETY: within `enter_avx`.
        unsafe { halves(QuadWords::moved(whole(values), by)) }
    }
    #[inline(always)]
    unsafe fn values(sums: *const i32, zero: *const i32, gain: *const f32, offset: *const f32) -> Self::Values {
        // SAFETY: the caller's promise, in two halves.
        [0, 8].map(|at| unsafe {
            let bare = _mm256_sub_epi32(_mm256_loadu_si256(sums.add(at).cast()), _mm256_loadu_si256(zero.add(at).cast()));
            _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(bare), _mm256_loadu_ps(gain.add(at))), _mm256_loadu_ps(offset.add(at)))
        })
    }
    #[inline(always)]
    fn leaky(values: Self::Values, slope: f32) -> Self::Values {
        // SAFETY: within `enter_avx`.
        values.map(|v| unsafe {
            let positive = _mm256_cmp_ps::<_CMP_GT_OQ>(v, _mm256_setzero_ps());
            _mm256_blendv_ps(_mm256_mul_ps(v, _mm256_set1_ps(slope)), v, positive)
        })
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
    unsafe fn put_bytes(values: Self::Values, inverse: *const f32, shift: *const f32, to: *mut u8, count: usize) {
        let mut all = [0u8; PANEL];
        // SAFETY: the caller's promise; `all` holds sixteen bytes.
        unsafe {
            let code = |half: usize| {
                let scaled = _mm256_mul_ps(values[half], _mm256_loadu_ps(inverse.add(8 * half)));
                let code = _mm256_add_ps(scaled, _mm256_loadu_ps(shift.add(8 * half)));
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

#[derive(Clone, Copy)]
struct Sixteen(__m512i);

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
    unsafe fn values(sums: *const i32, zero: *const i32, gain: *const f32, offset: *const f32) -> Self::Values {
        // SAFETY: the caller's promise.
        unsafe {
            let bare = _mm512_sub_epi32(_mm512_loadu_si512(sums.cast()), _mm512_loadu_si512(zero.cast()));
            _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(bare), _mm512_loadu_ps(gain)), _mm512_loadu_ps(offset))
        }
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
        unsafe { _mm512_mask_storeu_ps(to, first(count), values) };
    }
    #[inline(always)]
    unsafe fn put_bytes(values: Self::Values, inverse: *const f32, shift: *const f32, to: *mut u8, count: usize) {
        // SAFETY: the caller's promise; masked places are not touched.
        unsafe {
            let code = _mm512_add_ps(_mm512_mul_ps(values, _mm512_loadu_ps(inverse)), _mm512_loadu_ps(shift));
            let code = _mm512_min_ps(_mm512_max_ps(code, _mm512_setzero_ps()), _mm512_set1_ps(255.0));
            _mm512_mask_cvtepi32_storeu_epi8(to.cast(), first(count), _mm512_cvtps_epi32(code));
        }
    }
}
