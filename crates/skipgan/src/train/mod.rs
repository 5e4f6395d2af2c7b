//! The training loop and what surrounds it: schedule, validation, resume, logs.
