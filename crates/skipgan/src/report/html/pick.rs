//! Which frames are worth looking at: the extremes of both kinds of error, spread over clips and time.

use super::input::{ClipResult, MomentKind};

/// A frame chosen, before its pictures are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// Why.
    pub kind: MomentKind,
    /// Number of its clip in the order given.
    pub clip: usize,
    /// Its 0-based number.
    pub frame: usize,
    /// Its score.
    pub score: f64,
}

/// Frames between two chosen ones of a clip: neighbours look the same.
const APART: usize = 20;
/// Frames of one clip and kind at most.
const OF_ONE_CLIP: usize = 2;

/// Up to `each` hits, misses and false alarms, the most telling first. Clips without labels give none.
pub fn pick_moments(clips: &[ClipResult], each: usize) -> Vec<Chosen> {
    let kinds = [(MomentKind::Hit, 1, -1.0), (MomentKind::Miss, 1, 1.0), (MomentKind::FalseAlarm, 0, -1.0)];
    kinds.into_iter().flat_map(|(kind, label, sign)| extremes(clips, kind, label, sign, each)).collect()
}

fn extremes(clips: &[ClipResult], kind: MomentKind, label: u8, sign: f64, each: usize) -> Vec<Chosen> {
    let mut frames: Vec<Chosen> = Vec::new();
    for (clip, result) in clips.iter().enumerate() {
        let labels = result.labels.as_deref().unwrap_or(&[]);
        let of_kind = result.scores.iter().zip(labels).enumerate();
        let of_kind = of_kind.skip(result.warmup).filter(|(_, (score, found))| **found == label && score.is_finite());
        frames.extend(of_kind.map(|(frame, (&score, _))| Chosen { kind, clip, frame, score }));
    }
    frames.sort_by(|a, b| (sign * a.score).total_cmp(&(sign * b.score)).then((a.clip, a.frame).cmp(&(b.clip, b.frame))));
    let mut chosen: Vec<Chosen> = Vec::new();
    for frame in frames {
        if chosen.len() >= each {
            break;
        }
        let same = || chosen.iter().filter(|other| other.clip == frame.clip);
        if same().count() < OF_ONE_CLIP && same().all(|other| other.frame.abs_diff(frame.frame) >= APART) {
            chosen.push(frame);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_spread_over_clips_and_time() {
        let clip = |peak: usize| ClipResult {
            scores: (0..100).map(|i| 10.0 - (i as f64 - peak as f64).abs() / 10.0).collect(),
            labels: Some((0..100).map(|i| u8::from(i >= 30)).collect()),
            warmup: 10,
            ..ClipResult::default()
        };
        let chosen = pick_moments(&[clip(50), clip(90)], 3);
        let of = |kind| chosen.iter().filter(|c| c.kind == kind).map(|c| (c.clip, c.frame)).collect::<Vec<_>>();
        assert_eq!(of(MomentKind::Hit), [(0, 50), (1, 90), (0, 30)]);
        assert_eq!(of(MomentKind::FalseAlarm), [(0, 29), (1, 29)]);
        assert_eq!(of(MomentKind::Miss), [(1, 30), (0, 99), (1, 50)]);
        assert!(pick_moments(&[ClipResult { scores: vec![1.0], ..ClipResult::default() }], 3).is_empty());
    }
}
