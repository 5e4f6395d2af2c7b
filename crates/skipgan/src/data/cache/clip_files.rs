//! One file a clip, read by position: opened at the first read and kept, but for clips beyond a number (thousands of stills), which are opened at
//! each read. Reads need no lock.

use crate::data::DataError;
use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Most files held open.
const MOST_OPEN: usize = 256;

/// The files of a cache, in the order of its clips.
#[derive(Debug)]
pub(in crate::data) struct ClipFiles {
    /// What is read, for errors.
    what: &'static str,
    paths: Vec<PathBuf>,
    open: Vec<OnceLock<File>>,
}

impl ClipFiles {
    /// Of these paths; `what` says what reading them is, such as "reading the frame cache".
    pub(in crate::data) fn new(what: &'static str, paths: Vec<PathBuf>) -> ClipFiles {
        let open = paths.iter().take(MOST_OPEN).map(|_| OnceLock::new()).collect();
        ClipFiles { what, paths, open }
    }

    /// Fills `out` with record `record` of the clip, records being as long as `out`.
    ///
    /// # Errors
    /// [`DataError::CacheDamaged`] for a clip that is not there and a file cut short; [`DataError::Io`].
    pub(in crate::data) fn read(&self, clip: usize, record: usize, out: &mut [u8]) -> Result<(), DataError> {
        let Some(path) = self.paths.get(clip) else {
            return Err(DataError::CacheDamaged { path: PathBuf::new(), what: format!("it has no clip {clip}") });
        };
        let fail = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                DataError::CacheDamaged { path: path.clone(), what: format!("it ends before frame {record}") }
            }
            _ => DataError::io(path, self.what, source),
        };
        let opened;
        let file = match self.open.get(clip) {
            Some(place) => match place.get() {
                Some(file) => file,
                None => {
                    let file = File::open(path).map_err(fail)?;
                    place.get_or_init(|| file)
                }
            },
            None => {
                opened = File::open(path).map_err(fail)?;
                &opened
            }
        };
        read_at(file, out, super::wide(record).saturating_mul(super::wide(out.len()))).map_err(fail)
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut out: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !out.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, out, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        out = out.get_mut(read..).unwrap_or_default();
        offset += super::wide(read);
    }
    Ok(())
}
