//! Everything a person or another program reads: score files, evaluation files, maps, plots, HTML, overlay.

pub mod heat;
pub mod picture;
pub mod plot;
