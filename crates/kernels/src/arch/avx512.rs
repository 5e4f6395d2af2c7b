//! x86-64 with AVX-512F: sixteen numbers; register blocks of 12 × 32 and 24 × 16.

use std::arch::x86_64::*;

use super::lanes::{Kernel, Lanes, Words, blocks};
use super::tile::{Rows, Tile, tile};

/// Runs a kernel with AVX-512F enabled.
///
/// # Safety
/// The processor must have it, AVX2 and FMA.
#[target_feature(enable = "avx512f,avx2,fma")]
pub(super) unsafe fn enter<K: Kernel>(kernel: K) {
    kernel.run::<Avx512>();
}

#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

// SAFETY (all blocks below): values of this type are only made inside `enter`, whose caller has checked the processor.
impl Words for Avx512 {
    const WIDTH: usize = 16;
    const TALL: usize = 12;
    const TALL_ONE: usize = 24;
    const PANELS: usize = 2;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm512_setzero_ps() })
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm512_set1_ps(*from) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    fn fetch(from: *const f32) {
        // SAFETY: a hint that reads nothing and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) };
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm512_storeu_ps(to, self.0) };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, term.0) })
    }
    blocks!(1, 2; 1 2 3 4 5 6 7 8 9 10 11 12, 24);
}

impl Lanes for Avx512 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn leaky(self, slope: Self) -> Self {
        // SAFETY: within `enter`.
        unsafe {
            let rest = _mm512_cmp_ps_mask::<_CMP_NGT_UQ>(self.0, _mm512_setzero_ps());
            Self(_mm512_mask_mul_ps(self.0, rest, self.0, slope.0))
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32) {
        // SAFETY: the caller's promise; `enter` enables AVX2 too.
        unsafe { super::avx2::transpose(from, stride, to) };
    }
}
