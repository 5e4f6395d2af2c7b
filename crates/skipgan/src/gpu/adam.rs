//! Adam's update of a flat tensor, by the formula of `kernels::adam`: bias corrections folded into the rate and the root, ε added to
//! the corrected root.

use crate::model::engine::AdamRates;
use burn_tensor::Tensor;

/// What Adam remembers of every parameter.
pub(super) struct Moments {
    /// Mean of the gradients.
    pub first: Tensor<1>,
    /// Mean of their squares.
    pub second: Tensor<1>,
}

impl Moments {
    /// The parameters after update number `step`; 1 is the first.
    pub fn step(&mut self, parameters: Tensor<1>, gradient: Tensor<1>, rates: &AdamRates, step: u64) -> Tensor<1> {
        let AdamRates { lr, beta1, beta2, epsilon } = *rates;
        let count = i32::try_from(step).unwrap_or(i32::MAX);
        self.first = self.first.clone() * beta1 + gradient.clone() * (1.0 - beta1);
        self.second = self.second.clone() * beta2 + gradient.clone() * gradient * (1.0 - beta2);
        let rate = lr / (1.0 - beta1.powi(count));
        let root = 1.0 / (1.0 - beta2.powi(count)).sqrt();
        parameters - self.first.clone() * rate / (self.second.clone().sqrt() * root + epsilon)
    }
}
