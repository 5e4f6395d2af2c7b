//! The training loop and what surrounds it: schedule, validation, choice of the best, resume, guards, logs.
//!
//! It knows the network by the seam [`crate::model::engine::Engine`] alone, and footage by the frame cache and the split; no label
//! ever comes here (`select = test_best`, the authors' habit, asks a [`Judge`] that the caller brings).

mod average;
mod belongs;
pub mod error;
pub mod events;
mod feed;
mod finish;
pub mod logs;
pub mod observer;
mod paste;
mod perlin;
mod region;
mod replace;
pub mod samples;
pub mod schedule;
#[cfg(test)]
mod tests;
pub mod training;
pub mod validation;
pub mod watch;

pub use error::TrainError;
pub use observer::{Event, Observer, Quiet, Warning};
pub use training::{Ended, Judge, Material, Options, Outcome, Resume, train};
