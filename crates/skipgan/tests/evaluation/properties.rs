//! What must hold for any scores: invariances of the metrics, and what each convention hides.

use crate::{Clip, assert_close, views};
use proptest::prelude::*;
use skipgan::evaluate::conventions::{Conventions, macro_auroc, macro_padded, pooled};
use skipgan::evaluate::pixel::{EXACT_PIXELS, PixelMetrics, pixel_metrics};
use skipgan::evaluate::{FrameMetrics, Inputs, Options, Provenance, Ranking, evaluate};
use skipgan::localise::Plane;
use std::convert::Infallible;

/// Scores on a coarse grid, so that ties are common, with labels.
fn frames() -> impl Strategy<Value = Vec<(i8, u8)>> {
    prop::collection::vec((-12i8..12, 0u8..2), 2..60)
}

fn clips() -> impl Strategy<Value = Vec<Clip>> {
    prop::collection::vec(frames(), 1..6)
        .prop_map(|clips| clips.into_iter().enumerate().map(|(index, frames)| clip(index, &frames)).collect())
}

fn clip(index: usize, frames: &[(i8, u8)]) -> Clip {
    let (scores, labels) = frames.iter().map(|&(score, label)| (f64::from(score) / 4.0, label)).unzip();
    Clip { name: format!("c{index}"), scores, labels }
}

fn metrics(clip: &Clip) -> FrameMetrics {
    Ranking::new(&clip.scores, &clip.labels).metrics()
}

fn assert_same(what: &str, a: FrameMetrics, b: FrameMetrics) {
    assert_close(what, a.auroc, b.auroc);
    assert_close(what, a.average_precision, b.average_precision);
    assert_close(what, a.equal_error_rate, b.equal_error_rate);
    assert_close(what, a.false_positive_rate_95, b.false_positive_rate_95);
}

fn mapped(clip: &Clip, map: impl Fn(f64) -> f64) -> Clip {
    Clip { scores: clip.scores.iter().map(|&score| map(score)).collect(), ..clip.clone() }
}

/// One frame as a map and its mask.
fn pixels(frames: &[(Vec<f64>, Vec<u8>)], exact: usize) -> PixelMetrics {
    let planes: Vec<_> =
        frames.iter().map(|(map, mask)| (Plane::new(1, map.len(), map.clone()), Plane::new(1, mask.len(), mask.clone()))).collect();
    let pass = |see: &mut dyn FnMut(&Plane<f64>, &Plane<u8>)| {
        planes.iter().for_each(|(map, mask)| see(map, mask));
        Ok::<(), Infallible>(())
    };
    pixel_metrics(pass, exact).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rising_maps_change_nothing_and_negation_mirrors(frames in frames()) {
        let clip = clip(0, &frames);
        let before = metrics(&clip);
        assert_same("cube", metrics(&mapped(&clip, |score| score.powi(3))), before);
        assert_same("exp", metrics(&mapped(&clip, f64::exp)), before);
        let negated = mapped(&clip, |score| -score);
        assert_close("negated", metrics(&negated).auroc, before.auroc.map(|auroc| 1.0 - auroc));
        let swapped = Clip { labels: clip.labels.iter().map(|label| 1 - label).collect(), ..negated };
        assert_close("swapped AUROC", metrics(&swapped).auroc, before.auroc);
        assert_close("swapped EER", metrics(&swapped).equal_error_rate, before.equal_error_rate);
    }

    #[test]
    fn order_and_cuts_of_clips_change_no_pooled_number(clips in clips(), cut in 1usize..2) {
        let before = pooled(&views(&clips)).metrics();
        let mut reversed: Vec<Clip> = clips.clone();
        reversed.reverse();
        for clip in &mut reversed {
            clip.scores.reverse();
            clip.labels.reverse();
        }
        assert_same("reversed", pooled(&views(&reversed)).metrics(), before);
        let mut halves = clips.clone();
        let tail = Clip { name: "tail".to_owned(), scores: halves[0].scores.split_off(cut), labels: halves[0].labels.split_off(cut) };
        halves.push(tail);
        assert_same("cut", pooled(&views(&halves)).metrics(), before);
    }

    #[test]
    fn every_frame_twice_changes_no_rate(frames in frames()) {
        let twice: Vec<_> = frames.iter().flat_map(|&frame| [frame, frame]).collect();
        assert_same("twice", metrics(&clip(0, &twice)), metrics(&clip(0, &frames)));
    }

    #[test]
    fn a_low_normal_clip_never_harms(clips in clips(), length in 1usize..20) {
        let quiet = Clip { name: "quiet".to_owned(), scores: vec![-100.0; length], labels: vec![0; length] };
        let mut more = clips.clone();
        more.push(quiet);
        if let Some(before) = pooled(&views(&clips)).auroc() {
            prop_assert!(pooled(&views(&more)).auroc().unwrap() >= before - 1e-12);
        }
        assert_close("macro", macro_auroc(&views(&more)).0, macro_auroc(&views(&clips)).0);
        prop_assert!(macro_padded(&views(&more)) >= macro_padded(&views(&clips)).map(|before| before - 1e-12));
    }

    #[test]
    fn gain_and_offset_of_one_clip_are_hidden_by_min_max(clips in clips()) {
        let mut shifted = clips.clone();
        shifted[0] = mapped(&clips[0], |score| 4.0 * score + 64.0); // powers of two: exact, so ties stay ties
        let before = Conventions::measure(&views(&clips)).frame_auroc_clip_minmax;
        assert_close("min-max", Conventions::measure(&views(&shifted)).frame_auroc_clip_minmax, before);
    }

    #[test]
    fn rising_maps_change_no_pixel_number(frames in prop::collection::vec(frames(), 1..5)) {
        let planes = |map: fn(f64) -> f64| -> Vec<(Vec<f64>, Vec<u8>)> {
            frames.iter().map(|pixels| pixels.iter().map(|&(score, label)| (map(f64::from(score) / 4.0), label)).unzip()).collect()
        };
        let before = pixels(&planes(|score| score), EXACT_PIXELS);
        for (after, exact) in [(planes(f64::exp), EXACT_PIXELS), (planes(|score| score.powi(3)), 0), (planes(|score| score), 0)] {
            let after = pixels(&after, exact);
            assert_close("AUROC", after.auroc, before.auroc);
            assert_close("AUPRO", after.aupro, before.aupro);
            assert_close("UCSD40", after.ucsd40.auroc(), before.ucsd40.auroc());
            assert_close("UCSD40 EER", after.ucsd40.equal_error_rate(), before.ucsd40.equal_error_rate());
        }
    }

    #[test]
    fn flat_maps_turn_ucsd40_into_the_frame_number(frames in frames()) {
        let flat: Vec<_> = frames.iter().map(|&(score, label)| (vec![f64::from(score) / 4.0; 6], vec![0, 0, label, label, 0, 0])).collect();
        assert_close("fill trick", pixels(&flat, EXACT_PIXELS).ucsd40.auroc(), metrics(&clip(0, &frames)).auroc);
    }
}

#[test]
fn min_max_hides_what_the_pooled_number_shows() {
    let scores = [0.0, 1.0, 2.0, 3.0];
    let labels = vec![0, 0, 1, 1];
    let clip = |name: &str, offset: f64| Clip {
        name: name.to_owned(),
        scores: scores.iter().map(|score| score + offset).collect(),
        labels: labels.clone(),
    };
    let (alike, apart) = ([clip("a", 0.0), clip("b", 0.0)], [clip("a", 0.0), clip("b", 64.0)]);
    assert_eq!(Conventions::measure(&views(&apart)).frame_auroc_clip_minmax, Some(1.0));
    assert_eq!(pooled(&views(&alike)).auroc(), Some(1.0));
    assert_eq!(pooled(&views(&apart)).auroc(), Some(0.75));
}

/// Names of the JSON record are a contract: all of EVALUATION §5, in its order, then ours.
#[test]
fn the_report_has_every_key_and_a_reason_for_every_null() {
    let clips = [Clip { name: "a".to_owned(), scores: vec![0.1, 0.2], labels: vec![0, 0] }];
    let inputs = Inputs { clips: &views(&clips), masks: None, maps: None, detections: None, tracks: None };
    let report = evaluate(inputs, Provenance::default(), Options::default()).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "schema strict not_strict_because selection dataset label_source scores_sha256 model_sha256 program_version seed n_clips \
                    n_frames n_anomalous_frames prevalence n_frames_dropped frame_AUROC_micro ci95 bootstrap frame_AP frame_EER frame_FPR95 \
                    n_mask_frames pixel_bins pixel_AUROC pixel_AUPRO UCSD40_AUC UCSD40_EER RBDC TBDC tracks tau0 conventions no_information \
                     above_floor per_clip by_kind null_reasons alarms comparison";
    assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
    assert_reasons(&json, "", &report.null_reasons);
    assert!(!report.strict);
    let back: skipgan::evaluate::Evaluation = serde_json::from_value(json).unwrap();
    assert_eq!(back, report);
}

fn assert_reasons(value: &serde_json::Value, path: &str, reasons: &std::collections::BTreeMap<String, String>) {
    for (key, inner) in value.as_object().unwrap() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if inner.is_null() {
            assert!(reasons.contains_key(&path), "no reason for {path}");
        } else if inner.is_object() {
            assert_reasons(inner, &path, reasons);
        }
    }
}
