//! Compressed pictures → planes. Containers are not known here.

pub(crate) mod jpeg;
