//! The folder of `--maps DIR`: one `.npy` of maps a clip, and boxes above τ0 in source pixels.

use super::CommandError;
use crate::localise::{Bilinear, Plane, regions_above};
use crate::report::detections_file::{DETECTIONS_NAME, DetectionWriter};
use crate::report::map_folder::ClipMapWriter;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Writes maps and boxes as frames come, clip by clip.
pub struct MapOutput {
    folder: PathBuf,
    tau0: f64,
    detections: DetectionWriter,
    /// Rows and columns of each clip's frames as displayed.
    sizes: HashMap<String, (usize, usize)>,
    clip: Option<OpenClip>,
}

/// The clip being written.
struct OpenClip {
    name: String,
    maps: ClipMapWriter,
    resize: Bilinear,
    map: Plane<f64>,
    enlarged: Plane<f64>,
}

impl MapOutput {
    /// Starts the folder; above `tau0` a pixel belongs to a box.
    ///
    /// # Errors
    /// [`CommandError::ResultFile`].
    pub fn create(folder: &Path, tau0: f64) -> Result<MapOutput, CommandError> {
        std::fs::create_dir_all(folder).map_err(|source| CommandError::Io {
            path: folder.to_path_buf(),
            action: "make the folder",
            source,
        })?;
        let detections = DetectionWriter::create(&folder.join(DETECTIONS_NAME))?;
        Ok(MapOutput { folder: folder.to_path_buf(), tau0, detections, sizes: HashMap::new(), clip: None })
    }

    /// Tells the size of a clip's frames before its first map comes.
    pub fn announce(&mut self, clip: &str, (height, width): (usize, usize)) {
        self.sizes.insert(clip.to_string(), (height, width));
    }

    /// Takes the map of a frame, `[rows, cols]`.
    ///
    /// # Errors
    /// [`CommandError::ResultFile`].
    pub fn push(&mut self, clip: &str, frame: usize, (rows, cols): (usize, usize), values: &[f32]) -> Result<(), CommandError> {
        if self.clip.as_ref().is_none_or(|open| open.name != clip) {
            self.end_clip()?;
            let maps = ClipMapWriter::create(&self.folder, clip, rows, cols)?;
            let size = self.sizes.get(clip).copied().unwrap_or((rows, cols));
            let resize = Bilinear::new((rows, cols), size);
            self.clip = Some(OpenClip { name: clip.to_string(), maps, resize, map: Plane::default(), enlarged: Plane::default() });
        }
        let Some(open) = &mut self.clip else { return Ok(()) };
        open.maps.push(values)?;
        open.map.reset(rows, cols, 0.0);
        open.map.values.iter_mut().zip(values).for_each(|(to, &value)| *to = f64::from(value));
        open.resize.apply(&open.map, &mut open.enlarged);
        for region in regions_above(&open.enlarged, self.tau0) {
            self.detections.write(clip, frame, region.bounds, region.score)?;
        }
        Ok(())
    }

    fn end_clip(&mut self) -> Result<(), CommandError> {
        self.clip.take().map_or(Ok(()), |open| Ok(open.maps.finish()?))
    }

    /// Ends the last clip and the boxes.
    ///
    /// # Errors
    /// [`CommandError::ResultFile`].
    pub fn finish(mut self) -> Result<(), CommandError> {
        self.end_clip()?;
        Ok(self.detections.finish()?)
    }
}
