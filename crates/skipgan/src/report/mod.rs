//! Everything a person or another program reads: score files, evaluation files, maps, plots, HTML, overlay.

pub mod heat;
pub mod html;
pub mod overlay;
pub mod picture;
pub mod plot;

// Result files.
mod alarm_text;
pub mod detections_file;
pub mod evaluation_file;
pub mod evaluation_text;
pub mod lines;
pub mod map_folder;
pub mod meta_file;
pub mod result_error;
pub mod score_file;
pub mod score_table;
pub use result_error::ResultFileError;
