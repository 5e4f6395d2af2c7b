//! Picture files: a folder of them as one clip, single pictures, and masks.
//!
//! Formats: PNG, JPEG, TIFF, BMP (8-bit and run-length coded too), GIF (its first picture).
//! Pictures are full range; grey ones have luma only, coloured ones keep R, G, B (identity
//! matrix) or, for JPEG, Y, Cb, Cr.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader};

use crate::align::Aligner;
use crate::codec::{Lost, jpeg};
use crate::frame::{Damage, Frame, Matrix, Plane, Range, TimeBase};
use crate::limits::Limits;
use crate::source::{Backend, DamageLog, FrameSource, OpenOptions, Planes, SourceError, StreamInfo};

/// The file name extensions that count as pictures, lower case.
pub const PICTURE_EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "gif"];

/// Whether a file name is a picture's: a known extension, not hidden, not a desktop's leaving
/// (`._frame.tif`, `.DS_Store`, `Thumbs.db`).
#[must_use]
pub fn is_picture_name(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    !hidden && extension.is_some_and(|e| PICTURE_EXTENSIONS.contains(&e.as_str()))
}

/// Orders names as people count: runs of digits by their value, the rest by characters
/// (`frame2` before `frame10`).
#[must_use]
pub fn numeric_order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.to_string_lossy(), b.to_string_lossy());
    let (mut left, mut right) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let (x, y) = match (left.peek().copied(), right.peek().copied()) {
            (Some(x), Some(y)) => (x, y),
            // Equal as people count (001 and 1): by characters, so that the order is total.
            (None, None) => return a.cmp(&b),
            (x, y) => return x.is_some().cmp(&y.is_some()),
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (x, y) = (number(&mut left), number(&mut right));
            x.len().cmp(&y.len()).then_with(|| x.cmp(&y))
        } else {
            left.next();
            right.next();
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes a run of digits, without leading zeros.
fn number(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut digits = String::new();
    while let Some(digit) = characters.next_if(char::is_ascii_digit) {
        if digit != '0' || !digits.is_empty() {
            digits.push(digit);
        }
    }
    digits
}

/// The pictures directly in a folder, in numeric order.
///
/// # Errors
/// [`SourceError::NoPictures`], [`SourceError::Limit`], or the system's answer.
pub fn list_pictures(folder: &Path, limits: &Limits) -> Result<Vec<PathBuf>, SourceError> {
    let fail = |e| SourceError::io(folder, "reading the folder", e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if is_picture_name(&path) && path.is_file() {
            files.push(path);
        }
        let count = u64::try_from(files.len()).unwrap_or(u64::MAX);
        limits.check(folder, "pictures in a folder", count, limits.max_picture_files)?;
    }
    if files.is_empty() {
        return Err(SourceError::NoPictures { path: folder.to_path_buf() });
    }
    files.sort_by(|a, b| numeric_order(a, b));
    Ok(files)
}

/// Reads one picture. Its pts, index are 0, its time base unknown.
///
/// # Errors
/// [`SourceError::Damaged`] where the data cannot be read, [`SourceError::Limit`] where the
/// picture or the file is too large, or the system's answer.
pub fn read_picture(path: &Path, planes: Planes, limits: &Limits) -> Result<Frame, SourceError> {
    let data = read_file(path, limits)?;
    decode_picture(path, &data, planes, limits).map(|(frame, _)| frame)
}

/// Reads a mask as grey values: BMP (plain 8-bit, run-length coded) or any other picture; a
/// palette is applied first, so what is drawn white is 255.
///
/// # Errors
/// As [`read_picture`].
pub fn read_mask(path: &Path, limits: &Limits) -> Result<Plane, SourceError> {
    let data = read_file(path, limits)?;
    if data.starts_with(&[0xFF, 0xD8]) {
        return decode_picture(path, &data, Planes::Luma, limits).map(|(frame, _)| frame.y);
    }
    let picture = decode_dynamic(path, &data, limits)?.into_luma8();
    let (width, height) = picture.dimensions();
    plane(path, picture.into_raw(), width, height)
}

fn read_file(path: &Path, limits: &Limits) -> Result<Vec<u8>, SourceError> {
    let file = File::open(path).map_err(|e| SourceError::io(path, "opening", e))?;
    let length = file.metadata().map_err(|e| SourceError::io(path, "reading", e))?.len();
    if length == 0 {
        return Err(SourceError::Empty { path: path.to_path_buf() });
    }
    let limit = limits.max_picture_file_bytes;
    limits.check(path, "bytes of a picture file", length, limit)?;
    let mut data = Vec::new();
    BufReader::new(file).take(limit).read_to_end(&mut data).map_err(|e| SourceError::io(path, "reading", e))?;
    Ok(data)
}

/// A picture from its file's bytes, with what a strict reading objected to.
fn decode_picture(path: &Path, data: &[u8], planes: Planes, limits: &Limits) -> Result<(Frame, Option<String>), SourceError> {
    if data.starts_with(&[0xFF, 0xD8]) {
        match jpeg::decode(data, planes, limits) {
            Ok(decoded) => {
                let mut frame = Frame::still(decoded.planes, Range::Full, decoded.matrix);
                if decoded.objection.is_some() {
                    frame.damage = Damage::Concealed;
                }
                return Ok((frame, decoded.objection));
            }
            Err(Lost::Broken(reason)) => return Err(SourceError::damaged(path, reason)),
            // Four inks: crate `image` makes R, G, B of them.
            Err(Lost::Unsupported(_)) => {}
        }
    }
    let picture = decode_dynamic(path, data, limits)?;
    let (width, height) = (picture.width(), picture.height());
    limits.check_size(path, width, height)?;
    if !picture.color().has_color() {
        let y = plane(path, picture.into_luma8().into_raw(), width, height)?;
        let planes = [y, Plane::default(), Plane::default()];
        return Ok((Frame::still(planes, Range::Full, Matrix::Bt601), None));
    }
    let colours = picture.into_rgb8().into_raw();
    let part = |offset: usize| {
        let samples = colours.iter().skip(offset).step_by(3).copied().collect();
        plane(path, samples, width, height)
    };
    let planes = [part(1)?, part(2)?, part(0)?];
    Ok((Frame::still(planes, Range::Full, Matrix::Identity), None))
}

fn decode_dynamic(path: &Path, data: &[u8], limits: &Limits) -> Result<DynamicImage, SourceError> {
    let broken = |e: &dyn std::fmt::Display| {
        let text = e.to_string().replace('\n', " ");
        SourceError::damaged(path, text)
    };
    let mut reader = ImageReader::new(std::io::Cursor::new(data)).with_guessed_format().map_err(|e| broken(&e))?;
    if reader.format().is_none() {
        return Err(crate::open::unknown_container(path, data));
    }
    let mut bounds = image::Limits::default();
    bounds.max_image_width = Some(limits.max_width);
    bounds.max_image_height = Some(limits.max_height);
    // 16-bit RGBA, twice: what decoders reserve for a picture of the most pixels.
    bounds.max_alloc = Some(limits.max_pixels.saturating_mul(16));
    reader.limits(bounds);
    reader.decode().map_err(|e| broken(&e))
}

fn plane(path: &Path, data: Vec<u8>, width: u32, height: u32) -> Result<Plane, SourceError> {
    Plane::new(data, width, height).ok_or_else(|| SourceError::damaged(path, "the picture has too few samples"))
}

/// Picture files as one clip: one frame a file, in the order given.
#[derive(Debug)]
pub struct PictureClip {
    files: std::vec::IntoIter<PathBuf>,
    first: PathBuf,
    info: StreamInfo,
    planes: Planes,
    limits: Limits,
    position: i64,
    aligner: Aligner,
}

impl PictureClip {
    /// The pictures of a folder, in numeric order.
    ///
    /// # Errors
    /// As [`list_pictures`] and [`PictureClip::from_files`].
    pub fn from_folder(folder: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        Self::from_files(list_pictures(folder, &options.limits)?, options)
    }

    /// These pictures, in this order. The first that can be read sets the size.
    ///
    /// # Errors
    /// [`SourceError::NoFrames`] where none can be read; for a single file, what is wrong with
    /// it.
    pub fn from_files(files: Vec<PathBuf>, options: &OpenOptions) -> Result<Self, SourceError> {
        let limits = &options.limits;
        let mut complaint = None;
        let mut found = None;
        for path in &files {
            match read_picture(path, Planes::All, limits) {
                Ok(frame) => {
                    found = Some((path.clone(), frame));
                    break;
                }
                Err(error) => complaint = complaint.or(Some(error)),
            }
        }
        let Some((first, frame)) = found else {
            return Err(no_picture(&files, complaint));
        };
        let time_base = options.fps.and_then(TimeBase::from_fps);
        let info = StreamInfo {
            width: frame.width,
            height: frame.height,
            rotation: 0,
            time_base,
            frame_rate: options.fps,
            declared_frames: u64::try_from(files.len()).ok(),
            live: false,
            codec: picture_kind(&first),
            backend: Backend::Pictures,
            range: Range::Full,
            matrix: frame.matrix,
        };
        Ok(Self {
            files: files.into_iter(),
            first,
            info,
            planes: options.planes,
            limits: limits.clone(),
            position: 0,
            aligner: Aligner::new(limits.clone()),
        })
    }

    /// Reads the next file into the aligner.
    fn take_file(&mut self, path: &Path) -> Result<(), SourceError> {
        let pts = self.position;
        self.position += 1;
        let decoded = read_file(path, &self.limits).and_then(|data| decode_picture(path, &data, self.planes, &self.limits));
        match decoded {
            Ok((mut frame, objection)) => {
                self.check_size(path, &frame)?;
                frame.pts = pts;
                frame.time_base = self.info.time_base;
                self.aligner.good(frame, objection);
            }
            Err(error) => self.aligner.lost(pts, error.to_string()),
        }
        Ok(())
    }

    fn check_size(&self, path: &Path, frame: &Frame) -> Result<(), SourceError> {
        if (frame.width, frame.height) == (self.info.width, self.info.height) {
            return Ok(());
        }
        Err(SourceError::MixedSizes {
            first: self.first.clone(),
            first_width: self.info.width,
            first_height: self.info.height,
            second: path.to_path_buf(),
            second_width: frame.width,
            second_height: frame.height,
        })
    }
}

fn no_picture(files: &[PathBuf], complaint: Option<SourceError>) -> SourceError {
    match (files, complaint) {
        ([_], Some(error)) => error,
        (_, complaint) => SourceError::NoFrames {
            path: files.first().and_then(|f| f.parent()).unwrap_or(Path::new("")).to_path_buf(),
            reason: complaint.map_or("no pictures".into(), |e| e.to_string()),
        },
    }
}

fn picture_kind(path: &Path) -> String {
    let extension = path.extension().map(|e| e.to_string_lossy().to_uppercase());
    match extension.as_deref() {
        Some("JPG" | "JPEG") => "JPEG".into(),
        Some("TIF" | "TIFF") => "TIFF".into(),
        Some(other) => other.into(),
        None => "picture".into(),
    }
}

impl FrameSource for PictureClip {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        loop {
            if let Some(frame) = self.aligner.pop() {
                return Ok(Some(frame));
            }
            let Some(path) = self.files.next() else {
                return Ok(None);
            };
            if let Err(error) = self.take_file(&path) {
                self.files = Vec::new().into_iter();
                return Err(error);
            }
        }
    }

    fn damage_log(&self) -> &DamageLog {
        self.aligner.log()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names: Vec<PathBuf> = ["f10.png", "f2.png", "f1.png", "e99.png", "f02.png"].iter().map(PathBuf::from).collect();
        names.sort_by(|a, b| numeric_order(a, b));
        let names: Vec<String> = names.iter().map(|n| n.display().to_string()).collect();
        assert_eq!(names, ["e99.png", "f1.png", "f02.png", "f2.png", "f10.png"]);
    }

    #[test]
    fn desktop_leavings_are_no_pictures() {
        for name in ["._001.tif", ".DS_Store", "Thumbs.db", "notes.txt", "001"] {
            assert!(!is_picture_name(Path::new(name)), "{name}");
        }
        assert!(is_picture_name(Path::new("a/001.TIF")));
    }
}
