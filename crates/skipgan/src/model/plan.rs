//! Sizes: what an engine is built for, and the workspace that every part of it gets.

use super::engine::{Batch, LatentMap, Scores};
use crate::layers::Work;
use crate::layers::weights::Training;
use crate::params::Layout;
use crate::spec::{Features, Head, Layer, Spec, SpecError, Taps};
use kernels::{Pool, Real};

/// The largest batch that an engine will meet, and its pictures' size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanSize {
    /// Pictures; smaller batches are taken too.
    pub images: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Numbers of pictures' maps that pass together even where weights are few: 1 MiB, as measured with a second cache of that size.
const CACHE: usize = 1 << 18;

/// What an engine is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything.
    Train,
    /// Scoring and observing: no memory for gradients and moments.
    Score,
}

/// Sizes that every part is built from.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Pictures at most.
    pub images: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Whether gradients have memory.
    pub training: Training,
}

impl Plan {
    /// Checks spec and sizes.
    ///
    /// # Errors
    /// [`SpecError`] where the spec is out of range or does not take pictures of that size, or `images` is 0.
    pub fn new(spec: &Spec, size: PlanSize, purpose: Purpose) -> Result<Plan, SpecError> {
        spec.check()?;
        spec.check_picture(size.height, size.width)?;
        if size.images == 0 {
            return Err(SpecError::OutOfRange { name: "images of a plan", value: "0".into(), range: "at least 1".into() });
        }
        let training = if purpose == Purpose::Train { Training::On } else { Training::Off };
        Ok(Plan { images: size.images, height: size.height, width: size.width, training })
    }

    /// Makes room for the scores of a batch.
    ///
    /// # Panics
    /// Where it is not of the planned sizes.
    pub(super) fn make_room(&self, scores: &mut Scores, spec: &Spec, batch: &Batch<'_>) {
        self.check(batch, spec);
        self.resize(scores, spec, batch.images);
    }

    /// # Panics
    /// Where a batch is not of the planned sizes.
    pub(crate) fn check(&self, batch: &Batch<'_>, spec: &Spec) {
        assert!(
            batch.images >= 1 && batch.images <= self.images && (batch.height, batch.width) == (self.height, self.width),
            "a batch of {} pictures of {}x{} in a plan for up to {} of {}x{}",
            batch.images,
            batch.width,
            batch.height,
            self.images,
            self.width,
            self.height
        );
        let pixels = batch.images * batch.height * batch.width;
        for (name, slice, channels) in [
            ("input", batch.input, spec.generator.input_channels),
            ("target", batch.target, spec.generator.output_channels),
            ("context", batch.context, spec.context_channels()),
        ] {
            assert!(slice.len() == pixels * channels, "a batch's {name} has {} numbers, not {}", slice.len(), pixels * channels);
        }
    }

    /// Scratch memory for every layer of both networks.
    pub(super) fn work<T: Real>(&self, spec: &Spec, pool: &Pool) -> Work<T> {
        let (g, d) = (&spec.generator, &spec.discriminator);
        // D's first layer is convolved by its shares (`ConvBeside`).
        let (context, judged) = (spec.context_channels(), d.layers());
        let first = &judged[0];
        let shares = [context, first.wide - context].into_iter().filter(|&wide| wide > 0).map(|wide| (0, Layer { wide, ..first.clone() }));
        let layers: Vec<(usize, Layer)> = (g.encoder().into_iter().enumerate())
            .chain(g.decoder().into_iter().enumerate())
            .chain(judged.iter().cloned().enumerate().skip(1))
            .chain(shares)
            .collect();
        let nz = if let Head::Latent { nz, .. } = d.head { nz } else { 1 };
        let channels = layers.iter().map(|(_, layer)| layer.wide.max(layer.deep)).max().unwrap_or(1).max(nz);
        // What tied taps fold, and what stands among other channels.
        let apart = layers.iter().filter(|(_, layer)| layer.taps == Taps::Tied || layer.name == first.name);
        let weight = apart.map(|(_, layer)| 16 * layer.wide * layer.deep).max().filter(|_| self.training == Training::On).unwrap_or(0);
        let mut work = Work::new(channels, weight);
        for (level, layer) in &layers {
            let small = (self.height >> (level + 1), self.width >> (level + 1));
            let images = self.images * if layer.name.starts_with("d.") { 2 } else { 1 };
            work.strided.reserve(pool, (layer.wide, layer.deep), small, images);
            if self.training == Training::On {
                work.strided.reserve_training((layer.wide, layer.deep), small);
            }
        }
        work.strided.reserve_beside(pool, [context, first.wide - context], first.deep, (self.height / 2, self.width / 2), self.images);
        work
    }

    /// Pictures that pass the networks together when scoring: as many as have maps no larger than the weights, so that neither is read from
    /// memory for a few of the other, or as fit into the second cache; all, where an engine trains and has
    /// the memory anyway. Results do not depend on it.
    pub(super) fn together(&self, spec: &Spec) -> usize {
        if self.training == Training::On {
            return self.images;
        }
        let numbers = |level: usize, channels: usize| (self.height >> level) * (self.width >> level) * channels;
        let (g, d) = (&spec.generator, &spec.discriminator);
        let input = numbers(0, g.input_channels + g.output_channels + d.input_channels);
        let generated: usize = (0..g.levels).map(|i| numbers(i + 1, 2 * g.channels(i))).sum();
        let judged: usize = (0..d.levels).map(|i| numbers(i + 1, 2 * d.channels(i))).sum();
        (Layout::parameters(spec).len.max(CACHE) / (input + generated + judged)).clamp(1, self.images)
    }

    /// Makes room for the scores of `images` pictures.
    pub(crate) fn resize(&self, scores: &mut Scores, spec: &Spec, images: usize) {
        let pixels = images * self.height * self.width;
        scores.reconstruction.resize(pixels * spec.generator.output_channels, 0.0);
        scores.residual_maps.resize(pixels, 0.0);
        scores.residual.resize(images, 0.0);
        scores.latent.resize(images, 0.0);
        if let Features::Levels(levels) = &spec.discriminator.score_features {
            scores.latent_maps.resize_with(levels.len(), LatentMap::default);
            for (map, level) in scores.latent_maps.iter_mut().zip(levels) {
                (map.rows, map.cols) = (self.height >> (level + 1), self.width >> (level + 1));
                map.values.resize(images * map.rows * map.cols, 0.0);
            }
        }
    }
}
