//! Frame labels: 0 normal, 1 anomalous, one a frame of every test clip. Opened by `evaluate` and `report`, never by `score`.
//!
//! | layout | where | else |
//! |---|---|---|
//! | UCSD | `Test/UCSDpedN.m` (its backup `UCSDpedN.m~` says something else and is left alone) | masks |
//! | frames, ShanghaiTech | `testing/test_frame_mask/NN.npy` | one `frame_labels_*.npy`, or `<set>.mat` (`gt`: intervals) |
//! | Avenue | `ground_truth_demo/testing_label_mask/k_label.mat` (`volLabel`: masks) | `testing_labels/NN.npy` |
//! | MVTec, images | the folder's name | `labels/` |
//! | plain | `labels/*.csv` (`clip,frame,label`, or one 0/1 a line), `labels/NN.npy` | `NN.npy` beside the clip, masks |
//!
//! Labels that differ from frames in number are an error that names both.

mod intervals;
pub mod kinds;
pub(in crate::data) mod mat;
mod table;

use crate::data::layouts::{files_in, subfolder};
use crate::data::{Clip, ClipSource, DataError, DataSet, Layout, masks};
use crate::npy;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most labels of an array file.
const MOST_LABELS: usize = 64 << 20;

/// Labels of one clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipLabels {
    /// The clip's name.
    pub clip: String,
    /// 0 or 1 a frame.
    pub labels: Vec<u8>,
}

/// Labels of a data set's test clips, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Where they come from, for the report's `label_source`.
    pub source: String,
    /// One entry a clip.
    pub clips: Vec<ClipLabels>,
    /// What a user should know: one sentence each.
    pub notes: Vec<String>,
}

/// How to find labels.
#[derive(Clone, Copy, Debug, Default)]
pub struct LabelOptions<'a> {
    /// A file or folder that holds them (`--labels`); `None`: looked for as the layout says.
    pub path: Option<&'a Path>,
    /// Frames of clips that are videos, by name: as decoded or as scored. Pictures are counted.
    pub frames: Option<&'a BTreeMap<String, usize>>,
}

impl Labels {
    /// Reads the labels of [`DataSet::for_scoring`].
    ///
    /// # Errors
    /// [`DataError::NoLabels`], [`DataError::LabelCount`], [`DataError::LabelSyntax`], [`DataError::ClipWithoutLabels`],
    /// [`DataError::Array`], and what reading files can give.
    pub fn read(data: &DataSet, options: &LabelOptions) -> Result<Labels, DataError> {
        let reader = Reader { data, clips: data.for_scoring(), frames: options.frames };
        let (source, clips) = match options.path {
            Some(path) => reader.path(path)?,
            None => reader.by_layout()?,
        };
        let mut labels = Labels { source, clips, notes: Vec::new() };
        labels.compare(data);
        Ok(labels)
    }

    /// Whether there is something that [`Labels::read`] would take the labels of [`DataSet::for_scoring`] from, by names alone: no label is
    /// read.
    #[must_use]
    pub fn are_there(data: &DataSet) -> bool {
        let reader = Reader { data, clips: data.for_scoring(), frames: None };
        // A folder of masks that is broken is there all the same.
        let masked = || reader.clips.iter().all(|clip| !matches!(masks::find(data, clip, None), Ok(None)));
        reader.place().0.is_some() || reader.by_kind().is_some() || reader.is_beside() || masked()
    }

    /// Labels of one clip.
    #[must_use]
    pub fn clip(&self, name: &str) -> Option<&[u8]> {
        self.clips.iter().find(|entry| entry.clip == name).map(|entry| entry.labels.as_slice())
    }

    /// Anomalous frames in all.
    #[must_use]
    pub fn anomalous(&self) -> usize {
        self.clips.iter().flat_map(|entry| &entry.labels).filter(|&&label| label == 1).count()
    }

    /// A known, complete data set has known numbers of anomalous frames.
    fn compare(&mut self, data: &DataSet) {
        if let (Some(known), false) = (&data.known, data.incomplete)
            && !known.anomalous.contains(&self.anomalous())
        {
            let published: Vec<String> = known.anomalous.iter().map(ToString::to_string).collect();
            let (set, found) = (known.name, self.anomalous());
            self.notes.push(format!("{set}: these labels mark {found} frames, the published ones {}", published.join(" or ")));
        }
    }
}

/// Where labels come from, and those of every clip.
type Read = (String, Vec<ClipLabels>);

struct Reader<'a> {
    data: &'a DataSet,
    clips: &'a [Clip],
    frames: Option<&'a BTreeMap<String, usize>>,
}

impl Reader<'_> {
    fn frames(&self, clip: &Clip) -> Option<usize> {
        clip.known_frames().or_else(|| self.frames?.get(&clip.name).copied())
    }

    fn needed_frames(&self, clip: &Clip) -> Result<usize, DataError> {
        self.frames(clip).ok_or_else(|| DataError::FramesUnknown { clip: clip.name.clone() })
    }

    /// Labels with their number checked.
    fn checked(&self, path: &Path, clip: &Clip, labels: Vec<u8>) -> Result<ClipLabels, DataError> {
        if let Some(frames) = self.frames(clip).filter(|&frames| frames != labels.len()) {
            return Err(DataError::LabelCount { path: path.to_path_buf(), clip: clip.name.clone(), labels: labels.len(), frames });
        }
        Ok(ClipLabels { clip: clip.name.clone(), labels })
    }

    fn root(&self) -> PathBuf {
        match self.data.roots.as_slice() {
            [folder, ..] if folder.is_dir() => folder.clone(),
            [file, ..] => file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf(),
            [] => PathBuf::from("."),
        }
    }

    fn by_layout(&self) -> Result<Read, DataError> {
        if let Some(read) = self.by_kind() {
            return Ok(read);
        }
        match self.place() {
            (Some(path), _) => self.path(&path),
            (None, looked_for) => self
                .beside()
                .or_else(|| self.by_masks().transpose())
                .unwrap_or_else(|| Err(DataError::NoLabels { dataset: self.data.name(), looked_for: looked_for.into() })),
        }
    }

    /// The file or folder of labels where the layout has it, and where all was looked.
    fn place(&self) -> (Option<PathBuf>, &'static str) {
        let root = self.root();
        let at = |parts: &[&str]| {
            let mut folder = Some(root.clone());
            for part in parts {
                folder = folder.and_then(|folder| subfolder(&folder, &[part]));
            }
            folder
        };
        let labels = || at(&["labels"]).or_else(|| at(&["test", "labels"]));
        match self.data.layout {
            Layout::Ucsd => (at(&["Test"]).and_then(|test| interval_file(&test)), "Test/UCSDpedN.m, Test/TestNNN_gt"),
            Layout::Frames | Layout::ShanghaiTech => {
                let folder = at(&["testing", "test_frame_mask"]);
                (folder.or_else(|| long_vector(&root)), "testing/test_frame_mask/NN.npy, frame_labels_*.npy")
            }
            Layout::Avenue => {
                let folder = avenue_masks(&root).or_else(|| at(&["testing_labels"]));
                (folder, "ground_truth_demo/testing_label_mask/k_label.mat, testing_labels/NN.npy")
            }
            Layout::Mvtec | Layout::Images => (labels(), "folders good and others, labels/*.csv"),
            Layout::Plain => (labels(), "labels/*.csv, labels/NN.npy, NN.npy beside the clips, masks/<clip>"),
        }
    }

    /// Labels of a file or a folder, by its kind.
    fn path(&self, path: &Path) -> Result<Read, DataError> {
        let source = |what: &str| format!("{} ({what})", path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
        if path.is_dir() {
            return Ok((source("folder"), self.folder(path)?));
        }
        std::fs::metadata(path).map_err(|error| DataError::io(path, "reading", error))?;
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
        match extension.as_str() {
            "m" => Ok((source("intervals"), self.intervals(path, &intervals::read(path)?)?)),
            "npy" => Ok((source("array"), self.long_vector(path)?)),
            "mat" => Ok((source("MATLAB"), self.matlab(path)?)),
            _ => Ok((source("table"), self.tables(path, &[path.to_path_buf()])?)),
        }
    }

    /// One clip's masks, or the intervals of all clips.
    fn matlab(&self, path: &Path) -> Result<Vec<ClipLabels>, DataError> {
        if let [clip] = self.clips
            && let Ok(labels) = mat::of_masks(path)
        {
            return Ok(vec![self.checked(path, clip, labels)?]);
        }
        let read = mat::intervals(path)?;
        if read.len() != self.clips.len() {
            let what = format!("gt has {} cells, and {} clips are to be labelled; both must be equal", read.len(), self.clips.len());
            return Err(DataError::Array { path: path.to_path_buf(), what });
        }
        let pairs = self.clips.iter().zip(&read);
        pairs.map(|(clip, own)| self.checked(path, clip, own.labels(path, &clip.name, self.needed_frames(clip)?)?)).collect()
    }

    /// A folder: for each clip `<clip>.npy`, `<clip>.csv` or `k_label.mat`, else the tables in it.
    fn folder(&self, folder: &Path) -> Result<Vec<ClipLabels>, DataError> {
        let files = files_in(folder)?;
        let with = |ending: &str| -> Vec<PathBuf> {
            files.iter().filter(|file| file.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending))).cloned().collect()
        };
        let tables: Vec<PathBuf> = with("csv");
        let mut rest: Vec<&Clip> = Vec::new();
        let mut found: BTreeMap<&str, ClipLabels> = BTreeMap::new();
        for clip in self.clips {
            match self.own_file(folder, clip)? {
                Some(labels) => _ = found.insert(&clip.name, labels),
                None => rest.push(clip),
            }
        }
        if let (Some(first), true) = (rest.first(), tables.is_empty()) {
            return Err(DataError::ClipWithoutLabels { path: folder.to_path_buf(), clip: first.name.clone() });
        }
        if !rest.is_empty() {
            let read = table::read(&tables)?;
            for clip in rest {
                found.insert(&clip.name, self.of_table(folder, &read, clip)?);
            }
        }
        Ok(self.clips.iter().filter_map(|clip| found.remove(clip.name.as_str())).collect())
    }

    /// `<clip>.npy`, `<clip>.csv` without a `clip` column, or the masks of `k_label.mat`.
    fn own_file(&self, folder: &Path, clip: &Clip) -> Result<Option<ClipLabels>, DataError> {
        let with = |ending: &str| folder.join(format!("{}.{ending}", clip.name));
        let (array, text) = (with("npy"), with("csv"));
        if array.is_file() {
            return self.checked(&array, clip, vector(&array)?).map(Some);
        }
        if text.is_file()
            && let Some(labels) = table::list(&text)?
        {
            return self.checked(&text, clip, labels).map(Some);
        }
        match mat::file_of(folder, clip) {
            Some(path) => self.checked(&path, clip, mat::of_masks(&path)?).map(Some),
            None => Ok(None),
        }
    }

    fn tables(&self, path: &Path, files: &[PathBuf]) -> Result<Vec<ClipLabels>, DataError> {
        if let ([clip], [file]) = (self.clips, files)
            && let Some(labels) = table::list(file)?
        {
            return Ok(vec![self.checked(file, clip, labels)?]);
        }
        let read = table::read(files)?;
        self.clips.iter().map(|clip| self.of_table(path, &read, clip)).collect()
    }

    fn of_table(&self, path: &Path, read: &table::Table, clip: &Clip) -> Result<ClipLabels, DataError> {
        let Some(rows) = read.get(&clip.name) else {
            return Err(DataError::ClipWithoutLabels { path: path.to_path_buf(), clip: clip.name.clone() });
        };
        self.checked(&rows.path, clip, rows.labels(&clip.name)?)
    }

    /// The k-th line of `UCSDpedN.m` belongs to `Testk`.
    fn intervals(&self, path: &Path, lines: &[intervals::Intervals]) -> Result<Vec<ClipLabels>, DataError> {
        let mut found = Vec::new();
        for (order, clip) in self.clips.iter().enumerate() {
            let digits: String = clip.name.chars().rev().take_while(char::is_ascii_digit).collect();
            let number = digits.chars().rev().collect::<String>().parse::<usize>().ok();
            let index = number.map_or(Some(order), |number| number.checked_sub(1));
            let Some(line) = index.and_then(|index| lines.get(index)) else {
                return Err(DataError::ClipWithoutLabels { path: path.to_path_buf(), clip: clip.name.clone() });
            };
            let frames = self.needed_frames(clip)?;
            found.push(ClipLabels { clip: clip.name.clone(), labels: line.labels(path, &clip.name, frames)? });
        }
        Ok(found)
    }

    /// One vector for all clips in their order: a missing frame would shift every later clip, so the sum must fit.
    fn long_vector(&self, path: &Path) -> Result<Vec<ClipLabels>, DataError> {
        let all = vector(path)?;
        if let [clip] = self.clips {
            return Ok(vec![self.checked(path, clip, all)?]);
        }
        let counts = self.clips.iter().map(|clip| self.needed_frames(clip)).collect::<Result<Vec<usize>, _>>()?;
        let frames: usize = counts.iter().sum();
        if frames != all.len() {
            let clip = format!("(all {})", self.clips.len());
            return Err(DataError::LabelCount { path: path.to_path_buf(), clip, labels: all.len(), frames });
        }
        let mut rest = all.as_slice();
        let mut found = Vec::new();
        for (clip, count) in self.clips.iter().zip(counts) {
            let (own, others) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            found.push(ClipLabels { clip: clip.name.clone(), labels: own.to_vec() });
            rest = others;
        }
        Ok(found)
    }

    /// Stills in folders of which one is called good or normal; `None` where none is.
    fn by_kind(&self) -> Option<Read> {
        if !self.data.layout.is_stills() {
            return None;
        }
        let label = |clip: &Clip| {
            let (kind, _) = clip.name.split_once('/')?;
            Some(u8::from(!masks::is_normal_kind(kind)))
        };
        let labels: Option<Vec<u8>> = self.clips.iter().map(label).collect();
        let labels = labels.filter(|_| self.data.layout == Layout::Mvtec || self.clips.iter().any(|clip| label(clip) == Some(0)))?;
        let clips = self.clips.iter().zip(labels).map(|(clip, label)| ClipLabels { clip: clip.name.clone(), labels: vec![label] });
        Some(("names of folders".into(), clips.collect()))
    }

    /// `NN.npy` beside each clip; `None` where the first clip has none.
    fn beside(&self) -> Option<Result<Read, DataError>> {
        if !self.is_beside() {
            return None;
        }
        let read = self.clips.iter().map(|clip| {
            let path = beside(clip);
            vector(&path).and_then(|labels| self.checked(&path, clip, labels))
        });
        Some(read.collect::<Result<Vec<_>, _>>().map(|clips| ("arrays beside the clips".into(), clips)))
    }

    fn is_beside(&self) -> bool {
        self.clips.first().is_some_and(|clip| beside(clip).is_file())
    }

    /// A frame is anomalous where its mask has a pixel; `None` where a clip has no masks.
    fn by_masks(&self) -> Result<Option<Read>, DataError> {
        let mut found = Vec::new();
        for clip in self.clips {
            let Some(mut clip_masks) = masks::find(self.data, clip, self.frames(clip))? else {
                return Ok(None);
            };
            let mut labels = Vec::new();
            while let Some(mask) = clip_masks.next_mask()? {
                labels.push(u8::from(mask.values.contains(&1)));
            }
            found.push(ClipLabels { clip: clip.name.clone(), labels });
        }
        Ok((!found.is_empty()).then(|| ("masks".into(), found)))
    }
}

/// The array beside a clip: `NN.npy`.
fn beside(clip: &Clip) -> PathBuf {
    match &clip.source {
        ClipSource::Video(path) => path.with_extension("npy"),
        ClipSource::Pictures(_) => {
            let mut name = clip.path().as_os_str().to_os_string();
            name.push(".npy");
            PathBuf::from(name)
        }
    }
}

/// `UCSDpedN.m`, or the one `.m` file there is.
fn interval_file(test: &Path) -> Option<PathBuf> {
    let files: Vec<PathBuf> = files_in(test).ok()?.into_iter().filter(|file| file.extension().is_some_and(|e| e == "m")).collect();
    let named = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().starts_with("ucsdped"));
    files.iter().find(|file| named(file)).or(files.first()).cloned()
}

/// The one `frame_labels_*.npy` in the folder or in `testing`, the one beside the folder that has its name, or the `.mat` file.
fn long_vector(root: &Path) -> Option<PathBuf> {
    let starts = |file: &PathBuf, start: &str| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    let inside: Vec<PathBuf> = [root.to_path_buf(), root.join("testing")].iter().filter_map(|dir| files_in(dir).ok()).flatten().collect();
    let vectors: Vec<&PathBuf> =
        inside.iter().filter(|file| starts(file, "frame_labels") && file.extension().is_some_and(|e| e == "npy")).collect();
    if let [only] = vectors.as_slice() {
        return Some((*only).clone());
    }
    let whole = std::path::absolute(root).ok()?;
    let name = whole.file_name()?.to_string_lossy().into_owned();
    let beside = whole.parent()?.join(format!("frame_labels_{name}.npy"));
    if beside.is_file() {
        return Some(beside);
    }
    inside.into_iter().find(|file| file.extension().is_some_and(|e| e == "mat"))
}

/// The folder of Avenue's masks, wherever a copy keeps it.
pub(in crate::data) fn avenue_masks(root: &Path) -> Option<PathBuf> {
    let beside = subfolder(root, &["ground_truth_demo"]).and_then(|folder| subfolder(&folder, &["testing_label_mask"]));
    beside.or_else(|| subfolder(root, &["testing_label_mask"]))
}

/// A vector of 0 and 1: shape N or 1×N or N×1.
fn vector(path: &Path) -> Result<Vec<u8>, DataError> {
    let wrong = |what: String| DataError::Array { path: path.to_path_buf(), what };
    let array = npy::read(path, MOST_LABELS)?;
    if array.shape.iter().filter(|&&side| side != 1).count() > 1 {
        return Err(wrong(format!("labels are one number a frame, its shape is {:?}", array.shape)));
    }
    let label = |(index, &value): (usize, &f64)| match value {
        0.0 => Ok(0),
        1.0 => Ok(1),
        other => Err(wrong(format!("label {index} is {other}, not 0 or 1"))),
    };
    array.values.iter().enumerate().map(label).collect()
}
