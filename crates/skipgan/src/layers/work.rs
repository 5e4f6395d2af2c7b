//! Memory that all layers work in, and what every call of a layer needs: one of each for the whole network.

use kernels::norm::Partials;
use kernels::{Pool, Real, gemm, stride};

/// Scratch memory: sized once, so that a step allocates nothing.
#[derive(Debug)]
pub struct Work<T> {
    /// For the strided kernels.
    pub strided: stride::Scratch<T>,
    /// For matrix products.
    pub product: gemm::Scratch<T>,
    /// For sums over pixels.
    pub partials: Partials,
    /// One 4×4 weight's gradient, where it is folded into tied taps or is some channels' of a larger one.
    pub weight: Vec<T>,
    /// Two sums a channel.
    pub sums: [Vec<f64>; 2],
    /// Three coefficients a channel.
    pub coefficients: [Vec<T>; 3],
}

impl<T: Real> Work<T> {
    /// For maps of at most `channels` channels and temporary weights of at most `weight` elements.
    pub fn new(channels: usize, weight: usize) -> Self {
        Self {
            strided: stride::Scratch::new(),
            product: gemm::Scratch::new(),
            partials: Partials::new(),
            weight: vec![T::ZERO; weight],
            sums: [vec![0.0; channels], vec![0.0; channels]],
            coefficients: [vec![T::ZERO; channels], vec![T::ZERO; channels], vec![T::ZERO; channels]],
        }
    }
}

/// What every call of a layer needs.
pub struct Run<'a, T> {
    /// Threads.
    pub pool: &'a Pool,
    /// All parameters, as [`crate::layers::Weights`] keeps them.
    pub parameters: &'a [T],
    /// Scratch memory.
    pub work: &'a mut Work<T>,
}
