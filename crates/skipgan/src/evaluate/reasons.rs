//! Why a key of the report is `null`, in words: an unknown is never a number, and never silent (EVALUATION §1.8).

use super::kinds::NO_KINDS;
use super::report::Evaluation;
use std::collections::BTreeMap;

/// What was given besides scores and labels.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) masks: bool,
    pub(crate) maps: bool,
    pub(crate) detections: bool,
}

/// One reason for every `null` of the record; keys inside a block are written `block.key`.
pub(crate) fn for_nulls(evaluation: &Evaluation, given: Given, unmasked_anomalous: usize) -> BTreeMap<String, String> {
    let mut reasons = Reasons { found: BTreeMap::new() };
    let one_class = one_class_reason(evaluation);
    provenance(&mut reasons, evaluation);
    frames(&mut reasons, evaluation, &one_class);
    pixels(&mut reasons, evaluation, given);
    regions(&mut reasons, evaluation, given, unmasked_anomalous);
    conventions(&mut reasons, evaluation, &one_class);
    no_information(&mut reasons, evaluation, &one_class);
    reasons.unless(&evaluation.by_kind, "by_kind", NO_KINDS);
    reasons.unless(&evaluation.alarms, "alarms", "the scores have no column alarm, or an empty cell in it");
    reasons.unless(&evaluation.comparison, "comparison", "no other scores were named (evaluate --compare OTHER)");
    reasons.found
}

struct Reasons {
    found: BTreeMap<String, String>,
}

impl Reasons {
    fn unless<T>(&mut self, value: &Option<T>, key: &str, reason: &str) {
        if value.is_none() {
            self.found.insert(key.to_owned(), reason.to_owned());
        }
    }
}

fn one_class_reason(evaluation: &Evaluation) -> String {
    let class = if evaluation.n_anomalous_frames == 0 { "normal" } else { "anomalous" };
    format!("all {} frames are {class}: a ranking needs both classes", evaluation.n_frames)
}

fn provenance(reasons: &mut Reasons, evaluation: &Evaluation) {
    let meta = "the score file's .meta.json does not say, or is missing";
    reasons.unless(&evaluation.selection, "selection", meta);
    reasons.unless(&evaluation.model_sha256, "model_sha256", meta);
    reasons.unless(&evaluation.program_version, "program_version", meta);
    reasons.unless(&evaluation.seed, "seed", meta);
    reasons.unless(&evaluation.tau0, "tau0", meta);
    reasons.unless(&evaluation.dataset, "dataset", "the data set has no known name");
    reasons.unless(&evaluation.label_source, "label_source", "the source of the labels was not named");
    reasons.unless(&evaluation.scores_sha256, "scores_sha256", "the scores did not come from a file");
}

fn frames(reasons: &mut Reasons, evaluation: &Evaluation, one_class: &str) {
    reasons.unless(&evaluation.frame_auroc_micro, "frame_AUROC_micro", one_class);
    reasons.unless(&evaluation.frame_ap, "frame_AP", one_class);
    reasons.unless(&evaluation.frame_eer, "frame_EER", one_class);
    reasons.unless(&evaluation.frame_fpr95, "frame_FPR95", one_class);
    reasons.unless(&evaluation.above_floor, "above_floor", one_class);
    for (key, interval) in &evaluation.ci95 {
        reasons.unless(interval, &format!("ci95.{key}"), one_class);
    }
    reasons.unless(&evaluation.bootstrap.redraws, "bootstrap.redraws", one_class);
    if evaluation.per_clip.iter().any(|line| line.auroc.is_none()) {
        let reason = "null for a clip whose frames are all normal or all anomalous";
        reasons.found.insert("per_clip.AUROC".to_owned(), reason.to_owned());
    }
}

fn pixels(reasons: &mut Reasons, evaluation: &Evaluation, given: Given) {
    let no_masks = "the data have no pixel masks";
    reasons.unless(&evaluation.n_mask_frames, "n_mask_frames", no_masks);
    let missing = match (given.masks, given.maps) {
        (false, _) => Some(no_masks),
        (true, false) => Some("no anomaly maps were given (score with --maps DIR, evaluate with --maps DIR)"),
        (true, true) => None,
    };
    let bins = missing.unwrap_or("the pixels were ranked exactly, without bins");
    reasons.unless(&evaluation.pixel_bins, "pixel_bins", bins);
    let pixels = missing.unwrap_or("the masks mark no pixel, or every pixel");
    reasons.unless(&evaluation.pixel_auroc, "pixel_AUROC", pixels);
    reasons.unless(&evaluation.pixel_aupro, "pixel_AUPRO", pixels);
    let frames = missing.unwrap_or("the masked frames are all normal or all anomalous");
    reasons.unless(&evaluation.ucsd40_auc, "UCSD40_AUC", frames);
    reasons.unless(&evaluation.ucsd40_eer, "UCSD40_EER", frames);
}

fn regions(reasons: &mut Reasons, evaluation: &Evaluation, given: Given, unmasked_anomalous: usize) {
    let unmasked = format!("{unmasked_anomalous} anomalous frames have no mask, so their regions are unknown");
    let reason = match (given.detections, given.masks, unmasked_anomalous) {
        (false, ..) => "no detections were given (score with --maps DIR, evaluate with --maps DIR)",
        (true, false, _) => "the data have neither pixel masks nor boxes of the events",
        (true, true, 0) => "the truth holds no region",
        (true, true, _) => &unmasked,
    };
    reasons.unless(&evaluation.rbdc, "RBDC", reason);
    reasons.unless(&evaluation.tbdc, "TBDC", reason);
    reasons.unless(&evaluation.tracks, "tracks", reason);
}

fn conventions(reasons: &mut Reasons, evaluation: &Evaluation, one_class: &str) {
    let values = &evaluation.conventions;
    let mut unless = |value: &Option<f64>, key: &str, reason: &str| {
        reasons.unless(value, &format!("conventions.{key}"), reason);
    };
    unless(&values.frame_auroc_macro, "frame_AUROC_macro", "no clip has both classes");
    unless(&values.frame_auroc_macro_padded, "frame_AUROC_macro_padded", "there are no clips");
    unless(&values.frame_auroc_clip_minmax, "frame_AUROC_clip_minmax", one_class);
    unless(&values.frame_auroc_gauss3, "frame_AUROC_gauss3", one_class);
    unless(&values.frame_auroc_clip_minmax_gauss3, "frame_AUROC_clip_minmax_gauss3", one_class);
    let dropped = "without the first 4 frames of each clip one class is missing";
    unless(&values.frame_auroc_drop4_clip_minmax, "frame_AUROC_drop4_clip_minmax", dropped);
    unless(&values.frame_auroc_drop4_median17, "frame_AUROC_drop4_median17", dropped);
}

fn no_information(reasons: &mut Reasons, evaluation: &Evaluation, one_class: &str) {
    let blind = &evaluation.no_information;
    for (name, row) in [("index", &blind.index), ("relative_position", &blind.relative_position), ("constant", &blind.constant)] {
        let mut unless = |value: &Option<f64>, key: &str| {
            reasons.unless(value, &format!("no_information.{name}.{key}"), one_class);
        };
        unless(&row.frame_auroc_micro, "frame_AUROC_micro");
        unless(&row.frame_auroc_macro_padded, "frame_AUROC_macro_padded");
        unless(&row.frame_auroc_clip_minmax, "frame_AUROC_clip_minmax");
    }
}
