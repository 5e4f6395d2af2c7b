//! The network's shape as plain data.
