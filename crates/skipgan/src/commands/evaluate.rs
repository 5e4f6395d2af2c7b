//! `evaluate SCORES --data DATA`: judges a score file, ours or anyone's, by labels that scoring never saw.

use super::CommandError;
use super::event::{Event, Listener};
use super::reading::{Reading, shown};
use super::truth::{MaskFiles, Truth};
use crate::alarm_events::{Clock, Threshold};
use crate::data::labels::kinds;
use crate::data::{Clip, DataError, DataSet};
use crate::evaluate::clips::ClipScores;
use crate::evaluate::run::{Inputs, MapSource, MaskSource, Options, evaluate};
use crate::evaluate::{AlarmRecord, ClipAlarms, Evaluation, OtherScores, PairedComparison, Provenance, Selection, compare, judge_alarms};
use crate::report::detections_file::{DETECTIONS_NAME, read_detections};
use crate::report::map_folder::MapFolder;
use crate::report::meta_file::ScoreMeta;
use crate::report::score_table::{ExpectedClip, ScoreTable};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use video::{OpenOptions, Planes};

/// What to judge, by what.
#[derive(Clone, Debug)]
pub struct EvaluateOptions {
    /// The score file.
    pub scores: PathBuf,
    /// The footage that was scored: a data set, or the inputs that `score` was given.
    pub data: Vec<PathBuf>,
    /// Labels in a place of their own.
    pub labels: Option<PathBuf>,
    /// The column to judge; `score` by default.
    pub column: String,
    /// Folder of maps and detections.
    pub maps: Option<PathBuf>,
    /// Where to write a copy with labels.
    pub out: Option<PathBuf>,
    /// Other scores of the same data, to compare with.
    pub compare: Option<PathBuf>,
    /// How footage is read.
    pub reading: Reading,
}

/// A score file held against the footage that was scored: every clip and frame of the one is in the other.
pub struct Held {
    /// The footage.
    pub set: DataSet,
    /// Scores of its clips, in its order.
    pub table: ScoreTable,
    /// Frames of each clip.
    pub frames: BTreeMap<String, usize>,
    /// What the scores were made with, where they are ours.
    pub meta: Option<ScoreMeta>,
}

/// Judges.
///
/// # Errors
/// [`CommandError`].
pub fn run(options: &EvaluateOptions, listener: &mut dyn Listener) -> Result<Evaluation, CommandError> {
    let held = hold(options, listener)?;
    let truth = truth(&held, options, listener)?;
    let mut evaluation = measure(&held, &truth, options)?;
    if let Some(other) = &options.compare {
        evaluation = evaluation.with_comparison(against(&held, &truth, other, options, listener)?);
    }
    warn_of_selection(held.meta.as_ref(), &options.scores, listener);
    if let Some(path) = &options.out {
        let labels: Vec<Vec<Option<u8>>> = truth.labels.iter().map(|clip| clip.iter().map(|&label| Some(label)).collect()).collect();
        held.table.write_labelled(path, &labels)?;
    }
    Ok(evaluation)
}

/// A number that the test set had a say in is told as such, whoever asks.
fn warn_of_selection(meta: Option<&ScoreMeta>, scores: &Path, listener: &mut dyn Listener) {
    if meta.is_some_and(|meta| meta.selection == Some(Selection::Test)) {
        let told = "a choice behind these scores saw the test set (selection: test); the number says how well it was chosen, not how well it detects";
        listener.hear(Event::Warning(format!("{}: {told}", shown(scores))));
    }
}

/// The paired comparison with another score file of the same data: the same column of it, or `score` where it has none of that name.
fn against(
    held: &Held,
    truth: &Truth,
    other: &Path,
    options: &EvaluateOptions,
    listener: &mut dyn Listener,
) -> Result<PairedComparison, CommandError> {
    let known: Vec<ExpectedClip<'_>> =
        truth.clips.iter().zip(&truth.labels).map(|(name, labels)| ExpectedClip { name, frames: labels.len() }).collect();
    let table = ScoreTable::read(other)?.match_clips(&known)?;
    warn_of_selection(ScoreMeta::read_beside(other)?.as_ref(), other, listener);
    let column = if table.columns.contains(&options.column) { options.column.as_str() } else { "score" };
    let (own, others) = (held.table.scores(&options.column)?, table.scores(column)?);
    let origin = OtherScores { name: shown(other), sha256: Some(table.sha256.clone()), column: column.to_owned() };
    Ok(compare(&clips_of(truth, &own), &others, origin, Options::default())?)
}

fn clips_of<'a>(truth: &'a Truth, scores: &[&'a [f64]]) -> Vec<ClipScores<'a>> {
    let named = truth.clips.iter().zip(scores).zip(&truth.labels);
    named.map(|((name, &scores), labels)| ClipScores { name, scores, labels }).collect()
}

/// What the alarms of the score file are worth; `None` where it has none.
fn alarms(held: &Held, truth: &Truth, options: &EvaluateOptions) -> Option<AlarmRecord> {
    let alarms = held.table.scores("alarm").ok()?;
    let alarms: Vec<Vec<bool>> = alarms.iter().map(|clip| clip.iter().map(|&alarm| alarm > 0.5).collect()).collect();
    let own = held.meta.as_ref().filter(|meta| meta.scores_sha256.as_ref() == Some(&held.table.sha256));
    let threshold: Option<Threshold> = own.and_then(|meta| serde_json::from_value(meta.further.get("alarm_threshold")?.clone()).ok());
    let from_file = held.table.scores("time_s").ok().map(|clips| clips.into_iter().map(<[f64]>::to_vec).collect::<Vec<_>>());
    let by_rate = |fps: f64| alarms.iter().map(|clip| (0..clip.len()).map(|frame| frame as f64 / fps).collect()).collect();
    let named = options.reading.open.fps.filter(|fps| *fps > 0.0);
    let clock = match (&from_file, named) {
        (Some(_), _) => threshold.map(|threshold| threshold.time).filter(|&time| time != Clock::Frames).unwrap_or(Clock::Pts),
        (None, Some(_)) => Clock::Fps,
        (None, None) => Clock::Frames,
    };
    let seconds: Option<Vec<Vec<f64>>> = from_file.or_else(|| named.map(by_rate));
    let clips: Vec<ClipAlarms<'_>> = (alarms.iter().zip(&truth.labels).enumerate())
        .map(|(clip, (alarms, labels))| ClipAlarms { alarms, labels, seconds: seconds.as_ref().map(|all| all[clip].as_slice()) })
        .collect();
    Some(judge_alarms(&clips, clock, threshold))
}

/// Reads scores and holds them against the footage; labels are not looked for.
///
/// # Errors
/// [`CommandError`]: a clip or a frame that one has and the other has not.
pub fn hold(options: &EvaluateOptions, listener: &mut dyn Listener) -> Result<Held, CommandError> {
    let table = ScoreTable::read(&options.scores)?;
    let set = options.reading.find(&options.data)?;
    listener.hear(Event::Note(set.summary()));
    let meta = ScoreMeta::read_beside(&options.scores)?;
    let frames = frames_of(&set, meta.as_ref().filter(|meta| meta.scores_sha256.as_ref() == Some(&table.sha256)), options, listener)?;
    let expected = set.for_scoring().iter().map(|clip| ExpectedClip { name: &clip.name, frames: frames[&clip.name] });
    let table = table.match_clips(&expected.collect::<Vec<_>>())?;
    for (clip, &frames) in &frames {
        if let Some(note) = set.check_test_frames(clip, frames)? {
            listener.hear(Event::Warning(note));
        }
    }
    Ok(Held { set, table, frames, meta })
}

/// Reads the labels of what is held.
///
/// # Errors
/// [`CommandError::Data`]: there are none, or they do not fit.
pub fn truth(held: &Held, options: &EvaluateOptions, listener: &mut dyn Listener) -> Result<Truth, CommandError> {
    let truth = Truth::read(&held.set, options.labels.as_deref(), &held.frames)?;
    for note in &truth.notes {
        listener.hear(Event::Warning(note.clone()));
    }
    Ok(truth)
}

/// Frames of every clip: pictures are counted, a video has as many as our own score file says it decoded, else it is decoded to count them
/// (a header may lie, and a score file that was cut must not be taken for whole).
fn frames_of(
    set: &DataSet,
    meta: Option<&ScoreMeta>,
    options: &EvaluateOptions,
    listener: &mut dyn Listener,
) -> Result<BTreeMap<String, usize>, CommandError> {
    let recorded = |clip: &Clip| meta?.inputs.iter().find(|input| input.clip == clip.name)?.frames;
    let mut frames = BTreeMap::new();
    for clip in set.for_scoring() {
        let known = clip.known_frames().or_else(|| recorded(clip));
        let count = match known {
            Some(count) => count,
            None => {
                listener.hear(Event::Note(format!("counting the frames of {}", clip.name)));
                count(clip, options)?
            }
        };
        frames.insert(clip.name.clone(), count);
    }
    Ok(frames)
}

fn count(clip: &Clip, options: &EvaluateOptions) -> Result<usize, CommandError> {
    let open = OpenOptions { planes: Planes::Luma, ..options.reading.open.clone() };
    let mut source = clip.open(&open)?;
    let mut frames = 0;
    while source.next().map_err(|source| DataError::Source { clip: clip.name.clone(), source })?.is_some() {
        frames += 1;
    }
    Ok(frames)
}

/// Every number.
///
/// # Errors
/// [`CommandError`].
pub fn measure(held: &Held, truth: &Truth, options: &EvaluateOptions) -> Result<Evaluation, CommandError> {
    let scores = held.table.scores(&options.column)?;
    let clips = clips_of(truth, &scores);
    let frames: Vec<usize> = truth.labels.iter().map(Vec::len).collect();
    let known: Vec<ExpectedClip<'_>> = truth.clips.iter().zip(&frames).map(|(name, &frames)| ExpectedClip { name, frames }).collect();
    let mut masks = MaskFiles::find(&held.set, held.set.for_scoring(), frames.clone())?;
    let mut maps = options.maps.as_deref().map(|folder| MapFolder::open(folder, &known)).transpose()?;
    let detections = match options.maps.as_deref().map(|folder| folder.join(DETECTIONS_NAME)) {
        Some(path) if path.exists() => Some(read_detections(&path, &known)?),
        _ => None,
    };
    let inputs = Inputs {
        clips: &clips,
        masks: masks.as_mut().map(|masks| masks as &mut dyn MaskSource),
        maps: maps.as_mut().map(|maps| maps as &mut dyn MapSource),
        detections: detections.as_deref(),
        tracks: None,
    };
    let mut evaluation = evaluate(inputs, provenance(held, truth, options), Options::default())?;
    if let Some(kinds) = kinds::read(&held.set)? {
        evaluation.take_kinds(&clips, &kinds);
    }
    Ok(match alarms(held, truth, options) {
        Some(record) => evaluation.with_alarms(record),
        None => evaluation,
    })
}

fn provenance(held: &Held, truth: &Truth, options: &EvaluateOptions) -> Provenance {
    let own = match &held.meta {
        Some(meta) => meta.provenance(&held.table.sha256),
        None => Provenance {
            scores_sha256: Some(held.table.sha256.clone()),
            not_strict_because: vec!["no .meta.json beside the scores: how they were made is not known".into()],
            ..Provenance::default()
        },
    };
    let mut provenance = Provenance { dataset: Some(held.set.name()), label_source: Some(truth.source.clone()), ..own };
    if options.column != "score" && options.column != "score_raw" {
        provenance.not_strict_because.push(format!("column {} is judged, not the preset's score", options.column));
    }
    provenance
}
