//! The frames that a report shows: chosen by score and label, read again from the data and scored again, with reconstruction and map.

use super::CommandError;
use super::detector::Opened;
use super::reading::Reading;
use crate::calibration::Calibration;
use crate::config::{Config, Sees};
use crate::data::window::FrameStatus;
use crate::data::{Clip, Sight, WindowStream, Windows};
use crate::model::engine::Engine;
use crate::report::heat::blend;
use crate::report::html::{Captioned, Chosen, ClipResult, Moment};
use crate::report::picture::Picture;
use crate::score::anomaly::score_map;
use crate::score::forward::Forward;
use crate::score::map::Placement;
use crate::train::samples::Shown;
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
        let checkpoint = &self.opened.checkpoint;
        let sight = Sight::new(&self.opened.config, checkpoint.height, checkpoint.width, checkpoint.usual.clone());
        let mut stream = WindowStream::open(clip, &self.reading.open, &sight)?;
        let reach = looked_back(&self.opened.config) * sight.picture.every(stream.source().info().frame_rate) as usize;
        let mut forward = Forward::new(self.engine, &self.opened.config, &sight, 1);
        forward.begin_clip(0);
        let mut looked = None;
        let last = wanted.iter().map(|&at| chosen[at].frame).max().unwrap_or(0);
        for frame in 0..=last {
            let Some(window) = stream.next_window()? else { break };
            let now: Vec<usize> = wanted.iter().copied().filter(|&at| chosen[at].frame == frame).collect();
            let soon = wanted.iter().any(|&at| (frame..=frame + reach).contains(&chosen[at].frame));
            // A frame that scoring passes over has the map of the one before.
            let asked = window.status != FrameStatus::Repeated && !window.skipped;
            if soon && (asked || looked.is_none()) {
                looked = Some(look(&mut forward, self.calibration, window.window, window.warmup)?);
            }
            let (Some(looked), false) = (&looked, now.is_empty()) else { continue };
            let time_s = window.time_s;
            let pictures = looked.pictures(self.calibration, &stream)?;
            for at in now {
                let Chosen { kind, score, clip, .. } = chosen[at];
                let name = results[clip].name.clone();
                moments[at] = Some(Moment { kind, clip: name, frame, time_s, score, pictures: pictures.clone() });
            }
        }
        Ok(())
    }
}

/// Analysed frames before a moment that its map still shows: what they leave of it is at least 1/256.
fn looked_back(config: &Config) -> usize {
    let remembers = config.sees == Sees::Restore && config.local && config.picture_memory > 0.0;
    if remembers { (256f64.ln() / -config.picture_memory.ln()).ceil() as usize } else { 0 }
}

/// What scoring made of a frame.
struct Looked {
    window: Windows,
    reconstruction: Vec<f32>,
    map: Vec<f32>,
    /// Rows and columns of the map.
    size: (usize, usize),
}

/// Scores a window after those that `forward` has seen.
fn look(forward: &mut Forward<'_>, calibration: &Calibration, window: &Windows, warmup: bool) -> Result<Looked, CommandError> {
    let mut looked = Looked { window: window.clone(), reconstruction: Vec::new(), map: Vec::new(), size: (0, 0) };
    forward.push(window);
    forward.run(&mut |measured| {
        score_map(&calibration.basis, &calibration.terms, measured.maps, warmup, &mut looked.map);
        looked.size = (measured.maps.rows, measured.maps.cols);
        looked.reconstruction.extend_from_slice(measured.reconstruction);
        Ok::<(), CommandError>(())
    })?;
    Ok(looked)
}

impl Looked {
    /// Its pictures, beside the frame that the stream is at.
    fn pictures(&self, calibration: &Calibration, stream: &WindowStream) -> Result<Vec<Captioned>, CommandError> {
        let (Some(frame), Some(geometry)) = (stream.frame(), stream.geometry()) else { return Ok(Vec::new()) };
        let mut pictures = vec![captioned("frame", displayed(frame)?)];
        let (sees, way) = (stream.sight().sees, Shown::of(stream.sight()));
        let mut canvas = Vec::new();
        let map = Placement::new(self.size, &geometry).place(&self.map, &mut canvas);
        let heated = blend(&pictures[0].picture, map.values, map.rows, map.cols, calibration.display);
        let channels = self.window.channels().target;
        let drawn = |values: &[f32], way: Shown| {
            let pixels = values.chunks_exact(channels).flat_map(|pixel| way.colour(pixel)).collect();
            Picture::new(self.window.height(), self.window.width(), pixels)
        };
        match sees {
            Sees::Frames => pictures.push(captioned("reconstruction", drawn(&self.reconstruction, way))),
            Sees::Motion => {}
            Sees::Restore | Sees::Still => pictures.push(captioned("what belongs here", drawn(&self.reconstruction, way))),
        }
        if sees.motion() {
            pictures.push(captioned("motion", drawn(self.window.target(), Shown::Motion)));
            pictures.push(captioned("usual motion", drawn(&self.reconstruction, Shown::Motion)));
        }
        pictures.push(captioned("anomaly map", heated));
        Ok(pictures)
    }
}

fn captioned(caption: &str, picture: Picture) -> Captioned {
    Captioned { caption: caption.into(), picture }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_remembers_looks_back() {
        let video = Config::preset("video").expect("there");
        let frames = looked_back(&video);
        assert!(video.picture_memory.powi(frames as i32) <= 1.0 / 256.0 && video.picture_memory.powi(frames as i32 - 1) > 1.0 / 256.0);
        assert_eq!(looked_back(&Config { picture_memory: 0.0, ..video }), 0);
        assert_eq!(["official", "motion"].map(|name| looked_back(&Config::preset(name).expect("there"))), [0, 0]);
    }
}
