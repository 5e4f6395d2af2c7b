//! The command line as typed: one struct a command; flags are also environment variables `SKIPGAN_*`.
//! Precedence: flag > environment > config file > preset. What the flags mean stands in [`crate::run`].

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Learns from normal footage what a fixed camera sees, and says when, where and how strongly something departs from it.
#[derive(Parser, Debug)]
#[command(name = "skipgan", version, max_term_width = 110, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    #[command(flatten)]
    pub everywhere: Everywhere,
}

impl Cli {
    /// Parses; `--steps` and `--epochs` exclude each other, but the one that was typed goes before the other's variable.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
        let matches = Cli::command().try_get_matches_from(words)?;
        let mut cli = Cli::from_arg_matches(&matches)?;
        if let (Command::Train(train), Some(("train", given))) = (&mut cli.command, matches.subcommand()) {
            train.settle_budget(given)?;
        }
        Ok(cli)
    }
}

impl TrainArgs {
    fn settle_budget(&mut self, given: &ArgMatches) -> Result<(), clap::Error> {
        let is_typed = |flag| given.value_source(flag) == Some(ValueSource::CommandLine);
        if self.steps.is_none() || self.epochs.is_none() {
            return Ok(());
        }
        match (is_typed("steps"), is_typed("epochs")) {
            (true, false) => self.epochs = None,
            (false, true) => self.steps = None,
            _ => {
                let told = "--steps and --epochs (or SKIPGAN_STEPS and SKIPGAN_EPOCHS) say how long in two ways; give one of them";
                return Err(Cli::command().error(ErrorKind::ArgumentConflict, told));
            }
        }
        Ok(())
    }
}

/// Flags that every command takes.
#[derive(Args, Debug, Clone)]
pub struct Everywhere {
    /// Worker threads; 0: one a core
    #[arg(long, global = true, env = "SKIPGAN_THREADS", default_value_t = 0, value_name = "N")]
    pub threads: usize,
    /// No progress, only results and errors
    #[arg(long, short, global = true, env = "SKIPGAN_QUIET", value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// One JSON object a line on stdout instead of text
    #[arg(long, global = true, env = "SKIPGAN_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Learn what is normal from normal footage
    Train(TrainArgs),
    /// Score every frame of footage with a trained run
    Score(ScoreArgs),
    /// Judge a score file by labels, strictly
    Evaluate(EvaluateArgs),
    /// Write one self-contained HTML page about a run and its scores
    Report(ReportArgs),
    /// Take the statistics of normal footage anew, or choose another rate of false alarms, without training; the run's best checkpoint takes them
    Calibrate(CalibrateArgs),
    /// Generate a street with anomalies, then train, score, evaluate and report on it
    Demo(DemoArgs),
    /// Write a generated street as a data set: normal training clips, test clips with labels, masks and kinds
    Scene(SceneArgs),
    /// Score footage by a detector without a network, for comparison
    Baseline(BaselineArgs),
    /// Train, score and judge every row of a grid of settings, side by side: what does each switch buy?
    Ablate(AblateArgs),
    /// Measure speed on generated input
    Bench(BenchArgs),
    /// Say what a run, checkpoint, video, score file or data set is
    Inspect(InspectArgs),
    /// Say what this machine offers: processor, decoders, threads, variables
    Doctor(DoctorArgs),
}

/// How footage is found and read.
#[derive(Args, Debug, Clone, Default)]
pub struct DataArgs {
    /// Layout of the data set, where it is not recognised by itself
    #[arg(long, env = "SKIPGAN_LAYOUT", value_enum)]
    pub layout: Option<LayoutArg>,
    /// Frames per second of picture folders
    #[arg(long, env = "SKIPGAN_FPS", value_name = "F")]
    pub fps: Option<f64>,
    /// Which decoder reads video
    #[arg(long, env = "SKIPGAN_DECODER", value_enum, default_value_t = DecoderArg::Auto)]
    pub decoder: DecoderArg,
    /// The ffmpeg executable
    #[arg(long, env = "SKIPGAN_FFMPEG", value_name = "PATH")]
    pub ffmpeg: Option<PathBuf>,
    /// Accept a known data set with frames or clips missing
    #[arg(long)]
    pub incomplete: bool,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutArg {
    /// Train/TrainNNN, Test/TestNNN, Test/TestNNN_gt, UCSDpedN.m
    Ucsd,
    /// training/frames/CLIP, testing/frames/CLIP
    Frames,
    /// training_videos/NN.avi, testing_videos/NN.avi, ground_truth_demo/testing_label_mask/N_label.mat
    Avenue,
    /// training/videos/*.avi, testing/frames/NN_NNNN
    Shanghaitech,
    /// train/good, test/KIND, ground_truth/KIND
    Mvtec,
    /// videos or folders of pictures, optionally below train/ and test/
    Plain,
    /// every picture a clip of its own
    Images,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecoderArg {
    /// Built-in where it can, else ffmpeg
    #[default]
    Auto,
    /// Built-in only
    Builtin,
    /// ffmpeg only
    Ffmpeg,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceArg {
    /// The processor
    #[default]
    Cpu,
    /// The GPU, through Vulkan (in programs built with the feature `gpu`)
    Gpu,
}

/// The method's numbers.
#[derive(Args, Debug, Clone, Default)]
pub struct ConfigArgs {
    /// Preset to start from: video, motion, official, paper, autoencoder
    #[arg(long, env = "SKIPGAN_PRESET", value_name = "P")]
    pub preset: Option<String>,
    /// TOML file laid over the preset
    #[arg(long, env = "SKIPGAN_CONFIG", value_name = "F")]
    pub config: Option<PathBuf>,
    /// Change one key of the configuration (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Where the network runs.
#[derive(Args, Debug, Clone, Default)]
pub struct DeviceArgs {
    /// Where the network runs
    #[arg(long, env = "SKIPGAN_DEVICE", value_enum, default_value_t = DeviceArg::Cpu)]
    pub device: DeviceArg,
}

#[derive(Args, Debug)]
pub struct TrainArgs {
    /// Normal footage: a data set, videos, folders of pictures
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// Folder for checkpoints, logs, samples
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Passes over the footage
    #[arg(long, env = "SKIPGAN_EPOCHS", value_name = "N")]
    pub epochs: Option<usize>,
    /// Updates; 0 gives the untrained control
    #[arg(long, env = "SKIPGAN_STEPS", value_name = "N")]
    pub steps: Option<u64>,
    /// Stop after this many minutes (the schedule still counts the configured steps)
    #[arg(long, env = "SKIPGAN_MINUTES", value_name = "M")]
    pub minutes: Option<f64>,
    /// Seed of weights and order
    #[arg(long, env = "SKIPGAN_SEED", value_name = "S")]
    pub seed: Option<u64>,
    /// Go on where RUN stopped
    #[arg(long)]
    pub resume: bool,
    /// Most gigabytes of decoded frames on disk
    #[arg(long, env = "SKIPGAN_CACHE_GIB", value_name = "GIB", default_value_t = 4.0)]
    pub cache_gib: f64,
    #[command(flatten)]
    pub source: DataArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
}

#[derive(Args, Debug)]
pub struct ScoreArgs {
    /// A trained run, or a checkpoint file
    pub run: PathBuf,
    /// Footage; of a data set its test clips; `-` reads Y4M from stdin
    #[arg(required = true, value_name = "INPUT")]
    pub input: Vec<PathBuf>,
    /// Score file: .csv or .jsonl
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Folder for anomaly maps (.npy) and detections.csv
    #[arg(long, value_name = "DIR")]
    pub maps: Option<PathBuf>,
    /// Annotated video: .avi (built in) or .mp4 (through ffmpeg); a folder for several clips
    #[arg(long, value_name = "FILE")]
    pub overlay: Option<PathBuf>,
    /// Which checkpoint of the run
    #[arg(long, env = "SKIPGAN_CHECKPOINT", value_name = "best|last|FILE")]
    pub checkpoint: Option<String>,
    /// Change one key that concerns scoring (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Arithmetic
    #[arg(long, env = "SKIPGAN_PRECISION", value_enum, default_value_t = PrecisionArg::F32)]
    pub precision: PrecisionArg,
    #[command(flatten)]
    pub source: DataArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
}

#[derive(Args, Debug)]
pub struct EvaluateArgs {
    /// Score file of `score`, of `baseline`, or of any other program
    pub scores: PathBuf,
    /// The footage that was scored: a data set, or each input of `score` (repeatable)
    #[arg(long, value_name = "DATA", required = true)]
    pub data: Vec<PathBuf>,
    /// Labels, where they do not lie in the data set's own place
    #[arg(long, value_name = "PATH")]
    pub labels: Option<PathBuf>,
    /// Column to judge
    #[arg(long, value_name = "NAME", default_value = "score")]
    pub column: String,
    /// Folder of anomaly maps and detections.csv
    #[arg(long, value_name = "DIR")]
    pub maps: Option<PathBuf>,
    /// Write a copy of the scores with a column `label`
    #[arg(long, value_name = "LABELLED")]
    pub out: Option<PathBuf>,
    /// Other scores of the same data: which is higher, by a paired bootstrap over clips
    #[arg(long, value_name = "OTHER")]
    pub compare: Option<PathBuf>,
    #[command(flatten)]
    pub source: DataArgs,
}

#[derive(Args, Debug)]
pub struct ReportArgs {
    /// A trained run
    pub run: PathBuf,
    /// Score file to show
    #[arg(long, value_name = "FILE", requires = "data")]
    pub scores: Option<PathBuf>,
    /// The footage that was scored: a data set, or each input of `score` (repeatable)
    #[arg(long, value_name = "DATA", requires = "scores")]
    pub data: Vec<PathBuf>,
    /// Labels, where they do not lie in the data set's own place
    #[arg(long, value_name = "PATH", requires = "scores")]
    pub labels: Option<PathBuf>,
    /// Folder of anomaly maps, for the pixel and region numbers
    #[arg(long, value_name = "DIR", requires = "scores")]
    pub maps: Option<PathBuf>,
    /// The page; default: RUN/report/index.html
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Which checkpoint of the run
    #[arg(long, env = "SKIPGAN_CHECKPOINT", value_name = "best|last|FILE")]
    pub checkpoint: Option<String>,
    #[command(flatten)]
    pub source: DataArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
}

#[derive(Args, Debug)]
pub struct CalibrateArgs {
    /// A trained run, or a checkpoint file
    pub run: PathBuf,
    /// Normal footage of the camera as it is now; not needed where only the threshold of alarms is to change
    #[arg(value_name = "DATA", required_unless_present = "false_alarms_per_hour")]
    pub data: Vec<PathBuf>,
    /// False alarms wanted an hour (per 1,000 frames where no time is known); default: as before, 1 at first
    #[arg(long, env = "SKIPGAN_FALSE_ALARMS_PER_HOUR", value_name = "X")]
    pub false_alarms_per_hour: Option<f64>,
    /// Which checkpoint of the run takes the new statistics; without it checkpoints/best.safetensors, which `score` uses. No other
    /// is changed
    #[arg(long, env = "SKIPGAN_CHECKPOINT", value_name = "best|last|FILE")]
    pub checkpoint: Option<String>,
    /// Change one key that concerns scoring, for good (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub source: DataArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
}

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder for the generated footage, the run and the report
    #[arg(long, value_name = "DIR", default_value = "skipgan-demo")]
    pub out: PathBuf,
    /// Seed of the street and of the training
    #[arg(long, env = "SKIPGAN_SEED", value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Training steps
    #[arg(long, env = "SKIPGAN_STEPS", value_name = "N")]
    pub steps: Option<u64>,
}

#[derive(Args, Debug)]
pub struct SceneArgs {
    /// Which scene; 1 to 8 are those of the benchmark
    #[arg(long, env = "SKIPGAN_SEED", value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Folder of the data set; new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What disturbs light or camera in the test clips, some seconds after their start
    #[arg(long, value_enum, value_name = "KIND")]
    pub disturbance: Option<DisturbanceArg>,
    /// No anomaly in any test clip (otherwise every second one has one)
    #[arg(long)]
    pub normal_only: bool,
    /// Training clips, where the scene's own number is not meant; 0: none
    #[arg(long, value_name = "N")]
    pub train_clips: Option<usize>,
    /// Test clips, where the scene's own number is not meant
    #[arg(long, value_name = "N")]
    pub test_clips: Option<usize>,
    /// Frames of a test clip (10 a second), where the scene's own number is not meant
    #[arg(long, value_name = "N")]
    pub frames: Option<usize>,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisturbanceArg {
    /// Gain up or down by 30 % over 10 s, and back
    Gain,
    /// Exposure × 1.5 from one frame to the next
    Exposure,
    /// The camera shakes by up to 3 pixels
    Shake,
    /// Rain
    Rain,
    /// The camera is moved by 10 pixels
    Moved,
}

#[derive(Args, Debug)]
pub struct BaselineArgs {
    /// fd-mean, fd-max15, fd-max31, tm-mean, background, nearest, pca, flow, place or flow-place
    pub name: String,
    /// A data set, or footage
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// Score file: .csv or .jsonl
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Folder for anomaly maps (.npy) and detections.csv
    #[arg(long, value_name = "DIR")]
    pub maps: Option<PathBuf>,
    #[command(flatten)]
    pub source: DataArgs,
}

#[derive(Args, Debug)]
pub struct AblateArgs {
    /// A data set with normal training footage and labelled test clips
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// TOML file that names the rows: base, named rows, cross products, seeds (docs/formats/grid.md)
    #[arg(long, value_name = "F")]
    pub grid: PathBuf,
    /// Folder for runs, scores, results, the table and the plot; what an earlier call made there is not made again
    #[arg(long, value_name = "DIR", default_value = "skipgan-ablation")]
    pub out: PathBuf,
    /// Change one key of the grid's base (repeatable); rows that set it keep their own value
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Labels, where they do not lie in the data set's own place
    #[arg(long, value_name = "PATH")]
    pub labels: Option<PathBuf>,
    #[command(flatten)]
    pub source: DataArgs,
}

#[derive(Args, Debug)]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum)]
    pub job: BenchJob,
    /// For `pipeline`: a video to score; without one a street of 360×240 is generated
    pub file: Option<PathBuf>,
    /// For `pipeline`: a trained run; without one the preset's network has initial weights
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// For `kernels`: only layers that have this in their name, such as g.dec
    #[arg(long, value_name = "NAME", default_value = "")]
    pub only: String,
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Side of a square picture, where the preset's own size is not meant
    #[arg(long, value_name = "N")]
    pub side: Option<usize>,
    /// Windows a step
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// For `score`: engines of one network that score at once, each with its share of the threads, as for several cameras
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub streams: usize,
    /// Arithmetic
    #[arg(long, value_enum, default_value_t = PrecisionArg::F32)]
    pub precision: PrecisionArg,
    /// Seconds of measurement after the warm-up; `pipeline` measures three turns at least
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    pub seconds: f64,
    #[command(flatten)]
    pub device: DeviceArgs,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchJob {
    /// Training steps
    Train,
    /// Reconstruction, both features, A(x)
    Score,
    /// From a video file to scores on disk, stage by stage
    Pipeline,
    /// Every layer's kernels beside the processor's peak
    Kernels,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionArg {
    /// 32-bit floats
    #[default]
    F32,
    /// The fastest this processor has for the network: 8-bit integers or 32-bit floats
    Int8,
}

#[derive(Args, Debug)]
pub struct InspectArgs {
    /// A run, a checkpoint, a video, a score file, a folder
    #[arg(required = true, value_name = "PATH")]
    pub path: PathBuf,
    #[command(flatten)]
    pub source: DataArgs,
}

#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// The ffmpeg executable
    #[arg(long, env = "SKIPGAN_FFMPEG", value_name = "PATH")]
    pub ffmpeg: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
