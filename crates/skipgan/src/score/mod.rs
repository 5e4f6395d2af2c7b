//! R, L and A(x) of frames, and the calibration that puts them on the scale of normal footage.
