//! The three losses (METHOD.md §3), weights included; definitions are those of [`crate::losses`].

use crate::config::Bce;
use crate::losses::adversarial::{LEAST_SPREAD, LOWEST_LOG};
use burn_tensor::Tensor;
use burn_tensor::activation::{relu, sigmoid};

/// A loss of one step.
pub(super) struct Loss {
    /// Its value, without a history.
    pub value: Tensor<1>,
    /// A number whose gradient is the loss's.
    pub path: Tensor<1>,
}

impl Loss {
    /// A loss that is its own path.
    fn plain(value: Tensor<1>) -> Loss {
        Loss { value: value.clone().inner(), path: value }
    }
}

/// weight · mean BCE(logits, targets); both `[images, 1, rows, columns]`. The gradient is written down: that of the probability form
/// dies where σ rounds to 0 or 1, as published, and a derived one would be 0/0 there.
pub(super) fn adversarial(bce: Bce, logits: Tensor<4>, targets: Tensor<4>, weight: f64) -> Loss {
    let share = weight / logits.shape().num_elements() as f64;
    let z = logits.clone().inner();
    let p = sigmoid(z.clone());
    let off = p.clone() - targets.clone();
    let (value, slope) = match bce {
        Bce::Logits => (relu(z.clone()) + (-z.clone().abs()).exp().log1p() - targets * z, off),
        Bce::Prob => {
            let rest = -p.clone() + 1.0;
            let log = |v: Tensor<4>| v.log().clamp_min(LOWEST_LOG);
            let value = -(targets.clone() * log(p.clone()) + (-targets + 1.0) * log(rest.clone()));
            let spread = p * rest;
            (value, off * spread.clone() / spread.clamp_min(LEAST_SPREAD))
        }
    };
    Loss { value: total(value) * share, path: total(logits * slope) * share }
}

/// The same with one target for all.
pub(super) fn adversarial_to(bce: Bce, logits: Tensor<4>, target: f64, weight: f64) -> Loss {
    let targets = logits.clone().inner().full_like(target);
    adversarial(bce, logits, targets, weight)
}

/// weight · mean importance · |x̂ − x|; without an importance it is 1 everywhere, as published.
pub(super) fn contextual(reconstruction: Tensor<4>, target: Tensor<4>, importance: Option<Tensor<4>>, weight: f64) -> Loss {
    let off = (reconstruction - target).abs();
    let share = weight / off.shape().num_elements() as f64;
    Loss::plain(total(importance.map_or(off.clone(), |importance| off * importance)) * share)
}

/// weight · mean (f(x̂) − f(x))², summed over feature levels.
pub(super) fn latent(real: Vec<Tensor<4>>, fake: Vec<Tensor<4>>, weight: f64) -> Loss {
    let levels = real.into_iter().zip(fake).map(|(real, fake)| {
        let share = weight / real.shape().num_elements() as f64;
        total((fake - real).square()) * share
    });
    Loss::plain(levels.reduce(|sum, level| sum + level).expect("f has a level"))
}

/// Σ of all elements, as one row: Burn's own sum of a whole tensor adds atomically, in an order that is chance (and Mesa 22.3's llvmpipe
/// crashes on it).
fn total(tensor: Tensor<4>) -> Tensor<1> {
    let elements = tensor.shape().num_elements();
    tensor.reshape([1, elements]).sum_dim(1).reshape([1])
}
