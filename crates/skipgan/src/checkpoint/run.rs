//! The folder of a training run: `config.toml metrics.csv events/ samples/ checkpoints/{last,best}.safetensors cache/ report/ commands.txt`.

use super::Checkpoint;
use super::error::CheckpointError;
use std::fs;
use std::path::{Path, PathBuf};

/// What to do with a folder that already holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// An error: nothing is overwritten unasked.
    Refuse,
    /// Go on with it (`--resume`).
    Resume,
}

/// Which checkpoint of a run.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Which {
    /// What the configured choice kept.
    #[default]
    Best,
    /// The last step.
    Last,
    /// A file anywhere.
    File(PathBuf),
}

/// A run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    folder: PathBuf,
}

impl Run {
    /// Makes the folder for a training run.
    ///
    /// # Errors
    /// [`CheckpointError::RunNotEmpty`] where it holds something and `existing` is [`Existing::Refuse`] (a `cache` and empty folders
    /// do not count: they are there before the first step); [`CheckpointError::Permission`], [`CheckpointError::NoSpace`], [`CheckpointError::Io`].
    pub fn create(folder: &Path, existing: Existing) -> Result<Run, CheckpointError> {
        let run = Run { folder: folder.to_path_buf() };
        if existing == Existing::Refuse && run.holds_something()? {
            return Err(CheckpointError::RunNotEmpty { path: folder.to_path_buf() });
        }
        if existing == Existing::Resume && !run.checkpoint(&Which::Last).exists() && run.holds_something()? {
            return Err(CheckpointError::NothingToResume { path: folder.to_path_buf() });
        }
        for part in [run.events(), run.samples(), run.checkpoints()] {
            fs::create_dir_all(&part).map_err(|error| CheckpointError::from_io(&part, "make the folder", 0, error))?;
        }
        Ok(run)
    }

    /// A folder in which a training run left its checkpoints.
    ///
    /// # Errors
    /// [`CheckpointError::NotARun`].
    pub fn open(folder: &Path) -> Result<Run, CheckpointError> {
        let run = Run { folder: folder.to_path_buf() };
        if run.checkpoints().is_dir() { Ok(run) } else { Err(CheckpointError::NotARun { path: folder.to_path_buf() }) }
    }

    /// Reads a checkpoint of this run.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn load(&self, which: &Which) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::load(&self.checkpoint(which))
    }

    /// Path of a checkpoint that is there.
    ///
    /// # Errors
    /// [`CheckpointError::Interrupted`] where training did not come to it, [`CheckpointError::NotFound`].
    pub fn existing(&self, which: &Which) -> Result<PathBuf, CheckpointError> {
        let path = self.checkpoint(which);
        if path.exists() {
            return Ok(path);
        }
        let before = match self.load(&Which::Last) {
            _ if *which != Which::Best => None,
            Ok(last) if last.progress.measured.is_none() => Some("first validation"),
            Ok(last) if !last.progress.finished => Some("end"),
            Err(CheckpointError::NotFound { .. }) => Some("first validation"),
            _ => None,
        };
        Err(before.map_or(CheckpointError::NotFound { path: path.clone() }, |before| CheckpointError::Interrupted { path, before }))
    }

    /// Path of a checkpoint.
    pub fn checkpoint(&self, which: &Which) -> PathBuf {
        match which {
            Which::Best => self.checkpoints().join("best.safetensors"),
            Which::Last => self.checkpoints().join("last.safetensors"),
            Which::File(path) => path.clone(),
        }
    }

    /// The run folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every setting, as text.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    /// The command lines that trained this run, in order.
    pub fn commands(&self) -> PathBuf {
        self.folder.join("commands.txt")
    }

    /// Losses, one row a step.
    pub fn metrics(&self) -> PathBuf {
        self.folder.join("metrics.csv")
    }

    /// TensorBoard's event files.
    pub fn events(&self) -> PathBuf {
        self.folder.join("events")
    }

    /// Input, reconstruction and map side by side.
    pub fn samples(&self) -> PathBuf {
        self.folder.join("samples")
    }

    /// The checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.folder.join("checkpoints")
    }

    /// Decoded frames.
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// The report's page.
    pub fn report(&self) -> PathBuf {
        self.folder.join("report").join("index.html")
    }

    /// Whether there is a file, or a folder other than `cache` that holds something: empty folders are what an interruption before the
    /// first step leaves.
    fn holds_something(&self) -> Result<bool, CheckpointError> {
        let told = |error| CheckpointError::from_io(&self.folder, "look into the folder", 0, error);
        if !self.folder.exists() {
            return Ok(false);
        }
        for entry in fs::read_dir(&self.folder).map_err(told)? {
            let entry = entry.map_err(told)?;
            let empty = entry.path().is_dir() && fs::read_dir(entry.path()).map_err(told)?.next().is_none();
            if entry.file_name() != "cache" && !empty {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_refused_unless_resumed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("run");
        let run = Run::create(&path, Existing::Refuse).expect("new");
        assert!(run.samples().is_dir() && run.events().is_dir());
        Run::create(&path, Existing::Refuse).expect("nothing but empty folders yet");
        Run::create(&path, Existing::Resume).expect("nothing done yet, nothing lost");
        fs::write(run.config(), "").expect("writable");
        let message = Run::create(&path, Existing::Refuse).expect_err("not empty").to_string();
        assert!(message.contains("--resume"), "{message}");
        let message = Run::create(&path, Existing::Resume).expect_err("no checkpoint").to_string();
        assert!(message.contains("last.safetensors"), "{message}");
        fs::write(run.checkpoint(&Which::Last), "").expect("writable");
        Run::create(&path, Existing::Resume).expect("resumed");
    }

    #[test]
    fn a_cache_made_beforehand_is_no_reason_to_refuse() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("cache")).expect("writable");
        Run::create(folder.path(), Existing::Refuse).expect("only a cache");
    }

    #[test]
    fn a_folder_without_checkpoints_is_no_run() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(matches!(Run::open(folder.path()), Err(CheckpointError::NotARun { .. })));
    }
}
