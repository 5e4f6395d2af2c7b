//! `report RUN [--scores FILE --data DATA]`: one self-contained HTML page; of a run alone the training, of scores without labels the curves
//! and the frames that stand out, and always what is missing.

use super::CommandError;
use super::detector::{self, Opened, alarm_in_words};
use super::evaluate::{self, EvaluateOptions, Held};
use super::event::{Event, Listener};
use super::executor::{Device, Executor};
use super::moments::{Looking, displayed};
use super::network_worth::WithAndWithout;
use super::reading::{self, Reading, quoted, shown};
use super::truth::Truth;
use crate::atomic_file::write_atomically;
use crate::calibration::Calibration;
use crate::checkpoint::Run;
use crate::data::DataError;
use crate::report::html::{Captioned, ClipResult, ConfigRow, Fact, Missing, ReportInput, TrainingInput, loss_plots, pick_moments, render};
use crate::report::meta_file::ScoreMeta;
use crate::report::score_file::FrameStatus;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What to show, and where to write it.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// A run folder.
    pub run: PathBuf,
    /// The score file; `None`: the training alone.
    pub scores: Option<PathBuf>,
    /// The footage that was scored: a data set, or the inputs that `score` was given.
    pub data: Vec<PathBuf>,
    /// Labels in a place of their own.
    pub labels: Option<PathBuf>,
    /// Folder of maps and detections.
    pub maps: Option<PathBuf>,
    /// The page; `None`: `RUN/report/index.html`.
    pub out: Option<PathBuf>,
    /// `best`, `last` or a file.
    pub checkpoint: Option<String>,
    /// How footage is read.
    pub reading: Reading,
    /// Worker threads; 0: one a core.
    pub threads: usize,
    /// Where the network runs.
    pub device: Device,
    /// The command, for the page.
    pub command: String,
}

/// A page that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// How large.
    pub bytes: usize,
}

/// Hits, misses and false alarms shown, at most so many each; twice as many where nobody knows which is which.
const MOMENTS: usize = 4;
/// Most bytes of `commands.txt` that are read.
const MOST_COMMANDS: u64 = 1 << 16;
/// Largest `metrics.csv` that is read.
const MOST_METRICS: u64 = 256 << 20;

/// Writes the page.
///
/// # Errors
/// [`CommandError`].
pub fn run(options: &ReportOptions, listener: &mut dyn Listener) -> Result<Written, CommandError> {
    let opened = detector::open(&options.run, options.checkpoint.as_deref(), &[])?;
    let mut input = about(&opened, options)?;
    match &options.scores {
        Some(scores) if !options.data.is_empty() => add_scores(&mut input, &opened, scores, options, listener)?,
        _ => input.missing.push(Missing {
            what: "scores and what they are worth".into(),
            command: quoted(&["skipgan", "score", &shown(&options.run), "DATA", "--out", "scores.csv"]),
        }),
    }
    input.commands.push(options.command.clone());
    let path = options.out.clone().unwrap_or_else(|| options.run.join("report").join("index.html"));
    let page = render(&input);
    write_atomically(&path, page.as_bytes()).map_err(|source| CommandError::Io { path: path.clone(), action: "write", source })?;
    listener.hear(Event::Finished { task: "report", summary: String::new() });
    Ok(Written { path, bytes: page.len() })
}

/// The run: its configuration, its training, where it comes from.
fn about(opened: &Opened, options: &ReportOptions) -> Result<ReportInput, CommandError> {
    let checkpoint = &opened.checkpoint;
    let provenance = vec![
        Fact::new("checkpoint", shown(&opened.path)),
        Fact::new("model SHA-256", opened.sha256.clone()),
        Fact::new("seed", checkpoint.provenance.seed.to_string()),
        Fact::new("state of step", checkpoint.progress.step.to_string()),
        Fact::new("written by", format!("skipgan {}", checkpoint.provenance.program_version)),
        Fact::new("training data SHA-256", checkpoint.provenance.data_fingerprint.clone()),
        Fact::new("training decoder", checkpoint.provenance.decoder.clone()),
    ];
    Ok(ReportInput {
        title: options.run.file_name().map_or_else(|| shown(&options.run), |name| name.to_string_lossy().into_owned()),
        subtitle: format!(
            "preset {}, {}×{} pixels, state of step {}",
            opened.config.preset, checkpoint.width, checkpoint.height, checkpoint.progress.step
        ),
        training: training(opened, &options.run)?,
        config: ConfigRow::of(&opened.config)?,
        commands: training_commands(&options.run),
        threshold: checkpoint.calibration.as_ref().map(Calibration::alarm_from),
        provenance,
        ..ReportInput::default()
    })
}

/// The commands that trained the run, where its folder has noted them.
fn training_commands(run: &Path) -> Vec<String> {
    let Ok(file) = Run::open(run).map(|run| std::fs::File::open(run.commands()).ok()) else { return Vec::new() };
    let mut text = String::new();
    let read = file.is_some_and(|file| file.take(MOST_COMMANDS).read_to_string(&mut text).is_ok());
    if read { text.lines().map(str::to_string).collect() } else { Vec::new() }
}

fn training(opened: &Opened, run: &Path) -> Result<Option<TrainingInput>, CommandError> {
    let Ok(run) = Run::open(run) else { return Ok(None) };
    let path = run.metrics();
    let told = |source| CommandError::Io { path: path.clone(), action: "read", source };
    let metrics = match std::fs::metadata(&path) {
        Ok(found) if found.len() <= MOST_METRICS => std::fs::read_to_string(&path).map_err(told)?,
        _ => String::new(),
    };
    let plots = if metrics.is_empty() { Vec::new() } else { loss_plots(&metrics)? };
    let trained = metrics.lines().last().and_then(|line| line.split(',').next()).unwrap_or_default();
    let progress = &opened.checkpoint.progress;
    let calibration = opened.checkpoint.calibration.as_ref();
    let mut facts = vec![Fact::new("steps trained", trained), Fact::new("state shown", format!("step {}", progress.step))];
    if let Some(calibration) = calibration {
        facts.push(Fact::new("held-out frames", calibration.frames.to_string()));
        facts.push(Fact::new("alarm from", alarm_in_words(calibration)));
    }
    let kept = progress.best.map(|best| (best.step as f64, format!("kept: step {}", best.step)));
    Ok(Some(TrainingInput { plots, facts, kept, samples: latest_samples(&run)? }))
}

/// The last sheet of samples that training wrote: input, reconstruction and map of held-out windows.
fn latest_samples(run: &Run) -> Result<Vec<Vec<Captioned>>, CommandError> {
    let Ok(entries) = std::fs::read_dir(run.samples()) else { return Ok(Vec::new()) };
    let latest = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "png")).max();
    let Some(path) = latest else { return Ok(Vec::new()) };
    let told = |source| DataError::Source { clip: shown(&path), source };
    let frame = video::images::read_picture(&path, video::Planes::All, &video::Limits::default()).map_err(told)?;
    let step = path.file_stem().map(|stem| stem.to_string_lossy().trim_start_matches("step_").trim_start_matches('0').to_string());
    let caption = format!("held-out windows, step {}: input, reconstruction, map", step.unwrap_or_default());
    Ok(vec![vec![Captioned { caption, picture: displayed(&frame)? }]])
}

/// The scores, the frames that stand out, and what all that is worth where there are labels.
fn add_scores(
    input: &mut ReportInput,
    opened: &Opened,
    scores: &Path,
    options: &ReportOptions,
    listener: &mut dyn Listener,
) -> Result<(), CommandError> {
    let judging = EvaluateOptions {
        scores: scores.to_path_buf(),
        data: options.data.clone(),
        labels: options.labels.clone(),
        column: "score".into(),
        maps: options.maps.clone(),
        out: None,
        compare: None,
        reading: options.reading.clone(),
    };
    let held = evaluate::hold(&judging, listener)?;
    let truth = truth_where_there_is_one(&held, &judging, listener)?;
    input.clips = results(&held, truth.as_ref())?;
    input.data = held.set.summary().lines().map(|line| Fact::new("data", line)).collect();
    input.provenance.push(Fact::new("scores SHA-256", held.table.sha256.clone()));
    input.commands.extend(held.meta.as_ref().and_then(|meta| meta.command.clone()));
    warn_of_another_model(held.meta.as_ref(), opened, listener);
    match &truth {
        Some(truth) => {
            input.evaluation = Some(evaluate::measure(&held, truth, &judging)?);
            input.data.push(Fact::new("labels", truth.source.clone()));
            if options.maps.is_none() {
                input.missing.push(without_maps(options, scores));
            }
        }
        None => {
            input.same_without_network = WithAndWithout::of(&held.table).and_then(|pair| pair.same_highest());
            input.missing.push(without_labels(options, scores));
        }
    }
    let Some(calibration) = &opened.checkpoint.calibration else { return Ok(()) };
    let executor = Executor::open(options.device, reading::pool(options.threads)?)?;
    executor.announce(listener);
    let mut engine = executor.load(&opened.checkpoint, &opened.config)?;
    let chosen = pick_moments(&input.clips, MOMENTS);
    let mut looking = Looking { opened, engine: engine.as_mut(), calibration, reading: &options.reading };
    input.moments = looking.at(&chosen, &input.clips, held.set.for_scoring())?;
    Ok(())
}

/// Own footage mostly has no labels: the page then shows the scores alone. Labels that were named must be there.
fn truth_where_there_is_one(held: &Held, judging: &EvaluateOptions, listener: &mut dyn Listener) -> Result<Option<Truth>, CommandError> {
    match evaluate::truth(held, judging, listener) {
        Err(CommandError::Data(DataError::NoLabels { .. })) if judging.labels.is_none() => {
            listener.hear(Event::Note("no labels: the report shows scores and alarms, not what they are worth".into()));
            Ok(None)
        }
        read => read.map(Some),
    }
}

fn without_maps(options: &ReportOptions, scores: &Path) -> Missing {
    let (run, scores, data) = (shown(&options.run), shown(scores), options.data.iter().map(|path| shown(path)).collect::<Vec<_>>());
    let words = ["skipgan", "score", &run].into_iter().chain(data.iter().map(String::as_str));
    let command = quoted(&words.chain(["--out", &scores, "--maps", "maps"]).collect::<Vec<_>>());
    Missing { what: "pixel and region numbers (give report --maps DIR too)".into(), command }
}

fn without_labels(options: &ReportOptions, scores: &Path) -> Missing {
    let what = "what the scores are worth: for that, note for every frame whether it is anomalous, in a table with the columns \
                clip,frame,label (0 or 1), as labels/anything.csv in the folder of the footage or named with --labels";
    let command = report_command(&options.run, scores, &options.data) + " --labels labels.csv";
    Missing { what: what.into(), command }
}

/// The command that shows these scores.
pub(super) fn report_command(run: &Path, scores: &Path, data: &[PathBuf]) -> String {
    let (run, scores, data) = (shown(run), shown(scores), data.iter().map(|path| shown(path)).collect::<Vec<_>>());
    let words = ["skipgan", "report", &run, "--scores", &scores];
    quoted(&words.into_iter().chain(data.iter().flat_map(|path| ["--data", path])).collect::<Vec<_>>())
}

/// How many frames of a clip were not what they should be, in words.
fn impaired(status: &[FrameStatus]) -> Vec<String> {
    let kinds = [(FrameStatus::Repeated, "repeated"), (FrameStatus::Damaged, "damaged"), (FrameStatus::SceneChange, "scene change")];
    let counted = kinds.map(|(kind, word)| (status.iter().filter(|&&found| found == kind).count(), word));
    counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect()
}

fn warn_of_another_model(meta: Option<&ScoreMeta>, opened: &Opened, listener: &mut dyn Listener) {
    if meta.and_then(|meta| meta.model_sha256.as_deref()).is_some_and(|sha256| sha256 != opened.sha256) {
        listener.hear(Event::Warning("the scores were made with another checkpoint than the one shown here".into()));
    }
}

fn results(held: &Held, truth: Option<&Truth>) -> Result<Vec<ClipResult>, CommandError> {
    let scores = held.table.scores("score")?;
    let times = held.table.column("time_s").unwrap_or_default();
    let warmups = held.table.column("warmup").unwrap_or_default();
    let alarms = held.table.scores("alarm").unwrap_or_default();
    let clips = held.set.for_scoring().iter().enumerate();
    Ok(clips
        .map(|(at, clip)| ClipResult {
            name: clip.name.clone(),
            scores: scores[at].to_vec(),
            labels: truth.map(|truth| truth.labels[at].clone()),
            times: times.get(at).filter(|times| times.iter().all(|time| time.is_finite())).map(|times| times.to_vec()),
            alarms: alarms.get(at).map(|alarms| alarms.iter().map(|&alarm| alarm > 0.5).collect()),
            warmup: warmups.get(at).map_or(0, |flags| flags.iter().take_while(|&&flag| flag == 1.0).count()),
            notes: impaired(&held.table.clips[at].status),
        })
        .collect())
}
