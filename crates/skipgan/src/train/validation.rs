//! The contextual loss on held-out normal windows, with running statistics: what chooses the best state (METHOD.md §6 row 3). Nothing of
//! the network changes by it.

use super::TrainError;
use super::samples::{self, Picture, Shown};
use crate::config::Config;
use crate::data::{Footage, Span, WindowIndex, WindowReader, Windows};
use crate::model::engine::{Engine, Norm};
use crate::score::forward;

/// Most held-out windows that are measured; more, and they are taken evenly spaced.
const MOST_WINDOWS: usize = 256;
/// Rows of a sheet of samples.
const SAMPLES: usize = 4;

/// The windows that are measured.
#[derive(Clone, Debug)]
pub struct Validation {
    windows: Vec<WindowIndex>,
    samples: Vec<WindowIndex>,
}

/// Evenly spaced indices below `count`, at most `most`.
fn spaced(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let taken = count.min(most);
    (0..taken).map(move |index| (2 * index + 1) * count / (2 * taken))
}

impl Validation {
    /// For the frames of `held_out`.
    pub fn new(held_out: &[Span]) -> Validation {
        let all: Vec<WindowIndex> =
            held_out.iter().flat_map(|span| (span.start..span.end).map(|frame| WindowIndex { clip: span.clip, frame })).collect();
        let windows: Vec<WindowIndex> = spaced(all.len(), MOST_WINDOWS).map(|index| all[index]).collect();
        let samples = spaced(windows.len(), SAMPLES).map(|index| windows[index]).collect();
        Validation { windows, samples }
    }

    /// w_con · mean |x̂ − x| over all windows, `batch` at a time.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn contextual(&self, engine: &mut dyn Engine, footage: Footage<'_>, config: &Config, batch: usize) -> Result<f64, TrainError> {
        let (mut reader, mut windows) = (WindowReader::new(footage), footage.sight.windows());
        let (mut sum, mut count) = (0.0, 0);
        for wanted in self.windows.chunks(batch.max(1)) {
            let reconstruction = &score(engine, &mut reader, wanted, &mut windows)?.reconstruction;
            // Summed window by window: the number does not depend on the batch.
            let length = reconstruction.len() / wanted.len();
            for (made, wanted) in reconstruction.chunks(length).zip(windows.target().chunks(length)) {
                sum += made.iter().zip(wanted).map(|(made, wanted)| f64::from((made - wanted).abs())).sum::<f64>();
            }
            count += reconstruction.len();
        }
        Ok(config.w_con * sum / count.max(1) as f64)
    }

    /// Target, reconstruction and map of a few windows.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn sheet(&self, engine: &mut dyn Engine, footage: Footage<'_>, batch: usize) -> Result<Picture, TrainError> {
        let (mut reader, mut windows) = (WindowReader::new(footage), footage.sight.windows());
        let wanted = &self.samples[..self.samples.len().min(batch.max(1))];
        let scores = score(engine, &mut reader, wanted, &mut windows)?;
        Ok(samples::sheet(&windows, scores, Shown::of(footage.sight)))
    }
}

fn score<'e>(
    engine: &'e mut dyn Engine,
    reader: &mut WindowReader<'_>,
    wanted: &[WindowIndex],
    windows: &mut Windows,
) -> Result<&'e crate::model::engine::Scores, TrainError> {
    windows.clear();
    for &window in wanted {
        reader.read(window, windows)?;
    }
    Ok(engine.score(&forward::batch(windows), Norm::Running))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_spaced_evenly_and_all_of_few_are_taken() {
        assert_eq!(spaced(4, 8).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(spaced(12, 4).collect::<Vec<_>>(), [1, 4, 7, 10]);
        assert_eq!(spaced(0, 4).count(), 0);
    }
}
