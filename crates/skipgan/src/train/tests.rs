//! The loop from end to end on made footage: budgets, resume to the bit, guards, what lies in the run folder.

use super::observer::{Event, Observer, Quiet};
use super::training::{Ended, Judge, Material, Options, Outcome, Resume, train};
use super::{TrainError, Warning};
use crate::checkpoint::{Checkpoint, Existing, Run, Which};
use crate::config::{Config, Select};
use crate::data::{
    CacheOptions, Clip, ClipSource, Footage as Cached, FrameCache, MotionCache, PictureSettings, Sight, Span, Split, hold_out,
};
use crate::model::engine::Engine;
use crate::score::fake::{Fake, cpu, cpu_of, picture, small};
use crate::score::place;
use crate::score::{Detector, FrameScore, MapView, fit_spans};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use video::OpenOptions;

/// Five clips of 13 pictures: 52 frames to train on, 13 held out.
pub(super) struct Footage {
    _folder: tempfile::TempDir,
    pub(super) cache: FrameCache,
    sight: Sight,
    pub(super) split: Split,
}

impl Footage {
    pub(super) fn made(config: &Config) -> Footage {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clips: Vec<Clip> = (0..5).map(|clip| write_clip(folder.path(), clip)).collect();
        let settings = PictureSettings::new(config, 16, 16);
        let cache = FrameCache::build(&folder.path().join("cache"), &clips, &settings, &CacheOptions::new(&OpenOptions::default()));
        let cache = cache.expect("pictures");
        let split = hold_out(&cache.frames(), 1).expect("65 frames");
        Footage { _folder: folder, cache, sight: Sight::new(config, 16, 16, None), split }
    }

    /// How its pictures move, and how a configuration that needs that sees them.
    pub(super) fn moving(&self, config: &Config) -> (MotionCache, Sight) {
        let motion = MotionCache::build(&self.cache, 1, None, &mut |_, _| {}).expect("motion");
        let usual = place::usual(config, &self.cache, &motion, &self.split.train).expect("a square moves");
        (motion, Sight::new(config, 16, 16, Some(usual.into())))
    }

    fn material(&self) -> Material<'_> {
        let footage = Cached { cache: &self.cache, motion: None, sight: &self.sight };
        Material { footage, split: &self.split, fingerprint: "made", decoder: "pictures" }
    }

    fn train(&self, engine: &mut dyn Engine, run: &Run, config: &Config, options: Options<'_>) -> Result<Outcome, TrainError> {
        train(engine, self.material(), run, config, options, &mut Quiet)
    }
}

fn write_clip(folder: &Path, clip: u32) -> Clip {
    let files = (0..13).map(|frame| {
        let path = folder.join(format!("{clip}-{frame:02}.png"));
        let mut encoder = png::Encoder::new(fs::File::create(&path).expect("writable"), 20, 16);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().expect("writable");
        writer.write_image_data(&picture(clip, frame, (20, 16))).expect("writable");
        writer.finish().expect("writable");
        path
    });
    Clip { name: format!("clip{clip}"), source: ClipSource::Pictures(files.collect()) }
}

fn new_run(folder: &Path) -> Run {
    Run::create(&folder.join("run"), Existing::Refuse).expect("new")
}

fn resume(cancel: Option<&AtomicBool>) -> Options<'_> {
    Options { resume: Resume::Yes, cancel, ..Options::default() }
}

fn bytes(run: &Run, which: &Which) -> Vec<u8> {
    fs::read(run.checkpoint(which)).expect("written")
}

/// Sets the flag after a number of steps.
struct StopAfter<'a> {
    step: u64,
    flag: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Step(step) if step.step == self.step) {
            self.flag.store(true, Ordering::Relaxed);
        }
    }
}

/// Interrupted in mid-epoch, at a validation and at the end, then resumed with an engine that begins with other weights: the files are
/// those of an uninterrupted run, byte by byte.
#[test]
fn a_resumed_run_continues_to_the_very_bits() {
    // 52 windows in batches of 6: the last batch of an epoch has 4; noise, momentum and schedule have memory.
    let text = "batch = 6\nsteps = 23\nvalidate_every = 5\ninput_noise = 0.1\nlr_schedule = 'one_cycle'";
    let config = small().with_toml("test", text).expect("valid keys");
    let footage = Footage::made(&config);
    let folders: Vec<tempfile::TempDir> = (0..4).map(|_| tempfile::tempdir().expect("a temporary folder")).collect();
    let whole = new_run(folders[0].path());
    let outcome = footage.train(&mut cpu(&config, 6, 1), &whole, &config, Options::default()).expect("trains");
    assert_eq!((outcome.ended, outcome.step), (Ended::Finished, 23));
    for (folder, stop) in folders[1..].iter().zip([3, 10, 22]) {
        let (run, flag) = (new_run(folder.path()), AtomicBool::new(false));
        let options = Options { cancel: Some(&flag), ..Options::default() };
        let mut observer = StopAfter { step: stop, flag: &flag };
        let first = train(&mut cpu(&config, 6, 2), footage.material(), &run, &config, options, &mut observer).expect("trains");
        assert_eq!((first.ended, first.step), (Ended::Interrupted, stop));
        assert!(first.calibration.is_none());
        let other_weights = Config { seed: 99, ..config.clone() };
        let second = footage.train(&mut cpu(&other_weights, 6, 1), &run, &config, resume(None)).expect("resumes");
        assert_eq!((second.ended, second.step, second.best), (Ended::Finished, 23, outcome.best));
        assert!(bytes(&run, &Which::Last) == bytes(&whole, &Which::Last), "last, stopped after {stop}");
        assert!(bytes(&run, &Which::Best) == bytes(&whole, &Which::Best), "best, stopped after {stop}");
        assert_eq!(fs::read(run.metrics()).expect("written"), fs::read(whole.metrics()).expect("written"));
    }
}

/// The same with motion: crops, mirrors, jitter and an engine of its own that scores whole pictures.
#[test]
fn a_run_on_crops_of_motion_resumes_to_the_very_bits() {
    resumes_on_crops("sees = 'motion'\nmirror = true");
}

/// And with things put in that do not belong.
#[test]
fn a_run_that_restores_resumes_to_the_very_bits() {
    resumes_on_crops("sees = 'restore'\npaste_share = 0.8\nema = 0.9");
}

fn resumes_on_crops(sees: &str) {
    let text = "history = 1\ng_levels = 2\ncrop_height = 8\ncrop_width = 8\nspeed_jitter = 3.0\norder = 'd_first'\nscore_r = 'length'\n\
                local = true\ntop_share = 0.1\nscore = 's'\nbatch = 3\nsteps = 29\nvalidate_every = 4\nselect = 'last'";
    let config = small().with_toml("test", &format!("{sees}\n{text}")).expect("valid keys");
    let footage = Footage::made(&config);
    let (motion, sight) = footage.moving(&config);
    let seen = Cached { cache: &footage.cache, motion: Some(&motion), sight: &sight };
    let material = Material { footage: seen, ..footage.material() };
    let trained = |run: &Run, resume: Resume, cancel: Option<&AtomicBool>, observer: &mut dyn Observer| {
        let (mut learner, mut scorer) = (cpu_of(&config, 3, (8, 8)), cpu_of(&config, 3, (16, 16)));
        let options = Options { resume, cancel, scorer: Some(&mut scorer), ..Options::default() };
        train(&mut learner, material, run, &config, options, observer).expect("trains")
    };
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let (whole, stopped) = (new_run(folders[0].path()), new_run(folders[1].path()));
    let outcome = trained(&whole, Resume::No, None, &mut Quiet);
    let calibration = outcome.calibration.expect("calibrated");
    assert!(calibration.terms.contains_key("motion") && calibration.terms.contains_key("place"));
    assert_eq!(calibration.left_out, 1, "the first frame of the held-out clip has no past");
    let flag = AtomicBool::new(false);
    let first = trained(&stopped, Resume::No, Some(&flag), &mut StopAfter { step: 13, flag: &flag });
    assert_eq!((first.ended, first.step), (Ended::Interrupted, 13));
    trained(&stopped, Resume::Yes, None, &mut Quiet);
    assert!(bytes(&stopped, &Which::Last) == bytes(&whole, &Which::Last));
    let usual = whole.load(&Which::Best).expect("written").usual.expect("known");
    assert!(usual.speed >= 0.25 && usual.background.len() == 256);
}

/// What R of the picture remembers ends with a clip while statistics are taken too: the order of clips and the batch change nothing.
#[test]
fn statistics_do_not_depend_on_the_order_of_clips() {
    let text = "sees = 'restore'\nhistory = 1\ng_levels = 2\norder = 'd_first'\nscore_r = 'length'\nlocal = true\nscore = 's'\npicture_memory = 0.8";
    let config = small().with_toml("test", text).expect("valid keys");
    let footage = Footage::made(&config);
    let (motion, sight) = footage.moving(&config);
    let seen = Cached { cache: &footage.cache, motion: Some(&motion), sight: &sight };
    let picture = |spans: &[Span], batch: usize| {
        let fitted = fit_spans(&mut cpu(&config, 8, 1), seen, spans, &config, batch, None, &mut |_, _| {}).expect("normal footage");
        fitted.terms["picture"]
    };
    let mut spans = footage.split.train.clone();
    assert!(spans.len() > 1);
    let first = picture(&spans, 1);
    spans.reverse();
    for batch in [1, 5, 8] {
        let other = picture(&spans, batch);
        assert_eq!(other.median, first.median, "batch {batch}");
        assert!((other.sd / first.sd - 1.0).abs() < 1e-9, "{} and {}", other.sd, first.sd);
    }
}

#[test]
fn epochs_are_counted_in_steps_and_a_lone_window_is_left_out() {
    let config = small().with_toml("test", "batch = 3\nepochs = 2\nselect = 'last'").expect("valid keys");
    let footage = Footage::made(&config); // 52 = 17 · 3 + 1
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 3);
    let outcome = footage.train(&mut engine, &run, &config, Options::default()).expect("trains");
    assert_eq!((outcome.step, outcome.total_steps), (34, 34));
    let metrics = fs::read_to_string(run.metrics()).expect("written");
    assert_eq!(metrics.lines().count(), 35);
    let measured = |line: &&str| !line.ends_with(",,");
    assert_eq!(
        metrics.lines().skip(1).filter(measured).map(|line| line.split(',').next().expect("step")).collect::<Vec<_>>(),
        ["17", "34"]
    );
    let last = run.load(&Which::Last).expect("written");
    assert_eq!(run.load(&Which::Best).expect("written").state, last.state, "select = last");
    let calibration = last.calibration.expect("finished");
    assert_eq!((calibration.frames, calibration.left_out), (12, 1), "the first frame of the held-out clip is left out");
    assert!(last.progress.finished && last.provenance.data_fingerprint == "made");
    assert_eq!(fs::read_dir(run.samples()).expect("there").count(), 2);
    assert_eq!(fs::read_dir(run.events()).expect("there").count(), 1);
    assert_eq!(Config::default().with_toml("run", &fs::read_to_string(run.config()).expect("written")).expect("valid"), config);
}

#[test]
fn no_steps_give_the_untrained_control_calibrated() {
    let config = Config { epochs: 0, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    let mut engine = cpu(&config, 4, 1);
    let before = engine.save();
    let outcome = footage.train(&mut engine, &run, &config, Options::default()).expect("nothing to train");
    assert_eq!((outcome.step, outcome.ended), (0, Ended::Finished));
    for which in [Which::Best, Which::Last] {
        let checkpoint = run.load(&which).expect("written");
        assert_eq!(checkpoint.state.parameters, before.parameters);
        assert!(checkpoint.calibration.is_some_and(|calibration| calibration.is_sound()));
    }
}

#[test]
fn the_best_state_is_the_one_with_the_least_held_out_loss() {
    let config = small().with_toml("test", "steps = 30\nvalidate_every = 3\nlr = 0.02").expect("valid keys");
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    let mut engine = cpu(&config, 4, 1);
    let outcome = footage.train(&mut engine, &run, &config, Options::default()).expect("trains");
    let best = outcome.best.expect("measured");
    let metrics = fs::read_to_string(run.metrics()).expect("written");
    let rows = metrics.lines().skip(1).filter_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        Some((cells[11].parse::<f64>().ok()?, cells[0].parse::<u64>().expect("step")))
    });
    let least = rows.min_by(|a, b| a.0.total_cmp(&b.0)).expect("measured");
    assert_eq!((best.value, best.step), least);
    let kept = run.load(&Which::Best).expect("written");
    assert_eq!((kept.state.step, kept.progress.step), (best.step, best.step));
    assert_eq!(engine.save().parameters, kept.state.parameters, "the engine ends with the best state");
    assert_eq!(kept.calibration, outcome.calibration);
}

/// What is measured, chosen, calibrated and left in the engine are the means; what training goes on with are not.
#[test]
fn the_means_score_and_change_no_step() {
    let text = "steps = 30\nvalidate_every = 10\nlr = 0.02";
    let config = small().with_toml("test", text).expect("valid keys");
    let footage = Footage::made(&config);
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let (plain, averaged) = (new_run(folders[0].path()), new_run(folders[1].path()));
    footage.train(&mut cpu(&config, 4, 1), &plain, &config, Options::default()).expect("trains");
    let mean = Config { ema: 0.9, ..config.clone() };
    let mut engine = cpu(&mean, 4, 1);
    let outcome = footage.train(&mut engine, &averaged, &mean, Options::default()).expect("trains");
    let (last, best) = (averaged.load(&Which::Last).expect("written"), averaged.load(&Which::Best).expect("written"));
    assert_eq!(last.state, plain.load(&Which::Last).expect("written").state, "the same steps");
    assert_ne!(last.scoring_state().parameters, last.state.parameters);
    assert_eq!(engine.save().parameters, best.scoring_state().parameters, "the engine ends with what scores");
    assert_eq!(best.calibration, outcome.calibration);
    let mut again = cpu(&Config { seed: 99, ..mean.clone() }, 4, 1);
    footage.train(&mut again, &averaged, &mean, resume(None)).expect("it is finished");
    assert_eq!(again.save().parameters, best.scoring_state().parameters, "so does one that is finished already");
    assert_ne!(last.calibration, plain.load(&Which::Last).expect("written").calibration, "taken of the mean");
}

#[test]
fn training_learns() {
    let config = small().with_toml("test", "steps = 120\nvalidate_every = 60\nlr = 2e-3").expect("valid keys");
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    footage.train(&mut cpu(&config, 4, 1), &run, &config, Options::default()).expect("trains");
    let metrics = fs::read_to_string(run.metrics()).expect("written");
    let contextual: Vec<f64> = metrics.lines().skip(1).map(|line| line.split(',').nth(4).expect("cell").parse().expect("number")).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(mean(&contextual[110..]) < 0.6 * mean(&contextual[..10]), "{contextual:?}");
}

#[test]
fn time_ends_training_early_and_still_calibrates() {
    let config = Config { steps: 1_000_000, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 4);
    let options = Options { time: Some(Duration::from_millis(30)), ..Options::default() };
    let outcome = footage.train(&mut engine, &run, &config, options).expect("trains");
    assert_eq!((outcome.ended, outcome.total_steps), (Ended::TimeUp, 1_000_000));
    assert!(outcome.calibration.is_some() && run.load(&Which::Best).expect("written").calibration.is_some());
}

#[test]
fn a_loss_that_is_not_a_number_stops_and_names_the_last_good_checkpoint() {
    let config = Config { steps: 40, validate_every: 5, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 4);
    engine.diverges_at = Some(13);
    let message = footage.train(&mut engine, &run, &config, Options::default()).expect_err("diverges").to_string();
    assert!(message.contains("step 13") && message.contains("NaN") && message.contains("last.safetensors"), "{message}");
    assert_eq!(run.load(&Which::Last).expect("still good").progress.step, 10);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut early = Fake::new(&config.spec(16, 16).expect("small"), 4);
    early.diverges_at = Some(3);
    let early = footage.train(&mut early, &new_run(folder.path()), &config, Options::default());
    assert!(matches!(early, Err(TrainError::Diverged { step: 3, last_good: None, .. })));
}

#[test]
fn weights_that_are_no_numbers_never_replace_a_good_checkpoint() {
    let config = Config { steps: 40, validate_every: 5, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (run, flag) = (new_run(folder.path()), AtomicBool::new(false));
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 4);
    engine.moments_diverge_at = Some(7);
    let options = Options { cancel: Some(&flag), ..Options::default() };
    let mut observer = StopAfter { step: 7, flag: &flag };
    let error = train(&mut engine, footage.material(), &run, &config, options, &mut observer).expect_err("nothing good to save");
    assert!(matches!(error, TrainError::WeightsDiverged { step: 7, last_good: Some(_) }), "{error}");
    assert_eq!(run.load(&Which::Last).expect("still good").progress.step, 5);
}

#[test]
fn other_settings_and_other_footage_are_no_way_to_resume() {
    let config = Config { steps: 4, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    let spec = config.spec(16, 16).expect("small");
    footage.train(&mut Fake::new(&spec, 4), &run, &config, Options::default()).expect("trains");
    let other = Config { lr: 0.5, ..config.clone() };
    let error = footage.train(&mut Fake::new(&spec, 4), &run, &other, resume(None)).expect_err("another lr");
    assert!(matches!(&error, TrainError::OtherConfig { key, .. } if key == "lr"), "{error}");
    let material = Material { fingerprint: "other", ..footage.material() };
    let error = train(&mut Fake::new(&spec, 4), material, &run, &config, resume(None), &mut Quiet).expect_err("other footage");
    assert!(matches!(error, TrainError::OtherData { .. }), "{error}");
    let longer = Config { steps: 6, ..config.clone() };
    assert_eq!(footage.train(&mut Fake::new(&spec, 4), &run, &longer, resume(None)).expect("a larger budget").step, 6);
    let again = footage.train(&mut Fake::new(&spec, 4), &run, &longer, resume(None)).expect("nothing left to do");
    assert_eq!((again.ended, again.step, again.calibration.is_some()), (Ended::Finished, 6, true));
}

#[test]
fn test_best_asks_the_judge_and_nobody_else() {
    struct Middle;
    impl Judge for Middle {
        fn auc(&mut self, _engine: &mut dyn Engine, step: u64) -> Result<f64, String> {
            Ok(if step == 8 { 0.9 } else { 0.6 })
        }
    }
    let config = Config { steps: 16, validate_every: 4, select: Select::TestBest, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    let spec = config.spec(16, 16).expect("small");
    let nobody = footage.train(&mut Fake::new(&spec, 4), &run, &config, Options::default());
    assert!(matches!(nobody, Err(TrainError::NoJudge)));
    let options = Options { judge: Some(&mut Middle), ..Options::default() };
    let outcome = footage.train(&mut Fake::new(&spec, 4), &run, &config, options).expect("trains");
    assert_eq!(outcome.best.map(|best| (best.step, best.value)), Some((8, 0.9)));
    assert_eq!(run.load(&Which::Best).expect("written").state.step, 8);
}

#[test]
fn interrupted_while_calibrating_it_goes_on_with_calibrating() {
    /// Stops at the first frame of the calibration.
    struct StopAtCalibration<'a>(&'a AtomicBool);
    impl Observer for StopAtCalibration<'_> {
        fn event(&mut self, event: &Event<'_>) {
            if matches!(event, Event::Calibrating { .. }) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
    }
    let config = Config { steps: 5, ..small() };
    let footage = Footage::made(&config);
    let folders: Vec<tempfile::TempDir> = (0..2).map(|_| tempfile::tempdir().expect("a temporary folder")).collect();
    let spec = config.spec(16, 16).expect("small");
    let (whole, run, flag) = (new_run(folders[0].path()), new_run(folders[1].path()), AtomicBool::new(false));
    footage.train(&mut Fake::new(&spec, 4), &whole, &config, Options::default()).expect("trains");
    let options = Options { cancel: Some(&flag), ..Options::default() };
    let material = footage.material();
    let first = train(&mut Fake::new(&spec, 4), material, &run, &config, options, &mut StopAtCalibration(&flag)).expect("trains");
    assert_eq!((first.ended, first.step), (Ended::Interrupted, 5));
    footage.train(&mut Fake::new(&spec, 4), &run, &config, resume(None)).expect("resumes");
    assert_eq!(bytes(&run, &Which::Last), bytes(&whole, &Which::Last));
    assert_eq!(fs::read(run.metrics()).expect("written"), fs::read(whole.metrics()).expect("written"));
}

#[test]
fn a_dead_discriminator_is_told_once() {
    struct Count(Vec<String>);
    impl Observer for Count {
        fn event(&mut self, event: &Event<'_>) {
            if let Event::Warning(warning @ Warning::DiscriminatorDead { .. }) = event {
                self.0.push(warning.to_string());
            }
        }
    }
    let config = Config { steps: 400, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 4);
    engine.discriminator = (std::f64::consts::LN_2, std::f64::consts::LN_2);
    let mut count = Count(Vec::new());
    train(&mut engine, footage.material(), &new_run(folder.path()), &config, Options::default(), &mut count).expect("trains");
    assert_eq!(count.0.len(), 1);
    assert!(count.0[0].contains("2 ln 2"), "{}", count.0[0]);
}

#[test]
fn a_run_folder_that_cannot_be_written_is_one_sentence() {
    let config = Config { steps: 1, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    fs::remove_dir(run.checkpoints()).expect("empty");
    fs::write(run.checkpoints(), "in the way").expect("writable");
    let mut engine = Fake::new(&config.spec(16, 16).expect("small"), 4);
    let message = footage.train(&mut engine, &run, &config, Options::default()).expect_err("a file where the folder should be").to_string();
    assert!(message.contains("cannot write") && !message.contains('\n'), "{message}");
    assert!(Checkpoint::load(&run.checkpoint(&Which::Last)).is_err());
}

/// Train, open the file, score: the library's whole way; and the file's scores are those of the cache.
#[test]
fn a_detector_opens_what_training_wrote() {
    let config = Config { steps: 20, ..small() };
    let footage = Footage::made(&config);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = new_run(folder.path());
    let outcome = footage.train(&mut cpu(&config, 4, 1), &run, &config, Options::default()).expect("trains");
    let calibration = outcome.calibration.expect("finished");
    let mut detector = Detector::open(&run.checkpoint(&Which::Best), 1).expect("calibrated");
    let held_out = write_clip(folder.path(), 3);
    let mut scores = Vec::new();
    let mut sink = |score: &FrameScore, _: &MapView<'_>| scores.push(score.clone());
    assert_eq!(detector.score_clip(&held_out, &OpenOptions::default(), &mut sink).expect("pictures").frames, 13);
    let highest = scores[1..].iter().map(|score| score.score).fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(highest, calibration.highest, "the held-out clip decoded anew and from the cache: the same bits");
    assert!(scores[1..].iter().all(|score| !score.alarm && !score.warmup));
    // Another camera of the same scene, on another thread.
    let mut other = detector.another(1).expect("a processor").expect("an engine of the processor's");
    let seen = std::thread::scope(|scope| {
        let watch = || {
            let mut seen = Vec::new();
            let mut sink = |score: &FrameScore, _: &MapView<'_>| seen.push(score.clone());
            other.score_clip(&held_out, &OpenOptions::default(), &mut sink).expect("pictures");
            seen
        };
        scope.spawn(watch).join().expect("no panic")
    });
    assert_eq!(seen, scores);
    let unfinished = Checkpoint { calibration: None, ..run.load(&Which::Last).expect("written") };
    unfinished.save(&run.checkpoint(&Which::Last)).expect("writable");
    let error = Detector::open(&run.checkpoint(&Which::Last), 1).err().expect("not calibrated");
    assert!(error.to_string().contains("--resume"), "{error}");
}
