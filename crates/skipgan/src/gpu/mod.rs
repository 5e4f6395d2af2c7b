//! The same networks on a GPU (cargo feature `gpu`), through Burn and Vulkan: from the same [`crate::spec::Spec`], over the same named
//! tensors, behind the same seam [`crate::model::engine::Engine`]. A checkpoint does not know where it was trained.
//!
//! Layers and losses read as the paper has them; gradients are Burn's. The processor's engine ([`crate::model::CpuEngine`]) is the
//! definition that tests hold this one to. Speed on processors is not sought here.

mod adam;
mod device;
mod discriminator;
mod engine;
mod generator;
mod layers;
mod losses;
mod norm;
mod pictures;
mod scores;
mod skip_ganomaly;
mod weights;

pub use device::{Gpu, GpuError};
pub use engine::GpuEngine;
