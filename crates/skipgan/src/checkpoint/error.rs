//! What can be wrong with a checkpoint or a run folder, by who is at fault. Each message is one sentence that says what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a checkpoint or a run folder cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// No such file.
    #[error("{path}: there is no such file; train first, or name the run folder that 'skipgan train --out RUN' made")]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error(
        "{path}: no space left on the disk; free some{} and go on with --resume: what was there before is unharmed",
        needs(*.bytes)
    )]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// What it needs; 0: not known.
        bytes: u64,
    },
    /// Not allowed.
    #[error("{path}: permission denied; choose a folder that you may write to (or a file that you may read)")]
    Permission {
        /// The file or folder.
        path: PathBuf,
    },
    /// Any other failure of the file system.
    #[error("{path}: cannot {action}: {source}; check that the path is right and the disk healthy")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes that are no checkpoint at all.
    #[error(
        "{path}: this is not a checkpoint of skipgan ({reason}, byte {byte}); name checkpoints/best.safetensors or checkpoints/last.safetensors of a run"
    )]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What betrayed it.
        reason: String,
        /// Where.
        byte: u64,
    },
    /// The file ends early, or goes on after its end.
    #[error(
        "{path}: the file has {found} bytes where its header announces {expected}: it was cut or damaged; copy it anew or use the run's other checkpoint"
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// Bytes announced.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// Written by another version of the program.
    #[error(
        "{path}: the checkpoint has format version {found}, this program reads version {supported}; use the program that wrote it ({program}) or train anew"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: String,
        /// Ours.
        supported: u32,
        /// The program that wrote it.
        program: String,
    },
    /// A metadata key that is missing or makes no sense.
    #[error("{path}: the checkpoint's metadata '{key}' {message}; the file is damaged or was edited: use the run's other checkpoint")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A tensor that the spec asks for is not there.
    #[error("{path}: tensor '{name}' is missing; the file is not complete: use the run's other checkpoint or train anew")]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor that the spec does not know.
    #[error(
        "{path}: tensor '{name}' does not belong to a network of this configuration; the file was edited or its configuration is another's"
    )]
    UnknownTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor of the wrong kind or shape.
    #[error(
        "{path}: tensor '{name}' is {found} where the configuration asks for {expected}; the file was edited or its configuration is another's"
    )]
    WrongTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Kind and shape that the spec gives.
        expected: String,
        /// Kind and shape in the file.
        found: String,
    },
    /// A tensor whose bytes lie where they cannot.
    #[error(
        "{path}: tensor '{name}' lies at bytes {start} to {end}, which is not its place; the file is damaged: use the run's other checkpoint"
    )]
    Place {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// First byte after the header.
        start: u64,
        /// End.
        end: u64,
    },
    /// NaN or infinity in a tensor.
    #[error(
        "{path}: tensor '{name}' holds {value} at element {element}; the training diverged or the file is damaged: use an earlier checkpoint"
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The value.
        value: f32,
        /// Where.
        element: usize,
    },
    /// A variance below zero.
    #[error(
        "{path}: tensor '{name}' holds the negative variance {value} at element {element}; the file is damaged: use the run's other checkpoint"
    )]
    NegativeVariance {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The value.
        value: f32,
        /// Where.
        element: usize,
    },
    /// Not enough memory for a tensor.
    #[error("{path}: there is not enough memory for the checkpoint's {bytes} bytes; close other programs or use a smaller network")]
    Memory {
        /// The file.
        path: PathBuf,
        /// What it needs.
        bytes: u64,
    },
    /// A run folder that already holds something.
    #[error("{path}: the run folder is not empty; go on with --resume or choose another --out")]
    RunNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that holds something, but no checkpoint to go on from.
    #[error("{}: there is no checkpoints/last.safetensors to resume from; check the path, or start anew with another --out", path.display())]
    NothingToResume {
        /// The folder.
        path: PathBuf,
    },
    /// A run that ended before it had what is wanted.
    #[error(
        "{path}: there is no such file yet, the training was interrupted before its {before}; 'skipgan train … --resume' with the words of before goes on"
    )]
    Interrupted {
        /// The checkpoint.
        path: PathBuf,
        /// What it did not come to.
        before: &'static str,
    },
    /// A folder without a run in it.
    #[error("{path}: this is not a run folder (it has no checkpoints); name the folder that was given to 'skipgan train --out'")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
}

fn needs(bytes: u64) -> String {
    if bytes > 0 { format!(" (the file needs {bytes} bytes)") } else { String::new() }
}

impl CheckpointError {
    /// The variant for an error of the file system while doing `action` to `path`; `bytes` is what the file needs.
    pub fn from_io(path: &Path, action: &'static str, bytes: u64, source: io::Error) -> CheckpointError {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => CheckpointError::NoSpace { path, bytes },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => CheckpointError::Permission { path },
            io::ErrorKind::NotFound if action == "read" => CheckpointError::NotFound { path },
            _ => CheckpointError::Io { path, action, source },
        }
    }
}
