//! Brings a cache up to date: what is current is kept, the rest decoded, one clip after another.

use super::thin::Keep;
use super::{CacheOptions, CacheProgress, CachedClip, FrameCache, Manifest, wide};
use crate::data::window::check_same_size;
use crate::data::{Clip, ClipSource, DataError, PictureSettings};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;
use video::{Backend, Damage, Frame, OpenOptions, Planes};

/// Version of files and manifest; another one is stale.
const FORMAT: u32 = 3;
const MANIFEST: &str = "manifest.json";
/// Losses described a clip.
const MOST_LOSSES: usize = 100;
/// Most bytes of a manifest that is read.
const MOST_MANIFEST_BYTES: u64 = 256 << 20;

/// What stands beside a clip's planes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sidecar {
    version: u32,
    keep: Keep,
    clip: CachedClip,
}

/// A clip while the cache is built.
struct Building {
    clip: CachedClip,
    /// The clip's frame number of each cached frame.
    kept: Vec<u64>,
}

struct Builder<'a> {
    folder: &'a Path,
    clips: &'a [Clip],
    settings: &'a PictureSettings,
    options: &'a CacheOptions<'a>,
    open: OpenOptions,
    keep: Keep,
    done: Vec<Building>,
    decoded: u64,
    expected: Option<u64>,
    reused: usize,
}

pub(super) fn build(folder: &Path, clips: &[Clip], settings: &PictureSettings, options: &CacheOptions) -> Result<FrameCache, DataError> {
    if clips.is_empty() {
        return Err(DataError::NoInput);
    }
    fs::create_dir_all(folder).map_err(|source| DataError::io(folder, "making the cache's folder", source))?;
    let names = clips.iter().map(|clip| file_name(clip, settings, options.open)).collect::<Result<Vec<_>, _>>()?;
    if let Some(manifest) = current_manifest(folder, clips, &names, settings, options.limit_bytes) {
        return Ok(FrameCache::from_manifest(folder, manifest, clips.len()));
    }
    let mut open = options.open.clone();
    open.planes = if settings.channels == 3 { Planes::All } else { Planes::Luma };
    let mut builder =
        Builder { folder, clips, settings, options, open, keep: Keep::ALL, done: Vec::new(), decoded: 0, expected: None, reused: 0 };
    builder.plan()?;
    for (clip, name) in clips.iter().zip(&names) {
        builder.add(clip, name)?;
    }
    builder.finish()
}

/// The manifest, where it is of these clips, settings and limit and every file has its length.
fn current_manifest(folder: &Path, clips: &[Clip], names: &[String], settings: &PictureSettings, limit_bytes: u64) -> Option<Manifest> {
    let manifest: Manifest = read_json(&folder.join(MANIFEST))?;
    let same = manifest.version == FORMAT
        && manifest.settings == *settings
        && (manifest.limit_bytes == limit_bytes || manifest.keep == Keep::ALL && kept_bytes(&manifest) <= limit_bytes)
        && manifest.clips.len() == clips.len();
    let files = manifest.clips.iter().zip(clips).zip(names);
    let fit = files.into_iter().all(|((entry, clip), name)| {
        entry.name == clip.name && entry.file == *name && length_fits(folder, entry, settings) && segments_fit(entry)
    });
    (same && fit).then_some(manifest)
}

/// The limit that a finished cache was built for.
pub(super) fn limit_in(folder: &Path) -> Option<u64> {
    read_json::<Manifest>(&folder.join(MANIFEST)).map(|manifest| manifest.limit_bytes)
}

fn kept_bytes(manifest: &Manifest) -> u64 {
    let frames: u64 = manifest.clips.iter().fold(0, |sum: u64, clip| sum.saturating_add(wide(clip.frames)));
    frames.saturating_mul(wide(manifest.settings.samples()))
}

fn length_fits(folder: &Path, entry: &CachedClip, settings: &PictureSettings) -> bool {
    let wanted = wide(entry.frames).checked_mul(wide(settings.samples()));
    fs::metadata(folder.join(&entry.file)).is_ok_and(|data| Some(data.len()) == wanted)
}

/// A manifest from elsewhere must not lead a reader outside its clip.
fn segments_fit(entry: &CachedClip) -> bool {
    entry.segments.is_sorted() && entry.segments.iter().all(|&start| start < entry.frames.max(1))
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    let file = File::open(path).ok()?;
    let mut text = String::new();
    file.take(MOST_MANIFEST_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Writes beside and renames, so that a reader sees the old file or the new one.
fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), DataError> {
    let fail = |source| DataError::io(path, "writing the frame cache", source);
    let text = serde_json::to_string(value).map_err(|error| fail(std::io::Error::other(error)))?;
    let beside = path.with_extension("tmp");
    let mut file = File::create(&beside).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    fs::rename(&beside, path).map_err(fail)
}

/// Digest of format, settings, decoder, and of path, size and time of change of every source file.
fn file_name(clip: &Clip, settings: &PictureSettings, open: &OpenOptions) -> Result<String, DataError> {
    let mut digest = Sha256::new();
    digest.update(format!("{FORMAT} {settings:?} {:?} {}\n", open.decoder, clip.name));
    // The rate that pictures are said to have decides which of them are looked at.
    if settings.analysed_rate > 0 && matches!(clip.source, ClipSource::Pictures(_)) {
        digest.update(format!("{:?}\n", open.fps));
    }
    let files: &[PathBuf] = match &clip.source {
        ClipSource::Video(path) => std::slice::from_ref(path),
        ClipSource::Pictures(files) => files,
    };
    for path in files {
        let fail = |source| DataError::io(path, "reading", source);
        let data = fs::metadata(path).map_err(fail)?;
        let changed = data.modified().map_err(fail)?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let whole = std::path::absolute(path).map_err(fail)?;
        digest.update(format!("{} {} {}\n", whole.display(), data.len(), changed.as_nanos()));
    }
    let hex: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{hex}.planes"))
}

impl Builder<'_> {
    /// The share to keep, from what headers state.
    fn plan(&mut self) -> Result<(), DataError> {
        let mut total = 0u64;
        let mut all_known = true;
        for clip in self.clips {
            let frames = match clip.known_frames() {
                Some(frames) => Some(wide(frames).div_ceil(self.settings.every(self.options.open.fps))),
                None => {
                    let source = clip.open(&self.open)?;
                    let every = self.settings.every(source.info().frame_rate);
                    source.info().declared_frames.map(|frames| frames.div_ceil(every))
                }
            };
            total = total.saturating_add(frames.unwrap_or(0));
            all_known &= frames.is_some();
        }
        self.expected = all_known.then_some(total);
        self.keep = Keep::planned(total, self.allowed());
        Ok(())
    }

    /// Frames that may be kept.
    fn allowed(&self) -> u64 {
        self.options.limit_bytes / wide(self.settings.samples()).max(1)
    }

    fn kept(&self) -> u64 {
        self.done.iter().fold(0, |sum, clip| sum.saturating_add(wide(clip.kept.len())))
    }

    fn sidecar(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("json")
    }

    /// Takes one clip: as it is where it is current, else decoded.
    fn add(&mut self, clip: &Clip, name: &str) -> Result<(), DataError> {
        self.tell(clip)?;
        let current: Option<Sidecar> = read_json(&self.sidecar(name)).filter(|old: &Sidecar| {
            let whole = old.keep == Keep::ALL && self.keep == Keep::ALL && looked_at(&old.clip) == wide(old.clip.frames);
            whole && old.version == FORMAT && old.clip.file == name && length_fits(self.folder, &old.clip, self.settings)
        });
        if let Some(old) = current {
            self.reused += 1;
            self.decoded += old.clip.source_frames;
            let kept = (0..old.clip.source_frames).step_by(usize::try_from(old.clip.every).unwrap_or(1)).collect();
            self.done.push(Building { kept, clip: old.clip });
        } else {
            let building = self.decode(clip, name)?;
            self.done.push(building);
        }
        while self.kept() > self.allowed() {
            self.thin_all()?;
        }
        self.write_sidecars(self.done.len().saturating_sub(1))
    }

    /// Decodes one clip into its file.
    fn decode(&mut self, clip: &Clip, name: &str) -> Result<Building, DataError> {
        let path = self.folder.join(name);
        let part = path.with_extension("part");
        let fail = |source| DataError::io(&part, "writing the frame cache", source);
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&part).map_err(fail)?;
        let mut source = clip.open(&self.open)?;
        let resize = |frame, source| DataError::Resize { clip: clip.name.clone(), frame, source };
        let mut resizer = self.settings.resizer().map_err(|source| resize(0, source))?;
        let mut planes = vec![0; self.settings.samples()];
        let mut building = Building::new(&clip.name, name, self.settings.every(source.info().frame_rate));
        let mut writer = BufWriter::with_capacity(1 << 20, &file);
        let mut before: Option<Frame> = None;
        while let Some(frame) = source.next().map_err(|source| DataError::Source { clip: clip.name.clone(), source })? {
            check_same_size(&clip.name, before.as_ref(), &frame)?;
            let every = building.clip.every;
            if frame.index.is_multiple_of(every) && self.keep.keeps(wide(self.done.len()), frame.index / every) {
                resizer.resize_into(&frame, &mut planes).map_err(|source| resize(frame.index, source))?;
                writer.write_all(&planes).map_err(fail)?;
                building.take(&frame);
            }
            building.clip.source_frames += 1;
            building.clip.displayed = frame.displayed_size();
            building.clip.frame_seconds = mean_interval(&source.info().backend, &frame);
            before = Some(frame);
            self.decoded += 1;
            if building.clip.source_frames.is_multiple_of(32) {
                self.tell(clip)?;
            }
            if self.kept().saturating_add(wide(building.kept.len())) > self.allowed() {
                writer.flush().map_err(fail)?;
                drop(writer);
                self.thin_all()?;
                let keep = self.keep;
                building.thin(&mut file, wide(self.done.len()), keep, self.settings.samples()).map_err(fail)?;
                writer = BufWriter::with_capacity(1 << 20, &file);
            }
        }
        writer.flush().map_err(fail)?;
        drop(writer);
        let log = source.damage_log();
        building.clip.total_losses = log.total;
        building.clip.losses = log.lines().into_iter().take(MOST_LOSSES).collect();
        if building.clip.source_frames == 0 {
            return Err(DataError::NoFrames { clip: clip.name.clone() });
        }
        file.sync_all().map_err(fail)?;
        fs::rename(&part, &path).map_err(fail)?;
        Ok(building)
    }

    /// Halves the share and takes the rest out of every finished clip.
    fn thin_all(&mut self) -> Result<(), DataError> {
        self.keep = self.keep.halved();
        let samples = self.settings.samples();
        if self.allowed() == 0 {
            return Err(DataError::CacheLimit { limit: self.options.limit_bytes, least: wide(samples) });
        }
        let folder = self.folder;
        for (order, building) in self.done.iter_mut().enumerate() {
            let path = folder.join(&building.clip.file);
            let fail = |source| DataError::io(&path, "thinning the frame cache", source);
            // A clip whose file is being changed has no sidecar: it would be taken for current after an interruption.
            let sidecar = path.with_extension("json");
            if sidecar.exists() {
                fs::remove_file(&sidecar).map_err(fail)?;
            }
            let mut file = File::options().read(true).write(true).open(&path).map_err(fail)?;
            building.thin(&mut file, wide(order), self.keep, samples).map_err(fail)?;
        }
        Ok(())
    }

    fn write_sidecars(&mut self, from: usize) -> Result<(), DataError> {
        for building in self.done.iter_mut().skip(from) {
            building.finish();
        }
        for building in self.done.iter().skip(from) {
            let sidecar = Sidecar { version: FORMAT, keep: self.keep, clip: building.clip.clone() };
            write_json(&self.sidecar(&building.clip.file), &sidecar)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<FrameCache, DataError> {
        if self.kept() == 0 {
            let least = wide(self.settings.samples()).saturating_mul(super::SEGMENT_FRAMES);
            return Err(DataError::CacheLimit { limit: self.options.limit_bytes, least });
        }
        self.write_sidecars(0)?;
        let manifest = Manifest {
            version: FORMAT,
            settings: *self.settings,
            limit_bytes: self.options.limit_bytes,
            keep: self.keep,
            clips: self.done.into_iter().map(|building| building.clip).collect(),
        };
        write_json(&self.folder.join(MANIFEST), &manifest)?;
        remove_stale(self.folder, &manifest)?;
        Ok(FrameCache::from_manifest(self.folder, manifest, self.reused))
    }

    fn tell(&self, clip: &Clip) -> Result<(), DataError> {
        if self.options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(DataError::Cancelled);
        }
        if let Some(progress) = self.options.progress {
            progress(&CacheProgress {
                clip: clip.name.clone(),
                clips_done: self.done.len(),
                clips: self.clips.len(),
                frames: self.decoded,
                frames_expected: self.expected,
            });
        }
        Ok(())
    }
}

/// Mean seconds from frame to frame up to this one, by its time stamp; what pictures are said to have is not kept (`--fps` may change).
fn mean_interval(backend: &Backend, frame: &Frame) -> Option<f64> {
    let seconds = frame.time_s().filter(|_| *backend != Backend::Pictures && frame.index > 0)?;
    Some(seconds / frame.index as f64)
}

impl Building {
    fn new(name: &str, file: &str, every: u64) -> Building {
        let clip = CachedClip {
            name: name.into(),
            frames: 0,
            source_frames: 0,
            every,
            displayed: (0, 0),
            segments: Vec::new(),
            damaged: Vec::new(),
            losses: Vec::new(),
            total_losses: 0,
            frame_seconds: None,
            file: file.into(),
        };
        Building { clip, kept: Vec::new() }
    }

    fn take(&mut self, frame: &Frame) {
        if matches!(frame.damage, Damage::Concealed | Damage::Repeated) {
            self.clip.damaged.push(self.kept.len());
        }
        self.kept.push(frame.index);
    }

    /// Takes the frames out of the file that `keep` does not keep; those that stay move towards the start.
    fn thin(&mut self, file: &mut File, order: u64, keep: Keep, samples: usize) -> std::io::Result<()> {
        let (mut kept, mut damaged) = (Vec::new(), Vec::new());
        let mut planes = vec![0; samples];
        for (index, &frame) in self.kept.iter().enumerate() {
            if !keep.keeps(order, frame / self.clip.every) {
                continue;
            }
            if self.clip.damaged.binary_search(&index).is_ok() {
                damaged.push(kept.len());
            }
            if index != kept.len() {
                file.seek(SeekFrom::Start(wide(index) * wide(samples)))?;
                file.read_exact(&mut planes)?;
                file.seek(SeekFrom::Start(wide(kept.len()) * wide(samples)))?;
                file.write_all(&planes)?;
            }
            kept.push(frame);
        }
        let end = wide(kept.len()) * wide(samples);
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        (self.kept, self.clip.damaged) = (kept, damaged);
        Ok(())
    }

    /// Frames and runs from the list of kept frames.
    fn finish(&mut self) {
        self.clip.frames = self.kept.len();
        let mut expected = None;
        self.clip.segments = (self.kept.iter().enumerate())
            .filter_map(|(index, &frame)| {
                let begins = expected != Some(frame);
                expected = frame.checked_add(self.clip.every);
                begins.then_some(index)
            })
            .collect();
    }
}

/// Frames of a clip that were looked at.
fn looked_at(clip: &CachedClip) -> u64 {
    clip.source_frames.div_ceil(clip.every.max(1))
}

/// Removes what this module wrote and nothing refers to any more.
fn remove_stale(folder: &Path, manifest: &Manifest) -> Result<(), DataError> {
    let fail = |source| DataError::io(folder, "clearing the frame cache", source);
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let ours = stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
        let used = manifest.clips.iter().any(|clip| clip.file.starts_with(&stem));
        if ours && !used {
            fs::remove_file(&path).map_err(fail)?;
        }
    }
    Ok(())
}
