//! aarch64: four numbers; register blocks of 6 × 16.

use std::arch::aarch64::*;

use super::lanes::{Kernel, Lanes, Words, blocks};
use super::tile::{Rows, Tile, tile};

/// Runs a kernel with NEON enabled.
///
/// # Safety
/// The processor must have it.
#[target_feature(enable = "neon")]
pub(super) unsafe fn enter<K: Kernel>(kernel: K) {
    kernel.run::<Neon>();
}

#[derive(Clone, Copy)]
pub(super) struct Neon(float32x4_t);

// SAFETY (all blocks below): values of this type are only made inside `enter`, whose caller has checked the processor.
impl Words for Neon {
    const WIDTH: usize = 4;
    const TALL: usize = 6;
    const PANELS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { vdupq_n_f32(0.0) })
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { vld1q_dup_f32(from) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { vld1q_f32(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_f32(to, self.0) };
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { vfmaq_f32(term.0, self.0, factor.0) })
    }
    blocks!(4, 4; 1 2 3 4 5 6);
}

impl Lanes for Neon {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { vdupq_n_f32(value) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { vaddq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { vsubq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: within `enter`.
        Self(unsafe { vmulq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn leaky(self, slope: Self) -> Self {
        // SAFETY: within `enter`.
        unsafe { Self(vbslq_f32(vcgtzq_f32(self.0), self.0, vmulq_f32(self.0, slope.0))) }
    }
}
