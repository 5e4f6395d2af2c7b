//! Overlay videos: what the camera saw, where it was unusual, and how much, in one moving picture.
//!
//! An [`Overlay`] takes frames as they are decoded and scores as they are known (it is a [`Sink`]), composes a picture for each and
//! hands it to the writers of `video`: `.avi` is built in, `.mp4` needs ffmpeg and says so. One clip becomes one file, several a folder.
//! Colours and scales come from the calibration, so films of one run can be compared.

mod compose;
mod files;
mod font;

pub use compose::{OverlayFrame, OverlayScale};
pub use files::{OverlayPlace, file_name};

use crate::localise::{Plane, regions_above};
use crate::report::picture::Picture;
use crate::score::{FrameScore, MapView, Sink};
use compose::History;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;
use video::write::{Pixels, VideoWriter, WriteError, WriteOptions};
use video::{Channels, Filter, Fit, Frame, ResizeError, Resizer, Target, TimeBase};

/// Frames wider or higher than this are shrunk to it.
const LARGEST: u32 = 960;
/// Frames narrower than this are doubled.
const SMALLEST: u32 = 480;
/// Boxes of a frame at most, the strongest.
const BOXES: usize = 12;
/// Rate of a clip that states none.
const DEFAULT_RATE: f64 = 10.0;

/// What is known of a clip before it is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClipFacts {
    /// Its number of frames; the curve then shows it whole.
    pub frames: Option<u64>,
    /// Its frames a second; else 10.
    pub frames_per_second: Option<f64>,
}

/// Why an overlay cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverlayError {
    /// The video writer's answer.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An ending of something that is not written here.
    #[error("{path}: overlays are written as .avi (built in) or .mp4 (through ffmpeg), not .{ending}; name such a file, or a folder without an ending for several clips", path = .path.display())]
    Ending {
        /// What was named.
        path: std::path::PathBuf,
        /// Its ending.
        ending: String,
    },
    /// A folder that cannot be made.
    #[error("{path}: the folder for overlays cannot be made: {source}; name another with --overlay", path = .path.display())]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A frame that cannot be brought to the film's size.
    #[error("overlay of {clip}: {source}")]
    Resize {
        /// The clip.
        clip: String,
        /// The resizer's answer.
        source: ResizeError,
    },
    /// A score whose frame was not handed in before.
    #[error("overlay of {clip}: frame {frame} was scored but its picture is not at hand")]
    NoPicture {
        /// The clip.
        clip: String,
        /// The frame.
        frame: u64,
    },
}

/// Writes overlays of the clips whose frames and scores it is given, one clip after the other.
pub struct Overlay {
    place: OverlayPlace,
    scale: OverlayScale,
    facts: BTreeMap<String, ClipFacts>,
    resizer: Option<Resizer>,
    waiting: VecDeque<Result<Picture, ResizeError>>,
    film: Option<Film>,
}

/// The film of the clip at hand.
struct Film {
    clip: String,
    size: (usize, usize),
    history: History,
    writer: Box<dyn VideoWriter>,
}

impl Overlay {
    /// Overlays at `place`; `facts` by clip name, where known.
    pub fn new(place: OverlayPlace, scale: OverlayScale, facts: BTreeMap<String, ClipFacts>) -> Self {
        Self { place, scale, facts, resizer: None, waiting: VecDeque::new(), film: None }
    }

    /// Where the films lie: the file, or the folder of several.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Keeps a decoded frame until its score is known.
    pub fn keep(&mut self, frame: &Frame) {
        let picture = self.picture(frame);
        self.waiting.push_back(picture);
    }

    /// Composes and writes the frame that was kept first.
    ///
    /// # Errors
    /// [`OverlayError`].
    pub fn show(&mut self, frame: &OverlayFrame<'_>) -> Result<(), OverlayError> {
        let clip = || frame.clip.to_owned();
        let kept = self.waiting.pop_front().ok_or_else(|| OverlayError::NoPicture { clip: clip(), frame: frame.frame })?;
        let picture = kept.map_err(|source| OverlayError::Resize { clip: clip(), source })?;
        if self.film.as_ref().is_none_or(|film| film.clip != frame.clip) {
            self.finish_film()?;
            self.film = Some(self.begin_film(frame.clip, &picture)?);
        }
        let Some(film) = &mut self.film else { return Ok(()) };
        film.history.push(frame.score, frame.alarm);
        let whole = compose::compose(&film.fitted(picture), frame, &film.history, &self.scale);
        film.writer.write(Pixels::Rgb(&whole.rgb))?;
        Ok(())
    }

    /// Takes a score, as a [`Sink`] does: composes and writes the frame that was kept first, with the strongest regions boxed.
    ///
    /// # Errors
    /// [`OverlayError`].
    pub fn take(&mut self, score: &FrameScore, map: &MapView<'_>) -> Result<(), OverlayError> {
        let boxes = self.scale.tau0.map(|tau0| strongest_boxes(map, tau0)).unwrap_or_default();
        self.show(&OverlayFrame {
            clip: &score.clip,
            frame: score.frame,
            time_s: score.time_s,
            score: score.score,
            alarm: score.alarm,
            map: map.values,
            rows: map.rows,
            cols: map.cols,
            boxes: &boxes,
        })
    }

    /// Completes the last film.
    ///
    /// # Errors
    /// [`OverlayError::Write`].
    pub fn finish(mut self) -> Result<(), OverlayError> {
        self.finish_film()
    }

    fn finish_film(&mut self) -> Result<(), OverlayError> {
        self.film.take().map_or(Ok(()), |film| film.writer.finish().map_err(OverlayError::from))
    }

    fn begin_film(&mut self, clip: &str, picture: &Picture) -> Result<Film, OverlayError> {
        let facts = self.facts.get(clip).copied().unwrap_or_default();
        let rate = facts.frames_per_second.and_then(TimeBase::from_fps).or_else(|| TimeBase::from_fps(DEFAULT_RATE));
        let frame_time = rate.unwrap_or(TimeBase { numerator: 1, denominator: 10 });
        let height = compose::HEAD + picture.height + compose::STRIP;
        let mut options = WriteOptions::new(picture.width as u32, height as u32, frame_time);
        options.ffmpeg = self.place.ffmpeg.clone();
        let writer = video::write::create(&self.place.file(clip)?, &options)?;
        Ok(Film { clip: clip.into(), size: (picture.height, picture.width), history: History::new(facts.frames), writer })
    }

    /// The frame as shown, at the film's size.
    fn picture(&mut self, frame: &Frame) -> Result<Picture, ResizeError> {
        let (width, height) = film_size(frame.displayed_size());
        let target = Target { width, height, channels: Channels::Rgb, filter: Filter::Area, fit: Fit::Stretch };
        if self.resizer.as_ref().is_none_or(|resizer| *resizer.target() != target) {
            self.resizer = Some(Resizer::new(target)?);
        }
        let planes = match &mut self.resizer {
            Some(resizer) => resizer.resize(frame)?,
            None => Vec::new(),
        };
        let (width, height) = (width as usize, height as usize);
        let area = width * height;
        let rgb = (0..area).flat_map(|i| [planes[i], planes[area + i], planes[2 * area + i]]).collect();
        Ok(Picture::new(height, width, rgb))
    }
}

impl Film {
    /// A frame of another size than the first keeps its corner: a film has one size.
    fn fitted(&self, picture: Picture) -> Picture {
        let (height, width) = self.size;
        if (picture.height, picture.width) == self.size {
            return picture;
        }
        let mut fitted = Picture::filled(height, width, [0; 3]);
        for y in 0..height.min(picture.height) {
            (0..width.min(picture.width)).for_each(|x| fitted.set(x, y, picture.at(x, y)));
        }
        fitted
    }
}

/// Columns and rows of the frame in the film: even, small frames doubled, large ones shrunk.
fn film_size((width, height): (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let longest = width.max(height);
    let even = |length: u64| u32::try_from((length / 2).max(1) * 2).unwrap_or(LARGEST);
    if longest <= u64::from(SMALLEST) {
        (even(width * 2), even(height * 2))
    } else if longest > u64::from(LARGEST) {
        (even(width * u64::from(LARGEST) / longest), even(height * u64::from(LARGEST) / longest))
    } else {
        (even(width), even(height))
    }
}

/// The strongest regions of a map above τ0, as boxes in map pixels.
pub fn strongest_boxes(map: &MapView<'_>, tau0: f64) -> Vec<[u32; 4]> {
    let plane = Plane::new(map.rows, map.cols, map.values.iter().map(|&value| f64::from(value)).collect());
    let mut regions = regions_above(&plane, tau0);
    regions.sort_by(|a, b| b.score.total_cmp(&a.score));
    regions.iter().take(BOXES).map(|region| region.bounds).map(|b| [b.x0, b.y0, b.x1, b.y1]).collect()
}

impl Sink for Overlay {
    fn frame(&mut self, frame: &Frame) {
        self.keep(frame);
    }

    fn score(&mut self, score: &FrameScore, map: &MapView<'_>) -> io::Result<()> {
        self.take(score, map).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::DisplayRange;
    use video::{Matrix, OpenOptions, Range};

    const FRAMES: u64 = 12;

    fn scale() -> OverlayScale {
        OverlayScale { heat: DisplayRange { low: 0.0, high: 1.0 }, threshold: 2.0, tau0: Some(0.5) }
    }

    fn grey_frame(level: u8) -> Frame {
        let grey = video::Plane::new(vec![level; 64 * 48], 64, 48).unwrap();
        Frame::still([grey, video::Plane::default(), video::Plane::default()], Range::Full, Matrix::Bt601)
    }

    fn row(clip: &str, frame: u64) -> FrameScore {
        FrameScore {
            clip: clip.into(),
            frame,
            time_s: Some(frame as f64 / 25.0),
            status: crate::data::window::FrameStatus::Ok,
            recon: 0.0,
            latent: 0.0,
            score_raw: 0.0,
            a: 0.0,
            picture: None,
            motion: None,
            place: None,
            score: frame as f64 / 3.0,
            alarm: frame > 6,
            warmup: false,
        }
    }

    /// Frames come a batch ahead of their scores, as while scoring.
    fn make(place: OverlayPlace, clips: &[&str]) {
        let facts = ClipFacts { frames: Some(FRAMES), frames_per_second: Some(25.0) };
        let mut overlay = Overlay::new(place, scale(), clips.iter().map(|clip| ((*clip).to_owned(), facts)).collect());
        for clip in clips {
            (0..FRAMES).for_each(|_| overlay.frame(&grey_frame(100)));
            for frame in 0..FRAMES {
                let mut values = [0.0f32; 12];
                values[5] = if frame > 6 { 2.0 } else { 0.0 };
                overlay.score(&row(clip, frame), &MapView { rows: 3, cols: 4, values: &values }).unwrap();
            }
        }
        overlay.finish().unwrap();
    }

    fn read_back(path: &Path) -> Vec<Frame> {
        let mut source = video::open(path, &OpenOptions::default()).unwrap();
        std::iter::from_fn(|| source.next().unwrap()).collect()
    }

    #[test]
    fn an_overlay_reads_back_with_heat_where_the_map_is_high() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/yet/there/overlay.avi");
        make(OverlayPlace::new(&path, 1, None).unwrap(), &["street"]);
        let frames = read_back(&path);
        assert_eq!(frames.len() as u64, FRAMES);
        assert_eq!((frames[0].width, frames[0].height), (128, (compose::HEAD + 96 + compose::STRIP) as u32));
        let luma = |frame: &Frame, x: u32, y: u32| i32::from(frame.y.row(y + compose::HEAD as u32).unwrap()[x as usize]);
        assert!((luma(&frames[0], 48, 48) - 100).abs() < 6, "a normal frame shows itself");
        assert!((luma(&frames[11], 48, 48) - 100).abs() > 40, "a hot pixel shows its heat");
        assert!((luma(&frames[11], 110, 80) - 100).abs() < 12);
        assert_eq!(frames[1].time_s(), Some(0.04));
    }

    #[test]
    fn several_clips_become_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("films");
        make(OverlayPlace::new(&path, 2, None).unwrap(), &["a/one", "two"]);
        assert_eq!(read_back(&path.join("a_one.avi")).len() as u64, FRAMES);
        assert_eq!(read_back(&path.join("two.avi")).len() as u64, FRAMES);
    }

    #[test]
    fn mp4_without_ffmpeg_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let place = OverlayPlace::new(&folder.path().join("a.mp4"), 1, Some("/nowhere/ffmpeg".into())).unwrap();
        let mut overlay = Overlay::new(place, scale(), BTreeMap::new());
        overlay.keep(&grey_frame(1));
        let message = overlay.score(&row("a", 0), &MapView { rows: 1, cols: 1, values: &[0.0] }).unwrap_err().to_string();
        assert!(message.contains("ffmpeg") && message.contains("write .avi"), "{message}");
    }

    #[test]
    fn a_score_without_its_picture_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let place = OverlayPlace::new(&folder.path().join("a.avi"), 1, None).unwrap();
        let mut overlay = Overlay::new(place, scale(), BTreeMap::new());
        let message = overlay.score(&row("a", 3), &MapView { rows: 1, cols: 1, values: &[0.0] }).unwrap_err().to_string();
        assert!(message.contains("frame 3 was scored"), "{message}");
    }

    #[test]
    fn films_have_even_sides_of_reasonable_length() {
        assert_eq!(film_size((360, 240)), (720, 480));
        assert_eq!(film_size((641, 361)), (640, 360));
        assert_eq!(film_size((3840, 2160)), (960, 540));
        assert_eq!(film_size((1, 100_000)), (2, 960));
    }
}
