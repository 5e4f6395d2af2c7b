//! Hands each command's arguments to the library and prints what comes back.

use crate::args::{
    AblateArgs, BaselineArgs, BenchArgs, BenchJob, CalibrateArgs, Cli, Command, ConfigArgs, DataArgs, DecoderArg, DemoArgs, DeviceArg,
    DeviceArgs, DisturbanceArg, DoctorArgs, EvaluateArgs, Everywhere, InspectArgs, LayoutArg, PrecisionArg, ReportArgs, SceneArgs,
    ScoreArgs, TrainArgs,
};
use crate::output::print;
use crate::progress::{Manner, Progress};
use anyhow::{Result, bail};
use clap::CommandFactory;
use serde_json::{Value, json};
use skipgan::commands::configuration::Choices;
use skipgan::commands::executor::Device;
use skipgan::commands::reading::{Reading, quoted};
use skipgan::commands::{ablate, baseline, bench, calibrate, demo, doctor, evaluate, inspect, report, scene, score, train};
use skipgan::data::scene::DisturbanceKind;
use skipgan::data::{DiscoverOptions, Layout};
use skipgan::model::Precision;
use skipgan::train::Ended;
use skipgan::train::training::Resume;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How a command ended.
pub enum Outcome {
    /// All is done.
    Done,
    /// Ctrl-C; the state is saved, and this says how to go on.
    Interrupted(String),
}

/// Runs the command.
pub fn dispatch(cli: Cli) -> Result<Outcome> {
    let session = Session::new(&cli.everywhere);
    match cli.command {
        Command::Train(args) => session.train(args),
        Command::Score(args) => session.score(args),
        Command::Evaluate(args) => session.evaluate(args),
        Command::Report(args) => session.report(args),
        Command::Calibrate(args) => session.calibrate(args),
        Command::Demo(args) => session.demo(args),
        Command::Scene(args) => session.scene(args),
        Command::Baseline(args) => session.baseline(args),
        Command::Ablate(args) => session.ablate(args),
        Command::Bench(args) => session.bench(args),
        Command::Inspect(args) => session.inspect(args),
        Command::Doctor(args) => session.doctor(args),
    }
}

/// What every command needs.
struct Session {
    threads: usize,
    json: bool,
    manner: Manner,
}

impl Session {
    fn new(everywhere: &Everywhere) -> Session {
        let manner = match (everywhere.quiet, everywhere.json) {
            (true, _) => Manner::Quiet,
            (_, true) => Manner::Json,
            _ => Manner::Text,
        };
        Session { threads: everywhere.threads, json: everywhere.json, manner }
    }

    fn progress(&self) -> Progress {
        Progress::new(self.manner)
    }

    /// A result: an object for machines, text for people.
    fn show(&self, object: &Value, text: &str) -> Result<()> {
        if self.json { print(&object.to_string()) } else { print(text) }
    }

    fn train(&self, args: TrainArgs) -> Result<Outcome> {
        if args.minutes.is_some_and(|minutes| !(minutes > 0.0 && minutes < 1e6)) {
            bail!("--minutes must be positive");
        }
        if !(args.cache_gib > 0.0 && args.cache_gib < 1e6) {
            bail!("--cache-gib must be positive");
        }
        let mut flags = Vec::new();
        match (args.steps, args.epochs) {
            (Some(0), _) => flags.extend(["steps=0".to_string(), "epochs=0".to_string()]),
            (Some(steps), _) => flags.push(format!("steps={steps}")),
            (None, Some(epochs)) => flags.extend([format!("epochs={epochs}"), "steps=0".to_string()]),
            (None, None) => {}
        }
        flags.extend(args.seed.map(|seed| format!("seed={seed}")));
        let options = train::TrainOptions {
            choices: choices(args.config, flags),
            time: args.minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes)),
            resume: if args.resume { Resume::Yes } else { Resume::No },
            cache: None,
            cache_bytes: (args.cache_gib * (1u64 << 30) as f64) as u64,
            reading: reading(&args.source)?,
            threads: self.threads,
            device: device(&args.device),
            data: args.data,
            out: args.out,
            command: this_command(),
        };
        let trained = train::run(&options, &interruptible(), &mut self.progress())?;
        if trained.outcome.ended == Ended::Interrupted {
            let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--resume").collect();
            let words: Vec<&str> = ["skipgan"].into_iter().chain(words.iter().map(String::as_str)).chain(["--resume"]).collect();
            let step = trained.outcome.step;
            return Ok(Outcome::Interrupted(format!("interrupted at step {step}, saved; go on with: {}", quoted(&words))));
        }
        self.show(&trained.to_json(), &trained.to_text(&options))?;
        Ok(Outcome::Done)
    }

    fn score(&self, args: ScoreArgs) -> Result<Outcome> {
        let options = score::ScoreOptions {
            run: args.run,
            input: args.input,
            out: args.out,
            maps: args.maps,
            overlay: args.overlay,
            checkpoint: args.checkpoint,
            set: args.set,
            reading: reading(&args.source)?,
            threads: self.threads,
            device: device(&args.device),
            precision: precision(args.precision),
            command: this_command(),
        };
        let scored = score::run(&options, &interruptible(), &mut self.progress())?;
        self.show(&scored.to_json(), &scored.to_text())?;
        if scored.interrupted {
            return Ok(Outcome::Interrupted(format!("interrupted; {} rows are in {}", scored.frames, options.out.display())));
        }
        Ok(Outcome::Done)
    }

    fn evaluate(&self, args: EvaluateArgs) -> Result<Outcome> {
        let options = evaluate::EvaluateOptions {
            scores: args.scores,
            data: args.data,
            labels: args.labels,
            column: args.column,
            maps: args.maps,
            out: args.out,
            compare: args.compare,
            reading: reading(&args.source)?,
        };
        let evaluation = evaluate::run(&options, &mut self.progress())?;
        print(&if self.json {
            serde_json::to_string(&evaluation)?
        } else {
            skipgan::report::evaluation_text::evaluation_text(&evaluation)
        })?;
        Ok(Outcome::Done)
    }

    fn report(&self, args: ReportArgs) -> Result<Outcome> {
        let options = report::ReportOptions {
            run: args.run,
            scores: args.scores,
            data: args.data,
            labels: args.labels,
            maps: args.maps,
            out: args.out,
            checkpoint: args.checkpoint,
            reading: reading(&args.source)?,
            threads: self.threads,
            device: device(&args.device),
            command: this_command(),
        };
        let written = report::run(&options, &mut self.progress())?;
        print(&if self.json {
            json!({ "schema": 1, "report": written.path, "bytes": written.bytes }).to_string()
        } else {
            format!("report: {} ({} KB)", written.path.display(), written.bytes / 1000)
        })?;
        Ok(Outcome::Done)
    }

    fn calibrate(&self, args: CalibrateArgs) -> Result<Outcome> {
        let options = calibrate::CalibrateOptions {
            run: args.run,
            data: args.data,
            false_alarms_per_hour: args.false_alarms_per_hour,
            checkpoint: args.checkpoint,
            set: args.set,
            cache: None,
            reading: reading(&args.source)?,
            threads: self.threads,
            device: device(&args.device),
        };
        let calibrated = calibrate::run(&options, &interruptible(), &mut self.progress())?;
        self.show(&calibrated.to_json(), &calibrated.to_text())?;
        Ok(Outcome::Done)
    }

    fn demo(&self, args: DemoArgs) -> Result<Outcome> {
        let options = demo::DemoOptions { out: args.out, seed: args.seed, steps: args.steps, threads: self.threads };
        let shown = demo::run(&options, &interruptible(), &mut self.progress())?;
        self.show(&shown.to_json(), &shown.to_text())?;
        Ok(Outcome::Done)
    }

    fn scene(&self, args: SceneArgs) -> Result<Outcome> {
        let disturbance = args.disturbance.map(|kind| match kind {
            DisturbanceArg::Gain => DisturbanceKind::Gain,
            DisturbanceArg::Exposure => DisturbanceKind::Exposure,
            DisturbanceArg::Shake => DisturbanceKind::Shake,
            DisturbanceArg::Rain => DisturbanceKind::Rain,
            DisturbanceArg::Moved => DisturbanceKind::Moved,
        });
        let options = scene::SceneOptions {
            out: args.out,
            seed: args.seed,
            disturbance,
            normal_only: args.normal_only,
            train_clips: args.train_clips,
            test_clips: args.test_clips,
            frames: args.frames,
        };
        let written = scene::run(&options, &interruptible(), &mut self.progress())?;
        self.show(&written.to_json(), &written.to_text())?;
        Ok(Outcome::Done)
    }

    fn baseline(&self, args: BaselineArgs) -> Result<Outcome> {
        let options = baseline::BaselineOptions {
            name: args.name,
            data: args.data,
            out: args.out,
            maps: args.maps,
            reading: reading(&args.source)?,
            threads: self.threads,
            command: this_command(),
        };
        let scored = baseline::run(&options, &interruptible(), &mut self.progress())?;
        self.show(&scored.to_json(), &scored.to_text())?;
        Ok(Outcome::Done)
    }

    fn ablate(&self, args: AblateArgs) -> Result<Outcome> {
        let options = ablate::AblateOptions {
            data: args.data,
            grid: args.grid,
            out: args.out,
            set: args.set,
            labels: args.labels,
            reading: reading(&args.source)?,
            threads: self.threads,
        };
        let ablated = ablate::run(&options, &interruptible(), &mut self.progress())?;
        if ablated.interrupted {
            let there = ablated.made + ablated.there;
            return Ok(Outcome::Interrupted(format!(
                "interrupted; {there} of {} results are there, go on with: {}",
                ablated.wanted,
                this_command()
            )));
        }
        for result in ablated.results_json().iter().filter(|_| self.json) {
            print(&result.to_string())?;
        }
        self.show(&ablated.to_json(), &ablated.to_text())?;
        ablated.failure().map_or(Ok(Outcome::Done), |failure| bail!("{failure}"))
    }

    fn bench(&self, args: BenchArgs) -> Result<Outcome> {
        if !(args.seconds > 0.0 && args.seconds < 1e5) {
            bail!("--seconds must be positive");
        }
        if args.job != BenchJob::Pipeline && (args.file.is_some() || args.run.is_some()) {
            bail!("a file and --run are for bench pipeline; the other jobs need no data");
        }
        if args.job != BenchJob::Kernels && !args.only.is_empty() {
            bail!("--only is for bench kernels");
        }
        let flags = args.side.map(|side| format!("side={side}")).into_iter().collect();
        let options = bench::BenchOptions {
            job: if args.job == BenchJob::Train { bench::Job::Train } else { bench::Job::Score },
            choices: choices(args.config, flags),
            precision: precision(args.precision),
            batch: args.batch,
            time: Duration::from_secs_f64(args.seconds),
            threads: self.threads,
            streams: args.streams,
            device: device(&args.device),
        };
        let (object, text) = match args.job {
            BenchJob::Train | BenchJob::Score => {
                let measured = bench::run(&options)?;
                (measured.to_json(), measured.to_text())
            }
            BenchJob::Kernels => {
                let measured = bench::kernels::run(&options, &args.only)?;
                (measured.to_json(), measured.to_text())
            }
            BenchJob::Pipeline => {
                let measured = bench::pipeline::run(&options, args.file.as_deref(), args.run.as_deref(), &interruptible())?;
                (measured.to_json(), measured.to_text())
            }
        };
        self.show(&object, &text)?;
        Ok(Outcome::Done)
    }

    fn inspect(&self, args: InspectArgs) -> Result<Outcome> {
        let facts = inspect::run(&args.path, &reading(&args.source)?)?;
        self.show(&facts.to_json(), &facts.to_text())?;
        Ok(Outcome::Done)
    }

    fn doctor(&self, args: DoctorArgs) -> Result<Outcome> {
        let findings = doctor::examine(args.ffmpeg.as_deref(), &variables());
        if self.json {
            let facts: Vec<_> =
                findings.iter().map(|f| json!({ "topic": f.topic, "found": f.found, "meaning": f.meaning, "good": f.good })).collect();
            print(&json!({ "schema": 1, "findings": facts }).to_string())?;
            return Ok(Outcome::Done);
        }
        print(&doctor::to_text(&findings))?;
        Ok(Outcome::Done)
    }
}

fn choices(args: ConfigArgs, flags: Vec<String>) -> Choices {
    Choices { preset: args.preset, file: args.config, flags, set: args.set }
}

fn reading(args: &DataArgs) -> Result<Reading> {
    if args.fps.is_some_and(|fps| !(fps > 0.0 && fps < 1e5)) {
        bail!("--fps must be positive");
    }
    let layout = args.layout.map(|layout| match layout {
        LayoutArg::Ucsd => Layout::Ucsd,
        LayoutArg::Frames => Layout::Frames,
        LayoutArg::Avenue => Layout::Avenue,
        LayoutArg::Shanghaitech => Layout::ShanghaiTech,
        LayoutArg::Mvtec => Layout::Mvtec,
        LayoutArg::Plain => Layout::Plain,
        LayoutArg::Images => Layout::Images,
    });
    let decoder = match args.decoder {
        DecoderArg::Auto => video::Decoder::Auto,
        DecoderArg::Builtin => video::Decoder::Builtin,
        DecoderArg::Ffmpeg => video::Decoder::Ffmpeg,
    };
    Ok(Reading {
        discover: DiscoverOptions { layout, incomplete: args.incomplete },
        open: video::OpenOptions { decoder, ffmpeg: args.ffmpeg.clone(), fps: args.fps, ..video::OpenOptions::default() },
    })
}

/// The first Ctrl-C asks the command to save and stop; a second one ends the program at once.
fn interruptible() -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&cancel);
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("stopping … (once more to stop at once)");
    });
    cancel
}

/// The library's word for it.
fn precision(asked: PrecisionArg) -> Precision {
    match asked {
        PrecisionArg::F32 => Precision::F32,
        PrecisionArg::Int8 => Precision::Int8,
    }
}

/// The library's word for it.
fn device(asked: &DeviceArgs) -> Device {
    match asked.device {
        DeviceArg::Cpu => Device::Cpu,
        DeviceArg::Gpu => Device::Gpu,
    }
}

/// The command line as it was given, to stand in reports and meta files; the program's own path is left out.
fn this_command() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = ["skipgan"].into_iter().chain(words.iter().map(String::as_str)).collect();
    quoted(&words)
}

/// Every `SKIPGAN_*` variable: those that flags declare, and the library's own.
fn variables() -> Vec<doctor::Variable> {
    let command = Cli::command();
    let all = command.get_subcommands().flat_map(clap::Command::get_arguments).chain(command.get_arguments());
    let mut found: Vec<doctor::Variable> = all
        .filter_map(|argument| {
            let name = argument.get_env()?.to_string_lossy().into_owned();
            let flag = argument.get_long().map(|long| format!("as --{long}: ")).unwrap_or_default();
            let meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
            Some(doctor::Variable { name, meaning: format!("{flag}{meaning}") })
        })
        .collect();
    found.extend(doctor::OWN_VARIABLES.map(|(name, meaning)| doctor::Variable { name: name.into(), meaning: meaning.into() }));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    found
}
