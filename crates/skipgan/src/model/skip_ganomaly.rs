//! Skip-GANomaly (arXiv 1901.08954): the training step and the scores (METHOD.md §3–5).
//!
//! | paper | here |
//! |---|---|
//! | x, x̂ = G(x) | `target`, `generator.reconstruction` |
//! | D(x), D(x̂); f(x), f(x̂) | what `discriminator` keeps of [`Branch::Real`] and [`Branch::Fake`] |
//! | L_adv, L_con, L_lat, L | [`crate::losses`], [`Losses`] |
//! | R, L of Â(x) = λR + (1−λ)L | [`super::engine::Scores`]; λ is `score`'s |
//!
//! x and x̂ are never one batch while training: each has its own batch statistics.

use super::cpu::{CpuEngine, Seen, run};
use super::discriminator::range_of;
use super::engine::{Losses, Norm, Rates};
use super::measure;
use crate::blocks::{Branch, Want};
use crate::config::Order;
use crate::layers::Source;
use crate::layers::weights::Network;
use crate::losses::{adversarial, contextual};
use crate::spec::Features;
use kernels::{Real, Write};

/// Numbers of x̂ that a job copies into the scores: several jobs even for one picture.
const COPIED: usize = 1 << 14;

/// Whether the latent loss has a gradient for G.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Latent {
    ReachesGenerator,
    StopsBefore,
}

impl<T: Real> CpuEngine<T> {
    /// One step on the batch at hand, in the objective's order.
    pub(super) fn train(&mut self, rates: &Rates) -> Losses {
        self.watch();
        match self.objective.order {
            Order::Repaired | Order::Official => self.train_together(rates),
            Order::FirstRelease | Order::DFirst => self.train_discriminator_first(rates),
        }
    }

    /// x̂ = G(x), D(x), D(x̂), with batch statistics that move the running ones.
    pub(super) fn watch(&mut self) {
        let (images, made) = (self.images, self.images * self.generator.output_image());
        self.generator.forward(&mut run!(self), None, 0..images, &mut Source::Learn(&mut self.weights.statistics));
        let context = &self.context[..self.context.len() / self.plan.images * images];
        self.discriminator.show(&self.pool, context, &self.generator.reconstruction()[..made], images);
        self.judge(Branch::Real);
        self.judge(Branch::Fake);
    }

    /// D(x) or D(x̂), with batch statistics that move the running ones.
    fn judge(&mut self, branch: Branch) {
        let source = &mut Source::Learn(&mut self.weights.statistics);
        self.discriminator.forward(&mut run!(self), branch, range_of(branch, self.images), source);
    }

    /// The published step and its repaired form: every gradient belongs to the same G and D, so both update together.
    fn train_together(&mut self, rates: &Rates) -> Losses {
        let mut losses =
            Losses { latent: self.discriminator.latent_loss(&self.pool, self.objective.w_lat, self.images), ..Losses::default() };
        self.generator_gradient(&mut losses, Latent::ReachesGenerator);
        self.discriminator_gradient(&mut losses);
        if self.objective.order == Order::Official {
            // Its third pass meets the same weights and pictures: only the running statistics move once more.
            self.discriminator.learn_again(Branch::Fake, &mut self.weights.statistics);
        }
        self.weights.begin_update();
        self.update(Network::Generator, rates.generator);
        self.update(Network::Discriminator, rates.discriminator);
        losses
    }

    /// D updates first and G meets the updated D: as before December 2019, or as DETECTION.md §3.6 has it.
    fn train_discriminator_first(&mut self, rates: &Rates) -> Losses {
        let mut losses =
            Losses { latent: self.discriminator.latent_loss(&self.pool, self.objective.w_lat, self.images), ..Losses::default() };
        self.discriminator_gradient(&mut losses);
        self.criticise(&mut losses);
        self.weights.begin_update();
        self.update(Network::Discriminator, rates.discriminator);
        self.judge(Branch::Fake);
        if self.objective.order == Order::FirstRelease {
            // The latent number, built from a detached x̂, is part of L_G but moves D alone.
            self.generator_gradient(&mut losses, Latent::StopsBefore);
        } else {
            self.judge(Branch::Real);
            losses.latent = self.discriminator.latent_loss(&self.pool, self.objective.w_lat, self.images);
            self.generator_gradient(&mut losses, Latent::ReachesGenerator);
        }
        self.update(Network::Generator, rates.generator);
        losses
    }

    /// L_G = w_adv·BCE(D(x̂), 1) + w_con·|x̂ − x| + latent, and through D(x̂) its gradient for G.
    fn generator_gradient(&mut self, losses: &mut Losses, latent: Latent) {
        let (objective, images) = (&self.objective, self.images);
        let (logits, seed) = self.discriminator.logits_and_seed(range_of(Branch::Fake, images));
        losses.adversarial = adversarial::loss(objective.bce, logits, 1.0, objective.w_adv, seed);
        let made = images * self.generator.output_image();
        let (reconstruction, gradient) = self.generator.reconstruction_and_gradient();
        let (reconstruction, gradient) = (&reconstruction[..made], &mut gradient[..made]);
        losses.contextual =
            contextual::loss(&self.pool, reconstruction, &self.target[..made], &self.changed.importance, objective.w_con, gradient);
        losses.generator = losses.adversarial + losses.contextual + losses.latent;
        let pull = (latent == Latent::ReachesGenerator).then_some(T::ONE);
        self.discriminator.backward_to_reconstruction(&mut run!(self), images, pull, gradient);
        self.generator.backward(&mut run!(self), images, &mut self.weights.gradient);
    }

    /// L_D = BCE(D(x), real_label) + BCE(D(x̂), 0) + latent, and its gradient for D.
    fn discriminator_gradient(&mut self, losses: &mut Losses) {
        let (objective, images) = (&self.objective, self.images);
        let latent = if objective.d_latent { losses.latent } else { 0.0 };
        let sides = [
            (Branch::Real, objective.real_label, -T::ONE, Write::Set, &mut losses.real),
            (Branch::Fake, 0.0, T::ONE, Write::Add, &mut losses.fake),
        ];
        for (branch, label, sign, write, loss) in sides {
            let (logits, seed) = self.discriminator.logits_and_seed(range_of(branch, images));
            *loss = adversarial::loss(objective.bce, logits, label, 1.0, seed);
            let want = Want::Weights(&mut self.weights.gradient, write);
            self.discriminator.backward(&mut run!(self), branch, images, objective.d_latent.then_some(sign), want);
        }
        losses.discriminator = losses.real + losses.fake + latent;
    }

    /// D as a critic of pictures with something in them that does not belong, cell by cell: adds to L_D and its gradient. They take the
    /// place of x̂ meanwhile.
    fn criticise(&mut self, losses: &mut Losses) {
        if self.changed.target.is_empty() || self.objective.w_critic == 0.0 {
            return;
        }
        let (images, made) = (self.images, self.images * self.generator.output_image());
        let context = self.context.len() / self.plan.images * images;
        self.discriminator.show(&self.pool, &self.context[..context], &self.changed.target, images);
        self.judge(Branch::Fake);
        let (logits, seed) = self.discriminator.logits_and_seed(range_of(Branch::Fake, images));
        losses.discriminator += adversarial::loss_by_cell(self.objective.bce, logits, &self.changed.cells, self.objective.w_critic, seed);
        let want = Want::Weights(&mut self.weights.gradient, Write::Add);
        self.discriminator.backward(&mut run!(self), Branch::Fake, images, None, want);
        self.discriminator.show(&self.pool, &self.context[..context], &self.generator.reconstruction()[..made], images);
    }

    /// x̂, R and L of `seen`, or of the batch at hand, whose scores begin at `first`; nothing learns.
    pub(super) fn measure(&mut self, first: usize, norm: Norm, seen: Option<Seen<'_, T>>) {
        let (images, made) = (self.images, self.images * self.generator.output_image());
        let statistics = &self.weights.statistics;
        let source = || if norm == Norm::Running { Source::Running(statistics) } else { Source::Batch };
        let run = &mut run!(self);
        self.generator.forward(run, seen.map(|seen| seen.input), 0..images, &mut source());
        let context = seen.map_or(&self.context[..self.context.len() / self.plan.images * images], |seen| seen.context);
        self.discriminator.show(&self.pool, context, &self.generator.reconstruction()[..made], images);
        if norm == Norm::Running {
            // Every image is read alike, so x and x̂ share one pass over D's weights.
            self.discriminator.forward_to_features(run, Branch::Real, 0..2 * images, &mut source());
        } else {
            self.discriminator.forward_to_features(run, Branch::Real, range_of(Branch::Real, images), &mut source());
            self.discriminator.forward_to_features(run, Branch::Fake, range_of(Branch::Fake, images), &mut source());
        }
        self.write_scores(first, made, seen);
    }

    fn write_scores(&mut self, first: usize, made: usize, seen: Option<Seen<'_, T>>) {
        let images = self.images;
        let group = first..first + images;
        let (objective, scores) = (&self.objective, &mut self.scores);
        let (real, fake) = (range_of(Branch::Real, images), range_of(Branch::Fake, images));
        let (reconstruction, target) = (&self.generator.reconstruction()[..made], seen.map_or(&self.target[..made], |seen| seen.target));
        let pixels = group.start * self.plan.height * self.plan.width..group.end * self.plan.height * self.plan.width;
        self.pool.chunks_mut(&mut scores.reconstruction[made / images * first..][..made], COPIED, |job, to| {
            to.iter_mut().zip(&reconstruction[job * COPIED..]).for_each(|(to, v)| *to = v.to_f32());
        });
        let (maps, means) = (&mut scores.residual_maps[pixels], &mut scores.residual[group.clone()]);
        measure::residual(&self.pool, objective.score_r, objective.map_channel, (reconstruction, target), maps, means);
        let means = &mut scores.latent[group.clone()];
        means.fill(0.0);
        let read = |level, branch, images| self.discriminator.reading(level, branch, images);
        let Features::Levels(levels) = &self.spec.discriminator.score_features else {
            let (x, made) = (read(None, Branch::Real, real), read(None, Branch::Fake, fake));
            return measure::latent(&self.pool, objective.score_l, x, made, None, means);
        };
        for (&level, map) in levels.iter().zip(&mut scores.latent_maps) {
            let (x, made) = (read(Some(level), Branch::Real, real.clone()), read(Some(level), Branch::Fake, fake.clone()));
            let cells = map.rows * map.cols;
            let map = &mut map.values[group.start * cells..group.end * cells];
            measure::latent(&self.pool, objective.score_l, x, made, Some(map), means);
        }
    }
}
