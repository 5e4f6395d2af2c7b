//! What can be wrong with data, by who is at fault; each message is one sentence that says what is wrong, where, and what to do.

use crate::npy::NpyError;
use std::path::{Path, PathBuf};

/// Why data cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Nothing has that name.
    #[error("{}: no such file or folder; check the path", .path.display())]
    NotFound {
        /// What was named.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: {action} failed: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// No input was named.
    #[error("no input was named; give a video file, a folder of pictures or of clips, or a data set's folder")]
    NoInput,
    /// A folder without anything to look at.
    #[error("{}: no clip found ({looked_for}); give a video file, a folder of pictures or of clips, or a data set's folder", .path.display())]
    NoClips {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        looked_for: String,
    },
    /// A data set without the part that is needed.
    #[error("{dataset}: there are no {part} clips ({looked_for}); name footage that has some")]
    NoPart {
        /// The data set or folder.
        dataset: String,
        /// `training` or `test`.
        part: &'static str,
        /// Where they would lie.
        looked_for: String,
    },
    /// A folder that holds several data sets.
    #[error("{}: this folder holds several data sets ({}); name one of them", .path.display(), .choices.join(", "))]
    SeveralDataSets {
        /// The folder.
        path: PathBuf,
        /// Their folders.
        choices: Vec<String>,
    },
    /// `--layout` names a layout that the folder has not.
    #[error("{}: this is not the layout '{layout}' ({missing} is missing); leave --layout out to have it recognised", .path.display())]
    NotThisLayout {
        /// The folder.
        path: PathBuf,
        /// The layout's name.
        layout: &'static str,
        /// What is missing.
        missing: String,
    },
    /// No layout of that name.
    #[error("there is no layout '{0}'; choose one of: ucsd, frames, avenue, shanghaitech, mvtec, plain, images")]
    UnknownLayout(String),
    /// A known data set whose clip has another number of frames.
    #[error("{set}: clip {clip} has {found} frames, the published data set has {expected}; complete it, or say --incomplete")]
    Count {
        /// The data set.
        set: &'static str,
        /// The clip.
        clip: String,
        /// Frames as published.
        expected: usize,
        /// Frames found (0: the clip is missing).
        found: usize,
    },
    /// Two inputs that would have one name.
    #[error("{} and {} would both be called '{name}'; rename one or leave it out", .first.display(), .second.display())]
    Collision {
        /// The name.
        name: String,
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A folder with the same pictures in two formats.
    #[error("{} and {} are one frame in two formats; keep one of them", .first.display(), .second.display())]
    PictureTwice {
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A single picture where clips were expected.
    #[error("{}: this is a single picture; give its folder (one clip), or say --layout images (stills)", .path.display())]
    SinglePicture {
        /// The picture.
        path: PathBuf,
    },
    /// A folder nested too deeply, or with too many entries.
    #[error("{}: more than {limit} {what} below the named folder; name a folder nearer to the footage", .path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// No labels were found.
    #[error("{dataset}: no frame labels found (looked for {looked_for}); name them with --labels")]
    NoLabels {
        /// The data set.
        dataset: String,
        /// Where they were looked for.
        looked_for: String,
    },
    /// A label file that cannot be understood.
    #[error("{}, line {line}: {what}", .path.display())]
    LabelSyntax {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A clip without labels.
    #[error("{}: there is no label for clip {clip}; add it, or leave the clip out", .path.display())]
    ClipWithoutLabels {
        /// The label file or folder.
        path: PathBuf,
        /// The clip.
        clip: String,
    },
    /// Labels and frames differ in number.
    #[error("{}: clip {clip} has {labels} labels and {frames} frames; both must be equal", .path.display())]
    LabelCount {
        /// The label file.
        path: PathBuf,
        /// The clip.
        clip: String,
        /// Labels found.
        labels: usize,
        /// Frames of the clip.
        frames: usize,
    },
    /// The number of frames of a video is needed before its labels can be read.
    #[error("clip {clip}: its number of frames is not known without decoding it; score it first")]
    FramesUnknown {
        /// The clip.
        clip: String,
    },
    /// Masks and frames differ in number.
    #[error("{}: clip {clip} has {masks} masks and {frames} frames; both must be equal", .path.display())]
    MaskCount {
        /// The masks' folder.
        path: PathBuf,
        /// The clip.
        clip: String,
        /// Masks found.
        masks: usize,
        /// Frames of the clip.
        frames: usize,
    },
    /// A mask of another size than the first of its clip.
    #[error("{}: this mask is {width}×{height}, the first of its clip is {first_width}×{first_height}; give all the frame's size", .path.display())]
    MaskSize {
        /// The mask.
        path: PathBuf,
        /// Its columns.
        width: usize,
        /// Its rows.
        height: usize,
        /// Columns of the first.
        first_width: usize,
        /// Rows of the first.
        first_height: usize,
    },
    /// An `.npy` file that cannot be read.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// An array that holds no labels or masks.
    #[error("{}: {what}", .path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A clip cannot be decoded.
    #[error("clip {clip}: {source}")]
    Source {
        /// The clip.
        clip: String,
        /// What went wrong.
        source: video::SourceError,
    },
    /// A mask cannot be decoded.
    #[error(transparent)]
    Mask(video::SourceError),
    /// A frame cannot be brought to size: a mistake of the program.
    #[error("clip {clip}, frame {frame}: {source}")]
    Resize {
        /// The clip.
        clip: String,
        /// The frame.
        frame: u64,
        /// What went wrong.
        source: video::ResizeError,
    },
    /// The frames of one clip differ in size.
    #[error("clip {clip}: frame {frame} is {width}×{height}, the frames before are {first_width}×{first_height}; split the clip there")]
    MixedSizes {
        /// The clip.
        clip: String,
        /// The frame that differs.
        frame: u64,
        /// Its columns.
        width: u32,
        /// Its rows.
        height: u32,
        /// Columns before.
        first_width: u32,
        /// Rows before.
        first_height: u32,
    },
    /// A clip of which nothing could be decoded.
    #[error("clip {clip}: not one frame could be decoded; copy or record it again, or leave it out")]
    NoFrames {
        /// The clip.
        clip: String,
    },
    /// Too little footage to hold a part out.
    #[error(
        "the training footage has {frames} frames in all, at least {least} are needed (a part is held out for validation); add footage"
    )]
    TooFewFrames {
        /// Frames found.
        frames: usize,
        /// Frames needed.
        least: usize,
    },
    /// A cache file that is not what its manifest says.
    #[error("{}: the frame cache is damaged ({what}); delete the folder, it is made again", .path.display())]
    CacheDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The cache limit is smaller than a single segment.
    #[error("the cache limit of {limit} bytes is below the {least} bytes that the shortest usable cache takes; raise it")]
    CacheLimit {
        /// Bytes allowed.
        limit: u64,
        /// Bytes of one segment.
        least: u64,
    },
    /// A state of the sampler that does not fit its windows.
    #[error("the saved position ({position} of epoch {epoch}) does not fit {windows} windows; the training data are not those of the run")]
    SamplerState {
        /// Epoch of the state.
        epoch: u64,
        /// Position of the state.
        position: u64,
        /// Windows of an epoch.
        windows: usize,
    },
    /// Settings of the generated scene out of range.
    #[error("scene: {key} = {value}: must be {range}")]
    Scene {
        /// The setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// A file of the generated scene cannot be written.
    #[error("{}: writing the generated scene failed: {what}", .path.display())]
    SceneWrite {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        what: String,
    },
    /// Windows with motion without what is usual at the camera.
    #[error("the checkpoint does not know what is usual at this camera (it was written before its training began); train anew")]
    NoUsual,
    /// Footage in which nothing moves, where motion is what is learnt.
    #[error(
        "nothing moves in the training footage: motion has no usual speed; name footage in which something moves, or train with --preset paper, which looks at single pictures"
    )]
    Motionless,
    /// The caller asked to stop.
    #[error("stopped before the frames were cached; run it again to go on")]
    Cancelled,
}

impl DataError {
    /// Whether a source that had been readable could not be read on; what it gave before stands.
    pub fn is_a_source_breaking_off(&self) -> bool {
        use video::SourceError::{ChildFailed, Damaged, Io, Stalled};
        matches!(self, Self::Source { source: Io { .. } | Damaged { .. } | ChildFailed { .. } | Stalled { .. }, .. })
    }

    /// [`DataError::NotFound`] or [`DataError::Io`], as the system says.
    pub(crate) fn io(path: &Path, action: &'static str, source: std::io::Error) -> DataError {
        if source.kind() == std::io::ErrorKind::NotFound {
            return DataError::NotFound { path: path.to_path_buf() };
        }
        DataError::Io { path: path.to_path_buf(), action, source }
    }
}
