//! Instruction sets: which one runs, and the vectors the kernels are written in.
//!
//! An algorithm is written once over `Lanes` as a `Kernel`; `dispatch` enters it under the instruction set of the
//! pool. One file an instruction set.

mod bytes;
mod caches;
mod cpu;
mod denormals;
mod lanes;
mod matrix;
mod pairs;
mod portable;
mod portable_bytes;
mod tile;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_bytes;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod vnni;

pub use bytes::ByteLevel;
pub(crate) use bytes::{ByteKernel, ByteWords, dispatch_bytes};
pub(crate) use caches::second_cache;
pub use cpu::{CpuError, Level};
pub(crate) use denormals::FlushGuard;
pub(crate) use lanes::{Kernel, Lanes, Words, dispatch};
#[cfg(test)]
pub(crate) use matrix::PlainUnit;
pub(crate) use matrix::{MatrixKernel, MatrixUnit, SIDE, dispatch_matrix};
pub(crate) use pairs::{MultiplyPairs, PairWords};
pub(crate) use portable::{Quad, Single};
pub(crate) use tile::{Listed, Multiply, PANEL, Product, Rows, Strided, Turned, Windows, product};
