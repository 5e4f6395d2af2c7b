//! Frames decoded once and kept at the network's size, so that an epoch costs no decoding.
//!
//! A folder with one file of 8-bit planes a clip (`[frames, planes, height, width]`), read by position, and a manifest, written last and
//! renamed into place: a cache without a manifest is unfinished. Each file's name is a digest of where its frames came from (paths, sizes,
//! times of change), how they were resized, and the format's version, so a changed source or setting finds no file and is decoded again;
//! files that nothing refers to are removed. Beyond a limit evenly spaced segments are kept, and [`FrameCache::summary`] says so.

mod build;
mod clip_files;
mod thin;

pub(in crate::data) use clip_files::ClipFiles;

use crate::alarm_events::Clock;
use crate::data::{Clip, DataError, PictureSettings, WindowIndex};
use crate::words::counted;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use video::OpenOptions;

/// Bytes that a cache may take unless told otherwise: 4 GiB.
pub const DEFAULT_LIMIT_BYTES: u64 = 4 << 30;
/// Frames of a segment where a long clip is thinned.
pub const SEGMENT_FRAMES: u64 = 180;

/// How far a cache has been built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheProgress {
    /// The clip being decoded.
    pub clip: String,
    /// Clips done.
    pub clips_done: usize,
    /// Clips in all.
    pub clips: usize,
    /// Frames decoded so far, of all clips.
    pub frames: u64,
    /// Frames in all as headers state them; `None` where one does not.
    pub frames_expected: Option<u64>,
}

/// How to build a cache.
#[derive(Clone, Copy)]
pub struct CacheOptions<'a> {
    /// Most bytes of planes.
    pub limit_bytes: u64,
    /// How clips are opened.
    pub open: &'a OpenOptions,
    /// Told after each clip and every 32 frames.
    pub progress: Option<&'a dyn Fn(&CacheProgress)>,
    /// Set from elsewhere to stop.
    pub cancel: Option<&'a AtomicBool>,
}

impl<'a> CacheOptions<'a> {
    /// The default limit, nobody told, never stopped.
    #[must_use]
    pub fn new(open: &'a OpenOptions) -> CacheOptions<'a> {
        CacheOptions { limit_bytes: DEFAULT_LIMIT_BYTES, open, progress: None, cancel: None }
    }
}

/// What the cache holds of one clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CachedClip {
    /// The clip's name.
    pub name: String,
    /// Frames kept.
    pub frames: usize,
    /// Frames that the clip has.
    pub source_frames: u64,
    /// One frame in this many was looked at.
    pub every: u64,
    /// Columns and rows of its frames as shown.
    pub displayed: (u32, u32),
    /// Cached indices at which a run of consecutive frames begins, rising, the first 0.
    pub segments: Vec<usize>,
    /// Cached indices of frames that were lost or patched up by the decoder.
    pub damaged: Vec<usize>,
    /// What the decoder said of losses, first ones first; frame numbers are the clip's.
    pub losses: Vec<String>,
    /// Losses in all.
    pub total_losses: u64,
    /// Mean seconds from frame to frame by the footage's own time stamps; `None` for pictures and where it has none.
    #[serde(default)]
    pub frame_seconds: Option<f64>,
    /// Name of the file.
    file: String,
}

/// The manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    settings: PictureSettings,
    limit_bytes: u64,
    keep: thin::Keep,
    clips: Vec<CachedClip>,
}

/// A finished cache. Reads are by position and need no lock: share it between threads.
#[derive(Debug)]
pub struct FrameCache {
    folder: PathBuf,
    manifest: Manifest,
    files: ClipFiles,
    reused: usize,
    /// What `--fps` says of pictures.
    frames_per_second: Option<f64>,
}

impl FrameCache {
    /// Brings the cache in `folder` up to date with `clips` and opens it: what is there and current is taken as it is, the rest decoded.
    /// Clips are cached in the order given; a clip of which nothing can be decoded is an error.
    ///
    /// # Errors
    /// [`DataError::Source`], [`DataError::NoFrames`], [`DataError::MixedSizes`], [`DataError::Io`], [`DataError::CacheLimit`],
    /// [`DataError::Cancelled`].
    pub fn build(folder: &Path, clips: &[Clip], settings: &PictureSettings, options: &CacheOptions) -> Result<FrameCache, DataError> {
        let mut cache = build::build(folder, clips, settings, options)?;
        cache.frames_per_second = options.open.fps.filter(|fps| *fps > 0.0);
        Ok(cache)
    }

    /// The most bytes that the cache in `folder` was built for; `None` where there is none.
    #[must_use]
    pub fn limit_in(folder: &Path) -> Option<u64> {
        build::limit_in(folder)
    }

    /// Where the time of a clip's frames comes from, and the seconds from one to the next where it is known.
    #[must_use]
    pub fn clock(&self, clip: usize) -> (Clock, Option<f64>) {
        let every = self.clips().get(clip).map_or(1, |clip| clip.every) as f64;
        let own = self.clips().get(clip).and_then(|clip| clip.frame_seconds).filter(|seconds| *seconds > 0.0);
        match (own, self.frames_per_second) {
            (Some(seconds), _) => (Clock::Pts, Some(seconds * every)),
            (None, Some(fps)) => (Clock::Fps, Some(every / fps)),
            (None, None) => (Clock::Frames, None),
        }
    }

    /// What it holds, in the order of the clips.
    #[must_use]
    pub fn clips(&self) -> &[CachedClip] {
        &self.manifest.clips
    }

    /// Kept frames of each clip: what [`crate::data::hold_out`] takes.
    #[must_use]
    pub fn frames(&self) -> Vec<usize> {
        self.clips().iter().map(|clip| clip.frames).collect()
    }

    /// Where it lies.
    #[must_use]
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a clip's planes.
    ///
    /// # Panics
    /// Where there is no such clip.
    #[allow(clippy::indexing_slicing)] // callers count along `clips`
    pub(super) fn file(&self, clip: usize) -> PathBuf {
        self.folder.join(&self.clips()[clip].file)
    }

    /// How its frames were brought to size.
    #[must_use]
    pub fn settings(&self) -> &PictureSettings {
        &self.manifest.settings
    }

    /// Clips that were current and not decoded again.
    #[must_use]
    pub fn reused(&self) -> usize {
        self.reused
    }

    /// Bytes of planes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let frames: usize = self.clips().iter().map(|clip| clip.frames).sum();
        wide(frames).saturating_mul(wide(self.settings().samples()))
    }

    /// SHA-256 of which frames it holds: names, counts and segments. Another limit or a decoder that gives other frames changes it.
    #[must_use]
    pub fn kept_sha256(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(format!("{:?}\n", self.manifest.keep));
        for clip in self.clips() {
            let CachedClip { name, frames, source_frames, every, segments, .. } = clip;
            digest.update(format!("{} {name} {frames} {source_frames} {every} {segments:?}\n", name.len()));
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What decoders said of losses: clip and sentence, the first ones of each clip.
    pub fn losses(&self) -> impl Iterator<Item = (&str, &str)> {
        self.clips().iter().flat_map(|clip| clip.losses.iter().map(|loss| (clip.name.as_str(), loss.as_str())))
    }

    /// A few words for the log: frames, size, what was left out, what was damaged.
    #[must_use]
    pub fn summary(&self) -> String {
        let frames: u64 = self.clips().iter().map(|clip| wide(clip.frames)).sum();
        let all: u64 = self.clips().iter().map(|clip| clip.source_frames.div_ceil(clip.every.max(1))).sum();
        let (height, width) = (self.settings().height, self.settings().width);
        let mut text = format!(
            "frame cache: {} of {} at {width}×{height}, {:.1} MiB",
            counted(frames, "frame"),
            counted(self.clips().len(), "clip"),
            self.bytes() as f64 / f64::from(1u32 << 20),
        );
        if self.reused > 0 {
            text += &format!(", {} of before", counted(self.reused, "clip"));
        }
        let every: std::collections::BTreeSet<u64> = self.clips().iter().map(|clip| clip.every).filter(|&every| every > 1).collect();
        if !every.is_empty() {
            let kth = every.iter().map(|every| format!("one in {every}")).collect::<Vec<_>>().join(", ");
            text += &format!("; of clips with more frames a second than are looked at, {kth}");
        }
        if frames < all {
            let limit = self.manifest.limit_bytes >> 20;
            text += &format!("; the limit of {limit} MiB allows evenly spaced segments only: {frames} of {all} frames were taken");
        }
        let damaged: u64 = self.clips().iter().map(|clip| clip.total_losses).sum();
        if damaged > 0 {
            text += &format!("; the decoder reported {}", counted(damaged, "lost or damaged frame"));
        }
        text
    }

    /// Reads one frame. Shapes: `out` is `[planes, height, width]`.
    ///
    /// # Errors
    /// [`DataError::CacheDamaged`] for a clip or frame that is not there and for a file cut short; [`DataError::Io`].
    pub fn read(&self, clip: usize, frame: usize, out: &mut [u8]) -> Result<(), DataError> {
        let damaged = |what: String| DataError::CacheDamaged { path: self.folder.clone(), what };
        let Some(entry) = self.clips().get(clip) else {
            return Err(damaged(format!("it has no clip {clip}")));
        };
        let samples = self.settings().samples();
        if frame >= entry.frames || out.len() != samples {
            return Err(damaged(format!("clip {} has {} frames of {samples} bytes, not frame {frame}", entry.name, entry.frames)));
        }
        self.files.read(clip, frame, out)
    }

    /// The cached index at which the run of consecutive frames of a window begins.
    pub(crate) fn segment_start(&self, window: WindowIndex) -> usize {
        let segments = self.clips().get(window.clip).map(|clip| clip.segments.as_slice()).unwrap_or_default();
        let after = segments.partition_point(|&start| start <= window.frame);
        after.checked_sub(1).and_then(|index| segments.get(index)).copied().unwrap_or(0)
    }

    fn from_manifest(folder: &Path, manifest: Manifest, reused: usize) -> FrameCache {
        let paths = manifest.clips.iter().map(|clip| folder.join(&clip.file)).collect();
        let files = ClipFiles::new("reading the frame cache", paths);
        FrameCache { folder: folder.to_path_buf(), manifest, files, reused, frames_per_second: None }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
