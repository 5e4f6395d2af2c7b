//! Arithmetic on plain slices: everything the network of the paper is computed with on a processor.
//!
//! The network is one operation in two directions: a 4×4 stride-2 weight joins a large and a small map by three
//! bilinear maps, [`stride::down`], [`stride::up`] and [`stride::pair`]. Around them stand batch-norm sums ([`norm`]),
//! a matrix product ([`gemm`]), distances of maps ([`distance`]), Adam ([`adam`]) and image planes ([`planes`]).
//!
//! This crate knows no GAN, no file and no parameter name. It is the only one with `unsafe` code. Functions are safe:
//! they assert shapes, pick the instruction set of the [`Pool`] and run fixed jobs, so that results are bit for bit
//! the same for every number of threads. `f32` takes the fast kernels, `f64` the plain loops of `reference`, which
//! define every operation and are the oracle of the tests.

pub mod adam;
pub mod arch;
pub mod bytes;
pub mod clock;
pub mod distance;
pub mod flow;
pub mod gemm;
mod map;
mod memory;
pub mod norm;
pub mod peak;
pub mod planes;
mod pool;
mod real;
pub mod reference;
pub mod stride;
mod tiling;

pub use arch::{CpuError, Level};
pub use map::{Lens, Map, MapMut, Write};
pub use pool::{Denormals, Pool};
pub use real::Real;
