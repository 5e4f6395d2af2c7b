//! Skip-GANomaly (arXiv 1901.08954) for video: learns from normal footage what a fixed camera sees and says when, where and how
//! strongly something departs from it. The folders are the paper: [`layers`] → [`blocks`] → [`model`] → [`losses`].
#![forbid(unsafe_code)]

pub mod baseline;
pub mod blocks;
pub mod calibration;
pub mod checkpoint;
pub mod commands;
pub mod config;
pub mod data;
pub mod evaluate;
pub mod layers;
pub mod localise;
pub mod losses;
pub mod model;
pub mod motion;
pub mod npy;
pub mod params;
pub mod report;
pub mod score;
pub mod spec;
pub mod train;
