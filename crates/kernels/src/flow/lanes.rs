//! Eight numbers at once, in an array or in a register. Both round alike and add up in one order: the same bits.

use std::ops::{Add, Div, Mul, Sub};

/// Numbers in one vector.
pub(super) const WIDTH: usize = 8;

/// Eight numbers.
///
/// Methods are always inlined and take no closures: what is not inlined into a function of an instruction set is compiled
/// for the plainest processor.
pub(super) trait Lanes: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> {
    fn splat(value: f32) -> Self;
    fn load(from: &[f32; WIDTH]) -> Self;
    fn store(self, to: &mut [f32; WIDTH]);
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    /// The larger of each two; the lanes hold no NaN.
    fn max(self, other: Self) -> Self;
    /// Halves are added until one number is left.
    fn sum(self) -> f32;
}

/// Eight numbers for any processor.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; WIDTH]);

impl Lanes for Plain {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; WIDTH])
    }

    #[inline(always)]
    fn load(from: &[f32; WIDTH]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; WIDTH]) {
        *to = self.0;
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    #[inline(always)]
    fn max(mut self, other: Self) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane = if *lane > other { *lane } else { other };
        }
        self
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $assign:tt, $wide:ident) => {
        impl $trait for Plain {
            type Output = Self;

            #[inline(always)]
            fn $method(mut self, other: Self) -> Self {
                for (lane, other) in self.0.iter_mut().zip(other.0) {
                    *lane $assign other;
                }
                self
            }
        }

        #[cfg(target_arch = "x86_64")]
        impl $trait for Wide {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: whoever made a `Wide` knew the processor to have AVX2.
                Self(unsafe { std::arch::x86_64::$wide(self.0, other.0) })
            }
        }
    };
}

operator!(Add, add, +=, _mm256_add_ps);
operator!(Sub, sub, -=, _mm256_sub_ps);
operator!(Mul, mul, *=, _mm256_mul_ps);
operator!(Div, div, /=, _mm256_div_ps);

#[cfg(target_arch = "x86_64")]
pub(super) use wide::Wide;

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehdup_ps, _mm_movehl_ps, _mm256_andnot_ps, _mm256_castps256_ps128,
        _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_set1_ps, _mm256_sqrt_ps, _mm256_storeu_ps,
    };

    use super::{Lanes, WIDTH};

    /// Eight numbers in a register of AVX2. Private to the functions that `vectorised!` compiles for AVX2 and calls after
    /// having asserted that the processor has it: no other code names this type.
    #[derive(Clone, Copy)]
    pub(in crate::flow) struct Wide(pub(super) __m256);

    impl Lanes for Wide {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: AVX2 is there where this type is named (above).
            Self(unsafe { _mm256_set1_ps(value) })
        }

        #[inline(always)]
        fn load(from: &[f32; WIDTH]) -> Self {
            // SAFETY: as above; eight numbers are read, the array has eight, no alignment is asked for.
            Self(unsafe { _mm256_loadu_ps(from.as_ptr()) })
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; WIDTH]) {
            // SAFETY: as above; eight numbers are written, the array has eight, no alignment is asked for.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) }
        }

        #[inline(always)]
        fn sqrt(self) -> Self {
            // SAFETY: AVX2 is there where this type is named (above).
            Self(unsafe { _mm256_sqrt_ps(self.0) })
        }

        #[inline(always)]
        fn abs(self) -> Self {
            // SAFETY: AVX2 is there where this type is named (above).
            Self(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
        }

        #[inline(always)]
        fn max(self, other: Self) -> Self {
            // SAFETY: AVX2 is there where this type is named (above).
            Self(unsafe { _mm256_max_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn sum(self) -> f32 {
            // SAFETY: AVX2 is there where this type is named (above).
            unsafe {
                let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
            }
        }
    }
}

/// The first eight of a slice.
#[inline(always)]
pub(super) fn eight(from: &[f32]) -> &[f32; WIDTH] {
    from.first_chunk().expect("a vector's worth")
}

/// The first eight of a slice, to be written.
#[inline(always)]
pub(super) fn eight_mut(to: &mut [f32]) -> &mut [f32; WIDTH] {
    to.first_chunk_mut().expect("a vector's worth")
}

/// `blocks` vectors of a row, from a cell on.
#[inline(always)]
pub(super) fn run(cells: &[f32], from: usize, blocks: usize) -> &[[f32; WIDTH]] {
    &cells[from..from + blocks * WIDTH].as_chunks().0[..blocks]
}

/// The same, to be written.
#[inline(always)]
pub(super) fn run_mut(cells: &mut [f32], from: usize, blocks: usize) -> &mut [[f32; WIDTH]] {
    &mut cells[from..from + blocks * WIDTH].as_chunks_mut().0[..blocks]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    fn every_operation<L: Lanes>(a: &[f32; WIDTH], b: &[f32; WIDTH]) -> Vec<u32> {
        let (a, b) = (L::load(a), L::load(b));
        let mut to = [0.0; WIDTH];
        let mut bits = vec![a.sum().to_bits()];
        for lanes in [a + b, a - b, a * b, a / b, a.max(b), a.abs().sqrt(), L::splat(0.1)] {
            lanes.store(&mut to);
            bits.extend(to.map(f32::to_bits));
        }
        bits
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn registers_and_arrays_give_the_same_bits() {
        if !crate::Level::Avx2.available() {
            println!("skipped: no AVX2");
            return;
        }
        let a = std::array::from_fn(|i| (i as f32 * 1.7 + 0.3).sin() * 1e3);
        let b = std::array::from_fn(|i| (i as f32 * 2.3 - 0.9).cos() * 7.0);
        assert_eq!(every_operation::<Plain>(&a, &b), every_operation::<Wide>(&a, &b));
    }

    #[test]
    fn sums_are_in_halves() {
        let lanes = Plain::load(&[1e8, 1.0, 2.0, 3.0, -1e8, 4.0, 5.0, 6.0]);
        assert_eq!(lanes.sum(), 21.0);
    }
}
