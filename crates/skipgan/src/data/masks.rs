//! Pixel masks: which pixels of a frame are anomalous. One clip's masks at a time, one mask at a time.
//!
//! UCSD: `Test/TestNNN_gt/*` (BMP, plain and run-length coded; named `001.bmp` or `frame001.bmp`: paired with frames by sorted order, the
//! count asserted). MVTec: `ground_truth/<kind>/NNN_mask.png`; a good picture has an empty mask. ShanghaiTech:
//! `testing/test_pixel_mask/NN.npy`. Avenue: `ground_truth_demo/testing_label_mask/k_label.mat`. Plain: `masks/<clip>/*.png`. Every pixel that is not 0 counts.

use crate::data::labels::{avenue_masks, mat};
use crate::data::layouts::{files_in, subfolder};
use crate::data::matlab::{Cells, Matrix};
use crate::data::{Clip, ClipSource, DataError, DataSet, Layout};
use crate::npy::MapReader;
use std::path::{Path, PathBuf};
use video::images::is_picture_name;
use video::{Limits, Planes};

/// One mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 0 or 1 a pixel. Shapes: `[height, width]`.
    pub values: Vec<u8>,
}

/// All masks of a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskVolume {
    /// Masks.
    pub frames: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 0 or 1 a pixel. Shapes: `[frames, height, width]`.
    pub values: Vec<u8>,
}

/// Where a mask lies.
#[derive(Debug)]
enum Place {
    Picture(PathBuf),
    /// None is needed: nothing is anomalous in this picture, whose size the mask has.
    EmptyAs(PathBuf),
}

/// The masks of one clip, read one after another.
#[derive(Debug)]
pub struct ClipMasks {
    places: std::vec::IntoIter<Place>,
    array: Option<(MapReader, usize)>,
    cells: Option<Cells>,
    frames: usize,
    size: Option<(usize, usize)>,
    path: PathBuf,
}

/// Kinds of stills that are normal.
pub(crate) fn is_normal_kind(kind: &str) -> bool {
    matches!(kind.to_lowercase().as_str(), "good" | "normal" | "0.normal")
}

/// The masks of `clip`; `None` where it has none. `frames`: the clip's frames where the caller knows them (videos).
///
/// # Errors
/// [`DataError::MaskCount`] where there are not as many as frames; what reading folders and arrays can give.
pub fn find(data: &DataSet, clip: &Clip, frames: Option<usize>) -> Result<Option<ClipMasks>, DataError> {
    let frames = clip.known_frames().or(frames);
    for root in &data.roots {
        let root = if root.is_dir() { root.as_path() } else { root.parent().unwrap_or(Path::new("")) };
        if let Some(masks) = find_below(data.layout, root, clip)? {
            if let Some(frames) = frames.filter(|&frames| frames != masks.frames) {
                return Err(DataError::MaskCount { path: masks.path, clip: clip.name.clone(), masks: masks.frames, frames });
            }
            return Ok(Some(masks));
        }
    }
    Ok(None)
}

fn find_below(layout: Layout, root: &Path, clip: &Clip) -> Result<Option<ClipMasks>, DataError> {
    let below = |parts: &[&str]| {
        let mut folder = Some(root.to_path_buf());
        for part in parts {
            folder = folder.and_then(|folder| subfolder(&folder, &[part]));
        }
        folder
    };
    match layout {
        Layout::Ucsd => pictures(below(&["Test"]).map(|test| test.join(format!("{}_gt", clip.name)))),
        Layout::Mvtec => still(below(&["ground_truth"]), clip),
        Layout::Frames | Layout::ShanghaiTech => {
            array(below(&["testing", "test_pixel_mask"]).map(|folder| folder.join(format!("{}.npy", clip.name))))
        }
        Layout::Avenue => cells(avenue_masks(root).and_then(|folder| mat::file_of(&folder, clip))),
        Layout::Plain | Layout::Images => {
            for folder in [below(&["masks"]), below(&["test", "masks"])].into_iter().flatten() {
                let found = pictures(Some(folder.join(&clip.name)))?;
                let found = if found.is_none() { array(Some(folder.join(format!("{}.npy", clip.name))))? } else { found };
                if found.is_some() {
                    return Ok(found);
                }
            }
            still(below(&["ground_truth"]).filter(|_| layout == Layout::Images), clip)
        }
    }
}

/// A folder of pictures.
fn pictures(folder: Option<PathBuf>) -> Result<Option<ClipMasks>, DataError> {
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        return Ok(None);
    };
    let places: Vec<Place> = files_in(&folder)?.into_iter().filter(|file| is_picture_name(file)).map(Place::Picture).collect();
    Ok(Some(ClipMasks { frames: places.len(), places: places.into_iter(), array: None, cells: None, size: None, path: folder }))
}

/// An array `[frames, height, width]`.
fn array(path: Option<PathBuf>) -> Result<Option<ClipMasks>, DataError> {
    let Some(path) = path.filter(|path| path.is_file()) else {
        return Ok(None);
    };
    let file = MapReader::open(&path)?;
    let (frames, size) = (file.frames(), Some((file.height(), file.width())));
    Ok(Some(ClipMasks { places: Vec::new().into_iter(), array: Some((file, 0)), cells: None, frames, size, path }))
}

/// A cell array with a mask a frame.
fn cells(path: Option<PathBuf>) -> Result<Option<ClipMasks>, DataError> {
    let Some(path) = path else { return Ok(None) };
    let cells = Cells::open(&path, mat::MASKS)?;
    Ok(Some(ClipMasks { frames: cells.count(), places: Vec::new().into_iter(), array: None, cells: Some(cells), size: None, path }))
}

/// The mask of a still: `<kind>/NNN_mask.png` or `<kind>/NNN.png`.
fn still(folder: Option<PathBuf>, clip: &Clip) -> Result<Option<ClipMasks>, DataError> {
    let (Some((kind, stem)), ClipSource::Pictures(files)) = (clip.name.split_once('/'), &clip.source) else {
        return Ok(None);
    };
    let (Some(folder), [picture]) = (folder, files.as_slice()) else {
        return Ok(None);
    };
    let place = if is_normal_kind(kind) {
        Some(Place::EmptyAs(picture.clone()))
    } else {
        let kind = folder.join(kind);
        let named = files_in(&kind).unwrap_or_default().into_iter().find(|file| {
            let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            is_picture_name(file) && (name == format!("{stem}_mask") || name == stem)
        });
        named.map(Place::Picture)
    };
    Ok(place.map(|place| ClipMasks { places: vec![place].into_iter(), array: None, cells: None, frames: 1, size: None, path: folder }))
}

impl ClipMasks {
    /// Masks in all.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The next mask; `None` at the end. All masks of a clip have one size.
    ///
    /// # Errors
    /// [`DataError::Mask`], [`DataError::MaskSize`], [`DataError::Npy`], [`DataError::Io`].
    pub fn next_mask(&mut self) -> Result<Option<Mask>, DataError> {
        if let Some((file, row)) = &mut self.array {
            let (height, width) = self.size.unwrap_or((0, 0));
            if *row >= self.frames {
                return Ok(None);
            }
            let mut values = Vec::new();
            file.read_frame(*row, &mut values)?;
            let values = values.iter().map(|&value| u8::from(value != 0.0)).collect();
            *row += 1;
            return Ok(Some(Mask { height, width, values }));
        }
        if let Some(cells) = &mut self.cells {
            let mut matrix = Matrix::default();
            if !cells.next(&mut matrix)? {
                return Ok(None);
            }
            let (height, width) = (matrix.rows, matrix.cols);
            self.check_size(&self.path.clone(), height, width)?;
            return Ok(Some(Mask { height, width, values: row_by_row(&matrix) }));
        }
        let Some(place) = self.places.next() else {
            return Ok(None);
        };
        let (path, plane) = match &place {
            Place::Picture(path) => (path, video::read_mask(path, &Limits::default()).map_err(DataError::Mask)?),
            Place::EmptyAs(path) => {
                let frame = video::read_picture(path, Planes::Luma, &Limits::default()).map_err(DataError::Mask)?;
                let mut plane = frame.y;
                plane.data.fill(0);
                (path, plane)
            }
        };
        let side = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        let (height, width) = (side(plane.height), side(plane.width));
        self.check_size(path, height, width)?;
        let mut values = plane.data;
        values.iter_mut().for_each(|value| *value = u8::from(*value != 0));
        Ok(Some(Mask { height, width, values }))
    }

    /// All masks of a clip have one size.
    fn check_size(&mut self, path: &Path, height: usize, width: usize) -> Result<(), DataError> {
        let &mut (first_height, first_width) = self.size.get_or_insert((height, width));
        if (height, width) != (first_height, first_width) || height * width == 0 {
            return Err(DataError::MaskSize { path: path.to_path_buf(), width, height, first_width, first_height });
        }
        Ok(())
    }

    /// All masks that are left, in one piece.
    ///
    /// # Errors
    /// As [`ClipMasks::next_mask`].
    pub fn read_all(mut self) -> Result<MaskVolume, DataError> {
        let mut volume = MaskVolume { frames: 0, height: 0, width: 0, values: Vec::new() };
        while let Some(mask) = self.next_mask()? {
            (volume.height, volume.width) = (mask.height, mask.width);
            volume.frames += 1;
            volume.values.extend_from_slice(&mask.values);
        }
        Ok(volume)
    }
}

/// 0 or 1 a pixel, row after row, from columns after columns.
fn row_by_row(matrix: &Matrix) -> Vec<u8> {
    let mut values = vec![0; matrix.values.len()];
    for (col, column) in matrix.values.chunks_exact(matrix.rows.max(1)).enumerate() {
        for (row, &value) in column.iter().enumerate() {
            if let Some(pixel) = values.get_mut(row * matrix.cols + col) {
                *pixel = u8::from(value != 0.0);
            }
        }
    }
    values
}
