//! The forward pass in bytes: the same convolutions as [`crate::stride`], on 8-bit maps with 8-bit weights, for scoring where the
//! processor multiplies bytes faster than numbers ([`crate::arch::ByteLevel`]).
//!
//! A stored byte q of channel c stands for `scale[c] · (q − zero[c])` ([`ByteMap`]); a weight is a signed byte with one scale an output
//! channel ([`ByteFilter`]). Sums are exact in 32 bits and the way back to numbers rounds the same everywhere, so results are the same bits
//! for every instruction set, number of threads and batch. There is no backward pass: ranges are measured on normal footage after training.
//! Products are summed in vectors, or sixteen by sixteen at once where there are matrix registers (`matrix.rs`); on AVX2 alone by fewer products
//! of 16-bit numbers where maps allow it (`winograd.rs`).

mod correlate;
mod filter;
mod jobs;
mod map;
mod matrix;
mod sink;
mod winograd;

pub use correlate::{ByteScratch, correlate};
pub use filter::{Affine, ByteFilter};
pub use map::ByteMap;
pub use sink::Sink;
