//! What training tells while it runs, as plain values: a program draws a bar of them or prints JSON lines.

use crate::model::engine::{Losses, Rates};
use std::path::Path;

/// Something happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Training begins.
    Started {
        /// Steps already done (a resumed run), and steps in all.
        from_step: u64,
        /// Configured steps in all.
        total_steps: u64,
        /// Steps an epoch.
        epoch_steps: u64,
        /// Windows trained on.
        windows: usize,
        /// Held-out windows.
        held_out: usize,
        /// Rows and columns of the network's picture.
        picture: (usize, usize),
    },
    /// A step is done.
    Step(Step),
    /// Held-out windows were measured.
    Validated {
        /// Steps done.
        step: u64,
        /// Weighted contextual loss on held-out windows, running statistics.
        contextual: f64,
        /// Test AUC, where `select = test_best`.
        test_auc: Option<f64>,
        /// Whether it is the best so far.
        best: bool,
    },
    /// A checkpoint was written.
    Saved {
        /// Steps done.
        step: u64,
        /// Where.
        path: &'a Path,
    },
    /// Something the user should know.
    Warning(&'a Warning),
    /// Statistics of held-out footage are being taken.
    Calibrating {
        /// Frames done.
        done: usize,
        /// Frames in all.
        all: usize,
    },
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Steps done, this one too.
    pub step: u64,
    /// Configured steps in all.
    pub total_steps: u64,
    /// Its epoch, from 0.
    pub epoch: u64,
    /// Losses.
    pub losses: Losses,
    /// Learning rates and betas.
    pub rates: Rates,
    /// Training images a second, over the last seconds, validation left out.
    pub images_per_second: f64,
    /// Estimated seconds to the end of the training.
    pub seconds_left: f64,
}

/// Something the user should know; each kind is told once.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// D tells real from reconstructed without fail.
    #[error(
        "step {step}: the discriminator has won (its loss stays within {excess:.1e} of its least): the adversarial loss teaches the generator nothing any more; lower d_lr"
    )]
    DiscriminatorWon {
        /// The step.
        step: u64,
        /// Mean distance of its loss to the least possible.
        excess: f64,
    },
    /// D says the same whatever it sees.
    #[error(
        "step {step}: the discriminator is dead (its loss stands still at 2 ln 2): it tells real from reconstructed no better than a coin; set d_latent = false, or raise d_lr"
    )]
    DiscriminatorDead {
        /// The step.
        step: u64,
    },
    /// D was drawn anew.
    #[error("step {step}: the discriminator's loss fell below reinit_d, its weights were drawn anew")]
    DiscriminatorRedrawn {
        /// The step.
        step: u64,
    },
}

/// Who listens.
pub trait Observer {
    /// Is told of an event.
    fn event(&mut self, event: &Event<'_>);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Observer for Quiet {
    fn event(&mut self, _event: &Event<'_>) {}
}
