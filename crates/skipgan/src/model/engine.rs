//! The seam between the network and whatever trains or scores with it: one trait, and the plain values that cross it.
//! `train` and `score` know only this; [`super::CpuEngine`], [`super::ByteEngine`], copies of them in [`super::Abreast`] and, with the feature `gpu`,
//! `crate::gpu::GpuEngine` fulfil it.

pub use crate::params::State;
use crate::ranges::Ranges;
use kernels::Pool;
use std::sync::Arc;

/// What the network sees in one step. All slices are channels-last: `[images, height, width, channels]`, contiguous.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Number of windows, at most what the engine was planned for.
    pub images: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// What G sees (`generator.input_channels`).
    pub input: &'a [f32],
    /// What G must produce (`generator.output_channels`); for the published form the same picture as `input`.
    pub target: &'a [f32],
    /// What D sees before the target or the reconstruction (`discriminator.input_channels − output_channels`); empty when published.
    pub context: &'a [f32],
    /// Training on changed pictures: `None` where G's input was not changed.
    pub changed: Option<Changed<'a>>,
}

impl<'a> Batch<'a> {
    /// Some of the windows, without what was changed in them.
    pub(super) fn part(&self, images: std::ops::Range<usize>) -> Batch<'a> {
        let of = |whole: &'a [f32]| &whole[whole.len() / self.images * images.start..whole.len() / self.images * images.end];
        let (input, target, context) = (of(self.input), of(self.target), of(self.context));
        Batch { images: images.len(), input, target, context, changed: None, ..*self }
    }
}

/// What was put into pictures that does not belong there, so that G learns to take it out and D to see it (DETECTION.md §6).
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// What the target would be if it were left in: shaped as the target. D is also a critic of it.
    pub target: &'a [f32],
    /// How much each element counts in the contextual loss: shaped as the target.
    pub importance: &'a [f32],
    /// D's target for every cell of its head: `real_label` where nothing was changed, 0 where something was: `[images, rows, cols]`.
    pub cells: &'a [f32],
}

/// Adam's numbers for one network in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamRates {
    /// Learning rate of this step.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

/// This step's numbers for both optimizers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// For G.
    pub generator: AdamRates,
    /// For D.
    pub discriminator: AdamRates,
}

/// The losses of one step, weights included (METHOD.md §3).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// w_adv · BCE(D(x̂), 1).
    pub adversarial: f64,
    /// w_con · mean |x̂ − x|.
    pub contextual: f64,
    /// w_lat · mean (f(x̂) − f(x))².
    pub latent: f64,
    /// L_G: what G descends.
    pub generator: f64,
    /// BCE(D(x), 1).
    pub real: f64,
    /// BCE(D(x̂), 0).
    pub fake: f64,
    /// L_D: what D descends.
    pub discriminator: f64,
    /// Whether D was drawn anew after this step (`reinit_d`).
    pub redrawn: bool,
}

/// Which statistics batch-norm uses in a forward pass that scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Running statistics: a score depends on its own window alone.
    Running,
    /// The statistics of the batch, as the authors' test did.
    Batch,
    /// The statistics of each image alone (a batch of one).
    Instance,
}

/// What scoring one batch gives.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// x̂, `[images, height, width, output_channels]`.
    pub reconstruction: Vec<f32>,
    /// Where and how strongly x̂ differs from the target: `[images, height, width]`.
    pub residual_maps: Vec<f32>,
    /// R: per image, the mean over pixels and channels of the chosen distance.
    pub residual: Vec<f64>,
    /// One map a feature level: mean over channels of the chosen distance of f(x) and f(x̂). Empty where f is the latent vector.
    pub latent_maps: Vec<LatentMap>,
    /// L: per image, the sum over feature levels of the mean distance.
    pub latent: Vec<f64>,
}

/// A feature level's distance, cell by cell.
#[derive(Clone, Debug, Default)]
pub struct LatentMap {
    /// Rows of the level.
    pub rows: usize,
    /// Columns of the level.
    pub cols: usize,
    /// `[images, rows, cols]`.
    pub values: Vec<f32>,
}

/// A network that can be trained and asked.
///
/// Same state, same batches, same machine class give the same bits for any number of threads.
pub trait Engine: Send {
    /// One training step on one batch of normal windows (METHOD.md §4, in the order that the objective names).
    ///
    /// # Panics
    /// Where the batch's sizes are not those the engine was planned for.
    fn step(&mut self, batch: &Batch<'_>, rates: &Rates) -> Losses;

    /// x̂, R and L of every window of a batch; nothing is updated. With [`Norm::Running`] and [`Norm::Instance`] an image's
    /// numbers do not depend on the other images, bit for bit.
    fn score(&mut self, batch: &Batch<'_>, norm: Norm) -> &Scores;

    /// A forward pass of G, D(x), D(x̂) that only accumulates running statistics (re-estimation).
    fn observe(&mut self, batch: &Batch<'_>);

    /// Takes over a state, whatever executor wrote it.
    ///
    /// # Panics
    /// Where its layout is not that of the engine's spec; checkpoints are checked when they are read.
    fn load(&mut self, state: &State);

    /// Everything to go on from, in the layout of [`crate::params`].
    fn save(&self) -> State;

    /// Another engine of the same network and weights for batches of as many pictures, on other threads: for another camera. Prepared
    /// weights are in the same memory, until either takes over a state. `None` where an executor cannot: [`super::Abreast`] can.
    ///
    /// # Panics
    /// If the engine was planned for training.
    fn another(&self, _pool: &Arc<Pool>) -> Option<Box<dyn Engine>> {
        None
    }

    /// From now on, every scored batch widens the ranges that [`Engine::take_ranges`] gives. Does nothing where an executor cannot.
    fn watch_ranges(&mut self) {}
    /// The ranges of all maps since [`Engine::watch_ranges`]; nothing is watched any more. `None` where nothing was.
    fn take_ranges(&mut self) -> Option<Ranges> {
        None
    }
}
