//! Optical flow: what moves, and which way.
