//! The evaluation as a record: every key of EVALUATION §5, present whether known or not, with a reason for every `null`.

use super::compare::PairedComparison;
use super::conventions::Conventions;
use super::events::AlarmRecord;
use super::kinds::KindLine;
use super::no_information::NoInformation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// On what the model's free choices (epoch, λ, size, seed) were made (EVALUATION §1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// On training footage, or fixed beforehand.
    Train,
    /// On held-out normal footage.
    Heldout,
    /// On the test set: never strict.
    Test,
}

/// Where scores and labels come from; copied into the report. `None` is unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// Name of the data set, with ` (incomplete)` where frames are missing.
    pub dataset: Option<String>,
    /// Which labels were used, in words.
    pub label_source: Option<String>,
    /// SHA-256 of the score file.
    pub scores_sha256: Option<String>,
    /// SHA-256 of the model file.
    pub model_sha256: Option<String>,
    /// Version of the program that wrote the scores.
    pub program_version: Option<String>,
    /// Seed of the training.
    pub seed: Option<u64>,
    /// What the model was chosen on.
    pub selection: Option<Selection>,
    /// Threshold of the regions, from normal footage.
    pub tau0: Option<f64>,
    /// Known breaches of the strict protocol, one sentence each.
    pub not_strict_because: Vec<String>,
}

/// Number, seed and redraws of the bootstrap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BootstrapRecord {
    /// Draws.
    #[serde(rename = "B")]
    pub draws: usize,
    /// Seed of SplitMix64.
    pub seed: u64,
    /// Draws of one class only that were drawn again; `None` where no interval could be had.
    pub redraws: Option<u64>,
}

/// One clip's line of the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClipLine {
    /// Name.
    pub clip: String,
    /// Frames.
    pub n_frames: usize,
    /// Anomalous frames.
    pub n_anomalous: usize,
    /// AUROC of the clip alone; `None` with one class only.
    #[serde(rename = "AUROC")]
    pub auroc: Option<f64>,
}

/// Everything that is known about how good a set of scores is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // each field is its key in EVALUATION §5, where it is defined; the last two are ours
pub struct Evaluation {
    pub schema: u32,
    pub strict: bool,
    pub not_strict_because: Vec<String>,
    pub selection: Option<Selection>,
    pub dataset: Option<String>,
    pub label_source: Option<String>,
    pub scores_sha256: Option<String>,
    pub model_sha256: Option<String>,
    pub program_version: Option<String>,
    pub seed: Option<u64>,
    pub n_clips: usize,
    pub n_frames: usize,
    pub n_anomalous_frames: usize,
    pub prevalence: f64,
    pub n_frames_dropped: usize,
    #[serde(rename = "frame_AUROC_micro")]
    pub frame_auroc_micro: Option<f64>,
    pub ci95: BTreeMap<String, Option<[f64; 2]>>,
    pub bootstrap: BootstrapRecord,
    #[serde(rename = "frame_AP")]
    pub frame_ap: Option<f64>,
    #[serde(rename = "frame_EER")]
    pub frame_eer: Option<f64>,
    #[serde(rename = "frame_FPR95")]
    pub frame_fpr95: Option<f64>,
    pub n_mask_frames: Option<usize>,
    pub pixel_bins: Option<usize>,
    #[serde(rename = "pixel_AUROC")]
    pub pixel_auroc: Option<f64>,
    #[serde(rename = "pixel_AUPRO")]
    pub pixel_aupro: Option<f64>,
    #[serde(rename = "UCSD40_AUC")]
    pub ucsd40_auc: Option<f64>,
    #[serde(rename = "UCSD40_EER")]
    pub ucsd40_eer: Option<f64>,
    #[serde(rename = "RBDC")]
    pub rbdc: Option<f64>,
    #[serde(rename = "TBDC")]
    pub tbdc: Option<f64>,
    pub tracks: Option<String>,
    pub tau0: Option<f64>,
    pub conventions: Conventions,
    pub no_information: NoInformation,
    pub above_floor: Option<bool>,
    pub per_clip: Vec<ClipLine>,
    #[serde(default)]
    pub by_kind: Option<BTreeMap<String, KindLine>>,
    pub null_reasons: BTreeMap<String, String>,
    #[serde(default)]
    pub alarms: Option<AlarmRecord>,
    #[serde(default)]
    pub comparison: Option<PairedComparison>,
}

impl Evaluation {
    /// The version of this record.
    pub const SCHEMA: u32 = 1;

    /// The 95 % interval of a key, if there is one.
    pub fn interval(&self, key: &str) -> Option<[f64; 2]> {
        self.ci95.get(key).copied().flatten()
    }

    /// The no-information floor that the strict number is held against.
    pub fn floor(&self) -> Option<f64> {
        self.no_information.floor()
    }
}
