//! One file a command: functions from options to results. Here the folders meet; the program `skipgan` only parses and prints.

pub mod configuration;
pub mod doctor;
pub mod event;
