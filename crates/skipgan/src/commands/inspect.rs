//! `inspect PATH`: what a run, a checkpoint, a video, a score file or a data set is.

use super::CommandError;
use super::configuration::Choices;
use super::detector::alarm_in_words;
use super::reading::{Reading, shown};
use crate::checkpoint::{Checkpoint, Run, Which, file};
use crate::report::html::{ConfigRow, Fact};
use crate::report::meta_file::ScoreMeta;
use crate::report::plot::clock;
use crate::report::score_table::ScoreTable;
use crate::words::counted;
use serde_json::{Map, Value};
use std::path::Path;

/// Facts about a path, in order.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Label and value.
    pub facts: Vec<Fact>,
}

impl Facts {
    fn add(&mut self, label: &str, value: impl Into<String>) {
        self.facts.push(Fact::new(label, value));
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("schema".into(), 1.into());
        for fact in &self.facts {
            let value = Value::from(fact.value.clone());
            match object.get_mut(&fact.label.replace(' ', "_")) {
                None => _ = object.insert(fact.label.replace(' ', "_"), value),
                Some(Value::Array(several)) => several.push(value),
                Some(one) => *one = Value::from(vec![one.take(), value]),
            }
        }
        Value::Object(object)
    }

    /// A table for people; a label that comes again is not repeated.
    pub fn to_text(&self) -> String {
        let width = self.facts.iter().map(|fact| fact.label.chars().count()).max().unwrap_or(0);
        let indent = " ".repeat(width + 2);
        let mut before = "";
        let mut lines = Vec::new();
        for Fact { label, value } in &self.facts {
            let shown = if label == before { "" } else { label };
            lines.push(format!("{shown:width$}  {}", value.replace('\n', &format!("\n{indent}"))));
            before = label;
        }
        lines.join("\n")
    }
}

/// Clips of a part that are listed.
const MOST_CLIPS: usize = 200;

/// Looks at a path.
///
/// # Errors
/// [`CommandError`]: a path that is not there or is nothing that is known.
pub fn run(path: &Path, reading: &Reading) -> Result<Facts, CommandError> {
    if path.join("checkpoints").is_dir() {
        return run_folder(path);
    }
    if path == Path::new("-") {
        return video_file(path, reading);
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("safetensors") => checkpoint(path),
        Some("csv" | "jsonl") if path.is_file() => score_file(path),
        Some("toml") if path.is_file() => configuration(path),
        _ if path.is_file() => video_file(path, reading),
        _ => data_set(path, reading),
    }
}

fn run_folder(path: &Path) -> Result<Facts, CommandError> {
    let run = Run::open(path)?;
    let which = if run.checkpoint(&Which::Best).exists() { Which::Best } else { Which::Last };
    let mut facts = Facts::default();
    facts.add("run", shown(path));
    facts.facts.extend(checkpoint(&run.checkpoint(&which))?.facts);
    if let Ok(last) = run.load(&Which::Last) {
        let state = if last.progress.finished { "finished" } else { "unfinished: go on with --resume" };
        facts.add("training", format!("step {}, {state}", last.progress.step));
    }
    Ok(facts)
}

fn checkpoint(path: &Path) -> Result<Facts, CommandError> {
    let checkpoint = Checkpoint::load(path)?;
    let (config, spec) = (&checkpoint.config, &checkpoint.spec);
    let mut facts = Facts::default();
    facts.add("checkpoint", shown(path));
    facts.add("sha256", file::sha256_of(path)?);
    facts.add("preset", config.preset.clone());
    facts.add(
        "picture",
        format!(
            "{}×{}, {}, {} a window",
            checkpoint.width,
            checkpoint.height,
            counted(config.channels, "channel"),
            counted(config.history, "frame")
        ),
    );
    let count = |prefix: &str| -> usize {
        let slots = &checkpoint.state.parameters.layout.slots;
        slots.iter().filter(|slot| slot.name.starts_with(prefix)).map(crate::params::Slot::len).sum()
    };
    let (g, d) = (&spec.generator, &spec.discriminator);
    facts.add("generator", format!("width {}, cap {}, {} levels, {} parameters", g.width, g.cap, g.levels, count("g.")));
    facts.add("discriminator", format!("width {}, {} levels, {} parameters", d.width, d.levels, count("d.")));
    facts.add("step", checkpoint.progress.step.to_string());
    if let Some(best) = checkpoint.progress.best {
        facts.add("best so far", format!("step {}, {:.5}", best.step, best.value));
    }
    facts.add("seed", checkpoint.provenance.seed.to_string());
    facts.add("trained on", format!("data with fingerprint {}", checkpoint.provenance.data_fingerprint));
    facts.add("decoder", checkpoint.provenance.decoder.clone());
    facts.add("program", format!("skipgan {}", checkpoint.provenance.program_version));
    match &checkpoint.calibration {
        None => facts.add("calibration", "none: training was not finished"),
        Some(calibration) => {
            let terms = calibration.terms.iter().map(|(name, term)| format!("{name} {:.4e} ± {:.1e}", term.median, term.sd));
            facts
                .add("calibration", format!("{}: {}", counted(calibration.frames, "held-out frame"), terms.collect::<Vec<_>>().join(", ")));
            facts.add("alarm from", alarm_in_words(calibration));
        }
    }
    for reason in config.not_strict_because() {
        facts.add("not strict", reason);
    }
    Ok(facts)
}

/// The settings of a run or of a person, and where they differ from their preset.
fn configuration(path: &Path) -> Result<Facts, CommandError> {
    let config = Choices { file: Some(path.to_path_buf()), ..Choices::default() }.resolve()?;
    let mut facts = Facts::default();
    facts.add("configuration", shown(path));
    facts.add("preset", config.preset.clone());
    for row in ConfigRow::of(&config)? {
        if let Some(preset) = row.preset_value {
            facts.add("changed", format!("{} = {} (preset: {preset})", row.key, row.value));
        }
    }
    Ok(facts)
}

fn score_file(path: &Path) -> Result<Facts, CommandError> {
    let table = ScoreTable::read(path)?;
    let mut facts = Facts::default();
    facts.add("score file", shown(path));
    facts.add("sha256", table.sha256.clone());
    facts.add("columns", format!("clip, frame, {}", table.columns.join(", ")));
    let frames: usize = table.clips.iter().map(crate::report::score_table::ScoredClip::frames).sum();
    facts.add("clips", format!("{} with {}", table.clips.len(), counted(frames, "frame")));
    if let Ok(alarms) = table.column("alarm") {
        facts.add("alarms", alarms.iter().flat_map(|clip| clip.iter()).filter(|&&alarm| alarm == 1.0).count().to_string());
    }
    let scores = table.scores("score")?;
    let each =
        table.clips.iter().zip(&scores).flat_map(|(clip, scores)| scores.iter().enumerate().map(move |(at, score)| (score, clip, at)));
    if let Some((score, clip, frame)) = each.reduce(|highest, next| if next.0 > highest.0 { next } else { highest }) {
        facts.add("highest", format!("{score:.2} at {}, frame {frame}", clip.name));
    }
    if let Some(command) = ScoreMeta::read_beside(path)?.and_then(|meta| meta.command) {
        facts.add("made by", command);
    }
    Ok(facts)
}

fn video_file(path: &Path, reading: &Reading) -> Result<Facts, CommandError> {
    let mut source = video::open(path, &reading.open)?;
    let info = source.info().clone();
    let still = info.backend == video::Backend::Pictures;
    let mut facts = Facts::default();
    facts.add(if still { "picture" } else { "video" }, shown(path));
    facts.add("codec", info.codec);
    if !still {
        facts.add("decoder", info.backend.name());
    }
    let turned = if info.rotation == 0 { String::new() } else { format!(", shown turned by {}°", info.rotation) };
    facts.add("frame size", format!("{}×{}{turned}", info.width, info.height));
    facts.add("range", format!("{:?}", info.range).to_lowercase());
    if !still {
        facts.add("frames a second", info.frame_rate.map_or_else(|| "not stated".into(), |rate| format!("{rate:.3}")));
    }
    let (mut frames, mut last) = (0u64, None);
    while let Some(frame) = source.next()? {
        frames += 1;
        last = frame.time_s();
    }
    if !still {
        let stated = info.declared_frames.filter(|&stated| stated != frames);
        facts.add(
            "frames",
            format!("{frames} decoded{}", stated.map(|stated| format!(" (the header states {stated})")).unwrap_or_default()),
        );
    }
    if let Some(seconds) = last.filter(|_| !still) {
        facts.add(
            "last frame at",
            format!("{seconds:.3} s{}", if seconds < 60.0 { String::new() } else { format!(" ({})", clock(seconds)) }),
        );
    }
    for line in source.damage_log().lines() {
        facts.add("damage", line);
    }
    Ok(facts)
}

fn data_set(path: &Path, reading: &Reading) -> Result<Facts, CommandError> {
    let set = reading.find(&[path.to_path_buf()])?;
    let mut facts = Facts::default();
    facts.add("data set", set.summary());
    for (part, clips) in [("training", &set.train), ("test", &set.test), ("footage", &set.unassigned)] {
        let width = clips.iter().take(MOST_CLIPS).map(|clip| clip.name.chars().count()).max().unwrap_or(0);
        for clip in clips.iter().take(MOST_CLIPS) {
            let frames = clip.known_frames().map_or_else(|| "video".into(), |frames| counted(frames, "frame"));
            facts.add(part, format!("{:width$}  {frames}", clip.name));
        }
        if clips.len() > MOST_CLIPS {
            facts.add(part, format!("… {} clips in all", clips.len()));
        }
    }
    Ok(facts)
}
