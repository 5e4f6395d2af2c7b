//! The program as its users meet it: every test here runs the binary `skipgan` and looks at its exit code, its two outputs and its files.
//! What the numbers should be is tested in the library; here it counts that they arrive, and that what goes wrong is said.

mod ablate;
mod alarms;
mod autoencoder;
mod decoders;
mod errors;
mod full_disk;
mod harness;
mod interrupt;
mod journey;
mod live;
mod outputs;
mod scenes;
mod stills;
mod surface;
mod unlabelled;
