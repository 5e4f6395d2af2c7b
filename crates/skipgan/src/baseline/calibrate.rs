//! Statistics of normal footage for a baseline: what its scores are standardised with (calibration `total`, EVALUATION §5).
//!
//! Frame differences fit nothing, so every training frame but the first of a clip gives a score. What is taken from training frames is cross-fitted:
//! five times it is taken without a fifth of the footage and that fifth scored with it; for use it is taken from all of it.
//! With five clips or more a fifth is every fifth clip, with fewer it is a fifth of each clip's time, and frames near its
//! borders are left out. Test footage is never seen here.

use super::median::Place;
use super::nearest::{ThumbnailSamples, Thumbnails};
use super::{Baseline, BaselineError, Detector, FrameScore, GreyFrame, MedianPicture, MedianSamples};
use crate::alarm_events::{AlarmRule, Clock, Moment, Threshold};
use crate::score::threshold::{MaximaCollector, threshold};

/// Bytes of training frames that the median is taken from at most.
const MEDIAN_BYTES: usize = 256 << 20;
/// Parts of a cross-fit.
const FOLDS: usize = 5;
/// Frames left out on both sides of a border between parts of one clip: they look like frames that were fitted on.
const GAP: usize = 10;
/// What a baseline takes from training frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fitted {
    /// The median picture: `tm-mean`.
    Median(MedianPicture),
    /// Frames in little: `nearest`.
    Thumbnails(Thumbnails),
}

/// Training frames on their way to it.
enum Samples {
    Median(MedianSamples),
    Thumbnails(ThumbnailSamples),
}

impl Samples {
    fn of(baseline: Baseline) -> Samples {
        match baseline {
            Baseline::Nearest => Samples::Thumbnails(ThumbnailSamples::new()),
            _ => Samples::Median(MedianSamples::new(MEDIAN_BYTES)),
        }
    }

    fn offer(&mut self, place: Place, grey: GreyFrame<'_>) -> Result<(), BaselineError> {
        match self {
            Samples::Median(samples) => samples.offer(place, grey),
            Samples::Thumbnails(samples) => samples.offer(place, grey),
        }
    }

    /// From the frames whose place is `chosen`; `None` where there is none.
    fn fit(&self, chosen: impl Fn(Place) -> bool) -> Option<Fitted> {
        match self {
            Samples::Median(samples) => samples.median(chosen).map(Fitted::Median),
            Samples::Thumbnails(samples) => samples.thumbnails(chosen).map(Fitted::Thumbnails),
        }
    }
}

/// Normal frames that statistics need.
const LEAST_FRAMES: u64 = 60;
/// τ0 is this quantile of map pixels on normal footage (EVALUATION §3).
const TAU0_QUANTILE: f64 = 0.99;
/// False alarms wanted an hour, as with a network's default.
const FALSE_ALARMS_WANTED: f64 = 1.0;

/// Takes the frames of a clip, one after another.
pub type Visit<'a> = dyn FnMut(GreyFrame<'_>, Moment) -> Result<(), BaselineError> + 'a;

/// Normal footage that can be read clip by clip, more than once.
pub trait TrainingFootage {
    /// Number of clips.
    fn clips(&self) -> usize;

    /// Where the times of a clip's frames come from, if they have any.
    fn clock(&self, clip: usize) -> Clock;

    /// Hands every frame of a clip to `visit`, in order, with its number and time.
    ///
    /// # Errors
    /// What `visit` says, and [`BaselineError::Read`] where a frame cannot be had.
    fn read(&mut self, clip: usize, visit: &mut Visit<'_>) -> Result<(), BaselineError>;
}

/// How a baseline scores normal footage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaselineCalibration {
    /// Median raw score.
    pub median: f64,
    /// Plain standard deviation of the raw score; above 0.
    pub deviation: f64,
    /// Highest raw score.
    pub highest: f64,
    /// The threshold of alarms, for calibrated scores.
    pub threshold: Threshold,
    /// 0.99 quantile of map pixels: the threshold of regions.
    pub tau0: f64,
    /// Median of map pixels: where a heat map begins.
    pub map_median: f64,
    /// Normal frames that were counted.
    pub frames: u64,
}

impl BaselineCalibration {
    /// The calibrated score: (raw − median) / deviation. Ranks as the raw score does.
    pub fn score(&self, raw: f64) -> f64 {
        (raw - self.median) / self.deviation
    }

    /// The rule of alarms, for the calibrated scores of one clip.
    pub fn alarm_rule(&self) -> AlarmRule {
        AlarmRule::new(self.threshold.score, self.threshold.needed)
    }
}

/// The detector for use, without statistics: reads `footage` only where the baseline needs it.
///
/// # Errors
/// What reading gives; [`BaselineError::TooFewFrames`] for a median of nothing.
pub fn fit(baseline: Baseline, footage: &mut dyn TrainingFootage) -> Result<Box<dyn Detector>, BaselineError> {
    if !baseline.needs_fitting() {
        return baseline.detector(None);
    }
    let (samples, _) = sample(baseline, footage)?;
    baseline.detector(samples.fit(|_| true))
}

/// The detector for use and the statistics of its scores on normal footage (read twice for `tm-mean` and `nearest`, else once).
///
/// # Errors
/// As [`fit`]; [`BaselineError::TooFewFrames`] under 60 frames; [`BaselineError::NoSpread`] where all scores are equal.
pub fn fit_and_calibrate(
    baseline: Baseline,
    footage: &mut dyn TrainingFootage,
) -> Result<(Box<dyn Detector>, BaselineCalibration), BaselineError> {
    let mut statistics = Statistics::default();
    let detector = if baseline.needs_fitting() {
        cross_fit(baseline, footage, &mut statistics)?
    } else {
        let mut detector = baseline.detector(None)?;
        for clip in 0..footage.clips() {
            detector.start_clip();
            statistics.begin_clip(footage.clock(clip));
            footage.read(clip, &mut |frame, moment| {
                statistics.note(&detector.push(frame)?, moment);
                Ok(())
            })?;
        }
        detector.start_clip();
        detector
    };
    Ok((detector, statistics.finish(baseline)?))
}

/// One pass: frames to fit to, and the length of each clip.
fn sample(baseline: Baseline, footage: &mut dyn TrainingFootage) -> Result<(Samples, Vec<usize>), BaselineError> {
    let mut samples = Samples::of(baseline);
    let mut lengths = Vec::new();
    for clip in 0..footage.clips() {
        let mut frame = 0;
        footage.read(clip, &mut |grey, _| {
            samples.offer(Place { clip, frame }, grey)?;
            frame += 1;
            Ok(())
        })?;
        lengths.push(frame);
    }
    Ok((samples, lengths))
}

fn cross_fit(
    baseline: Baseline,
    footage: &mut dyn TrainingFootage,
    statistics: &mut Statistics,
) -> Result<Box<dyn Detector>, BaselineError> {
    let (samples, lengths) = sample(baseline, footage)?;
    let folds = Folds { lengths };
    let mut detectors = Vec::with_capacity(FOLDS);
    for fold in 0..FOLDS {
        let fitted = samples.fit(|place| folds.of(place) != fold);
        detectors.push(fitted.map(|fitted| baseline.detector(Some(fitted))).transpose()?);
    }
    for clip in 0..footage.clips() {
        let mut frame = 0;
        statistics.begin_clip(footage.clock(clip));
        footage.read(clip, &mut |grey, moment| {
            let place = Place { clip, frame };
            frame += 1;
            match &mut detectors[folds.of(place)] {
                Some(detector) if folds.clear_of_borders(place) => statistics.note(&detector.push(grey)?, moment),
                _ => {}
            }
            Ok(())
        })?;
    }
    baseline.detector(samples.fit(|_| true))
}

/// Which fifth a frame belongs to.
struct Folds {
    lengths: Vec<usize>,
}

impl Folds {
    fn by_clip(&self) -> bool {
        self.lengths.len() >= FOLDS
    }

    fn of(&self, place: Place) -> usize {
        if self.by_clip() { place.clip % FOLDS } else { (place.frame * FOLDS / self.lengths[place.clip].max(1)).min(FOLDS - 1) }
    }

    /// Whether the frames `GAP` before and after belong to the same fifth (or there are none).
    fn clear_of_borders(&self, place: Place) -> bool {
        let last = self.lengths[place.clip].saturating_sub(1);
        let at = |frame: usize| self.of(Place { frame, ..place });
        self.by_clip() || (at(place.frame.saturating_sub(GAP)) == at(place.frame) && at((place.frame + GAP).min(last)) == at(place.frame))
    }
}

/// Raw scores, and a histogram of map pixels in whole counts.
#[derive(Default)]
struct Statistics {
    frames: u64,
    raw: Vec<f64>,
    /// Of each raw score: its moment, and the clock where a clip begins.
    moments: Vec<(Moment, Option<Clock>)>,
    begins: Option<Clock>,
    pixels: Vec<u64>,
    unit: f64,
}

impl Statistics {
    fn begin_clip(&mut self, clock: Clock) {
        self.begins = Some(clock);
    }

    fn note(&mut self, score: &FrameScore<'_>, moment: Moment) {
        self.frames += 1;
        if score.warmup {
            return;
        }
        self.raw.push(score.raw);
        self.moments.push((moment, self.begins.take()));
        self.unit = score.unit;
        let largest = score.counts.iter().copied().max().unwrap_or(0) as usize;
        if self.pixels.len() <= largest {
            self.pixels.resize(largest + 1, 0);
        }
        score.counts.iter().for_each(|&count| self.pixels[count as usize] += 1);
    }

    fn finish(mut self, baseline: Baseline) -> Result<BaselineCalibration, BaselineError> {
        let name = baseline.name();
        if self.frames < LEAST_FRAMES || self.raw.is_empty() {
            return Err(BaselineError::TooFewFrames { name, frames: self.frames, least: LEAST_FRAMES });
        }
        let in_order = self.raw.clone();
        self.raw.sort_unstable_by(f64::total_cmp);
        let deviation = deviation(&self.raw);
        let highest = self.raw[self.raw.len() - 1];
        if deviation <= f64::EPSILON * highest.abs() {
            return Err(BaselineError::NoSpread { name, value: highest });
        }
        let median = median_of_sorted(&self.raw);
        let mut maxima = MaximaCollector::default();
        for (raw, (moment, begins)) in in_order.iter().zip(&self.moments) {
            if let Some(clock) = begins {
                maxima.begin_clip(*clock);
            }
            maxima.add(*moment, (raw - median) / deviation, true);
        }
        let maxima = maxima.finish().ok_or(BaselineError::TooFewFrames { name, frames: self.frames, least: LEAST_FRAMES })?;
        Ok(BaselineCalibration {
            median,
            deviation,
            threshold: threshold(&maxima, FALSE_ALARMS_WANTED),
            highest,
            tau0: self.pixel_quantile(TAU0_QUANTILE),
            map_median: self.pixel_quantile(0.5),
            frames: self.raw.len() as u64,
        })
    }

    /// Quantile of map pixels, linear between neighbours (type 7), exact.
    fn pixel_quantile(&self, share: f64) -> f64 {
        let total: u64 = self.pixels.iter().sum();
        let position = share * (total - 1) as f64;
        let (low, towards) = (position.floor() as u64, position.fract());
        let (lower, upper) = (self.pixel_of_rank(low), self.pixel_of_rank((low + 1).min(total - 1)));
        (lower as f64 + (upper as f64 - lower as f64) * towards) * self.unit
    }

    fn pixel_of_rank(&self, rank: u64) -> usize {
        let mut below = 0;
        let found = self.pixels.iter().position(|&n| {
            below += n;
            below > rank
        });
        found.unwrap_or(0)
    }
}

fn median_of_sorted(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { (values[middle - 1] + values[middle]) / 2.0 } else { values[middle] }
}

/// Plain (population) standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clips of 1×2 frames whose grey level is a function of clip and frame.
    struct Made {
        lengths: Vec<usize>,
        grey: fn(usize, usize) -> u8,
    }

    impl TrainingFootage for Made {
        fn clips(&self) -> usize {
            self.lengths.len()
        }

        fn clock(&self, _: usize) -> Clock {
            Clock::Pts
        }

        fn read(&mut self, clip: usize, visit: &mut Visit<'_>) -> Result<(), BaselineError> {
            (0..self.lengths[clip]).try_for_each(|frame| {
                let value = (self.grey)(clip, frame);
                let moment = Moment { frame: frame as u64, time_s: Some(frame as f64 / 10.0) };
                visit(GreyFrame { height: 1, width: 2, samples: &[value, value] }, moment)
            })
        }
    }

    #[test]
    fn statistics_of_a_frame_difference_by_hand() {
        // Differences run 0, 1, 2, 3, 0, 1 … without the first frame of the clip.
        let mut footage = Made { lengths: vec![81], grey: |_, frame| (0..frame).map(|i| (i % 4) as u8).sum() };
        let (_, statistics) = fit_and_calibrate(Baseline::FdMean, &mut footage).unwrap();
        assert_eq!(statistics.frames, 80);
        assert!((statistics.median - 1.5 / 255.0).abs() < 1e-15);
        assert!((statistics.deviation - 1.25f64.sqrt() / 255.0).abs() < 1e-15);
        assert!((statistics.highest - 3.0 / 255.0).abs() < 1e-15);
        assert!((statistics.tau0 - 3.0 / 255.0).abs() < 1e-15);
        assert!((statistics.score(statistics.median + statistics.deviation) - 1.0).abs() < 1e-12);
        // Of three frames in a row two never reach more than 2 grey levels; 3 twice is an alarm.
        let alarms = |levels: &[f64]| {
            let mut rule = statistics.alarm_rule();
            levels.iter().map(|level| rule.next(statistics.score(level / 255.0))).collect::<Vec<_>>()
        };
        assert_eq!(alarms(&[0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 3.0, 3.0]), [false, false, false, false, false, false, false, true]);
        assert_eq!((statistics.threshold.time, statistics.threshold.extrapolated), (Clock::Pts, true), "8 s of footage, one an hour");
    }

    #[test]
    fn no_clip_is_scored_with_a_median_that_saw_it() {
        // One clip of five is bright: its own median would call it normal.
        let mut footage = Made { lengths: vec![20; 5], grey: |clip, frame| if clip == 3 { 200 } else { 10 + (frame % 2) as u8 } };
        let (_, statistics) = fit_and_calibrate(Baseline::TmMean, &mut footage).unwrap();
        assert!((statistics.highest - 190.0 / 255.0).abs() < 1e-12, "{statistics:?}");
    }

    #[test]
    fn the_nearest_frame_is_looked_for_in_other_clips() {
        // Each clip has a level of its own: the nearest of another clip is 20 levels away, and of the last one, at 200, 120.
        let grey = |clip: usize, frame: usize| if clip == 4 { 200 } else { 20 * (clip + 1) as u8 } + (frame % 2) as u8;
        let mut footage = Made { lengths: vec![20; 5], grey };
        let (mut detector, statistics) = fit_and_calibrate(Baseline::Nearest, &mut footage).unwrap();
        assert!((statistics.highest - 121.0 / 255.0).abs() < 1e-12, "{statistics:?}");
        let score = detector.push(GreyFrame { height: 1, width: 2, samples: &[200, 200] }).unwrap();
        assert_eq!(score.raw, 0.0, "for use, all are known");
    }

    #[test]
    fn a_single_clip_is_cut_in_time_with_a_gap() {
        let folds = Folds { lengths: vec![100] };
        assert_eq!((folds.of(Place { clip: 0, frame: 19 }), folds.of(Place { clip: 0, frame: 20 })), (0, 1));
        let clear: Vec<usize> = (0..100).filter(|&frame| folds.clear_of_borders(Place { clip: 0, frame })).collect();
        assert_eq!(clear, (0..10).chain(90..100).collect::<Vec<_>>());
        let folds = Folds { lengths: vec![500] };
        assert_eq!((0..500).filter(|&frame| folds.clear_of_borders(Place { clip: 0, frame })).count(), 500 - 8 * 10);
    }

    #[test]
    fn too_little_or_motionless_footage_is_an_error() {
        let mut short = Made { lengths: vec![20, 20], grey: |_, frame| frame as u8 };
        let message = fit_and_calibrate(Baseline::FdMean, &mut short).err().unwrap().to_string();
        assert!(message.contains("40 normal frames are too few"), "{message}");
        let mut still = Made { lengths: vec![80], grey: |_, _| 9 };
        assert!(matches!(fit_and_calibrate(Baseline::FdMean, &mut still), Err(BaselineError::NoSpread { .. })));
        let mut none = Made { lengths: vec![], grey: |_, _| 0 };
        assert!(fit(Baseline::TmMean, &mut none).is_err());
    }
}
