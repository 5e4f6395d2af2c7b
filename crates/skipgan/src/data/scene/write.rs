//! The scene as files, in the plain layout: `train/NN.avi`, `test/NN.avi` (MJPEG), `labels/test.csv`, `masks/NN/FFFF.png`, `kinds.csv`;
//! and, where the test clips are disturbed, from which frame on: `disturbances.csv`.

use super::script::Script;
use super::{Scene, SceneColour, SceneFrame};
use crate::data::DataError;
use crate::data::labels::kinds::KINDS_NAME;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use video::TimeBase;
use video::write::{Pixels, WriteOptions, create};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneFiles {
    /// The data set's folder.
    pub folder: PathBuf,
    /// Training clips, frames.
    pub train: (usize, usize),
    /// Test clips, frames.
    pub test: (usize, usize),
    /// Anomalous test frames.
    pub anomalous: usize,
}

/// Folders of a written scene.
const PARTS: [&str; 4] = ["train", "test", "labels", "masks"];
/// The table of disturbances.
const DISTURBANCES_NAME: &str = "disturbances.csv";

impl SceneFiles {
    /// Removes what [`Scene::write`] makes below `folder`, and the folder where nothing else is in it.
    pub fn remove(folder: &Path) {
        // What cannot be removed stays: there is nobody left to tell but the one who sees it.
        for part in PARTS {
            let _ = fs::remove_dir_all(folder.join(part));
        }
        for table in [KINDS_NAME, DISTURBANCES_NAME] {
            let _ = fs::remove_file(folder.join(table));
        }
        let _ = fs::remove_dir(folder);
    }
}

impl Scene {
    /// Writes all clips below `folder`; `progress` is told frames done and frames in all.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::SceneWrite`].
    pub fn write(&self, folder: &Path, progress: &mut dyn FnMut(usize, usize)) -> Result<SceneFiles, DataError> {
        self.write_until(folder, &AtomicBool::new(false), progress)
    }

    /// The same, until `cancel` is set; what is written by then stays.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::SceneWrite`], [`DataError::Cancelled`].
    pub fn write_until(&self, folder: &Path, cancel: &AtomicBool, progress: &mut dyn FnMut(usize, usize)) -> Result<SceneFiles, DataError> {
        let settings = self.settings();
        let all = settings.train_clips * settings.train_frames + settings.test_clips * settings.test_frames;
        let mut done = 0;
        let mut tell = || {
            done += 1;
            progress(done, all);
            if cancel.load(Ordering::Relaxed) { Err(DataError::Cancelled) } else { Ok(()) }
        };
        for (part, clips) in PARTS.into_iter().zip([settings.train_clips, settings.test_clips, settings.test_clips, settings.test_clips]) {
            if clips > 0 {
                make(&folder.join(part))?;
            }
        }
        let mut files =
            SceneFiles { folder: folder.to_path_buf(), train: (settings.train_clips, 0), test: (settings.test_clips, 0), anomalous: 0 };
        for script in (0..settings.train_clips).filter_map(|index| self.train(index)) {
            self.write_clip(&folder.join("train"), &script, &mut |_, _| tell())?;
            files.train.1 += script.frames();
        }
        if settings.test_clips == 0 {
            return Ok(files);
        }
        self.write_tables(folder)?;
        let path = folder.join("labels/test.csv");
        let fail = |source| DataError::io(&path, "writing", source);
        let mut table = BufWriter::new(File::create(&path).map_err(fail)?);
        table.write_all(b"clip,frame,label\n").map_err(fail)?;
        for script in (0..settings.test_clips).filter_map(|index| self.test(index)) {
            let masks = folder.join("masks").join(script.name());
            make(&masks)?;
            let mut anomalous = 0;
            self.write_clip(&folder.join("test"), &script, &mut |index, frame| {
                tell()?;
                writeln!(table, "{},{index},{}", script.name(), frame.label).map_err(fail)?;
                anomalous += usize::from(frame.label);
                self.write_mask(&masks.join(format!("{index:04}.png")), frame)
            })?;
            files.test.1 += script.frames();
            files.anomalous += anomalous;
        }
        table.flush().map_err(fail)?;
        Ok(files)
    }

    /// What happens in the test clips, and what disturbs them: `kinds.csv`, `disturbances.csv`; neither where there is nothing to say.
    fn write_tables(&self, folder: &Path) -> Result<(), DataError> {
        let scripts: Vec<Script> = (0..self.settings().test_clips).filter_map(|index| self.test(index)).collect();
        let kinds = scripts.iter().filter_map(|script| Some(format!("{},{}\n", script.name(), script.kind()?.id())));
        let disturbances = scripts.iter().filter_map(|script| {
            let disturbance = script.disturbance()?;
            Some(format!("{},{},{}\n", script.name(), disturbance.kind.id(), disturbance.begins))
        });
        let tables = [
            (KINDS_NAME, "clip,kind\n", kinds.collect::<String>()),
            (DISTURBANCES_NAME, "clip,disturbance,from_frame\n", disturbances.collect()),
        ];
        for (name, header, rows) in tables.into_iter().filter(|(_, _, rows)| !rows.is_empty()) {
            let path = folder.join(name);
            fs::write(&path, format!("{header}{rows}")).map_err(|source| DataError::io(&path, "writing", source))?;
        }
        Ok(())
    }

    /// Writes one clip as `NAME.avi`; `each` sees every frame.
    fn write_clip(
        &self,
        folder: &Path,
        script: &Script,
        each: &mut dyn FnMut(usize, &SceneFrame) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let settings = self.settings();
        let path = folder.join(format!("{}.avi", script.name()));
        let fail = |what: String| DataError::SceneWrite { path: path.clone(), what };
        let side = |value: usize| u32::try_from(value).unwrap_or(0);
        let time = TimeBase::new(1, settings.fps).ok_or_else(|| fail("no frame rate".into()))?;
        let options = WriteOptions::new(side(settings.width), side(settings.height), time);
        let mut writer = create(&path, &options).map_err(|error| fail(error.to_string()))?;
        for index in 0..script.frames() {
            let frame = self.frame(script, index);
            let pixels = match settings.colour {
                SceneColour::Rgb => Pixels::Rgb(&frame.pixels),
                SceneColour::Grey => Pixels::Grey(&frame.pixels),
            };
            writer.write(pixels).map_err(|error| fail(error.to_string()))?;
            each(index, &frame)?;
        }
        writer.finish().map_err(|error| fail(error.to_string()))
    }

    /// A mask as PNG, 0 and 255.
    fn write_mask(&self, path: &Path, frame: &SceneFrame) -> Result<(), DataError> {
        let fail = |error: png::EncodingError| DataError::SceneWrite { path: path.to_path_buf(), what: error.to_string() };
        let file = File::create(path).map_err(|source| DataError::io(path, "writing", source))?;
        let side = |value: usize| u32::try_from(value).unwrap_or(0);
        let mut encoder = png::Encoder::new(BufWriter::new(file), side(self.settings().width), side(self.settings().height));
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let white: Vec<u8> = frame.mask.iter().map(|&value| if value == 1 { 255 } else { 0 }).collect();
        let mut writer = encoder.write_header().map_err(fail)?;
        writer.write_image_data(&white).map_err(fail)?;
        writer.finish().map_err(fail)
    }
}

fn make(folder: &Path) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(|source| DataError::io(folder, "making the folder", source))
}
