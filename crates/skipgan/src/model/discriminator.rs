//! D (METHOD.md §2, DETECTION.md §3.5): levels, then the latent vector and its logit, or a logit a cell; and the pictures it
//! sees: context first, then the target (real) or x̂ (fake).
//!
//! One buffer holds 2n pictures, the n real ones first; branches are ranges of it.

use super::plan::Plan;
use crate::blocks::{Branch, Features, Pull, Want};
use crate::layers::weights::Training;
use crate::layers::{LatentVector, Logit, Place, Run, Source, Weights};
use crate::losses::latent::{self, Reading};
use crate::spec::{self, DiscriminatorSpec};
use kernels::{Map, MapMut, Pool, Real};
use std::ops::Range;

/// Writes pixels of A and of B channels side by side: their numbers are the compiler's to know, for a call costs more than a few channels do.
fn beside<T: Copy, const A: usize, const B: usize>(left: &[T], right: &[T], to: &mut [T]) {
    let pairs = left.as_chunks::<A>().0.iter().zip(right.as_chunks::<B>().0);
    for (to, (left, right)) in to.chunks_exact_mut(A + B).zip(pairs) {
        to[..A].copy_from_slice(left);
        to[A..].copy_from_slice(right);
    }
}

/// The discriminator with everything a pass leaves behind.
#[derive(Debug)]
pub struct Discriminator<T> {
    features: Features<T>,
    levels: usize,
    latent: Option<LatentVector<T>>,
    head: Logit,
    loss_features: spec::Features,
    picture: Place,
    /// Cells that a picture has logits for.
    cells: usize,
    /// Numbers of the last level an image takes.
    extent: usize,
    pictures: Vec<T>,
    /// Activated output of the last level.
    hidden: Vec<T>,
    /// f(·) of the authors' code; empty without a latent head.
    vectors: Vec<T>,
    logits: Vec<T>,
    /// ∂logit of the next backward pass.
    pub logit_seed: Vec<T>,
    /// ∂f(x̂) of the latent loss: levels, or the vector.
    level_seeds: Vec<Vec<T>>,
    vector_seed: Vec<T>,
    vector_gradient: Vec<T>,
    picture_gradient: Vec<T>,
}

impl<T: Real> Discriminator<T> {
    /// For a plan.
    pub fn new(spec: &DiscriminatorSpec, weights: &Weights<T>, plan: &Plan) -> Self {
        let trained = if plan.training == Training::On { plan.images } else { 0 };
        let layouts = (&*weights.layout, &*weights.statistics_layout);
        let latent = LatentVector::<T>::find(layouts.0);
        let last = Place::dense(plan.height >> spec.levels, plan.width >> spec.levels, spec.channels(spec.levels - 1));
        let picture = Place::dense(plan.height, plan.width, spec.input_channels);
        let (cells, nz) = latent.as_ref().map_or((last.rows * last.cols, 0), |latent| (1, latent.length()));
        let seed = |level: usize| match &spec.loss_features {
            spec::Features::Levels(levels) if levels.contains(&level) => {
                let elements = (plan.height >> (level + 1)) * (plan.width >> (level + 1)) * spec.channels(level);
                vec![T::ZERO; trained * elements]
            }
            _ => Vec::new(),
        };
        Self {
            features: Features::new(spec, layouts, (plan.height, plan.width), plan.images, trained),
            levels: spec.levels,
            latent,
            head: Logit::find(layouts.0),
            loss_features: spec.loss_features.clone(),
            picture,
            cells,
            extent: last.image(),
            pictures: vec![T::ZERO; 2 * plan.images * picture.image()],
            hidden: vec![T::ZERO; 2 * plan.images * last.image()],
            vectors: vec![T::ZERO; 2 * plan.images * nz],
            logits: vec![T::ZERO; 2 * plan.images * cells],
            logit_seed: vec![T::ZERO; trained * cells],
            level_seeds: (0..spec.levels).map(seed).collect(),
            vector_seed: vec![T::ZERO; trained * nz],
            vector_gradient: vec![T::ZERO; trained * nz],
            picture_gradient: vec![T::ZERO; trained * picture.image()],
        }
    }

    /// Takes over the weights: after every update.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        self.features.prepare(pool, parameters);
        if let Some(latent) = &mut self.latent {
            latent.prepare(pool, parameters);
        }
    }

    /// Writes `context` and `shown` (both dense) side by side into pictures from `first` on.
    pub fn show(&mut self, pool: &Pool, context: &[T], shown: &[T], first: usize) {
        let channels = self.picture.channels;
        let pixels = self.picture.rows * self.picture.cols;
        let images = (context.len() + shown.len()) / (pixels * channels);
        let split = context.len() / (images * pixels);
        let pictures = &mut self.pictures[first * pixels * channels..][..images * pixels * channels];
        const CHUNK: usize = 4096;
        pool.chunks_mut(pictures, CHUNK * channels, |job, pictures| {
            let (first, pixels, own) = (job * CHUNK, pictures.len() / channels, channels - split);
            let (left, right) = (&context[first * split..][..pixels * split], &shown[first * own..][..pixels * own]);
            match (split, own) {
                (0, _) => pictures.copy_from_slice(right),
                (2, 2) => beside::<T, 2, 2>(left, right, pictures),
                (3, 3) => beside::<T, 3, 3>(left, right, pictures),
                _ => {
                    for (pixel, to) in pictures.chunks_exact_mut(channels).enumerate() {
                        to[..split].copy_from_slice(&left[pixel * split..][..split]);
                        to[split..].copy_from_slice(&right[pixel * own..][..own]);
                    }
                }
            }
        });
    }

    /// Features and logits of `images` of the buffer, as `branch`. With running statistics one pass may take both branches.
    pub fn forward(&mut self, run: &mut Run<'_, T>, branch: Branch, images: Range<usize>, source: &mut Source<'_, T>) {
        self.find_features(run, branch, images.clone(), source);
        self.judge(run, branch, images);
    }

    /// Features of `images` of the buffer, the latent vector included, where scores want no logits.
    pub fn forward_to_features(&mut self, run: &mut Run<'_, T>, branch: Branch, images: Range<usize>, source: &mut Source<'_, T>) {
        self.find_features(run, branch, images.clone(), source);
        if self.latent.is_some() {
            self.judge(run, branch, images);
        }
    }

    fn find_features(&mut self, run: &mut Run<'_, T>, branch: Branch, images: Range<usize>, source: &mut Source<'_, T>) {
        let pictures = self.picture.of(&self.pictures, images.clone());
        self.features.forward(run, branch, pictures, images, source);
    }

    /// From the last level to the latent vector and the logits.
    fn judge(&mut self, run: &mut Run<'_, T>, branch: Branch, images: Range<usize>) {
        let of = |one: usize| images.start * one..images.end * one;
        let (stored, lens) = self.features.read(self.levels - 1, branch, images.clone());
        run.pool.chunks_mut(&mut self.hidden[of(self.extent)], self.extent, |image, to| {
            let pixels = stored.rows * stored.cols;
            for (pixel, to) in to.chunks_mut(stored.channels).enumerate() {
                let from = stored.nth(image * pixels + pixel);
                lens.look(from, to);
            }
        });
        let hidden = &self.hidden[of(self.extent)];
        let logits = &mut self.logits[of(self.cells)];
        match &self.latent {
            Some(latent) => {
                let vectors = &mut self.vectors[of(latent.length())];
                latent.forward(run, hidden, vectors);
                self.head.forward(run, vectors, logits);
            }
            None => self.head.forward(run, hidden, logits),
        }
    }

    /// What D sees, of `images` of the buffer.
    pub(super) fn pictures(&self, images: Range<usize>) -> Map<'_, T> {
        self.picture.of(&self.pictures, images)
    }

    /// The logits of `images` of the buffer.
    pub fn logits(&self, images: Range<usize>) -> &[T] {
        &self.logits[images.start * self.cells..images.end * self.cells]
    }

    /// Where the gradient of as many logits is put, and these logits.
    pub fn logits_and_seed(&mut self, images: Range<usize>) -> (&[T], &mut [T]) {
        let seed = &mut self.logit_seed[..images.len() * self.cells];
        (&self.logits[images.start * self.cells..images.end * self.cells], seed)
    }

    /// How f of `images` of the buffer is read: level `level`, or the latent vector where it is `None`.
    pub fn reading(&self, level: Option<usize>, branch: Branch, images: Range<usize>) -> Reading<'_, T> {
        let Some(level) = level else {
            let nz = self.latent.as_ref().expect("features = latent have a latent head").length();
            return Reading { map: Place::dense(1, 1, nz).of(&self.vectors, images), lens: None };
        };
        let (map, lens) = self.features.read(level, branch, images);
        Reading { map, lens: Some(lens) }
    }

    /// weight · the latent loss of `images` real pictures and their reconstructions; keeps its gradient for
    /// [`Discriminator::backward`].
    pub fn latent_loss(&mut self, pool: &Pool, weight: f64, images: usize) -> f64 {
        let (real, fake) = (Branch::Real, Branch::Fake);
        let spec::Features::Levels(_) = &self.loss_features else {
            let mut seed = std::mem::take(&mut self.vector_seed); // readings borrow all of self
            let (x, made) = (self.reading(None, real, 0..images), self.reading(None, fake, images..2 * images));
            let value = latent::loss(pool, x, made, weight, &mut seed[..images * x.map.channels]);
            self.vector_seed = seed;
            return value;
        };
        let mut seeds = std::mem::take(&mut self.level_seeds);
        let mut value = 0.0;
        for (level, seed) in seeds.iter_mut().enumerate().filter(|(_, seed)| !seed.is_empty()) {
            let (x, made) = (self.reading(Some(level), real, 0..images), self.reading(Some(level), fake, images..2 * images));
            value += latent::loss(pool, x, made, weight, &mut seed[..x.map.pixels() * x.map.channels]);
        }
        self.level_seeds = seeds;
        value
    }

    /// From `logit_seed` (and, with a sign, the latent loss's gradient) back through `branch` of `images` pictures to all
    /// parameters or to the pictures.
    pub fn backward(&mut self, run: &mut Run<'_, T>, branch: Branch, images: usize, pull: Option<T>, mut want: Want<'_, T>) {
        let range = range_of(branch, images);
        let logits = &self.logit_seed[..images * self.cells];
        let hidden = &self.hidden[range.start * self.extent..range.end * self.extent];
        match &self.latent {
            None => {
                if let Want::Weights(gradient, write) = &mut want {
                    self.head.weight_gradient(run, hidden, logits, gradient, *write);
                }
                self.head.input_gradient(run, logits, self.features.last_gradient(images));
            }
            Some(latent) => {
                let of = range.start * latent.length()..range.end * latent.length();
                let dz = &mut self.vector_gradient[..of.len()];
                self.head.input_gradient(run, logits, dz);
                if let (Some(sign), spec::Features::Latent) = (pull, &self.loss_features) {
                    dz.iter_mut().zip(&self.vector_seed).for_each(|(d, &seed)| *d += sign * seed);
                }
                if let Want::Weights(gradient, write) = &mut want {
                    self.head.weight_gradient(run, &self.vectors[of], logits, gradient, *write);
                    latent.weight_gradient(run, hidden, dz, gradient, *write);
                }
                latent.input_gradient(run, dz, self.features.last_gradient(images));
            }
        }
        let pictures = self.picture.of(&self.pictures, range.clone());
        let pull = pull.map(|sign| Pull { seeds: &self.level_seeds, sign });
        self.features.backward(run, branch, (pictures, range), pull, &mut want);
    }

    /// As [`Discriminator::backward`] of x̂ for G's loss: adds the gradient of x̂, cut out of that of the pictures, to `to`.
    pub fn backward_to_reconstruction(&mut self, run: &mut Run<'_, T>, images: usize, pull: Option<T>, to: &mut [T]) {
        let mut gradient = std::mem::take(&mut self.picture_gradient);
        let place = self.picture;
        let map: MapMut<'_, T> = place.of_mut(&mut gradient, 0..images);
        self.backward(run, Branch::Fake, images, pull, Want::Picture(map));
        let channels = to.len() / (images * place.rows * place.cols);
        let made: Map<'_, T> = place.part(place.channels - channels, channels).of(&gradient, 0..images);
        const CHUNK: usize = 4096;
        run.pool.chunks_mut(to, CHUNK * channels, |job, to| {
            for (pixel, to) in (job * CHUNK..).zip(to.chunks_mut(channels)) {
                to.iter_mut().zip(made.nth(pixel)).for_each(|(to, &d)| *to += d);
            }
        });
        self.picture_gradient = gradient;
    }

    /// Moves the running statistics by the last pass of `branch` once more (the published third pass).
    pub fn learn_again(&self, branch: Branch, statistics: &mut [T]) {
        self.features.learn_again(branch, statistics);
    }
}

/// The pictures of a branch, of `images` each.
pub fn range_of(branch: Branch, images: usize) -> Range<usize> {
    match branch {
        Branch::Real => 0..images,
        Branch::Fake => images..2 * images,
    }
}
