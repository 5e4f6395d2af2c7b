//! How footage is found and read, and on how many threads: what most commands share.

use super::CommandError;
use super::event::{Event, Listener};
use crate::config::Sees;
use crate::data::cache::CacheProgress;
use crate::data::{CacheOptions, Clip, DataSet, DiscoverOptions, Footage, FrameCache, MotionCache, PictureSettings, Sight, discover};
use kernels::Pool;
use serde_json::json;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use video::OpenOptions;

/// How footage is found and read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Layout, and whether a known data set may lack something.
    pub discover: DiscoverOptions,
    /// Decoder, ffmpeg, frame rate of picture folders, limits.
    pub open: OpenOptions,
}

impl Reading {
    /// Finds the clips of what was named.
    ///
    /// # Errors
    /// As [`discover`].
    pub fn find(&self, paths: &[PathBuf]) -> Result<DataSet, CommandError> {
        Ok(discover(paths, &self.discover)?)
    }

    /// Columns and rows of the first clip's frames as displayed: the footage's aspect. Clips that cannot be opened are passed over
    /// while another can.
    ///
    /// # Errors
    /// The first clip's, where none can be opened.
    pub fn aspect(&self, clips: &[Clip]) -> Result<Option<(usize, usize)>, CommandError> {
        let mut first_error = None;
        for clip in clips {
            match clip.displayed_size(&self.open) {
                Ok(size) => return Ok(Some(size)),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(None), |error| Err(error.into()))
    }
}

/// Losses of decoders that are told one by one.
const TOLD_LOSSES: usize = 10;

impl Reading {
    /// Decodes every frame of `clips` once into `folder`, at most `bytes` of them, telling how far it is and what was lost.
    ///
    /// # Errors
    /// As [`FrameCache::build`].
    pub fn cache(
        &self,
        folder: &Path,
        clips: &[Clip],
        picture: &PictureSettings,
        bytes: u64,
        cancel: &AtomicBool,
        listener: &mut dyn Listener,
    ) -> Result<FrameCache, CommandError> {
        let shared = RefCell::new(listener);
        let told = |progress: &CacheProgress| {
            shared.borrow_mut().hear(Event::Progress {
                task: "reading frames",
                done: progress.frames,
                total: progress.frames_expected,
                unit: "frames",
                detail: format!("{} (clip {} of {})", progress.clip, (progress.clips_done + 1).min(progress.clips), progress.clips),
                numbers: json!({ "clip": progress.clip }),
            });
        };
        let caching = CacheOptions { limit_bytes: bytes, progress: Some(&told), cancel: Some(cancel), ..CacheOptions::new(&self.open) };
        let cache = FrameCache::build(folder, clips, picture, &caching)?;
        let listener = shared.into_inner();
        listener.hear(Event::Finished { task: "reading frames", summary: cache.summary() });
        for (clip, loss) in cache.losses().take(TOLD_LOSSES) {
            listener.hear(Event::Warning(format!("{clip}, {loss}")));
        }
        Ok(cache)
    }
}

/// Footage decoded and made ready for a network.
pub struct Prepared {
    /// Its frames.
    pub cache: FrameCache,
    /// Their motion, where the network sees it.
    pub motion: Option<MotionCache>,
    /// What windows are made of.
    pub sight: Sight,
}

impl Prepared {
    /// For training, calibration and tests.
    pub fn footage(&self) -> Footage<'_> {
        Footage { cache: &self.cache, motion: self.motion.as_ref(), sight: &self.sight }
    }
}

/// Most frames whose motion is kept: 2 GB of it at 192 × 128; evenly spaced segments beyond (DETECTION.md §3.4).
const MOST_MOTION_FRAMES: u64 = 20_000;

/// Most bytes of frames that are cached for this sight: `bytes`, and where motion is kept beside them no more than that allows.
pub fn cache_limit(bytes: u64, sees: Sees, picture: &PictureSettings) -> u64 {
    if sees.motion() { bytes.min(MOST_MOTION_FRAMES * picture.samples() as u64) } else { bytes }
}

/// The motion of cached frames where `sees` needs it, computed once, telling how far it is.
///
/// # Errors
/// As [`MotionCache::build`].
pub fn motion(
    cache: &FrameCache,
    sees: Sees,
    threads: usize,
    cancel: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<Option<MotionCache>, CommandError> {
    if !sees.motion() {
        return Ok(None);
    }
    let frames: usize = cache.frames().iter().sum();
    let mebibytes = (frames * 4 * cache.settings().height * cache.settings().width) as f64 / f64::from(1u32 << 20);
    listener.hear(Event::Note(format!("motion of {frames} frames: {mebibytes:.0} MiB beside them")));
    let mut told = |done: usize, all: usize| {
        listener.hear(Event::Progress {
            task: "motion",
            done: done as u64,
            total: Some(all as u64),
            unit: "frames",
            detail: String::new(),
            numbers: json!({}),
        });
    };
    let motion = MotionCache::build(cache, worker_count(threads), Some(cancel), &mut told)?;
    listener.hear(Event::Finished { task: "motion", summary: String::new() });
    Ok(Some(motion))
}

/// Most threads that can be asked for.
const MOST_THREADS: usize = 256;

/// A pool of `threads` workers; 0: one a core.
///
/// # Errors
/// [`CommandError::Usage`] for an absurd number, [`CommandError::Cpu`] where `SKIPGAN_CPU` asks for what the processor has not.
pub fn pool(threads: usize) -> Result<Arc<Pool>, CommandError> {
    Ok(Arc::new(Pool::new(checked_threads(threads)?)?))
}

/// `threads`, or one a core for 0.
///
/// # Errors
/// [`CommandError::Usage`] for an absurd number.
pub(super) fn checked_threads(threads: usize) -> Result<usize, CommandError> {
    if threads > MOST_THREADS {
        return Err(CommandError::Usage(format!("--threads {threads}: at most {MOST_THREADS}, or 0 for one a core")));
    }
    Ok(worker_count(threads))
}

/// `threads`, or one a core for 0.
pub(super) fn worker_count(threads: usize) -> usize {
    if threads == 0 { std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get) } else { threads }
}

/// The command that repeats what was done, for reports and meta files.
pub fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_string() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// A path as a word of a command.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_quoted_for_a_shell() {
        assert_eq!(quoted(&["skipgan", "score", "my run", "it's"]), "skipgan score 'my run' 'it'\\''s'");
    }

    #[test]
    fn an_absurd_number_of_threads_is_refused() {
        assert!(pool(100_000).is_err());
        assert_eq!(pool(2).expect("two threads").threads(), 2);
    }
}
