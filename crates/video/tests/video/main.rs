//! The crate from outside: files in, frames out, for every backend.
//!
//! Fixtures are made by ffmpeg inside the tests; where it is absent they say "skipped" and pass,
//! but not in CI. What must hold without ffmpeg is tested with the files of `testdata/video/`.

mod backends;
mod damage;
mod decoders;
mod pictures;
mod support;
mod writers;
