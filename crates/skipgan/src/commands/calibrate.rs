//! `calibrate RUN DATA`: statistics of normal footage anew, for a camera whose light or view has changed a little; no training.
//! `calibrate RUN --false-alarms-per-hour X`: another threshold of alarms from the statistics that are there; no footage either.

use super::CommandError;
use super::detector::{self, Opened, alarm_in_words};
use super::event::{Event, Listener};
use super::executor::{Device, Executor};
use super::reading::{self, Prepared, Reading};
use crate::calibration::{Basis, Calibration};
use crate::checkpoint::{Checkpoint, Run};
use crate::data::cache::DEFAULT_LIMIT_BYTES;
use crate::data::fingerprint::fingerprint;
use crate::data::{Clip, FrameCache, Sight, WindowStream, hold_out};
use crate::ranges::Ranges;
use crate::score::detector::batch_of;
use crate::score::fit::fit_clip;
use crate::score::forward::Forward;
use crate::score::{Fitter, ScoreError, fit_spans};
use crate::words::counted;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Which run, by which footage.
#[derive(Clone, Debug)]
pub struct CalibrateOptions {
    /// A run folder or a checkpoint file.
    pub run: PathBuf,
    /// Normal footage of the camera as it is now; empty: only the threshold of alarms changes.
    pub data: Vec<PathBuf>,
    /// False alarms wanted an hour; `None`: as before.
    pub false_alarms_per_hour: Option<f64>,
    /// `best`, `last` or a file.
    pub checkpoint: Option<String>,
    /// Settings that concern scoring, kept in the checkpoint.
    pub set: Vec<String>,
    /// Folder of the training's decoded frames, where it is not the run's own.
    pub cache: Option<PathBuf>,
    /// How footage is read.
    pub reading: Reading,
    /// Worker threads; 0: one a core.
    pub threads: usize,
    /// Where the network runs.
    pub device: Device,
}

/// What was measured and where it was written.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// The checkpoint's file.
    pub path: PathBuf,
    /// The statistics before, where there were any.
    pub before: Option<Calibration>,
    /// The statistics now.
    pub after: Calibration,
}

/// Fewest frames that statistics may rest on.
const LEAST_FRAMES: usize = 60;

/// Takes the statistics anew and writes them into the checkpoint.
///
/// # Errors
/// [`CommandError`].
pub fn run(options: &CalibrateOptions, cancel: &AtomicBool, listener: &mut dyn Listener) -> Result<Calibrated, CommandError> {
    let mut set = options.set.clone();
    set.extend(options.false_alarms_per_hour.map(|rate| format!("false_alarms_per_hour={rate:?}")));
    let mut opened = detector::open(&options.run, options.checkpoint.as_deref(), &set)?;
    if options.data.is_empty() {
        return only_threshold(opened);
    }
    let executor = Executor::open(options.device, reading::pool(options.threads)?)?;
    executor.announce(listener);
    let set = options.reading.find(&options.data)?;
    listener.hear(Event::Note(set.summary()));
    let clips = set.for_training()?;
    let footage = fingerprint(clips)?;
    let trained_on = footage == opened.checkpoint.provenance.data_fingerprint;
    let normal = Normal { clips, options, executor: &executor, cancel };
    let after = if trained_on { normal.held_out(&opened, listener)? } else { normal.all(&opened, listener)? };
    opened.checkpoint.provenance.calibrated_on = if trained_on { String::new() } else { footage };
    let before = opened.checkpoint.calibration.replace(after.clone());
    opened.checkpoint.config = opened.config;
    opened.checkpoint.save(&opened.path)?;
    Ok(Calibrated { path: opened.path, before, after })
}

/// Opening has chosen the threshold already; it is kept for good. Whatever else depends on footage stays as it is.
fn only_threshold(mut opened: Opened) -> Result<Calibrated, CommandError> {
    let before = Checkpoint::load(&opened.path)?.calibration;
    let after = opened.checkpoint.calibration.clone().ok_or(ScoreError::NotCalibrated)?;
    if after.maxima.is_none() {
        let told = "this checkpoint has no statistics to choose a threshold from: name normal footage, 'skipgan calibrate RUN DATA'";
        return Err(CommandError::Usage(told.into()));
    }
    if let Some(key) = after.basis.difference(&Basis::of(&opened.config)) {
        return Err(ScoreError::OtherBasis { key }.into());
    }
    opened.checkpoint.config = opened.config;
    opened.checkpoint.save(&opened.path)?;
    Ok(Calibrated { path: opened.path, before, after })
}

/// Normal footage to take statistics from.
struct Normal<'a> {
    clips: &'a [Clip],
    options: &'a CalibrateOptions,
    executor: &'a Executor,
    cancel: &'a AtomicBool,
}

impl Normal<'_> {
    fn sight(opened: &Opened) -> Sight {
        let checkpoint = &opened.checkpoint;
        Sight::new(&opened.config, checkpoint.height, checkpoint.width, checkpoint.usual.clone())
    }

    /// Every frame, as it is decoded.
    fn all(&self, opened: &Opened, listener: &mut dyn Listener) -> Result<Calibration, CommandError> {
        let sight = Normal::sight(opened);
        let mut engine = self.executor.load(&opened.checkpoint, &opened.config)?;
        engine.watch_ranges();
        let mut forward = Forward::new(engine.as_mut(), &opened.config, &sight, batch_of(&opened.config));
        let mut fitter = Fitter::new(&opened.config);
        loop {
            self.show(&sight, &mut fitter, &mut forward, listener)?;
            if fitter.frames() < LEAST_FRAMES {
                return Err(ScoreError::NothingToFit { frames: fitter.frames() }.into());
            }
            if !fitter.look_again()? {
                break;
            }
        }
        let calibration = fitter.finish()?;
        Ok(Calibration { ranges: engine.take_ranges().filter(Ranges::is_sound), ..calibration })
    }

    /// Shows every frame once, as it is decoded.
    fn show(&self, sight: &Sight, fitter: &mut Fitter, forward: &mut Forward<'_>, listener: &mut dyn Listener) -> Result<(), CommandError> {
        for (order, clip) in self.clips.iter().enumerate() {
            let mut stream = WindowStream::open(clip, &self.options.reading.open, sight)?;
            fit_clip(fitter, forward, &mut stream, self.cancel)?;
            for line in stream.source().damage_log().lines() {
                listener.hear(Event::Warning(format!("{}, {line}", clip.name)));
            }
            listener.hear(Event::Progress {
                task: "calibrating",
                done: order as u64 + 1,
                total: Some(self.clips.len() as u64),
                unit: "clips",
                detail: format!("{} ({} so far)", clip.name, counted(fitter.frames(), "frame")),
                numbers: json!({ "clip": clip.name, "frames": fitter.frames() }),
            });
        }
        listener.hear(Event::Finished { task: "calibrating", summary: String::new() });
        Ok(())
    }

    /// The footage is that of the training: no statistic may come from frames that the network was fitted on.
    fn held_out(&self, opened: &Opened, listener: &mut dyn Listener) -> Result<Calibration, CommandError> {
        listener.hear(Event::Note("this is the footage of the training: only its held-out part is used".into()));
        let Ok(run) = Run::open(&self.options.run) else {
            let told = "this is the footage of the training: name the run folder, whose cache knows the held-out part, or other footage";
            return Err(CommandError::Usage(told.into()));
        };
        let sight = Normal::sight(opened);
        let folder = self.options.cache.clone().unwrap_or_else(|| run.cache());
        // The limit that the training had, where its cache is still there: another would decode it anew.
        let limit = FrameCache::limit_in(&folder).unwrap_or(reading::cache_limit(DEFAULT_LIMIT_BYTES, sight.sees, &sight.picture));
        let cache = self.options.reading.cache(&folder, self.clips, &sight.picture, limit, self.cancel, listener)?;
        let kept = &opened.checkpoint.provenance.kept_frames;
        if !kept.is_empty() && *kept != cache.kept_sha256() {
            let told = "the training saw other frames of this footage (another --decoder or --cache-gib): name other normal footage";
            return Err(CommandError::Usage(told.into()));
        }
        let split = hold_out(&cache.frames(), opened.config.history)?;
        let motion = reading::motion(&cache, sight.sees, self.options.threads, self.cancel, listener)?;
        let prepared = Prepared { cache, motion, sight };
        let mut engine = self.executor.load(&opened.checkpoint, &opened.config)?;
        let (config, batch) = (&opened.config, batch_of(&opened.config));
        Ok(fit_spans(engine.as_mut(), prepared.footage(), &split.held_out, config, batch, Some(self.cancel), &mut |_, _| {})?)
    }
}

impl Calibrated {
    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        json!({ "schema": 1, "checkpoint": self.path, "before": self.before, "after": self.after })
    }

    /// Old and new, side by side.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}: calibrated on {}\n", self.path.display(), counted(self.after.frames, "frame"));
        let told = |calibration: Option<&Calibration>, term: &str| {
            let term = calibration.and_then(|calibration| calibration.terms.get(term));
            term.map_or_else(|| "–".to_string(), |term| format!("{:.4e} ± {:.1e}", term.median, term.sd))
        };
        for term in self.after.terms.keys() {
            text += &format!("{term:>8}: {} → {}\n", told(self.before.as_ref(), term), told(Some(&self.after), term));
        }
        let alarm = |calibration: Option<&Calibration>| calibration.map_or_else(|| "–".to_string(), alarm_in_words);
        text += &format!("   alarm: {}\n       → {}", alarm(self.before.as_ref()), alarm(Some(&self.after)));
        text
    }
}
