//! Generator, discriminator, the Skip-GANomaly training step and scores, and the seam [`engine`] that every executor fulfils.
//!
//! [`skip_ganomaly`] is the paper; what it is made of stands in [`crate::blocks`] and [`crate::losses`]. Data, schedules and
//! files are other folders'.

pub mod abreast;
pub mod bench;
pub mod byte_engine;
pub mod cpu;
pub mod discriminator;
pub mod engine;
pub mod generator;
pub mod inspect;
pub mod layer_bench;
mod measure;
pub mod plan;
pub mod precision;
pub mod skip_ganomaly;
pub mod work;

pub use abreast::Abreast;
pub use byte_engine::{ByteEngine, ByteEngineError};
pub use cpu::CpuEngine;
pub use plan::{PlanSize, Purpose};
pub use precision::Precision;
