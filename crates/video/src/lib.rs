//! Bytes to timestamped frames, and back.
#![forbid(unsafe_code)]
