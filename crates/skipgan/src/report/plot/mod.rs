//! Plots as SVG text, written by hand: score curves, ROC, histograms, loss curves, rows of a table. No plotting crate, no script.
//!
//! A [`Plot`] fills the width it is given: shapes live in a stretched inner picture, text is placed by percentages and keeps its size,
//! so a page reads on a telephone too. Colours are CSS classes over the variables of [`STYLE`], which follow the reader's light or dark
//! scheme; they are told apart by shape or lightness as well, never by hue alone. However long the footage, a plot has at most
//! [`COLUMNS`] columns. All text that comes from outside is escaped.

mod axis;
mod histogram;
mod lines;
mod roc;
mod rows;
mod score;
mod svg;
mod thin;

pub use axis::{Axis, clock};
pub use histogram::histogram;
pub use lines::{Series, lines};
pub use roc::{RocMark, roc};
pub use rows::{RowMark, rows};
pub use score::{ScoreCurve, score_curve};
#[cfg(test)]
pub(crate) use svg::check_well_formed;
pub use svg::{Plot, STYLE, escape};

/// Most columns that a curve is drawn with; more samples are shown by the lowest and highest of each column.
pub const COLUMNS: usize = 720;
