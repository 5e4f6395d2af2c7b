//! The scores of a clip, frame by frame as it is decoded: causal, in order, with bounded memory whatever the length.

use super::anomaly::{Anomaly, score_map};
use super::error::ScoreError;
use super::forward::Forward;
use super::map::{MapView, Placement};
use super::terms::Measured;
use crate::calibration::{Basis, Calibration};
use crate::config::Config;
use crate::data::ahead::{Supply, ahead};
use crate::data::compose::Composer;
use crate::data::pictures::{Material, Moment};
use crate::data::window::FrameStatus;
use crate::data::{Sight, WindowStream};
use crate::model::engine::Engine;
use crate::stages::StageClock;
use kernels::Pool;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use video::Geometry;

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
    /// A, calibrated.
    pub a: f64,
    /// R̃ of the picture, where G restores it.
    pub picture: Option<f64>,
    /// Ũ, where the network sees motion.
    pub motion: Option<f64>,
    /// P̃, where the network sees motion.
    pub place: Option<f64>,
    /// The calibrated score: A, or S.
    pub score: f64,
    /// Whether two of the last three analysed frames reach the threshold; never for a repeated frame or in a scene change.
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
    pool: Option<Arc<Pool>>,
    /// What the next windows of the batch will be made of.
    material: Vec<Material>,
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
    /// Name and geometry, at the first frame of a clip.
    begins: Option<(String, Geometry)>,
}

/// What is carried from frame to frame of one clip, and never across its border.
struct ClipState<'a> {
    name: String,
    geometry: Geometry,
    anomaly: Anomaly<'a>,
    last: Option<FrameScore>,
    /// The last frame's map, and its rows and columns.
    map: Vec<f32>,
    size: (usize, usize),
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
        sight: &Sight,
        batch: usize,
    ) -> Result<Scorer<'a>, ScoreError> {
        if let Some(key) = calibration.basis.difference(&Basis::of(config)) {
            return Err(ScoreError::OtherBasis { key });
        }
        let forward = Forward::new(engine, config, sight, batch);
        Ok(Scorer { forward, pool: None, material: Vec::new(), calibration, waiting: VecDeque::new(), clip: None, canvas: Vec::new() })
    }

    /// Divides the work among the threads of `pool`, which should be the engine's: one decodes while the others have the network to compute, and all find
    /// the motion of several frames side by side, make their windows and measure them. Live sources are always read in turn. Changes no bit of any score.
    pub fn use_pool(&mut self, pool: Arc<Pool>) {
        self.forward.use_pool(Arc::clone(&pool));
        self.pool = Some(pool);
    }

    /// Counts from now on how long network, terms and output compute.
    pub fn time_stages(&mut self) {
        self.forward.time_stages();
    }

    /// What has been counted.
    pub fn stages(&self) -> &StageClock {
        self.forward.stages()
    }

    /// Scores every frame of a clip. A source that breaks off after frames were had ends the clip there, and that is told: what could be
    /// read is scored. With `bn_test = batch` the last frames wait for the next clip's or for
    /// [`Scorer::finish`]: batches of the published test cross clips.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn score_clip(&mut self, name: &str, stream: &mut WindowStream, sink: &mut dyn Sink) -> Result<ClipEnd, ScoreError> {
        let live = stream.source().info().live;
        match self.pool.clone().filter(|pool| pool.threads() > 1 && !live) {
            Some(pool) => {
                stream.use_pool(Arc::clone(&pool));
                let (pictures, composer) = stream.parts();
                ahead(pictures, &pool, |mut moments| self.score_moments(name, &mut moments, composer, sink))
            }
            None => {
                let (pictures, composer) = stream.parts();
                self.score_moments(name, &mut Supply::InTurn(pictures), composer, sink)
            }
        }
    }

    /// Every moment of a clip. Where that fails, nothing of the clip is left behind for the next.
    fn score_moments(
        &mut self,
        name: &str,
        moments: &mut Supply<'_>,
        composer: &mut Composer,
        sink: &mut dyn Sink,
    ) -> Result<ClipEnd, ScoreError> {
        let end = self.take_moments(name, moments, composer, sink);
        if end.is_err() {
            self.material.clear();
            self.waiting.clear();
            self.forward.drop_held();
        }
        end
    }

    fn take_moments(
        &mut self,
        name: &str,
        moments: &mut Supply<'_>,
        composer: &mut Composer,
        sink: &mut dyn Sink,
    ) -> Result<ClipEnd, ScoreError> {
        let (mut frames, mut broke_off) = (0, None);
        // The first scores come soon: batches grow from one frame on, where a frame's numbers do not depend on them.
        let whole = self.forward.capacity();
        let mut batch = if self.forward.mixes_windows() { whole } else { 1 };
        loop {
            let begins = frames == 0;
            let moment = match moments.next_moment() {
                Ok(Some(moment)) => moment,
                Ok(None) => break,
                Err(error) if frames > 0 && error.is_a_source_breaking_off() => {
                    broke_off = Some(error.to_string());
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let asked = begins || (moment.status != FrameStatus::Repeated && !moment.skipped);
            sink.frame(&moment.frame);
            if begins {
                self.forward.begin_clip(self.held());
            }
            let begins = begins.then(|| (name.to_owned(), moment.geometry));
            self.waiting.push_back(Waiting { begins, ..Waiting::new(&moment, asked) });
            if asked || moment.material.pair.is_some() {
                self.material.push(Material { wanted: asked, ..moment.material });
            }
            frames += 1;
            // Repeated frames cost no place in the batch: they go out at once where nothing waits before them, and never pile up.
            let held = self.held();
            if held >= batch || held == 0 || self.waiting.len() >= 256 {
                self.compose(moments, composer)?;
                self.run(sink)?;
                batch = (2 * batch).min(whole);
            }
        }
        self.compose(moments, composer)?;
        if !self.forward.mixes_windows() {
            self.run(sink)?;
        }
        Ok(ClipEnd { frames, broke_off })
    }

    /// Windows of the batch, those that are still to be made included.
    fn held(&self) -> usize {
        self.forward.held() + self.material.iter().filter(|material| material.wanted).count()
    }

    /// Makes the windows that are still to be made. From the fields on one thread can do without the others: the coming pictures are made meanwhile.
    fn compose(&mut self, moments: &mut Supply<'_>, composer: &mut Composer) -> Result<(), ScoreError> {
        composer.add_and(&self.material, &mut || moments.go_ahead(), self.forward.windows_mut())?;
        self.material.clear();
        Ok(())
    }

    /// Scores what still waits.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), ScoreError> {
        self.run(sink)
    }

    /// Scores the batch and gives every waiting frame its row, repeated ones the last score.
    fn run(&mut self, sink: &mut dyn Sink) -> Result<(), ScoreError> {
        let (mut waiting, mut canvas) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.canvas));
        let (calibration, clip) = (self.calibration, &mut self.clip);
        let mut give = |waiting: Waiting, measured: Option<&Measured<'_>>| {
            if let Some((name, geometry)) = waiting.begins.clone() {
                *clip = Some(ClipState { name, geometry, anomaly: Anomaly::new(calibration), last: None, map: Vec::new(), size: (0, 0) });
            }
            let Some(clip) = clip.as_mut() else { return Ok(()) };
            let row = match measured {
                Some(measured) => clip.row(&waiting, measured, calibration)?,
                None => clip.repeat(&waiting),
            };
            let map = Placement::new(clip.size, &clip.geometry).place(&clip.map, &mut canvas);
            sink.score(&row, &map).map_err(told)
        };
        self.forward.run(&mut |measured| {
            while waiting.front().is_some_and(|next| !next.asked) {
                if let Some(repeated) = waiting.pop_front() {
                    give(repeated, None)?;
                }
            }
            waiting.pop_front().map_or(Ok(()), |asked| give(asked, Some(measured)))
        })?;
        waiting.drain(..).try_for_each(|repeated| give(repeated, None))?;
        self.canvas = canvas;
        Ok(())
    }
}

/// The error of a sink; one that says "interrupted" is the user's.
fn told(error: io::Error) -> ScoreError {
    if error.kind() == io::ErrorKind::Interrupted { ScoreError::Interrupted } else { ScoreError::Sink(error) }
}

impl Waiting {
    fn new(moment: &Moment, asked: bool) -> Waiting {
        Waiting { frame: moment.index, time_s: moment.time_s, status: moment.status, warmup: moment.warmup, asked, begins: None }
    }
}

impl ClipState<'_> {
    fn row(&mut self, waiting: &Waiting, measured: &Measured<'_>, calibration: &Calibration) -> Result<FrameScore, ScoreError> {
        let judged = self.anomaly.next(measured.terms, waiting.warmup, waiting.status.can_alarm());
        self.size = (measured.maps.rows, measured.maps.cols);
        score_map(&calibration.basis, &calibration.terms, measured.maps, waiting.warmup, &mut self.map);
        let finite = judged.raw.is_finite() && judged.calibrated.score.is_finite() && self.map.iter().all(|value| value.is_finite());
        if !finite {
            return Err(ScoreError::NotFinite { clip: self.name.clone(), frame: waiting.frame });
        }
        let row = FrameScore {
            clip: self.name.clone(),
            frame: waiting.frame,
            time_s: waiting.time_s,
            status: waiting.status,
            recon: judged.terms.recon,
            latent: judged.terms.latent,
            score_raw: judged.raw,
            a: judged.calibrated.a,
            picture: judged.calibrated.picture,
            motion: judged.calibrated.motion,
            place: judged.calibrated.place,
            score: judged.calibrated.score,
            alarm: judged.alarm,
            warmup: waiting.warmup,
        };
        self.last = Some(row.clone());
        Ok(row)
    }

    /// The last frame's numbers under this frame's name.
    fn repeat(&self, waiting: &Waiting) -> FrameScore {
        let last = self.last.clone().expect("the first frame of a clip is always asked");
        let alarm = last.alarm && waiting.status.can_alarm();
        FrameScore { frame: waiting.frame, time_s: waiting.time_s, status: waiting.status, warmup: waiting.warmup, alarm, ..last }
    }
}
