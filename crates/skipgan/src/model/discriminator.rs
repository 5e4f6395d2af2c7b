//! D (METHOD.md §2, DETECTION.md §3.5): levels, then the latent vector and its logit, or a logit a cell; and the pictures it
//! sees: context first, then the target (real) or x̂ (fake), which lie where they were made.
//!
//! Buffers hold what comes of 2n pictures, the n real ones first; branches are ranges of them.

use super::plan::Plan;
use crate::blocks::{Branch, Features, Pass, Pictures, Pull, Want};
use crate::layers::weights::Training;
use crate::layers::{LatentVector, Logit, Place, Run, Source, Weights};
use crate::losses::latent::{self, Reading};
use crate::spec::{self, Spec};
use kernels::{Map, MapMut, Pool, Real};
use std::ops::Range;

/// What D is shown, dense pictures where they lie: [`Pictures`] of them.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a, T> {
    /// Beside every picture of either batch; empty where D sees no context.
    pub context: &'a [T],
    /// A batch or two, in the order of the buffers.
    pub batches: [Option<&'a [T]>; 2],
}

/// The discriminator with everything a pass leaves behind.
#[derive(Debug)]
pub struct Discriminator<T> {
    features: Features<T>,
    levels: usize,
    latent: Option<LatentVector<T>>,
    head: Logit,
    loss_features: spec::Features,
    /// Of what D sees beside what is shown; `None`: nothing.
    context: Option<Place>,
    shown: Place,
    /// Cells that a picture has logits for.
    cells: usize,
    /// Numbers of the last level an image takes.
    extent: usize,
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
    shown_gradient: Vec<T>,
}

impl<T: Real> Discriminator<T> {
    /// For a plan.
    pub fn new(spec: &Spec, weights: &Weights<T>, plan: &Plan) -> Self {
        let (context, shown, spec) = (spec.context_channels(), spec.generator.output_channels, &spec.discriminator);
        let trained = if plan.training == Training::On { plan.images } else { 0 };
        let layouts = (&*weights.layout, &*weights.statistics_layout);
        let latent = LatentVector::<T>::find(layouts.0);
        let last = Place::dense(plan.height >> spec.levels, plan.width >> spec.levels, spec.channels(spec.levels - 1));
        let picture = |channels| Place::dense(plan.height, plan.width, channels);
        let (cells, nz) = latent.as_ref().map_or((last.rows * last.cols, 0), |latent| (1, latent.length()));
        let seed = |level: usize| match &spec.loss_features {
            spec::Features::Levels(levels) if levels.contains(&level) => {
                let elements = (plan.height >> (level + 1)) * (plan.width >> (level + 1)) * spec.channels(level);
                vec![T::ZERO; trained * elements]
            }
            _ => Vec::new(),
        };
        Self {
            features: Features::new(spec, context, layouts, (plan.height, plan.width), plan.images, trained),
            levels: spec.levels,
            latent,
            head: Logit::find(layouts.0),
            loss_features: spec.loss_features.clone(),
            context: (context > 0).then(|| picture(context)),
            shown: picture(shown),
            cells,
            extent: last.image(),
            hidden: vec![T::ZERO; 2 * plan.images * last.image()],
            vectors: vec![T::ZERO; 2 * plan.images * nz],
            logits: vec![T::ZERO; 2 * plan.images * cells],
            logit_seed: vec![T::ZERO; trained * cells],
            level_seeds: (0..spec.levels).map(seed).collect(),
            vector_seed: vec![T::ZERO; trained * nz],
            vector_gradient: vec![T::ZERO; trained * nz],
            shown_gradient: vec![T::ZERO; trained * picture(shown).image()],
        }
    }

    /// Takes over the weights: after every update.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        self.features.prepare(pool, parameters);
        if let Some(latent) = &mut self.latent {
            latent.prepare(pool, parameters);
        }
    }

    /// Reads prepared weights where another one of the same network has them.
    pub fn share(&mut self, other: &Self) {
        self.features.share(&other.features);
        if let (Some(own), Some(others)) = (&mut self.latent, &other.latent) {
            own.share(others);
        }
    }

    /// Features and logits of what is shown, by `passes`, each of which takes images of the buffers that are so filled ([`Features::forward`]).
    pub fn forward(&mut self, run: &mut Run<'_, T>, shown: Shown<'_, T>, passes: &[Pass], source: &mut Source<'_, T>) {
        self.find_features(run, shown, passes, source);
        passes.iter().for_each(|pass| self.judge(run, pass));
    }

    /// The same where scores want no logits: the features, the latent vector included.
    pub fn forward_to_features(&mut self, run: &mut Run<'_, T>, shown: Shown<'_, T>, passes: &[Pass], source: &mut Source<'_, T>) {
        self.find_features(run, shown, passes, source);
        if self.latent.is_some() {
            passes.iter().for_each(|pass| self.judge(run, pass));
        }
    }

    fn find_features(&mut self, run: &mut Run<'_, T>, shown: Shown<'_, T>, passes: &[Pass], source: &mut Source<'_, T>) {
        let batches = shown.batches.map(|batch| batch.map(|batch| self.shown.of(batch, 0..batch.len() / self.shown.image())));
        self.features.forward(run, Pictures { context: self.context_of(shown.context), shown: batches }, passes, source);
    }

    fn context_of<'a>(&self, context: &'a [T]) -> Option<Map<'a, T>> {
        self.context.map(|place| place.of(context, 0..context.len() / place.image()))
    }

    /// From the last level to the latent vector and the logits.
    fn judge(&mut self, run: &mut Run<'_, T>, Pass { branch, images }: &Pass) {
        let of = |one: usize| images.start * one..images.end * one;
        let (stored, lens) = self.features.read(self.levels - 1, *branch, images.clone());
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

    /// From `logit_seed` (and, with a sign, the latent loss's gradient) back through `branch` to what was `shown` there, or to all parameters but
    /// for the context's share of the first convolution: [`Discriminator::context_gradient`].
    pub fn backward(&mut self, run: &mut Run<'_, T>, branch: Branch, shown: &[T], pull: Option<T>, mut want: Want<'_, T>) {
        let images = shown.len() / self.shown.image();
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
        let shown = self.shown.of(shown, 0..images);
        let pull = pull.map(|sign| Pull { seeds: &self.level_seeds, sign });
        self.features.backward(run, branch, (shown, range), pull, &mut want);
    }

    /// The context's share of the first convolution's gradient, after the last [`Discriminator::backward`] to the parameters.
    pub fn context_gradient(&mut self, run: &mut Run<'_, T>, context: &[T], gradient: &mut [T]) {
        let context = self.context_of(context);
        self.features.context_gradient(run, context, gradient);
    }

    /// As [`Discriminator::backward`] of x̂, `made`, for G's loss: adds its gradient to `to`.
    pub fn backward_to_reconstruction(&mut self, run: &mut Run<'_, T>, made: &[T], pull: Option<T>, to: &mut [T]) {
        let mut gradient = std::mem::take(&mut self.shown_gradient);
        let map: MapMut<'_, T> = self.shown.of_mut(&mut gradient, 0..made.len() / self.shown.image());
        self.backward(run, Branch::Fake, made, pull, Want::Shown(map));
        const CHUNK: usize = 1 << 14;
        run.pool.chunks_mut(to, CHUNK, |job, to| {
            to.iter_mut().zip(&gradient[job * CHUNK..]).for_each(|(to, &d)| *to += d);
        });
        self.shown_gradient = gradient;
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
