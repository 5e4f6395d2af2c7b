//! Labels in MATLAB's files: Avenue's masks (`k_label.mat`, variable `volLabel`, a mask a frame: anomalous is a frame with any pixel set) and
//! the intervals of ano_pred and MNAD (`<set>.mat`, variable `gt`, a cell a clip: 2×k, starts above ends, 1-based, both included).

use super::intervals::Intervals;
use crate::data::matlab::{Cells, Matrix};
use crate::data::{Clip, DataError};
use std::path::{Path, PathBuf};

/// The variable of masks.
pub(in crate::data) const MASKS: &str = "volLabel";
/// The variable of intervals.
const INTERVALS: &str = "gt";
/// Intervals of a clip at most.
const MOST_INTERVALS: usize = 1 << 20;

/// The file in `folder` that is named after the clip: `7_label.mat` for the clip `07`, else `<clip>_label.mat` or `<clip>.mat`.
pub(in crate::data) fn file_of(folder: &Path, clip: &Clip) -> Option<PathBuf> {
    let last = clip.name.rsplit('/').next().unwrap_or(&clip.name);
    let number = last.parse::<u64>().ok().map(|number| format!("{number}_label.mat"));
    let names = number.into_iter().chain([format!("{last}_label.mat"), format!("{last}.mat")]);
    names.map(|name| folder.join(name)).find(|path| path.is_file())
}

/// One label a mask.
pub(super) fn of_masks(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut cells = Cells::open(path, MASKS)?;
    let (mut mask, mut labels) = (Matrix::default(), Vec::new());
    while cells.next(&mut mask)? {
        labels.push(u8::from(mask.values.iter().any(|&value| value != 0.0)));
    }
    Ok(labels)
}

/// The intervals of each clip, in the order of the file.
pub(super) fn intervals(path: &Path) -> Result<Vec<Intervals>, DataError> {
    let mut cells = Cells::open(path, INTERVALS)?;
    let (mut matrix, mut found) = (Matrix::default(), Vec::new());
    while cells.next(&mut matrix)? {
        let clip = found.len() + 1;
        let wrong = |what: &str| DataError::Array { path: path.to_path_buf(), what: format!("clip {clip} of gt: {what}") };
        let pair = matrix.values.len() == 2 && matrix.rows.min(matrix.cols) == 1;
        if !(matrix.values.is_empty() || matrix.rows == 2 || pair) || matrix.values.len() / 2 > MOST_INTERVALS {
            return Err(wrong(&format!("it is {}×{}, intervals are 2×k, starts above ends", matrix.rows, matrix.cols)));
        }
        // Column after column: a start, its end, the next start …
        let ranges = matrix.values.as_chunks::<2>().0.iter().map(|&[first, last]| {
            let whole = |value: f64| (value.fract() == 0.0 && (1.0..=1e9).contains(&value)).then_some(value as usize);
            let range = whole(first).zip(whole(last)).filter(|(first, last)| first <= last);
            range.ok_or_else(|| wrong(&format!("{first} to {last} is no interval of frames")))
        });
        found.push(Intervals::new(ranges.collect::<Result<_, _>>()?));
    }
    Ok(found)
}
