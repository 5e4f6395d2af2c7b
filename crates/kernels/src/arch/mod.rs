//! Instruction sets: which one runs, and the vectors the kernels are written in.

mod cpu;
mod denormals;

pub use cpu::{CpuError, Level};
pub(crate) use denormals::FlushGuard;
