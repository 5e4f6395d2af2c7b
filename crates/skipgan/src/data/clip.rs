//! A clip: ordered frames without a cut. No state crosses its border. It is a video file or a list of pictures; its frames come as a
//! [`FrameSource`].

use crate::data::DataError;
use std::path::{Path, PathBuf};
use video::{FrameSource, OpenOptions, PictureClip};

/// Where a clip's frames lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClipSource {
    /// A video file, or `-`: Y4M on standard input.
    Video(PathBuf),
    /// Pictures, one a frame, in order.
    Pictures(Vec<PathBuf>),
}

/// A named clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// Path below the test (or given) folder without extension, parts joined by `/`: the `clip` column of a score file.
    pub name: String,
    /// Where its frames lie.
    pub source: ClipSource,
}

impl Clip {
    /// Its frames, from the first on.
    ///
    /// # Errors
    /// [`DataError::Source`], which names the clip.
    pub fn open(&self, options: &OpenOptions) -> Result<Box<dyn FrameSource>, DataError> {
        let opened = match &self.source {
            ClipSource::Video(path) => video::open(path, options),
            ClipSource::Pictures(files) => PictureClip::from_files(files.clone(), options).map(|clip| Box::new(clip) as _),
        };
        opened.map_err(|source| DataError::Source { clip: self.name.clone(), source })
    }

    /// Its number of frames where that is certain without decoding: pictures are counted, a video's header may lie.
    #[must_use]
    pub fn known_frames(&self) -> Option<usize> {
        match &self.source {
            ClipSource::Video(_) => None,
            ClipSource::Pictures(files) => Some(files.len()),
        }
    }

    /// The video file, the pictures' folder, or the single picture.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.source {
            ClipSource::Video(path) => path,
            ClipSource::Pictures(files) => match files.as_slice() {
                [] => Path::new(""),
                [only] => only,
                [first, ..] => first.parent().unwrap_or(Path::new("")),
            },
        }
    }

    /// Columns and rows as shown (after rotation). Opens the clip; decodes at most one frame.
    ///
    /// # Errors
    /// [`DataError::Source`].
    pub fn displayed_size(&self, options: &OpenOptions) -> Result<(usize, usize), DataError> {
        let source = self.open(options)?;
        let info = source.info();
        let (width, height) = video::frame::displayed_size(info.width, info.height, info.rotation);
        Ok((usize::try_from(width).unwrap_or(usize::MAX), usize::try_from(height).unwrap_or(usize::MAX)))
    }
}
