//! Where overlays lie: one file for one clip, a folder for several.

use super::OverlayError;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Endings that `video` writes.
const ENDINGS: [&str; 3] = ["avi", "mp4", "y4m"];

/// Where overlays are written to.
#[derive(Clone, Debug)]
pub struct OverlayPlace {
    folder: Option<PathBuf>,
    file: PathBuf,
    ending: String,
    taken: BTreeSet<String>,
    /// The ffmpeg executable, for `.mp4`; `None` = the one in `PATH`.
    pub(super) ffmpeg: Option<PathBuf>,
}

impl OverlayPlace {
    /// For `clips` clips: with one clip and a path that ends in `.avi`, `.mp4` or `.y4m` that file; else a folder (the path without such
    /// an ending) with one file a clip, `.avi` where the path has no ending.
    ///
    /// # Errors
    /// [`OverlayError::Ending`] where the path ends like another kind of file.
    pub fn new(path: &Path, clips: usize, ffmpeg: Option<PathBuf>) -> Result<Self, OverlayError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let known = ending.clone().filter(|ending| ENDINGS.contains(&ending.as_str()));
        // A folder may be called 'v1.2', or be there already under any name.
        if let (Some(ending), None) = (ending.filter(|ending| ending.starts_with(|first: char| first.is_alphabetic())), &known)
            && !path.is_dir()
        {
            return Err(OverlayError::Ending { path: path.to_owned(), ending });
        }
        let folder = match &known {
            Some(_) if clips == 1 => None,
            Some(_) => Some(path.with_extension("")),
            None => Some(path.to_owned()),
        };
        Ok(Self { folder, file: path.to_owned(), ending: known.unwrap_or_else(|| "avi".into()), taken: BTreeSet::new(), ffmpeg })
    }

    /// What is written to, for messages: the file or the folder.
    pub fn path(&self) -> &Path {
        self.folder.as_deref().unwrap_or(&self.file)
    }

    /// The file of a clip; its folder is made.
    pub(super) fn file(&mut self, clip: &str) -> Result<PathBuf, OverlayError> {
        let parent = self.folder.as_deref().or_else(|| self.file.parent()).filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = parent {
            fs::create_dir_all(folder).map_err(|source| OverlayError::Folder { path: folder.to_owned(), source })?;
        }
        let Some(folder) = &self.folder else { return Ok(self.file.clone()) };
        let wanted = file_name(clip);
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let free = std::iter::once(wanted.clone()).chain(numbered).find(|name| !self.taken.contains(name)).unwrap_or(wanted);
        self.taken.insert(free.clone());
        Ok(folder.join(format!("{free}.{}", self.ending)))
    }
}

/// A clip's name as a file name: path separators, control characters and what some systems forbid become `_`, and a leading dot too, so
/// that no name leads out of its folder or hides in it.
pub fn file_name(clip: &str) -> String {
    let safe = |character: char| if character.is_control() || r#"/\:*?"<>|"#.contains(character) { '_' } else { character };
    let mut name: String = clip.chars().map(safe).take(120).collect();
    if name.is_empty() || name.starts_with('.') {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_folder() {
        assert_eq!(file_name("../../etc/passwd"), "_.._.._etc_passwd");
        assert_eq!(file_name(""), "_");
        assert_eq!(file_name("a/b c.mp4"), "a_b c.mp4");
        assert!(!file_name("a\0b\n").contains(char::is_control));
    }

    #[test]
    fn one_file_or_a_folder_and_names_that_collide_are_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.mp4");
        assert_eq!(OverlayPlace::new(&path, 1, None).unwrap().file("x").unwrap(), path);
        let mut several = OverlayPlace::new(&path, 2, None).unwrap();
        assert_eq!(several.path(), folder.path().join("out"));
        assert_eq!(several.file("a/b").unwrap(), folder.path().join("out/a_b.mp4"));
        assert_eq!(several.file("a:b").unwrap(), folder.path().join("out/a_b-2.mp4"));
        let mut numbered = OverlayPlace::new(&folder.path().join("v1.2"), 1, None).unwrap();
        assert_eq!(numbered.file("c").unwrap(), folder.path().join("v1.2/c.avi"));
    }

    #[test]
    fn another_kind_of_file_is_refused_and_a_folder_that_is_there_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for (name, clips) in [("x.mkv", 1), ("x.gif", 1), ("x.MOV", 3)] {
            let message = OverlayPlace::new(&folder.path().join(name), clips, None).unwrap_err().to_string();
            assert!(message.contains(".avi") && message.contains(".mp4") && message.contains("folder"), "{message}");
        }
        let there = folder.path().join("my.films");
        fs::create_dir(&there).unwrap();
        assert!(OverlayPlace::new(&there, 1, None).is_ok());
    }
}
