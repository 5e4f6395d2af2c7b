//! The score of one clip over time: curve, truth, threshold, alarms.

use super::svg::Reach;
use super::{Axis, COLUMNS, Plot, clock, thin};

/// Up to this many bands or alarms tell their frames to whoever points at them.
const WORDED: usize = 40;

/// What is drawn of a clip. Slices have one item a frame.
#[derive(Clone, Copy, Debug)]
pub struct ScoreCurve<'a> {
    /// The clip's name.
    pub clip: &'a str,
    /// Calibrated scores.
    pub scores: &'a [f64],
    /// Seconds since the clip's start, where known; never falling.
    pub times: Option<&'a [f64]>,
    /// 1 = anomalous, where known.
    pub truth: Option<&'a [u8]>,
    /// The score above which a frame is an alarm.
    pub threshold: Option<f64>,
    /// Lowest and highest score of the drawing; what lies beyond is drawn on the edge.
    pub range: (f64, f64),
    /// Height between the axes in CSS pixels.
    pub height: u32,
}

/// The curve with truth shaded, the threshold dashed and alarms marked along the lower edge.
///
/// # Panics
/// If `times` or `truth` are shorter than `scores`.
pub fn score_curve(curve: &ScoreCurve<'_>) -> Plot {
    let count = curve.scores.len();
    let at = |i: usize| curve.times.map_or(i as f64, |times| times[i]);
    // A frame lasts until the next one, so the last one needs room too.
    let (first, last) = (if count > 0 { at(0) } else { 0.0 }, if count > 0 { at(count - 1) } else { 1.0 });
    let frame = if count > 1 { (last - first) / (count - 1) as f64 } else { 1.0 };
    // Small multiples say once, in words beside them, what their axes count.
    let label = |words| if curve.height >= 150 { words } else { "" };
    let x = match curve.times {
        Some(_) => Axis::time(first, last + frame, 6, label("time")),
        None => Axis::whole(first, last + frame, 6, label("frame")),
    };
    let y = Axis::linear(curve.range.0, curve.range.1, (curve.height / 28).max(2) as usize, label("score"));
    let mut plot = Plot::new(&format!("Score of {} over {count} frames", curve.clip), curve.height, x, y);
    let until = |i: usize| if i + 1 < count { at(i + 1) } else { last + frame };
    let words = |what: &str, from: usize, to: usize| match curve.times {
        Some(times) => format!("{what}: {} to {}, frames {from} to {to}", clock(times[from]), clock(times[to])),
        None => format!("{what}: frames {from} to {to}"),
    };
    let columns = if curve.height >= 150 { COLUMNS } else { COLUMNS / 3 };
    let truth = thin::runs(curve.truth.unwrap_or(&[]).iter().take(count).map(|&label| label == 1), columns);
    if truth.len() > WORDED {
        plot.many("truth", truth.iter().map(|&(from, to)| (at(from), until(to))), Reach::Whole);
    } else {
        truth.iter().for_each(|&(from, to)| plot.band("truth", at(from), until(to), &words("anomalous", from, to)));
    }
    let points: Vec<(f64, f64)> = curve.scores.iter().enumerate().map(|(i, &score)| (at(i), score)).collect();
    plot.curve("curve", &thin::curve(&points, columns));
    if let Some(threshold) = curve.threshold {
        plot.level("threshold", threshold);
        let alarms = thin::runs(curve.scores.iter().map(|&score| score > threshold), columns);
        if alarms.len() > WORDED {
            plot.many("alarm", alarms.iter().map(|&(from, to)| (at(from), until(to))), Reach::Lane);
        } else {
            alarms.iter().for_each(|&(from, to)| plot.lane("alarm", at(from), until(to), &words("alarm", from, to)));
        }
    }
    plot
}

#[cfg(test)]
mod tests {
    use super::super::svg::check_well_formed;
    use super::*;

    fn curve<'a>(scores: &'a [f64], truth: &'a [u8]) -> ScoreCurve<'a> {
        ScoreCurve { clip: "a<b", scores, times: None, truth: Some(truth), threshold: Some(2.0), range: (0.0, 5.0), height: 150 }
    }

    #[test]
    fn truth_and_alarms_stand_where_they_belong() {
        let text = score_curve(&curve(&[0.0, 1.0, 3.0, 4.0], &[0, 0, 1, 0])).inline();
        assert!(check_well_formed(&text).is_ok());
        assert!(text.contains(r#"<rect class="truth" x="500.0" y="0.0" width="250.0""#), "{text}");
        assert!(text.contains("<title>alarm: frames 2 to 3</title>") && text.contains("anomalous: frames 2 to 2"));
        assert!(text.contains("Score of a&lt;b over 4 frames"));
    }

    #[test]
    fn three_hours_of_video_stay_small() {
        let count = 3 * 3600 * 25;
        let scores: Vec<f64> = (0..count).map(|i| f64::from(i % 911) / 150.0).collect();
        let truth: Vec<u8> = (0..count).map(|i| u8::from(i % 37 < 9)).collect();
        let times: Vec<f64> = (0..count).map(|i| f64::from(i) / 25.0).collect();
        let text = score_curve(&ScoreCurve { times: Some(&times), ..curve(&scores, &truth) }).inline();
        assert!(text.len() < 90_000, "{}", text.len());
        assert!(text.contains(">1:00:00<"));
        assert!(check_well_formed(&text).is_ok());
    }

    #[test]
    fn empty_and_single_frames_draw_something() {
        for scores in [&[][..], &[1.0][..], &[f64::NAN, f64::INFINITY][..]] {
            assert!(check_well_formed(&score_curve(&curve(scores, &[])).inline()).is_ok());
        }
    }
}
