//! `demo`: generates a street with anomalies as real video files, then trains, scores, evaluates and reports on it. Needs no data.

use super::CommandError;
use super::baseline::{self, BaselineOptions};
use super::configuration::Choices;
use super::evaluate::{self, EvaluateOptions};
use super::event::{Event, Listener, Silence};
use super::executor::Device;
use super::reading::{Reading, quoted, shown};
use super::report::{self, ReportOptions};
use super::score::{self, ScoreOptions};
use super::train::{self, TrainOptions};
use crate::data::DataError;
use crate::data::cache::DEFAULT_LIMIT_BYTES;
use crate::data::scene::{Scene, SceneSettings};
use crate::evaluate::Evaluation;
use crate::model::Precision;
use crate::train::training::Resume;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Where, with which seed, how long.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// Folder for footage, run and report; new or empty.
    pub out: PathBuf,
    /// Seed of the street and of the training.
    pub seed: u64,
    /// Training steps; `None`: enough to see something in under three minutes on two cores.
    pub steps: Option<u64>,
    /// Worker threads; 0: one a core.
    pub threads: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What the network's scores are worth.
    pub network: Evaluation,
    /// What a box filter on the frame difference is worth.
    pub difference: Evaluation,
    /// The page.
    pub report: PathBuf,
    /// The folder.
    pub out: PathBuf,
    /// Seconds in all.
    pub seconds: f64,
}

/// Steps that fit into three minutes on two cores, everything included.
const STEPS: u64 = 1_000;

/// Generates, trains, scores, evaluates, reports.
///
/// # Errors
/// [`CommandError`].
pub fn run(options: &DemoOptions, cancel: &AtomicBool, listener: &mut dyn Listener) -> Result<Shown, CommandError> {
    let begun = Instant::now();
    let place = Places::new(&options.out)?;
    generate(options.seed, &place.data, cancel, listener)?;
    let reading = Reading::default();
    let steps = options.steps.unwrap_or(STEPS);
    let flags = vec![format!("steps={steps}"), format!("seed={}", options.seed)];
    let training = TrainOptions {
        data: vec![place.data.clone()],
        out: place.run.clone(),
        choices: Choices { flags, ..Choices::default() },
        time: None,
        resume: Resume::No,
        cache: None,
        cache_bytes: DEFAULT_LIMIT_BYTES,
        reading: reading.clone(),
        threads: options.threads,
        device: Device::Cpu,
        command: quoted(&[
            "skipgan",
            "train",
            &shown(&place.data),
            "--out",
            &shown(&place.run),
            "--steps",
            &steps.to_string(),
            "--seed",
            &options.seed.to_string(),
        ]),
    };
    train::run(&training, cancel, listener)?;
    let words =
        ["skipgan", "score", &shown(&place.run), &shown(&place.data), "--out", &shown(&place.scores), "--maps", &shown(&place.maps)];
    let scoring = ScoreOptions {
        run: place.run.clone(),
        input: vec![place.data.clone()],
        out: place.scores.clone(),
        maps: Some(place.maps.clone()),
        overlay: None,
        checkpoint: None,
        set: Vec::new(),
        reading: reading.clone(),
        precision: Precision::F32,
        threads: options.threads,
        device: Device::Cpu,
        command: quoted(&words),
    };
    score::run(&scoring, cancel, listener)?;
    let words = ["skipgan", "baseline", "fd-max31", &shown(&place.data), "--out", &shown(&place.difference)];
    let without = BaselineOptions {
        name: "fd-max31".into(),
        data: vec![place.data.clone()],
        out: place.difference.clone(),
        maps: None,
        reading: reading.clone(),
        threads: options.threads,
        command: quoted(&words),
    };
    baseline::run(&without, cancel, &mut Silence)?;
    let written = report::run(&reporting(&place, &reading, options.threads), listener)?;
    Ok(Shown {
        network: judge(&place, &place.scores, Some(&place.maps), &reading)?,
        difference: judge(&place, &place.difference, None, &reading)?,
        report: written.path,
        out: options.out.clone(),
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// Where everything lies.
struct Places {
    data: PathBuf,
    run: PathBuf,
    scores: PathBuf,
    difference: PathBuf,
    maps: PathBuf,
}

impl Places {
    fn new(out: &Path) -> Result<Places, CommandError> {
        if std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(CommandError::Usage(format!("{} is not empty: name another folder with --out, or remove it", out.display())));
        }
        let at = |name: &str| out.join(name);
        Ok(Places { data: at("data"), run: at("run"), scores: at("scores.csv"), difference: at("fd-max31.csv"), maps: at("maps") })
    }
}

fn generate(seed: u64, folder: &Path, cancel: &AtomicBool, listener: &mut dyn Listener) -> Result<(), CommandError> {
    let scene = Scene::new(SceneSettings { seed, ..SceneSettings::default() })?;
    let written = scene.write_until(folder, cancel, &mut |done, all| {
        listener.hear(Event::Progress {
            task: "the street",
            done: done as u64,
            total: Some(all as u64),
            unit: "frames",
            detail: String::new(),
            numbers: json!({}),
        });
    });
    written.map_err(|error| if matches!(error, DataError::Cancelled) { CommandError::Interrupted } else { error.into() })?;
    let told = format!(
        "the street: {} training and {} test clips in {}",
        scene.settings().train_clips,
        scene.settings().test_clips,
        folder.display()
    );
    listener.hear(Event::Finished { task: "the street", summary: told });
    Ok(())
}

fn reporting(place: &Places, reading: &Reading, threads: usize) -> ReportOptions {
    let words = [
        "skipgan",
        "report",
        &shown(&place.run),
        "--scores",
        &shown(&place.scores),
        "--data",
        &shown(&place.data),
        "--maps",
        &shown(&place.maps),
    ];
    ReportOptions {
        run: place.run.clone(),
        scores: Some(place.scores.clone()),
        data: vec![place.data.clone()],
        labels: None,
        maps: Some(place.maps.clone()),
        out: None,
        checkpoint: None,
        reading: reading.clone(),
        threads,
        device: Device::Cpu,
        command: quoted(&words),
    }
}

fn judge(place: &Places, scores: &Path, maps: Option<&Path>, reading: &Reading) -> Result<Evaluation, CommandError> {
    let judging = EvaluateOptions {
        scores: scores.to_path_buf(),
        data: vec![place.data.clone()],
        labels: None,
        column: "score".into(),
        maps: maps.map(Path::to_path_buf),
        out: None,
        compare: None,
        reading: reading.clone(),
    };
    evaluate::run(&judging, &mut Silence)
}

impl Shown {
    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": 1, "seconds": self.seconds, "report": self.report, "frame_AUROC_micro": self.network.frame_auroc_micro,
            "fd_max31_frame_AUROC_micro": self.difference.frame_auroc_micro, "pixel_AUROC": self.network.pixel_auroc,
        })
    }

    /// A short table and where to look.
    pub fn to_text(&self) -> String {
        let percent = |share: Option<f64>| share.map_or_else(|| "   –".into(), |share| format!("{:5.1}", 100.0 * share));
        let interval = |evaluation: &Evaluation| {
            let interval = evaluation.ci95.get("frame_AUROC_micro").copied().flatten();
            interval.map_or_else(String::new, |[low, high]| format!("[{:.1}, {:.1}]", 100.0 * low, 100.0 * high))
        };
        let row = |name: &str, evaluation: &Evaluation| {
            let frame = percent(evaluation.frame_auroc_micro);
            format!("{name:<34} {frame} {:<14} {}\n", interval(evaluation), percent(evaluation.pixel_auroc))
        };
        let mut text = format!("{:<34} {:>5} {:<14} {:>5}\n", "generated street, strict, %", "frame", "95 % interval", "pixel");
        text += &row("Skip-GANomaly (preset video)", &self.network);
        text += &row("frame difference, no network", &self.difference);
        text += &format!("\n{:.0} s in all; footage, run, scores and maps in {}\n", self.seconds, self.out.display());
        text + &format!("report: {}", self.report.display())
    }
}
