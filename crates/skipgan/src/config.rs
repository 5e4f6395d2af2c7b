//! Every number of the method, and the presets.
