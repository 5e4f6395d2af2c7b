//! What an alarm is, in one place: the rule that a stream of scores goes through, the events that its alarms make up, and the clock by
//! which events are counted. Plain data and plain arrays, open to every folder.
//!
//! A frame is an alarm where at least two of the last three analysed frames, itself among them, score at the threshold or above: a single
//! odd frame is none, and no frame waits for a later one. Alarms less than two seconds apart are one event. [`crate::score::threshold`]
//! fits the threshold to a wanted rate of such events, [`crate::evaluate::events`] counts them against the truth.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Analysed frames that the rule looks back on, the newest among them.
const LOOKED_AT: usize = 3;
/// How many of them must reach the threshold.
const AT_LEAST: u8 = 2;
/// Alarms less than this apart are one event, in seconds.
pub const MERGE_SECONDS: f64 = 2.0;
/// What a frame is taken to last where nothing says it: a 25th of a second.
pub const NOMINAL_FRAMES_PER_SECOND: f64 = 25.0;

/// Where the time of frames comes from, and with it what a rate of alarms counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The footage's own time stamps: alarms an hour.
    Pts,
    /// The rate that the user named (`--fps`): alarms an hour.
    Fps,
    /// Nothing: alarms per 1,000 frames. Where seconds are needed, 25 frames are one.
    Frames,
}

impl Clock {
    /// What rates count by, in words.
    pub fn unit(self) -> &'static str {
        match self {
            Clock::Pts | Clock::Fps => "an hour",
            Clock::Frames => "per 1,000 frames",
        }
    }

    /// Where time comes from, in words.
    pub fn source(self) -> &'static str {
        match self {
            Clock::Pts => "time from the footage",
            Clock::Fps => "time from --fps",
            Clock::Frames => "no time is known: name it with --fps",
        }
    }

    /// How many of its units so many seconds are.
    pub fn units(self, seconds: f64) -> f64 {
        match self {
            Clock::Pts | Clock::Fps => seconds / 3600.0,
            Clock::Frames => seconds * NOMINAL_FRAMES_PER_SECOND / 1000.0,
        }
    }

    /// The weaker of two: what is known of both.
    pub fn weaker(self, other: Clock) -> Clock {
        match (self, other) {
            (Clock::Frames, _) | (_, Clock::Frames) => Clock::Frames,
            (Clock::Fps, _) | (_, Clock::Fps) => Clock::Fps,
            (Clock::Pts, Clock::Pts) => Clock::Pts,
        }
    }
}

/// When a frame was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// Its number in its clip, from 0.
    pub frame: u64,
    /// Seconds since the clip's start, where known.
    pub time_s: Option<f64>,
}

/// The threshold of alarms and what it was chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The score at or above which a frame counts towards an alarm.
    pub score: f64,
    /// False alarms wanted, by the unit of `time`.
    pub wanted: f64,
    /// Whether the wanted rate is below one per duration of the normal footage, so that the threshold rests on a fitted tail.
    pub extrapolated: bool,
    /// Where time came from.
    pub time: Clock,
    /// Frames of the last three that must reach the score: 2; 1 for stills, which have no neighbours.
    pub needed: u8,
}

impl Threshold {
    /// Threshold, rate and what they rest on, in one line.
    pub fn in_words(&self) -> String {
        let Threshold { score, wanted, extrapolated, time, needed } = self;
        let rule = if *needed > 1 { " in 2 of 3 frames" } else { "" };
        let how = if *extrapolated { "extrapolated, " } else { "" };
        let alarms = if *wanted == 1.0 { "alarm" } else { "alarms" };
        format!("{score:.3}{rule}, for {wanted} false {alarms} {} ({how}{})", time.unit(), time.source())
    }
}

/// The highest scores of normal footage, two seconds at a time: all that a threshold for another rate needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormalMaxima {
    /// Where time came from.
    pub time: Clock,
    /// Seconds that the footage lasts (of `frames`: 25 frames each).
    pub seconds: f64,
    /// Frames of the last three that must reach the threshold.
    pub needed: u8,
    /// Stretches of footage without a gap; of each two seconds the highest score that `needed` of three frames reach.
    pub stretches: Vec<Vec<f64>>,
}

impl NormalMaxima {
    /// Whether a threshold can be chosen from it.
    pub fn is_sound(&self) -> bool {
        let finite = self.stretches.iter().flatten().all(|value| value.is_finite());
        finite && self.stretches.iter().any(|stretch| !stretch.is_empty()) && self.seconds > 0.0 && self.seconds.is_finite()
    }
}

/// The height that an alarm at this frame would take: the score that `needed` of the last three analysed frames reach; `None` before
/// there are so many. An alarm is a level at or above the threshold. One clip; no state crosses its border.
#[derive(Clone, Debug)]
pub struct Level {
    needed: usize,
    last: VecDeque<f64>,
}

impl Level {
    /// For one clip.
    pub fn new(needed: u8) -> Level {
        Level { needed: usize::from(needed).clamp(1, LOOKED_AT), last: VecDeque::with_capacity(LOOKED_AT) }
    }

    /// The level at the next analysed frame.
    pub fn next(&mut self, score: f64) -> Option<f64> {
        if self.needed == 1 {
            return Some(score);
        }
        if self.last.len() == LOOKED_AT {
            self.last.pop_front();
        }
        self.last.push_back(score);
        let mut falling: Vec<f64> = self.last.iter().copied().collect();
        falling.sort_unstable_by(|a, b| b.total_cmp(a));
        falling.get(self.needed - 1).copied()
    }
}

/// The alarms of one clip, frame by frame as it is scored.
#[derive(Clone, Debug)]
pub struct AlarmRule {
    threshold: f64,
    level: Level,
}

impl AlarmRule {
    /// For one clip: `needed` of three frames at `threshold` or above.
    pub fn new(threshold: f64, needed: u8) -> AlarmRule {
        AlarmRule { threshold, level: Level::new(needed) }
    }

    /// Whether the next analysed frame is an alarm. Frames that are not analysed (repeated ones) are left out.
    pub fn next(&mut self, score: f64) -> bool {
        self.level.next(score).is_some_and(|level| level >= self.threshold)
    }
}

/// How many frames of three are asked for: 2; 1 for stills.
pub fn needed(stills: bool) -> u8 {
    if stills { 1 } else { AT_LEAST }
}

/// A stretch of frames, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its first frame.
    pub first: usize,
    /// Its last frame.
    pub last: usize,
}

impl Event {
    /// Whether both have a frame in common.
    pub fn overlaps(&self, other: &Event) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The runs of `true`, those less than `closed_below` seconds apart taken for one. `seconds` gives the time of a frame of the clip.
pub fn events(flags: &[bool], closed_below: f64, seconds: impl Fn(usize) -> f64) -> Vec<Event> {
    let mut found: Vec<Event> = Vec::new();
    for (frame, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        match found.last_mut() {
            Some(event) if frame == event.last + 1 || seconds(frame) - seconds(event.last) < closed_below => event.last = frame,
            _ => found.push(Event { first: frame, last: frame }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms(scores: &[f64], needed: u8) -> Vec<u8> {
        let mut rule = AlarmRule::new(1.0, needed);
        scores.iter().map(|score| u8::from(rule.next(*score))).collect()
    }

    #[test]
    fn two_of_three_frames_make_an_alarm_and_one_does_not() {
        assert_eq!(alarms(&[2.0, 0.0, 0.0, 2.0, 0.0, 2.0, 0.0, 0.0, 0.0], 2), [0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(alarms(&[1.0, 1.0, 0.0, 0.0], 2), [0, 1, 1, 0], "at the threshold counts; the third frame still sees two");
        assert_eq!(alarms(&[2.0, 0.0, 0.0, 2.0], 1), [1, 0, 0, 1]);
    }

    #[test]
    fn events_less_than_two_seconds_apart_are_one() {
        let at = |frames: &[usize]| (0..60).map(|frame| frames.contains(&frame)).collect::<Vec<_>>();
        let ten_a_second = |frame: usize| frame as f64 / 10.0;
        let found = events(&at(&[3, 4, 23, 43, 44, 59]), MERGE_SECONDS, ten_a_second);
        let spans: Vec<(usize, usize)> = found.iter().map(|event| (event.first, event.last)).collect();
        assert_eq!(spans, [(3, 23), (43, 59)], "4 to 23: 1.9 s; 23 to 43: 2.0 s");
        assert_eq!(
            events(&at(&[3, 4]), MERGE_SECONDS, |frame| 60.0 * frame as f64).len(),
            1,
            "neighbours are one whatever the time between"
        );
        assert!(events(&[false; 9], MERGE_SECONDS, ten_a_second).is_empty());
    }

    #[test]
    fn without_time_rates_count_by_frames() {
        assert_eq!(Clock::Pts.units(1800.0), 0.5);
        assert_eq!(Clock::Frames.units(3000.0 / NOMINAL_FRAMES_PER_SECOND), 3.0);
        assert_eq!([Clock::Pts.weaker(Clock::Fps), Clock::Fps.weaker(Clock::Frames)], [Clock::Fps, Clock::Frames]);
    }
}
