//! Windows in, R, L and maps out, a batch at a time: the only place that asks the network for scores.

use crate::config::{BnTest, Config};
use crate::data::WindowShape;
use crate::model::engine::{Batch, Engine, Norm, Scores};

/// Collects windows until a batch is full.
pub struct Forward<'e> {
    engine: &'e mut dyn Engine,
    shape: WindowShape,
    norm: Norm,
    capacity: usize,
    windows: Vec<f32>,
}

impl<'e> Forward<'e> {
    /// For windows of `shape`, `batch` (at least 1, at most what the engine was planned for) at a time. With `bn_test = batch` the
    /// batch is part of the method: give [`Config::batch`].
    pub fn new(engine: &'e mut dyn Engine, config: &Config, shape: WindowShape, batch: usize) -> Forward<'e> {
        let capacity = batch.max(1);
        Forward { engine, shape, norm: norm(config), capacity, windows: Vec::with_capacity(capacity * shape.len()) }
    }

    /// Takes a window. Shapes: `[height, width, channels]`.
    ///
    /// # Panics
    /// Where the window has another length, or the batch is full: [`Forward::run`] it first.
    pub fn push(&mut self, window: &[f32]) {
        assert_eq!(window.len(), self.shape.len(), "a window has {} numbers", self.shape.len());
        assert!(!self.is_full(), "the batch is full");
        self.windows.extend_from_slice(window);
    }

    /// Whether no further window fits.
    pub fn is_full(&self) -> bool {
        self.held() == self.capacity
    }

    /// Windows waiting.
    pub fn held(&self) -> usize {
        self.windows.len() / self.shape.len()
    }

    /// Whether a window's numbers depend on those that share its batch.
    pub fn mixes_windows(&self) -> bool {
        self.norm == Norm::Batch
    }

    /// Size of its windows.
    pub fn shape(&self) -> WindowShape {
        self.shape
    }

    /// Scores what is waiting and starts a new batch; nothing is asked where nothing waits.
    pub fn run(&mut self) -> &Scores {
        let images = self.held();
        let batch =
            Batch { images, height: self.shape.height, width: self.shape.width, input: &self.windows, target: &self.windows, context: &[] };
        let scores = self.engine.score(&batch, self.norm);
        self.windows.clear();
        scores
    }
}

/// The statistics that batch-norm uses while scoring.
pub fn norm(config: &Config) -> Norm {
    match config.bn_test {
        BnTest::Running => Norm::Running,
        BnTest::Batch => Norm::Batch,
        BnTest::Instance => Norm::Instance,
    }
}
