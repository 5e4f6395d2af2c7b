//! Pictures between the processor, where they are channels-last, and the device, where they are `[images, channels, rows, columns]`.

use crate::model::engine::Batch;
use burn_tensor::{Device, Tensor, TensorData};

/// A batch on the device.
pub(super) struct Pictures {
    /// What G sees.
    pub input: Tensor<4>,
    /// What G must produce.
    pub target: Tensor<4>,
    /// What D sees beside it, where it sees more.
    context: Option<Tensor<4>>,
    /// What was put in that does not belong, where something was.
    pub changed: Option<Changed>,
}

/// [`crate::model::engine::Changed`] on the device.
pub(super) struct Changed {
    /// What the target would be if it were left in.
    pub target: Tensor<4>,
    /// How much each element counts in the contextual loss.
    pub importance: Tensor<4>,
    /// D's target for every cell, `[images, 1, rows, columns]`.
    pub cells: Tensor<4>,
}

impl Pictures {
    /// Copies a batch into `room` images, the last of which are 0 where there are more than in the batch. D's head has `head` rows and
    /// columns.
    pub fn new(batch: &Batch<'_>, room: usize, head: [usize; 2], device: &Device) -> Pictures {
        let upload = |values: &[f32]| upload(values, batch.images, [room, batch.height, batch.width], device);
        Pictures {
            input: upload(batch.input),
            target: upload(batch.target),
            context: (!batch.context.is_empty()).then(|| upload(batch.context)),
            changed: batch.changed.map(|changed| Changed {
                target: upload(changed.target),
                importance: upload(changed.importance),
                cells: self::upload(changed.cells, batch.images, [room, head[0], head[1]], device),
            }),
        }
    }

    /// What D sees: the context, then the target or what stands in its place.
    pub fn beside(&self, shown: Tensor<4>) -> Tensor<4> {
        match &self.context {
            Some(context) => Tensor::cat(vec![context.clone(), shown], 1),
            None => shown,
        }
    }
}

/// From `[images, rows, columns, channels]`; how many channels the length says.
fn upload(values: &[f32], images: usize, [room, rows, cols]: [usize; 3], device: &Device) -> Tensor<4> {
    let channels = values.len() / (images * rows * cols);
    let mut values = values.to_vec();
    values.resize(room * rows * cols * channels, 0.0);
    Tensor::<4>::from_data(TensorData::new(values, [room, rows, cols, channels]), device).permute([0, 3, 1, 2])
}

/// To `[images, rows, columns, channels]`; waits for the device.
pub(super) fn download(map: Tensor<4>) -> Vec<f32> {
    numbers(map.permute([0, 2, 3, 1]))
}

/// The elements in order; waits for the device.
///
/// # Panics
/// Where the device fails: it was taken away, or has no memory left.
pub(super) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap_or_else(|error| panic!("the GPU failed: {error}"))
}
