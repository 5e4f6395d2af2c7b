//! The three losses of the paper (METHOD.md §3); each returns its value and the gradient that it sends back.
//!
//! Weights are included in both. Sums run in f64 in a fixed order. Nothing here knows a network.

pub mod adversarial;
pub mod contextual;
pub mod latent;
