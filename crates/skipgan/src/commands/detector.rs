//! Opens a run or a checkpoint file: what `score`, `calibrate` and `report` begin with.

use super::CommandError;
use crate::calibration::Calibration;
use crate::checkpoint::{Checkpoint, Run, Which, file};
use crate::config::Config;
use crate::score::threshold::threshold;
use std::path::{Path, PathBuf};

/// A checkpoint, where it lies, and the settings to score with.
pub struct Opened {
    /// The checkpoint's file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// What it holds.
    pub checkpoint: Checkpoint,
    /// Its settings, those of scores changed by `--set`.
    pub config: Config,
}

/// Reads the checkpoint of a run folder, or a checkpoint file named in its place; `which`: `best`, `last` or a file.
///
/// # Errors
/// [`CommandError::Checkpoint`], [`CommandError::Config`].
pub fn open(run: &Path, which: Option<&str>, set: &[String]) -> Result<Opened, CommandError> {
    let path = match which {
        None if run.is_file() => run.to_path_buf(),
        None | Some("best") => Run::open(run)?.existing(&Which::Best)?,
        Some("last") => Run::open(run)?.existing(&Which::Last)?,
        Some(file) => PathBuf::from(file),
    };
    let mut checkpoint = Checkpoint::load(&path)?;
    let config = set.iter().try_fold(checkpoint.config.clone(), |config, assignment| config.with_scoring_set(assignment))?;
    rethreshold(&mut checkpoint, &config);
    Ok(Opened { sha256: file::sha256_of(&path)?, path, checkpoint, config })
}

/// Chooses the threshold of alarms for the wanted rate, where it is another than that of the calibration and that can be changed.
fn rethreshold(checkpoint: &mut Checkpoint, config: &Config) {
    let wanted = config.false_alarms_per_hour;
    if let Some(calibration) = &mut checkpoint.calibration
        && let (Some(maxima), Some(now)) = (&calibration.maxima, &calibration.threshold)
        && now.wanted != wanted
    {
        calibration.threshold = Some(threshold(maxima, wanted));
    }
}

/// From which score a frame counts towards an alarm, and for which rate.
pub fn alarm_in_words(calibration: &Calibration) -> String {
    match &calibration.threshold {
        Some(threshold) => threshold.in_words(),
        None => format!("above {:.3}, the highest of normal footage", calibration.highest),
    }
}
