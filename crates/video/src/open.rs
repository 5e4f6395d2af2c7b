//! [`open`]: from a path to a source, by the first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::builtin::{BuiltinSource, Container, Trial};
use crate::container::y4m::{self, Liveness, Y4mSource};
use crate::ffmpeg::{FfmpegSource, is_there};
use crate::images::PictureClip;
use crate::source::{Decoder, FrameSource, OpenOptions, SourceError};

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
        Kind::Video(container) => open_video(path, container, options),
        Kind::Unknown => open_unknown(path, &head, options),
    }
}

/// A video file: the built-in backend, and ffmpeg where that one gives up at the start.
fn open_video(path: &Path, container: Container, options: &OpenOptions) -> Result<Box<dyn FrameSource>, SourceError> {
    let builtin = |trial| BuiltinSource::open(path, container, options, trial);
    match options.decoder {
        Decoder::Builtin => match builtin(Trial::AnyPicture) {
            Ok(source) => Ok(Box::new(source)),
            Err(error) if is_there(options) => Err(error.with_ffmpeg_at_hand()),
            Err(error) => Err(error),
        },
        Decoder::Ffmpeg => Ok(Box::new(FfmpegSource::open(path, options)?)),
        Decoder::Auto => match builtin(Trial::SoundStart) {
            Ok(source) => Ok(Box::new(source)),
            Err(error) if may_fall_back(&error) => match FfmpegSource::open(path, options) {
                Ok(source) => Ok(Box::new(source)),
                // Without ffmpeg a broken start is better than nothing.
                Err(_) => Ok(Box::new(builtin(Trial::AnyPicture)?)),
            },
            Err(error) => Err(error),
        },
    }
}

/// Whether another decoder may do better: not where the file is beyond our limits or gone.
fn may_fall_back(error: &SourceError) -> bool {
    matches!(error, SourceError::Unsupported { .. } | SourceError::Damaged { .. } | SourceError::NoFrames { .. })
}

/// Bytes that nothing here knows: ffmpeg may know them.
fn open_unknown(path: &Path, head: &[u8], options: &OpenOptions) -> Result<Box<dyn FrameSource>, SourceError> {
    if options.decoder == Decoder::Builtin {
        return Err(unknown_container(path, head));
    }
    match FfmpegSource::open(path, options) {
        Ok(source) => Ok(Box::new(source)),
        Err(SourceError::FfmpegMissing { .. }) if options.decoder == Decoder::Auto => Err(unknown_container(path, head)),
        Err(SourceError::ChildFailed { .. }) => Err(unknown_container(path, head)),
        Err(error) => Err(error),
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
        } else if head.get(4..8).is_some_and(|kind| MP4_BOXES.contains(&kind)) {
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
