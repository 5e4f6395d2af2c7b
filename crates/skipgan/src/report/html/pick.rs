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
/// Frames of one clip and kind at most, where there are clips enough.
const OF_ONE_CLIP: usize = 2;

/// Up to `each` hits, misses and false alarms, the most telling first; where no clip has labels, twice as many of the highest scores.
pub fn pick_moments(clips: &[ClipResult], each: usize) -> Vec<Chosen> {
    if clips.iter().all(|clip| clip.labels.is_none()) {
        return extremes(clips, MomentKind::Highest, None, -1.0, 2 * each);
    }
    let kinds = [(MomentKind::Hit, 1, -1.0), (MomentKind::Miss, 1, 1.0), (MomentKind::FalseAlarm, 0, -1.0)];
    kinds.into_iter().flat_map(|(kind, label, sign)| extremes(clips, kind, Some(label), sign, each)).collect()
}

/// The frames with that label (`None`: all) whose `sign` times score is lowest.
fn extremes(clips: &[ClipResult], kind: MomentKind, label: Option<u8>, sign: f64, each: usize) -> Vec<Chosen> {
    let mut frames: Vec<Chosen> = Vec::new();
    for (clip, result) in clips.iter().enumerate() {
        let is_wanted = |frame: usize| label.is_none() || result.labels.as_ref().and_then(|labels| labels.get(frame).copied()) == label;
        let of_kind = result.scores.iter().enumerate().skip(result.warmup);
        let of_kind = of_kind.filter(|&(frame, score)| score.is_finite() && is_wanted(frame));
        frames.extend(of_kind.map(|(frame, &score)| Chosen { kind, clip, frame, score }));
    }
    frames.sort_by(|a, b| (sign * a.score).total_cmp(&(sign * b.score)).then((a.clip, a.frame).cmp(&(b.clip, b.frame))));
    let of_one_clip = each.div_ceil(clips.len().max(1)).max(OF_ONE_CLIP);
    let mut chosen: Vec<Chosen> = Vec::new();
    for frame in frames {
        if chosen.len() >= each {
            break;
        }
        let same = || chosen.iter().filter(|other| other.clip == frame.clip);
        if same().count() < of_one_clip && same().all(|other| other.frame.abs_diff(frame.frame) >= APART) {
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
    }

    #[test]
    fn without_labels_the_highest_scores_are_shown() {
        let scores: Vec<f64> = (0..200).map(f64::from).collect();
        let chosen = pick_moments(&[ClipResult { scores, warmup: 2, ..ClipResult::default() }], 2);
        assert!(chosen.iter().all(|chosen| chosen.kind == MomentKind::Highest));
        assert_eq!(chosen.iter().map(|chosen| chosen.frame).collect::<Vec<_>>(), [199, 179, 159, 139]);
        assert!(pick_moments(&[ClipResult { scores: vec![1.0], warmup: 1, ..ClipResult::default() }], 3).is_empty());
    }
}
