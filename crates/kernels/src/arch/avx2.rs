//! x86-64 with AVX2 and FMA: eight numbers; register blocks of 6 × 16.

use std::arch::x86_64::*;

use super::lanes::{Kernel, Lanes, Words, blocks};
use super::tile::{Rows, Tile, tile};

/// Runs a kernel with AVX2 and FMA enabled.
///
/// # Safety
/// The processor must have both.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn enter<K: Kernel>(kernel: K) {
    kernel.run::<Avx2>();
}

#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

// SAFETY (all blocks below): values of this type are only made inside `enter`, whose caller has checked the processor.
impl Words for Avx2 {
    const WIDTH: usize = 8;
    const TALL: usize = 6;
    const PANELS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm256_setzero_ps() })
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm256_broadcast_ss(&*from) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { _mm256_loadu_ps(from) })
    }
    #[inline(always)]
    fn fetch(from: *const f32) {
        // SAFETY: a hint that reads nothing and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) };
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(to, self.0) };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, term.0) })
    }
    blocks!(2, 2; 1 2 3 4 5 6);
}

impl Lanes for Avx2 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm256_set1_ps(value) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn leaky(self, slope: Self) -> Self {
        // SAFETY: within `enter`.
        unsafe { Self(_mm256_max_ps(_mm256_mul_ps(self.0, slope.0), self.0)) }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { transpose(from, stride, to) };
    }
}

/// 16 × 16 numbers: [`Lanes::transpose`].
///
/// # Safety
/// AVX2; otherwise that of [`Lanes::transpose`].
#[inline(always)]
pub(super) unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32) {
    for (r, c) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
        // SAFETY: the four quarters of what the caller promises.
        unsafe { transpose8(from.add(r * stride + c), stride, to.add(c * 16 + r)) };
    }
}

/// 8 × 8 numbers, rows `stride` apart, to columns 16 apart.
///
/// # Safety
/// AVX2; 8 rows of 8 numbers readable, 8 rows of 8, 16 apart, writable.
#[inline(always)]
unsafe fn transpose8(from: *const f32, stride: usize, to: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        let row = |i: usize| _mm256_loadu_ps(from.add(i * stride));
        let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3));
        let (r4, r5, r6, r7) = (row(4), row(5), row(6), row(7));
        let (t0, t1) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
        let (t2, t3) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
        let (t4, t5) = (_mm256_unpacklo_ps(r4, r5), _mm256_unpackhi_ps(r4, r5));
        let (t6, t7) = (_mm256_unpacklo_ps(r6, r7), _mm256_unpackhi_ps(r6, r7));
        let u0 = _mm256_shuffle_ps::<0x44>(t0, t2);
        let u1 = _mm256_shuffle_ps::<0xee>(t0, t2);
        let u2 = _mm256_shuffle_ps::<0x44>(t1, t3);
        let u3 = _mm256_shuffle_ps::<0xee>(t1, t3);
        let u4 = _mm256_shuffle_ps::<0x44>(t4, t6);
        let u5 = _mm256_shuffle_ps::<0xee>(t4, t6);
        let u6 = _mm256_shuffle_ps::<0x44>(t5, t7);
        let u7 = _mm256_shuffle_ps::<0xee>(t5, t7);
        _mm256_storeu_ps(to, _mm256_permute2f128_ps::<0x20>(u0, u4));
        _mm256_storeu_ps(to.add(16), _mm256_permute2f128_ps::<0x20>(u1, u5));
        _mm256_storeu_ps(to.add(32), _mm256_permute2f128_ps::<0x20>(u2, u6));
        _mm256_storeu_ps(to.add(48), _mm256_permute2f128_ps::<0x20>(u3, u7));
        _mm256_storeu_ps(to.add(64), _mm256_permute2f128_ps::<0x31>(u0, u4));
        _mm256_storeu_ps(to.add(80), _mm256_permute2f128_ps::<0x31>(u1, u5));
        _mm256_storeu_ps(to.add(96), _mm256_permute2f128_ps::<0x31>(u2, u6));
        _mm256_storeu_ps(to.add(112), _mm256_permute2f128_ps::<0x31>(u3, u7));
    }
}
