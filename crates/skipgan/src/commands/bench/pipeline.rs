//! `bench pipeline [FILE]`: from a video file to scores on disk: what each stage costs on one thread, how long the whole takes on several, and
//! how far that is from what can be reached. Without a file it makes one; without a run it takes initial weights, which are as fast as others.
//!
//! bound = max(sum of the stages' processor times / threads, slowest serial stage). The stages are counted in scoring runs on one thread; their
//! turns and those of the overlapped runs alternate, so that both meet the same machine.

use super::{BenchOptions, check_single, machine};
use crate::checkpoint::Checkpoint;
use crate::commands::configuration::Choices;
use crate::commands::event::Silence;
use crate::commands::executor::Device;
use crate::commands::reading::{Reading, quoted, shown};
use crate::commands::score::{ScoreOptions, score_set};
use crate::commands::train::{self, TrainOptions};
use crate::commands::{CommandError, detector, reading};
use crate::config::Config;
use crate::data::DataSet;
use crate::data::cache::DEFAULT_LIMIT_BYTES;
use crate::data::scene::{Scene, SceneSettings};
use crate::model::Precision;
use crate::report::meta_file::ScoreMeta;
use crate::score::Detector;
use crate::stages::{Stage, StageClock};
use crate::train::training::Resume;
use kernels::clock::process_seconds;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use video::TimeBase;
use video::write::{Pixels, VideoWriter, WriteError, WriteOptions, create};

/// What was measured.
#[derive(Clone, Debug)]
pub struct MeasuredPipeline {
    /// What the footage is: its file, or that it was made.
    pub footage: String,
    /// Its codec, in words.
    pub codec: String,
    /// Its columns and rows.
    pub size: (u32, u32),
    /// Frames scored in each run.
    pub frames: u64,
    /// Preset of the network.
    pub preset: String,
    /// Whether its weights are initial ones.
    pub initial_weights: bool,
    /// Threads asked for.
    pub threads: usize,
    /// Instruction set of numbers.
    pub level: &'static str,
    /// What the network computed with: [`Precision::arithmetic`].
    pub arithmetic: String,
    /// Runs of either kind, each with its processor seconds stage by stage (one thread) and the wall seconds and processor seconds of the
    /// overlapped run.
    pub runs: Vec<PipelineRun>,
    /// The most memory the process has had, where the system says.
    pub peak_rss_bytes: Option<u64>,
}

/// One turn: scoring on one thread, then on all.
#[derive(Clone, Debug)]
pub struct PipelineRun {
    /// Processor seconds of the stages on one thread.
    pub stages: StageClock,
    /// Wall seconds on one thread, opening and hashing the file included.
    pub serial: f64,
    /// Wall seconds on all threads, likewise.
    pub wall: f64,
    /// Processor seconds of the process meanwhile, where the system says.
    pub processor: Option<f64>,
}

impl PipelineRun {
    /// Processor seconds of all stages.
    pub fn sum(&self) -> f64 {
        Stage::ALL.iter().map(|&stage| self.stages.seconds(stage)).sum()
    }

    /// The slowest stage that cannot be divided among threads, and its seconds.
    pub fn slowest_serial(&self) -> (Stage, f64) {
        let serial = Stage::ALL.into_iter().filter(is_serial).map(|stage| (stage, self.stages.seconds(stage)));
        serial.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((Stage::Decode, 0.0))
    }

    /// Seconds that no arrangement of these stages on `threads` threads goes below.
    pub fn bound(&self, threads: usize) -> f64 {
        (self.sum() / threads.max(1) as f64).max(self.slowest_serial().1)
    }
}

/// Whether one thread at a time works on a stage: the network is divided among threads, and so are the fields of a batch and their mean (not their
/// rounding, a small part of that stage), and what is measured of its frames.
fn is_serial(stage: &Stage) -> bool {
    !matches!(stage, Stage::Network | Stage::Flow | Stage::Scores)
}

/// Least turns that are measured.
const TURNS: usize = 3;
/// Frames of footage that is made.
const FRAMES: usize = 400;

/// Measures.
///
/// # Errors
/// [`CommandError`].
pub fn run(
    options: &BenchOptions,
    file: Option<&Path>,
    trained: Option<&Path>,
    cancel: &AtomicBool,
) -> Result<MeasuredPipeline, CommandError> {
    check_single(options, "pipeline")?;
    if options.batch.is_some() {
        return Err(CommandError::Usage("bench pipeline scores in the batches that score does: leave out --batch".into()));
    }
    if trained.is_some() && options.choices != Choices::default() {
        return Err(CommandError::Usage(
            "--run has a network: leave out --preset and --config (SKIPGAN_PRESET, SKIPGAN_CONFIG), --side and --set".into(),
        ));
    }
    // Before footage is made for it.
    let known = trained.map(|run| detector::open(run, None, &[])).transpose()?;
    let folder = Folder::new()?;
    let (input, footage) = match file {
        Some(file) => (file.to_path_buf(), shown(file)),
        None => make_footage(&folder.0)?,
    };
    let reading = Reading::default();
    let opened = match known {
        Some(opened) => opened,
        None => detector::open(&initial_network(&folder.0, &input, options, cancel)?, None, &[])?,
    };
    let set = reading.find(std::slice::from_ref(&input))?;
    let (codec, size) = codec_of(&set, &reading)?;
    let bench = Bench {
        checkpoint: opened.checkpoint,
        config: opened.config,
        set: &set,
        input: &input,
        folder: &folder.0,
        precision: options.precision,
        cancel,
    };
    let pool = reading::pool(options.threads)?;
    let threads = pool.threads();
    let (begun, mut runs, mut frames) = (Instant::now(), Vec::new(), 0);
    while runs.len() < TURNS || begun.elapsed() < options.time {
        let (serial, _, scored) = bench.score(1, true)?;
        frames = scored.frames;
        let (wall, processor, _) = bench.score(threads, false)?;
        runs.push(PipelineRun { stages: scored.stages, serial, wall, processor });
    }
    Ok(MeasuredPipeline {
        footage,
        codec,
        size,
        frames,
        preset: bench.config.preset,
        initial_weights: trained.is_none(),
        threads,
        level: pool.level().name(),
        arithmetic: options.precision.arithmetic(&pool, &bench.checkpoint.spec),
        runs,
        peak_rss_bytes: machine::peak_rss_bytes(),
    })
}

/// A folder of the system's own place for such, removed when done.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, CommandError> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("skipgan-bench-{}-{count}", std::process::id()));
        match std::fs::create_dir(&path) {
            Ok(()) => Ok(Folder(path)),
            Err(source) => Err(CommandError::Io { path, action: "make the folder", source }),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is only space.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A generated street of 360×240 in colour as H.264, or as MJPEG where there is no encoder for it; the file, and what it is.
fn make_footage(folder: &Path) -> Result<(PathBuf, String), CommandError> {
    let own = SceneSettings::varied(4);
    let settings = SceneSettings { train_clips: 0, test_clips: 1, normal_test_clips: 1, test_frames: FRAMES, disturbance: None, ..own };
    let scene = Scene::new(settings)?;
    let side = |value: usize| u32::try_from(value).unwrap_or(0);
    let frame_time = TimeBase::new(1, scene.settings().fps).unwrap_or(TimeBase { numerator: 1, denominator: 10 });
    let options = WriteOptions::new(side(scene.settings().width), side(scene.settings().height), frame_time);
    let failed =
        |error: WriteError| CommandError::Usage(format!("footage for the measurement could not be made: {error}; name a file of your own"));
    let (path, writer, what) = match create(&folder.join("street.mp4"), &options) {
        Ok(writer) => (folder.join("street.mp4"), writer, "a generated street as H.264"),
        Err(WriteError::FfmpegMissing { .. }) => {
            let path = folder.join("street.avi");
            let writer = create(&path, &options).map_err(failed)?;
            (path, writer, "a generated street as MJPEG, for want of an H.264 encoder (ffmpeg)")
        }
        Err(error) => return Err(failed(error)),
    };
    draw(&scene, writer).map_err(failed)?;
    Ok((path, format!("{what}, {FRAMES} frames")))
}

fn draw(scene: &Scene, mut writer: Box<dyn VideoWriter>) -> Result<(), WriteError> {
    if let Some(script) = scene.test(0) {
        for index in 0..script.frames() {
            writer.write(Pixels::Rgb(&scene.frame(&script, index).pixels))?;
        }
    }
    writer.finish()
}

/// A run without a training step, calibrated on the footage itself: good for nothing but to be as fast as any other.
fn initial_network(folder: &Path, input: &Path, options: &BenchOptions, cancel: &AtomicBool) -> Result<PathBuf, CommandError> {
    let mut choices = options.choices.clone();
    choices.set.extend(["steps=0".to_string(), "epochs=0".to_string()]);
    let training = TrainOptions {
        data: vec![input.to_path_buf()],
        out: folder.join("run"),
        choices,
        time: None,
        resume: Resume::No,
        cache: None,
        cache_bytes: DEFAULT_LIMIT_BYTES,
        reading: Reading::default(),
        threads: options.threads,
        device: Device::Cpu,
        command: String::new(),
    };
    train::run(&training, cancel, &mut Silence)?;
    Ok(training.out)
}

fn codec_of(set: &DataSet, reading: &Reading) -> Result<(String, (u32, u32)), CommandError> {
    let clip = set.for_scoring().first().ok_or_else(|| CommandError::Usage("nothing to score in what was named".into()))?;
    let source = clip.open(&reading.open)?;
    let info = source.info();
    Ok((format!("{}, {} decoder", info.codec, info.backend.name()), (info.width, info.height)))
}

/// What is scored, again and again.
struct Bench<'a> {
    checkpoint: Checkpoint,
    config: Config,
    set: &'a DataSet,
    input: &'a Path,
    folder: &'a Path,
    precision: Precision,
    cancel: &'a AtomicBool,
}

impl Bench<'_> {
    /// Scores everything once; wall seconds, processor seconds, and what came of it.
    fn score(&self, threads: usize, timed: bool) -> Result<(f64, Option<f64>, crate::commands::scored::Scored), CommandError> {
        let pool = reading::pool(threads)?;
        let mut detector = Detector::on_cpu(self.checkpoint.clone(), self.config.clone(), pool, self.precision)?;
        if timed {
            detector.time_stages();
        }
        let options = ScoreOptions {
            run: PathBuf::new(),
            input: vec![self.input.to_path_buf()],
            out: self.folder.join("scores.csv"),
            maps: None,
            overlay: None,
            checkpoint: None,
            set: Vec::new(),
            reading: Reading::default(),
            precision: self.precision,
            threads,
            device: Device::Cpu,
            command: quoted(&["skipgan", "bench", "pipeline"]),
        };
        let (begun, before) = (Instant::now(), process_seconds());
        let scored = score_set(detector, self.set, &options, ScoreMeta::default(), self.cancel, &mut Silence)?;
        let wall = begun.elapsed().as_secs_f64();
        Ok((wall, process_seconds().zip(before).map(|(after, before)| after - before), scored))
    }
}

/// The middle of some numbers, and from the least to the most as a share of it.
fn middle(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let (Some(&middle), Some(&least), Some(&most)) = (values.get(values.len() / 2), values.first(), values.last()) else {
        return (0.0, 0.0);
    };
    (middle, (most - least) / middle.max(1e-12))
}

impl MeasuredPipeline {
    /// The median over the runs of a number of theirs, and its spread: from the least to the most as a share of the median.
    pub fn median(&self, number: impl Fn(&PipelineRun) -> f64) -> (f64, f64) {
        middle(self.runs.iter().map(number).collect())
    }

    /// Wall seconds over the bound: the median over the runs.
    pub fn ratio(&self) -> f64 {
        self.median(|run| run.wall / run.bound(self.threads)).0
    }

    /// The stage that most often is the slowest serial one is told by the medians.
    fn slowest(&self) -> (Stage, f64) {
        let stages = Stage::ALL.into_iter().filter(is_serial);
        let seconds = stages.map(|stage| (stage, self.median(|run| run.stages.seconds(stage)).0));
        seconds.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((Stage::Decode, 0.0))
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let stages: serde_json::Map<String, Value> =
            Stage::ALL.into_iter().map(|stage| (stage.word().into(), json!(self.median(|run| run.stages.seconds(stage)).0))).collect();
        let ((wall, spread), (slowest, slowest_seconds)) = (self.median(|run| run.wall), self.slowest());
        let processor = self.runs.iter().map(|run| run.processor).collect::<Option<Vec<f64>>>().map(|seconds| middle(seconds).0);
        json!({
            "schema": 1, "frames_per_second": self.frames as f64 / wall, "wall_seconds": wall, "spread": spread, "runs": self.runs.len(),
            "bound_seconds": self.median(|run| run.bound(self.threads)).0, "ratio": self.ratio(), "stages": stages,
            "stages_sum_seconds": self.median(PipelineRun::sum).0, "slowest_serial": slowest.word(), "slowest_serial_seconds": slowest_seconds,
            "one_thread_wall_seconds": self.median(|run| run.serial).0, "processor_seconds": processor, "frames": self.frames,
            "width": self.size.0, "height": self.size.1, "codec": self.codec, "footage": self.footage, "preset": self.preset,
            "initial_weights": self.initial_weights, "threads": self.threads, "level": self.level, "arithmetic": self.arithmetic, "peak_rss_bytes": self.peak_rss_bytes,
        })
    }

    /// A table for people.
    pub fn to_text(&self) -> String {
        let (wall, spread) = self.median(|run| run.wall);
        let weights = if self.initial_weights { ", initial weights" } else { "" };
        let frames = self.frames.max(1) as f64;
        let mut text = format!(
            "{} ({}×{}, {}), preset {}{weights}, {} threads, {}\n{:.1} frames/s: {} frames in {wall:.2} s (median of {}, spread {:.0} %)\n",
            self.footage,
            self.size.0,
            self.size.1,
            self.codec,
            self.preset,
            self.threads,
            self.arithmetic,
            frames / wall,
            self.frames,
            self.runs.len(),
            100.0 * spread
        );
        let sum = self.median(PipelineRun::sum).0;
        text += &format!("\n{:<10} {:>10} {:>10} {:>7}", "stage", "s", "ms/frame", "share");
        for (word, seconds) in
            Stage::ALL.map(|stage| (stage.word(), self.median(|run| run.stages.seconds(stage)).0)).into_iter().chain([("sum", sum)])
        {
            text += &format!("\n{word:<10} {seconds:>10.3} {:>10.3} {:>6.1} %", 1e3 * seconds / frames, 100.0 * seconds / sum.max(1e-12));
        }
        let ((slowest, seconds), bound) = (self.slowest(), self.median(|run| run.bound(self.threads)).0);
        text += &format!(
            "\n\nbound: {bound:.3} s, the greater of {:.3} s (sum / threads) and {seconds:.3} s ({})",
            sum / self.threads as f64,
            slowest.word()
        );
        text + &format!("\nwall / bound: {:.3}", self.ratio())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_the_middle() {
        assert_eq!(middle(vec![3.0, 1.0, 2.0]), (2.0, 1.0));
        assert_eq!(middle(Vec::new()), (0.0, 0.0));
    }
}
