//! D (METHOD.md §2, DETECTION.md §3.5): feat.i = convolution → batch-norm → LeakyReLU, then the latent vector and its logit, or a
//! logit a cell.

use super::layers::{conv, plain};
use super::norm::{Source, norm};
use super::weights::Tensors;
use crate::blocks::SLOPE;
use crate::spec::{DiscriminatorSpec, Features, Head};
use burn_tensor::Tensor;
use burn_tensor::activation::leaky_relu;

/// What D makes of a batch.
pub(super) struct Judged {
    /// Activated outputs of all levels, outermost first.
    levels: Vec<Tensor<4>>,
    /// f(·) of the authors' code, `[images, nz, 1, 1]`.
    vector: Option<Tensor<4>>,
    /// `[images, 1, rows, columns]`, one by one where the head is latent.
    pub logits: Tensor<4>,
}

impl Judged {
    /// f(·): the levels of a list, or the latent vector alone.
    pub fn features(&self, which: &Features) -> Vec<Tensor<4>> {
        match which {
            Features::Levels(levels) => levels.iter().map(|&level| self.levels[level].clone()).collect(),
            Features::Latent => self.vector.iter().cloned().collect(),
        }
    }
}

/// D(picture), of the context and the target or its reconstruction.
pub(super) fn judge(spec: &DiscriminatorSpec, tensors: &Tensors, picture: Tensor<4>, source: &mut Source<'_>) -> Judged {
    let mut levels: Vec<Tensor<4>> = Vec::new();
    for layer in spec.layers() {
        let x = levels.last().unwrap_or(&picture).clone();
        levels.push(leaky_relu(norm(tensors, &layer, conv(tensors, &layer, x), source), SLOPE));
    }
    let hidden = levels.last().expect("a discriminator has levels").clone();
    let vector = matches!(spec.head, Head::Latent { .. }).then(|| plain(tensors, "d.latent", hidden.clone()));
    let logits = plain(tensors, "d.head", vector.clone().unwrap_or(hidden));
    Judged { levels, vector, logits }
}
