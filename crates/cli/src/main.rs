//! The program `skipgan`.
#![forbid(unsafe_code)]

fn main() {}
