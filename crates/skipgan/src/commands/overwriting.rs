//! Footage is never written over: an overlay or a score file whose place is that of an input is refused before anything is opened.

use super::CommandError;
use crate::data::{Clip, ClipSource};
use crate::report::overlay::OverlayPlace;
use std::path::{Path, PathBuf};

/// Refuses outputs that would replace a file of `clips`.
///
/// # Errors
/// [`CommandError::Usage`] naming the file; [`CommandError::Overlay`] for an overlay of another kind.
pub fn refuse_overwriting(clips: &[Clip], scores: &Path, overlay: Option<&Path>) -> Result<(), CommandError> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let sources: Vec<PathBuf> = clips.iter().flat_map(files).filter_map(|path| real(path)).collect();
    for target in [Some(scores), overlay].into_iter().flatten() {
        if real(target).is_some_and(|target| sources.contains(&target)) {
            return Err(CommandError::Usage(format!("{} is an input and would be written over; name another place", target.display())));
        }
    }
    let Some(overlay) = overlay else { return Ok(()) };
    let place = OverlayPlace::new(overlay, clips.len(), None)?;
    let folder = real(place.path()).filter(|path| path.is_dir());
    if folder.is_some_and(|folder| sources.iter().any(|source| source.parent() == Some(folder.as_path()))) {
        let told = format!("the overlays would stand among the inputs in {}; name another folder", place.path().display());
        return Err(CommandError::Usage(told));
    }
    Ok(())
}

fn files(clip: &Clip) -> &[PathBuf] {
    match &clip.source {
        ClipSource::Video(path) => std::slice::from_ref(path),
        ClipSource::Pictures(files) => files,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_no_place_for_an_output() {
        let folder = tempfile::tempdir().expect("a folder");
        let film = folder.path().join("today.avi");
        std::fs::write(&film, "film").expect("writable");
        let clip = |path: &Path| Clip { name: "today".into(), source: ClipSource::Video(path.into()) };
        let clips = [clip(&film)];
        let elsewhere = folder.path().join("scores.csv");
        refuse_overwriting(&clips, &elsewhere, Some(&folder.path().join("overlay.avi"))).expect("a place of its own");
        for (scores, overlay) in [(&film, None), (&elsewhere, Some(film.as_path())), (&elsewhere, Some(folder.path()))] {
            assert!(refuse_overwriting(&clips, scores, overlay).is_err(), "{scores:?} {overlay:?}");
        }
    }
}
