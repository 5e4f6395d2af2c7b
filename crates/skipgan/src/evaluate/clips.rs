//! What is evaluated: clips with one score and one label a frame, and the checks they must pass before any number is computed.

use super::error::EvaluateError;

/// The scores and labels of one clip.
///
/// # Shapes
/// `scores` and `labels` have one item a frame.
#[derive(Clone, Copy, Debug)]
pub struct ClipScores<'a> {
    /// The clip's name, used in messages and in the report.
    pub name: &'a str,
    /// Higher is more anomalous; any finite `f64`.
    pub scores: &'a [f64],
    /// 0 normal, 1 anomalous.
    pub labels: &'a [u8],
}

/// Refuses what no number may be computed from (EVALUATION §1.8), in the order in which the reference does.
///
/// # Errors
/// The first fault: no clips, and per clip lengths that differ, no frames, a score that is not finite, a label other than 0 and 1.
pub fn check(clips: &[ClipScores<'_>]) -> Result<(), EvaluateError> {
    if clips.is_empty() {
        return Err(EvaluateError::NoClips);
    }
    clips.iter().try_for_each(check_clip)
}

fn check_clip(clip: &ClipScores<'_>) -> Result<(), EvaluateError> {
    let name = || clip.name.to_owned();
    let (scores, labels) = (clip.scores.len(), clip.labels.len());
    if scores != labels {
        return Err(EvaluateError::LengthMismatch { clip: name(), scores, labels });
    }
    if scores == 0 {
        return Err(EvaluateError::EmptyClip { clip: name() });
    }
    if let Some(frame) = clip.scores.iter().position(|score| !score.is_finite()) {
        return Err(EvaluateError::NonFiniteScore { clip: name(), frame, value: clip.scores[frame] });
    }
    if let Some(frame) = clip.labels.iter().position(|&label| label > 1) {
        return Err(EvaluateError::BadLabel { clip: name(), frame, value: clip.labels[frame] });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_clip_and_frame() {
        let clip = ClipScores { name: "Test003", scores: &[0.1, f64::NAN], labels: &[0, 1] };
        let message = check(&[clip]).unwrap_err().to_string();
        assert!(message.contains("Test003") && message.contains("frame 1"), "{message}");
    }
}
