//! The three losses of the paper (METHOD.md §3); each returns its value and the gradient that it sends back.
//!
//! Weights are included in both. Sums run in f64 in a fixed order. Nothing here knows a network.

pub mod adversarial;
pub mod contextual;
pub mod latent;

use kernels::Pool;

/// Parts that a loss is summed in at most: a fixed number of sums, added in order, so that threads do not matter.
const PARTS: usize = 64;
/// Numbers of a part at least.
const LEAST: usize = 4096;

/// The sum of `work(first, part)` over parts of `seed`, cut between places of `length` numbers; `first` counts places.
fn in_parts<T: Send>(pool: &Pool, seed: &mut [T], length: usize, work: impl Fn(usize, &mut [T]) -> f64 + Sync) -> f64 {
    let places = (seed.len() / length).div_ceil(PARTS).max(LEAST.div_ceil(length));
    let mut sums = [0.0; PARTS];
    let parts = seed.len().div_ceil(places * length);
    pool.pieces_mut2((seed, places * length), (&mut sums[..parts], 1), |part, seed, sum| sum[0] = work(part * places, seed));
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_places_once_and_add_up_alike_on_any_number_of_threads() {
        // A whole number of parts, one place more, fewer numbers than a part has, places longer than a part, all parts and a little more.
        for (places, length) in [(4 * LEAST, 1), (4 * LEAST + 1, 1), (5, 3), (3, 2 * LEAST), (PARTS * LEAST + 1, 1)] {
            let sum = |threads: usize| {
                let pool = Pool::new(threads).expect("a pool");
                let mut seed = vec![0usize; places * length];
                let sum = in_parts(&pool, &mut seed, length, |first, part| {
                    assert_eq!(part.len() % length, 0, "cut between places");
                    part.iter_mut().enumerate().for_each(|(i, value)| *value += first * length + i + 1);
                    part.iter().map(|&value| 1.0 / value as f64).sum()
                });
                assert!(seed.iter().enumerate().all(|(i, &value)| value == i + 1), "{places} places of {length}: each once, counted on");
                sum
            };
            let (alone, shared) = (sum(1), sum(3));
            assert_eq!(alone.to_bits(), shared.to_bits());
            let meant: f64 = (1..=places * length).map(|i| 1.0 / i as f64).sum();
            assert!((alone - meant).abs() < 1e-9 * meant, "{alone} for {meant}");
        }
    }
}
