//! Variational refinement: a smooth field under which brightness and its slopes stay what they are.
//!
//! The energy of Brox et al. (2004), as Kroeger et al. use it at each scale: terms robust by √(x² + ε²), each divided by the
//! length of its slope, weighed anew in every outer iteration. The previous frame is warped once a scale; what is solved for
//! is an increment of the field, kept from one outer iteration to the next. Not optional: on UCSD Ped2 a flow without this
//! step is worth 2.5 points of frame AUC less.

use kernels::Level;
use kernels::flow::{Board, System, Terms, Weights, add, coefficients, relax, smoothness, terms, terms_scratch};

use super::pyramid::Scale;

/// Numbers of the refinement. The default is what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refinement {
    /// How often weights are renewed; 0 leaves the refinement out.
    pub outer: usize,
    /// Sweeps of over-relaxation each time.
    pub sweeps: usize,
    /// Factor of the over-relaxation, 1 … 2.
    pub omega: f32,
    /// α: how smooth the field shall be.
    pub smoothness: f32,
    /// δ: how strictly brightness shall stay.
    pub brightness: f32,
    /// γ: how strictly its slopes shall stay.
    pub gradient: f32,
    /// ε: where robust terms turn from squares to lengths. OpenCV's variational refinement alone has 0.001, its dense inverse
    /// search, which was measured, 0.01.
    pub robust: f32,
}

impl Default for Refinement {
    fn default() -> Self {
        Self { outer: 5, sweeps: 5, omega: 1.6, smoothness: 40.0, brightness: 5.0, gradient: 10.0, robust: 0.01 }
    }
}

/// ζ²: no slope counts as shorter; also holds the increment where a picture says nothing.
const SHORTEST: f32 = 0.1 * 0.1;

/// The memory of one scale's refinement.
#[derive(Debug)]
pub(super) struct Refiner {
    terms: Terms,
    system: System,
    /// The field from the search, what is added to it, and the sum: to the right, and down.
    base: [Board; 2],
    increment: [Board; 2],
    total: [Board; 2],
    warped: Vec<f32>,
    scratch: Vec<f32>,
}

impl Refiner {
    pub fn new(rows: usize, cols: usize) -> Self {
        let pair = || [Board::new(rows, cols), Board::new(rows, cols)];
        Self {
            terms: Terms::new(rows, cols),
            system: System::new(rows, cols),
            base: pair(),
            increment: pair(),
            total: pair(),
            warped: vec![0.0; rows * cols],
            scratch: vec![0.0; terms_scratch(rows, cols)],
        }
    }

    /// Refines the field of a scale in place.
    pub fn run(&mut self, level: Level, scale: &mut Scale, settings: &Refinement) {
        scale.warped(level, &mut self.warped);
        terms(level, &scale.at, &self.warped, SHORTEST, &mut self.scratch, &mut self.terms);
        for (board, plane) in self.base.iter_mut().zip(&scale.field) {
            board.split(plane);
            board.repeat_border();
        }
        self.increment.iter_mut().for_each(|board| board.fill(0.0));
        let robust = settings.robust * settings.robust;
        // δ, γ and α are of the squares; their halves are of the slopes of the energy.
        let weights =
            Weights { brightness: settings.brightness / 2.0, gradient: settings.gradient / 2.0, least: robust, diagonal: SHORTEST };
        for _ in 0..settings.outer {
            self.add(level);
            smoothness(level, &self.total, settings.smoothness / 2.0, robust, &mut self.system.ties);
            coefficients(level, &self.terms, weights, &self.base, &self.increment, &mut self.system);
            relax(level, &self.system, settings.omega, settings.sweeps, &mut self.increment);
        }
        self.add(level);
        for (board, plane) in self.total.iter().zip(&mut scale.field) {
            board.merge(plane);
        }
    }

    fn add(&mut self, level: Level) {
        for ((total, base), increment) in self.total.iter_mut().zip(&self.base).zip(&self.increment) {
            add(level, base, increment, total);
        }
    }
}
