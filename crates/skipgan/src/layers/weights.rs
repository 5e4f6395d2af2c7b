//! All numbers a network remembers, in the engine's order: the tensors of [`crate::params`] one after the other, each weight
//! turned from PyTorch's `[deep][wide][ky][kx]` to `[ky][kx][wide][deep]`, so that the small map's channels lie together.

use crate::params::{Layout, Params, State};
use crate::spec::Spec;
use kernels::{Pool, Real, adam};
use std::ops::Range;
use std::sync::Arc;

/// Parameters, running statistics, and (for training) gradients and Adam's moments.
#[derive(Clone, Debug)]
pub struct Weights<T> {
    /// Names and places of the parameters.
    pub layout: Arc<Layout>,
    /// Names and places of the running statistics.
    pub statistics_layout: Arc<Layout>,
    /// All parameters.
    pub parameters: Vec<T>,
    /// All running statistics.
    pub statistics: Vec<T>,
    /// Gradients, in the order of `parameters`; empty where nothing trains.
    pub gradient: Vec<T>,
    first: Vec<T>,
    second: Vec<T>,
    step: u64,
    /// Where G's parameters end and D's begin.
    border: usize,
}

/// Which network's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// G.
    Generator,
    /// D.
    Discriminator,
}

impl<T: Real> Weights<T> {
    /// For `spec`, all zero; with gradients and moments where `trains` is [`Training::On`].
    pub fn new(spec: &Spec, training: Training) -> Self {
        let (layout, statistics_layout) = (Arc::new(Layout::parameters(spec)), Arc::new(Layout::statistics(spec)));
        let spare = if training == Training::On { layout.len } else { 0 };
        let border = layout.slots.iter().find(|slot| slot.name.starts_with("d.")).map_or(layout.len, |slot| slot.start);
        Self {
            parameters: vec![T::ZERO; layout.len],
            statistics: vec![T::ZERO; statistics_layout.len],
            gradient: vec![T::ZERO; spare],
            first: vec![T::ZERO; spare],
            second: vec![T::ZERO; spare],
            step: 0,
            border,
            layout,
            statistics_layout,
        }
    }

    /// Updates done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Counts an update: both networks' updates of one step have the same number.
    pub fn begin_update(&mut self) {
        self.step += 1;
    }

    /// The parameters of one network.
    pub fn range(&self, network: Network) -> Range<usize> {
        match network {
            Network::Generator => 0..self.border,
            Network::Discriminator => self.border..self.layout.len,
        }
    }

    /// Adam's update of one network with its gradient; `rates.step` is set here.
    pub fn update(&mut self, pool: &Pool, network: Network, rates: adam::AdamRates) {
        let rates = adam::AdamRates { step: self.step, ..rates };
        let range = self.range(network);
        let (first, second) = (&mut self.first[range.clone()], &mut self.second[range.clone()]);
        adam::step(pool, &mut self.parameters[range.clone()], &self.gradient[range], first, second, &rates);
    }

    /// Takes over a state.
    ///
    /// # Panics
    /// If its layout is not that of the spec.
    pub fn load(&mut self, state: &State) {
        assert!(*state.parameters.layout == *self.layout, "a state whose parameters are not those of this network");
        assert!(*state.statistics.layout == *self.statistics_layout, "a state whose statistics are not those of this network");
        turn_in(&self.layout, &state.parameters.values, &mut self.parameters);
        turn_in(&self.statistics_layout, &state.statistics.values, &mut self.statistics);
        self.step = state.step;
        if !self.first.is_empty() {
            turn_in(&self.layout, &state.first_moments, &mut self.first);
            turn_in(&self.layout, &state.second_moments, &mut self.second);
        }
    }

    /// Running means 0 and variances 1.
    pub fn reset_statistics(&mut self) {
        for slot in &self.statistics_layout.slots {
            self.statistics[slot.range()].fill(if slot.name.ends_with("running_var") { T::ONE } else { T::ZERO });
        }
    }

    /// Takes over one network's parameters; statistics, moments and the count stay (`reinit_d`).
    pub fn load_parameters(&mut self, parameters: &Params, network: Network) {
        let range = self.range(network);
        for slot in self.layout.slots.iter().filter(|slot| range.contains(&slot.start)) {
            turn_in_one(&slot.shape, &parameters.values[slot.range()], &mut self.parameters[slot.range()]);
        }
    }

    /// The state as [`crate::params`] has it; moments are 0 where nothing trains.
    pub fn save(&self) -> State {
        let params = |layout: &Arc<Layout>, values: &[T]| Params { layout: layout.clone(), values: turn_out(layout, values) };
        let moments = |values: &[T]| if values.is_empty() { vec![0.0; self.layout.len] } else { turn_out(&self.layout, values) };
        State {
            parameters: params(&self.layout, &self.parameters),
            statistics: params(&self.statistics_layout, &self.statistics),
            first_moments: moments(&self.first),
            second_moments: moments(&self.second),
            step: self.step,
        }
    }
}

/// Whether memory for training is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Training {
    /// Gradients and moments are kept.
    On,
    /// Parameters and statistics alone.
    Off,
}

impl Training {
    /// On where some images may have gradients.
    pub fn of(trained: usize) -> Training {
        if trained > 0 { Training::On } else { Training::Off }
    }
}

/// Index in the engine's order of every element of a tensor, in PyTorch's order: 4-D tensors turn, others stay.
pub(crate) fn turned(shape: &[usize]) -> impl Iterator<Item = usize> + use<> {
    let [deep, wide, rows, cols] = match shape {
        &[deep, wide, rows, cols] => [deep, wide, rows, cols],
        _ => [1, shape.iter().product(), 1, 1],
    };
    let taps = rows * cols;
    (0..deep * wide * taps).map(move |index| {
        let (d, w, tap) = (index / (wide * taps), index / taps % wide, index % taps);
        (tap * wide + w) * deep + d
    })
}

fn turn_in_one<T: Real>(shape: &[usize], from: &[f32], to: &mut [T]) {
    for (&value, index) in from.iter().zip(turned(shape)) {
        to[index] = T::from_f32(value);
    }
}

fn turn_in<T: Real>(layout: &Layout, from: &[f32], to: &mut [T]) {
    for slot in &layout.slots {
        turn_in_one(&slot.shape, &from[slot.range()], &mut to[slot.range()]);
    }
}

fn turn_out<T: Real>(layout: &Layout, from: &[T]) -> Vec<f32> {
    let mut to = vec![0.0; layout.len];
    for slot in &layout.slots {
        let from = &from[slot.range()];
        for (value, index) in to[slot.range()].iter_mut().zip(turned(&slot.shape)) {
            *value = from[index].to_f32();
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_turns_by_hand() {
        // [deep 2][wide 1][1][2]: d0k0 d0k1 d1k0 d1k1 lies as k0d0 k0d1 k1d0 k1d1.
        assert_eq!(turned(&[2, 1, 1, 2]).collect::<Vec<_>>(), [0, 2, 1, 3]);
        assert_eq!(turned(&[3]).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
