//! What the tests share: running ffmpeg, reading all frames, making pictures.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use video::{Decoder, Frame, FrameSource, OpenOptions, SourceError};

/// A folder that goes away with the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Whether ffmpeg is there. In CI it must be.
pub fn has_ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    assert!(found || std::env::var_os("CI").is_none(), "CI needs ffmpeg");
    if !found {
        println!("skipped: no ffmpeg");
    }
    found
}

/// Runs `ffmpeg ARGS FILE` and gives the file's path.
pub fn ffmpeg(folder: &Path, arguments: &str, name: &str) -> PathBuf {
    let path = folder.join(name);
    let output =
        Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-y"]).args(arguments.split_whitespace()).arg(&path).output().unwrap();
    assert!(output.status.success(), "ffmpeg {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

pub fn options(decoder: Decoder) -> OpenOptions {
    OpenOptions { decoder, ..OpenOptions::default() }
}

/// All frames of a source.
pub fn drain(source: &mut dyn FrameSource) -> Result<Vec<Frame>, SourceError> {
    let mut frames = Vec::new();
    while let Some(frame) = source.next()? {
        frames.push(frame);
    }
    assert!(source.next()?.is_none(), "a source that ended stays ended");
    Ok(frames)
}

/// All frames of a file.
pub fn read(path: &Path, options: &OpenOptions) -> Result<Vec<Frame>, SourceError> {
    drain(video::open(path, options)?.as_mut())
}

/// A moving pattern, one byte a pixel.
pub fn pattern(width: u32, height: u32, time: u32) -> Vec<u8> {
    let value = |x: u32, y: u32| u8::try_from((x * 3 + y * 2 + time * 7) % 256 / 2 + 60).unwrap();
    (0..height).flat_map(|y| (0..width).map(move |x| value(x, y))).collect()
}

/// The largest difference of two planes.
pub fn distance(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}
