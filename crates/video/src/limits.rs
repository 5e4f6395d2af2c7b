//! Upper bounds on what a file may make this program do.
//!
//! Every size that a file states passes one of these checks before memory is reserved for it.

use std::path::Path;

use crate::source::SourceError;

/// Bounds on one input. The defaults admit 8K pictures and a day and a half of video at 30
/// frames a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most columns of a picture.
    pub max_width: u32,
    /// Most rows of a picture.
    pub max_height: u32,
    /// Most pixels of a picture.
    pub max_pixels: u64,
    /// Most bytes of one compressed picture or of one chunk around it.
    pub max_packet_bytes: u64,
    /// Most pictures in one file whose index lies in memory (MP4).
    pub max_packets: u64,
    /// Most bytes of a file's index (`moov`, codec headers).
    pub max_header_bytes: u64,
    /// Most bytes of a single picture file.
    pub max_picture_file_bytes: u64,
    /// Most pictures in one folder.
    pub max_picture_files: u64,
    /// Most entries kept in a damage log (losses beyond are counted, not described).
    pub max_damage_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_width: 16_384,
            max_height: 16_384,
            max_pixels: 64 << 20,
            max_packet_bytes: 64 << 20,
            max_packets: 4_000_000,
            max_header_bytes: 256 << 20,
            max_picture_file_bytes: 512 << 20,
            max_picture_files: 10_000_000,
            max_damage_entries: 1000,
        }
    }
}

impl Limits {
    /// Checks the size of a picture.
    ///
    /// # Errors
    /// [`SourceError::Limit`] where a side or the area is too large, [`SourceError::Damaged`]
    /// where a side is 0.
    pub fn check_size(&self, path: &Path, width: u32, height: u32) -> Result<(), SourceError> {
        if width == 0 || height == 0 {
            return Err(SourceError::damaged(path, format!("the picture size is {width}×{height}")));
        }
        self.check(path, "picture width", width.into(), self.max_width.into())?;
        self.check(path, "picture height", height.into(), self.max_height.into())?;
        self.check(path, "pixels of a picture", u64::from(width) * u64::from(height), self.max_pixels)
    }

    /// Checks one stated quantity.
    ///
    /// # Errors
    /// [`SourceError::Limit`] where `value > limit`.
    pub fn check(&self, path: &Path, what: &'static str, value: u64, limit: u64) -> Result<(), SourceError> {
        if value <= limit {
            return Ok(());
        }
        Err(SourceError::Limit { path: path.to_path_buf(), what, value, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_beyond_a_bound_are_errors_that_name_it() {
        let limits = Limits::default();
        let path = Path::new("a.mp4");
        assert!(limits.check_size(path, 7680, 4320).is_ok());
        let wide = limits.check_size(path, 16_385, 2).unwrap_err().to_string();
        assert!(wide.contains("picture width") && wide.contains("16384"), "{wide}");
        assert!(limits.check_size(path, 16_384, 16_384).is_err());
        assert!(limits.check_size(path, 0, 4).is_err());
    }
}
