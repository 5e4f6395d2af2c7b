//! Whether the network earns its keep on this camera: the default score S against what needs no network, motion + place,
//! frame by frame from the columns of one score file.

use crate::calibration::{MOTION, PLACE};
use crate::config::ScoreChoice;
use crate::report::score_table::ScoreTable;
use crate::score::anomaly::combined;

/// The share of frames that is looked at where there are no labels.
const HIGHEST: f64 = 0.01;
/// Frames that are looked at then at least.
const LEAST_HIGHEST: usize = 10;

/// Scores of the same frames, clip by clip.
pub(super) struct WithAndWithout {
    /// S.
    pub(super) with: Vec<Vec<f64>>,
    /// Motion + place.
    pub(super) without: Vec<Vec<f64>>,
}

impl WithAndWithout {
    /// From the columns `a`, `motion` and `place`; `None` where one is missing, and where `a` never changes: there was no network.
    pub(super) fn of(table: &ScoreTable) -> Option<WithAndWithout> {
        let [a, motion, place] = ["a", MOTION, PLACE].map(|name| table.scores(name).ok());
        WithAndWithout::from_terms(&a?, &motion?, &place?)
    }

    fn from_terms(a: &[&[f64]], motion: &[&[f64]], place: &[&[f64]]) -> Option<WithAndWithout> {
        let mut of_a = a.iter().flat_map(|clip| clip.iter());
        let first = of_a.next()?;
        if of_a.all(|value| value == first) {
            return None;
        }
        let scores = |choice: ScoreChoice| -> Vec<Vec<f64>> {
            let clip = |((a, motion), place): ((&&[f64], &&[f64]), &&[f64])| {
                let frames = a.iter().zip(*motion).zip(*place);
                frames.map(|((&a, &motion), &place)| combined(choice, [a, motion, place])).collect()
            };
            a.iter().zip(motion).zip(place).map(clip).collect()
        };
        Some(WithAndWithout { with: scores(ScoreChoice::S), without: scores(ScoreChoice::FlowPlace) })
    }

    /// How many of the highest hundredth of frames are among the highest without the network too, as a share; `None` with fewer than ten
    /// frames to a hundredth.
    pub(super) fn same_highest(&self) -> Option<f64> {
        let frames: usize = self.with.iter().map(Vec::len).sum();
        let count = (frames as f64 * HIGHEST) as usize;
        if count < LEAST_HIGHEST {
            return None;
        }
        let highest = |scores: &[Vec<f64>]| {
            let all = scores.concat();
            let mut order: Vec<usize> = (0..all.len()).collect();
            order.sort_by(|&a, &b| all[b].total_cmp(&all[a]).then(a.cmp(&b)));
            order.truncate(count);
            order.sort_unstable();
            order
        };
        let (with, without) = (highest(&self.with), highest(&self.without));
        let same = with.iter().filter(|frame| without.binary_search(frame).is_ok()).count();
        Some(same as f64 / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_scores_by_hand_and_none_without_a_network() {
        let (a, motion, place): (&[f64], &[f64], &[f64]) = (&[4.0, 0.0], &[2.0, 2.0], &[1.0, -1.0]);
        let found = WithAndWithout::from_terms(&[a], &[motion], &[place]).expect("a changes");
        assert_eq!((found.with, found.without), (vec![vec![5.0, 1.0]], vec![vec![3.0, 1.0]]));
        assert!(WithAndWithout::from_terms(&[&[0.0, 0.0]], &[motion], &[place]).is_none());
        assert!(WithAndWithout::from_terms(&[], &[], &[]).is_none());
    }

    #[test]
    fn the_highest_hundredth_is_compared() {
        let rising: Vec<f64> = (0..1000).map(f64::from).collect();
        let mut other = rising.clone();
        other[995..].fill(-1.0);
        let found = WithAndWithout { with: vec![rising.clone()], without: vec![other] };
        assert_eq!(found.same_highest(), Some(0.5), "990 to 994 of 990 to 999");
        let few = WithAndWithout { with: vec![rising[..999].to_vec()], without: vec![rising[..999].to_vec()] };
        assert_eq!(few.same_highest(), None);
    }
}
