//! The part of the page about scores: a curve a clip, the ROC, the spread of both classes.

use super::input::{ClipResult, ReportInput};
use super::verdict::percent;
use crate::evaluate::{Evaluation, Ranking};
use crate::report::plot::{RocMark, ScoreCurve, histogram, roc, score_curve};
use maud::{Markup, PreEscaped, html};

/// Clips that get a curve of their own.
const CURVES: usize = 48;
/// Scores above this share of all are drawn on the edge if they would squeeze the rest.
const EDGE_SHARE: f64 = 0.998;

/// Score curves, ROC and histogram; nothing where there are no scores.
pub(super) fn section(input: &ReportInput) -> Markup {
    if input.clips.iter().all(|clip| clip.scores.is_empty()) {
        return html! {};
    }
    let range = range(input);
    html! {
        section {
            h2 { "Scores over time" }
            p.lead {
                "Each clip's calibrated score by frame or time: 0 is the median of normal footage, 1 one standard deviation above it (a deviation below 5 % of its |median| counts as those 5 %). "
                @if has_labels(input) { (key("truth-key", "anomalous by the labels")) }
                @if input.threshold.is_some() { (key("threshold-key", "alarm threshold")) (key("alarm-key", "alarm")) }
            }
            (curves(input, range))
        }
        @if has_labels(input) {
            section.pair {
                div { h2 { "ROC" } (roc_plot(input)) }
                div {
                    h2 { "Spread of scores" }
                    p.lead { "Shares of each class by score. " (key("normal-key", "normal")) (key("anomalous-key", "anomalous")) }
                    (spread(input, range))
                }
            }
        }
    }
}

/// A sample of a stroke or fill, with its meaning.
pub(super) fn key(class: &str, words: &str) -> Markup {
    html! { span.legend { span.key.(class) {} (words) } " " }
}

fn has_labels(input: &ReportInput) -> bool {
    input.clips.iter().any(|clip| clip.labels.is_some())
}

/// Lowest and highest score drawn, common to all clips: from the lowest (or the threshold) to a little above the bulk and the threshold.
fn range(input: &ReportInput) -> (f64, f64) {
    let mut scores: Vec<f64> = input.clips.iter().flat_map(|clip| &clip.scores).copied().filter(|score| score.is_finite()).collect();
    scores.sort_unstable_by(f64::total_cmp);
    let (Some(&low), Some(&high)) = (scores.first(), scores.last()) else { return (0.0, 1.0) };
    let bulk = scores[((scores.len() - 1) as f64 * EDGE_SHARE) as usize];
    let edge = low + 1.25 * (bulk - low);
    let threshold = input.threshold.filter(|value| value.is_finite());
    let top = threshold.map_or(high.min(edge), |threshold| high.min(edge).max(threshold));
    let low = threshold.map_or(low, |threshold| low.min(threshold));
    (low, top + 0.05 * (top - low).max(1e-9))
}

fn curves(input: &ReportInput, range: (f64, f64)) -> Markup {
    let stills = input.clips.iter().all(|clip| clip.scores.len() <= 1);
    let clips = if stills { vec![joined(&input.clips)] } else { input.clips.clone() };
    let shown = clips.iter().filter(|clip| !clip.scores.is_empty()).take(CURVES);
    html! {
        div.grid.(if clips.len() == 1 { "single" } else { "many" }) {
            @for clip in shown {
                figure {
                    figcaption { b { (clip.name) } @for note in &clip.notes { span.note { (note) } } }
                    (curve(clip, input.threshold, range, if clips.len() == 1 { 200 } else { 112 }))
                }
            }
        }
        @if clips.len() > CURVES { p.soft { "The first " (CURVES) " of " (clips.len()) " clips; the table below has all." } }
    }
}

/// Stills as one row of pictures.
fn joined(clips: &[ClipResult]) -> ClipResult {
    let labels = clips.iter().map(|clip| clip.labels.as_ref().and_then(|labels| labels.first().copied()));
    let alarms = clips.iter().map(|clip| clip.alarms.as_ref().and_then(|alarms| alarms.first().copied()));
    ClipResult {
        alarms: alarms.collect(),
        name: format!("{} pictures in order", clips.len()),
        scores: clips.iter().flat_map(|clip| clip.scores.iter().copied()).collect(),
        labels: labels.collect(),
        ..ClipResult::default()
    }
}

fn curve(clip: &ClipResult, threshold: Option<f64>, range: (f64, f64), height: u32) -> PreEscaped<String> {
    let fits = |length: usize| length == clip.scores.len();
    PreEscaped(
        score_curve(&ScoreCurve {
            clip: &clip.name,
            scores: &clip.scores,
            times: clip.times.as_deref().filter(|times| fits(times.len())),
            truth: clip.labels.as_deref().filter(|labels| fits(labels.len())),
            threshold,
            alarms: clip.alarms.as_deref().filter(|alarms| fits(alarms.len())),
            range,
            height,
        })
        .inline(),
    )
}

/// Scores and labels of all clips that have both.
fn pooled(input: &ReportInput) -> (Vec<f64>, Vec<u8>) {
    let labelled = input.clips.iter().filter_map(|clip| Some((clip, clip.labels.as_ref()?)));
    let pairs = labelled.flat_map(|(clip, labels)| clip.scores.iter().copied().zip(labels.iter().copied()));
    pairs.filter(|(score, _)| score.is_finite()).unzip()
}

fn roc_plot(input: &ReportInput) -> Markup {
    let (scores, labels) = pooled(input);
    let ranking = Ranking::new(&scores, &labels);
    if !ranking.has_both_classes() {
        return html! { p.soft { "Both classes are needed for a ROC curve; these labels hold one." } };
    }
    let vertices: Vec<(f64, f64)> = ranking.roc().iter().map(|vertex| (vertex.false_positive_rate, vertex.true_positive_rate)).collect();
    let marks = input.evaluation.as_ref().map(marks).unwrap_or_default();
    html! {
        p.lead { "All frames pooled; the dotted line is chance." }
        div.square { (PreEscaped(roc(&vertices, &marks, 300).inline())) }
    }
}

fn marks(evaluation: &Evaluation) -> Vec<RocMark> {
    let eer = evaluation.frame_eer.map(|rate| RocMark {
        false_positive_rate: rate,
        true_positive_rate: 1.0 - rate,
        words: format!("equal errors {} %", percent(rate)),
    });
    let fpr95 = evaluation.frame_fpr95.map(|rate| RocMark {
        false_positive_rate: rate,
        true_positive_rate: 0.95,
        words: format!("95 % found at {} %", percent(rate)),
    });
    eer.into_iter().chain(fpr95).collect()
}

fn spread(input: &ReportInput, range: (f64, f64)) -> PreEscaped<String> {
    let (scores, labels) = pooled(input);
    let of =
        |class: u8| -> Vec<f64> { scores.iter().zip(&labels).filter(|&(_, &label)| label == class).map(|(&score, _)| score).collect() };
    PreEscaped(histogram(&of(0), &of(1), range, input.threshold, 300).inline())
}
