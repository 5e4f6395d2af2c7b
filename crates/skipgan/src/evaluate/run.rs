//! All metrics at once: scores and labels, optionally masks, maps and boxes, to an [`Evaluation`] with every key of EVALUATION §5.
//!
//! Masks and maps come through two small traits, one frame at a time, so that neither files nor memory are a matter here. What is not
//! given leaves its keys `None` with the reason in `null_reasons`.

use super::bootstrap::ClipBootstrap;
use super::clips::{ClipScores, check};
use super::conventions::{Conventions, pooled};
use super::error::EvaluateError;
use super::frame::{FrameMetrics, Ranking};
use super::no_information::NoInformation;
use super::pixel::{EXACT_PIXELS, PixelMetrics, pixel_metrics};
use super::reasons;
use super::regions::{Detection, RegionMetrics, TrackTracer, TruthRegion, check_regions, region_metrics};
use super::report::{BootstrapRecord, ClipLine, Evaluation, Provenance, Selection};
use crate::localise::{Bilinear, Plane};

/// Why a mask or a map could not be had.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Gives the pixel masks, one frame at a time.
pub trait MaskSource {
    /// Reads the mask of frame `frame` (0-based) of clip number `clip` into `mask`: 0 normal, anything else anomalous. `Ok(false)`
    /// if the frame has no mask file, which is not the same as an empty mask. Frames of a clip are asked for in rising order, all
    /// clips up to three times.
    ///
    /// # Errors
    /// Whatever keeps an existing mask from being read.
    fn read(&mut self, clip: usize, frame: usize, mask: &mut Plane<u8>) -> Result<bool, SourceError>;
}

/// Gives the anomaly maps, one frame at a time.
pub trait MapSource {
    /// Reads the map of frame `frame` (0-based) of clip number `clip` into `map`, at whatever resolution it has. Only frames with a
    /// mask are asked for, in rising order within a clip, all clips up to two times.
    ///
    /// # Errors
    /// Whatever keeps the map from being read.
    fn read(&mut self, clip: usize, frame: usize, map: &mut Plane<f64>) -> Result<(), SourceError>;
}

/// What is judged, and against what.
pub struct Inputs<'a> {
    /// Scores and labels of every test clip.
    pub clips: &'a [ClipScores<'a>],
    /// Pixel masks, where the data set has them.
    pub masks: Option<&'a mut dyn MaskSource>,
    /// Anomaly maps, where they were written.
    pub maps: Option<&'a mut dyn MapSource>,
    /// Boxes in mask pixels, where they were written.
    pub detections: Option<&'a [Detection]>,
    /// Hand-made truth; without it regions and tracks are derived from the masks.
    pub tracks: Option<&'a [TruthRegion]>,
}

/// Number of draws and seed of the interval.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Draws of the clip bootstrap; the protocol says 2,000.
    pub draws: usize,
    /// Its seed.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { draws: 2000, seed: 0 }
    }
}

/// Measures everything.
///
/// # Errors
/// Inputs from which no number may be computed: see [`EvaluateError`].
pub fn evaluate(inputs: Inputs<'_>, provenance: Provenance, options: Options) -> Result<Evaluation, EvaluateError> {
    let Inputs { clips, mut masks, mut maps, detections, tracks } = inputs;
    check(clips)?;
    check_regions(clips, detections.unwrap_or_default(), tracks.unwrap_or_default())?;
    let mut evaluation = frame_part(clips, options);
    take_provenance(&mut evaluation, provenance);
    let truth = match &mut masks {
        Some(masks) => Some(MaskTruth::scan(clips, &mut **masks)?),
        None => None,
    };
    evaluation.n_mask_frames = truth.as_ref().map(|truth| truth.frames);
    if let (Some(masks), Some(maps)) = (&mut masks, &mut maps) {
        let metrics = measure_pixels(clips, &mut **masks, &mut **maps)?;
        take_pixels(&mut evaluation, &metrics);
    }
    let given = reasons::Given { masks: truth.is_some(), maps: maps.is_some(), detections: detections.is_some() };
    if let (Some((name, regions)), Some(detections)) = (choose_truth(tracks, truth.as_ref()), detections) {
        let RegionMetrics { rbdc, tbdc } = region_metrics(regions, detections, evaluation.n_frames);
        (evaluation.rbdc, evaluation.tbdc) = (rbdc, tbdc);
        evaluation.tracks = rbdc.is_some().then(|| name.to_owned());
    }
    evaluation.null_reasons = reasons::for_nulls(&evaluation, given, truth.map_or(0, |truth| truth.unmasked_anomalous));
    Ok(evaluation)
}

/// All that needs scores and labels only.
fn frame_part(clips: &[ClipScores<'_>], options: Options) -> Evaluation {
    let ranking = pooled(clips);
    let FrameMetrics { auroc, average_precision, equal_error_rate, false_positive_rate_95 } = ranking.metrics();
    let n_frames = (ranking.anomalous() + ranking.normal()) as usize;
    let bootstrap = ClipBootstrap::run(clips, options.draws, options.seed);
    let mut evaluation = Evaluation {
        schema: Evaluation::SCHEMA,
        n_clips: clips.len(),
        n_frames,
        n_anomalous_frames: ranking.anomalous() as usize,
        prevalence: ranking.anomalous() as f64 / n_frames as f64,
        frame_auroc_micro: auroc,
        frame_ap: average_precision,
        frame_eer: equal_error_rate,
        frame_fpr95: false_positive_rate_95,
        bootstrap: BootstrapRecord {
            draws: options.draws,
            seed: options.seed,
            redraws: bootstrap.as_ref().map(|bootstrap| bootstrap.redraws),
        },
        conventions: Conventions::measure(clips),
        no_information: NoInformation::measure(clips),
        per_clip: clips.iter().map(clip_line).collect(),
        ..Evaluation::default()
    };
    take_intervals(&mut evaluation, bootstrap.as_ref());
    evaluation
}

fn clip_line(clip: &ClipScores<'_>) -> ClipLine {
    let ranking = Ranking::new(clip.scores, clip.labels);
    ClipLine { clip: clip.name.to_owned(), n_frames: clip.scores.len(), n_anomalous: ranking.anomalous() as usize, auroc: ranking.auroc() }
}

/// How one metric is read from a draw.
type Pick = fn(&FrameMetrics) -> Option<f64>;

fn take_intervals(evaluation: &mut Evaluation, bootstrap: Option<&ClipBootstrap>) {
    let picks: [(&str, Pick); 4] = [
        ("frame_AUROC_micro", |metrics| metrics.auroc),
        ("frame_AP", |metrics| metrics.average_precision),
        ("frame_EER", |metrics| metrics.equal_error_rate),
        ("frame_FPR95", |metrics| metrics.false_positive_rate_95),
    ];
    for (key, pick) in picks {
        let interval = bootstrap.and_then(|bootstrap| bootstrap.interval(pick));
        evaluation.ci95.insert(key.to_owned(), interval);
    }
    let lower_end = evaluation.interval("frame_AUROC_micro").map(|interval| interval[0]);
    evaluation.above_floor = lower_end.zip(evaluation.floor()).map(|(lower_end, floor)| lower_end > floor);
}

fn take_provenance(evaluation: &mut Evaluation, provenance: Provenance) {
    let mut breaches = provenance.not_strict_because;
    match provenance.selection {
        Some(Selection::Test) => breaches.push("the model was chosen on the test set".to_owned()),
        None => breaches.push("it is not known on what footage the model was chosen".to_owned()),
        Some(Selection::Train | Selection::Heldout) => {}
    }
    breaches.dedup();
    evaluation.strict = breaches.is_empty();
    evaluation.not_strict_because = breaches;
    evaluation.selection = provenance.selection;
    evaluation.dataset = provenance.dataset;
    evaluation.label_source = provenance.label_source;
    evaluation.scores_sha256 = provenance.scores_sha256;
    evaluation.model_sha256 = provenance.model_sha256;
    evaluation.program_version = provenance.program_version;
    evaluation.seed = provenance.seed;
    evaluation.tau0 = provenance.tau0;
}

fn take_pixels(evaluation: &mut Evaluation, metrics: &PixelMetrics) {
    evaluation.pixel_bins = metrics.bins;
    evaluation.pixel_auroc = metrics.auroc;
    evaluation.pixel_aupro = metrics.aupro;
    evaluation.ucsd40_auc = metrics.ucsd40.auroc();
    evaluation.ucsd40_eer = metrics.ucsd40.equal_error_rate();
}

/// Regions and tracks as the masks have them.
struct MaskTruth {
    frames: usize,
    unmasked_anomalous: usize,
    regions: Vec<TruthRegion>,
}

impl MaskTruth {
    fn scan(clips: &[ClipScores<'_>], masks: &mut dyn MaskSource) -> Result<Self, EvaluateError> {
        let mut truth = Self { frames: 0, unmasked_anomalous: 0, regions: Vec::new() };
        let mut mask = Plane::default();
        for (index, clip) in clips.iter().enumerate() {
            let mut tracer = TrackTracer::new();
            for (frame, &label) in clip.labels.iter().enumerate() {
                if read_mask(masks, clip, (index, frame), &mut mask)? {
                    truth.frames += 1;
                    tracer.push(frame, &mask);
                } else {
                    truth.unmasked_anomalous += usize::from(label == 1);
                }
            }
            truth.regions.extend(tracer.finish(index).0);
        }
        Ok(truth)
    }
}

/// The truth that boxes are held against and its name in the report. Masks serve only if no anomalous frame lacks one: a box there
/// would be called false though nobody knows.
fn choose_truth<'a>(tracks: Option<&'a [TruthRegion]>, masks: Option<&'a MaskTruth>) -> Option<(&'static str, &'a [TruthRegion])> {
    match (tracks, masks) {
        (Some(tracks), _) => Some(("file", tracks)),
        (None, Some(masks)) if masks.unmasked_anomalous == 0 => Some(("mask26", &masks.regions)),
        (None, _) => None,
    }
}

fn measure_pixels(clips: &[ClipScores<'_>], masks: &mut dyn MaskSource, maps: &mut dyn MapSource) -> Result<PixelMetrics, EvaluateError> {
    let mut sized = SizedMap::default();
    let mut mask = Plane::default();
    let pass = |see: &mut dyn FnMut(&Plane<f64>, &Plane<u8>)| {
        for (index, clip) in clips.iter().enumerate() {
            for frame in 0..clip.labels.len() {
                if read_mask(masks, clip, (index, frame), &mut mask)? {
                    see(sized.read(maps, clip, (index, frame), (mask.height, mask.width))?, &mask);
                }
            }
        }
        Ok(())
    };
    pixel_metrics(pass, EXACT_PIXELS)
}

fn read_mask(
    masks: &mut dyn MaskSource,
    clip: &ClipScores<'_>,
    (index, frame): (usize, usize),
    mask: &mut Plane<u8>,
) -> Result<bool, EvaluateError> {
    let name = || clip.name.to_owned();
    let found = masks.read(index, frame, mask).map_err(|source| EvaluateError::Source { clip: name(), frame, source })?;
    if found && mask.values.is_empty() {
        return Err(EvaluateError::EmptyPlane { clip: name(), frame, what: "mask" });
    }
    Ok(found)
}

/// A map as it is stored, and brought to the size of its mask.
#[derive(Default)]
struct SizedMap {
    stored: Plane<f64>,
    resized: Plane<f64>,
    plan: Option<Bilinear>,
}

impl SizedMap {
    fn read(
        &mut self,
        maps: &mut dyn MapSource,
        clip: &ClipScores<'_>,
        (index, frame): (usize, usize),
        size: (usize, usize),
    ) -> Result<&Plane<f64>, EvaluateError> {
        let name = || clip.name.to_owned();
        maps.read(index, frame, &mut self.stored).map_err(|source| EvaluateError::Source { clip: name(), frame, source })?;
        if self.stored.values.is_empty() {
            return Err(EvaluateError::EmptyPlane { clip: name(), frame, what: "anomaly map" });
        }
        if let Some(&value) = self.stored.values.iter().find(|value| !value.is_finite()) {
            return Err(EvaluateError::NonFiniteMap { clip: name(), frame, value });
        }
        let stored = (self.stored.height, self.stored.width);
        if stored == size {
            return Ok(&self.stored);
        }
        let fits = |plan: &Bilinear| plan.from() == stored && plan.to() == size;
        let plan = match self.plan.take().filter(fits) {
            Some(plan) => self.plan.insert(plan),
            None => self.plan.insert(Bilinear::new(stored, size)),
        };
        plan.apply(&self.stored, &mut self.resized);
        Ok(&self.resized)
    }
}
