//! Windows in, terms and maps out, a batch at a time: the only place that asks the network for scores.

use super::recent::Recent;
use super::terms::{Measured, Measurer};
use crate::config::{BnTest, Config};
use crate::data::{Sight, Windows};
use crate::model::engine::{Batch, Engine, Norm};
use crate::stages::{Stage, StageClock};
use kernels::{Denormals, Pool};
use std::sync::Arc;

/// Collects windows until a batch is full.
pub struct Forward<'e> {
    engine: &'e mut dyn Engine,
    norm: Norm,
    capacity: usize,
    windows: Windows,
    /// Which windows of the batch are the first of a clip.
    begins: Vec<usize>,
    recent: Recent,
    /// One a window, made when it is first needed.
    measurers: Vec<Measurer>,
    pool: Option<Arc<Pool>>,
    clock: StageClock,
}

impl<'e> Forward<'e> {
    /// For windows of `sight`, `batch` (at least 1, at most what the engine was planned for) at a time. With `bn_test = batch` the
    /// batch is part of the method: give [`Config::batch`].
    pub fn new(engine: &'e mut dyn Engine, config: &Config, sight: &Sight, batch: usize) -> Forward<'e> {
        Forward {
            engine,
            norm: norm(config),
            capacity: batch.max(1),
            windows: sight.windows(),
            begins: Vec::new(),
            recent: Recent::new(config.picture_memory),
            measurers: vec![Measurer::new(config, sight.usual.clone())],
            pool: None,
            clock: StageClock::default(),
        }
    }

    /// A clip begins with the window that comes after `before` windows of the batch: nothing is carried over to it from the one before.
    pub fn begin_clip(&mut self, before: usize) {
        self.begins.push(before);
    }

    /// Measures the windows of a batch on the threads of `pool`, which should be the engine's. Changes no bit.
    pub fn use_pool(&mut self, pool: Arc<Pool>) {
        self.pool = Some(pool);
    }

    /// Takes a window.
    ///
    /// # Panics
    /// Where the window has another size, or the batch is full: [`Forward::run`] it first.
    pub fn push(&mut self, window: &Windows) {
        assert!(!self.is_full(), "the batch is full");
        self.windows.append(window);
    }

    /// Whether no further window fits.
    pub fn is_full(&self) -> bool {
        self.held() >= self.capacity
    }

    /// Windows that fit into a batch.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The batch that is being gathered: for whoever makes windows where they are wanted, at most [`Forward::capacity`] of them.
    pub fn windows_mut(&mut self) -> &mut Windows {
        &mut self.windows
    }

    /// Windows waiting.
    pub fn held(&self) -> usize {
        self.windows.images()
    }

    /// Forgets the windows waiting.
    pub fn drop_held(&mut self) {
        self.windows.clear();
        self.begins.clear();
    }

    /// Whether a window's numbers depend on those that share its batch.
    pub fn mixes_windows(&self) -> bool {
        self.norm == Norm::Batch
    }

    /// Rows and columns of its windows.
    pub fn size(&self) -> (usize, usize) {
        (self.windows.height(), self.windows.width())
    }

    /// Counts from now on how long network and measures compute.
    pub fn time_stages(&mut self) {
        self.clock = StageClock::running();
    }

    /// What has been counted; what `take` does (A(x), its map, rows, films) counts as [`Stage::Output`].
    pub fn stages(&self) -> &StageClock {
        &self.clock
    }

    /// Scores what is waiting, gives each window's measures to `take` in order, and starts a new batch; nothing is asked where nothing waits.
    ///
    /// # Errors
    /// The first of `take`; the rest of the batch is lost.
    pub fn run<E>(&mut self, take: &mut dyn FnMut(&Measured<'_>) -> Result<(), E>) -> Result<(), E> {
        let images = self.windows.images();
        if images == 0 {
            return Ok(());
        }
        self.clock.start();
        let scores = self.engine.score(&batch(&self.windows), self.norm);
        self.clock.lap(Stage::Network);
        while self.measurers.len() < images {
            self.measurers.push(self.measurers[0].clone());
        }
        let (measurers, windows) = (&mut self.measurers[..images], &self.windows);
        let measure = |image: usize, measurer: &mut [Measurer]| measurer[0].measure(scores, windows, image);
        match &self.pool {
            // Denormals count as they do without a pool.
            Some(pool) => pool.with_denormals(Denormals::Keep, || pool.chunks_mut(measurers, 1, measure)),
            None => measurers.chunks_mut(1).enumerate().for_each(|(image, measurer)| measure(image, measurer)),
        }
        // A look back needs the frame before: in order, on one thread.
        for (image, measurer) in measurers.iter_mut().enumerate() {
            if self.begins.contains(&image) {
                self.recent.begin();
            }
            measurer.look_back(&mut self.recent);
        }
        self.clock.lap(Stage::Scores);
        let told = measurers.iter().enumerate().try_for_each(|(image, measurer)| take(&measurer.measured(scores, windows, image)));
        self.clock.lap(Stage::Output);
        self.drop_held();
        told
    }
}

/// A batch as the engine takes it.
pub fn batch(windows: &Windows) -> Batch<'_> {
    Batch {
        images: windows.images(),
        height: windows.height(),
        width: windows.width(),
        input: windows.input(),
        target: windows.target(),
        context: windows.context(),
        changed: None,
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
