//! G (METHOD.md §1): enc.i = activation → convolution → batch-norm; dec.i = concatenation → activation → transposed convolution →
//! batch-norm.

use super::layers::{conv, deconv};
use super::norm::{Source, norm};
use super::weights::Tensors;
use crate::blocks::SLOPE;
use crate::spec::{GeneratorSpec, Output};
use burn_tensor::Tensor;
use burn_tensor::activation::{leaky_relu, relu};

/// x̂ = G(image).
pub(super) fn reconstruct(spec: &GeneratorSpec, tensors: &Tensors, image: Tensor<4>, source: &mut Source<'_>) -> Tensor<4> {
    let mut encoded: Vec<Tensor<4>> = Vec::new();
    for layer in spec.encoder() {
        let x = encoded.last().map_or_else(|| image.clone(), |above| leaky_relu(above.clone(), SLOPE));
        encoded.push(norm(tensors, &layer, conv(tensors, &layer, x), source));
    }
    let bottleneck = encoded.pop().expect("a generator has levels");
    let mut read = leaky_relu(bottleneck, f64::from(spec.bottleneck_slope));
    let decoder = spec.decoder();
    for (level, layer) in decoder.iter().enumerate().skip(1).rev() {
        let below = relu(norm(tensors, layer, deconv(tensors, layer, read), source));
        let skip = encoded.pop().expect("every level was encoded");
        read = match spec.has_skip(level - 1) {
            true => Tensor::cat(vec![leaky_relu(skip, f64::from(spec.skip_slope)), below], 1),
            false => below,
        };
    }
    let bare = deconv(tensors, &decoder[0], read);
    match spec.output {
        Output::Tanh => bare.tanh(),
        Output::Linear => bare,
        Output::Blend => blend(image, bare),
    }
}

/// The first channel as a share of what is seen and of the usual picture, as [`crate::layers::output`] has it; the others as they are.
fn blend(image: Tensor<4>, bare: Tensor<4>) -> Tensor<4> {
    let (seen, usual) = (image.clone().narrow(1, 0, 1), image.narrow(1, 1, 1));
    let z = bare.clone().narrow(1, 0, 1);
    let share = (z.clone() / (z.clone() * z).add_scalar(1.0).sqrt()).mul_scalar(0.5).add_scalar(0.5);
    let blended = usual.clone() + share * (seen - usual);
    match bare.dims()[1] - 1 {
        0 => blended,
        others => Tensor::cat(vec![blended, bare.narrow(1, 1, others)], 1),
    }
}
