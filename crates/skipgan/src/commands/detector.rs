//! Opens a run or a checkpoint file as a detector on this processor: what `score`, `calibrate` and `report` begin with.

use super::CommandError;
use crate::checkpoint::{Checkpoint, Run, Which, file};
use crate::config::Config;
use crate::model::{CpuEngine, PlanSize, Purpose};
use kernels::Pool;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Windows scored at once: enough to keep both cores busy, few enough for the cache and for an overlay's memory.
pub const SCORE_BATCH: usize = 8;

/// A checkpoint, where it lies, and the settings to score with.
pub struct Opened {
    /// The checkpoint's file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// What it holds.
    pub checkpoint: Checkpoint,
    /// Its settings, changed by `--set`.
    pub config: Config,
}

/// Reads the checkpoint of a run folder, or a checkpoint file named in its place; `which`: `best`, `last` or a file.
///
/// # Errors
/// [`CommandError::Checkpoint`], [`CommandError::Config`].
pub fn open(run: &Path, which: Option<&str>, set: &[String]) -> Result<Opened, CommandError> {
    let path = match which {
        None if run.is_file() => run.to_path_buf(),
        None | Some("best") => Run::open(run)?.checkpoint(&Which::Best),
        Some("last") => Run::open(run)?.checkpoint(&Which::Last),
        Some(file) => PathBuf::from(file),
    };
    let checkpoint = Checkpoint::load(&path)?;
    let config = set.iter().try_fold(checkpoint.config.clone(), |config, assignment| config.with_set(assignment))?;
    Ok(Opened { sha256: file::sha256_of(&path)?, path, checkpoint, config })
}

impl Opened {
    /// Windows that are scored at once with these settings: the published test's batch where scores depend on it.
    pub fn batch(&self) -> usize {
        if self.config.bn_test == crate::config::BnTest::Batch { self.config.batch } else { SCORE_BATCH }
    }

    /// An engine that holds the checkpoint's weights.
    ///
    /// # Errors
    /// [`CommandError::Spec`].
    pub fn engine(&self, pool: Arc<Pool>) -> Result<CpuEngine<f32>, CommandError> {
        use crate::model::engine::Engine;
        let Checkpoint { height, width, .. } = self.checkpoint;
        let spec = self.config.spec(height, width)?;
        let size = PlanSize { images: self.batch(), height, width };
        let mut engine = CpuEngine::new(&spec, &self.config.objective(), size, Purpose::Score, pool)?;
        if spec_of_weights(&spec) != spec_of_weights(&self.checkpoint.spec) {
            return Err(CommandError::Usage("--set changes the network's shape: train a network of that shape instead".into()));
        }
        engine.load(&self.checkpoint.state);
        Ok(engine)
    }
}

/// What weights depend on: names and shapes.
fn spec_of_weights(spec: &crate::spec::Spec) -> crate::params::Layout {
    crate::params::Layout::parameters(spec)
}
