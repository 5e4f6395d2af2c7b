//! Which part of the training footage is held out for validation and calibration (docs/method.md, "held out").
//!
//! Clips stay in the order in which they lie on disk. Four or more: every fifth (the 4th, 9th, 14th …) is kept out whole. Fewer: the last
//! fifth of each, at least 30 frames, at most half, after a gap of 10 frames that nobody sees. Stills: every fifth.

use crate::data::DataError;
use crate::words::counted;
use serde::{Deserialize, Serialize};

/// Least number of frames in all.
pub const LEAST_FRAMES: usize = 60;
/// Least held-out frames of a clip that is cut, where half of it allows.
const LEAST_HELD_OUT: usize = 30;
/// Frames between the two parts of a clip that is cut.
const GAP: usize = 10;

/// A run of frames of one clip: `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Index of the clip.
    pub clip: usize,
    /// First frame.
    pub start: usize,
    /// The frame after the last.
    pub end: usize,
}

impl Span {
    /// Number of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// What is trained on, and what is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Trained on.
    pub train: Vec<Span>,
    /// Held out.
    pub held_out: Vec<Span>,
}

impl Split {
    /// One sentence for the log: how much of what.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |spans: &[Span]| (spans.iter().map(Span::frames).sum::<usize>(), spans.len());
        let ((train, train_spans), (held, held_spans)) = (count(&self.train), count(&self.held_out));
        let told = |frames: usize, clips: usize| format!("{} of {}", counted(frames, "frame"), counted(clips, "clip"));
        format!("trained on: {}; held out: {}", told(train, train_spans), told(held, held_spans))
    }
}

/// Splits clips of these numbers of frames, of which a window takes `history`: no held-out window reaches into what was trained on.
/// Stills are clips of one frame: they fall under "four or more" of themselves.
///
/// # Errors
/// [`DataError::TooFewFrames`] under 60 frames in all, or where one of the parts would be empty.
pub fn hold_out(frames: &[usize], history: usize) -> Result<Split, DataError> {
    let gap = GAP.max(history);
    let total = frames.iter().fold(0usize, |sum, &n| sum.saturating_add(n));
    let too_few = DataError::TooFewFrames { frames: total, least: LEAST_FRAMES };
    if total < LEAST_FRAMES {
        return Err(too_few);
    }
    let clips = frames.iter().enumerate().filter(|&(_, &n)| n > 0);
    let whole_clips = clips.clone().count() >= 4;
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for (order, (clip, &n)) in clips.enumerate() {
        if whole_clips {
            let part = if order % 5 == 3 { &mut held_out } else { &mut train };
            part.push(Span { clip, start: 0, end: n });
            continue;
        }
        let held = (n / 5).max(LEAST_HELD_OUT).min(n / 2);
        train.push(Span { clip, start: 0, end: n.saturating_sub(held + gap) });
        held_out.push(Span { clip, start: n - held, end: n });
    }
    train.retain(|span| span.frames() > 0);
    held_out.retain(|span| span.frames() > 0);
    if train.is_empty() || held_out.is_empty() {
        return Err(too_few);
    }
    Ok(Split { train, held_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_fifth_clip_from_the_fourth_is_kept_out() {
        let split = hold_out(&[50; 16], 1).expect("800 frames");
        assert_eq!(split.held_out.iter().map(|s| s.clip).collect::<Vec<_>>(), [3, 8, 13]);
        assert_eq!(split.train.len(), 13);
        assert_eq!(hold_out(&[20; 4], 1).expect("80 frames").held_out, [Span { clip: 3, start: 0, end: 20 }]);
    }

    #[test]
    fn fewer_than_four_clips_are_cut_after_a_gap() {
        let split = hold_out(&[1000, 100, 50], 1).expect("1150 frames");
        let spans = |spans: &[Span]| spans.iter().map(|s| (s.clip, s.start, s.end)).collect::<Vec<_>>();
        assert_eq!(spans(&split.held_out), [(0, 800, 1000), (1, 70, 100), (2, 25, 50)]);
        assert_eq!(spans(&split.train), [(0, 0, 790), (1, 0, 60), (2, 0, 15)]);
    }

    #[test]
    fn stills_are_held_out_one_in_five() {
        let split = hold_out(&[1; 60], 1).expect("60 stills");
        assert_eq!((split.train.len(), split.held_out.len()), (48, 12));
    }

    #[test]
    fn under_60_frames_is_an_error_that_says_so() {
        let message = hold_out(&[30, 29], 1).expect_err("59 frames").to_string();
        assert!(message.contains("59") && message.contains("60"), "{message}");
        assert!(hold_out(&[60], 1).is_ok());
        assert!(hold_out(&[], 1).is_err());
    }

    proptest! {
        #[test]
        fn parts_never_overlap_and_lie_inside(frames in proptest::collection::vec(0usize..300, 1..40)) {
            let Ok(split) = hold_out(&frames, 1) else { return Ok(()); };
            for span in split.train.iter().chain(&split.held_out) {
                prop_assert!(span.start < span.end && span.end <= frames[span.clip]);
            }
            for kept in &split.held_out {
                for seen in split.train.iter().filter(|seen| seen.clip == kept.clip) {
                    prop_assert!(seen.end + 10 <= kept.start);
                }
            }
        }
    }
}
