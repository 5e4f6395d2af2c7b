//! All numbers that the networks remember, on the device, one flat tensor a network: in the layout of [`crate::params`], whose shapes
//! are Burn's too, so nothing is permuted at load and save.

use super::adam::Moments;
use super::norm::Statistics;
use super::pictures::numbers;
use crate::layers::weights::Network;
use crate::model::Purpose;
use crate::model::engine::AdamRates;
use crate::params::{Layout, Params, Slot, State};
use crate::spec::{Layer, Spec};
use burn_tensor::{Device, Gradients, Tensor, TensorData};
use std::ops::Range;
use std::sync::Arc;

/// Parameters, running statistics and, for training, Adam's moments.
pub(super) struct Weights {
    device: Device,
    layout: Arc<Layout>,
    purpose: Purpose,
    generator: Flat,
    discriminator: Flat,
    /// Of every batch-norm.
    pub statistics: Statistics,
    /// Updates done.
    pub step: u64,
}

/// One network's parameters.
struct Flat {
    slots: Vec<Slot>,
    values: Tensor<1>,
    moments: Option<Moments>,
}

impl Weights {
    /// Those of a state; with moments where `purpose` is to train.
    ///
    /// # Panics
    /// If the state's layout is not that of the spec.
    pub fn new(spec: &Spec, purpose: Purpose, state: &State, device: &Device) -> Weights {
        let layout = Arc::new(Layout::parameters(spec));
        let statistics = Arc::new(Layout::statistics(spec));
        Weights {
            generator: Flat::new("g.", &layout, state, purpose, device),
            discriminator: Flat::new("d.", &layout, state, purpose, device),
            statistics: Statistics::new(statistics, &state.statistics, device),
            step: state.step,
            device: device.clone(),
            layout,
            purpose,
        }
    }

    /// Takes over a state.
    ///
    /// # Panics
    /// If its layout is not that of the spec.
    pub fn load(&mut self, state: &State) {
        self.generator = Flat::new("g.", &self.layout, state, self.purpose, &self.device);
        self.discriminator = Flat::new("d.", &self.layout, state, self.purpose, &self.device);
        self.statistics.load(&state.statistics);
        self.step = state.step;
    }

    /// Takes over D's parameters; statistics, moments and the count stay (`reinit_d`).
    pub fn load_discriminator(&mut self, parameters: &Params) {
        self.discriminator.values = upload(&parameters.values[self.discriminator.range()], &self.device);
    }

    /// The state as [`crate::params`] has it; moments are 0 where nothing trains. Waits for the device.
    pub fn save(&self) -> State {
        let flats = [&self.generator, &self.discriminator];
        let all = |part: &dyn Fn(&Flat) -> Option<Tensor<1>>| -> Vec<f32> {
            flats.iter().flat_map(|flat| part(flat).map_or_else(|| vec![0.0; flat.range().len()], numbers)).collect()
        };
        State {
            parameters: Params { layout: self.layout.clone(), values: all(&|flat| Some(flat.values.clone())) },
            statistics: self.statistics.save(),
            first_moments: all(&|flat| flat.moments.as_ref().map(|moments| moments.first.clone())),
            second_moments: all(&|flat| flat.moments.as_ref().map(|moments| moments.second.clone())),
            step: self.step,
        }
    }

    /// One network's tensors, as constants: no gradient reaches them.
    pub fn constants(&self, network: Network) -> Tensors {
        let flat = self.flat(network);
        let start = flat.range().start;
        let tensor = |slot: &Slot| flat.values.clone().narrow(0, slot.start - start, slot.len());
        Tensors { slots: flat.slots.clone(), flat: flat.slots.iter().map(tensor).collect() }
    }

    /// One network's tensors, whose gradients are wanted.
    pub fn variables(&self, network: Network) -> Tensors {
        let Tensors { slots, flat } = self.constants(network);
        Tensors { slots, flat: flat.into_iter().map(|tensor| tensor.autodiff().require_grad()).collect() }
    }

    /// Adam's update of one network; [`Weights::step`] counts it already.
    ///
    /// # Panics
    /// If the weights were built for scoring.
    pub fn update(&mut self, network: Network, gradient: Tensor<1>, rates: &AdamRates) {
        let step = self.step;
        let flat = self.flat_mut(network);
        let moments = flat.moments.as_mut().expect("this engine was built for scoring: build it with Purpose::Train");
        flat.values = moments.step(flat.values.clone(), gradient, rates, step);
    }

    fn flat(&self, network: Network) -> &Flat {
        match network {
            Network::Generator => &self.generator,
            Network::Discriminator => &self.discriminator,
        }
    }

    fn flat_mut(&mut self, network: Network) -> &mut Flat {
        match network {
            Network::Generator => &mut self.generator,
            Network::Discriminator => &mut self.discriminator,
        }
    }
}

impl Flat {
    /// A state's tensors whose names begin with `prefix`.
    fn new(prefix: &str, layout: &Layout, state: &State, purpose: Purpose, device: &Device) -> Flat {
        assert!(*state.parameters.layout == *layout, "a state whose parameters are not those of this network");
        let slots: Vec<Slot> = layout.slots.iter().filter(|slot| slot.name.starts_with(prefix)).cloned().collect();
        let range = range(&slots);
        let of = |values: &[f32]| upload(&values[range.clone()], device);
        let moments = (purpose == Purpose::Train).then(|| Moments { first: of(&state.first_moments), second: of(&state.second_moments) });
        Flat { values: of(&state.parameters.values), slots, moments }
    }

    fn range(&self) -> Range<usize> {
        range(&self.slots)
    }
}

/// Where a network's tensors, which follow one another, lie in the layout.
fn range(slots: &[Slot]) -> Range<usize> {
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return 0..0 };
    first.start..last.range().end
}

/// One network's tensors by name, as a pass reads them.
pub(super) struct Tensors {
    slots: Vec<Slot>,
    /// Each as one row.
    flat: Vec<Tensor<1>>,
}

impl Tensors {
    /// A convolution's weight, such as `conv.weight` of a layer.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn weight(&self, name: &str) -> Tensor<4> {
        let at = self.find(name).unwrap_or_else(|| panic!("the layout has {name}"));
        let shape = <[usize; 4]>::try_from(self.slots[at].shape.as_slice()).expect("weights have four extents");
        self.flat[at].clone().reshape(shape)
    }

    /// A row of a number a channel, where there is one.
    pub fn row(&self, name: &str) -> Option<Tensor<1>> {
        self.find(name).map(|at| self.flat[at].clone())
    }

    /// Scale and shift of a layer's batch-norm, where one follows it.
    pub fn norm(&self, layer: &Layer) -> Option<(Tensor<1>, Tensor<1>)> {
        Some((self.row(&format!("{}.bn.weight", layer.name))?, self.row(&format!("{}.bn.bias", layer.name))?))
    }

    /// The gradients of all tensors in one row; 0 where none arrived.
    pub fn gradient(&self, gradients: &mut Gradients) -> Tensor<1> {
        let one = |tensor: &Tensor<1>| tensor.grad_remove(gradients).unwrap_or_else(|| tensor.clone().inner().zeros_like());
        Tensor::cat(self.flat.iter().map(one).collect(), 0)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name == name)
    }
}

/// A row of numbers.
pub(super) fn upload(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
