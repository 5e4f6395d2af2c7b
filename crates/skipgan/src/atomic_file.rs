//! Files that appear whole or not at all: written beside their place, synced, renamed, and the folder synced too, so that neither a
//! crash nor a full disk ever leaves half a file under its name. Devices and pipes, which cannot be replaced by a rename, are written
//! directly. Checkpoints and result files both come into place this way; each folder tells errors in its own words.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// A file that exists under its own name only after [`AtomicFile::commit`]; dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    target: PathBuf,
    temporary: Option<PathBuf>,
}

impl AtomicFile {
    /// Opens a temporary file beside `target`, creating its folder.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create(target: &Path) -> io::Result<Self> {
        let special = std::fs::metadata(target).is_ok_and(|found| !found.is_file());
        if special {
            let file = File::options().write(true).open(target)?;
            return Ok(Self { file, target: target.to_owned(), temporary: None });
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
        }
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{}.partial", std::process::id()));
        let temporary = target.with_file_name(name);
        let file = File::create(&temporary)?;
        Ok(Self { file, target: target.to_owned(), temporary: Some(temporary) })
    }

    /// Where the file will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Syncs the content and gives the file its name.
    ///
    /// # Errors
    /// What the operating system says; the target is then as it was.
    pub fn commit(mut self) -> io::Result<()> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        self.file.sync_all()?;
        std::fs::rename(temporary, &self.target)?;
        self.temporary = None;
        sync_folder(&self.target)
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot sync a folder; the rename itself has happened.
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported | PermissionDenied) => Ok(()),
        other => other,
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: std::io::SeekFrom) -> std::io::Result<u64> {
        self.file.seek(position)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = std::fs::remove_file(temporary); // nothing can be done about a temporary file that will not go
        }
    }
}

/// Writes a whole small file atomically.
///
/// # Errors
/// What the operating system says.
pub fn write_atomically(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(target)?;
    file.write_all(bytes)?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/scores.csv");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
        write_atomically(&path, b"whole").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn a_device_is_written_to_and_stays() {
        write_atomically(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }
}
