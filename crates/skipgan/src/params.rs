//! One flat buffer of named tensors (names and shapes as PyTorch keeps them: `g.enc.0.conv.weight` `[out, in, 4, 4]`,
//! transposed convolutions `[in, out, 4, 4]`), so that every executor reads and writes the same thing. Executors permute at load and save.

use crate::spec::{Head, Layer, Spec, Taps};
use std::sync::Arc;

/// One tensor's place in the flat buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Such as `g.enc.1.bn.running_mean`.
    pub name: String,
    /// Row-major shape, as PyTorch has it.
    pub shape: Vec<usize>,
    /// First element in the buffer.
    pub start: usize,
}

impl Slot {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no element (never, for a checked spec).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the tensor lies.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.len()
    }
}

/// All tensors of one kind, in a fixed order: G's encoder, decoder, then D, outermost first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Layout {
    /// In the order of the buffer.
    pub slots: Vec<Slot>,
    /// Total number of elements.
    pub len: usize,
}

impl Layout {
    /// What Adam updates: weights, biases, batch-norm scales and shifts.
    pub fn parameters(spec: &Spec) -> Layout {
        let mut layout = Layout::default();
        for layer in layers(spec) {
            layout.push(format!("{}.conv.weight", layer.name), weight_shape(&layer));
            if layer.bias {
                layout.push(format!("{}.conv.bias", layer.name), vec![layer.output_channels()]);
            }
            if layer.norm {
                layout.push(format!("{}.bn.weight", layer.name), vec![layer.output_channels()]);
                layout.push(format!("{}.bn.bias", layer.name), vec![layer.output_channels()]);
            }
        }
        layout.push_head(spec);
        layout
    }

    /// The running means and variances of all batch-norms.
    pub fn statistics(spec: &Spec) -> Layout {
        let mut layout = Layout::default();
        for layer in layers(spec).into_iter().filter(|layer| layer.norm) {
            layout.push(format!("{}.bn.running_mean", layer.name), vec![layer.output_channels()]);
            layout.push(format!("{}.bn.running_var", layer.name), vec![layer.output_channels()]);
        }
        layout
    }

    /// The tensor of that name.
    pub fn find(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }

    fn push(&mut self, name: String, shape: Vec<usize>) {
        let slot = Slot { name, shape, start: self.len };
        self.len += slot.len();
        self.slots.push(slot);
    }

    fn push_head(&mut self, spec: &Spec) {
        let d = &spec.discriminator;
        let bias = d.bias == crate::spec::Bias::Unnormed;
        let last = d.channels(d.levels - 1);
        let features = match d.head {
            Head::Latent { nz, rows, cols } => {
                self.push("d.latent.weight".into(), vec![nz, last, rows, cols]);
                if bias {
                    self.push("d.latent.bias".into(), vec![nz]);
                }
                nz
            }
            Head::Patch => last,
        };
        self.push("d.head.weight".into(), vec![1, features, 1, 1]);
        if bias {
            self.push("d.head.bias".into(), vec![1]);
        }
    }
}

fn layers(spec: &Spec) -> Vec<Layer> {
    let mut all = spec.generator.encoder();
    all.extend(spec.generator.decoder());
    all.extend(spec.discriminator.layers());
    all
}

fn weight_shape(layer: &Layer) -> Vec<usize> {
    let side = if layer.taps == Taps::Tied { 3 } else { 4 };
    vec![layer.deep, layer.wide, side, side] // [out, in, …] of a convolution, [in, out, …] of a transposed one: the small map first in both
}

/// Values for every tensor of a [`Layout`].
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Names, shapes, places.
    pub layout: Arc<Layout>,
    /// All elements, `layout.len` of them.
    pub values: Vec<f32>,
}

impl Params {
    /// All zero.
    pub fn zeros(layout: Arc<Layout>) -> Params {
        let values = vec![0.0; layout.len];
        Params { layout, values }
    }

    /// The elements of one tensor, if there is one of that name.
    pub fn get(&self, name: &str) -> Option<&[f32]> {
        self.layout.find(name).map(|slot| &self.values[slot.range()])
    }

    /// The elements of one tensor, to write.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut [f32]> {
        let range = self.layout.find(name)?.range();
        Some(&mut self.values[range])
    }
}

/// Everything that a network remembers between steps.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Weights, biases, batch-norm scales and shifts.
    pub parameters: Params,
    /// Running means and variances.
    pub statistics: Params,
    /// Adam's first moments, in the layout of `parameters`.
    pub first_moments: Vec<f32>,
    /// Adam's second moments, in the layout of `parameters`.
    pub second_moments: Vec<f32>,
    /// Updates done.
    pub step: u64,
}

/// What a network computes with: a [`State`] without the memory of its training.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Weights, biases, batch-norm scales and shifts.
    pub parameters: Params,
    /// Running means and variances.
    pub statistics: Params,
}

/// Steps from one look at the weights to the next: the mean of a hundred steps does not need each of them.
pub const AVERAGED_EVERY: u64 = 10;

/// Whether the mean of a tensor over the last steps scores (`ema`), not its last value: running statistics and D's parameters.
pub fn is_averaged(name: &str) -> bool {
    name.starts_with("d.") || name.contains(".bn.running_")
}

impl Weights {
    /// Those of a state.
    pub fn of(state: &State) -> Weights {
        Weights { parameters: state.parameters.clone(), statistics: state.statistics.clone() }
    }

    /// Takes over what is never a mean ([`is_averaged`]) from a state of the same network.
    pub fn take_unaveraged(&mut self, state: &State) {
        for slot in state.parameters.layout.slots.iter().filter(|slot| !is_averaged(&slot.name)) {
            self.parameters.values[slot.range()].copy_from_slice(&state.parameters.values[slot.range()]);
        }
    }
}

impl State {
    /// This state with other weights.
    pub fn with_weights(&self, weights: &Weights) -> State {
        State {
            parameters: weights.parameters.clone(),
            statistics: weights.statistics.clone(),
            first_moments: self.first_moments.clone(),
            second_moments: self.second_moments.clone(),
            step: self.step,
        }
    }

    /// Zero weights and moments, running means 0 and variances 1, step 0: [`crate::layers`] draws the initial weights.
    pub fn zeros(spec: &Spec) -> State {
        let parameters = Params::zeros(Arc::new(Layout::parameters(spec)));
        let mut statistics = Params::zeros(Arc::new(Layout::statistics(spec)));
        for slot in statistics.layout.clone().slots.iter().filter(|slot| slot.name.ends_with("running_var")) {
            statistics.values[slot.range()].fill(1.0);
        }
        let moments = vec![0.0; parameters.values.len()];
        State { parameters, statistics, first_moments: moments.clone(), second_moments: moments, step: 0 }
    }
}
