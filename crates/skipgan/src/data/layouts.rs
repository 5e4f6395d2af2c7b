//! How data sets lie on disk: which clips there are, which are for training and which are for testing, and what they are called.
//!
//! | layout | training clips | test clips |
//! |---|---|---|
//! | UCSD | `Train/TrainNNN/*` | `Test/TestNNN/*` |
//! | frames | `training/frames/NN/*` | `testing/frames/NN/*` |
//! | Avenue | `training_videos/NN.avi` | `testing_videos/NN.avi` |
//! | ShanghaiTech | `training/videos/*.avi` | `testing/frames/NN_NNNN/*` |
//! | MVTec | `train/good/*` (stills) | `test/<kind>/*` |
//! | plain | videos and folders of pictures, under `train/`, `test/`, or neither | |
//! | images | as plain, every picture a clip of one frame (only where asked for) | |
//!
//! Labels and masks are not touched here; only their files' *names* may tell one data set from another.

mod names;
mod walk;

pub(in crate::data) use walk::{files_in, subfolder};

use crate::data::known::{Clue, Known};
use crate::data::{Clip, DataError};
use crate::words;
use std::path::{Path, PathBuf};
use walk::{Found, Stills};

/// How a data set lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// UCSD Ped1 and Ped2 as distributed.
    Ucsd,
    /// `training|testing/frames/<clip>/`.
    Frames,
    /// CUHK Avenue as distributed.
    Avenue,
    /// ShanghaiTech Campus as distributed.
    ShanghaiTech,
    /// MVTec AD: stills.
    Mvtec,
    /// Videos and folders of pictures.
    Plain,
    /// Stills anywhere.
    Images,
}

impl Layout {
    /// All of them.
    pub const ALL: [Layout; 7] =
        [Layout::Ucsd, Layout::Frames, Layout::Avenue, Layout::ShanghaiTech, Layout::Mvtec, Layout::Plain, Layout::Images];

    /// The word for `--layout`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Layout::Ucsd => "ucsd",
            Layout::Frames => "frames",
            Layout::Avenue => "avenue",
            Layout::ShanghaiTech => "shanghaitech",
            Layout::Mvtec => "mvtec",
            Layout::Plain => "plain",
            Layout::Images => "images",
        }
    }

    /// The layout of that name.
    ///
    /// # Errors
    /// [`DataError::UnknownLayout`].
    pub fn from_name(name: &str) -> Result<Layout, DataError> {
        Layout::ALL.into_iter().find(|layout| layout.name() == name).ok_or_else(|| DataError::UnknownLayout(name.into()))
    }

    /// Whether its clips are single pictures.
    #[must_use]
    pub fn is_stills(self) -> bool {
        matches!(self, Layout::Mvtec | Layout::Images)
    }
}

/// How to look.
#[derive(Clone, Debug, Default)]
pub struct DiscoverOptions {
    /// The layout; `None`: recognised.
    pub layout: Option<Layout>,
    /// Whether a known data set may lack clips or frames (`--incomplete`): a note then, not an error.
    pub incomplete: bool,
}

/// The clips of what was named.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// How it lies on disk.
    pub layout: Layout,
    /// What was named, or the data set's folder below it.
    pub roots: Vec<PathBuf>,
    /// The published data set it is.
    pub known: Option<Known>,
    /// Whether it lacks something that the published data set has.
    pub incomplete: bool,
    /// Training clips.
    pub train: Vec<Clip>,
    /// Test clips.
    pub test: Vec<Clip>,
    /// Clips that lie under neither: what is done with them decides.
    pub unassigned: Vec<Clip>,
    /// What a user should know: one sentence each.
    pub notes: Vec<String>,
}

/// Finds the clips of `paths`: one data set, or any number of videos and folders.
///
/// # Errors
/// [`DataError`]: a path that is not there, a folder without clips, a layout that it has not, names that cannot be told apart, and counts
/// that differ from the published ones.
pub fn discover(paths: &[PathBuf], options: &DiscoverOptions) -> Result<DataSet, DataError> {
    for path in paths {
        if path != Path::new("-") {
            std::fs::metadata(path).map_err(|source| DataError::io(path, "reading", source))?;
        }
    }
    match paths {
        [] => Err(DataError::NoInput),
        [folder] if folder.is_dir() => data_set(folder, options),
        several => inputs(several, options),
    }
}

impl DataSet {
    /// Its name for reports: the published name, with ` (incomplete)` where something is missing, or the folder's.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.known, self.roots.as_slice()) {
            (Some(known), _) if self.incomplete => format!("{} (incomplete)", known.name),
            (Some(known), _) => known.name.to_string(),
            (None, [root]) => {
                let whole = std::path::absolute(root).unwrap_or_else(|_| root.clone());
                whole.file_name().map_or_else(|| whole.display().to_string(), |name| name.to_string_lossy().into_owned())
            }
            (None, _) => "own footage".into(),
        }
    }

    /// What `train` uses: the training clips; where no part is marked, all.
    ///
    /// # Errors
    /// [`DataError::NoPart`] where only test clips are there.
    pub fn for_training(&self) -> Result<&[Clip], DataError> {
        let clips = if self.train.is_empty() { &self.unassigned } else { &self.train };
        if clips.is_empty() {
            let looked_for = match self.layout {
                Layout::Ucsd => "Train/TrainNNN",
                Layout::Frames => "training/frames/NN",
                Layout::Avenue => "training_videos",
                Layout::ShanghaiTech => "training/videos",
                Layout::Mvtec => "train/good",
                Layout::Plain | Layout::Images => "train/",
            };
            return Err(DataError::NoPart { dataset: self.name(), part: "training", looked_for: looked_for.into() });
        }
        Ok(clips)
    }

    /// What `score` and `evaluate` use: the test clips; where no part is marked, all; a data set with training clips alone, these.
    #[must_use]
    pub fn for_scoring(&self) -> &[Clip] {
        match (self.test.is_empty(), self.unassigned.is_empty()) {
            (false, _) => &self.test,
            (true, false) => &self.unassigned,
            (true, true) => &self.train,
        }
    }

    /// Lines for people: layout, name, and clips and frames of each part.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!("{} (layout {})", self.name(), self.layout.name());
        for (part, clips) in [("training", &self.train), ("test", &self.test), ("footage", &self.unassigned)] {
            if !clips.is_empty() {
                text += &format!("\n{part}: {}", count(clips));
            }
        }
        for note in &self.notes {
            text += &format!("\nnote: {note}");
        }
        text
    }

    /// Compares the number of frames that decoding a test clip gave with the published one: videos cannot be counted before. Gives a note
    /// for an incomplete data set.
    ///
    /// # Errors
    /// [`DataError::Count`].
    pub fn check_test_frames(&self, clip: &str, frames: usize) -> Result<Option<String>, DataError> {
        let Some((known, &expected)) = self.known.as_ref().and_then(|known| Some((known, known.test.get(clip)?))) else {
            return Ok(None);
        };
        if frames == expected {
            return Ok(None);
        }
        let error = DataError::Count { set: known.name, clip: clip.into(), expected, found: frames };
        if self.incomplete { Ok(Some(difference_note(known.name, clip, expected, frames))) } else { Err(error) }
    }

    fn all_empty(&self) -> bool {
        self.train.is_empty() && self.test.is_empty() && self.unassigned.is_empty()
    }

    /// Names the data set and asserts its counts.
    fn recognise(mut self, options: &DiscoverOptions) -> Result<DataSet, DataError> {
        let counted = |clips: &[Clip]| clips.iter().map(|clip| (clip.name.clone(), clip.known_frames())).collect::<Vec<_>>();
        let (train, test) = (counted(&self.train), counted(self.for_scoring_part()));
        let words = self.roots.first().map(|root| clue_words(root)).unwrap_or_default();
        let clue = Clue { layout: self.layout, train: &train, test: &test, words: &words };
        let Some(known) = Known::recognise(&clue) else {
            return Ok(self);
        };
        let differences = known.differences(&clue);
        if let (Some((clip, expected, found)), false) = (differences.first(), options.incomplete) {
            return Err(DataError::Count { set: known.name, clip: clip.clone(), expected: *expected, found: *found });
        }
        self.incomplete = !differences.is_empty() || (options.incomplete && self.for_scoring_part().iter().any(is_uncounted));
        self.notes.extend(differences.iter().take(10).map(|(clip, expected, found)| difference_note(known.name, clip, *expected, *found)));
        if differences.len() > 10 {
            self.notes.push(format!("{} more clips differ", differences.len() - 10));
        }
        self.known = Some(known);
        Ok(self)
    }

    fn for_scoring_part(&self) -> &[Clip] {
        if self.test.is_empty() { &self.unassigned } else { &self.test }
    }
}

fn is_uncounted(clip: &Clip) -> bool {
    clip.known_frames().is_none()
}

fn difference_note(set: &str, clip: &str, expected: usize, found: usize) -> String {
    match found {
        0 => format!("{set}: clip {clip} is missing ({expected} frames)"),
        _ => format!("{set}: clip {clip} has {found} frames, the published data set has {expected}"),
    }
}

fn count(clips: &[Clip]) -> String {
    let counted: Vec<usize> = clips.iter().filter_map(Clip::known_frames).collect();
    let frames: usize = counted.iter().sum();
    match clips.len() - counted.len() {
        0 => format!("{}, {}", words::counted(clips.len(), "clip"), words::counted(frames, "frame")),
        videos if counted.is_empty() => format!("{} (frames are counted as they are decoded)", words::counted(videos, "video")),
        videos => format!(
            "{}, {} and {} (counted as they are decoded)",
            words::counted(clips.len(), "clip"),
            words::counted(frames, "frame"),
            words::counted(videos, "video")
        ),
    }
}

/// The path, and the names of files that carry a data set's name (`UCSDped1.m`), lower case.
fn clue_words(root: &Path) -> String {
    let whole = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
    let last: Vec<String> = whole.iter().rev().take(2).map(|part| part.to_string_lossy().to_lowercase()).collect();
    let files = walk::files_in(&root.join("Test")).unwrap_or_default();
    let named = files.iter().filter_map(|file| file.file_name()).map(|name| name.to_string_lossy().to_lowercase());
    last.into_iter().chain(named.filter(|name| name.ends_with(".m"))).collect::<Vec<_>>().join(" ")
}

/// One folder: its layout is named or recognised.
fn data_set(folder: &Path, options: &DiscoverOptions) -> Result<DataSet, DataError> {
    let (folder, layout) = match options.layout {
        Some(layout) => (folder.to_path_buf(), layout),
        None => recognise_below(folder)?,
    };
    if options.layout == Some(Layout::Mvtec) {
        check_named_mvtec(&folder)?;
    }
    let part = |names: &[&str]| walk::subfolder(&folder, names);
    let mut notes = Vec::new();
    let mut clips = |found: Result<Vec<Found>, DataError>| names::clips(found?, &mut notes);
    let absent = || Ok(Vec::new());
    let scan = |dir: Option<PathBuf>, stills| dir.map_or_else(absent, |dir| walk::scan(&dir, stills));
    let stills = if layout.is_stills() { Stills::Yes } else { Stills::No };
    let mut whole = false;
    let below = |parent: Option<PathBuf>, name: &str| parent.and_then(|parent| walk::subfolder(&parent, &[name]));
    let (train, test) = match layout {
        Layout::Ucsd => {
            let train = part(&["Train"]).map_or_else(absent, |dir| walk::numbered_folders(&dir, "Train"));
            (train, part(&["Test"]).map_or_else(absent, |dir| walk::numbered_folders(&dir, "Test")))
        }
        Layout::Frames | Layout::ShanghaiTech => {
            let videos = below(part(&["training"]), "videos").filter(|_| layout == Layout::ShanghaiTech);
            let train = videos.or_else(|| below(part(&["training"]), "frames"));
            (scan(train, Stills::No), scan(below(part(&["testing"]), "frames"), Stills::No))
        }
        Layout::Avenue => (scan(part(&["training_videos"]), Stills::No), scan(part(&["testing_videos"]), Stills::No)),
        Layout::Mvtec | Layout::Plain | Layout::Images => {
            let (train, test) = (part(&["train", "training"]), part(&["test", "testing"]));
            whole = train.is_none() && test.is_none();
            (scan(train, stills), scan(test, stills))
        }
    };
    let (train, test) = (clips(train)?, clips(test)?);
    let unassigned = if whole { clips(walk::scan(&folder, stills))? } else { Vec::new() };
    let set = DataSet { layout, roots: vec![folder.clone()], known: None, incomplete: false, train, test, unassigned, notes };
    if set.all_empty() {
        return Err(nothing_found(&folder, layout, options.layout.is_some()));
    }
    set.recognise(options)
}

/// Whoever says `--layout mvtec` means that `train/good` is normal: without it every picture anywhere would be taken for normal. A test part
/// alone can be scored.
fn check_named_mvtec(folder: &Path) -> Result<(), DataError> {
    let train = walk::subfolder(folder, &["train", "training"]);
    let good = train.as_deref().and_then(|train| walk::subfolder(train, &["good", "0.normal"]));
    let test_alone = train.is_none() && walk::subfolder(folder, &["test", "testing"]).is_some();
    if test_alone || good.is_some_and(|good| walk::has_pictures(&good)) {
        return Ok(());
    }
    let missing = "train/good with pictures".to_string();
    Err(DataError::NotThisLayout { path: folder.to_path_buf(), layout: Layout::Mvtec.name(), missing })
}

fn nothing_found(folder: &Path, layout: Layout, named: bool) -> DataError {
    let looked_for = match layout {
        Layout::Ucsd => "Train/TrainNNN and Test/TestNNN",
        Layout::Frames => "training/frames and testing/frames",
        Layout::Avenue => "training_videos and testing_videos",
        Layout::ShanghaiTech => "training/videos and testing/frames",
        Layout::Mvtec => "train/good and test/<kind>",
        Layout::Plain => "videos and folders of pictures",
        Layout::Images => "pictures",
    };
    match layout {
        Layout::Plain | Layout::Images => DataError::NoClips { path: folder.to_path_buf(), looked_for: format!("looked for {looked_for}") },
        _ if named => DataError::NotThisLayout { path: folder.to_path_buf(), layout: layout.name(), missing: looked_for.to_string() },
        _ => DataError::NoClips { path: folder.to_path_buf(), looked_for: format!("{looked_for} hold no pictures or videos") },
    }
}

/// The layout of a folder, or of the one data set below it.
fn recognise_below(folder: &Path) -> Result<(PathBuf, Layout), DataError> {
    let layout = recognise(folder);
    if layout != Layout::Plain {
        return Ok((folder.to_path_buf(), layout));
    }
    let below: Vec<PathBuf> = walk::folders_in(folder)?.into_iter().filter(|dir| recognise(dir) != Layout::Plain).collect();
    match below.as_slice() {
        [] => Ok((folder.to_path_buf(), Layout::Plain)),
        [only] => Ok((only.clone(), recognise(only))),
        several => {
            let names = several.iter().filter_map(|dir| dir.file_name()).map(|name| name.to_string_lossy().into_owned());
            Err(DataError::SeveralDataSets { path: folder.to_path_buf(), choices: names.collect() })
        }
    }
}

/// The layout of a folder by its subfolders.
fn recognise(folder: &Path) -> Layout {
    let has = |parts: &[&str]| {
        let mut at = Some(folder.to_path_buf());
        for part in parts {
            at = at.and_then(|dir| walk::subfolder(&dir, &[part]));
        }
        at
    };
    let numbered = |part: &str| has(&[part]).is_some_and(|dir| walk::has_numbered_folders(&dir, part));
    if numbered("Train") || numbered("Test") {
        return Layout::Ucsd;
    }
    if has(&["training", "videos"]).is_some() && has(&["testing", "frames"]).is_some() {
        return Layout::ShanghaiTech;
    }
    if has(&["training", "frames"]).is_some() || has(&["testing", "frames"]).is_some() {
        return Layout::Frames;
    }
    if has(&["training_videos"]).is_some() || has(&["testing_videos"]).is_some() {
        return Layout::Avenue;
    }
    let stills = [["train", "good"], ["train", "0.normal"], ["test", "good"], ["test", "0.normal"]];
    if stills.iter().any(|parts| has(parts).is_some_and(|dir| walk::has_pictures(&dir))) {
        return Layout::Mvtec;
    }
    Layout::Plain
}

/// Any number of files and folders, none of them a data set of its own.
fn inputs(paths: &[PathBuf], options: &DiscoverOptions) -> Result<DataSet, DataError> {
    let layout = options.layout.unwrap_or(Layout::Plain);
    if !matches!(layout, Layout::Plain | Layout::Images) {
        let first = paths.first().cloned().unwrap_or_default();
        return Err(DataError::NotThisLayout { path: first, layout: layout.name(), missing: "one folder that holds it all".into() });
    }
    let stills = if layout == Layout::Images { Stills::Yes } else { Stills::No };
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let below = walk::scan(path, stills)?;
            if below.is_empty() {
                return Err(nothing_found(path, layout, true));
            }
            found.extend(below);
        } else {
            found.push(Found::file(path, stills)?);
        }
    }
    let mut notes = Vec::new();
    let unassigned = names::clips(found, &mut notes)?;
    let set =
        DataSet { layout, roots: paths.to_vec(), known: None, incomplete: false, train: Vec::new(), test: Vec::new(), unassigned, notes };
    set.recognise(options)
}
