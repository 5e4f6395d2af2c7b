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
