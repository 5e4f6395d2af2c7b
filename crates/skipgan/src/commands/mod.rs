//! One file a command: functions from options to results. Here the folders meet; the program `skipgan` only parses and prints.

pub mod bench;
pub mod calibrate;
pub mod configuration;
pub mod detector;
pub mod doctor;
pub mod error;
pub mod event;
pub mod reading;
pub mod test_judge;
pub mod train;
pub mod truth;

pub use error::CommandError;
