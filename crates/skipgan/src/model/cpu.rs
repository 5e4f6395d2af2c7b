//! Our own engine (ENGINE.md §5): both networks, their weights and one workspace on a processor. What a step and a score
//! are stands in [`super::skip_ganomaly`].
//!
//! `CpuEngine<f32>` is the product; `CpuEngine<f64>` runs the plain loops and is its oracle.

use super::abreast::Fork;
use super::discriminator::{Discriminator, range_of};
use super::engine::{AdamRates, Batch, Engine, Losses, Norm, Rates, Scores};
use super::generator::Generator;
use super::plan::{Plan, PlanSize, Purpose};
use crate::blocks::Branch;
use crate::blocks::join::Half;
use crate::config::Objective;
use crate::layers::weights::{Network, Training};
use crate::layers::{Weights, Work, init};
use crate::params::{Params, State};
use crate::ranges::{INPUT, PICTURES, Ranges};
use crate::spec::{Spec, SpecError};
use kernels::{Denormals, Map, Pool, Real, adam};
use std::sync::Arc;

/// Both networks on a processor, sized once: no step after the first allocates.
pub struct CpuEngine<T: Real> {
    pub(super) spec: Spec,
    pub(super) objective: Objective,
    pub(super) plan: Plan,
    pub(super) pool: Arc<Pool>,
    pub(super) weights: Weights<T>,
    pub(super) generator: Generator<T>,
    pub(super) discriminator: Discriminator<T>,
    pub(super) work: Work<T>,
    /// Pictures of the batch at hand.
    pub(super) images: usize,
    /// What G must produce.
    pub(super) target: Vec<T>,
    /// What D sees beside it.
    pub(super) context: Vec<T>,
    /// What was put in that does not belong; empty where nothing was.
    pub(super) changed: ChangedPictures<T>,
    pub(super) scores: Scores,
    /// Pictures scored at once: [`Plan::together`].
    together: usize,
    /// Where ranges are watched, while they are.
    ranges: Option<Ranges>,
}

impl<T: Real> CpuEngine<T> {
    /// Both networks with initial weights drawn by the objective's `init` and `seed`. The pool may be shared.
    ///
    /// # Errors
    /// [`SpecError`] where the spec is out of range or does not take pictures of that size, or `images` is 0.
    pub fn new(spec: &Spec, objective: &Objective, size: PlanSize, purpose: Purpose, pool: Arc<Pool>) -> Result<Self, SpecError> {
        let plan = Plan::new(spec, size, purpose)?;
        let mut engine = Self::with_weights(spec.clone(), *objective, plan, Weights::new(spec, plan.training), pool);
        engine.weights.reset_statistics();
        engine.draw(&[Network::Generator, Network::Discriminator], objective.seed);
        Ok(engine)
    }

    /// The same with the weights of a state instead: nothing is drawn that would be overwritten.
    ///
    /// # Errors
    /// As [`CpuEngine::new`].
    ///
    /// # Panics
    /// If the state is not of that spec.
    pub fn with_state(
        spec: &Spec,
        objective: &Objective,
        size: PlanSize,
        purpose: Purpose,
        pool: Arc<Pool>,
        state: &State,
    ) -> Result<Self, SpecError> {
        let plan = Plan::new(spec, size, purpose)?;
        let mut engine = Self::with_weights(spec.clone(), *objective, plan, Weights::new(spec, plan.training), pool);
        engine.load(state);
        Ok(engine)
    }

    /// With memory for everything; the weights are not prepared.
    fn with_weights(spec: Spec, objective: Objective, plan: Plan, weights: Weights<T>, pool: Arc<Pool>) -> Self {
        // Moments that fade away would otherwise cost a hundred cycles each; and scores must not depend on who trained.
        pool.set_denormals(Denormals::Flush);
        let pixels = plan.images * plan.height * plan.width;
        Self {
            plan,
            generator: Generator::new(&spec.generator, &weights, &plan),
            discriminator: Discriminator::new(&spec, &weights, &plan),
            work: plan.work(&spec, &pool),
            weights,
            images: 0,
            target: vec![T::ZERO; pixels * spec.generator.output_channels],
            context: vec![T::ZERO; pixels * spec.context_channels()],
            changed: ChangedPictures::default(),
            scores: Scores::default(),
            ranges: None,
            together: plan.together(&spec),
            spec,
            objective,
            pool,
        }
    }

    /// Copies a batch in: G's image, the target, and the context.
    fn show(&mut self, batch: &Batch<'_>) {
        self.plan.check(batch, &self.spec);
        self.images = batch.images;
        copy(&self.pool, batch.input, &mut self.generator.image);
        copy(&self.pool, batch.target, &mut self.target);
        copy(&self.pool, batch.context, &mut self.context);
        self.changed.show(batch);
    }

    /// Adam's update of one network, and its weights prepared anew.
    pub(super) fn update(&mut self, network: Network, rates: AdamRates) {
        let AdamRates { lr, beta1, beta2, epsilon } = rates;
        self.weights.update(&self.pool, network, adam::AdamRates { lr, beta1, beta2, eps: epsilon, step: 1 });
        self.prepare(network);
    }

    /// Widens `ranges` by every map of the last pass.
    fn widen(&self, ranges: &mut Ranges) {
        let images = self.images;
        let (g, d) = (&self.spec.generator, &self.spec.discriminator);
        let (height, width) = (self.plan.height, self.plan.width);
        ranges.widen_bare(INPUT, &[Map::dense(&self.generator.image, images, height, width, g.input_channels)]);
        for (level, layer) in g.encoder().iter().enumerate() {
            let (map, scale, shift) = self.generator.stored(Half::Encoded, level, images);
            ranges.widen(&layer.name, map, (scale, shift));
        }
        for (level, layer) in g.decoder().iter().enumerate().skip(1) {
            let (map, scale, shift) = self.generator.stored(Half::Below, level - 1, images);
            ranges.widen(&layer.name, map, (scale, shift));
        }
        let channels = self.spec.context_channels();
        let context = (channels > 0).then(|| Map::dense(&self.context, images, height, width, channels));
        for shown in [&self.target[..], self.generator.reconstruction()] {
            let shown = Map::dense(shown, images, height, width, g.output_channels);
            ranges.widen_bare(PICTURES, &context.into_iter().chain([shown]).collect::<Vec<_>>());
        }
        for (level, layer) in d.layers().iter().enumerate() {
            for branch in [Branch::Real, Branch::Fake] {
                let reading = self.discriminator.reading(Some(level), branch, range_of(branch, images));
                let lens = reading.lens.expect("levels are read through a lens");
                ranges.widen(&layer.name, reading.map, (lens.scale, lens.shift));
            }
        }
    }

    pub(super) fn prepare(&mut self, network: Network) {
        match network {
            Network::Generator => self.generator.prepare(&self.pool, &self.weights.parameters),
            Network::Discriminator => self.discriminator.prepare(&self.pool, &self.weights.parameters),
        }
    }

    /// Draws parameters anew; statistics and moments stay.
    fn draw(&mut self, networks: &[Network], seed: u64) {
        let mut parameters = Params::zeros(self.weights.layout.clone());
        init::draw(&self.spec, self.objective.init, seed, &mut parameters);
        for &network in networks {
            self.weights.load_parameters(&parameters, network);
            self.prepare(network);
        }
    }
}

impl<T: Real> Engine for CpuEngine<T> {
    fn step(&mut self, batch: &Batch<'_>, rates: &Rates) -> Losses {
        assert!(self.plan.training == Training::On, "this engine was built for scoring: build it with Purpose::Train");
        self.show(batch);
        let mut losses = self.train(rates);
        if losses.discriminator < self.objective.reinit_d {
            // Its running statistics and moments stay (METHOD.md §6, 9).
            let seed = init::redraw_seed(self.objective.seed, self.weights.step());
            self.draw(&[Network::Discriminator], seed);
            losses.redrawn = true;
        }
        losses
    }

    fn score(&mut self, batch: &Batch<'_>, norm: Norm) -> &Scores {
        self.plan.make_room(&mut self.scores, &self.spec, batch);
        let together = match norm {
            Norm::Batch => batch.images,
            Norm::Running => self.together,
            Norm::Instance => 1,
        };
        // Every part passes through the same memory, which then stays in the caches.
        for first in (0..batch.images).step_by(together) {
            let part = batch.part(first..batch.images.min(first + together));
            match Seen::of(&part).filter(|_| self.ranges.is_none()) {
                Some(seen) => {
                    self.images = part.images;
                    self.measure(first, norm, Some(seen));
                }
                None => {
                    self.show(&part);
                    self.measure(first, norm, None);
                }
            }
            if let Some(mut ranges) = self.ranges.take() {
                self.widen(&mut ranges);
                self.ranges = Some(ranges);
            }
        }
        &self.scores
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        self.show(batch);
        self.watch();
    }

    fn load(&mut self, state: &State) {
        self.weights.load(state);
        self.prepare(Network::Generator);
        self.prepare(Network::Discriminator);
    }

    fn save(&self) -> State {
        self.weights.save()
    }

    fn watch_ranges(&mut self) {
        self.ranges = Some(Ranges::default());
    }

    fn take_ranges(&mut self) -> Option<Ranges> {
        self.ranges.take()
    }
}

impl<T: Real> Fork for CpuEngine<T> {
    /// # Panics
    /// If the engine trains.
    fn fork(&self, images: usize, pool: Arc<Pool>) -> Self {
        assert!(self.plan.training == Training::Off, "an engine that trains is alone");
        let plan = Plan { images, ..self.plan };
        let mut engine = Self::with_weights(self.spec.clone(), self.objective, plan, self.weights.clone(), pool);
        engine.generator.share(&self.generator);
        engine.discriminator.share(&self.discriminator);
        engine
    }

    fn planned(&self) -> (usize, &Arc<Pool>) {
        (self.plan.images, &self.pool)
    }

    fn one_by_one(&self) -> bool {
        self.together == 1
    }

    fn make_room(&self, batch: &Batch<'_>, scores: &mut Scores) {
        self.plan.make_room(scores, &self.spec, batch);
    }
}

/// What a batch shows, where it stands: numbers that need no conversion are scored without a copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a, T> {
    pub(super) input: &'a [T],
    pub(super) target: &'a [T],
    pub(super) context: &'a [T],
}

impl<'a, T: Real> Seen<'a, T> {
    fn of(batch: &Batch<'a>) -> Option<Self> {
        let [input, target, context] = [batch.input, batch.target, batch.context].map(T::of_singles);
        Some(Self { input: input?, target: target?, context: context? })
    }
}

/// [`super::engine::Changed`] in the engine's numbers; memory is taken at the first step.
#[derive(Debug, Default)]
pub(super) struct ChangedPictures<T> {
    pub(super) target: Vec<T>,
    pub(super) importance: Vec<T>,
    pub(super) cells: Vec<f32>,
}

impl<T: Real> ChangedPictures<T> {
    fn show(&mut self, batch: &Batch<'_>) {
        self.target.clear();
        self.importance.clear();
        self.cells.clear();
        if let Some(changed) = batch.changed {
            assert!(changed.target.len() == batch.target.len() && changed.importance.len() == batch.target.len(), "shaped as the target");
            self.target.extend(changed.target.iter().map(|&value| T::from_f32(value)));
            self.importance.extend(changed.importance.iter().map(|&value| T::from_f32(value)));
            self.cells.extend_from_slice(changed.cells);
        }
    }
}

fn copy<T: Real>(pool: &Pool, from: &[f32], to: &mut [T]) {
    const CHUNK: usize = 1 << 16;
    pool.chunks_mut(&mut to[..from.len()], CHUNK, |at, to| {
        to.iter_mut().zip(&from[at * CHUNK..]).for_each(|(to, &from)| *to = T::from_f32(from))
    });
}

/// What every call of a layer needs, from an engine's fields: a macro, so that the other fields stay free to borrow.
macro_rules! run {
    ($engine:expr) => {
        $crate::layers::Run { pool: &$engine.pool, parameters: &$engine.weights.parameters, work: &mut $engine.work }
    };
}
pub(super) use run;
