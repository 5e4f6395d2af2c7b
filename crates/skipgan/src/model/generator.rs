//! G (METHOD.md §1): encoder, joins, decoder, and its two ends: the picture it sees and x̂.

use super::plan::Plan;
use crate::blocks::join::Half;
use crate::blocks::{Decoder, Encoder, Join};
use crate::layers::weights::Training;
use crate::layers::{Activation, Place, Run, Source, Weights};
use crate::spec::{GeneratorSpec, Output};
use kernels::{Map, Pool, Real};
use std::ops::Range;

/// The generator with everything a pass leaves behind.
#[derive(Debug)]
pub struct Generator<T> {
    encoder: Encoder<T>,
    decoder: Decoder<T>,
    joins: Vec<Join<T>>,
    input: Place,
    output: Place,
    activation: Activation,
    /// What G sees.
    pub image: Vec<T>,
    /// dec.0 before the output's activation.
    bare: Vec<T>,
    /// x̂, dense; empty where the output has no activation, for then it is `bare`.
    activated: Vec<T>,
    /// ∂x̂, dense, to be filled before [`Generator::backward`].
    pub gradient: Vec<T>,
}

impl<T: Real> Generator<T> {
    /// For a plan.
    pub fn new(spec: &GeneratorSpec, weights: &Weights<T>, plan: &Plan) -> Self {
        let (sides, images) = ((plan.height, plan.width), plan.images);
        let trained = if plan.training == Training::On { images } else { 0 };
        let layouts = (&*weights.layout, &*weights.statistics_layout);
        let join = |level: usize| Join::new(spec, level, (plan.height >> (level + 1), plan.width >> (level + 1)), images, trained);
        let input = Place::dense(plan.height, plan.width, spec.input_channels);
        let output = Place::dense(plan.height, plan.width, spec.output_channels);
        Self {
            encoder: Encoder::new(spec, layouts, sides, images, trained),
            decoder: Decoder::new(spec, layouts, sides, images, plan.training),
            joins: (0..spec.levels).map(join).collect(),
            input,
            output,
            activation: Activation::new(spec.output, spec.input_channels, spec.output_channels),
            image: vec![T::ZERO; images * input.image()],
            bare: vec![T::ZERO; images * output.image()],
            activated: vec![T::ZERO; if spec.output == Output::Linear { 0 } else { images * output.image() }],
            gradient: vec![T::ZERO; trained * output.image()],
        }
    }

    /// Takes over the weights: after every update.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        self.encoder.prepare(pool, parameters);
        self.decoder.prepare(pool, parameters);
    }

    /// Reads prepared weights where another one of the same network has them.
    pub fn share(&mut self, other: &Self) {
        self.encoder.share(&other.encoder);
        self.decoder.share(&other.decoder);
    }

    /// x̂ = G(image), for some of the images: of `shown`, or of those that `image` holds.
    pub fn forward(&mut self, run: &mut Run<'_, T>, shown: Option<&[T]>, images: Range<usize>, source: &mut Source<'_, T>) {
        let pictures = shown.unwrap_or(&self.image);
        let image = self.input.of(pictures, images.clone());
        self.encoder.forward(run, image, &mut self.joins, images.clone(), source);
        let bare = self.output.of_mut(&mut self.bare, images.clone());
        self.decoder.forward(run, &mut self.joins, bare, images.clone(), source);
        if self.activated.is_empty() {
            return;
        }
        let elements = images.start * self.output.image()..images.end * self.output.image();
        let seen = &pictures[images.start * self.input.image()..images.end * self.input.image()];
        self.activation.forward(run.pool, seen, Some(&self.bare[elements.clone()]), &mut self.activated[elements]);
    }

    /// x̂, dense.
    pub fn reconstruction(&self) -> &[T] {
        if self.activated.is_empty() { &self.bare } else { &self.activated }
    }

    /// x̂ and where its gradient is put.
    pub fn reconstruction_and_gradient(&mut self) -> (&[T], &mut [T]) {
        (if self.activated.is_empty() { &self.bare } else { &self.activated }, &mut self.gradient)
    }

    /// From ∂x̂ in `self.gradient` to the gradients of all parameters, for the first `images` images.
    pub fn backward(&mut self, run: &mut Run<'_, T>, images: usize, gradient: &mut [T]) {
        let gradient_of_bare = &mut self.gradient[..images * self.output.image()];
        self.activation.backward(run.pool, &self.image, &self.bare, &self.activated, gradient_of_bare);
        self.decoder.backward(run, &mut self.joins, self.output.of(&self.gradient, 0..images), gradient);
        let image = self.input.of(&self.image, 0..images);
        self.encoder.backward(run, image, &mut self.joins, gradient);
    }

    /// Elements of x̂ an image takes.
    pub fn output_image(&self) -> usize {
        self.output.image()
    }

    /// A level's stored map with its batch-norm's affine map: `enc.{level}` or, from below, `dec.{level + 1}`.
    pub(super) fn stored(&self, half: Half, level: usize, images: usize) -> (Map<'_, T>, &[T], &[T]) {
        self.joins[level].read(half, 0..images)
    }

    /// dec.0 before the output's activation.
    pub(super) fn bare(&self, images: usize) -> Map<'_, T> {
        self.output.of(&self.bare, 0..images)
    }
}
