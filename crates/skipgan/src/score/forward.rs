//! Windows in, terms and maps out, a batch at a time: the only place that asks the network for scores.

use super::recent::Recent;
use super::terms::{Measured, Measurer};
use crate::config::{BnTest, Config};
use crate::data::{Sight, Windows};
use crate::model::engine::{Batch, Engine, Norm};
use crate::stages::{Stage, StageClock};

/// Collects windows until a batch is full.
pub struct Forward<'e> {
    engine: &'e mut dyn Engine,
    norm: Norm,
    capacity: usize,
    windows: Windows,
    /// Which windows of the batch are the first of a clip.
    begins: Vec<usize>,
    recent: Recent,
    measurer: Measurer,
    clock: StageClock,
}

impl<'e> Forward<'e> {
    /// For windows of `sight`, `batch` (at least 1, at most what the engine was planned for) at a time. With `bn_test = batch` the
    /// batch is part of the method: give [`Config::batch`].
    pub fn new(engine: &'e mut dyn Engine, config: &Config, sight: &Sight, batch: usize) -> Forward<'e> {
        let measurer = Measurer::new(config, sight.usual.clone());
        Forward {
            engine,
            norm: norm(config),
            capacity: batch.max(1),
            windows: sight.windows(),
            begins: Vec::new(),
            recent: Recent::new(config.picture_memory),
            measurer,
            clock: StageClock::default(),
        }
    }

    /// A clip begins with the window that comes after `before` windows of the batch: nothing is carried over to it from the one before.
    pub fn begin_clip(&mut self, before: usize) {
        self.begins.push(before);
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
        self.run_and(&mut || {}, take)
    }

    /// The same; calls `asked` once the network has answered: from there on one thread measures, and others may do something else.
    ///
    /// # Errors
    /// As [`Forward::run`].
    pub fn run_and<E>(&mut self, asked: &mut dyn FnMut(), take: &mut dyn FnMut(&Measured<'_>) -> Result<(), E>) -> Result<(), E> {
        if self.held() == 0 {
            return Ok(());
        }
        self.clock.start();
        let scores = self.engine.score(&batch(&self.windows), self.norm);
        self.clock.lap(Stage::Network);
        asked();
        let told = (0..self.windows.images()).try_for_each(|image| {
            self.measurer.measure(scores, &self.windows, image);
            if self.begins.contains(&image) {
                self.recent.begin();
            }
            self.measurer.look_back(&mut self.recent);
            self.clock.lap(Stage::Scores);
            let told = take(&self.measurer.measured(scores, &self.windows, image));
            self.clock.lap(Stage::Output);
            told
        });
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
