//! A file is in place whole or not at all: written to a temporary neighbour, synced, renamed, and the folder synced too, so that
//! neither a crash nor a full disk ever leaves half a checkpoint under its name.

use super::error::CheckpointError;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Puts what `write` writes into place at `path`; `bytes` is the size that an error announces.
///
/// # Errors
/// [`CheckpointError::NoSpace`], [`CheckpointError::Permission`], [`CheckpointError::Io`]; the temporary file is removed and what was at
/// `path` before is unharmed.
pub fn replace(path: &Path, bytes: u64, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CheckpointError> {
    let temporary = neighbour(path);
    let written = write_and_sync(&temporary, write).and_then(|()| fs::rename(&temporary, path)).and_then(|()| sync_folder(path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary); // the first error is the one to tell
        CheckpointError::from_io(path, "write", bytes, error)
    })
}

fn write_and_sync(temporary: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(1 << 18, File::create(temporary)?);
    write(&mut buffered)?;
    buffered.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// The name under which the file grows: in the same folder, since a rename does not cross file systems.
fn neighbour(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot sync a folder; the rename itself has happened.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) =>
        {
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("last.safetensors");
        replace(&path, 3, |out| out.write_all(b"old")).expect("writable");
        let full = replace(&path, 3, |out| {
            out.write_all(b"n")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        let message = full.expect_err("full").to_string();
        assert!(message.contains("no space left") && message.contains("--resume"), "{message}");
        assert_eq!(fs::read(&path).expect("still there"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }
}
