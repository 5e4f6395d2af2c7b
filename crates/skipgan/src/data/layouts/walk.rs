//! Looks through folders for clips; never into hidden ones, desktop leavings, or the folders of labels and masks.

use crate::data::{ClipSource, DataError};
use std::path::{Path, PathBuf};
use video::images::{is_picture_name, numeric_order};

/// Folders below folders.
const MOST_LEVELS: usize = 16;
/// Entries of all folders of a scan.
const MOST_ENTRIES: usize = 20_000_000;
/// File name extensions that count as videos in a folder, lower case; a file named by itself may have any.
const VIDEO_EXTENSIONS: [&str; 19] = [
    "avi", "mp4", "m4v", "mov", "mkv", "webm", "y4m", "mpg", "mpeg", "ts", "m2ts", "mts", "wmv", "flv", "3gp", "h264", "264", "hevc",
    "h265",
];
/// Folders that hold what is known of clips, not clips; and what desktops leave behind.
const NOT_CLIPS: [&str; 4] = ["labels", "masks", "ground_truth", "__macosx"];

/// Whether a picture is a clip of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stills {
    /// A folder of pictures is one clip.
    No,
    /// Every picture is one clip.
    Yes,
}

/// A clip that has no name yet.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its file or folder.
    pub(super) path: PathBuf,
    /// Trailing parts of the path that make the name.
    pub(super) parts: usize,
    /// Its frames.
    pub(super) source: ClipSource,
    /// Something the user should know.
    pub(super) note: Option<String>,
}

impl Found {
    /// A file that the user named.
    pub(super) fn file(path: &Path, stills: Stills) -> Result<Found, DataError> {
        let source = match (is_picture_name(path), stills) {
            (true, Stills::No) => return Err(DataError::SinglePicture { path: path.to_path_buf() }),
            (true, Stills::Yes) => ClipSource::Pictures(vec![path.to_path_buf()]),
            (false, _) => ClipSource::Video(path.to_path_buf()),
        };
        Ok(Found { path: path.to_path_buf(), parts: 1, source, note: None })
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

fn is_video_name(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    !is_hidden(path) && extension.is_some_and(|extension| VIDEO_EXTENSIONS.contains(&extension.as_str()))
}

/// Entries of a folder in numeric order, hidden ones left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let fail = |source| DataError::io(folder, "reading the folder", source);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if !is_hidden(&path) {
            found.push(path);
        }
        if found.len() > MOST_ENTRIES {
            return Err(DataError::TooMuch { path: folder.to_path_buf(), what: "files", limit: MOST_ENTRIES });
        }
    }
    found.sort_by(|a, b| numeric_order(a, b));
    Ok(found)
}

/// Folders directly below, in numeric order.
pub(super) fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// Files directly in a folder, in numeric order.
pub(in crate::data) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_file()).collect())
}

/// The folder directly below that has one of these names, whatever its case; the exact name first.
pub(in crate::data) fn subfolder(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    let exact = names.iter().map(|name| folder.join(name)).find(|path| path.is_dir());
    exact.or_else(|| {
        let below = folders_in(folder).ok()?;
        below.into_iter().find(|path| {
            path.file_name().is_some_and(|name| names.iter().any(|wanted| name.to_string_lossy().eq_ignore_ascii_case(wanted)))
        })
    })
}

/// Whether a name is `prefix` and a number.
fn is_numbered(path: &Path, prefix: &str) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (start, digits) = match (name.get(..prefix.len()), name.get(prefix.len()..)) {
        (Some(start), Some(digits)) => (start, digits),
        _ => return false,
    };
    start.eq_ignore_ascii_case(prefix) && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether there are folders `prefixN`.
pub(super) fn has_numbered_folders(folder: &Path, prefix: &str) -> bool {
    folders_in(folder).is_ok_and(|folders| folders.iter().any(|path| is_numbered(path, prefix)))
}

/// Whether pictures lie directly in a folder.
pub(super) fn has_pictures(folder: &Path) -> bool {
    entries(folder).is_ok_and(|entries| entries.iter().any(|path| is_picture_name(path) && path.is_file()))
}

/// The folders `prefixN` directly below, each one clip.
pub(super) fn numbered_folders(folder: &Path, prefix: &str) -> Result<Vec<Found>, DataError> {
    let mut found = Vec::new();
    for path in folders_in(folder)?.into_iter().filter(|path| is_numbered(path, prefix)) {
        let pictures: Vec<PathBuf> = entries(&path)?.into_iter().filter(|file| is_picture_name(file) && file.is_file()).collect();
        if pictures.is_empty() {
            return Err(DataError::NoClips { path, looked_for: "the folder of a clip without a picture".into() });
        }
        found.push(picture_clip(path, 1, pictures)?);
    }
    Ok(found)
}

/// A folder's pictures as one clip.
fn picture_clip(path: PathBuf, parts: usize, pictures: Vec<PathBuf>) -> Result<Found, DataError> {
    for pair in pictures.windows(2) {
        if let [first, second] = pair
            && first.file_stem() == second.file_stem()
        {
            return Err(DataError::PictureTwice { first: first.clone(), second: second.clone() });
        }
    }
    Ok(Found { path, parts, source: ClipSource::Pictures(pictures), note: None })
}

/// All clips in and below a folder, in numeric order of their paths. A folder's own pictures are a clip with the folder's name.
pub(super) fn scan(root: &Path, stills: Stills) -> Result<Vec<Found>, DataError> {
    let mut found = Vec::new();
    let mut budget = MOST_ENTRIES;
    descend(root, root, 0, stills, &mut budget, &mut found)?;
    Ok(found)
}

fn descend(root: &Path, folder: &Path, level: usize, stills: Stills, budget: &mut usize, found: &mut Vec<Found>) -> Result<(), DataError> {
    let too_much = |what, limit| DataError::TooMuch { path: root.to_path_buf(), what, limit };
    if level > MOST_LEVELS {
        return Err(too_much("levels of folders", MOST_LEVELS));
    }
    let all = entries(folder)?;
    *budget = budget.checked_sub(all.len()).ok_or_else(|| too_much("files", MOST_ENTRIES))?;
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = all.into_iter().partition(|path| path.is_dir());
    let folders: Vec<PathBuf> = folders.iter().filter(|path| !is_masks(path, &folders)).cloned().collect();
    let (pictures, others): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(|path| is_picture_name(path));
    let videos: Vec<PathBuf> = others.into_iter().filter(|path| is_video_name(path)).collect();
    let note = (stills == Stills::No && !videos.is_empty() && !pictures.is_empty())
        .then(|| format!("{}: the pictures beside the videos are left out", folder.display()));
    if stills == Stills::Yes {
        found.extend(pictures.into_iter().map(|path| {
            let source = ClipSource::Pictures(vec![path.clone()]);
            Found { path, parts: level + 1, source, note: None }
        }));
    } else if videos.is_empty() && !pictures.is_empty() {
        found.push(picture_clip(folder.to_path_buf(), level.max(1), pictures)?);
    }
    let mut below: Vec<(PathBuf, bool)> = folders.into_iter().map(|path| (path, true)).collect();
    if stills == Stills::No {
        below.extend(videos.into_iter().map(|path| (path, false)));
    }
    below.sort_by(|(a, _), (b, _)| numeric_order(a, b));
    let mut note = note;
    for (path, is_folder) in below {
        if !is_folder {
            found.push(Found { path: path.clone(), parts: level + 1, source: ClipSource::Video(path), note: note.take() });
        } else if !is_not_clips(&path) {
            descend(root, &path, level + 1, stills, budget, found)?;
        }
    }
    Ok(())
}

/// Whether a folder holds the masks of one beside it: UCSD's `Test001_gt` beside `Test001`.
fn is_masks(path: &Path, beside: &[PathBuf]) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix("_gt").is_some_and(|clip| beside.contains(&path.with_file_name(clip)))
}

fn is_not_clips(path: &Path) -> bool {
    path.file_name().is_some_and(|name| NOT_CLIPS.contains(&name.to_string_lossy().to_lowercase().as_str()))
}
