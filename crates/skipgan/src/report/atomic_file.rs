//! Files that appear whole or not at all: written beside their place, synced, renamed. Devices and pipes, which cannot be replaced by
//! a rename, are written directly.

use super::result_error::ResultFileError;
use std::fs::File;
use std::io::{Seek, Write};
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
    pub fn create(target: &Path) -> Result<Self, ResultFileError> {
        let special = std::fs::metadata(target).is_ok_and(|found| !found.is_file());
        if special {
            let file = File::options().write(true).open(target).map_err(ResultFileError::io(target, "opening"))?;
            return Ok(Self { file, target: target.to_owned(), temporary: None });
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(ResultFileError::io(folder, "creating the folder"))?;
        }
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{}.partial", std::process::id()));
        let temporary = target.with_file_name(name);
        let file = File::create(&temporary).map_err(ResultFileError::io(target, "creating"))?;
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
    pub fn commit(mut self) -> Result<(), ResultFileError> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        self.file.sync_all().map_err(ResultFileError::io(&self.target, "writing"))?;
        std::fs::rename(temporary, &self.target).map_err(ResultFileError::io(&self.target, "writing"))?;
        self.temporary = None;
        Ok(())
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
pub fn write_atomically(target: &Path, bytes: &[u8]) -> Result<(), ResultFileError> {
    let mut file = AtomicFile::create(target)?;
    file.write_all(bytes).map_err(ResultFileError::io(target, "writing"))?;
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
