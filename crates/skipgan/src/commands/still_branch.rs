//! Which branch of the default preset training takes: it is chosen by the training data (docs/method.md, "Still pictures").

use super::CommandError;
use super::event::{Event, Listener};
use crate::config::{Config, Sees, StillPictures};
use crate::data::{Clip, DataError};
use video::{OpenOptions, Planes};

/// Whether every clip is a single picture.
pub(super) fn are_stills(clips: &[Clip]) -> bool {
    !clips.is_empty() && clips.iter().all(|clip| clip.known_frames() == Some(1))
}

/// What the training pictures are; `None` where they are footage. Pictures that cannot be read are passed over while another can.
///
/// # Errors
/// The first picture's, where none can be read.
pub(super) fn look(clips: &[Clip], open: &OpenOptions) -> Result<Option<StillPictures>, CommandError> {
    if !are_stills(clips) {
        return Ok(None);
    }
    let open = OpenOptions { planes: Planes::All, ..open.clone() };
    let (mut sizes, mut colour, mut first_error) = (Vec::new(), false, None);
    for clip in clips {
        match first_frame(clip, &open) {
            Ok(Some(frame)) => {
                let (width, height) = frame.displayed_size();
                sizes.push((width as usize, height as usize));
                colour |= !frame.u.is_empty();
            }
            Ok(None) => {}
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match (StillPictures::of(&sizes, colour), first_error) {
        (None, Some(error)) => Err(error.into()),
        (pictures, _) => Ok(pictures),
    }
}

fn first_frame(clip: &Clip, open: &OpenOptions) -> Result<Option<video::Frame>, DataError> {
    let told = |source| DataError::Source { clip: clip.name.clone(), source };
    clip.open(open)?.next().map_err(told)
}

/// Says that the branch was taken, where it was.
pub(super) fn announce(config: &Config, listener: &mut dyn Listener) {
    if config.sees == Sees::Still
        && let Ok((height, width)) = config.picture(None)
    {
        let what = format!("single pictures: the still branch of preset {}, {width}×{height}, ", config.preset);
        let channels = crate::words::counted(config.channels, "channel");
        listener.hear(Event::Note(what + &channels));
    }
}
