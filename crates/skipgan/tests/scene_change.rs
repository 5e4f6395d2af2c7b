//! What marks a change of the scene itself, on small generated footage: each disturbance is seen soon, brought back, and ends as it should;
//! undisturbed footage is neither marked nor changed.

use skipgan::alarm_events::{Clock, Threshold};
use skipgan::calibration::{Basis, Calibration, DisplayRange, LATENT, MOTION, PLACE, RECON, Statistics, TOTAL};
use skipgan::config::{Config, ScoreChoice};
use skipgan::data::Sight;
use skipgan::data::scene::Script;
use skipgan::data::scene::{DisturbanceKind, Scene, SceneColour, SceneSettings};
use skipgan::data::scene_change::{SceneChange, Steadying};
use skipgan::data::view_fit::{View, ViewFitter};
use skipgan::score::{Detector, FrameScore, MapView};
use skipgan::usual::{Usual, UsualView};
use std::sync::{Arc, OnceLock};
use video::{Backend, DamageLog, Frame, FrameSource, Matrix, Plane, Range, SourceError, StreamInfo, TimeBase};

const FPS: usize = 5;
const ALL: Steadying = Steadying { detect: true, light: true, shift: true };

fn scene(disturbance: Option<DisturbanceKind>, frames: usize) -> Scene {
    let settings = SceneSettings {
        seed: 5,
        width: 192,
        height: 128,
        fps: FPS as u32,
        colour: SceneColour::Grey,
        train_clips: 6,
        train_frames: 60,
        test_clips: 2,
        normal_test_clips: 2,
        test_frames: frames,
        disturbance,
        ..SceneSettings::default()
    };
    Scene::new(settings).expect("a scene")
}

/// What is usual at that camera, from its training clips.
fn usual() -> &'static Arc<Usual> {
    static USUAL: OnceLock<Arc<Usual>> = OnceLock::new();
    USUAL.get_or_init(|| {
        let scene = scene(None, 60);
        let frames: Vec<Vec<u8>> = (0..6)
            .flat_map(|clip| {
                let script = scene.train(clip).expect("a training clip");
                (0..60).step_by(3).map(|frame| scene.frame(&script, frame).pixels).collect::<Vec<_>>()
            })
            .collect();
        let median = |pixel: usize| {
            let mut levels: Vec<u8> = frames.iter().map(|frame| frame[pixel]).collect();
            levels.sort_unstable();
            f32::from(levels[levels.len() / 2])
        };
        let background: Vec<f32> = (0..192 * 128).map(median).collect();
        let mut fitter = ViewFitter::new(&background, 128, 192);
        let fits: Vec<_> = frames.iter().map(|frame| fitter.fit(&real(frame), &View::SAME)).collect();
        let view = UsualView::of_fits(&fits);
        Arc::new(Usual { height: 128, width: 192, speed: 1.0, background, place: vec![1.0; 96 * 64], view })
    })
}

fn real(frame: &[u8]) -> Vec<f32> {
    frame.iter().map(|&value| f32::from(value)).collect()
}

struct Run {
    /// The frame with which the disturbance begins.
    begins: usize,
    marked: Vec<bool>,
    /// Mean difference from the background, as the frame comes and as it is handed on.
    before: Vec<f32>,
    after: Vec<f32>,
}

impl Run {
    fn marked(&self, from: usize, to: usize) -> usize {
        self.marked[from..to].iter().filter(|marked| **marked).count()
    }

    /// How much smaller the difference from the background becomes on marked frames.
    fn share_left(&self) -> f32 {
        let of = |values: &[f32]| values.iter().zip(&self.marked).filter(|(_, marked)| **marked).map(|(value, _)| value).sum::<f32>();
        of(&self.after) / of(&self.before)
    }
}

fn run(disturbance: Option<DisturbanceKind>, seconds: usize, doing: Steadying) -> Run {
    let scene = scene(disturbance, seconds * FPS);
    let script = scene.test(0).expect("a test clip");
    let mut change = SceneChange::new(doing, usual()).expect("what is usual is known");
    let begins = script.disturbance().map_or(0, |disturbance| disturbance.begins);
    let mut run = Run { begins, marked: Vec::new(), before: Vec::new(), after: Vec::new() };
    let off = |frame: &[u8]| {
        let sum: f32 = frame.iter().zip(&usual().background).map(|(&value, usual)| (f32::from(value) - usual).abs()).sum();
        sum / frame.len() as f32
    };
    let mut carried = Vec::new();
    for frame in 0..seconds * FPS {
        let mut plane = scene.frame(&script, frame).pixels;
        let came = plane.clone();
        run.before.push(off(&plane));
        let marked = change.take(frame as f64 / FPS as f64, &mut plane);
        assert!(marked || frame >= begins + 60 * FPS || plane == came, "frame {frame} is not marked, and yet changed");
        let shown = if change.before_background(&plane, &mut carried) { &carried } else { &plane };
        run.after.push(off(shown));
        run.marked.push(marked);
    }
    run
}

#[test]
fn undisturbed_footage_is_not_touched() {
    assert_eq!(run(None, 80, ALL).marked(0, 80 * FPS), 0);
}

#[test]
fn a_moved_camera_is_seen_at_once_and_becomes_usual_after_a_minute() {
    let run = run(Some(DisturbanceKind::Moved), 90, ALL);
    let (begins, minute) = (run.begins, 60 * FPS);
    assert_eq!(run.marked(0, begins), 0);
    assert!(run.marked(begins, begins + FPS) >= FPS - 1, "within a second");
    assert_eq!(run.marked(begins + FPS, begins + minute - FPS), minute - 2 * FPS, "until the new view has held for a minute");
    let after = &run.marked[begins + minute + 2 * FPS..];
    assert!(after.len() > 15 * FPS && after.iter().all(|marked| !marked), "and then no more");
    assert!(run.share_left() < 0.5, "brought back: {}", run.share_left());
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (usual, new) = (mean(&run.after[..begins]), mean(&run.after[begins + minute + 2 * FPS..]));
    assert!(new < 1.5 * usual + 0.5, "before the new background as before the old one: {usual} {new}");
}

#[test]
fn light_is_brought_back_and_a_gain_that_returns_is_over() {
    let gain = run(Some(DisturbanceKind::Gain), 40, ALL);
    assert!(gain.marked(gain.begins + 7 * FPS, gain.begins + 13 * FPS) == 6 * FPS && gain.marked(0, gain.begins) == 0);
    assert_eq!(gain.marked(gain.begins + 23 * FPS, 40 * FPS), 0);
    assert!(gain.share_left() < 0.5, "{}", gain.share_left());
    let exposure = run(Some(DisturbanceKind::Exposure), 30, ALL);
    assert_eq!(exposure.marked(exposure.begins, 30 * FPS), 30 * FPS - exposure.begins);
    assert!(exposure.share_left() < 0.5, "{}", exposure.share_left());
    let untouched = run(Some(DisturbanceKind::Exposure), 30, Steadying { light: false, shift: false, ..ALL });
    assert!((untouched.share_left() - 1.0).abs() < 1e-6 && untouched.marked == exposure.marked);
}

#[test]
fn shake_is_marked_as_long_as_it_lasts_and_rain_for_a_minute() {
    for (kind, seconds, most_left) in [(DisturbanceKind::Shake, 90, 0.75), (DisturbanceKind::Rain, 60, 1.0)] {
        let run = run(Some(kind), seconds, ALL);
        let lasts = seconds * FPS - run.begins - 2 * FPS;
        assert!(
            run.marked(run.begins + 2 * FPS, seconds * FPS) * 20 >= 19 * lasts,
            "{kind:?}: {} of {lasts}",
            run.marked(0, seconds * FPS)
        );
        assert_eq!(run.marked(0, run.begins), 0);
        assert!(run.share_left() < most_left, "{kind:?}: {}", run.share_left());
    }
}

#[test]
fn without_what_is_usual_nothing_is_looked_for() {
    assert!(SceneChange::new(Steadying { detect: false, ..ALL }, usual()).is_none());
    let old = Usual { view: None, ..Usual::clone(usual()) };
    assert!(SceneChange::new(ALL, &Arc::new(old)).is_none());
}

/// A camera that shows a clip of the street.
struct Camera {
    scene: Scene,
    script: Script,
    frames: usize,
    next: usize,
    info: StreamInfo,
    log: DamageLog,
}

impl FrameSource for Camera {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.next == self.frames {
            return Ok(None);
        }
        let luma = Plane::new(self.scene.frame(&self.script, self.next).pixels, 192, 128).expect("its size");
        let mut frame = Frame::still([luma, Plane::default(), Plane::default()], Range::Full, Matrix::Unknown);
        (frame.index, frame.pts, frame.time_base) = (self.next as u64, self.next as i64, self.info.time_base);
        self.next += 1;
        Ok(Some(frame))
    }

    fn damage_log(&self) -> &DamageLog {
        &self.log
    }
}

/// The rows of a clip in which the camera is moved, with a threshold that every frame reaches.
fn rows(config: &Config, frames: usize) -> (usize, Vec<FrameScore>) {
    let scene = scene(Some(DisturbanceKind::Moved), frames);
    let script = scene.test(0).expect("a test clip");
    let begins = script.disturbance().expect("it is moved").begins;
    let info = StreamInfo {
        width: 192,
        height: 128,
        rotation: 0,
        time_base: TimeBase::from_fps(FPS as f64),
        frame_rate: Some(FPS as f64),
        declared_frames: None,
        live: false,
        codec: "drawn".into(),
        backend: Backend::Pictures,
        range: Range::Full,
        matrix: Matrix::Unknown,
    };
    let camera = Camera { scene, script, frames, next: 0, info, log: DamageLog::default() };
    let names = [RECON, LATENT, TOTAL, MOTION, PLACE];
    let calibration = Calibration {
        ranges: None,
        terms: names.into_iter().map(|name| (name.to_owned(), Statistics { median: 0.0, sd: 1.0 })).collect(),
        basis: Basis::of(config),
        frames: 60,
        left_out: 0,
        highest: -1e9,
        tau0: 0.1,
        display: DisplayRange { low: 0.0, high: 1.0 },
        threshold: Some(Threshold { score: -1e9, wanted: 1.0, extrapolated: false, time: Clock::Pts, needed: 2 }),
        maxima: None,
    };
    let sight = Sight::new(config, 128, 192, Some(Arc::clone(usual())));
    let mut detector = Detector::without_network(config.clone(), sight, calibration).expect("its own settings");
    let mut rows = Vec::new();
    let mut take = |row: &FrameScore, _: &MapView<'_>| rows.push(row.clone());
    detector.score_source("street", Box::new(camera), &mut take).expect("scores");
    (begins, rows)
}

#[test]
fn a_scene_change_has_its_scores_and_no_alarm() {
    let config = Config { score: ScoreChoice::FlowPlace, ..Config::preset("video").expect("a preset") };
    let frames = 16 * FPS;
    let (begins, marked) = rows(&config, frames);
    assert_eq!(marked.iter().map(|row| row.frame).collect::<Vec<_>>(), (0..frames as u64).collect::<Vec<_>>());
    for (frame, row) in marked.iter().enumerate() {
        let changed = frame >= begins;
        assert_eq!((row.status.word(), row.alarm), (if changed { "scene_change" } else { "ok" }, frame > 0 && !changed), "frame {frame}");
    }
    let (_, unmarked) = rows(&Config { scene_change: false, ..config.clone() }, frames);
    assert!(unmarked[1..].iter().all(|row| row.alarm && row.status.word() == "ok"));
    let (_, in_place) = rows(&Config { undo_shift: false, undo_light: false, ..config }, frames);
    for (frame, row) in in_place.iter().enumerate() {
        assert_eq!(row.score, unmarked[frame].score, "the status alone changes nothing but the alarm");
        assert!(frame >= begins || marked[frame].score == row.score);
    }
    let mean = |rows: &[FrameScore]| rows[begins + 2..].iter().filter_map(|row| row.place).sum::<f64>();
    assert!(mean(&marked) < 0.6 * mean(&unmarked), "brought back: {} {}", mean(&marked), mean(&unmarked));
}
