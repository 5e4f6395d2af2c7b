//! What scores may depend on, and what they may not (EVALUATION.md §1), with the made network and with the real one.

use super::clip::{FrameScore, Scorer, Sink};
use super::error::ScoreError;
use super::fake::{Fake, Made, cpu, small};
use super::map::MapView;
use crate::alarm_events::{Clock, Threshold};
use crate::calibration::{Basis, Calibration, DisplayRange, LATENT, MOTION, PICTURE, PLACE, RECON, Statistics, TOTAL};
use crate::config::{BnTest, Config, FitChoice};
use crate::data::ahead::READY;
use crate::data::window::FrameStatus;
use crate::data::{Sight, WindowStream};
use crate::model::engine::Engine;
use crate::usual::Usual;
use kernels::Pool;
use std::io;
use std::sync::Arc;
use video::Damage;

/// Of no footage in particular: scores become numbers of the size of 1.
fn calibration(config: &Config) -> Calibration {
    calibration_at(config, -1e9)
}

fn calibration_at(config: &Config, threshold: f64) -> Calibration {
    let statistics = Statistics { median: 0.2, sd: 0.1 };
    Calibration {
        ranges: None,
        terms: [RECON, LATENT, TOTAL, PICTURE, MOTION, PLACE].into_iter().map(|name| (name.to_owned(), statistics)).collect(),
        basis: Basis::of(config),
        frames: 60,
        left_out: 0,
        highest: -1e9,
        tau0: 0.1,
        display: DisplayRange { low: 0.0, high: 1.0 },
        threshold: Some(Threshold { score: threshold, wanted: 1.0, extrapolated: false, time: Clock::Pts, needed: 2 }),
        maxima: None,
    }
}

/// One frame's row and its map's bits.
type Row = (FrameScore, (usize, usize), Vec<u32>);

fn fine(_: u32) -> Damage {
    Damage::None
}

fn stream(config: &Config, clip: u32, frames: u32, damage: fn(u32) -> Damage) -> WindowStream {
    WindowStream::new("made", Box::new(Made::new(clip, frames, (40, 24), damage)), &sight(config)).expect("a picture")
}

fn sight(config: &Config) -> Sight {
    let usual = Usual { height: 16, width: 16, speed: 1.0, background: vec![100.0; 256], place: vec![20.0; 64], view: None };
    Sight::new(config, 16, 16, config.sees.motion().then(|| Arc::new(usual)))
}

/// Scores of clips given as (number, frames), `batch` frames at a time.
fn score(engine: &mut dyn Engine, config: &Config, batch: usize, clips: &[(u32, u32)], damage: fn(u32) -> Damage) -> Vec<Row> {
    score_by(&calibration(config), engine, config, batch, clips, damage)
}

fn score_by(
    calibration: &Calibration,
    engine: &mut dyn Engine,
    config: &Config,
    batch: usize,
    clips: &[(u32, u32)],
    damage: fn(u32) -> Damage,
) -> Vec<Row> {
    score_on(None, calibration, engine, config, batch, clips, damage)
}

fn score_on(
    pool: Option<Arc<Pool>>,
    calibration: &Calibration,
    engine: &mut dyn Engine,
    config: &Config,
    batch: usize,
    clips: &[(u32, u32)],
    damage: fn(u32) -> Damage,
) -> Vec<Row> {
    let mut scorer = Scorer::new(engine, config, calibration, &sight(config), batch).expect("its own settings");
    if let Some(pool) = pool {
        scorer.use_pool(pool);
    }
    let mut rows = Vec::new();
    let mut sink = |score: &FrameScore, map: &MapView<'_>| {
        let bits = map.values.iter().map(|value| value.to_bits()).collect();
        rows.push((score.clone(), (map.rows, map.cols), bits));
    };
    for (clip, frames) in clips {
        let scored = scorer.score_clip(&format!("clip {clip}"), &mut stream(config, *clip, *frames, damage), &mut sink);
        assert_eq!(scored.expect("made frames").frames, u64::from(*frames));
    }
    scorer.finish(&mut sink).expect("made frames");
    rows
}

fn of_clip(rows: &[Row], clip: u32) -> Vec<Row> {
    rows.iter().filter(|row| row.0.clip == format!("clip {clip}")).cloned().collect()
}

/// Batch, threads, other clips, their order and a cut of the end change no bit.
#[test]
fn a_score_depends_on_its_own_clip_up_to_its_frame() {
    for bn_test in [BnTest::Running, BnTest::Instance] {
        let config = Config { bn_test, smooth: 0.3, ..small() };
        let mut engine = cpu(&config, 8, 1);
        let whole = score(&mut engine, &config, 1, &[(1, 23), (2, 9)], fine);
        assert_eq!(whole.len(), 32);
        for (batch, threads) in [(3, 1), (8, 2)] {
            let mut engine = cpu(&config, 8, threads);
            let other_order = score(&mut engine, &config, batch, &[(2, 9), (3, 4), (1, 23)], fine);
            assert_eq!(of_clip(&other_order, 1), of_clip(&whole, 1), "{bn_test:?}, batch {batch}, {threads} threads");
            assert_eq!(of_clip(&other_order, 2), of_clip(&whole, 2));
            let cut = score(&mut engine, &config, batch, &[(1, 12)], fine);
            assert_eq!(cut[..], whole[..12], "the end cut off");
        }
    }
}

/// The same where R of the picture remembers the frames before: those of its own clip, whatever the batch.
#[test]
fn what_the_picture_remembers_is_of_its_own_clip() {
    let text = "sees = 'restore'\nhistory = 1\ng_levels = 2\norder = 'd_first'\nscore_r = 'length'\nlocal = true\nscore = 's'\npicture_memory = 0.8";
    let config = small().with_toml("test", text).expect("valid keys");
    let whole = score(&mut cpu(&config, 8, 1), &config, 1, &[(1, 23), (2, 9)], fine);
    for (batch, threads) in [(3, 1), (8, 2)] {
        let mut engine = cpu(&config, 8, threads);
        let other_order = score(&mut engine, &config, batch, &[(2, 9), (3, 4), (1, 23)], fine);
        assert_eq!(of_clip(&other_order, 1), of_clip(&whole, 1), "batch {batch}, {threads} threads");
        assert_eq!(of_clip(&other_order, 2), of_clip(&whole, 2), "batch {batch}, {threads} threads");
    }
    let alone = Config { picture_memory: 0.0, ..config };
    let forgetful = score(&mut cpu(&alone, 8, 1), &alone, 1, &[(1, 23), (2, 9)], fine);
    let picture = |row: &Row| row.0.picture.expect("restored");
    let remembered: Vec<bool> = whole.iter().zip(&forgetful).map(|(a, b)| picture(a) != picture(b)).collect();
    assert_eq!(
        (&remembered[..3], &remembered[23..26]),
        (&[false, false, true][..], &[false, false, true][..]),
        "from a clip's third frame on"
    );
}

/// Decoding ahead on a thread of its own changes no bit either, with lost pictures, several clips, and batches that cross them.
#[test]
fn a_score_does_not_depend_on_what_runs_ahead_of_it() {
    let lost = |frame| if frame % 5 == 3 { Damage::Repeated } else { Damage::None };
    for bn_test in [BnTest::Running, BnTest::Batch] {
        let config = Config { bn_test, ..small() };
        let calibration = calibration(&config);
        let clips = [(1, 23), (2, 9), (3, 1)];
        let in_turn = score_by(&calibration, &mut cpu(&config, 8, 1), &config, 8, &clips, lost);
        for threads in [1, 2, 4] {
            let pool = Arc::new(Pool::new(threads).expect("a pool"));
            let found = score_on(Some(pool), &calibration, &mut cpu(&config, 8, 1), &config, 8, &clips, lost);
            assert!(found == in_turn, "{bn_test:?}, {threads} threads");
        }
    }
}

/// A source that breaks off after some frames ends the clip there, in turn or ahead; one that gives nothing is an error; and whoever stops early
/// waits for no more than what is under way.
#[test]
fn errors_come_in_their_place_from_a_source_that_is_read_ahead() {
    let config = small();
    let calibration = calibration(&config);
    let pool = || Arc::new(Pool::new(2).expect("a pool"));
    for (frames, pool) in [(11, None), (11, Some(pool())), (0, Some(pool()))] {
        let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 8);
        let mut scorer = Scorer::new(&mut engine, &config, &calibration, &sight(&config), 4).expect("its own settings");
        if let Some(pool) = pool {
            scorer.use_pool(pool);
        }
        let source = Box::new(Made::broken(1, frames, (40, 24)));
        let mut stream = WindowStream::new("made", source, &sight(&config)).expect("a picture");
        let mut rows = 0;
        let end = scorer.score_clip("a", &mut stream, &mut |_: &FrameScore, _: &MapView<'_>| rows += 1);
        match frames {
            0 => assert!(matches!(end, Err(ScoreError::Data(_))) && rows == 0, "{end:?}"),
            _ => assert!(end.expect("frames before it").broke_off.is_some_and(|why| why.contains("made to break")) && rows == 11, "{rows}"),
        }
    }
    struct Third(usize);
    impl Sink for Third {
        fn score(&mut self, _: &FrameScore, _: &MapView<'_>) -> io::Result<()> {
            self.0 += 1;
            if self.0 == 3 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
        }
    }
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 8);
    let mut scorer = Scorer::new(&mut engine, &config, &calibration, &sight(&config), 4).expect("its own settings");
    scorer.use_pool(pool());
    let (mut endless, mut sink) = (stream(&config, 1, u32::MAX, fine), Third(0));
    assert!(matches!(scorer.score_clip("a", &mut endless, &mut sink), Err(ScoreError::Interrupted)));
    assert_eq!(sink.0, 3);
    let read = endless.frame().expect("frames were read").index;
    assert!(read <= 4 + READY as u64 + 1, "{read} frames were read for three rows");
}

/// The alarm of a frame is known with the frame: what comes later changes none, nor does a picture that is lost in between.
#[test]
fn alarms_are_causal_and_skip_what_is_not_analysed() {
    let config = small();
    let lost = |frame| if frame % 5 == 3 { Damage::Repeated } else { Damage::None };
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 8);
    let mut scores: Vec<f64> = score(&mut engine, &config, 8, &[(1, 40)], lost).iter().map(|row| row.0.score).collect();
    let in_order = scores.clone();
    scores.sort_by(f64::total_cmp);
    let calibration = calibration_at(&config, scores[20]);
    let whole = score_by(&calibration, &mut engine, &config, 8, &[(1, 40)], lost);
    let alarms = whole.iter().filter(|row| row.0.alarm).count();
    assert!(alarms > 4 && alarms < 32, "{alarms} of 40");
    for frames in 1..40 {
        assert_eq!(score_by(&calibration, &mut engine, &config, 3, &[(1, frames)], lost)[..], whole[..frames as usize]);
    }
    let analysed: Vec<usize> = (0..40).filter(|frame| frame % 5 != 3).collect();
    for (order, &frame) in analysed.iter().enumerate() {
        let above = analysed[order.saturating_sub(2)..=order].iter().filter(|&&frame| in_order[frame] >= scores[20]).count();
        assert_eq!(whole[frame].0.alarm, above >= 2, "frame {frame}");
    }
    assert!(whole.iter().all(|row| !(row.0.alarm && row.0.status == FrameStatus::Repeated)));
}

/// How many frames had been decoded when each score came.
#[derive(Default)]
struct Along {
    decoded: usize,
    at: Vec<usize>,
}

impl Sink for Along {
    fn frame(&mut self, _: &video::Frame) {
        self.decoded += 1;
    }

    fn score(&mut self, _: &FrameScore, _: &MapView<'_>) -> std::io::Result<()> {
        self.at.push(self.decoded);
        Ok(())
    }
}

#[test]
fn the_first_scores_of_a_clip_do_not_wait_for_a_whole_batch() {
    let config = small();
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 4);
    let calibration = calibration(&config);
    let mut scorer = Scorer::new(&mut engine, &config, &calibration, &sight(&config), 4).expect("its own settings");
    for clip in 1..3 {
        let mut along = Along::default();
        scorer.score_clip("clip", &mut stream(&config, clip, 12, fine), &mut along).expect("made frames");
        assert_eq!(along.at, [1, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 12]);
    }
}

#[test]
fn the_published_batch_mode_mixes_frames_and_crosses_clips() {
    let config = Config { bn_test: BnTest::Batch, ..small() };
    let mut engine = cpu(&config, 8, 1);
    let together = score(&mut engine, &config, 8, &[(1, 5), (2, 5)], fine);
    let apart = score(&mut engine, &config, 8, &[(1, 5)], fine);
    assert_eq!(together.len(), 10);
    assert_ne!(together[0].0.recon, apart[0].0.recon, "frames of clip 2 were in the batch");
    assert_eq!(together.iter().map(|row| row.0.frame).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
}

#[test]
fn a_lost_picture_has_the_last_score_and_map_and_no_alarm() {
    let config = small();
    let damage = |frame| match frame {
        4 | 5 => Damage::Repeated,
        7 => Damage::Concealed,
        _ => Damage::None,
    };
    for batch in [1, 3, 8] {
        let rows = score(&mut Fake::new(&config.spec(16, 16).expect("small"), 8), &config, batch, &[(1, 10)], damage);
        let numbers = |row: &Row| (row.0.recon, row.0.latent, row.0.score_raw, row.0.score, row.2.clone());
        assert_eq!((numbers(&rows[4]), numbers(&rows[5])), (numbers(&rows[3]), numbers(&rows[3])));
        assert_ne!(numbers(&rows[6]), numbers(&rows[3]));
        let words: Vec<&str> = rows.iter().map(|row| row.0.status.word()).collect();
        assert_eq!(words[3..8], ["ok", "repeated", "repeated", "ok", "damaged"]);
        let alarms: Vec<bool> = rows.iter().map(|row| row.0.alarm).collect();
        assert_eq!(alarms, [false, true, true, true, false, false, true, true, true, true], "all from the second on but the repeated");
        assert_eq!(rows.iter().map(|row| row.0.warmup).collect::<Vec<_>>()[..3], [true, false, false]);
        assert_eq!(rows[9].0.time_s, Some(0.9));
    }
}

/// Footage at 12.5 frames a second in a file of 25, each picture twice, out of step with the frames that are looked at: those are compared with
/// one another, not with their copies, and every one is scored.
#[test]
fn a_padded_rate_hides_no_frame() {
    let config = Config { analysed_rate: 10, ..small() };
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 8);
    let calibration = calibration(&config);
    let mut scorer = Scorer::new(&mut engine, &config, &calibration, &sight(&config), 4).expect("its own settings");
    let (mut rows, padded) = (Vec::new(), Made::padded(1, 24, (40, 24)));
    let mut stream = WindowStream::new("made", Box::new(padded), &sight(&config)).expect("a picture");
    let mut sink = |score: &FrameScore, _: &MapView<'_>| rows.push(score.clone());
    scorer.score_clip("made", &mut stream, &mut sink).expect("made frames");
    scorer.finish(&mut sink).expect("made frames");
    assert_eq!(rows.len(), 24);
    assert!(rows.iter().all(|row| row.status == FrameStatus::Ok));
    let scores: Vec<u64> = rows.iter().map(|row| row.recon.to_bits()).collect();
    assert!(scores.chunks(2).all(|pair| pair[0] == pair[1]), "every other frame carries the last score");
    assert!(scores.chunks(2).zip(scores.chunks(2).skip(1)).all(|(a, b)| a[0] != b[0]), "and every pair has its own");
    assert_eq!(rows.iter().filter(|row| row.warmup).count(), 2, "history 2: the first frame and the one that carries its score");
}

#[test]
fn a_stream_that_begins_with_a_lost_picture_is_scored_all_the_same() {
    let config = small();
    let all_lost = |_| Damage::Repeated;
    let rows = score(&mut Fake::new(&config.spec(16, 16).expect("small"), 8), &config, 4, &[(1, 600), (2, 3)], all_lost);
    assert_eq!(rows.len(), 603);
    assert_eq!(rows[0].0.score, rows[599].0.score);
    assert_ne!(rows[0].0.score, rows[600].0.score, "no state crosses a clip's border");
}

#[test]
fn maps_have_the_displayed_aspect() {
    for (fit, wanted) in [(FitChoice::Stretch, (16, 16)), (FitChoice::Letterbox, (10, 16)), (FitChoice::Crop, (16, 27))] {
        let config = Config { fit, ..small() };
        let rows = score(&mut Fake::new(&config.spec(16, 16).expect("small"), 8), &config, 4, &[(1, 3)], fine);
        assert_eq!(rows[2].1, wanted, "{fit:?} of 40x24");
    }
}

#[test]
fn another_setting_than_the_calibrations_is_named() {
    let config = small();
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 8);
    let other = calibration(&Config { lambda: 0.5, ..config.clone() });
    let error = Scorer::new(&mut engine, &config, &other, &sight(&config), 1).err().expect("differs");
    assert!(matches!(error, ScoreError::OtherBasis { key: "lambda" }));
}

#[test]
fn a_sink_that_fails_stops_the_scoring() {
    struct Full;
    impl Sink for Full {
        fn score(&mut self, _: &FrameScore, _: &MapView<'_>) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let config = small();
    let (mut engine, calibration) = (Fake::new(&config.spec(16, 16).expect("small"), 8), calibration(&config));
    let mut scorer = Scorer::new(&mut engine, &config, &calibration, &sight(&config), 2).expect("its own settings");
    assert!(matches!(scorer.score_clip("a", &mut stream(&config, 1, 5, fine), &mut Full), Err(ScoreError::Sink(_))));
}

#[test]
fn a_network_that_gives_nan_is_an_error_that_names_the_frame() {
    let config = small();
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 8);
    let mut state = engine.save();
    state.parameters.values[0] = f32::NAN;
    engine.load(&state);
    let calibration = calibration(&config);
    let mut scorer = Scorer::new(&mut engine, &config, &calibration, &sight(&config), 2).expect("its own settings");
    let error = scorer.score_clip("a", &mut stream(&config, 1, 5, fine), &mut |_: &FrameScore, _: &MapView<'_>| {});
    assert!(matches!(error, Err(ScoreError::NotFinite { frame: 0, .. })));
}
