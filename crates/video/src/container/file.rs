//! A file read at positions, with its length known and every read bounded by it.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::limits::Limits;
use crate::source::SourceError;

/// A buffered file that knows where it is.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) path: PathBuf,
    pub(crate) limits: Limits,
    file: BufReader<File>,
    position: u64,
    length: u64,
}

impl Reader {
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let file = File::open(path).map_err(|e| SourceError::io(path, "opening", e))?;
        let length = file.metadata().map_err(|e| SourceError::io(path, "reading", e))?.len();
        Ok(Self { path: path.to_path_buf(), limits: limits.clone(), file: BufReader::with_capacity(256 << 10, file), position: 0, length })
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes from here to the end.
    pub(crate) fn left(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    /// Goes to `position`, at most to the end. Short ways forward stay within the buffer.
    pub(crate) fn seek(&mut self, position: u64) -> Result<(), SourceError> {
        let position = position.min(self.length);
        let failed = |e| SourceError::io(&self.path, "seeking", e);
        let ahead = i64::try_from(position).ok().zip(i64::try_from(self.position).ok()).map(|(to, from)| to - from);
        match ahead {
            Some(distance) => self.file.seek_relative(distance).map_err(failed)?,
            None => {
                self.file.seek(SeekFrom::Start(position)).map_err(failed)?;
            }
        }
        self.position = position;
        Ok(())
    }

    /// Goes `count` bytes on, at most to the end.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), SourceError> {
        self.seek(self.position.saturating_add(count))
    }

    /// Reads up to `count` bytes: fewer only at the end of the file.
    pub(crate) fn take(&mut self, count: u64) -> Result<Vec<u8>, SourceError> {
        let mut data = Vec::new();
        self.take_into(count, &mut data)?;
        Ok(data)
    }

    /// As [`Reader::take`], into a buffer that is cleared first.
    pub(crate) fn take_into(&mut self, count: u64, data: &mut Vec<u8>) -> Result<(), SourceError> {
        data.clear();
        // Reserved by what the file holds, never by what it states.
        data.reserve(usize::try_from(count.min(self.left())).unwrap_or(0));
        let read = (&mut self.file).take(count).read_to_end(data).map_err(|e| SourceError::io(&self.path, "reading", e))?;
        self.position = self.position.saturating_add(u64::try_from(read).unwrap_or(0));
        Ok(())
    }

    /// Reads exactly `N` bytes, or `None` where the file ends first.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, SourceError> {
        let data = self.take(u64::try_from(N).unwrap_or(0))?;
        Ok(data.try_into().ok())
    }

    /// Reads a header of `count` bytes, bounded by the limits.
    pub(crate) fn header(&mut self, what: &'static str, count: u64) -> Result<Vec<u8>, SourceError> {
        self.limits.check(&self.path, what, count, self.limits.max_header_bytes)?;
        self.take(count)
    }

    pub(crate) fn damaged(&self, what: impl Into<String>) -> SourceError {
        SourceError::damaged(&self.path, what)
    }
}
