//! The order in which training sees windows: every window once an epoch, shuffled by seed and epoch.
//!
//! The whole state is (seed, epoch, position): the order of an epoch is drawn anew from seed and epoch, never carried over, so a training
//! that goes on from a checkpoint, in mid-epoch too, sees exactly what an uninterrupted one would have.

use crate::data::random::SplitMix64;
use crate::data::{DataError, Span, WindowIndex};
use serde::{Deserialize, Serialize};

/// Where a sampler stands; three numbers for a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplerState {
    /// Seed of the order.
    pub seed: u64,
    /// The epoch that the next batch belongs to, 0-based.
    pub epoch: u64,
    /// Windows of that epoch already given.
    pub position: u64,
}

/// What becomes of an epoch's last, smaller batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastBatch {
    /// Left out (published), unless it is the only one.
    Dropped,
    /// Given as it is.
    Kept,
}

/// Gives batches of windows without end.
#[derive(Clone, Debug)]
pub struct Sampler {
    windows: Vec<WindowIndex>,
    order: Vec<u32>,
    batch: usize,
    last: LastBatch,
    state: SamplerState,
}

/// One batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its windows; never empty.
    pub windows: Vec<WindowIndex>,
    /// The epoch it belongs to, 0-based.
    pub epoch: u64,
    /// Whether the epoch ends with it.
    pub ends_epoch: bool,
}

impl Sampler {
    /// A sampler of all frames of `spans`, at its start.
    ///
    /// # Errors
    /// As [`Sampler::resume`].
    pub fn new(spans: &[Span], batch: usize, last: LastBatch, seed: u64) -> Result<Sampler, DataError> {
        Sampler::resume(spans, batch, last, SamplerState { seed, epoch: 0, position: 0 })
    }

    /// A sampler that goes on where `state` stands.
    ///
    /// # Errors
    /// [`DataError::TooFewFrames`] where the spans are empty; [`DataError::SamplerState`] where the state does not fit them.
    pub fn resume(spans: &[Span], batch: usize, last: LastBatch, state: SamplerState) -> Result<Sampler, DataError> {
        let windows: Vec<WindowIndex> =
            spans.iter().flat_map(|span| (span.start..span.end).map(|frame| WindowIndex { clip: span.clip, frame })).collect();
        if windows.is_empty() || u32::try_from(windows.len()).is_err() {
            return Err(DataError::TooFewFrames { frames: windows.len(), least: 1 });
        }
        let mut sampler = Sampler { windows, order: Vec::new(), batch: batch.max(1), last, state };
        if state.position > 0 && state.position >= sampler.usable() {
            return Err(DataError::SamplerState { epoch: state.epoch, position: state.position, windows: sampler.windows.len() });
        }
        sampler.draw();
        Ok(sampler)
    }

    /// Where it stands: what the next batch will be.
    #[must_use]
    pub fn state(&self) -> SamplerState {
        self.state
    }

    /// Windows an epoch, those of a dropped last batch too.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// Batches an epoch.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.usable().div_ceil(wide(self.batch))
    }

    /// The next batch; after an epoch's last one the next epoch begins.
    pub fn next_batch(&mut self) -> Batch {
        let start = usize::try_from(self.state.position).unwrap_or(0);
        let end = usize::try_from(self.usable()).unwrap_or(0).min(start.saturating_add(self.batch));
        let chosen = self.order.get(start..end).unwrap_or_default();
        let windows = chosen.iter().filter_map(|&index| self.windows.get(usize::try_from(index).unwrap_or(usize::MAX)).copied()).collect();
        let epoch = self.state.epoch;
        let ends_epoch = wide(end) >= self.usable();
        self.state.position = wide(end);
        if ends_epoch {
            self.state.epoch = epoch.wrapping_add(1);
            self.state.position = 0;
            self.draw();
        }
        Batch { windows, epoch, ends_epoch }
    }

    /// Windows of an epoch that are given.
    fn usable(&self) -> u64 {
        let (count, batch) = (self.windows.len(), self.batch);
        wide(match self.last {
            LastBatch::Dropped if count >= batch => count - count % batch,
            _ => count,
        })
    }

    fn draw(&mut self) {
        self.order.clear();
        self.order.extend(0..u32::try_from(self.windows.len()).unwrap_or(u32::MAX));
        SplitMix64::part(self.state.seed, self.state.epoch).shuffle(&mut self.order);
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans() -> Vec<Span> {
        vec![Span { clip: 0, start: 0, end: 7 }, Span { clip: 2, start: 3, end: 9 }]
    }

    #[test]
    fn an_epoch_holds_every_window_once() {
        let mut sampler = Sampler::new(&spans(), 4, LastBatch::Kept, 5).expect("13 windows");
        let batches: Vec<Batch> = (0..4).map(|_| sampler.next_batch()).collect();
        assert_eq!(batches.iter().map(|b| b.windows.len()).collect::<Vec<_>>(), [4, 4, 4, 1]);
        assert_eq!(batches.iter().map(|b| b.ends_epoch).collect::<Vec<_>>(), [false, false, false, true]);
        let mut seen: Vec<_> = batches.iter().flat_map(|b| &b.windows).map(|w| (w.clip, w.frame)).collect();
        seen.sort_unstable();
        let all: Vec<_> = (0..7).map(|f| (0, f)).chain((3..9).map(|f| (2, f))).collect();
        assert_eq!(seen, all);
        assert_eq!(sampler.next_batch().epoch, 1);
    }

    #[test]
    fn a_dropped_last_batch_is_not_given_unless_it_is_the_only_one() {
        let mut sampler = Sampler::new(&spans(), 4, LastBatch::Dropped, 5).expect("13 windows");
        assert_eq!(sampler.batches(), 3);
        let sizes: Vec<usize> = (0..6).map(|_| sampler.next_batch().windows.len()).collect();
        assert_eq!(sizes, [4; 6]);
        let mut small = Sampler::new(&spans(), 64, LastBatch::Dropped, 5).expect("13 windows");
        assert_eq!((small.batches(), small.next_batch().windows.len()), (1, 13));
    }

    #[test]
    fn going_on_from_any_batch_sees_what_an_uninterrupted_run_sees() {
        for last in [LastBatch::Kept, LastBatch::Dropped] {
            let mut whole = Sampler::new(&spans(), 4, last, 9).expect("13 windows");
            for _ in 0..11 {
                let mut resumed = Sampler::resume(&spans(), 4, last, whole.state()).expect("own state");
                let (mut a, mut b) = (whole.clone(), resumed.clone());
                assert_eq!((0..5).map(|_| a.next_batch()).collect::<Vec<_>>(), (0..5).map(|_| b.next_batch()).collect::<Vec<_>>());
                assert_eq!(whole.next_batch(), resumed.next_batch());
            }
        }
    }

    #[test]
    fn epochs_and_seeds_differ_and_a_foreign_state_is_an_error() {
        let order = |seed, epoch| {
            let state = SamplerState { seed, epoch, position: 0 };
            Sampler::resume(&spans(), 13, LastBatch::Kept, state).expect("13 windows").next_batch().windows
        };
        assert_ne!(order(1, 0), order(1, 1));
        assert_ne!(order(1, 0), order(2, 0));
        let state = SamplerState { seed: 1, epoch: 0, position: 13 };
        assert!(Sampler::resume(&spans(), 4, LastBatch::Kept, state).is_err());
        assert!(Sampler::new(&[], 4, LastBatch::Kept, 1).is_err());
    }
}
