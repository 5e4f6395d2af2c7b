//! D's levels: feat.i = convolution → batch-norm → LeakyReLU, halving (METHOD.md §2, `discriminator_block`). Their
//! activated outputs are the features of the paper's latent loss.
//!
//! Real and reconstructed pictures lie in one buffer, real first, but are never one batch while training: each branch has
//! its own lenses (METHOD.md §4). The gradient has room for one branch: they go back one after the other.
//! The first convolution takes both at once, for where there is a context it is the same for both ([`ConvBeside`]).

use super::SLOPE;
use crate::layers::weights::Training;
use crate::layers::{BatchNorm, Conv, ConvBeside, Moments, Place, Run, Source};
use crate::params::Layout;
use crate::spec::{DiscriminatorSpec, Layer};
use kernels::{Lens, Map, MapMut, Pool, Real, Write, norm};
use std::ops::Range;

/// Whose statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// D(x).
    Real = 0,
    /// D(x̂).
    Fake = 1,
}

/// What D sees: a context, where there is one, and beside it one or two batches of as many images.
#[derive(Clone, Copy, Debug)]
pub struct Pictures<'a, T> {
    /// What x and x̂ have in common.
    pub context: Option<Map<'a, T>>,
    /// x, x̂, or both in the order of the buffer.
    pub shown: [Option<Map<'a, T>>; 2],
}

/// A pass over images of the buffer, with the statistics and lenses of a branch.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Whose statistics.
    pub branch: Branch,
    /// Of the buffer. With running statistics both branches read alike, so one pass may take both.
    pub images: Range<usize>,
}

/// What a backward pass is for: exactly one of two things (METHOD.md §4, work per step).
#[derive(Debug)]
pub enum Want<'a, T> {
    /// G's loss passes through D: the gradient of what is shown.
    Shown(MapMut<'a, T>),
    /// D's own loss: all parameters' gradients (given whole), put or added.
    Weights(&'a mut [T], Write),
}

/// What the latent loss adds to a level's features on the way back.
#[derive(Clone, Copy, Debug)]
pub struct Pull<'a, T> {
    /// The gradient of the reconstruction's activated features, a level each; empty where a level is no feature.
    pub seeds: &'a [Vec<T>],
    /// 1 for the reconstruction; −1 for the real picture, whose gradient is the negative.
    pub sign: T,
}

#[derive(Debug)]
struct Side<T> {
    scale: Vec<T>,
    shift: Vec<T>,
    moments: Moments,
}

#[derive(Debug)]
struct Level<T> {
    norm: Option<BatchNorm>,
    place: Place,
    values: Vec<T>,
    gradient: Vec<T>,
    slope: Vec<T>,
    sides: [Side<T>; 2],
}

impl<T: Real> Level<T> {
    fn lens(&self, branch: Branch) -> Lens<'_, T> {
        let side = &self.sides[branch as usize];
        Lens::new(&side.scale, &side.shift, &self.slope)
    }
}

/// All levels, outermost first.
#[derive(Debug)]
pub struct Features<T> {
    first: ConvBeside<T>,
    /// From each level to the next one.
    deeper: Vec<Conv<T>>,
    levels: Vec<Level<T>>,
}

impl<T: Real> Features<T> {
    /// For `images` pictures of each kind of `height` × `width`, whose first `context` channels x and x̂ have in common; `trained` may have
    /// gradients (0: none).
    pub fn new(
        spec: &DiscriminatorSpec,
        context: usize,
        (parameters, statistics): (&Layout, &Layout),
        (height, width): (usize, usize),
        images: usize,
        trained: usize,
    ) -> Self {
        let layers = spec.layers();
        let sides = |i: usize| (height >> (i + 1), width >> (i + 1));
        let level = |(i, layer): (usize, &Layer)| {
            let place = Place::dense(sides(i).0, sides(i).1, layer.deep);
            let side = || Side { scale: vec![T::ONE; layer.deep], shift: vec![T::ZERO; layer.deep], moments: Moments::new(layer.deep) };
            Level {
                norm: BatchNorm::find(&layer.name, parameters, statistics),
                place,
                values: vec![T::ZERO; 2 * images * place.image()],
                gradient: vec![T::ZERO; trained * place.image()],
                slope: vec![T::from_f64(SLOPE); layer.deep],
                sides: [side(), side()],
            }
        };
        let conv = |(i, layer)| Conv::new(layer, parameters, sides(i), images, Training::of(trained));
        Self {
            first: ConvBeside::new(&layers[0], parameters, context, sides(0), images, trained),
            deeper: layers.iter().enumerate().skip(1).map(conv).collect(),
            levels: layers.iter().enumerate().map(level).collect(),
        }
    }

    /// Takes over the weights.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        self.first.prepare(pool, parameters);
        self.deeper.iter_mut().for_each(|conv| conv.prepare(pool, parameters));
    }

    /// Reads prepared weights where another one of the same network has them.
    pub fn share(&mut self, other: &Self) {
        self.first.share(&other.first);
        self.deeper.iter_mut().zip(&other.deeper).for_each(|(own, others)| own.share(others));
    }

    /// Levels of some images of the buffer, those of `pictures`: each is of one of `passes`, whose order is that in which statistics learn.
    ///
    /// # Panics
    /// If passes leave out images between them, or take others than pictures has.
    pub fn forward(&mut self, run: &mut Run<'_, T>, pictures: Pictures<'_, T>, passes: &[Pass], source: &mut Source<'_, T>) {
        let (start, end) =
            passes.iter().fold((usize::MAX, 0), |(start, end), pass| (start.min(pass.images.start), end.max(pass.images.end)));
        assert_eq!(passes.iter().map(|pass| pass.images.len()).sum::<usize>(), end - start, "every image in one pass");
        let outermost = &mut self.levels[0];
        let y = outermost.place.of_mut(&mut outermost.values, start..end);
        self.first.forward(run, pictures.context, pictures.shown, y);
        for Pass { branch, images } in passes {
            self.levels[0].meet(run, *branch, images.clone(), source);
            for (i, conv) in self.deeper.iter().enumerate() {
                let (outer, inner) = self.levels.split_at_mut(i + 1);
                let (above, level) = (&outer[i], &mut inner[0]);
                let (x, lens) = (above.place.of(&above.values, images.clone()), Some(above.lens(*branch)));
                conv.forward(run, x, lens, level.place.of_mut(&mut level.values, images.clone()));
                level.meet(run, *branch, images.clone(), source);
            }
        }
    }

    /// Moves the running statistics by the last forward pass of `branch` once more: a repeated pass with the same weights
    /// would give the same numbers (METHOD.md §4, the third pass of the published order).
    pub fn learn_again(&self, branch: Branch, statistics: &mut [T]) {
        for level in &self.levels {
            if let Some(norm) = &level.norm {
                norm.learn(&level.sides[branch as usize].moments, statistics);
            }
        }
    }

    /// A level's stored map and how it is read.
    pub fn read(&self, level: usize, branch: Branch, images: Range<usize>) -> (Map<'_, T>, Lens<'_, T>) {
        let level = &self.levels[level];
        (level.place.of(&level.values, images), level.lens(branch))
    }

    /// The place where the gradient of the last level's activated output is put before [`Features::backward`].
    pub fn last_gradient(&mut self, images: usize) -> &mut [T] {
        let level = self.levels.last_mut().expect("a discriminator has levels");
        &mut level.gradient[..images * level.place.image()]
    }

    /// From the gradient of the last level's activated output (and what the latent loss pulls) back to what was `shown` or to the weights, but for
    /// the context's: [`Features::context_gradient`].
    pub fn backward(
        &mut self,
        run: &mut Run<'_, T>,
        branch: Branch,
        (shown, images): (Map<'_, T>, Range<usize>),
        pull: Option<Pull<'_, T>>,
        want: &mut Want<'_, T>,
    ) {
        for (i, conv) in self.deeper.iter().enumerate().rev() {
            let (outer, inner) = self.levels.split_at_mut(i + 1);
            let (above, level) = (&mut outer[i], &mut inner[0]);
            level.leave(run, branch, images.clone(), (pull, i + 1), want);
            let dy = level.place.of(&level.gradient, 0..images.len());
            if let Want::Weights(gradient, write) = want {
                let seen = (above.place.of(&above.values, images.clone()), Some(above.lens(branch)));
                conv.weight_gradient(run, seen, dy, gradient, *write);
            }
            conv.input_gradient(run, dy, above.place.of_mut(&mut above.gradient, 0..images.len()));
        }
        let outermost = &mut self.levels[0];
        outermost.leave(run, branch, images.clone(), (pull, 0), want);
        let dy = outermost.place.of(&outermost.gradient, 0..images.len());
        match want {
            Want::Shown(to) => self.first.input_gradient(run, dy, to.reborrow()),
            Want::Weights(gradient, write) => self.first.weight_gradient(run, shown, dy, gradient, *write),
        }
    }

    /// What is left to do after the last [`Features::backward`] to the weights: the context's share of the first one.
    pub fn context_gradient(&mut self, run: &mut Run<'_, T>, context: Option<Map<'_, T>>, gradient: &mut [T]) {
        self.first.context_gradient(run, context, gradient);
    }
}

impl<T: Real> Level<T> {
    /// After the convolution: the lens through which `branch` is read, or both branches where statistics are the running ones.
    fn meet(&mut self, run: &mut Run<'_, T>, branch: Branch, images: Range<usize>, source: &mut Source<'_, T>) {
        let Some(norm) = &self.norm else { return };
        for (which, side) in self.sides.iter_mut().enumerate() {
            if which == branch as usize || matches!(source, Source::Running(_)) {
                let y = self.place.of(&self.values, images.clone());
                norm.forward(run, y, source, &mut side.moments, (&mut side.scale, &mut side.shift));
            }
        }
    }

    /// From the gradient of the activated output, plus the latent loss's, to that of the bare one.
    fn leave(
        &mut self,
        run: &mut Run<'_, T>,
        branch: Branch,
        images: Range<usize>,
        (pull, index): (Option<Pull<'_, T>>, usize),
        want: &mut Want<'_, T>,
    ) {
        let length = images.len() * self.place.image();
        if let Some(Pull { seeds, sign }) = pull
            && let Some(seed) = seeds.get(index).filter(|seed| !seed.is_empty())
        {
            pull_at(run, &mut self.gradient[..length], &seed[..length], sign);
        }
        let side = &self.sides[branch as usize];
        let lens = Lens::new(&side.scale, &side.shift, &self.slope);
        let y = self.place.of(&self.values, images.clone());
        norm::activation_backward_in_place(run.pool, self.place.of_mut(&mut self.gradient, 0..images.len()), y, lens);
        if let Some(norm) = &self.norm {
            let gradient = match want {
                Want::Weights(gradient, write) => Some((&mut **gradient, *write)),
                Want::Shown(_) => None,
            };
            norm.backward(run, y, &side.moments, self.place.of_mut(&mut self.gradient, 0..images.len()), gradient);
        }
    }
}

fn pull_at<T: Real>(run: &Run<'_, T>, gradient: &mut [T], seed: &[T], sign: T) {
    const CHUNK: usize = 32 * 1024;
    run.pool.chunks_mut(gradient, CHUNK, |i, to| {
        for (to, &seed) in to.iter_mut().zip(&seed[i * CHUNK..]) {
            *to += sign * seed;
        }
    });
}
