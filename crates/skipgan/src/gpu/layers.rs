//! The strided convolution and transposed convolution (METHOD.md §1) by Burn's operations. Tensors are
//! `[images, channels, rows, columns]`.

use super::weights::Tensors;
use crate::spec::{Layer, Taps};
use burn_tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn_tensor::{Tensor, module};

/// 4×4, stride 2, padding 1: halves both sides.
pub(super) fn conv(tensors: &Tensors, layer: &Layer, x: Tensor<4>) -> Tensor<4> {
    let weight = tensors.weight(&format!("{}.conv.weight", layer.name));
    let bias = tensors.row(&format!("{}.conv.bias", layer.name));
    module::conv2d(x, weight, bias, ConvOptions::new([2, 2], [1, 1], [1, 1], 1))
}

/// Its transpose: doubles both sides.
pub(super) fn deconv(tensors: &Tensors, layer: &Layer, y: Tensor<4>) -> Tensor<4> {
    let stored = tensors.weight(&format!("{}.conv.weight", layer.name));
    let weight = match layer.taps {
        Taps::Free => stored,
        Taps::Tied => tie(tie(stored, 2), 3),
    };
    let bias = tensors.row(&format!("{}.conv.bias", layer.name));
    module::conv_transpose2d(y, weight, bias, ConvTransposeOptions::new([2, 2], [1, 1], [0, 0], [1, 1], 1))
}

/// Four taps from three along one axis: nearest ×2 and a convolution by three, written as one transposed convolution
/// (DETECTION.md §3.5).
fn tie(weight: Tensor<4>, axis: usize) -> Tensor<4> {
    let tap = |index: usize| weight.clone().narrow(axis, index, 1);
    Tensor::cat(vec![tap(2), tap(1) + tap(2), tap(0) + tap(1), tap(0)], axis)
}

/// A convolution without padding or stride: the discriminator's ends, `d.latent` and `d.head`.
pub(super) fn plain(tensors: &Tensors, name: &str, x: Tensor<4>) -> Tensor<4> {
    let (weight, bias) = (tensors.weight(&format!("{name}.weight")), tensors.row(&format!("{name}.bias")));
    module::conv2d(x, weight, bias, ConvOptions::new([1, 1], [0, 0], [1, 1], 1))
}
