//! A checkpoint comes into place whole or not at all ([`crate::atomic_file`]); what goes wrong is told with the room that it needs.

use super::error::CheckpointError;
use crate::atomic_file::AtomicFile;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Puts what `write` writes into place at `path`; `bytes` is the size that an error announces.
///
/// # Errors
/// [`CheckpointError::NoSpace`], [`CheckpointError::Permission`], [`CheckpointError::Io`]; the temporary file is removed and what was at
/// `path` before is unharmed.
pub fn replace(path: &Path, bytes: u64, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CheckpointError> {
    let in_place = || {
        let mut file = BufWriter::with_capacity(1 << 18, AtomicFile::create(path)?);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.commit()
    };
    in_place().map_err(|error| CheckpointError::from_io(path, "write", bytes, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
