//! The training step (METHOD.md §4), in every order that [`crate::model::skip_ganomaly`] has.
//!
//! A tape can be read once, so D passes x̂ twice: for its own loss with x̂ cut off, and as a constant for G's. Running statistics move
//! as often as in the processor's engine: the second pass learns only where an order has it as a pass of its own.

use super::discriminator::{Judged, judge};
use super::engine::GpuEngine;
use super::generator::reconstruct;
use super::losses::{self, Loss};
use super::norm::Source;
use super::pictures::{Pictures, numbers};
use super::weights::Tensors;
use crate::config::Order;
use crate::layers::weights::Network;
use crate::model::engine::{Losses, Rates};
use burn_tensor::Tensor;

/// D's part of a step.
struct Discriminated {
    latent: Tensor<1>,
    real: Tensor<1>,
    fake: Tensor<1>,
    critic: Tensor<1>,
    gradient: Tensor<1>,
    /// f(x), without a history.
    features: Vec<Tensor<4>>,
}

/// G's part of a step.
struct Generated {
    adversarial: Tensor<1>,
    contextual: Tensor<1>,
    latent: Tensor<1>,
    gradient: Tensor<1>,
}

impl GpuEngine {
    /// One step on a batch.
    pub(super) fn train(&mut self, shown: &Pictures, rates: &Rates) -> Losses {
        let variables = self.weights.variables(Network::Generator);
        let source = &mut Source::Learn(&mut self.weights.statistics);
        let made = reconstruct(&self.spec.generator, &variables, shown.input.clone(), source);
        let d = self.discriminate(shown, made.clone().inner());
        self.weights.step += 1;
        let g = match self.objective.order {
            Order::Repaired | Order::Official => {
                let g = self.generate(shown, &variables, made, &d);
                self.weights.update(Network::Discriminator, d.gradient.clone(), &rates.discriminator);
                g
            }
            Order::FirstRelease | Order::DFirst => {
                self.weights.update(Network::Discriminator, d.gradient.clone(), &rates.discriminator);
                self.generate(shown, &variables, made, &d)
            }
        };
        self.weights.update(Network::Generator, g.gradient.clone(), &rates.generator);
        self.tell(d, g)
    }

    /// L_D = BCE(D(x), real_label) + BCE(D(x̂), 0) + latent, and as a critic of changed pictures; its gradient for D.
    fn discriminate(&mut self, shown: &Pictures, made: Tensor<4>) -> Discriminated {
        let objective = self.objective;
        let variables = self.weights.variables(Network::Discriminator);
        let real = self.judge(&variables, shown.beside(shown.target.clone()), Learning::On);
        let fake = self.judge(&variables, shown.beside(made), Learning::On);
        let which = &self.spec.discriminator.loss_features;
        let latent = losses::latent(real.features(which), fake.features(which), objective.w_lat);
        let features = real.features(which).into_iter().map(Tensor::inner).collect();
        let on_real = losses::adversarial_to(objective.bce, real.logits, objective.real_label, 1.0);
        let on_fake = losses::adversarial_to(objective.bce, fake.logits, 0.0, 1.0);
        let mut path = on_real.path + on_fake.path;
        if objective.d_latent {
            path = path + latent.path;
        }
        let mut critic = latent.value.zeros_like();
        if let Some(loss) = self.criticise(shown, &variables) {
            path = path + loss.path;
            critic = loss.value;
        }
        let gradient = variables.gradient(&mut path.backward());
        Discriminated { latent: latent.value, real: on_real.value, fake: on_fake.value, critic, gradient, features }
    }

    /// D as a critic of pictures with something in them that does not belong, cell by cell, where the order has one.
    fn criticise(&mut self, shown: &Pictures, variables: &Tensors) -> Option<Loss> {
        let objective = self.objective;
        let changed = shown.changed.as_ref().filter(|_| objective.w_critic != 0.0)?;
        if matches!(objective.order, Order::Repaired | Order::Official) {
            return None;
        }
        let judged = self.judge(variables, shown.beside(changed.target.clone()), Learning::On);
        Some(losses::adversarial(objective.bce, judged.logits, changed.cells.clone(), objective.w_critic))
    }

    /// L_G = w_adv·BCE(D(x̂), 1) + w_con·|x̂ − x| + latent; its gradient for G, through D as it is now.
    fn generate(&mut self, shown: &Pictures, variables: &Tensors, made: Tensor<4>, d: &Discriminated) -> Generated {
        let objective = self.objective;
        let constants = self.weights.constants(Network::Discriminator);
        // The published third pass; or D is new, so these are passes of their own. In the repaired order D has seen x̂ already.
        let learning = if objective.order == Order::Repaired { Learning::Off } else { Learning::On };
        let fake = self.judge(&constants, shown.beside(made.clone()), learning);
        let which = self.spec.discriminator.loss_features.clone();
        let latent = match objective.order {
            // The number, built from a detached x̂, is part of L_G but moves D alone.
            Order::FirstRelease => Loss { value: d.latent.clone(), path: d.latent.zeros_like() },
            Order::DFirst => {
                let real = self.judge(&constants, shown.beside(shown.target.clone()), Learning::On);
                losses::latent(real.features(&which), fake.features(&which), objective.w_lat)
            }
            Order::Repaired | Order::Official => losses::latent(d.features.clone(), fake.features(&which), objective.w_lat),
        };
        let adversarial = losses::adversarial_to(objective.bce, fake.logits, 1.0, objective.w_adv);
        let importance = shown.changed.as_ref().map(|changed| changed.importance.clone());
        let contextual = losses::contextual(made, shown.target.clone(), importance, objective.w_con);
        let path = adversarial.path + contextual.path + latent.path;
        let gradient = variables.gradient(&mut path.backward());
        Generated { adversarial: adversarial.value, contextual: contextual.value, latent: latent.value, gradient }
    }

    /// D(picture) with batch statistics.
    fn judge(&mut self, tensors: &Tensors, picture: Tensor<4>, learning: Learning) -> Judged {
        let source = &mut match learning {
            Learning::On => Source::Learn(&mut self.weights.statistics),
            Learning::Off => Source::Batch,
        };
        judge(&self.spec.discriminator, tensors, picture, source)
    }

    /// All values at once: the only wait of a step.
    fn tell(&self, d: Discriminated, g: Generated) -> Losses {
        let values = vec![g.adversarial, g.contextual, g.latent, d.real, d.fake, d.latent, d.critic];
        let values: Vec<f64> = numbers(Tensor::cat(values, 0)).into_iter().map(f64::from).collect();
        let &[adversarial, contextual, latent, real, fake, d_latent, critic] = values.as_slice() else { unreachable!("seven numbers") };
        let pulled = if self.objective.d_latent { d_latent } else { 0.0 };
        Losses {
            adversarial,
            contextual,
            latent,
            generator: adversarial + contextual + latent,
            real,
            fake,
            discriminator: real + fake + pulled + critic,
            redrawn: false,
        }
    }

    /// x̂ = G(x), D(x), D(x̂), for the running statistics alone.
    pub(super) fn watch(&mut self, shown: &Pictures) {
        let generator = self.weights.constants(Network::Generator);
        let discriminator = self.weights.constants(Network::Discriminator);
        let source = &mut Source::Learn(&mut self.weights.statistics);
        let made = reconstruct(&self.spec.generator, &generator, shown.input.clone(), source);
        self.judge(&discriminator, shown.beside(shown.target.clone()), Learning::On);
        self.judge(&discriminator, shown.beside(made), Learning::On);
    }
}

/// Whether a pass of D moves the running statistics.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Learning {
    On,
    Off,
}
