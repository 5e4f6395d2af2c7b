//! Detectors without a network, with the same interface as the model's scores.
