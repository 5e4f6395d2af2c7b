//! SHA-256 of the training data: stands in checkpoint and report, so that a result can be tied to what it was made from.
//!
//! It covers every clip's name, every file's name and size, and contents: files up to 256 KiB whole; larger ones by sixteen pieces of
//! 16 KiB, evenly spaced, the first and the last included; of a clip with more than 4,096 pictures the contents of 4,096 evenly spaced ones.
//! Neither the folder's place nor times of change count: a copy has the same fingerprint.

use crate::data::{Clip, ClipSource, DataError};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Files up to this size are read whole.
const WHOLE_BYTES: u64 = 256 << 10;
/// Pieces of a larger file.
const PIECES: u64 = 16;
/// Bytes of a piece.
const PIECE_BYTES: u64 = 16 << 10;
/// Pictures of a clip whose contents are read.
const MOST_PICTURES: usize = 4096;

/// The fingerprint of clips in their order: 64 hexadecimal digits.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::Io`].
pub fn fingerprint(clips: &[Clip]) -> Result<String, DataError> {
    let mut digest = Sha256::new();
    for clip in clips {
        let files: &[PathBuf] = match &clip.source {
            ClipSource::Video(path) => std::slice::from_ref(path),
            ClipSource::Pictures(files) => files,
        };
        // Lengths stand before texts: no two different lists give one stream of bytes.
        digest.update(format!("clip {} {} {}\n", clip.name.len(), clip.name, files.len()));
        let every = files.len().div_ceil(MOST_PICTURES).max(1);
        for (order, file) in files.iter().enumerate() {
            add_file(&mut digest, file, order % every == 0)?;
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn add_file(digest: &mut Sha256, path: &Path, with_contents: bool) -> Result<(), DataError> {
    let fail = |source| DataError::io(path, "reading", source);
    let size = std::fs::metadata(path).map_err(fail)?.len();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    digest.update(format!("file {} {name} {size}\n", name.len()));
    if !with_contents {
        return Ok(());
    }
    let mut file = File::open(path).map_err(fail)?;
    let mut buffer = Vec::new();
    if size <= WHOLE_BYTES {
        file.take(WHOLE_BYTES).read_to_end(&mut buffer).map_err(fail)?;
        digest.update(&buffer);
        return Ok(());
    }
    for piece in 0..PIECES {
        let start = u128::from(size - PIECE_BYTES) * u128::from(piece) / u128::from(PIECES - 1);
        file.seek(SeekFrom::Start(u64::try_from(start).unwrap_or(0))).map_err(fail)?;
        buffer.clear();
        (&mut file).take(PIECE_BYTES).read_to_end(&mut buffer).map_err(fail)?;
        digest.update(&buffer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(folder: &Path, bytes: &[u8]) -> Clip {
        let path = folder.join("a.avi");
        std::fs::write(&path, bytes).expect("a temporary file");
        Clip { name: "a".into(), source: ClipSource::Video(path) }
    }

    #[test]
    fn a_copy_elsewhere_has_the_same_one_and_a_changed_byte_another() {
        let (here, there) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        let of = |folder: &Path, bytes: &[u8]| fingerprint(&[clip(folder, bytes)]).expect("readable");
        let small = of(here.path(), &[1; 1000]);
        assert_eq!(small, of(there.path(), &[1; 1000]));
        assert_eq!(small.len(), 64);
        assert_ne!(small, of(there.path(), &[2; 1000]));
        let mut large = vec![7; 600_000];
        let before = of(here.path(), &large);
        *large.last_mut().expect("not empty") = 8;
        assert_ne!(before, of(here.path(), &large));
        assert!(fingerprint(&[Clip { name: "b".into(), source: ClipSource::Video("nowhere.avi".into()) }]).is_err());
    }
}
