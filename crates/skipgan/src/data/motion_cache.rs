//! The averaged motion of every cached frame, computed once and kept beside the frames as 16-bit floats: 98 KB a frame at 192×128.
//!
//! One file a clip, `[frames, 2, height, width]` in pixels a frame (right, then down), and a list of what they belong to: a frame cache
//! that holds other frames finds none of them current. Runs of consecutive frames are worked on side by side; each begins without a past,
//! as a clip does, and a frame that repeats the one before keeps its motion. The first frame of a run has none: zeros stand for it.
#![allow(clippy::indexing_slicing)] // sizes are the cache's own

use super::cache::{ClipFiles, FrameCache};
use super::{DataError, WindowIndex};
use crate::atomic_file::write_atomically;
use crate::motion::{DisSettings, Flow, MeanSettings, MotionStream};
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Version of files and method; another one is stale.
const FORMAT: u32 = 2;
/// Mean difference to the last analysed frame, in grey levels, below which a frame is a repetition.
const REPEATED_BELOW: f64 = 0.02;
/// Name of the list.
const LIST: &str = "motion.txt";

/// Whether a picture says nothing new: recorders pad rates with copies.
pub fn is_repetition(analysed: &[u8], now: &[u8]) -> bool {
    let sum: u64 = analysed.iter().zip(now).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    analysed.len() == now.len() && (sum as f64) < REPEATED_BELOW * now.len() as f64
}

/// The motion of a clip as its frames come, for the cache.
#[derive(Debug)]
pub struct ClipMotion {
    stream: MotionStream,
    analysed: Vec<u8>,
    rounded: RoundedMotion,
}

impl ClipMotion {
    /// At the start of a clip of grey pictures of that size.
    pub fn new(height: usize, width: usize) -> ClipMotion {
        let stream = MotionStream::new(width, height, DisSettings::default(), MeanSettings::default());
        ClipMotion { stream, analysed: Vec::new(), rounded: RoundedMotion::new(2 * height * width) }
    }

    /// Takes the next frame; whether it repeats the last analysed one, whose motion then stays.
    pub fn push(&mut self, frame: &[u8]) -> bool {
        if is_repetition(&self.analysed, frame) {
            return true;
        }
        self.analysed.clear();
        self.analysed.extend_from_slice(frame);
        if let Some(flow) = self.stream.push(frame) {
            self.rounded.take(flow);
        }
        false
    }
}

/// Motion rounded as the cache keeps it, so that cached and streamed windows are equal to the bit.
#[derive(Debug)]
pub struct RoundedMotion {
    half: Vec<f16>,
    motion: Vec<f32>,
    has_past: bool,
}

impl RoundedMotion {
    /// Nothing yet; `samples` numbers: twice the pixels.
    pub fn new(samples: usize) -> RoundedMotion {
        RoundedMotion { half: vec![f16::ZERO; samples], motion: vec![0.0; samples], has_past: false }
    }

    /// Takes the motion at a frame.
    ///
    /// # Panics
    /// Where it has another size.
    pub fn take(&mut self, flow: &Flow) {
        let (across, down) = self.half.split_at_mut(flow.across.len());
        across.convert_from_f32_slice(&flow.across);
        down.convert_from_f32_slice(&flow.down);
        self.half.convert_to_f32_slice(&mut self.motion);
        self.has_past = true;
    }

    /// `[2, height, width]` in pixels a frame; `None` while nothing was taken.
    pub fn motion(&self) -> Option<&[f32]> {
        self.has_past.then_some(&self.motion)
    }
}

/// A finished cache of motion.
#[derive(Debug)]
pub struct MotionCache {
    files: ClipFiles,
    samples: usize,
    reused: bool,
}

impl MotionCache {
    /// Computes the motion of every frame of `frames` into its folder, or opens what is there and current. `progress` is told
    /// (done, all) frames.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::CacheDamaged`], [`DataError::Cancelled`].
    pub fn build(
        frames: &FrameCache,
        threads: usize,
        cancel: Option<&AtomicBool>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<MotionCache, DataError> {
        let samples = 2 * frames.settings().height * frames.settings().width;
        let list = frames.folder().join(LIST);
        let belongs = format!("{FORMAT} {samples} {}\n", frames.kept_sha256());
        let paths: Vec<PathBuf> = (0..frames.clips().len()).map(|clip| frames.file(clip).with_extension("motion")).collect();
        let bytes = |clip: usize| (frames.clips()[clip].frames * samples * 2) as u64;
        let whole = paths.iter().enumerate().all(|(clip, path)| fs::metadata(path).is_ok_and(|data| data.len() == bytes(clip)));
        let reused = whole && fs::read_to_string(&list).is_ok_and(|text| text == belongs);
        if !reused {
            let _ = fs::remove_file(&list);
            for (clip, path) in paths.iter().enumerate() {
                let made = File::create(path).and_then(|file| file.set_len(bytes(clip)));
                made.map_err(|error| DataError::io(path, "writing the motion cache", error))?;
            }
            Work { frames, paths: &paths, samples, cancel }.run(threads, progress)?;
            write_atomically(&list, belongs.as_bytes()).map_err(|e| DataError::io(&list, "writing the motion cache", e))?;
        }
        Ok(MotionCache { files: ClipFiles::new("reading the motion cache", paths), samples, reused })
    }

    /// Whether nothing had to be computed.
    pub fn reused(&self) -> bool {
        self.reused
    }

    /// Reads the motion at a frame into `out`. Shapes: `[2, height, width]`, pixels a frame.
    ///
    /// # Errors
    /// [`DataError::CacheDamaged`], [`DataError::Io`].
    pub fn read(&self, window: WindowIndex, out: &mut Vec<f32>) -> Result<(), DataError> {
        let mut bytes = vec![0u8; 2 * self.samples];
        self.files.read(window.clip, window.frame, &mut bytes)?;
        let half: Vec<f16> = bytes.as_chunks::<2>().0.iter().map(|&pair| f16::from_le_bytes(pair)).collect();
        out.resize(self.samples, 0.0);
        half.convert_to_f32_slice(out);
        Ok(())
    }
}

/// One run of consecutive frames.
#[derive(Clone, Copy)]
struct Run {
    clip: usize,
    start: usize,
    end: usize,
}

struct Work<'a> {
    frames: &'a FrameCache,
    paths: &'a [PathBuf],
    samples: usize,
    cancel: Option<&'a AtomicBool>,
}

impl Work<'_> {
    fn run(&self, threads: usize, progress: &mut dyn FnMut(usize, usize)) -> Result<(), DataError> {
        let runs = self.runs();
        let all = runs.iter().map(|run| run.end - run.start).sum();
        let (next, done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(None));
        let worker = || {
            while let Some(&run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.compute(run, &done) {
                    next.store(runs.len(), Ordering::Relaxed);
                    failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
            while workers.iter().any(|worker| !worker.is_finished()) {
                std::thread::sleep(std::time::Duration::from_millis(50));
                progress(done.load(Ordering::Relaxed), all);
            }
        });
        failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()).map_or(Ok(()), Err)
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for (clip, kept) in self.frames.clips().iter().enumerate() {
            let ends = kept.segments.iter().skip(1).copied().chain([kept.frames]);
            runs.extend(kept.segments.iter().zip(ends).map(|(&start, end)| Run { clip, start, end }));
        }
        runs
    }

    fn compute(&self, run: Run, done: &AtomicUsize) -> Result<(), DataError> {
        let settings = self.frames.settings();
        let fail = |error| DataError::io(&self.paths[run.clip], "writing the motion cache", error);
        let file = File::options().write(true).open(&self.paths[run.clip]).map_err(fail)?;
        let mut motion = ClipMotion::new(settings.height, settings.width);
        let mut frame = vec![0; settings.samples()];
        let mut bytes = Vec::with_capacity(2 * self.samples);
        for index in run.start..run.end {
            if self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
                return Err(DataError::Cancelled);
            }
            self.frames.read(run.clip, index, &mut frame)?;
            motion.push(&frame);
            bytes.clear();
            bytes.extend(motion.rounded.half.iter().flat_map(|value| value.to_le_bytes()));
            write_at(&file, &bytes, (index * bytes.len()) as u64).map_err(fail)?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        file.sync_all().map_err(fail)
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}
