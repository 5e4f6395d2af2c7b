//! Fitting the calibration: what held-out normal footage scores (DETECTION.md §3.7, EVALUATION.md §5).
//!
//! The terms of every frame are kept (a few numbers each), the map's pixels go into a histogram of fixed size. Frames whose window reaches
//! before the start of their clip are left out, unless there are no others (stills). A map that is a sum of standardised terms can only be
//! made once the terms' statistics are known: then footage is looked at a second time.

use super::anomaly::{Smoothing, calibrated, score_map, weigh, without_past};
use super::error::ScoreError;
use super::forward::Forward;
use super::map::Placement;
use super::terms::{Measured, Terms};
use super::threshold::{MaximaCollector, threshold};
use crate::alarm_events::{Clock, Moment, NormalMaxima};
use crate::calibration::{Basis, Calibration, DisplayRange, LATENT, MOTION, PICTURE, PLACE, PixelHistogram, RECON, Statistics, TOTAL};
use crate::config::{Config, Scale};
use crate::data::motion_cache::is_repetition;
use crate::data::window::FrameStatus;
use crate::data::{Footage, Span, WindowIndex, WindowReader, WindowStream};
use crate::model::engine::Engine;
use crate::ranges::Ranges;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use video::Geometry;

/// The quantile of the map's pixels that becomes τ0.
const TAU0_QUANTILE: f64 = 0.99;

/// One frame's terms.
#[derive(Clone, Copy, Debug)]
struct Seen {
    terms: Terms,
    warmup: bool,
    /// At the first frame of a clip or after a gap: where times come from.
    begins: Option<Clock>,
    moment: Moment,
}

/// Collects normal frames, then takes their statistics: show it all footage, and again as long as [`Fitter::look_again`] says so.
#[derive(Clone, Debug)]
pub struct Fitter {
    basis: Basis,
    seen: Vec<Seen>,
    /// There once the terms are known.
    statistics: Option<BTreeMap<String, Statistics>>,
    pixels: PixelHistogram,
    warmup_pixels: PixelHistogram,
    begins: Option<Clock>,
    moment: Option<Moment>,
    false_alarms_per_hour: f64,
    map: Vec<f32>,
}

impl Fitter {
    /// For scores made with the settings of `config`.
    pub fn new(config: &Config) -> Fitter {
        Fitter {
            basis: Basis::of(config),
            seen: Vec::new(),
            statistics: None,
            pixels: PixelHistogram::default(),
            warmup_pixels: PixelHistogram::default(),
            begins: None,
            moment: None,
            false_alarms_per_hour: config.false_alarms_per_hour,
            map: Vec::new(),
        }
    }

    /// The frames that follow are those of a new clip, or come after a gap; `clock` says where their times come from.
    pub fn begin_clip(&mut self, clock: Clock) {
        self.begins = Some(clock);
    }

    /// When the next frame was; frames of which nothing is said follow each other.
    pub fn at(&mut self, moment: Moment) {
        self.moment = Some(moment);
    }

    /// Takes a frame: its measures and where footage lies in its maps.
    pub fn add(&mut self, measured: &Measured<'_>, placement: &Placement, warmup: bool) {
        let (begins, moment) = (self.begins.take(), self.moment.take());
        if self.statistics.is_none() {
            let next = self.seen.last().filter(|_| begins.is_none()).map_or(0, |last| last.moment.frame + 1);
            let moment = moment.unwrap_or(Moment { frame: next, time_s: None });
            self.seen.push(Seen { terms: measured.terms, warmup, begins, moment });
        }
        if self.statistics.is_none() && self.needs_statistics() {
            return;
        }
        let (none, mut map) = (BTreeMap::new(), std::mem::take(&mut self.map));
        score_map(&self.basis, self.statistics.as_ref().unwrap_or(&none), measured.maps, warmup, &mut map);
        let histogram = if warmup { &mut self.warmup_pixels } else { &mut self.pixels };
        placement.seen_rows(&map).for_each(|row| histogram.add(row));
        self.map = map;
    }

    /// Whether maps are made of standardised terms.
    fn needs_statistics(&self) -> bool {
        self.basis.local && self.basis.scale == Scale::Terms
    }

    /// Frames taken so far.
    pub fn frames(&self) -> usize {
        self.seen.len()
    }

    /// After all footage was shown: whether it must be shown once more.
    ///
    /// # Errors
    /// As [`Fitter::finish`].
    pub fn look_again(&mut self) -> Result<bool, ScoreError> {
        if self.statistics.is_some() {
            return Ok(false);
        }
        self.statistics = Some(statistics(&self.used(), self.basis.lambda)?);
        Ok(self.needs_statistics())
    }

    fn all_warm_up(&self) -> bool {
        self.seen.iter().all(|seen| seen.warmup)
    }

    fn used(&self) -> Vec<Terms> {
        let all_warm_up = self.all_warm_up();
        self.seen.iter().filter(|seen| !seen.warmup || all_warm_up).map(|seen| seen.terms).collect()
    }

    /// The calibration.
    ///
    /// # Errors
    /// [`ScoreError::NothingToFit`] without a frame; [`ScoreError::NotFinite`] where one has no finite score.
    pub fn finish(mut self) -> Result<Calibration, ScoreError> {
        self.look_again()?;
        let (all_warm_up, used) = (self.all_warm_up(), self.used().len());
        let pixels = if all_warm_up { &self.warmup_pixels } else { &self.pixels };
        let quantile = |part| pixels.quantile(part).ok_or(ScoreError::NothingToFit { frames: 0 });
        let low = quantile(0.5)?;
        let high = low + 2.0 * (quantile(0.9999)? - low);
        let tau0 = quantile(TAU0_QUANTILE)?;
        let terms = self.statistics.take().unwrap_or_default();
        let (highest, maxima) = highest(&self.seen, all_warm_up, &self.basis, &terms);
        Ok(Calibration {
            ranges: None,
            highest,
            threshold: maxima.as_ref().map(|maxima| threshold(maxima, self.false_alarms_per_hour)),
            maxima,
            basis: self.basis,
            frames: used as u64,
            left_out: (self.seen.len() - used) as u64,
            tau0,
            display: DisplayRange { low, high },
            terms,
        })
    }
}

fn statistics(used: &[Terms], lambda: f64) -> Result<BTreeMap<String, Statistics>, ScoreError> {
    if used.is_empty() {
        return Err(ScoreError::NothingToFit { frames: 0 });
    }
    let of = |value: &dyn Fn(&Terms) -> Option<f64>| used.iter().map(value).collect::<Option<Vec<f64>>>();
    let named = [
        (RECON, of(&|terms| Some(terms.recon))),
        (LATENT, of(&|terms| Some(terms.latent))),
        (TOTAL, of(&|terms| Some(weigh(lambda, terms.recon, terms.latent)))),
        (PICTURE, of(&|terms| terms.picture)),
        (MOTION, of(&|terms| terms.motion)),
        (PLACE, of(&|terms| terms.place)),
    ];
    let mut all = BTreeMap::new();
    for (name, values) in named {
        let Some(values) = values else { continue };
        let statistics = Statistics::of(&values).ok_or(ScoreError::NotFinite { clip: "(held-out footage)".into(), frame: 0 })?;
        all.insert(name.to_owned(), statistics);
    }
    Ok(all)
}

/// The highest calibrated score, smoothed along each clip as scoring will be, and what thresholds are chosen from.
fn highest(seen: &[Seen], all_warm_up: bool, basis: &Basis, terms: &BTreeMap<String, Statistics>) -> (f64, Option<NormalMaxima>) {
    let (mut smoothing, mut highest) = (Smoothing::new(basis.smooth), f64::NEG_INFINITY);
    let mut maxima = MaximaCollector::default();
    for frame in seen {
        if let Some(clock) = frame.begins {
            smoothing = Smoothing::new(basis.smooth);
            maxima.begin_clip(clock);
        }
        let numbers = if frame.warmup { without_past(basis, terms, frame.terms) } else { frame.terms };
        let score = smoothing.next(calibrated(basis, terms, &numbers).score);
        let counts = !frame.warmup || all_warm_up;
        if counts {
            highest = highest.max(score);
        }
        maxima.add(frame.moment, score, counts);
    }
    (highest, maxima.finish())
}

/// Fits the calibration to the frames of `spans` in the cache; `progress` is told (done, all) after each batch. `batch` as in
/// [`Forward::new`].
///
/// # Errors
/// [`ScoreError::Interrupted`] once `cancel` is set; [`ScoreError::Data`]; as [`Fitter::finish`].
pub fn fit_spans(
    engine: &mut dyn Engine,
    footage: Footage<'_>,
    spans: &[Span],
    config: &Config,
    batch: usize,
    cancel: Option<&AtomicBool>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Calibration, ScoreError> {
    engine.watch_ranges();
    let mut forward = Forward::new(engine, config, footage.sight, batch);
    let mut fitter = Fitter::new(config);
    loop {
        show_spans(&mut fitter, &mut forward, footage, spans, cancel, progress)?;
        if !fitter.look_again()? {
            break;
        }
    }
    let calibration = fitter.finish()?;
    Ok(Calibration { ranges: engine.take_ranges().filter(Ranges::is_sound), ..calibration })
}

/// Shows every frame of `spans` once; frames that repeat the one before are passed over, as in [`fit_clip`], and as scoring repeats the
/// last score.
fn show_spans(
    fitter: &mut Fitter,
    forward: &mut Forward<'_>,
    footage: Footage<'_>,
    spans: &[Span],
    cancel: Option<&AtomicBool>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), ScoreError> {
    let (mut reader, mut window) = (WindowReader::new(footage), footage.sight.windows());
    let all: usize = spans.iter().map(Span::frames).sum();
    let target = footage.sight.picture.target();
    let (mut analysed, mut waiting, mut done): (Vec<u8>, Vec<Asked>, usize) = (Vec::new(), Vec::new(), 0);
    for span in spans {
        let (displayed_width, displayed_height) = footage.cache.clips().get(span.clip).map_or((1, 1), |clip| clip.displayed);
        let geometry = Geometry::new(displayed_width, displayed_height, &target);
        let (clock, frame_seconds) = footage.cache.clock(span.clip);
        for frame in span.start..span.end {
            let index = WindowIndex { clip: span.clip, frame };
            let start = footage.cache.segment_start(index);
            // A new segment of a thinned clip is a new clip for smoothing and warm-up.
            let begins = frame == span.start || frame == start;
            reader.load(index)?;
            done += 1;
            if !begins && is_repetition(&analysed, reader.newest()) {
                continue;
            }
            analysed.clear();
            analysed.extend_from_slice(reader.newest());
            window.clear();
            reader.push(crate::data::Cut::NONE, &mut window)?;
            if begins {
                forward.begin_clip(forward.held());
            }
            forward.push(&window);
            let warmup = frame + 1 < start + footage.sight.history || (footage.motion.is_some() && frame == start);
            let moment = Moment { frame: frame as u64, time_s: frame_seconds.map(|seconds| seconds * frame as f64) };
            waiting.push(Asked { geometry, begins: begins.then_some(clock), warmup, moment });
            if forward.is_full() {
                take(fitter, forward, &mut waiting);
                progress(done, all);
                if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
                    return Err(ScoreError::Interrupted);
                }
            }
        }
    }
    take(fitter, forward, &mut waiting);
    progress(done, all);
    Ok(())
}

/// Shows the frames of a clip as it is decoded: what `calibrate RUN DATA` does with footage that has no cache. Repeated frames are left out.
///
/// # Errors
/// [`ScoreError::Interrupted`] once `cancel` is set; [`ScoreError::Data`].
pub fn fit_clip(fitter: &mut Fitter, forward: &mut Forward<'_>, stream: &mut WindowStream, cancel: &AtomicBool) -> Result<(), ScoreError> {
    let mut waiting = Vec::new();
    let mut known = None;
    while let Some(window) = stream.next_window()? {
        if cancel.load(Ordering::Relaxed) {
            return Err(ScoreError::Interrupted);
        }
        // A repeated frame says nothing new. One of a changed scene counts: calibrating anew is for a light or view that has changed.
        if window.status == FrameStatus::Repeated || window.skipped {
            continue;
        }
        let (warmup, moment) = (window.warmup, Moment { frame: window.index, time_s: window.time_s });
        if known.is_none() {
            forward.begin_clip(forward.held());
        }
        forward.push(window.window);
        let begins = known.is_none().then(|| clock_of(stream));
        known = known.or_else(|| stream.geometry());
        if let Some(geometry) = known {
            waiting.push(Asked { geometry, begins, warmup, moment });
        }
        if forward.is_full() {
            take(fitter, forward, &mut waiting);
        }
    }
    take(fitter, forward, &mut waiting);
    Ok(())
}

/// Where the times of a stream come from.
pub fn clock_of(stream: &WindowStream) -> Clock {
    let info = stream.source().info();
    match (info.time_base, info.backend) {
        (None, _) => Clock::Frames,
        (Some(_), video::Backend::Pictures) => Clock::Fps,
        (Some(_), _) => Clock::Pts,
    }
}

/// A frame in the batch.
struct Asked {
    geometry: Geometry,
    begins: Option<Clock>,
    warmup: bool,
    moment: Moment,
}

fn take(fitter: &mut Fitter, forward: &mut Forward<'_>, waiting: &mut Vec<Asked>) {
    let mut asked = waiting.drain(..);
    let shown = forward.run(&mut |measured| {
        if let Some(asked) = asked.next() {
            if let Some(clock) = asked.begins {
                fitter.begin_clip(clock);
            }
            fitter.at(asked.moment);
            let placement = Placement::new((measured.maps.rows, measured.maps.cols), &asked.geometry);
            fitter.add(measured, &placement, asked.warmup);
        }
        Ok::<(), Infallible>(())
    });
    match shown {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::terms::TermMaps;
    use video::{Channels, Filter, Fit, Target};

    /// A picture of 1 × 2 pixels that shows the whole frame.
    fn placement() -> Placement {
        let target = Target { width: 2, height: 1, channels: Channels::Luma, filter: Filter::Bilinear, fit: Fit::Stretch };
        Placement::new((1, 2), &Geometry::new(2, 1, &target))
    }

    fn add(fitter: &mut Fitter, (recon, latent): (f64, f64), map: [f32; 2], warmup: bool) {
        let maps = TermMaps { rows: 1, cols: 2, recon: map.to_vec(), ..TermMaps::default() };
        let terms = Terms { recon, latent, ..Terms::default() };
        fitter.add(&Measured { terms, maps: &maps, reconstruction: &[], target: &[] }, &placement(), warmup);
    }

    fn fitted(config: &Config, frames: &[(f64, f64, bool)]) -> Calibration {
        let mut fitter = Fitter::new(config);
        fitter.begin_clip(Clock::Frames);
        for &(recon, latent, warmup) in frames {
            add(&mut fitter, (recon, latent), [recon as f32, latent as f32], warmup);
        }
        fitter.finish().expect("frames")
    }

    #[test]
    fn statistics_by_hand_and_the_first_frame_left_out() {
        let frames = [(99.0, 99.0, true), (1.0, 10.0, false), (2.0, 10.0, false), (6.0, 40.0, false)];
        let calibration = fitted(&Config { scale: Scale::Terms, lambda: 0.5, ..Config::default() }, &frames);
        assert_eq!((calibration.frames, calibration.left_out), (3, 1));
        let recon = calibration.terms[RECON];
        assert!((recon.median - 2.0).abs() < 1e-12 && (recon.sd - (14f64 / 3.0).sqrt()).abs() < 1e-12); // mean 3: 4 + 1 + 9
        let latent = calibration.terms[LATENT];
        assert!((latent.median - 10.0).abs() < 1e-12 && (latent.sd - 200f64.sqrt()).abs() < 1e-12); // mean 20: 100 + 100 + 400
        let total = calibration.terms[TOTAL];
        assert_eq!(total.median, 6.0); // of 5.5, 6, 23
        let highest = 0.5 * (4.0 / recon.sd) + 0.5 * (30.0 / latent.sd);
        assert!((calibration.highest - highest).abs() < 1e-12, "the warm-up frame does not count");
        assert!(calibration.is_sound() && calibration.tau0 >= 40.0 && calibration.tau0 < 40.2);
        assert!(calibration.display.low >= 6.0 && calibration.display.high > calibration.tau0);
    }

    #[test]
    fn the_highest_score_is_smoothed_as_scoring_will_be() {
        let config = Config { scale: Scale::TestMinmax, lambda: 1.0, smooth: 0.5, ..Config::default() };
        let frames = [(0.0, 0.0, false), (4.0, 0.0, false), (0.0, 0.0, false)];
        assert_eq!(fitted(&config, &frames).highest, 2.0);
    }

    #[test]
    fn stills_are_all_warm_up_and_all_count() {
        let calibration = fitted(&Config::default(), &[(1.0, 1.0, true), (3.0, 1.0, true)]);
        assert_eq!((calibration.frames, calibration.left_out, calibration.terms[RECON].median), (2, 0, 2.0));
    }

    #[test]
    fn the_threshold_stands_on_levels_of_frames_that_count() {
        let config = Config { scale: Scale::TestMinmax, lambda: 1.0, false_alarms_per_hour: 1000.0, ..Config::default() };
        // 100 frames are two blocks of two seconds at 25 a second; single peaks and the warm-up frame never make a level.
        let score = |frame: usize| match frame {
            0 => 99.0,
            20 | 90 => 50.0,
            60 | 61 => 7.0,
            _ => 1.0 + frame as f64 / 1000.0,
        };
        let frames: Vec<(f64, f64, bool)> = (0..100).map(|frame| (score(frame), 0.0, frame == 0)).collect();
        let calibration = fitted(&config, &frames);
        let maxima = calibration.maxima.as_ref().expect("two blocks");
        assert_eq!(maxima.stretches, [[1.049, 7.0]]);
        assert_eq!((maxima.time, maxima.needed), (Clock::Frames, 2));
        assert!((maxima.seconds - 99.0 / 25.0).abs() < 1e-9, "{}", maxima.seconds);
        let threshold = calibration.threshold.expect("chosen");
        assert!(
            threshold.score == 7.0 && !threshold.extrapolated,
            "however many are allowed, half of the time is the bound: {threshold:?}"
        );
        let one = super::threshold(maxima, 12.0);
        assert!(one.score == 7.0 && !one.extrapolated, "one event in 99 frames is allowed: {one:?}");
        let none = super::threshold(maxima, 1.0);
        assert!(none.score > 1.049 && none.extrapolated, "{none:?}");
    }

    #[test]
    fn stills_need_one_frame() {
        let mut fitter = Fitter::new(&Config { scale: Scale::TestMinmax, lambda: 1.0, ..Config::default() });
        for picture in 0..60 {
            fitter.begin_clip(Clock::Frames);
            add(&mut fitter, (f64::from(picture), 0.0), [0.0, 1.0], true);
        }
        let calibration = fitter.finish().expect("stills");
        let (maxima, chosen) = (calibration.maxima.expect("stills"), calibration.threshold.expect("stills"));
        assert_eq!((maxima.needed, chosen.needed, chosen.time), (1, 1, Clock::Frames));
        let twenty = super::threshold(&maxima, 50.5);
        assert!(twenty.score > 56.0 && twenty.score <= 57.0, "3 of 60 pictures: {twenty:?}");
    }

    #[test]
    fn nothing_to_fit_is_an_error() {
        assert!(matches!(Fitter::new(&Config::default()).finish(), Err(ScoreError::NothingToFit { frames: 0 })));
    }
}
