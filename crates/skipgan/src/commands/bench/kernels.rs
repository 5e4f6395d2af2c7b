//! `bench kernels`: every layer's shape of a preset's network with GFLOP/s and share of the measured peak, as training and as scoring use it.

use super::{ASPECT, BenchOptions, check_single, checked_batch, machine};
use crate::commands::{CommandError, reading};
use crate::model::layer_bench::{LayerSpeed, Operation, layers};
use crate::model::{PlanSize, Precision, Purpose};
use kernels::peak::multiply_add_gflops;
use serde_json::{Value, json};

/// What was measured.
#[derive(Clone, Debug)]
pub struct MeasuredKernels {
    /// Training, on crops where the preset trains on crops; then scoring, on whole pictures.
    pub passes: Vec<(Purpose, PlanSize, Vec<LayerSpeed>)>,
    /// GFLOP/s of multiply-adds in registers on the same threads.
    pub peak_gflops: f64,
    /// The preset.
    pub preset: String,
    /// Threads.
    pub threads: usize,
    /// Instruction set.
    pub level: &'static str,
    /// The most memory the process has had, where the system says.
    pub peak_rss_bytes: Option<u64>,
}

/// Kernels measured for one layer in both passes together, weights' preparation included: what the time is divided by.
const KERNELS_A_LAYER: u32 = 6;

/// Measures the layers whose names hold `only`.
///
/// # Errors
/// [`CommandError`]; [`CommandError::Usage`] where no layer has such a name.
pub fn run(options: &BenchOptions, only: &str) -> Result<MeasuredKernels, CommandError> {
    check_single(options, "kernels")?;
    if options.precision != Precision::F32 {
        return Err(CommandError::Usage("bench kernels times layers in f32: leave out --precision".into()));
    }
    let config = options.choices.resolve()?;
    let (height, width) = config.picture(Some(ASPECT))?;
    let images = checked_batch(options.batch.unwrap_or(config.batch))?;
    let pool = reading::pool(options.threads)?;
    let peak_gflops = multiply_add_gflops(&pool);
    let mut passes = Vec::new();
    for (purpose, (height, width)) in [(Purpose::Train, config.training_size(height, width)), (Purpose::Score, (height, width))] {
        let spec = config.spec(height, width)?;
        spec.check_picture(height, width)?;
        let size = PlanSize { images, height, width };
        let kernels = KERNELS_A_LAYER * (2 * spec.generator.levels + spec.discriminator.levels) as u32;
        let speeds = layers(&spec, size, purpose, only, &pool, options.time / kernels.max(1));
        if speeds.is_empty() {
            return Err(CommandError::Usage(format!(
                "--only {only}: no layer has that in its name; names are like g.enc.0, g.dec.0, d.feat.0"
            )));
        }
        passes.push((purpose, size, speeds));
    }
    let (threads, level) = (pool.threads(), pool.level().name());
    Ok(MeasuredKernels { passes, peak_gflops, preset: config.preset, threads, level, peak_rss_bytes: machine::peak_rss_bytes() })
}

/// The word of what layers are measured for.
fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Train => "train",
        Purpose::Score => "score",
    }
}

impl MeasuredKernels {
    /// GFLOP/s as a share of the peak.
    fn share(&self, speed: &LayerSpeed) -> Option<f64> {
        speed.gflops().map(|gflops| gflops / self.peak_gflops)
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let row = |(purpose, speed): (Purpose, &LayerSpeed)| {
            json!({
                "job": word(purpose), "layer": speed.layer, "kernel": speed.operation.word(), "batch": speed.images, "wide": speed.wide, "deep": speed.deep,
                "rows": speed.rows, "cols": speed.cols, "milliseconds": speed.seconds * 1e3, "gflops": speed.gflops(), "share_of_peak": self.share(speed),
                "runs": speed.calls,
            })
        };
        let rows: Vec<Value> =
            self.passes.iter().flat_map(|(purpose, _, speeds)| speeds.iter().map(|speed| (*purpose, speed))).map(row).collect();
        json!({
            "schema": 1, "kernels": rows, "peak_gflops": self.peak_gflops, "peak_rss_bytes": self.peak_rss_bytes, "preset": self.preset,
            "threads": self.threads, "level": self.level,
        })
    }

    /// A table for people: GFLOP/s, share of the peak, milliseconds.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "preset {}, {} threads, {} kernels; peak of multiply-adds in registers: {:.0} GFLOP/s\n\
             GFLOP/s, share of the peak, milliseconds; counted with padding, so that saved multiplications can pass 100 %",
            self.preset, self.threads, self.level, self.peak_gflops
        );
        for (purpose, size, speeds) in &self.passes {
            text += &format!("\n\n{}, {}×{}\n", word(*purpose), size.width, size.height);
            text +=
                &format!("{:<16} {:<26} {:>22} {:>22} {:>22} {:>8}", "layer", "batch × wide → deep @ small", "down", "up", "pair", "load");
            for of_layer in speeds.chunk_by(|a, b| a.layer == b.layer) {
                text += &self.line(of_layer);
            }
            let sum =
                |operation| speeds.iter().filter(|speed| speed.operation == operation).fold(0.0, |sum, speed| sum + speed.seconds * 1e3);
            let [down, up, pair, load] = [Operation::Down, Operation::Up, Operation::Pair, Operation::Load].map(sum);
            text += &format!("\nsum: down {down:.2} ms, up {up:.2} ms, pair {pair:.2} ms, load {load:.2} ms");
        }
        text
    }

    fn line(&self, of_layer: &[LayerSpeed]) -> String {
        let Some(LayerSpeed { layer, images, wide, deep, rows, cols, .. }) = of_layer.first() else { return String::new() };
        let cell = |operation| {
            let found = of_layer.iter().find(|speed| speed.operation == operation);
            let shown = |speed: &LayerSpeed| {
                let (gflops, share) = (speed.gflops()?, self.share(speed)?);
                Some(format!("{gflops:.0} {:.0} % {:.3} ms", 100.0 * share, speed.seconds * 1e3))
            };
            found.and_then(shown).unwrap_or_default()
        };
        let load = of_layer.iter().find(|speed| speed.operation == Operation::Load).map_or(0.0, |speed| speed.seconds * 1e3);
        let shape = format!("{images} × {wide} → {deep} @ {cols}×{rows}");
        let [down, up, pair] = [Operation::Down, Operation::Up, Operation::Pair].map(cell);
        format!("\n{layer:<16} {shape:<26} {down:>22} {up:>22} {pair:>22} {load:>8.3}")
    }
}
