//! Where the network runs, `--device cpu|gpu`: the one place that chooses what executes it. `train` and `score` know only the seam.

use super::CommandError;
use super::event::{Event, Listener};
use crate::checkpoint::Checkpoint;
#[cfg(feature = "gpu")]
use crate::config::ConfigError;
use crate::config::{Config, Objective};
#[cfg(feature = "gpu")]
use crate::gpu::{Gpu, GpuEngine};
use crate::model::engine::Engine;
use crate::model::{Abreast, CpuEngine, PlanSize, Precision, Purpose};
use crate::score::detector::engine_on_cpu;
#[cfg(feature = "gpu")]
use crate::score::detector::{batch_of, planned};
use crate::score::{Detector, ScoreError};
use crate::spec::{Spec, SpecError};
use kernels::Pool;
use std::sync::Arc;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The GPU: in programs built with the feature `gpu`.
    Gpu,
}

impl Device {
    /// Whether it has that arithmetic.
    ///
    /// # Errors
    /// [`CommandError::Usage`] for bytes on a GPU.
    pub fn check(self, precision: Precision) -> Result<(), CommandError> {
        if self == Device::Gpu && precision == Precision::Int8 {
            return Err(CommandError::Usage("--precision int8 is the processor's: leave out --device gpu, or --precision".into()));
        }
        Ok(())
    }
}

/// What makes engines, and the threads for everything else.
pub struct Executor {
    pool: Arc<Pool>,
    on: On,
    /// What there is to say about a device that was looked for.
    found: Option<Event>,
}

enum On {
    Cpu,
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
}

impl Executor {
    /// Opens the device.
    ///
    /// # Errors
    /// [`CommandError::WithoutGpu`] where this program has none; with the feature, `CommandError::Gpu` where the machine has none.
    pub fn open(device: Device, pool: Arc<Pool>) -> Result<Executor, CommandError> {
        let (on, found) = match device {
            Device::Cpu => (On::Cpu, None),
            #[cfg(feature = "gpu")]
            Device::Gpu => {
                let gpu = Gpu::open()?;
                let found = found(&gpu);
                (On::Gpu(gpu), Some(found))
            }
            #[cfg(not(feature = "gpu"))]
            Device::Gpu => return Err(CommandError::WithoutGpu),
        };
        Ok(Executor { pool, on, found })
    }

    /// An engine with initial weights.
    ///
    /// # Errors
    /// [`SpecError`] where the spec does not take pictures of that size.
    pub fn engine(&self, spec: &Spec, objective: &Objective, size: PlanSize, purpose: Purpose) -> Result<Box<dyn Engine>, SpecError> {
        Ok(match &self.on {
            On::Cpu => {
                let engine = CpuEngine::<f32>::new(spec, objective, size, purpose, Arc::clone(&self.pool))?;
                match purpose {
                    Purpose::Train => Box::new(engine),
                    Purpose::Score => Box::new(Abreast::new(engine)),
                }
            }
            #[cfg(feature = "gpu")]
            On::Gpu(gpu) => Box::new(GpuEngine::new(spec, objective, size, purpose, gpu)?),
        })
    }

    /// An engine for scoring that holds a checkpoint's weights, planned for [`crate::score::detector::batch_of`] windows.
    ///
    /// # Errors
    /// [`ScoreError::Config`] where the features of `config` are none that the network has.
    pub fn load(&self, checkpoint: &Checkpoint, config: &Config) -> Result<Box<dyn Engine>, ScoreError> {
        match &self.on {
            On::Cpu => Ok(Box::new(engine_on_cpu(checkpoint, config, Arc::clone(&self.pool))?)),
            #[cfg(feature = "gpu")]
            On::Gpu(_) => {
                let (spec, size) = planned(checkpoint, config)?;
                let mut engine = self.engine(&spec, &config.objective(), size, Purpose::Score).map_err(ConfigError::from)?;
                engine.load(&checkpoint.scoring_state());
                Ok(engine)
            }
        }
    }

    /// A detector with a checkpoint's weights; `precision` is one that [`Device::check`] let pass.
    ///
    /// # Errors
    /// As [`Detector::on_cpu`].
    pub fn detector(&self, checkpoint: Checkpoint, config: Config, precision: Precision) -> Result<Detector, ScoreError> {
        match &self.on {
            On::Cpu => Detector::on_cpu(checkpoint, config, Arc::clone(&self.pool), precision),
            #[cfg(feature = "gpu")]
            On::Gpu(_) => {
                let (engine, batch) = (self.load(&checkpoint, &config)?, batch_of(&config));
                let mut detector = Detector::with_loaded(checkpoint, config, engine, batch)?;
                detector.use_pool(Arc::clone(&self.pool));
                Ok(detector)
            }
        }
    }

    /// What computes, as score files and measurements name it: `f32 avx2`, `int8 avx512-vnni`, `f32 vulkan NAME`.
    pub fn arithmetic(&self, precision: Precision, spec: &Spec) -> String {
        match &self.on {
            On::Cpu => precision.arithmetic(&self.pool, spec),
            #[cfg(feature = "gpu")]
            On::Gpu(gpu) => format!("f32 vulkan {}", gpu.name()),
        }
    }

    /// Says which GPU was found: a machine may have several, or a program that plays one.
    pub fn announce(&self, listener: &mut dyn Listener) {
        self.found.iter().for_each(|found| listener.hear(found.clone()));
    }

    /// The threads.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

#[cfg(feature = "gpu")]
fn found(gpu: &Gpu) -> Event {
    match gpu.is_software() {
        true => Event::Warning(format!("{} is no GPU but a program on the processor: slower than --device cpu", gpu.name())),
        false => Event::Note(format!("the network runs on {}", gpu.name())),
    }
}
