//! Encoder, decoder, discriminator: the level loops and the skip joins (METHOD.md §1–2).
//!
//! A join is the map between two levels of G: what the encoder stored and what came from below lie side by side in it, so a
//! skip connection costs no copy. Losses, updates and the image ends are [`crate::model`]'s.

pub mod decoder;
pub mod discriminator;
pub mod encoder;
pub mod join;

pub use decoder::Decoder;
pub use discriminator::{Branch, Features, Pass, Pictures, Pull, Want};
pub use encoder::Encoder;
pub use join::Join;

/// Slope of LeakyReLU in both networks' encoders.
pub const SLOPE: f64 = 0.2;
