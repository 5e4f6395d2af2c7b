//! Metrics of frame, pixel and region detection on plain arrays; knows nothing of models.
