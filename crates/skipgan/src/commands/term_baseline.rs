//! `baseline flow|place|flow-place`: what the default score is made of beside the network's A. Footage is prepared, split and calibrated exactly as
//! for preset `video`, so that what the network is worth can be read off by comparison.

use super::CommandError;
use super::baseline::{BaselineOptions, CALIBRATED_ON_ITSELF};
use super::event::{Event, Listener};
use super::executor::Device;
use super::reading::{self, Prepared};
use super::score::{ScoreOptions, score_set};
use super::scored::Scored;
use super::still_branch;
use crate::baseline::{BaselineError, TermBaseline};
use crate::config::Config;
use crate::data::cache::DEFAULT_LIMIT_BYTES;
use crate::data::{DataSet, PictureSettings, Sight, hold_out};
use crate::evaluate::Selection;
use crate::model::Precision;
use crate::report::meta_file::ScoreMeta;
use crate::score::no_network::NoNetwork;
use crate::score::{Detector, fit_spans, place};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Windows measured at once.
const BATCH: usize = 8;

/// Calibrates on the training clips and scores the test clips.
pub(super) fn run(
    baseline: TermBaseline,
    options: &BaselineOptions,
    cancel: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<Scored, CommandError> {
    let set = options.reading.find(&options.data)?;
    listener.hear(Event::Note(set.summary()));
    if set.layout.is_stills() || still_branch::are_stills(set.for_training()?) {
        return Err(BaselineError::NeedsConsecutiveFrames { name: baseline.name() }.into());
    }
    let unseen = !set.test.is_empty();
    if !unseen {
        listener.hear(Event::Warning(format!("{} has no test part: {CALIBRATED_ON_ITSELF}", set.name())));
    }
    let config = Config { score: baseline.score(), ..Config::preset("video")? };
    let detector = fitted(&config, &set, options, cancel, listener)?;
    let calibration = detector.calibration();
    let mut meta = ScoreMeta {
        schema: ScoreMeta::SCHEMA,
        program_version: Some(env!("CARGO_PKG_VERSION").into()),
        tau0: Some(calibration.tau0),
        command: Some(options.command.clone()),
        selection: Some(Selection::Train),
        strict: unseen,
        not_strict_because: if unseen { Vec::new() } else { vec![CALIBRATED_ON_ITSELF.into()] },
        ..ScoreMeta::default()
    };
    meta.further.insert("baseline".into(), baseline.name().into());
    meta.further.insert("alarm_from".into(), calibration.alarm_from().into());
    meta.further.insert("alarm_threshold".into(), json!(calibration.threshold));
    meta.further.insert("highest_normal".into(), calibration.highest.into());
    let scoring = ScoreOptions {
        run: PathBuf::new(),
        input: options.data.clone(),
        out: options.out.clone(),
        maps: options.maps.clone(),
        overlay: None,
        checkpoint: None,
        set: Vec::new(),
        reading: options.reading.clone(),
        precision: Precision::F32,
        threads: options.threads,
        device: Device::Cpu,
        command: options.command.clone(),
    };
    score_set(detector, &set, &scoring, meta, cancel, listener)
}

/// What is usual from the training part, medians and deviations from the held-out part.
fn fitted(
    config: &Config,
    set: &DataSet,
    options: &BaselineOptions,
    cancel: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<Detector, CommandError> {
    let clips = set.for_training()?;
    let (height, width) = config.picture(options.reading.aspect(clips)?)?;
    let folder = CacheFolder::beside(&options.out);
    let picture = PictureSettings::new(config, height, width);
    let limit = reading::cache_limit(DEFAULT_LIMIT_BYTES, config.sees, &picture);
    let cache = options.reading.cache(&folder.0, clips, &picture, limit, cancel, listener)?;
    let split = hold_out(&cache.frames(), config.history)?;
    listener.hear(Event::Note(split.summary()));
    let motion = reading::motion(&cache, config.sees, options.threads, cancel, listener)?;
    let usual = motion.as_ref().map(|motion| place::usual(config, &cache, motion, &split.train)).transpose()?;
    let prepared = Prepared { cache, motion, sight: Sight::new(config, height, width, usual.map(Arc::new)) };
    let mut engine = NoNetwork::default();
    let calibration = fit_spans(&mut engine, prepared.footage(), &split.held_out, config, BATCH, Some(cancel), &mut |_, _| {})?;
    Ok(Detector::without_network(config.clone(), prepared.sight, calibration)?)
}

/// Decoded frames and their motion, beside the score file while it is made; removed in the end.
struct CacheFolder(PathBuf);

impl CacheFolder {
    fn beside(out: &Path) -> CacheFolder {
        let mut name = std::ffi::OsString::from(".");
        name.push(out.file_name().unwrap_or_default());
        name.push(format!(".{}.cache", std::process::id()));
        CacheFolder(out.with_file_name(name))
    }
}

impl Drop for CacheFolder {
    fn drop(&mut self) {
        // What cannot be removed is only space.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
