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
use super::discriminator::{Shown, range_of};
use super::engine::{Losses, Norm, Rates};
use super::measure;
use crate::blocks::{Branch, Pass, Want};
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

/// What the first `images` of `all` images take.
fn first_of<T>(values: &[T], all: usize, images: usize) -> &[T] {
    &values[..values.len() / all * images]
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
        let images = self.images;
        self.generator.forward(&mut run!(self), None, 0..images, &mut Source::Learn(&mut self.weights.statistics));
        self.judge([Branch::Real, Branch::Fake]);
    }

    /// D(x) and D(x̂), or one of them, with batch statistics that move the running ones in the order of `branches`.
    fn judge<const N: usize>(&mut self, branches: [Branch; N]) {
        let (images, made) = (self.images, self.images * self.generator.output_image());
        let (x, reconstruction) = (&self.target[..made], &self.generator.reconstruction()[..made]);
        let batches =
            [(Branch::Real, x), (Branch::Fake, reconstruction)].map(|(branch, batch)| branches.contains(&branch).then_some(batch));
        let passes = branches.map(|branch| Pass { branch, images: range_of(branch, images) });
        let source = &mut Source::Learn(&mut self.weights.statistics);
        let shown = Shown { context: first_of(&self.context, self.plan.images, images), batches };
        self.discriminator.forward(&mut run!(self), shown, &passes, source);
    }

    /// The published step and its repaired form: every gradient belongs to the same G and D, so both update together.
    fn train_together(&mut self, rates: &Rates) -> Losses {
        let mut losses =
            Losses { latent: self.discriminator.latent_loss(&self.pool, self.objective.w_lat, self.images), ..Losses::default() };
        self.generator_gradient(&mut losses, Latent::ReachesGenerator);
        self.discriminator_gradient(&mut losses);
        self.context_gradient();
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
        self.context_gradient();
        self.weights.begin_update();
        self.update(Network::Discriminator, rates.discriminator);
        if self.objective.order == Order::FirstRelease {
            self.judge([Branch::Fake]);
            // The latent number, built from a detached x̂, is part of L_G but moves D alone.
            self.generator_gradient(&mut losses, Latent::StopsBefore);
        } else {
            self.judge([Branch::Fake, Branch::Real]);
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
        self.discriminator.backward_to_reconstruction(&mut run!(self), reconstruction, pull, gradient);
        self.generator.backward(&mut run!(self), images, &mut self.weights.gradient);
    }

    /// L_D = BCE(D(x), real_label) + BCE(D(x̂), 0) + latent, and its gradient for D.
    fn discriminator_gradient(&mut self, losses: &mut Losses) {
        let (objective, images, made) = (&self.objective, self.images, self.images * self.generator.output_image());
        let latent = if objective.d_latent { losses.latent } else { 0.0 };
        let (x, reconstruction) = (&self.target[..made], &self.generator.reconstruction()[..made]);
        let sides = [
            (Branch::Real, x, objective.real_label, -T::ONE, Write::Set, &mut losses.real),
            (Branch::Fake, reconstruction, 0.0, T::ONE, Write::Add, &mut losses.fake),
        ];
        for (branch, shown, label, sign, write, loss) in sides {
            let (logits, seed) = self.discriminator.logits_and_seed(range_of(branch, images));
            *loss = adversarial::loss(objective.bce, logits, label, 1.0, seed);
            let want = Want::Weights(&mut self.weights.gradient, write);
            self.discriminator.backward(&mut run!(self), branch, shown, objective.d_latent.then_some(sign), want);
        }
        losses.discriminator = losses.real + losses.fake + latent;
    }

    /// D as a critic of pictures with something in them that does not belong, cell by cell: adds to L_D and its gradient. They take the
    /// place of x̂ meanwhile.
    fn criticise(&mut self, losses: &mut Losses) {
        if self.changed.target.is_empty() || self.objective.w_critic == 0.0 {
            return;
        }
        let (images, changed) = (self.images, &self.changed.target[..]);
        let shown = Shown { context: first_of(&self.context, self.plan.images, images), batches: [Some(changed), None] };
        let passes = [Pass { branch: Branch::Fake, images: range_of(Branch::Fake, images) }];
        let source = &mut Source::Learn(&mut self.weights.statistics);
        self.discriminator.forward(&mut run!(self), shown, &passes, source);
        let (logits, seed) = self.discriminator.logits_and_seed(range_of(Branch::Fake, images));
        losses.discriminator += adversarial::loss_by_cell(self.objective.bce, logits, &self.changed.cells, self.objective.w_critic, seed);
        let want = Want::Weights(&mut self.weights.gradient, Write::Add);
        self.discriminator.backward(&mut run!(self), Branch::Fake, changed, None, want);
    }

    /// The last part of D's gradient: x, x̂ and the changed pictures have the context in common.
    fn context_gradient(&mut self) {
        let context = first_of(&self.context, self.plan.images, self.images);
        self.discriminator.context_gradient(&mut run!(self), context, &mut self.weights.gradient);
    }

    /// x̂, R and L of `seen`, or of the batch at hand, whose scores begin at `first`; nothing learns.
    pub(super) fn measure(&mut self, first: usize, norm: Norm, seen: Option<Seen<'_, T>>) {
        let (images, made) = (self.images, self.images * self.generator.output_image());
        let statistics = &self.weights.statistics;
        let source = || if norm == Norm::Running { Source::Running(statistics) } else { Source::Batch };
        let run = &mut run!(self);
        self.generator.forward(run, seen.map(|seen| seen.input), 0..images, &mut source());
        let context = seen.map_or(first_of(&self.context, self.plan.images, images), |seen| seen.context);
        let target = seen.map_or(&self.target[..made], |seen| seen.target);
        let shown = Shown { context, batches: [Some(target), Some(&self.generator.reconstruction()[..made])] };
        let pass = |branch, images| Pass { branch, images };
        if norm == Norm::Running {
            // Every image is read alike, so x and x̂ share one pass over D's weights.
            self.discriminator.forward_to_features(run, shown, &[pass(Branch::Real, 0..2 * images)], &mut source());
        } else {
            let passes = [Branch::Real, Branch::Fake].map(|branch| pass(branch, range_of(branch, images)));
            self.discriminator.forward_to_features(run, shown, &passes, &mut source());
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
