//! [`open`]: from a path to a source, by the first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::builtin::{BuiltinSource, Container, Trial};
use crate::container::y4m::{self, Liveness, Y4mSource};
use crate::images::PictureClip;
use crate::source::{FrameSource, OpenOptions, SourceError};

/// Opens a video file, a picture, a folder of pictures, or `-` (Y4M on standard input).
///
/// # Errors
/// What is wrong with the input, in one sentence; see [`SourceError`].
pub fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn FrameSource>, SourceError> {
    if path == Path::new("-") {
        let source = Y4mSource::open(path, std::io::stdin(), Liveness::Live, options)?;
        return Ok(Box::new(source));
    }
    let metadata = std::fs::metadata(path).map_err(|e| SourceError::io(path, "reading", e))?;
    if metadata.is_dir() {
        return Ok(Box::new(PictureClip::from_folder(path, options)?));
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(SourceError::Empty { path: path.to_path_buf() });
    }
    let head = first_bytes(path)?;
    match Kind::of(&head) {
        Kind::Y4m => {
            let file = File::open(path).map_err(|e| SourceError::io(path, "opening", e))?;
            let source = Y4mSource::open(path, file, Liveness::Stored, options)?;
            Ok(Box::new(source))
        }
        Kind::Picture => {
            let clip = PictureClip::from_files(vec![path.to_path_buf()], options)?;
            Ok(Box::new(clip))
        }
        Kind::Video(container) => Ok(Box::new(BuiltinSource::open(path, container, options, Trial::AnyPicture)?)),
        Kind::Unknown => Err(unknown_container(path, &head)),
    }
}

fn first_bytes(path: &Path) -> Result<Vec<u8>, SourceError> {
    let mut head = Vec::new();
    File::open(path)
        .map_err(|e| SourceError::io(path, "opening", e))?
        .take(64)
        .read_to_end(&mut head)
        .map_err(|e| SourceError::io(path, "reading", e))?;
    Ok(head)
}

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Y4m,
    Picture,
    Video(Container),
    Unknown,
}

impl Kind {
    fn of(head: &[u8]) -> Self {
        const PICTURES: [&[u8]; 6] = [b"\x89PNG\r\n\x1A\n", b"\xFF\xD8\xFF", b"II*\0", b"MM\0*", b"GIF8", b"BM"];
        const MP4_BOXES: [&[u8]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"];
        if head.starts_with(y4m::MAGIC) {
            Self::Y4m
        } else if PICTURES.iter().any(|magic| head.starts_with(magic)) {
            Self::Picture
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ") {
            Self::Video(Container::Avi)
        } else if head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
            Self::Video(Container::Matroska)
        } else if head.get(4..8).is_some_and(|kind| MP4_BOXES.iter().any(|known| *known == kind)) {
            Self::Video(Container::Mp4)
        } else {
            Self::Unknown
        }
    }
}

/// The error for bytes that nothing here knows.
pub(crate) fn unknown_container(path: &Path, head: &[u8]) -> SourceError {
    let start = head.get(..head.len().min(12)).unwrap_or_default();
    SourceError::UnknownContainer { path: path.to_path_buf(), first_bytes: format!("\"{}\"", start.escape_ascii()) }
}
