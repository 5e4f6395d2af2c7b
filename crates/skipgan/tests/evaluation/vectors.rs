//! Every case of every vector file.

use crate::{Clip, assert_close, load, views};
use serde_json::Value;
use skipgan::evaluate::bootstrap::{ClipBootstrap, ClipDraws};
use skipgan::evaluate::conventions::{gauss3, median17, min_max};
use skipgan::evaluate::pixel::{EXACT_PIXELS, PixelMetrics, pixel_metrics};
use skipgan::evaluate::regions::{TrackTracer, region_metrics};
use skipgan::evaluate::split_mix::SplitMix64;
use skipgan::evaluate::{Detection, Evaluation, Inputs, Options, Provenance, TruthRegion, evaluate};
use skipgan::localise::{Bilinear, PixelBox, Plane, regions_above};
use std::convert::Infallible;

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap_or_else(|| panic!("not a number: {value}")),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    items(value).iter().map(number).collect()
}

fn clips_of(value: &Value) -> Vec<Clip> {
    let clip = |clip: &Value| Clip {
        name: clip["clip"].as_str().unwrap().to_owned(),
        scores: numbers(&clip["scores"]),
        labels: items(&clip["labels"]).iter().map(|label| label.as_u64().unwrap() as u8).collect(),
    };
    items(value).iter().map(clip).collect()
}

fn run(clips: &[Clip], draws: usize, seed: u64) -> Result<Evaluation, skipgan::evaluate::EvaluateError> {
    let inputs = Inputs { clips: &views(clips), masks: None, maps: None, detections: None, tracks: None };
    evaluate(inputs, Provenance::default(), Options { draws, seed })
}

/// Compares the keys of `expect` with the JSON of the report, where they stand at the top or under `conventions`.
fn assert_report(case: &str, report: &Evaluation, expect: &Value) {
    let json = serde_json::to_value(report).unwrap();
    for (key, expected) in expect.as_object().unwrap() {
        let found = json.get(key).or_else(|| json["conventions"].get(key)).unwrap_or_else(|| panic!("{case}: no key {key}"));
        assert_close(&format!("{case}: {key}"), found.as_f64(), expected.as_f64());
        let block = if json.get(key).is_some() { key.clone() } else { format!("conventions.{key}") };
        assert_eq!(found.is_null(), report.null_reasons.contains_key(&block), "{case}: reason for {block}");
    }
}

#[test]
fn frame_keys_and_errors() {
    let vectors = load("frame");
    let cases = items(&vectors["cases"]);
    assert_eq!(cases.len(), 29);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let result = run(&clips_of(&case["clips"]), 20, 0);
        match case["error"].as_str() {
            Some(code) => assert_eq!(result.expect_err(name).code(), code, "{name}"),
            None => assert_report(name, &result.unwrap(), &case["expect"]),
        }
    }
}

#[test]
fn no_information_scores_are_those_of_the_reference() {
    let vectors = load("frame");
    for (kind, case) in [("index", "no_information_index"), ("relative_position", "no_information_relative_position")] {
        let case = items(&vectors["cases"]).iter().find(|entry| entry["name"] == case).unwrap();
        let report = run(&clips_of(&case["clips"]), 20, 0).unwrap();
        let json = serde_json::to_value(&report).unwrap();
        for key in ["frame_AUROC_micro", "frame_AUROC_macro_padded", "frame_AUROC_clip_minmax"] {
            assert_close(key, json["no_information"][kind][key].as_f64(), case["expect"][key].as_f64());
        }
    }
}

#[test]
fn random_source_and_draws() {
    let vectors = load("bootstrap");
    let mut source = SplitMix64::new(0);
    for expected in items(&vectors["splitmix64_seed0_hex"]) {
        assert_eq!(format!("{:016x}", source.next_u64()), expected.as_str().unwrap());
    }
    let mut source = SplitMix64::new(1);
    for expected in items(&vectors["below_10_seed_1"]) {
        assert_eq!(source.below(10) as u64, expected.as_u64().unwrap());
    }
}

#[test]
fn bootstrap_draws_values_and_interval() {
    for case in items(&load("bootstrap")["cases"]) {
        let (seed, count) = (case["seed"].as_u64().unwrap(), case["B"].as_u64().unwrap() as usize);
        let clips = clips_of(&case["clips"]);
        let found = ClipBootstrap::run(&views(&clips), count, seed).unwrap();
        let expect = &case["expect"];
        assert_eq!(found.redraws, expect["redraws"].as_u64().unwrap());
        for (found, expected) in found.draws.iter().zip(items(&expect["draws"])) {
            let expected: Vec<usize> = items(expected).iter().map(|index| index.as_u64().unwrap() as usize).collect();
            assert_eq!(*found, expected);
        }
        for (found, expected) in found.values.iter().zip(numbers(&expect["values"])) {
            assert_close("draw", found.auroc, Some(expected));
        }
        let interval = found.interval(|metrics| metrics.auroc).unwrap();
        for (found, expected) in interval.iter().zip(numbers(&expect["ci95"])) {
            assert_close("interval", Some(*found), Some(expected));
        }
        assert_eq!(found.values.len(), count);
        if found.redraws == 0 {
            assert_eq!(ClipDraws::new(clips.len(), seed).draw(), found.draws[0]);
        }
    }
}

#[test]
fn real_scores_of_a_baseline_on_ped2_in_under_a_second() {
    let case = load("ped2_fdmax31");
    let clips = clips_of(&case["clips"]);
    let begin = std::time::Instant::now();
    let report = run(&clips, case["B"].as_u64().unwrap() as usize, case["seed"].as_u64().unwrap()).unwrap();
    println!("2,010 frames with 2,000 draws: {:?}", begin.elapsed());
    assert_report("ped2_fdmax31", &report, &case["expect"]);
    assert_eq!(report.bootstrap.redraws, case["expect_redraws"].as_u64());
    for (found, expected) in report.interval("frame_AUROC_micro").unwrap().iter().zip(numbers(&case["expect_ci95"])) {
        assert_close("ci95", Some(*found), Some(expected));
    }
    // EVALUATION §6: a clock gets 75 on Ped2.
    assert_close("floor", report.floor(), Some(0.749_496_292_174_006_4));
    assert_close("index", report.no_information.index.frame_auroc_micro, Some(0.741_457_081_746_5));
    assert_eq!(report.above_floor, Some(true));
    let padded = report.no_information.constant.frame_auroc_macro_padded.unwrap();
    assert!((padded - 0.685).abs() < 5e-4, "a constant gets 68.5 under the padded convention, found {padded}");
}

/// What a convention does to the scores of a clip.
type Transform = fn(&[f64]) -> Vec<f64>;

#[test]
fn transformations() {
    let vectors = load("smooth");
    let transforms: [(&str, Transform); 3] = [("gauss3", gauss3), ("median17", median17), ("minmax", min_max)];
    for (name, transform) in transforms {
        assert!(!items(&vectors[name]).is_empty());
        for case in items(&vectors[name]) {
            let (found, expected) = (transform(&numbers(&case["in"])), numbers(&case["out"]));
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(found, expected)| assert_close(name, Some(*found), Some(expected)));
        }
    }
}

fn plane(value: &Value) -> Plane<f64> {
    let rows: Vec<Vec<f64>> = items(value).iter().map(numbers).collect();
    Plane::new(rows.len(), rows[0].len(), rows.concat())
}

fn mask(value: &Value) -> Plane<u8> {
    let values = plane(value);
    Plane::new(values.height, values.width, values.values.iter().map(|&value| u8::from(value > 0.0)).collect())
}

fn pixels(case: &Value, exact: usize) -> PixelMetrics {
    let frames: Vec<_> = items(&case["maps"]).iter().map(plane).zip(items(&case["masks"]).iter().map(mask)).collect();
    let pass = |see: &mut dyn FnMut(&Plane<f64>, &Plane<u8>)| {
        frames.iter().for_each(|(map, mask)| see(map, mask));
        Ok::<(), Infallible>(())
    };
    pixel_metrics(pass, exact).unwrap()
}

#[test]
fn pixel_keys_exact_and_binned() {
    let vectors = load("pixel");
    let cases = items(&vectors["cases"]);
    assert_eq!(cases.len(), 19);
    for (case, exact) in cases.iter().flat_map(|case| [(case, EXACT_PIXELS), (case, 0)]) {
        let name = format!("{} (exact up to {exact} pixels)", case["name"]);
        let found = pixels(case, exact);
        let expect = &case["expect"];
        assert_close(&name, found.auroc, expect["pixel_AUROC"].as_f64());
        assert_close(&name, found.aupro, expect["pixel_AUPRO"].as_f64());
        assert_close(&name, found.ucsd40.auroc(), expect["UCSD40_AUC"].as_f64());
        assert_close(&name, found.ucsd40.equal_error_rate(), expect["UCSD40_EER"].as_f64());
        let values = numbers(&expect["UCSD40_values"]);
        assert_eq!(found.ucsd40_values.len(), values.len());
        found.ucsd40_values.iter().zip(values).for_each(|(found, expected)| assert_close(&name, Some(found.0), Some(expected)));
        assert!(found.bins.is_none_or(|bins| bins >= 1 << 18));
    }
}

#[test]
fn bilinear_resizes() {
    for case in items(&load("pixel")["bilinear"]) {
        let (source, expected) = (plane(&case["map"]), plane(&case["expect"]));
        let mut found = Plane::default();
        Bilinear::new((source.height, source.width), (expected.height, expected.width)).apply(&source, &mut found);
        assert!(found.same_size(&expected));
        found.values.iter().zip(expected.values).for_each(|(found, expected)| assert_close("bilinear", Some(*found), Some(expected)));
    }
}

fn pixel_box(values: &[Value]) -> PixelBox {
    let side = |at: usize| u32::try_from(values[at].as_u64().unwrap()).unwrap();
    PixelBox { x0: side(0), y0: side(1), x1: side(2), y1: side(3) }
}

#[test]
fn region_and_track_keys() {
    let vectors = load("regions");
    let cases = items(&vectors["cases"]);
    assert_eq!(cases.len(), 13);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let clip = |row: &Value| usize::from(row[0].as_str().unwrap().bytes().next_back().unwrap());
        let whole = |value: &Value| value.as_u64().unwrap() as usize;
        let truth = items(&case["truth"]).iter().map(|row| {
            let bounds = pixel_box(&items(row)[3..]);
            TruthRegion { clip: clip(row), track: whole(&row[1]), frame: whole(&row[2]), bounds }
        });
        let detections = items(&case["detections"]).iter().map(|row| {
            let bounds = pixel_box(&items(row)[2..]);
            Detection { clip: clip(row), frame: whole(&row[1]), bounds, score: number(&row[6]) }
        });
        let (truth, mut detections): (Vec<_>, Vec<_>) = (truth.collect(), detections.collect());
        for _ in 0..2 {
            let found = region_metrics(&truth, &detections, whole(&case["n_frames"]));
            assert_close(name, found.rbdc, case["expect"]["RBDC"].as_f64());
            assert_close(name, found.tbdc, case["expect"]["TBDC"].as_f64());
            detections.reverse(); // the order in the file decides nothing
        }
    }
}

#[test]
fn tracks_from_masks() {
    let case = &load("regions")["tracks_from_masks"];
    let mut tracer = TrackTracer::new();
    items(&case["masks"]).iter().enumerate().for_each(|(frame, values)| tracer.push(frame, &mask(values)));
    let (mut found, tracks) = tracer.finish(0);
    assert_eq!(tracks as u64, case["n_tracks"].as_u64().unwrap());
    let mut expected: Vec<(u64, usize, PixelBox)> = items(&case["boxes"])
        .iter()
        .map(|row| (row[0].as_u64().unwrap(), row[1].as_u64().unwrap() as usize, pixel_box(&items(row)[2..])))
        .collect();
    found.sort_by_key(|region| (region.frame, region.bounds));
    expected.sort_by_key(|region| (region.1, region.2));
    assert_eq!(found.len(), expected.len());
    let mut names = std::collections::BTreeMap::new();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!((found.frame, found.bounds), (expected.1, expected.2));
        assert_eq!(*names.entry(expected.0).or_insert(found.track), found.track, "track numbers may only be permuted");
    }
    let distinct: std::collections::BTreeSet<_> = names.values().collect();
    assert_eq!(distinct.len(), names.len());
}

#[test]
fn regions_from_a_map() {
    let case = &load("regions")["regions_from_map"];
    let found = regions_above(&plane(&case["map"]), number(&case["tau0"]));
    let expected = items(&case["regions"]);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((found.bounds, found.score), (pixel_box(items(expected)), number(&expected[4])));
    }
}
