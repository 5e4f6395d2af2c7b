//! One flat buffer of named parameters.
