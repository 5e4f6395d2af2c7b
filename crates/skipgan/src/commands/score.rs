//! `score RUN INPUT… --out FILE`: one row a frame, causal, with maps and an overlay where wanted. Labels are never opened here.

use super::CommandError;
use super::detector::{self, Opened};
use super::event::{Event, Listener};
use super::executor::{Device, Executor};
use super::map_output::MapOutput;
use super::overwriting::refuse_overwriting;
use super::reading::{self, Reading, shown};
use super::report::report_command;
use super::scored::{RowOutput, Scored, columns_of, evaluate_command, row_of};
use super::selection::{Selected, selected};
use crate::calibration::Calibration;
use crate::config::{BnTest, Scale};
use crate::data::fingerprint::fingerprint;
use crate::data::labels::Labels;
use crate::data::{Clip, DataSet, WindowStream};
use crate::evaluate::Selection;
use crate::model::Precision;
use crate::report::meta_file::{InputRecord, ScoreMeta};
use crate::report::overlay::{ClipFacts, Overlay, OverlayPlace, OverlayScale};
use crate::score::{ClipEnd, Detector, FrameScore, MapView, ScoreError, Sink, min_max};
use crate::stages::{Stage, StageClock};
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What to score, with what, into which files.
#[derive(Clone, Debug)]
pub struct ScoreOptions {
    /// A run folder or a checkpoint file.
    pub run: PathBuf,
    /// Footage; `-` is Y4M on stdin.
    pub input: Vec<PathBuf>,
    /// The score file.
    pub out: PathBuf,
    /// Folder of anomaly maps and detections.
    pub maps: Option<PathBuf>,
    /// Annotated video.
    pub overlay: Option<PathBuf>,
    /// `best`, `last` or a file.
    pub checkpoint: Option<String>,
    /// Settings to change.
    pub set: Vec<String>,
    /// How footage is read.
    pub reading: Reading,
    /// Worker threads; 0: one a core.
    pub threads: usize,
    /// Where the network runs.
    pub device: Device,
    /// Arithmetic.
    pub precision: Precision,
    /// The command, for the meta file.
    pub command: String,
}

/// Scores every frame of every clip.
///
/// # Errors
/// [`CommandError`].
pub fn run(options: &ScoreOptions, cancel: &AtomicBool, listener: &mut dyn Listener) -> Result<Scored, CommandError> {
    options.device.check(options.precision)?;
    let executor = Executor::open(options.device, reading::pool(options.threads)?)?;
    executor.announce(listener);
    let opened = detector::open(&options.run, options.checkpoint.as_deref(), &options.set)?;
    let set = options.reading.find(&options.input)?;
    listener.hear(Event::Note(set.summary()));
    if is_live(options) && (opened.config.scale == Scale::TestMinmax || opened.config.bn_test == BnTest::Batch) {
        let told = "scores of this run need all frames (scale = test_minmax) or a batch of them (bn_test = batch), which a live source has not; \
                    calibrate it with --set scale=terms --set bn_test=running";
        return Err(CommandError::Usage(told.into()));
    }
    let mut meta = meta(&opened, options, &selected(&opened, set.for_scoring()));
    let arithmetic = executor.arithmetic(options.precision, &opened.checkpoint.spec);
    if options.precision == Precision::Int8 {
        listener.hear(Event::Note(format!("scoring with {arithmetic}")));
    }
    meta.further.insert("arithmetic".into(), json!(arithmetic));
    for reason in meta.not_strict_because.iter().filter(|_| meta.selection == Some(Selection::Test)) {
        listener.hear(Event::Warning(format!("{reason}: these scores are not strict")));
    }
    let detector = executor.detector(opened.checkpoint, opened.config.clone(), options.precision)?;
    score_set(detector, &set, options, meta, cancel, listener)
}

/// Scores every clip of `set` that is to be scored, with rows, maps and overlay as `options` say.
///
/// # Errors
/// [`CommandError`].
pub(super) fn score_set(
    mut detector: Detector,
    set: &DataSet,
    options: &ScoreOptions,
    mut meta: ScoreMeta,
    cancel: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<Scored, CommandError> {
    let (clips, live) = (set.for_scoring(), is_live(options));
    refuse_overwriting(clips, &options.out, options.overlay.as_deref())?;
    if live {
        detector.set_batch(1);
    }
    let mut outputs = Outputs::open(options, &detector, clips, live, cancel, listener)?;
    let whole = detector.config().scale == Scale::TestMinmax;
    outputs.held_back = whole.then(Vec::new);
    score_clips(&mut detector, set, options, &mut meta, &mut outputs)?;
    let mut scored = outputs.finish()?;
    meta.scores_sha256 = Some(scored.sha256.clone());
    meta.write_beside(&options.out)?;
    scored.next = next_command(set, options);
    Ok(scored)
}

fn is_live(options: &ScoreOptions) -> bool {
    options.input.iter().any(|path| path == Path::new("-"))
}

/// Where there are labels, judging; else looking. A live source cannot be looked at again.
fn next_command(set: &DataSet, options: &ScoreOptions) -> Option<String> {
    let is_test = !(set.test.is_empty() && set.unassigned.is_empty());
    match is_test && Labels::are_there(set) {
        _ if is_live(options) => None,
        true => Some(evaluate_command(&options.out, &options.input)),
        false if options.run.as_os_str().is_empty() => None,
        false => Some(report_command(&options.run, &options.out, &options.input)),
    }
}

/// Clip after clip through one scorer (batches of the published test cross clips).
fn score_clips(
    detector: &mut Detector,
    set: &DataSet,
    options: &ScoreOptions,
    meta: &mut ScoreMeta,
    outputs: &mut Outputs<'_>,
) -> Result<(), CommandError> {
    let (sight, timed) = (detector.sight().clone(), detector.times_stages());
    let mut scorer = detector.scorer()?;
    for clip in set.for_scoring() {
        let mut clock = if timed { StageClock::running() } else { StageClock::default() };
        clock.start();
        let mut stream = WindowStream::open(clip, &options.reading.open, &sight)?;
        clock.lap(Stage::Open);
        outputs.scored.stages.add(&clock);
        if timed {
            stream.time_stages();
        }
        outputs.begin(clip, &stream)?;
        let end = match scorer.score_clip(&clip.name, &mut stream, outputs) {
            // Ctrl-C is how one ends a camera: what was scored is kept.
            Err(ScoreError::Interrupted) if outputs.live => ClipEnd { frames: outputs.scored.frames, broke_off: None },
            end => end?,
        };
        outputs.scored.interrupted = outputs.live && outputs.cancel.load(Ordering::Relaxed);
        outputs.end_clip(clip, &end, &stream, meta);
        outputs.scored.stages.add(&stream.stages());
        outputs.scored.notes.extend(set.check_test_frames(&clip.name, end.frames as usize)?);
        meta.inputs.push(record(clip, end.frames, &stream));
    }
    if !outputs.scored.interrupted {
        scorer.finish(outputs)?;
    }
    outputs.scored.stages.add(scorer.stages());
    Ok(())
}

fn meta(opened: &Opened, options: &ScoreOptions, selected: &Selected) -> ScoreMeta {
    let mut not_strict_because = opened.config.not_strict_because();
    not_strict_because.extend(selected.reasons.iter().cloned());
    let provenance = &opened.checkpoint.provenance;
    let mut meta = ScoreMeta {
        schema: ScoreMeta::SCHEMA,
        program_version: Some(env!("CARGO_PKG_VERSION").into()),
        model_sha256: Some(opened.sha256.clone()),
        seed: Some(provenance.seed),
        tau0: opened.checkpoint.calibration.as_ref().map(|calibration| calibration.tau0),
        run: Some(shown(&options.run)),
        command: Some(options.command.clone()),
        selection: Some(selected.selection),
        strict: not_strict_because.is_empty(),
        not_strict_because,
        ..ScoreMeta::default()
    };
    let calibration = opened.checkpoint.calibration.as_ref();
    let further = [
        ("preset", json!(opened.config.preset)),
        ("step", json!(opened.checkpoint.progress.step)),
        ("training_data_sha256", json!(provenance.data_fingerprint)),
        ("calibration_data_sha256", json!(Some(&provenance.calibrated_on).filter(|footage| !footage.is_empty()))),
        ("alarm_from", json!(calibration.map(Calibration::alarm_from))),
        ("alarm_threshold", json!(calibration.map(|calibration| calibration.threshold))),
        ("highest_normal", json!(calibration.map(|calibration| calibration.highest))),
        ("damage", json!([])),
    ];
    meta.further.extend(further.map(|(key, value)| (key.to_string(), value)));
    meta
}

fn record(clip: &Clip, frames: u64, stream: &WindowStream) -> InputRecord {
    InputRecord {
        clip: clip.name.clone(),
        path: shown(clip.path()),
        sha256: if clip.path() == Path::new("-") { None } else { fingerprint(std::slice::from_ref(clip)).ok() },
        decoder: Some(stream.source().info().backend.name().into()),
        frames: usize::try_from(frames).ok(),
    }
}

/// An overlay on the calibrated scale: colours and heights mean the same in every film of a run.
fn overlay(path: &Path, calibration: &Calibration, clips: &[Clip], reading: &Reading) -> Result<Overlay, CommandError> {
    let facts = |clip: &Clip| {
        // A pipe can be opened once only, and not here.
        let opened = if clip.path() == Path::new("-") { None } else { clip.open(&reading.open).ok() };
        let info = opened.as_ref().map(|source| source.info());
        let frames = clip.known_frames().map(|frames| frames as u64).or_else(|| info?.declared_frames);
        (clip.name.clone(), ClipFacts { frames, frames_per_second: info.and_then(|info| info.frame_rate) })
    };
    let scale = OverlayScale { heat: calibration.display, threshold: calibration.alarm_from(), tau0: Some(calibration.tau0) };
    let place = OverlayPlace::new(path, clips.len(), reading.open.ffmpeg.clone())?;
    Ok(Overlay::new(place, scale, clips.iter().map(facts).collect()))
}

/// Losses of a clip that are told one by one.
const TOLD_LOSSES: usize = 5;

/// Everything that takes scores: rows, maps, overlay, the listener.
struct Outputs<'a> {
    rows: RowOutput,
    maps: Option<MapOutput>,
    overlay: Option<Overlay>,
    /// Rows that wait for the last one, where the scale needs them all.
    held_back: Option<Vec<FrameScore>>,
    scored: Scored,
    /// Rows so far, written or held back.
    taken: u64,
    live: bool,
    begun: Instant,
    clips: usize,
    cancel: &'a AtomicBool,
    listener: &'a mut dyn Listener,
}

impl<'a> Outputs<'a> {
    fn open(
        options: &ScoreOptions,
        detector: &Detector,
        clips: &[Clip],
        live: bool,
        cancel: &'a AtomicBool,
        listener: &'a mut dyn Listener,
    ) -> Result<Outputs<'a>, CommandError> {
        let calibration = detector.calibration();
        let overlay = options.overlay.as_deref().map(|path| overlay(path, calibration, clips, &options.reading)).transpose()?;
        Ok(Outputs {
            rows: RowOutput::open(&options.out, columns_of(detector.config()), live)?,
            maps: options.maps.as_deref().map(|folder| MapOutput::create(folder, calibration.tau0)).transpose()?,
            scored: Scored {
                out: options.out.clone(),
                maps: options.maps.clone(),
                overlay: overlay.as_ref().map(|overlay| overlay.path().to_path_buf()),
                ..Scored::default()
            },
            overlay,
            held_back: None,
            taken: 0,
            live,
            begun: Instant::now(),
            clips: clips.len(),
            cancel,
            listener,
        })
    }

    fn begin(&mut self, clip: &Clip, stream: &WindowStream) -> Result<(), CommandError> {
        let info = stream.source().info();
        let (width, height) = video::frame::displayed_size(info.width, info.height, info.rotation);
        if let Some(maps) = &mut self.maps {
            maps.announce(&clip.name, (height as usize, width as usize));
        }
        Ok(())
    }

    fn end_clip(&mut self, clip: &Clip, end: &ClipEnd, stream: &WindowStream, meta: &mut ScoreMeta) {
        self.scored.clips += 1;
        let losses = stream.source().damage_log();
        let told = losses.events.iter().map(|event| (event.frame, event.reason.clone()));
        let told: Vec<(u64, String)> = told.chain(end.broke_off.clone().map(|reason| (end.frames, reason))).collect();
        let broke_off = end.broke_off.iter().map(|reason| format!("broke off after frame {}: {reason}", end.frames.saturating_sub(1)));
        let lines: Vec<String> = losses.lines().into_iter().chain(broke_off).collect();
        self.scored.notes.extend(lines.iter().take(TOLD_LOSSES).map(|line| format!("{}, {line}", clip.name)));
        if lines.len() > TOLD_LOSSES {
            let all = losses.total + u64::from(end.broke_off.is_some());
            self.scored.notes.push(format!("{}: {all} losses in all; the .meta.json beside the scores has them", clip.name));
        }
        if let Some(damage) = meta.further.get_mut("damage").and_then(Value::as_array_mut) {
            damage.extend(told.into_iter().map(|(frame, reason)| json!({ "clip": clip.name, "frame": frame, "reason": reason })));
        }
    }

    fn take(&mut self, row: &FrameScore, map: &MapView<'_>) -> Result<(), CommandError> {
        match &mut self.held_back {
            Some(rows) => rows.push(row.clone()),
            None => {
                self.rows.frame(row)?;
                self.scored.count(&row_of(row));
            }
        }
        if let Some(maps) = &mut self.maps {
            maps.push(&row.clip, row.frame as usize, (map.rows, map.cols), map.values)?;
        }
        if let Some(overlay) = &mut self.overlay {
            overlay.take(row, map)?;
        }
        self.taken += 1;
        if self.taken.is_multiple_of(16) {
            self.tell(&row.clip);
        }
        Ok(())
    }

    fn tell(&mut self, clip: &str) {
        let frames = self.taken;
        let speed = frames as f64 / self.begun.elapsed().as_secs_f64().max(1e-9);
        self.listener.hear(Event::Progress {
            task: "scoring",
            done: frames,
            total: None,
            unit: "frames",
            detail: format!("{clip} (clip {} of {})  {speed:.0} frames/s", self.scored.clips + 1, self.clips),
            numbers: json!({ "clip": clip, "frames_per_second": speed, "alarms": self.scored.alarms }),
        });
    }

    fn finish(mut self) -> Result<Scored, CommandError> {
        if let Some(mut rows) = self.held_back.take() {
            let mut scores: Vec<f64> = rows.iter().map(|row| row.score_raw).collect();
            min_max(&mut scores);
            for (row, score) in rows.iter_mut().zip(scores) {
                row.score = score;
                self.rows.frame(row)?;
                self.scored.count(&row_of(row));
            }
        }
        if let Some(maps) = self.maps {
            maps.finish()?;
        }
        if let Some(overlay) = self.overlay {
            overlay.finish()?;
        }
        self.scored.sha256 = self.rows.finish()?;
        self.scored.seconds = self.begun.elapsed().as_secs_f64();
        self.listener.hear(Event::Finished { task: "scoring", summary: String::new() });
        for note in &self.scored.notes {
            self.listener.hear(Event::Warning(note.clone()));
        }
        Ok(self.scored)
    }
}

impl Sink for Outputs<'_> {
    fn frame(&mut self, frame: &video::Frame) {
        if let Some(overlay) = &mut self.overlay {
            overlay.keep(frame);
        }
    }

    fn score(&mut self, row: &FrameScore, map: &MapView<'_>) -> io::Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.take(row, map).map_err(io::Error::other)
    }
}
