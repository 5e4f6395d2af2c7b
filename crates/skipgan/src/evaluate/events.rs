//! False alarms an hour and detected events: what the alarms of a detector are worth to whoever has to answer them.
//!
//! An alarm event is what [`crate::alarm_events`] says: frames with `alarm` 1, those less than two seconds apart taken for one. A true event
//! is a run of label 1, gaps under a second closed; it is detected where an alarm event has a frame in common with it. An alarm event that
//! has none in common with any true event is false. False alarms are counted against the time of the frames with label 0.

use super::report::Evaluation;
use crate::alarm_events::{Clock, Event, MERGE_SECONDS, NOMINAL_FRAMES_PER_SECOND, Threshold, events};
use serde::{Deserialize, Serialize};

/// Label gaps shorter than this belong to the event around them, in seconds.
pub const CLOSED_GAP_SECONDS: f64 = 1.0;

/// The alarms of one clip.
///
/// # Shapes
/// One item a frame in each.
#[derive(Clone, Copy, Debug)]
pub struct ClipAlarms<'a> {
    /// Whether the frame is an alarm.
    pub alarms: &'a [bool],
    /// 0 normal, 1 anomalous.
    pub labels: &'a [u8],
    /// Seconds since the clip's start, rising; without them 25 frames are a second.
    pub seconds: Option<&'a [f64]>,
}

/// What the alarms are worth; `None` has its reason in the evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmRecord {
    /// Where time comes from.
    pub time: Clock,
    /// The threshold that the alarms were raised by, where it is known.
    pub threshold: Option<Threshold>,
    /// Alarm events in all.
    pub n_alarm_events: usize,
    /// Those that meet no true event.
    pub n_false_alarms: usize,
    /// Hours of frames with label 0.
    pub normal_hours: Option<f64>,
    /// Frames with label 0.
    pub n_normal_frames: usize,
    /// False alarms an hour of them.
    pub false_alarms_per_hour: Option<f64>,
    /// False alarms per 1,000 of them.
    pub false_alarms_per_1000_frames: Option<f64>,
    /// True events.
    pub n_true_events: usize,
    /// Those that an alarm event meets.
    pub n_detected_events: usize,
}

/// Counts alarms against labels. `clock` is where the clips' times come from; without times in every clip it is [`Clock::Frames`].
pub fn judge_alarms(clips: &[ClipAlarms<'_>], clock: Clock, threshold: Option<Threshold>) -> AlarmRecord {
    let time = if clips.iter().all(|clip| clip.seconds.is_some()) { clock } else { Clock::Frames };
    let mut record = AlarmRecord {
        time,
        threshold,
        n_alarm_events: 0,
        n_false_alarms: 0,
        normal_hours: None,
        n_normal_frames: 0,
        false_alarms_per_hour: None,
        false_alarms_per_1000_frames: None,
        n_true_events: 0,
        n_detected_events: 0,
    };
    let mut normal_seconds = 0.0;
    for clip in clips {
        let own = clip.seconds.filter(|_| time != Clock::Frames);
        let at = |frame: usize| own.map_or(frame as f64 / NOMINAL_FRAMES_PER_SECOND, |seconds| seconds[frame]);
        let anomalous: Vec<bool> = clip.labels.iter().map(|&label| label == 1).collect();
        let alarms = events(clip.alarms, MERGE_SECONDS, at);
        let truth = events(&anomalous, CLOSED_GAP_SECONDS, at);
        let meets = |event: &&Event, others: &[Event]| others.iter().any(|other| event.overlaps(other));
        record.n_alarm_events += alarms.len();
        record.n_false_alarms += alarms.iter().filter(|event| !meets(event, &truth)).count();
        record.n_true_events += truth.len();
        record.n_detected_events += truth.iter().filter(|event| meets(event, &alarms)).count();
        record.n_normal_frames += anomalous.iter().filter(|anomalous| !**anomalous).count();
        normal_seconds += seconds_of_normal(&anomalous, at);
    }
    if record.n_normal_frames > 0 {
        record.false_alarms_per_1000_frames = Some(1000.0 * record.n_false_alarms as f64 / record.n_normal_frames as f64);
    }
    if time != Clock::Frames && normal_seconds > 0.0 {
        let hours = normal_seconds / 3600.0;
        record.normal_hours = Some(hours);
        record.false_alarms_per_hour = Some(record.n_false_alarms as f64 / hours);
    }
    record
}

/// How long the normal frames of a clip last: each until the next, the last as long as the others on average.
fn seconds_of_normal(anomalous: &[bool], at: impl Fn(usize) -> f64) -> f64 {
    let Some(last) = anomalous.len().checked_sub(1) else { return 0.0 };
    let mean = if last > 0 { (at(last) - at(0)) / last as f64 } else { 0.0 };
    let lasts = |frame: usize| if frame < last { at(frame + 1) - at(frame) } else { mean };
    (0..=last).filter(|&frame| !anomalous[frame]).map(lasts).map(|seconds| seconds.max(0.0)).sum()
}

impl Evaluation {
    /// With what its alarms are worth, and the reasons for what that leaves open.
    #[must_use]
    pub fn with_alarms(mut self, record: AlarmRecord) -> Evaluation {
        self.null_reasons.remove("alarms");
        let mut unless = |known: bool, key: &str, reason: &str| {
            if !known {
                self.null_reasons.insert(format!("alarms.{key}"), reason.to_owned());
            }
        };
        let time = if record.n_normal_frames == 0 { "no frame is normal" } else { "the scores have no times; --fps gives them some" };
        unless(record.normal_hours.is_some(), "normal_hours", time);
        unless(record.false_alarms_per_hour.is_some(), "false_alarms_per_hour", time);
        unless(record.false_alarms_per_1000_frames.is_some(), "false_alarms_per_1000_frames", "no frame is normal");
        unless(record.threshold.is_some(), "threshold", "the score file's .meta.json does not say, or is missing");
        self.alarms = Some(record);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(frames: usize, ranges: &[std::ops::RangeInclusive<usize>]) -> Vec<bool> {
        (0..frames).map(|frame| ranges.iter().any(|range| range.contains(&frame))).collect()
    }

    fn labels(frames: usize, ranges: &[std::ops::RangeInclusive<usize>]) -> Vec<u8> {
        flags(frames, ranges).into_iter().map(u8::from).collect()
    }

    #[test]
    fn events_and_rates_by_hand() {
        // Ten frames a second for 60 s. Truth: 10–12 s with a gap of half a second, 30 s, 50 s.
        let truth = labels(600, &[100..=110, 115..=120, 300..=310, 500..=510]);
        // Alarms: one that ends in the first event, two blinks in the second, none in the third, a false one of two parts, a false one alone.
        let alarms = flags(600, &[95..=101, 302..=302, 309..=309, 400..=401, 419..=420, 200..=200]);
        let seconds: Vec<f64> = (0..600).map(|frame| frame as f64 / 10.0).collect();
        let clip = ClipAlarms { alarms: &alarms, labels: &truth, seconds: Some(&seconds) };
        let found = judge_alarms(&[clip], Clock::Pts, None);
        assert_eq!((found.n_true_events, found.n_detected_events), (3, 2));
        assert_eq!((found.n_alarm_events, found.n_false_alarms), (4, 2));
        assert_eq!(found.n_normal_frames, 600 - 11 - 6 - 11 - 11);
        let hours = 56.1 / 3600.0;
        assert!((found.normal_hours.expect("timed") - hours).abs() < 1e-9);
        assert!((found.false_alarms_per_hour.expect("timed") - 2.0 / hours).abs() < 1e-6);
        assert!((found.false_alarms_per_1000_frames.expect("normal frames") - 2000.0 / 561.0).abs() < 1e-9);
    }

    #[test]
    fn without_times_frames_are_counted() {
        let (alarms, truth) = (flags(100, &[10..=12, 62..=63, 90..=90]), labels(100, &[]));
        let timed: Vec<f64> = (0..100).map(f64::from).collect();
        let one = ClipAlarms { alarms: &alarms, labels: &truth, seconds: None };
        let found = judge_alarms(&[one, ClipAlarms { seconds: Some(&timed), ..one }], Clock::Pts, None);
        assert_eq!((found.time, found.false_alarms_per_hour, found.normal_hours), (Clock::Frames, None, None));
        assert_eq!(found.n_false_alarms, 4, "two in each clip: 50 frames apart are two events, 27 are one");
        assert_eq!(found.false_alarms_per_1000_frames, Some(20.0));
    }

    #[test]
    fn wholly_anomalous_footage_has_no_rate() {
        let found = judge_alarms(&[ClipAlarms { alarms: &[true; 3], labels: &[1; 3], seconds: Some(&[0.0, 0.1, 0.2]) }], Clock::Pts, None);
        assert_eq!((found.n_detected_events, found.n_false_alarms, found.false_alarms_per_hour), (1, 0, None));
        assert_eq!(found.false_alarms_per_1000_frames, None);
        let evaluation = Evaluation::default().with_alarms(found);
        assert!(evaluation.null_reasons["alarms.false_alarms_per_hour"].contains("no frame is normal"));
    }
}
