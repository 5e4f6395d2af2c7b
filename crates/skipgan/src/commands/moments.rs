//! The frames that a report shows: chosen by score and label, read again from the data and scored again, with reconstruction and map.

use super::CommandError;
use super::detector::Opened;
use super::reading::Reading;
use crate::calibration::Calibration;
use crate::data::{Clip, PictureSettings, WindowStream};
use crate::model::engine::Engine;
use crate::report::heat::blend;
use crate::report::html::{Captioned, Chosen, ClipResult, Moment};
use crate::report::picture::Picture;
use crate::score::forward::Forward;
use crate::score::map::Placement;
use video::{Channels, Filter, Fit, Frame, Resizer, Target};

/// Longest side of a picture in the report.
const LARGEST: usize = 480;

/// What is needed to look at frames again.
pub struct Looking<'a> {
    /// Settings and checkpoint.
    pub opened: &'a Opened,
    /// The network.
    pub engine: &'a mut dyn Engine,
    /// Scale of the heat map.
    pub calibration: &'a Calibration,
    /// How footage is read.
    pub reading: &'a Reading,
}

impl Looking<'_> {
    /// The chosen frames with their pictures, in the order of `chosen`.
    ///
    /// # Errors
    /// [`CommandError`] where the footage cannot be read again.
    pub fn at(&mut self, chosen: &[Chosen], results: &[ClipResult], clips: &[Clip]) -> Result<Vec<Moment>, CommandError> {
        let mut moments: Vec<Option<Moment>> = chosen.iter().map(|_| None).collect();
        for (number, clip) in clips.iter().enumerate() {
            let wanted: Vec<usize> = (0..chosen.len()).filter(|&at| chosen[at].clip == number).collect();
            if !wanted.is_empty() {
                self.clip(clip, &wanted, chosen, results, &mut moments)?;
            }
        }
        Ok(moments.into_iter().flatten().collect())
    }

    fn clip(
        &mut self,
        clip: &Clip,
        wanted: &[usize],
        chosen: &[Chosen],
        results: &[ClipResult],
        moments: &mut [Option<Moment>],
    ) -> Result<(), CommandError> {
        let picture = PictureSettings::new(&self.opened.config, self.opened.checkpoint.height, self.opened.checkpoint.width);
        let mut stream = WindowStream::open(clip, &self.reading.open, &picture, self.opened.config.history)?;
        let last = wanted.iter().map(|&at| chosen[at].frame).max().unwrap_or(0);
        for frame in 0..=last {
            let Some(window) = stream.next_window()? else { break };
            let now: Vec<usize> = wanted.iter().copied().filter(|&at| chosen[at].frame == frame).collect();
            if now.is_empty() {
                continue;
            }
            let (input, time_s) = (window.input.to_vec(), window.time_s);
            let pictures = self.pictures(&input, &stream, &picture)?;
            for at in now {
                let Chosen { kind, score, clip, .. } = chosen[at];
                let name = results[clip].name.clone();
                moments[at] = Some(Moment { kind, clip: name, frame, time_s, score, pictures: pictures.clone() });
            }
        }
        Ok(())
    }

    fn pictures(&mut self, input: &[f32], stream: &WindowStream, picture: &PictureSettings) -> Result<Vec<Captioned>, CommandError> {
        let (Some(frame), Some(geometry)) = (stream.frame(), stream.geometry()) else { return Ok(Vec::new()) };
        let shown = displayed(frame)?;
        let mut forward = Forward::new(self.engine, &self.opened.config, stream.shape(), 1);
        forward.push(input);
        let scores = forward.run();
        let placement = Placement::new((picture.height, picture.width), &geometry);
        let mut canvas = Vec::new();
        let map = placement.place(&scores.residual_maps, &mut canvas);
        let heated = blend(&shown, map.values, map.rows, map.cols, self.calibration.display);
        let channels = stream.shape().channels();
        let latest: Vec<f32> =
            scores.reconstruction.chunks_exact(channels).flat_map(|pixel| &pixel[channels - picture.channels..]).copied().collect();
        let rebuilt = Picture::from_signed(picture.height, picture.width, picture.channels, &latest);
        let captioned = |caption: &str, picture: Picture| Captioned { caption: caption.into(), picture };
        Ok(vec![captioned("frame", shown), captioned("reconstruction", rebuilt), captioned("anomaly map", heated)])
    }
}

/// The frame as displayed, at most [`LARGEST`] pixels a side.
pub(super) fn displayed(frame: &Frame) -> Result<Picture, CommandError> {
    let (width, height) = frame.displayed_size();
    let target = Target { width, height, channels: Channels::Rgb, filter: Filter::Area, fit: Fit::Stretch };
    let told = |source| crate::data::DataError::Resize { clip: "report".into(), frame: frame.index, source };
    let planes = Resizer::new(target).and_then(|mut resizer| resizer.resize(frame)).map_err(told)?;
    let area = width as usize * height as usize;
    let rgb = (0..area).flat_map(|pixel| [planes[pixel], planes[area + pixel], planes[2 * area + pixel]]).collect();
    Ok(Picture::new(height as usize, width as usize, rgb).shrunk(LARGEST))
}
