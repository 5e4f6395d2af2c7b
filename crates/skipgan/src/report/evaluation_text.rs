//! The evaluation as a short table for a terminal: the strict number first, its interval and the no-information floor beside it, then
//! pixels and regions, then the habits of the literature, named as not strict. Percentages with one decimal; – is unknown.

use super::alarm_text::{alarm_block, comparison_block};
use crate::evaluate::Evaluation;
use crate::words::counted;
use std::fmt::Write as _;

/// The table, several lines, each ended.
pub fn evaluation_text(evaluation: &Evaluation) -> String {
    let mut text = String::new();
    head(&mut text, evaluation);
    strict_block(&mut text, evaluation);
    kind_block(&mut text, evaluation);
    comparison_block(&mut text, evaluation);
    alarm_block(&mut text, evaluation);
    pixel_block(&mut text, evaluation);
    convention_block(&mut text, evaluation);
    text
}

// Writing to a String cannot fail, so the results of `writeln!` are let go in this module.

fn head(text: &mut String, evaluation: &Evaluation) {
    let name = evaluation.dataset.as_deref().unwrap_or("own data");
    let _ = writeln!(
        text,
        "{name}: {}, {} frames, {} anomalous ({} %)",
        counted(evaluation.n_clips, "clip"),
        grouped(evaluation.n_frames),
        grouped(evaluation.n_anomalous_frames),
        percent(Some(evaluation.prevalence)).trim(),
    );
    if let Some(labels) = &evaluation.label_source {
        let _ = writeln!(text, "labels   {labels}");
    }
    if let Some(hash) = &evaluation.scores_sha256 {
        let _ = writeln!(text, "scores   sha256 {hash}");
    }
}

fn strict_block(text: &mut String, evaluation: &Evaluation) {
    if evaluation.strict {
        let _ = writeln!(text, "\nstrict: raw scores, every frame, causal, nothing from the test set");
    } else {
        let _ = writeln!(text, "\nnot strict, because {}", evaluation.not_strict_because.join("; "));
    }
    let _ = writeln!(text, "  {:<24}{:>6}   {:<16}  floor", "", "%", "95 % interval");
    let floor = match evaluation.above_floor {
        Some(true) => format!("{} (frame counter): beaten", percent(evaluation.floor()).trim()),
        Some(false) => format!("{} (frame counter): not shown to beat the frame counter", percent(evaluation.floor()).trim()),
        None => reason(evaluation, "frame_AUROC_micro"),
    };
    row(text, evaluation, ("frame AUROC (micro)", "frame_AUROC_micro", evaluation.frame_auroc_micro), &floor);
    let chance = format!("{} (chance)", percent(Some(evaluation.prevalence)).trim());
    row(text, evaluation, ("frame average precision", "frame_AP", evaluation.frame_ap), &chance);
    row(text, evaluation, ("frame equal error rate", "frame_EER", evaluation.frame_eer), "");
    row(text, evaluation, ("frame FPR at 95 % found", "frame_FPR95", evaluation.frame_fpr95), "");
}

/// Kinds of anomaly apart, where the data name them.
fn kind_block(text: &mut String, evaluation: &Evaluation) {
    let Some(kinds) = evaluation.by_kind.as_ref().filter(|kinds| !kinds.is_empty()) else { return };
    let _ = writeln!(text, "\nkinds of anomaly (frame AUROC against all normal frames)");
    for (kind, line) in kinds {
        let frames = format!("{} frames of {} clips", grouped(line.n_frames), line.n_clips);
        let reason = reason(evaluation, &format!("by_kind.{kind}.AUROC"));
        plain(text, kind, line.auroc, if reason.is_empty() { &frames } else { &reason });
    }
}

fn pixel_block(text: &mut String, evaluation: &Evaluation) {
    let masks = evaluation.n_mask_frames.map_or_else(|| "no masks".to_owned(), |frames| format!("{} frames with a mask", grouped(frames)));
    let _ = writeln!(text, "\npixels and regions ({masks})");
    let known = |value: Option<f64>, key: &str, remark: &str| match value {
        Some(_) => remark.to_owned(),
        None => reason(evaluation, key),
    };
    let pixels = [evaluation.pixel_auroc, evaluation.pixel_aupro, evaluation.ucsd40_auc, evaluation.ucsd40_eer];
    if pixels.iter().all(Option::is_none) {
        plain(text, "pixel metrics", None, &reason(evaluation, "pixel_AUROC"));
    } else {
        let bins = evaluation.pixel_bins.map_or_else(String::new, |bins| format!("on {} bins", grouped(bins)));
        plain(text, "pixel AUROC", pixels[0], &known(pixels[0], "pixel_AUROC", &bins));
        plain(text, "pixel AUPRO", pixels[1], &known(pixels[1], "pixel_AUPRO", "chance 15.0"));
        plain(text, "UCSD 40 % AUC", pixels[2], &known(pixels[2], "UCSD40_AUC", "flat maps get the frame's number"));
        plain(text, "UCSD 40 % EER", pixels[3], &known(pixels[3], "UCSD40_EER", ""));
    }
    let tracks = evaluation.tracks.as_ref().map_or_else(String::new, |tracks| format!("tracks: {tracks}"));
    if evaluation.rbdc.is_none() && evaluation.tbdc.is_none() {
        plain(text, "RBDC, TBDC", None, &reason(evaluation, "RBDC"));
        return;
    }
    plain(text, "RBDC", evaluation.rbdc, &known(evaluation.rbdc, "RBDC", &tracks));
    plain(text, "TBDC", evaluation.tbdc, &known(evaluation.tbdc, "TBDC", &tracks));
}

fn convention_block(text: &mut String, evaluation: &Evaluation) {
    let _ = writeln!(text, "\nhabits of the literature, NOT strict (frame AUROC)");
    let values = &evaluation.conventions;
    let blind = &evaluation.no_information;
    let counter = |value: Option<f64>| format!("a frame counter gets {}", percent(value).trim());
    let of = format!("{} of {} clips have both classes", values.n_clips_macro, evaluation.n_clips);
    plain(text, "mean over clips", values.frame_auroc_macro, &of);
    let padded = format!("a constant gets {}", percent(blind.constant.frame_auroc_macro_padded).trim());
    plain(text, "mean over padded clips", values.frame_auroc_macro_padded, &padded);
    plain(text, "clip min-max", values.frame_auroc_clip_minmax, &counter(blind.index.frame_auroc_clip_minmax));
    plain(text, "4 dropped, clip min-max", values.frame_auroc_drop4_clip_minmax, "");
    plain(text, "Gaussian σ 3", values.frame_auroc_gauss3, "uses 12 future frames");
    plain(text, "4 dropped, median 17", values.frame_auroc_drop4_median17, "uses 8 future frames");
    plain(text, "clip min-max, Gaussian", values.frame_auroc_clip_minmax_gauss3, "uses 12 future frames");
}

/// A line of the strict block.
fn row(text: &mut String, evaluation: &Evaluation, (name, key, value): (&str, &str, Option<f64>), remark: &str) {
    let interval = evaluation
        .interval(key)
        .map_or_else(String::new, |[low, high]| format!("[{}, {}]", percent(Some(low)).trim(), percent(Some(high)).trim()));
    let line = format!("  {name:<24}{}   {interval:<16}  {remark}", percent(value));
    let _ = writeln!(text, "{}", line.trim_end());
}

/// A line of the other blocks.
fn plain(text: &mut String, name: &str, value: Option<f64>, remark: &str) {
    let line = format!("  {name:<24}{}   {remark}", percent(value));
    let _ = writeln!(text, "{}", line.trim_end());
}

fn reason(evaluation: &Evaluation, key: &str) -> String {
    evaluation.null_reasons.get(key).cloned().unwrap_or_default()
}

/// Six characters.
fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| format!("{:>6}", "–"), |value| format!("{:6.1}", 100.0 * value))
}

/// 2010 → 2,010.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{ClipScores, Inputs, Options, Provenance, Selection, evaluate};

    fn text(labels: &[u8], provenance: Provenance) -> String {
        let clips = [ClipScores { name: "a", scores: &[0.1, 0.4, 0.4, 0.8], labels }];
        let inputs = Inputs { clips: &clips, masks: None, maps: None, detections: None, tracks: None };
        evaluation_text(&evaluate(inputs, provenance, Options { draws: 20, seed: 0 }).unwrap())
    }

    #[test]
    fn the_strict_number_comes_first_with_interval_and_floor() {
        let provenance = Provenance { selection: Some(Selection::Heldout), ..Provenance::default() };
        let text = text(&[0, 0, 1, 1], provenance);
        let strict = text.find("strict: raw scores").unwrap();
        assert!(strict < text.find("NOT strict").unwrap());
        let line = text.lines().find(|line| line.contains("frame AUROC (micro)")).unwrap();
        assert!(line.contains("87.5   [87.5, 87.5]"), "{line}");
        assert!(line.contains("100.0 (frame counter): not shown to beat the frame counter"), "{line}");
        assert!(text.contains("the data have no pixel masks"), "{text}");
    }

    #[test]
    fn unknown_is_a_dash_with_its_reason() {
        let text = text(&[0, 0, 0, 0], Provenance { selection: Some(Selection::Test), ..Provenance::default() });
        let line = text.lines().find(|line| line.contains("frame AUROC (micro)")).unwrap();
        assert!(line.contains('–') && line.contains("all 4 frames are normal"), "{line}");
        assert!(text.contains("not strict, because the model was chosen on the test set"));
        assert!(!text.contains("NaN"));
    }

    #[test]
    fn kinds_stand_apart_where_they_are_named() {
        let clips = [ClipScores { name: "a", scores: &[0.1, 0.4, 0.4, 0.8], labels: &[0, 0, 1, 1] }];
        let inputs = Inputs { clips: &clips, masks: None, maps: None, detections: None, tracks: None };
        let mut evaluation = evaluate(inputs, Provenance::default(), Options { draws: 20, seed: 0 }).unwrap();
        assert!(!evaluation_text(&evaluation).contains("kinds of anomaly"));
        evaluation.take_kinds(&clips, &[("a".to_owned(), "cart".to_owned())].into());
        let text = evaluation_text(&evaluation);
        let line = text.lines().find(|line| line.contains("cart")).unwrap();
        assert!(line.contains("87.5   2 frames of 1 clips"), "{line}");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([5, 2010, 1_234_567].map(grouped), ["5", "2,010", "1,234,567"]);
    }
}
