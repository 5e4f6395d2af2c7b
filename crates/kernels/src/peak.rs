//! The most this processor multiplies and adds: the yardstick of every kernel's GFLOP/s. For benchmarks; it computes nothing that is used.

use std::time::Instant;

use crate::Pool;
use crate::arch::{Kernel, Lanes, dispatch};
use crate::clock::thread_seconds;

/// Products and sums of one chain in one attempt: some milliseconds.
const ROUNDS: usize = 1_000_000;
/// Attempts of which the best counts.
const ATTEMPTS: usize = 7;

/// GFLOP/s (10⁹ products and sums a second) of independent chains of `f32` fused multiply-adds in registers, on all threads of `pool` at once, by its
/// instruction set; where that has no fused form, of products and sums. One thread is timed by its own processor time, several by the wall.
#[must_use]
pub fn multiply_add_gflops(pool: &Pool) -> f64 {
    // How many chains fill the units depends on their latency and number, how many fit on the number of registers.
    f64::max(best_of::<12>(pool), best_of::<24>(pool))
}

fn best_of<const CHAINS: usize>(pool: &Pool) -> f64 {
    let begin = Instant::now();
    let now = || match pool.threads() {
        1 => thread_seconds().unwrap_or_else(|| begin.elapsed().as_secs_f64()),
        _ => begin.elapsed().as_secs_f64(),
    };
    let mut best = 0.0f64;
    for _ in 0..ATTEMPTS {
        let mut results = vec![[0.0f32; 16]; pool.threads()];
        let start = now();
        pool.chunks_mut(&mut results, 1, |_, result| dispatch(pool.level(), Chains::<CHAINS> { result: &mut result[0] }));
        let seconds = (now() - start).max(1e-9);
        std::hint::black_box(&results);
        let width = width(pool);
        best = best.max(2e-9 * (ROUNDS * CHAINS * width * pool.threads()) as f64 / seconds);
    }
    best
}

/// Numbers in a vector of the pool's instruction set.
fn width(pool: &Pool) -> usize {
    struct Width<'a>(&'a mut usize);
    impl Kernel for Width<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self) {
            *self.0 = L::WIDTH;
        }
    }
    let mut width = 0;
    dispatch(pool.level(), Width(&mut width));
    width
}

struct Chains<'a, const CHAINS: usize> {
    result: &'a mut [f32; 16],
}

impl<const CHAINS: usize> Kernel for Chains<'_, CHAINS> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (factor, term) = (L::splat(std::hint::black_box(0.999)), L::splat(std::hint::black_box(0.001)));
        let mut chains = [L::splat(0.1); CHAINS];
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = chain.mul_add(factor, term);
            }
        }
        let sum = chains.into_iter().fold(L::splat(0.0), L::add);
        const { assert!(L::WIDTH <= 16, "a vector fits the result") };
        // SAFETY: the result holds 16 numbers, a vector at most as many.
        unsafe { sum.store(self.result.as_mut_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn every_level_has_a_peak_and_wider_vectors_do_not_have_less() {
        let peak = |level| multiply_add_gflops(&Pool::with_level(1, level).expect("available"));
        let portable = peak(Level::Portable);
        assert!(portable > 0.1, "{portable} GFLOP/s");
        for level in Level::all_available() {
            let found = peak(level);
            assert!(found > 0.8 * portable, "{level}: {found} of {portable} GFLOP/s");
        }
    }
}
