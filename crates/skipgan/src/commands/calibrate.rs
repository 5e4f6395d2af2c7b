//! `calibrate RUN DATA`: statistics of normal footage anew, for a camera whose light or view has changed a little; no training.

use super::CommandError;
use super::detector;
use super::event::{Event, Listener};
use super::reading::{self, Reading};
use crate::calibration::Calibration;
use crate::data::{PictureSettings, WindowShape, WindowStream};
use crate::score::fit::fit_clip;
use crate::score::forward::Forward;
use crate::score::{Fitter, ScoreError};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which run, by which footage.
#[derive(Clone, Debug)]
pub struct CalibrateOptions {
    /// A run folder or a checkpoint file.
    pub run: PathBuf,
    /// Normal footage of the camera as it is now.
    pub data: Vec<PathBuf>,
    /// `best`, `last` or a file.
    pub checkpoint: Option<String>,
    /// Settings that concern scoring, kept in the checkpoint.
    pub set: Vec<String>,
    /// How footage is read.
    pub reading: Reading,
    /// Worker threads; 0: one a core.
    pub threads: usize,
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
    let mut opened = detector::open(&options.run, options.checkpoint.as_deref(), &options.set)?;
    let set = options.reading.find(&options.data)?;
    listener.hear(Event::Note(set.summary()));
    let picture = PictureSettings::new(&opened.config, opened.checkpoint.height, opened.checkpoint.width);
    let shape = WindowShape::new(&picture, opened.config.history);
    let mut engine = opened.engine(reading::pool(options.threads)?)?;
    let mut forward = Forward::new(&mut engine, &opened.config, shape, opened.batch());
    let mut fitter = Fitter::default();
    let clips = set.for_training().unwrap_or_else(|_| set.for_scoring());
    for (order, clip) in clips.iter().enumerate() {
        if cancel.load(Ordering::Relaxed) {
            return Err(CommandError::Interrupted);
        }
        let mut stream = WindowStream::open(clip, &options.reading.open, &picture, opened.config.history)?;
        fitter.begin_clip();
        fit_clip(&mut fitter, &mut forward, &mut stream)?;
        listener.hear(Event::Progress {
            task: "calibrating",
            done: order as u64 + 1,
            total: Some(clips.len() as u64),
            unit: "clips",
            detail: format!("{} ({} frames so far)", clip.name, fitter.frames()),
            numbers: json!({ "clip": clip.name, "frames": fitter.frames() }),
        });
    }
    listener.hear(Event::Finished { task: "calibrating", summary: String::new() });
    if fitter.frames() < LEAST_FRAMES {
        return Err(ScoreError::NothingToFit.into());
    }
    let after = fitter.finish(&opened.config)?;
    let before = opened.checkpoint.calibration.replace(after.clone());
    opened.checkpoint.config = opened.config;
    opened.checkpoint.save(&opened.path)?;
    Ok(Calibrated { path: opened.path, before, after })
}

impl Calibrated {
    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        json!({ "schema": 1, "checkpoint": self.path, "before": self.before, "after": self.after })
    }

    /// Old and new, side by side.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}: calibrated anew on {} frames\n", self.path.display(), self.after.frames);
        let told = |calibration: Option<&Calibration>, term: &str| {
            let term = calibration.and_then(|calibration| calibration.terms.get(term));
            term.map_or_else(|| "–".to_string(), |term| format!("{:.4e} ± {:.1e}", term.median, term.sd))
        };
        for term in self.after.terms.keys() {
            text += &format!("{term:>8}: {} → {}\n", told(self.before.as_ref(), term), told(Some(&self.after), term));
        }
        let before = self.before.as_ref().map_or_else(|| "–".to_string(), |before| format!("{:.2}", before.highest));
        text + &format!("   alarm: above {before} → above {:.2}", self.after.highest)
    }
}
