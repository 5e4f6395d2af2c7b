//! The folder of `--maps DIR` (DESIGN §4): one `.npy` of f32 `[frames, height, width]` a clip, named as the clip.

use super::result_error::ResultFileError;
use crate::atomic_file::AtomicFile;
use crate::evaluate::{MapSource, SourceError};
use crate::localise::Plane;
use crate::npy::{MapReader, MapWriter};
use std::io::BufWriter;
use std::path::{Component, Path, PathBuf};

/// Where the maps of a clip lie: `folder/clip.npy`.
///
/// # Errors
/// A clip name that would leave the folder.
pub fn map_path(folder: &Path, clip: &str) -> Result<PathBuf, ResultFileError> {
    super::lines::check_clip_name(clip)?;
    if Path::new(clip).components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(ResultFileError::ClipName { clip: clip.to_owned(), why: "leads out of the folder of maps" });
    }
    Ok(folder.join(format!("{clip}.npy")))
}

/// Writes the maps of one clip; the file appears when it is finished.
pub struct ClipMapWriter {
    maps: MapWriter<BufWriter<AtomicFile>>,
    path: PathBuf,
}

impl ClipMapWriter {
    /// Starts the file of a clip whose maps are `height × width`.
    ///
    /// # Errors
    /// A clip name that would leave the folder, or what the operating system says.
    pub fn create(folder: &Path, clip: &str, height: usize, width: usize) -> Result<Self, ResultFileError> {
        let path = map_path(folder, clip)?;
        let file = BufWriter::with_capacity(1 << 18, AtomicFile::create(&path).map_err(ResultFileError::io(&path, "creating"))?);
        let maps = MapWriter::new(file, &path, height, width).map_err(npy_error)?;
        Ok(Self { maps, path })
    }

    /// Writes the next map.
    ///
    /// # Errors
    /// A number that is not finite, or what the operating system says.
    ///
    /// # Panics
    /// If the map has another size.
    pub fn push(&mut self, map: &[f32]) -> Result<(), ResultFileError> {
        self.maps.push(map).map_err(npy_error)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// What the operating system says; the file then does not appear.
    pub fn finish(self) -> Result<(), ResultFileError> {
        let failed = ResultFileError::io(&self.path, "writing");
        self.maps
            .finish()
            .map_err(npy_error)?
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .and_then(AtomicFile::commit)
            .map_err(failed)
    }
}

fn npy_error(error: crate::npy::NpyError) -> ResultFileError {
    use crate::npy::NpyError;
    match error {
        NpyError::Io { path, doing, source } => ResultFileError::Io { path, doing, source },
        NpyError::Format { path, why } => ResultFileError::Npy { path, why },
    }
}

/// Gives the maps of a folder to the evaluation, one clip open at a time.
pub struct MapFolder {
    clips: Vec<(PathBuf, usize)>,
    open: Option<(usize, MapReader)>,
}

impl MapFolder {
    /// The maps of clips given by name and number of frames; checks that each has its file and each file its frames.
    ///
    /// # Errors
    /// A missing or broken file, or another number of frames.
    pub fn open(folder: &Path, clips: &[super::score_table::ExpectedClip<'_>]) -> Result<Self, ResultFileError> {
        let mut found = Vec::with_capacity(clips.len());
        for clip in clips {
            let path = map_path(folder, clip.name)?;
            let frames = MapReader::open(&path).map_err(npy_error)?.frames();
            if frames != clip.frames {
                let why = format!("it holds {frames} maps but clip {} has {} frames: score it again", clip.name, clip.frames);
                return Err(ResultFileError::Npy { path, why });
            }
            found.push((path, frames));
        }
        Ok(Self { clips: found, open: None })
    }
}

impl MapSource for MapFolder {
    fn read(&mut self, clip: usize, frame: usize, map: &mut Plane<f64>) -> Result<(), SourceError> {
        let mut reader = match self.open.take().filter(|(open, _)| *open == clip) {
            Some((_, reader)) => reader,
            None => MapReader::open(&self.clips[clip].0)?,
        };
        (map.height, map.width) = (reader.height(), reader.width());
        reader.read_frame(frame, &mut map.values)?;
        self.open = Some((clip, reader));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::score_table::ExpectedClip;
    use super::*;

    #[test]
    fn maps_go_out_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        for (clip, value) in [("a", 1.0), ("day/b", 2.0)] {
            let mut writer = ClipMapWriter::create(folder.path(), clip, 1, 2).unwrap();
            writer.push(&[value, 0.5]).unwrap();
            writer.push(&[value, 0.25]).unwrap();
            assert!(writer.push(&[f32::NAN, 0.0]).is_err());
            writer.finish().unwrap();
        }
        let clips = ["a", "day/b"].map(|name| ExpectedClip { name, frames: 2 });
        let mut maps = MapFolder::open(folder.path(), &clips).unwrap();
        let mut map = Plane::default();
        maps.read(1, 1, &mut map).unwrap();
        assert_eq!(map, Plane::new(1, 2, vec![2.0, 0.25]));
        maps.read(0, 0, &mut map).unwrap();
        assert_eq!(map.values, [1.0, 0.5]);
        let longer = [ExpectedClip { name: "a", frames: 3 }];
        assert!(MapFolder::open(folder.path(), &longer).err().unwrap().to_string().contains("clip a has 3 frames"));
    }

    #[test]
    fn a_clip_name_cannot_leave_the_folder() {
        for name in ["../a", "/a", "a/../../b", ""] {
            assert!(map_path(Path::new("maps"), name).is_err(), "{name}");
        }
    }
}
