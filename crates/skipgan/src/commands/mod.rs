//! One file a command: functions from options to results. Here the folders meet; the program `skipgan` only parses and prints.

pub mod ablate;
pub mod baseline;
pub mod bench;
pub mod calibrate;
pub mod configuration;
pub mod demo;
pub mod detector;
pub mod doctor;
pub mod error;
pub mod evaluate;
pub mod event;
pub mod executor;
pub mod inspect;
pub mod map_output;
pub mod moments;
mod network_worth;
pub mod overwriting;
pub mod reading;
pub mod report;
pub mod scene;
pub mod score;
pub mod scored;
pub mod selection;
mod still_branch;
pub mod term_baseline;
mod test_judge;
pub mod train;
pub mod truth;

pub use error::CommandError;
