//! D's levels: feat.i = convolution → batch-norm → LeakyReLU, halving (METHOD.md §2, `discriminator_block`). Their
//! activated outputs are the features of the paper's latent loss.
//!
//! Real and reconstructed pictures lie in one buffer, real first, but are never one batch while training: each branch has
//! its own lenses (METHOD.md §4). The gradient has room for one branch: they go back one after the other.

use super::SLOPE;
use crate::layers::weights::Training;
use crate::layers::{BatchNorm, Conv, Moments, Place, Run, Source};
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

/// What a backward pass is for: exactly one of two things (METHOD.md §4, work per step).
#[derive(Debug)]
pub enum Want<'a, T> {
    /// G's loss passes through D: the gradient of the picture.
    Picture(MapMut<'a, T>),
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
    conv: Conv<T>,
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
    levels: Vec<Level<T>>,
}

impl<T: Real> Features<T> {
    /// For `images` pictures of each kind of `height` × `width`; `trained` may have gradients (0: none).
    pub fn new(
        spec: &DiscriminatorSpec,
        (parameters, statistics): (&Layout, &Layout),
        (height, width): (usize, usize),
        images: usize,
        trained: usize,
    ) -> Self {
        let level = |(i, layer): (usize, Layer)| {
            let place = Place::dense(height >> (i + 1), width >> (i + 1), layer.deep);
            let side = || Side { scale: vec![T::ONE; layer.deep], shift: vec![T::ZERO; layer.deep], moments: Moments::new(layer.deep) };
            Level {
                conv: Conv::new(&layer, parameters, (place.rows, place.cols), images, Training::of(trained)),
                norm: BatchNorm::find(&layer.name, parameters, statistics),
                place,
                values: vec![T::ZERO; 2 * images * place.image()],
                gradient: vec![T::ZERO; trained * place.image()],
                slope: vec![T::from_f64(SLOPE); layer.deep],
                sides: [side(), side()],
            }
        };
        Self { levels: spec.layers().into_iter().enumerate().map(level).collect() }
    }

    /// Takes over the weights.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        self.levels.iter_mut().for_each(|level| level.conv.prepare(pool, parameters));
    }

    /// Levels of `images` of the buffer; with running statistics both branches read alike, so one pass may take both.
    pub fn forward(&mut self, run: &mut Run<'_, T>, branch: Branch, picture: Map<'_, T>, images: Range<usize>, source: &mut Source<'_, T>) {
        for i in 0..self.levels.len() {
            let (outer, inner) = self.levels.split_at_mut(i);
            let level = &mut inner[0];
            let above = outer.last().map(|above| (above.place.of(&above.values, images.clone()), Some(above.lens(branch))));
            let (x, lens) = above.unwrap_or((picture, None));
            level.conv.forward(run, source.learns(), x, lens, level.place.of_mut(&mut level.values, images.clone()));
            let Some(norm) = &level.norm else { continue };
            for (which, side) in level.sides.iter_mut().enumerate() {
                if which == branch as usize || matches!(source, Source::Running(_)) {
                    let y = level.place.of(&level.values, images.clone());
                    norm.forward(run, y, source, &mut side.moments, (&mut side.scale, &mut side.shift));
                }
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

    /// From the gradient of the last level's activated output (and what the latent loss pulls) back to the picture or to the
    /// weights.
    pub fn backward(
        &mut self,
        run: &mut Run<'_, T>,
        branch: Branch,
        (picture, images): (Map<'_, T>, Range<usize>),
        pull: Option<Pull<'_, T>>,
        want: &mut Want<'_, T>,
    ) {
        for i in (0..self.levels.len()).rev() {
            let (outer, inner) = self.levels.split_at_mut(i);
            let level = &mut inner[0];
            level.leave(run, branch, images.clone(), (pull, i), want);
            let dy = level.place.of(&level.gradient, 0..images.len());
            if let Want::Weights(gradient, write) = want {
                let above = outer.last().map(|above| (above.place.of(&above.values, images.clone()), Some(above.lens(branch))));
                level.conv.weight_gradient(run, above.unwrap_or((picture, None)), dy, gradient, *write);
            }
            match (outer.last_mut(), &mut *want) {
                (Some(above), _) => level.conv.input_gradient(run, dy, above.place.of_mut(&mut above.gradient, 0..images.len())),
                (None, Want::Picture(to)) => level.conv.input_gradient(run, dy, to.reborrow()),
                (None, Want::Weights(..)) => {}
            }
        }
    }
}

impl<T: Real> Level<T> {
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
                Want::Picture(_) => None,
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
