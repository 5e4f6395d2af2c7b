//! [`GpuEngine`]: both networks on a GPU behind the seam [`Engine`]. What a step is stands in [`super::skip_ganomaly`], what a score
//! is in [`super::scores`].

use super::device::Gpu;
use super::pictures::Pictures;
use super::weights::Weights;
use crate::config::Objective;
use crate::layers::init;
use crate::model::engine::{Batch, Engine, Losses, Norm, Rates, Scores};
use crate::model::plan::{Plan, PlanSize, Purpose};
use crate::params::State;
use crate::spec::{Head, Spec, SpecError};

/// Both networks on a GPU.
///
/// A device that fails while it computes (no memory left, taken away) ends the program with Burn's message.
pub struct GpuEngine {
    pub(super) gpu: Gpu,
    pub(super) spec: Spec,
    pub(super) objective: Objective,
    plan: Plan,
    purpose: Purpose,
    pub(super) weights: Weights,
    pub(super) scores: Scores,
}

impl GpuEngine {
    /// Both networks with initial weights drawn by the objective's `init` and `seed`: those of the processor's engine.
    ///
    /// # Errors
    /// [`SpecError`] where the spec is out of range or does not take pictures of that size, or `images` is 0.
    pub fn new(spec: &Spec, objective: &Objective, size: PlanSize, purpose: Purpose, gpu: &Gpu) -> Result<GpuEngine, SpecError> {
        let plan = Plan::new(spec, size, purpose)?;
        let state = init::state(spec, objective.init, objective.seed);
        Ok(GpuEngine {
            weights: Weights::new(spec, purpose, &state, gpu.device()),
            gpu: gpu.clone(),
            spec: spec.clone(),
            objective: *objective,
            plan,
            purpose,
            scores: Scores::default(),
        })
    }

    /// Copies a batch to the device, into `room` images.
    fn show(&self, batch: &Batch<'_>, room: usize) -> Pictures {
        self.plan.check(batch, &self.spec);
        let d = &self.spec.discriminator;
        let head = match d.head {
            Head::Patch => [batch.height >> d.levels, batch.width >> d.levels],
            Head::Latent { .. } => [1, 1],
        };
        Pictures::new(batch, room, head, self.gpu.device())
    }
}

impl Engine for GpuEngine {
    fn step(&mut self, batch: &Batch<'_>, rates: &Rates) -> Losses {
        assert!(self.purpose == Purpose::Train, "this engine was built for scoring: build it with Purpose::Train");
        let shown = self.show(batch, batch.images);
        let mut losses = self.train(&shown, rates);
        if losses.discriminator < self.objective.reinit_d {
            // Its running statistics and moments stay (METHOD.md §6, 9).
            let seed = init::redraw_seed(self.objective.seed, self.weights.step);
            let drawn = init::state(&self.spec, self.objective.init, seed);
            self.weights.load_discriminator(&drawn.parameters);
            losses.redrawn = true;
        }
        losses
    }

    fn score(&mut self, batch: &Batch<'_>, norm: Norm) -> &Scores {
        // The device cuts its sums by the shape of a tensor: an image gives the same bits alone and among others where all shapes are one.
        let room = if norm == Norm::Batch { batch.images } else { self.plan.images };
        let shown = self.show(batch, room);
        self.plan.resize(&mut self.scores, &self.spec, batch.images);
        self.measure(&shown, norm);
        &self.scores
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let shown = self.show(batch, batch.images);
        self.watch(&shown);
    }

    fn load(&mut self, state: &State) {
        self.weights.load(state);
    }

    fn save(&self) -> State {
        self.weights.save()
    }
}
