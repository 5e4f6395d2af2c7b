//! The interval of a frame metric by drawing whole clips with replacement (EVALUATION §4).
//!
//! Frames of a clip are not independent, so neither single frames nor DeLong's formula give an honest interval. Frames are sorted once;
//! a draw only changes how often each clip counts, so 2,000 draws are 2,000 walks over the sorted list.

use super::clips::ClipScores;
use super::frame::{FrameMetrics, Ranking, falling};
use super::split_mix::SplitMix64;

/// The stream of draws: C clips of C, with replacement.
#[derive(Clone, Debug)]
pub struct ClipDraws {
    source: SplitMix64,
    clips: usize,
}

impl ClipDraws {
    /// Draws of `clips` clips from `seed`.
    pub fn new(clips: usize, seed: u64) -> Self {
        Self { source: SplitMix64::new(seed), clips }
    }

    /// The next draw: `clips` indices.
    pub fn draw(&mut self) -> Vec<usize> {
        (0..self.clips).map(|_| self.source.below(self.clips)).collect()
    }
}

/// The frame metrics of every draw.
#[derive(Clone, Debug, Default)]
pub struct ClipBootstrap {
    /// One item a kept draw; both classes are present in each.
    pub values: Vec<FrameMetrics>,
    /// The kept draws, as clip indices.
    pub draws: Vec<Vec<usize>>,
    /// Draws that held one class only and were drawn again.
    pub redraws: u64,
}

impl ClipBootstrap {
    /// Draws `count` times. `None` if a class is missing altogether, or practically never drawn (100 redraws a draw).
    ///
    /// # Shapes
    /// The clips passed [`super::clips::check`].
    pub fn run(clips: &[ClipScores<'_>], count: usize, seed: u64) -> Option<Self> {
        let sorted = SortedFrames::new(clips);
        let mut draws = ClipDraws::new(clips.len(), seed);
        let mut times = vec![0u64; clips.len()];
        let mut ranking = Ranking::default();
        let mut result = Self::default();
        if !sorted.has_both_classes() {
            return None;
        }
        while result.values.len() < count {
            let draw = draws.draw();
            times.fill(0);
            draw.iter().for_each(|&clip| times[clip] += 1);
            sorted.rank(&times, &mut ranking);
            if ranking.has_both_classes() {
                result.values.push(ranking.metrics());
                result.draws.push(draw);
            } else {
                result.redraws += 1;
                if result.redraws > 100 * count as u64 {
                    return None;
                }
            }
        }
        Some(result)
    }

    /// The 2.5 % and 97.5 % quantiles of one metric over the draws; `None` without draws.
    pub fn interval(&self, metric: impl Fn(&FrameMetrics) -> Option<f64>) -> Option<[f64; 2]> {
        let mut values: Vec<f64> = self.values.iter().filter_map(metric).collect();
        values.sort_unstable_by(f64::total_cmp);
        Some([quantile(&values, 0.025)?, quantile(&values, 1.0 - 0.025)?])
    }
}

/// All frames in falling order of score, with where they come from.
struct SortedFrames {
    frames: Vec<(f64, u32, u8)>,
}

impl SortedFrames {
    fn new(clips: &[ClipScores<'_>]) -> Self {
        let mut frames: Vec<(f64, u32, u8)> = Vec::new();
        for (index, clip) in clips.iter().enumerate() {
            frames.extend(clip.scores.iter().zip(clip.labels).map(|(&score, &label)| (score, index as u32, label)));
        }
        frames.sort_by(|a, b| falling(a.0, b.0));
        Self { frames }
    }

    fn has_both_classes(&self) -> bool {
        self.frames.iter().any(|frame| frame.2 == 1) && self.frames.iter().any(|frame| frame.2 == 0)
    }

    /// The ranking in which clip c counts `times[c]` times.
    fn rank(&self, times: &[u64], ranking: &mut Ranking) {
        ranking.clear();
        for &(score, clip, label) in &self.frames {
            let weight = times[clip as usize];
            let anomalous = weight * u64::from(label);
            ranking.push(score, anomalous, weight - anomalous);
        }
    }
}

/// Quantile of sorted values, linear between neighbours (type 7); `None` without values.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = last as f64 * share;
    let low = (position.floor() as usize).min(last);
    let high = (low + 1).min(last);
    Some(sorted[low] + (position - low as f64) * (sorted[high] - sorted[low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_linear_between_neighbours() {
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[0.0, 1.0], 0.25), Some(0.25));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn without_normal_frames_there_is_no_interval() {
        let clip = ClipScores { name: "a", scores: &[0.1, 0.2], labels: &[1, 1] };
        assert!(ClipBootstrap::run(&[clip], 10, 0).is_none());
    }
}
