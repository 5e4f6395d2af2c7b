//! Labels and masks of a data set, as the evaluation wants them: in the order of its clips, one frame at a time.

use super::CommandError;
use crate::data::labels::{LabelOptions, Labels};
use crate::data::masks::{self, ClipMasks};
use crate::data::{Clip, DataSet};
use crate::evaluate::run::{MaskSource, SourceError};
use crate::localise::Plane;
use std::collections::BTreeMap;
use std::path::Path;

/// Frame labels of the clips that are scored.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Names, in the data set's order.
    pub clips: Vec<String>,
    /// 0 or 1 a frame, one vector a clip.
    pub labels: Vec<Vec<u8>>,
    /// Where they come from, in words.
    pub source: String,
    /// What a user should know.
    pub notes: Vec<String>,
}

impl Truth {
    /// Reads the labels of [`DataSet::for_scoring`]; `frames` gives the number of frames of clips that are videos, by name.
    ///
    /// # Errors
    /// [`CommandError::Data`].
    pub fn read(set: &DataSet, path: Option<&Path>, frames: &BTreeMap<String, usize>) -> Result<Truth, CommandError> {
        let labels = Labels::read(set, &LabelOptions { path, frames: Some(frames) })?;
        let (clips, values) = labels.clips.into_iter().map(|clip| (clip.clip, clip.labels)).unzip();
        Ok(Truth { clips, labels: values, source: labels.source, notes: labels.notes })
    }
}

/// Pixel masks read from the data set when they are asked for.
pub struct MaskFiles<'a> {
    set: &'a DataSet,
    clips: &'a [Clip],
    frames: Vec<usize>,
    open: Option<OpenMasks>,
}

/// The clip being read: its number, the frame that comes next, and its masks where it has any.
struct OpenMasks {
    clip: usize,
    next: usize,
    masks: Option<ClipMasks>,
}

impl<'a> MaskFiles<'a> {
    /// The masks of `clips`, with so many frames each; `None` where no clip has masks.
    ///
    /// # Errors
    /// [`CommandError::Data`] where masks and frames differ in number.
    pub fn find(set: &'a DataSet, clips: &'a [Clip], frames: Vec<usize>) -> Result<Option<MaskFiles<'a>>, CommandError> {
        let mut any = false;
        for (clip, &frames) in clips.iter().zip(&frames) {
            any |= masks::find(set, clip, Some(frames))?.is_some();
        }
        Ok(any.then_some(MaskFiles { set, clips, frames, open: None }))
    }

    fn opened(&mut self, clip: usize, frame: usize) -> Result<&mut OpenMasks, SourceError> {
        let usable = self.open.as_ref().is_some_and(|open| open.clip == clip && open.next <= frame);
        if !usable {
            let masks = masks::find(self.set, &self.clips[clip], Some(self.frames[clip]))?;
            self.open = Some(OpenMasks { clip, next: 0, masks });
        }
        Ok(self.open.as_mut().expect("opened above"))
    }
}

impl MaskSource for MaskFiles<'_> {
    fn read(&mut self, clip: usize, frame: usize, mask: &mut Plane<u8>) -> Result<bool, SourceError> {
        let open = self.opened(clip, frame)?;
        let Some(masks) = &mut open.masks else { return Ok(false) };
        while open.next <= frame {
            let Some(read) = masks.next_mask()? else { return Ok(false) };
            open.next += 1;
            if open.next == frame + 1 {
                *mask = Plane::new(read.height, read.width, read.values);
            }
        }
        Ok(true)
    }
}
