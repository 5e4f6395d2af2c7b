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
    /// The score at or above which a frame counts towards an alarm.
    pub threshold: Option<f64>,
    /// Whether each frame is an alarm, where known.
    pub alarms: Option<&'a [bool]>,
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
    let (x, y) = curve.axes();
    let mut plot = Plot::new(&format!("Score of {} over {count} frames", curve.clip), curve.height, x, y);
    let truth = curve.truth.unwrap_or(&[]).iter().take(count).map(|&label| label == 1);
    curve.shade(&mut plot, ("truth", "anomalous"), Reach::Whole, &thin::runs(truth, curve.columns()));
    let points: Vec<(f64, f64)> = curve.scores.iter().enumerate().map(|(i, &score)| (curve.at(i), score)).collect();
    plot.curve("curve", &thin::curve(&points, curve.columns()));
    if let Some(threshold) = curve.threshold {
        plot.level("threshold", threshold);
    }
    let alarms = curve.alarms.unwrap_or(&[]).iter().take(count).copied();
    curve.shade(&mut plot, ("alarm", "alarm"), Reach::Lane, &thin::runs(alarms, curve.columns()));
    plot
}

impl ScoreCurve<'_> {
    /// Whether it is one of many small ones, which say once, in words beside them, what their axes count.
    fn small(&self) -> bool {
        self.height < 150
    }

    fn columns(&self) -> usize {
        if self.small() { COLUMNS / 3 } else { COLUMNS }
    }

    /// Where frame `i` begins.
    fn at(&self, i: usize) -> f64 {
        self.times.map_or(i as f64, |times| times[i])
    }

    /// Where frame `i` ends: where the next one begins, or a mean frame after the last one.
    fn until(&self, i: usize) -> f64 {
        let count = self.scores.len();
        if i + 1 < count {
            return self.at(i + 1);
        }
        let frame = if count > 1 { (self.at(count - 1) - self.at(0)) / (count - 1) as f64 } else { 1.0 };
        if count > 0 { self.at(count - 1) + frame } else { 1.0 }
    }

    fn axes(&self) -> (Axis, Axis) {
        let label = |words| if self.small() { "" } else { words };
        let (first, end) = (if self.scores.is_empty() { 0.0 } else { self.at(0) }, self.until(self.scores.len().max(1) - 1));
        let x = match self.times {
            Some(_) => Axis::time(first, end, 6, label("time")),
            None => Axis::whole(first, end, 6, label("frame")),
        };
        (x, Axis::linear(self.range.0, self.range.1, (self.height / 28).max(2) as usize, label("score")))
    }

    /// Runs of frames as bands or marks; few of them tell their frames.
    fn shade(&self, plot: &mut Plot, (class, what): (&str, &str), reach: Reach, runs: &[(usize, usize)]) {
        if runs.len() > WORDED {
            return plot.many(class, runs.iter().map(|&(from, to)| (self.at(from), self.until(to))), reach);
        }
        for &(from, to) in runs {
            let words = match self.times {
                Some(times) => format!("{what}: {} to {}, frames {from} to {to}", clock(times[from]), clock(times[to])),
                None => format!("{what}: frames {from} to {to}"),
            };
            match reach {
                Reach::Whole => plot.band(class, self.at(from), self.until(to), &words),
                Reach::Lane => plot.lane(class, self.at(from), self.until(to), &words),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::svg::check_well_formed;
    use super::*;

    const ALARMS: [bool; 4] = [false, false, true, true];

    fn curve<'a>(scores: &'a [f64], truth: &'a [u8]) -> ScoreCurve<'a> {
        ScoreCurve {
            clip: "a<b",
            scores,
            times: None,
            truth: Some(truth),
            threshold: Some(2.0),
            alarms: Some(&ALARMS),
            range: (0.0, 5.0),
            height: 150,
        }
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
