//! Skip-GANomaly (arXiv 1901.08954) for video: learns from normal footage what a fixed camera sees and says when, where and how
//! strongly something departs from it. The folders are the paper: [`layers`] → [`blocks`] → [`model`] → [`losses`].
//!
//! Footage comes in through [`data`], a network is trained by [`train`] into a [`checkpoint`], [`score::Detector`] gives scores and maps,
//! [`evaluate`] judges them, [`report`] writes them down. [`commands`] is all of it, one function a command of the program. What may
//! import what is in `docs/architecture.md`.
//!
//! A training step and a score, on one picture of noise:
//!
//! ```
//! use skipgan::config::Config;
//! use skipgan::model::engine::{AdamRates, Batch, Engine, Norm, Rates};
//! use skipgan::model::{CpuEngine, PlanSize, Purpose};
//! use std::sync::Arc;
//!
//! let config = Config::preset("official")?.with_set("g_width=4")?.with_set("d_width=4")?;
//! let size = PlanSize { images: 2, height: 32, width: 32 };
//! let pool = Arc::new(kernels::Pool::new(1)?);
//! let mut engine = CpuEngine::<f32>::new(&config.spec(32, 32)?, &config.objective(), size, Purpose::Train, pool)?;
//!
//! let pictures: Vec<f32> = (0..2 * 32 * 32 * 3).map(|i| ((i * 7919) % 255) as f32 / 127.5 - 1.0).collect();
//! let batch = Batch { images: 2, height: 32, width: 32, input: &pictures, target: &pictures, context: &[], changed: None };
//! let rates = AdamRates { lr: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
//! let losses = engine.step(&batch, &Rates { generator: rates, discriminator: rates });
//! assert!(losses.contextual > 0.0);
//!
//! let scores = engine.score(&batch, Norm::Running);
//! let a: Vec<f64> = scores.residual.iter().zip(&scores.latent).map(|(r, l)| skipgan::score::anomaly::weigh(0.9, *r, *l)).collect();
//! assert_eq!(a.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod alarm_events;
pub mod atomic_file;
pub mod baseline;
pub mod blocks;
pub mod calibration;
pub mod checkpoint;
pub mod commands;
pub mod config;
pub mod data;
pub mod evaluate;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod layers;
pub mod localise;
pub mod losses;
pub mod model;
pub mod motion;
pub mod npy;
pub mod params;
pub mod ranges;
pub mod report;
pub mod score;
pub mod spec;
pub mod stages;
pub mod train;
pub mod usual;
pub mod words;
