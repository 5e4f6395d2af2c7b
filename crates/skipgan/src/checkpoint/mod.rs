//! One safetensors file: weights, statistics, optimizer state, configuration, calibration, provenance.
