//! `inspect PATH`: what a run, a checkpoint, a video, a score file or a data set is.

use super::CommandError;
use super::detector::alarm_in_words;
use super::reading::{Reading, shown};
use crate::checkpoint::{Checkpoint, Run, Which, file};
use crate::report::html::Fact;
use crate::report::score_table::ScoreTable;
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
        object.extend(self.facts.iter().map(|fact| (fact.label.replace(' ', "_"), Value::from(fact.value.clone()))));
        Value::Object(object)
    }

    /// A table for people.
    pub fn to_text(&self) -> String {
        let width = self.facts.iter().map(|fact| fact.label.chars().count()).max().unwrap_or(0);
        let indent = " ".repeat(width + 2);
        let line = |fact: &Fact| format!("{:width$}  {}", fact.label, fact.value.replace('\n', &format!("\n{indent}")));
        self.facts.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Looks at a path.
///
/// # Errors
/// [`CommandError`]: a path that is not there or is nothing that is known.
pub fn run(path: &Path, reading: &Reading) -> Result<Facts, CommandError> {
    if path.join("checkpoints").is_dir() {
        return run_folder(path);
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("safetensors") => checkpoint(path),
        Some("csv" | "jsonl") if path.is_file() => score_file(path),
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
        format!("{}x{}, {} channels, {} frames a window", checkpoint.width, checkpoint.height, config.channels, config.history),
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
            facts.add("calibration", format!("{} held-out frames: {}", calibration.frames, terms.collect::<Vec<_>>().join(", ")));
            facts.add("alarm from", alarm_in_words(calibration));
        }
    }
    for reason in config.not_strict_because() {
        facts.add("not strict", reason);
    }
    Ok(facts)
}

fn score_file(path: &Path) -> Result<Facts, CommandError> {
    let table = ScoreTable::read(path)?;
    let mut facts = Facts::default();
    facts.add("score file", shown(path));
    facts.add("sha256", table.sha256.clone());
    facts.add("columns", table.columns.join(", "));
    let frames: usize = table.clips.iter().map(crate::report::score_table::ScoredClip::frames).sum();
    facts.add("clips", format!("{} with {frames} frames", table.clips.len()));
    Ok(facts)
}

fn video_file(path: &Path, reading: &Reading) -> Result<Facts, CommandError> {
    let mut source = video::open(path, &reading.open).map_err(|source| crate::data::DataError::Source { clip: shown(path), source })?;
    let info = source.info().clone();
    let mut facts = Facts::default();
    facts.add("video", shown(path));
    facts.add("codec", info.codec);
    facts.add("decoder", info.backend.name());
    facts.add("frame size", format!("{}x{}, turned by {}°", info.width, info.height, info.rotation));
    facts.add("range", format!("{:?}", info.range).to_lowercase());
    facts.add("frames a second", info.frame_rate.map_or_else(|| "unknown".into(), |rate| format!("{rate:.3}")));
    let (mut frames, mut last) = (0u64, None);
    while let Some(frame) = source.next().map_err(|source| crate::data::DataError::Source { clip: shown(path), source })? {
        frames += 1;
        last = frame.time_s();
    }
    let declared = info.declared_frames.map_or_else(|| "none".into(), |declared| declared.to_string());
    facts.add("frames", format!("{frames} decoded (header: {declared})"));
    if let Some(seconds) = last {
        facts.add("last frame at", format!("{seconds:.3} s"));
    }
    for event in &source.damage_log().events {
        facts.add("damage", format!("frame {}: {}", event.frame, event.reason));
    }
    Ok(facts)
}

fn data_set(path: &Path, reading: &Reading) -> Result<Facts, CommandError> {
    let set = reading.find(&[path.to_path_buf()])?;
    let mut facts = Facts::default();
    facts.add("data set", set.summary());
    for (part, clips) in [("training", &set.train), ("test", &set.test), ("footage", &set.unassigned)] {
        for clip in clips.iter().take(200) {
            let frames = clip.known_frames().map_or_else(|| "video".into(), |frames| format!("{frames} frames"));
            facts.add(part, format!("{}  {frames}", clip.name));
        }
        if clips.len() > 200 {
            facts.add(part, format!("… {} clips in all", clips.len()));
        }
    }
    Ok(facts)
}
