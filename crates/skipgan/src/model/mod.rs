//! Generator, discriminator, the Skip-GANomaly training step and scores, and the seam [`engine`] that every executor fulfils.

pub mod engine;
