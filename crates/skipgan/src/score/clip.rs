//! The scores of a clip, frame by frame as it is decoded: causal, in order, with bounded memory whatever the length.

use super::anomaly::Anomaly;
use super::error::ScoreError;
use super::forward::Forward;
use super::map::{MapView, Placement};
use crate::calibration::{Basis, Calibration};
use crate::config::Config;
use crate::data::window::{FrameStatus, StreamedWindow};
use crate::data::{WindowShape, WindowStream};
use crate::model::engine::Engine;
use std::collections::VecDeque;
use std::io;

/// One row of a score file (EVALUATION.md §5).
#[derive(Clone, Debug, PartialEq)]
pub struct FrameScore {
    /// The clip.
    pub clip: String,
    /// Frame of the clip, from 0.
    pub frame: u64,
    /// Time since the first frame in seconds, where known.
    pub time_s: Option<f64>,
    /// What the frame is worth.
    pub status: FrameStatus,
    /// R.
    pub recon: f64,
    /// L.
    pub latent: f64,
    /// λR + (1−λ)L.
    pub score_raw: f64,
    /// The calibrated score.
    pub score: f64,
    /// Whether two of the last three analysed frames reach the threshold; never for a repeated frame.
    pub alarm: bool,
    /// Whether the window reaches before the clip's start.
    pub warmup: bool,
}

/// Who takes the scores.
pub trait Sink {
    /// A frame as it was decoded, before its score is known: overlays keep it (at most a batch of them are under way).
    fn frame(&mut self, frame: &video::Frame) {
        let _ = frame;
    }

    /// A frame's score and the map of the whole displayed frame. Frames come in order.
    ///
    /// # Errors
    /// What writing says; scoring stops with it.
    fn score(&mut self, score: &FrameScore, map: &MapView<'_>) -> io::Result<()>;
}

impl<F: FnMut(&FrameScore, &MapView<'_>)> Sink for F {
    fn score(&mut self, score: &FrameScore, map: &MapView<'_>) -> io::Result<()> {
        self(score, map);
        Ok(())
    }
}

/// How a clip ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipEnd {
    /// Frames scored.
    pub frames: u64,
    /// Why its source could not be read to the end, where it could not.
    pub broke_off: Option<String>,
}

/// Scores clips one after another.
pub struct Scorer<'a> {
    forward: Forward<'a>,
    calibration: &'a Calibration,
    waiting: VecDeque<Waiting>,
    clip: Option<ClipState<'a>>,
    canvas: Vec<f32>,
}

/// A frame whose turn has not come.
struct Waiting {
    frame: u64,
    time_s: Option<f64>,
    status: FrameStatus,
    warmup: bool,
    /// Whether it is in the batch; else it takes the last frame's score.
    asked: bool,
    /// Name and placement, at the first frame of a clip.
    begins: Option<(String, Placement)>,
}

/// What is carried from frame to frame of one clip, and never across its border.
struct ClipState<'a> {
    name: String,
    placement: Placement,
    anomaly: Anomaly<'a>,
    last: Option<FrameScore>,
    last_map: Vec<f32>,
}

impl<'a> Scorer<'a> {
    /// A scorer with the settings of `config`; `batch` as in [`Forward::new`] (1 for a live source: a row a frame).
    ///
    /// # Errors
    /// [`ScoreError::OtherBasis`] where the calibration was made with other settings.
    pub fn new(
        engine: &'a mut dyn Engine,
        config: &Config,
        calibration: &'a Calibration,
        shape: WindowShape,
        batch: usize,
    ) -> Result<Scorer<'a>, ScoreError> {
        if let Some(key) = calibration.basis.difference(&Basis::of(config)) {
            return Err(ScoreError::OtherBasis { key });
        }
        let forward = Forward::new(engine, config, shape, batch);
        Ok(Scorer { forward, calibration, waiting: VecDeque::new(), clip: None, canvas: Vec::new() })
    }

    /// Scores every frame of a clip. A source that breaks off after frames were had ends the clip there, and that is told: what could be
    /// read is scored. With `bn_test = batch` the last frames wait for the next clip's or for
    /// [`Scorer::finish`]: batches of the published test cross clips.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn score_clip(&mut self, name: &str, stream: &mut WindowStream, sink: &mut dyn Sink) -> Result<ClipEnd, ScoreError> {
        let size = (self.forward.shape().height, self.forward.shape().width);
        let (mut frames, mut broke_off) = (0, None);
        loop {
            let begins = frames == 0;
            let window = match stream.next_window() {
                Ok(Some(window)) => window,
                Ok(None) => break,
                Err(error) if frames > 0 && error.is_a_source_breaking_off() => {
                    broke_off = Some(error.to_string());
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let asked = window.status != FrameStatus::Repeated || begins;
            let waiting = Waiting::new(&window, asked);
            if asked {
                self.forward.push(window.input);
            }
            self.waiting.push_back(waiting);
            if let Some(frame) = stream.frame() {
                sink.frame(frame);
            }
            if begins && let (Some(last), Some(geometry)) = (self.waiting.back_mut(), stream.geometry()) {
                last.begins = Some((name.to_owned(), Placement::new(size, &geometry)));
            }
            frames += 1;
            // Repeated frames cost no place in the batch: they go out at once where nothing waits before them, and never pile up.
            if self.forward.is_full() || self.forward.held() == 0 || self.waiting.len() >= 256 {
                self.run(sink)?;
            }
        }
        if !self.forward.mixes_windows() {
            self.run(sink)?;
        }
        Ok(ClipEnd { frames, broke_off })
    }

    /// Scores what still waits.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), ScoreError> {
        self.run(sink)
    }

    fn run(&mut self, sink: &mut dyn Sink) -> Result<(), ScoreError> {
        let pixels = self.forward.shape().height * self.forward.shape().width;
        let none = Default::default();
        let scores = if self.forward.held() > 0 { self.forward.run() } else { &none };
        let mut image = 0;
        while let Some(waiting) = self.waiting.pop_front() {
            if let Some((name, placement)) = waiting.begins.clone() {
                let anomaly = Anomaly::new(self.calibration);
                self.clip = Some(ClipState { name, placement, anomaly, last: None, last_map: Vec::new() });
            }
            let Some(clip) = self.clip.as_mut() else { continue };
            let row = if waiting.asked {
                let map = &scores.residual_maps[image * pixels..(image + 1) * pixels];
                let row = clip.row(&waiting, scores.residual[image], scores.latent[image], map)?;
                image += 1;
                row
            } else {
                clip.repeat(&waiting)
            };
            let map = clip.placement.place(&clip.last_map, &mut self.canvas);
            sink.score(&row, &map).map_err(told)?;
        }
        Ok(())
    }
}

/// The error of a sink; one that says "interrupted" is the user's.
fn told(error: io::Error) -> ScoreError {
    if error.kind() == io::ErrorKind::Interrupted { ScoreError::Interrupted } else { ScoreError::Sink(error) }
}

impl Waiting {
    fn new(window: &StreamedWindow<'_>, asked: bool) -> Waiting {
        Waiting { frame: window.index, time_s: window.time_s, status: window.status, warmup: window.warmup, asked, begins: None }
    }
}

impl ClipState<'_> {
    fn row(&mut self, waiting: &Waiting, recon: f64, latent: f64, map: &[f32]) -> Result<FrameScore, ScoreError> {
        if !recon.is_finite() || !latent.is_finite() || map.iter().any(|value| !value.is_finite()) {
            return Err(ScoreError::NotFinite { clip: self.name.clone(), frame: waiting.frame });
        }
        let (score_raw, score, alarm) = self.anomaly.next(recon, latent);
        let row = FrameScore {
            clip: self.name.clone(),
            frame: waiting.frame,
            time_s: waiting.time_s,
            status: waiting.status,
            recon,
            latent,
            score_raw,
            score,
            alarm: alarm && waiting.status != FrameStatus::Repeated,
            warmup: waiting.warmup,
        };
        self.last = Some(row.clone());
        self.last_map.clear();
        self.last_map.extend_from_slice(map);
        Ok(row)
    }

    /// The last frame's numbers under this frame's name.
    fn repeat(&self, waiting: &Waiting) -> FrameScore {
        let last = self.last.clone().expect("the first frame of a clip is always asked");
        FrameScore { frame: waiting.frame, time_s: waiting.time_s, status: waiting.status, warmup: waiting.warmup, alarm: false, ..last }
    }
}
