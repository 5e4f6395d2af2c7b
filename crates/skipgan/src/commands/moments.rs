//! The frames that a report shows: chosen by score and label, read again from the data and scored again, with reconstruction and map.

use super::CommandError;
use super::detector::Opened;
use super::reading::Reading;
use crate::calibration::Calibration;
use crate::config::Sees;
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
        let mut forward = Forward::new(self.engine, &self.opened.config, &sight, 1);
        forward.begin_clip(0);
        let before = looked_back(self.opened.config.picture_memory);
        let last = wanted.iter().map(|&at| chosen[at].frame).max().unwrap_or(0);
        for frame in 0..=last {
            let Some(window) = stream.next_window()? else { break };
            let now: Vec<usize> = wanted.iter().copied().filter(|&at| chosen[at].frame == frame).collect();
            let soon = wanted.iter().any(|&at| (frame..=frame + before).contains(&chosen[at].frame));
            let asked = window.status != FrameStatus::Repeated && !window.skipped;
            if now.is_empty() && !(soon && asked) {
                continue;
            }
            forward.push(window.window);
            if now.is_empty() {
                forward.run(&mut |_| Ok::<(), CommandError>(()))?;
                continue;
            }
            let (seen, time_s, warmup) = (window.window.clone(), window.time_s, window.warmup);
            let pictures = pictures(&mut forward, self.calibration, &seen, warmup, &stream)?;
            for at in now {
                let Chosen { kind, score, clip, .. } = chosen[at];
                let name = results[clip].name.clone();
                moments[at] = Some(Moment { kind, clip: name, frame, time_s, score, pictures: pictures.clone() });
            }
        }
        Ok(())
    }
}

/// Frames before a moment that its map still shows: what they leave of it is at least 1/256.
fn looked_back(memory: f64) -> usize {
    if memory > 0.0 { (256f64.ln() / -memory.ln()).ceil() as usize } else { 0 }
}

/// The pictures of the window that `forward` holds, which is `seen`.
fn pictures(
    forward: &mut Forward<'_>,
    calibration: &Calibration,
    seen: &Windows,
    warmup: bool,
    stream: &WindowStream,
) -> Result<Vec<Captioned>, CommandError> {
    let (Some(frame), Some(geometry)) = (stream.frame(), stream.geometry()) else { return Ok(Vec::new()) };
    let mut pictures = vec![captioned("frame", displayed(frame)?)];
    let (sees, way) = (stream.sight().sees, Shown::of(stream.sight()));
    forward.run(&mut |measured| {
        let mut map = Vec::new();
        score_map(&calibration.basis, &calibration.terms, measured.maps, warmup, &mut map);
        let placement = Placement::new((measured.maps.rows, measured.maps.cols), &geometry);
        let mut canvas = Vec::new();
        let map = placement.place(&map, &mut canvas);
        let heated = blend(&pictures[0].picture, map.values, map.rows, map.cols, calibration.display);
        let channels = seen.channels().target;
        let drawn = |values: &[f32], way: Shown| {
            let pixels = values.chunks_exact(channels).flat_map(|pixel| way.colour(pixel)).collect();
            Picture::new(seen.height(), seen.width(), pixels)
        };
        match sees {
            Sees::Frames => pictures.push(captioned("reconstruction", drawn(measured.reconstruction, way))),
            Sees::Motion => {}
            Sees::Restore | Sees::Still => pictures.push(captioned("what belongs here", drawn(measured.reconstruction, way))),
        }
        if sees.motion() {
            pictures.push(captioned("motion", drawn(measured.target, Shown::Motion)));
            pictures.push(captioned("usual motion", drawn(measured.reconstruction, Shown::Motion)));
        }
        pictures.push(captioned("anomaly map", heated));
        Ok::<(), CommandError>(())
    })?;
    Ok(pictures)
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
