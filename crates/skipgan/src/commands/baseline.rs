//! `baseline NAME DATA --out FILE`: the same rows, maps and calibration as `score`, from a detector without a network. Whoever has a
//! network should know what a box filter gives on the same footage.

use super::CommandError;
use super::event::{Event, Listener};
use super::map_output::MapOutput;
use super::reading::Reading;
use super::scored::{RowOutput, Scored, evaluate_command};
use super::still_branch;
use crate::alarm_events::{Clock, Moment};
use crate::baseline::{
    Baseline, BaselineCalibration, BaselineError, Detector, Footage, FrameScore, GreyFrame, TermBaseline, TrainingFootage, Visit,
    fit_and_calibrate,
};
use crate::data::labels::Labels;
use crate::data::{Clip, ClipSource};
use crate::evaluate::Selection;
use crate::report::meta_file::ScoreMeta;
use crate::report::score_file::{FrameStatus, ScoreRow};
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use video::{Channels, Damage, Filter, Fit, FrameSource, OpenOptions, Planes, Resizer, Target};

/// Which detector, on what, into which files.
#[derive(Clone, Debug)]
pub struct BaselineOptions {
    /// Its name.
    pub name: String,
    /// A data set: its training clips calibrate, its test clips are scored.
    pub data: Vec<PathBuf>,
    /// The score file.
    pub out: PathBuf,
    /// Folder of maps and detections.
    pub maps: Option<PathBuf>,
    /// How footage is read.
    pub reading: Reading,
    /// Worker threads, where motion is computed; 0: one a core.
    pub threads: usize,
    /// The command, for the meta file.
    pub command: String,
}

/// What a baseline does where nothing says which clips are normal and which are to be scored.
pub(super) const CALIBRATED_ON_ITSELF: &str = "the same footage calibrates the detector and is scored, so its scores are too low; put normal clips into train/, the others into test/";

/// Calibrates on the training clips and scores the test clips.
///
/// # Errors
/// [`CommandError`].
pub fn run(options: &BaselineOptions, cancel: &AtomicBool, listener: &mut dyn Listener) -> Result<Scored, CommandError> {
    if let Some(terms) = TermBaseline::named(&options.name) {
        return super::term_baseline::run(terms, options, cancel, listener);
    }
    let baseline: Baseline = options.name.parse()?;
    let set = options.reading.find(&options.data)?;
    listener.hear(Event::Note(set.summary()));
    baseline.accept(if set.layout.is_stills() || still_branch::are_stills(set.for_training()?) {
        Footage::Stills
    } else {
        Footage::Clips
    })?;
    let open = OpenOptions { planes: Planes::Luma, ..options.reading.open.clone() };
    let unseen = !set.test.is_empty();
    if !unseen {
        listener.hear(Event::Warning(format!("{} has no test part: {CALIBRATED_ON_ITSELF}", set.name())));
    }
    let begun = Instant::now();
    let mut scored = Scored { out: options.out.clone(), maps: options.maps.clone(), ..Scored::default() };
    let mut footage = NormalFootage { clips: set.for_training()?, open: &open, cancel, listener };
    let (mut detector, calibration) = fit_and_calibrate(baseline, &mut footage)?;
    let mut rows = RowOutput::open(&options.out, &[], false)?;
    let mut maps = options.maps.as_deref().map(|folder| MapOutput::create(folder, calibration.tau0)).transpose()?;
    for clip in set.for_scoring() {
        let mut scorer = ClipScorer { detector: detector.as_mut(), calibration, rows: &mut rows, maps: maps.as_mut(), scored: &mut scored };
        let frames = scorer.score(clip, &open, cancel)?;
        scored.notes.extend(set.check_test_frames(&clip.name, frames)?);
        scored.clips += 1;
        listener.hear(progress("scoring", scored.frames, &clip.name));
    }
    if let Some(maps) = maps {
        maps.finish()?;
    }
    scored.sha256 = rows.finish()?;
    scored.seconds = begun.elapsed().as_secs_f64();
    listener.hear(Event::Finished { task: "scoring", summary: String::new() });
    let mut meta = meta(options, baseline, &calibration, &scored);
    if !unseen {
        meta.strict = false;
        meta.not_strict_because.push(CALIBRATED_ON_ITSELF.into());
    }
    meta.write_beside(&options.out)?;
    scored.next = Labels::are_there(&set).then(|| evaluate_command(&options.out, &options.data));
    Ok(scored)
}

fn progress(task: &'static str, frames: u64, clip: &str) -> Event {
    Event::Progress { task, done: frames, total: None, unit: "frames", detail: clip.into(), numbers: json!({ "clip": clip }) }
}

fn meta(options: &BaselineOptions, baseline: Baseline, calibration: &BaselineCalibration, scored: &Scored) -> ScoreMeta {
    let mut meta = ScoreMeta {
        schema: ScoreMeta::SCHEMA,
        program_version: Some(env!("CARGO_PKG_VERSION").into()),
        scores_sha256: Some(scored.sha256.clone()),
        tau0: Some(calibration.tau0),
        command: Some(options.command.clone()),
        selection: Some(Selection::Train),
        strict: true,
        ..ScoreMeta::default()
    };
    meta.further.insert("baseline".into(), baseline.name().into());
    meta.further.insert("alarm_from".into(), calibration.threshold.score.into());
    meta.further.insert("alarm_threshold".into(), json!(calibration.threshold));
    meta.further.insert("highest_normal".into(), calibration.score(calibration.highest).into());
    meta
}

/// A clip's frames as grey pictures at their own size.
struct GreyStream {
    clip: String,
    source: Box<dyn FrameSource>,
    resizer: Option<(Resizer, usize, usize)>,
    samples: Vec<u8>,
    before: Vec<u8>,
}

/// One of them.
struct Grey<'a> {
    frame: GreyFrame<'a>,
    index: u64,
    time_s: Option<f64>,
    status: FrameStatus,
}

impl GreyStream {
    fn open(clip: &Clip, open: &OpenOptions) -> Result<GreyStream, CommandError> {
        Ok(GreyStream { clip: clip.name.clone(), source: clip.open(open)?, resizer: None, samples: Vec::new(), before: Vec::new() })
    }

    fn next(&mut self) -> Result<Option<Grey<'_>>, CommandError> {
        let told = |source| crate::data::DataError::Source { clip: self.clip.clone(), source };
        let Some(frame) = self.source.next().map_err(told)? else { return Ok(None) };
        let told = |source| crate::data::DataError::Resize { clip: self.clip.clone(), frame: frame.index, source };
        if self.resizer.is_none() {
            let (width, height) = frame.displayed_size();
            let target = Target { width, height, channels: Channels::Luma, filter: Filter::Area, fit: Fit::Stretch };
            self.resizer = Some((Resizer::new(target).map_err(told)?, height as usize, width as usize));
            self.samples.resize(height as usize * width as usize, 0);
        }
        let Some((resizer, height, width)) = &mut self.resizer else { return Ok(None) };
        resizer.resize_into(&frame, &mut self.samples).map_err(told)?;
        let status = match frame.damage {
            Damage::Repeated => FrameStatus::Repeated,
            _ if self.samples == self.before => FrameStatus::Repeated,
            Damage::Concealed => FrameStatus::Damaged,
            Damage::None | Damage::Unknown => FrameStatus::Ok,
        };
        self.before.clone_from(&self.samples);
        let grey = GreyFrame { height: *height, width: *width, samples: &self.samples };
        Ok(Some(Grey { frame: grey, index: frame.index, time_s: frame.time_s(), status }))
    }
}

/// The training clips, decoded as often as the detector asks.
struct NormalFootage<'a> {
    clips: &'a [Clip],
    open: &'a OpenOptions,
    cancel: &'a AtomicBool,
    listener: &'a mut dyn Listener,
}

impl TrainingFootage for NormalFootage<'_> {
    fn clips(&self) -> usize {
        self.clips.len()
    }

    fn clock(&self, clip: usize) -> Clock {
        match self.clips[clip].source {
            ClipSource::Video(_) => Clock::Pts,
            ClipSource::Pictures(_) => Clock::Fps,
        }
    }

    fn read(&mut self, clip: usize, visit: &mut Visit<'_>) -> Result<(), BaselineError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(BaselineError::Read(CommandError::Interrupted.into()));
        }
        let clip = &self.clips[clip];
        self.listener.hear(Event::Progress {
            task: "normal footage",
            done: 0,
            total: None,
            unit: "frames",
            detail: clip.name.clone(),
            numbers: json!({ "clip": clip.name }),
        });
        let told = |error: CommandError| BaselineError::Read(error.into());
        let mut stream = GreyStream::open(clip, self.open).map_err(told)?;
        while let Some(grey) = stream.next().map_err(told)? {
            // As in scoring, a picture that comes again says nothing new.
            if grey.status != FrameStatus::Repeated {
                visit(grey.frame, Moment { frame: grey.index, time_s: grey.time_s })?;
            }
        }
        Ok(())
    }
}

/// One clip on its way from frames to rows.
struct ClipScorer<'a> {
    detector: &'a mut dyn Detector,
    calibration: BaselineCalibration,
    rows: &'a mut RowOutput,
    maps: Option<&'a mut MapOutput>,
    scored: &'a mut Scored,
}

impl ClipScorer<'_> {
    fn score(&mut self, clip: &Clip, open: &OpenOptions, cancel: &AtomicBool) -> Result<usize, CommandError> {
        let mut stream = GreyStream::open(clip, open)?;
        self.detector.start_clip();
        let (mut frames, mut last, mut alarms) = (0, LastScore::default(), self.calibration.alarm_rule());
        while let Some(grey) = stream.next()? {
            if cancel.load(Ordering::Relaxed) {
                return Err(CommandError::Interrupted);
            }
            if grey.status != FrameStatus::Repeated || frames == 0 {
                last.take(&self.detector.push(grey.frame)?);
                last.alarm = alarms.next(self.calibration.score(last.raw));
            }
            let row = row(&clip.name, &grey, &last, &self.calibration);
            self.rows.write(&row)?;
            self.scored.count(&row);
            if let Some(maps) = &mut self.maps {
                let size = (grey.frame.height, grey.frame.width);
                maps.announce(&clip.name, size);
                maps.push(&clip.name, row.frame, size, &last.map)?;
            }
            frames += 1;
        }
        Ok(frames)
    }
}

/// The last score of a clip and its map: what a repeated frame gets too.
#[derive(Default)]
struct LastScore {
    raw: f64,
    warmup: bool,
    alarm: bool,
    map: Vec<f32>,
}

impl LastScore {
    fn take(&mut self, found: &FrameScore<'_>) {
        (self.raw, self.warmup) = (found.raw, found.warmup);
        found.write_map(&mut self.map);
    }
}

fn row<'a>(clip: &'a str, grey: &Grey<'_>, found: &LastScore, calibration: &BaselineCalibration) -> ScoreRow<'a> {
    ScoreRow {
        clip,
        frame: usize::try_from(grey.index).unwrap_or(usize::MAX),
        score: calibration.score(found.raw),
        time_s: grey.time_s,
        status: grey.status,
        score_raw: Some(found.raw),
        alarm: Some(found.alarm && grey.status != FrameStatus::Repeated),
        warmup: Some(found.warmup),
        ..ScoreRow::default()
    }
}
